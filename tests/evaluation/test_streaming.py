"""Ranks from embeddings: those of the whole matrix of the same scores, ties included."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.evaluation import streaming
from cmgsd_lite.metrics import embedding_ranks, rank_metrics, ranks, retrieval_metrics
from cmgsd_lite.similarity import cosine_similarity_matrix


def check(found, sim, *own, **positives):
    for direction in ("t2v", "v2t"):
        np.testing.assert_array_equal(found[direction], ranks(sim, *own, direction, **positives))


def with_duplicates(rng, count, width, copies):
    """Embeddings of which each stands at several places: their scores tie to the bit."""
    few = rng.normal(size=(max(1, count // copies), width)).astype(np.float32)
    return few[rng.permutation(np.arange(count) % len(few))]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 30))
def test_small_whole_numbers(seed, levels, block):
    """Scores are exact whole numbers, so that any product gives the very same ones: ties everywhere."""
    rng = np.random.default_rng(seed)
    n_texts, n_videos = rng.integers(2, 25, 2)
    text = rng.integers(-levels, levels + 1, (n_texts, 3)).astype(np.float32)
    video = rng.integers(-levels, levels + 1, (n_videos, 3)).astype(np.float32)
    own = rng.integers(0, n_videos, n_texts)
    own[:2] = [0, 1]
    check(embedding_ranks(text, video, own, score="dot", block=block), text @ video.T, own)
    right = rng.random((n_texts, n_videos)) < 0.2
    right[0, 0] = right[1, 1] = True
    found = embedding_ranks(text, video, positives=right, score="dot", block=block)
    check(found, text @ video.T, None, positives=right)


@pytest.mark.parametrize("width", [3, 64, 256, 1024])
@pytest.mark.parametrize("copies", [1, 5, 400])
@pytest.mark.parametrize("block", [1, 100, 333, None])
def test_duplicates_tie_wherever_they_stand(width, copies, block):
    rng = np.random.default_rng(width + copies)
    text, video = with_duplicates(rng, 1000, width, copies), with_duplicates(rng, 421, width, copies)
    own = rng.integers(0, len(video), len(text))
    sim = cosine_similarity_matrix(torch.from_numpy(text), torch.from_numpy(video))
    check(embedding_ranks(text, video, own, block=block), sim, own)


def test_a_first_look_that_was_rounded_otherwise_is_made_good(monkeypatch):
    """Then the blocks decide, and are counted once more."""
    rng = np.random.default_rng(0)
    text, video = with_duplicates(rng, 200, 8, 3), with_duplicates(rng, 60, 8, 3)
    own = rng.integers(0, 60, 200)
    look, count = streaming._Stream.first_look, streaming._Stream.count
    passes = []
    monkeypatch.setattr(streaming._Stream, "first_look", lambda self: np.nextafter(look(self), np.float32(2)))
    monkeypatch.setattr(streaming._Stream, "count", lambda *given: passes.append(1) or count(*given))
    found = embedding_ranks(text, video, own, block=64)
    check(found, cosine_similarity_matrix(torch.from_numpy(text), torch.from_numpy(video)), own)
    assert len(passes) == 2


def test_the_count_of_other_devices_is_that_of_the_cpu():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 5, (30, 20)).astype(np.float32)
    bars = rng.integers(0, 5, 30).astype(np.float32), rng.integers(0, 5, 20).astype(np.float32)
    here, there = ([np.zeros(30, np.int64), np.zeros(20, np.int64)] for _ in range(2))
    streaming._count(torch.from_numpy(scores), *bars, *here)
    streaming._count_elsewhere(torch.from_numpy(scores), *bars, *there)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        here[0], ((scores > bars[0][:, None]) + 1 * (scores >= bars[0][:, None])).sum(1)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_every_type_and_arrays(dtype):
    generator = torch.Generator().manual_seed(2)
    text, video = torch.randn(50, 16, generator=generator), torch.randn(20, 16, generator=generator)
    text, video, own = text.to(dtype).requires_grad_(), video.to(dtype), torch.arange(50) % 20
    found = embedding_ranks(text, video, own)
    check(found, cosine_similarity_matrix(text, video), own)
    if dtype is not torch.bfloat16:
        check(
            embedding_ranks(text.detach().numpy(), video.numpy(), own.numpy()),
            cosine_similarity_matrix(text, video),
            own,
        )
    whole = retrieval_metrics(cosine_similarity_matrix(text, video), own)
    assert {direction: rank_metrics(rank) for direction, rank in found.items()} == whole


def test_arrays_stay_on_the_disk(tmp_path):
    rng = np.random.default_rng(3)
    np.save(tmp_path / "text.npy", rng.normal(size=(40, 5)).astype(np.float32))
    text, video = np.load(tmp_path / "text.npy", mmap_mode="r"), rng.normal(size=(8, 5)).astype(np.float32)
    own = np.arange(40) % 8
    check(embedding_ranks(text, video, own), cosine_similarity_matrix(*map(torch.tensor, (text, video))), own)


EYE = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((EYE, EYE[:, :2]), {}, r"video: expected type.*\[3, 2\]"),
        ((EYE, EYE.astype(np.float64)), {}, "video: expected type.*float64.*beside.*float32"),
        ((EYE, torch.eye(3)), {}, "video: expected type.*Tensor"),
        ((EYE.astype(int), EYE), {}, "text: expected floating-point.*int64"),
        ((EYE[0], EYE), {}, r"text: expected floating-point.*\[3\]"),
        ((EYE, EYE[:0]), {}, r"video: expected floating-point.*\[0, 3\]"),
        (([[1.0]], EYE), {}, "text: expected an array or tensor.*list"),
        ((EYE * np.nan, EYE), {}, "text: expected finite"),
        ((EYE, EYE + np.inf), {}, "video: expected finite"),
        ((EYE * 1e30, EYE), {}, "expected scores within torch.float32"),
        ((EYE * 1e30, EYE * 1e30), {"score": "dot"}, "expected scores within torch.float32"),
        ((EYE, EYE), {"score": "l2"}, 'score: expected "cosine" or "dot"'),
        ((EYE, EYE), {"block": 0}, "block: expected an integer >= 1"),
        ((EYE, EYE, [0, 1]), {}, "video_of_text: expected integers"),
        ((EYE, EYE[:2]), {}, "square matrix without video_of_text"),
        ((EYE, EYE[:1], [0, 0, 0]), {}, "at least 2 videos"),
        ((EYE, EYE, [1, 1, 1]), {}, "captions of at least 2 videos"),
    ],
)
def test_bad_embeddings(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        embedding_ranks(*arguments, **options)
