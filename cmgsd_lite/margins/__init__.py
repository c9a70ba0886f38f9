"""From distance to margin: what the margin of a pair at distance d should be.

Every function takes distances [N, N] within one modality and gives margins [N, N]: row and column i and j
are two items of a batch. Batch statistics run over the negative pairs alone; the diagonal (an item
against itself, distance 0) would triple the spread of a typical batch and flatten the margin.
Margins are detached unless one asks otherwise: with a gradient the model learns to call its
violators similar instead of separating them.

Controls: ``permute_margin`` keeps the histogram and destroys the meaning, ``random_margin`` has neither, a
negative ``beta`` reverses the meaning, ``oracle_margin`` is made from the truth, ``mask_margin`` removes
known false negatives.
"""

from cmgsd_lite.margins.controls import REMOVED, mask_margin, oracle_margin, permute_margin, random_margin
from cmgsd_lite.margins.maps import (
    affine_margin,
    combined_margin,
    exponential_margin,
    nearest_margin,
    threshold_margin,
    zscore_margin,
)
from cmgsd_lite.margins.matrices import off_diagonal

__all__ = [
    "REMOVED",
    "affine_margin",
    "combined_margin",
    "exponential_margin",
    "mask_margin",
    "nearest_margin",
    "off_diagonal",
    "oracle_margin",
    "permute_margin",
    "random_margin",
    "threshold_margin",
    "zscore_margin",
]
