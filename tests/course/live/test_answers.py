"""The two answers side by side: the shares of the push are those that the chapter prints."""

import json

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


@pytest.mark.parametrize(
    ("pushes", "shares"),
    [
        ([[-3, 2, 0], [1, -2, 0], [0, 1, -1]], [[0, 50, 0], [25, 0, 0], [0, 25, 0]]),
        ([[-1, 0], [0, -1]], [[0, 0], [0, 0]]),
        ([[-1, 3], [-2, -1]], [[0, 100], [0, 0]]),  # what is pulled together takes no share
    ],
)
def test_shares_of_the_push_apart(pushes, shares):
    assert run("answers", f"return sharesOf({json.dumps(pushes)})") == shares
