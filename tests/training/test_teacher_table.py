"""The table of teachers: means over batches, and distances of different units added."""

import math

import pytest
import torch

from cmgsd_lite.evaluation.nearest import hinge_agreement
from cmgsd_lite.training.teacher_table import sum_of_standardised, table_row


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(20, 20, generator=generator), torch.rand(20, 20, generator=generator) < 0.1


def test_a_row_is_the_mean_over_batches():
    measured = [hinge_agreement(*batch(seed)) for seed in range(3)]
    row = table_row("mine", "low", measured)
    assert (row["name"], row["rate"]) == ("mine", "low")
    assert row["auc_video"] == pytest.approx(sum(m["auc_video"] for m in measured) / 3, abs=0.01)
    assert row["recall"]["4"] == pytest.approx(sum(m["recall"]["4"] for m in measured) / 3, abs=0.01)


def test_a_batch_without_false_negatives_does_not_count_for_what_it_lacks():
    d, false = batch(0)
    nothing = hinge_agreement(d, torch.zeros_like(false))
    assert math.isnan(nothing["auc_text"])
    some = hinge_agreement(d, false)
    row = table_row("mine", None, [nothing, some])
    assert row["auc_text"] == pytest.approx(some["auc_text"], abs=0.01)
    assert row["precision"]["1"] == pytest.approx(some["precision"]["1"] / 2, abs=0.01), "0 % of it was right"
    assert table_row("mine", None, [nothing])["recall"]["1"] is None


def test_distances_are_added_in_units_of_their_spread():
    d, e = batch(1)[0], batch(2)[0]
    found = sum_of_standardised(d, 100 * e + 7)
    torch.testing.assert_close(found, sum_of_standardised(d) + sum_of_standardised(e), atol=1e-4, rtol=0)
    outside = ~torch.eye(20, dtype=torch.bool)
    one = sum_of_standardised(d)[outside]
    assert one.mean().item() == pytest.approx(0, abs=1e-5)
    assert one.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    far = d.clone().fill_diagonal_(1e6)
    torch.testing.assert_close(sum_of_standardised(far)[outside], one)  # the positives are not looked at
