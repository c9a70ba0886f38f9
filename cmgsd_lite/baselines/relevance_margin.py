"""The margin from labels: what an adaptive margin could be if the truth were known."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from cmgsd_lite.baselines.inputs import checked_relevance
from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_finite
from cmgsd_lite.losses.hinge import Reduction, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import oracle_margin


class RelevanceMarginLoss(RetrievalLoss):
    """Ranking loss whose margin is made from the graded truth. A control on data that knows it.

    It needs ``relevance`` and uses ``ids``.

    Args:
        margin: alpha, in units of the similarity.
        beta: Change of the margin for one standard deviation of ``1 - relevance`` (form ``"zscore"``).
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"zscore"``: ``oracle_margin``, the map of CMGSD with the truth in place of a teacher, so that
            the two differ in the source of the distance alone. ``"linear"``: ``margin * (1 - relevance)``.
        temperature: Of the smooth reduction.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Falcon et al., "Relevance-based Margin for Contrastively-trained Video Retrieval
        Models" (ICMR 2022), which is ``"linear"`` with margin 1 and relevance from word classes.

    Example:
        >>> truth = torch.tensor([[1.0, 0.5], [0.0, 1.0]])
        >>> RelevanceMarginLoss(0.2, form="linear").margins(torch.eye(2), relevance=truth)
        tensor([[0.2000, 0.1000],
                [0.2000, 0.2000]])
    """

    needs = (("relevance",),)
    no_margin = "makes its own from the truth"

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 0.05,
        reduction: Reduction = "hardest",
        form: Literal["zscore", "linear"] = "zscore",
        temperature: float = 0.03,
    ) -> None:
        super().__init__()
        if form not in ("zscore", "linear"):
            raise ValueError(f"form: expected 'zscore' or 'linear', got {form!r}")
        self.margin, self.beta = checked_finite("margin", margin), checked_finite("beta", beta)
        self.form = form
        self.ranking = MaxMarginRankingLoss(margin, reduction, temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs, >= 0."""
        return self.ranking.compute(sim, Inputs(margin=self._margin(sim, given), ids=given.ids))

    def margins(self, sim: Tensor, **inputs: Any) -> Tensor:
        """Return the margins [N, N], the diagonal alpha; the arguments are those of the call."""
        sim, given, _ = self.checked(sim, Inputs(**inputs))
        return self._margin(sim, given)

    def _margin(self, sim: Tensor, given: Inputs) -> Tensor:
        assert given.relevance is not None  # ``needs`` says so
        truth = checked_relevance(given.relevance, sim)
        if self.form == "zscore":
            options = {"negatives": negative_pairs(sim, ids=given.ids)}
            return oracle_margin(truth, self.margin, self.beta, **options)  # type: ignore[arg-type]
        return (self.margin * (1 - truth)).fill_diagonal_(self.margin)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"beta={self.beta}, form={self.form!r}"
