"""Whether a table found beside captions is an expert: evidence that it holds features of videos.

With text embeddings taken for an expert, R@1 rises from 34 to 77 and means nothing. So a table is admitted by
its name, or by its ids and shape where nothing speaks against it; in doubt it is left out, aloud.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np

from cmgsd_lite.data.formats.names import VIDEO_MODELS, says_model, words_of
from cmgsd_lite.data.formats.tables import FeatureTable

_VIDEO_WORDS = re.compile(r"videos?\w*|vids?|visual\w*|vis|frames?|images?|imgs?|shots?")
# What is no feature of a video wherever it stands in a name, and what is none as a word of its own.
_NOT_INSIDE = re.compile(
    r"caption|sentence|quer(y|ies)|(?<!con)text(?!ur)|transcript|similarit|one_?hot|label|categor|logit|"
    r"relevan|input_ids"
)
_NOT_AS_WORD = re.compile(
    r"sims?|scores?|matrix|matrices|dists?|distances?|ranks?|ranking|caps?|sents?|words?|tokens?|tok|titles?|"
    r"desc|descriptions?|questions?|answers?|class(es)?|targets?|gt|tags?|masks?|lengths?|neighbou?rs|"
    r"index|indices|idx|[tvi]2[tvi]|topics?|lang|language|prompts?|txt|nlp|tfidf|bow"
)
# Word and sentence encoders; of speech or of letters in the picture (CE: speech-w2v, ocr) they are an expert.
_TEXT_MODELS = re.compile(
    r"w2v\w*|word2vec\w*|glove\w*|fasttext\w*|\w*bert\w*|gpt\w*|t5\w*|minilm\w*|mpnet\w*|elmo|simcse\w*|"
    r"wordllama\w*|llama\w*|xlnet\w*|bge\w*|gte\w*|e5\w*"
)
_READ_FROM_VIDEO = re.compile(r"speech\w*|ocr|audio\w*|asr")
# What people write down about a film: seconds, sizes, places in it.
_METADATA = re.compile(
    r"durations?|times?|timestamps?|meta|metadata|infos?|information|fps|framerates?|sizes?|widths?|heights?|"
    r"resolutions?|starts?|ends?|begins?|segments?|boundaries|bounds|spans?|intervals?|clips?times?|offsets?|"
    r"stats?|statistics|counts?|nums?|numbers?|years?|dates?|views?|likes|ages?|box(es)?|bbox(es)?|bitrates?"
)
# Names that say that there are features, though not of what.
_FEATURE_WORDS = re.compile(r"\w*clip|feat\w*|emb\w*|vec\w*|videos?|vids?|visual\w*|vis")
_TELLING = (VIDEO_MODELS, _VIDEO_WORDS, _FEATURE_WORDS)
_FEW = 8  # no network makes so few numbers of a video
_MANY = 64  # what is so wide is features of segments or views rather than facts about them
_SHORT = 16  # a list of a few videos may well be as long as a vector
# Folders named after the task or the data set, not after what lies in them.
_TASK = re.compile(r"retrieval|dataset|corpus|text\W?_?(2|to)?_?\W?video|video\W?_?(2|to)?_?\W?text")
_CONTENT = re.compile(r"feat|emb|vec|sim|score|repr")
FORCE = "to use it all the same, name it: --experts {name}"


@dataclass(frozen=True)
class Known:
    """What is known about the videos when their features are looked at.

    Attributes:
        captions: Number of captions of each video.
        videos: Further ids, as of split lists.
        widths: Numbers of things a row of scores may be as wide as: the lists, all queries.
    """

    captions: Mapping[str, int] = field(default_factory=dict)
    videos: Collection[str] = frozenset()
    widths: Collection[int] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All ids of videos that are known."""
        return frozenset(self.captions) | frozenset(self.videos)


def name_doubt(folders: Sequence[str], names: Sequence[str]) -> str | None:
    """What a name says against features of videos; None when it says nothing.

    Args:
        folders: Names of the folders below the opened path; those named after a task say nothing.
        names: Names of the file and of the key in it.

    Example:
        >>> name_doubt(["features"], ["clip_text.npz"])
        'its name says "text", which is no feature of a video'
    """
    telling = [name for name in folders if not _TASK.search(name.lower()) or _CONTENT.search(name.lower())]
    against = _name_against([word for name in (*telling, *names) for word in words_of(name)])
    return f'its name says "{against}", which is no feature of a video' if against else None


