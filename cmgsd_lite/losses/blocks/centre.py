"""What no D x D matrix tells of margins: their mean after clipping, and the margin of a given rank."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from cmgsd_lite.losses.blocks.groups import row_blocks
from cmgsd_lite.losses.blocks.lines import Line
from cmgsd_lite.margins.matrices import size_of

SAMPLE = 64
"""Rows that are looked at to see whether a bound is active, and where to begin."""
STEPS = 60
FEW = 1 << 22
"""How many values may be sorted at once."""
BINS = 4096


def prepare(line: Line, block: int) -> None:
    """Shift a line so that its mean after clipping is alpha, or have it watched where no bound seems active.

    Args:
        line: Its raw margins have the mean alpha.
        block: Rows of a block.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").
    """
    if line.to_margin.low is None and line.to_margin.high is None:
        return
    if line.to_margin.within == "batch":
        start = _centre(line, block, slice(0, SAMPLE), line.level.new_zeros(1, 1, dtype=torch.float64))
        if not bool(start):
            line.watched, line.tail = True, 0.0
            return
        recentre(line, block, start)
    else:
        recentre(line, block)


def recentre(line: Line, block: int, start: Tensor | None = None) -> None:
    """Shift a line so that its mean after clipping is alpha.

    Args:
        line: Its raw margins have the mean alpha.
        block: Rows of a block.
        start: Where to begin.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").
    """
    start = torch.zeros_like(line.level, dtype=torch.float64) if start is None else start
    line.level = line.level + _centre(line, block, slice(None), start).to(line.level.dtype)
    line.watched = False


def missed(line: Line) -> bool:
    """Whether a bound was active in the passes over a watched line, so that it has to be shifted after all.

    Args:
        line: After all its blocks were made once.

    Source:
        ours.
    """
    count = max(int(line.groups.negatives.sum()), 1)
    return line.watched and abs(line.tail) / count > _enough(line)


def _enough(line: Line) -> float:
    """How near to alpha the mean margin has to be: as in the plain loss."""
    size = size_of(line.to_margin.alpha, line.to_margin.low, line.to_margin.high)
    return float(16 * torch.finfo(line.level.dtype).eps * size)


def _centre(line: Line, block: int, rows: slice, shift: Tensor) -> Tensor:
    """The c with mean(clip(margin + c)) = alpha: Newton's steps on a broken line, in a bracket."""
    to_margin, enough = line.to_margin, _enough(line)
    count = line.groups.negatives[rows].double().clamp_min(1)
    count = count.sum().view(1, 1) if to_margin.within == "batch" else count.view_as(shift)
    # No z-score is larger than the root of how many there are.
    right = abs(to_margin.beta) * count.sqrt()
    left = -right
    for _ in range(STEPS):
        added, moved = _sweep(line, block, rows, shift)
        excess = shift + added / count
        if bool((excess.abs() <= enough).all()):
            break
        left, right = torch.where(excess < 0, shift, left), torch.where(excess > 0, shift, right)
        step = shift - excess / (1 - moved / count).clamp_min(1e-30)
        step = torch.where((step >= left) & (step <= right), step, (left + right) / 2)
        step = torch.where(excess == 0, shift, step)
        # Newton's error is of the order of the step's square.
        near = bool(((step - shift) ** 2 <= enough * abs(to_margin.beta)).all())
        shift = step
        if near:
            break
    return shift


def _sweep(line: Line, block: int, rows: slice, shift: Tensor) -> tuple[Tensor, Tensor]:
    """How much clipping adds and how many margins it moves, over all blocks."""
    to_margin, half = line.to_margin, line.symmetric and rows == slice(None)
    added, moved = torch.zeros_like(shift), torch.zeros_like(shift)
    for at in row_blocks(line.n, block, rows):
        here = at if to_margin.within == "text" else slice(None)
        x = line.raw(at, half).add_(shift[here].to(line.level.dtype))
        x[line.own(at, half)] = to_margin.alpha
        more, moves = line.tails(x, half)
        added[here] += more
        moved[here] += moves
    return added, moved


def of_rank(line: Line, share: float, block: int) -> Tensor:
    """The raw margin of rank ceil(share * n) among n negatives, exactly: of the batch or of each row.

    Args:
        line: Whose raw margins are ranked; with statistics of the batch or of rows.
        share: In (0, 1].
        block: Rows of a block.

    Returns:
        [1, 1] or [N, 1].

    Source:
        ours (docs/METHOD.md, "The same loss without the square").
    """
    negatives = line.groups.negatives
    if line.to_margin.within == "batch":
        total = int(negatives.sum())
        return _of_rank(line, max(math.ceil(share * total - 1e-9), 1), total, block)
    found = []
    for at in row_blocks(line.n, block):
        x = line.raw(at)
        x[line.own(at)] = math.inf
        place = torch.ceil(share * negatives[at].double() - 1e-9).long().clamp_min(1) - 1
        found.append(x.sort(1).values.gather(1, place[:, None]))
    return torch.cat(found)


def _of_rank(line: Line, rank: int, total: int, block: int) -> Tensor:
    """By histograms of the interval that holds it, until what is left can be sorted."""
    reach = abs(line.to_margin.beta) * math.sqrt(total)  # no z-score is larger than that root
    low, high, left = line.to_margin.alpha - reach, line.to_margin.alpha + reach, total
    while left > FEW and high - low > 8 * torch.finfo(line.level.dtype).eps * max(abs(low), abs(high)):
        below, counts = 0, torch.zeros(BINS, dtype=torch.float64, device=line.level.device)
        for x in _negatives(line, block):
            below += int((x < low).sum())
            counts += torch.histc(x, BINS, low, high)
        place = int(torch.searchsorted(below + counts.cumsum(0), rank))
        first, width = max(place - 1, 0), (high - low) / BINS
        left = int(counts[first : place + 2].sum())  # with a neighbour on each side, against rounding
        low, high = low + first * width, low + (place + 2) * width
    if left > FEW:
        return line.level.new_full((1, 1), (low + high) / 2)
    below, values = 0, []
    for x in _negatives(line, block):
        below += int((x < low).sum())
        values.append(x[(x >= low) & (x <= high)])
    in_order = torch.cat(values).sort().values
    found: Tensor = in_order[min(max(rank - below - 1, 0), len(in_order) - 1)]
    return found.view(1, 1)


def _negatives(line: Line, block: int) -> Iterator[Tensor]:
    for at in row_blocks(line.n, block):
        x = line.raw(at)
        x[line.own(at)] = math.inf
        yield x
