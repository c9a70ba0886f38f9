"""What the moving clips say of a reader's ticks and of R@1."""

import json

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


@pytest.mark.parametrize(
    ("kinds", "ticked", "said"),
    [
        (["own", "true", "not true"], [True, True, False], ["agree on 3 of 3", "a success"]),
        (["true", "own", "not true"], [True, False, True], ["agree on 1 of 3", "although", "in place 2"]),
        (["not true", "own"], [False, True], ["agree on 2 of 2", "and it is one", "in place 2"]),
        (["not true", "true"], [True, True], ["agree on 1 of 2", "not among these 2"]),
    ],
)
def test_comparison(kinds, ticked, said):
    found = [{"kind": kind} for kind in kinds]
    text = run("clips", f"return comparison({json.dumps(found)}, {json.dumps(ticked)})")
    assert [words for words in said if words not in text] == []
