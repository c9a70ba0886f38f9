"""Which relevance the test queries of a data set are measured by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data import RetrievalDataset, Split
from cmgsd_lite.data.minivtt import relevance
from cmgsd_lite.evaluation.relevance import caption_overlap, same_category


def relevance_kinds(dataset: RetrievalDataset, queries: str = "all") -> dict[str, NDArray[Any]]:
    """Relevance of every test video to every test query, of each kind that the data set has.

    Args:
        dataset: As ``load_dataset`` returns it.
        queries: ``"all"`` captions of the test videos, or the ``"protocol"``'s own sentences.

    Returns:
        Kind to [queries, videos] >= 0, the main kind first. The embedded world: ``"truth"``, the share of the
        caption that is true of the clip. Elsewhere ``"caption overlap"`` and, where there are categories,
        ``"category"``; the first correlates with a text teacher, so a gain on it alone is no evidence
        of meaning.

    Raises:
        ValueError: If a test video has no query.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> list(relevance_kinds(load_dataset(path)))  # doctest: +SKIP
        ['caption overlap', 'category']
    """
    split = dataset.test
    if dataset.name == "minivtt":
        return _known_truth(split, queries)
    chosen = split.queries if queries == "protocol" else split.captions
    texts = [text for name in split.video_ids for text in chosen.get(name, [])]
    owner = np.array([i for i, name in enumerate(split.video_ids) for _ in chosen.get(name, [])])
    captions = [split.captions[name] for name in split.video_ids]
    kinds: dict[str, NDArray[Any]] = {"caption overlap": caption_overlap(texts, captions, owner)}
    if split.categories:
        of_video = [split.categories[name] for name in split.video_ids]
        kinds["category"] = same_category([of_video[i] for i in owner], of_video)
    return kinds


def relevant_at(kind: str) -> float | None:
    """Smallest relevance that counts as relevant for mAP@R and R-Precision.

    Args:
        kind: Of ``relevance_kinds``.

    Returns:
        1 where the truth is known: relevant means true. Otherwise None: at least half of a query's best.

    Source:
        ours.

    Example:
        >>> relevant_at("truth")
        1.0
    """
    return 1.0 if kind == "truth" else None


def _known_truth(split: Split, queries: str) -> dict[str, NDArray[Any]]:
    truth = relevance(split)
    if queries != "protocol":
        return {"truth": truth}
    asked, row = [], 0
    for name in split.video_ids:
        captions = split.captions[name]
        asked += [row + captions.index(text) for text in split.queries[name]]
        row += len(captions)
    return {"truth": truth[asked]}
