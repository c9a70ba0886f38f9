"""Published protocols, and which of them a number of one's own may be compared with."""
# ruff: noqa: E501 (a table has a row a line)

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

SENTENCE, EVERY, PARAGRAPH = "one sentence a video", "every caption of a video", "one paragraph a video"


class Published(NamedTuple):
    """One published protocol of text-video retrieval, and who published its lists.

    ``ids`` is a regular expression of its videos' ids; ``train`` and ``videos`` (of the test list) hold
    several numbers where several lists are in use; ``queries`` is ``SENTENCE``, ``EVERY`` or ``PARAGRAPH``;
    ``digest`` is of the test ids, where the list was at hand: elsewhere number and form of the ids must do.
    """

    name: str
    ids: str
    train: tuple[int, ...]
    videos: tuple[int, ...]
    queries: str
    source: str
    digest: str = ""


_MSRVTT, _YOUTUBE = r"video\d{1,4}", r"[\w-]{11}"

PUBLISHED = (
    Published("MSR-VTT 1k-A", _MSRVTT, (9000, 7010), (1000,), SENTENCE, "JSFusion (ECCV 2018)", "49a09fb68f7ec52b"),
    Published("MSR-VTT 1k-B", _MSRVTT, (6656,), (1000,), SENTENCE, "MoEE (2018), called miech here", "a0ad82bd7f2c45e3"),
    Published("MSR-VTT full", _MSRVTT, (6513, 7010), (2990,), EVERY, "the release (CVPR 2016)", "916e9b2dd9a45181"),
    Published("ActivityNet paragraphs", rf"(v_)?{_YOUTUBE}", (10009,), (4917,), PARAGRAPH, "val_1 of ActivityNet Captions, as CE has it"),
    Published("DiDeMo paragraphs", r"\d+@N\d+_\d+_\w+", (8395, 8392), (1004, 1003), PARAGRAPH, "the release (ICCV 2017)"),
    Published("LSMDC", r"\d{4}_.+_\d\d\.\d\d\.\d\d\.\d{3}-.+", (101079,), (1000,), SENTENCE, "LSMDC 2016, publictect"),
    Published("VATEX", rf"{_YOUTUBE}_\d{{6}}_\d{{6}}", (25991,), (1500,), EVERY, "HGR (CVPR 2020), English"),
    Published("MSVD", rf"{_YOUTUBE}_\d{{1,5}}_\d{{1,5}}|vid\d+", (1200,), (670,), EVERY, "Venugopalan et al. (ICCV 2015), as CE has it"),
)  # fmt: skip


class Comparison(NamedTuple):
    """Whether a number may be compared with those of a published protocol, and what fits, or does not."""

    protocol: str
    comparable: bool
    why: str

    def __str__(self) -> str:
        """The comparison as a line."""
        return f"{'comparable' if self.comparable else 'not comparable'} with {self.protocol}: {self.why}"


def comparisons(
    video_ids: Collection[str],
    queries: Sequence[int],
    joined: bool = False,
    train: tuple[int, int] | None = None,
) -> list[Comparison]:
    """Which published protocols with such ids a number may be compared with, and which not, and why.

    Args:
        video_ids: Of the videos that were ranked.
        queries: How many texts asked for each of them.
        joined: Whether a text is all sentences of a video (``join_paragraphs``).
        train: How many training and how many validation videos there are, or None where nobody knows.

    Returns:
        One a protocol of the data set that the ids are of; none for ids that no published list has.

    Source:
        ours; the lists are those of the protocols' ``source``.

    Example:
        >>> print(comparisons(["video7020", "video7021"], [20, 20])[0])
        not comparable with MSR-VTT 1k-A: 2 test videos, its list has 1,000; every caption of a video asks, \
there one sentence a video (--queries protocol)
    """
    told = PARAGRAPH if joined else SENTENCE if max(queries, default=1) == 1 else EVERY
    return [_compared(one, video_ids, told, train) for one in PUBLISHED if _are_of(one, video_ids)]


def same_size(texts: int, videos: int) -> list[str]:
    """Names of the protocols that have so many test videos and texts; a matrix of scores has no ids."""
    several = texts > videos
    return [p.name for p in PUBLISHED if videos in p.videos and (p.queries == EVERY) == several]


def protocol_table() -> str:
    """The protocols as the table of docs/DATA.md."""
    lines = ["| protocol | test videos | what asks | training videos | lists |", "|---|---|---|---|---|"]
    for one in PUBLISHED:
        checked = "by its ids" if one.digest else "by number and form of ids"
        cells = (one.name, _or(one.videos), one.queries, _or(one.train), f"{one.source}; known {checked}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _are_of(one: Published, video_ids: Collection[str]) -> bool:
    return bool(video_ids) and all(re.fullmatch(one.ids, video) for video in video_ids)


def _compared(
    one: Published, video_ids: Collection[str], told: str, train: tuple[int, int] | None
) -> Comparison:
    count, fits, reasons = len(video_ids), "the same test list", []
    if count not in one.videos:
        reasons.append(f"{count:,} test videos, its list has {_or(one.videos)}")
    elif not one.digest:
        fits = f"{count:,} test videos as in its list, which was not at hand to compare ids"
    elif _digest(video_ids) != one.digest:
        reasons.append(f"{count:,} test videos, but not those of its list")
    if told != one.queries:
        how = {SENTENCE: "protocol", EVERY: "all", PARAGRAPH: "paragraph"}[one.queries]
        reasons.append(f"{told} asks, there {one.queries} (--queries {how})")
    if reasons:
        return Comparison(one.name, False, "; ".join(reasons))
    why = f"{fits}, {told}"
    if train is not None and not {train[0], sum(train)} & {*one.train}:
        why += f"; this data has {train[0]:,} training videos, there {_or(one.train)}"
    return Comparison(one.name, True, why)


def _digest(video_ids: Collection[str]) -> str:
    return hashlib.sha256("\n".join(sorted(video_ids)).encode()).hexdigest()[:16]


def _or(numbers: Sequence[int]) -> str:
    return " or ".join(f"{number:,}" for number in numbers)
