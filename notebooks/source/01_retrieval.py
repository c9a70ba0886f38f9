# %% [markdown]
# # 01 · Retrieval
#
# **What does it mean to find, and when do metrics lie?**
#
# Time: about 15 s on one core · For you: about 70 minutes · Data: 4 x 4 by hand, then MiniVTT · Read before:
# [00 Start here](00_start_here.ipynb)
#
# You will compute every metric of this course by hand on four videos, set its floor beside it, and then feed
# metrics what they do not expect, until they confess.
#
# ## 1. Two encoders, one matrix
#
# A **dual encoder** has two halves that never see each other's input: one turns a text into a vector, the other a
# video into a vector of the same length. How well they fit is the cosine of the angle between them. As the halves
# are apart, a million videos can be encoded once and searched many times. Four texts and four videos in a plane:

# %%
import torch

torch.set_printoptions(precision=2, sci_mode=False)
text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [4.0, 3.0]])
video = torch.tensor([[4.0, 3.0], [0.0, 2.0], [3.0, 4.0], [1.0, 0.0]])


def cosine_matrix(text, video):
    """Cosine of every text with every video: rows are texts, columns are videos."""
    text = text / text.norm(dim=1, keepdim=True)
    video = video / video.norm(dim=1, keepdim=True)
    return text @ video.T


sim = cosine_matrix(text, video).round(decimals=2)
print(sim)

# %% [markdown]
# One by hand: text 3 is $(3, 4)/5$, video 1 is $(4, 3)/5$, and $0.6 \cdot 0.8 + 0.8 \cdot 0.6 = 0.96$.
#
# $$S_{ij} = \frac{t_i \cdot v_j}{\lVert t_i \rVert \, \lVert v_j \rVert}$$
#
# Row $i$ is text $i$, column $j$ is video $j$; partners lie on the diagonal. Read along a **row** for text to video
# (t2v), along a **column** for video to text (v2t).

# %%
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.retrieval import plot_matrix, plot_ranked_scores

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", width_ratios=[1.3, 1])
plot_matrix(sim, axes[0])
plot_ranked_scores(sim[3], own=3, ax=axes[1]).set_title("row of text 4, sorted")
show_figure(
    figure,
    "01-matrix",
    "Left: the 4 x 4 similarity matrix with the positives framed on the diagonal. Right: the row of "
    "text 4 as bars from best to worst; its own video is in third place.",
)

# %% [markdown]
# **Stop here and say it in your own words**: video 4 looks for its text. Which numbers do you compare?
#
# <details><summary>One answer</summary>
#
# The fourth column: 1, 0, 0.6, 0.8. Its own text, number 4, has 0.8; text 1 has more. So it comes second.
#
# </details>

# %% [markdown]
# ## 2. What is a tie worth?
#
# The **rank** of a query is the place of its right answer. Text 4 asks for video 4 with 0.80; videos 1 (1.00) and
# 3 (0.96) have more, so the rank is 3. Now a model that has collapsed: *every* pair gets the same score, among
# 100 videos. Which rank would you give its right answer?

# %%
from cmgsd_lite import metrics
from cmgsd_lite.course.predict import predict

constant = metrics.ranks(torch.full((100, 100), 0.3))
predict("Which rank has the right answer among 100 equals?", None, result=constant.mean())

# %% [markdown]
# The order among equals is an accident of the sorting routine. A number should not depend on accidents, so a tie
# counts half: the mean of the best and the worst place that it leaves open.
#
# $$\text{rank}_i = 1 + \#\{j : S_{ij} > S_{ii}\} + \tfrac12 \, \#\{j \neq i : S_{ij} = S_{ii}\}$$


# %%
def tie_averaged_ranks(sim):
    """Rank of the diagonal entry in each row, from 1; a tie counts half."""
    own = sim.diagonal()[:, None]
    better = (sim > own).sum(dim=1)
    ties = (sim == own).sum(dim=1) - 1  # the own video equals itself
    return 1 + better + ties / 2


assert tie_averaged_ranks(sim.T).tolist() == metrics.ranks(sim, direction="v2t").tolist()
print("text to video", tie_averaged_ranks(sim).tolist())
print("video to text", tie_averaged_ranks(sim.T).tolist())

# %% [markdown]
# **Stop here and say it in your own words**: what would be wrong with "1 + the number of strictly better videos"?
#
# <details><summary>One answer</summary>
#
# The collapsed model would have rank 1 everywhere, the best there is, having learned nothing. Whatever a metric
# gives to a constant matrix is a gift; with ties counted half it gets the rank of a guess.
#
# </details>

