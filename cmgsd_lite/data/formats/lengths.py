"""What says which tokens of padded features are real: lengths and masks, known by their names.

People write lengths, feat_len, vid_len, num_frames, n_tokens, mask, video_mask, is_pad, key_padding_mask, ...
A name promises one of them, the shape says which: [N] are numbers of tokens, [N, T] a mask of 0 and 1.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.names import words_of
from cmgsd_lite.errors import DataError

LENGTH, MASK, PADDING = "length", "mask", "padding"
_OWNERS = r"seq|feats?|features?|vids?|videos?|frames?|clips?|tokens?|valid"
_LENGTH = re.compile(rf"(n|num|{_OWNERS})?(lens?|lengths?)")
_MASK = re.compile(r"[a-z]*masks?|valid|validity")
_PADDING = re.compile(r"pads?|padded|paddings?|padmasks?|paddingmasks?|invalid|missing_?masks?")
_NOT = {"not", "non", "no", "un"}
_NUMBER = re.compile(r"n|num|number|counts?|(n|num)_?(frames?|tokens?|feats?|features?)|(frame|token)counts?")
# What is counted in a video, and the words that may stand around; a number of anything else is no length.
_COUNTED = re.compile(rf"{_OWNERS}|segs?|segments?|shots?|steps?|rows?|vectors?|real|of|per|in")
_AROUND = re.compile(r"attention|attn|key|is|visual|vis|image")
# Lengths of texts, in letters or words, of labels, or in seconds.
_OTHER = re.compile(
    r"te?xts?|captions?|caps?|sentences?|sents?|words?|quer(y|ies)|titles?|questions?|answers?|labels?|"
    r"class(es)?|chars?|characters?|secs?|seconds?|ms|minutes?|durations?"
)


def kind_of(name: object) -> str | None:
    """What a name promises: "length", "mask" (1 is a token), "padding" (1 is none); None for other names.

    Example:
        >>> [kind_of(name) for name in ("feat_len", "num_frames", "vid_mask", "is_pad", "caption_len", "fps")]
        ['length', 'length', 'mask', 'padding', None, None]
    """
    words = words_of(str(name))
    if any(_OTHER.fullmatch(word) for word in words):
        return None
    if any(_PADDING.fullmatch(word) for word in words):
        return MASK if _NOT & {*words} else PADDING
    if any(_LENGTH.fullmatch(word) for word in words):
        return LENGTH
    if any(_MASK.fullmatch(word) for word in words):
        return MASK
    numbers = [word for word in words if _NUMBER.fullmatch(word)]
    counted = [word for word in words if word not in numbers]
    if not numbers or numbers == ["n"] == words or not all(map(_COUNTED.fullmatch, counted)):
        return None
    return LENGTH


def told_by(columns: Mapping[Any, Any]) -> dict[str, Any]:
    """Those of the columns that say which tokens are real, by their names."""
    return {str(key): value for key, value in columns.items() if value is not None and kind_of(key)}


def owners_of(stem: str) -> list[str]:
    """Names of tables whose lengths or mask a file may hold, "" for any beside it; none for other files.

    Example:
        >>> [owners_of(stem) for stem in ("i3d_len", "clip_num_frames", "mask", "mask_rcnn", "clip_valid")]
        [['i3d'], ['', 'clip'], [''], [], []]
    """
    owners = []
    for at in [0, *(sign.end() for sign in re.finditer(r"[_.\-\s]+", stem))]:
        words = words_of(stem[at:])
        # "valid" alone says that it is the validation part.
        telling = "_".join(word for word in words if word != "valid")
        if kind_of(telling) and all(map(_is_told_word, words)):
            owners.append(stem[:at].rstrip("_.- "))
            if len(telling.split("_")) == 1 or {"n", "num"} & {words[0]}:
                break  # "frames" of "num_frames" belongs to the number
    return owners


def _is_told_word(word: str) -> bool:
    known = (_LENGTH, _MASK, _PADDING, _NUMBER, _COUNTED, _AROUND)
    return any(pattern.fullmatch(word) for pattern in known) or word in _NOT


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
        DataError: lengths that are no whole numbers from 0 to T, one a video, a mask of another shape or with
            other numbers than 0 and 1, or one that leaves nothing but rows of zeros.
    """
    count, tokens = len(features), features.shape[1] if features.ndim == 3 else 1
    real: NDArray[np.bool_] | None = None
    if features.ndim == 3:
        _check_counts(columns, count, tokens, source)
    for name, value in told_by(columns).items():
        if features.ndim != 3 and kind_of(name) == LENGTH:
            continue
        mask = real_tokens(name, value, count, tokens, source)
        real = mask if real is None else real & mask
    if real is not None and features.ndim == 3:
        check_not_reversed(real, features, source)
    return real


