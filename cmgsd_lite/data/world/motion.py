"""Where a figure is in each of the 8 frames: one small path function per motion."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

import numpy as np
import numpy.typing as npt

from cmgsd_lite.data.world.canvas import FRAME, between
from cmgsd_lite.data.world.vocabulary import Entity

FRAMES = 8
SMALLEST = 22.0  # pixels of the longer side: a far figure can still be named
Track = npt.NDArray[np.float64]
_TIME: Track = np.linspace(0, 1, FRAMES)


@dataclass(frozen=True)
class Path:
    """Pose of a figure in each frame: centre and ground line in pixels, size in pixels, angle in degrees."""

    x: Track
    y: Track
    ground: Track
    size: Track
    angle: Track
    mirrored: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Stage:
    """What a path starts from: a resting place, the figure's size and half its height, the horizon."""

    rng: Random
    x: float
    y: float
    ground: float
    size: float
    half: float
    horizon: float


def path_of(entity: Entity, motion: str, size: float, half: float, horizon: float, rng: Random) -> Path:
    """A path for this motion; speed, extent, phase and place differ from call to call."""
    ground = between(rng, max(horizon + 12, 82), 119)
    lift = between(rng, 0.3, 1) * (ground - half - horizon * 0.45) if entity.habitat == "air" else 0.0
    y = max(size / 2 + 3, ground - half - lift)
    stage = _Stage(rng, between(rng, 36, 92), y, ground, size, half, horizon)
    return _orient(entity, _MOTIONS[motion](stage), motion, rng)


def _rest(stage: _Stage) -> Path:
    ones = np.ones(FRAMES)
    return Path(
        stage.x * ones,
        stage.y * ones,
        stage.ground * ones,
        stage.size * ones,
        0 * ones,
        np.zeros(FRAMES, dtype=bool),
    )


def _across(stage: _Stage, sign: int) -> Path:
    rest, rng = _rest(stage), stage.rng
    room = FRAME - stage.size - 4
    span = room * between(rng, 0.6, 1.0)
    start = 2 + stage.size / 2 + between(rng, 0, room - span)
    x = start + span * _TIME
    bob = between(rng, 0, 2.5) * np.abs(np.sin(_TIME * 9))
    drift = between(rng, -4, 4) * _TIME
    return replace(rest, x=x if sign > 0 else FRAME - x, y=rest.y + drift - bob, ground=rest.ground + drift)


def _vertical(stage: _Stage, sign: int) -> Path:
    rest, rng = _rest(stage), stage.rng
    low, high = FRAME - stage.size / 2 - 6, stage.size / 2 + 3
    span = (low - high) * between(rng, 0.75, 1.0)
    start = low - between(rng, 0, low - high - span)
    y = start - span * _TIME
    x = rest.x + between(rng, -8, 8) * _TIME
    ground = np.full(FRAMES, min(122.0, start + stage.half))
    return replace(rest, x=x, y=y if sign > 0 else y[::-1].copy(), ground=ground)


def _depth(stage: _Stage, sign: int) -> Path:
    rest, rng = _rest(stage), stage.rng
    far = max(SMALLEST, stage.size * between(rng, 0.4, 0.5))
    near = min(86.0, stage.size * between(rng, 1.35, 1.6))
    size = far * (near / far) ** _TIME
    share = (size - far) / (near - far)
    ground = stage.horizon + 8 + (118 - stage.horizon - 8) * share
    hover = (stage.ground - stage.half - stage.y) * (0.4 + 0.6 * share)
    y = np.maximum(ground - stage.half * size / stage.size - hover, size / 2 + 2)
    x = 64 + (stage.x - 64) * (1 - 0.6 * share)
    step = 1 if sign > 0 else -1
    return replace(
        rest,
        x=x[::step].copy(),
        y=y[::step].copy(),
        ground=ground[::step].copy(),
        size=size[::step].copy(),
    )


def _bounce(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    height = min(between(rng, 26, 38), stage.y - stage.size / 2 - 1)
    height = max(height, 16.0)
    hop = np.abs(np.sin(np.pi * (_TIME * between(rng, 1.9, 2.3) + between(rng, 0, 0.25))))
    return replace(rest, y=rest.y - height * hop)


def _circle(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    radius = between(rng, 24, 31)
    turn = 2 * np.pi * (_TIME * 7 / 8 * (1 if rng.random() < 0.5 else -1) + rng.random())
    middle = 64 + between(rng, -12, 12), 64 + between(rng, -4, 6)
    y = middle[1] + 0.95 * radius * np.sin(turn)
    ground = np.full(FRAMES, min(122.0, middle[1] + radius + stage.half))
    return replace(rest, x=middle[0] + radius * np.cos(turn), y=y, ground=ground)


def _spin(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    turns = between(rng, 0.8, 1.2) * (1 if rng.random() < 0.5 else -1)
    y = np.minimum(rest.y, FRAME - stage.size / 2 - 3)
    return replace(rest, y=y, angle=360 * turns * _TIME)


def _shake(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    sign = np.where(np.arange(FRAMES) % 2 == 0, 1.0, -1.0)
    return replace(rest, x=rest.x + between(rng, 3, 5) * sign, angle=between(rng, 7, 11) * sign)


def _swing(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    length = stage.size * 0.55
    tilt = np.radians(between(rng, 32, 42)) * np.sin(
        2 * np.pi * (_TIME * between(rng, 1.0, 1.3) + rng.random())
    )
    pivot = max(stage.size * 0.3, rest.y[0] - length)
    return replace(
        rest, x=rest.x + length * np.sin(tilt), y=pivot + length * np.cos(tilt), angle=np.degrees(tilt)
    )


def _back_and_forth(stage: _Stage) -> Path:
    rest, rng = _rest(stage), stage.rng
    reach = min(between(rng, 28, 38), 62 - stage.size / 2)
    middle = between(rng, reach + stage.size / 2 + 2, FRAME - reach - stage.size / 2 - 2)
    wave = np.sin(2 * np.pi * (_TIME * between(rng, 1.0, 1.25) + rng.random()))
    return replace(rest, x=middle + reach * wave)


def _orient(entity: Entity, path: Path, motion: str, rng: Random) -> Path:
    """Figures look where they go; those with a nose point along their path."""
    dx, dy = np.gradient(path.x), np.gradient(path.y)
    if entity.points:
        rest = 25.0 if entity.name == "airplane" else 80.0
        follows = motion in ("right", "left", "up", "down", "circle", "back and forth")
        heading = np.degrees(np.arctan2(-dy, dx)) if follows else rest
        return replace(path, angle=path.angle + heading + entity.turn)
    sideways = motion in ("right", "left", "circle", "back and forth")
    looks_right = dx > 0 if sideways else np.full(FRAMES, rng.random() < 0.5)
    mirrored = looks_right & (entity.facing < 0) | ~looks_right & (entity.facing > 0)
    return replace(path, angle=path.angle + entity.turn, mirrored=mirrored)


_MOTIONS: dict[str, Callable[[_Stage], Path]] = {
    "right": partial(_across, sign=1), "left": partial(_across, sign=-1),
    "up": partial(_vertical, sign=1), "down": partial(_vertical, sign=-1),
    "near": partial(_depth, sign=1), "away": partial(_depth, sign=-1),
    "bounce": _bounce, "circle": _circle, "spin": _spin, "shake": _shake, "swing": _swing,
    "back and forth": _back_and_forth, "still": _rest,
}  # fmt: skip
