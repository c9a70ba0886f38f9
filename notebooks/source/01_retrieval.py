# %% [markdown]
# # 01 · Retrieval
#
# **What "the model finds the right video" means, computed by hand on four videos; and how common metric code
# can be wrong without anybody noticing.**
#
# Time: about 15 s on two CPU cores (one thread) · Data: 4 x 4 by hand, then MiniVTT · Read before:
# [00 Start here](00_start_here.ipynb)
#
# After this chapter you can
#
# 1. compute a similarity matrix, ranks, R@K, MdR and nDCG by hand, in both directions,
# 2. say why a rank must be averaged over ties,
# 3. handle several captions of one video,
# 4. torture a metric until it confesses: ties, NaN, a constant matrix, several captions, duplicates,
# 5. say what strict R@K cannot see.

# %%
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt

from cmgsd_lite import metrics
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.retrieval import plot_matrix, plot_ranked_scores, plot_recall_at_k
from cmgsd_lite.runtime import set_threads

set_threads(1)
torch.set_printoptions(precision=2, sci_mode=False)

# %% [markdown]
# ## 1. Two encoders, one matrix
#
# A **dual encoder** has two halves that never see each other's input: one turns a text into a vector, the
# other turns a video into a vector of the same length. How well they fit is the cosine of the angle between
# them. Because the halves are apart, a million videos can be encoded once and searched many times.
#
# Here are four texts and four videos that landed in a plane. All have length 1 or are easy to scale to it.

# %%
text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [4.0, 3.0]])
video = torch.tensor([[4.0, 3.0], [0.0, 2.0], [3.0, 4.0], [1.0, 0.0]])


def cosine_matrix(text, video):
    """Cosine of every text with every video: rows are texts, columns are videos."""
    text = text / text.norm(dim=1, keepdim=True)
    video = video / video.norm(dim=1, keepdim=True)
    return text @ video.T


sim = cosine_matrix(text, video)
print(sim)

# %% [markdown]
# Check one by hand: text 3 is $(3, 4)/5$, video 1 is $(4, 3)/5$, and
# $0.6 \cdot 0.8 + 0.8 \cdot 0.6 = 0.96$.
#
# $$S_{ij} = \frac{t_i \cdot v_j}{\lVert t_i \rVert \, \lVert v_j \rVert}$$
#
# Row $i$ is text $i$, column $j$ is video $j$, partners lie on the diagonal. It stays like that in the whole
# course: read along a **row** for text to video (t2v), along a **column** for video to text (v2t).

# %%
from cmgsd_lite.similarity import cosine_similarity_matrix

assert torch.allclose(sim, cosine_similarity_matrix(text, video))
print("our matrix equals the package's")

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", width_ratios=[1.3, 1])
plot_matrix(sim, axes[0])
plot_ranked_scores(sim[3], own=3, ax=axes[1])
axes[1].set_title("row of text 4, sorted")
show_figure(
    figure,
    "01-matrix",
    "Left: the 4 x 4 similarity matrix with the positives framed on the diagonal. Right: the row of "
    "text 4 as bars from best to worst; its own video is in third place.",
)

# %% [markdown]
# ## 2. Ranks
#
# The **rank** of a query is the place of its right answer. Text 4 asks for video 4, which scores 0.80.
# Videos 1 (1.00) and 3 (0.96) score more, so its rank is 3. Now what if another video scores *exactly* 0.80?
# Then the order among the two is an accident of the sorting routine. We want a number that does not depend
# on accidents, so a tie counts half:
#
# $$\text{rank}_i = 1 + \#\{j : S_{ij} > S_{ii}\} + \tfrac12 \, \#\{j \neq i : S_{ij} = S_{ii}\}$$
#
# That is the mean of the best and the worst place that the right answer could be given. No sorting is needed.


# %%
def tie_averaged_ranks(sim):
    """Rank of the diagonal entry in each row, from 1; a tie counts half."""
    own = sim.diagonal()[:, None]
    better = (sim > own).sum(dim=1)
    ties = (sim == own).sum(dim=1) - 1  # the own video equals itself
    return 1 + better + ties / 2


