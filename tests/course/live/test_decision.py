"""The decision plot: what one says at a common knob, and what one says when both are tuned."""

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


@pytest.mark.parametrize(
    ("scores", "place"), [([1, 3, 2], 1), ([2, 2, 1], 0), ([1, 2, 2], 1), ([5], 0), ([1, 2, 3], 2)]
)
def test_the_best_value_is_the_first_of_equals(scores, place):
    assert run("decision", f"return bestOf({scores})") == place


def test_at_a_common_knob_a_row_leads_that_loses_when_both_are_tuned():
    assert run("decision", "return verdict([111, 110, 104], [108, 110.5, 111.5], 0)") == {
        "same": 3,
        "tuned": -0.5,
    }


@pytest.mark.parametrize(("value", "text"), [(0.31, "+0.3"), (-0.31, "−0.3"), (0.04, "0.0"), (-0.04, "0.0")])
def test_a_difference_is_written_with_its_sign_unless_it_is_none(value, text):
    assert run("decision", f"return signed({value})") == text
