"""All false negatives removed, by the truth: the upper end of what masking can do."""

from __future__ import annotations

from torch import Tensor

from cmgsd_lite.baselines.inputs import at_least, check_between, checked_relevance
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction


class TrueMaskLoss(MaskingLoss):
    """Leave out the negatives that are right answers, by the truth. A control on data that knows it.

    It needs ``relevance`` and uses ``ids``.

    Args:
        relevant_at: Smallest relevance in [0, 1] that counts as a right answer; 1 is "wholly true".
        base, margin, reduction, temperature: As in ``GuidedMaskLoss``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        ours (docs/METHOD.md, "Controls": mask).

    Example:
        >>> truth = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]])
        >>> TrueMaskLoss().dropped(torch.eye(3), relevance=truth)[0]
        tensor([False,  True, False])
    """

    needs = (("relevance",),)

    def __init__(
        self,
        relevant_at: float = 1.0,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float | None = None,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        self.relevant_at = check_between("relevant_at", relevant_at, 0.0, 1.0)

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]."""
        assert given.relevance is not None  # ``needs`` says so
        return at_least(checked_relevance(given.relevance, sim), self.relevant_at)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"relevant_at={self.relevant_at}"