sim = sim.round(decimals=2)  # 0.8 and 0.6 + 0.2 are not the same float: tidy up before counting by hand
print("text to video", tie_averaged_ranks(sim).tolist())
print("video to text", tie_averaged_ranks(sim.T).tolist())

assert np.array_equal(tie_averaged_ranks(sim), metrics.ranks(sim))
assert np.array_equal(tie_averaged_ranks(sim.T), metrics.ranks(sim, direction="v2t"))
print("ours equal the package's ranks, in both directions")

# %% [markdown]
# ## 3. R@K, MdR, MnR
#
# Ranks are boiled down to a few numbers:
#
# - **R@K**, recall at K: percent of queries whose rank is at most K. Higher is better.
# - **MdR**, **MnR**: median and mean rank. Lower is better. MdR ignores the hopeless queries, MnR is ruled
#   by them.
#
# With the ranks 2, 1, 1, 3: R@1 = 2 of 4 = 50 %, MdR = 1.5, MnR = 1.75.


# %%
def recall_at_k(ranks, k):
    return 100 * (ranks <= k).double().mean().item()


ranks = tie_averaged_ranks(sim)
print("R@1", recall_at_k(ranks, 1), "  MdR", np.median(ranks), "  MnR", ranks.mean().item())

measured = metrics.retrieval_metrics(sim)
assert measured["t2v"]["R@1"] == recall_at_k(ranks, 1)
assert measured["t2v"]["MdR"] == np.median(ranks)
assert measured["v2t"]["R@1"] == recall_at_k(tie_averaged_ranks(sim.T), 1)
print("equal to retrieval_metrics, in both directions")

# %% [markdown]
# ## 4. nDCG: when other answers are right too
#
# R@K knows one right answer. Suppose we know more: how relevant *each* video is to *each* text, between 0
# and 1. Then a ranking is good if the relevant videos come early. Discounted cumulative gain adds up the
# relevance found at each place, less and less as we go down the list; dividing by the best possible value
# makes it a share.
#
# $$\text{DCG} = \sum_{p=1}^{N} \frac{\text{relevance at place } p}{\log_2(1 + p)}
# \qquad \text{nDCG} = 100 \cdot \frac{\text{DCG}}{\text{DCG of the ideal order}}$$
#
# By hand for text 1. Its row is 0.8, 0, 0.6, 1, so the order is video 4, 1, 3, 2. With the relevance below,
# the gains in that order are 0.5, 1, 0.5, 0:
#
# $$\text{DCG} = \frac{0.5}{1} + \frac{1}{1.585} + \frac{0.5}{2} + 0 = 1.381, \qquad
# \text{ideal} = \frac{1}{1} + \frac{0.5}{1.585} + \frac{0.5}{2} + 0 = 1.565, \qquad \text{nDCG} = 88.2$$

# %%
relevance = torch.tensor([[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.0], [0.5, 0.5, 1.0, 0.0], [0.5, 0.0, 0.0, 1.0]])


def ndcg_of_row(scores, gains):
    """nDCG of one query in percent; scores without ties."""
    discount = 1 / torch.log2(torch.arange(2.0, len(scores) + 2))
    found = gains[scores.argsort(descending=True)]
    ideal = gains.sort(descending=True).values
    return float(100 * (found * discount).sum() / (ideal * discount).sum())


def ndcg(sim, relevance):
    return np.mean([ndcg_of_row(scores, gains) for scores, gains in zip(sim, relevance)])


print(f"text 1: {ndcg_of_row(sim[0], relevance[0]):.1f}")
print(f"text to video: {ndcg(sim, relevance):.1f}   video to text: {ndcg(sim.T, relevance.T):.1f}")

assert np.isclose(ndcg(sim, relevance), metrics.ndcg(sim, relevance))
assert np.isclose(ndcg(sim.T, relevance.T), metrics.ndcg(sim.T, relevance.T))
print("equal to the package's nDCG, in both directions")

