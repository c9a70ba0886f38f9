"""Static teachers: frozen knowledge whose distances make the static margins. Nothing here is trained.

A teacher may know more than the model does ("privileged knowledge"): all captions of a training video, while
the model sees one of them at a time. ``Teacher`` says what one is; ``text_teacher`` and ``video_teacher`` are
features, which a loss measures itself.
"""

from cmgsd_lite.teachers.base import Teacher
from cmgsd_lite.teachers.blend import Blend
from cmgsd_lite.teachers.directed import Containment, Directed, DirectedEmbedding
from cmgsd_lite.teachers.oracle import Oracle
from cmgsd_lite.teachers.text import text_teacher
from cmgsd_lite.teachers.video import Statistics, feature_statistics, video_teacher
from cmgsd_lite.teachers.video_to_video import VideoToVideo

__all__ = [
    "Blend",
    "Containment",
    "Directed",
    "DirectedEmbedding",
    "Oracle",
    "Statistics",
    "Teacher",
    "VideoToVideo",
    "feature_statistics",
    "text_teacher",
    "video_teacher",
]
