"""Every public loss and baseline, and a batch with all that one may be given."""

import torch

from cmgsd_lite import baselines, losses
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from cmgsd_lite.similarity import cosine_similarity_matrix

BUILDERS = {
    **{name: getattr(losses, name) for name in losses.__all__ if name.endswith("Loss")},
    **{name: getattr(baselines, name) for name in baselines.__all__},
    "SelectedSourcesLoss": lambda: SelectedSourcesLoss(losses.CMGSDLoss(), ["text_static", "video_dynamic"]),
}
TAKE_A_MARGIN = {"MaxMarginRankingLoss", "InfoNCELoss", "SigmoidLoss"}
LEARNS = {"SigmoidLoss": ["log_scale", "learned_bias"]}
"""Parameters of those that have any; InfoNCE's temperature is learned where one asks for it."""
CMGSD_LIKE = [
    losses.CMGSDLoss,
    losses.PermutedCMGSDLoss,
    baselines.MarginInfoNCELoss,
    baselines.PermutedMarginInfoNCELoss,
]
NEEDS = {
    "AdaptiveRelevanceMarginLoss": [{"text"}, {"video"}],
    "CaptionThresholdLoss": [{"text_teacher", "distances"}],
    "DropTripleLoss": [{"text", "video"}],
    "GuidedMaskLoss": [{"text_teacher", "video_teacher", "distances"}],
    "RelevanceMarginLoss": [{"relevance"}],
    "SoftTargetLoss": [{"text_teacher", "video_teacher", "distances"}],
    "TrueMaskLoss": [{"relevance"}],
    "SelectedSourcesLoss": [{"text_teacher", "video"}],
    **{c.__name__: [{"text", "video", "text_teacher", "video_teacher", "distances"}] for c in CMGSD_LIKE},
}


def batch(n=8, d=6, seed=1, dtype=torch.float64):
    """Scores and every input but a margin."""
    generator = torch.Generator().manual_seed(seed)
    names = ("text", "video", "text_teacher", "video_teacher")
    given = {name: torch.randn(n, d, generator=generator, dtype=dtype) for name in names}
    sim = cosine_similarity_matrix(given["text"], given["video"])
    ready = {name: torch.rand(n, n, generator=generator, dtype=dtype) for name in ("text", "mine")}
    truth = torch.rand(n, n, generator=generator, dtype=dtype).round().fill_diagonal_(1.0)
    ids = [f"video{max(i, 1)}" for i in range(n)]
    return sim, {**given, "distances": ready, "ids": ids, "relevance": truth, "progress": 0.3}
