# %% [markdown]
# # 13 · Scaling out
#
# **What changes when the batch grows, and what does it cost?**
#
# Time: about 25 s on one core · For you: about 50 minutes · Read before: [03 False negatives](03_false_negatives.ipynb),
# [11 Your own model](11_your_own_model.ipynb)
#
# ## 1. More negatives, more false ones
#
# Everybody wants large batches: each caption then meets more negatives. Some of them are right answers. In MiniVTT a
# random other clip fits a caption in about 3 of 100 cases. So with $N$ pairs a caption has on average
#
# $$ p\,(N-1) \approx .03\,(N-1) $$
#
# **false negatives** in its batch: one at $N=32$, four at 128. That is the average, and a larger batch does not change the
# *share* of pairs that are false. But a loss does not look at shares. Those that rank well look at the **hardest** negatives.
#
# We train a small model for 60 steps and ask it, for batches of several sizes: whose hardest negative is a right answer?

# %%
from cmgsd_lite.course.own_model import train
from cmgsd_lite.course.predict import predict
from cmgsd_lite.course.scaling import false_negatives_by_size
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.runtime import set_threads

set_threads(1)
model = train(MaxMarginRankingLoss(0.2, "smooth", temperature=0.08), seed=0)
found = false_negatives_by_size(model, [8, 32, 128, 512, 2000])
shown = {size: round(row["hardest"]) for size, row in found.items()}
floor = round(found[512]["share"])
asked = "At N = 512: for what share of the captions is the hardest negative a right answer?"
predict(asked, None, result=shown[512], unit="%", floor=floor, beside={"at N = 8": shown[8]})

# %% [markdown]
# The floor is the share of all negative pairs that are false (what a blind choice would hit).

# %%
from cmgsd_lite.course.own_model import new_model
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.scaling import plot_by_size

seen = "Three lines over batch sizes from 8 to 2,000: the share of false pairs is flat, the two shares of captions climb."
show_figure(plot_by_size(found).figure, "13-by-size", seen)
for size, row in found.items():
    print(f"N = {size:5,d}: {row['number']:5.1f} false negatives a caption, hardest one false for {row['hardest']:2.0f} %")
untrained = false_negatives_by_size(new_model(), [512])[512]["hardest"]
print(f"N =   512, an untrained model: hardest one false for {untrained:.0f} %")

# %% [markdown]
# (The average is carried by few: a vague caption fits many clips, a precise one none. So at $N=32$ most captions have no
# false negative at all.)
#
# The better the model and the larger the batch, the more of what `hardest` pushes away is a right answer. What the
# adaptive margin was made for becomes *more* frequent when one scales out, not less.
#
# **Stop here and say it in your own words**: the share of false pairs is flat. Why does the share of false *hardest*
# negatives climb?
#
# <details><summary>One answer</summary>
#
# The hardest is the best of $N-1$ candidates. A model that has learned something ranks right answers high, so as soon as
# one is in the batch it is likely to be the best. And with $N$ it becomes ever more likely that one is there.
#
# </details>
#
# ## 2. Is a larger batch better? Count the steps
#
# Same model, InfoNCE, four epochs of the 2,000 training clips (means of two seeds). In batches of 64 these are 125 steps;
# in batches of 256 they are 31. Which model is better?

# %%
from cmgsd_lite.course.scaling import train_by_batch_size

small = round(train_by_batch_size(64, steps=125))
large = round(train_by_batch_size(256, steps=31))
asked = "R@10 with batches of 256, four epochs?"
predict(asked, None, result=large, unit="%", floor=3, beside={"batches of 64": small})

# %% [markdown]
# Before you write that large batches hurt: the large one took a quarter of the steps. Give
# it as many, 125, which is sixteen epochs.

# %%
longer = round(train_by_batch_size(256, steps=125))
print(f"R@10: 64 pairs, 125 steps: {small}; 256 pairs, 31 steps: {large}; 256 pairs, 125 steps: {longer}")

