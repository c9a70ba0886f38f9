"""Features as named columns: ids beside features, and what says which tokens of a padded array are real."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.lengths import kind_of, present, told_by
from cmgsd_lite.data.formats.tables import (
    FeatureTable,
    table_from_array,
    table_from_frames,
    table_from_values,
)

ID_KEYS = (
    "video_id",
    "video_ids",
    "ids",
    "id",
    "names",
    "name",
    "vid",
    "vids",
    "image_id",
    "clip_id",
    "video_names",
    "keys",
    "filenames",
    "image_ids",
)
FEATURE_KEYS = (
    *("features", "feature", "feats", "feat", "embeddings", "embedding", "vectors", "x"),
    *(
        f"{of}_{what}"
        for of in ("video", "visual", "frame", "image", "clip")
        for what in ("features", "feats", "embeddings", "embeds", "emb")
    ),
)
# Sorting order of the frames of a video; the first column present that is not `shot` marks a row as a frame.
FRAME_KEYS = ("shot", "frame", "frame_id", "frame_index", "time", "timestamp")


def first_key(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """The first of the keys that the mapping has."""
    return next((key for key in keys if key in mapping), None)


def has_columns(content: Mapping[Any, Any]) -> bool:
    """Whether a dict names ids and features."""
    return first_key(content, ID_KEYS) is not None and first_key(content, FEATURE_KEYS) is not None


def table_from_columns(columns: Mapping[str, Any], source: Path) -> FeatureTable | None:
    """Table of named columns: ids and features, padded with a mask or lengths, or with the frames' positions.

    Ids may repeat only when a column says where the frame lies in its video (shot, frame, time, ...).
    None when there are no ids or no features.

    Raises:
        DataError: shapes that do not fit together, or repeated ids without positions.
    """
    id_key, feature_key = first_key(columns, ID_KEYS), first_key(columns, FEATURE_KEYS)
    if id_key is None or feature_key is None or isinstance(columns[feature_key], Mapping):
        return None
    ids = list(np.asarray(columns[id_key]).ravel().tolist())
    if isinstance(columns[feature_key], list | tuple) and len(columns[feature_key]) == len(ids):
        return table_from_values(ids, columns[feature_key], source)
    features = np.asarray(columns[feature_key])
    order = [np.asarray(columns[key]) for key in FRAME_KEYS if key in columns]
    if order and features.ndim == 2:
        return table_from_frames(ids, features, order, source)
    return table_from_array(ids, features, source, present(columns, features, source))


def unused(columns: Mapping[str, Any]) -> list[str]:
    """Columns with as many vectors as the features that are not read: other features, of texts perhaps."""
    used = first_key(columns, FEATURE_KEYS)
    count = len(columns[used]) if used else 0
    return [
        str(key)
        for key, v in columns.items()
        if key != used and not kind_of(key) and getattr(v, "ndim", 0) > 1 and len(v) == count
    ]


def own_tokens(columns: Mapping[str, Any], where: str) -> NDArray[Any]:
    """[T, D] of one video, of its padded features and their length or mask.

    Raises:
        DataError: as `present`.
    """
    key = first_key(columns, FEATURE_KEYS) or next(iter(columns))
    features = np.asarray(columns[key])
    if features.ndim != 2:
        return features
    told = {name: [value] for name, value in told_by(columns).items() if name != key}
    mask = present(told, features[None], where)
    return features if mask is None else features[mask[0]]
