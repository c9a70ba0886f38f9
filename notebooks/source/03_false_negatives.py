# %% [markdown]
# # 03 · False negatives
#
# *How many negatives are right answers, and what does the loss do to them?*
#
# Time: about 25 s on two CPU cores (one thread) · Data: MiniVTT, embedded · Read before: [02 The ranking
# loss](02_ranking_loss.ipynb)
#
# After this chapter you can
#
# 1. count the false negatives of a batch, and say why the mean alone misleads;
# 2. show by hand and by autograd what the loss does to exact and to near duplicates;
# 3. say why `mean` hides false negatives and `hardest` suffers from them;
# 4. read the similarities of positives, false negatives and true negatives over training;
# 5. look at single false negatives with their margins and forces.

# %%
import numpy as np
import torch

from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training.prepare import PreparedDataset

set_threads(1)
dataset = load_dataset()
train = dataset.train
prepared = PreparedDataset.of(dataset).train
texts = [text for video in train.video_ids for text in train.captions[video]]
print(f"{len(train):,} training clips, {len(texts):,} captions")

# %% [markdown]
# ## 1. Four captions, four clips
#
# | | clip 1: red dog | clip 2: brown dog | clip 3: boat | clip 4: bird in snow |
# |---|---|---|---|---|
# | text 1: "a red dog runs" | **own** | | | |
# | text 2: "there is a dog" | true as well | **own** | | |
# | text 3: "a boat on the sea" | | | **own** | |
# | text 4: "something in the snow" | | | | **own** |
#
# The loss knows the diagonal, and takes the other $4 \cdot 3 = 12$ pairs as negatives. One of them is wrong:
# text 2 is true of clip 1. Pair (2, 1) is a **false negative**. Mind the direction: text 1 is *not* true of
# clip 2. A vague caption fits many clips; a precise one of the same clip does not.

# %%
true = torch.tensor(
    [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]
)


def false_negatives(true):
    """Pairs off the diagonal that are true: rows are texts, columns are videos."""
    return true & ~torch.eye(len(true), dtype=torch.bool)


false = false_negatives(true)
print("false negatives (text, clip):", [(i + 1, j + 1) for i, j in false.nonzero().tolist()])
print(f"share of the negatives: 1 of {4 * 3}")
print("the other way round as well:", bool((false & false.T).any()))

# %% [markdown]
# ## 2. How many are there?
#
# For real videos nobody knows. MiniVTT is drawn by code, so every caption's claim can be checked against
# every clip. We draw batches as training does (128 clips, one caption each) and count. The three variants
# describe the same clips; their captions are more or less vague.

# %%
N = 128


def draw_batches(split, count, seed=0):
    """Rows of clips and numbers of captions of some batches: each clip with one of its captions."""
    generator = torch.Generator().manual_seed(seed)
    how_many = torch.tensor([len(split.captions[video]) for video in split.video_ids])
    first = how_many.cumsum(0) - how_many
    for _ in range(count):
        videos = torch.randperm(len(split), generator=generator)[:N]
        yield videos, first[videos] + (torch.rand(N, generator=generator) * how_many[videos]).long()


variants = {name: load_dataset("minivtt", name).train for name in ("low", "default", "high")}
truth = {name: torch.from_numpy(minivtt.entailment(split)) for name, split in variants.items()}
counts = {
    name: torch.cat([false_negatives(truth[name][c][:, v]).sum(1) for v, c in draw_batches(split, 20)])
    for name, split in variants.items()
}

# Our count is the package's.
videos, captions = next(draw_batches(train, 1))
ours = false_negatives(truth["default"][captions][:, videos])
assert np.array_equal(ours, minivtt.false_negatives(train, videos.tolist(), captions.tolist()))
print("agrees with minivtt.false_negatives")

# %%
import pandas as pd

table = pd.DataFrame(
    {
        name: {
            "mean of a caption": f"{count.float().mean():.1f}",
            "median": f"{count.float().median():.0f}",
            "captions with any": f"{(count > 0).float().mean():.0%}",
            "most": f"{count.max()} of {N - 1}",
            "share of the negatives": f"{count.float().mean() / (N - 1):.1%}",
        }
        for name, count in counts.items()
    }
)
print(table.to_string())

# %%
from cmgsd_lite.course.plots.false_negatives import plot_false_negative_counts

