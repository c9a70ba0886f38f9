"""Teachers by name, prepared on a training split, and what a loss is given of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from cmgsd_lite.teachers import Blend, Containment, Directed, DirectedEmbedding, Teacher, VideoToVideo
from cmgsd_lite.training.prepare import PreparedSplit

TeacherChoice = Teacher | Mapping[str, Teacher] | str | Sequence[str]
"""A teacher, teachers by names of one's own, or names of ``TEACHERS``."""

STATIC = {"text_teacher", "video_teacher", "distances"}
"""Inputs of a loss that come from teachers."""

DIRECTED_SHARE = 0.7
"""Weight of the directed text distance in ``"directed+video"``, from prototypes (docs/METHOD.md)."""


def prepare_teacher(name: str, train: PreparedSplit) -> Teacher:
    """Prepare a teacher on the training videos.

    Args:
        name: Of ``TEACHERS``: ``"text"`` (the mean text vectors of two videos), ``"video"`` (their frozen
            features), ``"directed-embedding"`` (a caption's vector and a video's mean one), ``"containment"``
            (the share of a caption's words that a video's captions lack), ``"directed"`` (the sum of both),
            ``"directed+video"`` (a blend of ``DIRECTED_SHARE`` of ``"directed"`` and the rest ``"video"``).
        train: Training videos.

    Returns:
        The teacher.

    Raises:
        ValueError: On an unknown name, or if the split does not hold the captions whose words are needed.

    Source:
        ours.

    Example:
        >>> prepare_teacher("directed", prepared.train)  # doctest: +SKIP
    """
    check_names([name])
    return _PREPARE[name](train)


def prepare_teachers(teacher: TeacherChoice | None, train: PreparedSplit) -> dict[str, Teacher] | None:
    """Prepare what ``fit`` was given as its teacher: teachers by name, a single object by that of its class.

    Raises ValueError as ``prepare_teacher``, or on something that is no teacher.
    """
    if teacher is None:
        return None
    if isinstance(teacher, Teacher):
        return {type(teacher).__name__: teacher}
    if isinstance(teacher, Mapping):
        others = [name for name, one in teacher.items() if not isinstance(one, Teacher)]
        if others or not teacher:
            raise ValueError(f"teacher: expected teachers by name, got none for {others or 'any name'}")
        return dict(teacher)
    names = [teacher] if isinstance(teacher, str) else list(teacher)
    check_names(names)
    return {name: prepare_teacher(name, train) for name in names}


def check_names(names: Sequence[str], argument: str = "teacher") -> None:
    """Raise ValueError, naming the argument, unless the names are some of ``TEACHERS``, each once."""
    unknown = [name for name in names if name not in TEACHERS]
    if unknown or not names or len(set(names)) < len(names):
        got = ", ".join(map(repr, unknown or names)) or "none"
        raise ValueError(f"{argument}: expected some of {', '.join(TEACHERS)}, each once, got {got}")


def static_inputs(
    train: PreparedSplit, teachers: Mapping[str, Teacher] | None, videos: Tensor, captions: Tensor
) -> dict[str, Any]:
    """Gather what a loss is given of its teachers for rows of videos [N] and numbers of captions [N].

    ``distances`` by the teachers' names; without teachers ``text_teacher`` and ``video_teacher``. Never both:
    one could not tell what a margin is made of.
    """
    if teachers is None:
        return {"text_teacher": train.text_teacher[videos], "video_teacher": train.video_teacher[videos]}
    return {"distances": {name: one.distances(videos, captions) for name, one in teachers.items()}}


def uses_teacher(loss: nn.Module) -> bool:
    """Find out whether a loss of this package makes use of a teacher, by what its ``needs`` state."""
    return any(STATIC & set(group) for group in getattr(loss, "needs", ()))


def _embedding(train: PreparedSplit) -> DirectedEmbedding:
    return DirectedEmbedding(train.text, train.text_teacher)


def _containment(train: PreparedSplit) -> Containment:
    if not train.captions:
        raise ValueError(
            "train: expected the captions of the videos, whose words this teacher counts, got a split "
            "prepared without them; prepare_split keeps them"
        )
    return Containment.of(train.captions)


_PREPARE: dict[str, Callable[[PreparedSplit], Teacher]] = {
    "text": lambda train: VideoToVideo(train.text_teacher, train.video_of_text),
    "video": lambda train: VideoToVideo(train.video_teacher, train.video_of_text),
    "directed": lambda train: Directed(_embedding(train), _containment(train)),
    "directed-embedding": _embedding,
    "containment": _containment,
    "directed+video": lambda train: Blend.of(
        Directed(_embedding(train), _containment(train)),
        VideoToVideo(train.video_teacher, train.video_of_text),
        DIRECTED_SHARE,
        train.first_caption_and_count()[0],
    ),
}
TEACHERS = tuple(_PREPARE)
"""Names of teachers, as ``--teacher`` takes them."""
