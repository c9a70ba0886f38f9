# %% [markdown]
# # 06 · From distance to margin
#
# Chapter 05 gave us distances. This chapter turns a distance into a margin: which function, how steep, and
# which controls tell *meaning* from a mere change of the margin's histogram.
#
# Time: about 35 s on two CPU cores (one thread) · Data: MiniVTT (embedded) · Read before: chapters
# [04](04_deriving_the_margin.ipynb) and [05](05_measuring_distance.ipynb)
#
# After this chapter you can
#
# - write down four functions from distance to margin, and say which of them survive a change of the encoder;
# - choose $\alpha$ and $\beta$ and see when the clip eats the margin;
# - build the controls *permuted*, *reversed*, *oracle* and *mask*, and say what each keeps and destroys;
# - read a small comparison without fooling yourself.

# %%
import pandas as pd
import torch
from IPython.display import display
from torch import nn

from cmgsd_lite.baselines import RelevanceMarginLoss, TrueMaskLoss
from cmgsd_lite.course.exercises.chapter06 import check_largest_beta, check_permuted, check_reversed
from cmgsd_lite.course.explore.margin_functions import draw_setting, explore_margins
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.margin_functions import plot_controls, plot_margin_functions, plot_margin_grid
from cmgsd_lite.data import minivtt
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.evaluation.agreement import batch_agreement, rank_correlation
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.margins import (
    affine_margin,
    exponential_margin,
    mask_margin,
    off_diagonal,
    oracle_margin,
    permute_margin,
    threshold_margin,
    zscore_margin,
)
from cmgsd_lite.metrics import ndcg, ranks
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.scoring import score
from cmgsd_lite.training.teacher_quality import draw_batches, four_distances

set_threads(1)

# %% [markdown]
# ## 1. Numbers first
#
# Four clips. Three of their six pairs are close, at distance .4, and three are far, at .8. The mean is .6 and
# the standard deviation is exactly .2, so every pair is *one standard deviation* below or above the mean. One can do this in one's head.

# %%
distances = torch.tensor(
    [
        [0.0, 0.4, 0.8, 0.4],
        [0.4, 0.0, 0.4, 0.8],
        [0.8, 0.4, 0.0, 0.8],
        [0.4, 0.8, 0.8, 0.0],
    ]
)
negatives = ~torch.eye(4, dtype=torch.bool)
print("mean", round(distances[negatives].mean().item(), 3))
print("standard deviation", round(distances[negatives].std(correction=0).item(), 3))

# %% [markdown]
# With the fixed margin $\alpha = .2$ in mind, here are four ways to say "less for a close pair, more for a
# distant one":
#
# | function | formula | $d = .4$ | $d = .8$ |
# |---|---|---|---|
# | z-score | $\alpha + \beta z$, $z = (d - \text{mean})/\text{std}$, $\beta = .05$ | $.2 - .05 = .15$ | $.25$ |
# | exponential | $\alpha\, e^{\beta z}$, $\beta = .25$ | $.2 / e^{.25} = .156$ | $.257$ |
# | affine | $\alpha + \beta d$, here $\alpha = .05$, $\beta = .25$ | $.05 + .1 = .15$ | $.25$ |
# | threshold | $\alpha$ if $d \ge .5$, else $0$ | $0$ | $.2$ |
#
# Each as code, in one or two lines. The diagonal holds the positives, which have no margin; by convention it
# gets $\alpha$. (Nothing is clipped here, so the centre of chapter 04 is 0 and left out.)


# %%
def standardised(d):
    values = d[~torch.eye(len(d), dtype=torch.bool)]
    return (d - values.mean()) / (values.std(correction=0) + 1e-4)


def with_diagonal(margin, alpha):
    return margin.clone().fill_diagonal_(alpha)


def zscore(d, alpha, beta):
    return with_diagonal((alpha + beta * standardised(d)).clamp(min=0), alpha)


def exponential(d, alpha, beta):
    return with_diagonal(alpha * torch.exp(beta * standardised(d)), alpha)


def affine(d, alpha, beta):
    return with_diagonal((alpha + beta * d).clamp(min=0), alpha)