ax = plot_false_negative_counts({name: count.numpy() for name, count in counts.items()})
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "03-counts",
    "Three falling lines: the share of captions with at least so many false negatives in their batch. "
    "The line of the vague captions lies highest, that of the precise ones lowest; all have a long tail.",
)

# %% [markdown]
# Mean and median tell different stories. In the default variant the median caption has no false negative at
# all, while a few vague ones ("something is shown") are true of a large part of the batch. Quote both.
#
# ### And in real data?
#
# Without a truth one can count **exact twins**: captions that stand word for word at another video as well.

# %%
from collections import defaultdict


def twin_share(captions_of):
    """Share of the caption rows that stand at another video too."""
    found_at = defaultdict(set)
    for video, captions in captions_of.items():
        for caption in captions:
            found_at[caption].add(video)
    rows = [caption for captions in captions_of.values() for caption in captions]
    return sum(len(found_at[caption]) > 1 for caption in rows) / len(rows)


for name in ("low", "default", "high"):
    variant = load_dataset("minivtt", name)
    everything = {**variant.train.captions, **variant.validation.captions, **variant.test.captions}
    print(f"{name:8s} {twin_share(everything):.1%} of {sum(map(len, everything.values())):,} caption rows")

# %% [markdown]
# On MSR-VTT the same count gives **13.7 %** of all caption rows ([data/README.md](../data/README.md)):
# between our low and default variant. Twins are a *lower bound* for false negatives: a caption can be true
# of a clip none of whose captions repeats it. How far below? For images somebody asked people. In MS-COCO a
# caption counts one image as right. ECCV Caption (Chun et al., ECCV 2022) had the candidates of several
# models checked and found **8.47 times** as many right images.
#
# ### Look at some
#
# One caption of the batch above, its own clip (first row), and clips of the *same batch* that the loss calls
# negatives.

# %%
count = ours.sum(1)
i = int(((count >= 4) & (count <= 6) & truth["default"][captions, videos]).nonzero()[0])
shown = [i, *ours[i].nonzero().flatten().tolist()[:3]]
ids = [train.video_ids[videos[j]] for j in shown]
lines = [
    f"{'own clip' if j == i else 'negative'}: {minivtt.clip(name).facets()}"
    for j, name in zip(shown, ids, strict=True)
]
print("caption:", texts[captions[i]])
show_figure(
    minivtt.contact_sheet(ids, lines, frames=5),
    "03-examples",
    "Four clips, one row each: the caption's own clip on top, below it three other clips of the same batch of "
    "which the caption is true as well.",
)

# %% [markdown]
# ## 3. What the loss does to an exact duplicate
#
# Do not guess; ask the derivative. Take two pairs that are exact duplicates: $t_1 = t_2$, $v_1 = v_2$. The
# hinge of text 1 against video 2 is
#
# $$h_{12} = \max(0,\; M + S_{12} - S_{11}) = \max(0,\; M + t_1 \cdot v_2 - t_1 \cdot v_1) = M$$
#
# The two similarities are the same number, *whatever the weights*: an encoder maps equal inputs to equal
# outputs. So the term is constant and its gradient is zero. An exact duplicate is not pushed away. It costs
# something else.

# %%
from cmgsd_lite.losses import MaxMarginRankingLoss

