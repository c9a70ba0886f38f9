"""The max-margin ranking loss: hinge, reduction, mean of the two directions."""

from __future__ import annotations

from torch import Tensor, nn

from cmgsd_lite.losses.hinge import (
    Ids,
    Reduction,
    checked,
    negative_pairs,
    reduce_direction,
    spread_margin,
)


class MaxMarginRankingLoss(nn.Module):
    """Bidirectional max-margin ranking loss with a fixed or a given margin.

    The mean of the two directions, text to video and video to text (for ``"sum"`` their sum).

    Args:
        margin: The fixed margin, in units of the similarity, used when none is given to the call.
        reduction: ``"mean"`` over all pairs (CE, MMT), ``"sum"`` (VSE++), ``"hardest"`` negative of each
            anchor (VSE++ with max_violation), ``"smooth"`` maximum, or an int k: the k hardest. These are
            different losses: margin and learning rate do not transfer.
        temperature: Of the smooth maximum, in units of the similarity.

    Raises:
        ValueError: On an unknown reduction, k < 1 or a temperature that is not positive.

    Source:
        VSE++ (Faghri et al., BMVC 2018) and MMT (Gabeur et al., ECCV 2020); ``smooth`` and k are ours.

    Example:
        >>> loss = MaxMarginRankingLoss(margin=0.2, reduction="hardest")
        >>> loss(torch.tensor([[0.9, 0.8], [0.1, 0.5]]))
        tensor(0.1500)
    """

    def __init__(self, margin: float = 0.2, reduction: Reduction = "mean", temperature: float = 0.03) -> None:
        super().__init__()
        self.margin = margin
        self.reduction = _checked_reduction(reduction)
        self.temperature = checked_positive("temperature", temperature)

    def forward(self, sim: Tensor, margin: float | Tensor | None = None, ids: Ids | None = None) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            margin: A number or one for every pair [N, N] instead of the fixed one; ``-inf`` leaves a
                pair out.
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0, in float32 or wider.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, margin = checked(sim, self.margin if margin is None else margin)
        negatives = negative_pairs(sim, margin, ids)
        raised = sim + spread_margin(sim, margin, negatives)
        positive, how = sim.diagonal(), (self.reduction, self.temperature)
        text_to_video = reduce_direction(raised, positive, negatives, *how)
        transposed = None if negatives is None else negatives.T
        video_to_text = reduce_direction(raised.T, positive, transposed, *how)
        total = text_to_video + video_to_text
        return total if self.reduction == "sum" else total / 2

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"margin={self.margin}, reduction={self.reduction!r}"


def _checked_reduction(reduction: Reduction) -> Reduction:
    if isinstance(reduction, int) and not isinstance(reduction, bool) and reduction >= 1:
        return reduction
    if isinstance(reduction, str) and reduction in ("mean", "sum", "hardest", "smooth"):
        return reduction
    raise ValueError(
        f"reduction: expected 'mean', 'sum', 'hardest', 'smooth' or an int k >= 1, got {reduction!r}"
    )


def checked_positive(name: str, value: float) -> float:
    """Return ``value`` if it is a positive finite number.

    Args:
        name: What to call the value in the message.
        value: A number.

    Returns:
        ``value``.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_positive("temperature", 0.05)
        0.05
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}: expected a positive number, got {value}")
    return value
