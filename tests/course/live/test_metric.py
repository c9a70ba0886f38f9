"""The four ways to compute R@1 in the moving picture do what numpy and the package do."""

import json

import numpy as np
import pytest

from cmgsd_lite import metrics
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
inf, nan = np.inf, np.nan


def common(sim):
    with np.errstate(invalid="ignore"):
        places = np.where(np.sort(-sim, axis=1) - np.diag(-sim)[:, None] == 0)[1]
    return 100 * np.sum(places == 0) / len(places)


def argsort(sim):
    return 100 * np.mean(np.argsort(-sim, axis=1, kind="stable")[:, 0] == np.arange(len(sim)))


def optimistic(sim):
    return 100 * np.mean([(row > row[i]).sum() == 0 for i, row in enumerate(sim)])


def cases():
    generator = np.random.default_rng(0)
    yield from (generator.integers(0, 4, (4, 4)) / 10 for _ in range(6))
    yield np.array([[0.9, 0.1], [nan, nan]])
    yield np.array([[0.9, nan, 0.2], [nan, 0.5, 0.9], [inf, 0, inf]])
    yield np.array([[1.0, 0.0], [0.0, -inf]])


@pytest.mark.parametrize("sim", list(cases()))
def test_four_codes(sim):
    given = json.dumps(sim.tolist())
    found = run("metric", f"const sim = {given}; return Object.values(CODES).map(code => code(sim))")
    assert found[:3] == pytest.approx([common(sim), argsort(sim), optimistic(sim)])
    if np.isfinite(sim).all():
        assert found[3] == metrics.retrieval_metrics(sim)["t2v"]["R@1"]
        ranks = run("metric", f"return {given}.map(tieAveragedRank)")
        assert ranks == metrics.ranks(sim).tolist()
    else:
        assert found[3] is None, "refused"


@pytest.mark.parametrize(
    ("typed", "value"),
    [("0.5", 0.5), ("−,5", -0.5), (" 1 ", 1), ("inf", "Infinity"), ("-INF", "-Infinity"), ("nan", "NaN")],
)
def test_numbers_are_read(typed, value):
    assert run("metric", f"return String(number({json.dumps(typed)}))") == str(value)
