"""Chapter 12's ground: a folder of films as one may have it, commands as in a terminal, the truth.

The films are clips of MiniVTT under their own ids, so that the truth is known; no command is told.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.course.plots.clips import Found, Kind
from cmgsd_lite.data import Split, load_dataset, minivtt, read_annotations
from cmgsd_lite.data.formats.tables import ExpertFeatures, pad
from cmgsd_lite.data.source import open_source
from cmgsd_lite.data.world.truth import Claim, claims_true
from cmgsd_lite.data.world.vocabulary import COLOURS, ENTITIES, PLACES
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.evaluation.ranks import ranks
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import PreparedSplit, prepare_split
from cmgsd_lite.training.scoring import score

FOLDER = Path(__file__).parent / "films"
"""120 films of two seconds and captions.csv, five captions each; written by docs/build_films.py."""
PARTS, BATCH, EPOCHS = 5, 64, 30
MOTIONS = {
    "right": "to the right",
    "left": "to the left",
    "up": "rising",
    "down": "falling",
    "bounce": "bouncing",
    "still": "standing still",
    "near": "coming closer",
    "away": "going away",
    "spin": "spinning",
    "circle": "going around in a circle",
    "shake": "shaking",
}
QUESTIONS = {
    "place": {f"something {words[0]}": Claim(place=place) for place, words in PLACES.items()},
    "colour": {f"something {colour}": Claim(colour=colour) for colour in COLOURS},
    "motion": {f"something {words}": Claim(motion=motion) for motion, words in MOTIONS.items()},
    "thing": {
        f"a clip of a{'n' * (entity.name[0] in 'aeiou')} {entity.words[0]}": Claim(entity=entity.name)
        for entity in ENTITIES[:20]
    },
}
"""Plain sentences, each of which names one thing, and what they claim."""

_PROGRESS = re.compile(r"\d+%\||\d+/\d+ \[")

Frames = NDArray[np.uint8]
Encode = Callable[[Frames], NDArray[Any]]


def copy_films(to: str | Path) -> Path:
    """Copy the folder of films to a place where one may change it.

    Args:
        to: The folder to be made.

    Returns:
        That folder.

    Raises:
        FileExistsError: If it is there.

    Source:
        ours.

    Example:
        >>> copy_films("films")  # doctest: +SKIP
    """
    return Path(copytree(FOLDER, to))


def command(line: str) -> None:
    """Run a command of the package as one would type it in a terminal, and print what it says.

    Progress bars are left out; everything else that goes to the terminal's error stream is printed below.

    Args:
        line: What stands behind ``python -m cmgsd_lite``; paths with "/", on Windows too.

    Raises:
        RuntimeError: If it ends with an error; the message is that of the command.

    Source:
        ours.

    Example:
        >>> command("--version")  # doctest: +SKIP
    """
    print(f"$ python -m cmgsd_lite {line}")
    done = subprocess.run(
        [sys.executable, "-m", "cmgsd_lite", *shlex.split(line)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    said = [text for text in done.stderr.splitlines() if text.strip() and not _PROGRESS.search(text)]
    if done.returncode:
        raise RuntimeError(said[-1] if said else f"exit code {done.returncode}")
    print("\n".join([done.stdout.rstrip(), *said]).strip())


def save_features(path: str | Path, vectors: Mapping[str, NDArray[Any]]) -> None:
    """Write one vector a film in the layout that ``extract`` writes too.

    Args:
        path: Of the .npz; its name is the name of the expert.
        vectors: By the film's id.

    Source:
        ours.

    Example:
        >>> save_features("features/colours.npz", {"video0": np.ones(8)})  # doctest: +SKIP
    """
    features = np.stack([np.asarray(vector, dtype=np.float32) for vector in vectors.values()])
    np.savez(path, video_id=np.array(list(vectors)), features=features)


def add_efficientnet(folder: str | Path) -> None:
    """Write what EfficientNet-Lite0 saw of these clips, from the embedded data, as ``efficientnet.npz``.

    Args:
        folder: Of the films' features.

    Source:
        ours.

    Example:
        >>> add_efficientnet("features")  # doctest: +SKIP
    """
    seen = load_dataset().train.subset(_told())
    vectors = seen.features["appearance_mean"].values[:, 0]
    save_features(Path(folder) / "efficientnet.npz", dict(zip(seen.video_ids, vectors, strict=True)))


class Trial(NamedTuple):
    """A model, and clips that it was not trained on.

    Args:
        model: Trained on other clips.
        tested: The clips, with captions.

    Example:
        >>> trials = in_fifths("features", ["motion"])  # doctest: +SKIP
    """

    model: RetrievalModel
    tested: PreparedSplit


def in_fifths(folder: str | Path, experts: Sequence[str]) -> list[Trial]:
    """Train five small models, so that each fifth of the films is tested once by a model that never saw it.

    Films of the folder's test list stay out of it.

    Args:
        folder: Features and captions.
        experts: Names of the features to train on.

    Returns:
        A trial a fifth.

    Source:
        ours; cross-validation.

    Example:
        >>> len(in_fifths("features", ["motion"]))  # doctest: +SKIP
        5
    """
    source = open_source(folder, list(experts))
    captions, tables = source.annotations.captions, source.tables
    drawn = {name for lists in source.protocols.values() for name in lists.test}
    whole = [name for name in captions if all(name in table.position for table in tables.values())]
    names = [name for name in whole if name not in drawn]
    features = {expert: pad(table, names, int(table.counts.max())) for expert, table in tables.items()}
    films, fifths = _split(names, captions, features), [names[k::PARTS] for k in range(PARTS)]
    return [_trial(films, [name for name in names if name not in fifth], fifth) for fifth in fifths]


def halves_in_fifths(films: Mapping[str, Frames], encode: Encode, leak: bool) -> list[Trial]:
    """Cut each film in two clips; train five models on clips, and test each on second halves of a fifth.

    The first half has a film's captions 1 to 3, the second its last two. With and without a leak the same
    clips are tested, after training on as many.

    Args:
        films: Frames by id.
        encode: Turns frames into a vector.
        leak: Whether the first halves of the tested films are among the training clips, in place of others.

    Returns:
        A trial a fifth.

    Source:
        ours.

    Example:
        >>> halves_in_fifths(frames, colours, leak=True)  # doctest: +SKIP
    """
    names, told, vectors = list(films), _told(), list[NDArray[Any]]()
    captions: dict[str, list[str]] = {}
    for name, frames in films.items():
        middle = len(frames) // 2
        vectors += [encode(frames[:middle]), encode(frames[middle:])]
        captions |= {f"{name}_1": told[name][:3], f"{name}_2": told[name][3:]}
    values = np.stack(vectors).astype(np.float32)[:, None]
    clips = _split(
        list(captions), captions, {"colours": ExpertFeatures(values, np.ones(values.shape[:2], bool))}
    )
    trials = []
    for part in range(PARTS):
        tested = names[part::PARTS]
        left_out = names[(part + 1) % PARTS :: PARTS] if leak else tested
        out = {f"{name}_2" for name in tested} | {f"{name}_1" for name in left_out}
        trials.append(_trial(clips, [c for c in captions if c not in out], [f"{name}_2" for name in tested]))
    return trials


def recall_at_5(trials: Sequence[Trial]) -> float:
    """R@5 of the tested clips' captions, each among the clips of its fifth, in percent.

    Args:
        trials: Of all fifths.

    Source:
        ours.

    Example:
        >>> recall_at_5(in_fifths("features", ["motion"]))  # doctest: +SKIP
    """
    found = [ranks(score(model, tested), tested.video_of_text) <= 5 for model, tested in trials]
    return 100 * float(np.concatenate(found).mean())


def auc_by_kind(trials: Sequence[Trial]) -> dict[str, float]:
    """How often a film that fits a plain sentence comes before one that does not, by what the sentence names.

    Args:
        trials: Of all fifths.

    Returns:
        Percent for sentences that name a ``place``, a ``colour``, a ``motion`` or a ``thing``; 50 by chance.

    Source:
        ours.

    Example:
        >>> auc_by_kind(in_fifths("features", ["motion"]))  # doctest: +SKIP
    """
    return {kind: float(np.mean(list(_aucs(trials, kind)))) for kind in QUESTIONS}


def best_films(trial: Trial, sentence: str, count: int = 4) -> list[Found]:
    """Find the tested films that fit a plain sentence best, and say what the truth is.

    Args:
        trial: Whose model, and whose films.
        sentence: One of ``QUESTIONS``.
        count: How many.

    Returns:
        Best first, for ``show_clips``.

    Raises:
        KeyError: If it is none of the sentences.

    Source:
        ours.

    Example:
        >>> best_films(trials[0], "something in the snow")  # doctest: +SKIP
    """
    claim = {text: claim for asked in QUESTIONS.values() for text, claim in asked.items()}[sentence]
    order = _sim(trial, [sentence])[0].argsort(descending=True)[:count].tolist()
    names = [trial.tested.video_ids[i] for i in order]
    true = claims_true([claim], [minivtt.clip(name).scene for name in names])[0]
    kinds: list[Kind] = ["true" if fits else "not true" for fits in true]
    return [
        Found(name, f"{i}. {kind}", kind) for i, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)
    ]


def judge(report: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Say of each pair of a report whether its caption is true of the other film.

    Args:
        report: From ``likely_false_negatives``, of the captions of this folder.

    Source:
        ours.

    Example:
        >>> judge([{"caption": "a dog can be seen", "video_id": "video0", "also_true_of": "video10"}])
        [True]
    """
    films, rows, true = _truth()
    found = [(rows[pair["video_id"], pair["caption"]], films[pair["also_true_of"]]) for pair in report]
    return [bool(true[row, film]) for row, film in found]


