"""Distances that never stand whole: cosines of two factors, and ready ones given row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cmgsd_lite.losses.checks import Distance
from cmgsd_lite.validation import checks_values


@dataclass(frozen=True, eq=False)
class Cosines:
    """Cosine distances 1 - unit @ unit.T.

    Args:
        unit: Rows of length one (or zero) [N, D].

    Source:
        ours.

    Example:
        >>> Cosines(torch.eye(2)).rows(slice(0, 1))
        tensor([[0., 1.]])
    """

    unit: Tensor

    def rows(self, rows: slice) -> Tensor:
        """Distances of some rows [len, N]."""
        return torch.addmm(self.unit.new_ones(1), self.unit[rows], self.unit.T, alpha=-1)

    def permuted(self, order: Tensor) -> Cosines:
        """The distances of the items in another order."""
        return Cosines(self.unit[order])

    def transposed(self) -> Cosines:
        """Itself: the distances are symmetric."""
        return self


@dataclass(frozen=True, eq=False)
class Ready:
    """Ready distances, not necessarily symmetric.

    Args:
        name: For messages.
        given: [N, N], or a callable that gives the rows of a slice or of a tensor of row numbers.
        like: Whose dtype and device the rows are to have.
        n: Number of items.
        order: The items in another order, or None.

    Source:
        ours.

    Example:
        >>> d = Ready("d", torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.zeros(1), 2)
        >>> d.rows(slice(1, 2)), d.permuted(torch.tensor([1, 0])).rows(slice(1, 2))
        (tensor([[2., 0.]]), tensor([[0., 1.]]))
    """

    name: str
    given: Distance
    like: Tensor
    n: int
    order: Tensor | None = None

    def rows(self, rows: slice) -> Tensor:
        """Distances of some rows [len, N], in the dtype of the scores; a callable's are checked.

        Raises:
            ValueError: On rows of another shape, device or with entries that are not finite.
        """
        which = rows if self.order is None else self.order[rows]
        if isinstance(self.given, Tensor):
            found = self.given[which]
        else:
            found = checked_rows(self.name, self.given(which), rows, self.n, self.like)
        found = found if self.order is None else found[:, self.order]
        return found.detach().to(self.like.dtype)

    def permuted(self, order: Tensor) -> Ready:
        """The distances of the items in another order."""
        return Ready(self.name, self.given, self.like, self.n, order)

    def transposed(self) -> Ready:
        """Rows and columns exchanged.

        Raises:
            ValueError: If the rows come from a callable, which cannot be asked for columns.
        """
        if not isinstance(self.given, Tensor):
            raise ValueError(
                f"{self.name}: expected a tensor [N, N], of which whole columns are needed; got a callable"
            )
        return Ready(self.name, self.given.T, self.like, self.n, self.order)


Distances = Cosines | Ready


def checked_rows(name: str, found: Tensor, rows: slice, n: int, like: Tensor) -> Tensor:
    """Check what a callable gave for some rows.

    Args:
        name: What to call it in the message.
        found: What it gave.
        rows: Which rows were asked for.
        n: Number of columns.
        like: A tensor on the device that is expected.

    Returns:
        ``found``.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> checked_rows("sim", torch.zeros(1, 2), slice(0, 1), 2, torch.zeros(1))
        tensor([[0., 0.]])
    """
    shape = (rows.stop - rows.start, n)
    if not isinstance(found, Tensor):
        raise ValueError(f"{name}: expected a callable that returns a tensor, got {type(found).__name__}")
    if found.shape != shape or found.device != like.device:
        raise ValueError(
            f"{name}: expected {list(shape)} on {like.device} for rows {rows.start} to {rows.stop}, "
            f"got {list(found.shape)} on {found.device}"
        )
    if checks_values(found) and not bool(torch.isfinite(found.detach().sum())):
        raise ValueError(f"{name}: expected finite entries, got NaN or infinite ones")
    return found
