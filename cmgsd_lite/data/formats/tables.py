"""The one in-memory form of features: a ragged table per expert, padded with a mask when a split is built."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import rename_notes, video_id_of
from cmgsd_lite.data.formats.names import frame_number, part_of
from cmgsd_lite.errors import DataError

ALIKE = 1e-6
"""Features that differ by no more are taken for the same: that is noise of float32."""
MAGNITUDE = 1e15
"""A larger number in a feature is an error of whoever wrote it: sums of squares overflow float32."""


class ExpertFeatures(NamedTuple):
    """Padded features of one expert for the videos of a split, in the split's order.

    Attributes:
        values: float32 [V, T, D]; zero where the mask is False.
        mask: bool [V, T], True where a token is present; a missing video has an all-False row.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class FeatureTable:
    """Features of one expert for many videos, kept as one ragged table (it can be memory-mapped).

    Attributes:
        ids: V video ids, no two alike.
        rows: float16 or float32 [R, D], the tokens of all videos one after the other.
        starts: int64 [V + 1]; video i owns rows[starts[i]:starts[i + 1]], none when it is missing.
        integers: Whether the file held whole numbers, as token ids and labels are.
        notes: What was taken for padding or called otherwise, as sentences.
        parts: "train", "validation" or "test" of each video, where files, folders or keys are named so.
    """

    ids: list[str]
    rows: NDArray[Any]
    starts: NDArray[np.int64]
    integers: bool = False
    notes: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)

    def of_part(self, name: str) -> "FeatureTable":
        """The table, its videos in the part that a name states; as it is when the name states none."""
        part = part_of(name)
        return self if part is None else replace(self, parts=dict.fromkeys(self.ids, part))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        """Length D of a vector."""
        return int(self.rows.shape[1])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Tokens of each video, [V]; 0 means missing."""
        return np.diff(self.starts)

    @cached_property
    def position(self) -> dict[str, int]:
        """Index of each video that is present."""
        return {name: i for i, (name, n) in enumerate(zip(self.ids, self.counts, strict=True)) if n}

    @cached_property
    def constant(self) -> bool:
        """Whether several vectors are all the same; they are read as far as the first that is not."""
        parts = (self.rows[start : start + 1024] for start in range(0, len(self.rows), 1024))
        same = (bool((np.abs(part - self.rows[0]) <= ALIKE).all()) for part in parts)
        return len(self.rows) > 1 and all(same)

    def get(self, video_id: str) -> NDArray[np.float32] | None:
        """float32 [T, D] of a video, or None when it is missing."""
        i = self.position.get(video_id)
        if i is None:
            return None
        return self.rows[self.starts[i] : self.starts[i + 1]].astype(np.float32)

    @property
    def arrays(self) -> list[NDArray[np.float32] | None]:
        """One float32 [T, D] or None a video, in the order of ids."""
        return [self.get(name) for name in self.ids]


def evenly_spaced(count: int, kept: int) -> NDArray[np.int64]:
    """Indices of at most `kept` of `count` tokens, spread over the whole video (as HGR crops)."""
    if count <= kept:
        return np.arange(count)
    return np.round(np.linspace(0, count - 1, kept)).astype(np.int64)


def pad(table: FeatureTable, video_ids: Sequence[str], tokens: int) -> ExpertFeatures:
    """Features of the given videos, padded or cropped to [V, tokens, D]; cropping is evenly spaced.

    Example:
        >>> table = table_from_values(["a", "b"], [np.ones((3, 2)), float("nan")], "example")
        >>> pad(table, ["b", "a"], tokens=2).mask.tolist()
        [[False, False], [True, True]]
    """
    values = np.zeros((len(video_ids), tokens, table.dim), dtype=np.float32)
    mask = np.zeros((len(video_ids), tokens), dtype=bool)
    rows = np.asarray(table.rows)  # slicing a plain array is much faster than slicing a memmap
    for row, name in enumerate(video_ids):
        i = table.position.get(name)
        if i is None:
            continue
        own = rows[table.starts[i] : table.starts[i + 1]]
        own = own if len(own) <= tokens else own[evenly_spaced(len(own), tokens)]
        values[row, : len(own)] = own
        mask[row, : len(own)] = True
    return ExpertFeatures(values, mask)


class PaddedExperts(Mapping[str, ExpertFeatures]):
    """Features by expert for the videos of a split, each padded when it is first looked at, and kept then.

    So a data set opens without reading its features: what `convert` wrote stays on the disk until it is used.

    Args:
        tables: By expert.
        video_ids: Of the split, in its order.
        tokens: How many of each video are kept, by expert.

    Example:
        >>> table = table_from_values(["a", "b"], [np.ones((3, 2)), float("nan")], "example")
        >>> PaddedExperts({"rgb": table}, ["b", "a"], {"rgb": 2})["rgb"].mask.tolist()
        [[False, False], [True, True]]
    """

    def __init__(
        self, tables: Mapping[str, FeatureTable], video_ids: Sequence[str], tokens: Mapping[str, int]
    ) -> None:
        self._tables, self._ids, self._tokens = dict(tables), list(video_ids), dict(tokens)
        self._names = tuple(tables)
        self._padded: dict[str, ExpertFeatures] = {}

    def __getitem__(self, expert: str) -> ExpertFeatures:
        """The features of one expert."""
        if expert not in self._padded:
            self._padded[expert] = pad(self._tables[expert], self._ids, self._tokens[expert])
            del self._tables[expert]  # it may be as large as what was made of it
        return self._padded[expert]

    def __iter__(self) -> Iterator[str]:
        """Names of the experts."""
        return iter(self._names)

    def __len__(self) -> int:
        """Number of experts."""
        return len(self._names)

    def __contains__(self, expert: object) -> bool:
        """Whether there is such an expert; nothing is padded to find out."""
        return expert in self._names


def ids_of(values: Iterable[object], source: Path | str) -> list[str]:
    """Ids as strings, each once.

    Raises:
        DataError: an id is listed twice.
    """
    ids = [video_id_of(value) for value in values]
    if len(set(ids)) != len(ids):
        twice, times = Counter(ids).most_common(1)[0]
        raise DataError(f"{source}: expected each video once, found {twice} {times} times")
    return ids


def as_float(array: NDArray[Any], where: Path | str) -> NDArray[Any]:
    """The array as float16 (kept) or float32 (all other numbers).

    Raises:
        DataError: not numbers, or an infinite value or one above MAGNITUDE.
    """
    if array.dtype.kind not in "fiu":
        raise DataError(f"{where}: expected numbers, found dtype {array.dtype}")
    if array.dtype not in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    # NaN is no number but a missing vector.
    largest = max(
        float(np.fmax.reduce(array, None, initial=0)), -float(np.fmin.reduce(array, None, initial=0))
    )
    if np.isinf(largest):
        raise DataError(f"{where}: expected finite numbers, found an infinite one (in float16 or float32)")
    if largest > MAGNITUDE:
        raise DataError(f"{where}: expected numbers up to {MAGNITUDE:g}, found {largest:.2g}")
    return array


def tokens_of(value: object, where: str) -> NDArray[Any] | None:
    """[T, D] of one video, or None when it is missing (None, scalar NaN, empty, only NaN rows).

    Raises:
        DataError: the shape is none of [D], [1, D], [T, D], [1, T, D].
    """
    if value is None:
        return None
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{where}: expected [D] or [T, D], found rows of different lengths") from error
    if array.size == 0:
        return None
    array = as_float(array, where)
    if array.ndim == 0 and np.isnan(array):
        return None
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2:
        raise DataError(f"{where}: expected [D] or [T, D], found shape {list(array.shape)}")
    array = array[~np.isnan(array).any(axis=1)]
    return array if len(array) else None


def table_from_values(ids: Sequence[object], values: Sequence[object], source: Path | str) -> FeatureTable:
    """Table of one value a video, each as `tokens_of` takes it.

    Raises:
        DataError: an id twice, different lengths D, or nothing present at all.
    """
    names = ids_of(ids, source)
    tokens = [tokens_of(v, f"{source}, {name}") for name, v in zip(names, values, strict=True)]
    present = [(name, t) for name, t in zip(names, tokens, strict=True) if t is not None]
    if not present:
        raise DataError(f"{source}: expected features, found none present among {len(names)} videos")
    dim = present[0][1].shape[1]
    for name, array in present:
        if array.shape[1] != dim:
            found = f"{array.shape[1]} in {name}"
            raise DataError(f"{source}: expected one length D, found {dim} in {present[0][0]} and {found}")
    counts = [0 if t is None else len(t) for t in tokens]
    rows = np.concatenate([t for _, t in present])
    # What is missing (None, NaN) says nothing about the others.
    whole = all(
        np.asarray(v).dtype.kind in "iu" for v, t in zip(values, tokens, strict=True) if t is not None
    )
    return _ragged(names, rows, counts, source, whole, rename_notes(ids))


def table_from_array(
    ids: Sequence[object], array: NDArray[Any], source: Path | str, mask: NDArray[np.bool_] | None = None
) -> FeatureTable:
    """Table of an array [N, D] or [N, T, D]; NaN rows, and rows where the mask [N, T] is False, are missing.

    Raises:
        DataError: a wrong shape, an id twice, or nothing present.
    """
    names = ids_of(ids, source)
    if array.ndim not in (2, 3) or len(array) != len(names) or array.shape[-1] == 0:
        raise DataError(
            f"{source}: expected [{len(names)}, D] or [{len(names)}, T, D] for {len(names)} ids, "
            f"found {list(array.shape)}"
        )
    padded = as_float(array[:, None] if array.ndim == 2 else array, source)
    keep = ~np.isnan(padded).any(axis=2)
    if mask is not None:
        if mask.shape != keep.shape:
            raise DataError(f"{source}: expected a mask {list(keep.shape)}, found {list(mask.shape)}")
        keep &= mask.astype(bool)
    return _ragged(names, padded[keep], keep.sum(axis=1), source, array.dtype.kind in "iu", rename_notes(ids))


def table_from_frames(
    ids: Sequence[object], rows: NDArray[Any], order: Sequence[NDArray[Any]], source: Path | str
) -> FeatureTable:
    """Table of one row a frame [N, D]; the frames of a video are sorted by the columns in `order`.

    Raises:
        DataError: lengths differ, or the same frame of a video is there twice.
    """
    columns = [np.asarray(ids), *(_numbers(np.asarray(column), source) for column in order)]
    if rows.ndim != 2 or any(column.shape != (len(rows),) for column in columns):
        shapes = ", ".join(str(list(column.shape)) for column in columns)
        raise DataError(
            f"{source}: expected one id and one position a row of [N, D], "
            f"found rows {list(rows.shape)} and columns {shapes}"
        )
    by_frame = np.lexsort(columns[::-1])
    changes = [np.diff(np.unique(c, return_inverse=True)[1][by_frame]) != 0 for c in columns]
    if len(rows) > 1 and not np.all(np.any(changes, axis=0)):
        at = by_frame[int(np.argmin(np.any(changes, axis=0)))]
        raise DataError(f"{source}: expected each frame once, found one of {video_id_of(ids[at])} twice")
    whole = rows.dtype.kind in "iu"
    rows = as_float(rows[by_frame], source)
    keep = ~np.isnan(rows).any(axis=1)
    names, inverse = np.unique(columns[0], return_inverse=True)
    counts = np.bincount(inverse[by_frame][keep], minlength=len(names))
    mine = names.tolist()
    return _ragged(ids_of(mine, source), rows[keep], counts, source, whole, rename_notes(mine))


def _numbers(column: NDArray[Any], source: Path | str) -> NDArray[Any]:
    """Positions as numbers: as text, frame "10" would come before "2".

    Raises:
        DataError: a text that is no number of a frame.
    """
    if column.dtype.kind not in "USO":
        return column
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in column]
    numbers = [frame_number(text) for text in texts]
    if None in numbers:
        raise DataError(f"{source}: expected numbers of frames, found {texts[numbers.index(None)]!r}")
    return np.array(numbers, float)


def _ragged(
    names: list[str],
    rows: NDArray[Any],
    counts: Sequence[int] | NDArray[Any],
    source: Path | str,
    integers: bool = False,
    notes: tuple[str, ...] = (),
) -> FeatureTable:
    if not len(rows):
        raise DataError(f"{source}: expected features, found none present among {len(names)} videos")
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return FeatureTable(names, rows, starts, integers, notes)


def merge_tables(parts: Mapping[str, FeatureTable], expert: str) -> FeatureTable:
    """One table of several with different videos (training, validation and test kept apart).

    Raises:
        DataError: a video is in two of them, or the lengths D differ.
    """
    if len({part.dim for part in parts.values()}) > 1:
        found = ", ".join(f"{source}: {part.dim}" for source, part in parts.items())
        raise DataError(f"expert {expert}: expected one length D, found {found}")
    sources = f"expert {expert} in {', '.join(parts)}"
    names = ids_of((name for part in parts.values() for name in part.ids), sources)
    rows = np.concatenate([part.rows for part in parts.values()])
    whole = all(part.integers for part in parts.values())
    counts = np.concatenate([part.counts for part in parts.values()])
    notes = tuple(dict.fromkeys(note for part in parts.values() for note in part.notes))
    told = {video: part for table in parts.values() for video, part in table.parts.items()}
    return replace(_ragged(names, rows, counts, expert, whole, notes), parts=told)