def threshold(d, alpha, step):
    return with_diagonal(torch.where(d >= step, alpha, 0.0), alpha)


settings = {
    "z-score": (zscore, zscore_margin, 0.2, 0.05),
    "exponential": (exponential, exponential_margin, 0.2, 0.25),
    "affine": (affine, affine_margin, 0.05, 0.25),
    "threshold": (threshold, threshold_margin, 0.2, 0.5),
}
for name, (ours, package, first, second) in settings.items():
    margin = ours(distances, first, second)
    assert torch.allclose(margin, package(distances, first, second), atol=1e-6)
    print(f"{name:12s} near {margin[0, 1]:.3f}  far {margin[0, 2]:.3f}   equal to the package")

# %% [markdown]
# ### What goes wrong if the encoder changes
#
# Another encoder measures the same four clips and puts every distance up by .15. Nothing about *who is close
# to whom* has changed. Watch the four functions.

# %%
moved = (distances + 0.15) * negatives
for name, (ours, _, first, second) in settings.items():
    before, after = ours(distances, first, second), ours(moved, first, second)
    print(f"{name:12s} near {before[0, 1]:.3f} -> {after[0, 1]:.3f}   far {before[0, 2]:.3f} -> {after[0, 2]:.3f}")
assert torch.allclose(zscore(distances, 0.2, 0.05), zscore(moved, 0.2, 0.05), atol=1e-5)

# %% [markdown]
# The two that standardise do not notice. The affine margin grows for *all* pairs, as if somebody had turned
# $\alpha$ up. The threshold no longer sees a close pair at all. That matters in CMGSD, because the dynamic
# distances come from a model in training and drift all the time, and because text and video distances live
# on different scales. Hence the z-score is the default.
#
# The price: a z-score is always relative to the batch. A batch of 128 near-duplicates gets the same spread of
# margins as a batch of 128 strangers.

# %% [markdown]
# ## 2. A real batch
#
# 128 clips of MiniVTT with one caption each, as training draws them. The distance is that of the static text
# teacher, the best *per anchor* in chapter 05. The truth says which pairs are false negatives.

# %%
bench = Bench(Experiment(DataConfig(), {}, training=TrainingConfig(epochs=8, patience=None)))
train = bench.prepared.train
relevance_of = minivtt.batch_relevance(bench.dataset.train)

(batch,) = draw_batches(train, 1, seed=0)
found = four_distances(train, batch)
d, d_video = found["text-static"], found["video-static"]
truth = relevance_of(*batch)  # [128, 128]: how much of caption i is true of clip j
outside = ~torch.eye(128, dtype=torch.bool)
false = (truth >= 1 - 1e-6) & outside
for name, x in {"text-static": d, "video-static": d_video}.items():
    values = off_diagonal(x)
    print(f"{name:13s} mean {values.mean():.2f}, standard deviation {values.std(correction=0):.2f}")
print("pairs that are false negatives:", int(false.sum()), "of", false.numel() - len(false))

# %% [markdown]
# The means differ by about twice the .15 of the example. One and the same affine rule cannot serve both.

# %%
pairs = off_diagonal(d).flatten()
curves = {
    "z-score, β = .05": off_diagonal(zscore_margin(d, 0.2, 0.05)),
    "exponential, β = .25": off_diagonal(exponential_margin(d, 0.2, 0.25)),
    "affine, α = .05, β = .25": off_diagonal(affine_margin(d, 0.05, 0.25)),
    "threshold at .5": off_diagonal(threshold_margin(d, 0.2, 0.5)),
}
figure = plot_margin_functions(pairs, {name: m.flatten() for name, m in curves.items()}, fixed=0.2)
show_figure(
    figure,
    "06-functions",
    "Four curves of margin against distance. The z-score is a straight line through .2 at the mean distance, "
    "the exponential bends upwards close to it, the affine line is flatter, the threshold is a step. Below, "
    "the histogram of distances in the batch.",
)