encoder = torch.nn.Linear(6, 4, bias=False, dtype=torch.float64)
with torch.no_grad():
    encoder.weight.copy_(torch.randn(4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
generator = torch.Generator().manual_seed(1)
text = torch.nn.functional.normalize(torch.randn(1, 4, generator=generator, dtype=torch.float64), dim=1)
clip = torch.randn(1, 6, generator=generator, dtype=torch.float64)

for reduction in ("mean", "hardest", "smooth"):
    video = torch.nn.functional.normalize(encoder(clip.repeat(2, 1)), dim=1)
    loss = MaxMarginRankingLoss(0.2, reduction)(text.repeat(2, 1) @ video.T)
    (gradient,) = torch.autograd.grad(loss, encoder.weight)
    print(f"{reduction:8s} loss {loss:.2f}, gradient zero: {bool(gradient.abs().max() < 1e-12)}")

# %% [markdown]
# **Starvation.** Now add a third pair, a *true* negative that does violate the margin. Items 1 and 2 are
# duplicates with similarity .5 everywhere; item 3 is near both (.4).

# %%
sim = torch.tensor([[0.5, 0.5, 0.4], [0.5, 0.5, 0.4], [-1.0, -1.0, 0.9]], dtype=torch.float64)


def forces(sim, reduction, margin=0.2):
    """Gradient with respect to every similarity: positive entries are pushed down by descent."""
    sim = sim.clone().requires_grad_()
    MaxMarginRankingLoss(margin, reduction)(sim).backward()
    return sim.grad


for reduction in ("mean", "hardest", 2):
    force = forces(sim, reduction)
    print(f"{reduction!s:8s} push of text 1 against its twin {force[0, 1]:.3f}, against item 3 {force[0, 2]:.3f}")
assert forces(sim, "hardest")[0, 2] == 0
assert forces(sim, "mean")[0, 2] > 0
assert forces(sim, 2)[0, 2] > 0

# %% [markdown]
# With `hardest`, the anchor has one slot, and the twin sits in it: similarity .5 is more than .4. The push
# against the twin comes to nothing in the encoder (the pull on $S_{11}$ and the push on $S_{12}$ are the
# same direction), and item 3, which really violates, is never touched. The anchor **starves**. `mean` and
# "the two hardest" feed item 3 as well.
#
# ## 4. What the loss does to a near duplicate
#
# Let the two differ a little. Write both terms of the pair, margins left out:
#
# $$(S_{12} - S_{11}) + (S_{21} - S_{22}) = t_1 \cdot (v_2 - v_1) - t_2 \cdot (v_2 - v_1)
# = (t_1 - t_2) \cdot (v_2 - v_1)$$
#
# A product of *two small differences*. If both terms are active, their pushes nearly cancel, the more the
# nearer the two. If only one is active, $t_1 \cdot (v_2 - v_1)$ is left: its gradient has full length
# however near they are. In `mean` both are active as long as they violate. In `hardest` both are active only
# if *each picks the other*.

# %%
from cmgsd_lite.course.plots.false_negatives import plot_net_push
from cmgsd_lite.losses import ranking_hinge
from cmgsd_lite.similarity import cosine_similarity_matrix


def net_push(difference, terms):
    """Distance of two clips, and the gradient on their difference of some of the pair's two terms."""
    own, other = 0.4, (1 - 0.4**2) ** 0.5  # text and clip of a pair have cosine .4
    text = torch.tensor([[own, other, difference], [own, other, -difference]], dtype=torch.float64)
    video = torch.tensor([[1, 0, difference], [1, 0, -difference]], dtype=torch.float64).requires_grad_()
    hinge, _ = ranking_hinge(cosine_similarity_matrix(text, video), 0.5)
    sum(hinge[i, j] for i, j in terms).backward()
    unit = torch.nn.functional.normalize(video.detach(), dim=1)
    return 1 - unit[0] @ unit[1], ((video.grad[0] - video.grad[1]) / 2).norm()


steps = torch.logspace(-2.5, -0.7, 12, dtype=torch.float64)
both = torch.tensor([net_push(step, [(0, 1), (1, 0)]) for step in steps])
one = torch.tensor([net_push(step, [(0, 1)]) for step in steps])
ax = plot_net_push(both[:, 0], {"one term active": one[:, 1], "both terms active": both[:, 1]})
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "03-net-push",
    "Two lines on logarithmic axes: with one term active the push stays the same however near the two clips are; "
    "with both terms active it falls towards zero as they come nearer.",
)
assert both[0, 1] < 0.02 * one[0, 1]

# %% [markdown]
# The same with the real reductions. Items 1 and 2 are near duplicates, and video 3 is made the hardest
# negative of text 2, so that only text 1 picks its twin.

# %%
text = torch.tensor([[1.0, 0.02, 0.0], [1.0, -0.02, 0.1], [0.0, 0.0, 1.0]], dtype=torch.float64)
video = torch.tensor([[1.0, 0.01, 0.0], [1.0, -0.01, 0.0], [1.0, -0.02, 0.1]], dtype=torch.float64)
for reduction in ("mean", "hardest"):
    force = forces(cosine_similarity_matrix(text, video), reduction)
    left = (force[0, 1] - force[1, 0]).abs() / force[0, 1]
    print(f"{reduction:8s} push of (1, 2) {force[0, 1]:.2f}, of (2, 1) {force[1, 0]:.2f}: {left:.0%} is not cancelled")

# %% [markdown]
# That is one half of the answer: *`hardest` pushes a right answer away with full weight unless the choice is
# mutual*. (Here text 1 picks video 2, but text 2 picks video 3. The .17 of pair (2, 1) comes from the other
# direction: video 1 picks text 2, and video 2 picks text 1.)
#
# But how often is it mutual at all? Our 4 x 4 table had an asymmetric false negative. Count on the batches.

# %%
mutual = total = 0
for v, c in draw_batches(train, 20):
    found = false_negatives(truth["default"][c][:, v])
    mutual, total = mutual + (found & found.T).sum(), total + found.sum()
print(f"false negatives whose mirror image is one too: {mutual / total:.0%}")

# %% [markdown]
# Few. So cancellation protects near duplicates, not the many vague captions. The other half of the answer is
# about numbers: in `mean` each false negative is one of 127 negatives; in `hardest` there is one slot, and
# the question is who gets it. A good model gives false negatives *high* similarities. So the better the
# model, the more often the hardest negative is a false one.
#
# ## 5. Watching a training
#
# A small training loop, written out so that we can look inside. It notes at every step whether the hardest
# negative of each text is a false one, and keeps the similarities of all training clips with their first
# caption before, during and after training. Five losses, one seed, the same batches:
#
# - `mean` and `hardest` with the fixed margin .2;
# - `hardest` with the adaptive margin: small for similar pairs, large for others. [Chapter
#   04](04_deriving_the_margin.ipynb) derives it, [chapter 07](07_cmgsd.ipynb) puts all its parts together;
# - its control, the *permuted* margin: the same spread of margins, handed to the wrong pairs;
# - `hardest` with the fixed margin and all false negatives *masked*, which only a world with a truth can do.

# %%
from cmgsd_lite.losses import CMGSDLoss, PermutedCMGSDLoss
from cmgsd_lite.margins import mask_margin
from cmgsd_lite.models import ModelConfig, build_model

EPOCHS, STEPS = 10, 15
widths = {name: tokens.shape[2] for name, tokens in prepared.features.items()}
config = ModelConfig("mean-pool", prepared.text.shape[1], widths)
first, _ = prepared.first_caption_and_count()


@torch.no_grad()
def similarities(model):
    model.eval()
    return model(prepared.text[first], prepared.features, prepared.masks).sim


def loss_of(loss, output, v, progress, false):
    if loss == "masked":
        return MaxMarginRankingLoss(0.2, "hardest")(output.sim, margin=mask_margin(false, 0.2))
    if isinstance(loss, CMGSDLoss):
        own = {"text": output.text, "video": output.video}
        teachers = {"text_teacher": prepared.text_teacher[v], "video_teacher": prepared.video_teacher[v]}
        return loss(output.sim, **own, **teachers, progress=progress)
    return loss(output.sim)


def hardest_is_false(sim, false):
    """Share of the texts whose hardest negative is a false negative."""
    hardest = sim.detach().clone().fill_diagonal_(-2).argmax(dim=1)
    return false[torch.arange(len(sim)), hardest].float().mean()


# %%
def watched_training(loss, seed=0):
    torch.manual_seed(seed)  # for dropout
    model = build_model(config, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * STEPS)
    looks, shares = {"before": similarities(model)}, torch.zeros(EPOCHS * STEPS)
    for step, (v, c) in enumerate(draw_batches(train, EPOCHS * STEPS, seed)):
        model.train()
        output = model(prepared.text[c], *prepared.videos(v))
        false = false_negatives(truth["default"][c][:, v])
        shares[step] = hardest_is_false(output.sim, false)
        optimizer.zero_grad()
        loss_of(loss, output, v, step / (EPOCHS * STEPS), false).backward()
        optimizer.step()
        schedule.step()
        if step + 1 in (2 * STEPS, EPOCHS * STEPS):
            looks["after 2 epochs" if step + 1 == 2 * STEPS else f"after {EPOCHS} epochs"] = similarities(model)
    return model.eval(), looks, 100 * shares.view(EPOCHS, STEPS).mean(dim=1)


# %%
losses = {
    "mean, fixed": MaxMarginRankingLoss(0.2, "mean"),
    "hardest, fixed": MaxMarginRankingLoss(0.2, "hardest"),
    "hardest, permuted": PermutedCMGSDLoss(0.2, beta=0.05, reduction="hardest"),
    "hardest, adaptive": CMGSDLoss(0.2, beta=0.05, reduction="hardest"),
    "hardest, masked": "masked",
}
trained = {name: watched_training(loss) for name, loss in losses.items()}

# %% [markdown]
# ### Who sits in the slot?

# %%
from cmgsd_lite.course.plots.false_negatives import plot_over_epochs

chance = 100 * float(counts["default"].float().mean()) / (N - 1)
curves = {name: shares.tolist() for name, (_, _, shares) in trained.items()}
ax = plot_over_epochs(curves, label="hardest negative is a false one (%)", chance=chance)
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "03-hardest-is-false",
    "Lines over epochs: the share of texts whose hardest negative is a false negative lies above the share among all "
    "negatives from the first epoch on and rises to several times that, under every loss.",
)
for name, shares in curves.items():
    assert shares[-1] > 3 * chance, name
