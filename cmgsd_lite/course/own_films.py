"""Chapter 12's ground: a folder of films as one may have it, the commands as in a terminal, and the truth.

The films are clips of MiniVTT under their own ids, so that the truth about captions is known; no command is told.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.cli.main import main
from cmgsd_lite.data import load_dataset, minivtt, read_annotations
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import condition
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment

FOLDER = Path(__file__).parent / "films"
"""120 films of two seconds and captions.csv, five captions each; written by docs/build_films.py."""
LOSS, BATCH, SEEDS = "fixed-smooth", 64, 3

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
    print(f"$ python -m cmgsd_lite {line}", flush=True)
    with redirect_stderr(io.StringIO()) as aside:
        code = main(shlex.split(line))
    said = [text for text in aside.getvalue().splitlines() if text.strip() and "\r" not in text]
    said = [text for text in said if "it/s" not in text and "film/s" not in text]
    if code:
        raise RuntimeError(said[-1] if said else f"exit code {code}")
    print("".join(f"{text}\n" for text in said), end="")


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


def recall_at_5(folder: str | Path, experts: Sequence[str]) -> float:
    """Train three seeds of a small model on a folder of features, and take the mean R@5 of its test films.

    Args:
        folder: Features, captions.csv and split.csv.
        experts: Names of the features to train on.

    Returns:
        Percent.

    Source:
        ours.

    Example:
        >>> recall_at_5("features", ["motion"])  # doctest: +SKIP
    """
    data, training = DataConfig(str(folder), None, tuple(experts)), TrainingConfig(30, BATCH, 1e-3)
    conditions, seeds = {LOSS: condition(LOSS)}, tuple(range(SEEDS))
    bench = Bench(Experiment(data, conditions, seeds, "mean-pool", training))
    return float(np.mean([bench.run(LOSS, seed).metrics["t2v"]["R@5"] for seed in seeds]))


def cut_in_halves(films: Mapping[str, Frames], encode: Encode, out: str | Path, leak: bool) -> Path:
    """Cut each film in two clips and draw 24 test clips, second halves, and 192 training clips.

    The first half has a film's captions 1 to 3, the second its last two. Test clips are the same with and
    without a leak, and so is the number of training clips.

    Args:
        films: Frames by id.
        encode: Turns frames into a vector.
        out: Folder to be made, for features, captions and split.
        leak: Whether the first halves of the test films are among the training clips.

    Returns:
        That folder.

    Source:
        ours.

    Example:
        >>> cut_in_halves(frames, colours, "leaking", leak=True)  # doctest: +SKIP
    """
    out, names = Path(out), list(films)
    out.mkdir()
    half = {name: len(frames) // 2 for name, frames in films.items()}
    vectors = {f"{name}_1": encode(films[name][: half[name]]) for name in names}
    vectors |= {f"{name}_2": encode(films[name][half[name] :]) for name in names}
    save_features(out / "colours.npz", vectors)
    told = read_annotations(FOLDER / "captions.csv").captions
    captions = [(f"{name}_{1 + (k > 2)}", text) for name in names for k, text in enumerate(told[name])]
    _write(out / "captions.csv", ("video_id", "caption"), captions)
    # Every fifth film is tested; as many first halves of others make room where those of test films come in.
    tested, room = names[::5], names[1::5]
    left_out = {f"{name}_1" for name in (room if leak else tested)}
    test = [f"{name}_2" for name in tested]
    train = [clip for clip in vectors if clip not in left_out and clip not in test]
    rows = [(clip, "train") for clip in train] + [(clip, "test") for clip in test]
    _write(out / "split.csv", ("video_id", "split"), rows)
    return out


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


@cache
def _truth() -> tuple[dict[str, int], dict[tuple[str, str], int], NDArray[np.bool_]]:
    """Columns of films, rows of captions by film and text, and which is true of which."""
    told = read_annotations(FOLDER / "captions.csv").captions
    split = load_dataset().train.subset(told)
    flat = [(name, text) for name in split.video_ids for text in split.captions[name]]
    number = {pair: row for row, pair in enumerate(flat)}
    rows = {(name, text): number[name, text] for name, mine in told.items() for text in mine}
    return {name: i for i, name in enumerate(split.video_ids)}, rows, minivtt.entailment(split)


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
