"""What several processes compute, for ``test_distributed``: run as a module in each of them (``launch``)."""

import argparse
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from cmgsd_lite.distributed import GatheredLoss, average_gradients, gather, joined, on_first, share_start
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.similarity import cosine_similarity_matrix
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import prepare_split
from cmgsd_lite.training.processes import Share
from cmgsd_lite.training.trainer import Trainer
from tests.losses.every import BUILDERS, TAKE_A_MARGIN, batch
from tests.training.test_loop import WORDS, encode, make_split

CUTS = {2: [5, 3], 3: [3, 4, 1]}
"""How the batch of 8 is spread."""


class Encoders(nn.Module):
    """A map a side."""

    def __init__(self):
        super().__init__()
        self.text, self.video = nn.Linear(6, 5, dtype=torch.float64), nn.Linear(6, 5, dtype=torch.float64)

    def forward(self, text, video):
        return self.text(text).tanh(), self.video(video).tanh()


class Learnt(nn.Module):
    """A loss with a parameter of its own, and few of the names."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

    def forward(self, sim, ids):
        return InfoNCELoss(temperature=1.0)(sim * self.scale, ids=ids)


def gradient_of(*modules):
    return torch.cat([x.grad.flatten() for module in modules for x in module.parameters()])


def own_part(given, own):
    """A process's rows of every input of a batch."""
    found = {}
    for name, value in given.items():
        if isinstance(value, dict):
            found[name] = {key: matrix[own] for key, matrix in value.items()}
        elif isinstance(value, tuple):
            found[name] = tuple(matrix[own] for matrix in value)
        else:
            found[name] = value if name == "progress" else value[own]
    return found


def losses(group):
    """How far value and averaged gradient of every loss are from those of one process."""
    rank, cut = distributed.get_rank(group), CUTS[distributed.get_world_size(group)]
    own = slice(sum(cut[:rank]), sum(cut[: rank + 1]))
    _, given = batch()
    raw = {side: given.pop(side) for side in ("text", "video")}
    given["ids"] = torch.tensor([max(i, 1) for i in range(8)])
    margins = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64) / 4
    far = {}
    built = {name: build() for name, build in BUILDERS.items()} | {"Learnt": Learnt()}
    built["through the margins"] = CMGSDLoss(detach=False)
    for name, loss in built.items():
        model, all_given = Encoders(), dict(given)
        if name in TAKE_A_MARGIN:
            two = name in ("MaxMarginRankingLoss", "InfoNCELoss")
            all_given["margin"] = (margins[0], margins[1]) if two else margins[0]
        if name == "Learnt":
            all_given = {"ids": given["ids"]}
        share_start(model, loss, group=group)
        text, video = model(raw["text"], raw["video"])
        own_names = {} if name == "Learnt" else {"text": text, "video": video}
        value = loss(sim=cosine_similarity_matrix(text, video), **own_names, **all_given)
        value.backward()
        wanted = gradient_of(model, loss)
        ways = ["cosines", "own scores"] + ["in blocks"] * (name in ("CMGSDLoss", "PermutedCMGSDLoss"))
        for how in ways:
            model.zero_grad()
            loss.zero_grad()
            text, video = model(raw["text"][own], raw["video"][own])
            scores, mine = None, own_part(all_given, own)
            if how == "in blocks":
                mine["block"] = 3
            own_names = {"text": text, "video": video}
            if how == "own scores" or name == "Learnt":
                scores = cosine_similarity_matrix(text, gather(video, alike=False, group=group))
                own_names = {} if name == "Learnt" else own_names
            found = GatheredLoss(loss, group)(scores, **own_names, **mine)
            found.backward()
            average_gradients([*model.parameters(), *loss.parameters()], group)
            apart = (gradient_of(model, loss) - wanted).abs().max() / wanted.abs().max()
            far[f"{name}, {how}"] = max(float(apart), abs(float(found - value)))
    return far


def wrapped():
    """The same with DistributedDataParallel."""
    rank, cut = distributed.get_rank(), CUTS[distributed.get_world_size()]
    own = slice(sum(cut[:rank]), sum(cut[: rank + 1]))
    _, given = batch()
    far = {}
    for loss in (CMGSDLoss(schedule="dynamic"), MaxMarginRankingLoss(reduction="smooth")):
        model = Encoders()
        share_start(model)
        text, video = model(given["text"], given["video"])
        loss(text=text, video=video).backward()
        wanted = gradient_of(model)
        model.zero_grad()
        wrapper = DistributedDataParallel(model)  # kept: with it goes the averaging
        text, video = wrapper(given["text"][own], given["video"][own])
        GatheredLoss(loss)(text=text, video=video).backward()
        far[str(loss)] = float((gradient_of(model) - wanted).abs().max() / wanted.abs().max())
    return far


