# %% [markdown]
# # 11 · Put it on your own model
# *Three models, three diffs of fewer than ten lines, and a list of what to watch while it trains.*
#
# Time: about 30 s on two CPU cores (one thread) · Data: MiniVTT, the embedded world · Read before:
# [07](07_cmgsd.ipynb), [09](09_when_does_it_help.ipynb)
#
# After this chapter you can
# 1. say which four tensors the loss wants, and where they lie in your own code;
# 2. put it on a model with gated experts, on a transformer over experts, and on a CLIP;
# 3. log the numbers that tell you early that something is off;
# 4. run the control that decides what you may claim.

# %%
import difflib
import inspect

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from torch.nn.functional import normalize

from cmgsd_lite.baselines import MarginInfoNCELoss
from cmgsd_lite.course.exercises import chapter11 as check
from cmgsd_lite.course.plots import show_figure
from cmgsd_lite.course.plots.base import line_style
from cmgsd_lite.course.plots.results import plot_margins
from cmgsd_lite.data import minivtt
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss, ranking_hinge
from cmgsd_lite.margins import off_diagonal
from cmgsd_lite.metrics import retrieval_metrics
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training.prepare import PreparedDataset

set_threads(1)
dataset = minivtt.load_minivtt(experts=["appearance_frames", "motion"])
data = PreparedDataset.of(dataset, "protocol")
DIMS = {name: values.shape[2] for name, values in data.train.features.items()}
print({name: list(values.shape) for name, values in data.train.features.items()})

# %% [markdown]
# ## What the loss wants
#
# | argument | shape | what it is | where to find it |
# |---|---|---|---|
# | `sim` | [N, N] | similarity of text i and video j, partners on the diagonal, **cosines** | what your loss gets today |
# | `text`, `video` | [N, D] | the model's own embeddings | the last thing before `sim` |
# | `text_teacher`, `video_teacher` | [N, D'] | frozen features of the same N items | what your data loader reads anyway |
# | `progress` | 0 to 1 | fraction of training done | step / steps |
#
# All but `sim` are optional, as long as there is one of them. A pair of numbers to hold on to: two clips whose frozen
# captions are as far apart as the average pair get the margin $\alpha=.2$; one standard deviation nearer, and it is
# $\alpha-\beta=.15$.

# %%
sim = torch.tensor([[0.6, 0.5, 0.1], [0.4, 0.7, 0.2], [0.0, 0.3, 0.5]])
teacher = torch.tensor([[1.0, 0.0], [0.9, 0.3], [0.0, 1.0]])  # items 0 and 1 are alike
margins = CMGSDLoss(margin=0.2, beta=0.05, schedule="static").margins(sim, text_teacher=teacher)["combined"]
print(pd.DataFrame(margins.numpy().round(2)).to_string())
assert margins[0, 1] < 0.2 < margins[0, 2]

# %% [markdown]
# ## The diff, counted
#
# A claim such as "with few modifications" can be checked. Each model below gets a plain training loop and a changed one;
# this prints what differs, and counts.


# %%
def show_diff(before, after):
    """Print the lines of a function that changed; there must be fewer than ten new ones."""
    old, new = (inspect.getsource(function).splitlines()[1:] for function in (before, after))
    changed = [line for line in difflib.ndiff(old, new) if line[:2] in ("- ", "+ ")]
    print("\n".join(changed))
    added = sum(line.startswith("+ ") for line in changed)
    print(f"{added} new lines")
    assert added < 10


def batches(steps, size, videos, seed=0):
    """Rows of distinct clips, and one caption of each."""
    generator = torch.Generator().manual_seed(seed)
    first, count = data.train.first_caption_and_count()
    for step in range(steps):
        chosen = torch.randperm(videos, generator=generator)[:size]
        yield step, chosen, first[chosen] + (torch.rand(size, generator=generator) * count[chosen]).long()


def recall_at_10(sim, owner):
    return retrieval_metrics(sim.detach().numpy(), owner.numpy())["t2v"]["R@10"]


