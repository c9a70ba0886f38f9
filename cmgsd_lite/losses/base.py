"""One call for all losses, so that one can stand in for another without another line of the training."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from cmgsd_lite.losses.blocks.scores import Scores, SimRows, scores_in_blocks
from cmgsd_lite.losses.checks import Distance, Margin, checked_sim
from cmgsd_lite.losses.hinge import Ids
from cmgsd_lite.schedules import checked_fraction
from cmgsd_lite.similarity import cosine_similarity_matrix, full_precision
from cmgsd_lite.validation import checks_values, validating


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a loss may be given beside ``sim``; what each is stands with ``RetrievalLoss.forward``.

    Example:
        >>> Inputs(progress=0.5).progress
        0.5
    """

    text: Tensor | None = None
    video: Tensor | None = None
    text_teacher: Tensor | None = None
    video_teacher: Tensor | None = None
    distances: Mapping[str, Distance] | None = None
    margin: Margin | None = None
    ids: Ids | None = None
    relevance: Tensor | None = None
    progress: float | Tensor | None = None

    def has(self, name: str) -> bool:
        """Whether an input was given; ``distances`` without an entry were not."""
        value = getattr(self, name)
        return value is not None and not (isinstance(value, Mapping) and not value)


IN_BLOCKS_FROM = 1024
"""From so many pairs on a loss without ``sim`` is computed in blocks."""

NAMES = ("sim", *(field.name for field in fields(Inputs)))
"""The names that every loss accepts."""