# %% [markdown]
# **A number without its floor means little.** nDCG does not start at 0. What would a random ranking score?
# The exact expectation is the nDCG of a constant matrix with ties averaged, because averaging over ties is
# averaging over all orders. We check that against all 24 orders of four videos.

# %%
from itertools import permutations

orders = [torch.tensor(order, dtype=torch.float) for order in permutations(range(4))]
by_hand = np.mean([ndcg_of_row(order, gains) for order in orders for gains in relevance])
print(f"a random ranking scores {by_hand:.1f}, so the scale that is left is {by_hand:.0f} to 100")
assert np.isclose(by_hand, metrics.random_floor(relevance))
print("equal to the package's random_floor")

# %% [markdown]
# ## 5. On a trained model
#
# The small model of chapter 00, trained for eight epochs, on 3,000 queries and 1,000 test clips. MiniVTT
# knows which clips a sentence is true of, so beside "the own clip is among the first K" we can ask "*any*
# clip that the sentence is true of is among the first K".

# %%
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import score

dataset = load_dataset()
prepared = PreparedDataset.of(dataset, queries="protocol")
widths = {name: tokens.shape[2] for name, tokens in prepared.train.features.items()}
model = build_model(ModelConfig("mean-pool", prepared.train.text.shape[1], widths), seed=0)
_ = fit(
    model, MaxMarginRankingLoss(0.2, reduction=4), prepared.train, config=TrainingConfig(epochs=8), progress=False
)

big = score(model, prepared.test).numpy()
own = prepared.test.video_of_text.numpy()
test = dataset.test
first = np.cumsum([0] + [len(test.captions[name]) for name in test.video_ids])
rows = [first[clip] + number for clip in range(len(test)) for number in range(3)]
true = minivtt.entailment(test)[rows]
true[np.arange(len(own)), own] = True  # the own clip counts even where the caption is mistaken
print(f"{big.shape[0]:,} texts x {big.shape[1]:,} videos")

# %%
strict = metrics.ranks(big, own)
best_true = np.where(true, big, -np.inf).max(axis=1, keepdims=True)
lenient = 1 + (big > best_true).sum(axis=1)
to_text = metrics.ranks(big, own, direction="v2t")

ax = plot_recall_at_k(
    {
        "text to video, any true clip": lenient,
        "text to video, own clip": strict,
        "video to text, best own caption": to_text,
    }
)
ax.figure.set_size_inches(8, 4)
show_figure(
    ax.figure,
    "01-recall-at-k",
    "Share of queries answered within the first K places, for K from 1 to 50: the curve for any true clip "
    "lies far above the curve for the own clip.",
)

missed = strict > 1
rescued = (lenient[missed] <= 1).mean()
print("R@1 is at least twice as high when any true clip counts:", (lenient <= 1).mean() > 2 * (strict <= 1).mean())
print("a quarter or more of the strict misses have a true clip in first place:", rescued > 0.25)

# %% [markdown]
# A large part of what strict R@1 calls a mistake here is a right answer. Strict metrics are still useful for
# *comparing* models, as long as all of them are punished alike. But a training trick that keeps true duplicates
# together can be right and still lose R@1. This is why the course always reports both families: strict ranks
# and relevance.

# %% tags=["nbval-ignore-output"]
graded = minivtt.relevance(test)[rows]
found = metrics.retrieval_metrics(big, own, graded)
print(f"nDCG of a random ranking, text to video: {metrics.random_floor(graded):.1f}")
pd.DataFrame({"text to video": found["t2v"], "video to text": found["v2t"]}).round(1)

# %% [markdown]
# ## 6. The torture test
#
# Many public repositories compute their numbers with the same few lines, copied from one to the next. They are
# elegant, and on well-behaved matrices they are right. Here is their idea, written anew.
# `where(... == 0)` looks for the places at which the sorted row equals the own score.


# %%
def common_metric(sim):
    """What much field code does (CLIP4Clip's compute_metrics and its ancestors): R@1 in percent."""
    ranked = np.sort(-sim, axis=1)
    own = np.diag(-sim)[:, None]
    places = np.where(ranked - own == 0)[1]
    return 100 * np.sum(places == 0) / len(places)


