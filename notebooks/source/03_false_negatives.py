# %% [markdown]
# # 03 · False negatives
#
# **How many negatives are right answers, and what does a loss do to them?**
#
# Time: about 35 s on one core · For you: about 70 minutes · Data: MiniVTT, embedded · Read before: [02 From
# cross-entropy to the ranking loss](02_ranking_loss.ipynb)
#
# After this chapter you can
#
# 1. count the false negatives of a batch, and say why their mean alone misleads;
# 2. show by hand what a loss does to exact and to near duplicates;
# 3. read how positives, false and true negatives move apart in a training, text by text;
# 4. say which share of the push hits right answers, under which loss.
#
# ## 1. Four captions, four clips
#
# | | clip 1: red dog | clip 2: brown dog | clip 3: boat | clip 4: bird in snow |
# |---|---|---|---|---|
# | text 1: "a red dog runs" | **own** | | | |
# | text 2: "there is a dog" | true as well | **own** | | |
# | text 3: "a boat on the sea" | | | **own** | |
# | text 4: "something in the snow" | | | | **own** |
#
# The loss knows the diagonal and takes all other pairs as negatives. Text 2 is true of clip 1: the pair (2, 1) is a
# **false negative**. All other negatives here are **true negatives**. Mind the direction: text 1 is *not* true of clip
# 2. A vague caption fits many clips, a precise one of the same clip does not.
#
# For real videos nobody knows the truth. MiniVTT is drawn by code, so what a caption claims can be checked against every
# clip. `draw_batch` draws as training does: 128 clips, each with one of its captions. Here is one caption of a batch
# with its own clip (first row) and three clips of the *same batch* that a loss would call negatives.

# %%
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.small_training import draw_batch
from cmgsd_lite.data import minivtt
from cmgsd_lite.runtime import set_threads

set_threads(1)
batch = draw_batch(1)
anchor = next(i for i in range(128) if batch.true[i, i] and batch.false[i].sum() == 5)
rows = [anchor, *batch.false[anchor].nonzero().flatten().tolist()[:3]]
clips = [batch.clip(j) for j in rows]
lines = [
    f"{'own clip' if j == anchor else 'negative'}: {minivtt.clip(c).facets()}" for j, c in zip(rows, clips)
]
print("caption:", batch.words(anchor))
show_figure(
    minivtt.contact_sheet(clips, lines, frames=5),
    "03-examples",
    "Four clips, one row each, time from left to right: the caption's own clip on top, below it three other clips of "
    "the same batch of which the caption is true as well.",
)

# %% [markdown]
# **Stop here and say it in your own words**: is being a false negative a property of two clips?
#
# <details><summary>One answer</summary>
#
# No. It is a property of one caption and one clip. Two clips of dogs are not each other's false negatives; "there is a
# dog" makes the other dog one, "a red dog runs" does not.
#
# </details>
#
# ## 2. How many are there?
#
# Count them in twenty batches: for every caption, how many of its 127 negatives it is true of.

# %%
import torch

from cmgsd_lite.course.predict import predict

batches = [draw_batch(seed) for seed in range(20)]
counts = torch.cat([batch.false.sum(dim=1) for batch in batches]).float()
predict("How many false negatives has a caption on average?", result=round(float(counts.mean()), 1), floor=0)
predict("And the caption in the middle, the median?", result=round(float(counts.median())), floor=0)

# %%
from cmgsd_lite.course.plots.false_negatives import plot_false_negative_counts

ax = plot_false_negative_counts({"captions": counts.numpy()})
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "03-counts",
    "A falling line: the share of captions with at least so many false negatives in their batch. Less than half have any; "
    "a long tail of vague captions is true of a large part of the batch.",
)
chance = 100 * float(counts.mean()) / 127
print(
    f"of all negatives {chance:.0f} % are false; captions with any: {100 * (counts > 0).float().mean():.0f} %"
)
print(f"the vaguest caption is true of {int(counts.max())} of its 127 negatives")

