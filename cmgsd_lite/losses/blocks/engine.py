"""A loss over blocks of rows: similarity, margins and both directions' reductions while a block is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cmgsd_lite.losses.blocks.centre import missed, recentre
from cmgsd_lite.losses.blocks.groups import Groups, Space, row_blocks
from cmgsd_lite.losses.blocks.lines import Line
from cmgsd_lite.losses.blocks.scores import Scores
from cmgsd_lite.losses.blocks.sides import AllHinges, Hardest, Side, Smooth
from cmgsd_lite.losses.hinge import FAR_BELOW, Reduction

SQUARE = 64
"""So many pairs' own similarities are taken from one product."""


@dataclass(frozen=True, eq=False)
class Margins:
    """The margins of one direction: constant + sum of weight * line.

    Args:
        n: Number of items.
        like: The dtype and device of the scores.
        constant: Of every pair.
        lines: Clipped straight lines in distances, and their weights.

    Source:
        ours.

    Example:
        >>> Margins(2, torch.zeros(1), 0.2).block(slice(0, 1))
        tensor([[0.2000, 0.2000]])
    """

    n: int
    like: Tensor
    constant: float
    lines: Sequence[tuple[float, Line]] = ()

    def symmetric(self) -> bool:
        """Whether half of them tells the others, and that saves products."""
        return bool(self.lines) and all(line.symmetric for _, line in self.lines)

    def block(self, rows: slice, half: bool = False) -> Tensor:
        """Margins of some rows [len, N], or from the first row's column on; they may be overwritten."""
        if len(self.lines) == 1 and self.lines[0][0] == 1 and self.constant == 0:
            return self.lines[0][1].block(rows, half)
        first = rows.start if half else 0
        total = self.like.new_full((rows.stop - rows.start, self.n - first), self.constant)
        for weight, line in self.lines:
            total.add_(line.block(rows, half), alpha=weight)
        return total


@dataclass(frozen=True)
class How:
    """What is done with raised similarities.

    Args:
        reduction: As in ``MaxMarginRankingLoss``, or ``"infonce"``.
        temperature: Of the smooth maximum or InfoNCE.

    Source:
        ours.

    Example:
        >>> How("hardest").temperature
        0.03
    """

    reduction: Reduction | str
    temperature: float = 0.03

    def side(self, negatives: Tensor, like: Tensor) -> Side:
        """One direction, whose value is its part of the loss."""
        factor = 1.0 if self.reduction == "sum" else 0.5
        if self.reduction in ("mean", "sum"):
            return AllHinges(negatives, factor, like, mean=self.reduction == "mean")
        if self.reduction == "infonce":
            return Smooth(negatives, factor / self.temperature, like, self.temperature)
        if self.reduction == "smooth":
            return Smooth(negatives, factor, like, self.temperature)
        return Hardest(negatives, factor, like, None if self.reduction == "hardest" else int(self.reduction))


@dataclass(frozen=True, eq=False)
class Tile:
    """Similarity plus margin of some pairs [rows, columns].

    Args:
        x: With the margins of the rows as anchors.
        y: With those of the columns as anchors; the same object if they are equal.
        rows: Which texts; if ``turned``, which videos.
        columns: Which videos; if ``turned``, which texts.
        turned: Whether rows are videos.

    Source:
        ours.

    Example:
        >>> x = torch.zeros(1, 2)
        >>> Tile(x, x, slice(0, 1), slice(0, 2)).turned
        False
    """

    x: Tensor
    y: Tensor
    rows: slice
    columns: slice
    turned: bool = False


