"""The player of logs: who is first at an epoch, and the best epoch so far."""

import json

import pytest

from cmgsd_lite.course.results import load_result
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
CURVES = {
    "low": {"loss": [1.0, 0.5, 0.1], "recall": [30.0, 31.0, 32.0]},
    "high": {"loss": [4.0, 3.0, 2.0], "recall": [29.0, 50.0, 50.0]},
}


def asked(what):
    return run("curves", f"const curves = {json.dumps(CURVES)}; return {what}")


@pytest.mark.parametrize(
    ("epoch", "loss", "recall"), [(0, "low", "low"), (1, "low", "high"), (2, "low", "high")]
)
def test_the_lowest_loss_is_not_the_highest_recall(epoch, loss, recall):
    assert asked(f"[lowest(curves, {epoch}), highest(curves, {epoch})]") == [loss, recall]


def test_of_equal_epochs_the_earliest_is_best():
    assert asked("[0, 1, 2].map(epoch => bestEpoch(curves.high.recall, epoch))") == [0, 1, 1]
    assert asked("[0, 1, 2].map(epoch => bestEpoch(curves.low.recall, epoch))") == [0, 1, 2]


def test_losses_are_drawn_relative_to_their_first_epoch():
    assert asked("KINDS[0][2](curves.high)") == [1, 0.75, 0.5]


def test_there_is_a_dash_for_each_of_the_chapters_curves():
    known = load_result("msrvtt-curves.json")["curves"]
    assert {"fixed-hardest", "fixed-mean", "fixed-smooth", "infonce", "cmgsd-4"} <= set(known)
    assert asked("DASHES.length") == 5
