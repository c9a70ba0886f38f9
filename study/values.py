"""What a run is remembered by: its metrics, and per video the sums that intervals are drawn from."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.errors import DataError
from cmgsd_lite.metrics import average_precision_at_r, ndcg_per_query, ranks
from cmgsd_lite.runtime import write_atomically
from cmgsd_lite.training.ground_truth import relevant_at

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VideoValues:
    """Per video, for each metric: the sum over the video's queries and their number.

    A mean over queries is ``total.sum() / count.sum()``; drawing videos means drawing columns.

    Args:
        names: The M metrics.
        total: Sums in percent [M, V].
        count: Queries that count [M, V].

    Example:
        >>> VideoValues(("R@1",), np.array([[100.0, 0.0]]), np.array([[1.0, 3.0]])).means()
        {'R@1': 25.0}
    """

    names: tuple[str, ...]
    total: Floats
    count: Floats

    def means(self) -> dict[str, float]:
        """Return the mean over all queries, by metric, in percent."""
        return {name: float(self.total[i].sum() / self.count[i].sum()) for i, name in enumerate(self.names)}

    def of(self, name: str) -> tuple[Floats, Floats]:
        """Return sums and numbers of one metric, [V] each."""
        row = self.names.index(name)
        return self.total[row], self.count[row]

    def save(self, path: Path) -> None:
        """Write a small compressed file, atomically."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.savez_compressed(
                    file,
                    names=np.array(self.names),
                    total=self.total.astype(np.float32),
                    count=self.count.astype(np.uint32),
                )

        write_atomically(path, write)

    @classmethod
    def load(cls, path: Path) -> VideoValues:
        """Read what ``save`` wrote; a ``DataError`` names a file that can not be read."""
        try:
            with np.load(path, allow_pickle=False) as file:
                names = tuple(str(name) for name in file["names"])
                return cls(names, file["total"].astype(np.float64), file["count"].astype(np.float64))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: expected a run's values, found {error}; delete it and run again"
            ) from error


def measure(
    sim: NDArray[Any], owner: NDArray[Any], relevance: Mapping[str, NDArray[Any]]
) -> tuple[dict[str, float], VideoValues]:
    """Measure a score matrix, per video and as a whole.

    Args:
        sim: Scores [texts, videos].
        owner: Column of each text's own video [texts].
        relevance: Graded relevance [texts, videos] by kind, the main kind first; may be empty.

    Returns:
        Metrics (recalls, nDCG and mAP@R of every kind in percent; median and mean rank), and the values per
        video. Names end in `` v2t`` for video to text; those of another kind than the main one name it, as
        in ``mAP@R (category)``. A metric that no query has is left out.

    Raises:
        ValueError: As ``ranks`` and ``ndcg_per_query``.

    Source:
        ours; the metrics as in ``cmgsd_lite.metrics``.

    Example:
        >>> measure(np.eye(2), np.arange(2), {"truth": np.eye(2)})[0]["R@1"]
        100.0
    """
    t2v, v2t = ranks(sim, owner), ranks(sim, owner, "v2t")
    asked = np.unique(owner)  # the videos that v2t asks for: those with a text
    values: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    values |= {f"R@{k}": (100.0 * (t2v <= k), owner) for k in (1, 5, 10)}
    values |= {f"R@{k} v2t": (100.0 * (v2t <= k), asked) for k in (1, 5, 10)}
    for kind, gains in relevance.items():
        of_kind = "" if kind == next(iter(relevance)) else f" ({kind})"
        precision = average_precision_at_r(sim, gains, relevant_at=relevant_at(kind))
        values[f"nDCG{of_kind}"] = ndcg_per_query(sim, gains), owner
        values[f"mAP@R{of_kind}"] = precision, owner
        values[f"nDCG{of_kind} v2t"] = ndcg_per_query(sim.T[asked], gains.T[asked]), asked
    summed = {name: _by_video(*found, sim.shape[1]) for name, found in values.items()}
    known = {name: found for name, found in summed.items() if found[1].any()}
    total, count = (np.stack(parts) for parts in zip(*known.values(), strict=True))
    kept = VideoValues(tuple(known), total, count)
    places = {"MdR": t2v, "MdR v2t": v2t}
    middle = {name: float(np.median(rank)) for name, rank in places.items()}
    mean = {name.replace("MdR", "MnR"): float(rank.mean()) for name, rank in places.items()}
    return kept.means() | middle | mean, kept


def _by_video(values: NDArray[Any], owner: NDArray[Any], videos: int) -> tuple[Floats, Floats]:
    known = np.isfinite(values)
    total = np.bincount(owner[known], weights=values[known], minlength=videos)
    return total.astype(np.float64), np.bincount(owner[known], minlength=videos).astype(np.float64)