print(f"share of false negatives among all negatives: {chance:.0f} %")
print("among the hardest ones at the end, more than three times as much under every loss: True")

# %% [markdown]
# The line rises for `mean` as well, which does not pick the hardest: the *model* puts false negatives on top,
# because they are right. It is `hardest` that then spends its only push on them.
#
# ### Three distributions

# %%
from cmgsd_lite.course.plots.false_negatives import plot_distributions_over_training

true_of_first = truth["default"][first]
own = torch.eye(len(train), dtype=torch.bool)


def groups(sim):
    parts = {
        "positives": own,
        "false negatives": true_of_first & ~own,
        "true negatives": ~true_of_first & ~own,
    }
    return {name: sim[mask] for name, mask in parts.items()}


panels = {
    name: {moment: groups(sim) for moment, sim in looks.items()} for name, (_, looks, _) in trained.items()
}
show_figure(
    plot_distributions_over_training(panels),
    "03-distributions",
    "A grid of similarity distributions: losses from top to bottom, before, during and after training from left to "
    "right. Before training all three groups coincide. Afterwards false negatives lie between true negatives and "
    "positives; with the fixed margin and the hardest negative, masked or not, all three are squeezed into a "
    "narrow band.",
)

# %% [markdown]
# Read the grid row by row; the short ticks on top are the groups' means, and the density axes differ. Nobody
# told the model which negatives are false; still they end up *between* true negatives and positives. Two
# numbers for each row, both without a unit, because the losses use different scales:
#
# - **FN above TN**: the chance that a false negative has a higher similarity than a true one (the AUC:
#   area under the ROC curve; 50 % is guessing);
# - **positive above FN**: the same for positives against false negatives. If captions told nothing but what
#   is true, 50 % would be ideal: both are right answers. What is above is partly memory: the pair was seen
#   together.

