"""Splits by any name, in lists, columns, keys and names of JSON files: none is dropped without a word."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmgsd_lite.data import describe, load_folder, read_annotations, read_split_list
from cmgsd_lite.data.splits import role_of, slot_of
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, SMALL_PARTS, vector, write_small
from tests.data.test_parts import WORDS

SIZES = {part: len(mine) for part, mine in SMALL_PARTS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Captions and features without any list."""
    write_small(tmp_path, lists=False)
    (tmp_path / "i3d.pkl").write_bytes(pickle.dumps({v: vector(v) for v in SMALL}))
    return tmp_path


def has_all_parts(folder: Path, protocol: str = "plain") -> Any:
    data = load_folder(folder)
    assert data.protocol == protocol
    found = {"train": data.train, "val": data.validation, "test": data.test}
    assert {part: split.video_ids for part, split in found.items()} == SMALL_PARTS
    return data


def record(video: str, **more: Any) -> dict[str, Any]:
    return {"video": f"{video}.mp4", "caption": f"query for {video}", **more}


@pytest.mark.parametrize("words", WORDS, ids="-".join)
@pytest.mark.parametrize("name", ["{}.txt", "{}.csv", "{}.tsv", "{}.json", "{}.jsonl", "own_{}_list.txt"])
def test_a_list_a_part(folder: Path, words: tuple[str, str, str], name: str) -> None:
    for word, mine in zip(words, SMALL_PARTS.values(), strict=True):
        path = folder / name.format(word)
        text = {
            ".csv": "video_id\n" + "\n".join(mine),
            ".tsv": "key\tvideo_id\n" + "\n".join(f"0\t{v}" for v in mine),
            ".json": json.dumps(mine),
            ".jsonl": "\n".join(json.dumps(record(v)) for v in mine),
        }.get(path.suffix, "\n".join(mine))
        path.write_text(text)
    protocol = "1k-A" if "train9k" in words else "plain"
    if words[1] == "val_1":
        assert load_folder(folder).validation.video_ids == SMALL_PARTS["val"]
    data = has_all_parts(folder, protocol)
    assert sum(r.used_as is not None for r in data.files) == 5


@pytest.mark.parametrize("words", WORDS, ids="-".join)
@pytest.mark.parametrize("kind", ["ids", "records", "by id", "id to part", "column", "key",
                                  "by id and key", "database", "wrapped", "videos"])  # fmt: skip
def test_one_file_for_all_parts(folder: Path, words: tuple[str, str, str], kind: str) -> None:
    parts = dict(zip(words, SMALL_PARTS.values(), strict=True))
    content: Any = {
        "ids": parts,
        "records": {word: [record(v) for v in mine] for word, mine in parts.items()},
        "by id": {word: {v: [f"query for {v}"] for v in mine} for word, mine in parts.items()},
        "id to part": {v: word for word, mine in parts.items() for v in mine},
        "key": [record(v, split=word) for word, mine in parts.items() for v in mine],
        "by id and key": {v: {"subset": word} for word, mine in parts.items() for v in mine},
        "database": {"database": {v: {"subset": word} for word, mine in parts.items() for v in mine}},
        "wrapped": {"split": parts},
        "videos": {"videos": [{"video_id": v, "split": w} for w, mine in parts.items() for v in mine]},
    }.get(kind)
    if kind == "column":
        rows = [f"{v},{word},query for {v}" for word, mine in parts.items() for v in mine]
        (folder / "all.csv").write_text("\n".join(["video_id,split,sentence", *rows]))
    else:
        (folder / "split.json").write_text(json.dumps(content))
    protocol = "1k-A" if "train9k" in words else "plain"
    data = has_all_parts(folder, protocol)
    if kind in ("records", "by id", "column", "key"):
        assert data.test.queries == {v: [f"query for {v}"] for v in SMALL_PARTS["test"]}
        assert data.test.captions[SMALL[8]][0] == f"sentence 0 on {SMALL[8]}"


