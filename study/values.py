"""What a run is remembered by: its metrics, and per video the sums that intervals are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.evaluation.metrics import average_precision_at_r, ndcg_per_query, ranks
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
                    count=self.count.astype(np.uint16),
                )

        write_atomically(path, write)

    @classmethod
    def load(cls, path: Path) -> VideoValues:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            names = tuple(str(name) for name in file["names"])
            return cls(names, file["total"].astype(np.float64), file["count"].astype(np.float64))


def measure(
    sim: NDArray[Any], owner: NDArray[Any], relevance: dict[str, NDArray[Any]]
) -> tuple[dict[str, float], VideoValues]:
    """Measure a score matrix, per video and as a whole.

    Args:
        sim: Scores [texts, videos].
        owner: Column of each text's own video [texts]; every video has at least one text.
        relevance: Graded relevance [texts, videos] by kind, the main kind first.

    Returns:
        Metrics (recalls, nDCG and mAP@R of every kind in percent; ranks), and the values per video. Names
        end in `` v2t`` for video to text; those of another kind than the main one name it, as in
        ``mAP@R (category)``; ``, own left out`` is nDCG without the query's own video.

    Raises:
        ValueError: As ``ndcg_per_query``.

    Source:
        ours; the metrics as in ``cmgsd_lite.evaluation.metrics``.

    Example:
        >>> measure(np.eye(2), np.arange(2), {"truth": np.eye(2)})[0]["R@1"]
        100.0
    """
    videos = sim.shape[1]
    t2v, v2t = ranks(sim, owner), ranks(sim, owner, "v2t")
    main = next(iter(relevance))
    own = np.arange(videos) == owner[:, None]
    per_text = {f"R@{k}": 100.0 * (t2v <= k) for k in (1, 5, 10)}
    per_video = {f"R@{k} v2t": 100.0 * (v2t <= k) for k in (1, 5, 10)}
    for kind, gains in relevance.items():
        of_kind = "" if kind == main else f" ({kind})"
        per_text[f"nDCG{of_kind}"] = ndcg_per_query(sim, gains)
        per_text[f"nDCG{of_kind}, own left out"] = ndcg_per_query(sim, gains, exclude=own)
        per_text[f"mAP@R{of_kind}"] = average_precision_at_r(sim, gains, relevant_at=relevant_at(kind))
    per_video["nDCG v2t"] = ndcg_per_query(sim.T, relevance[main].T)
    summed = [_by_video(values, owner, videos) for values in per_text.values()]
    summed += [_by_video(values, np.arange(videos), videos) for values in per_video.values()]
    total, count = (np.stack(parts) for parts in zip(*summed, strict=True))
    values = VideoValues((*per_text, *per_video), total, count)
    positions = {
        "MdR": float(np.median(t2v)),
        "MnR": float(t2v.mean()),
        "MdR v2t": float(np.median(v2t)),
        "MnR v2t": float(v2t.mean()),
    }
    return values.means() | positions, values


def chance_map(gains: NDArray[Any], kind: str) -> float:
    """Return the mAP@R of a random ranking.

    Args:
        gains: Graded relevance [texts, videos].
        kind: Of ``relevance_kinds``; decides what counts as relevant.

    Returns:
        Percent; exact: the mean over all orders of a gallery in which every score is equal.

    Source:
        ours.

    Example:
        >>> chance_map(np.eye(2), "truth")
        50.0
    """
    level = np.zeros(gains.shape, np.float32)
    return float(np.nanmean(average_precision_at_r(level, gains, relevant_at=relevant_at(kind))))


def _by_video(values: NDArray[Any], owner: NDArray[Any], videos: int) -> tuple[Floats, Floats]:
    known = np.isfinite(values)
    total = np.bincount(owner[known], weights=values[known], minlength=videos)
    return total.astype(np.float64), np.bincount(owner[known], minlength=videos).astype(np.float64)
