"""The margin from labels: what an adaptive margin could be if the truth were known."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from cmgsd_lite.baselines.inputs import checked_relevance
from cmgsd_lite.losses.hinge import Ids, Reduction, checked, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import oracle_margin


class RelevanceMarginLoss(nn.Module):
    """Ranking loss whose margin is made from the graded truth. A control on data that knows it.

    Args:
        margin: alpha, in units of the similarity.
        beta: Change of the margin for one standard deviation of ``1 - relevance`` (form ``"zscore"``).
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"zscore"``: ``oracle_margin``, the map of CMGSD with the truth in place of a teacher, so that
            the two differ in the source of the distance alone. ``"linear"``: ``margin * (1 - relevance)``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Falcon et al., "Relevance-based Margin for Contrastively-trained Video Retrieval
        Models" (ICMR 2022), which is ``"linear"`` with margin 1 and relevance from word classes.

    Example:
        >>> truth = torch.tensor([[1.0, 0.5], [0.0, 1.0]])
        >>> RelevanceMarginLoss(0.2, form="linear").margins(torch.eye(2), truth)
        tensor([[0.2000, 0.1000],
                [0.2000, 0.2000]])
    """

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 0.05,
        reduction: Reduction = "hardest",
        form: Literal["zscore", "linear"] = "zscore",
    ) -> None:
        super().__init__()
        if form not in ("zscore", "linear"):
            raise ValueError(f"form: expected 'zscore' or 'linear', got {form!r}")
        if not (abs(margin) < float("inf") and abs(beta) < float("inf")):
            raise ValueError(f"margin, beta: expected finite numbers, got {margin} and {beta}")
        self.margin, self.beta, self.form = margin, beta, form
        self.ranking = MaxMarginRankingLoss(margin, reduction)

    def forward(self, sim: Tensor, relevance: Tensor, ids: Ids | None = None) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            relevance: Graded truth [N, N] in [0, 1]: rows are texts, columns are videos.
            ids: One name an item [N]; pairs with equal ids are left out of loss and statistics.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, self.margin)
        loss: Tensor = self.ranking(sim, self.margins(sim, relevance, ids), ids)
        return loss

    def margins(self, sim: Tensor, relevance: Tensor, ids: Ids | None = None) -> Tensor:
        """Return the margins [N, N], the diagonal alpha; the arguments are those of the call."""
        truth = checked_relevance(relevance, sim)
        if self.form == "zscore":
            options = {"negatives": negative_pairs(sim, ids=ids)}
            return oracle_margin(truth, self.margin, self.beta, **options)  # type: ignore[arg-type]
        return (self.margin * (1 - truth)).fill_diagonal_(self.margin)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"beta={self.beta}, form={self.form!r}"
