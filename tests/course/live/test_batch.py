"""The square of a batch counts what a batch in several processes, or in blocks, has."""

import json

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


def square(**chosen):
    given = f"const found = square({{ ...USUAL, ...{json.dumps(chosen)} }});"
    return run("batch", f"{given} return {{ ...found, owner: undefined }}")


@pytest.mark.parametrize(
    ("pairs", "processes", "seen"), [(8, 1, 56), (8, 2, 24), (12, 3, 36), (10, 4, 2 * (2 + 6))]
)
def test_apart_only_the_squares_on_the_diagonal_are_seen(pairs, processes, seen):
    assert square(pairs=pairs, processes=processes, how="apart")["count"] == seen


def test_gathered_all_is_seen_and_stands():
    found = square(pairs=8, processes=2, how="gathered")
    assert (found["count"], found["held"], found["found"]) == (56, 64, 8)


@pytest.mark.parametrize("block", [1, 3, 5])
def test_after_the_last_block_the_running_maximum_is_that_of_the_whole(block):
    last = square(pairs=8, how="in blocks", block=block, place=-(-8 // block))
    assert last["hardest"] == square(pairs=8, how="gathered")["hardest"]
    assert (last["count"], last["held"]) == (56, 8 * block)
    assert square(pairs=8, how="in blocks", block=block, place=1)["count"] == block * 7
