"""Relevance without labels, against a slow version with Python sets."""

import csv
import json
import time
import zipfile
from collections import defaultdict

import numpy as np
import pytest

from cmgsd_lite.evaluation import relevance
from cmgsd_lite.evaluation.metrics import ndcg, ndcg_per_query, random_floor
from cmgsd_lite.evaluation.relevance import (
    FUNCTION_WORDS,
    caption_overlap,
    caption_words,
    same_category,
)

WORDS = ["a", "the", "is", "man", "woman", "dogs", "dog", "running", "runs", "run", "rides", "guitar", "on"]


def slow_jaccard(a, b, stop_words=FUNCTION_WORDS):
    a, b = caption_words(a, stop_words), caption_words(b, stop_words)
    return len(a & b) / len(a | b) if a & b else 0.0


def made_up_videos(n, seed):
    rng = np.random.default_rng(seed)
    return [
        [" ".join(rng.choice(WORDS, rng.integers(1, 7))) for _ in range(rng.integers(1, 5))] for _ in range(n)
    ]


@pytest.mark.parametrize("stop_words", [FUNCTION_WORDS, (), {"dog"}])
def test_caption_overlap_equals_python_sets(stop_words):
    gallery = made_up_videos(6, 0)
    queries = [captions[0] for captions in made_up_videos(9, 1)]
    expected = [[np.mean([slow_jaccard(q, c, stop_words) for c in v]) for v in gallery] for q in queries]
    result = caption_overlap(queries, gallery, stop_words=stop_words)
    assert result.dtype == np.float32
    assert result.max() > 0
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_query_is_not_compared_with_itself():
    gallery = made_up_videos(6, 4)
    queries = [caption for captions in gallery for caption in captions]
    own = np.repeat(np.arange(6), [len(captions) for captions in gallery])
    expected = caption_overlap(queries, gallery)
    for i, (query, video) in enumerate(zip(queries, own, strict=True)):
        others = list(gallery[video])
        if len(others) > 1:
            others.remove(query)
        expected[i, video] = np.mean([slow_jaccard(query, caption) for caption in others])
    result = caption_overlap(queries, gallery, own)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert not np.allclose(result, caption_overlap(queries, gallery))


def test_a_query_that_is_nobodys_caption_is_compared_with_all():
    gallery = [["a dog runs", "a cat"], ["a red car"]]
    np.testing.assert_array_equal(
        caption_overlap(["one dog"], gallery, [0]), caption_overlap(["one dog"], gallery)
    )


def test_nothing_shared_with_other_captions_is_exactly_zero():
    gallery = [["surfing waves", *["guitar"] * 19], ["red car"]]
    assert caption_overlap(["surfing waves"], gallery, [0]).tolist() == [[0, 0]]


def test_captions_without_counting_words_overlap_with_nothing():
    assert caption_overlap(["it is", "", "dog"], [["it is", "..."], ["dog"]], [0, 0, 1]).tolist() == [
        [0, 0],
        [0, 0],
        [0, 1],
    ]
    assert caption_overlap(["the"], [["the"]]).tolist() == [[0]]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A man is RUNNING; a dog runs.", {"man", "run", "dog"}),
        ("the man's two dogs", {"man", "two", "dog"}),
        ("café_au lait 2", {"café", "au", "lait", "2"}),
        ("", set()),
    ],
)
def test_caption_words(caption, expected):
    assert caption_words(caption) == expected


def test_chunks_change_nothing(monkeypatch):
    gallery = made_up_videos(8, 5)
    queries = [captions[-1] for captions in made_up_videos(11, 6)]
    whole = caption_overlap(queries, gallery)
    monkeypatch.setattr(relevance, "CHUNK_PAIRS", 40)
    np.testing.assert_array_equal(caption_overlap(queries, gallery), whole)


def test_order_of_captions_and_videos_changes_nothing():
    gallery = made_up_videos(6, 7)
    queries = [captions[0] for captions in gallery]
    shuffled = [captions[::-1] for captions in gallery[::-1]]
    np.testing.assert_allclose(
        caption_overlap(queries, shuffled)[:, ::-1], caption_overlap(queries, gallery), atol=1e-6
    )


