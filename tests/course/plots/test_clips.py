"""Clips under a sentence show what they are given, still and moving."""

import base64
import io

import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.course.first_model import Search
from cmgsd_lite.course.plots.clips import SIDE, Found, best_clips, clip_data, plot_clips, show_clips

FOUND = [Found("video17", "1. own clip", "own"), Found("video18", "2. not true", "not true")]


def test_still_clips_have_titles_words_and_edges():
    axes = plot_clips("a purple dog", FOUND, frames=2).axes
    assert [ax.get_title() for ax in axes] == ["1. own clip", "2. not true"]
    assert axes[0].get_xlabel().splitlines() == ["purple dog, left", "snow"]
    assert axes[0].images[0].get_array().shape == (256, 128, 3)
    assert len({ax.spines["left"].get_edgecolor() for ax in axes}) == 2
    plt.close("all")


def test_a_clip_is_sent_once_as_a_strip_of_its_frames():
    data = clip_data({"a purple dog": FOUND, "a dog": FOUND[:1]}, ask=True)
    assert sorted(data["films"]) == ["video17", "video18"]
    assert [len(sentence["found"]) for sentence in data["sentences"]] == [2, 1]
    assert data["sentences"][1]["found"][0] == {"clip": "video17", "title": "1. own clip", "kind": "own"}
    kind, _, content = data["films"]["video17"]["strip"].partition(";base64,")
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert (kind, image.size) == ("data:image/webp", (8 * SIDE, SIDE))


@pytest.mark.parametrize("sentences", [{}, {"a dog": []}])
def test_nothing_to_show_is_refused(sentences):
    with pytest.raises(ValueError, match="sentences: expected at least one with clips"):
        show_clips(sentences, "a picture that shows nothing at all")


def test_best_clips_say_the_truth():
    sim, true = torch.tensor([[0.1, 0.9, 0.5, 0.7]]), torch.tensor([[True, True, True, False]])
    search = Search(["a dog"], ("a", "b", "c", "d"), sim, torch.tensor([2]), true, true.float())
    assert best_clips(search, "a dog", 3) == [
        Found("b", "1. also true", "true"),
        Found("d", "2. not true", "not true"),
        Found("c", "3. own clip", "own"),
    ]
    with pytest.raises(ValueError, match="sentence: expected one of the 1 queries"):
        best_clips(search, "a cat")
