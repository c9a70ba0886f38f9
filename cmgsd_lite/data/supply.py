"""What is missing under a path, and the three lines that would supply it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.protocols import SplitLists


class Supply(NamedTuple):
    """Missing features, captions, lists or a test list, and three lines for a file that would supply them."""

    missing: str
    file: str
    lines: list[str]

    def __str__(self) -> str:
        """All of it in one line."""
        return f"such lines in {self.file} would supply {self.missing}: {' | '.join(self.lines)}"


def supplies(
    annotations: Annotations, protocols: dict[str, SplitLists], tables: dict[str, FeatureTable]
) -> list[Supply]:
    """What is missing of features, captions and lists, with lines whose ids are those that are there."""
    with_features = [video for table in tables.values() for video in table.position]
    usable = [video for video in with_features if annotations.captions.get(video)]
    ids = _three(usable or with_features or annotations.videos or _listed(protocols.values()))
    found: list[Supply] = []
    if not tables:
        found.append(Supply("features", "a script, once", _feature_lines(ids)))
    if not annotations.captions:
        texts = ("what one sees", "the same in other words", "what one sees in another")
        videos = (ids[0], ids[0], ids[1])
        lines = [f'{{"video": "{v}", "caption": "{text}"}}' for v, text in zip(videos, texts, strict=True)]
        found.append(Supply("captions", "captions.jsonl", lines))
    if not protocols:
        lines = ["video_id,split", f"{ids[0]},train", f"{ids[2]},test"]
        found.append(Supply("lists", "split.csv", lines))
    elif not any(lists.test for lists in protocols.values()):
        found.append(Supply("a test list", "own_test.csv", ["video_id", *ids[1:]]))
    return found


def _listed(protocols: Iterable[SplitLists]) -> list[str]:
    return [video for lists in protocols for video in (*lists.train, *lists.test)]


def _three(ids: Sequence[str]) -> list[str]:
    """First, second and last id; invented ones where none is there."""
    known = list(dict.fromkeys(ids)) or ["video0"]
    filled = [*known, *(f"video{n}" for n in range(1, 3))]
    return [filled[0], filled[1], known[-1] if len(known) > 2 else filled[2]]


def _feature_lines(ids: Sequence[str]) -> list[str]:
    listed = ", ".join(f'"{video}"' for video in ids)
    return [
        "import numpy as np",
        f"ids = [{listed}]  # and so on; features: one row of D numbers a video, in this order",
        'np.savez("rgb.npz", video_id=ids, features=features)',
    ]
