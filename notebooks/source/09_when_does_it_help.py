# %% [markdown]
# # 09 · When does it help, and why?
# *Eight chapters built an adaptive margin. This one asks what it is worth, with intervals instead of adjectives.*
#
# Time: about 10 s on two CPU cores (one thread) · Data: result files of an earlier study, which come with the package
# ([docs/STUDY.md](../docs/STUDY.md)); nothing is trained here · Read before: [06](06_distance_to_margin.ipynb), [07](07_cmgsd.ipynb)
#
# After this chapter you can
# - split a gain into *softening* (any spread of the margin) and *adaptivity* (the meaning of the spread);
# - compute a paired difference and its interval over videos and seeds, and correct for many comparisons;
# - read the map: reduction × source of the distance × β × false negatives × teacher;
# - spot an unfair control.
#
# A reconstruction from the abstract of [He et al., SIGIR 2021](https://arxiv.org/abs/2303.05093) and an independent
# public port (MOT++, for text-to-motion); constants and corrections are ours. Nothing below is the paper's result,
# and nothing below says whether the paper's own numbers hold. The study is older than today's default: its margins follow
# the rule `scale="each"` (chapter 07, section 3), by which several distances together spread the margin less than $\beta$.

# %%
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from cmgsd_lite.course.exercises.chapter09 import (
    INTERVALS,
    check_holm,
    check_paired_difference,
    check_readings,
    check_unfair,
)
from cmgsd_lite.course.plots import show_figure
from cmgsd_lite.course.plots.study import (
    adaptivity_groups,
    comparison,
    factor_lines,
    plot_factor,
    plot_intervals,
)
from cmgsd_lite.course.results import load_result
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.intervals import holm, paired_bootstrap

# %% [markdown]
# ## 1. Numbers first: one difference, by hand
#
# Two losses, A and B. Two seeds. Three test videos with 2, 1 and 1 queries. The table holds, for each video, how
# many of its queries found their video among the first ten.
#
# | | video 1 (2 queries) | video 2 (1) | video 3 (1) | R@10 |
# |---|---|---|---|---|
# | A, seed 0 | 2 | 0 | 1 | 3 of 4 = 75 |
# | B, seed 0 | 1 | 0 | 1 | 2 of 4 = 50 |
# | A, seed 1 | 2 | 1 | 0 | 3 of 4 = 75 |
# | B, seed 1 | 2 | 0 | 0 | 2 of 4 = 50 |
#
# A − B is 25 points in both seeds. That looks certain, and rests on *two queries*. What would other videos have
# given? And another seed?

# %%
A = np.array([[200.0, 0, 100], [200, 100, 0]])  # sums in percent, [seeds, videos]
B = np.array([[100.0, 0, 100], [200, 0, 0]])
queries = np.array([2.0, 1, 1])
print("difference by seed:", ((A - B).sum(axis=1) / queries.sum()).tolist())

# %% [markdown]
# **Exercise 1.** Write the mean difference over seeds and queries, for any sums [S, V] and numbers of queries [V].


# %%
def paired_difference(first, second, count):
    ### BEGIN SOLUTION
    return (first - second).mean(axis=0).sum() / count.sum()
    ### END SOLUTION


check_paired_difference(paired_difference)

# %% [markdown]
# ## 2. An interval: draw videos, draw seeds
#
# The bootstrap answers "what would other videos have given?" by drawing: take V videos *with replacement* from
# those we have, again and again, and look at how the difference moves. Three rules make it honest.
#
# 1. **All queries of a video together.** Twenty captions of one clip succeed or fail together; they are one piece
#    of evidence, not twenty.
# 2. **Paired.** Both losses get the same draw, and share their seeds: initialisation, batches, captions, dropout.
# 3. **Seeds are drawn too**, crossed with the videos. Of S seeds we draw S − 1: the mean of that many draws has
#    variance $s^2/S$, which is what the mean of S seeds has. S draws would claim $s^2 (S-1)/S^2$, too little.


# %%
def bootstrap(first, second, count, draws=2000, seed=0):
    """Draws of the paired difference, written with loops one can read."""
    generator = np.random.default_rng(seed)
    seeds, videos = first.shape
    times_video = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws)
    times_seed = generator.multinomial(max(seeds - 1, 1), np.full(seeds, 1 / seeds), size=draws)
    drawn = []
    for of_video, of_seed in zip(times_video, times_seed, strict=True):
        difference = np.average(first - second, axis=0, weights=of_seed)  # mean over the drawn seeds
        drawn.append((difference * of_video).sum() / (count * of_video).sum())
    return np.array(drawn)


