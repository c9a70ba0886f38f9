"""How relevant a video is to a text it was not written for, when nobody has labelled it.

Two stand-ins for ground truth: shared words between captions, and the same category. The first correlates
with a text teacher, so a gain on it alone is no evidence that a model has understood more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cmgsd_lite.runtime import require

if TYPE_CHECKING:
    from scipy import sparse

Relevance = npt.NDArray[np.float32]

# Words that say nothing about what is seen. Nearly every caption has "a" and "is": with them, unrelated
# captions overlap by .07 and a random ranking of 300 MSR-VTT videos reaches nDCG 86 instead of 59.
# Particles that can describe a motion or a place ("up", "over", "under") are not in the list.
# fmt: off
FUNCTION_WORDS = frozenset({
    "a", "an", "the", "this", "that", "these", "those", "some",
    "i", "me", "my", "we", "us", "our", "you", "your", "he", "him", "his", "she", "her", "it", "its",
    "they", "them", "their",
    "someone", "somebody", "something", "who", "which", "what", "there", "here",
    "am", "is", "are", "was", "were", "be", "been", "being", "do", "does", "did", "doing", "have", "has",
    "had", "having",
    "of", "in", "on", "at", "to", "for", "from", "by", "with", "into", "and", "or", "but", "as", "while",
    "when", "where", "how",
})
# fmt: on

# Caption pairs compared at a time; a few hundred megabytes even if every pair shares a word.
CHUNK_PAIRS = 8_000_000

_PIECE = re.compile(r"\s+|\S{1,1000}")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc", "'"))
# Soft hyphen, joiners, marks of direction, and which of two pictures an emoji has.
_UNSEEN = re.compile("[\u00ad\u034f\u200c-\u200f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
# Thai, Lao, Burmese, Khmer, the Japanese syllabaries, Chinese characters: written without blanks.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def caption_words(caption: str, stop_words: Collection[str] = FUNCTION_WORDS) -> frozenset[str]:
    """The set of stemmed, lower-cased words of a caption, without ``stop_words``.

    Spellings of one text are one (NFKC, case folded): composed and decomposed accents, full-width letters and
    digits, straight and curly apostrophes, with or without soft hyphens and joiners. In scripts that put no
    blanks between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) characters, with their marks, and
    pairs of neighbouring ones stand for words, as in search engines. Signs and emoji are no words.

    Args:
        caption: One sentence.
        stop_words: Words to leave out, in lower case and before stemming; ``()`` keeps all.

    Returns:
        Stems of the Snowball stemmer for English.

    Source:
        Porter, Snowball, 2001.

    Example:
        >>> sorted(caption_words("A man is riding two Horses."))
        ['hors', 'man', 'ride', 'two']
    """
    return frozenset(_stem(word) for word in _words(caption) if word not in stop_words)


def caption_overlap(
    query_captions: Sequence[str],
    gallery_captions: Sequence[Sequence[str]],
    video_of_text: npt.ArrayLike | None = None,
    *,
    stop_words: Collection[str] = FUNCTION_WORDS,
) -> Relevance:
    """Mean Jaccard overlap of a query's words with those of each caption of each gallery video.

    The overlap of two captions is |words of both| / |words of either|, 0 if nothing is shared.

    Args:
        query_captions: Texts [texts].
        gallery_captions: All captions of every video [videos], at least one each.
        video_of_text: Column of each query's own video [texts], integers. With it, a query that is one of
            its own video's captions is not compared with itself, which would always be 1 and tell
            nothing; the mean is over the video's other captions (where there are any).
        stop_words: Words that do not count, lower case; ``()`` counts all.

    Returns:
        Relevance [texts, videos] in [0, 1], float32. The own video gets no bonus: it is as relevant as its
        captions say (set to 1 it would make nDCG one more R@K). A query that shares no word with any
        caption has a row of zeros.

    Raises:
        ValueError: If there is no query or no video, a video has no caption, a caption is not a string, or
            ``video_of_text`` does not hold one column for each query.

    Source:
        ours (docs/METHOD.md, "Controls"); the coefficient: Jaccard, 1912.

    Example:
        >>> caption_overlap(["a dog runs"], [["the dog is running", "a brown dog"], ["a red car"]])
        array([[0.6666667, 0.       ]], dtype=float32)
    """
    _check_captions("query_captions", [query_captions])
    _check_captions("gallery_captions", gallery_captions)
    total = _total_overlap(query_captions, gallery_captions, stop_words)
    count = np.tile([np.float32(len(captions)) for captions in gallery_captions], (len(total), 1))
    if video_of_text is not None:
        own = _check_own_videos(video_of_text, total.shape)
        for i, (caption, video) in enumerate(zip(query_captions, own, strict=True)):
            mine = {_one_spelling(text) for text in gallery_captions[video]}
            if _one_spelling(caption) in mine and len(gallery_captions[video]) > 1:
                # Its overlap with itself is exactly 1, or 0 if no word is left of it.
                total[i, video] -= bool(caption_words(caption, stop_words))
                count[i, video] -= 1
    overlap: Relevance = total / count
    return overlap


def same_category(
    query_category: Sequence[int] | Sequence[str] | npt.NDArray[Any],
    gallery_category: Sequence[int] | Sequence[str] | npt.NDArray[Any],
) -> Relevance:
    """1 where a query's category is that of the video, else 0.

    Args:
        query_category: Category of each query's own video [texts], integers or names.
        gallery_category: Category of each video [videos], likewise.

    Returns:
        Relevance [texts, videos], float32 zeros and ones.

    Raises:
        ValueError: If either is empty, not one-dimensional, or neither integers nor strings (a missing
            category, None or NaN, would otherwise equal or differ from others silently).

    Source:
        MSR-VTT's 20 categories (Xu et al., CVPR 2016).

    Example:
        >>> same_category(["music", "sports"], ["sports", "sports", "music"])
        array([[0., 0., 1.],
               [1., 1., 0.]], dtype=float32)
    """
    query, gallery = np.asarray(query_category), np.asarray(gallery_category)
    for name, categories in (("query_category", query), ("gallery_category", gallery)):
        if categories.ndim != 1 or categories.size == 0 or categories.dtype.kind not in "iuU":
            raise ValueError(
                f"{name}: expected integers or strings, one per item, "
                f"got {categories.dtype} {list(categories.shape)}"
            )
    if (query.dtype.kind == "U") != (gallery.dtype.kind == "U"):
        raise ValueError(f"gallery_category: expected {query.dtype} like query_category, got {gallery.dtype}")
    same: Relevance = (query[:, None] == gallery).astype(np.float32)
    return same


def _words(text: str) -> list[str]:
    text = _one_spelling(_one_spelling(text).casefold())
    if text.isascii():
        return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text)
    # Marks (M) belong to the letter before them; the pattern above would end a word there.
    kept = "".join(c if c.isalnum() or c == "'" or _is_mark(c) else " " for c in text)
    spaced = _UNSPACED.sub(lambda run: f" {' '.join(_characters_and_pairs(run[0]))} ", kept)
    words = re.findall(r"[^\s']+(?:'[^\s']+)?", spaced)
    return [word for word in words if not _is_mark(word[0])]  # a mark without a letter, as after a heart


def _one_spelling(text: str) -> str:
    if text.isascii():
        return text
    # In pieces, since marks without end upon one letter would take a time that grows with their square.
    normal = "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))
    return _UNSEEN.sub("", normal.translate(_APOSTROPHES))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _characters_and_pairs(run: str) -> list[str]:
    characters: list[str] = []
    for c in run:
        if characters and _is_mark(c):
            characters[-1] += c
        else:
            characters.append(c)
    return characters + [a + b for a, b in pairwise(characters)]


@cache
def _stemmer() -> Any:
    return require("snowballstemmer", "data").stemmer("english")


@cache
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def _total_overlap(
    queries: Sequence[str], gallery: Sequence[Sequence[str]], stop_words: Collection[str]
) -> Relevance:
    """Sum, over the captions of each video, of their overlap with each query [queries, videos]."""
    query_words = [caption_words(caption, stop_words) for caption in queries]
    gallery_words = [caption_words(caption, stop_words) for caption in chain.from_iterable(gallery)]
    vocabulary = {word: i for i, word in enumerate(sorted(frozenset().union(*query_words, *gallery_words)))}
    left, right = _word_matrix(query_words, vocabulary), _word_matrix(gallery_words, vocabulary).T.tocsr()
    video_of_caption = np.repeat(np.arange(len(gallery)), [len(captions) for captions in gallery])
    # 1 where a caption belongs to a video: the product with it sums over a video's captions.
    belongs = _indicator(video_of_caption, np.arange(len(video_of_caption) + 1), len(gallery))
    total = np.empty((len(queries), len(gallery)), np.float32)
    for rows in _chunks(len(queries), len(gallery_words)):
        total[rows] = (_jaccard(left[rows], right) @ belongs).toarray()
    return total


def _jaccard(left: sparse.csr_array, right: sparse.csr_array) -> sparse.csr_array:
    """Overlap of word sets [n, words] with word sets [words, m]; only pairs that share a word are kept."""
    shared = left @ right
    n_left = np.repeat(left.sum(axis=1), np.diff(shared.indptr))
    n_right = right.sum(axis=0)[shared.indices]
    shared.data /= n_left + n_right - shared.data
    return shared


def _word_matrix(word_sets: Sequence[frozenset[str]], vocabulary: dict[str, int]) -> sparse.csr_array:
    columns = [vocabulary[word] for words in word_sets for word in sorted(words)]
    bounds = np.cumsum([0] + [len(words) for words in word_sets])
    return _indicator(np.array(columns, np.intp), bounds, len(vocabulary))


def _indicator(columns: npt.NDArray[np.intp], bounds: npt.NDArray[np.intp], width: int) -> sparse.csr_array:
    """Sparse matrix with ones; those of row i are at ``columns[bounds[i]:bounds[i + 1]]``."""
    csr_array = require("scipy.sparse", "data").csr_array
    return csr_array((np.ones(len(columns), np.float32), columns, bounds), (len(bounds) - 1, width))


def _chunks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, CHUNK_PAIRS // n_columns)
    return (slice(start, start + step) for start in range(0, n_rows, step))


def _check_captions(name: str, videos: Sequence[Sequence[str]]) -> None:
    if len(videos) == 0:
        raise ValueError(f"{name}: expected at least one video, got none")
    for i, captions in enumerate(videos):
        # A bare string would pass as a list of one-letter captions.
        if isinstance(captions, str):
            raise ValueError(f"{name}: expected lists of captions, got a bare string at {i}")
        if len(captions) == 0:
            raise ValueError(f"{name}: expected at least one caption, got none at {i}")
        for caption in captions:
            if not isinstance(caption, str):
                raise ValueError(f"{name}: expected strings, got {type(caption).__name__} at {i}")


def _check_own_videos(video_of_text: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    own = np.asarray(video_of_text)
    if own.dtype.kind not in "iu" or own.shape != shape[:1]:
        raise ValueError(
            f"video_of_text: expected {shape[0]} integers, one per query, got {own.dtype} {list(own.shape)}"
        )
    if own.min() < 0 or own.max() >= shape[1]:
        raise ValueError(f"video_of_text: expected 0 to {shape[1] - 1}, got {own.min()} to {own.max()}")
    return own.astype(np.intp)
