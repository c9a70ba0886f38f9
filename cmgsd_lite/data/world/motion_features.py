"""A frozen motion encoder without learned weights: a trajectory and block-matching flow.

The trajectory follows what differs from the median frame; the flow is found by matching 8 x 8 blocks of
neighbouring frames. `motion_descriptor` gives one vector a clip; PCA (see build) brings it to 64 numbers.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
_SIDE = 64  # frames are halved before motion is measured
_BLOCK = 8
_REACH = 8  # pixels of the halved frame that a block may move


def motion_descriptor(frames: npt.NDArray[np.uint8]) -> FloatArray:
    """Describe how things move in a clip, uint8 [8, 128, 128, 3].

    float32 [139]: 8 x 6 of the trajectory (centroid, spread, orientation, mass), 7 x 2 steps and 7 turns of
    it, 7 x 10 of the flow (mean, divergence, curl, energy, and mean flow left/right/up/down).
    """
    grey = _halved(frames.astype(np.float32).mean(axis=3))
    track = _trajectory(grey)
    steps = np.diff(track[:, :2], axis=0)
    turning = _angle_steps(track)
    flow = _flow_statistics(*_block_flow(grey))
    return np.concatenate([track.ravel(), 2 * steps.ravel(), turning, flow.ravel()]).astype(np.float32)


def _halved(images: FloatArray) -> FloatArray:
    count = images.shape[0]
    halved: FloatArray = images.reshape(count, _SIDE, 2, _SIDE, 2).mean(axis=(2, 4))
    return halved


def _foreground(grey: FloatArray) -> FloatArray:
    """|frame - median frame| above the grain."""
    difference = np.abs(grey - np.median(grey, axis=0))
    above: FloatArray = np.clip(difference - 10, 0, 60)
    return above


def _trajectory(grey: FloatArray) -> FloatArray:
    """Moments of the foreground of each frame: [8, 6], all of them about 1 in size."""
    weight = _foreground(grey)
    mass = weight.sum(axis=(1, 2)) + 1e-3
    axis = np.linspace(-1, 1, _SIDE, dtype=np.float32)
    x = (weight * axis).sum(axis=(1, 2)) / mass
    y = (weight * axis[:, None]).sum(axis=(1, 2)) / mass
    dx, dy = axis[None, None, :] - x[:, None, None], axis[None, :, None] - y[:, None, None]
    xx = (weight * dx**2).sum(axis=(1, 2)) / mass
    yy = (weight * dy**2).sum(axis=(1, 2)) / mass
    xy = (weight * dx * dy).sum(axis=(1, 2)) / mass
    size = np.log1p(mass / 1000)
    return np.stack([x, y, 3 * np.sqrt(xx), 3 * np.sqrt(yy), 5 * xy, 0.5 * size], axis=1)


def _angle_steps(track: FloatArray) -> FloatArray:
    """Change of the foreground's orientation from frame to frame, in half turns: [7]."""
    xx, yy, xy = (track[:, 2] / 3) ** 2, (track[:, 3] / 3) ** 2, track[:, 4] / 5
    double = np.unwrap(np.arctan2(2 * xy, xx - yy))
    return np.asarray(np.diff(double) / np.pi, dtype=np.float32)


def _block_flow(grey: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Best displacement of each block between neighbouring frames: u, v, weight, each [7, 8, 8]."""
    first, second = grey[:-1], np.pad(grey[1:], ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), mode="edge")
    best = np.full((7, _SIDE // _BLOCK, _SIDE // _BLOCK), np.inf, dtype=np.float32)
    u: FloatArray = np.zeros_like(best)
    v: FloatArray = np.zeros_like(best)
    offsets = [(dy, dx) for dy in range(-_REACH, _REACH + 1, 2) for dx in range(-_REACH, _REACH + 1, 2)]
    still = None
    for dy, dx in sorted(offsets, key=lambda offset: offset[0] ** 2 + offset[1] ** 2):
        moved = second[:, _REACH + dy : _REACH + dy + _SIDE, _REACH + dx : _REACH + dx + _SIDE]
        cost = _blocks(np.abs(first - moved)) + 0.02 * (abs(dx) + abs(dy))
        still = cost if still is None else still
        better = cost < best - 1e-3
        best[better], u[better], v[better] = cost[better], dx, dy
    assert still is not None
    weight: FloatArray = np.clip((still - best) / 20, 0, 1)  # a block counts by what its motion explains
    u /= _REACH
    v /= _REACH
    return u, v, weight


def _blocks(images: FloatArray) -> FloatArray:
    count, blocks = images.shape[0], _SIDE // _BLOCK
    means: FloatArray = images.reshape(count, blocks, _BLOCK, blocks, _BLOCK).mean(axis=(2, 4))
    return means


def _flow_statistics(u: FloatArray, v: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted means over the blocks of each step: [7, 10]."""
    total = weight.sum(axis=(1, 2)) + 0.05

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray((weight * values).sum(axis=(1, 2)) / total, dtype=np.float32)

    axis = np.linspace(-1, 1, weight.shape[1], dtype=np.float32)
    x, y = np.broadcast_to(axis, weight.shape), np.broadcast_to(axis[:, None], weight.shape)
    dx, dy = x - mean(x)[:, None, None], y - mean(y)[:, None, None]
    columns = [
        mean(u), mean(v), 3 * mean(u * dx + v * dy), 3 * mean(v * dx - u * dy),
        0.5 * np.log1p(weight.sum(axis=(1, 2))), mean(u * u + v * v),
        mean(u * (dx > 0)), mean(u * (dx <= 0)), mean(v * (dy > 0)), mean(v * (dy <= 0)),
    ]  # fmt: skip
    return np.stack(columns, axis=1)