def true_elsewhere() -> tuple[float, float]:
    """How often a caption of this folder is true of a film that is not its own.

    Returns:
        Percent of the pairs of a caption and another film, and percent of the captions with one at least.

    Source:
        ours.

    Example:
        >>> [round(share) for share in true_elsewhere()]
        [4, 43]
    """
    films, rows, true = _truth()
    others = np.stack([np.delete(true[row], films[name]) for (name, _), row in rows.items()])
    return 100 * float(others.mean()), 100 * float(others.any(axis=1).mean())


def _split(
    names: list[str], captions: Mapping[str, Sequence[str]], features: dict[str, ExpertFeatures]
) -> Split:
    told = {name: list(captions[name]) for name in names}
    return Split("films", names, told, told, features)


def _trial(clips: Split, train: Sequence[str], test: Sequence[str]) -> Trial:
    seen, tested = (prepare_split(clips.subset(names), _words().encode) for names in (train, test))
    widths = {name: values.shape[2] for name, values in seen.features.items()}
    model = build_model(ModelConfig("mean-pool", seen.text.shape[1], widths), seed=0)
    loss = MaxMarginRankingLoss(0.2, reduction="smooth")
    fit(model, loss, seen, config=TrainingConfig(EPOCHS, BATCH), progress=False)
    return Trial(model, tested)


