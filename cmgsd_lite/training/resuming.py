"""Whether a checkpoint belongs to the training that is to go on: the same settings and the same data."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Collection, Hashable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from cmgsd_lite.errors import DataError
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.training.checkpoint_checks import Damage, checked_moments, checked_tensors
from cmgsd_lite.training.checkpoints import load_checkpoint, settings_of
from cmgsd_lite.training.conditions import ADDED
from cmgsd_lite.training.config import TrainingConfig
from cmgsd_lite.training.data_location import data_of
from cmgsd_lite.training.devices import Precision
from cmgsd_lite.training.digests import digest
from cmgsd_lite.training.prepare import PreparedSplit

LOCATION = ("data", "data_from_here")
SPELLING = (*LOCATION, "protocol", "queries", "max_tokens", "held_out")
"""What ``about`` says of where the data came from: two spellings of one data set have one digest."""


def data_digest(
    train: PreparedSplit, validation: PreparedSplit | None, ids: Sequence[Hashable] | None = None
) -> dict[str, str]:
    """Digest what a training depends on: videos, captions, features, in their order, and known positives.

    The static teachers are made of these and are not digested: their last bit may differ between machines.
    The names are those of what was digested: ``"train videos"``, ``"train captions"``, ``"train features of
    rgb"``, and likewise for validation.
    """
    found = {}
    for part, split in (("train", train), ("validation", validation)):
        if split is None:
            continue
        found[f"{part} videos"] = digest(map(repr, split.video_ids))
        found[f"{part} captions"] = split.caption_digest or digest([split.text, split.video_of_text])
        for name, values in split.features.items():
            found[f"{part} features of {name}"] = digest([values, split.masks[name]])
    if ids is not None:
        found["known positives (ids)"] = digest(map(repr, ids))
    return found


def check_resumable(
    path: Path,
    model: RetrievalModel,
    config: TrainingConfig,
    about: dict[str, Any],
    data: dict[str, str],
    precision: Precision = "float32",
    teachers: Collection[str] | None = None,
    loss: nn.Module | None = None,
) -> dict[str, Any]:
    """Read a checkpoint that a training is to go on from; what is in it fits model, loss and optimizer.

    ``about``, ``data`` (from ``data_digest``), ``precision`` and the names of ``teachers`` are those of the
    training, whose device may be another one; without a ``loss`` what a loss learned is not looked at. Raises
    DataError that says which settings, data or learned parameters are others. A checkpoint of before digests
    goes on with a warning, if all else and the folder of its data are the same.
    """
    saved = load_checkpoint(path)
    if "optimizer" not in saved:
        raise DataError(f"{path}: expected a checkpoint of a running training, found a finished model")
    _check_data(path, about, saved, data)
    if saved["model_config"] != settings_of(model):
        raise DataError(f"{path}: expected a model of {other(settings_of(model), saved['model_config'])}")
    settings = {**asdict(config), "precision": precision, "teacher": list(teachers or ())}
    there = {"precision": "float32", "teacher": [], **saved["training"]}  # older files say neither
    there |= {name: saved[name] for name in ("precision", "teacher") if name in saved}
    if there != settings:
        raise DataError(f"{path}: expected the settings {other(settings, there)}")
    wanted, found = dict(about), dict(saved["about"])
    if isinstance(found.get("loss"), dict):
        found["loss"] = {**ADDED, **found["loss"]}
    if "data" in wanted and "data" in found:
        for key in SPELLING if "digest" in saved else LOCATION:
            wanted.pop(key, None)
            found.pop(key, None)
    if found != wanted:
        raise DataError(f"{path}: expected a training of {other(wanted, found)}")
    if loss is None:
        return saved
    try:
        saved["loss"] = _checked_loss(path, loss, saved["loss"])
        parameters = [*model.parameters(), *loss.parameters()]
        saved["optimizer"] = {**saved["optimizer"], "state": checked_moments(saved["optimizer"], parameters)}
    except Damage as error:
        raise DataError(f"{path}: expected a training that can go on, found {error}") from error
    return saved


def _checked_loss(path: Path, loss: nn.Module, saved: dict[str, Any]) -> dict[str, Any]:
    """What a loss has learned; of its other state it must say itself whether it can be taken up."""
    here, there = (
        {name: value for name, value in state.items() if not str(name).endswith("_extra_state")}
        for state in (loss.state_dict(), saved)
    )
    if sorted(here) != sorted(there, key=str):
        raise DataError(
            f"{path}: expected a loss with parameters {sorted(here)}, found one with {sorted(there, key=str)}"
        )
    checked = {**saved, **checked_tensors("loss", {name: there[name] for name in here}, here)}
    try:
        copy.deepcopy(loss).load_state_dict(checked)
    except Exception as error:  # of anybody's own loss
        raise Damage(f"state that the loss does not take ({' '.join(str(error).split())})") from error
    return checked


def other(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """Say what two sets of settings differ in, in words that follow "expected"."""
    keys = [key for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
    pairs = [", ".join(f"{key} = {side.get(key)!r}" for key in keys) for side in (wanted, found)]
    return f"{pairs[0]}, found {pairs[1]}"


def _check_data(path: Path, about: dict[str, Any], saved: dict[str, Any], data: dict[str, str]) -> None:
    if "digest" in saved:
        found = saved["digest"]
        other = [key for key in {**data, **found} if data.get(key) != found.get(key)]
        if other:
            raise DataError(
                f"{path}: expected the data that its training began on, found other {', '.join(other)}; "
                "train anew with another --out"
            )
        return
    if "data" in about and "data" in saved["about"]:
        # Without a digest the folder must be the same one, however it is spelled.
        try:
            here, there = (Path(data_of(one, path)).resolve() for one in (about, saved["about"]))
        except DataError:
            raise DataError(
                f"{path}: holds neither a digest of its data nor a way to its folder, so that it can not be "
                "told whether the data is the same; train anew with another --out"
            ) from None
        if here != there:
            raise DataError(
                f"{path}: expected a training on {about['data']}, found one on another folder, and no digest "
                "of its data to compare"
            )
    warnings.warn(
        f"{path.name}: holds no digest of its data; whether that has changed since can not be checked",
        stacklevel=2,
    )
