"""Some of a loss's inputs withheld: what does each source of distance contribute?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.blocks import Scores

Source = Literal["text_static", "video_static", "text_dynamic", "video_dynamic"]

SOURCES: tuple[Source, ...] = get_args(Source)

_INPUT = {
    "text_static": "text_teacher",
    "video_static": "video_teacher",
    "text_dynamic": "text",
    "video_dynamic": "video",
    "distances": "distances",
}


class SelectedSourcesLoss(RetrievalLoss):
    """A CMGSD loss that sees only some of the sources of distance.

    The sources that are left share the weight of those that are withheld, as wherever an input is missing.
    All other inputs are handed on.

    Args:
        loss: ``CMGSDLoss`` or one of its kin.
        sources: Of ``text_static``, ``video_static``, ``text_dynamic``, ``video_dynamic`` and ``distances``
            (all ready matrices); at least one.

    Raises:
        ValueError: On an unknown source, or none; in a call also if a source is withheld that the loss needs.

    Source:
        ours.

    Example:
        >>> loss = SelectedSourcesLoss(CMGSDLoss(schedule="static"), ["text_static"])
    """

    def __init__(self, loss: RetrievalLoss, sources: Collection[str]) -> None:
        super().__init__()
        unknown = sorted(set(sources) - set(_INPUT))
        if unknown or not sources:
            raise ValueError(f"sources: expected some of {', '.join(_INPUT)}, got {list(sources)}")
        self.loss, self.needs = loss, loss.needs
        self.sources = frozenset(sources)

    def check_given(self, given: Inputs) -> None:
        """Raise ValueError if the loss misses one of the inputs that are left."""
        self.loss.check_given(self._left(given))

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs."""
        return self.loss.compute(sim, self._left(given))

    def in_blocks(self, scores: Scores, given: Inputs) -> Tensor:
        """Return the same without ``sim`` standing whole."""
        return self.loss.in_blocks(scores, self._left(given))

    def why_whole(self, given: Inputs) -> str:
        """Why the loss of these inputs needs a whole ``sim``."""
        return self.loss.why_whole(self._left(given))

    def _left(self, given: Inputs) -> Inputs:
        withheld: dict[str, None] = {
            name: None for source, name in _INPUT.items() if source not in self.sources
        }
        return replace(given, **withheld)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"sources={sorted(self.sources)}"