def validation_recall(model):
    model.eval()
    with torch.inference_mode():
        output = model(data.validation.text, data.validation.features, data.validation.masks)
    return recall_at_10(output.sim, data.validation.video_of_text)


# %% [markdown]
# ## (a) Gated experts
#
# Models in the manner of MoEE and CE compare every expert in a space of its own and let the text say which ones count.
# Here is a loop as one finds it in many repositories, and the same loop with the adaptive margin.


# %%
def train_gated(model, steps):
    loss_of = MaxMarginRankingLoss(margin=0.2, reduction="hardest")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step, videos, captions in batches(steps, 96, len(data.train)):
        output = model(data.train.text[captions], *data.train.videos(videos))
        loss = loss_of(output.sim)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def train_gated_adaptive(model, steps):
    loss_of = CMGSDLoss(margin=0.2, beta=0.05, reduction="hardest")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step, videos, captions in batches(steps, 96, len(data.train)):
        output = model(data.train.text[captions], *data.train.videos(videos))
        loss = loss_of(
            output.sim, text=output.text, video=output.video,
            text_teacher=data.train.text_teacher[videos],
            video_teacher=data.train.video_teacher[videos],
            progress=step / steps,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


show_diff(train_gated, train_gated_adaptive)

# %%
NO_DROPOUT = {"text_dropout": 0.0, "video_dropout": 0.0}  # nothing random but the batches, which are paired
GATED = ModelConfig("gated-experts", data.train.text.shape[1], DIMS, embed_dim=128, **NO_DROPOUT)
fixed = train_gated(build_model(GATED, 0), steps=100)
adaptive = train_gated_adaptive(build_model(GATED, 0), steps=100)
floor = 100 * 10 / len(data.validation)
print("both learn: R@10 on validation clips is over five times chance:", all(
    validation_recall(model) > 5 * floor for model in (fixed, adaptive)
))
assert list(fixed.state_dict()) == list(adaptive.state_dict())
assert not list(CMGSDLoss().parameters())
print("the trained model has the same weights by name, the loss has none: nothing is added at test time")

# %% [markdown]
# ## (b) A transformer over experts
#
# In MMT and its kin, `sim` is no single inner product but a sum over experts, weighted by the text; an expert may be
# missing. So which vector is "the" embedding of a video? We take the mean of its present, normalised expert vectors. It
# is used for *distances* alone, never for `sim`. That costs two more lines, which a model of this package already has
# inside.


# %%
def train_transformer(model, steps):
    loss_of = MaxMarginRankingLoss(margin=0.2, reduction="hardest")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step, videos, captions in batches(steps, 64, len(data.train)):
        texts = model.encode_text(data.train.text[captions])
        clips = model.encode_video(*data.train.videos(videos))
        loss = loss_of(model.similarity(texts, clips))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def train_transformer_adaptive(model, steps):
    loss_of = CMGSDLoss(margin=0.2, beta=0.05, reduction="hardest")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step, videos, captions in batches(steps, 64, len(data.train)):
        texts = model.encode_text(data.train.text[captions])
        clips = model.encode_video(*data.train.videos(videos))
        text = texts.vectors.mean(dim=1)
        video = clips.vectors.sum(dim=1) / clips.present.sum(dim=1, keepdim=True)
        loss = loss_of(
            model.similarity(texts, clips), text=text, video=video,
            text_teacher=data.train.text_teacher[videos],
            video_teacher=data.train.video_teacher[videos],
            progress=step / steps,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


show_diff(train_transformer, train_transformer_adaptive)

# %%
SMALL = {"embed_dim": 64, "hidden_dim": 128, "layers": 1, "heads": 4, **NO_DROPOUT}
TRANSFORMER = ModelConfig("transformer", data.train.text.shape[1], DIMS, **SMALL)
fixed = train_transformer(build_model(TRANSFORMER, 0), steps=60)
adaptive = train_transformer_adaptive(build_model(TRANSFORMER, 0), steps=60)
print("both learn: R@10 on validation clips is over twice chance:", all(
    validation_recall(model) > 2 * floor for model in (fixed, adaptive)
))

# From scratch = package: what the model's own output calls text and video.
with torch.inference_mode():
    few = torch.arange(64)
    texts = adaptive.encode_text(data.train.text[few])
    clips = adaptive.encode_video(*data.train.videos(few))
    output = adaptive(data.train.text[few], *data.train.videos(few))
torch.testing.assert_close(output.text, texts.vectors.mean(dim=1))
torch.testing.assert_close(output.video, clips.vectors.sum(dim=1) / clips.present.sum(dim=1, keepdim=True))
print("clips without motion among these 64:", int((~clips.present[:, 1]).sum()), "- their mean is over one expert")
assert not clips.present.all()

# %% [markdown]
# Sixty steps show that it runs and that gradients flow. They say nothing about which loss is better; that takes seeds and
# a control (below, and chapter 09).

# %% [markdown]
# ## (c) A CLIP
#
# A Hugging Face CLIP (`transformers` comes with `requirements.txt`), built from a small configuration with random
# weights: nothing is downloaded. It sees one frame of
# 64 x 64 pixels from the middle of a clip, and captions in a vocabulary of the training captions' own words. To put a
# *pretrained* CLIP there, change the line that builds it into `CLIPModel.from_pretrained(...)` and use its processor.

# %%
from transformers import CLIPConfig, CLIPModel

CLIPS = 160
frames = np.stack([minivtt.clip(name).frames()[4, ::2, ::2] for name in data.train.video_ids[:CLIPS]])
pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
captions_of_clips = [c for name in data.train.video_ids[:CLIPS] for c in dataset.train.captions[name]]
words = sorted({word for caption in captions_of_clips for word in caption.lower().split()})
code = {word: number for number, word in enumerate(words, start=3)}  # 0 begins, 1 pads, 2 ends
LENGTH = 16


def tokens(caption):
    inside = [code[word] for word in caption.lower().split()][: LENGTH - 2]
    return [0, *inside, 2] + [1] * (LENGTH - 2 - len(inside))


ids = torch.tensor([tokens(caption) for caption in captions_of_clips])
special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
clip_config = CLIPConfig(
    text_config={**size, **special, "vocab_size": len(words) + 3, "max_position_embeddings": LENGTH},
    vision_config={**size, "image_size": 64, "patch_size": 16},
    projection_dim=64,
)


def new_clip():
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        return CLIPModel(clip_config)


print(f"{CLIPS} frames {list(pixels.shape[1:])}, {len(words)} words, {len(ids)} captions")

# %%
from PIL import Image

framed = np.pad(frames[:8], ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=255)  # a white border around each
strip = Image.fromarray(np.concatenate(list(framed), axis=1)).resize((8 * 102, 102), Image.Resampling.LANCZOS)
for place, name in enumerate(data.train.video_ids[:8], 1):
    print(f"frame {place}: {minivtt.clip(name).facets()}")
show_figure(strip, "11-what-clip-sees", "Eight small drawn frames side by side, each in a white border, as the CLIP below sees them: 64 x 64 pixels.")


# %%
def train_clip(clip, steps):
    optimizer = torch.optim.AdamW(clip.parameters(), lr=5e-4)
    for step, videos, captions in batches(steps, 48, CLIPS):
        inputs = {"input_ids": ids[captions], "attention_mask": (ids[captions] != 1).long()}
        outputs = clip(**inputs, pixel_values=pixels[videos], return_loss=True)
        loss = outputs.loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return clip


def train_clip_adaptive(clip, steps, reduction="mean"):
    optimizer = torch.optim.AdamW(clip.parameters(), lr=5e-4)
    loss_of = CMGSDLoss(margin=0.2, beta=0.05, reduction=reduction)
    for step, videos, captions in batches(steps, 48, CLIPS):
        inputs = {"input_ids": ids[captions], "attention_mask": (ids[captions] != 1).long()}
        outputs = clip(**inputs, pixel_values=pixels[videos])
        text, video = outputs.text_embeds, outputs.image_embeds
        loss = loss_of(
            text @ video.T, text=text, video=video,
            text_teacher=data.train.text_teacher[videos], progress=step / steps,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return clip


show_diff(train_clip, train_clip_adaptive)

# %%
owner = data.train.video_of_text[: len(ids)]


def clip_scores(clip):
    clip.eval()
    with torch.inference_mode():
        return clip(input_ids=ids, attention_mask=(ids != 1).long(), pixel_values=pixels)


trained = {
    "its own loss": train_clip(new_clip(), 100),
    "CMGSD, mean": train_clip_adaptive(new_clip(), 100),
    "CMGSD, hardest": train_clip_adaptive(new_clip(), 100, "hardest"),
}
before = clip_scores(new_clip())
before = recall_at_10(before.text_embeds @ before.image_embeds.T, owner)
for name, clip in trained.items():
    outputs = clip_scores(clip)
    now = recall_at_10(outputs.text_embeds @ outputs.image_embeds.T, owner)
    print(f"{name}: R@10 on its own training frames is over twice what it was: {now > 2 * before}")

# %% [markdown]
# (Training frames: a transformer of two layers with random weights learns 160 frames, not vision.)
#
# Three traps wait here. The first one you have just seen: **from random weights, the hardest negative teaches
# next to nothing in so short a training.** The scores are noise, so the hardest negative is noise too, and the adaptive
# margin does not change that. Start with a soft reduction (`"mean"`, `"smooth"`, a large k) or from pretrained weights. The other two are particular to
# CLIP-like models.
#
# **Its logits are not cosines.** `logits_per_text` are cosines times `exp(logit_scale)`. A margin of .2 on logits is a
# margin of about a hundredth of a cosine, and as good as none. Hand over `text_embeds @ image_embeds.T`.
#
# **Its temperature stands still.** The hinge has no temperature, so `logit_scale` gets no gradient. If your inference
# uses it for probabilities, keep CLIP's own loss and give *that* the margins: InfoNCE with a margin.

# %%
clip = trained["its own loss"].train()
outputs = clip(input_ids=ids[:24], attention_mask=(ids[:24] != 1).long(), pixel_values=pixels[:24], return_loss=True)
scale = float(clip.logit_scale.detach().exp())
cosines = outputs.text_embeds @ outputs.image_embeds.T
torch.testing.assert_close(outputs.logits_per_text, scale * cosines)
torch.testing.assert_close(outputs.loss, InfoNCELoss(temperature=1 / scale)(cosines))
print("CLIP's own loss = InfoNCE of the package at temperature exp(-logit_scale)")
print(f"a margin of .2 on its logits is a margin of about {0.2 / scale:.2f} on cosines")

clip.zero_grad()
CMGSDLoss(schedule="dynamic")(cosines, text=outputs.text_embeds).backward()
print("gradient of logit_scale under the hinge:", clip.logit_scale.grad)

cosines = cosines.detach()
captions_apart = data.train.text_teacher[:24]
with_margin = MarginInfoNCELoss(1 / scale, beta=0.05, schedule="static")(cosines, text_teacher=captions_apart)
margin = CMGSDLoss(beta=0.05, schedule="static").margins(cosines, text_teacher=captions_apart)["combined"]
torch.testing.assert_close(with_margin, InfoNCELoss(1 / scale)(cosines, margin=margin))
print("InfoNCE with CMGSD's margins: one other name, the same arguments")

# %% [markdown]
# ## What to log
#
# The loss curve tells little: a smaller margin gives a smaller loss. These tell more, and cost one line a step.


# %%
def report(loss_of, sim, **inputs):
    """What the margins of a batch look like, and how much of the hinge they leave active."""
    with torch.no_grad():
        margin = loss_of.margins(sim, **inputs)["combined"]
        negatives = off_diagonal(margin)
        text_to_video, video_to_text = ranking_hinge(sim, margin)
        active = (off_diagonal(text_to_video) > 0).float().mean() + (off_diagonal(video_to_text) > 0).float().mean()
        return {
            "margin mean": float(negatives.mean()),
            "margin sd": float(negatives.std(correction=0)),
            "clipped (%)": 100 * float((negatives <= 0).float().mean()),
            "active hinges (%)": 100 * float(active / 2),
            "positive - hardest": float((sim.diagonal() - sim.masked_fill(torch.eye(len(sim)).bool(), -9).amax(1)).mean()),
            "margins": negatives.flatten().numpy(),
        }


def train_logged(loss_of, steps=120, seed=0):
    """The loop of (a), with a report at every step."""
    model, log = build_model(GATED, seed), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step, videos, captions in batches(steps, 96, len(data.train), seed):
        output = model(data.train.text[captions], *data.train.videos(videos))
        inputs = {
            "text": output.text,
            "video": output.video,
            "text_teacher": data.train.text_teacher[videos],
            "video_teacher": data.train.video_teacher[videos],
            "progress": step / steps,
        }
        log.append(report(loss_of, output.sim, **inputs))
        loss = loss_of(output.sim, **inputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, log


settings = {
    "fixed (beta 0)": CMGSDLoss(0.2, 0.0),
    "CMGSD, beta .05": CMGSDLoss(0.2, 0.05),
    "permuted, beta .05": PermutedCMGSDLoss(0.2, 0.05, seed=0),
    "CMGSD, beta .3 (too much)": CMGSDLoss(0.2, 0.3),
}
logged = {name: train_logged(loss_of) for name, loss_of in settings.items()}

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 3.9), layout="constrained")
bins = np.linspace(0, 0.4, 41)
log = logged["CMGSD, beta .05"][1]
moments = {"start (static)": 0, "40 % (both)": 48, "end (dynamic)": 119}
plot_margins({k: np.histogram(log[at]["margins"], bins)[0] for k, at in moments.items()}, bins, 0.2, axes[0])
axes[0].set_title("margins of a batch (beta .05)", fontsize="medium")
for ax, key in zip(axes[1:], ("active hinges (%)", "clipped (%)"), strict=True):
    for i, (name, (_, log)) in enumerate(logged.items()):
        smooth = np.convolve([entry[key] for entry in log], np.ones(8) / 8, mode="valid")
        ax.plot(np.arange(len(smooth)) + 4, smooth, label=name, **line_style(i))
    ax.set(xlabel="step", ylabel=key, ylim=(0, None))
    ax.set_title(key.removesuffix(" (%)"), fontsize="medium")
axes[1].legend(fontsize="small")
show_figure(
    figure,
    "11-what-to-log",
    "Three panels. Left: histograms of the margins at the start, in the middle and at the end, each one hill around the "
    "fixed margin. Middle: with the fixed margin nearly all hinges stay active; with beta .05 the share falls, more "
    "for CMGSD than for the permuted margins; with beta .3 it falls fast. Right: the share of margins clipped at zero "
    "is near nothing for beta .05, permuted or not, and large for beta .3.",
)

# %%
last = {name: {k: v for k, v in log[-1].items() if k != "margins"} for name, (_, log) in logged.items()}
cmgsd, permuted, too_much = (last[name] for name in list(settings)[1:])
mild, greedy = ([entry["clipped (%)"] for entry in logged[name][1]] for name in list(settings)[1::2])
print("hardly a margin is clipped at beta .05:", np.mean(mild) < 3)
print("more than a tenth of them is clipped at beta .3:", np.mean(greedy) > 10)
print("the mean margin stays at alpha, clipped or not:", all(abs(m["margin mean"] - 0.2) < 0.001 for m in (cmgsd, too_much)))
print("the spread of the margins is beta, beta .05:", abs(cmgsd["margin sd"] - 0.05) < 0.002)
print("the clip has taken a part of it, beta .3:", too_much["margin sd"] < 0.27)
active = {name: np.mean([entry["active hinges (%)"] for entry in logged[name][1][-20:]]) for name in settings}
print("with the fixed margin over eight of ten hinges are active to the end:", active["fixed (beta 0)"] > 80)
print("fewer with permuted margins:", active["permuted, beta .05"] < active["fixed (beta 0)"])
print("fewer still with CMGSD:", active["CMGSD, beta .05"] < active["permuted, beta .05"])
print("permuted has the spread of CMGSD:", abs(cmgsd["margin sd"] - permuted["margin sd"]) < 0.01)

# %% [markdown]
# Nearly all hinges active from the first step to the last: with the hardest negative and a fixed margin, the scores
# huddle together instead of spreading out. That is the collapse of chapter 02, seen in a log without one look at a
# metric. But take care with the other end, too: at $\beta=.3$ fewer hinges are active *because many margins are small
# or zero*, which is no merit by itself.
#
# ### The control beside it
#
# `PermutedCMGSDLoss` has the same margins, handed to the wrong pairs. What CMGSD gains over the *fixed* margin is
# softening and meaning together. What it gains over the *permuted* one is meaning. Only the second is a reason to call
# it adaptive. Two seeds, one short training each: an example of the protocol, not evidence.

# %% tags=["nbval-ignore-output"]
names = list(settings)[:3]
recalls = {name: [validation_recall(logged[name][0])] for name in names}
for name, build in (
    (names[0], lambda: CMGSDLoss(0.2, 0.0)),
    (names[1], lambda: CMGSDLoss(0.2, 0.05)),
    (names[2], lambda: PermutedCMGSDLoss(0.2, 0.05, seed=1)),
):
    recalls[name].append(validation_recall(train_logged(build(), seed=1)[0]))
print(pd.DataFrame(recalls, index=["seed 0", "seed 1"]).T.round(0).astype(int).to_string())

# %% [markdown]
# ### The checklist
#
# | log | healthy | look closer when |
# |---|---|---|
# | histogram of margins, every so often | one hill around $\alpha$, sd about $\beta$ | two hills (near duplicates), a spike at 0, sd well below $\beta$ (chapter 06) |
# | mean margin | $\alpha$ | it drifts: the margins are not centred after the clip (chapter 04) |
# | clipped share | below 5 % | above 15 %: $\beta$ is too large for $\alpha$ |
# | share of active hinges, both directions | falls, and stays above 0 | 100 % all along (a collapse), or 0 early (margin too small) |
# | similarity of positive minus hardest negative | rises | stays below 0 after many epochs |
# | $\lambda$ (`loss.schedule(progress)`) | moves as planned | stays put: `progress` is not handed over |
# | fixed margin, **same** reduction, same seeds | below | not below: there is nothing to explain |
# | permuted control, same $\beta$ **and** its own best $\beta$ | below | on a par: you have softening |
# | plain InfoNCE at equal budget | below | above: say so first |
# | seeds | five or more, paired; an interval over videos and seeds | one seed, best epoch on the test split |
# | relevance metric (nDCG) beside R@K | both reported | only the one that rose |
# | time of a step, size of the model file | a few percent; identical | anything else: something is computed twice |

# %% [markdown]
# ## What goes wrong if ...
#
# **... `progress` is forgotten?** Then teachers and model have equal weight from the first step to the last.
#
# **... a batch holds two captions of one clip, and nobody says so?** The two are pushed apart as negatives. `ids` takes
# them out of the loss and out of the statistics.
#
# **... the matrix is not square?** Which column is a text's own would be a guess, so the loss refuses.
#
# **... you train on several processes?** Gather embeddings and teachers *first*, then build `sim` and call the loss on
# the whole batch: margins are statistics of the batch that they see. (`cmgsd_lite.distributed.GatheredLoss` does it.)

# %%
generator = torch.Generator().manual_seed(0)
text, video, teachers = torch.randn(3, 6, 8, generator=generator)
sim = normalize(text) @ normalize(video).T
loss_of = CMGSDLoss()
inputs = {"text": text, "video": video, "text_teacher": teachers}
values = [float(loss_of(sim, **inputs, progress=progress)) for progress in (0.0, 1.0)]
assert values[0] != values[1]
half = float(CMGSDLoss(schedule=0.5)(sim, **inputs))
print("without progress: lambda is one half, whatever the step:", np.isclose(float(loss_of(sim, **inputs)), half))

twice = torch.tensor([0, 0, 1, 2, 3, 4])  # items 0 and 1 are two captions of one clip
sim = normalize(text) @ normalize(video[twice]).T
scores = sim.clone().requires_grad_()
MaxMarginRankingLoss(2.0, "mean")(scores).backward()  # a margin of 2 keeps every hinge active
print("force between a clip and its second caption, without ids:", f"{float(scores.grad[1, 0]):.2f}")
scores = sim.clone().requires_grad_()
MaxMarginRankingLoss(2.0, "mean")(scores, ids=twice).backward()
print("... with ids:", f"{float(scores.grad[1, 0]):.2f}")

try:
    loss_of(sim[:5], **inputs)
except ValueError as error:
    print("refused:", error)

# %% [markdown]
# ## Exercises
#
# **1. The clipped share.** The share (0 to 1) of a batch's margins that were clipped at 0, over the negative pairs.


# %%
def clipped_share(margins):
    ### BEGIN SOLUTION
    negatives = margins[~torch.eye(len(margins), dtype=torch.bool)]
    return (negatives <= 0).float().mean()
    ### END SOLUTION


check.check_clipped_share(clipped_share)

# %% [markdown]
# **2. Active hinges.** The share of active hinges with texts as anchors: for how many pairs $i\neq j$ is
# $M_{ij} + S_{ij} - S_{ii} > 0$?


# %%
def active_share(sim, margins):
    ### BEGIN SOLUTION
    violation = margins + sim - sim.diagonal()[:, None]
    negatives = ~torch.eye(len(sim), dtype=torch.bool)
    return (violation[negatives] > 0).float().mean()
    ### END SOLUTION


check.check_active_share(active_share)

# %% [markdown]
# **3. From a CLIP-like model to `sim`.** You get projected embeddings as they come, *not* normalised, and the logarithm
# of the scale. Return what the loss wants as `sim`.


# %%
def sim_for_the_loss(text_embeds, image_embeds, logit_scale):
    ### BEGIN SOLUTION
    return normalize(text_embeds) @ normalize(image_embeds).T
    ### END SOLUTION


check.check_cosines(sim_for_the_loss)

# %% [markdown]
# **4. One embedding from several experts.** `vectors` [N, E, D] are unit vectors, zeros where an expert is missing;
# `present` [N, E] says which exist. Return the embedding for distances.


# %%
def embedding_of_experts(vectors, present):
    ### BEGIN SOLUTION
    return vectors.sum(dim=1) / present.sum(dim=1, keepdim=True)
    ### END SOLUTION


check.check_expert_embedding(embedding_of_experts)

# %% [markdown]
# ## Summary
#
# - The loss wants cosines, the model's embeddings, frozen features and the fraction of training done. That is a diff of
#   seven to nine lines on gated experts, on a transformer over experts and on a CLIP, and nothing at test time.
# - With several experts, distances are taken between mean expert vectors, over the present ones.
# - With CLIP, hand over cosines, not logits; or keep its softmax and use `MarginInfoNCELoss`.
# - Log the margins, not the loss. Run the permuted control, and plain InfoNCE, with the same seeds.
#
# [← 10 Other answers](10_other_answers.ipynb) · [00 Start here](00_start_here.ipynb)
#
# ### References
# - He et al., *Improving Video Retrieval by Adaptive Margin*, SIGIR 2021, [arXiv 2303.05093](https://arxiv.org/abs/2303.05093)
#   (here a reconstruction from the abstract and an independent public port; constants and corrections are ours)
# - Miech et al., *Learning a Text-Video Embedding from Incomplete and Heterogeneous Data* (MoEE), 2018, [arXiv 1804.02516](https://arxiv.org/abs/1804.02516)
# - Liu et al., *Use What You Have* (CE), BMVC 2019, [arXiv 1907.13487](https://arxiv.org/abs/1907.13487)
# - Gabeur et al., *Multi-modal Transformer for Video Retrieval* (MMT), ECCV 2020, [arXiv 2007.10639](https://arxiv.org/abs/2007.10639)
# - Radford et al., *Learning Transferable Visual Models From Natural Language Supervision* (CLIP), 2021, [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)
# - Luo et al., *CLIP4Clip*, 2021, [arXiv 2104.08860](https://arxiv.org/abs/2104.08860)
