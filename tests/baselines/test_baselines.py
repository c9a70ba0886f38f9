"""Every baseline against a loop written from its formula, against finite differences, and under bad input."""

import math

import pytest
import torch

from cmgsd_lite import baselines
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.margins import oracle_margin
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.similarity import cosine_similarity_matrix
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import PreparedSplit
from tests.losses import slow_losses

SOURCES = ("text", "video", "text_teacher", "video_teacher")
SIZES = [2, 3, 5, 11]
BASES = [
    {"base": "infonce", "temperature": 0.05},
    {"base": "hinge", "margin": 0.3, "reduction": "hardest"},
    {"base": "hinge", "margin": 0.3, "reduction": 2},
    {"base": "hinge", "margin": 0.3, "reduction": "smooth"},
]


def batch(n, seed=0, d=5):
    """Scores, the four kinds of embeddings and the truth; duplicates and ties for even seeds."""
    generator = torch.Generator().manual_seed(seed)
    x = {name: torch.randn(n, d, generator=generator, dtype=torch.float64) for name in SOURCES}
    if seed % 2 == 0 and n > 2:
        for features in x.values():
            features[1] = features[0]
    sim = cosine_similarity_matrix(x["text"], x["video"])
    sim = sim.mul(10).round() / 10 if seed % 4 == 0 else sim
    truth = torch.rand(n, n, generator=generator, dtype=torch.float64).mul(4).round() / 4
    return sim, x, truth.fill_diagonal_(1.0)


def some_ids(n, seed):
    """Known positives for odd seeds, where that leaves negatives."""
    return [0, *range(n - 1)] if seed % 2 and n > 2 else None


def cosine(x, i, j):
    return 1 - slow_losses.cosine_distance(x.tolist(), i, j)


def masked(sim, dropped, ids, base):
    """The plain loss by loops, some pairs removed."""
    n = len(sim)
    margin = [[-math.inf if dropped(i, j) else base.get("margin", 0.0) for j in range(n)] for i in range(n)]
    if base["base"] == "infonce":
        return slow_losses.info_nce(sim.tolist(), margin, base["temperature"], ids)
    return slow_losses.max_margin(sim.tolist(), margin, base["reduction"], ids)


def guided(teachers, ids, n, share=None, gap=None):
    """The pairs that the guide leaves out, by loops over the rule in its docstring."""
    ids = list(range(n)) if ids is None else ids
    negatives = [(i, j) for i in range(n) for j in range(n) if ids[i] != ids[j]]
    guide = {(i, j): sum(cosine(x, i, j) for x in teachers) / len(teachers) for i, j in negatives}
    limit = math.inf if gap is None else 1 - gap
    if share:
        limit = sorted(guide.values(), reverse=True)[max(1, int(share * len(negatives) + 1e-9)) - 1]
    dropped = {
        (i, j)
        for i, j in negatives
        if guide[i, j] > limit - 1e-6 or any(cosine(x, i, j) > 1 - 1e-6 for x in teachers)
    }
    if len(dropped) < len(negatives):
        return dropped
    return {pair for pair in negatives if guide[pair] > min(guide.values()) + 1e-6}