@pytest.mark.parametrize("words", WORDS[:6], ids="-".join)
def test_splits_of_msrvtt_json_by_any_word(folder: Path, words: tuple[str, str, str]) -> None:
    (folder / "ref_captions.json").unlink()
    videos = [
        {"video_id": v, "split": word}
        for word, mine in zip(words, SMALL_PARTS.values(), strict=True)
        for v in mine
    ]
    sentences = [{"video_id": v, "caption": f"on {v}"} for v in SMALL]
    (folder / "data.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    has_all_parts(folder, "full")
    videos[0]["split"] = "extra"
    (folder / "data.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    assert any("1 videos in a part that is none of train" in note for note in load_folder(folder).notes)


def test_keys_with_another_word_and_empty_parts(folder: Path) -> None:
    content = {f"{part}_list": mine for part, mine in SMALL_PARTS.items()} | {"val_1_extra": []}
    (folder / "split.json").write_text(json.dumps(content))
    assert "train_list" not in has_all_parts(folder).train.captions


def test_videos_whose_names_begin_like_parts_are_no_parts(tmp_path: Path) -> None:
    content = {f"test_{n}": ["a man runs"] for n in range(3)}
    (tmp_path / "captions.json").write_text(json.dumps(content))
    assert read_annotations(tmp_path).captions == content


def test_captions_may_lie_in_the_files_of_the_parts(folder: Path) -> None:
    (folder / "ref_captions.json").unlink()
    for part, mine in SMALL_PARTS.items():
        (folder / f"captions_{part}.jsonl").write_text("\n".join(json.dumps(record(v)) for v in mine))
    data = has_all_parts(folder)
    assert data.train.captions == {v: [f"query for {v}"] for v in SMALL_PARTS["train"]}


def test_val_1_is_the_test_list_where_there_is_no_other(folder: Path) -> None:
    (folder / "train_list.txt").write_text("\n".join(SMALL[:6]))
    (folder / "val_1_list.txt").write_text("\n".join(SMALL[8:]))
    (folder / "val_2_list.txt").write_text("\n".join(SMALL[6:9]))
    data = has_all_parts(folder)
    assert any("test: there is no test list, so it is val_1" in note for note in data.notes)
    (folder / "test_list.txt").write_text("\n".join(SMALL[10:]))
    (folder / "val_2_list.txt").unlink()
    data = load_folder(folder)
    assert (data.validation.video_ids, data.test.video_ids) == (SMALL[8:10], SMALL[10:])


def test_train_9k_goes_with_a_test_list_that_names_no_protocol(folder: Path) -> None:
    (folder / "train9k.json").write_text(json.dumps([record(v) for v in SMALL[:8]]))
    (folder / "train7k.json").write_text(json.dumps([record(v) for v in SMALL[:6]]))
    (folder / "test1k.json").write_text(json.dumps([record(v) for v in SMALL[8:]]))
    assert load_folder(folder).test.video_ids == SMALL[8:]
    data = load_folder(folder, "7k")
    assert len(data.train) + len(data.validation) == 6
    assert "7k test: the list whose name says no protocol" in data.notes


def test_a_list_that_cannot_be_read_does_not_kill_the_folder(folder: Path) -> None:
    for part, mine in SMALL_PARTS.items():
        (folder / f"{part}.txt").write_text("\n".join(mine))
    (folder / "train_9k.csv").write_text("video_id\nv_a0\nv_a0\n")
    data = has_all_parts(folder)
    assert any("train_9k.csv: left out: expected each video once" in note for note in data.notes)


def test_json_lines_under_the_name_json(folder: Path) -> None:
    (folder / "test.json").write_text("\n".join(json.dumps(record(v)) for v in SMALL_PARTS["test"]))
    assert read_split_list(folder / "test.json") == SMALL_PARTS["test"]


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        ("train.jsonl", ("plain", "train")),
        ("test1k.json", ("plain", "test")),
        ("msrvtt_ret_train9k.json", ("1k-A", "train")),
        ("msrvtt_test_1kA.json", ("1k-A", "test")),
        ("captions_dev.json", ("plain", "validation")),
        ("val_1_list.txt", ("plain", "val_1")),
        ("val_2.json", ("plain", "validation")),
        ("trainingset.json", None),
        ("dev_caps.txt", None),
    ],
)
def test_what_a_name_says(name: str, slot: tuple[str, str] | None) -> None:
    assert role_of(Path(name)) == slot
    assert slot_of("nothing") is None


