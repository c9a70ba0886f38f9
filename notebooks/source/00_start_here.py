# %% [markdown]
# # 00 · Start here
#
# **In five minutes: ask for a video in words, look at what comes back, and see with your own eyes the
# mistake that the rest of this course is about.**
#
# Time: about 15 s on two CPU cores (one thread) · Data: MiniVTT, embedded, no network · Read before: nothing
#
# After this chapter you
#
# 1. know that your machine is ready,
# 2. have trained a small text-video retrieval model and asked it a question,
# 3. have seen a *false negative*: a clip that fits the caption, and that training calls wrong,
# 4. can read the course's notation and know which chapter answers what,
# 5. know how the exercises answer back.

# %% [markdown]
# ## 1. Is the machine ready?
#
# Run a cell with Shift + Enter, or all of them with *Run > Run All Cells*. Every line below should say `OK`.
# A `FAIL` says what to do.

# %%
import numpy as np
import torch
from IPython.display import display

from cmgsd_lite.course.environment import print_environment
from cmgsd_lite.runtime import set_threads

set_threads(1)
print_environment()

# %% [markdown]
# ## 2. The data
#
# MiniVTT is a world of small drawn clips. Each clip shows one or two things with a colour, a motion and a
# place, and 10 to 20 captions describe it as people would: some say a lot, some say almost nothing. It is
# small enough for a laptop. And it has something that no real data set has: we *know* of which clips a
# caption is true, because a program drew them.

# %%
from cmgsd_lite.data import load_dataset, minivtt

dataset = load_dataset()
for split in (dataset.train, dataset.validation, dataset.test):
    captions = sum(len(split.captions[name]) for name in split.video_ids)
    print(f"{split.name:10s} {len(split):5,} clips {captions:7,} captions")

name = "video17"
print()
print(minivtt.clip(name).facets())
for caption in dataset.train.captions[name][:5]:
    print("  -", caption)

# %%
from cmgsd_lite.course.plots.base import facet_lines, show_figure
from cmgsd_lite.course.plots.retrieval import Found, plot_clip_strips, plot_top_clips

figure = plot_clip_strips(
    dataset.train.captions[name][0],
    {f"video17, five of its eight frames: {minivtt.clip(name).facets()}": minivtt.clip(name).frames()},
)
show_figure(
    figure,
    "00-clip",
    "Five frames of one drawn clip from left to right, with one of its captions and what is in it above.",
)

# %% [markdown]
# What a model sees are not the pictures but two short lists of numbers a clip, made once by frozen
# *experts*: what is in it (`appearance_mean`) and how it moves (`motion`). A caption is a list of 256
# numbers, made by a frozen text encoder.

# %%
from cmgsd_lite.training.prepare import PreparedDataset

prepared = PreparedDataset.of(dataset, queries="protocol")
widths = {name: tokens.shape[2] for name, tokens in prepared.train.features.items()}
print("numbers a clip   ", widths)
print("numbers a caption", prepared.train.text.shape[1])

# %% [markdown]
# ## 3. One model, one query
#
# Two small encoders, one for texts and one for clips, map both into one space. Training pulls each caption
# to its own clip and pushes it away from the other clips of the batch. Eight passes over 2,000 clips take a
# few seconds.

# %%
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.scoring import score

model = build_model(ModelConfig("mean-pool", prepared.train.text.shape[1], widths), seed=0)
loss = MaxMarginRankingLoss(margin=0.2, reduction=4)
_ = fit(model, loss, prepared.train, config=TrainingConfig(epochs=8), progress=False)

sim = score(model, prepared.test)  # rows are texts, columns are videos
print(f"similarity of {sim.shape[0]:,} queries with {sim.shape[1]:,} test clips: one number a pair")

# %% [markdown]
# Now the query. The helper below sorts one row of `sim` and asks the world's ground truth about each of the
# five best clips.

# %%
test = dataset.test
queries = [text for video in test.video_ids for text in test.queries[video]]
first_caption = np.cumsum([0] + [len(test.captions[video]) for video in test.video_ids])
rows = [first_caption[clip] + number for clip in range(len(test)) for number in range(3)]
true = minivtt.entailment(test)[rows]  # [queries, clips]: is the sentence true of the clip?
own = prepared.test.video_of_text


def show_query(query, count=5, name="00-query"):
    """Show the best clips for one test query."""
    found = []
    for column in sim[query].topk(count).indices.tolist():
        if column == own[query]:
            truth = "own"
        else:
            truth = "also true" if true[query, column] else "not true"
        clip = minivtt.clip(test.video_ids[column])
        note = f"similarity {sim[query, column]:.2f}\n{facet_lines(clip.facets())}"
        found.append(Found(clip.frames(), truth, note))
    show_figure(
        plot_top_clips(queries[query], found),
        name,
        "The best clips for one query side by side, three frames each from top to bottom; "
        "above each stands whether it is the query's own clip, also true, or not true, below what is in it.",
    )