def test_same_category():
    result = same_category([3, 3, 7], [7, 3])
    assert result.dtype == np.float32
    assert result.tolist() == [[0, 1], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        ([], ["a"], r"query_category: .*\[0\]"),
        ([1, 2], [[1], [2]], r"gallery_category: .*\[2, 1\]"),
        ([1, None], [1, 2], "query_category: .*object"),
        ([1.0, np.nan], [1, 2], "query_category: .*float64"),
        ([1, 2], ["1", "2"], "gallery_category: expected int64"),
    ],
)
def test_bad_categories(query, gallery, message):
    with pytest.raises(ValueError, match=message):
        same_category(query, gallery)


@pytest.mark.parametrize(
    ("queries", "gallery", "own", "message"),
    [
        ([], [["a dog"]], None, "query_captions: expected at least one caption"),
        ("a dog", [["a dog"]], None, "query_captions: .*bare string"),
        (["a dog"], [], None, "gallery_captions: expected at least one video"),
        (["a dog"], ["a dog"], None, "gallery_captions: .*bare string at 0"),
        (["a dog"], [["a dog"], []], None, "gallery_captions: expected at least one caption, got none at 1"),
        (["a dog"], [["a dog", float("nan")]], None, "gallery_captions: expected strings, got float at 0"),
        (["a dog"], [["a dog"]], [0, 0], r"video_of_text: .*1 integers.*\[2\]"),
        (["a dog"], [["a dog"]], [1], "video_of_text: expected 0 to 0, got 1 to 1"),
        (["a dog"], [["a dog"]], [0.0], "video_of_text: .*float64"),
    ],
)
def test_bad_captions(queries, gallery, own, message):
    with pytest.raises(ValueError, match=message):
        caption_overlap(queries, gallery, own)


# Real captions ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_gallery(cmgsd_data):
    """Captions and category of the 1k-A test videos that have features: 300 videos, 20 captions each."""
    root = cmgsd_data / "msrvtt"
    captions, categories = defaultdict(list), {}
    for archive, name in (
        ("train_val_annotation.zip", "train_val_videodatainfo.json"),
        ("test_videodatainfo.json.zip", "test_videodatainfo.json"),
    ):
        with zipfile.ZipFile(root / "annotations" / archive) as opened:
            table = json.loads(opened.read(name))
        categories |= {video["video_id"]: video["category"] for video in table["videos"]}
        for sentence in table["sentences"]:
            captions[sentence["video_id"]].append(sentence["caption"])
    with np.load(root / "features" / "efficientnet_lite0_video_mean.npz", allow_pickle=False) as features:
        known = {f"video{i}" for i in features["video_id"]}
    with open(root / "annotations" / "MSRVTT_JSFUSION_test.csv", newline="") as table:
        videos = [row["video_id"] for row in csv.DictReader(table) if row["video_id"] in known]
    return [captions[video] for video in videos], [categories[video] for video in videos]


@pytest.mark.realdata
def test_floors_on_real_captions(real_gallery):
    captions, categories = real_gallery
    own = np.repeat(np.arange(300), 20)
    queries = [caption for group in captions for caption in group]
    is_own = np.arange(300) == own[:, None]
    overlap = caption_overlap(queries, captions, own)
    assert overlap.shape == (6000, 300)
    # Tolerances leave room for another version of the stemmer.
    assert random_floor(overlap) == pytest.approx(59.0, abs=0.3)
    assert random_floor(overlap, exclude=is_own) == pytest.approx(60.6, abs=0.3)
    assert ndcg(is_own, overlap) == pytest.approx(69.9, abs=0.3)
    assert 0 < np.isnan(ndcg_per_query(is_own, overlap, exclude=is_own)).sum() < 10
    assert random_floor(same_category(categories, categories)[own]) == pytest.approx(43.4, abs=0.1)
    with_function_words = caption_overlap(queries, captions, own, stop_words=())
    assert random_floor(with_function_words) == pytest.approx(86.1, abs=0.3)


def test_marks_without_end_upon_a_letter_take_no_time():
    begin = time.process_time()
    assert len(caption_words("a dog " + "e" + "\u0301\u0316" * 100_000)) == 2
    assert time.process_time() - begin < 5