# %% [markdown]
# Within the batch, z-score and affine are both straight lines: they differ in *who sets slope and height*,
# the batch or you. The exponential is nearly the same line near the mean ($\alpha e^{\beta z} \approx \alpha +
# \alpha\beta z$) and never reaches 0.
#
# Is the exact shape important? Rank correlations ignore shape, so all strictly rising functions agree with
# the truth to the same degree. Only the step loses something, because it forgets everything but one bit.

# %%
truth_values = off_diagonal(truth).flatten()
for name, margin in curves.items():
    print(f"{name:26s} Spearman with the truth {rank_correlation(-margin.flatten(), truth_values):.2f}")

# %% [markdown]
# ## 3. Alpha and beta
#
# For the z-score the two settings have clean meanings:
#
# $$\text{mean of } M = \alpha \qquad \text{standard deviation of } M = \beta$$
#
# *before the clip*. Clipping at 0 alone breaks both, and raises the mean. The centre of chapter 04 keeps the mean
# at $\alpha$; $\beta$ is the standard deviation only where nothing is clipped. For distances that are normally
# distributed, the share that clipping alone sets to 0 is the share of a normal distribution below $-\alpha/\beta$;
# around the centre it is larger. Both, measured (column *0*: the share of margins that are 0):

# %%
generator = torch.Generator().manual_seed(0)
points = torch.randn(400, 400, generator=generator)
rows = []
for beta in (0.025, 0.05, 0.1, 0.2, 1.0):
    row = {"β": beta}
    for name, recentre in {"clip alone": False, "centred": True}.items():
        margin = off_diagonal(zscore_margin(points, 0.2, beta, recentre=recentre))
        row |= {f"{name}, 0": f"{(margin == 0).float().mean():.1%}", f"{name}, mean": f"{margin.mean():.3f}"}
        if not recentre:
            expected = torch.distributions.Normal(0, 1).cdf(torch.tensor(-0.2 / beta))
            assert abs((margin == 0).float().mean() - expected) < 0.01
    rows.append(row | {"centred, sd": f"{margin.std(correction=0):.3f}"})
pd.DataFrame(rows).set_index("β")

# %% [markdown]
# At $\beta = 1$, a natural-looking choice, clipping alone puts two pairs in five at margin 0 and more than doubles
# the mean margin. The centre brings the mean back, and then two pairs in three sit at 0. Either way the loss has
# become another loss, and a gain or a harm says nothing about adaptivity. Between $\alpha/8$ and $\alpha/2$ the
# histogram stays honest.
#
# One more thing that a margin of 0 does *not* do: remove a pair. The hinge $\max(0, M_{ij} + S_{ij} - S_{ii})$
# with $M_{ij} = 0$ still pushes whenever $S_{ij} > S_{ii}$ (chapter 04).
#
# The grid below is for the real batch. Orange: false negatives, which should get small margins. Margins beyond the
# axis are counted in the last bin. The black line is $\alpha$, the short ticks on top are the groups' means.

# %%
at_half = zscore_margin(d, 0.2, 0.1)
share_false, share_true = ((at_half[group] <= 0).float().mean() for group in (false, outside & ~false))
print(f"α = .2, β = .1: clipped {share_false:.0%} of the false negatives, {share_true:.0%} of the true ones")
figure = plot_margin_grid(d, false, zscore_margin, alphas=(0.1, 0.2), betas=(0.025, 0.05, 0.1, 0.3))
show_figure(
    figure,
    "06-grid",
    "Eight histograms of margins for two alphas and four betas. With growing beta the histograms widen; the "
    "false negatives lie to the left of the true ones; at beta .3 a heap of margins is clipped to zero.",
)

# %% [markdown]
# The histogram of this batch is not a bell: most pairs are about equally far apart, and there is a long tail
# of close ones. The z-score keeps that shape, and the false negatives sit in the tail. So they are the first whom
# the clip hits: at $\alpha = .2$, $\beta = .1$ more is clipped than the 2.3 % of a normal distribution, and it hits
# false negatives far more often than others. Look at your own batch before you trust a rule of thumb.
#
# ### Try it
#
# Click on the handle of a slider and use the arrow keys. Start with $\beta$: what happens at 0, and below?
# Then change the function. First, the picture that the explorer starts with.

