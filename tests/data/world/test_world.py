"""The drawn world: the same scenes and captions for a seed, correct English, pictures, and what is true."""

import itertools
import json
import zipfile
from collections import Counter

import numpy as np
import pytest

from cmgsd_lite.data.world.build import SPLITS, clip_annotations, split_of, zipped_json
from cmgsd_lite.data.world.captions import NOISE_RATE, VARIANTS, clip_captions
from cmgsd_lite.data.world.motion_features import motion_descriptor
from cmgsd_lite.data.world.render import render
from cmgsd_lite.data.world.scenes import Scene, Subject, clip_scene
from cmgsd_lite.data.world.truth import FACETS, Claim, claims_true, graded_relevance
from cmgsd_lite.data.world.vocabulary import (
    COLOURS,
    ENTITIES,
    MOTIONS,
    PLACES,
)
from tests.data.world.slow_truth import holds


@pytest.fixture(scope="module")
def scenes():
    return [clip_scene(0, index) for index in range(60)]


@pytest.fixture(scope="module")
def captions(scenes):
    return [
        (index, variant, caption)
        for index, scene in enumerate(scenes)
        for variant in VARIANTS
        for caption in clip_captions(scene, variant, 0, index)
    ]


def test_truth_equals_the_slow_version(scenes, captions):
    claims = [caption.claim for _, _, caption in captions[::7]]
    fast = claims_true(claims, scenes)
    slow = [[holds(claim, scene) for scene in scenes] for claim in claims]
    assert np.array_equal(fast, np.array(slow))
    assert 0.02 < fast.mean() < 0.6, "both answers occur"


def test_truth_by_hand():
    dog, car = Subject("dog", "red", "right"), Subject("car", "blue", "still")
    scene = Scene("beach", (dog, car), 0)
    true = [
        Claim("dog"),
        Claim("any animal", "red"),
        Claim("car", "blue", place="beach"),
        Claim(motion="right"),
    ]
    true += [Claim("dog", other_entity="car", other_colour="blue"), Claim(motion="any motion")]
    false = [Claim("car", "red"), Claim("dog", place="sea"), Claim("dog", other_entity="dog"), Claim("cat")]
    false += [Claim("any animal", other_entity="any animal"), Claim("car", motion="right")]
    assert claims_true(true, [scene]).all()
    assert not claims_true(false, [scene]).any()


def test_relevance_is_one_exactly_where_the_claim_is_true(scenes, captions):
    claims = [caption.claim for _, _, caption in captions[::5]]
    grade, true = graded_relevance(claims, scenes), claims_true(claims, scenes)
    assert ((grade == 1) == true).all()
    assert grade.min() >= 0
    by_hand = graded_relevance(
        [Claim("dog", "red", place="sea"), Claim("cat", "red")],
        [Scene("sea", (Subject("dog", "blue", "up"),), 0)],
    )
    assert by_hand[:, 0] == pytest.approx([2 / 3, 0.25])


def test_captions_are_true_unless_marked_as_mistakes(scenes, captions):
    assert all(holds(caption.claim, scenes[index]) != caption.noise for index, _, caption in captions)
    rate = np.mean([caption.noise for _, _, caption in captions])
    assert rate == pytest.approx(NOISE_RATE, abs=0.015)


def test_every_caption_says_something_and_in_one_way(captions):
    for _, _, caption in captions:
        assert any(getattr(caption.claim, facet) for facet in FACETS), caption
        words = caption.text.split()
        assert caption.text == " ".join(words)
        assert caption.text.islower()
        for article, word in itertools.pairwise(words):
            if article == "an":
                assert word[0] in "aeiou", caption.text
            if article == "a":
                assert word[0] not in "aeiou" or word.startswith("ufo"), caption.text
            assert (article, word) != ("is", "there"), caption.text
            assert article != word, caption.text
        if "there is a " in caption.text:
            rest = caption.text.split("there is a ")[1].split()
            finite = {"moves", "goes", "runs", "flies", "drives", "spins", "jumps", "rises", "falls"}
            assert not finite & set(rest[:3]), caption.text


