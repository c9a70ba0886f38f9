# %% [markdown]
# # 02 · The ranking loss
#
# **One hinge, four losses under one name, and why the most greedy of them learns best from a good start and
# breaks from a bad one.**
#
# Time: about 25 s on two CPU cores (one thread) · Data: 4 x 4 by hand, then MiniVTT · Read before:
# [01 Retrieval](01_retrieval.ipynb)
#
# After this chapter you can
#
# 1. compute the hinge, and its gradient, by hand,
# 2. write down four reductions that all go by the name "max-margin ranking loss",
# 3. recognise a collapsing training by its numbers,
# 4. say why a margin or a learning rate does not transfer from one reduction to another.

# %%
import torch
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.base import line_style, show_figure
from cmgsd_lite.course.plots.retrieval import plot_hinge, plot_matrix
from cmgsd_lite.losses import MaxMarginRankingLoss, ranking_hinge
from cmgsd_lite.runtime import set_threads

set_threads(1)
torch.set_printoptions(precision=3, sci_mode=False)

# %% [markdown]
# ## 1. The hinge by hand
#
# Four texts, four videos, margin $\alpha = 0.2$. Text 3 scores 0.7 with video 2 but only 0.5 with its own
# video 3. The loss wants the own video to lead by 0.2. It trails by 0.2, so 0.4 is missing:
#
# $$0.2 + 0.7 - 0.5 = 0.4$$
#
# Text 4 scores 1.0 with its own video and at most 0.4 with another: it leads by 0.6, nothing is missing, the
# hinge is 0. In general, with the text as anchor (left) and the video as anchor (right):
#
# $$h^{t2v}_{ij} = \max(0,\; M_{ij} + S_{ij} - S_{ii}) \qquad h^{v2t}_{ij} = \max(0,\; M_{ij} + S_{ij} - S_{jj})$$
#
# In this chapter $M_{ij} = \alpha$ everywhere. From chapter 04 on it will not be.

# %%
sim = torch.tensor([[0.6, 0.5, 0.1, 0.2], [0.1, 0.8, 0.2, 0.7], [0.2, 0.7, 0.5, 0.1], [0.0, 0.2, 0.4, 1.0]])


def hinge_text_to_video(sim, margin):
    """What is missing to the margin for text i against video j; 0 on the diagonal."""
    hinge = torch.relu(margin + sim - sim.diagonal()[:, None])
    return hinge.fill_diagonal_(0)


t2v = hinge_text_to_video(sim, 0.2)
v2t = hinge_text_to_video(sim.T, 0.2).T  # swap the roles, swap back
print(t2v)
print(v2t)

theirs = ranking_hinge(sim, 0.2)
assert torch.allclose(t2v, theirs[0])
assert torch.allclose(v2t, theirs[1])
print("both directions equal the package's ranking_hinge")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
plot_matrix(sim, axes[0], digits=1)
plot_hinge([0.1, 0.2, 0.4], axes[1])
show_figure(
    figure,
    "02-hinge",
    "Left: the 4 x 4 similarity matrix. Right: the hinge is zero while the negative trails by more than the "
    "margin, then rises with slope one; a larger margin starts earlier.",
)

# %% [markdown]
# Two things to see on the right. The slope is 0 or 1, nothing between: a violation of 0.01 pushes as hard as
# one of 0.5. And the margin decides only *where the pushing stops*.
#
# ## 2. Four losses, one name
#
# Two 4 x 4 matrices of hinges must become one number. Here the field parts ways.
#
# | name here | per direction | by hand, t2v | by hand, v2t | loss |
# |---|---|---|---|---|
# | `mean` | sum / (N(N-1)) | 0.6 / 12 | 0.2 / 12 | 0.033 |
# | k = 2 | per anchor the mean of its 2 largest, then over anchors | 0.3 / 4 | 0.1 / 4 | 0.050 |
# | `hardest` | per anchor the largest, then the mean over anchors | 0.6 / 4 | 0.2 / 4 | 0.100 |
# | `smooth` | like `hardest` with a smooth maximum (temperature τ) | | | |
# | `sum` | sum; and the two directions are added | 0.6 | 0.2 | 0.800 |
#
# The smooth maximum of one anchor looks at all its negatives, the hard ones most:
#
# $$\tau \cdot \text{softplus}\left( \log \sum_{j \neq i} \exp \frac{M_{ij} + S_{ij} - S_{ii}}{\tau} \right)$$
#
# For $\tau \to 0$ it is `hardest`. (Its temperature here is 0.03.)


