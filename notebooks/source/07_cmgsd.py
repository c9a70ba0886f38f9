# %% [markdown]
# # 07 · CMGSD assembled
#
# **All the parts in one loss: what comes out? And does a model become a good teacher of itself?**
#
# Time: about 35 s on one core · For you: about 75 minutes · Data: MiniVTT (embedded) · Read before:
# [04](04_deriving_the_margin.ipynb), [05](05_measuring_distance.ipynb), [06](06_distance_to_margin.ipynb)
#
# Afterwards you can
#
# - write CMGSD down in thirty lines and say what each is for;
# - say why weights sum to one, and why an average of z-scores is standardised again;
# - read a result beside its control, in R@10 and in nDCG, and a distance over training per anchor.
#
# What is built here is a reconstruction from the abstract of He et al. and an independent public port (MOT++, for
# text-to-motion); constants and corrections are ours, and no number below is the paper's.
#
# Sections 1 to 4 assemble it; sections 5 and 6 are a story of their own: does the model become a good teacher?
#
# ## 1. Two teachers, four pairs
#
# Texts 0 and 1 say nearly the same. A frozen **teacher** knows: it puts them at distance .2 and everybody else at .8.
# The **model**, still in training, puts 0 and 1 at .5 and everybody else at .9, but takes 2 and 3 for twins, at .1. The
# teacher's distances stay as they are (*static*); the model's own change at every step (*dynamic*).
#
# By hand, for the teacher: of twelve pairs two lie at .2 and ten at .8. Mean .7, standard deviation
# $\sqrt{(2 \cdot .5^2 + 10 \cdot .1^2)/12} = .224$. So $z = -2.24$ for the twins and $.45$ for the others; with $\alpha =
# .2$, $\beta = .05$ the margins are $.2 - .05 \cdot 2.24 = .088$ and $.222$. For the model the same sum gives $z =
# -.65$ for the twins, $-1.96$ for its mistake and $.65$ for the others.
#
# Whom to believe? Both, in shares: $\bar z = (1 - \lambda)\, z^{static} + \lambda\, z^{dynamic}$ with $\lambda$ the share
# of the model. Half and half the twins get $(-2.24 - .65)/2 = -1.44$.

# %%
import torch

teacher = torch.full((4, 4), 0.8).fill_diagonal_(0)
teacher[0, 1] = teacher[1, 0] = 0.2
model = torch.full((4, 4), 0.9).fill_diagonal_(0)
model[0, 1] = model[1, 0] = 0.5
model[2, 3] = model[3, 2] = 0.1