drawn = bootstrap(A, B, queries)
low, high = np.quantile(drawn, [0.025, 0.975])
package = paired_bootstrap(A, B, queries)
assert np.allclose([low, high, drawn.std(ddof=1)], [package.low, package.high, package.error])
print(f"A − B = {package.difference:.0f} points, 95 % interval {low:.0f} to {high:.0f}")
print("the loops and paired_bootstrap agree")

# %% [markdown]
# "25 points" became "from nothing to everything you can imagine": three videos decide nothing. The interval is
# the answer, not the number in its middle.
#
# **Exercise 2.** Four rows against their controls. Which rows are `"better"`, which `"worse"`, which `"open"`?

# %%
for name, (low, high) in INTERVALS.items():
    print(f"{name}: row − control lies in [{low:+.1f}, {high:+.1f}] points of R@10")

# %%
readings = {"A": None, "B": None, "C": None, "D": None}
### BEGIN SOLUTION
readings = {"A": "better", "B": "open", "C": "worse", "D": "open"}
### END SOLUTION
check_readings(readings)

# %% [markdown]
# ## 3. The two halves of a gain
#
# Take the margins of CMGSD and shuffle who is who (`PermutedCMGSDLoss`): the same histogram in every batch, no
# meaning. Then
#
# $$
# \underbrace{\text{CMGSD} - \text{fixed}}_{\text{gain}} \;=\;
# \underbrace{\text{permuted} - \text{fixed}}_{\text{softening}} \;+\;
# \underbrace{\text{CMGSD} - \text{permuted}}_{\text{adaptivity}} .
# $$
#
# Softening has a simple reason. With the hardest negative alone, one pair an anchor gets all the gradient, and
# false negatives are picked first (chapter 03). Any jitter of the margin makes another pair win now and then. It
# works like a randomised few-hardest loss, and needs no teacher.
#
# What are the halves worth? The four losses were trained on MiniVTT for 20 epochs with five paired seeds each, by the
# command that the cell prints (a file names the command that made it *at that time*; this one is no longer there).

# %%
headline = load_result("study-headline-minivtt.json")
print(headline["command"])
FIXED, PERMUTED, CMGSD = "fixed-hardest", "cmgsd-hardest-ramp-permuted", "cmgsd-hardest-ramp"
means = {row["label"]: row["mean"] for row in headline["rows"]}
softening, adaptivity = comparison(headline, PERMUTED, FIXED), comparison(headline, CMGSD, PERMUTED)


def with_interval(found):
    """A difference with its interval, in points."""
    return f"{found['difference']:+.1f} [{found['low']:+.1f}, {found['high']:+.1f}]"


lines = {"softening: permuted − fixed": {}, "adaptivity: cmgsd − permuted": {}, "gain: cmgsd − fixed": {}, "cmgsd − fixed-smooth": {}}
for metric in ("R@10", "nDCG"):
    gain, behind = (means[CMGSD][metric] - means[other][metric] for other in (FIXED, "fixed-smooth"))
    halves = [with_interval(half["metrics"][metric]) for half in (softening, adaptivity)]
    for label, text in zip(lines, [*halves, f"{gain:+.1f}", f"{behind:+.1f}"], strict=True):
        lines[label][metric] = text
pd.DataFrame(lines).T

# %% [markdown]
# (No interval in the last two lines: the file holds no draws of them, and intervals do not add up as differences do.)
#
# Both halves are there, and softening is the larger one. Do not stop at the third line: the last one compares CMGSD with
# `fixed-smooth`, a loss without teachers, distances or schedules that was never told about false negatives. It is *ahead*.
# **A gain over `fixed-hardest` is a gain over the weakest of the plain losses.**

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", width_ratios=[3, 2])
steps = [0.0, *(means[name]["R@10"] for name in (FIXED, PERMUTED, CMGSD))]
names = ("fixed-hardest", "+ softening", "+ adaptivity")
for place, (begin, end, hatch) in enumerate(zip(steps[:-1], steps[1:], ("", "//", ".."), strict=True)):
    left.bar(place, end - begin, bottom=begin, width=0.6, hatch=hatch, edgecolor="black", alpha=0.6)
    left.annotate(f"{end:.1f}", (place, end), (0, 3), textcoords="offset points", ha="center")
left.axhline(means["fixed-smooth"]["R@10"], linestyle="--", color="black", label="fixed-smooth")
left.set_xticks(range(3), names)
left.set(ylabel="R@10 (%)", ylim=(35, 55), title="from the fixed margin to CMGSD, hardest negative")
left.legend(loc="upper left")
for place, half in enumerate((softening, adaptivity)):
    found = half["metrics"]["R@10"]
    right.plot([found["low"], found["high"]], [place, place], linewidth=6, alpha=0.35, color="grey")
    right.plot(found["by_seed"], [place] * len(found["by_seed"]), "o", markerfacecolor="none", color="black")