# %%
def mean_reduction(t2v, v2t):
    n = len(t2v)
    return (t2v.sum() / (n * (n - 1)) + v2t.sum() / (n * (n - 1))) / 2


def k_reduction(t2v, v2t, k):
    return (t2v.topk(k, dim=1).values.mean() + v2t.topk(k, dim=0).values.mean()) / 2


def hardest_reduction(t2v, v2t):
    return (t2v.amax(dim=1).mean() + v2t.amax(dim=0).mean()) / 2


def smooth_direction(sim, margin, tau=0.03):
    violation = (margin + sim - sim.diagonal()[:, None]).fill_diagonal_(-torch.inf)
    return (tau * torch.nn.functional.softplus(torch.logsumexp(violation / tau, dim=1))).mean()


ours = {
    "mean": mean_reduction(t2v, v2t),
    2: k_reduction(t2v, v2t, 2),
    "hardest": hardest_reduction(t2v, v2t),
    "smooth": (smooth_direction(sim, 0.2) + smooth_direction(sim.T, 0.2)) / 2,
    "sum": t2v.sum() + v2t.sum(),
}
for reduction, value in ours.items():
    assert torch.allclose(value, MaxMarginRankingLoss(0.2, reduction)(sim))
    print(f"{reduction!s:8} {value:.3f}")
print("all equal to the package's MaxMarginRankingLoss")

# %% [markdown]
# One matrix, five numbers from 0.033 to 0.8. None is wrong. They are different losses.
#
# **And three of them share even the class name.** Public code has at least three classes called
# `MaxMarginRankingLoss`. Written down side by side:


# %%
def all_hinges(sim, margin):
    """Both directions, diagonal included: there margin + S[i, i] - S[i, i] = margin."""
    own = sim.diagonal()
    return torch.relu(margin + sim - own[:, None]), torch.relu(margin + sim - own[None, :])


def without_diagonal(sim, margin):  # CE and MMT with fix_norm=True
    rows, columns = all_hinges(sim, margin)
    outside = ~torch.eye(len(sim), dtype=torch.bool)
    return torch.cat([rows[outside], columns[outside]]).mean()


def with_diagonal(sim, margin):  # the same class with fix_norm=False
    return torch.cat(all_hinges(sim, margin)).mean()


def both_added(sim, margin):  # UniVL, CLIP4Clip
    rows, columns = all_hinges(sim, margin)
    return (rows + columns).mean()


gradients = {}
for function in (without_diagonal, with_diagonal, both_added):
    leaf = sim.clone().requires_grad_()
    value = function(leaf, 0.2)
    value.backward()
    gradients[function.__name__] = leaf.grad
    print(f"{function.__name__:17} loss {value:.3f}   largest gradient {leaf.grad.max():.3f}")

# %% [markdown]
# The loss values differ by a factor of 4.5. The gradients have the *same direction* and differ only by a
# factor: the diagonal adds a constant to the loss and nothing to the gradient. That factor is a hidden
# learning rate (Adam forgives it, plain SGD does not). So never compare loss curves across
# code bases, and never copy a learning rate without looking into the loss.

# %%
base = gradients["without_diagonal"]
for name, gradient in gradients.items():
    ratio = gradient.abs().sum() / base.abs().sum()
    assert torch.allclose(gradient, ratio * base)
    print(f"{name:17} gradient = {ratio:.2f} x the first")

# %% [markdown]
# ## 3. Gradients by hand
#
# An active hinge $\alpha + S_{ij} - S_{ii}$ has gradient $+1$ for $S_{ij}$ and $-1$ for $S_{ii}$. A step
# downhill lowers the negative and raises the positive. Count the active hinges and you have the gradient:
#
# - t2v: (1, 2), (2, 4), (3, 2) are active. v2t: (3, 2), (4, 3).
# - `mean` weighs each by $1 / (2 \cdot 12) = 1/24$, `hardest` by $1 / (2 \cdot 4) = 1/8$.
# - $S_{32}$ is active in both directions, so `mean` gives it $2/24 = 0.083$ and `hardest` $2/8 = 0.25$.
#
# In this small example no anchor has two active hinges, so `hardest` is exactly three times `mean`. With 128
# pairs a hardest negative weighs 127 times as much.

# %%
n = len(sim)
outside = ~torch.eye(n, dtype=torch.bool)
active = [(t2v > 0).float(), (v2t > 0).float()]
by_hand = (active[0] + active[1]) / (2 * n * (n - 1))
by_hand -= torch.diag(active[0].sum(dim=1) + active[1].sum(dim=0)) / (2 * n * (n - 1))


