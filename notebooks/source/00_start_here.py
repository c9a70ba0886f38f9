# %% [markdown]
# # 00 · Start here
#
# **Can a right answer be counted as a mistake?**
#
# Time: about 15 s on one core · For you: about 35 minutes · Data: MiniVTT, embedded, no network · Read before:
# nothing
#
# You will ask for a video in words, look at what comes back, and judge it yourself. Then you will see what the
# usual metric says about the same answers, and what training says. The three do not agree, and this course is
# about the third.
#
# ## Before you start
#
# Run a cell with Shift + Enter, or all of them with *Run > Run All Cells*. Every line should say `OK`; a `FAIL`
# says what to do.

# %%
from cmgsd_lite.course.environment import print_environment
from cmgsd_lite.runtime import set_threads

set_threads(1)
print_environment()

# %% [markdown]
# ## 1. Clips, and what is said of them
#
# MiniVTT is a world of small drawn clips. Each shows one or two things with a colour, a motion and a place.
# It has something that no real data set has: a program drew the clips and wrote the captions, so we *know* of
# which clips a caption is true.

# %%
from cmgsd_lite.data import load_dataset

dataset = load_dataset()
for split in (dataset.train, dataset.validation, dataset.test):
    captions = sum(len(split.captions[clip]) for clip in split.video_ids)
    print(f"{split.name:10s} {len(split):5,} clips {captions:7,} captions")
print("\nSome captions of one clip, video17:")
for caption in dataset.train.captions["video17"][3:8]:
    print("  -", caption)

# %%
from cmgsd_lite.course.plots.clips import Found, show_clips

own_clip = Found(clip="video17", title="its own clip", kind="own")
show_clips(
    {"a purple dog is walking from right to left": [own_clip]},
    "A drawn purple dog walks to the left through snow; the words for what is in the clip stand below it.",
)

# %% [markdown]
# Where pictures can not move you see two frames, the first above the last.
#
# Some captions say a lot, some almost nothing, and a few are wrong about their own clip, as with people. "A clip of
# a dog" is true of this clip, and of many others.
#
# **Stop here and say it in your own words**: why can a caption be true of a clip that it was not written for?
#
# <details><summary>One answer</summary>
#
# A caption names only some of what is in a clip. Whatever clip has those things too fits just as well; the less
# a caption says, the more clips it fits.
#
# </details>

# %% [markdown]
# ## 2. Ask, and judge the answers
#
# The helper below trains two small encoders for a few seconds. One turns a sentence into a list of numbers, the
# other a clip; `sim[i, j]` says how well sentence i fits clip j. **Rows are texts, columns are videos**, in the
# whole course. Then it asks 3,000 test sentences, each written for one of 1,000 test clips that the model has
# never seen.

# %%
from cmgsd_lite.course.first_model import train_first_model

search = train_first_model()
print("similarities:", list(search.sim.shape), " (sentences, clips)")

# %% [markdown]
# One of the sentences is "on a city street we see an airplane". Sort all 1,000 clips by how well they fit. In
# which place comes the clip that the sentence was written for? Write your guess in place of `None` and run the cell;
# until then the result stays folded. The *floor* beside it is what chance alone would reach, here a shuffled order.

# %%
from cmgsd_lite import metrics
from cmgsd_lite.course.predict import predict

ranks = metrics.ranks(search.sim, search.own)  # of each sentence: in which place its own clip comes
airplane = search.queries.index("on a city street we see an airplane")
predict("In which place does its own clip come?", None, result=ranks[airplane], floor=500)

# %% [markdown]
# Now look. Tick the clips of which the sentence is *true*, as you see it, then compare: you will read what is in
# each, and what the usual metric, R@1, counts. It asks one thing only, whether the own clip comes first. The list
# has five more sentences; do at least one of them.

# %%
from cmgsd_lite.course.plots.clips import best_clips

sentences = [
    "on a city street we see an airplane",
    "a vehicle goes off into the distance in a desert",
    "a clip of a red soccer ball sliding to the right in a room",
    "a bright blue kitty moves across the screen",
    "we are looking at a dog",
    "we watch a duck going away from the camera in the forest",
]
show_clips(
    {sentence: best_clips(search, sentence) for sentence in sentences},
    "Five clips found for the sentence about an airplane on a city street, from best to worst. The first four show "
    "an airplane in a city and are marked as also true; the clip that the sentence was written for is the fifth.",
    ask=True,
)

# %% [markdown]
# Five airplanes on city streets: the model did all that the sentence asked for, and R@1 writes down a mistake. The
# last two sentences of the list are the extremes: one is true of every dog there is, and for the other the model
# really fails.
#
# **Stop here and say it in your own words**: what would the model have to know in order to put the fifth airplane
# first?
#
# <details><summary>One answer</summary>
#
# Which of several clips the writer had in mind. The sentence does not say it, so no model can know. At best it
# guesses: would somebody who saw the fifth clip have passed over the turtle?
#
# </details>