# %% [markdown]
# Mean and median tell two stories: most captions have none, a few vague ones ("something is shown") have very many. Quote
# both.
#
# **And in real data?** Without a truth one can count **exact twins**: captions that stand word for word at another video
# too. On MSR-VTT these are 13.7 % of all caption rows ([data/README.md](../data/README.md)). That is a *lower bound*: a
# caption can be true of a clip whose captions never repeat it. How far below? For images people were asked: ECCV Caption
# had the candidates of several models checked and found 8.47 times as many right images for the captions of MS-COCO.
#
# **Stop here and say it in your own words**: a paper reports "2 % of our negatives are false, so we ignore them". What do
# you ask?
#
# <details><summary>One answer</summary>
#
# Two per cent of *which* negatives? Of all; but a loss that picks the hardest does not pick among all alike. And how are
# they spread: a little for everyone, or a great many for some captions?
#
# </details>
#
# ## 3. An exact duplicate
#
# Ask the derivative. Let two pairs be duplicates, $t_1 = t_2$ and $v_1 = v_2$. The hinge of text 1
# against video 2 is
#
# $$\max(0,\; \alpha + S_{12} - S_{11}) = \max(0,\; \alpha + t_1 \cdot v_2 - t_1 \cdot v_1) = \alpha$$
#
# Both similarities are the same number *whatever the weights*, because an encoder maps equal inputs to equal outputs. The
# term is constant, its gradient is zero: an exact duplicate is **not pushed away**. Put four
# pairs on a circle. Texts 1 and 2 are twins at angle 0, their videos at 40°; pair 3 at -45°; pair 4 at 180°. To text 1, its
# own video has $\cos 40° = .77$ and video 3 $\cos 45° = .71$: too near, the margin of .2 is violated. Text 1 should turn
# away from video 3.

# %%
from cmgsd_lite.losses import MaxMarginRankingLoss


def on_circle(radians):
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def turned(reduction, steps=200):
    """Angles of texts and videos after so many steps; the twins share one angle, as equal inputs do."""
    degrees = torch.tensor([[0.0, -45, 180], [40, -45, 180]], dtype=torch.float64)
    angles = torch.deg2rad(degrees).requires_grad_()
    for _ in range(steps):
        texts, videos = (on_circle(row[[0, 0, 1, 2]]) for row in angles)
        (slope,) = torch.autograd.grad(MaxMarginRankingLoss(0.2, reduction)(texts @ videos.T), angles)
        angles = (angles - slope).detach().requires_grad_()
    return torch.rad2deg(angles.detach())


# %%
turns = {
    name: turned(2 if name == "2 hardest" else name) for name in ("hardest", "2 hardest", "mean", "smooth")
}
by = {name: round(abs(float(angles[0, 0]))) for name, angles in turns.items()}
predict(
    "By how many degrees has text 1 turned under hardest?",
    result=by["hardest"],
    unit="°",
    beside={"2 hardest": by["2 hardest"]},
)

# %%
from cmgsd_lite.course.plots.false_negatives import plot_turn

print("degrees that text 1 turned:", "   ".join(f"{name} {angle}" for name, angle in by.items()))
show_figure(
    plot_turn(
        {"at the start": turned("mean", 0), **{name: turns[name] for name in ("hardest", "2 hardest")}}
    ),
    "03-starving",
    "Three circles with twin texts 1 and 2, their videos, pair 3 and pair 4. Under hardest nothing has moved; under the "
    "two hardest the twin texts have turned towards their videos and away from video 3.",
)

# %% [markdown]
# `hardest` gives an anchor one slot, and the twin sits in it (.77 is more than .71). Its push comes to nothing, and video
# 3, which really violates, is never touched: the anchor **starves**. With two slots, or all, it is fed.
#
# **Stop here and say it in your own words**: the loss of this batch is .1 and stays there. Is that a collapse?
#
# <details><summary>One answer</summary>
#
# No: nothing moved at all, and text 1 still puts its own video first. A loss that can not fall because a right answer
# sits in the slot looks like one, though.
#
# </details>
#
# ## 4. A near duplicate
#
# Now let the twins differ a little. Add the terms of both texts, without the margins (those of both videos have the same
# sum):
#
# $$(S_{12} - S_{11}) + (S_{21} - S_{22}) = t_1 \cdot (v_2 - v_1) - t_2 \cdot (v_2 - v_1) = (t_1 - t_2) \cdot (v_2 - v_1)$$
#
# A product of *two small differences*. If both terms are active their pushes nearly cancel, the more the nearer the two
# are. If only one is active, $t_1 \cdot (v_2 - v_1)$ is left, and its slope for $v_2 - v_1$ is $t_1$, of full length
# however near they are. Under `mean` both are active as long as both violate; under `hardest` only if *each picks the
# other*.