# %% [markdown]
# ## 3. A few numbers, each with its floor
#
# - **R@K**, recall at K: percent of queries whose rank is at most K. A random order of N videos reaches K/N.
# - **MdR**, **MnR**: median and mean rank, lower is better. A random order has (N + 1)/2. The median ignores hopeless
#   queries, the mean is ruled by them.
#
# With the ranks 2, 1, 1, 3: R@1 is 2 of 4, 50 %, beside a floor of 25 %; MdR is 1.5 and MnR 1.75, beside 2.5.

# %%
measured = metrics.retrieval_metrics(sim)
for name in ("R@1", "MdR", "MnR"):
    print(f"{name}   t2v {measured['t2v'][name]:5.2f}   v2t {measured['v2t'][name]:5.2f}")

# %% [markdown]
# **Stop here and say it in your own words**: you have R@10 of 4 % among 1,000 videos, a paper 4 % among 100. Who is
# better?
#
# <details><summary>One answer</summary>
#
# You: the floor is 1 % for you and 10 % for the paper, whose model is worse than guessing. R@K falls as the gallery
# (the videos that are searched) grows, so figures on galleries of different size do not belong in one table.
#
# </details>

# %% [markdown]
# ## 4. When other answers are right too
#
# R@K knows one right answer. Suppose we know the **relevance** of *each* video to *each* text, from 0 to 1. Then a
# good ranking has the relevant videos early. Discounted cumulative gain adds up what is found, worth less the
# further down; dividing by the best possible sum makes it comparable.
#
# $$\text{DCG} = \sum_{p=1}^{N} \frac{\text{relevance at place } p}{\log_2(1 + p)}
# \qquad \text{nDCG} = 100 \cdot \frac{\text{DCG}}{\text{DCG of the ideal order}}$$
#
# By hand for text 1. Its row is 0.8, 0, 0.6, 1, so the order is video 4, 1, 3, 2. Say the videos' relevances are
# 1, 0, 0.5, 0.5; in that order we find 0.5, 1, 0.5, 0:
#
# $$\text{DCG} = \frac{0.5}{1} + \frac{1}{1.585} + \frac{0.5}{2} = 1.381, \quad
# \text{ideal} = \frac{1}{1} + \frac{0.5}{1.585} + \frac{0.5}{2} = 1.565, \quad \text{nDCG} = 88.2$$

# %%
relevance = torch.tensor(
    [[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.0], [0.5, 0.5, 1.0, 0.0], [0.5, 0.0, 0.0, 1.0]]
)


def ndcg(scores, gains):
    """nDCG of one query in percent; scores without ties."""
    discount = 1 / torch.log2(torch.arange(2.0, len(scores) + 2))
    found = gains[scores.argsort(descending=True)]
    ideal = gains.sort(descending=True).values
    return float(100 * (found * discount).sum() / (ideal * discount).sum())


assert abs(ndcg(sim[3], relevance[3]) - metrics.ndcg_per_query(sim, relevance)[3]) < 1e-3
print(f"text 1: {ndcg(sim[0], relevance[0]):.1f}")

# %% [markdown]
# 88 looks good. But what does a *random* order of these four videos reach, on average? There are only 24 orders.

# %%
from itertools import permutations

orders = [torch.tensor(order, dtype=torch.float) for order in permutations(range(4))]  # as scores
floor = sum(ndcg(order, relevance[0]) for order in orders) / len(orders)
predict("Which nDCG has a random order, for text 1?", None, result=round(floor))

# %% [markdown]
# nDCG does not begin at 0, and where it begins depends on the data. **Print its floor beside it, always.**
# `nDCG@10` is the same sum over the first ten places alone; its floor is much lower.
#
# **Stop here and say it in your own words**: why is the floor so high?
#
# <details><summary>One answer</summary>
#
# Every order finds everything in the end, only later, and the discount is mild. If half of the videos are somewhat
# relevant, a random order meets one soon.
#
# </details>

# %% [markdown]
# ## 5. Right or wrong, many times
#
# Where relevance is plain yes or no, one can count. A query has R relevant videos (here: at least half as relevant
# as its best). Look at the first R places. **R-Precision** is the share that is relevant. **mAP@R** also asks in
# which order: it adds up, at each place that holds a relevant video, the share that is relevant so far, and divides
# by R.
#
# By hand for text 4: relevances 0.5, 0, 0, 1, so R = 2, videos 1 and 4. Its order is 1, 3, 4, 2; of the first two
# places the first is relevant. R-Precision is 1/2. The share so far is 1/1 at place 1, so mAP@R is (1/1)/2 = 1/2.
# Had video 3 come before video 1: R-Precision still 1/2, mAP@R (1/2)/2 = 1/4.

