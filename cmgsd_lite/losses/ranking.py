"""The max-margin ranking loss: hinge, reduction, mean of the two directions."""

from __future__ import annotations

from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.blocks import How, Scores, loss_of_fixed_margin
from cmgsd_lite.losses.checks import (
    checked_finite,
    checked_positive,
    margin_pair,
    one_margin,
    why_whole_margin,
)
from cmgsd_lite.losses.hinge import Reduction, negative_pairs
from cmgsd_lite.losses.reductions import reduce_directions
from cmgsd_lite.validation import as_plain


class MaxMarginRankingLoss(RetrievalLoss):
    """Bidirectional max-margin ranking loss with a fixed or a given margin.

    The mean of the two directions, text to video and video to text (for ``"sum"`` their sum). It uses
    ``margin`` (instead of its own) and ``ids``; called as every loss (``RetrievalLoss``).

    Relations: what ``CMGSDLoss`` is at beta = 0, and what the gain of an adaptive margin is measured from.

    Args:
        margin: The fixed margin, in units of the similarity, used when none is given to the call.
        reduction: ``"mean"`` over all pairs (CE, MMT), ``"sum"`` (VSE++), ``"hardest"`` negative of each
            anchor (VSE++ with max_violation), ``"smooth"`` maximum, or an int k: the k hardest. These are
            different losses: margin and learning rate do not transfer.
        temperature: Of the smooth maximum, in units of the similarity.

    Raises:
        ValueError: On an unknown reduction, k < 1, a margin that is not finite or a temperature that is not
            positive.

    Source:
        VSE++ (Faghri et al., BMVC 2018) and MMT (Gabeur et al., ECCV 2020). ``smooth`` is the temperature
        times InfoNCE with the margin added to the negatives; k is ours.

    Example:
        >>> loss = MaxMarginRankingLoss(margin=0.2, reduction="hardest")
        >>> loss(torch.tensor([[0.9, 0.8], [0.1, 0.5]]))
        tensor(0.1500)
    """

    def __init__(self, margin: float = 0.2, reduction: Reduction = "mean", temperature: float = 0.03) -> None:
        super().__init__()
        self.margin = checked_finite("margin", margin)
        self.reduction = _checked_reduction(reduction)
        self.temperature = checked_positive("temperature", temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs."""
        margins = margin_pair(self.margin if given.margin is None else given.margin, sim)
        negatives = negative_pairs(sim, margins[0], given.ids)
        if margins[1] is margins[0]:
            return self.of_margins(sim, margins, (negatives, negatives))
        return self.of_margins(sim, margins, (negatives, negative_pairs(sim, margins[1], given.ids)))

    def in_blocks(self, scores: Scores, given: Inputs) -> Tensor:
        """Return the same without ``sim`` standing whole."""
        return loss_of_fixed_margin(scores, one_margin(given.margin, self.margin), given.ids, self.how)

    def why_whole(self, given: Inputs) -> str:
        """Why the loss of these inputs needs a whole ``sim``."""
        return super().why_whole(given) or why_whole_margin(given.margin)

    @property
    def how(self) -> How:
        """What is done with similarities and margins in blocks."""
        return How(self.reduction, self.temperature)

    def of_margins(
        self,
        sim: Tensor,
        margins: tuple[float | Tensor, float | Tensor],
        negatives: tuple[Tensor | None, Tensor | None],
    ) -> Tensor:
        """Return the loss of checked margins and negatives, one each for text to video and video to text."""
        total = reduce_directions(sim, margins, negatives, self.reduction, self.temperature)
        return total if self.reduction == "sum" else total / 2

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"margin={self.margin}, reduction={self.reduction!r}"


def _checked_reduction(reduction: Reduction) -> Reduction:
    reduction = as_plain(reduction)
    if isinstance(reduction, int) and not isinstance(reduction, bool) and reduction >= 1:
        return reduction
    if isinstance(reduction, str) and reduction in ("mean", "sum", "hardest", "smooth"):
        return reduction
    raise ValueError(
        f"reduction: expected 'mean', 'sum', 'hardest', 'smooth' or an int k >= 1, got {reduction!r}"
    )