# %% tags=["nbval-ignore-output"]
from scipy.stats import mannwhitneyu


def above(high, low):
    return mannwhitneyu(high, low).statistic / (len(high) * len(low))


rows = {}
for name, moments in panels.items():
    last = list(moments.values())[-1]
    positive, false_ones, true_ones = (last[group].numpy() for group in last)
    rows[name] = {
        "positive": f"{positive.mean():.2f}",
        "FN": f"{false_ones.mean():.2f}",
        "TN": f"{true_ones.mean():.2f}",
        "spread of TN": f"{true_ones.std():.2f}",
        "FN above TN": f"{above(false_ones, true_ones[::7]):.0%}",
        "positive above FN": f"{above(positive, false_ones):.0%}",
    }
print(pd.DataFrame(rows).T.to_string())

# %%
spread = {name: float(list(m.values())[-1]["true negatives"].std()) for name, m in panels.items()}
assert spread["hardest, fixed"] < 0.7 * spread["hardest, permuted"] < spread["mean, fixed"]
assert spread["hardest, masked"] < 0.8 * spread["hardest, permuted"] < 0.8 * spread["hardest, adaptive"]
print("narrowest bands: hardest with the fixed margin, masked or not: True")
print("a spread of the margin widens the band, even one without meaning: True")
print("the adaptive margin widens it further: True")