# %%
print("R-Precision", metrics.r_precision_per_query(sim, relevance)[3])
swapped = sim[3:].clone()
swapped[0, [0, 2]] = sim[3, [2, 0]]
for name, row in (("mAP@R", sim[3:]), ("mAP@R, 3 before 1", swapped)):
    print(name, metrics.average_precision_at_r(row, relevance[3:])[0])

# %% [markdown]
# **Stop here and say it in your own words**: R = 3. The irrelevant video in place 1 and a relevant one in place 3 change
# places. Which of the two metrics sees it?
#
# <details><summary>One answer</summary>
#
# mAP@R only. Both places are among the first three, so R-Precision counts the same; but the share so far is now 1 at
# place 1, where it used to be counted at place 3 only.
#
# </details>

# %% [markdown]
# ## 6. Several captions of one video
#
# The test takes three of each clip's sentences. From video to text a clip then has three right answers. The rule of
# the field: its *best* caption is ranked among the captions of all *other* videos; those that it also owns are no
# rivals. Two videos, four captions:

# %%
captions = torch.tensor([[0.9, 0.1], [0.6, 0.7], [0.2, 0.8], [0.7, 0.3]])  # rows 1, 2: video 1; 3, 4: video 2
video_of_text = torch.tensor([0, 0, 1, 1])
print("rank of each video's best caption:", metrics.ranks(captions, video_of_text, "v2t"))

# %% [markdown]
# Video 1 is first by its caption 1 (0.9 against 0.2 and 0.7). Code that ranks *every* caption against all others
# gives caption 2 rank 3, although one of the two before it is the same video's own.
#
# **Stop here and say it in your own words**: under that other rule, which R@1 could a perfect model reach with 20
# captions a video?
#
# <details><summary>One answer</summary>
#
# Only one of the 20 can be first, so 1 in 20, 5 %. Two papers that follow different rules differ without any model
# being better.
#
# </details>

# %% [markdown]
# ## 7. A trained model beside its floors
#
# The model of chapter 00: 3,000 sentences, 1,000 clips. MiniVTT knows how much of each sentence is true of each
# clip; that share is the relevance. Its nDCG from text to video is 89. Before you are glad: what do *random* scores
# reach?

# %%
from cmgsd_lite.course.first_model import train_first_model

search = train_first_model()
noise = torch.rand(search.sim.shape, generator=torch.Generator().manual_seed(0))
found = metrics.retrieval_metrics(search.sim, search.own, search.relevance)
floors = metrics.retrieval_metrics(noise, search.own, search.relevance)
predict("Which nDCG have random scores?", None, result=round(floors["t2v"]["nDCG"]))

# %% tags=["nbval-ignore-output"]
import pandas as pd

columns = {
    "t2v": found["t2v"],
    "t2v, random": floors["t2v"],
    "v2t": found["v2t"],
    "v2t, random": floors["v2t"],
}
pd.DataFrame(columns).drop("R@50").map(lambda value: f"{value:.1f}" if value < 10 else f"{value:.0f}")

# %% [markdown]
# The random columns are one draw, so R@1 is not exactly K/N. Of nDCG a quarter lies above the floor; the model has won
# about half of it. Random ranks from video to text are not 500: a clip's best of three captions is ranked among some
# 3,000.
#
# Now make the task easier without touching the model: cut the gallery into four, and ask each sentence only among the
# 250 clips of its own part. R@10 was 40 %. What will it be?

# %%
from cmgsd_lite.course.first_model import ranks_in_parts

small = round(100 * (ranks_in_parts(search, 250) <= 10).mean())
predict("What is R@10 among 250 clips?", None, result=small, unit="%", floor=4)

# %% [markdown]
# And chapter 00's lie, as curves (grey: R@5 and R@10): the own clip among the first K, or any clip that fits.

# %%
from cmgsd_lite.course.first_model import ranks_of_any_that_fits
from cmgsd_lite.course.plots.retrieval import plot_recall_at_k

curves = {
    "any clip that fits": ranks_of_any_that_fits(search, search.sim),
    "own clip": metrics.ranks(search.sim, search.own),
    "any clip that fits, random scores": ranks_of_any_that_fits(search, noise),
    "own clip, random scores": metrics.ranks(noise, search.own),
}
ax = plot_recall_at_k(curves)
ax.figure.set_size_inches(10, 4.5)
show_figure(
    ax.figure,
    "01-recall-at-k",
    "Share of sentences answered within the first K places, K from 1 to 50. The curve for any clip that fits lies far "
    "above that for the own clip; below both lie the same two for random scores, in the same order.",
)

