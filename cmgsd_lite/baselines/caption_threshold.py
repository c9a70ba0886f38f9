"""TMR's filter: negatives whose captions say nearly the same are left out."""

from __future__ import annotations

from torch import Tensor

from cmgsd_lite.baselines.inputs import check_between, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.hinge import Ids, Reduction, checked


class CaptionThresholdLoss(MaskingLoss):
    """Leave out the negatives whose captions are more similar than a threshold, by a frozen text encoder.

    Args:
        threshold: Cosine of the text teachers, in [-1, 1]. TMR's .8 is on a scale from 0 to 1: .6 as a
            cosine, of another encoder; the value does not transfer between encoders.
        base: ``"infonce"`` or ``"hinge"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Petrovich et al., "TMR" (ICCV 2023, arXiv 2305.00976), for text and motion. It
        compares the two captions of a pair; the teacher here is what ``text_teacher`` holds, in this package
        the mean over all captions of a video. The hinge is ours.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> CaptionThresholdLoss(0.9).dropped(torch.eye(3), x)[0]
        tensor([False,  True, False])
    """

    def __init__(
        self,
        threshold: float = 0.6,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        self.threshold = check_between("threshold", threshold, -1.0, 1.0)

    def forward(self, sim: Tensor, text_teacher: Tensor, ids: Ids | None = None) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            text_teacher: Frozen text features [N, D].
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, 0.0)
        return self.without(sim, self.dropped(sim, text_teacher), ids)

    def dropped(self, sim: Tensor, text_teacher: Tensor) -> Tensor:
        """Return which pairs are left out, boolean [N, N], the diagonal False."""
        return (unimodal_similarity("text_teacher", text_teacher, sim) > self.threshold).fill_diagonal_(False)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"threshold={self.threshold}"