def test_one_text_is_one_claim(captions):
    meaning = {}
    for _, _, caption in captions:
        assert meaning.setdefault(caption.text, caption.claim) == caption.claim, caption.text


def test_counts_and_variants(scenes):
    for index, scene in enumerate(scenes[:20]):
        counts = {len(clip_captions(scene, variant, 0, index)) for variant in VARIANTS}
        assert len(counts) == 1
        assert 10 <= counts.pop() <= 20


def test_lower_variants_say_more(scenes, captions):
    said = {
        variant: np.mean(
            [sum(bool(getattr(c.claim, f)) for f in FACETS) for _, v, c in captions if v == variant]
        )
        for variant in VARIANTS
    }
    assert said["low"] > said["default"] > said["high"]


def test_scenes_are_a_function_of_seed_and_number_and_long_tailed():
    assert clip_scene(0, 7) == clip_scene(0, 7) != clip_scene(1, 7)
    assert Scene.from_json(json.loads(json.dumps(clip_scene(0, 7).to_json()))) == clip_scene(0, 7)
    drawn = [clip_scene(0, index) for index in range(1500)]
    counts = Counter(scene.subjects[0].entity for scene in drawn)
    assert len(counts) == len(ENTITIES) >= 30
    assert counts.most_common(1)[0][1] > 8 * min(counts.values())
    assert {scene.place for scene in drawn} == set(PLACES)
    assert {s.motion for scene in drawn for s in scene.subjects} == set(MOTIONS)
    assert {s.colour for scene in drawn for s in scene.subjects} == set(COLOURS)
    assert (len(PLACES) >= 8, len(MOTIONS) >= 10, len(COLOURS) >= 6) == (True, True, True)
    assert 0.15 < np.mean([len(scene.subjects) == 2 for scene in drawn]) < 0.35


def test_pictures_are_the_same_each_time_and_show_what_moves():
    still, moving = (Scene("meadow", (Subject("dog", "red", m),), 5) for m in ("still", "right"))
    frames = render(moving)
    assert frames.shape == (8, 128, 128, 3)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, render(moving))

    def red_column(frame):
        red = (frame[..., 0].astype(int) - frame[..., 1:].max(axis=-1)) > 70
        return np.nonzero(red)[1].mean()

    columns = [red_column(frame) for frame in frames]
    assert columns[-1] > columns[0] + 20
    resting = [red_column(frame) for frame in render(still)]
    assert np.ptp(resting) < 3


def test_motion_descriptor_tells_left_from_right_and_ignores_who_moves():
    def describe(entity, motion, seed):
        return motion_descriptor(render(Scene("meadow", (Subject(entity, "blue", motion),), seed)))

    right, other, left = describe("dog", "right", 1), describe("car", "right", 2), describe("dog", "left", 3)
    assert np.linalg.norm(right - other) < np.linalg.norm(right - left)
    assert describe("dog", "still", 4).shape == right.shape == (139,)


def test_zips_are_equal_bytes_and_in_the_official_schema():
    content = clip_annotations("default", range(5))
    packed = zipped_json(content, "minivtt.json")
    assert packed == zipped_json(clip_annotations("default", range(5)), "minivtt.json")
    assert set(content["videos"][0]) >= {"id", "video_id", "category", "start time", "end time", "split"}
    assert set(content["sentences"][0]) >= {"sen_id", "video_id", "caption", "claim"}
    assert [s["sen_id"] for s in content["sentences"]] == list(range(len(content["sentences"])))
    assert (split_of(0), split_of(1999), split_of(2299), split_of(3299)) == (
        "train",
        "train",
        "validate",
        "test",
    )
    assert [len(indices) for indices in SPLITS.values()] == [2000, 300, 1000]


def test_zip_names_its_file(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped_json({"a": 1}, "a.json"))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert json.loads(archive.read("a.json")) == {"a": 1}