# %% [markdown]
# Strict metrics can still *compare* models, if all are punished alike. But training that leaves false negatives
# in peace may be right and lose R@1. So this course reports both kinds, ranks and relevance.
#
# **Stop here and say it in your own words**: R@1 falls by one point, nDCG rises by one. What may have happened?
#
# <details><summary>One answer</summary>
#
# Perhaps other clips that fit moved to the front, in front of the own one: better answers, a worse R@1. One point of
# nDCG is much, of the quarter that there is. Whether both are more than luck is another question (chapter 09).
#
# </details>

# %% [markdown]
# ## 8. The torture test
#
# Many public repositories compute R@1 with the same few lines. They look for the places at which the sorted row
# equals the own score. Here is their idea with two relatives.

# %%
import numpy as np


def common_code(sim):
    """What much field code does (CLIP4Clip's compute_metrics and its ancestors)."""
    ranked = np.sort(-sim, axis=1)
    places = np.where(ranked - np.diag(-sim)[:, None] == 0)[1]
    return 100 * np.sum(places == 0) / len(places)


def argsort(sim):
    """Sort, and let ties fall as the sorting routine likes."""
    first = np.argsort(-sim, axis=1, kind="stable")[:, 0]
    return 100 * np.mean(first == np.arange(len(sim)))


def optimistic(sim):
    """Nothing is strictly better: every tie is won."""
    return 100 * np.mean([(row > row[i]).sum() == 0 for i, row in enumerate(sim)])


# %% [markdown]
# On a well-behaved matrix the three agree with tie-averaged ranks. Now the torture. **Constant**: a collapsed model.
# **Ties**: two queries are answered, for the two others one video is better and the rest ties. **Half NaN**: a model
# that overflowed on half of its texts. **Every video twice**: each video lies in the gallery a second time, as
# re-uploads do.

# %%
nan = np.nan
cases = {
    "well-behaved": sim.numpy().astype(float).round(2),
    "constant": np.full((4, 4), 0.3),
    "ties": np.array(
        [[0.9, 0.1, 0.2, 0.3], [0.2, 0.9, 0.1, 0.3], [0.9, 0.5, 0.5, 0.5], [0.9, 0.5, 0.5, 0.5]]
    ),
    "half NaN": np.array([[0.9, 0.1, 0.2, 0.3], [0.2, 0.9, 0.1, 0.3], [nan] * 4, [nan] * 4]),
    "every video twice": np.array([[9, 9, 1, 1], [8, 8, 2, 2], [2, 2, 7, 7], [1, 1, 9, 9]]) / 10,
}
predict(
    "Which R@1 does the common code report for half NaN?",
    None,
    result=common_code(cases["half NaN"]),
    unit="%",
    floor=25,
)

# %%
from cmgsd_lite.course.live import show_live

figure = plot_matrix(cases["ties"]).figure
figure.axes[0].set_title("ties: 2 of 4 are answered")
show_live(
    "metric",
    figure,
    "A 4 x 4 matrix that can be changed, with the rank of each text, and what four ways of computing R@1 say of it. "
    "At first: two of four texts are answered, the others tie.",
    {"cases": {name: matrix.tolist() for name, matrix in cases.items()}, "case": "ties"},
)

# %% [markdown]
# Guess each case first, then change single numbers.


# %%
def tie_averaged(sim):
    try:
        return metrics.retrieval_metrics(sim)["t2v"]["R@1"]
    except ValueError as error:
        print("refused:", error)


codes = (common_code, argsort, optimistic, tie_averaged)
table = {code.__name__: {name: code(matrix) for name, matrix in cases.items()} for code in codes}
pd.DataFrame(table).map(lambda value: "refused" if np.isnan(value) else f"{value:.0f}")

