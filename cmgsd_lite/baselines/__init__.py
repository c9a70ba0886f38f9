"""Other answers to false negatives, each as one loss, to be trained on the same bench as CMGSD.

All are written from the idea of their source, not from its code; what is ours is said in each docstring.
Called as every loss (``cmgsd_lite.losses.RetrievalLoss``); each says what it needs and uses.

- leave negatives out: ``GuidedMaskLoss`` (GISTEmbed), ``CaptionThresholdLoss`` (TMR), ``DropTripleLoss``;
- move the margin: ``AdaptiveMeanMarginLoss`` (AMM), ``AdaptiveRelevanceMarginLoss`` (the opposite sign);
- share the target: ``SoftTargetLoss``;
- correct for their number: ``DebiasedInfoNCELoss``;
- carry the adaptive margin over to InfoNCE: ``MarginInfoNCELoss`` and its control;
- know the truth (controls, no methods): ``RelevanceMarginLoss`` and ``TrueMaskLoss``.
"""

from cmgsd_lite.baselines.adaptive_mean_margin import AdaptiveMeanMarginLoss
from cmgsd_lite.baselines.adaptive_relevance_margin import AdaptiveRelevanceMarginLoss
from cmgsd_lite.baselines.caption_threshold import CaptionThresholdLoss
from cmgsd_lite.baselines.debiased_infonce import DebiasedInfoNCELoss
from cmgsd_lite.baselines.drop_triple import DropTripleLoss
from cmgsd_lite.baselines.guided_mask import GuidedMaskLoss
from cmgsd_lite.baselines.margin_infonce import MarginInfoNCELoss, PermutedMarginInfoNCELoss
from cmgsd_lite.baselines.relevance_margin import RelevanceMarginLoss
from cmgsd_lite.baselines.soft_targets import SoftTargetLoss
from cmgsd_lite.baselines.true_mask import TrueMaskLoss

__all__ = [
    "AdaptiveMeanMarginLoss",
    "AdaptiveRelevanceMarginLoss",
    "CaptionThresholdLoss",
    "DebiasedInfoNCELoss",
    "DropTripleLoss",
    "GuidedMaskLoss",
    "MarginInfoNCELoss",
    "PermutedMarginInfoNCELoss",
    "RelevanceMarginLoss",
    "SoftTargetLoss",
    "TrueMaskLoss",
]