# %%
def push(difference, both):
    """Length of the slope on v2 - v1, for twins whose texts differ by so much."""
    texts = torch.tensor([[1, difference / 2], [1, -difference / 2]])
    apart = torch.tensor([0.0, difference], requires_grad=True)  # v2 - v1
    term = (texts[0] - texts[1]) @ apart if both else texts[0] @ apart
    term.backward()
    return float(apart.grad.norm())


for difference in (0.4, 0.2, 0.1, 0.05):
    print(
        f"texts differ by {difference:<5} one term {push(difference, False):.2f}   both {push(difference, True):.2f}"
    )

# %% [markdown]
# Which terms are active? Those of high similarity, and a trained model gives that to what is true. So cancelling protects
# what is *mutual*: text 1 true of clip 2 and text 2 true of clip 1. In our 4 x 4 table it was not. How often is it?

# %%
false = sum(int(batch.false.sum()) for batch in batches)
mutual = sum(int((batch.false & batch.false.T).sum()) for batch in batches)
predict(
    "Which share of the false negatives is mutual?",
    result=round(100 * mutual / false),
    unit="%",
    floor=round(chance),
)

# %% [markdown]
# Few. (If the two directions had nothing to do with each other, it would be the floor.) Most false negatives are one
# vague caption and a clip whose own caption is precise: nothing cancels.
#
# **Stop here and say it in your own words**: when does a loss push a near duplicate away with full force?
#
# <details><summary>One answer</summary>
#
# When only one of the two terms is active: one of them picks the other and is not picked back, or only one caption is
# true of the other's clip.
#
# </details>
#
# ## 5. Watch them move apart
#
# Train with four losses and look at a thousand training pairs before, during and after, in evaluation mode (nothing
# dropped at random). The fifth run is one that only a drawn world allows: `hardest` with all false negatives **masked**,
# that is left out of the loss.
#
# The losses use similarities of very different size, so look in **each text's own units** (chapter 02): 0 is the mean of
# its negatives, 1 their spread. And ask per text, since no ranking ever compares clips of different texts: how often
# does a false negative stand above a true one *of the same text*? This is the **AUC per text** (area under the curve, an
# old name for this chance); guessing gives 50 %. Each text that has false negatives counts once.

# %%
from cmgsd_lite.course.histograms import order_of
from cmgsd_lite.course.small_training import train_small, truth_of_looks

losses = {
    "mean": "mean",
    "hardest": "hardest",
    "4 hardest": 4,
    "smooth": "smooth",
    "hardest, masked": "hardest",
}
runs = {
    name: train_small(MaxMarginRankingLoss(0.2, r), look=True, masked="masked" in name)
    for name, r in losses.items()
}
known = truth_of_looks()
order = {name: order_of(run.looks[-1], known) for name, run in runs.items()}
above = round(order["smooth"]["FN above TN"])
predict("smooth: how often does a false negative stand above a true one?", result=above, unit="%", floor=50)
own = round(order["smooth"]["own above FN"])
predict("smooth: how often does the own clip stand above a false negative?", result=own, unit="%", floor=50)

# %%
from cmgsd_lite.course.histograms import distribution_frames
from cmgsd_lite.course.live import show_live
from cmgsd_lite.course.plots.false_negatives import plot_groups

frames = distribution_frames({name: run.looks for name, run in runs.items()}, known)
once = "each text once"
panels = {"before training": frames["losses"]["mean"][0]["shares"][once]}
ends = {name: moments[-1]["shares"] for name, moments in frames["losses"].items()}
panels |= {name: ends[name][once] for name in ("mean", "hardest", "smooth", "hardest, masked")}
panels["smooth, each pair once"] = ends["smooth"]["each pair once"]
show_live(
    "distributions",
    plot_groups(panels, once),
    "Histograms of positives, false negatives and true negatives, in the text's own units. Before training the three lie "
    "on each other; after eight epochs the true negatives stay and the two others have moved away together, under each "
    "loss. In the last panel, each pair once, the false negatives lie in the middle.",
    {**frames, "chosen": {"loss": "smooth"}},
)

