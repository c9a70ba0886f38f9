"""The losses: fixed margin, InfoNCE, sigmoid, and the adaptive margin of CMGSD.

All take ``sim`` [N, N] (rows are texts, columns are videos, positives on the diagonal) and return a
scalar. None changes its inputs or moves them to another device. Only the sigmoid loss, and InfoNCE if it is
told to, have parameters: ``fit`` optimises them without weight decay. A rectangular ``sim`` is refused:
which column is a text's own would be a guess. Known further positives go in by ``ids``. All are called as
``RetrievalLoss`` says, which a loss of one's own may extend, so that each can stand in for any other. To
compare an adaptive margin fairly, take the fixed one (``MaxMarginRankingLoss``), the control
(``PermutedCMGSDLoss``) and the strong plain loss (``InfoNCELoss``).
"""

from cmgsd_lite.losses.base import RetrievalLoss as RetrievalLoss
from cmgsd_lite.losses.cmgsd import CMGSDLoss
from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.control import PermutedCMGSDLoss
from cmgsd_lite.losses.hinge import ranking_hinge
from cmgsd_lite.losses.random_margin import RandomMarginLoss
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.losses.sigmoid import SigmoidLoss

__all__ = [
    "CMGSDLoss",
    "InfoNCELoss",
    "MaxMarginRankingLoss",
    "PermutedCMGSDLoss",
    "RandomMarginLoss",
    "SigmoidLoss",
    "ranking_hinge",
]