def _sim(trial: Trial, sentences: Sequence[str]) -> Tensor:
    """Similarities [sentences, tested films]."""
    with torch.inference_mode():
        model = trial.model.eval()
        text = model.encode_text(_words().encode(sentences))
        return model.similarity(text, model.encode_video(trial.tested.features, trial.tested.masks))


def _aucs(trials: Sequence[Trial], kind: str) -> Iterator[float]:
    asked = QUESTIONS[kind]
    for trial in trials:
        scenes = [minivtt.clip(name).scene for name in trial.tested.video_ids]
        for sim, true in zip(
            _sim(trial, list(asked)), claims_true(list(asked.values()), scenes), strict=True
        ):
            fits, others = sim[true], sim[~true]
            if len(fits) and len(others):
                yield 100 * float((fits[:, None] > others).double().mean())


@cache
def _words() -> WordLlamaEncoder:
    return WordLlamaEncoder()


def _told() -> dict[str, list[str]]:
    return read_annotations(FOLDER / "captions.csv").captions


@cache
def _truth() -> tuple[dict[str, int], dict[tuple[str, str], int], NDArray[np.bool_]]:
    """Columns of films, rows of captions by film and text, and which is true of which."""
    told = _told()
    split = load_dataset().train.subset(told)
    flat = [(name, text) for name in split.video_ids for text in split.captions[name]]
    number = {pair: row for row, pair in enumerate(flat)}
    rows = {(name, text): number[name, text] for name, mine in told.items() for text in mine}
    return {name: i for i, name in enumerate(split.video_ids)}, rows, minivtt.entailment(split)