def negatives(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def standardised(d):
    """Mean 0 and spread 1 over the pairs off the diagonal."""
    return (d - negatives(d).mean()) / (negatives(d).std(correction=0) + 1e-4)


# %%
from cmgsd_lite.course.predict import predict

half = 0.5 * standardised(teacher) + 0.5 * standardised(model)
spread = round(negatives(half).std(correction=0).item(), 2)
predict("Which standard deviation has the average of the two?", None, result=spread, beside={"each alone": 1})

# %% [markdown]
# Where two teachers disagree, their average shrinks. Left like that, margins would spread less at $\lambda = .5$ than at 0
# or 1, as if somebody had turned $\beta$ down and up again; and by chapter 06 a spread is a temperature. So
# the average is **standardised again**: $\beta$ means what it says at every $\lambda$. Move the training along:

# %%
from cmgsd_lite.course.live import show_live
from cmgsd_lite.course.plots.self_distillation import plot_matrices

again = standardised(half)
margins = {"teacher": standardised(teacher), "model": standardised(model), "mixed, λ = .5": again}
still = plot_matrices({name: 0.2 + 0.05 * z for name, z in margins.items()})
show_live(
    "mixture",
    still,
    "Three 4 x 4 matrices of margins: the teacher's, the model's, and both mixed. In the mixed one the true twins have "
    "the smallest margin, and a part of the model's mistake is taken back.",
)

# %% [markdown]
# **Stop here and say it in your own words**: what would go wrong without the second standardising?
#
# <details><summary>One answer</summary>
#
# Two things would change while $\lambda$ grows: whom the margin listens to, and how far margins spread. A gain in the middle of
# training could then be one of softening, and no longer one of meaning.
#
# </details>
#
# ## 2. Who counts, and when
#
# At the start the model knows little; later it may know more. The ramp believes the teacher first:
#
# $$\lambda(t) = \min\left(1, \max\left(0, \frac{t - .2}{.6 - .2}\right)\right), \qquad t = \text{fraction of the planned training that is done}$$
#
# *Cross-modal* in CMGSD means that distances among texts **and** among videos shape the margin of a text-video pair. Our
# sources are three: the *directed* static distance of chapter 05, and the model's own text and video distances, which
# share $\lambda$. (The frozen video features are left out: chapter 05 found them the weakest by far, section 5 shows
# it again, and a source that knows little still takes its share.) The weights sum to one.
#
# Why must they? A literal port *adds* adaptive terms to the fixed loss: static and dynamic, texts and videos. At $\beta
# = 0$ all are the same loss, so that is five times the loss. Under plain SGD that **is** five times the learning rate.
# And under AdamW, which every training of this course uses?

# %%
from cmgsd_lite.course.workbench import Workbench
from cmgsd_lite.losses import MaxMarginRankingLoss

bench = Workbench()  # the data, a small model, and trainings of eight epochs from one start
batch = bench.batch()


def first_step(factor, optimizer_class):
    """How far the weights move in one step on `factor` times the loss."""
    network = bench.untrained()
    before = torch.nn.utils.parameters_to_vector(network.parameters())
    optimizer = optimizer_class(network.parameters(), lr=1e-3, weight_decay=0)
    sim = network(bench.split.text[batch.captions], *bench.split.videos(batch.videos)).sim
    (factor * MaxMarginRankingLoss(0.2, "hardest")(sim)).backward()
    optimizer.step()
    return (torch.nn.utils.parameters_to_vector(network.parameters()) - before).norm().item()


# %%
longer = {o.__name__: first_step(5, o) / first_step(1, o) for o in (torch.optim.SGD, torch.optim.AdamW)}
question = "AdamW: five times the loss, how many times as long is the first step?"
predict(question, None, result=round(longer["AdamW"], 1), beside={"SGD": round(longer["SGD"], 1)})

# %% [markdown]
# AdamW divides each gradient by its own running size, so a constant factor cancels. Terms that *fade in* are no constant
# factor, though, and gradient clipping or a second loss beside it does see the size. Weights that sum to one end the
# discussion for every optimizer. A source that is missing leaves its share to the others of its kind.
#
# **Stop here and say it in your own words**: why does a loss scale not matter under Adam, and why keep the sum at one?
#
# <details><summary>One answer</summary>
#
# The step is gradient / size of gradient: a factor stands above and below the line. But a factor that changes during the
# training is not divided out at once, and other optimizers feel any factor.
#
# </details>
#
# ## 3. Thirty lines
#
# Nothing below is new. Each function is a chapter.

# %%
from torch.nn.functional import normalize

ALPHA, BETA = 0.2, 0.05


def distance(embeddings):  # chapter 05; detached: the margin is a target, not something to bargain with
    unit = normalize(embeddings.detach(), dim=1)
    return 1 - unit @ unit.T


def share_of_model(progress):  # the ramp
    return min(1.0, max(0.0, (progress - 0.2) / 0.4))


# %%
def margin_of(z):  # chapter 04: alpha + beta z, clipped at 0 around the centre that keeps the mean
    raw, low, high = ALPHA + BETA * z, -1.0, 0.0
    for _ in range(40):
        middle = (low + high) / 2
        too_large = negatives((raw + middle).clamp(min=0)).mean() > ALPHA
        low, high = (low, middle) if too_large else (middle, high)
    return (raw + high).clamp(min=0)


# %%
def hardest(sim, margin):  # chapter 02: the largest hinge of every text, and of every video
    own = torch.eye(len(sim), dtype=torch.bool)
    hinge = (margin + sim - sim.diagonal()[:, None]).masked_fill(own, 0).clamp(min=0)
    reverse = (margin + sim - sim.diagonal()[None, :]).masked_fill(own, 0).clamp(min=0)
    return (hinge.amax(dim=1).mean() + reverse.amax(dim=0).mean()) / 2


def cmgsd(sim, text, video, static, progress):
    share = share_of_model(progress)
    own = (standardised(distance(text)) + standardised(distance(video))) / 2
    z = standardised((1 - share) * standardised(static) + share * own)
    return hardest(sim, margin_of(z))


# %%
from cmgsd_lite.losses import CMGSDLoss

static = bench.distances(batch)
output = bench.output(bench.untrained(), batch)
given = dict(text=output.text, video=output.video, distances={"directed": static})
gaps = []
for progress in (0.0, 0.3, 0.4, 0.5, 1.0):
    ours = cmgsd(output.sim, output.text, output.video, static, progress)
    gaps.append(abs(ours - CMGSDLoss(ALPHA, BETA, "hardest")(output.sim, **given, progress=progress)).item())
print(f"loss {ours:.2f}, largest difference from CMGSDLoss over the ramp {max(gaps):.3f}")

# %% [markdown]
# The package does the same for any reduction and any sources. It has a second form: **summed**, one hinge for each
# margin matrix and the losses averaged, where each matrix picks *its own* hardest negative and so softens on the
# way. The averaged form is the default: one margin, one hinge.
#
# An implementation is easier to trust when it can be wrong. Four things must hold whatever the data:

# %%
fixed = MaxMarginRankingLoss(ALPHA, "hardest")(output.sim)
noise = torch.randn(output.text.shape, generator=torch.Generator().manual_seed(0))
shuffle = torch.randperm(128, generator=torch.Generator().manual_seed(1))


def loss(beta=BETA, progress=0.4, sim=output.sim, text=output.text, video=output.video, static=static):
    package = CMGSDLoss(ALPHA, beta, "hardest")
    return package(sim, text=text, video=video, distances={"directed": static}, progress=progress)


# %%
moved = {name: x[shuffle] for name, x in {"text": output.text, "video": output.video}.items()}
pairs = (shuffle[:, None], shuffle[None, :])
differences = {
    "beta = 0 against the fixed margin": loss(beta=0) - fixed,
    "lambda = 0, the model's embeddings replaced": loss(progress=0.1) - loss(progress=0.1, text=noise),
    "lambda = 1, the teacher's distances replaced": loss(progress=0.9) - loss(progress=0.9, static=distance(noise)),
    "another order of the batch": loss() - loss(sim=output.sim[pairs], static=static[pairs], **moved),
}
for name, difference in differences.items():
    print(f"{name}: {abs(difference):.3f}")
print(f"for comparison, beta = .1 instead of .05: {abs(loss() - loss(beta=0.1)):.3f}")

# %% [markdown]
# **Stop here and say it in your own words**: what is the model allowed to change, and what not?
#
# <details><summary>One answer</summary>
#
# Its similarities, by the gradient of the hinge. Its distances enter the margin detached: they have an effect on the next
# step's targets, but no gradient makes them larger or smaller for the loss's sake.
#
# </details>
#
# ## 4. What comes out
#
# Under `hardest` and under `smooth` (temperature .03): the fixed margin, the *permuted* control, CMGSD. Same start, same
# batches, same captions.

# %%
from cmgsd_lite.losses import PermutedCMGSDLoss

probe, looks = bench.batch(seed=3, size=256), {}


def trained(name, loss, seed=0, teacher="directed"):
    """Train, look at a probe of 256 pairs before every epoch and at the end, and measure on the test clips."""
    looks[name] = []
    network = bench.train(loss, seed, teacher, lambda t, network: looks[name].append((t, bench.output(network, probe))))
    return bench.measure(network)


results = {}
for reduction in ("hardest", "smooth"):
    plain = MaxMarginRankingLoss(ALPHA, reduction)
    results[f"fixed with {reduction}"] = trained(f"fixed with {reduction}", plain, teacher=None)
    for name, kind in {"permuted": PermutedCMGSDLoss, "CMGSD": CMGSDLoss}.items():
        results[f"{name} with {reduction}"] = trained(f"{name} with {reduction}", kind(ALPHA, BETA, reduction))

# %%
order = sorted(("fixed with hardest", "CMGSD with hardest", "fixed with smooth"), key=lambda name: results[name]["R@10"])
predict("R@10, from lowest to highest?", None, result=order)

# %%
from cmgsd_lite.course.plots import show_figure
from cmgsd_lite.course.plots.self_distillation import plot_two_questions

show_figure(
    plot_two_questions(results).figure,
    "07-result",
    "nDCG against R@10 for two reductions. Under hardest the path from fixed over permuted to CMGSD goes far to the "
    "right and up. Under smooth all three stand at nearly one R@10, further to the right, and CMGSD stands higher.",
)

# %% tags=["nbval-ignore-output"]
import pandas as pd

schedules = {"teacher alone": "static", "model alone": "dynamic"}
for name, schedule in schedules.items():
    source = "directed" if schedule == "static" else None
    results[f"{name} with smooth"] = trained(name, CMGSDLoss(ALPHA, BETA, "smooth", schedule=schedule), teacher=source)
results["fixed with smooth, another seed"] = trained("another seed", plain, seed=1, teacher=None)
pd.DataFrame(results).T.round(1)

# %% [markdown]
# The way from *fixed* to *permuted* is what such a spread of margins gives; the rest of the way is meaning (chapter 06).
# Read aloud:
#
# - Under `hardest` CMGSD looks like a triumph over *fixed*. Part of it is *permuted*'s, and a plain `smooth` loss
#   without teacher, schedule or adaptive margin has more R@10 than any of them.
# - Under `smooth` R@10 is level, and nDCG rises by a few tenths over both plain and permuted. That is what meaning gives
#   here: little, though more than another seed does (last row).
# - Handing over to the model gains nothing: the *teacher alone* has the highest nDCG, and the *model alone* is no better
#   than plain `smooth`. The second part of this chapter asks why.
#
# One start, eight epochs: directions. [Chapter 09](09_when_does_it_help.ipynb) has seeds and intervals.
#
# **At test time** nothing is left of all this: the loss has no parameter, and the model is the plain one.

# %%
weights = {name: sum(p.numel() for p in part.parameters()) for name, part in
           {"model": bench.untrained(), "CMGSD loss": CMGSDLoss()}.items()}
print(weights)

# %% [markdown]
# **Stop here and say it in your own words**: which two rows must a paper show beside CMGSD's?
#
# <details><summary>One answer</summary>
#
# Its own permuted control, for softening; and the strongest plain loss, here `smooth`, with a temperature chosen as
# carefully. Against the fixed margin with `hardest` alone nearly anything looks good.
#
# </details>
#
# ## 5. Does the model become a good teacher? Three readings
#
# Self-distillation lets the model write its own targets. That is only wise if its distances are *right*. The measure of
# chapter 05: AUC, how often a false negative is nearer than a true one; 50 is a coin. **Per text anchor** it compares
# the negatives of one caption, as one of the two hinges does; **per clip anchor** the captions at one clip, as the other does.
# **Over the batch** throws all pairs together.

# %%
from cmgsd_lite.evaluation.nearest import anchor_areas

false = bench.false_negatives(probe)


def areas(d):
    found = anchor_areas(d.numpy(), false.numpy())
    names = {"per text anchor": "auc_text", "per clip anchor": "auc_video", "over the batch": "auc_batch"}
    return {name: found[key] for name, key in names.items()}


static_areas = {name: areas(bench.distances(probe, name)) for name in ("directed", "text", "video")}

# %%
plain_looks, own_looks = (looks[f"{name} with smooth"][::2] for name in ("fixed", "CMGSD"))
curves = {
    "text, fixed with smooth": [areas(distance(o.text)) for _, o in plain_looks],
    "text, CMGSD with smooth": [areas(distance(o.text)) for _, o in own_looks],
    "video, CMGSD with smooth": [areas(distance(o.video)) for _, o in own_looks],
}
at_end = round(curves["text, CMGSD with smooth"][-1]["per text anchor"])
text_teacher = round(static_areas["text"]["per text anchor"])
question = "After training: AUC per text anchor of the model's own text distance?"
predict(question, None, result=at_end, floor=50, beside={"the frozen teacher text": text_teacher})

# %%
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.self_distillation import plot_agreement

figure, axes = plt.subplots(1, 3, figsize=(13, 4.8), layout="constrained", sharey=True)
times = [t for t, _ in own_looks]
for ax, reading in zip(axes, static_areas["text"], strict=True):
    lines = {f"model, {name}": [look[reading] for look in curve] for name, curve in curves.items()}
    levels = {f"frozen: {name}": found[reading] for name, found in static_areas.items()}
    plot_agreement(times, lines, levels, "AUC of false negatives (%)", ax)
    ax.set_title(reading)
for ax in axes[1:]:
    ax.get_legend().remove()  # the same lines
show_figure(
    figure,
    "07-three-readings",
    "AUC of the model's own distances over training, in three panels on one axis. All rise. Per text anchor they end well "
    "below both frozen teachers that read captions; per clip anchor and over the batch the model's text distance ends above the frozen text one.",
)

# %% [markdown]
# The left panel says: at one caption the student stays far below the frozen text teacher. The middle one: at one clip
# its text distance has overtaken it. Both are true, of the two hinges. The right panel mixes in pairs that share
# neither caption nor clip, which no hinge compares: alone it would tell half the story.
#
# The *directed* distance, with which section 4 trained, is ahead in every panel. So in this data the model becomes a
# *better* teacher than it was, under a plain loss as well as under CMGSD, but not a better one than the distance it
# replaces. That is why handing over gained nothing in section 4. With a weaker teacher it may be otherwise; *model
# alone* shows what is left with none.
#
# **Stop here and say it in your own words**: why can the readings differ?
#
# <details><summary>One answer</summary>
#
# Vague captions have many false negatives and precise ones few. A distance that merely says "this caption is vague"
# ranks pairs of vague captions first: that helps at one clip and over the batch, but within one caption it says nothing.
#
# </details>
#
# ## 6. A correction that is none
#
# "But look", says a friend, "the false negatives that the teacher got most wrong: CMGSD has corrected them!" Take the
# 100 false negatives whose margin was *largest* at the start, when the teacher alone counted, and see how far it falls.
# The control: for each of them a *true* negative with the same margin at the start.

# %%
adaptive = CMGSDLoss(ALPHA, BETA, "smooth")


def margins_at(look):
    progress, o = look
    frozen = {"directed": bench.distances(probe)}
    return adaptive.margins(o.sim, text=o.text, video=o.video, distances=frozen, progress=progress)["combined"]


start, end = (margins_at(looks["CMGSD with smooth"][k]) for k in (0, -1))
true = ~false & ~torch.eye(256, dtype=torch.bool)
worst = start[false].argsort(descending=True)[:100]
level, place = start[true].sort()  # true negatives, by their margin at the start
twin = place[torch.searchsorted(level, start[false][worst]).clamp(max=len(level) - 1)]
fall = {"false": (start - end)[false][worst].mean().item(), "true": (start - end)[true][twin].mean().item()}
question = "By how much do the margins of the 100 fall, in hundredths?"
predict(question, None, result=round(100 * fall["false"], 1), beside={"true negatives": round(100 * fall["true"], 1)})

# %% [markdown]
# Much of the correction is there for the true negatives too. Whatever is picked for being extreme looks less extreme when
# it is measured again: **regression to the mean**. What the model adds is the difference of the two numbers.
#
# **Stop here and say it in your own words**: how would you choose pairs to show that the model corrects its teacher?
#
# <details><summary>One answer</summary>
#
# Without looking at the margin that is to fall: all false negatives, or a random part, each beside a true negative with
# the same margin at the start.
#
# </details>
#
# ## Exercises
#
# **Exercise 1.** Average z-scores, not yet standardised again, for any number of sources. `static` and `dynamic` are lists
# of matrices that are z-scores already; either may be empty, not both. The weights sum to one in every case.

# %%
from cmgsd_lite.course.exercises.chapter07 import check_combine


def combine(static, dynamic, share):
    ### BEGIN SOLUTION
    if not static or not dynamic:
        return sum([*static, *dynamic]) / len([*static, *dynamic])
    return (1 - share) * sum(static) / len(static) + share * sum(dynamic) / len(dynamic)
    ### END SOLUTION


check_combine(combine)

# %% [markdown]
# **Exercise 2.** Known positives: two captions of one clip in a batch are a false negative that one *knows*. Write the
# margins from `distances` [N, N] and `ids` [N]: pairs with equal ids get $\alpha = .2$ and stay out of mean *and*
# standard deviation; $\beta = .05$, no clip, no eps.

# %%
from cmgsd_lite.course.exercises.chapter07 import check_known_positives


def margin_with_ids(distances, ids):
    ### BEGIN SOLUTION
    apart = ids[:, None] != ids[None, :]
    z = (distances - distances[apart].mean()) / distances[apart].std(correction=0)
    return torch.where(apart, 0.2 + 0.05 * z, 0.2)
    ### END SOLUTION


check_known_positives(margin_with_ids)

# %% [markdown]
# **Exercise 3 (transfer).** A repository trains with "fixed + text + video", three terms of weight 1 each. You want the
# plain fixed loss to take steps of the same length at $\beta = 0$. Which rate does it need under SGD, if the
# repository's is .01, and which under Adam, if it is .001?

# %%
from cmgsd_lite.course.exercises.chapter07 import check_learning_rates

sgd = adam = None
### BEGIN SOLUTION
sgd, adam = 0.03, 0.001
### END SOLUTION
check_learning_rates(sgd, adam)

# %% [markdown]
# **Exercise 4 (transfer: diagnose a log).** Three runs, each with one fault. Columns: fraction of training done, $\lambda$,
# spread of the combined margin in multiples of $\beta$, share of the margins at 0.
#
# | done | A: λ | spread | at 0 | B: λ | spread | at 0 | C: λ | spread | at 0 |
# |---|---|---|---|---|---|---|---|---|---|
# | .1 | 0 | 1.00 | 0 % | 0 | .73 | 32 % | 0 | 1.00 | 0 % |
# | .3 | .25 | .83 | 0 % | .25 | .74 | 33 % | 0 | 1.00 | 0 % |
# | .4 | .5 | .76 | 0 % | .5 | .73 | 32 % | .10 | 1.00 | 0 % |
# | .5 | .75 | .83 | 0 % | .75 | .73 | 33 % | .25 | 1.00 | 0 % |
#
# Faults: `"x"` the ramp counts against a longer training than is planned; `"y"` the average is not standardised
# again; `"z"` $\beta$ is far too large. Answer with three letters, for A, B and C.

# %%
from cmgsd_lite.course.exercises.chapter07 import check_log

faults = None
### BEGIN SOLUTION
faults = "yzx"
### END SOLUTION
check_log(faults)

# %% [markdown]
# ## Summary
#
# - CMGSD = distances → z-scores, detached → averaged by the schedule, standardised again → one margin, clipped around a
#   centre → one hinge. The weights sum to one; at test time nothing is left of it.
# - Beside its own permuted control and a strong plain loss, what is left is a gain in meaning (nDCG), at a level R@10.
# - Per anchor the model never becomes as good a teacher as the directed distance; over the batch it seems to overtake the
#   frozen text teacher.
# - What is chosen for being extreme regresses to the mean: match before you compare.
#
# **Before:** [06 From distance to margin](06_distance_to_margin.ipynb) · **Next:**
# [08 Training on MSR-VTT](08_training_on_msrvtt.ipynb)
#
# ## References
#
# - He et al., [Improving Video Retrieval by Adaptive Margin](https://arxiv.org/abs/2303.05093), SIGIR 2021.
# - Lopez-Paz et al., [Unifying distillation and privileged information](https://arxiv.org/abs/1511.03643), ICLR 2016.
# - Kingma, Ba, [Adam](https://arxiv.org/abs/1412.6980), ICLR 2015. Faghri et al.,
#   [VSE++](https://arxiv.org/abs/1707.05612), BMVC 2018.