right.axvline(0, color="black", linewidth=1)
right.set_yticks((0, 1), ("softening", "adaptivity"))
right.set(xlabel="difference in R@10 (points)", ylim=(1.5, -0.5), title="rings: seeds; bar: interval of the mean")
show_figure(
    figure,
    "09-halves",
    "Left: R@10 rises from the fixed margin with the hardest negative by a large step of softening and a smaller one of "
    "adaptivity, and stays below a dashed line, the fixed margin with the smooth maximum. Right: the differences of the "
    "five seeds and their interval; all seeds of softening lie far right of zero, those of adaptivity nearer, right of zero too.",
)

# %% [markdown]
# ## 4. The whole study on MiniVTT
#
# The same file holds more: other reductions, every source of distance, every row beside the permuted control
# *of its own matrix*. Training all of it takes too long for a chapter.

# %%
seeds = [len(row["seeds"]) for row in headline["rows"]]
print(f"{headline['runs']} runs of {headline['configurations']} configurations, {min(seeds)} to {max(seeds)} seeds each")


def table(result, names, metrics=("R@1", "R@10", "nDCG", "mAP@R", "R@10 v2t")):
    """Means over seeds of some rows of a result file."""
    rows = {row["label"]: row["mean"] for row in result["rows"]}
    return pd.DataFrame({name: {m: round(rows[name][m], 1) for m in metrics} for name in names if name in rows}).T


table(headline, ["fixed-mean", "fixed-hardest", "fixed-4", "fixed-8", "fixed-smooth", "infonce", "cmgsd-hardest-ramp",
                 "cmgsd-4-ramp", "cmgsd-smooth-ramp", "infonce-ramp", "oracle-4", "mask-4"])