# %% [markdown]
# ## 3. What the metric counts
#
# **R@1** ("recall at 1") is the share of sentences whose own clip comes first. Guessing would reach one in a
# thousand, and ours will be low. But are its mistakes mistakes? Take all sentences that R@1 counts as such: in
# what share of them does the first clip fit the sentence all the same? The helper gives the place of the
# best clip that fits a sentence, its own or another.

# %%
from cmgsd_lite.course.first_model import ranks_of_any_that_fits

own_first = ranks == 1
fit_first = ranks_of_any_that_fits(search, search.sim) == 1
rescued = round(100 * fit_first[~own_first].mean())
by_chance = round(100 * search.true.double().mean().item())
predict("Of these mistakes, how many are right answers?", None, result=rescued, unit="%", floor=by_chance)

# %%
fits = search.true.sum(dim=1).double()
own_fits = search.true.gather(1, search.own[:, None])[:, 0]
perfect = (own_fits / fits.clamp(min=1)).mean()  # all that fit stand in front, in random order
print(f"R@1, own clip first:          {100 * own_first.mean():3.0f} %   (floor .1 %)")
print(f"R@1 of a perfect model:       {100 * perfect:3.0f} %   (it draws lots among the clips that fit)")
print(f"any clip that fits is first:  {100 * fit_first.mean():3.0f} %   (floor {by_chance} %, a perfect model {100 * (fits > 0).double().mean():.0f} %)")
print(f"clips that a sentence fits:   {fits.median():3.0f}     (median of {len(fits):,} sentences)")
print(f"sentences with more than one: {100 * (fits > 1).double().mean():3.0f} %")

# %% [markdown]
# A metric that is too strict is a nuisance: two models can still be compared by it, as long as it is unfair to
# both alike. [Chapter 01](01_retrieval.ipynb) looks into that.
#
# **Stop here and say it in your own words**: a friend sees the R@1 and says, "this model is wrong nine times out of
# ten". What do you answer?
#
# <details><summary>One answer</summary>
#
# R@1 only says how often one particular clip came first. About a third of its "mistakes" are clips that fit the
# sentence. Most sentences fit several clips, and even a perfect model has to draw lots among them: hold its R@1,
# not one hundred percent, beside ours.
#
# </details>

# %% [markdown]
# ## 4. What training counts
#
# In training the same confusion is not a nuisance but a command. A **batch** is 128 captions with their 128 clips.
# For each caption, its own clip is the **positive**, to be pulled closer. Each of the 127 other clips is a
# **negative**, to be pushed away. Nobody looks whether the caption is true of it. Here is a batch, drawn as
# training draws it, and one caption of it.

# %%
from cmgsd_lite.course.first_model import draw_batch

batch = draw_batch(128, seed=0)
dog = batch.captions.index("in this video a pink doggy is moving")
other = int(batch.false_negative[dog].nonzero()[0])
show_clips(
    {
        batch.captions[dog]: [
            Found(batch.clips[dog], "positive: pulled", "own"),
            Found(batch.clips[other], "negative: pushed", "true"),
        ]
    },
    "Two clips under the caption 'in this video a pink doggy is moving'. Both show a pink dog that moves; the left "
    "one is the positive and is pulled closer, the right one counts as a negative and is pushed away.",
)

# %% [markdown]
# The second clip is a **false negative**: a negative of which the caption is true. Training is wrong to push it away.
# How common is that? First guess the share among all caption-clip pairs that are taken as negatives, then how many
# captions are concerned at all.

# %%
counts = batch.false_negative.sum(dim=1).double()
negatives = 128 * 127
share = round(100 * counts.sum().item() / negatives, 1)
predict("What share of the negatives is false?", None, result=share, unit="%")

# %%
concerned = round(100 * (counts > 0).double().mean().item())
predict("What share of the captions has at least one?", None, result=concerned, unit="%")

# %%
vaguest = batch.captions[int(counts.argmax())]
tenth = 100 * counts.topk(13).values.sum() / counts.sum()
print(f"{counts.sum():.0f} of {negatives:,} negatives are false")
print(f"a caption has {counts.mean():.1f} in the mean, {counts.median():.0f} in the median")
print(f"the vaguest, “{vaguest}”, has {counts.max():.0f}")
print(f"the vaguest tenth of the captions holds {tenth:.0f} % of all")

# %% [markdown]
# Mean and median differ so much because a few vague captions fit half the batch, while most captions fit no clip of
# it but their own.
#
# **Stop here and say it in your own words**: why is a false negative worse in training than in testing?
#
# <details><summary>One answer</summary>
#
# In testing it makes a number too low. In training it is a push in the wrong direction: the model is told to call
# a right answer wrong, step after step, and what it learns is bent by that.
#
# </details>

