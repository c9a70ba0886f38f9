"""Directed text distances: equal to their obvious versions, and nearer where a caption is true."""

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.data import load_dataset
from cmgsd_lite.data.minivtt import entailment
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.evaluation.relevance import caption_words
from cmgsd_lite.teachers import Containment, Directed, DirectedEmbedding

WORDS = ["red", "blue", "bus", "car", "dog", "cat", "runs", "sleeps", "fast", "street", "a", "the"]


def sentences(seed, videos=6):
    draw = random.Random(seed)
    return [
        [" ".join(draw.choices(WORDS, k=draw.randint(1, 5))) for _ in range(draw.randint(1, 4))]
        for _ in range(videos)
    ]


def letters(texts):
    return torch.tensor([[float(text.count(letter)) + 0.1 for letter in "abcdeg"] for text in texts])


def slow_containment(captions, videos, texts):
    """By loops over words, one pair at a time."""
    flat = [text for of_video in captions for text in of_video]
    union = [set().union(*(caption_words(text, ()) for text in of_video)) for of_video in captions]
    weight = {w: math.log(len(captions) / sum(w in u for u in union)) for u in union for w in u}
    rows = []
    for i in texts:
        words = caption_words(flat[i], ())
        whole = sum(weight[w] for w in words)
        rows.append([1 - sum(weight[w] for w in words & union[j]) / whole if whole else 1.0 for j in videos])
    return torch.tensor(rows)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_containment_equals_the_loops(seed):
    captions = sentences(seed)
    texts = list(range(sum(map(len, captions))))
    videos = [5, 0, 3]
    found = Containment.of(captions).distances(torch.tensor(videos), torch.tensor(texts))
    torch.testing.assert_close(found, slow_containment(captions, videos, texts), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["embedding", "containment", "both"])
def test_a_block_of_rows_is_that_part_of_the_batch(kind):
    captions = sentences(1)
    teacher = {
        "embedding": lambda: DirectedEmbedding.of(captions, letters),
        "containment": lambda: Containment.of(captions),
        "both": lambda: Directed.of(captions, letters),
    }[kind]()
    videos, texts = torch.tensor([4, 1, 2, 0]), torch.tensor([7, 2, 5, 0])
    whole = teacher.distances(videos, texts)
    assert whole.shape == (4, 4)
    torch.testing.assert_close(teacher.distances(videos, texts[1:3]), whole[1:3])
    assert not torch.allclose(whole, whole.T), "directed"


def test_both_is_the_sum():
    captions = sentences(2)
    videos, texts = torch.tensor([0, 1, 2]), torch.tensor([0, 1])
    parts = [DirectedEmbedding.of(captions, letters), Containment.of(captions)]
    expected = sum(part.distances(videos, texts) for part in parts)
    torch.testing.assert_close(Directed.of(captions, letters).distances(videos, texts), expected)


def test_the_own_video_contains_every_word_of_its_captions():
    captions = sentences(3)
    owner = torch.tensor([j for j, of_video in enumerate(captions) for _ in of_video])
    found = Containment.of(captions).distances(torch.arange(len(captions)), torch.arange(len(owner)))
    own = found[torch.arange(len(owner)), owner]
    empty = torch.tensor([bool(row.min() == 1) for row in found])  # words that every video has
    torch.testing.assert_close(own, empty.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("captions", [[], [["a"], []]])
def test_videos_without_captions_are_refused(captions):
    with pytest.raises(ValueError, match="captions: expected at least one"):
        Containment.of(captions)
    with pytest.raises(ValueError, match="captions: expected at least one"):
        DirectedEmbedding.of(captions, letters)


def test_a_script_without_blanks_has_words():
    captions = [["一只狗在跑"], ["一只猫在睡觉"], ["红色的汽车"]]
    found = Containment.of(captions).distances(torch.arange(3), torch.arange(3))
    assert found.diagonal().max() < 1e-6
    assert found[0, 1] < found[0, 2], "dog and cat sentences share signs"


def test_near_pairs_of_the_embedded_world_are_false_negatives():
    train = load_dataset().train
    split = train.subset(train.video_ids[:500])
    captions = [split.captions[name] for name in split.video_ids]
    teacher = Directed.of(captions, WordLlamaEncoder().encode)
    first = torch.tensor([0, *map(len, captions)]).cumsum(0)[:-1]
    found = teacher.distances(torch.arange(500), first)
    true = torch.from_numpy(entailment(split)[first.numpy()])
    outside = ~torch.eye(500, dtype=torch.bool)
    nearest = found[outside].argsort()[: outside.sum() // 100]
    assert true[outside][nearest].float().mean() > 0.6
    assert true[outside].float().mean() < 0.05