# %% [markdown]
# Press "train". Nobody told the model which negatives are false. Still they move with the positives, nearly on top of
# them: captions of other clips say what is true.
#
# Now the view **each pair once** (the last still panel), which throws the pairs of all texts together, as such pictures
# usually do. The false negatives fall back into the middle! Not one similarity has changed. But most of this heap belongs
# to a few vague captions, and where many negatives are false they pull the mean, the 0, up to themselves. "False negatives
# lie between true negatives and positives" is a statement about the counting.
#
# Last, the view **cosine**: `hardest` ends in a narrow band, and so it does *masked*. The band is its own (the shrinking
# of chapter 02), not the false negatives' doing.
#
# What do they cost? Compare `hardest` with `hardest, masked`.

# %% tags=["nbval-ignore-output"]
import pandas as pd

aucs = {"FN above TN": "AUC by text", "by video": "AUC by video", "pooled": "AUC pooled"}
table = pd.DataFrame(order).T.rename(columns=aucs).round(0).astype(int)
table["R@10"] = [round(run.log["R@10"][-1]) for run in runs.values()]
print(table.to_string())

# %% [markdown]
# Left out, false negatives make `hardest` a little better: a point by text, some three for the *videos* that look for
# texts, two of R@10. (Small steps, but other seeds agree: try `train_small(..., seed=1)`.) In this world they do harm, and
# no catastrophe.
#
# **Pooled** is the same chance over the pairs of all texts at once; it is several points lower, for the
# reason just seen. **Own above FN**: the caption is true of both clips, so 50 would be fair. What is above may be memory,
# the pair was trained together. It is little.
#
# **Stop here and say it in your own words**: two models have the same AUC per text and a different pooled one. Does one
# of them rank better?
#
# <details><summary>One answer</summary>
#
# Not for a text that looks for its clip: each ranking stays within one text. The pooled number also sees the level that
# each text has, which changes no ranking. (It would matter for one threshold over all queries.)
#
# </details>
#
# ## 6. Where the push goes
#
# The better a model, the higher stand the false negatives. So: who sits in the slot of the hardest negative? Take the
# model trained with `mean`, in evaluation mode, over ten batches of 128.

# %%
from cmgsd_lite.course.small_training import similarities

model = runs["mean"].model
ten = [(batch.false, similarities(model, batch)) for batch in batches[:10]]
diagonal = torch.eye(128, dtype=torch.bool)
slots = [f.gather(1, sim.masked_fill(diagonal, -2).argmax(dim=1, keepdim=True)) for f, sim in ten]
share = round(100 * float(torch.cat(slots).float().mean()))
predict("Which share of the texts' hardest negatives is false?", result=share, unit="%", floor=round(chance))

# %% [markdown]
# `hardest` spends its only push on them. And the other losses? The slope with respect to $S$ says what each would do with
# this *one* model. Of all the pushing apart (positive slopes off the diagonal), which share hits right answers?


# %%
def share_on_false(reduction):
    hit = pushed = 0.0
    for false_negatives, sim in ten:
        leaf = sim.clone().requires_grad_()
        MaxMarginRankingLoss(0.2, reduction)(leaf).backward()
        push_apart = leaf.grad.masked_fill(diagonal, 0).clamp_min(0)
        hit += float(push_apart[false_negatives].sum())
        pushed += float(push_apart.sum())
    return 100 * hit / pushed


# %%
from cmgsd_lite.course.plots.false_negatives import plot_shares

shares = {name: share_on_false(losses[name]) for name in ("mean", "4 hardest", "smooth", "hardest")}
ax = plot_shares(shares, chance, label="share of the push that hits false negatives (%)")
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "03-push-shares",
    "Four bars, all longer than the dashed line of chance: mean sends the smallest share of its push to false negatives, "
    "4 hardest, smooth and hardest about twice as much.",
)

