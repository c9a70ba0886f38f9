"""Suites on real data beyond the headline: frame sequences with the transformer, and a second real set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study.grid import PLAIN, SUITES, Cell, Suite, cmgsd

FRAMES = "efficientnet_lite0_frames_pca256"
"""The expert with one vector a frame."""

MOST_FRAMES = 8
"""Frames of a video that the transformer sees at most, evenly spaced; the median video has four."""

ANCHOR_TRAINING = TrainingConfig(epochs=100, patience=40)
"""600 videos are four steps an epoch: many epochs, and an early stop only after many without gain."""


def real_losses() -> dict[str, LossConfig]:
    """Return the named subset that every further real set gets: plain losses, rows and their controls."""
    plain = {name: PLAIN[name] for name in ("fixed-hardest", "fixed-4", "fixed-smooth", "infonce")}
    rows = ((4, "static"), (4, "ramp"), ("hardest", "ramp"))
    return plain | dict(cmgsd(r, d, permuted) for r, d in rows for permuted in (False, True))  # type: ignore[arg-type]


COMPARISONS = (
    ("cmgsd-4-static", "cmgsd-4-static-permuted"),
    ("cmgsd-4-ramp", "cmgsd-4-ramp-permuted"),
    ("cmgsd-hardest-ramp", "cmgsd-hardest-ramp-permuted"),
    ("cmgsd-4-ramp-permuted", "fixed-4"),
    ("cmgsd-hardest-ramp-permuted", "fixed-hardest"),
    ("cmgsd-4-ramp", "cmgsd-4-static"),
    ("cmgsd-4-static", "infonce"),
    ("cmgsd-4-ramp", "infonce"),
)


def _real(data: DataConfig, name: str) -> None:
    if data.data == "minivtt":
        raise ValueError(f"suite: {name!r} needs real data; expected --data with a folder, got minivtt")


def _frames(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    _real(data, "frames")
    sequences = replace(data, experts=(FRAMES,), max_tokens=MOST_FRAMES)
    # A run takes ten times as long as one on means: the plain losses and the row that stood out on those.
    names = ("fixed-4", "fixed-smooth", "infonce", "cmgsd-4-static", "cmgsd-4-static-permuted")
    losses = {name: real_losses()[name] for name in names}
    cells = [Cell(n, c, sequences, TrainingConfig(epochs=15), model="transformer") for n, c in losses.items()]
    comparisons = (*COMPARISONS, ("cmgsd-4-static", "fixed-smooth"))
    return Suite("frames", tuple(cells), (0, 1, 2), tuple(p for p in comparisons if set(p) <= set(names)))


def _anchors(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    _real(data, "anchors")
    anchors = replace(data, protocol=ANCHORS)
    cells = [Cell(n, c, anchors, ANCHOR_TRAINING) for n, c in real_losses().items()]
    return Suite("anchors", tuple(cells), (0, 1, 2, 3, 4), COMPARISONS)


SUITES["frames"] = _frames
SUITES["anchors"] = _anchors