class Blocks:
    """One pass after another over blocks of rows of a batch.

    Args:
        groups: Which pairs are no negatives.
        margins: Of text anchors and of video anchors; the same object for both if they are equal.
        how: The reduction.
        like: The dtype and device of the scores.
        block: Rows of a block.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").
    """

    def __init__(
        self, groups: Groups, margins: tuple[Margins, Margins], how: How, like: Tensor, block: int
    ) -> None:
        self.groups, self.margins, self.how, self.like, self.block = groups, margins, how, like, block
        self.closed, self._space = False, Space(like)
        self.n = len(groups.size)
        self.positive = like.new_zeros(self.n)
        self.symmetric = margins[0] is margins[1] and margins[0].symmetric()
        self.begin()

    def begin(self) -> None:
        """Forget all that was seen."""
        self.sides = [self.how.side(self.groups.negatives, self.like) for _ in range(2)]
        self.margin_sums = [torch.zeros((), dtype=torch.float64, device=self.like.device) for _ in range(2)]

    def rows(self) -> list[slice]:
        """The rows of every block."""
        return list(row_blocks(self.n, self.block))

    def tiles(
        self, rows: slice, add: Callable[[Tensor, slice, slice, bool], object], note: bool = False
    ) -> list[Tile]:
        """Similarity plus margin of some rows; of symmetric margins the columns from the first row on, twice.

        ``add(x, rows, columns, turned)`` adds similarities to ``x``.
        """
        with torch.autocast(self.like.device.type, enabled=False):
            return self._tiles(rows, add, note)

    def _tiles(self, rows: slice, add: Callable[..., object], note: bool) -> list[Tile]:
        text, video = self.margins
        first = rows.start if self.symmetric else 0
        x = text.block(rows, self.symmetric)
        found = [Tile(x, x if video is text else video.block(rows), rows, slice(first, self.n))]
        if self.symmetric and rows.stop < self.n:
            rest = x[:, rows.stop - first :]
            other = self._space.of(*rest.shape).copy_(rest)
            found.append(Tile(other, other, rows, slice(rows.stop, self.n), turned=True))
        for tile in found:
            own = self.groups.own(rows, tile.columns.start)
            for i, part in enumerate((tile.x, tile.y)):
                if note and self.how.reduction == "infonce":
                    part[own] = 0
                    self.margin_sums[i] += part.sum()
            for part in (tile.x,) if tile.x is tile.y else (tile.x, tile.y):
                add(part, rows, tile.columns, tile.turned)
                part[own] = FAR_BELOW
        return found

    def tile_of(self, rows: slice, scores: Tensor, note: bool = False) -> Tile:
        """The one tile of some whole rows of similarities."""
        return self.tiles(rows, lambda x, *_: x.add_(scores), note)[0]

    def see(self, tile: Tile, out: Tensor | None = None) -> None:
        """Hand a tile to both directions."""
        for side, at, x, first, turned in self._views(tile):
            gradient = out if out is None or not turned else out.T
            side.see(at, x, first, self.positive, gradient)

    def _views(self, tile: Tile) -> list[tuple[Side, slice, Tensor, int, bool]]:
        """A tile as each direction sees it: rows are its anchors."""
        of_rows, of_columns = reversed(self.sides) if tile.turned else self.sides
        return [
            (of_rows, tile.rows, tile.x, tile.columns.start, False),
            (of_columns, tile.columns, tile.y.T, tile.rows.start, True),
        ]

    def missed(self) -> bool:
        """Whether margins have to be shifted after all and everything seen once more."""
        lines = {id(line): line for margins in self.margins for _, line in margins.lines}.values()
        found = [line for line in lines if missed(line)]
        for line in found:
            recentre(line, self.block)
        for line in lines:
            line.watched = False
        return bool(found)

    def close(self) -> Tensor:
        """The value after all blocks."""
        if self.how.reduction == "infonce":
            count = self.groups.negatives.sum().clamp_min(1)
            for side, total in zip(self.sides, self.margin_sums, strict=True):
                side.shift = (-total / count).to(self.like.dtype)  # type: ignore[attr-defined]
        return torch.stack([side.close(self.positive) for side in self.sides]).sum().to(self.like.dtype)

    def count_ties(self, tile: Tile) -> None:
        """What a direction needs that has more ties than it could note."""
        for side, at, x, _, _ in self._views(tile):
            if isinstance(side, Hardest):
                side.count_ties(at, x)

    def gradient(self, tile: Tile) -> Tensor:
        """The value's gradient with respect to the negatives' similarities in a tile."""
        out = torch.zeros_like(tile.x)
        for side, at, x, first, turned in self._views(tile):
            side.add_gradient(at, x, first, self.positive, out.T if turned else out)
        return out

    @property
    def weight(self) -> Tensor:
        """How much every pair's own similarity counts, with its sign turned."""
        return self.sides[0].weight + self.sides[1].weight


def loss_in_blocks(scores: Scores, margins: tuple[Margins, Margins], groups: Groups, how: How) -> Tensor:
    """The loss of similarities and margins, with gradient.

    Args:
        scores: The similarities.
        margins: Of text anchors and of video anchors; the same object for both if they are equal.
        groups: Which pairs are no negatives.
        how: The reduction.

    Returns:
        Scalar. A second derivative is refused.

    Raises:
        ValueError: On rows of a callable that do not fit.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").

    Example:
        >>> scores = scores_in_blocks(None, torch.eye(2), torch.eye(2), block=1)
        >>> fixed, groups = Margins(2, scores.like, 1.5), Groups(torch.arange(2))
        >>> loss_in_blocks(scores, (fixed, fixed), groups, How("mean"))
        tensor(0.5000)
    """
    blocks = Blocks(groups, margins, how, scores.like, scores.block)
    if scores.given is not None:
        blocks.symmetric = False
        return _of_rows(blocks, scores)
    assert scores.text is not None
    assert scores.video is not None
    given = scores.text.given, scores.video.given
    value: Tensor = _OfEmbeddings.apply(*given, blocks, scores.text, scores.video)  # type: ignore[no-untyped-call]
    return value