# %% [markdown]
# At equal *epochs* the large batch looks worse, at equal *steps* better; the second comparison hands it four times the
# data. Neither is wrong, and neither isolates the batch: number of steps, number of pairs seen and batch size cannot all be
# held (and a larger batch also bears a larger learning rate). Whoever says "the margin helps more in large batches" has to
# say which two were equal, and to let the control run under the same.
#
# **Stop here and say it in your own words**: what would a fair comparison of *two losses* at $N=64$ and $N=256$ look like?
#
# <details><summary>One answer</summary>
#
# At each size both losses with the same steps, learning rate tuned for each, and the plain loss's temperature tuned for
# each size. Then compare the two *gains*, not the two levels.
#
# </details>
#
# ## 3. The same loss without the square
#
# A batch of $N$ has $N^2$ similarities. Must they all stand in memory? Begin with the statistics. Four unit vectors:
# $(1, 0)$, $(.6, .8)$, $(0, 1)$, $(-.6, .8)$. The mean of their twelve cosines, the long way: six products, twice. The
# short way: add the vectors, $s = (1, 2.6)$. The sum of *all* sixteen cosines is
#
# $$ \sum_{ij} a_i\cdot a_j = \Bigl(\sum_i a_i\Bigr)\cdot\Bigl(\sum_j a_j\Bigr) = |s|^2 = 1 + 6.76 = 7.76. $$
#
# Take off the diagonal, four ones: $3.76 / 12 = .313$. So the mean distance is $.687$: $N$ additions, no square.

# %%
import torch

unit = torch.tensor([[1, 0], [0.6, 0.8], [0, 1], [-0.6, 0.8]])
cosines = unit @ unit.T
long_way = (cosines.sum() - cosines.trace()) / 12
short_way = (unit.sum(0).square().sum() - 4) / 12
print(f"mean cosine, the long way {long_way:.3f}, the short way {short_way:.3f}")

# %% [markdown]
# The standard deviation has its own short way (exercise 1). Then the hinge. `hardest` needs the largest of each row and
# of each column. Rows can come in blocks: a row is finished when its block is. A column is not, but its **maximum so far**
# can be carried along. `rows_in_blocks` hands out the cosines of some texts with all videos, own pairs out of the way.

# %%
from torch.nn.functional import normalize

from cmgsd_lite.course.scaling import rows_in_blocks

text, video = normalize(torch.randn(2, 1000, 64, generator=torch.Generator().manual_seed(0)), dim=2)
of_text, of_video = [], torch.full((1000,), -2.0)
for rows in rows_in_blocks(text, video, block=128):
    of_text.append(rows.amax(dim=1))
    of_video = torch.maximum(of_video, rows.amax(dim=0))
own = (text * video).sum(dim=1)
missing = torch.relu(0.2 + torch.stack([torch.cat(of_text), of_video]) - own)
whole = MaxMarginRankingLoss(0.2, "hardest")(text @ video.T)
print(f"in blocks {missing.mean():.4f}, equal to the package's loss of the whole matrix {whole:.4f}")

# %% [markdown]
# In the package it is an argument: every loss called as `loss(text=text, video=video, block=128)` makes the cosines itself.
# Now the gradient. A product of $[N, D]$ and $[D, N]$ is the unit of work. With the whole matrix a fixed margin takes three:
# similarities, gradient of the texts, gradient of the videos. `metered` counts what the package does, in products, and the
# largest tensor that it makes. How many products does `hardest` take in blocks, where the matrix is never there?

# %%
from cmgsd_lite.course.scaling import metered

hardest = MaxMarginRankingLoss(0.2, "hardest")
whole, blocks = metered(hardest, pairs=2048), metered(hardest, pairs=2048, block=256)
asked = "Products of `hardest` in blocks?"
predict(asked, None, result=round(blocks.products, 1), unit="products", beside={"the whole matrix": whole.products})

# %%
from cmgsd_lite.losses import CMGSDLoss

losses = {
    "fixed, hardest": hardest,
    "fixed, smooth": MaxMarginRankingLoss(0.2, "smooth"),
    "adaptive, hardest": CMGSDLoss(schedule="dynamic"),
    "adaptive, smooth": CMGSDLoss(reduction="smooth", schedule="dynamic"),
}
print("N = 2,048, D = 128      whole: products, largest   in blocks of 256: products, largest")
for name, loss in losses.items():
    a, b = metered(loss, 2048), metered(loss, 2048, block=256)
    print(f"{name:20s} {a.products:16.1f} {a.largest / 2**20:6.0f} MB {b.products:22.1f} {b.largest / 2**20:12.0f} MB")

