"""TMR's filter: negatives whose captions say nearly the same are left out."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import at_least, check_between, similarity_of, static_sources
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction


class CaptionThresholdLoss(MaskingLoss):
    """Leave out the negatives whose captions are as similar as a threshold or more, by a frozen text encoder.

    It needs ``text_teacher`` or ``distances`` (the mean over what is given counts) and uses ``ids``. A ready
    distance has to be 1 - similarity, in [0, 2]: the similarity is a cosine then, or the share of a caption's
    words that the captions of a video contain. It may be directed: entry (i, j) concerns the pair (text i,
    video j). In another unit there is no threshold to compare it with: ``GuidedMaskLoss`` takes a share.

    Args:
        threshold: Similarity in [-1, 1]. TMR's .8 is on a scale from 0 to 1: .6 as a cosine, of another
            encoder; the value does not transfer between encoders, nor to shares of words.
        base, margin, reduction, temperature: As in ``GuidedMaskLoss``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Petrovich et al., "TMR" (ICCV 2023, arXiv 2305.00976), for text and motion. It
        compares the two captions of a pair; ``text_teacher`` holds, in this package, the mean over all
        captions of a video. Directed distances and the hinge are ours.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> CaptionThresholdLoss(0.9).dropped(torch.eye(3), text_teacher=x)[0]
        tensor([False,  True, False])
    """

    needs = (("text_teacher", "distances"),)

    def __init__(
        self,
        threshold: float = 0.6,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float | None = None,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        self.threshold = check_between("threshold", threshold, -1.0, 1.0)

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]."""
        sources = static_sources(sim, replace(given, video_teacher=None))
        similarity = torch.stack([similarity_of(source, bounded=True) for source in sources]).mean(dim=0)
        return at_least(similarity, self.threshold)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"threshold={self.threshold}"