# %% [markdown]
# (Videos choose too here, and only active hinges push: not the number above.) Even `mean` is above the
# dashed line: true negatives that are far enough no longer take part. The sharper a loss looks, the more of its push
# hits right answers. That is the price of looking sharply; chapter 02 showed what it buys.
#
# **Stop here and say it in your own words**: why not simply mask false negatives, as we did?
#
# <details><summary>One answer</summary>
#
# One has to know them. Real data do not say. One could guess by some measure of likeness; but a wrong guess throws a
# true negative away, and a hard yes or no wastes that likeness comes in degrees. So ask for *less distance* where two
# clips are alike: a margin for each pair, the next chapter.
#
# </details>
#
# ## Exercises
#
# **Exercise 1.** `sim` [N, N] and `true` [N, N] (boolean; rows are texts, columns are videos). Return the share of the
# *videos* whose hardest negative text is true of them, from 0 to 1.

# %%
from cmgsd_lite.course.exercises.chapter03 import check_video_anchors


def hardest_text_is_false(sim, true):
    ### BEGIN SOLUTION
    outside = ~torch.eye(len(sim), dtype=torch.bool)
    hardest = sim.masked_fill(~outside, -torch.inf).argmax(dim=0)
    return true[hardest, torch.arange(len(sim))].float().mean()
    ### END SOLUTION


check_video_anchors(hardest_text_is_false)

# %% [markdown]
# **Exercise 2.** Write the AUC per text, from 0 to 1. For each text take every pair of a false and a true negative of
# its row, and count how often the false one has the higher similarity (equal ones count half). Then the mean over the
# texts that have both kinds. `false` [N, N] marks the false negatives.

# %%
from cmgsd_lite.course.exercises.chapter03 import check_order


def auc_per_text(sim, false):
    ### BEGIN SOLUTION
    shares = []
    for i in range(len(sim)):
        others = torch.arange(len(sim)) != i
        high, low = sim[i][false[i] & others], sim[i][~false[i] & others]
        if len(high) and len(low):
            lead = high[:, None] - low[None, :]
            shares.append(((lead > 0) + 0.5 * (lead == 0)).mean())
    return torch.stack(shares).mean()
    ### END SOLUTION


check_order(auc_per_text)

# %% [markdown]
# **Exercise 3 (transfer).** Build a matrix on which the pooled number lies. Choose `sim` (from -1 to 1) and `false` so
# that *every* text puts its false negatives above its true ones (AUC per text 100 %), at least two texts have both
# kinds, and yet the pooled AUC is below 50 %. Any size you like.

# %%
from cmgsd_lite.course.exercises.chapter03 import check_pooling_trap

trap_sim, trap_false = None, None
### BEGIN SOLUTION
trap_sim = torch.tensor(
    [[1.0, -0.5, -0.6, -0.6], [-0.6, 1.0, -0.5, -0.6], [0.8, 0.8, 1.0, 0.8], [0.8, 0.8, 0.8, 1.0]]
)
trap_false = torch.zeros(4, 4)
trap_false[0, 1] = trap_false[1, 2] = 1  # texts 3 and 4 have none, and high levels
### END SOLUTION
check_pooling_trap(trap_sim, trap_false)

# %% [markdown]
# ## Summary
#
# - Whether a negative is false is a question about one caption and one clip. A few vague captions have most of them:
#   quote mean and median.
# - An exact duplicate gets no gradient; under `hardest` it starves its anchor. Near duplicates are spared only where
#   both terms are active, and few false negatives are mutual.
# - A model raises false negatives without being told, so they take the slots of the hardest: the sharper the loss, the
#   more of its push hits right answers.
# - Ask per anchor. Pooled numbers mix the levels of different texts.
#
# **Before:** [02 From cross-entropy to the ranking loss](02_ranking_loss.ipynb) · **Next:** [04 A margin for each
# pair](04_deriving_the_margin.ipynb)
#
# ## References
#
# - Chun, Kim, Park, Chang, Oh. [ECCV Caption: Correcting False Negatives by Collecting Machine-and-Human-verified
#   Image-Caption Associations for MS-COCO](https://arxiv.org/abs/2204.03359). ECCV 2022.
# - Faghri, Fleet, Kiros, Fidler. [VSE++](https://arxiv.org/abs/1707.05612). BMVC 2018.
