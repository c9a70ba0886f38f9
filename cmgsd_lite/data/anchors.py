"""Anchor features: a second real set on MSR-VTT, a video's similarities to the captions of anchor videos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cmgsd_lite.data.dataset import RetrievalDataset, assemble
from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.features import read_features
from cmgsd_lite.data.formats.tables import ids_of
from cmgsd_lite.data.protocols import SplitLists
from cmgsd_lite.data.source import open_source
from cmgsd_lite.errors import DataError

PROTOCOL = "anchors"
ROWS = ("train_idx", "test_idx")
VALIDATION_VIDEOS = 100
_DRAW_SEED = 2021


def load_anchors(path: str | Path, file: str = "derived_anchor_features_pca256.npz") -> RetrievalDataset:
    """The data set of a file of anchor features under ``similarity/``, with the annotations beside it.

    A video's vector is made (by PCA) of its similarities, by a strong model, to the captions of the anchor
    videos. These are the training videos, so a training video's vector knows its own anchor caption: that
    caption is taken out of what is trained on. Test videos' captions never enter a vector.

    The file is an npz with ``video_id`` [V], ``features`` [V, D] and the rows ``train_idx`` and ``test_idx``;
    100 of the training videos are drawn for validation, and queries are all captions. It shares names with
    1k-A, not its training videos: do not put numbers side by side. Raises DataError if there is no such file,
    it has another layout, or no anchor sentences (the 1k-A csv) lie beside it.

    Source:
        ours; the scores are Cap4Video's (Wu et al., CVPR 2023).
    """
    source = open_source(path, experts=[])
    found = next((one for one in source.similarity if one.name == file), None)
    if found is None:
        raise DataError(f"{path}: expected {file} in a folder similarity/, found none")
    protocol = source.protocols.get("1k-A")
    sentences = {} if protocol is None else protocol.queries
    if not source.annotations.captions or not sentences:
        raise DataError(f"{path}: expected annotations and MSRVTT_JSFUSION_test.csv, found them not")
    ids = _ids(found)
    drawn = np.random.default_rng(_DRAW_SEED).choice(len(ids["train_idx"]), VALIDATION_VIDEOS, replace=False)
    validation = {ids["train_idx"][i] for i in drawn}
    lists = SplitLists(
        [video for video in ids["train_idx"] if video not in validation],
        ids["test_idx"],
        [video for video in ids["train_idx"] if video in validation],
    )
    annotations, removed = without_sentences(source.annotations, sentences, ids["train_idx"])
    dataset = assemble(source.name, PROTOCOL, annotations, lists, read_features(found))
    note = f"anchors: {removed:,} captions that are anchors themselves are left out of training"
    return replace(dataset, notes=[*dataset.notes, note])


def without_sentences(
    annotations: Annotations, sentences: dict[str, list[str]], videos: Sequence[str]
) -> tuple[Annotations, int]:
    """Take the given sentences, by video, out of the captions of some videos; the others keep theirs.

    Returns the annotations without extras a sentence (they would no longer fit), and how many captions went.
    Compared are letters alone: case, outer blanks and punctuation at the end do not matter. Raises DataError
    if a video would be left without captions.
    """
    captions, removed = dict(annotations.captions), 0
    for video in videos:
        taken = {_plain(text) for text in sentences.get(video, [])}
        kept = [text for text in captions.get(video, []) if _plain(text) not in taken]
        if video in captions and not kept:
            raise DataError(f"{video}: expected captions besides its anchor sentence, found none")
        removed += len(captions.get(video, [])) - len(kept)
        captions[video] = kept
    return replace(annotations, captions=captions, sentence_extras={}), removed


def _plain(text: str) -> str:
    return text.casefold().strip(" .")


def _ids(path: Path) -> dict[str, list[str]]:
    """Ids of the training and of the test rows."""
    with np.load(path, allow_pickle=False) as content:
        missing = [name for name in ("video_id", "features", *ROWS) if name not in content]
        if missing:
            raise DataError(f"{path}: expected {', '.join(missing)} in the file, found {list(content)}")
        names = ids_of(content["video_id"].tolist(), path)
        rows = {name: content[name] for name in ROWS}
    both = np.concatenate(list(rows.values()))
    if len(set(both.tolist())) != len(both) or not ((both >= 0) & (both < len(names))).all():
        raise DataError(f"{path}: expected {' and '.join(ROWS)} without a common row, all in the table")
    count = len(rows["train_idx"])
    if count <= VALIDATION_VIDEOS:
        raise DataError(f"{path}: expected more than {VALIDATION_VIDEOS} rows in train_idx, found {count}")
    return {name: [names[i] for i in numbers] for name, numbers in rows.items()}
