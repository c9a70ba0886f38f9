"""Putting annotations, lists and features together; the fast layout; what `info` says."""

import json
import pickle
import random
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cmgsd_lite.data import (
    Annotations,
    SplitLists,
    assemble,
    convert,
    describe,
    format_description,
    load_dataset,
    load_folder,
    read_features,
)
from cmgsd_lite.data.formats.tables import table_from_values
from cmgsd_lite.data.notes import ce_check, file_notes
from cmgsd_lite.data.protocols import draw_validation, resolve, validation_size
from cmgsd_lite.errors import DataError
from tests.data.layouts import World, pairs, plain_features, put_csv
from tests.data.samples import (
    MIECH_TEST,
    ONE_K,
    TEST,
    VALIDATE,
    caption,
    ids,
    write_annotations,
    write_features,
)

ALL = range(30)
PROTOCOLS = ["1k-A", "9k", "7k", "full", "miech"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Annotations and features of all 30 videos, side by side."""
    write_annotations(tmp_path / "annotations")
    write_features(tmp_path / "features", ALL)
    return tmp_path


# --- protocols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_splits_are_disjoint_and_test_is_the_published_list(folder: Path, protocol: str) -> None:
    data = load_folder(folder, protocol)
    parts = [set(split.video_ids) for split in (data.train, data.validation, data.test)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts))
    published = {"full": list(TEST), "miech": MIECH_TEST}.get(protocol, ONE_K)
    assert data.test.video_ids == ids(published)


def test_sizes_and_validation_of_each_protocol(folder: Path) -> None:
    sizes = {}
    for protocol in PROTOCOLS:
        data = load_folder(folder, protocol)
        sizes[protocol] = len(data.train), len(data.validation), len(data.test)
        assert set(data.validation.video_ids) == set(ids(VALIDATE))
    assert sizes == {
        "1k-A": (22, 4, 4),
        "9k": (22, 4, 4),
        "7k": (12, 4, 4),
        "full": (12, 4, 14),
        "miech": (22, 4, 3),
    }


def test_default_protocol_is_1k_a_and_9k_its_alias(folder: Path) -> None:
    assert load_folder(folder).protocol == load_folder(folder, "9k").protocol == "1k-A"


def test_queries_are_the_sentences_of_the_csv_and_captions_stay_all(folder: Path) -> None:
    test = load_folder(folder).test
    assert test.queries == {f"video{v}": [f"query for {v}"] for v in ONE_K}
    assert test.captions["video20"] == [caption(20, i) for i in range(3)]
    full = load_folder(folder, "full")
    assert full.test.queries == full.test.captions
    assert full.validation.queries == full.validation.captions


def test_rows_follow_the_ids_and_categories_are_there(folder: Path) -> None:
    data = load_folder(folder)
    for split in (data.train, data.validation, data.test):
        values, mask = split.features["rgb"]
        assert values.dtype == np.float32
        assert values.shape == (len(split), 1, 4)
        assert mask.all()
        assert [f"video{int(v)}" for v in values[:, 0, 0]] == split.video_ids
        assert split.categories == {v: int(v[5:]) % 20 for v in split.video_ids}
        assert split.extras == {"videos": {}, "sentences": {}}
    assert data.name == "MSR-VTT"
    assert data.category_names[3] == "sports/actions"


def test_without_official_splits_validation_is_a_fixed_draw(tmp_path: Path) -> None:
    for v in range(100):
        with (tmp_path / "captions.jsonl").open("a") as stream:
            stream.write(json.dumps({"clip_id": f"video{v}", "caption": f"c{v}"}) + "\n")
    write_features(tmp_path, range(100))
    (tmp_path / "own_train.csv").write_text("video_id\n" + "\n".join(ids(range(80))))
    (tmp_path / "own_test.csv").write_text("video_id\n" + "\n".join(ids(range(80, 100))))
    data = load_folder(tmp_path)
    assert (data.protocol, data.name) == ("plain", tmp_path.name)
    assert (len(data.train), len(data.validation), len(data.test)) == (64, 16, 20)
    assert any("16 videos drawn by a fixed seed" in note for note in data.notes)
    (tmp_path / "own_train.csv").write_text("video_id\n" + "\n".join(ids(range(79, -1, -1))))
    assert set(load_folder(tmp_path).validation.video_ids) == set(data.validation.video_ids)
    (tmp_path / "own_val.csv").write_text("video_id\nvideo5\nvideo6\n")
    assert load_folder(tmp_path).validation.video_ids == ["video5", "video6"]
    assert not {"video5", "video6"} & set(load_folder(tmp_path).train.video_ids)


@given(st.sets(st.integers(0, 9999), min_size=3, max_size=60), st.randoms())
def test_draw_does_not_depend_on_order(numbers: set[int], order: random.Random) -> None:
    listed = ids(sorted(numbers))
    drawn = draw_validation(listed)
    order.shuffle(listed)
    assert draw_validation(listed) == drawn
    assert len(drawn) == len(set(drawn)) == validation_size(len(listed))


def test_draw_takes_at_most_500_and_of_few_enough_to_choose_by() -> None:
    sizes = {6: 2, 60: 12, 96: 19, 300: 20, 400: 20, 9000: 450, 30_000: 500}
    assert {count: len(draw_validation(ids(range(count)))) for count in sizes} == sizes


@pytest.mark.parametrize("times", ["_{n:06d}_{m:06d}", "_00.00.{n:02d}.123-00.00.{m:02d}.456"])
def test_draw_takes_whole_films_where_ids_end_in_times(times: str) -> None:
    clips = {f"film{f}" + times.format(n=n, m=n + 1): f for f in range(30) for n in range(4)}
    drawn = set(draw_validation(list(clips)))
    films = {clips[clip] for clip in drawn}
    assert drawn == {clip for clip, film in clips.items() if film in films}
    assert validation_size(120) <= len(drawn) < validation_size(120) + 4
    one = ["film0" + times.format(n=n, m=n + 1) for n in range(40)]
    assert len(draw_validation(one)) == 8, "of a single film its clips are drawn"


def test_without_a_test_list_there_is_something_to_train_on(tmp_path: Path) -> None:
    plain_features(tmp_path, world := World())
    for part in ("train", "val"):
        mine = [[v, "https://x", c] for v, c in pairs(world, world.parts[part])]
        put_csv(tmp_path / f"results_2M_{part}.csv", ["videoid", "contentUrl", "name"], mine)
    data = load_folder(tmp_path)
    assert (data.train.video_ids, data.validation.video_ids) == (world.parts["train"], world.parts["val"])
    assert not len(data.test)
    assert any("no test list" in note for note in data.notes)
    (supply,) = describe(tmp_path)["supply"]
    assert supply["missing"] == "a test list"
    (tmp_path / supply["file"]).write_text("\n".join([supply["lines"][0], *world.parts["train"][:2]]))
    assert load_folder(tmp_path).test.video_ids == world.parts["train"][:2]


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.integers(0, 30), unique=True, min_size=1),
    st.lists(st.integers(0, 30), unique=True),
    st.sets(st.integers(0, 30)),
    st.booleans(),
)
def test_resolve_is_always_disjoint(
    train: list[int], test: list[int], validation: list[int], usable: set[int], own: bool
) -> None:
    lists = SplitLists(ids(train), ids(test), ids(validation) if own else None, held_out=ids(validation))
    try:
        found = resolve(lists, ids(sorted(usable)))
    except DataError:
        assert 1 <= len(set(train) & usable - set(test)) <= 2
        return
    parts = [set(mine) for mine in found.values()]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert not (parts[0] | parts[1]) & set(ids(test))
    assert parts[2] == set(ids(sorted(set(test) & usable)))
    if set(train) & usable - set(test):
        assert parts[0]
        assert parts[1]
        assert len(parts[1]) > 1 or len(parts[0]) < 3, "a single one is always ranked first"


@pytest.mark.parametrize("official", [False, True])
def test_a_single_validation_video_does_not_stay_alone(official: bool) -> None:
    given = {"held_out": ["video0"]} if official else {"validation": ["video30"]}
    lists = SplitLists(ids(range(10)), ids([40, 41]), **given)
    found = resolve(lists, ids(range(50)))
    assert len(found["validation"]) == (2 if official else 3)
    assert found["validation"][0] == ("video0" if official else "video30")
    assert set(found["validation"][1:]) <= set(ids(range(10)))
    assert sorted(found["train"] + found["validation"][official == 0 :]) == ids(range(10))
    data = assemble(
        "own", "plain", Annotations(captions={v: [f"a {v}"] for v in ids(range(50))}), lists,
        {"rgb": table_from_values(ids(range(50)), [np.ones((1, 2))] * 50, "x")},
    )  # fmt: skip
    assert any(" videos: 1 official, too few to choose by, and others drawn" in note for note in data.notes)


def test_empty_queries_of_a_protocol_are_left_out_aloud(tmp_path: Path) -> None:
    write_annotations(tmp_path)
    write_features(tmp_path, range(30))
    csv_file = tmp_path / "MSRVTT_JSFUSION_test.csv"
    text = csv_file.read_text().replace("query for 18", "   ")
    csv_file.write_text(text + "ret9,msr9,video20,\n")
    data = load_folder(tmp_path)
    assert data.test.queries["video20"] == ["query for 20"]
    assert data.test.queries["video18"] == data.test.captions["video18"]
    assert "1k-A test: 2 empty queries in MSRVTT_JSFUSION_test.csv are left out" in data.notes
    assert "1k-A test: 1 of 4 videos have no query of their own; their captions are used" in data.notes


@pytest.mark.parametrize(("count", "size"), [(3, 2), (20, 4), (29, 5)])
def test_small_lists_give_a_fifth_and_two_at_least(count: int, size: int) -> None:
    found = resolve(SplitLists(ids(range(count)), ids([40])), ids(range(50)))
    assert (len(found["train"]), len(found["validation"])) == (count - size, size)


def test_ce_layout_without_csv_uses_the_caption_index(tmp_path: Path) -> None:
    raw = {f"video{v}": [f"first {v}".split(), f"second {v}".split()] for v in range(10)}
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(raw))
    (tmp_path / "jsfusion_val_caption_idx.pkl").write_bytes(pickle.dumps({"video8": 1, "video9": 0}))
    (tmp_path / "train_list_jsfusion.txt").write_text("\n".join(ids(range(8))))
    (tmp_path / "val_list_jsfusion.txt").write_text("\n".join(ids([8, 9])))
    folder = tmp_path / "aggregated_imagenet_25fps_256px_stride1_offset0"
    folder.mkdir()
    (folder / "senet154-avg.pickle").write_bytes(
        pickle.dumps({f"video{v}": np.ones(3) * v for v in range(10)})
    )
    (tmp_path / "w2v_MSRVTT.pickle").write_bytes(pickle.dumps({"video0": [np.ones((2, 3)), np.ones((4, 3))]}))
    data = load_folder(tmp_path)
    assert list(data.test.features) == ["senet154-avg"]
    assert data.test.queries == {"video8": ["second 8"], "video9": ["first 9"]}
    assert describe(tmp_path)["ignored"] == [{"file": "w2v_MSRVTT.pickle"}]


def test_mmt_layout(tmp_path: Path) -> None:
    for v in range(6):
        path = tmp_path / "vid_feat_files" / "mult_h5" / "v" / "i" / "d" / f"video{v}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["raw_captions.0"] = np.array([b"clip", str(v).encode()])
            file["features.rgb"] = np.full((v + 1, 2), v, np.float32)
            file["features.face"] = np.full((1, 3), np.nan if v == 5 else 1.0)
    (tmp_path / "train_list.txt").write_text("\n".join(ids(range(4))))
    (tmp_path / "test_list.txt").write_text("\n".join(ids([4, 5])))
    data = load_folder(tmp_path)
    assert data.test.features["rgb"].mask.sum(1).tolist() == [5, 6]
    assert data.test.features["face"].mask.tolist() == [[True], [False]]
    assert data.test.features["face"].values[1].tolist() == [[0, 0, 0]]
    assert data.test.captions["video4"] == ["clip 4"]
    assert "plain test: 1 of 2 videos have no face, which is masked" in data.notes
    assert load_folder(tmp_path, "full").test.video_ids == data.test.video_ids
    assert list(load_folder(tmp_path, experts=["face"]).test.features) == ["face"]


def test_folder_of_one_file_a_video_beside_annotations(tmp_path: Path) -> None:
    captions = {name: [f"about {name}"] for name in ("v_a", "v_b", "v_c", "v_d")}
    (tmp_path / "ref_captions.json").write_text(json.dumps(captions))
    (tmp_path / "clip").mkdir()
    for name in captions:
        torch.save(torch.ones(3, 2), tmp_path / "clip" / f"{name}.pt")
    (tmp_path / "x_train.txt").write_text("v_a\nv_b\nv_c\n")
    (tmp_path / "x_test.txt").write_text("v_d\n")
    data = load_folder(tmp_path)
    assert data.test.features["clip"].values.shape == (1, 3, 2)


# --- what is left out --------------------------------------------------------------------------------


def test_videos_without_features_or_captions_are_counted(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    write_features(tmp_path, [0, 1, 2, 3, 12, 20, 25, 77])
    data = load_folder(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 2, 2)
    assert without_files(data) == [
        "1k-A train (validation included): 21 of 26 videos have no features in rgb and are left out",
        "1k-A test: 2 of 4 videos have no features in rgb and are left out",
        "1k-A validation: 2 videos: 1 official, too few to choose by, and others drawn by a fixed seed, "
        "taken out of the training list",
        "1k-A test: a gallery of 2 videos is not comparable with published results on 4",
    ]
    assert "1 videos with features have no captions" in describe(tmp_path)["missing"]


def test_videos_whose_features_are_nan_are_told_apart_from_those_without(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    numbers = [0, 1, 2, 3, 12, 20, 25]
    features = np.ones((len(numbers), 4), np.float32)
    features[[1, 5]] = np.nan
    np.savez(tmp_path / "rgb.npz", video_id=np.array(numbers), features=features)
    told = [note for note in without_files(load_folder(tmp_path)) if "are left out" in note]
    assert "1 of them are named there, with a NaN in every vector" in told[0]
    assert "1 of them are named there, with a NaN in every vector" in told[1]


def test_several_experts_a_video_stays_with_one_of_them(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    write_features(tmp_path / "features", ALL, "rgb")
    write_features(tmp_path / "features", [v for v in ALL if v != 20], "ocr", dim=2)
    data = load_folder(tmp_path)
    assert data.test.features["ocr"].mask.any(1).tolist() == [False, True, True, True]
    assert not data.test.features["ocr"].values[0].any()
    assert data.test.features["rgb"].mask.all()
    assert "1k-A test: 1 of 4 videos have no ocr, which is masked" in data.notes
    assert load_folder(tmp_path, experts=["ocr"]).test.video_ids == ids([18, 25, 29])


def test_scores_are_never_experts_and_chosen_experts_come_in_order(folder: Path) -> None:
    write_features(folder / "similarity", ALL, "derived")
    np.save(folder / "similarity" / "matrix.npy", np.zeros((4, 5)))
    write_features(folder / "captions_with_human_labels", ALL, "labels")
    write_features(folder / "features", ALL, "audio", dim=2)
    assert set(load_folder(folder).train.features) == {"rgb", "audio"}
    assert list(load_folder(folder, experts=["rgb", "audio"]).train.features) == ["rgb", "audio"]
    (folder / "features" / "broken.npz").write_bytes(b"PK broken")
    assert list(load_folder(folder, experts=["audio"]).train.features) == ["audio"]
    data = load_folder(folder)
    assert list(data.train.features) == ["audio", "rgb"]
    assert any("broken.npz: left out: expected a whole .npz" in note for note in data.notes)
    with pytest.raises(DataError, match=r"broken\.npz"):
        load_folder(folder, experts=["broken"])
    with pytest.raises(DataError, match="expected the expert clip, found audio, broken, rgb"):
        load_folder(folder, experts=["clip"])


def test_searched_six_levels_deep_and_no_deeper(tmp_path: Path) -> None:
    write_annotations(tmp_path / "msrvtt" / "annotations")
    write_features(tmp_path.joinpath("msrvtt", "features", *"abcd"), ALL)
    write_features(tmp_path.joinpath("msrvtt", "features", *"abcd", "deeper"), ALL, "deep")
    assert list(load_folder(tmp_path).train.features) == ["rgb"]
    assert load_folder(tmp_path, "miech").protocol == "miech"
    assert set(load_folder(tmp_path / "msrvtt").train.features) == {"rgb", "deep"}


def test_annotations_elsewhere_and_one_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("features")
    file = write_features(elsewhere, ALL, "clip")
    data = load_folder(file, annotations=folder / "annotations")
    assert list(data.train.features) == ["clip"]
    assert data.test.video_ids == ids(ONE_K)
    assert list(load_folder(file, experts="clip", annotations=folder / "annotations").train.features) == [
        "clip"
    ]
    with pytest.raises(DataError, match="expected a folder of annotations"):
        load_folder(file, annotations=folder / "annotations" / "MSRVTT_train.9k.csv")
    with pytest.raises(DataError, match="expected the expert rgb, found clip"):
        load_folder(file, experts=["rgb"], annotations=folder / "annotations")
    with pytest.raises(DataError, match="expected annotations beside the features"):
        load_folder(elsewhere)


def test_cropping_is_evenly_spaced_and_counted(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    frames = np.array([(v, f) for v in ALL for f in range(5 if v == 20 else 2)])
    np.savez(
        tmp_path / "frames.npz",
        video_id=frames[:, 0],
        frame=frames[:, 1],
        features=frames[:, 1:].astype("f4"),
    )
    data = load_folder(tmp_path, max_tokens=3)
    assert data.test.features["frames"].values[:, :, 0].tolist() == [
        [0, 2, 4],
        [0, 1, 0],
        [0, 1, 0],
        [0, 1, 0],
    ]
    assert data.train.features["frames"].values.shape[1] == 3
    assert "frames: 1 of 30 videos have more than 3 tokens and are cropped" in data.notes
    with pytest.raises(ValueError, match="max_tokens"):
        load_folder(tmp_path, max_tokens=0)


def test_lists_that_do_not_agree_are_told(folder: Path) -> None:
    (folder / "annotations" / "ce_lists" / "val_list_jsfusion.txt").write_text("video20\nvideo1\n")
    data = load_folder(folder)
    assert data.test.video_ids == ids(ONE_K)
    assert any("val_list_jsfusion.txt: differs from the 1k-A test list" in note for note in data.notes)
    (folder / "annotations" / "MSRVTT_train.9k.csv").write_text("video_id\n" + "\n".join(ids([0, 1, 2, 20])))
    data = load_folder(folder)
    assert "video20" not in data.train.video_ids
    assert any("1 videos are in the test list too" in note for note in data.notes)


def test_training_list_that_is_not_there_is_derived(folder: Path) -> None:
    (folder / "annotations" / "MSRVTT_train.9k.csv").unlink()
    (folder / "annotations" / "ce_lists" / "train_list_jsfusion.txt").unlink()
    data = load_folder(folder)
    assert len(data.train) + len(data.validation) == 26
    assert any("no list found" in note for note in data.notes)


def test_extras_follow_the_videos() -> None:
    annotations = Annotations(
        captions={v: [f"a {v}", f"b {v}"] for v in "abcd"},
        categories=dict.fromkeys("abcd", 1),
        video_extras={v: {"scene": v} for v in "abd"},
        sentence_extras={v: [{"claim": 1}, {}] for v in "abcd"},
        category_names={1: "one"},
    )
    table = table_from_values(list("abcd"), [np.full((i, 2), i / 2) for i in (1, 2, 1, 2)], "x")
    data = assemble("own", "plain", annotations, SplitLists(list("ab"), ["d"], ["c"]), {"rgb": table})
    assert data.test.extras == {"videos": {"d": {"scene": "d"}}, "sentences": {"d": [{"claim": 1}, {}]}}
    assert data.validation.extras["videos"] == {}
    assert (data.name, data.protocol, data.category_names) == ("own", "plain", {1: "one"})
    assert [note for note in data.notes if "one video is always ranked first" not in note] == []
    part = data.train.subset(["b"])
    assert (len(part), part.captions, part.queries["b"]) == (1, {"b": ["a b", "b b"]}, ["a b", "b b"])
    assert part.features["rgb"].mask.tolist() == [[True, True]]
    assert part.extras["videos"] == {"b": {"scene": "b"}}
    assert data.train.subset(["b", "a"]).features["rgb"].mask.sum(1).tolist() == [2, 1]
    for wrong in (["c"], ["a", "a"]):
        with pytest.raises(ValueError, match="video_ids"):
            data.train.subset(wrong)


def test_the_embedded_data_set_is_asked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("cmgsd_lite.data.registry.load_minivtt", lambda *wanted: asked.append(wanted))
    load_dataset(protocol="low", experts=["motion"])
    assert asked == [("low", ["motion"])]


def test_ce_sanity_check_speaks_up_only_when_ce_captions_differ() -> None:
    test = ids(range(1000))
    captions = {video: ["c"] * 20 for video in test}
    captions["video3"], captions["video4"] = ["c"] * 19, ["c"] * 19
    lists = SplitLists(["a"], test)
    told = Annotations(captions=captions, sources=[("raw-captions.pkl", "pickle")])
    assert ce_check(told, lists) == []
    captions["video5"] = ["c"]
    assert ce_check(told, lists) == [
        "raw captions: CE's release lacks 2 of 20,000 test captions, these lack 21"
    ]
    assert ce_check(Annotations(captions=captions, sources=[("x.json", "official")]), lists) == []


# --- errors ------------------------------------------------------------------------------------------


def test_nothing_usable_is_said_in_one_line(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="nothing there"):
        load_dataset(tmp_path / "absent")
    with pytest.raises(DataError, match=r"annotations: expected features, found none"):
        load_dataset(folder / "annotations")
    with pytest.raises(ValueError, match="protocol"):
        load_dataset(folder, "9000")
    shutil.rmtree(folder / "features")
    write_features(folder / "features", [0, 1, 2])
    with pytest.raises(DataError, match=r"1k-A test: .*found none among 4 listed \(features: rgb\)"):
        load_dataset(folder)
    shutil.rmtree(folder / "annotations")
    (folder / "captions.jsonl").write_text('{"clip_id": "video0", "text": "a"}')
    with pytest.raises(DataError, match="expected split lists of miech, found none"):
        load_dataset(folder, "miech")


def test_the_same_expert_twice_is_refused(folder: Path) -> None:
    write_features(folder / "features2", [3], "rgb")
    with pytest.raises(DataError, match="expert rgb in .*found video3 2 times"):
        load_folder(folder)


# --- the fast layout ---------------------------------------------------------------------------------


def without_files(data: Any) -> list[str]:
    told = file_notes(data.files)
    return [note for note in data.notes if note not in told]


def same(left: Any, right: Any) -> None:
    assert (left.protocol, left.name, left.category_names) == (
        right.protocol,
        right.name,
        right.category_names,
    )
    assert without_files(left) == without_files(right)
    for part in ("train", "validation", "test"):
        a, b = getattr(left, part), getattr(right, part)
        assert (a.video_ids, a.captions, a.queries) == (b.video_ids, b.captions, b.queries)
        assert (a.categories, a.extras) == (b.categories, b.extras)
        assert list(a.features) == list(b.features)
        for expert in a.features:
            np.testing.assert_array_equal(a.features[expert].values, b.features[expert].values)
            np.testing.assert_array_equal(a.features[expert].mask, b.features[expert].mask)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_convert_changes_nothing(folder: Path, protocol: str) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3, 5)).astype(np.float16)
    rows[4, 1:], rows[20] = np.nan, np.nan
    np.savez(folder / "features" / "frames.npz", ids=ids(ALL), features=rows)
    out = convert(folder, folder.parent / f"{folder.name}-fast")
    same(load_folder(out, protocol), load_folder(folder, protocol))
    same(load_dataset(out, protocol, ["frames"]), load_dataset(folder, protocol, ["frames"]))
    tables = read_features(out)
    assert tables["frames"].rows.dtype == np.float16
    assert isinstance(tables["frames"].rows, np.memmap)
    assert str(folder) not in (out / "annotations.json").read_text()


def test_convert_keeps_extras_and_reads_archives(tmp_path: Path) -> None:
    content = {
        "info": {"name": "own"},
        "category_names": {"1": "one"},
        "videos": [
            {"video_id": f"video{v}", "category": 1, "split": "train" if v < 3 else "test", "scene": {"v": v}}
            for v in range(4)
        ],
        "sentences": [{"video_id": f"video{v}", "caption": f"caf\u00e9 {v}", "claim": [v]} for v in range(4)],
    }
    source = tmp_path / "source"
    write_features(source, range(4))
    (source / "own.json").write_text(json.dumps(content))
    for part, listed in (("train", [0, 1]), ("val", [2]), ("test", [3])):
        (source / f"own_{part}.csv").write_text("video_id\n" + "\n".join(ids(listed)))
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "source")
    data = load_folder(convert(tmp_path / "packed.zip", tmp_path / "out"))
    assert data.test.extras == {
        "videos": {"video3": {"scene": {"v": 3}}},
        "sentences": {"video3": [{"claim": [3]}]},
    }
    assert (data.name, data.category_names, data.test.captions) == (
        "own",
        {1: "one"},
        {"video3": ["caf\u00e9 3"]},
    )
    same(data, load_folder(source))
    packed = load_folder(tmp_path / "packed.zip")
    same(data, packed)
    assert {record.file for record in packed.files if record.used_as} == {
        f"source/{name}" for name in ("own.json", "own_train.csv", "own_val.csv", "own_test.csv", "rgb.npz")
    }


def test_convert_writes_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder.parent / f"{folder.name}-out"
    real = np.save

    def full(path: Any, *rest: Any, **more: Any) -> None:
        real(path, *rest, **more)
        raise OSError("no space left")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="no space"):
        convert(folder, out)
    assert not list(folder.parent.glob(f"*{folder.name}-out*"))
    monkeypatch.undo()
    out.mkdir()
    (out / "keep.txt").write_text("mine")
    with pytest.raises(DataError, match="new or empty folder"):
        convert(folder, out)
    assert [path.name for path in out.iterdir()] == ["keep.txt"]
    with pytest.raises(DataError, match="expected features to convert"):
        convert(folder / "annotations", folder / "other")
    assert not (folder / "other").exists()


# --- describe ----------------------------------------------------------------------------------------


def test_describe_counts_and_is_json(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    write_features(tmp_path / "features", [0, 1, 2, 3, 12, 20, 25])
    (tmp_path / "similarity").mkdir()
    np.save(tmp_path / "similarity" / "matrix.npy", np.zeros((4, 5)))
    found = describe(tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert found["annotations"]["videos"] == 30
    assert found["annotations"]["captions"] == 90
    assert found["experts"]["rgb"] == {
        "videos": 7,
        "listed": 7,
        "tokens_median": 1.0,
        "tokens_max": 1,
        "dim": 4,
        "dtype": "float32",
    }
    assert found["protocols"]["1k-A"] == {
        "train": {"listed": 26, "usable": 3},
        "validation": {"listed": 0, "usable": 2},
        "test": {"listed": 4, "usable": 2},
    }
    assert list(found["protocols"]) == ["1k-A", "full", "7k", "miech"]
    assert found["similarity"] == [{"file": "similarity/matrix.npy", "shape": [4, 5]}]
    assert found["ignored"] == []
    text = format_description(found)
    for part in (
        "expert rgb: 7 videos, D = 4",
        "protocol 1k-A: train 3 of 26 listed, validation 2 (taken from training)",
        "note: 1k-A test: 2 of 4",
        "matrix.npy [4, 5]",
        "30 videos, 90 captions (3 each)",
    ):
        assert part in text


def test_describe_half_a_data_set(folder: Path) -> None:
    features = describe(folder / "features" / "rgb.npz")
    assert features["experts"]["rgb"]["videos"] == 30
    assert any("no annotations found" in note for note in features["missing"])
    assert "no features found" in describe(folder / "annotations")["missing"]
    assert "expert rgb" in format_description(features)
    assert describe(folder / "annotations" / "train_val_annotation.zip")["annotations"]["captions"] == 48
    shutil.make_archive(str(folder / "packed"), "zip", folder / "features")
    assert list(describe(folder / "packed.zip")["experts"]) == ["rgb"]
    with pytest.raises(DataError, match="nothing there"):
        describe(folder / "absent")