def gradient_of(reduction, sim=sim, margin=0.2):
    leaf = sim.clone().requires_grad_()
    MaxMarginRankingLoss(margin, reduction)(leaf).backward()
    return leaf.grad


assert torch.allclose(by_hand, gradient_of("mean"))
assert torch.allclose(3 * by_hand, gradient_of("hardest"))
print("by hand = autograd; all pushes together sum to zero:", bool(by_hand.sum().abs() < 1e-6))

# %%
figure, axes = plt.subplots(2, 2, figsize=(10.5, 7.4), layout="constrained")
for ax, reduction in zip(axes.flat, ("mean", 2, "hardest", "smooth")):
    plot_matrix(gradient_of(reduction), ax, label="gradient of the loss", signed=True, digits=3)
    ax.set_title(f"k = {reduction}" if isinstance(reduction, int) else reduction)
show_figure(
    figure,
    "02-gradients",
    "Four 4 x 4 gradient matrices. Positives on the diagonal are negative (to be raised), violating negatives "
    "are positive (to be lowered). The pattern is alike, the size grows from mean to hardest; smooth gives "
    "the largest violations most of the weight.",
)

# %% [markdown]
# ## 4. The reward for collapsing
#
# Before training, similarities are noise. Let us see what each loss says of noise, and what it says of a
# **collapsed** model that gives every pair the same score. All its hinges are exactly $\alpha$.

# %%
generator = torch.Generator().manual_seed(0)
noise = 0.1 * torch.randn(128, 128, generator=generator)
flat = torch.full((128, 128), 0.3)
print("             noise   collapsed")
for reduction in ("mean", 4, "hardest", "smooth"):
    loss = MaxMarginRankingLoss(0.2, reduction)
    print(f"{reduction!s:10} {loss(noise):7.2f} {loss(flat):9.2f}")

# %% [markdown]
# For `mean` the two are nearly equal: nothing is gained by collapsing. For `hardest` the noise costs twice as
# much as the collapse. The maximum of 127 noisy scores lies far above the positive, and the quickest way to
# bring it down is not to learn anything but to **shrink all differences**. That is a slope that leads away
# from the solution, and it is steepest at the start, when the scores are all noise.
#
# ## 5. Measured
#
# A training loop of one's own, small enough to read. Besides the validation R@10 it records how similar
# *different* clips of a batch are to each other (mean cosine): in a collapse that number runs towards 1.

# %%
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import evaluate

dataset = load_dataset()
prepared = PreparedDataset.of(dataset, queries="protocol")
train, n, epochs = prepared.train, 128, 8
widths = {name: tokens.shape[2] for name, tokens in train.features.items()}
begin, how_many = train.first_caption_and_count()
outside = ~torch.eye(n, dtype=torch.bool)


def batches(generator):
    """Every video once, in random order, with one random caption."""
    for videos in torch.randperm(len(train), generator=generator).split(n):
        if len(videos) == n:
            yield videos, begin[videos] + (torch.rand(n, generator=generator) * how_many[videos]).long()