def _check_counts(columns: Mapping[str, Any], count: int, tokens: int, source: Path | str) -> None:
    """Refuse a number of something unknown that could as well be that of tokens."""
    for name, value in columns.items():
        if kind_of(name) or not {"num", "number", "count", "counts"} & {*words_of(str(name))}:
            continue
        texts = any(_OTHER.fullmatch(word) for word in words_of(str(name)))
        numbers = np.ravel(value) if np.shape(value)[:1] == (count,) and np.size(value) == count else None
        if texts or numbers is None or numbers.dtype.kind not in "fiu" or np.all(numbers == tokens):
            continue
        if np.all(numbers % 1 == 0) and numbers.min() >= 0 and numbers.max() <= tokens:
            raise DataError(
                f"{source}: expected to know what {name} counts, found numbers from 0 to {tokens}, which may "
                "be numbers of tokens; name it lengths if they are, leave it out if not"
            )


def real_tokens(name: str, value: Any, count: int, tokens: int, source: Path | str) -> NDArray[np.bool_]:
    """bool [N, T] of a column of lengths [N] or a mask [N, T]; its shape decides, its name the sense.

    Raises:
        DataError: another shape, or other numbers.
    """
    kind = kind_of(name)
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source}: expected numbers in {name}, found {reason(value)}") from error
    array = array.reshape(len(array), -1) if array.ndim else array
    if array.shape == (count, tokens) and (tokens > 1 or kind != LENGTH):
        if not np.isin(array, (0, 1)).all():
            found = f"{array.min():g} to {array.max():g}"
            raise DataError(f"{source}: expected a mask of 0 and 1 in {name}, found numbers from {found}")
        return np.asarray(array == (kind != PADDING), bool)
    if kind == PADDING or array.shape != (count, 1) or (kind == MASK and array.max(initial=0) <= 1):
        numbers = f"{count} whole numbers from 0 to {tokens}"
        wanted = numbers if kind == LENGTH else f"a mask [{count}, {tokens}]"
        raise DataError(f"{source}: expected {wanted} in {name}, found {list(array.shape)}")
    if not np.all(array % 1 == 0) or array.min() < 0 or array.max() > tokens:
        raise DataError(
            f"{source}: expected {count} whole numbers from 0 to {tokens} in {name}, found "
            f"{array.size} from {array.min():g} to {array.max():g}"
        )
    return np.asarray(np.arange(tokens) < array, bool)


def reason(value: Any) -> str:
    """What stands where numbers should, in a word or two."""
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def check_not_reversed(real: NDArray[np.bool_], features: NDArray[Any], source: Path | str) -> None:
    """Refuse a mask that leaves rows of zeros alone: its ones mean the contrary of what its name says.

    Raises:
        DataError: so it is.
    """
    filled = np.any(np.asarray(features), axis=-1)
    if real.any() and filled.any() and not filled[real].any():
        raise DataError(
            f"{source}: expected tokens where the mask says so, found rows of zeros there and the features "
            "elsewhere; turn the mask round, or name it padding_mask where 1 is padding"
        )