def by_argsort(sim):
    """Position of the right answer after sorting; ties fall as the sorting routine likes."""
    order = np.argsort(-sim, axis=1, kind="stable")
    places = [list(order[i]).index(i) for i in range(len(sim))]
    return 100 * np.mean(np.array(places) == 0)


def optimistic(sim):
    """1 + number of strictly better items: every tie is won."""
    return 100 * np.mean([(row > row[i]).sum() == 0 for i, row in enumerate(sim)])


def ours(sim):
    try:
        return metrics.retrieval_metrics(sim)["t2v"]["R@1"]
    except ValueError:
        return "refused"


four = sim.numpy().astype(float)
codes = {"common code": common_metric, "argsort": by_argsort, "optimistic": optimistic, "ours": ours}
print({name: float(code(four)) for name, code in codes.items()})

# %% [markdown]
# On the well-behaved matrix all four agree. Now the torture.
#
# - **constant**: a collapsed model gives every pair the same score. It has learned nothing.
# - **ties**: six queries. Three are answered perfectly. For the others one video is better and the right one
#   ties with the four remaining: rank 4. R@1 is 3 of 6.
# - **half NaN**: a model that overflowed on half of its texts. The other half is answered perfectly.

# %%
constant = np.full((4, 4), 0.3)

ties = np.eye(6)
for i in (3, 4, 5):
    ties[i] = 0.5
    ties[i, 0] = 0.9

half_nan = np.eye(4)
half_nan[2:] = np.nan

cases = {"well-behaved": four, "constant": constant, "ties": ties, "half NaN": half_nan}
torture = pd.DataFrame({name: {case: code(m) for case, m in cases.items()} for name, code in codes.items()})
torture.map(lambda value: value if isinstance(value, str) else f"{value:.1f}")

# %% [markdown]
# Read it row by row.
#
# - **constant**: "optimistic" reports a perfect model. `argsort` reports 25, an accident: the first column is
#   the right answer of text 1.
# - **ties**: the common code says 16.7 where the truth is 50. A row with five tied places enters its list five
#   times, so three bad queries count as fifteen.
# - **half NaN**: the common code says **100**. `NaN == 0` is false, so broken queries vanish from the list,
#   and from the number it is divided by. "Optimistic" says 100 too: nothing is greater than NaN. `argsort`
#   looks right, by accident: NaN is sorted last, in the order of the columns.
#   The package refuses, with a reason:

# %%
try:
    metrics.retrieval_metrics(half_nan)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# Nobody plans for NaN. But a half-precision overflow in evaluation, or a video without features divided by its
# length of zero, is an ordinary Tuesday.
#
# ### Duplicates
#
# In a real gallery the same video may lie twice: a re-upload, or two clips cut from one shot. Their columns
# are equal, and the right answer ties with its copy in *every* query. Here each of the first 400 test clips
# gets a copy in place of another clip, and we ask for the 400.

# %%
duplicated = big.copy()
duplicated[:, 400:800] = duplicated[:, :400]
asked = own < 400
scores, column = duplicated[asked], own[asked]
mine = scores[np.arange(len(column)), column][:, None]
better, equal = (scores > mine).sum(1), (scores == mine).sum(1) - 1

tie_won = 100 * np.mean(better == 0)
tie_halved = 100 * np.mean(1 + better + equal / 2 <= 1)
tie_lost = 100 * np.mean(better + equal == 0)
print("tie won > tie averaged >= tie lost:", tie_won > tie_halved >= tie_lost)
print("R@1 with ties averaged:", tie_halved)
assert np.array_equal(metrics.ranks(duplicated, own)[asked], 1 + better + equal / 2)
print("our ranks equal the package's")

