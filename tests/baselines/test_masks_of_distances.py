"""Masks made from ready, directed distances, and GISTEmbed's two margins: against loops over pairs."""

import math
from fractions import Fraction

import pytest
import torch

from cmgsd_lite.baselines import CaptionThresholdLoss, GuidedMaskLoss
from tests.baselines.test_baselines import BASES, masked
from tests.losses import slow_losses
from tests.losses.every import batch

IDS = [0, 1, 0, 2, 3, 3, 3, 4]
SOURCES = [
    {"distances": ["mine"]},
    {"distances": ["text", "mine"]},
    {"distances": ["mine"], "features": ["text_teacher"]},
    {"features": ["text_teacher", "video_teacher"]},
]
RULES = [
    {"share": 0.0},
    {"share": 0.02},
    {"share": 0.3},
    {"share": None, "gap": 0.0},
    {"share": None, "gap": 0.3},
    {"share": None, "relative": 0.0},
    {"share": None, "relative": 0.2},
]


def given_by(sources, seed):
    sim, everything = batch(seed=seed)
    given = {name: everything[name] for name in sources.get("features", ())}
    if "distances" in sources:
        given["distances"] = {name: everything["distances"][name] for name in sources["distances"]}
    return sim, given


def distances_of(given):
    """(distance matrix, whether ready) of every source."""
    ready = [(d.tolist(), True) for d in given.get("distances", {}).values()]
    features = [given[name].tolist() for name in ("text_teacher", "video_teacher") if name in given]
    n = 8
    cosines = [[[slow_losses.cosine_distance(x, i, j) for j in range(n)] for i in range(n)] for x in features]
    return [*ready, *((d, False) for d in cosines)]


def dropped_slowly(given, ids, share=None, gap=None, relative=None):
    """The rule in the docstring, pair by pair."""
    sources, n = distances_of(given), 8
    ids = list(range(n)) if ids is None else ids
    pairs = [(i, j) for i in range(n) for j in range(n) if ids[i] != ids[j]]
    everything = [*pairs, *((i, i) for i in range(n))]
    guide = dict.fromkeys(everything, 0.0)
    for d, _ in sources:
        mean = sum(d[i][j] for i, j in pairs) / len(pairs)
        std = math.sqrt(sum((d[i][j] - mean) ** 2 for i, j in pairs) / len(pairs)) + 1e-4
        for i, j in everything:
            standardised = share is not None and any(ready for _, ready in sources)
            value = -(d[i][j] - mean) / std if standardised else 1 - d[i][j]
            guide[i, j] += value / len(sources)

    def limit(i):
        if gap is not None:
            return guide[i, i] - gap
        if relative is not None:
            return guide[i, i] * (1 - relative)
        if not share:
            return math.inf
        highest = sorted((guide[pair] for pair in pairs), reverse=True)
        return highest[max(1, int(share * len(pairs) + 1e-9)) - 1]

    dropped = {
        (i, j)
        for i, j in pairs
        if guide[i, j] > limit(i) - 1e-6 or any(d[i][j] < 1e-6 for d, ready in sources if not ready)
    }
    lowest = min(guide[pair] for pair in pairs)
    return dropped if len(dropped) < len(pairs) else {p for p in pairs if guide[p] > lowest + 1e-6}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ids", [None, IDS])
@pytest.mark.parametrize("sources", SOURCES)
@pytest.mark.parametrize("rule", RULES)
def test_guided_mask_equals_the_loop(seed, ids, sources, rule):
    sim, given = given_by(sources, seed)
    expected = dropped_slowly(given, ids, **rule)
    loss = GuidedMaskLoss(**rule)
    found = loss.dropped(sim, **given, ids=ids)
    assert {tuple(pair) for pair in found.nonzero().tolist()} == expected
    for base in BASES:
        fast = GuidedMaskLoss(**rule, **base)(sim, **given, ids=ids)
        slow = masked(sim, lambda i, j: (i, j) in expected, ids, base)
        assert fast.item() == pytest.approx(slow, abs=1e-10)


def test_the_two_margins_are_gistembeds():
    """sentence-transformers masks scores above positive - margin, or above positive * (1 - margin)."""
    generator = torch.Generator().manual_seed(0)
    query, item = (torch.nn.functional.normalize(torch.randn(9, 4, generator=generator), dim=1) for _ in "qi")
    guide = query @ (query + item).T
    guide = guide / guide.abs().max()
    sim, own = torch.eye(9), guide.diagonal()[:, None]
    off = ~torch.eye(9, dtype=torch.bool)
    for margin in (0.3, 0.6):
        theirs = {"gap": guide > own - margin, "relative": guide > own * (1 - margin)}
        for name, above in theirs.items():
            mine = GuidedMaskLoss(None, **{name: margin}).dropped(sim, distances={"guide": 1 - guide})
            assert torch.equal(mine, above & off)
        assert not torch.equal(theirs["gap"], theirs["relative"])


