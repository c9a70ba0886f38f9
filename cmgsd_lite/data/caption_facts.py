"""What captions tell before anything is trained: lengths, exact twins, captions within others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cmgsd_lite.evaluation.relevance import caption_words

SAMPLE, _SEED, _LEAST, _MOST = 500, 2021, 2, 12
COUNTED = (
    "A caption is likely true of another video when all its content words (stemmed, without words such as "
    f"a, the, is; at least {_LEAST} of them) stand together in one caption of that video. Paraphrases are "
    "missed, so the true number is higher; vague captions are true of many."
)


@dataclass(frozen=True)
class CaptionFacts:
    """Counts over the captions of a data set, of which so many were ``sampled`` for false negatives.

    ``lengths`` counts captions by number of words; ``twins`` are (caption, videos) of captions that several
    videos have, letter for letter but for case and blanks, the most frequent first. ``others`` is how many
    videos a sampled caption is likely true of besides its own, on average; ``examples`` are (caption, its
    video, another, that video's caption).
    """

    lengths: dict[int, int]
    twins: list[tuple[str, list[str]]]
    twin_captions: int
    captions: int
    sampled: int
    with_false_negatives: int
    others: float
    examples: list[tuple[str, str, str, str]]


def caption_facts(captions: Mapping[str, Sequence[str]]) -> CaptionFacts:
    """Count lengths, exact twins and likely false negatives (see `COUNTED`), with some of each."""
    pairs = [(video, caption) for video, mine in captions.items() for caption in mine]
    owners: dict[str, list[str]] = {}
    for video, caption in pairs:
        mine = owners.setdefault(_bare(caption), [])
        if video not in mine:
            mine.append(video)
    twins = sorted(((c, v) for c, v in owners.items() if len(v) > 1), key=lambda twin: -len(twin[1]))
    sampled, found = _likely(pairs)
    examples = [(*pairs[number][::-1], *pairs[others[0]]) for number, others in found.items()]
    return CaptionFacts(
        lengths=dict(sorted(Counter(len(caption.split()) for _, caption in pairs).items())),
        twins=twins[:_MOST],
        twin_captions=sum(len(owners[_bare(caption)]) > 1 for _, caption in pairs),
        captions=len(pairs),
        sampled=sampled,
        with_false_negatives=len(found),
        others=sum(map(len, found.values())) / max(sampled, 1),
        examples=examples[:_MOST],
    )


def _bare(caption: str) -> str:
    return " ".join(caption.casefold().split())


def _likely(pairs: Sequence[tuple[str, str]]) -> tuple[int, dict[int, list[int]]]:
    """How many captions were drawn; of each with any, one caption of each other video that contains it."""
    drawn = np.arange(len(pairs))
    if len(pairs) > SAMPLE:
        drawn = np.sort(np.random.default_rng(_SEED).choice(len(pairs), SAMPLE, replace=False))
    words = [caption_words(caption) for _, caption in pairs]
    places: dict[str, set[int]] = {}
    for number, mine in enumerate(words):
        for word in mine:
            places.setdefault(word, set()).add(number)
    found: dict[int, list[int]] = {}
    for number in drawn.tolist():
        if len(words[number]) < _LEAST:
            continue
        rarest, *rest = sorted((places[word] for word in words[number]), key=len)
        others = {pairs[n][0]: n for n in sorted(rarest.intersection(*rest), reverse=True)}
        others.pop(pairs[number][0], None)
        if others:
            found[number] = list(others.values())
    return len(drawn), found
