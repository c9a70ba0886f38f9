"""Losses against loops over pairs, against autograd by hand, and under every kind of bad input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss, ranking_hinge
from cmgsd_lite.margins import combined_margin
from cmgsd_lite.schedules import Constant, LinearRamp
from cmgsd_lite.similarity import cosine_similarity_matrix
from tests.losses import slow_losses

REDUCTIONS = ["mean", "sum", "hardest", "smooth", 1, 3, 100]
SOURCES = ("text_teacher", "video_teacher", "text", "video")


def batch(n, seed=0, d=6, dtype=torch.float64):
    """Scores and the four kinds of embeddings; duplicates and ties for even seeds."""
    generator = torch.Generator().manual_seed(seed)
    x = {name: torch.randn(n, d, generator=generator, dtype=dtype) for name in SOURCES}
    if seed % 2 == 0 and n > 2:
        for features in x.values():
            features[1] = features[0]
    sim = cosine_similarity_matrix(x["text"], x["video"])
    return (sim.mul(10).round() / 10 if seed % 3 == 0 else sim), x


def random_margin(n, seed, removed=0.0):
    generator = torch.Generator().manual_seed(seed + 1000)
    margin = torch.rand(n, n, generator=generator, dtype=torch.float64) * 0.4
    return margin.masked_fill(torch.rand(n, n, generator=generator) < removed, -math.inf)


def as_matrix(margin, n):
    return margin.tolist() if isinstance(margin, torch.Tensor) else [[margin] * n for _ in range(n)]


@pytest.mark.parametrize("n", [2, 3, 5, 12])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("kind", ["number", "matrix", "removed", "ids"])
def test_max_margin_equals_the_loop(n, seed, reduction, kind):
    sim, _ = batch(n, seed)
    margin = 0.2 if kind == "number" else random_margin(n, seed, removed=0.4 if kind == "removed" else 0.0)
    ids = [0, *range(n - 1)] if kind == "ids" and n > 2 else None
    fast = MaxMarginRankingLoss(0.7, reduction)(sim, margin=margin, ids=ids)
    slow = slow_losses.max_margin(sim.tolist(), as_matrix(margin, n), reduction, ids)
    assert fast.item() == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 9])
@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize("kind", ["none", "matrix", "removed", "ids"])
def test_info_nce_equals_the_loop(n, seed, kind):
    sim, _ = batch(n, seed)
    margin = None if kind == "none" else random_margin(n, seed, removed=0.4 if kind == "removed" else 0.0)
    ids = [0, *range(n - 1)] if kind == "ids" and n > 2 else None
    fast = InfoNCELoss(0.05)(sim, margin=margin, ids=ids)
    slow = slow_losses.info_nce(sim.tolist(), as_matrix(0.0 if margin is None else margin, n), 0.05, ids)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "hardest", "smooth", 2])
@pytest.mark.parametrize("form", ["averaged", "summed"])
@pytest.mark.parametrize("fixed_weight", [0.0, 0.3])
@pytest.mark.parametrize("nearest", [None, 0.3])
@pytest.mark.parametrize("scale", ["combined", "each"])
@pytest.mark.parametrize("within", ["batch", "anchor"])
def test_cmgsd_equals_the_loop(n, seed, reduction, form, fixed_weight, nearest, scale, within):
    sim, x = batch(n, seed)
    kinds = {"nearest": nearest, "scale": scale, "within": within}
    beta = 0.07 if seed else 0.15  # the larger one is clipped
    loss = CMGSDLoss(0.2, beta, reduction, form, fixed_weight, schedule=0.25, **kinds)
    ids = [0, *range(n - 1)] if seed and n > 2 else None
    share = 1 - fixed_weight
    weights = {"fixed": fixed_weight, "text_teacher": share * 0.375, "video_teacher": share * 0.375}
    weights |= {"text": share * 0.125, "video": share * 0.125}
    settings_ = {"margin": 0.2, "beta": beta, "form": form, "reduction": reduction, **kinds}
    slow = slow_losses.cmgsd(sim.tolist(), {k: v.tolist() for k, v in x.items()}, weights, settings_, ids)
    assert loss(sim, **x, ids=ids).item() == pytest.approx(slow, abs=1e-9)


def test_ranking_hinge_by_hand():
    sim = torch.tensor([[0.9, 0.8], [0.1, 0.5]])
    text_to_video, video_to_text = ranking_hinge(sim, torch.tensor([[9.0, 0.3], [0.7, 9.0]]))
    torch.testing.assert_close(text_to_video, torch.tensor([[0.0, 0.2], [0.3, 0.0]]))
    torch.testing.assert_close(video_to_text, torch.tensor([[0.0, 0.6], [0.0, 0.0]]))


@given(st.integers(2, 9), st.integers(0, 1000))
@settings(max_examples=25)
def test_the_two_directions_are_each_other_transposed(n, seed):
    sim, _ = batch(n, seed)
    margin = random_margin(n, seed)
    text_to_video, video_to_text = ranking_hinge(sim, margin)
    swapped_v2t, swapped_t2v = ranking_hinge(sim.T, margin.T)
    assert torch.equal(text_to_video, swapped_t2v.T)
    assert torch.equal(video_to_text, swapped_v2t.T)
    for reduction in REDUCTIONS:
        loss = MaxMarginRankingLoss(reduction=reduction)
        torch.testing.assert_close(loss(sim, margin=margin), loss(sim.T, margin=margin.T))


def cmgsd_losses():
    for form in ("averaged", "summed"):
        for reduction in REDUCTIONS:
            yield CMGSDLoss(beta=0.05, reduction=reduction, form=form)


def test_identity_beta_zero_is_the_fixed_margin():
    sim, x = batch(7, 1)
    for loss in cmgsd_losses():
        plain = MaxMarginRankingLoss(0.2, loss.ranking.reduction)(sim)
        flat = CMGSDLoss(0.2, 0.0, loss.ranking.reduction, loss.form)(sim, **x, progress=0.4)
        torch.testing.assert_close(flat, plain, rtol=0, atol=1e-12)


def test_identity_equal_distances_are_the_fixed_margin():
    sim, _ = batch(6, 1, dtype=torch.float32)
    same = torch.ones(6, 4)
    for loss in cmgsd_losses():
        plain = MaxMarginRankingLoss(0.2, loss.ranking.reduction)(sim)
        pairs = 60 if loss.ranking.reduction == "sum" else 1
        assert abs(loss(sim, text_teacher=same, video=same) - plain) < 1e-4 * pairs


def test_identity_lambda_zero_has_no_dynamic_term_and_lambda_one_no_static_one():
    sim, x = batch(7, 1)
    other = {name: features.flip(0).roll(1, 1) for name, features in x.items()}
    for loss in cmgsd_losses():
        early, late = loss(sim, **x, progress=0.1), loss(sim, **x, progress=0.7)
        static = {name: x[name] for name in SOURCES[:2]}
        dynamic = {name: x[name] for name in SOURCES[2:]}
        assert torch.equal(early, loss(sim, **static, text=other["text"], video=other["video"], progress=0.1))
        assert torch.equal(late, loss(sim, **dynamic, text_teacher=other["text"], progress=0.7))
        assert not torch.equal(early, late)


@pytest.mark.parametrize("seed", [1, 2])
def test_identity_permuting_the_batch_changes_nothing(seed):
    sim, x = batch(9, seed)
    has_ties = seed == 2  # which of several equal ones is among the k largest is anyone's choice
    ids = [0, 0, 1, 2, 3, 4, 5, 6, 7]
    order = torch.randperm(9, generator=torch.Generator().manual_seed(5))
    moved = {name: features[order] for name, features in x.items()}
    for loss in cmgsd_losses():
        for names in (None, ids):
            sim_a = sim.clone().requires_grad_()
            loss_a = loss(sim_a, **x, ids=names)
            names_b = None if names is None else [names[i] for i in order]
            loss_b = loss(sim_a[order][:, order], **moved, ids=names_b)
            torch.testing.assert_close(loss_a, loss_b)
            if has_ties and isinstance(loss.ranking.reduction, int):
                continue
            (gradient_a,), (gradient_b,) = (torch.autograd.grad(value, sim_a) for value in (loss_a, loss_b))
            torch.testing.assert_close(gradient_a, gradient_b)


def test_progress_none_gives_teachers_and_model_equal_weight():
    sim, x = batch(6, 1)
    ramp = CMGSDLoss(reduction="mean", schedule=LinearRamp(0.2, 0.6))
    half = CMGSDLoss(reduction="mean", schedule=0.5)
    torch.testing.assert_close(ramp(sim, **x), half(sim, **x))
    torch.testing.assert_close(ramp(sim, **x), ramp(sim, **x, progress=0.4))


def test_a_source_without_input_is_dropped_and_the_rest_renormalised():
    sim, x = batch(6, 1)
    ramp = CMGSDLoss(reduction="mean")
    both = {"text": x["text"], "video": x["video"]}
    dynamic = CMGSDLoss(reduction="mean", schedule="dynamic")
    torch.testing.assert_close(
        ramp(sim, **both, progress=0.0), dynamic(sim, **both)
    )  # no teacher: lambda = 1
    each = CMGSDLoss(scale="each")
    margins = each.margins(sim, text=x["text"], text_teacher=x["text_teacher"], progress=0.3)
    assert sorted(margins) == ["combined", "text_dynamic", "text_static"]
    expected = 0.75 * margins["text_static"] + 0.25 * margins["text_dynamic"]
    torch.testing.assert_close(margins["combined"], expected)


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.3, 0.4, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.05, 0.3])
def test_the_margins_mean_is_alpha_and_their_spread_beta_at_every_lambda(progress, beta):
    sim, x = batch(40, 1)
    off = ~torch.eye(40, dtype=torch.bool)
    loss = CMGSDLoss(0.2, beta, min_margin=None)
    margins = loss.margins(sim, **x, progress=progress)["combined"][off]
    assert margins.mean().item() == pytest.approx(0.2, abs=1e-12)
    assert margins.std(correction=0).item() == pytest.approx(beta, rel=2e-3)  # but for eps
    clipped = CMGSDLoss(0.2, beta).margins(sim, **x, progress=progress)["combined"][off]
    assert clipped.mean().item() == pytest.approx(0.2, abs=1e-12)
    assert clipped.min() >= 0
    assert bool((clipped == 0).any()) is (beta == 0.3)
    # The older rule: an average of z-scores is less spread, and clipping raises the mean.
    each = CMGSDLoss(0.2, beta, scale="each").margins(sim, **x, progress=progress)["combined"][off]
    assert each.std(correction=0) < 0.9 * beta
    if beta == 0.3:
        assert each.mean() > 0.22


def test_one_source_alone_has_its_own_margin():
    sim, x = batch(9, 3)
    for settings_ in ({}, {"nearest": 0.2}, {"beta": 0.4}, {"within": "anchor"}):
        margins = CMGSDLoss(schedule="dynamic", **settings_).margins(sim, text=x["text"])
        for name in list(margins):
            if name.startswith("text"):
                other = name.replace("text_dynamic", "combined")
                torch.testing.assert_close(margins[name], margins[other], rtol=0, atol=1e-12)


def test_within_an_anchor_every_anchor_has_mean_alpha_and_spread_beta():
    sim, x = batch(20, 2)
    margins = CMGSDLoss(0.2, 0.05, schedule=0.5, within="anchor", min_margin=None).margins(sim, **x)
    both = [margins["combined_text_to_video"], margins["combined_video_to_text"].T]
    for matrix in both:
        off = matrix[~torch.eye(20, dtype=torch.bool)].view(20, 19)
        torch.testing.assert_close(off.mean(1), torch.full((20,), 0.2, dtype=off.dtype))
        torch.testing.assert_close(
            off.std(1, correction=0), torch.full((20,), 0.05, dtype=off.dtype), rtol=3e-3, atol=0
        )
    # Both control matrices are shuffled alike: text and video distances are symmetric, and stay so.
    control = PermutedCMGSDLoss(0.2, 0.05, schedule=0.5, within="anchor", seed=3).margins(sim, **x)
    torch.testing.assert_close(
        control["combined_text_to_video"], control["combined_video_to_text"].T, rtol=0, atol=1e-12
    )
    assert not torch.equal(control["combined_text_to_video"], margins["combined_text_to_video"])


def test_bounds_that_do_not_hold_alpha_are_refused():
    with pytest.raises(ValueError, match=r"min_margin: expected at most the mean margin 0.1, got 0.15"):
        CMGSDLoss(0.1, min_margin=0.15)
    with pytest.raises(ValueError, match=r"max_margin: expected at least the mean margin 0.2, got 0.1"):
        CMGSDLoss(0.2, max_margin=0.1)
    CMGSDLoss(0.1, min_margin=0.15, scale="each")
    for name in ("scale", "within"):
        with pytest.raises(ValueError, match=f"{name}: expected"):
            CMGSDLoss(**{name: "other"})


def test_a_schedule_whose_only_source_is_missing_is_an_error():
    sim, x = batch(4, 1)
    with pytest.raises(
        ValueError, match="text_teacher, video_teacher, distances: expected at least one of them"
    ):
        CMGSDLoss(schedule="static")(sim, text=x["text"])
    with pytest.raises(ValueError, match="text, video: expected at least one of them"):
        CMGSDLoss(schedule="dynamic")(sim, text_teacher=x["text"])
    with pytest.raises(
        ValueError, match="text_teacher, video_teacher, distances, text, video: expected at least one of them"
    ):
        CMGSDLoss()(sim)


def test_margins_are_what_the_loss_uses():
    sim, x = batch(8, 1)
    for reduction in REDUCTIONS:
        loss = CMGSDLoss(reduction=reduction, fixed_weight=0.2)
        margins = loss.margins(sim, **x, progress=0.3)
        assert set(margins) == {"text_static", "video_static", "text_dynamic", "video_dynamic", "combined"}
        for margin in margins.values():
            torch.testing.assert_close(margin.diagonal(), torch.full((8,), 0.2, dtype=torch.float64))
        by_hand = MaxMarginRankingLoss(reduction=reduction)(sim, margin=margins["combined"])
        torch.testing.assert_close(loss(sim, **x, progress=0.3), by_hand)


@pytest.mark.parametrize(
    "settings_", [{}, {"within": "anchor"}, {"nearest": 0.3}, {"beta": 0.3}, {"fixed_weight": 0.3}]
)
@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("narrow", [torch.float32, torch.bfloat16, torch.float64])
def test_combined_margins_are_those_of_the_distances_one_by_one(settings_, with_ids, narrow):
    sim, x = batch(9, seed=2)
    x["text"][3] = 0.0  # a row of no direction
    x["text_teacher"] = 1e3 * x["text_teacher"].to(narrow)
    ready = {"mine": torch.rand(9, 9, generator=torch.Generator().manual_seed(1))}
    ids = torch.arange(9) // 2 if with_ids else None
    loss = CMGSDLoss(schedule=0.3, **settings_)
    found = loss.margins(sim, **x, distances=ready, ids=ids)
    negatives = None if ids is None else ids[:, None] != ids
    distances = [cosine_distances(x[name]) for name in SOURCES]
    share = {"text_teacher": 0.7 / 3, "video_teacher": 0.7 / 3, "text": 0.15, "video": 0.15}
    whole = 1 - loss.fixed_weight
    ends = {"_text_to_video": "text", "_video_to_text": "video"} if loss.within == "anchor" else {"": "batch"}
    for end, within in ends.items():
        expected = combined_margin(
            [*distances, ready["mine"]],
            [*share.values(), 0.7 / 3],
            0.2,
            whole * loss.beta,
            negatives=negatives,
            within=within,
            nearest=loss.nearest,
        )
        tolerance = 1e-12 if narrow == torch.float64 else 1e-6
        torch.testing.assert_close(found[f"combined{end}"], expected.double(), rtol=0, atol=tolerance)


def test_rows_too_long_to_be_squared_have_no_direction():
    sim, x = batch(6, 1, dtype=torch.float32)
    long, zero = x["text"].clone(), x["text"].clone()
    long[2], zero[2] = 1e25, 0.0
    loss = CMGSDLoss(schedule="dynamic")
    torch.testing.assert_close(loss(sim, text=long), loss(sim, text=zero))


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("reduction", ["mean", "sum", "hardest", "smooth", 2])
def test_gradients_against_finite_differences(n, reduction):
    sim, x = batch(n, seed=1)
    sim.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: MaxMarginRankingLoss(0.2, reduction)(s), sim)
    assert torch.autograd.gradcheck(lambda s: CMGSDLoss(reduction=reduction)(s, **x), sim)
    assert torch.autograd.gradcheck(lambda s: InfoNCELoss()(s, margin=random_margin(n, 1)), sim)


@pytest.mark.parametrize("form", ["averaged", "summed"])
def test_gradient_through_the_margin_against_finite_differences(form):
    sim, x = batch(5, seed=1)
    inputs = [x[name].requires_grad_() for name in SOURCES]
    loss = CMGSDLoss(beta=0.05, reduction="smooth", form=form, detach=False, min_margin=None)

    def of_sources(*features):
        return loss(sim, **dict(zip(SOURCES, features, strict=True)))

    assert torch.autograd.gradcheck(of_sources, inputs)


def test_detached_margins_send_no_gradient_to_their_sources():
    sim, x = batch(5, 1)
    sim.requires_grad_()
    for features in x.values():
        features.requires_grad_()
    loss = CMGSDLoss(reduction="mean")(sim, **x)
    gradients = torch.autograd.grad(loss, list(x.values()), allow_unused=True)
    assert all(gradient is None for gradient in gradients)
    undetached = CMGSDLoss(reduction="mean", detach=False)(sim, **x)
    gradients = torch.autograd.grad(undetached, list(x.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_inactive_pairs_and_the_diagonal_by_hand():
    # Only (text 0, video 1) violates: its negative rises, text 0's positive falls by one half each.
    sim = torch.tensor([[0.5, 0.4], [-0.9, 0.9]], requires_grad=True)
    MaxMarginRankingLoss(0.2, "hardest")(sim).backward()
    torch.testing.assert_close(sim.grad, torch.tensor([[-0.25, 0.25], [0.0, 0.0]]))


def test_ties_for_the_hardest_negative_share_the_gradient():
    sim = torch.tensor([[0.5, 0.4, 0.4], [-1.0, 0.9, -1.0], [-1.0, -1.0, 0.9]], requires_grad=True)
    MaxMarginRankingLoss(0.2, "hardest")(sim).backward()
    assert sim.grad[0, 1] == sim.grad[0, 2] > 0


def test_inputs_are_never_changed():
    sim, x = batch(6, 1)
    before = [sim.clone(), *(features.clone() for features in x.values())]
    margin = random_margin(6, 0, removed=0.3)
    kept = margin.clone()
    ids = torch.tensor([0, 0, 1, 2, 3, 4])
    for loss in cmgsd_losses():
        loss(sim, **x, ids=ids)
        loss.margins(sim, **x)
        loss.ranking(sim, margin=margin, ids=ids)
        loss.ranking(sim, margin=margin.nan_to_num(neginf=0.1))
    InfoNCELoss()(sim, margin=margin, ids=ids)
    ranking_hinge(sim, margin)
    assert all(torch.equal(a, b) for a, b in zip(before, [sim, *x.values()], strict=True))
    assert torch.equal(margin, kept)
    assert ids.tolist() == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_of_the_scores_is_kept(dtype):
    sim, x = batch(5, 1, dtype=dtype)
    other = {name: features.float() for name, features in x.items()}
    for loss in (*cmgsd_losses(), PermutedCMGSDLoss()):
        assert loss(sim, **other).dtype == dtype
    assert InfoNCELoss()(sim).dtype == MaxMarginRankingLoss()(sim).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_under_autocast_is_finite_and_close(dtype):
    _, x = batch(16, 1, d=32, dtype=torch.float32)
    x = {name: (features * 50).requires_grad_() for name, features in x.items()}
    losses = [*cmgsd_losses(), CMGSDLoss(detach=False, reduction="smooth")]
    for loss in losses:
        exact = loss(cosine_similarity_matrix(x["text"], x["video"]), **x)
        with torch.autocast("cpu", dtype=dtype):
            half = torch.nn.functional.normalize(x["text"]) @ torch.nn.functional.normalize(x["video"]).T
            assert half.dtype == dtype
            value = loss(half, **{name: features.to(dtype) for name, features in x.items()})
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact.item(), rel=0.1)
        value.backward()
        assert all(torch.isfinite(x[name].grad).all() for name in ("text", "video"))
        for features in x.values():
            features.grad = None
    nce = InfoNCELoss()(half.detach().requires_grad_())
    assert torch.isfinite(nce)


def test_scores_on_another_device_are_refused_and_not_moved():
    sim, x = batch(4, 1, dtype=torch.float32)
    with pytest.raises(ValueError, match="margin: expected on cpu like sim, got meta"):
        MaxMarginRankingLoss()(sim, margin=torch.zeros(4, 4, device="meta"))
    with pytest.raises(ValueError, match="text: expected on cpu like sim, got meta"):
        CMGSDLoss(schedule="dynamic")(sim, text=x["text"].to("meta"))


@pytest.mark.parametrize("loss", [MaxMarginRankingLoss(), InfoNCELoss(), CMGSDLoss()])
def test_bad_scores_are_named(loss):
    def call(sim):
        return loss(sim, text=torch.ones(sim.shape[0], 2)) if isinstance(loss, CMGSDLoss) else loss(sim)

    for shape in ((2, 3), (3,), (0, 0), (1, 1)):
        with pytest.raises(ValueError, match=r"sim: expected a square matrix.*got shape"):
            call(torch.zeros(shape))
    for bad in (math.nan, math.inf, -math.inf):
        sim = torch.zeros(3, 3)
        sim[0, 1] = bad
        with pytest.raises(ValueError, match="sim: expected finite"):
            call(sim)


@pytest.mark.parametrize("loss", [MaxMarginRankingLoss(), InfoNCELoss()])
def test_bad_margins_and_ids_are_named(loss):
    sim = torch.zeros(3, 3)
    for bad in (math.nan, math.inf):
        margin = torch.zeros(3, 3)
        margin[0, 1] = bad
        with pytest.raises(ValueError, match="margin: expected finite"):
            loss(sim, margin=margin)
        with pytest.raises(ValueError, match="margin: expected a finite number"):
            loss(sim, margin=bad)
    with pytest.raises(ValueError, match=r"margin: expected shape \[3, 3\] like sim, got \[2, 3\]"):
        loss(sim, margin=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="ids: expected one id for each of the 3 items"):
        loss(sim, ids=[1, 2])
    with pytest.raises(ValueError, match="ids: expected at least two different ids"):
        loss(sim, ids=["a", "a", "a"])


def test_bad_features_are_named():
    sim = torch.zeros(3, 3)
    with pytest.raises(ValueError, match=r"video_teacher: expected \[3, D\] like sim, got \[2, 4\]"):
        CMGSDLoss()(sim, video_teacher=torch.ones(2, 4))
    with pytest.raises(ValueError, match="text: expected finite features"):
        CMGSDLoss()(sim, text=torch.full((3, 4), math.nan))


@pytest.mark.parametrize(
    ("settings_", "match"),
    [
        ({"reduction": "max"}, "reduction: expected"),
        ({"reduction": 0}, "reduction: expected"),
        ({"reduction": True}, "reduction: expected"),
        ({"form": "both"}, "form: expected"),
        ({"fixed_weight": 1.5}, "fixed_weight: expected"),
        ({"schedule": "later"}, "schedule: expected"),
        ({"schedule": 2.0}, "schedule: expected"),
        ({"eps": -1.0}, "eps: expected"),
        ({"eps": math.nan}, "eps: expected"),
        ({"margin": math.nan}, "margin: expected a finite number"),
        ({"beta": math.inf}, "beta: expected a finite number"),
        ({"temperature": 0.0}, "temperature: expected"),
        ({"nearest": 0.0}, "nearest: expected"),
        ({"nearest": 1.1}, "nearest: expected"),
    ],
)
def test_bad_settings_are_named(settings_, match):
    with pytest.raises(ValueError, match=match):
        CMGSDLoss(**settings_)


def test_ids_accept_names_and_numbers_alike():
    sim, _ = batch(5, 1)
    loss = MaxMarginRankingLoss(reduction="mean")
    by_name = loss(sim, ids=["a", "b", "a", "c", "d"])
    assert torch.equal(by_name, loss(sim, ids=torch.tensor([7, 1, 7, 2, 3])))
    assert not torch.equal(by_name, loss(sim))


def test_a_removed_pair_has_no_gradient_even_when_it_is_the_worst():
    # Pitfall 4: a zero margin does not remove a false negative, -inf does.
    sim = torch.tensor([[0.1, 0.9], [-1.0, 0.5]], dtype=torch.float64)
    for reduction in REDUCTIONS:
        for margin, active in ((0.0, True), (-math.inf, False)):
            leaf = sim.clone().requires_grad_()
            matrix = torch.full((2, 2), 0.2, dtype=torch.float64)
            matrix[0, 1] = margin
            MaxMarginRankingLoss(reduction=reduction)(leaf, margin=matrix).backward()
            assert torch.isfinite(leaf.grad).all()
            assert bool(leaf.grad[0, 1] > 0) is active, (reduction, margin)


def test_constant_margin_changes_nothing_in_info_nce():
    sim, _ = batch(5, 1)
    torch.testing.assert_close(InfoNCELoss()(sim, margin=0.4), InfoNCELoss()(sim))
    assert not torch.equal(InfoNCELoss()(sim, margin=random_margin(5, 0)), InfoNCELoss()(sim))


@pytest.mark.parametrize("nearest", [None, 0.2])
def test_permuted_control_has_the_histogram_of_its_own_row_and_no_meaning(nearest):
    sim, x = batch(10, 1)
    plain, control = CMGSDLoss(nearest=nearest), PermutedCMGSDLoss(seed=1, nearest=nearest)
    margins, shuffled = plain.margins(sim, **x), control.margins(sim, **x)
    for name, margin in margins.items():
        assert not torch.equal(margin, shuffled[name])
        torch.testing.assert_close(margin.flatten().sort().values, shuffled[name].flatten().sort().values)


def test_losses_have_no_parameters():
    for loss in (*cmgsd_losses(), MaxMarginRankingLoss(), InfoNCELoss(), PermutedCMGSDLoss()):
        assert not list(loss.parameters())
    assert CMGSDLoss(schedule="dynamic").schedule == Constant(1.0)
    assert "beta=0.05" in repr(CMGSDLoss())
