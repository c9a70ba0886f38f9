"""What names of files, folders, keys and ids say: a part of the data set, an expert, a frame's number."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.files import video_id_of
from cmgsd_lite.data.formats.limits import NAME

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
# Words by which people call the parts. "trainval" is what is trained on when nothing is held out.
_PART_WORDS = {
    **dict.fromkeys(("train", "trn", "training", "trainval", "restval"), TRAIN),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "devel", "development"), VALIDATION),
    **dict.fromkeys(("eval", "evaluation"), VALIDATION),
    **dict.fromkeys(("test", "tst", "testing", "publictect", "publictest"), TEST),
}
# A part's word stands alone or before a number (test1k, val_1); BigFile glues a size to it: msrvtt10ktrain.
_PART = re.compile(
    rf"(?:(?<![a-z0-9])|(?P<size>(?<=[a-z])\d+k))(?P<word>{'|'.join(sorted(_PART_WORDS, key=len)[::-1])})"
    r"(?P<number>\d+k?[ab]?|[_.\-\s]\d(?![a-z0-9])|[_.\-\s]\d+k[ab]?)?(?![a-z0-9])",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[\s_.\-/\\]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FRAME = re.compile(r"(?P<video>.*?)[_\-.\s]?(?:frames?|img|image|shot|segment|seg|chunk|f|t)?[_\-.\s]?"
                    r"(?P<number>\d+(?:\.\d+)?)", re.IGNORECASE)  # fmt: skip
_SHARD = re.compile(
    r"(^|[_.\-\s])((parts?|shards?|chunks?|pt)[_.\-\s]?\d+([_.\-\s]?of[_.\-\s]?\d+)?|\d+[_.\-\s]of[_.\-\s]\d+)$",
    re.IGNORECASE,
)
# Networks and channels that features of videos are named after.
VIDEO_MODELS = re.compile(
    r"rgb|(opt(ical)?)?flow|[iscprtx]3d\w*|r2p1d\w*|r2plus1d\w*|resnet\w*|resnext\w*|senet\w*|densenet\w*|"
    r"inception\w*|mobilenet\w*|efficientnet\w*|vgg\w*|audio\w*|sound\w*|speech\w*|ocr|faces?|scenes?|"
    r"objects?|actions?|motion\w*|appearance\w*|slowfast\w*|timesformer\w*|videomae\w*|swin\w*|vit\w{0,5}|"
    r"dino\w*|imagenet|places365"
)
_VIDEO = re.compile(r"(?:video|msr)\d+")
_MOST_PARTS = 12
# Names that say only that there are features; the folder says of which expert.
GENERIC = {"ft", "feat", "feats", "feature", "features", "embedding", "embeddings", "data", "all", ""}


def words_of(name: str) -> list[str]:
    """Lower-case words of a name, cut at signs and at capitals: "clipText_v2" is clip, text, v2."""
    return [word.lower() for word in _SEPARATORS.split(_HUMP.sub("_", name)) if word]


def says_model(name: str) -> bool:
    """Whether a word of a name is a network or channel that features of videos are named after."""
    return any(VIDEO_MODELS.fullmatch(word) for word in words_of(name))


def part_of(name: str) -> str | None:
    """The part that a name states ("train", "validation", "test"), by any of its usual words, or None.

    Example:
        >>> [part_of(name) for name in ("val_1", "i3d-tst", "msrvtt10ktrain", "pretrained")]
        ['validation', 'test', 'train', None]
    """
    found = _PART.search(_HUMP.sub("_", name))
    return _PART_WORDS[found["word"].lower()] if found else None


def without_part(name: str) -> str:
    """The name without its words for a part; empty when there was nothing else.

    Example:
        >>> [without_part(name) for name in ("clip_train", "test-i3d", "val_1", "rgb")]
        ['clip', 'i3d', '', 'rgb']
    """
    humped = _HUMP.sub("_", name)
    if not _PART.search(humped):
        return name
    return "_".join(word for word in re.split(r"[\s_.\-]+", _PART.sub("_", humped)) if word)


def without_shard(name: str) -> str:
    """The name without the number of a shard: part, shard or chunk with a number, or "00000-of-00002".

    Example:
        >>> [without_shard(name) for name in ("clip_part0", "i3d-00001-of-00004", "part1", "r21d")]
        ['clip', 'i3d', '', 'r21d']
    """
    return _SHARD.sub("", name)


def is_part(name: str) -> bool:
    """Whether a name says a part and nothing else."""
    return part_of(name) is not None and not without_part(name)


def are_parts(content: Mapping[Any, Any]) -> bool:
    """Whether the keys of a dict are parts: "train", "test_list"; not ids like test_1 with sentences."""
    if not content or len(content) > _MOST_PARTS or not all(part_of(str(key)) for key in content):
        return False
    if all(str(key).lower() in _PART_WORDS for key in content) and len(content) > 1:
        return True  # no videos are called train, val and test
    texts = [v for mine in content.values() if isinstance(mine, list) for v in mine if isinstance(v, str)]
    return not any(" " in text.strip() for text in texts)


def expert_name(path: Path) -> str:
    """Name of the expert in a file or folder: its stem without train/val/test, so that parts find together.

    `clip_train.npz`, `clip_test.npz` and the folder `clip/train` are all "clip"; `trn_ft.npy` (HGR) and
    `train/features.npz` are named after the folder that says more.
    """
    stem = path.name if path.is_dir() else path.stem
    name = without_part(stem)
    says_nothing = set(words_of(name)) <= GENERIC
    if says_nothing and (part_of(stem) or is_part(path.parent.name)) and path.parent.name:
        return expert_name(path.parent)
    if not without_shard(name) and path.parent.name:  # clip/part0.npz
        return f"{expert_name(path.parent)}_{name}"
    return name or stem


def frame_number(name: str) -> float | None:
    """The number of a frame, of a name that is nothing else: "7", "0007", "frame_7", "2.5"."""
    found = _frame_of(name.strip())
    return float(found["number"]) if found and not found["video"] else None


def _frame_of(name: str) -> re.Match[str] | None:
    return _FRAME.fullmatch(name) if len(name) <= NAME else None


def are_frames(names: Iterable[str]) -> bool:
    """Whether all names (at least one) are numbers of frames."""
    numbers = [frame_number(str(name)) for name in names]
    return bool(numbers) and None not in numbers


def _of_known(name: str, known: Collection[str]) -> re.Match[str] | None:
    """A known id and a number: an id may end in what looks like the word for a frame, as in 00f_12."""
    found = re.fullmatch(r"(?P<video>.+)[_\-.\s](?P<number>\d+)", name) if len(name) <= NAME else None
    return found if found and _is_known(found["video"], known) else None


def _is_known(video: str, known: Collection[str]) -> bool:
    return video in known or bool(video.strip() and video_id_of(video) in known)


def frames_of_videos(
    names: Collection[str], known: Collection[str] = ()
) -> tuple[list[str], list[float]] | None:
    """Videos and numbers of names like "video7_12" or "video7_frame_3"; None for other names.

    Args:
        names: Stems of files, or ids.
        known: Video ids from annotations; without them videos must be called videoN.
    """
    known = set(known)
    found = [_of_known(name, known) or _frame_of(name) for name in names if name not in known]
    if not found or len(found) < len(names) or not all(found):
        return None
    videos = [match["video"] for match in found if match]
    hits = sum(_is_known(video, known) or bool(_VIDEO.fullmatch(video)) for video in videos)
    if 2 * hits < len(videos):
        return None
    return videos, [float(match["number"]) for match in found if match]
