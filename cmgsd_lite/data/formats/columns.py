"""Features as named columns: ids beside features, and what says which tokens of a padded array are real."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.tables import (
    FeatureTable,
    table_from_array,
    table_from_frames,
    table_from_values,
)
from cmgsd_lite.errors import DataError

ID_KEYS = ("video_id", "video_ids", "ids", "id", "names", "name", "vid", "vids", "image_id", "clip_id")
FEATURE_KEYS = (
    *("features", "feature", "feats", "embeddings", "embedding", "vectors", "x"),
    *("video_features", "video_feats", "video_embeddings", "visual_features", "frame_features"),
)
# Sorting order of the frames of a video; the first column present that is not `shot` marks a row as a frame.
FRAME_KEYS = ("shot", "frame", "frame_id", "frame_index", "time", "timestamp")
LENGTH_KEYS = (
    *(
        "lengths",
        "length",
        "lens",
        "len",
        "feature_lengths",
        "feature_length",
        "video_lengths",
        "video_length",
    ),
    *("num_frames", "n_frames", "nframes", "frame_counts", "frame_count", "num_tokens", "n_tokens"),
    *("seq_lens", "seq_len", "seq_lengths", "seq_length", "valid_lengths", "valid_length"),
)
# In a padding mask, as torch has it, True is where there is nothing.
PADDING_KEYS = ("padding_mask", "key_padding_mask", "pad_mask")
MASK_KEYS = (
    *("mask", "masks", "feature_mask", "feature_masks", "feat_mask", "video_mask", "video_masks"),
    *("attention_mask", "frame_mask", "valid", *PADDING_KEYS),
)


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
    told = (used, *LENGTH_KEYS, *MASK_KEYS)
    return [
        key for key, v in columns.items() if key not in told and getattr(v, "ndim", 0) > 1 and len(v) == count
    ]


def present(
    columns: Mapping[str, Any], features: NDArray[Any], source: Path | str
) -> NDArray[np.bool_] | None:
    """Which tokens of padded features are real, as their columns of masks and lengths say; None for all.

    Args:
        columns: The columns beside the features.
        features: [N, T, D] (or [N, D], where only a mask is looked at).
        source: The file, for messages.

    Returns:
        bool [N, T].

    Raises:
        DataError: lengths that are no whole numbers from 0 to T, one a video, or a mask of another shape.
    """
    count, tokens = len(features), features.shape[1] if features.ndim == 3 else 1
    real: NDArray[np.bool_] | None = None
    for key in [key for key in MASK_KEYS if columns.get(key) is not None]:
        mask = np.asarray(columns[key]).reshape(len(columns[key]), -1)
        if mask.shape != (count, tokens):
            raise DataError(
                f"{source}: expected a mask [{count}, {tokens}] in {key}, found {list(mask.shape)}"
            )
        mask = ~mask.astype(bool) if key in PADDING_KEYS else mask.astype(bool)
        real = mask if real is None else real & mask
    for key in [key for key in LENGTH_KEYS if columns.get(key) is not None and features.ndim == 3]:
        lengths = np.asarray(columns[key], float).ravel()
        whole = lengths.size == count and np.all(lengths % 1 == 0)
        if not whole or lengths.min() < 0 or lengths.max() > tokens:
            raise DataError(
                f"{source}: expected {count} whole numbers from 0 to {tokens} in {key}, found "
                f"{lengths.size} from {lengths.min():g} to {lengths.max():g}"
            )
        mask = np.arange(tokens) < lengths[:, None]
        real = mask if real is None else real & mask
    return real


def own_tokens(columns: Mapping[str, Any], where: str) -> NDArray[Any]:
    """[T, D] of one video, of its padded features and their length or mask.

    Raises:
        DataError: as `present`.
    """
    key = first_key(columns, FEATURE_KEYS) or next(iter(columns))
    features = np.asarray(columns[key])
    if features.ndim != 2:
        return features
    told = {name: [columns[name]] for name in (*LENGTH_KEYS, *MASK_KEYS) if name in columns and name != key}
    mask = present(told, features[None], where)
    return features if mask is None else features[mask[0]]
