"""Some of a loss's inputs withheld: what does each source of distance contribute?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from torch import Tensor, nn

from cmgsd_lite.losses.hinge import Ids

Source = Literal["text_static", "video_static", "text_dynamic", "video_dynamic"]

SOURCES: tuple[Source, ...] = get_args(Source)


class SelectedSourcesLoss(nn.Module):
    """A CMGSD loss that sees only some of the four sources of distance.

    The sources that are left share the weight of those that are withheld, as wherever an input is missing.

    Args:
        loss: ``CMGSDLoss`` or one of its kin.
        sources: Of ``text_static``, ``video_static``, ``text_dynamic``, ``video_dynamic``; at least one.

    Raises:
        ValueError: On an unknown source, or none.

    Source:
        ours.

    Example:
        >>> loss = SelectedSourcesLoss(CMGSDLoss(schedule="static"), ["text_static"])
    """

    def __init__(self, loss: nn.Module, sources: Collection[str]) -> None:
        super().__init__()
        unknown = sorted(set(sources) - set(SOURCES))
        if unknown or not sources:
            raise ValueError(f"sources: expected some of {', '.join(SOURCES)}, got {list(sources)}")
        self.loss = loss
        self.sources = frozenset(sources)

    def forward(
        self,
        sim: Tensor,
        text: Tensor | None = None,
        video: Tensor | None = None,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        progress: float | None = None,
        ids: Ids | None = None,
    ) -> Tensor:
        """Return the loss; the arguments are those of ``CMGSDLoss``.

        Returns:
            Scalar.

        Raises:
            ValueError: As ``CMGSDLoss``, also if a source is withheld that its schedule needs.
        """
        value: Tensor = self.loss(
            sim,
            text=text if "text_dynamic" in self.sources else None,
            video=video if "video_dynamic" in self.sources else None,
            text_teacher=text_teacher if "text_static" in self.sources else None,
            video_teacher=video_teacher if "video_static" in self.sources else None,
            progress=progress,
            ids=ids,
        )
        return value

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"sources={sorted(self.sources)}"