show_query(1357)

# %% [markdown]
# Read the words above the columns. The query was written for *one* clip, "its own clip". The usual metric,
# R@1 (is the own clip in first place?), counts that one and nothing else. Clips marked "also true" are right
# answers that count as mistakes. How many clips is that sentence true of?

# %%
print(f"“{queries[1357]}” is true of {true[1357].sum()} of {len(test):,} test clips")
print(f"a test query is true of {np.median(true.sum(1)):.0f} clips (median)")
print(f"{(true.sum(1) > 1).mean():.0%} of the queries are true of more than one")

# %% [markdown]
# ### Try it
#
# Move the slider (click on its handle, then use the arrow keys): each step is another query. Above this
# cell stands the same picture for one query, so nothing is lost where sliders do not work.

# %% tags=["nbval-ignore-output"]
import ipywidgets as widgets

slider = widgets.IntSlider(value=1, min=0, max=29, description="query")


def on_slide(number):
    show_query(100 * number, name="00-query-slider")


picture = widgets.interactive_output(on_slide, {"number": slider})
display(widgets.VBox([slider, picture]))

# %% [markdown]
# ## 4. One false negative
#
# So far we looked at *testing*. Now look at *training*. A batch is 128 captions with their 128 clips. The
# loss takes every other clip of the batch as a **negative** of a caption: something to be pushed away. It
# never looks whether the caption is true of it. Here is one batch, drawn at random as training draws it.

# %%
train = dataset.train
generator = torch.Generator().manual_seed(0)
begin, how_many = prepared.train.first_caption_and_count()
videos = torch.randperm(len(train), generator=generator)[:128]
chosen = begin[videos] + (torch.rand(128, generator=generator) * how_many[videos]).long()
texts = [text for video in train.video_ids for text in train.captions[video]]

false = minivtt.false_negatives(train, videos.tolist(), chosen.tolist())  # [128, 128] bool
i = 47
j = int(np.flatnonzero(false[i])[0])
print("caption i:", texts[chosen[i]])
own_clip, other_clip = (minivtt.clip(train.video_ids[videos[k]]) for k in (i, j))
print("clip i:   ", own_clip.facets())
print("clip j:   ", other_clip.facets())

# %%
strips = {
    f"clip i: its own clip, to be pulled closer\n{own_clip.facets()}": own_clip.frames(),
    f"clip j: a negative, to be pushed away. The caption is true of it.\n{other_clip.facets()}": other_clip.frames(),
}
show_figure(
    plot_clip_strips(texts[chosen[i]], strips),
    "00-false-negative",
    "Two clips under one caption, each with what is in it in words: its own clip, and another clip of the batch "
    "that the caption describes just as well and that training pushes away.",
)

# %% [markdown]
# That pair is a **false negative**. The loss pushes caption i away from clip j, and it is wrong to do so.
# How common is that?

# %%
per_caption = false.sum(axis=1)
print(f"false negatives in this batch: {false.sum()} of {128 * 127:,} negatives")
print(f"per caption: {per_caption.mean():.1f} on average, {np.median(per_caption):.0f} in the median")
print(f"captions with at least one:    {(per_caption > 0).mean():.0%}")
vaguest = per_caption.argmax()
print(f"the vaguest: “{texts[chosen[vaguest]]}”, true of {per_caption[vaguest]} other clips here")

# %% [markdown]
# Mean and median differ because a few vague captions ("there is a creature") are true of half the batch,
# while most captions have no false negative at all. Keep both numbers in mind.
#
# **The idea of the course in one sentence.** The loss asks that the own clip beats each negative by a
# *margin*, the same for all; the adaptive margin asks for less where a negative resembles the positive.
# Whether that helps, and *why*, is less obvious than it sounds: part of the gain comes from any spread of
# the margin at all, even a meaningless one. You will measure that yourself.

# %% [markdown]
# ## 5. How exercises work
#
# Write your answer where it says `# your code`, run the cell, and a checker answers: `✓ correct`, `✗ not
# yet` with a hint, or `· not attempted yet`. It never prints the answer. A cell that you leave alone breaks
# nothing later. The solved version of every chapter lies in the folder `solutions`.
#
# **Exercise 1.** In a batch of 128 pairs, how many (caption, clip) pairs does the loss take as negatives?