# %%
show_figure(
    draw_setting(d, false, "z-score", 0.2, 0.05),
    "06-setting",
    "Left, margin against distance as a rising straight line of dots, false negatives mostly at its lower end. "
    "Right, the histogram of margins, that of the false negatives to the left of that of the true ones.",
)

# %% tags=["nbval-ignore-output"]
display(explore_margins(d, false, "06-explorer"))

# %% [markdown]
# ## 4. Four controls
#
# Suppose a training with adaptive margins does better than one with the fixed margin. Is it because close
# pairs got small margins? Or because *somebody* got small margins? A control changes one thing and keeps the
# rest.
#
# | control | how it is made | keeps | destroys |
# |---|---|---|---|
# | permuted | shuffle who is who, rows and columns alike | histogram, symmetry | the meaning |
# | reversed | $-\beta$ | mean and spread | turns the meaning round |
# | oracle | the same map, $d = 1 - \text{relevance}$ from the truth | the map | all errors of the teacher |
# | mask | fixed margin, known false negatives removed | the fixed margin elsewhere | the wrong supervision |
#
# The first is the one without which no gain may be claimed: what *permuted* gains over the fixed margin is
# **softening**, and only what the real margin gains over permuted is **adaptivity**. Oracle and mask need the
# truth, so they are possible on MiniVTT and nowhere else; they say how much there is to gain at all.


# %%
def permuted(margin, order):
    return margin[order][:, order]


def mask(false_negatives, alpha):
    margin = torch.full(false_negatives.shape, alpha)
    return margin.masked_fill(false_negatives, float("-inf")).fill_diagonal_(alpha)


adaptive = zscore_margin(d, 0.2, 0.05)
order = torch.randperm(128, generator=torch.Generator().manual_seed(5))
assert torch.equal(permuted(adaptive, order), permute_margin(adaptive, torch.Generator().manual_seed(5)))
assert torch.allclose(zscore(1 - truth, 0.2, 0.05), oracle_margin(truth, 0.2, 0.05), atol=1e-5)
assert torch.equal(mask(false, 0.2), mask_margin(false, 0.2))
print("permuted, oracle and mask are equal to the package's")

controls = {
    "adaptive": adaptive,
    "permuted": permuted(adaptive, order),
    "reversed": zscore_margin(d, 0.2, -0.05),
    "oracle": oracle_margin(truth, 0.2, 0.05),
    "mask": mask_margin(false, 0.2),
}
figure = plot_controls(controls, truth, fixed=0.2)
show_figure(
    figure,
    "06-controls",
    "For each of five margins the histogram above and the mean margin by relevance below. Adaptive falls with "
    "relevance, permuted has the same histogram but is flat, reversed rises, oracle falls in a straight line, "
    "mask is flat at .2 and drops to zero at full relevance.",
)

# %% [markdown]
# Read the lower row: it is the question "does a more relevant pair get a smaller margin?". *Permuted* is flat:
# same histogram, no meaning. In the panel of *mask* removed pairs are drawn at 0.
#
# The same as numbers. The diagonal is left out; for the mask the mean is over the pairs that stay.

# %%
rows = {}
for name, margin in controls.items():
    values = off_diagonal(margin).flatten()
    kept = values[~values.isneginf()]
    agreement = batch_agreement(margin.nan_to_num(neginf=-1), truth)
    rows[name] = {
        "mean": f"{kept.mean():.2f}",
        "sd": f"{kept.std(correction=0):.2f}",
        "Spearman with truth": f"{round(agreement['spearman'], 1) + 0.0:.1f}",
        "AUC": f"{agreement['auc']:.1f}",
        "false neg.": "removed" if name == "mask" else f"{margin[false].mean():.2f}",
    }
pd.DataFrame(rows).T

# %% [markdown]
# Two things are easily overlooked.
#
# *Permuted and adaptive share not only the histogram, but also the structure.* `permute_margin` keeps rows together: a
# row of small margins stays a row of small margins, at another anchor. Shuffling all entries independently
# would be a different control with more spread inside each row.
#
# *The oracle is not an upper bound.* It is the best *distance* in this map with this $\alpha$ and $\beta$. A
# better map, or another loss, may do better.