TRAIN, VALIDATION = make_split(40), make_split(12, seed=1, name="validation")
CONFIG = TrainingConfig(epochs=3, batch_size=8, patience=None, seed=1)


def model_of(kind, seed=0):
    config = ModelConfig(kind, len(WORDS), {"appearance": 10}, embed_dim=16, hidden_dim=32, layers=1, heads=2)
    return build_model(config, seed)


def first_gradient(kind, share, captions=1):
    """Of the first batch, dropout included; the batch of 8 is no multiple of 3."""
    config, split = replace(CONFIG, captions_per_video=captions), prepare_split(TRAIN, encode)
    trainer = Trainer(model_of(kind), CMGSDLoss(), split, config, None, None, share=share)
    torch.manual_seed(7)
    trainer.model.train()
    trainer.batch_loss(*next(iter(trainer.batches(0))), 0.3).backward()
    if share.count > 1:
        average_gradients(trainer.model.parameters())
    return gradient_of(trainer.model)


def training(folder):
    """Gradient of the first step and history of a training, beside those of one process."""
    apart = {}
    for case in [("mean-pool", 1), ("mean-pool", 2), ("gated-experts", 1), ("transformer", 1)]:
        kind, captions = case
        mine = first_gradient(kind, Share.of_this_process(), captions)
        apart[str(case)] = float((mine - first_gradient(kind, Share(), captions)).abs().max())
    path = folder / "checkpoint.pt"
    # Another start in each process: that of the first counts.
    model = model_of("mean-pool", seed=distributed.get_rank())
    splits = prepare_split(TRAIN, encode), prepare_split(VALIDATION, encode)
    result = fit(model, InfoNCELoss(), *splits, CONFIG, checkpoint=path, progress=False, device="cpu")
    weights = torch.cat([x.detach().flatten() for x in model.parameters()])
    same = bool((gather(weights[None]) == weights).all())
    return {"apart": apart, "history": result.history, "best": result.best_epoch, "same weights": same}


def refused():
    """What is said of bad input; each process hears it, and goes on."""
    rank, count = distributed.get_rank(), distributed.get_world_size()
    model = model_of("mean-pool")
    prepared = prepare_split(TRAIN, encode)

    def broken():
        raise ValueError("of the first process")

    calls = {
        "no row": lambda: gather(torch.ones(rank, 2)),
        "sizes": lambda: gather(torch.ones(2, 2), [3] * count),
        "rows": lambda: GatheredLoss(CMGSDLoss())(torch.ones(2, 2)),
        "teacher": lambda: GatheredLoss(CMGSDLoss())(torch.ones(2, 2 * count), text_teacher=torch.ones(3, 4)),
        "ids": lambda: GatheredLoss(InfoNCELoss())(torch.ones(2, 2 * count), ids=["a", "b"]),
        "nothing": lambda: GatheredLoss(InfoNCELoss())(text=torch.ones(2, 2)),
        "first": lambda: on_first(broken),
        "settings": lambda: share_start(settings={"seed": rank}),
        "batch": lambda: fit(
            model, InfoNCELoss(), prepared, config=TrainingConfig(batch_size=2), device="cpu"
        ),
    }
    said = {}
    for name, call in calls.items():
        try:
            call()
        except ValueError as error:
            said[name] = str(error)
    return said


class EndsAt(nn.Module):
    """A loss in whose call one process is killed."""

    def __init__(self, rank, step):
        super().__init__()
        self.inner, self.rank, self.left = InfoNCELoss(), rank, step

    def forward(self, sim):
        self.left -= 1
        if self.left == 0 and distributed.get_rank() == self.rank:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return self.inner(sim)


def killed(folder):
    """A training in which the last process dies in the second epoch."""
    splits = prepare_split(TRAIN, encode), prepare_split(VALIDATION, encode)
    try:
        fit(
            model_of("mean-pool"),
            EndsAt(distributed.get_world_size() - 1, 5 + 2),
            *splits,
            CONFIG,
            checkpoint=folder / "checkpoint.pt",
            progress=False,
            device="cpu",
        )
    except OSError as error:  # as the command line has it
        print(f"error: {error}", file=sys.stderr)
        os._exit(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["equal", "killed"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with joined("cpu", options.store):
        if options.job == "killed":
            killed(options.folder)
        pair = distributed.new_group([0, 1])
        found = {"all": losses(None), "wrapped": wrapped(), "training": training(options.folder)}
        if distributed.get_rank() < 2:
            found["pair"] = losses(pair)
        found["refused"] = refused()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
