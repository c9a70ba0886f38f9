"""Where similarities come from that never stand whole: two embeddings, or a callable that gives rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cmgsd_lite.losses.blocks.distances import checked_rows
from cmgsd_lite.losses.checks import check_features
from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checks_values

SimRows = Callable[[slice], Tensor]
"""Rows of the similarities: of a slice, [len, N]."""
SHORTEST = 1e-12
"""Shorter rows are not made as long as one, as in ``functional.normalize``."""
CELLS = 1 << 22
"""At most so many entries has a block whose rows are not given: it stays in a processor's cache."""
CELLS_ON_ACCELERATORS = 1 << 26
"""The same where memory is fast and a start is slow (256 MB in float32; not measured)."""


@dataclass(frozen=True, eq=False)
class Units:
    """Embeddings as they came, and their rows made as long as one.

    Args:
        given: [N, D], in float32 or wider.
        unit: [N, D], without gradient; a row of zeros stays zero.
        length: [N, 1].

    Source:
        ours.

    Example:
        >>> unit_rows("text", torch.tensor([[3.0, 4.0]])).length
        tensor([[5.]])
    """

    given: Tensor
    unit: Tensor
    length: Tensor

    def gradient(self, of_unit: Tensor) -> Tensor:
        """From the gradient with respect to the unit rows to that with respect to the given ones."""
        along = torch.linalg.vecdot(of_unit, self.unit)[:, None]
        along = torch.where(self.length < SHORTEST, 0, along)  # as in functional.normalize
        return of_unit.addcmul_(self.unit, along, value=-1).div_(self.length.clamp_min(SHORTEST))


@dataclass(frozen=True, eq=False)
class Scores:
    """Similarities [N, N] in blocks of rows.

    Args:
        like: A view of one number, in the shape [N, N], the dtype and on the device of the similarities.
        block: Rows of a block.
        text: Embeddings, with ``video``; or None.
        video: Embeddings, or None.
        rows: A callable that gives rows, or None.

        seen: The largest absolute entries of the rows that the callable gave.

    Source:
        ours.

    Example:
        >>> scores_in_blocks(None, torch.eye(3), torch.eye(3), block=2).like.shape
        torch.Size([3, 3])
    """

    like: Tensor
    block: int
    text: Units | None = None
    video: Units | None = None
    given: SimRows | None = None
    seen: list[float] = field(default_factory=list)

    def rows(self, rows: slice) -> Tensor:
        """Similarities of some rows [len, N] from the callable, checked, in float32 or wider."""
        assert self.given is not None
        found = checked_rows("sim", self.given(rows), rows, len(self.like), self.like)
        if checks_values(found):
            self.seen.append(float(found.detach().abs().amax()))
        return found.to(self.like.dtype)

    def largest(self) -> float:
        """The largest absolute entry that the callable gave; 0 for cosines and if none is looked at."""
        return max(self.seen, default=0.0)


def scores_in_blocks(
    sim: SimRows | None, text: Tensor | None, video: Tensor | None, block: int | None
) -> Scores:
    """Check what a loss in blocks is to be made of.

    Args:
        sim: A callable that gives the rows of a slice [len, N], or None for the cosines of the embeddings.
        text: Embeddings [N, D]; needed without ``sim``.
        video: Embeddings [N, D]; needed without ``sim``.
        block: Rows of a block, or None for as many as stay in a processor's cache.

    Returns:
        The similarities.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> scores_in_blocks(lambda rows: torch.eye(4)[rows], None, None, None).block
        2
    """
    if block is not None and (isinstance(block, bool) or not isinstance(block, int) or block < 1):
        raise ValueError(f"block: expected None or a number of rows >= 1, got {block!r}")
    units: tuple[Units | None, Units | None] = (None, None)
    if sim is None:
        if text is None or video is None:
            raise ValueError("sim: expected text and video to take the cosines of, or a callable with rows")
        like = _checked_embeddings(text, video)
        units = unit_rows("text", text), unit_rows("video", video)
    else:
        first = sim(slice(0, 1))
        n = first.shape[-1] if isinstance(first, Tensor) and first.ndim == 2 else 0
        like = at_least_float32(checked_rows("sim", first, slice(0, 1), n, first).detach())
    n = like.shape[1]
    if n < 2:
        raise ValueError(f"sim: expected N >= 2 pairs, got {n}")
    cells = CELLS if like.device.type == "cpu" else CELLS_ON_ACCELERATORS
    rows = min(block or max(min(cells // n, n // 2), 1), n)  # two blocks at least: half of them is mirrored
    return Scores(like.new_zeros(()).expand(n, n), rows, units[0], units[1], sim)


def _checked_embeddings(text: Tensor, video: Tensor) -> Tensor:
    if not isinstance(text, Tensor) or text.ndim != 2:
        raise ValueError(f"text: expected embeddings [N, D], got {getattr(text, 'shape', type(text))}")
    like = at_least_float32(text.detach())[:1, :1].expand(1, text.shape[0])
    check_features("video", video, like.expand(text.shape[0], -1))
    if video.shape[1] != text.shape[1] or video.dtype != text.dtype:
        raise ValueError(
            f"video: expected {list(text.shape)} in {text.dtype} like text, "
            f"got {list(video.shape)} in {video.dtype}"
        )
    return like


def unit_rows(name: str, x: Tensor) -> Units:
    """Embeddings and what is needed of them.

    Args:
        name: What to call ``x`` in the message.
        x: Embeddings [N, D].

    Returns:
        The embeddings, their rows of length one, and the lengths.

    Raises:
        ValueError: If they are not finite.

    Source:
        ours.

    Example:
        >>> unit_rows("text", torch.tensor([[3.0, 4.0]])).unit
        tensor([[0.6000, 0.8000]])
    """
    x = at_least_float32(x)
    length = torch.linalg.vector_norm(x.detach(), dim=1, keepdim=True)
    if checks_values(length) and not bool(torch.isfinite(length.sum())):
        raise ValueError(f"{name}: expected finite embeddings, got NaN or infinite entries")
    return Units(x, x.detach() / length.clamp_min(SHORTEST), length)