# %%
entries = adaptive[outside]
print("same margins as before:", torch.equal(entries.sort()[0], controls["permuted"][outside].sort()[0]))

scattered = adaptive.clone()
scattered[outside] = entries[torch.randperm(len(entries), generator=torch.Generator().manual_seed(6))]


def spread_within_rows(margin):
    return margin.std(dim=1).mean()


for name, margin in {"permuted": controls["permuted"], "all entries shuffled": scattered}.items():
    times = spread_within_rows(margin) / spread_within_rows(adaptive)
    print(f"spread within a row, {name}: {times:.2f} times that of adaptive")

# %% [markdown]
# ## 5. A small training comparison
#
# One model, one reduction (`hardest`, which has the most to gain), eight epochs, two paired seeds: every row
# sees the same initialisation, batches and captions. All rows go through one loss of ten lines; only the rule
# from (distances, truth) to margin differs.


# %%
class RuleLoss(nn.Module):
    """`fit` hands over what `forward` asks for by name; `relevance` is the ground truth of the batch."""

    def __init__(self, rule):
        super().__init__()
        self.rule, self.ranking = rule, MaxMarginRankingLoss(0.2, "hardest")

    def forward(self, sim, text_teacher, relevance):
        return self.ranking(sim, margin=self.rule(cosine_distances(text_teacher), relevance))


shuffle = torch.Generator().manual_seed(0)
rules = {
    "fixed": lambda d, truth: torch.full_like(d, 0.2),
    "adaptive": lambda d, truth: zscore_margin(d, 0.2, 0.05),
    "permuted": lambda d, truth: permute_margin(zscore_margin(d, 0.2, 0.05), shuffle),
    "reversed": lambda d, truth: zscore_margin(d, 0.2, -0.05),
    "oracle": lambda d, truth: oracle_margin(truth, 0.2, 0.05),
    "mask": lambda d, truth: mask_margin(truth >= 1 - 1e-6, 0.2),
}

sim = torch.rand(128, 128, generator=torch.Generator().manual_seed(1))
teacher = train.text_teacher[batch.videos]
for name, package in {"oracle": RelevanceMarginLoss(), "mask": TrueMaskLoss(base="hinge")}.items():
    assert torch.allclose(RuleLoss(rules[name])(sim, teacher, truth), package(sim, relevance=truth), atol=1e-6)
print("oracle and mask give the losses of RelevanceMarginLoss and TrueMaskLoss")

# %%
SEEDS = (0, 1)


def train_and_test(rule, seed):
    config = TrainingConfig(epochs=8, seed=seed)
    model = bench.build_model(seed)
    fit(model, RuleLoss(rule), train, config=config, relevance=relevance_of, progress=False)
    scores, owner = score(model, bench.prepared.test).numpy(), bench.prepared.test.video_of_text.numpy()
    place = ranks(scores, owner)
    return {
        "R@1": 100 * (place <= 1).mean(),
        "R@10": 100 * (place <= 10).mean(),
        "nDCG": ndcg(scores, bench.relevance["truth"]),
    }


results = {name: [train_and_test(rule, seed) for seed in SEEDS] for name, rule in rules.items()}


def mean(name, key):
    return sum(run[key] for run in results[name]) / len(SEEDS)


def above(name, other, key):
    """In how many of the paired seeds one is above the other."""
    return sum(a[key] > b[key] for a, b in zip(results[name], results[other], strict=True))


# %% tags=["nbval-ignore-output"]
pd.DataFrame(
    {name: {key: round(mean(name, key), 1) for key in ("R@1", "R@10", "nDCG")} for name in rules}
).T

# %% [markdown]
# R@K asks for the one clip that a caption was written for; nDCG asks for clips of which it is true.
# The last digit may differ on your machine. In words:

# %%
for name, other, key in (
    ("adaptive", "fixed", "R@10"),
    ("permuted", "fixed", "R@10"),
    ("adaptive", "permuted", "nDCG"),
    ("oracle", "permuted", "nDCG"),
    ("mask", "fixed", "nDCG"),
    ("reversed", "fixed", "R@10"),
):
    print(f"{name} above {other} on {key}: {above(name, other, key)} of {len(SEEDS)} seeds")

