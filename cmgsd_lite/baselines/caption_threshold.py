"""TMR's filter: negatives whose captions say nearly the same are left out."""

from __future__ import annotations

from torch import Tensor

from cmgsd_lite.baselines.inputs import at_least, check_between, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction


class CaptionThresholdLoss(MaskingLoss):
    """Leave out the negatives whose captions are as similar as a threshold or more, by a frozen text encoder.

    It needs ``text_teacher`` and uses ``ids``.

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
        >>> CaptionThresholdLoss(0.9).dropped(torch.eye(3), text_teacher=x)[0]
        tensor([False,  True, False])
    """

    needs = (("text_teacher",),)

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

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]."""
        assert given.text_teacher is not None  # ``needs`` says so
        return at_least(unimodal_similarity("text_teacher", given.text_teacher, sim), self.threshold)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"threshold={self.threshold}"