# %%
from cmgsd_lite.course.exercises.chapter00 import check_count_false_negatives, check_negatives

answer = None
### BEGIN SOLUTION
answer = 128 * 127
### END SOLUTION
check_negatives(answer)

# %% [markdown]
# **Exercise 2.** `true[i, j]` says whether caption i is true of clip j (a square boolean tensor; partners on
# the diagonal). Write a function that counts the false negatives. Careful: captions are written by people,
# and some are wrong about their own clip.


# %%
def count_false_negatives(true):
    ### BEGIN SOLUTION
    n = len(true)
    return true[~torch.eye(n, dtype=torch.bool)].sum()
    ### END SOLUTION


check_count_false_negatives(count_false_negatives)

# %% [markdown]
# ## 6. The map
#
# | chapter | the question it answers |
# |---|---|
# | [01 Retrieval](01_retrieval.ipynb) | What does it mean to find the right video, and when do metrics lie? |
# | [02 The ranking loss](02_ranking_loss.ipynb) | What does the margin do, and why do four losses share a name? |
# | [03 False negatives](03_false_negatives.ipynb) | How many are there, and what does the loss do to them? |
# | [04 Deriving the margin](04_deriving_the_margin.ipynb) | What should the margin be for a pair at distance d? |
# | [05 Measuring distance](05_measuring_distance.ipynb) | Who says how similar two videos, or two captions, are? |
# | [06 From distance to margin](06_distance_to_margin.ipynb) | Which function, which α and β, and against which controls? |
# | [07 CMGSD](07_cmgsd.ipynb) | How do the parts fit together, and what do they cost? |
# | [08 Training on MSR-VTT](08_training_on_msrvtt.ipynb) | What happens on real videos? |
# | [09 When does it help?](09_when_does_it_help.ipynb) | Is the gain meaning, or just a softer loss? |
# | [10 Other answers](10_other_answers.ipynb) | How do masking, dropping and InfoNCE compare? |
# | [11 Your own model](11_your_own_model.ipynb) | How do I use it, and what must I log? |
#
# In a hurry? Read 02, 03, 04, then 09. Field words are explained in `docs/GLOSSARY.md`.
#
# The method comes from He et al., SIGIR 2021. What you will build is a reconstruction from the abstract and
# an independent public port (MOT++, for text-to-motion); constants and corrections are ours, and no number
# in this course is the paper's.

# %% [markdown]
# ## 7. Notation
#
# One notation for the whole course. Come back when a symbol puzzles you.
#
# | symbol | in code | meaning |
# |---|---|---|
# | $N$ | `n` | pairs in a batch |
# | $t_i$, $v_j$ | `text[i]`, `video[j]` | text i, video j; $t_i$ and $v_i$ are partners |
# | $S_{ij}$ | `sim[i, j]` | similarity of text i and video j: rows are texts, columns are videos, everywhere |
# | $d_{ij}$ | `distances[i, j]` | distance of items i and j of *one* modality: two texts, or two videos |
# | $M_{ij}$ | `margin[i, j]` | the margin asked of text i and video j |
# | $\alpha$ | `margin` | the fixed margin, and the mean of the adaptive one |
# | $\beta$ | `beta` | how much the margin changes for one standard deviation of distance |
# | $h_{ij}$ | `hinge` | what is missing to the margin: $\max(0, M_{ij} + S_{ij} - S_{ii})$ |
# | $\lambda$ | `schedule` | share of the dynamic margin, from 0 to 1 during training |
# | $\tau$ | `temperature` | temperature, of InfoNCE and of the smooth maximum only |
#
# *Anchor*: the item that looks for its partner. *Positive*: its partner. *Negative*: any other item of the
# batch. *False negative*: a negative that is right after all.

# %% [markdown]
# ## Summary
#
# - A retrieval model turns texts and videos into points of one space and ranks by similarity.
# - Training calls every non-partner a negative. Some of them are right answers: false negatives.
# - R@1 counts only the one clip that a sentence was written for.
# - MiniVTT knows the truth, so in this course claims about false negatives can be checked.
#
# **Next:** [01 Retrieval](01_retrieval.ipynb)
#
# ## References
#
# - He, Wang, Feng, Jiang, Lyu, Zhu, Tan. [Improving Video Retrieval by Adaptive
#   Margin](https://arxiv.org/abs/2303.05093). SIGIR 2021.
# - Xu, Mei, Yao, Rui. [MSR-VTT: A Large Video Description Dataset for Bridging Video and
#   Language](https://openaccess.thecvf.com/content_cvpr_2016/html/Xu_MSR-VTT_A_Large_CVPR_2016_paper.html).
#   CVPR 2016.