class _OfEmbeddings(torch.autograd.Function):
    """The gradient is made on the way forward, while a block is there; the way back only scales it."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        blocks, text, video = given[2:]
        with torch.autocast(given[0].device.type, enabled=False):
            value, *found = _value_and_gradients(blocks, text.unit, video.unit, any(ctx.needs_input_grad))
            ctx.save_for_backward(*(x.gradient(of_x) for x, of_x in zip((text, video), found, strict=False)))
        return value

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Any:
        _no_second_derivative()
        of_text, of_video = ctx.saved_tensors
        return of_text * gradient[0], of_video * gradient[0], None, None, None


def _value_and_gradients(blocks: Blocks, text: Tensor, video: Tensor, wanted: bool) -> list[Tensor]:
    # By a product, as all others: where a duplicate ties with an anchor's own, so does the hinge.
    squares = [(text[rows] @ video[rows].T).diagonal() for rows in row_blocks(blocks.n, SQUARE)]
    blocks.positive = torch.cat(squares)
    at_once = wanted and all(side.at_once for side in blocks.sides)

    def add_scores(x: Tensor, rows: slice, columns: slice, turned: bool) -> None:
        a, b = (video, text) if turned else (text, video)
        x.addmm_(a[rows], b[columns].T)

    def add(tile: Tile, gradient: Tensor) -> None:
        a, b, of_a, of_b = text, video, of_text, of_video
        if tile.turned:
            a, b, of_a, of_b = b, a, of_b, of_a
        of_a[tile.rows].addmm_(gradient, b[tile.columns])
        of_b[tile.columns].addmm_(gradient.T, a[tile.rows])

    while True:
        of_text, of_video = (torch.zeros_like(x) if at_once else x.new_zeros(0) for x in (text, video))
        for rows in blocks.rows():
            for tile in blocks.tiles(rows, add_scores, note=True):
                out = torch.zeros_like(tile.x) if at_once else None
                blocks.see(tile, out)
                if out is not None:
                    add(tile, out)
        if not blocks.missed():
            break
        blocks.begin()
    value = blocks.close()
    if not wanted:
        return [value]
    if not at_once:
        sparse = _sparse(blocks)
        if sparse is not None:
            of_text, of_video = sparse @ video, sparse.T @ text
        else:
            of_text, of_video = torch.zeros_like(text), torch.zeros_like(video)
            if any(side.unsettled for side in blocks.sides):
                for rows in blocks.rows():
                    for tile in blocks.tiles(rows, add_scores):
                        blocks.count_ties(tile)
            for rows in blocks.rows():
                for tile in blocks.tiles(rows, add_scores):
                    add(tile, blocks.gradient(tile))
    weight = blocks.weight[:, None]
    return [value, of_text.addcmul_(weight, video, value=-1), of_video.addcmul_(weight, text, value=-1)]


def _sparse(blocks: Blocks) -> Tensor | None:
    """The gradient with respect to the negatives' similarities, where only a few have one."""
    text, video = (side.entries for side in blocks.sides)
    if text is None or video is None:
        return None
    place = torch.stack([torch.cat([text[0], video[1]]), torch.cat([text[1], video[0]])])
    size = (blocks.n, blocks.n)
    return torch.sparse_coo_tensor(place, torch.cat([text[2], video[2]]), size, check_invariants=False)


def _no_second_derivative() -> None:
    if torch.is_grad_enabled():
        raise ValueError("block: expected no create_graph=True: a loss in blocks has no second derivative")


def _of_rows(blocks: Blocks, scores: Scores) -> Tensor:
    """Every block of rows is forgotten after its first look and asked for again on the way back."""
    needs_positive = any(side.at_once for side in blocks.sides)

    def rows_of(rows: slice) -> Tensor:
        found = scores.rows(rows)
        if not blocks.closed:
            blocks.positive[rows] = found.detach().diagonal(rows.start)
        return found

    def seen_again(what: Callable[[Tile], None]) -> None:
        with torch.no_grad():
            for rows in blocks.rows():
                what(blocks.tile_of(rows, rows_of(rows), note=True))

    if needs_positive:
        with torch.no_grad():
            for rows in blocks.rows():
                rows_of(rows)

    def part(rows: slice) -> Tensor:
        seen: Tensor = _Part.apply(rows_of(rows), blocks, rows)  # type: ignore[no-untyped-call]
        return seen

    parts = torch.stack([checkpoint(part, rows, use_reentrant=False) for rows in blocks.rows()])
    if blocks.missed():
        blocks.begin()
        seen_again(blocks.see)
    value = blocks.close()
    if any(side.unsettled for side in blocks.sides):
        seen_again(blocks.count_ties)
    blocks.closed = True
    result: Tensor = _Whole.apply(parts, value)  # type: ignore[no-untyped-call]
    return result


class _Part(torch.autograd.Function):
    """One block of rows: looked at on the way forward, given its gradient on the way back."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, blocks: Blocks, rows: slice) -> Tensor:
        ctx.save_for_backward(scores)
        ctx.blocks, ctx.rows = blocks, rows
        if not blocks.closed:
            blocks.see(blocks.tile_of(rows, scores, note=True))
        return scores.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Any:
        _no_second_derivative()
        (scores,) = ctx.saved_tensors
        found = ctx.blocks.gradient(ctx.blocks.tile_of(ctx.rows, scores))
        found.diagonal(ctx.rows.start).sub_(ctx.blocks.weight[ctx.rows])
        return found * gradient[0], None, None


class _Whole(torch.autograd.Function):
    """The value, whose gradient goes to every part."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor, value: Tensor) -> Tensor:
        ctx.n = len(parts)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Any:
        return gradient[0].expand(ctx.n), None
