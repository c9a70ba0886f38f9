"""Losses in blocks: value and gradient of the whole matrix, without a matrix of N x N."""

import math
import warnings

import pytest
import torch
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cmgsd_lite.baselines import (
    AdaptiveMeanMarginLoss,
    MarginInfoNCELoss,
    PermutedMarginInfoNCELoss,
    SoftTargetLoss,
)
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss, base
from cmgsd_lite.losses.blocks import centre, engine
from cmgsd_lite.losses.blocks.distances import Cosines, Ready
from cmgsd_lite.losses.blocks.groups import Groups
from cmgsd_lite.losses.blocks.moments import moments
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from tests.losses.slow_losses import max_margin

N, D = 13, 5
REDUCTIONS = ["mean", "sum", "hardest", 1, 3, 50, "smooth"]
SETTINGS = {
    "dynamic": {"schedule": "dynamic", "beta": 0.03},
    "clipped": {"beta": 0.2, "fixed_weight": 0.25},
    "both bounds": {"beta": 0.2, "max_margin": 0.3},
    "reversed, none": {"beta": -0.1, "min_margin": None},
    "anchor": {"within": "anchor", "beta": 0.15},
    "each": {"scale": "each", "beta": 0.2, "fixed_weight": 0.1},
    "each anchor": {"scale": "each", "within": "anchor", "beta": 0.2},
    "summed": {"form": "summed", "beta": 0.2, "fixed_weight": 0.1},
    "summed anchor": {"form": "summed", "within": "anchor", "scale": "each"},
    "nearest": {"nearest": 0.3, "beta": 0.2},
    "nearest reversed": {"nearest": 0.3, "beta": -0.2, "max_margin": 0.3},
    "nearest anchor": {"nearest": 0.3, "within": "anchor", "beta": 0.1},
    "nearest each": {"nearest": 0.1, "scale": "each", "form": "summed"},
    "fixed alone": {"fixed_weight": 1.0},
}
INPUTS = {
    "dynamic": (),
    "teachers and ids": ("text_teacher", "video_teacher", "ids"),
    "ready": ("distances",),
    "all": ("text_teacher", "video_teacher", "distances", "ids"),
}


