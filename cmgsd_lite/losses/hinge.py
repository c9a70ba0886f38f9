"""The ranking hinge pair by pair, and which pairs of a batch are negatives."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import torch
from torch import Tensor

from cmgsd_lite.losses.checks import checked_margin, checked_sim
from cmgsd_lite.validation import checks_values

Reduction = Literal["mean", "sum", "hardest", "smooth"] | int
Ids = Tensor | Sequence[Hashable]

FAR_BELOW = -1e4
"""The margin of a pair that is left out: out of every reach, and finite, so that no gradient is NaN."""


def ranking_hinge(sim: Tensor, margin: float | Tensor) -> tuple[Tensor, Tensor]:
    """Hinge of every pair, in both directions, before any reduction.

    ``text_to_video[i, j] = max(0, margin[i, j] + sim[i, j] - sim[i, i])``: text i is the anchor, video j
    the negative. ``video_to_text[i, j] = max(0, margin[i, j] + sim[i, j] - sim[j, j])``: video j is the
    anchor, text i the negative.

    Args:
        sim: Similarities [N, N]: rows are texts, columns are videos, positives on the diagonal.
        margin: A number, or one for every pair [N, N]; ``-inf`` leaves a pair out.

    Returns:
        ``(text_to_video, video_to_text)``, [N, N] each, zero on the diagonal. float32 or wider.

    Raises:
        ValueError: If ``sim`` is not square with N >= 2 or not finite, or ``margin`` does not fit it.

    Source:
        The fixed margin is the field's standard (VSE++, CE, MMT); a margin for every pair is the paper's
        idea (abstract), in our reconstruction.

    Example:
        >>> sim = torch.tensor([[0.9, 0.8], [0.1, 0.5]])
        >>> text_to_video, video_to_text = ranking_hinge(sim, 0.2)
        >>> text_to_video
        tensor([[0.0000, 0.1000],
                [0.0000, 0.0000]])
        >>> video_to_text
        tensor([[0.0000, 0.5000],
                [0.0000, 0.0000]])
    """
    sim, _ = checked_sim(sim)
    margin = checked_margin(margin, sim)
    raised = sim + spread_margin(sim, margin, negative_pairs(sim, margin))
    positive = sim.diagonal()
    return hinge_against(raised, positive), hinge_against(raised.T, positive).T


def hinge_against(raised: Tensor, positive: Tensor) -> Tensor:
    """Hinge of every pair of one direction: max(0, raised - positive); rows are anchors.

    Args:
        raised: Similarity plus margin [anchors, negatives].
        positive: Similarity of every anchor to its own partner [anchors].

    Returns:
        [anchors, negatives] >= 0; the gradient is 0 where the hinge is exactly 0.

    Source:
        The field's standard.

    Example:
        >>> hinge_against(torch.tensor([[0.3, 1.0]]), torch.tensor([0.9]))
        tensor([[0.0000, 0.1000]])
    """
    # Adding the negated vector saves autograd a negated matrix; relu_ saves one more allocation.
    return torch.relu_(raised + (-positive)[:, None])


def spread_margin(
    sim: Tensor,
    margin: float | Tensor,
    negatives: Tensor | None,
    own: float = FAR_BELOW,
    left_out: float = FAR_BELOW,
) -> Tensor:
    """The margin of every pair, also of those that are no negatives.

    Args:
        sim: Similarities [N, N], as ``checked_sim`` returns them.
        margin: A number or [N, N].
        negatives: As ``negative_pairs`` returns them.
        own: The margin on the diagonal.
        left_out: That of the others that are no negatives.

    Returns:
        [N, N] in the precision of ``sim``.

    Source:
        ours.

    Example:
        >>> spread_margin(torch.eye(2), 0.2, None, own=0.0)[0]
        tensor([0.0000, 0.2000])
    """
    if negatives is not None:
        # As a tensor: a number would be rounded to float32 among float64 scores.
        margin = torch.as_tensor(margin, dtype=sim.dtype, device=sim.device)
        margin = torch.where(negatives, margin, left_out)
        if own == left_out:
            return margin
    if isinstance(margin, Tensor):
        return margin.diagonal_scatter(margin.new_full((len(sim),), own))
    return torch.full_like(sim, margin, requires_grad=False).fill_diagonal_(own)


def negative_pairs(sim: Tensor, margin: float | Tensor = 0.0, ids: Ids | None = None) -> Tensor | None:
    """Which pairs of the batch are negatives.

    Args:
        sim: Similarities [N, N].
        margin: A number or [N, N]; ``-inf`` leaves a pair out.
        ids: One name an item [N]: pairs with equal ids are known positives, not negatives.

    Returns:
        Boolean [N, N], or None for the usual case: every pair off the diagonal.

    Raises:
        ValueError: If ``ids`` has not N entries, or no negative pair is left.

    Source:
        ours.

    Example:
        >>> negative_pairs(torch.eye(3), ids=["video1", "video2", "video1"])[0]
        tensor([False,  True, False])
    """
    removes = isinstance(margin, Tensor) and _may_remove(margin)
    if ids is None and not removes:
        return None
    negatives = ~torch.eye(sim.shape[0], dtype=torch.bool, device=sim.device)
    if ids is not None:
        codes = id_codes(ids, sim)
        negatives &= codes[:, None] != codes[None, :]
        check_some_negative(negatives)
    if isinstance(margin, Tensor) and removes:
        negatives &= ~torch.isneginf(margin)
    return negatives


def _may_remove(margin: Tensor) -> bool:
    """Whether a margin may leave a pair out: seen, or assumed where values are not looked at."""
    return not checks_values(margin) or bool(torch.isneginf(margin.detach().amin()))


def check_some_negative(negatives: Tensor) -> None:
    """Raise ValueError if ``ids`` leave no negative at all.

    Args:
        negatives: Which pairs are negatives, or how many every anchor has.

    Raises:
        ValueError: Naming ``ids``.

    Source:
        ours.

    Example:
        >>> check_some_negative(torch.tensor([0, 1]))
    """
    if checks_values(negatives) and not bool(negatives.any()):
        raise ValueError(
            "ids: expected at least two different ids, got the same for the whole batch, "
            "which leaves no negative: skip such a batch"
        )


def id_codes(ids: Ids, sim: Tensor) -> Tensor:
    """A number for each item, on the device of ``sim``; items with equal ids have equal ones.

    Args:
        ids: One name an item [N]; a tensor lies where ``sim`` does.
        sim: Similarities [N, N].

    Returns:
        [N].

    Raises:
        ValueError: If there are not N, or they lie on another device.

    Source:
        ours.

    Example:
        >>> id_codes(["a", "b", "a"], torch.eye(3))
        tensor([0, 1, 0])
    """
    codes = ids if isinstance(ids, Tensor) else torch.tensor(_numbered(ids), device=sim.device)
    if codes.shape != sim.shape[:1]:
        raise ValueError(
            f"ids: expected one id for each of the {len(sim)} items, got shape {list(codes.shape)}"
        )
    if codes.device != sim.device:
        raise ValueError(f"ids: expected on {sim.device} like sim, got {codes.device}")
    return codes


def _numbered(ids: Sequence[Hashable]) -> list[int]:
    known: dict[Hashable, int] = {}
    try:
        # A tensor or array of one number is told by its value: as an object it equals none but itself.
        names = [name.item() if hasattr(name, "item") else name for name in ids]
        return [known.setdefault(name, len(known)) for name in names]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"ids: expected one name or number an item, got {type(ids).__name__}: {error}"
        ) from None
