"""The per-video sums of all runs that are compared, packed into one file a group."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.intervals import Floats
from cmgsd_lite.runtime import write_atomically
from study.choice import Finished
from study.run import file_name
from study.values import VideoValues

STEP = 0.01
"""Sums are kept to so many percentage points; a mean over hundreds of videos moves by less than 1e-5."""


def group_of(key: str, gallery: str = "confirm") -> str | None:
    """Name of the packed file that a run's values on a gallery belong to; None for the runs of a choice.

    Args:
        key: Of the run.
        gallery: ``"confirm"``, ``"seen"`` or ``"choose"``.

    Example:
        >>> group_of("confirm/msrvtt/infonce/0.05/seed 300", "seen")
        'seen-msrvtt'
    """
    stage, name = key.split("/")[0], key.split("/")[1 if not key.startswith("a/a") else 2]
    if stage in ("choose", "repeat"):
        return None
    return "a-a" if key.startswith("a/a") else f"{gallery}-{name}" if stage == "confirm" else stage


def pack(finished: Finished, loose: Path, out: Path) -> list[str]:
    """Put the loose files of finished runs into packed ones; what is packed already stays.

    Args:
        finished: By key.
        loose: Folder of the loose files.
        out: Folder of the packed ones.

    Returns:
        Keys of finished runs whose values are nowhere.
    """
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in sorted(finished):
        for gallery in _galleries(key):
            if (group := group_of(key, gallery)) is not None:
                groups[group].append((key, gallery))
    lost = []
    for group, places in groups.items():
        path = out / f"{group}.npz"
        known = _unpack(path) if path.is_file() else {}
        for place in places:
            file = loose / file_name(*place)
            if file.is_file():
                known[place] = VideoValues.load(file)
            elif place not in known:
                lost.append(place[0])
        _write(path, {place: known[place] for place in sorted(known) if place[0] in finished})
    return lost


def _galleries(key: str) -> tuple[str, ...]:
    """The galleries whose sums are kept: of the seen ones only where the main comparison is made."""
    if key.startswith("a/a"):
        return ("choose",)
    return ("confirm", "seen") if key.startswith("confirm/") else ("confirm",)


def _write(path: Path, known: dict[tuple[str, str], VideoValues]) -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for gallery in sorted({gallery for _, gallery in known}):
        chosen = {key: values for (key, at), values in known.items() if at == gallery}
        first = next(iter(chosen.values()))
        whole = np.stack([np.rint(values.total / STEP).astype(np.int32) for values in chosen.values()])
        arrays[f"{gallery} keys"] = np.array(list(chosen))
        arrays[f"{gallery} names"] = np.array(first.names)
        arrays[f"{gallery} count"] = first.count.astype(np.uint16)
        # One run resembles the next: differences are small numbers, which compress.
        arrays[f"{gallery} total"] = np.diff(whole, axis=0, prepend=0)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    write_atomically(path, write)


def _unpack(path: Path) -> dict[tuple[str, str], VideoValues]:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {}
            for name in [name for name in file.files if name.endswith(" keys")]:
                gallery = name.removesuffix(" keys")
                whole = np.cumsum(file[f"{gallery} total"], axis=0) * STEP
                names = tuple(str(n) for n in file[f"{gallery} names"])
                count = file[f"{gallery} count"].astype(np.float64)
                for key, total in zip(file[name], whole, strict=True):
                    found[str(key), gallery] = VideoValues(names, total, count)
            return found
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected packed values of the study, found {error}") from error


class Store:
    """The packed values of a folder.

    Args:
        folder: With the files that ``pack`` writes.

    Example:
        >>> Store(Path("study/results")).sums(keys, "confirm", "R@10")  # doctest: +SKIP
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._group = lru_cache(maxsize=None)(self._read)

    def _read(self, group: str) -> dict[tuple[str, str], VideoValues]:
        path = self.folder / f"{group}.npz"
        return _unpack(path) if path.is_file() else {}

    def metrics(self, key: str, gallery: str) -> tuple[str, ...]:
        """Return the metrics that are kept of a run on a gallery."""
        return self._of(key, gallery).names

    def sums(self, keys: Sequence[str], gallery: str, metric: str) -> tuple[Floats, Floats]:
        """Return the sums of a metric over each video's queries [S, V], and their number [V].

        Args:
            keys: Of S runs, in the order of their seeds.
            gallery: ``"confirm"``, ``"seen"`` or ``"choose"``.
            metric: Of ``VideoValues.names``.

        Raises:
            KeyError: If the values of a run are not there.
        """
        rows, count = [], np.zeros(0)
        for key in keys:
            total, count = self._of(key, gallery).of(metric)
            rows.append(total)
        return np.stack(rows), count

    def _of(self, key: str, gallery: str) -> VideoValues:
        known: dict[tuple[str, str], VideoValues] = self._group(group_of(key, gallery))
        if (key, gallery) not in known:
            raise KeyError(f"{key} on {gallery}")
        return known[key, gallery]