# %% [markdown]
# An honest reading, because it is tempting to tell a story here. The fixed margin with `hardest` squeezes all
# similarities into a narrow band. Are the false negatives to blame? The last row says no: with every one of
# them masked the band stays nearly as narrow. `hardest` does that by itself, and a spread of the margin widens
# the band *even if the margins are permuted and mean nothing*. That is softening. The adaptive margin widens
# it further, but a wider band is not yet a better order. What the false negatives cost the order shows in "FN
# above TN": look at the masked row, where nothing pushes them, and then at how much of that lead the adaptive
# margin gets. It is little or nothing. One seed proves nothing either;
# [chapter 09](09_when_does_it_help.ipynb) compares with paired seeds and intervals.
#
# ### Where the push goes
#
# The gradient with respect to $S$ says what each loss would do with *one and the same* model (the one
# trained with `mean`), over ten batches. Of all the pushing (positive entries), which share hits false
# negatives? The control belongs to it: the permuted margin.

# %%
from cmgsd_lite.course.explore.false_negatives import pair_forces
from cmgsd_lite.course.plots.false_negatives import plot_shares
from cmgsd_lite.margins import permute_margin

model = trained["mean, fixed"][0]
adaptive = CMGSDLoss(0.2, beta=0.05)


def embedded(v, c):
    """Similarities and adaptive margins of a batch, half way from teachers to model (chapter 07)."""
    with torch.no_grad():
        output = model(prepared.text[c], *prepared.videos(v))
    teachers = {"text_teacher": prepared.text_teacher[v], "video_teacher": prepared.video_teacher[v]}
    margin = adaptive.margins(output.sim, text=output.text, video=output.video, **teachers, progress=0.4)
    return output.sim, margin["combined"]


def push_on_false_negatives(reduction, kind):
    generator = torch.Generator().manual_seed(0)
    hit = pushed = 0.0
    for v, c in draw_batches(train, 10, seed=5):
        sim, margin = embedded(v, c)
        chosen = {"fixed": 0.2, "permuted": permute_margin(margin, generator), "adaptive": margin}[kind]
        push = pair_forces(sim, chosen, reduction).clamp_min(0)
        hit += float(push[false_negatives(truth["default"][c][:, v])].sum())
        pushed += float(push.sum())
    return 100 * hit / pushed


# The package's forces are our gradient, in units of one anchor's weight.
sim, margin = embedded(*next(draw_batches(train, 1)))
torch.testing.assert_close(pair_forces(sim, 0.2, "hardest"), 2 * N * forces(sim, "hardest"))
print("agrees with pair_forces")

shares = {
    label: {kind: push_on_false_negatives(reduction, kind) for kind in ("fixed", "permuted", "adaptive")}
    for label, reduction in (("mean", "mean"), ("4 hardest", 4), ("smooth", "smooth"), ("hardest", "hardest"))
}

# %%
ax = plot_shares(shares, chance, label="share of the push that hits false negatives (%)")
ax.figure.set_size_inches(8, 5)
show_figure(
    ax.figure,
    "03-push-shares",
    "Groups of three bars, fixed, permuted and adaptive margin. The mean over all pairs sends the smallest share of "
    "its push to false negatives; few hardest, smooth and hardest about twice as much; adaptive bars are the shortest "
    "of each group.",
)
SHARP = ("4 hardest", "smooth", "hardest")
assert all(shares[r]["fixed"] > 1.5 * shares["mean"]["fixed"] for r in SHARP)
assert all(shares[r]["adaptive"] < min(shares[r]["fixed"], shares[r]["permuted"]) for r in SHARP)
print("mean sends the smallest share to false negatives: True")
print("the adaptive margin takes push off them under 4, smooth and hardest: True")

# %% [markdown]
# Before training nearly every pair violates the margin, so `mean` starts near the dashed line. As training goes on, true
# negatives are satisfied and drop out; what is left is richer in false negatives, even for `mean`. Still it
# sends them the smallest share, spread over many pairs. The sharper reductions look for what violates most
# and hit more right answers. A smaller margin for similar pairs takes *part* of the push off them, and here
# it is the meaning that does it: the permuted bars stay nearly where the fixed ones are. It is a small part. The
# distances are right only on average, and margin or not, a pair with $S_{ij} > S_{ii}$ stays active
# ([chapter 04](04_deriving_the_margin.ipynb)).
#
# **Duplicates starve, near ones are pushed: what goes wrong if one simply removes them?** That needs to know
# them. Real data sets do not say who they are. [Chapter 10](10_other_answers.ipynb) compares masks and
# thresholds.
#
# ## 6. Explorer: one anchor at a time
#
# The picture below takes one caption of a batch: its own clip, its false negatives, and its hardest true
# negatives; under each the margin (fixed .2 or adaptive) and the push on the pair. A push of 1 is all that
# one anchor has to give under the `hardest` reduction; both directions count.