def value_doubt(names: Sequence[str], table: FeatureTable, known: Known) -> str | None:
    """What ids, shape and numbers say against features of videos; the more a name says, the less they do.

    Args:
        names: Names of the folders, the file and the key in it.
        table: The table.
        known: The videos.

    Example:
        >>> one = FeatureTable(["video1"], np.ones((1, 2), np.float32), np.array([0, 1]))
        >>> value_doubt(["features", "i3d.npz"], one, Known()) is None
        True
    """
    words = [word for name in names for word in words_of(name)]
    model = any(map(says_model, names))
    named = model or any(_VIDEO_WORDS.fullmatch(word) for word in words)
    facts = _metadata_against(names, table)
    return _ids_against(table, known, named) or facts or _values_against(table, known, model, named)


def _name_against(words: Sequence[str]) -> str | None:
    from_video = any(_READ_FROM_VIDEO.fullmatch(word) for word in words)
    for word in [*words, "_".join(words)]:
        inside = _NOT_INSIDE.search(word)
        if inside or _NOT_AS_WORD.fullmatch(word):
            return inside[0] if inside else word
        if _TEXT_MODELS.fullmatch(word) and not from_video:
            return word
    return None


def _ids_against(table: FeatureTable, known: Known, named: bool) -> str | None:
    ids = known.ids
    if not ids:  # without captions nothing can leak
        return None
    hits = sum(name in ids for name in table.position)
    if not hits or (not named and 2 * hits < len(table.position)):
        own, others = (", ".join(sorted(names)[:2]) for names in (table.position, ids))
        found = f"{hits:,} of its {len(table.position):,} ids are videos with captions or in a list"
        return f"{found} (ids here: {own}; there: {others})"
    return None


def _metadata_against(names: Sequence[str], table: FeatureTable) -> str | None:
    """Facts about the film rather than features: by a name of nothing else, or a few numbers of that kind."""
    words = [word for name in names for word in words_of(PurePath(name).stem)]
    last = words_of(PurePath(names[-1]).stem) if names else []
    own = [word for word in last if not _FEATURE_WORDS.fullmatch(word)]
    if own and table.dim < _MANY and all(map(_METADATA.fullmatch, own)):
        return f'its name says no more than "{own[0]}", as facts about a film do'
    if table.dim >= _FEW:
        return None
    told = next((word for word in words if _METADATA.fullmatch(word)), None)
    if told:
        return f'it holds {table.dim} numbers a video and its name says "{told}", as facts about a film do'
    if not any(kind.fullmatch(word) for word in words for kind in _TELLING) and _are_facts(table):
        return f"it holds {table.dim} numbers a video, as counts and seconds are, and its name says no more"
    return None


def _are_facts(table: FeatureTable) -> bool:
    """Whether a column is whole numbers throughout, or nothing is negative but some of it large."""
    rows = np.asarray(table.rows, np.float32)
    whole = np.all(rows % 1 == 0, axis=0) & rows.any(axis=0)
    return bool(whole.any() or (rows.min() >= 0 and rows.max() > 1))


def _values_against(table: FeatureTable, known: Known, model: bool, named: bool) -> str | None:
    count, dim = len(table.position), table.dim
    as_captions = [(n, known.captions[v]) for v, n in zip(table.ids, table.counts, strict=True)
                   if n and v in known.captions]  # fmt: skip
    several = len(as_captions) > 1 and all(n == captions for n, captions in as_captions)
    counts = {n for n, _ in as_captions}
    if several and (len(counts) > 1 or (not named and counts != {1})):
        return "each video has as many vectors as captions, so they are features of captions"
    if _is_symmetric(table):
        return f"it is a symmetric matrix of {count:,} videos, so it holds similarities"
    if not model and table.integers:
        return "it holds whole numbers, as labels and ids of words are"
    if not model and _is_binary(table):
        return "it is made of 0 and 1 alone, as labels are"
    lists = {width for width in known.widths if width > _SHORT}
    widths = {count, len(known.captions), sum(known.captions.values()), *lists} - {0, 1}
    if not named and dim in widths:
        return f"it is {dim:,} wide, as many as there are videos or captions, so it may hold scores"
    if not named and dim == 1:
        return "it holds one number a video"
    return None


def _is_symmetric(table: FeatureTable) -> bool:
    rows = np.asarray(table.rows, np.float32)
    return (
        len(rows) == rows.shape[1] > 1
        and bool(np.allclose(rows, rows.T, atol=1e-4))
        and bool(np.ptp(rows) > 0)
    )


def _is_binary(table: FeatureTable) -> bool:
    return set(np.unique(np.asarray(table.rows[:200])).tolist()) == {0, 1}
