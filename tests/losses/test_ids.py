"""Known positives: every way of writing the same ids gives the same loss, what are no ids is refused."""

import numpy as np
import pytest
import torch

from tests.losses.every import BUILDERS, batch

ALL = sorted(BUILDERS)
CODES = [0, 0, 1, 2, 3, 3, 4, 5]
SPELLINGS = {
    "ints": CODES,
    "strings": [f"video{code}" for code in CODES],
    "tuple": tuple(CODES),
    "numpy": np.array(CODES),
    "numpy strings": np.array([f"video{code}" for code in CODES]),
    "list of tensors": [torch.tensor(code) for code in CODES],
    "list of tensors of one": [torch.tensor([code]) for code in CODES],
    "list of numpy scalars": list(np.array(CODES)),
    "floats": torch.tensor(CODES, dtype=torch.float32),
}


def call(name, ids, dtype=torch.float64):
    sim, given = batch(dtype=dtype)
    return BUILDERS[name]()(sim, **{**given, "ids": ids})


@pytest.mark.parametrize("name", ALL)
def test_ids_are_told_by_value_however_they_are_written(name):
    expected = call(name, torch.tensor(CODES))
    for how, ids in SPELLINGS.items():
        assert torch.equal(call(name, ids), expected), how


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "ids",
    [CODES[:-1], 3, torch.tensor(3), [[0, 1]] * 8, np.zeros((8, 2)), torch.zeros(8, 2), [{}] * 8],
    ids=["too few", "a number", "a tensor of one", "lists", "numpy rows", "rows", "no names"],
)
def test_what_are_no_ids_is_refused_by_name(name, ids):
    with pytest.raises(ValueError, match="ids: expected"):
        call(name, ids)


@pytest.mark.parametrize("name", ["MaxMarginRankingLoss", "InfoNCELoss", "CMGSDLoss"])
def test_a_margin_is_as_exact_as_the_scores(name):
    alone = call(name, list(range(8)))
    assert torch.allclose(call(name, None), alone, rtol=0, atol=1e-15), "different ids are as none"


def test_a_constant_margin_changes_nothing_of_infonce_in_double_precision():
    sim, _ = batch()
    loss = BUILDERS["InfoNCELoss"]()
    constant = torch.full_like(sim, 0.2)
    assert torch.allclose(loss(sim, margin=constant), loss(sim), rtol=0, atol=1e-14)
