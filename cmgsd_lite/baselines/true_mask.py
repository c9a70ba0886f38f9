"""All false negatives removed, by the truth: the upper end of what masking can do."""

from __future__ import annotations

from torch import Tensor

from cmgsd_lite.baselines.inputs import check_between, checked_relevance
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.hinge import Ids, Reduction, checked


class TrueMaskLoss(MaskingLoss):
    """Leave out the negatives that are right answers, by the truth. A control on data that knows it.

    Args:
        relevant_at: Smallest relevance in [0, 1] that counts as a right answer; 1 is "wholly true".
        base: ``"infonce"`` or ``"hinge"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE.

    Raises:
        ValueError: On a setting out of range.

    Source:
        ours (docs/METHOD.md, "Controls": mask).

    Example:
        >>> truth = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]])
        >>> TrueMaskLoss().dropped(torch.eye(3), truth)[0]
        tensor([False,  True, False])
    """

    def __init__(
        self,
        relevant_at: float = 1.0,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        self.relevant_at = check_between("relevant_at", relevant_at, 0.0, 1.0)

    def forward(self, sim: Tensor, relevance: Tensor, ids: Ids | None = None) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            relevance: Graded truth [N, N] in [0, 1]: rows are texts, columns are videos.
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, 0.0)
        return self.without(sim, self.dropped(sim, relevance), ids)

    def dropped(self, sim: Tensor, relevance: Tensor) -> Tensor:
        """Return which pairs are left out, boolean [N, N], the diagonal False."""
        # A share of facets such as 3/3 may miss 1 by rounding.
        return (checked_relevance(relevance, sim) >= self.relevant_at - 1e-6).fill_diagonal_(False)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"relevant_at={self.relevant_at}"
