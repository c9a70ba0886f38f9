"""Static teachers: frozen features whose distances make the static margins. Nothing here is trained.

A teacher may know more than the model does ("privileged knowledge"): the text teacher of a training video
is the mean over *all* its captions, while the model sees one of them at a time.
"""

from cmgsd_lite.teachers.directed import Containment, Directed, DirectedEmbedding
from cmgsd_lite.teachers.text import text_teacher
from cmgsd_lite.teachers.video import Statistics, feature_statistics, video_teacher

__all__ = [
    "Containment",
    "Directed",
    "DirectedEmbedding",
    "Statistics",
    "feature_statistics",
    "text_teacher",
    "video_teacher",
]