def batch(n=N, dtype=torch.float64, seed=0, duplicates=False):
    generator = torch.Generator().manual_seed(seed)
    names = ("text", "video", "text_teacher", "video_teacher")
    given = {name: torch.randn(n, D, generator=generator, dtype=torch.float64).to(dtype) for name in names}
    if duplicates:
        for x in given.values():
            x[[2, 3]], x[5:11] = x[0].clone(), x[4].clone()
    ready = {"mine": torch.rand(n, n, generator=generator, dtype=torch.float64).to(dtype)}
    return {**given, "distances": ready, "ids": [i // 2 if i < 7 else i for i in range(n)]}


def halves(seed):
    """Rows of halves, of length one: their products are exact, so that ties are ties in any block."""
    signs = torch.randint(2, (N, 4), generator=torch.Generator().manual_seed(seed))
    return signs.double() - 0.5


def cosines_by_row(text, video):
    return lambda rows: normalize(text, dim=1)[rows] @ normalize(video, dim=1).T


def value_and_gradients(loss, given, block, by_rows=False, **more):
    leaves = {name: given[name].clone().requires_grad_() for name in ("text", "video")}
    given = {**given, **leaves, **more}
    sim = cosines_by_row(**leaves) if by_rows else None
    if by_rows and "distances" in given:
        given["distances"] = {name: (lambda rows, d=d: d[rows]) for name, d in given["distances"].items()}
    value = loss(sim, block=block, **given)
    value.backward()
    return value.detach(), leaves["text"].grad, leaves["video"].grad


def assert_same(loss, given, blocks=(1, 4, N, 100), by_rows=(False, True), tolerance=1e-9, **more):
    whole = value_and_gradients(loss, given, None, **more)
    for rows in by_rows:
        for block in blocks:
            found = value_and_gradients(loss, given, block, rows, **more)
            torch.testing.assert_close(found, whole, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("with_ids", [False, True])
def test_a_fixed_margin(reduction, with_ids):
    given = batch()
    given = {name: given[name] for name in ["text", "video"] + ["ids"] * with_ids}
    assert_same(MaxMarginRankingLoss(reduction=reduction), given)
    assert_same(MaxMarginRankingLoss(reduction=reduction), given, blocks=[5], margin=0.05)
    assert_same(InfoNCELoss(0.1), given)


@pytest.mark.parametrize("reduction", ["mean", "hardest", 3, "smooth"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("inputs", INPUTS)
def test_margins_of_distances(reduction, settings, inputs):
    given = batch()
    given = {name: given[name] for name in ("text", "video", *INPUTS[inputs])}
    columns_needed = settings == "nearest anchor" and "distances" in given
    for build in (CMGSDLoss, PermutedCMGSDLoss):
        loss = build(reduction=reduction, **SETTINGS[settings])
        by_rows = (False,) if columns_needed else (False, True)
        assert_same(loss, given, blocks=(4,), by_rows=by_rows, progress=0.3)


@pytest.mark.parametrize("block", [1, 2, N - 1, N, N + 1])
@pytest.mark.parametrize("within", ["batch", "anchor"])
def test_blocks_of_any_size(block, within):
    loss = CMGSDLoss(reduction="smooth", within=within, beta=0.15)
    assert_same(loss, batch(), blocks=[block], progress=0.5)


@pytest.mark.parametrize("build", [MarginInfoNCELoss, PermutedMarginInfoNCELoss])
@pytest.mark.parametrize("settings", ["clipped", "anchor", "each", "nearest", "summed"])
def test_infonce_with_margins(build, settings):
    assert_same(build(**SETTINGS[settings]), batch(), blocks=(4, N), progress=0.4)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_single_precision(reduction):
    tolerance = 1e-5 * (100 if reduction == "sum" else 1)  # a sum over pairs
    for settings in ("clipped", "anchor", "each"):
        loss = CMGSDLoss(reduction=reduction, **SETTINGS[settings])
        assert_same(loss, batch(dtype=torch.float32), blocks=(4, N), tolerance=tolerance, progress=0.3)


def test_a_slow_loop_gives_the_same_value():
    given = batch()
    text, video = given["text"], given["video"]
    sim = (normalize(text, dim=1) @ normalize(video, dim=1).T).tolist()
    for reduction in REDUCTIONS:
        value = MaxMarginRankingLoss(reduction=reduction)(text=text, video=video, block=3)
        assert float(value) == pytest.approx(max_margin(sim, [[0.2] * N] * N, reduction), abs=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "hardest", "smooth"])
@pytest.mark.parametrize("settings", ["dynamic", "clipped", "anchor"])
def test_exact_ties_share_the_gradient_as_in_the_whole_loss(reduction, settings):
    given = {
        name: halves(seed) for seed, name in enumerate(("text", "video", "text_teacher", "video_teacher"))
    }
    for x in given.values():
        x[[2, 3]], x[5:11] = x[0].clone(), x[4].clone()
    assert_same(CMGSDLoss(reduction=reduction, **SETTINGS[settings]), given, progress=0.3)


def test_more_ties_than_are_noted():
    given = {"text": halves(0), "video": torch.full((N, 4), 0.5, dtype=torch.float64)}
    assert_same(MaxMarginRankingLoss(reduction="hardest"), given)


def test_ties_at_the_kth_place_leave_the_value():
    given = batch(duplicates=True)
    values = [
        MaxMarginRankingLoss(reduction=3)(text=given["text"], video=given["video"], block=b)
        for b in (None, 4)
    ]
    torch.testing.assert_close(*values)


def test_finite_differences():
    given = batch(6)
    loss = CMGSDLoss(reduction="smooth", schedule="static")

    def value(text, video, block):
        return loss(text=text, video=video, text_teacher=given["text_teacher"], block=block)

    def value_by_rows(text, video):
        return loss(cosines_by_row(text, video), text_teacher=given["text_teacher"], block=4)

    leaves = given["text"].requires_grad_(), given["video"].requires_grad_()
    assert torch.autograd.gradcheck(lambda t, v: value(t, v, 4), leaves)
    assert torch.autograd.gradcheck(value_by_rows, leaves)


class Largest(TorchDispatchMode):
    """Notes how large the largest tensor is that any operation makes."""

    numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        made = function(*arguments, **(named or {}))
        for x in tree_leaves(made):
            if isinstance(x, torch.Tensor) and x.layout == torch.strided:
                self.numbers = max(self.numbers, x.untyped_storage().nbytes() // x.element_size())
        return made


@pytest.mark.parametrize("reduction", ["mean", "hardest", 4, "smooth"])
@pytest.mark.parametrize("settings", ["clipped", "anchor", "each", "nearest", "summed"])
@pytest.mark.parametrize("by_rows", [False, True])
def test_no_matrix_stands_whole(reduction, settings, by_rows, monkeypatch):
    monkeypatch.setattr(centre, "FEW", 2000)
    given = batch(200)
    del given["distances"]
    loss = CMGSDLoss(reduction=reduction, **SETTINGS[settings])
    with Largest() as largest:
        value_and_gradients(loss, given, 8, by_rows, progress=0.3)
    # k hardest of 200 anchors and the histogram's 4096 bins are the largest besides blocks of 8 rows.
    assert largest.numbers <= max(200 * 8 * 4, centre.BINS) < 200 * 200 / 4


@pytest.mark.parametrize("few", [1, 20])
def test_a_rank_is_found_by_histograms(few, monkeypatch):
    monkeypatch.setattr(centre, "FEW", few)
    monkeypatch.setattr(centre, "BINS", 7)
    for given in (batch(), batch(duplicates=True)):
        del given["distances"]
        for share in (1e-6, 0.2, 0.5, 1.0):
            loss = CMGSDLoss(reduction="smooth", nearest=share, beta=0.1)
            assert_same(loss, given, blocks=[4], by_rows=[False], progress=0.3)


def test_a_bound_that_becomes_active_after_the_sample(monkeypatch):
    monkeypatch.setattr(centre, "SAMPLE", 2)
    shifted, recentre = [], engine.recentre
    monkeypatch.setattr(engine, "recentre", lambda *a: shifted.append(recentre(*a)))
    text, video = torch.randn(2, 40, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for x in (text, video):
        x[21] = x[20]  # the only pair near enough for the bound
    for reduction in ("mean", "hardest", "smooth"):
        loss = CMGSDLoss(reduction=reduction, schedule="dynamic", beta=0.1, min_margin=-0.25)
        assert_same(loss, {"text": text, "video": video}, blocks=[7], by_rows=[False, True])
    assert len(shifted) == 6


@pytest.mark.parametrize("within", ["batch", "text", "video"])
@pytest.mark.parametrize("ids", [None, [0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 0]])
def test_moments_of_cosines_and_of_ready_distances(within, ids):
    given = batch()
    units = [normalize(given[name], dim=1) for name in ("text", "video")]
    groups = Groups(torch.arange(N) if ids is None else torch.tensor(ids))
    negative = torch.ones(N, N).fill_diagonal_(0) if ids is None else groups.codes[:, None] != groups.codes
    dims = {"batch": (0, 1), "text": (1,), "video": (0,)}[within]
    whole = [cosine_distances(u) for u in units] + [given["distances"]["mine"]]
    count = negative.double().sum(dims, keepdim=True)
    means = [(d * negative).sum(dims, keepdim=True) / count for d in whole]
    apart = [(d - m) * negative for d, m in zip(whole, means, strict=True)]
    ready = [Ready("d", d, d, N) for d in whole]
    cosines = [Cosines(u) for u in units]
    for distances in (cosines, ready, [*cosines, ready[2]]):
        found = moments(distances, groups, within, block=4)
        for s in range(len(distances)):
            torch.testing.assert_close(found.mean[s], means[s])
            for t in range(len(distances)):
                covariance = (apart[s] * apart[t]).sum(dims, keepdim=True) / count
                torch.testing.assert_close(found.covariance[s, t], covariance)


def test_moments_of_nearly_equal_rows_keep_their_digits():
    unit = normalize(1 + 1e-2 * torch.randn(50, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    groups = Groups(torch.arange(50))
    single = moments([Cosines(unit)], groups, "batch", 8).covariance
    double = moments([Cosines(unit.double())], groups, "batch", 8).covariance
    torch.testing.assert_close(single, double, rtol=1e-3, atol=0)


def test_selected_sources_half_precision_and_autocast():
    given = batch(dtype=torch.bfloat16)
    given["distances"] = {"mine": given["distances"]["mine"].float()}
    loss = SelectedSourcesLoss(CMGSDLoss(reduction="mean"), ["text_static", "video_dynamic"])
    value, text, _ = value_and_gradients(loss, given, 4)
    whole, of_text, _ = value_and_gradients(loss, given, None)
    torch.testing.assert_close(value, whole)
    assert text.dtype == of_text.dtype == torch.bfloat16
    torch.testing.assert_close(text, of_text, atol=1e-3, rtol=1e-2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(value_and_gradients(loss, given, 4)[0], value)


def test_only_what_asks_for_a_gradient_gets_one():
    given = batch()
    text, video = given["text"].requires_grad_(), given["video"]
    for sim in (None, cosines_by_row(text, video)):
        CMGSDLoss(schedule="dynamic")(sim, text=text, video=video, block=4).backward()
    assert video.grad is None
    assert not CMGSDLoss(schedule="dynamic")(text=video, video=video, block=4).requires_grad
    assert not InfoNCELoss()(lambda rows: torch.eye(N)[rows], block=4).requires_grad


def test_parameters_behind_a_callable_get_their_gradient():
    given = batch()
    model = torch.nn.Linear(D, D).double()
    loss = MaxMarginRankingLoss(reduction="mean")
    gradients = []
    for whole in (True, False):
        model.zero_grad()
        text, video = model(given["text"]), model(given["video"])
        sim = (text @ video.T) / 10 if whole else (lambda rows, t=text, v=video: (t[rows] @ v.T) / 10)
        loss(sim, block=None if whole else 4).backward()
        gradients.append(model.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[1])


def test_large_batches_without_sim_go_in_blocks_by_themselves(monkeypatch):
    monkeypatch.setattr(base, "IN_BLOCKS_FROM", N)
    given = batch()
    calls = []
    monkeypatch.setattr(
        MaxMarginRankingLoss, "in_blocks", lambda self, scores, given: calls.append(scores.block)
    )
    loss = MaxMarginRankingLoss()
    loss(text=given["text"], video=given["video"])
    assert calls == [N // 2]
    loss(text=given["text"][1:], video=given["video"][1:])
    loss(given["text"] @ given["video"].T / 10)
    loss(text=given["text"], video=given["video"], margin=torch.zeros(N, N))
    AdaptiveMeanMarginLoss()(text=given["text"], video=given["video"])
    assert calls == [N // 2]


def test_a_permuted_callable_is_asked_by_row_numbers():
    given, asked = batch(), []

    def rows(which):
        asked.append(which)
        return given["distances"]["mine"][which]

    loss = PermutedCMGSDLoss(schedule="static")
    loss(text=given["text"], video=given["video"], distances={"mine": rows}, block=4, progress=0.1)
    assert all(isinstance(which, torch.Tensor) for which in asked)
    assert sorted(torch.cat(asked[:4]).tolist()) == list(range(N))


def test_scores_beyond_cosines_are_warned_of_once():
    loss = MaxMarginRankingLoss()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            loss(lambda rows: 20 * torch.eye(4)[rows], block=2)
    assert "sim: expected cosines" in str(caught[0].message)
    assert [w.filename for w in caught] == [__file__]


GIVEN = batch()
NARROW = {"a": lambda rows: torch.eye(2)}
READY = {"a": lambda rows: torch.eye(N)[rows]}
WRONG = [
    (CMGSDLoss(), {"block": 0}, "block: expected None or a number of rows >= 1, got 0"),
    (CMGSDLoss(), {"block": 2.0}, "block: expected None or a number of rows >= 1, got 2.0"),
    (CMGSDLoss(), {"block": True}, "block: .*got True"),
    (CMGSDLoss(), {"sim": torch.eye(N), "block": 2}, "block: expected None with a whole sim"),
    (CMGSDLoss(), {"video": None, "block": 2}, "sim: expected text and video"),
    (CMGSDLoss(), {"video": GIVEN["video"][1:], "block": 2}, r"video: expected \[13, D\]"),
    (CMGSDLoss(), {"video": GIVEN["video"].float(), "block": 2}, r"video: expected .*float64 like text"),
    (CMGSDLoss(), {"text": GIVEN["text"] * math.nan, "block": 2}, "text: expected finite"),
    (CMGSDLoss(), {"text_teacher": GIVEN["text"] * math.inf, "block": 2}, "text_teacher: expected finite"),
    (CMGSDLoss(), {"ids": [1] * N, "block": 2}, "ids: expected at least two different ids"),
    (CMGSDLoss(detach=False), {"block": 2}, "block: .*detach=False"),
    (CMGSDLoss(), {"progress": 2.0, "block": 2}, "progress: expected"),
    (CMGSDLoss(), {"sim": lambda rows: torch.eye(N)[rows][:, 1:]}, r"text: expected \[12, D\]"),
    (CMGSDLoss(), {"sim": lambda rows: torch.eye(N)}, r"sim: expected \[1, 13\]"),
    (CMGSDLoss(), {"sim": lambda rows: None}, "sim: expected a callable that returns a tensor"),
    (InfoNCELoss(), {"sim": lambda rows: torch.eye(N)[rows] / 0}, "sim: expected finite"),
    (CMGSDLoss(), {"distances": NARROW, "block": 2}, r"distances\['a'\]: expected \[2, 13\]"),
    (CMGSDLoss(), {"distances": READY}, r"distances\['a'\]: expected a tensor"),
    (CMGSDLoss(nearest=0.1, within="anchor"), {"distances": READY, "block": 2}, "whole columns"),
    (MaxMarginRankingLoss(), {"margin": torch.eye(N), "block": 2}, "block: .*margin is one number"),
    (InfoNCELoss(learnable=True), {"block": 2}, "block: .*learnable"),
    (InfoNCELoss(positives="share"), {"block": 2}, "block: .*targets"),
    (SoftTargetLoss(), {"text_teacher": GIVEN["text"], "block": 2}, "block: .*targets"),
    (AdaptiveMeanMarginLoss(), {"block": 2}, "block: expected None, because AdaptiveMeanMarginLoss"),
    (CMGSDLoss(), {"text": GIVEN["text"][:1], "video": GIVEN["video"][:1], "block": 2}, "N >= 2"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "wrong", "match"), WRONG, ids=[match for *_, match in WRONG])
def test_what_is_wrong_is_named(loss, wrong, match):
    given = {"text": GIVEN["text"], "video": GIVEN["video"], **wrong}
    with pytest.raises(ValueError, match=match):
        loss(**{name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("by_rows", [False, True])
def test_a_second_derivative_is_refused(by_rows):
    text, video = GIVEN["text"].clone().requires_grad_(), GIVEN["video"]
    sim = cosines_by_row(text, video) if by_rows else None
    value = MaxMarginRankingLoss()(sim, text=text, video=video, block=4)
    with pytest.raises(ValueError, match="block: expected no create_graph=True"):
        torch.autograd.grad(value, text, create_graph=True)
