"""Directed text distances: from one caption to a video, by what all captions of that video say.

Whether video j is a false negative of caption i is a question about that one caption: "a man talks" is true
of many videos, "a man in a red hat talks about kangaroos" of few. A distance between two *videos* can not
tell them apart. These can, still within one modality (text), still frozen, still from training captions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from cmgsd_lite.evaluation.relevance import caption_words
from cmgsd_lite.teachers.base import TensorTeacher, check_numbers, cosine_distances_between
from cmgsd_lite.teachers.text import check_captions, text_teacher

Encode = Callable[[list[str]], Tensor]


@dataclass(eq=False)
class DirectedEmbedding(TensorTeacher):
    """Cosine distance from a caption's vector to the mean vector of a video's captions.

    Args:
        captions: Vectors of all captions [C, D], of any length.
        videos: Mean vectors of the videos' captions [V, D], as ``text_teacher`` returns them.

    Source:
        ours (docs/METHOD.md, "Directed distances").

    Example:
        >>> teacher = DirectedEmbedding.of([["ab"], ["b"]], lambda texts: torch.eye(2))
        >>> teacher.distances(torch.tensor([0, 1]), torch.tensor([0, 1]))
        tensor([[0., 1.],
                [1., 0.]])
    """

    captions: Tensor
    videos: Tensor

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]], encode: Encode) -> Self:
        """Prepare the teacher.

        Args:
            captions: The captions of each of V training videos, at least one each.
            encode: Turns N texts into vectors [N, D].

        Returns:
            The teacher; its captions are numbered in the flat order.

        Raises:
            ValueError: If there is no video, or one without captions.
        """
        check_captions(captions)
        vectors = encode([text for texts in captions for text in texts]).float()
        return cls(vectors, text_teacher(captions, lambda _: vectors))

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N] in [0, 2], as ``Teacher`` says."""
        check_numbers(videos, captions, len(self.videos), len(self.captions))
        self.to(videos.device)
        return cosine_distances_between(self.captions[captions], self.videos[videos])


@dataclass(eq=False)
class Containment(TensorTeacher):
    """Share of a caption's words, weighted by how rare they are, that no caption of a video contains.

    Words are stemmed and none is left out: the weight of a word that every video has is zero anyway. The
    weight is the inverse document frequency log(V / n), n of V videos having the word, the caption's own
    among them.

    Args:
        words: Numbers of the captions' words, one caption after the other.
        weights: Weight of each of them as a share of its caption's, so that a caption's weights sum to 1.
        caption_start: Where each caption's words begin [C + 1].
        video_words: Numbers of the words of each video's captions taken together, one video after the other.
        video_start: Where each video's words begin [V + 1].
        vocabulary: How many words there are.

    Source:
        ours (docs/METHOD.md, "Directed distances"); the weight: Sparck Jones, 1972.

    Example:
        >>> teacher = Containment.of([["a red bus", "a bus"], ["a red car"], ["a dog"]])
        >>> teacher.distances(torch.tensor([0, 1, 2]), torch.tensor([0, 3]))
        tensor([[0.0000, 0.7304, 1.0000],
                [1.0000, 1.0000, 0.0000]])
    """

    words: Tensor
    weights: Tensor
    caption_start: Tensor
    video_words: Tensor
    video_start: Tensor
    vocabulary: int

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]]) -> Self:
        """Prepare the teacher; captions and errors as of ``DirectedEmbedding.of``."""
        check_captions(captions)
        number: dict[str, int] = {}
        said = [
            [[number.setdefault(w, len(number)) for w in sorted(caption_words(c, ()))] for c in of_video]
            for of_video in captions
        ]
        unions = [sorted({word for words in of_video for word in words}) for of_video in said]
        seen = Counter(word for union in unions for word in union)
        rarity = torch.tensor([len(captions) / seen[word] for word in range(len(number))]).log()
        texts = [words for of_video in said for words in of_video]
        words, caption_start = _ragged(texts)
        weights = rarity[words]
        caption = torch.repeat_interleave(torch.arange(len(texts)), caption_start.diff())
        whole = torch.zeros(len(texts)).index_add_(0, caption, weights)
        # A caption of words that every video has says nothing: it is far from all, not near to all.
        weights = weights / whole.clamp_min(1e-12)[caption]
        return cls(words, weights, caption_start, *_ragged(unions), len(number))

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N] in [0, 1], as ``Teacher`` says."""
        check_numbers(videos, captions, len(self.video_start) - 1, len(self.caption_start) - 1)
        self.to(videos.device)
        entries, row = _rows(self.caption_start, captions)
        of_batch, column = torch.unique(self.words[entries], return_inverse=True)
        said = self.weights.new_zeros(len(captions), len(of_batch))
        said[row, column] = self.weights[entries]
        # Only the words of the batch's captions matter; the others go to a column that is cut off.
        place = self.words.new_full((self.vocabulary,), len(of_batch))
        place[of_batch] = torch.arange(len(of_batch), device=place.device)
        entries, row = _rows(self.video_start, videos)
        has = self.weights.new_zeros(len(videos), len(of_batch) + 1)
        has[row, place[self.video_words[entries]]] = 1
        with torch.autocast(videos.device.type, enabled=False):
            return (1 - said @ has[:, :-1].T).clamp_min(0)


@dataclass(eq=False)
class Directed(TensorTeacher):
    """Both directed distances, their sum: each in its own unit, cosine and share.

    Args:
        embedding: Knows that "bike" is near "bicycle".
        containment: Knows that "red" is not "blue", which for a mean of vectors are neighbours.

    Source:
        ours (docs/METHOD.md, "Directed distances").

    Example:
        >>> teacher = Directed.of(captions, WordLlamaEncoder().encode)  # doctest: +SKIP
    """

    embedding: DirectedEmbedding
    containment: Containment

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]], encode: Encode) -> Self:
        """Prepare the teacher; arguments and errors as for the two parts."""
        return cls(DirectedEmbedding.of(captions, encode), Containment.of(captions))

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N] in [0, 3], as ``Teacher`` says."""
        return self.embedding.distances(videos, captions) + self.containment.distances(videos, captions)


def _ragged(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of numbers one after the other, and where each begins [rows + 1]."""
    flat = torch.tensor([number for row in rows for number in row], dtype=torch.long)
    lengths = torch.tensor([0, *(len(row) for row in rows)])
    return flat, lengths.cumsum(0)


def _rows(start: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the entries of the chosen rows, and which of the chosen rows each belongs to."""
    first, lengths = start[chosen], start[chosen + 1] - start[chosen]
    row = torch.repeat_interleave(torch.arange(len(chosen), device=chosen.device), lengths)
    within = torch.arange(len(row), device=chosen.device) - (lengths.cumsum(0) - lengths)[row]
    return first[row] + within, row
