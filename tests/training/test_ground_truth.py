"""What test videos can be measured by: each kind that leaves something, a note for each that does not."""

from dataclasses import replace

import numpy as np
import pytest

from cmgsd_lite.data import RetrievalDataset
from cmgsd_lite.training.ground_truth import known_relevance
from tests.training.test_loop import make_split


def known(split, queries="all"):
    return known_relevance(RetrievalDataset("made up", "plain", split, split, split), queries)


def with_captions(caption, **more):
    split = make_split(4)
    captions = {video: [caption(i)] for i, video in enumerate(split.video_ids)}
    return replace(split, captions=captions, queries=captions, **more)


def test_captions_and_categories_that_all_have():
    split = make_split(6)
    found = known(replace(split, categories={video: i % 2 for i, video in enumerate(split.video_ids)}))
    texts = sum(len(split.captions[video]) for video in split.video_ids)
    assert {kind: matrix.shape for kind, matrix in found.kinds.items()} == {
        "caption overlap": (texts, 6),
        "category": (texts, 6),
    }
    assert found.beside_own == ("caption overlap", "category")
    assert found.notes == ()


@pytest.mark.parametrize("missing", ["key", None])
def test_a_video_without_its_category_leaves_the_kind_out(missing):
    split = make_split(6)
    categories = dict.fromkeys(split.video_ids, 1)
    if missing == "key":
        del categories[split.video_ids[2]]
    else:
        categories[split.video_ids[2]] = None
    found = known(replace(split, categories=categories))
    assert list(found.kinds) == ["caption overlap"]
    assert found.notes == ("relevance by category is left out: 1 of 6 test videos have none",)


def test_without_a_common_word_nothing_is_relevant_beside_the_own_video():
    found = known(with_captions(lambda i: f"word{'abcd'[i]}"))
    assert np.array_equal(found.kinds["caption overlap"], np.eye(4))
    assert found.beside_own == ()
    assert "caption overlap without a query's own video is left out" in found.notes[0]


def test_where_captions_have_no_word_at_all_the_category_is_the_main_kind():
    split = with_captions(lambda i: "it is there")
    found = known(replace(split, categories=dict.fromkeys(split.video_ids, 7)))
    assert list(found.kinds) == ["category"]
    assert "relevance by caption overlap is left out: no video is relevant to any query" in found.notes
    assert known(split).kinds == {}