# %% [markdown]
# Every tie-averaged rank is at least 1.5, so R@1 is 0, and that is what "the own video is in first place"
# honestly comes to when two videos share it. The optimistic count would not notice the copies at all. With K of
# 5 or 10 they matter far less. So: **look for duplicates before you believe R@1.**
#
# ### Several captions a video
#
# MiniVTT's test clips have three queries each. From video to text a clip then has three right answers. The
# rule of the field (CE, MMT): its *best* caption is ranked, among the captions of all *other* videos. The
# captions that it also owns are no rivals. By hand with two videos and four captions:

# %%
captions = np.array([[0.9, 0.1], [0.6, 0.7], [0.2, 0.8], [0.7, 0.3]])  # rows 1, 2 belong to video 1
video_of_text = np.array([0, 0, 1, 1])

print("best caption, own others left out:", metrics.ranks(captions, video_of_text, "v2t"))
every_caption = [1 + (captions[:, v] > captions[t, v]).sum() for t, v in enumerate(video_of_text)]
print("each caption against all others:  ", np.array(every_caption))

# %% [markdown]
# Video 1 is in first place by its caption 1. A code that wants *every* caption in front would give caption 2
# rank 3, although one of the two before it is the same video's own. On data with 20 captions a video the two
# rules differ enormously: with 20 right answers, 19 of them cannot be in first place.

# %% [markdown]
# ## 7. Exercises
#
# **Exercise 1.** A collapsed model gives the same score to every pair. What is the tie-averaged rank of each
# query among 1,000 videos?

# %%
from cmgsd_lite.course.exercises.chapter01 import check_constant_rank, check_ndcg, check_video_ranks

answer = None
### BEGIN SOLUTION
answer = 1 + 0 + 999 / 2
### END SOLUTION
check_constant_rank(answer)

# %% [markdown]
# **Exercise 2.** Write nDCG of one query. You get the gains (relevances) in the order of the ranking, best
# place first. Return percent. Do not look above.


# %%
def ndcg_from_gains(gains):
    ### BEGIN SOLUTION
    discount = 1 / torch.log2(torch.arange(2.0, len(gains) + 2))
    ideal = gains.sort(descending=True).values
    return 100 * (gains * discount).sum() / (ideal * discount).sum()
    ### END SOLUTION


check_ndcg(ndcg_from_gains)

# %% [markdown]
# **Exercise 3.** Ranks from video to text with several captions a video. `sim` is [texts, videos],
# `video_of_text[i]` the column of text i's own video. For each video return the rank of its best caption
# among the captions of all other videos; a tie counts half.


# %%
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
# ## Summary
#
# - `sim[i, j]`: rows are texts, columns are videos. Rows for t2v, columns for v2t.
# - Rank = 1 + strictly better + half the ties. Everything else follows from ranks.
# - nDCG sees other right answers; print its random floor beside it.
# - Strict R@1 counts many right answers as mistakes. It compares models; it does not say how good they are.
# - Feed your metric a constant matrix, NaN and a duplicate before you trust it.
#
# **Before:** [00 Start here](00_start_here.ipynb) · **Next:** [02 The ranking loss](02_ranking_loss.ipynb)
#
# ## References
#
# - Liu, Albanie, Nagrani, Zisserman. [Use What You Have: Video Retrieval Using Representations From
#   Collaborative Experts](https://arxiv.org/abs/1907.13487) (CE). BMVC 2019.
# - Gabeur, Sun, Alahari, Schmid. [Multi-modal Transformer for Video
#   Retrieval](https://arxiv.org/abs/2007.10639) (MMT). ECCV 2020.
# - Järvelin, Kekäläinen. [Cumulated gain-based evaluation of IR
#   techniques](https://doi.org/10.1145/582415.582418). TOIS 2002.
# - McSherry, Najork. [Computing Information Retrieval Performance Measures Efficiently in the Presence of
#   Tied Scores](https://doi.org/10.1007/978-3-540-78646-7_38). ECIR 2008.
# - Luo et al. [CLIP4Clip](https://arxiv.org/abs/2104.08860). Neurocomputing 2022; its `metrics.py` is
#   [on GitHub](https://github.com/ArrowLuo/CLIP4Clip).
