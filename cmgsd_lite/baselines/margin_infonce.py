"""InfoNCE with the margins of CMGSD: does the adaptive margin help the strong plain loss, too?"""

from __future__ import annotations

from typing import Any, Literal

from cmgsd_lite.losses.cmgsd import CMGSDLoss
from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.control import PermutedCMGSDLoss
from cmgsd_lite.schedules import Constant, LinearRamp


class MarginInfoNCELoss(CMGSDLoss):
    """InfoNCE whose negatives are raised by the static and dynamic margins of CMGSD, centred.

    Only the spread of the margins counts, not their mean: ``(sim + margin - mean margin) / temperature``.
    It uses and refuses the inputs that ``CMGSDLoss`` does.

    Args:
        temperature: Of InfoNCE, in units of the similarity.
        margin: alpha; it cancels, except for what it does to clipping at ``min_margin``.
        beta: Change of the margin for one standard deviation of distance; 0 is plain InfoNCE.
        schedule: As in ``CMGSDLoss``.
        settings: The others of ``CMGSDLoss`` but ``reduction``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        ours (docs/METHOD.md, "InfoNCE with a margin"); the margins as in ``CMGSDLoss``.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> text, video = torch.randn(2, 4, 8, generator=generator)
        >>> sim = cosine_similarity_matrix(text, video)
        >>> plain, same = InfoNCELoss(0.05)(sim), MarginInfoNCELoss(0.05, beta=0.0)(sim, text=text)
        >>> bool((plain - same).abs() < 1e-6)
        True
    """

    def __init__(
        self,
        temperature: float = 0.05,
        margin: float = 0.2,
        beta: float = 0.05,
        schedule: LinearRamp | Constant | Literal["static", "dynamic"] | float = LinearRamp(0.2, 0.6),
        **settings: Any,
    ) -> None:
        super().__init__(margin, beta, schedule=schedule, **settings)
        self.ranking = InfoNCELoss(temperature)  # type: ignore[assignment]


class PermutedMarginInfoNCELoss(PermutedCMGSDLoss):
    """The control of ``MarginInfoNCELoss``: its own margins with the batch shuffled at every step.

    Args:
        temperature, margin, beta, schedule: As there.
        seed: Of the shuffling.
        settings: As there.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> loss = PermutedMarginInfoNCELoss(0.05, beta=0.05, schedule="dynamic", seed=1)
    """

    def __init__(
        self,
        temperature: float = 0.05,
        margin: float = 0.2,
        beta: float = 0.05,
        schedule: LinearRamp | Constant | Literal["static", "dynamic"] | float = LinearRamp(0.2, 0.6),
        seed: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(margin, beta, schedule=schedule, seed=seed, **settings)
        self.ranking = InfoNCELoss(temperature)  # type: ignore[assignment]