# %% [markdown]
# *Less* memory and, for `hardest`, less work: its gradient touches two entries a pair, so two of the three products shrink
# to nearly nothing. `smooth` touches every entry and has to make each block a second time: memory for work. The
# adaptive margin adds its two matrices of distances, whole a product each. In blocks a little more than half of each is
# made, as they are symmetric (for `smooth` twice), and a fraction for mean, spread and clipping.
#
# **Stop here and say it in your own words**: why can `hardest` forget a block at once, and `smooth` not?
#
# <details><summary>One answer</summary>
#
# The maximum so far and its place say all that the gradient needs. A smooth maximum gives each entry a share of the
# push, and the shares are known only when the sum over the whole row or column is, at the end. Then the entries are
# needed again.
#
# </details>
#
# ## 4. Two processes, one batch
#
# The usual way to scale out: two processes, each with its half of the batch, average their gradients. For a sum over
# *items* that is exact. A contrastive loss is a sum over *pairs*. Eight pairs in two processes of four, each for itself:
# 56 negative pairs are in the whole batch.

# %%
in_one, in_two = 8 * 7, 2 * 4 * 3
asked = "What share of the negative pairs do the two processes see?"
predict(asked, None, result=round(100 * in_two / in_one), unit="%", beside={"one process": 100})

# %% [markdown]
# With $P$ processes it is about $1/P$: each sees a square on the diagonal. The cure is to **gather**: every process
# sends its embeddings to all, scores its own texts against *all* videos, and sends these rows round, too. Now each has
# the whole square, columns as well: **the square is back, in every process**. Each keeps the gradient of its own texts
# and videos; their *sum* is that of one batch. (`DistributedDataParallel` averages, so each has to count its own $P$
# times.) In blocks nobody sends rows: each goes over the whole square, block by block, so memory is spared and work is
# not shared. Play with it: `apart`, `gathered`, `in blocks`; more processes, more pairs. (Apart and gathered a colour
# is a process, and grey pairs are never seen. In blocks all processes do the same: pale rows were seen and forgotten,
# full ones stand in memory, grey ones are to come.)

# %%
from cmgsd_lite.course.live import show_live
from cmgsd_lite.course.plots.scaling import plot_square

seen = "The square of a batch of 12: two processes apart see two squares on the diagonal, gathered all, in blocks some rows at a time."
show_live("batch", plot_square(), seen)

# %% [markdown]
# Now really: two processes are started, each gets half of eight pairs and computes gradients, which are then averaged.
# Compared with one process that has all eight: the largest difference, as a share of the largest entry.

# %%
from cmgsd_lite.training.two_processes import compare

for row in compare(processes=2, pairs=8):
    apart, exact = 100 * row["apart"], row["gathered"] < 1e-5
    print(f"{row['loss']:32s} apart: off by {apart:.0f} %, gathered: {'off by rounding' if exact else row['gathered']}")

# %% [markdown]
# In your own code it is one line, `GatheredLoss(loss)` from `cmgsd_lite.distributed`, beside `DistributedDataParallel`. And
# the statistics: mean and deviation of the distances have to be those of the whole batch, too. They are, because teachers
# and embeddings are gathered *before* the margin is made.
#
# **Stop here and say it in your own words**: with eight processes apart, 512 pairs each, what batch did you really train
# with?
#
# <details><summary>One answer</summary>
#
# With 512. The step averages eight such batches, so the gradient is less noisy, but every caption met 511 negatives and
# not 4,095, and each margin was standardised over 512.
#
# </details>
#
# ## 5. On paper, up to a billion pairs
#
# What one cannot run one can still compute. Embeddings of $D=512$ in float32 (4 bytes), blocks of 4,096 rows:
#
# | | bytes or work |
# |---|---|
# | the square | $4N^2$ bytes |
# | a block | $4 \cdot 4096\,N$ bytes |
# | embeddings, both sides; what gathering sends (in blocks) | $2 \cdot 4 N D$ bytes |
# | three products | $3 \cdot 2 N^2 D$ operations |
#
# At $N=32{,}768$ the square already has a billion entries.

# %%
def cost(pairs, width=512, block=4096):
    return {
        "square (GB)": 4 * pairs**2 / 1e9,
        "block (GB)": 4 * min(block, pairs) * pairs / 1e9,
        "embeddings (GB)": 8 * pairs * width / 1e9,
        "products (s)": 6 * pairs**2 * width / 1e14,
    }


print(f"{'pairs in the batch':>18s}" + "".join(f"{name:>20s}" for name in cost(1)))
for pairs in (128, 32_768, 1_000_000, 1_000_000_000):
    print(f"{pairs:18,d}" + "".join(f"{value:20,.2g}" if value < 100 else f"{value:20,.0f}" for value in cost(pairs).values()))