# %%
def forest(result, metrics, height, title):
    """The comparisons of a headline as points with intervals, one panel a metric."""
    groups = adaptivity_groups(result)
    figure, axes = plt.subplots(1, len(metrics), figsize=(11, height), layout="constrained", sharey=True)
    for ax, metric in zip(axes, metrics, strict=True):
        plot_intervals(groups, metric, ax=ax, legend=False)
        ax.set_xlabel(f"difference in {metric} (points)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    figure.suptitle(f"{title}: differences with 95 % intervals (hollow: zero inside)")
    return figure


show_figure(
    forest(headline, ("R@10", "nDCG"), 6.5, "MiniVTT"),
    "09-parts",
    "Differences with intervals on MiniVTT for R@10 and nDCG. Softening of the hardest-negative hinge lies far right of "
    "zero and near zero for the smooth hinge; adaptivity lies right of zero where teachers take part in the hardest-negative "
    "hinge and around or left of zero on R@10 elsewhere; the oracle margin lies right of zero, most clearly on nDCG.",
)

# %% [markdown]
# Read it group by group.
#
# - **Softening** is large for `hardest`, smaller for four hardest, nothing for the smooth maximum: a loss that
#   already spreads its gradient has nothing to gain from jitter.
# - **Adaptivity** exists. It is clearest where softening matters most, with `hardest`, on R@10 and on nDCG. With four
#   hardest, smooth and InfoNCE it does not lift R@10, and can lower it.
# - **The truth** in place of the teacher helps every reduction on nDCG, far more than any teacher does. So the idea
#   is sound; what is missing is a teacher that knows.
#
# The cell below says the same in words that are computed, so that the prose cannot drift away from the data.


# %%
def in_words(found):
    """An interval as a word."""
    return "above zero" if found["low"] > 0 else "below zero" if found["high"] < 0 else "open"


def say(result, first, second, factor=""):
    """One comparison in one line."""
    entry = comparison(result, first, second, factor)
    if entry is None:
        return f"{first} − {second}: not run"
    cells = [
        f"{metric} {m['difference']:+.2f} [{m['low']:+.2f}, {m['high']:+.2f}] {in_words(m)}"
        for metric, m in ((metric, entry["metrics"][metric]) for metric in ("R@10", "nDCG"))
    ]
    return f"{first} − {second}\n    " + "; ".join(cells)


for reduction in ("hardest", "4", "smooth"):
    row = f"cmgsd-{reduction}-ramp"
    print(say(headline, f"{row}-permuted", f"fixed-{reduction}"))
    print(say(headline, row, f"{row}-permuted"))
    print(say(headline, f"oracle-{reduction}", f"{row}-permuted"))
print(say(headline, "infonce-ramp", "infonce-ramp-permuted"))

# %% [markdown]
# ### Static or dynamic, text or video? And the ramp?

# %%
for source in ("static-text", "static-video", "static", "dynamic-text", "dynamic-video", "dynamic", "both", "ramp"):
    print(say(headline, f"cmgsd-hardest-{source}", f"cmgsd-hardest-{source}-permuted"))
print()
for other in ("static", "dynamic", "both"):
    print(say(headline, "cmgsd-hardest-ramp", f"cmgsd-hardest-{other}"))

# %% [markdown]
# The teachers carry the meaning; the model's own distances alone hardly do, and those of its texts alone do harm. That
# fits chapter 07: the model's distances become good *because* it trains, and by then they tell the loss little
# that it does not know. The ramp is no better than the teachers alone: it hands over to the weaker source.
#
# ### Reversed: is any meaning as good as the right one?

# %%
print(say(headline, "cmgsd-hardest-ramp", "cmgsd-hardest-ramp-reversed"))
print(say(headline, "cmgsd-4-ramp", "cmgsd-4-ramp-reversed"))

# %% [markdown]
# ## 5. The map
#
# One factor at a time, everything else as above: how strong the margin reacts (β), how many negatives are false, how
# much the teachers know (noise on their features, in standard deviations), and how many pairs a batch holds. Above zero:
# the meaning helps.

# %%
factors = load_result("study-factors-minivtt.json")
print(f"{factors['runs']} runs, seeds {factors['seeds']}")
RAMP = {r: (f"cmgsd-{r}-ramp", f"cmgsd-{r}-ramp-permuted") for r in ("hardest", "4")}
STATIC = {r: (f"cmgsd-{r}-static", f"cmgsd-{r}-static-permuted") for r in ("hardest", "4")}
panels = [
    ("false negatives", RAMP, "rate of false negatives"),
    ("beta", RAMP, "β (cosine units)"),
    ("teacher noise", STATIC, "noise on the static teachers (sd)"),
    ("batch size", RAMP, "pairs in a batch"),
]
panels = [panel for panel in panels if factor_lines(factors, panel[1], panel[0])]
figure, axes = plt.subplots(2, len(panels), figsize=(3.4 * len(panels), 6), layout="constrained", sharey="row")
for column, (factor, pairs, label) in enumerate(panels):
    lines = factor_lines(factors, pairs, factor)
    for row, metric in enumerate(("R@10", "nDCG")):
        plot_factor(lines, metric, ax=axes[row, column])
        if column:
            axes[row, column].set_ylabel("")
    axes[1, column].set_xlabel(label)
axes[0, 0].legend(title="reduction", fontsize="small")
figure.suptitle("Adaptivity: CMGSD minus its own permuted control (MiniVTT)")
show_figure(
    figure,
    "09-map",
    "Panels of points with intervals: difference between CMGSD and its permuted control in R@10 (top) and nDCG (bottom) "
    "against one factor each, one line for the hardest-negative hinge and one for the four hardest. The hardest line lies "
    "above the line of the four hardest nearly everywhere.",
)

# %% [markdown]
# Five lessons.
#
# - **False negatives**: the more there are, the more the meaning of the margin helps, clearly so on nDCG. That is the
#   paper's premise, and here it holds: with few false negatives and four hardest it even costs recall.
# - **β**: the meaning is worth most when β is *small*, and turns harmful when it is large. A margin that reacts strongly
#   tells the loss to leave alone whatever the teacher finds similar, and those are not only false negatives but
#   also the most instructive true ones. The permuted control pays no such price: at large β it wins. Whoever
#   compares at one β alone can get either verdict.
# - **Teacher**: noise on the teacher takes the gain on nDCG away. A margin without a good teacher is a placebo.
# - **Reduction**: with `hardest` there is more to win than with four hardest, nearly everywhere.
# - **Batch size**: the larger the batch, the more the meaning helps. More pairs are more false negatives, and the hardest of
#   many are more often false.

# %%
rows = {(row["name"], row["factor"]): row["mean"]["R@10"] for row in factors["rows"]}
betas = [factor for name, factor in rows if name == "cmgsd-hardest-ramp" and factor.startswith("beta=")]
names = [name for r in ("hardest", "4") for name in RAMP[r]]
for name, control in RAMP.values():
    best, best_control = (max(rows[n, factor] for factor in betas) for n in (name, control))
    print(f"{name}: best over β {best:.1f}, its control's best {best_control:.1f}")
pd.DataFrame({name: {factor: round(rows[name, factor], 1) for factor in betas} for name in names})

# %% [markdown]
# The table is R@10 itself. Go down each pair of columns: the control *rises* with β as it softens, the adaptive row peaks
# earlier. So give each its own best β and compare again: the best of the row and the best of its control lie
# close together. That comparison, with β chosen on validation, is the fairest there is, and the least flattering.

# %%
noise = {level: found["truth"] for level, found in factors["teacher_quality"].items()}
print("agreement of the teachers with the truth (rank correlation), by noise:")
pd.DataFrame(noise).T.round(2)

# %% [markdown]
# ## 6. Real MSR-VTT features
#
# The same headline on 4,107 real training videos and 300 test videos (a gallery of 300 must not be put beside published
# results on 1,000). There is no truth here, only two stand-ins for relevance: shared words between captions, and the same
# category. **The first is close to what the text teacher measures**, so a gain on it is partly circular. The second is
# hardly related to it, and crude.

# %%
real = load_result("study-headline-msrvtt.json")
quality = real["teacher_quality"]["0.0"]
print("rank correlation of the teachers' similarity with each kind of relevance:")
print(pd.DataFrame(quality).round(2))
rows = ["fixed-mean", "fixed-hardest", "fixed-4", "fixed-8", "fixed-smooth", "infonce", "cmgsd-hardest-ramp", "cmgsd-4-ramp",
        "cmgsd-4-static", "cmgsd-4-static-permuted", "cmgsd-smooth-ramp", "infonce-ramp"]
print(f"mAP@R of a random ranking: {real['random_map']}")
table(real, rows, ("R@1", "R@10", "nDCG", "nDCG (category)", "mAP@R", "mAP@R (category)"))

# %%
show_figure(
    forest(real, ("R@10", "nDCG", "nDCG (category)"), 6, "MSR-VTT, 300 test videos"),
    "09-real",
    "Differences with intervals on real MSR-VTT features for R@10, nDCG by caption overlap and nDCG by category: softening "
    "of the hardest and the four hardest lies far right of zero; adaptivity straddles zero on R@10 for all rows but the video "
    "teacher alone, and lies right of zero on both kinds of nDCG for every row with a teacher.",
)

# %%
print(say(real, "cmgsd-4-static", "cmgsd-4-static-permuted"))
print(say(real, "cmgsd-4-ramp", "cmgsd-4-ramp-permuted"))
print(say(real, "cmgsd-4-static", "infonce"))
print(say(real, "cmgsd-4-static-video", "cmgsd-4-static-video-permuted"))
print(say(real, "cmgsd-4-static-video", "infonce"))
for name in ("cmgsd-4-static", "cmgsd-4-ramp"):
    for metric in ("nDCG (category)", "mAP@R", "mAP@R (category)"):
        found = comparison(real, name, f"{name}-permuted")["metrics"][metric]
        print(f"{name} against its control, {metric}: {in_words(found)}")

# %% [markdown]
# On R@10 adaptivity is open with both teachers. On nDCG the four hardest with teachers are clear, and clear on *category* too,
# which the text teacher hardly knows: not all of it is circular. InfoNCE, without any teacher, is not told apart
# from that row on R@10, and below it on nDCG.
#
# One row stands out on R@10: the *video* teacher alone. But it is one of eleven, and the best of eleven is above zero now and
# then by luck (section 8). A row found on test videos is a question; section 7 asks it again on videos that had no part in it.
#
# ## 7. Going further: fixed beforehand, chosen on validation
#
# If one tries ten configurations and reports the best *on test*, one of them wins by luck. So the candidates were written
# into a committed file first; each group gets the same number of tries; the winners on validation are scored on
# test, once.


# %%
def result_or_none(name):
    """A result file, or None if the study has not got there yet."""
    try:
        return load_result(name)
    except DataError:
        print(f"{name}: not run yet")
        return None


written = load_result("further-configurations.json")
print(f"{len(written['candidates'])} adaptive candidates: {', '.join(written['candidates'])}")
print(f"{len(written['rivals'])} rivals: {', '.join(written['rivals'])}")
further = result_or_none("study-further-msrvtt.json")
for entry in further["comparisons"] if further else []:
    print(say(further, entry["a"], entry["b"]))

# %% [markdown]
# The chosen row is above its own placebo and above the chosen InfoNCE on both. Believe it? Run on another processor,
# the same rule took *another* row (eight hardest with both teachers): one sum on validation had moved by .4, one seed on 244 videos cannot
# hold that still. That row's R@10 was open against its placebo: +.39 [-.98, 1.60]. Both were honest runs of a plan fixed beforehand. A
# choice must be made on enough videos and seeds to come out the same twice.
#
# A second round changed three things. Another text teacher (MiniLM, over all 20 captions); a choice that asks
# for *both* gains, over the row's own placebo and over the best InfoNCE of as many tries, on 751 held-out
# training videos; and four times as many test videos (the official full split), ten seeds: an interval of ±1.3 points
# cannot see a gain of one.

# %%
written = load_result("final-configurations.json")
print(f"{len(written['candidates'])} adaptive candidates, {len(written['rivals'])} rivals; {written['choice']}")
choice = load_result("study-final-choice-msrvtt.json")
held_out = {row["label"]: row["mean"]["R@10"] + row["mean"]["nDCG"] for row in choice["rows"]}
rival = max((name for name in held_out if name.startswith("infonce")), key=held_out.get)
gains = {
    name: {"over its control": held_out[name] - held_out[f"{name}-permuted"], f"over {rival}": held_out[name] - held_out[rival]}
    for name in written["candidates"]
}
pd.DataFrame(gains).T.round(1)

# %%
final = load_result("study-final-full-msrvtt.json")
print(f"{final['dataset']['n_test']:,} test videos, {len(final['seeds'])} seeds")
for entry in final["comparisons"]:
    print(say(final, entry["a"], entry["b"]))

# %% [markdown]
# On the held-out videos the chosen row was ahead of both. On the test videos its recall is not told apart from its control's, and
# only nDCG is ahead. Eight candidates and three seeds had probably picked a lucky one: that is what the rule "once on test" is
# for, and why a gain on validation is no result.
#
# Now a margin that softens less: it shrinks for the nearest tenth of the pairs alone (`CMGSDLoss(nearest=0.1)`), nine
# pairs in ten keep α. It was not the chosen one, so read it as a description.

# %%
nearest = load_result("study-final-nearest-msrvtt.json")
for entry in nearest["comparisons"]:
    print(say(nearest, entry["a"], entry["b"]))

# %% [markdown]
# Its own control stays far behind: shuffled, such a margin frees few of the hardest negatives. Somewhat more than half of the gain
# over the fixed margin (last line) is meaning, the rest is softening here too. And look at the third line,
# the placebo of the *z-score* margin: by softening everything it reaches a recall that the interval does not tell apart. Which control is the fair one
# depends on the question. "Does the meaning of *this* matrix matter?": its own. "Is there anything that only meaning can do?":
# the best placebo there is. On R@10 the answers differ, on nDCG they agree.
#
# The same round on another real set: *anchor features*, a video's similarities by a strong model to the captions of 700 other
# videos. It was prompted by earlier rows on the same test videos, so it confirms with new seeds, not with new videos.

# %%
anchors = load_result("study-anchors-final-msrvtt.json")
print(f"{anchors['dataset']['n_train']} training and {anchors['dataset']['n_test']} test videos, {len(anchors['seeds'])} seeds")
for entry in anchors["comparisons"]:
    print(say(anchors, entry["a"], entry["b"]))

# %% [markdown]
# Here the row's recall lies above its own placebo's and above the best placebo of all candidates. (Keep in mind at which β they were.) Against
# InfoNCE it is ahead on nDCG by overlap, open on R@10, and behind on nDCG by category. So the answer depends on the data and its
# features, not on the loss alone; two sets are too few to say on what.
#
# Round three asks the question that section 6 left: does the *video teacher alone* lift recall? Reduction and β of the family were chosen on
# the 751 held-out training videos; the verdict is taken on the test videos whose results had *not* prompted it.

# %%
video = load_result("study-video-final-msrvtt.json")
unseen = video["apart"]
print(f"{unseen['videos']} of {video['dataset']['n_test']:,} test videos, {len(video['seeds'])} seeds")
for entry in unseen["comparisons"]:
    print(say(unseen, entry["a"], entry["b"]))

# %% [markdown]
# Above its own placebo on both metrics, and above InfoNCE on R@10, by .6 to .8 points; InfoNCE keeps a tenth of a point of nDCG. It
# took three rounds to find. Done?
#
# Not yet. Row and placebo were trained with the *same* β. Is that fair? Shuffled, a margin of the same size may soften less, as it
# gives room to the wrong pairs. Look at what the placebos reach on the held-out videos when β grows.

# %%
placebos = {}
for name in ("final-choice", "video-choice", "controls-choice"):
    for row in load_result(f"study-{name}-msrvtt.json")["rows"]:
        if row["label"].endswith("-permuted"):
            family, beta = row["label"].removesuffix("-permuted").rsplit("-", 1)
            placebos.setdefault(family, {})[float(beta)] = row["mean"]["R@10"] + row["mean"]["nDCG"]
print(pd.DataFrame(placebos).T.sort_index(axis=1).round(1).to_string(na_rep=""))

# %% [markdown]
# The rounds had stopped at .05 (`zscore`), .1 (`video`) and .2 (`nearest`); `zscore` and `video` were still rising. So the placebos, and they
# alone, got larger βs, and each reported row meets the best of its family (first) and the best of all with its teachers:

# %%
stronger = load_result("study-controls-final-msrvtt.json")
for entry in stronger["comparisons"]:
    print(say(stronger, entry["a"], entry["b"]))
print("\nvideo teacher, the videos that had not prompted it:")
for entry in stronger["apart"]["comparisons"]:
    if entry["a"].startswith("video"):
        print(say(stronger["apart"], entry["a"], entry["b"]))
for name, about in (
    ("1ka", "round two's row on 1k-A's 300 test videos"),
    ("anchors", "anchor features"),
    ("further", "round one's row on 1k-A's"),
):
    print(f"\n{about}:")
    found = load_result(f"study-controls-{name}-msrvtt.json")
    for entry in found["comparisons"]:
        print(say(found, entry["a"], entry["b"]))

# %% [markdown]
# On R@10 no row is clear any more but the nearest tenth against its own, weak family. A stronger margin *without* meaning catches up, and is
# itself level with the best InfoNCE or a little above. nDCG stays ahead by .2 to .4 points
# where a text teacher takes part, and is level with the video teacher alone. The intervals reach from nothing to a point, so
# a small gain of recall by meaning is neither shown nor excluded.
#
# This check came last, and it should have come first. **A control deserves the same tuning as the row.** With less, what looks like meaning is
# in part a control that was not allowed to soften enough.
#
# And on MiniVTT, with every method at the same budget (five values of one setting, two seeds, chosen on validation) and
# the placebo at *its* own best β:

# %%
tuned = result_or_none("study-tuned-minivtt.json")
for entry in tuned["comparisons"] if tuned else []:
    if not entry["a"].endswith("-permuted"):
        print(say(tuned, entry["a"], entry["b"]))

# %% [markdown]
# ("Own best β" is the best of five: .1 or .2 for most placebos, .025 or .05 for most rows.) Against their placebos the rows with all four sources are open on R@10 under every reduction, and ahead on nDCG by a tenth or
# two (on top of InfoNCE by next to nothing). Of the single sources under `hardest`, text distances alone cost recall, the
# teacher's and the model's, and so do the model's videos: what carries nDCG is both teachers.
# Against plain InfoNCE nothing is far ahead on recall; the hardest negative with any source, the fixed margin with four
# hardest, dropping triplets and the relevance target are behind.
#
# The same on MSR-VTT, under the four hardest:

# %%
tuned = load_result("study-tuned-msrvtt.json")
for entry in tuned["comparisons"]:
    print(say(tuned, entry["a"], entry["b"]))

# %% [markdown]
# With its own best β on each side no source is above its placebo on R@10, and the model's own distances are below. The *video teacher*, which
# stood out in section 6, is level with its placebo on both metrics: that placebo needed .2, not .05. On nDCG the text teacher keeps a
# little. Against a tuned InfoNCE the video teacher's R@10 is ahead (not after Holm). But look at the placebos' own lines against InfoNCE: all
# eight have the higher R@10, by .75 to 1.4 points, three of the intervals leave zero out (none after Holm). A margin that differs
# from pair to pair *at random* is a good loss on these data. The
# ramp, the recipe that CMGSD is named for, is not told apart from its placebo on either. Masking, thresholds and debiasing are
# not told apart from InfoNCE, dropping triplets is behind.
#
# ## 8. Many comparisons: Holm
#
# Twenty comparisons at 5 % each find about one "effect" where there is none. Holm's correction, by hand: sort the p values,
# multiply the smallest by their number m, the next by m − 1, and so on; no corrected value may be smaller than one before it.
#
# | p | times | corrected |
# |---|---|---|
# | .005 | 4 | .02 |
# | .01 | 3 | .03 |
# | .03 | 2 | .06 |
# | .04 | 1 | .06 (not .04: the maximum is carried) |

# %%
print([round(p, 3) for p in holm([0.005, 0.01, 0.03, 0.04])])
starred = [
    entry["a"]
    for entry in headline["comparisons"]
    if entry["metrics"]["R@10"]["p_holm"] < 0.05
    and entry["metrics"]["R@10"]["difference"] > 0
    and entry["b"] == f"{entry['a']}-permuted"
]
print(f"rows that beat their permuted control on R@10 after Holm: {starred or 'none'}")
starred = [
    entry["a"]
    for entry in headline["comparisons"]
    if entry["metrics"]["nDCG"]["p_holm"] < 0.05
    and entry["metrics"]["nDCG"]["difference"] > 0
    and entry["b"] == f"{entry['a']}-permuted"
]
print(f"and on nDCG: {', '.join(starred)}")

# %% [markdown]
# **Exercise 3.** Write Holm's correction; give the values back in the order in which they came.


# %%
def my_holm(p_values):
    ### BEGIN SOLUTION
    order = np.argsort(p_values)
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = highest
    return corrected
    ### END SOLUTION


check_holm(my_holm)

# %% [markdown]
# ## 9. What goes wrong if the control is unfair
#
# **Exercise 4.** The row is CMGSD, four hardest, ramp, β = .05 (chosen on validation). Somebody reports five comparisons.
# Which are *unfair* as evidence for adaptivity?
#
# - (a) against the permuted control of the same matrix, same reduction, same β
# - (b) against the permuted control with `hardest`, same β
# - (c) CMGSD as the *sum* of four unweighted hinges, against the permuted control as their mean
# - (d) against the permuted control at the β that is best for *it* on validation
# - (e) against the permuted control, with β of the row chosen by test R@10

# %%
unfair = set()
### BEGIN SOLUTION
unfair = {"b", "c", "e"}
### END SOLUTION
check_unfair(unfair)

# %% [markdown]
# ## 10. The verdict
#
# When does the adaptive margin help?
#
# - If you train with the **hardest negative** on MiniVTT: yes. It beats the fixed margin by a wide margin, and its own
#   placebo at the same β by a smaller one, clear on nDCG and on R@10. But give the placebo its own best β, and on
#   recall what is left is open.
# - On **MSR-VTT** several rows lie above their placebo on R@10 at the same β: the video teacher, frame sequences, anchor features, round one's. At the
#   placebo's own best β none that we held against it is clear. A gain of recall by meaning is neither shown nor excluded.
# - Against the best **InfoNCE** of eight temperatures R@10 is clear for the video teacher alone, by .6 to .8 points, after three rounds (round one's
#   row is above the best of four).
# - **A margin that differs at random**, four hardest, β = .2, is as good on MSR-VTT's recall as nearly anything here. Much of what "adaptive" brings
#   is that.
# - But **change the reduction first**. Eight hardest, the smooth maximum or InfoNCE cost nothing and know nothing. On MiniVTT their recall is
#   as good or better, on the real sets a point or two behind the best row (a tuned InfoNCE half a point).
# - On top of those (but for InfoNCE on MiniVTT), a teacher's meaning shows in **relevance** (nDCG) far more clearly than in strict recall. Where right answers
#   count although they are not *the* answer, that is what one wants.
# - **Teachers, not the model itself**, carry what meaning there is: tuned on both sides, the model's own distances cost recall on
#   both data sets. The ramp to self-distillation is nowhere better than the teachers alone on R@10 or nDCG by overlap.
# - The **oracle** shows how much a perfect teacher would give: with the same loss, several times what ours give on nDCG.
#
# And why? In part because of false negatives: masking them by the truth gains most where the loss looks at few negatives and
# looks hard, and least with InfoNCE (the rows `mask` of `docs/STUDY_TABLES.md`). But under `hardest` softening alone gains more than
# that mask: the rest looks like the collapse of chapter 02, which masking does not cure.
#
# ## Summary
#
# - Gain = softening + adaptivity. Only the permuted control of the same matrix tells them apart.
# - The interval draws videos (their queries together) and seeds, paired. Zero inside means *open*, not *no effect*.
# - Instance recall and relevance are two questions. A right answer that is not "the" answer counts against R@K.
# - Choices are made on validation, the number of configurations is printed, and Holm keeps the count honest.
#
# Previous: [08 Training on MSR-VTT](08_training_on_msrvtt.ipynb) · Next: [10 Other answers](10_other_answers.ipynb)
#
# ## References
#
# - He, Wang, Feng, Jiang, Lyu, Zhu, Tan: [Improving Video Retrieval by Adaptive Margin](https://arxiv.org/abs/2303.05093), SIGIR 2021.
# - Musgrave, Belongie, Lim: [A Metric Learning Reality Check](https://arxiv.org/abs/2003.08505), ECCV 2020.
# - Owen: [The pigeonhole bootstrap](https://arxiv.org/abs/0712.1111), Annals of Applied Statistics 2007.
# - Holm: A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
# - Chun et al.: [ECCV Caption](https://arxiv.org/abs/2204.03359), ECCV 2022: false negatives labelled by people.