def train_with(loss_of_epoch, learning_rate=1e-3):
    """Train the small model; same start, batches and captions every time."""
    _ = torch.manual_seed(0)
    model = build_model(ModelConfig("mean-pool", train.text.shape[1], widths), seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(train) // n))
    generator, history = torch.Generator().manual_seed(0), []
    for epoch in range(epochs):
        loss_function, crowding, losses = loss_of_epoch(epoch), [], []
        model.train()
        for videos, captions in batches(generator):
            output = model(train.text[captions], *train.videos(videos))
            loss = loss_function(output.sim)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            unit = torch.nn.functional.normalize(output.video.detach(), dim=1)
            crowding.append((unit @ unit.T)[outside].mean().item())
            losses.append(loss.item())
        recall = evaluate(model, prepared.validation)["t2v"]["R@10"]
        history.append({"R@10": recall, "crowding": sum(crowding) / len(crowding), "loss": sum(losses) / len(losses)})
    return model, history


def always(reduction):
    return lambda epoch: MaxMarginRankingLoss(0.2, reduction)


models, histories = {}, {}
for reduction in ("mean", "hardest", 4, "smooth"):
    name = "4 hardest" if reduction == 4 else reduction
    models[name], histories[name] = train_with(always(reduction))


def warm(epoch):
    return MaxMarginRankingLoss(0.2, "mean" if epoch < 3 else "hardest")


models["mean, then hardest"], histories["mean, then hardest"] = train_with(warm)
print("trained:", ", ".join(histories))

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for i, (name, history) in enumerate(histories.items()):
    for ax, key in zip(axes, ("R@10", "crowding")):
        ax.plot(range(1, epochs + 1), [r[key] for r in history], label=name, marker="o", **line_style(i))
axes[0].set(xlabel="epoch", ylabel="validation R@10, text to video (%)")
axes[1].set(xlabel="epoch", ylabel="mean cosine of different clips in a batch", ylim=(0, 1))
axes[0].legend(fontsize="small")
show_figure(
    figure,
    "02-training",
    "Left: validation R@10 over epochs. Hardest negatives stand still for the first epochs and end lowest; mean "
    "rises at once; mean followed by hardest overtakes mean; the smooth maximum ends highest. Right: under hardest "
    "the clips crowd together, under mean they do not.",
)

# %%
last = {name: history[-1]["R@10"] for name, history in histories.items()}
crowd = {name: history[-1]["crowding"] for name, history in histories.items()}
print("hardest from scratch ends below mean:          ", last["hardest"] < last["mean"])
print("hardest after three epochs of mean ends above: ", last["mean, then hardest"] > last["mean"])
print("4 hardest and smooth end above mean:           ", min(last["4 hardest"], last["smooth"]) > last["mean"])
print("clips crowd most under hardest from scratch:   ", max(crowd, key=crowd.get) == "hardest")
print("its loss stays above the margin of 0.2:        ", all(r["loss"] > 0.2 for r in histories["hardest"]))

# %% [markdown]
# This is the whole story in one figure, from one seed:
#
# - **Breaks sooner.** From a random start `hardest` takes the slope of section 4: the clips crowd into a narrow
#   cone, R@10 stands still for two or three epochs, and the loss creeps down towards the margin from above. Here
#   it recovers, late. Chapter 08 looks at real videos.
# - **Learns more from a good start.** Give it three epochs of `mean` first and it overtakes `mean`. Why? After
#   some epochs most hinges of `mean` are inactive, and its gradient is divided by all 16,256 pairs. `hardest`
#   spends its whole weight where something is left to learn.
# - **The middle is better than both ends.** A few hardest negatives, or a smooth maximum, focus without staking
#   everything on a single pair. Remember `smooth`: it is the plain baseline that any adaptive margin must beat.

# %% tags=["nbval-ignore-output"]
for name, history in histories.items():
    print(f"{name:19} R@10 after each epoch:", " ".join(f"{r['R@10']:3.0f}" for r in history))

# %% [markdown]
# Why should a single hardest negative be dangerous, apart from noise? Because of *which* pair it is. In a batch
# of training data, how many of all negatives are false (the caption is true of them), and how many of the
# hardest ones?

# %%
model = models["mean"].eval()
generator, everywhere, at_hardest = torch.Generator().manual_seed(1), [], []
for videos, captions in batches(generator):
    with torch.inference_mode():
        scores = model(train.text[captions], *train.videos(videos)).sim
    false = torch.from_numpy(minivtt.false_negatives(dataset.train, videos.tolist(), captions.tolist()))
    everywhere.append(false[outside].float().mean())
    hardest = scores.masked_fill(~outside, -2).argmax(dim=1)
    at_hardest.append(false[torch.arange(n), hardest].float().mean())
share, share_hardest = float(torch.stack(everywhere).mean()), float(torch.stack(at_hardest).mean())
print(f"false among all negatives:              {share:.1%}")
print("among the hardest, at least five times as many:", share_hardest > 5 * share)

# %% [markdown]
# The better the model, the more often the "hardest negative" is a right answer. That is the subject of
# [chapter 03](03_false_negatives.ipynb).
#
# ## 6. What does not transfer
#
# **The margin.** Take one batch and compare the gradients at $\alpha = 0.2$ and $0.4$: before training, and
# after training with `mean`.

# %%
videos, captions = next(batches(torch.Generator().manual_seed(2)))
untrained = build_model(ModelConfig("mean-pool", train.text.shape[1], widths), seed=0).eval()
change = {}
for when, model in (("before", untrained), ("after", models["mean"])):
    with torch.no_grad():
        scores = model(train.text[captions], *train.videos(videos)).sim
    for reduction in ("mean", "hardest"):
        small, large = gradient_of(reduction, scores, 0.2), gradient_of(reduction, scores, 0.4)
        change[when, reduction] = float((large - small).abs().sum() / small.abs().sum())

print("before training, below 5 % under both:   ", max(change["before", r] for r in ("mean", "hardest")) < 0.05)
print("after, under hardest still below 25 %:   ", change["after", "hardest"] < 0.25)
print("after, under mean above 50 %:            ", change["after", "mean"] > 0.5)

# %% tags=["nbval-ignore-output"]
for (when, reduction), value in change.items():
    print(f"{when:6} {reduction:8} the gradient changes by {value:4.0%}")

# %% [markdown]
# Under `hardest` little changes: nearly every anchor violates the margin anyway, and then the margin drops out
# of the gradient. It is hardly a knob at all. Under `mean` it decides which pairs take part. A margin tuned for
# one says nothing about the other.
#
# **The learning rate.** Three times the rate, for both:

# %%
fast = {r: train_with(always(r), learning_rate=3e-3)[1][-1]["R@10"] for r in ("mean", "hardest")}
print("a three times higher rate helps mean:", fast["mean"] > last["mean"])
print("and harms hardest:                   ", fast["hardest"] < last["hardest"])

# %% [markdown]
# Whoever compares two losses at one learning rate has chosen the winner beforehand. The course's comparisons
# are between *margins* under one reduction, with everything else equal, and say so.
#
# ## 7. Exercises
#
# **Exercise 1.** Write the hinge with the *video* as anchor, [N, N], without using the function above. Rows
# stay texts, columns stay videos.

# %%
from cmgsd_lite.course.exercises.chapter02 import check_collapsed_loss, check_k_hardest, check_video_to_text


def hinge_video_to_text(sim, margin):
    ### BEGIN SOLUTION
    hinge = torch.relu(margin + sim - sim.diagonal()[None, :])
    return hinge.fill_diagonal_(0)
    ### END SOLUTION


check_video_to_text(hinge_video_to_text)

# %% [markdown]
# **Exercise 2.** You watch a training with the `hardest` loss, margin 0.2. At which value does the loss stand
# if the model has collapsed (every similarity is equal)?

# %%
answer = None
### BEGIN SOLUTION
answer = 0.2 + 0.3 - 0.3
### END SOLUTION
check_collapsed_loss(answer)

# %% [markdown]
# **Exercise 3.** Write the loss over the k hardest negatives of every anchor: the mean of its k largest hinges
# (zeros included), the mean over anchors, the mean of both directions.


# %%
def k_hardest_loss(sim, margin, k):
    ### BEGIN SOLUTION
    own = sim.diagonal()
    rows = torch.relu(margin + sim - own[:, None]).fill_diagonal_(0)
    columns = torch.relu(margin + sim - own[None, :]).fill_diagonal_(0)
    return (rows.topk(k, dim=1).values.mean() + columns.topk(k, dim=0).values.mean()) / 2
    ### END SOLUTION


check_k_hardest(k_hardest_loss)

# %% [markdown]
# ## Summary
#
# - The hinge asks the positive to lead by the margin; its gradient is +1 and -1, or nothing.
# - `mean`, k, `hardest`, `smooth` and `sum` are five losses. Names do not tell them apart; code does.
# - `hardest` rewards shrinking all differences while scores are noise: a loss standing at the margin is its sign.
# - Focus on hard negatives pays after a good start; the smooth middle is the strong plain baseline.
# - Margins and learning rates do not transfer between reductions.
#
# **Before:** [01 Retrieval](01_retrieval.ipynb) · **Next:** [03 False negatives](03_false_negatives.ipynb)
#
# ## References
#
# - Faghri, Fleet, Kiros, Fidler. [VSE++: Improving Visual-Semantic Embeddings with Hard
#   Negatives](https://arxiv.org/abs/1707.05612). BMVC 2018 (`sum`, `hardest`).
# - Miech, Laptev, Sivic. [Learning a Text-Video Embedding from Incomplete and Heterogeneous
#   Data](https://arxiv.org/abs/1804.02516). 2018; Liu et al. [CE](https://arxiv.org/abs/1907.13487), BMVC 2019;
#   Gabeur et al. [MMT](https://arxiv.org/abs/2007.10639), ECCV 2020 (`mean`).
# - Luo et al. [UniVL](https://arxiv.org/abs/2002.06353). 2020; [CLIP4Clip](https://arxiv.org/abs/2104.08860).
#   2022 (both directions added).
# - `smooth` and the k hardest, in the form used here, are ours.
