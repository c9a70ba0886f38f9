"""Which relevance the test queries of a data set are measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data import RetrievalDataset, Split
from cmgsd_lite.data.minivtt import relevance
from cmgsd_lite.evaluation.relevance import caption_overlap, same_category


@dataclass(frozen=True)
class KnownRelevance:
    """What test videos can be measured by, besides whether a query finds its own video.

    ``kinds`` maps a kind to [queries, videos] >= 0, the main kind first, empty where nothing is relevant;
    under ``beside_own`` something is relevant even without each query's own video; ``notes`` say what is left
    out.
    """

    kinds: dict[str, NDArray[Any]]
    beside_own: tuple[str, ...]
    notes: tuple[str, ...] = ()


def known_relevance(dataset: RetrievalDataset, queries: str = "all") -> KnownRelevance:
    """Find out which kinds of relevance a data set has, leaving out those under which nothing is relevant.

    Args:
        dataset: As ``load_dataset`` returns it.
        queries: ``"all"`` captions of the test videos (or ``"paragraph"``: joined ones), or the
            ``"protocol"``'s own sentences.

    Returns:
        The kinds. The embedded world: ``"truth"``, the share of the caption that is true of the clip.
        Elsewhere ``"caption overlap"`` and, where every test video has a category, ``"category"``; the first
        correlates with a text teacher, so a gain on it alone is no evidence of meaning.

    Raises:
        ValueError: If a test video has no caption.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> list(known_relevance(load_dataset(path)).kinds)  # doctest: +SKIP
        ['caption overlap', 'category']
    """
    split, notes = dataset.test, []
    chosen = split.queries if queries == "protocol" else split.captions
    owner = np.array([i for i, name in enumerate(split.video_ids) for _ in chosen.get(name, [])])
    kinds: dict[str, NDArray[Any]]
    if dataset.name == "minivtt":
        kinds = {"truth": _known_truth(split, queries)}
    else:
        texts = [text for name in split.video_ids for text in chosen.get(name, [])]
        captions = [split.captions[name] for name in split.video_ids]
        kinds = {"caption overlap": caption_overlap(texts, captions, owner)}
        without = sum(split.categories.get(name) is None for name in split.video_ids)
        if split.categories and without:
            notes.append(
                f"relevance by category is left out: {without:,} of {len(split):,} test videos have none"
            )
        elif split.categories:
            of_video = [split.categories[name] for name in split.video_ids]
            kinds["category"] = same_category([of_video[i] for i in owner], of_video)
    found = {kind: relevance for kind, relevance in kinds.items() if (relevance > 0).any()}
    other = np.arange(len(split)) != owner[:, None]
    beside_own = tuple(kind for kind, relevance in found.items() if ((relevance > 0) & other).any())
    for kind in kinds:
        if kind not in found:
            notes.append(f"relevance by {kind} is left out: no video is relevant to any query")
    notes += [
        f"relevance by {kind} without a query's own video is left out: no other video is relevant"
        for kind in found
        if kind not in beside_own
    ]
    return KnownRelevance(found, beside_own, tuple(notes))


def relevant_at(kind: str) -> float | None:
    """Smallest relevance of a kind of ``known_relevance`` that counts as relevant for mAP@R and R-Precision.

    1 where the truth is known: relevant means true. Otherwise None: at least half of a query's best.
    """
    return 1.0 if kind == "truth" else None


def _known_truth(split: Split, queries: str) -> NDArray[Any]:
    truth = relevance(split)
    if queries != "protocol":
        return truth
    asked, row = [], 0
    for name in split.video_ids:
        captions = split.captions[name]
        asked += [row + captions.index(text) for text in split.queries[name]]
        row += len(captions)
    return truth[asked]