# %% [markdown]
# ## 5. The idea, and the map
#
# A ranking loss asks each positive to beat each negative by a **margin**, the same for all pairs. The idea of this
# course in one sentence: *ask for less where a negative resembles the positive.* Whether that helps, and why, is
# less obvious than it sounds: even a margin that varies without any meaning can help, as chapters 06 and 09 measure.
# So each gain here stands beside a *control* that has the variation and not the meaning.
#
# | chapter | its question |
# |---|---|
# | [01 Retrieval](01_retrieval.ipynb) | What does it mean to find, and when do metrics lie? |
# | [02 The ranking loss](02_ranking_loss.ipynb) | What does a loss do to the pairs? |
# | [03 False negatives](03_false_negatives.ipynb) | How many, and where does the push go? |
# | [04 Deriving the margin](04_deriving_the_margin.ipynb) | What margin should a pair have? |
# | [05 Measuring distance](05_measuring_distance.ipynb) | Who says how alike two things are? |
# | [06 From distance to margin](06_distance_to_margin.ipynb) | Which function, against which control? |
# | [07 CMGSD](07_cmgsd.ipynb) | What do the parts give together? |
# | [08 Training on MSR-VTT](08_training_on_msrvtt.ipynb) | What happens on real videos? |
# | [09 When does it help?](09_when_does_it_help.ipynb) | Is the gain meaning, or a softer loss? |
# | [10 Other answers](10_other_answers.ipynb) | What else could one do? |
# | [11 Your own model](11_your_own_model.ipynb) | How do I use it, and judge it? |
# | [12 Your own videos](12_your_own_videos.ipynb) | What can a model find in a folder of films? |
# | [13 Scaling out](13_scaling_out.ipynb) | What does a larger batch do, and cost? |
#
# In a hurry? Read 02, 03, 04, then 09. Symbols and field words are in the [glossary](../docs/GLOSSARY.md).
#
# The method is that of He et al., SIGIR 2021. What you build here is a reconstruction from the abstract and an
# independent public port; constants and corrections are ours, and no number in this course is the paper's.
#
# **Stop here and say it in your own words**: what would the idea do to the pink dog of the batch?
#
# <details><summary>One answer</summary>
#
# The other pink dog resembles the own clip, so the own clip has to beat it by little or nothing, and the wrong push
# stops early. A clip of a train has to be beaten by the full margin, as before.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write your answer where it says `# your code` and run the cell. A checker tries your function on many random
# inputs and answers `✓ correct`, `✗ not yet` with a hint or a small counter-example, or `· not attempted yet`. A
# cell that you leave alone breaks nothing. Solved chapters lie in the folder `solutions`.
#
# **Exercise 1.** `true[i, j]` says whether caption i is true of clip j (a square tensor of truth values, partners on
# the diagonal). Count the false negatives. Careful: some captions are wrong about their own clip.

# %%
import torch

from cmgsd_lite.course.exercises.chapter00 import check_count_false_negatives


def count_false_negatives(true):
    ### BEGIN SOLUTION
    return (true & ~torch.eye(len(true), dtype=torch.bool)).sum()
    ### END SOLUTION


check_count_false_negatives(count_false_negatives)

# %% [markdown]
# **Exercise 2.** Make section 3's idea a metric: the percentage of queries whose *first* clip is one that the
# sentence is true of, whoever's clip it is. `sim` and `true` are [queries, clips]; no two scores are equal.

# %%
from cmgsd_lite.course.exercises.chapter00 import check_right_first


def right_first(sim, true):
    ### BEGIN SOLUTION
    hits = [row_true[row.argmax()] for row, row_true in zip(sim, true)]
    return 100 * sum(bool(hit) for hit in hits) / len(hits)
    ### END SOLUTION


check_right_first(right_first)

# %% [markdown]
# **Exercise 3 (transfer).** "With larger batches the few false negatives wash out", says a colleague. You counted
# `per_caption` of them for a caption in batches of `n` pairs. How many does a caption have on average in batches of
# `larger` pairs of the same data?

# %%
from cmgsd_lite.course.exercises.chapter00 import check_larger_batch


def in_larger_batch(per_caption, n, larger):
    ### BEGIN SOLUTION
    return per_caption * (larger - 1) / (n - 1)
    ### END SOLUTION


check_larger_batch(in_larger_batch)

# %% [markdown]
# ## Summary
#
# - A model ranks clips by similarity; rows are texts, columns are videos.
# - R@1 counts the one clip that a sentence was written for. Many of its mistakes are right answers.
# - Training calls every other clip of the batch a negative; those that fit are *false negatives*, few in number,
#   concentrated on vague captions.
# - MiniVTT knows the truth, so each claim about them can be checked.
# - The idea: ask for less where a negative resembles the positive. Its gain counts beside a control that varies
#   without meaning.
#
# **Next:** [01 Retrieval](01_retrieval.ipynb)
#
# ## References
#
# - He, Wang, Feng, Jiang, Lyu, Zhu, Tan. [Improving Video Retrieval by Adaptive
#   Margin](https://arxiv.org/abs/2303.05093). SIGIR 2021.
