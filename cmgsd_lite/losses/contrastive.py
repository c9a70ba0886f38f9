"""InfoNCE, the strong plain loss that every margin has to be compared with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.blocks import How, Scores, loss_of_fixed_margin
from cmgsd_lite.losses.checks import checked_positive, margin_pair, one_margin, why_whole_margin
from cmgsd_lite.losses.hinge import FAR_BELOW, Ids, negative_pairs, spread_margin
from cmgsd_lite.losses.learned import bounded_exp, check_parameters
from cmgsd_lite.losses.reductions import Masks, mean_over_anchors, reduce_directions
from cmgsd_lite.validation import as_plain, checks_values

Positives = Literal["leave out", "share"]


class InfoNCELoss(RetrievalLoss):
    """Symmetric InfoNCE, with an optional margin added to the negatives' logits.

    The margin enters as ``(sim + margin - mean(margin)) / temperature`` off the diagonal, so a constant
    margin changes nothing and only its spread counts; a single number is warned of once. It uses ``margin``
    (default: none) and ``ids``; called as every loss (``RetrievalLoss``).

    A learnable temperature is kept as ``log_scale``, the logarithm of 1 / temperature, a parameter of the
    loss. ``fit`` optimises it without weight decay, which would pull the temperature to 1; in a loop of
    one's own it has to be given to the optimizer. Adam changes the temperature by about its learning rate a
    step, as a share of its value: a short training ends near where it starts.

    Relations: with ids that all differ ``positives="share"`` is the plain loss. ``SoftTargetLoss`` has graded
    targets, ``SigmoidLoss`` judges every pair on its own.

    Args:
        temperature: In units of the similarity; a learnable one starts here.
        positives: What pairs with equal ``ids`` are. ``"leave out"``: neither positives nor negatives.
            ``"share"``: positives; all those of an anchor have equal shares of its target, so that the loss
            is the mean of their cross-entropies, and not 0 at its best. The ranking losses always leave
            them out: their hinge sets one positive against one negative, and where ids tell captions of one
            video, every such pair is also some row's own.
        learnable: Whether the temperature is learned.
        bounds: Smallest and largest temperature that can be learned. CLIP's are .01 and 1: without the
            first, a training set known by heart would drive loss and temperature to 0.

    Raises:
        ValueError: On a setting out of range; in a call also if the loss lies on another device than ``sim``.

    Source:
        van den Oord et al. 2018, symmetric and with the learnable temperature of CLIP (Radford et al. 2021);
        shared positives as in supervised contrastive learning (Khosla et al. 2020, L_out) and UniCL (Yang et
        al. 2022); the centred margin and the gradient at the bounds are ours.

    Example:
        >>> InfoNCELoss(temperature=1.0)(torch.zeros(2, 2))
        tensor(0.6931)
        >>> InfoNCELoss(temperature=0.05, learnable=True).learned()
        {'temperature': 0.05}
    """

    warned_of_margin = False
    log_scale: nn.Parameter | None

    def __init__(
        self,
        temperature: float = 0.05,
        positives: Positives = "leave out",
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        self.positives, self.bounds = checked_positives(positives), as_plain(bounds)
        self.fixed_temperature = temperature = checked_positive("temperature", temperature)
        if learnable and not 0 < self.bounds[0] <= temperature <= self.bounds[1]:
            raise ValueError(f"temperature: expected a number within bounds {bounds}, got {temperature}")
        log_scale = nn.Parameter(torch.tensor(-math.log(temperature))) if learnable else None
        self.register_parameter("log_scale", log_scale)

    @property
    def temperature(self) -> float | Tensor:
        """A number, or a scalar with gradient if it is learnable."""
        if self.log_scale is None:
            return self.fixed_temperature
        return 1 / bounded_exp(self.log_scale, 1 / self.bounds[1], 1 / self.bounds[0])

    def learned(self) -> dict[str, float]:
        """Return the temperature as it is now, by name, if it is learnable."""
        return (
            {}
            if self.log_scale is None
            else {"temperature": round(float(torch.as_tensor(self.temperature).detach()), 6)}
        )

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: the mean of both directions' cross-entropies, >= 0."""
        check_parameters(self, sim)
        margins = margin_pair(0.0 if given.margin is None else given.margin, sim)
        if given.margin is not None and not isinstance(margins[0], Tensor) and checks_values(sim):
            self._warn_of_margin()
        negatives = _for_both(lambda margin: negative_pairs(sim, margin, given.ids), margins)
        if self.positives == "leave out":
            return self.of_margins(sim, margins, negatives, targets=self.targets(sim, given, (None, None)))
        positives = _for_both(lambda margin: shared_positives(sim, margin, given.ids), margins)
        return self.of_margins(sim, margins, negatives, positives, self.targets(sim, given, positives))

    def in_blocks(self, scores: Scores, given: Inputs) -> Tensor:
        """Return the same without ``sim`` standing whole."""
        if given.margin is not None:
            one_margin(given.margin, 0.0)
            self._warn_of_margin()
        return loss_of_fixed_margin(scores, 0.0, given.ids, self.how)

    def why_whole(self, given: Inputs) -> str:
        """Why the loss of these inputs needs a whole ``sim``."""
        if self.log_scale is not None:
            return "a learnable temperature is learned from a whole sim"
        if self.positives != "leave out" or type(self).targets is not InfoNCELoss.targets:
            return "targets other than each item's own are a matrix"
        return super().why_whole(given) or why_whole_margin(given.margin)

    @property
    def how(self) -> How:
        """What is done with similarities and margins in blocks."""
        return How("infonce", self.fixed_temperature)

    def of_margins(
        self,
        sim: Tensor,
        margins: tuple[float | Tensor, float | Tensor],
        negatives: Masks,
        positives: Masks = (None, None),
        targets: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return the loss of what was checked, one each for text to video and video to text.

        Args:
            sim: Similarities [N, N].
            margins: A number or [N, N].
            negatives: As ``negative_pairs`` returns them.
            positives: Boolean [N, N], or None: every item's own.
            targets: As the method ``targets`` returns them.
        """
        temperature = self.temperature
        logits = sim / temperature
        of_text = of_video = _centred(sim, margins[0], negatives[0], temperature)
        if margins[1] is not margins[0]:
            of_video = _centred(sim, margins[1], negatives[1], temperature)
        if targets is None:
            return reduce_directions(logits, (of_text, of_video), negatives, "infonce") / 2
        raised = _raised(logits, of_text, negatives[0], positives[0])
        to_video = _contrast(raised, targets[0], negatives[0])
        if margins[1] is not margins[0]:
            raised = _raised(logits, of_video, negatives[1], positives[1])
        to_text = _contrast(raised.T, targets[1], None if negatives[1] is None else negatives[1].T)
        return to_video / 2 + to_text / 2

    def targets(self, sim: Tensor, given: Inputs, positives: Masks) -> tuple[Tensor, Tensor] | None:
        """Return what text and video anchors should find, shares [anchors, candidates]; None: their own."""
        if positives[0] is None or positives[1] is None:
            return None
        of_text, of_video = positives[0].to(sim.dtype), positives[1].T.to(sim.dtype)
        return of_text / of_text.sum(dim=1, keepdim=True), of_video / of_video.sum(dim=1, keepdim=True)

    def _warn_of_margin(self) -> None:
        if not self.warned_of_margin:
            self.warned_of_margin = True
            warnings.warn(
                "InfoNCELoss: margin: a number changes nothing here, only differences count: expected [N, N]",
                stacklevel=7,
            )

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        temperature = self.learned().get("temperature", self.fixed_temperature)
        learnable = "" if self.log_scale is None else ", learnable=True"
        shared = "" if self.positives == "leave out" else f", positives={self.positives!r}"
        return f"temperature={temperature}{shared}{learnable}"


def checked_positives(positives: str) -> Positives:
    """Return what known positives are to be, if it is one of the two.

    Args:
        positives: ``"leave out"`` or ``"share"``.

    Returns:
        ``positives``.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_positives("share")
        'share'
    """
    if positives == "leave out":
        return "leave out"
    if positives == "share":
        return "share"
    raise ValueError(f"positives: expected 'leave out' or 'share', got {positives!r}")


def shared_positives(sim: Tensor, margin: float | Tensor, ids: Ids | None) -> Tensor:
    """Which pairs are positives where known ones share the target: every item's own, and those of equal ids.

    Args:
        sim: Similarities [N, N].
        margin: A number or [N, N]; ``-inf`` leaves a pair out, but none of the diagonal.
        ids: One name an item [N], or None.

    Returns:
        Boolean [N, N].

    Raises:
        ValueError: As ``negative_pairs``.

    Source:
        ours.

    Example:
        >>> shared_positives(torch.eye(3), 0.0, ["video1", "video2", "video1"])[0]
        tensor([ True, False,  True])
    """
    own = torch.eye(sim.shape[0], dtype=torch.bool, device=sim.device)
    negatives = negative_pairs(sim, ids=ids)
    if negatives is None:
        return own
    known = ~negatives if not isinstance(margin, Tensor) else ~negatives & ~torch.isneginf(margin)
    return own | known


def _for_both(
    make: Callable[[float | Tensor], Tensor | None], margins: tuple[float | Tensor, float | Tensor]
) -> Masks:
    """A mask for each direction; one for both where the margin is one for both."""
    first = make(margins[0])
    return first, first if margins[1] is margins[0] else make(margins[1])


def _centred(
    sim: Tensor, margin: float | Tensor, negatives: Tensor | None, temperature: float | Tensor
) -> float | Tensor:
    """The margin of the logits: minus its mean over the negatives, so that of a number nothing is left."""
    if not isinstance(margin, Tensor):
        return 0.0
    margin = margin.to(sim.dtype)
    negatives = ~torch.eye(len(sim), dtype=torch.bool, device=sim.device) if negatives is None else negatives
    # Of a pair that is left out -inf would turn the temperature's gradient into NaN.
    kept = torch.where(negatives, margin, 0)
    return (kept - kept.sum() / negatives.sum().clamp_min(1)) / temperature


def _raised(
    logits: Tensor, margin: float | Tensor, negatives: Tensor | None, positives: Tensor | None
) -> Tensor:
    """Logits plus margin; known positives as they are, and far below where a pair is neither."""
    # Logits are a hundred times a similarity at most; -inf times a share of 0 would be NaN.
    added = spread_margin(logits, margin, negatives, 0.0, 100 * FAR_BELOW)
    return logits + (added if positives is None else torch.where(positives, 0, added))


def _contrast(logits: Tensor, target: Tensor, negatives: Tensor | None) -> Tensor:
    """Cross-entropy over the anchors (rows) that have a negative at all."""
    return mean_over_anchors(functional.cross_entropy(logits, target, reduction="none"), negatives)