# %%
from cmgsd_lite.course.explore.false_negatives import (
    ALT,
    ExploredBatch,
    anchor_figure,
    explore_false_negatives,
)

videos, captions = next(draw_batches(train, 1, seed=7))
sim, margin = embedded(videos, captions)
batch = ExploredBatch(
    [texts[c] for c in captions],
    [train.video_ids[v] for v in videos],
    sim,
    truth["default"][captions][:, videos].numpy(),
    {"fixed": 0.2, "adaptive": margin},
)
anchor = next(a for a in batch.anchors() if batch.false_negatives()[a].sum() == 4)
show_figure(anchor_figure(batch, anchor, "smooth"), "03-explorer", ALT)

# %% [markdown]
# Move the slider to choose another anchor (click on its handle, then use the arrow keys), and try the other
# reductions. Which false negatives keep a large margin, and why? Look at what the clips share.

# %% tags=["nbval-ignore-output"]
explore_false_negatives(batch)

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** `sim` [N, N] and `true` [N, N] (bool; rows are texts, columns are videos). Return the share
# of the *videos* whose hardest negative text is a false negative. Careful: which direction is that?

# %%
from cmgsd_lite.course.exercises.chapter03 import check_duplicates, check_twin_share, check_video_anchors


def hardest_text_is_false(sim, true):
    ### BEGIN SOLUTION
    hardest = sim.clone().fill_diagonal_(-2).argmax(dim=0)
    return true[hardest, torch.arange(len(sim))].float().mean()
    ### END SOLUTION


check_video_anchors(hardest_text_is_false)

# %% [markdown]
# **Exercise 2.** A batch holds two pairs that are exact duplicates, and nothing else. Margin .3, reduction
# `hardest`. What is the loss, and how long is its gradient with respect to the encoder's weights?

# %%
loss_value, gradient_length = None, None
### BEGIN SOLUTION
loss_value, gradient_length = 0.3, 0.0
### END SOLUTION
check_duplicates(loss_value, gradient_length)

# %% [markdown]
# **Exercise 3.** `captions_of` is a dictionary of lists: captions by video. Return the share of caption
# *rows* that have a twin at another video, but do not tell apart upper and lower case. (A caption repeated
# at its own video only is no twin.)


# %%
def loose_twin_share(captions_of):
    ### BEGIN SOLUTION
    return twin_share({video: [c.lower() for c in captions] for video, captions in captions_of.items()})
    ### END SOLUTION


check_twin_share(loose_twin_share)

# %% [markdown]
# ## Summary
#
# - MiniVTT's default captions have some four false negatives each in a batch of 128; the median is zero.
#   MSR-VTT has 13.7 % exact twins, a lower bound.
# - An exact duplicate gets no gradient under any reduction. Under `hardest` it starves its anchor.
# - Near duplicates cancel if both terms are active. `hardest` pushes one-sidedly with full weight. Most
#   false negatives are one-sided anyway, so what counts is how often they get the slot.
# - The better the model, the more often the hardest negative is a false one.
# - The adaptive margin takes some push off false negatives, and a permuted one hardly any. Under `hardest` it
#   also widens the band of similarities, but a part of that any spread of the margin does too.
#
# **Before:** [02 The ranking loss](02_ranking_loss.ipynb) · **Next:** [04 Deriving the
# margin](04_deriving_the_margin.ipynb)
#
# ## References
#
# - Chun, Kim, Park, Chang, Oh. [ECCV Caption: Correcting False Negatives by Collecting
#   Machine-and-Human-verified Image-Caption Associations for MS-COCO](https://arxiv.org/abs/2204.03359).
#   ECCV 2022.
# - Faghri, Fleet, Kiros, Fidler. [VSE++: Improving Visual-Semantic Embeddings with Hard
#   Negatives](https://arxiv.org/abs/1707.05612). BMVC 2018.
# - He, Wang, Feng, Jiang, Lyu, Zhu, Tan. [Improving Video Retrieval by Adaptive
#   Margin](https://arxiv.org/abs/2303.05093). SIGIR 2021. What runs here is a reconstruction from the
#   abstract and an independent public port (MOT++, for text-to-motion); constants and corrections are ours.
