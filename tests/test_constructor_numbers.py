"""Numbers of everything that one builds: one that is none is a ValueError with its name, and soon."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from cmgsd_lite import baselines, losses, schedules
from cmgsd_lite.models import ModelConfig
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training import TrainingConfig

NONE = [math.nan, math.inf, -math.inf, 10**400, "five", "", [1]]
SMALL = {
    "kind": "mean-pool",
    "text_dim": 8,
    "expert_dims": {"rgb": 4},
    "start": 0.5,
    "end": 0.5,
    "value": 0.5,
}


def built():
    """Every class of losses, baselines and schedules, and the settings of models and trainings."""
    found = [TrainingConfig, ModelConfig]
    for module in (losses, baselines, schedules):
        found += [
            one for name, one in sorted(vars(module).items()) if inspect.isclass(one) and name[0] != "_"
        ]
    return [one for one in found if one.__module__.startswith("cmgsd_lite")]


def numbers():
    for one in built():
        for parameter in inspect.signature(one).parameters.values():
            words = str(parameter.annotation).replace("PointsOrRows", "").split(" | ")
            if {"int", "float"} & set(words):
                yield pytest.param(one, parameter, id=f"{one.__name__}-{parameter.name}")


@pytest.mark.parametrize(("one", "parameter"), numbers())
def test_what_is_no_number_is_refused_by_its_name(one, parameter):
    needed = [p.name for p in inspect.signature(one).parameters.values() if p.default is p.empty]
    given = {name: value for name, value in SMALL.items() if name in needed}
    for value in NONE:
        with pytest.raises(ValueError, match=parameter.name.replace("max_margin", "(max|min)_margin")):
            one(**{**given, parameter.name: value})


def test_there_are_numbers():
    assert len(list(numbers())) > 40


WHOLE = [
    (TrainingConfig, name) for name in ("epochs", "batch_size", "captions_per_video", "patience", "seed")
]
WHOLE += [(ModelConfig, name) for name in ("text_dim", "embed_dim", "hidden_dim", "layers", "heads")]


@pytest.mark.parametrize(("one", "name"), WHOLE)
@pytest.mark.parametrize("value", [-1, 1.5, 2.0, 10**12, 2**63])
def test_a_whole_number_out_of_range_names_its_range(one, name, value):
    needed = {key: SMALL[key] for key in ("kind", "text_dim", "expert_dims")} if one is ModelConfig else {}
    with pytest.raises(ValueError, match=rf"{name}: expected a whole number from \d to \d+, got {value}"):
        one(**{**needed, name: value})


OTHERS = [np.array, torch.tensor, lambda x: np.int64(x) if isinstance(x, int) else Fraction(x)]
OTHERS += [lambda x: np.int16(x) if isinstance(x, int) else np.float64(x)]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(("one", "parameter"), numbers())
def test_a_number_of_another_kind_is_stored_as_a_plain_one(one, parameter, other):
    needed = {k: v for k, v in SMALL.items() if k in inspect.signature(one).parameters}
    value = needed.get(parameter.name, parameter.default)
    if value is None or isinstance(value, bool | str) or not isinstance(value, int | float):
        value = 5 if "int" in str(parameter.annotation).split(" | ") else 0.5
    value = 0.5 if parameter.name in ("base", "start", "end") else value
    needed |= {"share": None, "gap": None} if parameter.name == "relative" else {}
    needed |= {"share": None} if parameter.name == "gap" else {}
    given, plain = (one(**{**needed, parameter.name: x}) for x in (other(value), value))
    for name, wanted in vars(plain).items():
        if isinstance(wanted, int | float) or name == parameter.name:
            stored = getattr(given, name)
            assert type(stored) is type(wanted), name
            assert stored == (pytest.approx(wanted, rel=1e-6) if isinstance(wanted, float) else wanted)


@pytest.mark.parametrize("threads", [0, -1, 1.5, 10**6, math.nan, "five"])
def test_threads_have_a_range(threads):
    with pytest.raises(ValueError, match="threads: expected a whole number from 1 to 1024"):
        set_threads(threads)