TEACHERS = [("text_teacher",), ("video_teacher",), ("text_teacher", "video_teacher")]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("teachers", TEACHERS)
@pytest.mark.parametrize("rule", [{"share": None, "gap": 0.7}, {"share": 0.3}])
def test_guided_mask_equals_the_loop(n, seed, base, teachers, rule):
    sim, x, _ = batch(n, seed)
    given = {name: x[name] for name in teachers}
    ids = some_ids(n, seed)
    dropped = guided(list(given.values()), ids, n, **rule)
    fast = baselines.GuidedMaskLoss(**rule, **base)(sim, **given, ids=ids)
    assert fast.item() == pytest.approx(masked(sim, lambda i, j: (i, j) in dropped, ids, base), abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("teachers", TEACHERS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_guided_mask_drops_the_share_that_is_nearest(n, seed, teachers, share):
    sim, x, _ = batch(n, seed)
    ids, given = some_ids(n, seed), {name: x[name] for name in teachers}
    fast = baselines.GuidedMaskLoss(share=share).dropped(sim, **given, ids=ids)
    assert {tuple(pair) for pair in fast.nonzero().tolist()} == guided([*given.values()], ids, n, share=share)


@pytest.mark.parametrize("n", [3, 4, 6])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_guided_mask_leaves_the_nearest_pair_of_a_small_batch_out(n, dtype):
    x = torch.randn(n, 16, generator=torch.Generator().manual_seed(n)).to(dtype)
    x[2] = x[0] * 1.5 + 0.05 * x[1]
    dropped = baselines.GuidedMaskLoss().dropped(torch.eye(n), text_teacher=x)
    assert dropped.nonzero().tolist() == [[0, 2], [2, 0]]


def test_guided_mask_leaves_ties_at_the_limit_out():
    """Items 0, 1 and 2 are equally far from each other, 3 is far away: a third of the pairs becomes half."""
    x = torch.eye(4)[:, :3] + 1.0
    x[3] = -1.0
    dropped = baselines.GuidedMaskLoss(share=1 / 3).dropped(torch.eye(4), text_teacher=x)
    assert sorted(dropped.nonzero().tolist()) == [[i, j] for i in range(3) for j in range(3) if i != j]
    at_the_gap = baselines.GuidedMaskLoss(None, gap=1 - float(cosine(x.double(), 0, 1)))
    assert torch.equal(at_the_gap.dropped(torch.eye(4), text_teacher=x), dropped)


@pytest.mark.parametrize("rule", [{"share": 0.0}, {"share": 0.02}, {"share": None, "gap": 0.0}])
@pytest.mark.parametrize("alone", [True, False])
def test_guided_mask_leaves_equal_captions_out_even_where_the_clips_differ(rule, alone):
    text, video = torch.randn(2, 40, 24, generator=torch.Generator().manual_seed(0))
    text[7] = text[3] * 2
    teachers = {"text_teacher": text} if alone else {"text_teacher": text, "video_teacher": video}
    loss = baselines.GuidedMaskLoss(**rule)
    dropped = loss.dropped(torch.eye(40), **teachers)
    assert dropped[3, 7]
    assert dropped[7, 3]
    known = loss.dropped(torch.eye(40), **teachers, ids=[3 if i == 7 else i for i in range(40)])
    assert not known[3, 7]  # already no negative


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("rule", [{"share": 0.02}, {"share": 1.0}, {"share": None, "gap": 2.0}])
@pytest.mark.parametrize("base", ["infonce", "hinge"])
def test_a_guide_that_finds_all_alike_leaves_the_plain_loss(n, rule, base):
    sim = batch(n, 1)[0]
    loss = baselines.GuidedMaskLoss(**rule, base=base)
    same = torch.randn(1, 7, generator=torch.Generator().manual_seed(0)).repeat(n, 1)
    plain = InfoNCELoss(0.05) if base == "infonce" else MaxMarginRankingLoss(0.2, "hardest")
    torch.testing.assert_close(loss(sim, text_teacher=same), plain(sim))


@pytest.mark.parametrize("rule", [{"share": 1.0}, {"share": None, "gap": 2.0}])
def test_a_guide_that_would_drop_all_keeps_the_farthest(rule):
    sim, x, _ = batch(6, 1)
    dropped = baselines.GuidedMaskLoss(**rule).dropped(sim, text_teacher=x["text_teacher"])
    kept = ~dropped & ~torch.eye(6, dtype=torch.bool)
    distances = cosine_distances(x["text_teacher"])
    assert kept.sum() == 2
    assert distances[kept].min() == pytest.approx(distances.max().item())


@pytest.mark.parametrize("text", [True, False])
def test_equal_items_reach_a_threshold_of_one(text):
    x = torch.randn(5, 50, generator=torch.Generator().manual_seed(0))
    x[4] = x[1] * 3
    loss = baselines.CaptionThresholdLoss(1.0) if text else baselines.DropTripleLoss(1.0)
    dropped = loss.dropped(torch.eye(5), **{"text_teacher" if text else "video": x})
    assert dropped.nonzero().tolist() == [[1, 4], [4, 1]]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("base", BASES)
def test_caption_threshold_equals_the_loop(n, seed, base):
    sim, x, _ = batch(n, seed)
    ids = some_ids(n, seed)
    fast = baselines.CaptionThresholdLoss(0.2, **base)(sim, text_teacher=x["text_teacher"], ids=ids)
    slow = masked(sim, lambda i, j: i != j and cosine(x["text_teacher"], i, j) > 0.2, ids, base)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("progress", [None, 0.1, 0.2])
def test_drop_triple_equals_the_loop(n, seed, base, progress):
    sim, x, _ = batch(n, seed)
    ids = some_ids(n, seed)

    def dropped(i, j):
        return progress != 0.1 and i != j and max(cosine(x["text"], i, j), cosine(x["video"], i, j)) > 0.4

    loss = baselines.DropTripleLoss(0.4, warm_up=0.2, **base)
    fast = loss(sim, text=x["text"], video=x["video"], progress=progress, ids=ids)
    assert fast.item() == pytest.approx(masked(sim, dropped, ids, base), abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("relevant_at", [1.0, 0.75])
def test_true_mask_equals_the_loop(n, seed, base, relevant_at):
    sim, _, truth = batch(n, seed)
    ids = some_ids(n, seed)
    fast = baselines.TrueMaskLoss(relevant_at, **base)(sim, relevance=truth, ids=ids)
    slow = masked(sim, lambda i, j: i != j and float(truth[i, j]) >= relevant_at, ids, base)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


def anchors_and_negatives(sim, ids):
    """For each direction: (own score, [(partner row, score of the negative)]) of every anchor."""
    n = len(sim)
    ids = list(range(n)) if ids is None else ids
    rows = [(sim[i][i], [(j, sim[i][j]) for j in range(n) if ids[i] != ids[j]]) for i in range(n)]
    columns = [(sim[j][j], [(i, sim[i][j]) for i in range(n) if ids[i] != ids[j]]) for j in range(n)]
    return rows, columns


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("base", ["infonce", "mean", "sum", "hardest", "smooth", 2])
def test_adaptive_mean_margin_equals_the_loop(n, seed, base):
    sim, _, _ = batch(n, seed)
    ids = some_ids(n, seed)
    totals = []
    for direction in anchors_and_negatives(sim.tolist(), ids):
        violations, cross_entropy = [], 0.0
        for own, others in direction:
            margin = 0.6 * (own - sum(s for _, s in others) / len(others))
            violations.append([margin + s - own for _, s in others])
            cross_entropy += math.log(1 + sum(math.exp((margin + s - own) / 0.1) for _, s in others)) / n
        totals.append(cross_entropy if base == "infonce" else slow_losses.reduce_slowly(violations, base))
    slow = sum(totals) if base == "sum" else sum(totals) / 2
    kind = {"base": "infonce"} if base == "infonce" else {"base": "hinge", "reduction": base}
    fast = baselines.AdaptiveMeanMarginLoss(0.6, temperature=0.1, **kind)(sim, ids=ids)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("temperature", [0.05, 0.5])
@pytest.mark.parametrize("prior", [0.0, 0.03, 0.4])
def test_debiased_infonce_equals_the_loop(n, seed, temperature, prior):
    sim, _, _ = batch(n, seed)
    ids = some_ids(n, seed)
    totals = []
    for direction in anchors_and_negatives(sim.tolist(), ids):
        for own, others in direction:
            positive = math.exp(own / temperature)
            mean = sum(math.exp(s / temperature) for _, s in others) / len(others)
            corrected = max((mean - prior * positive) / (1 - prior), math.exp(-1 / temperature))
            totals.append(math.log(positive + len(others) * corrected) - own / temperature)
    fast = baselines.DebiasedInfoNCELoss(prior, temperature)(sim, ids=ids)
    assert fast.item() == pytest.approx(sum(totals) / len(totals), abs=1e-9)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_adaptive_relevance_margin_equals_the_loop(n, seed):
    sim, x, _ = batch(n, seed)
    ids = some_ids(n, seed)
    errors = []
    for direction, side in zip(anchors_and_negatives(sim.tolist(), ids), ("video", "text"), strict=True):
        for anchor, (own, others) in enumerate(direction):
            errors += [(own - s - (1 + cosine(x[side], anchor, other)) / 2) ** 2 for other, s in others]
    fast = baselines.AdaptiveRelevanceMarginLoss()(sim, text=x["text"], video=x["video"], ids=ids)
    assert fast.item() == pytest.approx(sum(errors) / len(errors), abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("reduction", ["mean", "sum", "hardest", "smooth", 3])
@pytest.mark.parametrize("form", ["zscore", "linear"])
def test_relevance_margin_equals_the_loop(n, seed, reduction, form):
    sim, _, truth = batch(n, seed)
    ids = some_ids(n, seed)
    distance = [[1 - value for value in row] for row in truth.tolist()]
    if form == "zscore":
        margin = slow_losses.zscore(distance, 0.2, 0.07, ids=ids)
    else:
        margin = [[0.2 * value for value in row] for row in distance]
    fast = baselines.RelevanceMarginLoss(0.2, 0.07, reduction, form)(sim, relevance=truth, ids=ids)
    assert fast.item() == pytest.approx(
        slow_losses.max_margin(sim.tolist(), margin, reduction, ids), abs=1e-9
    )


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_margin_infonce_equals_the_loop(n, seed):
    sim, x, _ = batch(n, seed)
    ids = some_ids(n, seed)
    weights = {"text_teacher": 0.35, "video_teacher": 0.35, "text": 0.15, "video": 0.15}
    distances = [[[1 - cosine(x[name], i, j) for j in range(n)] for i in range(n)] for name in weights]
    margin = slow_losses.combined(distances, list(weights.values()), 0.2, 0.07, ids=ids)
    fast = baselines.MarginInfoNCELoss(0.05, beta=0.07, schedule=0.3)(sim, **x, ids=ids)
    assert fast.item() == pytest.approx(slow_losses.info_nce(sim.tolist(), margin, 0.05, ids), abs=1e-9)


@pytest.mark.parametrize("by_progress", [True, False])
def test_permuted_margin_infonce_shuffles_anew_at_every_step_and_repeats_for_a_seed(by_progress):
    one, two, other = (
        baselines.PermutedMarginInfoNCELoss(beta=0.1, schedule="static", seed=seed) for seed in (4, 4, 5)
    )
    sim, x, _ = batch(8, 1)
    steps = [{"progress": t} for t in (0.1, 0.2, 0.3)] if by_progress else [{}, {}, {}]
    scores = [sim, sim, sim] if by_progress else [sim, sim * 0.999, sim * 0.998]

    def values(loss):
        margins = [
            loss.margins(s, text_teacher=x["text_teacher"], **step)["combined"]
            for s, step in zip(scores, steps, strict=True)
        ]
        return [tuple(m.flatten().tolist()) for m in margins]

    assert values(one) == values(two) != values(other)
    assert len(set(values(one))) == 3
    assert one(sim, text_teacher=torch.ones(8, 2).double()).item() == pytest.approx(InfoNCELoss()(sim).item())


def test_by_hand():
    """One text is true of two videos; removing that pair leaves each anchor of the rest one negative."""
    sim = torch.tensor([[0.8, 0.9, 0.1], [0.2, 0.7, 0.3], [0.0, 0.4, 0.6]])
    truth = torch.eye(3)
    truth[0, 1] = 1.0
    loss = baselines.TrueMaskLoss(base="hinge", margin=0.2, reduction="hardest")
    # Texts: 0, 0, max(0, .2 + .4 - .6) = 0; videos: 0, max(0, .2 + .4 - .7) = 0, 0.
    assert loss(sim, relevance=truth).item() == pytest.approx(0.0, abs=1e-7)
    # Left in, the pair costs .2 + .9 - .8 for the text and .2 + .9 - .7 for the video.
    assert loss(sim, relevance=torch.eye(3)).item() == pytest.approx((0.3 + 0.4) / 3 / 2)


# What each loss is when its idea is switched off.


def test_switched_off_they_are_the_plain_losses():
    sim, x, truth = batch(9, 1)
    plain, hinge = InfoNCELoss(0.05)(sim), MaxMarginRankingLoss(0.2, "hardest")(sim)
    nothing = torch.eye(9).double()
    same_as_infonce = [
        baselines.GuidedMaskLoss(share=0.0)(sim, text_teacher=x["text_teacher"]),
        baselines.CaptionThresholdLoss(1.0)(sim, text_teacher=x["text_teacher"]),
        baselines.DropTripleLoss(1.0, base="infonce")(sim, text=x["text"], video=x["video"]),
        baselines.TrueMaskLoss()(sim, relevance=nothing),
        baselines.AdaptiveMeanMarginLoss(0.0)(sim),
        baselines.DebiasedInfoNCELoss(0.0)(sim),
        baselines.MarginInfoNCELoss(beta=0.0)(sim, **x),
    ]
    same_as_hinge = [
        baselines.DropTripleLoss(warm_up=0.5)(sim, text=x["text"], video=x["video"], progress=0.4),
        baselines.RelevanceMarginLoss(beta=0.0)(sim, relevance=truth),
        baselines.RelevanceMarginLoss(form="linear")(sim, relevance=nothing),
    ]
    for loss in same_as_infonce:
        torch.testing.assert_close(loss, plain)
    for loss in same_as_hinge:
        torch.testing.assert_close(loss, hinge)


def test_relevance_margin_is_the_oracle_margin():
    sim, _, truth = batch(7, 3)
    expected = MaxMarginRankingLoss(0.2, 4)(sim, margin=oracle_margin(truth, 0.2, 0.1))
    torch.testing.assert_close(baselines.RelevanceMarginLoss(0.2, 0.1, 4)(sim, relevance=truth), expected)


def test_margin_infonce_has_the_margins_of_cmgsd():
    sim, x, _ = batch(6, 1)
    mine, theirs = baselines.MarginInfoNCELoss(beta=0.08), CMGSDLoss(beta=0.08)
    for progress in (0.0, 0.4, 1.0):
        torch.testing.assert_close(
            mine.margins(sim, **x, progress=progress)["combined"],
            theirs.margins(sim, **x, progress=progress)["combined"],
        )


# Gradients.


def calls(n=5, seed=3):
    """Every loss as a function of the scores and of the model's own embeddings."""
    _, x, truth = batch(n, seed)
    teachers = {name: x[name] for name in ("text_teacher", "video_teacher")}
    hinge = {"base": "hinge", "margin": 0.3, "reduction": "hardest"}
    return {
        "guided": lambda s, t, v: baselines.GuidedMaskLoss(0.3)(s, **teachers),
        "guided-hinge": lambda s, t, v: baselines.GuidedMaskLoss(0.3, **hinge)(s, **teachers),
        "caption": lambda s, t, v: baselines.CaptionThresholdLoss(0.1)(s, text_teacher=x["text_teacher"]),
        "drop": lambda s, t, v: baselines.DropTripleLoss(0.4)(s, text=t, video=v),
        "amm-detached": lambda s, t, v: baselines.AdaptiveMeanMarginLoss(0.0)(s),
        "debiased": lambda s, t, v: baselines.DebiasedInfoNCELoss(0.02, 0.5)(s),
        "arm": lambda s, t, v: baselines.AdaptiveRelevanceMarginLoss(detach=False)(s, text=t, video=v),
        "relevance": lambda s, t, v: baselines.RelevanceMarginLoss(reduction=2)(s, relevance=truth),
        "true-mask": lambda s, t, v: baselines.TrueMaskLoss()(s, relevance=truth),
        "margin-infonce": lambda s, t, v: baselines.MarginInfoNCELoss(schedule=0.5)(
            s, text=t, video=v, **teachers
        ),
    }


@pytest.mark.parametrize("name", calls())
def test_gradient_equals_finite_differences(name):
    sim, x, _ = batch(5, 3)
    inputs = [value.clone().requires_grad_() for value in (sim, x["text"], x["video"])]
    if name == "margin-infonce":  # the dynamic margins are constants of the gradient, and not of a difference
        inputs = [inputs[0], x["text"], x["video"]]
    assert torch.autograd.gradcheck(calls()[name], inputs)


def test_adaptive_mean_margin_is_a_constant_of_the_gradient():
    sim, _, _ = batch(6, 1)
    sim.requires_grad_()
    loss = baselines.AdaptiveMeanMarginLoss(0.5, "hinge", "mean")
    of_text, of_video = loss.margins(sim)
    assert not of_text.requires_grad
    (with_amm,) = torch.autograd.grad(loss(sim), sim)
    pairs = ~torch.eye(6, dtype=torch.bool)
    raised = [of_text[:, None] + sim - sim.diagonal()[:, None], of_video[None] + sim - sim.diagonal()[None]]
    by_hand = sum(torch.relu(value)[pairs].mean() / 2 for value in raised)
    torch.testing.assert_close(with_amm, torch.autograd.grad(by_hand, sim)[0])


@pytest.mark.parametrize("detach", [True, False])
def test_the_target_gets_a_gradient_only_on_request(detach):
    sim, x, _ = batch(6, 1)
    text, video = x["text"].requires_grad_(), x["video"].requires_grad_()
    loss = baselines.AdaptiveRelevanceMarginLoss(detach)(sim.requires_grad_(), text=text, video=video)
    loss.backward()
    assert (text.grad is None) is detach
    assert sim.grad.abs().sum() > 0


def test_a_dropped_pair_gets_no_gradient():
    sim, x, truth = batch(6, 1)
    truth = torch.eye(6).double()
    truth[2, 4] = 1.0
    for loss in (
        baselines.TrueMaskLoss(),
        baselines.TrueMaskLoss(base="hinge", reduction="mean", margin=2.0),
    ):
        scores = sim.clone().requires_grad_()
        loss(scores, relevance=truth).backward()
        assert scores.grad[2, 4] == 0
        assert (scores.grad[~torch.eye(6, dtype=torch.bool)] != 0).sum() == 29


def test_debiased_reaches_its_bound_where_the_positive_stands_out():
    """Then the anchor's negatives get no gradient at all: what a large prior costs."""
    sim = torch.tensor([[0.9, 0.1], [0.1, 0.9]], requires_grad=True)
    baselines.DebiasedInfoNCELoss(prior=0.3, temperature=0.5)(sim).backward()
    assert sim.grad[0, 1] == 0
    assert sim.grad[0, 0] < 0


# Edge cases.


def every_loss():
    return {
        "guided": (baselines.GuidedMaskLoss(share=1.0), ("text_teacher", "video_teacher")),
        "guided-hinge": (baselines.GuidedMaskLoss(share=1.0, base="hinge"), ("text_teacher",)),
        "caption": (baselines.CaptionThresholdLoss(-1.0), ("text_teacher",)),
        "drop": (baselines.DropTripleLoss(-1.0, reduction=3), ("text", "video")),
        "amm": (baselines.AdaptiveMeanMarginLoss(), ()),
        "amm-hinge": (baselines.AdaptiveMeanMarginLoss(base="hinge"), ()),
        "debiased": (baselines.DebiasedInfoNCELoss(), ()),
        "arm": (baselines.AdaptiveRelevanceMarginLoss(), ("text", "video")),
        "relevance": (baselines.RelevanceMarginLoss(), ("relevance",)),
        "true-mask": (baselines.TrueMaskLoss(relevant_at=0.0), ("relevance",)),
        "margin-infonce": (baselines.MarginInfoNCELoss(), SOURCES),
        "permuted-infonce": (baselines.PermutedMarginInfoNCELoss(), SOURCES),
    }


@pytest.mark.parametrize("name", every_loss())
@pytest.mark.parametrize("kind", ["random", "ties", "two", "half"])
def test_value_and_gradient_stay_finite(name, kind):
    loss, wanted = every_loss()[name]
    sim, x, truth = batch(2 if kind == "two" else 6, 1)
    if kind == "ties":
        sim, truth = torch.zeros_like(sim), torch.ones_like(truth)
        x = {key: torch.ones_like(value) for key, value in x.items()}
    sim = sim.to(torch.bfloat16 if kind == "half" else torch.float32).requires_grad_()
    offered = {**x, "relevance": truth}
    value = loss(sim, **{key: offered[key] for key in wanted})
    value.backward()
    assert value.dtype == torch.float32
    assert value.ndim == 0
    assert value >= 0
    assert torch.isfinite(value)
    assert torch.isfinite(sim.grad).all()


@pytest.mark.parametrize("name", ["caption", "drop", "true-mask"])
def test_with_every_negative_dropped_nothing_is_learned(name):
    loss, wanted = every_loss()[name]
    sim, x, truth = batch(5, 1)
    sim.requires_grad_()
    offered = {**x, "relevance": truth}
    value = loss(sim, **{key: offered[key] for key in wanted})
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert not sim.grad.any()


@pytest.mark.parametrize("name", every_loss())
def test_nothing_depends_on_the_order_of_the_batch_and_inputs_stay(name):
    if name == "permuted-infonce":
        pytest.skip("shuffles on purpose")
    loss, wanted = every_loss()[name]
    if name in ("guided", "guided-hinge"):
        loss = baselines.GuidedMaskLoss(share=0.3)
    sim, x, truth = batch(7, 3)
    offered = {**x, "relevance": truth}
    before = {key: value.clone() for key, value in {"sim": sim, **offered}.items()}
    value = loss(sim, **{key: offered[key] for key in wanted})
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    offered = {**{k: v[order] for k, v in x.items()}, "relevance": truth[order][:, order]}
    shuffled = loss(sim[order][:, order], **{key: offered[key] for key in wanted})
    torch.testing.assert_close(value, shuffled)
    assert all(torch.equal(before[key], now) for key, now in {"sim": sim, **x, "relevance": truth}.items())


@pytest.mark.parametrize("name", every_loss())
def test_bad_scores_are_refused_by_name(name):
    loss, wanted = every_loss()[name]
    _, x, truth = batch(4, 1)
    offered = {**x, "relevance": truth}
    given = {key: offered[key] for key in wanted}
    for bad in (torch.zeros(4, 3), torch.zeros(1, 1), torch.full((4, 4), torch.nan)):
        with pytest.raises(ValueError, match="sim: expected"):
            loss(bad, **given)
    for key in wanted:
        with pytest.raises(ValueError, match=key):
            loss(torch.zeros(4, 4), **{**given, key: given[key][:3]})
        with pytest.raises(ValueError, match=key):
            loss(torch.zeros(4, 4), **{**given, key: given[key].clone().fill_(torch.nan)})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: baselines.GuidedMaskLoss(share=0.1, gap=0.1), "exactly one"),
        (lambda: baselines.GuidedMaskLoss(share=None), "exactly one"),
        (lambda: baselines.GuidedMaskLoss(share=1.5), "share"),
        (lambda: baselines.GuidedMaskLoss(share=None, gap=3.0), "gap"),
        (lambda: baselines.GuidedMaskLoss(base="triplet"), "base"),
        (lambda: baselines.GuidedMaskLoss(temperature=0.0), "temperature"),
        (lambda: baselines.CaptionThresholdLoss(1.5), "threshold"),
        (lambda: baselines.CaptionThresholdLoss(base="hinge", reduction=0), "reduction"),
        (lambda: baselines.DropTripleLoss(warm_up=2.0), "warm_up"),
        (lambda: baselines.DropTripleLoss(threshold=math.nan), "threshold"),
        (lambda: baselines.AdaptiveMeanMarginLoss(base="mean"), "base"),
        (lambda: baselines.AdaptiveMeanMarginLoss(math.nan), "scale"),
        (lambda: baselines.DebiasedInfoNCELoss(prior=1.0), "prior"),
        (lambda: baselines.DebiasedInfoNCELoss(temperature=-1.0), "temperature"),
        (lambda: baselines.RelevanceMarginLoss(form="square"), "form"),
        (lambda: baselines.RelevanceMarginLoss(beta=math.inf), "beta"),
        (lambda: baselines.TrueMaskLoss(relevant_at=1.1), "relevant_at"),
        (lambda: baselines.MarginInfoNCELoss(temperature=0.0), "temperature"),
        (lambda: baselines.GuidedMaskLoss()(torch.eye(3)), "at least one"),
        (lambda: baselines.DropTripleLoss()(torch.eye(3)), "at least one"),
        (lambda: baselines.DropTripleLoss()(torch.eye(3), text=torch.eye(3), progress=2.0), "progress"),
        (lambda: baselines.TrueMaskLoss()(torch.eye(3), relevance=2 * torch.eye(3)), "relevance"),
        (lambda: baselines.TrueMaskLoss()(torch.eye(3), relevance=torch.eye(3), ids=[1, 1, 1]), "ids"),
    ],
)
def test_bad_settings_are_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("name", every_loss())
def test_fit_trains_with_it(name):
    """The loop finds out by name what each loss needs, and hands over the truth where it is asked for."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(12, 1, 4, generator=generator)
    text = torch.randn(24, 3, generator=generator)
    train = PreparedSplit(
        [f"video{i}" for i in range(12)],
        {"rgb": features},
        {"rgb": torch.ones(12, 1, dtype=torch.bool)},
        text,
        torch.arange(12).repeat_interleave(2),
        text.view(12, 2, 3).mean(dim=1),
        features[:, 0],
    )
    config = ModelConfig("mean-pool", 3, {"rgb": 4}, embed_dim=8, hidden_dim=8)
    result = fit(
        build_model(config, 0),
        every_loss()[name][0],
        train,
        config=TrainingConfig(epochs=2, batch_size=6),
        relevance=lambda videos, captions: (videos[:, None] == videos).float(),
        progress=False,
    )
    assert [math.isfinite(record["loss"]) for record in result.history] == [True, True]
    assert list(every_loss()[name][0].parameters()) == []
