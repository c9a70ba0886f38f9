"""The frame that is drawn is the one asked for, on one scale."""

import json

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
FRAMES = [
    {
        "shares": {"cosine": [[0, top], [1, 1], [0, 0]], "own": [[0, 5], [1, 1], [0, 0]]},
        "order": {"FN above TN": 50 + top, "own above FN": 55},
    }
    for top in (10, 40)
]
DATA = {"ranges": {"cosine": [-1, 1], "own": [-4, 6]}, "losses": {"mean": FRAMES, "smooth": FRAMES[:1]}}


def frame(**chosen):
    return run(
        "distributions", f"return chosenFrame({json.dumps(DATA)}, {{ ...USUAL, ...{json.dumps(chosen)} }})"
    )


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, ("mean", "cosine", 0)),
        ({"loss": "mean", "view": "cosine", "epoch": 1}, ("mean", "cosine", 1)),
        ({"loss": "smooth", "epoch": 7}, ("smooth", "cosine", 0)),
        ({"loss": "nonsense", "view": "metres", "epoch": -3}, ("mean", "cosine", 0)),
    ],
)
def test_what_is_asked_for_or_what_there_is(chosen, found):
    drawn = frame(**chosen)
    assert (drawn["loss"], drawn["view"], drawn["epoch"]) == found


def test_one_scale_for_all_losses_and_epochs():
    assert run("distributions", f"return highest({json.dumps(DATA)}, 'cosine')") == 40


def test_the_words_say_floor_and_number():
    said = run(
        "distributions", f"return saidOf(chosenFrame({json.dumps(DATA)}, {{ loss: 'mean', epoch: 1 }}))"
    )
    assert "mean, after 1 epoch." in said
    assert "90 of 100 cases (chance: 50)" in said
