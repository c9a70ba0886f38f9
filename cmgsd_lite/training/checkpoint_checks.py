"""Is a checkpoint what it says? Keys, types, shapes, layout and finiteness of all that is taken out of it.

Nothing here trusts the file: a tensor may have the wrong shape, or the right one over a single number of
memory (stride 0), which an optimizer's fused kernel would write outside of. What passes is copied.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training.config import TrainingConfig

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of a parameter."""
MANY = 1_000_000
"""Plain values in one part of a checkpoint: a history of 10,000 epochs has a quarter of it."""
RUNNING = ("optimizer", "loss", "history", "best", "training")
"""What is in the checkpoint of a running training, and not in that of a finished model."""


SHARED = 12
"""How often lists, tuples and dicts may be used again, all together; we write each value anew."""
_NAMES = re.compile(r"torch(\.\w+)* \w+|collections OrderedDict")
_PUTS, _GETS = ({f"{kind}{name}" for kind in ("", "BIN", "LONG_BIN")} for name in ("PUT", "GET"))
_CONTAINERS = {*("EMPTY_DICT", "EMPTY_LIST", "DICT", "LIST"), *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")}


class Damage(ValueError):
    """What was found in a file in place of a checkpoint."""


def check_pickle(raw: bytes) -> None:
    """Look at the instructions that torch would follow before it does.

    Raises Damage if they name other things than torch's, or use a list, tuple or dict again and again: sixty
    in one another, each of them twice, would be walked through for years.
    """
    before, containers, again = "", set[Any](), 0
    for count, (code, argument, _) in enumerate(pickletools.genops(raw)):
        if count > 4 * MANY:
            raise Damage(f"more than {MANY} values")
        if code.name == "GLOBAL" and not _NAMES.fullmatch(str(argument)):
            raise Damage(f"a file that names {str(argument)[:40]!r}")
        if code.name in _PUTS and before in _CONTAINERS:
            containers.add(argument)
        again += code.name in _GETS and argument in containers or code.name == "DUP"
        if again > SHARED:
            raise Damage("the same values in very many places")
        before = code.name


def is_finite(value: Any) -> bool:
    """Whether a tensor has no NaN and no infinity; anything else has none."""
    return not isinstance(value, Tensor) or bool(torch.isfinite(value).all())


def checked_content(content: dict[str, Any]) -> dict[str, Any]:
    """Check the structure of a checkpoint, for which the file alone is needed; tensors come back copied.

    Raises Damage on what it should not have, in words.
    """
    content = dict(content)
    for name in ("model_config", "model", "about"):
        _expect(content.get(name), dict, name)
    for name in ("model_config", "about", "digest", "precision", "teacher"):
        _check_plain(content.get(name), name)
    _expect(content.get("digest", {}), dict, "digest")
    expected = _model_of(content["model_config"], len(content["model"]))
    content["model"] = checked_tensors("model", content["model"], expected)
    if any(name in content for name in RUNNING):
        _check_training(content, expected)
    return content


def checked_tensors(name: str, found: Any, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return contiguous copies of saved tensors by name, if they fit those that they are to replace.

    Raises Damage if names, types, shapes or layouts differ from ``expected`` (tensors of any device; other
    values are not looked at), or a number is not finite.
    """
    _expect(found, dict, name)
    if list(map(repr, found)) != list(map(repr, expected)):
        other = sorted({*map(repr, found)} ^ {*map(repr, expected)})[:3]
        raise Damage(f"a {name} with other entries ({', '.join(other)[:200] or 'another order'})")
    return {
        key: _checked_tensor(f"{name}[{key!r}]", found[key], one) if isinstance(one, Tensor) else found[key]
        for key, one in expected.items()
    }


def _checked_tensor(name: str, found: Any, expected: Tensor) -> Tensor:
    """Return a contiguous copy of one tensor of the expected dtype and shape; see ``checked_tensors``."""
    if not isinstance(found, Tensor):
        raise Damage(f"{type(found).__name__} as {name} instead of a tensor")
    plain = found.layout is torch.strided and not found.is_quantized and found.device.type == "cpu"
    if not plain or found.dtype != expected.dtype or found.shape != expected.shape:
        raise Damage(
            f"a tensor of {found.dtype}, {list(found.shape)}, {found.layout} as {name} instead of "
            f"{expected.dtype}, {list(expected.shape)}"
        )
    copied = found.detach().clone(memory_format=torch.contiguous_format)
    if not is_finite(copied):
        raise Damage(f"NaN or infinity in {name}")
    return copied


def checked_moments(
    optimizer: Mapping[str, Any], parameters: Iterable[Tensor]
) -> dict[int, dict[str, Tensor]]:
    """Return what AdamW has kept of parameters, by their number in its order; none without a gradient.

    Raises Damage if it is not the state of these parameters.
    """
    state: Any = optimizer.get("state")
    _expect(state, dict, "optimizer['state']")
    _expect(optimizer.get("param_groups"), list, "optimizer['param_groups']")
    wanted = list(parameters)
    known = {name for name in state if type(name) is int and 0 <= name < len(wanted)}
    if len(known) != len(state):
        raise Damage(f"an optimizer of {len(state)} parameters instead of {len(wanted)}")
    checked = {}
    for number, moments in state.items():
        like = {"step": torch.zeros(()), "exp_avg": wanted[number], "exp_avg_sq": wanted[number]}
        name = f"optimizer['state'][{number}]"
        _expect(moments, dict, name)
        ordered = {key: moments[key] for key in MOMENTS if key in moments}
        one = checked_tensors(name, ordered | moments, like)
        if float(one["step"]) < 1 or bool((one["exp_avg_sq"] < 0).any()):
            raise Damage(f"steps below 1 or squares below 0 in {name}")
        checked[number] = one
    return checked


def _check_training(content: dict[str, Any], model: Mapping[str, Tensor]) -> None:
    missing = [name for name in RUNNING if name not in content]
    if missing:
        raise Damage(f"a running training without {', '.join(missing)}")
    for name in ("optimizer", "loss", "best", "training"):
        _expect(content[name], dict, name)
    _check_plain(content["training"], "training")
    try:
        config = TrainingConfig(**content["training"])
    except (TypeError, ValueError) as error:
        raise Damage(f"settings of no training ({error})") from error
    history: list[Any] = content["history"]
    best = dict(content["best"])
    _check_plain(history, "history")
    _expect(history, list, "history")
    if not 1 <= len(history) <= config.epochs:
        raise Damage(f"a history of {len(history)} epochs in a training of {config.epochs}")
    for number, record in enumerate(history, start=1):
        _expect(record, dict, f"epoch {number}")
        if record.get("epoch") != number or not _is_number(record.get("loss")):
            raise Damage(f"a history whose record {number} is not that of epoch {number}")
    epoch, score = best.get("epoch"), best.get("score")
    if type(epoch) is not int or not 1 <= epoch <= len(history):
        raise Damage(f"{told(epoch)} as best epoch instead of 1 to {len(history)}")
    if not (_is_number(score) or score == -math.inf):  # without validation every epoch is the best so far
        raise Damage(f"{told(score)} as best score instead of a number")
    best["model"] = checked_tensors("best['model']", best.get("model"), model)
    content["best"] = best


def _model_of(settings: dict[str, Any], entries: int) -> dict[str, Tensor]:
    """Names, dtypes and shapes of a model's weights, without their memory."""
    try:
        config = ModelConfig(**settings)
        if max(config.layers if config.kind == "transformer" else 1, len(config.expert_dims)) > entries:
            raise ValueError(f"more layers or experts than the {entries} tensors of its weights")
        with torch.device("meta"):
            return dict(build_model(config).state_dict())
    except Exception as error:  # whatever a model's parts say of numbers that are none
        raise Damage(f"settings of no model ({' '.join(str(error).split())[:200]})") from error


def _check_plain(value: Any, name: str) -> None:
    """Plain values, finite numbers, not more of them than there is a use for; in a loop, for any depth."""
    left: list[Any] = [value]
    count = 0
    while left:
        one = left.pop()
        count += 1
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            left += one
        elif one is not None and type(one) not in (str, bool, int, float):
            raise Damage(f"{type(one).__name__} in {name} instead of plain values")
        elif isinstance(one, float) and not math.isfinite(one):
            raise Damage(f"{one} in {name} instead of a finite number")
        if count + len(left) > MANY:
            raise Damage(f"more than {MANY} values in {name}")


def told(value: Any) -> str:
    """A value in a message: a number or a text itself, of anything else what it is."""
    return repr(value)[:40] if isinstance(value, int | float | str | None) else type(value).__name__


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _expect(value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        raise Damage(f"{type(value).__name__} as {name!r} instead of a {kind.__name__}")