# %% [markdown]
# - **Constant**: "optimistic" reports a perfect model; `argsort` a guess, by accident of the columns.
# - **Ties**: a row with three tied places enters the common list three times, so two bad queries count as six.
# - **Half NaN**: `NaN == 0` is false, so broken queries vanish from the list, *and from the number it is divided by*.
#   For "optimistic" nothing is greater than NaN. `argsort` is right by accident: a row of NaN gets video 1, so a
#   broken text 1 would count as answered. The package refuses.
# - **Every video twice**: each answer ties with its copy. Rank 1.5 is no first place, so honest R@1 falls to the
#   bottom; the optimistic count does not notice. Look for duplicates before you believe R@1.
#
# **Stop here and say it in your own words**: which three matrices would you feed to a metric before you trust it?
#
# <details><summary>One answer</summary>
#
# A constant one (must score as a guess or worse), one with a NaN (must be refused), one with a repeated column (must
# not look perfect). And a matrix of random numbers, for the floor.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Section 4 tried all 24 orders. With 1,000 videos nobody can. Write the expected nDCG of a random
# order, in percent, without trying any. `gains` are the relevances of one query's videos, in any order.

# %%
from cmgsd_lite.course.exercises.chapter01 import check_ndcg_floor


def ndcg_floor(gains):
    ### BEGIN SOLUTION
    discount = 1 / torch.log2(torch.arange(2.0, len(gains) + 2))
    ideal = (gains.sort(descending=True).values * discount).sum()
    return 100 * gains.mean() * discount.sum() / ideal
    ### END SOLUTION


check_ndcg_floor(ndcg_floor)

# %% [markdown]
# **Exercise 2.** Averaged ranks give a constant 4 x 4 matrix an R@1 of 0; breaking ties by lot would give 25 % on
# average. Write that other rule: the expected R@K, text to video, in percent, if tied videos stand in random order.

# %%
from cmgsd_lite.course.exercises.chapter01 import check_expected_recall


def expected_recall(sim, k):
    ### BEGIN SOLUTION
    own = sim.diagonal()[:, None]
    better, tied = (sim > own).sum(dim=1), (sim == own).sum(dim=1)  # tied: the own video among them
    return 100 * ((k - better) / tied).clamp(0, 1).mean()
    ### END SOLUTION


check_expected_recall(expected_recall)

# %% [markdown]
# **Exercise 3.** Ranks from video to text with several captions. `sim` is [texts, videos], `video_of_text[i]` the
# column of text i's own video. For each video return the rank of its best caption among the captions of all other
# videos; a tie counts half.

# %%
from cmgsd_lite.course.exercises.chapter01 import check_video_ranks


def video_ranks(sim, video_of_text):
    ### BEGIN SOLUTION
    found = []
    for j in range(sim.shape[1]):
        best = sim[video_of_text == j, j].max()
        rivals = sim[video_of_text != j, j]
        found.append(1 + (rivals > best).sum() + (rivals == best).sum() / 2)
    return torch.stack(found)
    ### END SOLUTION


check_video_ranks(video_ranks)

# %% [markdown]
# **Exercise 4 (transfer).** A team masks videos without features and reports R@1 of 100 % with the common code. There
# is no NaN in their matrix. Build such a matrix, of any size: no NaN in it, the common code says 100, and at most 10 %
# of the queries are answered.

# %%
from cmgsd_lite.course.exercises.chapter01 import check_fooled

fooled = None
### BEGIN SOLUTION
fooled = np.zeros((10, 10))
fooled[0, 0] = 1.0
fooled[range(1, 10), range(1, 10)] = -np.inf  # inf - inf is NaN, and NaN == 0 is false
### END SOLUTION
check_fooled(fooled)

# %% [markdown]
# ## Summary
#
# - Rank = 1 + strictly better + half the ties; along rows for t2v, along columns for v2t.
# - No number without its floor: K/N for R@K, and for nDCG whatever random scores reach.
# - R@1 counts one answer; nDCG, R-Precision and mAP@R see the others. Report both kinds.
# - Feed a metric a constant matrix, NaN and a duplicate before you trust it.
#
# **Before:** [00 Start here](00_start_here.ipynb) · **Next:** [02 The ranking loss](02_ranking_loss.ipynb)
#
# ## References
#
# - Liu et al. [Use What You Have](https://arxiv.org/abs/1907.13487) (CE). BMVC 2019. Gabeur et al.
#   [Multi-modal Transformer for Video Retrieval](https://arxiv.org/abs/2007.10639) (MMT). ECCV 2020.
# - Järvelin, Kekäläinen. [Cumulated gain-based evaluation of IR techniques](https://doi.org/10.1145/582415.582418).
#   TOIS 2002.
# - McSherry, Najork. [Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
#   Scores](https://doi.org/10.1007/978-3-540-78646-7_38). ECIR 2008.
# - Luo et al. [CLIP4Clip](https://arxiv.org/abs/2104.08860), with its `metrics.py`
#   [on GitHub](https://github.com/ArrowLuo/CLIP4Clip). Neurocomputing 2022.