@pytest.mark.parametrize("margin", [0.6, 0.9])
def test_for_features_the_two_margins_are_one(margin):
    sim, given = batch()
    teachers = {name: given[name] for name in ("text_teacher", "video_teacher")}
    absolute = GuidedMaskLoss(None, gap=margin).dropped(sim, **teachers)
    assert torch.equal(absolute, GuidedMaskLoss(None, relative=margin).dropped(sim, **teachers))
    assert absolute.any()


def test_entry_i_j_concerns_that_pair_in_both_directions_and_no_other():
    d = torch.ones(4, 4).fill_diagonal_(0.0)
    d[0, 2] = 0.1
    for loss in (GuidedMaskLoss(0.1), GuidedMaskLoss(None, gap=0.5), CaptionThresholdLoss(0.5)):
        assert loss.dropped(torch.eye(4), distances={"d": d}).nonzero().tolist() == [[0, 2]]
        sim = (torch.eye(4) * 0.5).requires_grad_()
        loss(sim, distances={"d": d}).backward()
        assert sim.grad[0, 2] == 0
        assert sim.grad[2, 0] != 0


def test_a_share_takes_any_unit_and_the_other_rules_refuse_what_is_no_similarity():
    sim, given = batch()
    d = given["distances"]["mine"]
    loss = GuidedMaskLoss(0.2)
    assert torch.equal(loss.dropped(sim, distances={"d": d}), loss.dropped(sim, distances={"d": 50 * d + 9}))
    for refusing in (GuidedMaskLoss(None, relative=0.1), CaptionThresholdLoss(0.5)):
        refusing.dropped(sim, distances={"d": 2 * d})
        for bad in (3 * d + 0.5, d - 1.0):
            with pytest.raises(ValueError, match=r"distances\['d'\]: expected 1 - similarity, in \[0, 2\]"):
                refusing(sim, distances={"d": bad})


def test_a_gap_is_in_the_unit_of_the_distance():
    sim, given = batch()
    d = given["distances"]["mine"]
    narrow, wide = GuidedMaskLoss(None, gap=0.1), GuidedMaskLoss(None, gap=1.0)
    assert torch.equal(narrow.dropped(sim, distances={"d": d}), wide.dropped(sim, distances={"d": 10 * d}))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ids", [None, IDS])
@pytest.mark.parametrize("base", BASES)
def test_caption_threshold_equals_the_loop(seed, ids, base):
    for sources in SOURCES[:3]:
        sim, given = given_by(sources, seed)
        mean = [
            [sum(d[i][j] for d, _ in distances_of(given)) / len(distances_of(given)) for j in range(8)]
            for i in range(8)
        ]
        near = [[i != j and 1 - mean[i][j] >= 0.5 for j in range(8)] for i in range(8)]
        slow = masked(sim, lambda i, j, near=near: near[i][j], ids, base)
        fast = CaptionThresholdLoss(0.5, **base)(sim, **given, video_teacher=torch.eye(8), ids=ids)
        assert fast.item() == pytest.approx(slow, abs=1e-10)


def test_features_of_zeros_are_alike_to_themselves_alone():
    x = torch.eye(4)
    x[3] = 0
    dropped = GuidedMaskLoss(None, gap=0.5).dropped(torch.eye(4), text_teacher=x)
    assert not dropped.any()


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: GuidedMaskLoss(0.1, relative=0.1), "exactly one"),
        (lambda: GuidedMaskLoss(None), "exactly one"),
        (lambda: GuidedMaskLoss(None, relative=1.5), "relative: expected a number"),
        (
            lambda: GuidedMaskLoss()(torch.eye(3), distances={"d": torch.eye(2)}),
            r"distances\['d'\]: expected shape",
        ),
        (
            lambda: CaptionThresholdLoss()(torch.eye(3), distances={"d": torch.full((3, 3), torch.inf)}),
            r"distances\['d'\]: expected finite",
        ),
        (lambda: CaptionThresholdLoss()(torch.eye(3), video_teacher=torch.eye(3)), "text_teacher, distances"),
    ],
)
def test_bad_input_is_named(build, match):
    with pytest.raises(ValueError, match=match):
        build()


@pytest.mark.parametrize("share", ["0.01", "0.02", "0.07", "0.29", "0.57"])
@pytest.mark.parametrize("n", [16, 25, 40])
def test_a_share_is_counted_exactly(share, n):
    d = torch.randperm(n * n, generator=torch.Generator().manual_seed(n)).view(n, n)
    exact = math.floor(Fraction(share) * n * (n - 1))
    assert GuidedMaskLoss(float(share)).dropped(torch.eye(n), distances={"d": d}).sum() == exact