# %% [markdown]
# The seconds assume $10^{14}$ operations a second, a large accelerator that is well used. A batch of a million pairs is
# half a minute of work and 20 GB with the square left out, and 4,000 GB with it. A billion in *one* batch stays on paper:
# the products alone take nearly a year.
#
# When does the loss become the expensive part? Suppose the encoders take $5\cdot10^{10}$ operations a pair, forward and
# backward (an image and a short text in a base-sized transformer, roughly). The encoders' work grows with $N$, the
# products' with $N^2$. They meet where $6ND = 5\cdot10^{10}$.

# %%
meet = 5e10 / (6 * 512)
asked = "From how many million pairs in a batch on do three products cost more than the encoders?"
predict(asked, None, result=round(meet / 1e6), unit="million pairs", beside={"our large batch": 0.03})

# %% [markdown]
# So below many millions it is not the *work* of the loss that stops a large batch. It is the memory of the square,
# which blocks remove; and soon there are no more *different* pairs. And how many right answers would be among the
# negatives? With MiniVTT's 3 % a batch of a million holds 30,000 for each caption; with one in ten thousand still a
# hundred.
#
# **Stop here and say it in your own words**: which row of the table would you halve first at $N=10^6$, and how?
#
# <details><summary>One answer</summary>
#
# The block: fewer rows. It costs nothing but a few more starts. Halving $D$ or the precision halves embeddings, sending
# and work, but changes the model.
#
# </details>
#
# ## Exercises
#
# **Exercise 1. The other statistic.** `unit` [N, D] are unit vectors. Return the standard deviation of all cosine
# distances between *different* items, without a matrix [N, N]. (What is the sum of squares of all entries of $AA^T$?
# Write it with $A^TA$.)


# %%
from cmgsd_lite.course.exercises.chapter13 import check_spread


def spread_of_distances(unit):
    ### BEGIN SOLUTION
    count = len(unit) * (len(unit) - 1)
    wide = unit.double()
    mean = (wide.sum(0).square().sum() - len(unit)) / count
    mean_square = ((wide.T @ wide).square().sum() - len(unit)) / count
    return (mean_square - mean**2).clamp_min(0).sqrt()
    ### END SOLUTION


check_spread(spread_of_distances)

# %% [markdown]
# **Exercise 2 (transfer). A metric in two processes.** Two processes measure R@1 of four texts, each on the two pairs that
# it has (0 and 1, 2 and 3), and average. Give a matrix of cosines on which they report 100 % and R@1 of the whole is 0.

# %%
from cmgsd_lite.course.exercises.chapter13 import check_split_matrix

sim = None
### BEGIN SOLUTION
sim = [[0.5, 0.1, 0.9, 0.0], [0.1, 0.5, 0.0, 0.9], [0.9, 0.0, 0.5, 0.1], [0.0, 0.9, 0.1, 0.5]]
### END SOLUTION
check_split_matrix(sim)

# %% [markdown]
# **Exercise 3. What fits?** A machine has `memory` bytes for embeddings of texts and videos (float32, `width` numbers each)
# and one block [block, N]. How many pairs may the batch have?


# %%
from cmgsd_lite.course.exercises.chapter13 import check_largest_batch


def largest_batch(memory, block, width):
    ### BEGIN SOLUTION
    return memory // (4 * (block + 2 * width))
    ### END SOLUTION


check_largest_batch(largest_batch)

# %% [markdown]
# ## Summary
#
# - The share of false pairs does not grow with the batch; the share of captions whose *hardest* negative is false does.
# - Equal epochs are not equal steps: say what was held, and give the control the same.
# - Sums over pairs need no square: statistics from sums, maxima carried along, blocks made twice where all entries count.
# - Processes apart see one pair in $P$. Gather embeddings and teachers first, then make margins and loss.
# - On paper the square's memory stops you first, long before the loss's work does.
#
# **Before:** [12 Your own videos](12_your_own_videos.ipynb) · [00 Start here](00_start_here.ipynb)
#
# ### References
#
# - Radford et al., *Learning Transferable Visual Models From Natural Language Supervision* (CLIP: batches of 32,768), 2021,
#   [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)
# - Gao et al., *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup* (GradCache), 2021,
#   [arXiv 2101.06983](https://arxiv.org/abs/2101.06983)