@pytest.mark.parametrize("suffix", [".lst", ".list"])
def test_lists_by_other_suffixes(folder: Path, suffix: str) -> None:
    for part, mine in SMALL_PARTS.items():
        (folder / f"{part}{suffix}").write_text("\n".join(mine))
    has_all_parts(folder)


@pytest.mark.parametrize("key", ["video_ids", "ids", "videos", "names", "clip_ids"])
def test_lists_in_a_key_of_each_part(folder: Path, key: str) -> None:
    words = ("training", "validation", "testing")
    content = {
        word: {key: mine, "n": len(mine)} for word, mine in zip(words, SMALL_PARTS.values(), strict=True)
    }
    (folder / "splits.json").write_text(json.dumps(content))
    has_all_parts(folder)


@pytest.mark.parametrize("key", ["subset", "set", "partition", "phase", "fold"])
def test_parts_of_the_official_videos_under_another_key(folder: Path, key: str) -> None:
    part_of = {v: word for word, part in (("training", "train"), ("validation", "val"), ("testing", "test"))
               for v in SMALL_PARTS[part]}  # fmt: skip
    videos = [{"video_id": v, key: part_of[v]} for v in SMALL]
    sentences = [{"video_id": v, "caption": f"query for {v}"} for v in SMALL]
    (folder / "MSRVTT_data.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    has_all_parts(folder, "full")


EXTRA = SMALL_PARTS["train"][:2]
WORDED = {v: "extra" if v in EXTRA else part for part, mine in SMALL_PARTS.items() for v in mine}


def as_column(folder: Path) -> str:
    (folder / "split.csv").write_text("video_id,split\n" + "\n".join(f"{v},{p}" for v, p in WORDED.items()))
    return "split.csv"


def as_records(folder: Path) -> str:
    (folder / "split.json").write_text(json.dumps([{"video_id": v, "split": p} for v, p in WORDED.items()]))
    return "split.json"


def as_words(folder: Path) -> str:
    (folder / "split.json").write_text(json.dumps(WORDED))
    return "split.json"


def as_keys(folder: Path) -> str:
    parts = {**SMALL_PARTS, "train": SMALL_PARTS["train"][2:], "extra": EXTRA, "version": 2}
    (folder / "split.json").write_text(json.dumps(parts))
    return "split.json"


@pytest.mark.parametrize("write", [as_column, as_records, as_words, as_keys])
def test_videos_of_an_unknown_part_are_counted(folder: Path, write: Any) -> None:
    name = write(folder)
    data = load_folder(folder)
    assert data.train.video_ids == SMALL_PARTS["train"][2:]
    said = f"{name}: 2 videos of the part 'extra' are in no split (known are train, val and test)"
    assert said in data.notes
    assert said in describe(folder)["missing"]


def test_a_column_of_unknown_words_alone_is_named(folder: Path) -> None:
    (folder / "split.csv").write_text(
        "video_id,split\n" + "\n".join(f"{v},{n % 3}" for n, v in enumerate(SMALL))
    )
    with pytest.raises(
        DataError, match=r"split\.csv: .*expected parts \(train, val, test\) in split, found '0'"
    ):
        load_folder(folder)


def test_ids_with_blanks_in_parts(tmp_path: Path) -> None:
    named = {v: f"My clip ({v}) & more" for v in SMALL}
    captions = {name: [f"sentence on {v}"] for v, name in named.items()}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    parts = {part: [named[v] for v in mine] for part, mine in SMALL_PARTS.items()}
    (tmp_path / "splits.json").write_text(json.dumps(parts))
    (tmp_path / "i3d.pkl").write_bytes(pickle.dumps({named[v]: vector(v) for v in SMALL}))
    assert load_folder(tmp_path).train.video_ids == parts["train"]


# --- errors that name both sides ----------------------------------------------------------------------


def test_ids_that_do_not_meet_are_shown(folder: Path) -> None:
    for part, mine in SMALL_PARTS.items():
        (folder / f"{part}_list.txt").write_text("\n".join(mine))
    (folder / "i3d.pkl").write_bytes(pickle.dumps({f"other_{v}": vector(v) for v in SMALL}))
    with pytest.raises(DataError) as error:
        load_folder(folder, experts=["i3d"])
    for words in ("ref_captions.json: v_a0, v_a1", "expert i3d: other_v_a0, other_v_a1", "train list: v_a0"):
        assert words in str(error.value)
    assert "i3d.pkl: expert i3d" in str(error.value)
    assert "train_list.txt: train list of plain" in str(error.value)


def test_captions_in_a_layout_of_split_lists_are_named(tmp_path: Path) -> None:
    for part, mine in SMALL_PARTS.items():
        content = {v: {"duration": 9.0, "timestamps": [[0, 1]]} for v in mine}
        (tmp_path / f"{part}.json").write_text(json.dumps(content))
    (tmp_path / "i3d.pkl").write_bytes(pickle.dumps({v: vector(v) for v in SMALL}))
    with pytest.raises(
        DataError, match=r"name their folder \(left out: test\.json: expected videos/sentences"
    ):
        load_folder(tmp_path)


def test_two_caption_files_of_one_name_are_told_apart(folder: Path) -> None:
    for part, mine in SMALL_PARTS.items():
        (folder / f"{part}_list.txt").write_text("\n".join(mine))
    (folder / "ref_captions.json").unlink()
    for below in ("a", "b"):
        (folder / below).mkdir()
        (folder / below / "captions.json").write_text(json.dumps({v: [f"{below} of {v}"] for v in SMALL}))
    (note,) = [note for note in load_folder(folder).notes if note.startswith("b/captions.json: ")]
    assert "than in a/captions.json, which is used" in note


@pytest.mark.parametrize("form", ["{}", "{:04d}"])
def test_whole_numbers_as_ids_are_called_otherwise_aloud_and_once(tmp_path: Path, form: str) -> None:
    named = {v: form.format(n) for n, v in enumerate(SMALL)}
    (tmp_path / "captions.json").write_text(json.dumps({named[v]: [f"sentence on {v}"] for v in SMALL}))
    for part, mine in SMALL_PARTS.items():
        (tmp_path / f"{part}_list.txt").write_text("\n".join(named[v] for v in mine))
    (tmp_path / "i3d").mkdir()
    for v in SMALL:
        np.save(tmp_path / "i3d" / f"{named[v]}.npy", vector(v))
    data = load_folder(tmp_path)
    assert data.train.video_ids == [f"video{n}" for n in range(6)]
    assert data.notes.count("ids that are whole numbers, as 7 or 0007, are called video7") == 1


def test_names_of_files_in_the_other_normal_form(tmp_path: Path) -> None:
    named = {v: f"caf\u00e9_{v}" for v in SMALL}
    (tmp_path / "captions.json").write_text(json.dumps({named[v]: [f"sentence on {v}"] for v in SMALL}))
    for part, mine in SMALL_PARTS.items():
        (tmp_path / f"{part}_list.txt").write_text("\n".join(named[v] for v in mine), encoding="utf-8")
    (tmp_path / "i3d").mkdir()
    for v in SMALL:
        np.save(tmp_path / "i3d" / f"cafe\u0301_{v}.npy", vector(v))
    data = load_folder(tmp_path)
    assert data.train.video_ids == [named[v] for v in SMALL_PARTS["train"]]
    assert any("normal form" in note for note in data.notes)
