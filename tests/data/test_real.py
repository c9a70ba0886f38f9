"""Facts about the real MSR-VTT files; run where CMGSD_DATA is set."""

import string
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from cmgsd_lite.data import (
    Annotations,
    convert,
    describe,
    load_dataset,
    load_folder,
    read_annotations,
    read_queries,
    read_split_list,
)
from cmgsd_lite.data.notes import file_notes

pytestmark = pytest.mark.realdata
MEAN, FRAMES = "efficientnet_lite0_video_mean", "efficientnet_lite0_frames_pca256"


@pytest.fixture(scope="module")
def told(cmgsd_data: Path) -> Annotations:
    return read_annotations(cmgsd_data / "msrvtt" / "annotations")


def plain(caption: str) -> str:
    return caption.lower().translate(str.maketrans("", "", string.punctuation)).strip()


def test_videos_captions_and_categories(told: Annotations) -> None:
    assert len(told.captions) == 10_000
    assert {len(mine) for mine in told.captions.values()} == {20}
    assert len(told.category_names) == 20
    assert {told.category_names[told.categories[video]] for video in told.videos} == set(
        told.category_names.values()
    )
    splits = list(told.official_split.values())
    assert [splits.count(name) for name in ("train", "validate", "test")] == [6513, 497, 2990]


def test_twins(told: Annotations) -> None:
    """How many captions have an exact twin at another video: the false negatives one can count."""
    videos = defaultdict(set)
    rows = [(plain(caption), video) for video, mine in told.captions.items() for caption in mine]
    for text, video in rows:
        videos[text].add(video)
    assert len(videos) == 166_893
    assert sum(len(videos[text]) > 1 for text, _ in rows) == 27_371
    assert len({video for text, video in rows if len(videos[text]) > 1}) == 7_417


def test_queries_of_1k_a(cmgsd_data: Path, told: Annotations) -> None:
    queries = read_queries(cmgsd_data / "msrvtt" / "annotations" / "MSRVTT_JSFUSION_test.csv")
    sentences = [own[0] for own in queries.values()]
    assert len(sentences) == 1000
    assert sum(s in told.captions[video] for video, (s,) in queries.items()) == 965
    rows = defaultdict(list)
    for row, sentence in enumerate(sentences):
        rows[sentence].append(row)
    assert sorted(twice for twice in rows.values() if len(twice) > 1) == [
        [98, 582],
        [323, 803, 945],
        [527, 666],
        [554, 839],
    ]


def test_published_lists(cmgsd_data: Path) -> None:
    folder = cmgsd_data / "msrvtt" / "annotations"
    lists = {
        path.name: set(read_split_list(path))
        for path in [*folder.glob("*.csv"), *folder.glob("ce_lists/*.txt")]
    }
    assert lists["val_list_jsfusion.txt"] == lists["MSRVTT_JSFUSION_test.csv"]
    assert lists["train_list_jsfusion.txt"] == lists["MSRVTT_train.9k.csv"]
    assert len(lists["test_list_miech.txt"] & lists["MSRVTT_train.9k.csv"]) == 704


@pytest.mark.parametrize(
    ("protocol", "sizes"),
    [
        (None, (4107, 244, 300)),
        ("7k", (3151, 244, 300)),
        ("full", (3151, 244, 1256)),
        ("miech", (2994, 172, 425)),
    ],
)
def test_every_protocol_is_disjoint(
    cmgsd_data: Path, told: Annotations, protocol: str | None, sizes: tuple[int, int, int]
) -> None:
    data = load_dataset(cmgsd_data, protocol, [MEAN])
    splits = (data.train, data.validation, data.test)
    assert tuple(map(len, splits)) == sizes
    assert len({video for split in splits for video in split.video_ids}) == sum(sizes)
    assert {told.official_split[video] for video in data.validation.video_ids} == {"validate"}
    published = set(read_split_list(cmgsd_data / "msrvtt" / "annotations" / "MSRVTT_JSFUSION_test.csv"))
    assert not published & set(data.validation.video_ids)
    if data.protocol in ("1k-A", "7k"):
        assert set(data.test.video_ids) <= published
        assert {len(own) for own in data.test.queries.values()} == {1}
        assert "700 of 1,000 videos have no features in efficientnet_lite0_video_mean" in " ".join(data.notes)
    assert {len(own) for own in data.test.captions.values()} == {20}


def test_features_are_those_of_the_file(cmgsd_data: Path) -> None:
    data = load_folder(cmgsd_data / "msrvtt")
    assert set(data.train.features) == {MEAN, FRAMES}
    with np.load(cmgsd_data / "msrvtt" / "features" / f"{MEAN}.npz") as file:
        row = {f"video{v}": i for i, v in enumerate(file["video_id"])}
        expected = file["features"][[row[video] for video in data.test.video_ids]]
        frames = dict(zip(row, file["n_frames"].tolist(), strict=True))
    values, mask = data.test.features[MEAN]
    np.testing.assert_array_equal(values[:, 0], expected.astype(np.float32))
    assert mask.all()
    counts = data.test.features[FRAMES].mask.sum(1).tolist()
    assert counts == [min(32, frames[video]) for video in data.test.video_ids]


def test_fast_layout_gives_the_same(cmgsd_data: Path, tmp_path: Path) -> None:
    slow, fast = (
        load_folder(cmgsd_data, "miech"),
        load_folder(convert(cmgsd_data, tmp_path / "fast"), "miech"),
    )
    without = [[n for n in d.notes if n not in file_notes(d.files)] for d in (slow, fast)]
    assert (without[0], slow.name) == (without[1], fast.name)
    for part in ("train", "validation", "test"):
        a, b = getattr(slow, part), getattr(fast, part)
        assert (a.video_ids, a.captions, a.queries) == (b.video_ids, b.captions, b.queries)
        for expert in (MEAN, FRAMES):
            np.testing.assert_array_equal(a.features[expert].values, b.features[expert].values)


def test_description(cmgsd_data: Path) -> None:
    found = describe(cmgsd_data)
    assert set(found["experts"]) == {MEAN, FRAMES}
    assert {(e["videos"], e["dim"]) for e in found["experts"].values()} == {(4651, 1280), (4651, 256)}
    assert {"file": "msrvtt/similarity/msrvtt_video_matrix.npy", "shape": [1000, 1000]} in found["similarity"]
    assert len(found["human_labels"]) > 5
    assert found["ignored"] == []