class RetrievalLoss(nn.Module, ABC):
    """What every loss is: a module called as ``forward`` says; a call changes no state.

    A loss is a subclass with one method, ``compute(sim, given)``, and two statements:

    - ``needs``: what it cannot do without, as groups of names; of each group one has to be given;
    - ``no_margin``: why a given ``margin`` is refused, or "" if it is used.

    ``ids`` are used by every loss. The other inputs may stay unused, which each loss's docstring tells.
    Scores that cannot be cosines are warned of once for each loss object.

    Source:
        ours.

    Example:
        >>> class Gap(RetrievalLoss):
        ...     no_margin = "has none"
        ...
        ...     def compute(self, sim, given):
        ...         return sim.mean() - sim.diagonal().mean()
        >>> Gap()(torch.eye(2), progress=0.5)
        tensor(-0.5000)
    """

    needs: tuple[tuple[str, ...], ...] = ()
    no_margin: str = ""
    warned = False

    def __init__(self) -> None:
        super().__init__()
        # Older versions kept a generator's state in the permuted control.
        self.register_load_state_dict_pre_hook(_without_old_state)  # type: ignore[no-untyped-call]

    def forward(
        self,
        sim: Tensor | SimRows | None = None,
        *,
        text: Tensor | None = None,
        video: Tensor | None = None,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        distances: Mapping[str, Distance] | None = None,
        margin: Margin | None = None,
        ids: Ids | None = None,
        relevance: Tensor | None = None,
        progress: float | Tensor | None = None,
        validate: bool = False,
        block: int | None = None,
    ) -> Tensor:
        """Return the loss of a batch of N pairs.

        Shapes and devices are always checked, values in eager mode on the CPU. In a compiled graph
        (``torch.compile(loss, fullgraph=True)``) give ``ids`` as a tensor, and ``progress`` as a tensor if
        not even its second value is to compile anew.

        Args:
            sim: Similarities [N, N]: rows are texts, columns are videos, positives on the diagonal. Without
                it the cosines of ``text`` and ``video``. A callable that gives the rows of a slice [len, N],
                the same at every call, for a loss in blocks.
            text: The model's own text embeddings [N, D].
            video: The model's own video embeddings [N, D].
            text_teacher: Frozen text features [N, D'].
            video_teacher: Frozen video features [N, D''].
            distances: Ready static distances by a name of one's own, [N, N] each in any unit, rows texts and
                columns videos, not necessarily symmetric. In blocks also callables that give the rows of a
                slice (in the permuted control: of a tensor of row numbers) [len, N].
            margin: A number or one for every pair [N, N], in units of ``sim``; ``-inf`` leaves a pair out. A
                tuple of two: text to video, video to text.
            ids: One name an item [N]; pairs with equal ids are known positives and left out (or
                positives, where a loss is told so).
            relevance: Graded truth [N, N] in [0, 1] of text i to video j.
            progress: Fraction of training done, in [0, 1]: a number, or a tensor of one.
            validate: Look at values on an accelerator too, which then waits for each look.
            block: Compute over blocks of so many rows, so that no matrix [N, N] ever stands: the same value
                and gradient, no second derivative. None: without ``sim`` and from ``IN_BLOCKS_FROM`` pairs on
                in blocks that a processor's cache holds, if the loss can; otherwise whole.

        Returns:
            Scalar, in float32 or wider.

        Raises:
            TypeError: On any other name, or a second argument without a name.
            ValueError: Naming the argument, what was expected and what came.
        """
        given = Inputs(text, video, text_teacher, video_teacher, distances, margin, ids, relevance, progress)
        if not validate or torch.compiler.is_compiling():
            return self._of(sim, given, block)
        with validating():
            return self._of(sim, given, block)

    def _of(self, sim: Tensor | SimRows | None, given: Inputs, block: int | None) -> Tensor:
        if not isinstance(sim, Tensor) and (block is not None or callable(sim) or self._is_large(sim, given)):
            return self._in_blocks(sim, given, block)
        if block is not None:
            raise ValueError(
                "block: expected None with a whole sim: leave sim out, or give its rows by a callable"
            )
        sim = self._scores(sim, given)
        wide, given, largest = self.checked(sim, given)
        self._warn_of_scores(largest, sim.dtype, 7)
        return self.compute(wide, given)

    def _scores(self, sim: Tensor | None, given: Inputs) -> Tensor:
        if sim is not None:
            return sim
        if given.text is None or given.video is None:
            raise ValueError("sim: expected similarities [N, N], or text and video to take the cosines of")
        with full_precision(given.text):
            return cosine_similarity_matrix(given.text, given.video)

    def _is_large(self, sim: object, given: Inputs) -> bool:
        large = isinstance(given.text, Tensor) and given.text.ndim == 2 and len(given.text) >= IN_BLOCKS_FROM
        return sim is None and large and not torch.compiler.is_compiling() and not self.why_whole(given)

    def _in_blocks(self, sim: SimRows | None, given: Inputs, block: int | None) -> Tensor:
        if torch.compiler.is_compiling():
            raise ValueError(
                "block, sim: expected no blocks in a compiled graph: call such a loss outside it"
            )
        scores = scores_in_blocks(sim, given.text, given.video, block)
        self.check_given(given)
        if given.progress is not None:
            given = replace(given, progress=_fraction(given.progress, scores.like))
        if reason := self.why_whole(given):
            raise ValueError(f"block: expected None, because {reason}")
        value = self.in_blocks(scores, given)
        self._warn_of_scores(scores.largest(), scores.like.dtype, 8)
        return value

    def _warn_of_scores(self, largest: float, dtype: torch.dtype, frames: int) -> None:
        if self.warned or largest <= _largest_cosine(dtype):
            return
        self.warned = True
        warnings.warn(
            f"{type(self).__name__}: sim: expected cosines in [-1, 1], got larger scores. Its margin and "
            "temperature are in units of sim: normalise the embeddings, or set margin and temperature in the "
            "unit of these scores.",
            stacklevel=frames - 1,  # this function, those down to forward, two of nn.Module, then the caller
        )

    @abstractmethod
    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: what a subclass writes."""

    def in_blocks(self, scores: Scores, given: Inputs) -> Tensor:
        """Return the same without ``sim`` standing whole: what a subclass may write beside ``compute``."""
        raise NotImplementedError(f"{self._name()} has compute alone, which why_whole has to say")

    def why_whole(self, given: Inputs) -> str:
        """Why the loss of these inputs needs a whole ``sim``, or "" if it can be computed in blocks."""
        # A class that writes compute anew does not compute what an inherited in_blocks does.
        written = next(vars(c) for c in type(self).__mro__ if "compute" in vars(c))
        return "" if "in_blocks" in written else f"{self._name()} needs the whole matrix"

    def checked(self, sim: Tensor, given: Inputs) -> tuple[Tensor, Inputs, float]:
        """Return ``sim`` in float32 or wider, the inputs with ``progress`` checked, and the largest |sim|."""
        sim, largest = checked_sim(sim)
        self.check_given(given)
        if given.progress is not None:
            given = replace(given, progress=_fraction(given.progress, sim))
        return sim, given, largest

    def check_given(self, given: Inputs) -> None:
        """Raise ValueError if an input is missing that the loss needs, or a margin given that it refuses."""
        for group in self.needs:
            if not any(given.has(one) for one in group):
                number = "a value" if len(group) == 1 else "at least one of them"
                raise ValueError(f"{', '.join(group)}: expected {number} for {self._name()}, got none")
        if self.no_margin and given.margin is not None:
            raise ValueError(f"margin: expected none, because {self._name()} {self.no_margin}; got one")

    def _name(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


def input_names(loss: nn.Module) -> tuple[set[str], set[str]]:
    """Which inputs to hand to a loss, and which of them it cannot do without.

    Args:
        loss: A loss of this package, or one's own whose ``forward`` takes fewer names.

    Returns:
        Names out of ``NAMES``: those that ``forward`` takes (all, if it takes any keyword), and those that
        ``needs`` states or that have no default. A loss of this package takes ``relevance`` only if it states
        so, because ground truth is costly to look up.

    Source:
        ours.

    Example:
        >>> class Gap(nn.Module):
        ...     def forward(self, sim, ids=None):
        ...         return sim.mean() - sim.diagonal().mean()
        >>> taken, needed = input_names(Gap())
        >>> sorted(taken), sorted(needed)
        (['ids', 'sim'], ['sim'])
    """
    parameters = inspect.signature(loss.forward).parameters.values()
    of_any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    taken = set(NAMES) if of_any_name else {p.name for p in parameters} & set(NAMES)
    stated = {group[0] for group in getattr(loss, "needs", ()) if len(group) == 1}
    needed = {p.name for p in parameters if p.default is p.empty} & set(NAMES) | stated
    if isinstance(loss, RetrievalLoss):
        taken -= {"relevance"} - needed
    return taken, needed


def _fraction(progress: float | Tensor, sim: Tensor) -> float | Tensor:
    """A float where its value may be seen; otherwise a tensor, on which nothing branches."""
    if checks_values(progress if isinstance(progress, Tensor) else sim):
        return checked_fraction("progress", progress)
    if not isinstance(progress, Tensor):
        if not torch.compiler.is_compiling():
            return checked_fraction("progress", progress)
        progress = torch.full((), progress, dtype=torch.float64, device=sim.device)
    if progress.numel() != 1:
        raise ValueError(f"progress: expected a fraction in [0, 1], got shape {list(progress.shape)}")
    return progress.reshape(()).clamp(0, 1)


def _largest_cosine(dtype: torch.dtype) -> float:
    """Up to where a score may be a cosine: half precision rounds 1 up by several of its steps."""
    return 1 + max(1e-3, 4 * torch.finfo(dtype).eps if dtype.is_floating_point else 0.0)


def _without_old_state(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    state.pop(f"{prefix}_extra_state", None)