# %% [markdown]
# What to take from it:
#
# - *Permuted* already recovers most of what *adaptive* gains over *fixed* on R@10. That part is softening: a
#   likely reason is that the hardest negative is no longer always the same one.
# - *Adaptive* is above *permuted* on nDCG. That part is meaning, and it is small.
# - *Oracle* is well above: there is more to gain than this teacher gives. (It uses the same graded truth that
#   nDCG uses as gain, so on nDCG its lead is partly circular; on R@K it is not.)
# - *Mask* beats *fixed*, but not *oracle*: it removes the wrong supervision and softens nothing else.
# - *Reversed* is the worst of all. It asks for the largest margins exactly where the caption is true.
#
# Two seeds and eight epochs show directions, not sizes. And remember from chapter 02 that `hardest` with a fixed
# margin trains worst of all reductions there, so it has the most to gain: [chapter
# 09](09_when_does_it_help.ipynb) draws the whole map, with intervals.

# %%
for name, other, key in (("oracle", "adaptive", "R@10"), ("oracle", "mask", "R@10"), ("fixed", "reversed", "nDCG")):
    print(f"{name} above {other} on {key}: {above(name, other, key)} of {len(SEEDS)} seeds")
recovered = (mean("permuted", "R@10") - mean("fixed", "R@10")) / (mean("adaptive", "R@10") - mean("fixed", "R@10"))
print("permuted recovers more than half of the gain on R@10:", recovered > 0.5)

# %% [markdown]
# ## 6. Exercises
#
# **Exercise 1.** $\alpha = .2$, the clip is at 0, and there is no centre. What is the largest $\beta$ for which a pair
# two standard deviations *below* the mean distance is not clipped?

# %%
answer = None
### BEGIN SOLUTION
answer = 0.2 / 2
### END SOLUTION
check_largest_beta(answer)

# %% [markdown]
# **Exercise 2.** Somebody hands you a margin matrix `margin` made by the z-score map, unclipped, and its
# `alpha`. The distances are lost. Make the *reversed* control from it.


# %%
def reversed_margin(margin, alpha):
    ### BEGIN SOLUTION
    return 2 * alpha - margin
    ### END SOLUTION


check_reversed(reversed_margin)

# %% [markdown]
# **Exercise 3.** Make the *permuted* control: `order` is a permutation of the N items, the new matrix has row
# and column `order[k]` of the old one at place `k`.


# %%
def permuted_margin(margin, order):
    ### BEGIN SOLUTION
    return margin[order][:, order]
    ### END SOLUTION


check_permuted(permuted_margin)

# %% [markdown]
# ## Summary
#
# - Standardised functions (z-score, exponential) ignore unit and offset of a distance; affine and threshold do
#   not. The shape matters less than who sets slope and height.
# - $\alpha$ is the mean of the margins, kept by the centre; $\beta$ is their standard deviation where nothing is
#   clipped. Useful: $\beta$ from $\alpha/8$ to $\alpha/2$.
# - Zero margin is not removal; removal is $-\infty$.
# - *Permuted* keeps the histogram and destroys the meaning. No gain without it.
#
# **Previous:** [05 Measuring distance](05_measuring_distance.ipynb) · **Next:** [07 CMGSD](07_cmgsd.ipynb)
#
# ## References
#
# - He, Wang, Feng, Jiang, Lyu, Zhu, Tan. [Improving Video Retrieval by Adaptive
#   Margin](https://arxiv.org/abs/2303.05093). SIGIR 2021. The map used here is a reconstruction from the
#   abstract and an independent public port (MOT++, for text-to-motion); constants and corrections are ours.
# - Kim, Jain, Liu. [AdaFace: Quality Adaptive Margin for Face Recognition](https://arxiv.org/abs/2204.00964).
#   CVPR 2022. A z-score, clipped, with stop-gradient, as a margin.
# - Falcon, Serra, Lanz. [Learning Video Retrieval Models with Relevance-Aware Online
#   Mining](https://arxiv.org/abs/2203.08688). 2022. Margins and mining from labels of relevance.
