"""The log's picture measures gaps in spreads of the similarities, and draws every number that it offers."""

import json

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
RUN = {"active": [90, 40], "clipped": [0, 5], "gap": [-0.2, 0.1], "spread": [0.1, 0.2], "margins": [[1], [1]]}


def test_gap_in_spreads_and_the_reach_of_all_runs():
    code = f"const run = inSpreads({json.dumps(RUN)}); return [run.gap, reach({{ a: run }}, 'gap')]"
    gap, reach = run("log", code)
    assert gap == [-2, 0.5]
    assert reach == [-2, 0.5]


def test_every_number_that_can_be_chosen_is_in_a_run():
    assert set(run("log", "return Object.keys(NUMBERS)")) <= set(RUN)
