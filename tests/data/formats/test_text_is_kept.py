"""No text of a caption file disappears, and nothing that is no text becomes a caption."""

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cmgsd_lite.data import read_annotations, read_split_list
from cmgsd_lite.errors import DataError
from tests.data.samples import official_json

NAN = float("nan")


def captions(path: Path, text: str | bytes) -> dict[str, list[str]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_annotations(path).captions


# --- cells, tabs and quotes --------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("sign", [",", ";"])
def test_an_unquoted_separator_in_the_last_column_is_text(tmp_path: Path, sign: str, end: str) -> None:
    rows = [["video_id", "sentence"], ["video1", "a man", " a dog", "a cat"], ["video2", "one"]]
    text = end.join(map(sign.join, rows))
    assert captions(tmp_path / "x.csv", text) == {
        "video1": [f"a man{sign} a dog{sign}a cat"],
        "video2": ["one"],
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sentence,video_id\na man, a dog,video1\none,video2\n", 2),  # which cells are the sentence?
        ("video_id,sentence\nvideo1,a man,train\nvideo2,a dog,test\n", 2),  # a header too short
        ('video_id,sentence\nvideo0,one\nvideo1, "a man, a dog"\n', 3),
        ('video_id,sentence\nvideo0,"a\nb"\nvideo1,"a man" and,a dog\n', 4),
        ("key,video_id,sentence\n0,video1\n", 2),
        ('video_id,sentence\nvideo1,"a man\nvideo2,a dog\n', 2),
        ('video_id,sentence\nvideo1,"a man\nvideo2,a dog\nvideo3,a cat"\n', 2),
        ('video_id,sentence\nvideo0,one\nvideo1,"a "man" runs"\n', 3),
        ("video_id,sentence\nvideo1,one\n,two\n", 3),
    ],
)
def test_rows_that_could_lose_text_name_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"x\.csv.*line {line}\b"):
        captions(tmp_path / "x.csv", text)


def test_quotes_in_tsv_are_text(tmp_path: Path) -> None:
    text = 'video_id\tsentence\nvideo1\t"hello" he says\nvideo2\t"never closed, she says\nvideo3\ta "b" c\n'
    assert captions(tmp_path / "x.tsv", text) == {
        "video1": ['"hello" he says'],
        "video2": ['"never closed, she says'],
        "video3": ['a "b" c'],
    }
    quoted = 'video_id\tsentence\nvideo1\t"a ""b""\tc"\n'
    assert captions(tmp_path / "y.tsv", quoted) == {"video1": ['a "b"\tc']}


def test_empty_cells_at_the_end_of_a_spreadsheet_are_no_text(tmp_path: Path) -> None:
    assert captions(tmp_path / "x.csv", "sentence,video_id\none,video1,,\n") == {"video1": ["one"]}


@pytest.mark.parametrize("sign", [" ", "\t", "\t ", "\u3000"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_blank_parts_caption_id_and_sentence(tmp_path: Path, sign: str, end: str) -> None:
    lines = [f"clip.jpg#0{sign}two men walk", f"clip.jpg#1{sign}a\ttab inside", ""]
    found = captions(tmp_path / "x.txt", end.join(lines))
    assert {v: [c.strip() for c in mine] for v, mine in found.items()} == {
        "clip": ["two men walk", "a\ttab inside"]
    }


def test_a_second_column_of_sentences_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("video_id,caption,text\nvideo1,one,eins\n")
    (tmp_path / "x.json").write_text(json.dumps([{"video": "video1", "caption": "one", "text": "eins"}]))
    for name in ("x.csv", "x.json"):
        read = read_annotations(tmp_path / name)
        assert read.captions == {"video1": ["one"]}
        assert read.notes == [f"{name}: text is not used, the captions are those of caption"]


def test_a_list_with_a_row_without_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("key,video_id\n0,video1\n1,\n")
    with pytest.raises(DataError, match="line 3: expected an id"):
        read_split_list(tmp_path / "train.csv")


@pytest.mark.parametrize("header", ["video_id,sentence,sentence", "video_id,video_id,sentence"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match=r"x\.csv, line 1: expected one column .*found 2"):
        captions(tmp_path / "x.csv", f"{header}\na,b,c\n")


# --- what is no text ---------------------------------------------------------------------------------

NO_TEXT = [None, NAN, 3, 2.5, True, {"en": "a dog"}, ["a", "dog"], [], "null", "NaN", "None", "  ", ""]


def records(values: list[Any]) -> list[dict[str, Any]]:
    return [{"video_id": "video1", "caption": value} for value in values]


@pytest.mark.parametrize("value", NO_TEXT, ids=repr)
@pytest.mark.parametrize("layout", ["records", "listed", "jsonl", "official", "reference", "pickle"])
def test_no_value_becomes_a_word(tmp_path: Path, value: Any, layout: str) -> None:
    both = ["one", value, "two"]
    if layout == "pickle" and isinstance(value, list):
        pytest.skip("a list is a caption as words there")
    if layout == "reference" and isinstance(value, dict):
        pytest.skip("a list with objects is no list of sentences")
    path = tmp_path / {"jsonl": "x.jsonl", "pickle": "x_captions.pkl"}.get(layout, "x.json")
    content: Any = {
        "records": records(both),
        "listed": [{"video_id": "video1", "caption": both}],
        "official": official_json([], "train") | {"sentences": records(both)},
        "reference": {"video1": both},
    }.get(layout)
    if layout == "jsonl":
        path.write_text("\n".join(map(json.dumps, records(both))))
    elif layout == "pickle":
        path.write_bytes(pickle.dumps({"video1": both}))
    else:
        path.write_text(json.dumps(content))
    read = read_annotations(path)
    if layout in ("records", "jsonl") and isinstance(value, list):  # a list of sentences
        assert read.captions == {"video1": ["one", *value, "two"]}
        return
    assert read.captions == {"video1": ["one", "two"]}
    (note,) = read.notes
    assert note.startswith(f"{path.name}: 1 ")
    assert "left out" in note


def test_null_in_place_of_a_list(tmp_path: Path) -> None:
    content = {"video1": None, "video2": [None], "video3": ["one"], "video4": []}
    (tmp_path / "x.json").write_text(json.dumps(content))
    (tmp_path / "y_captions.pkl").write_bytes(pickle.dumps(content | {"video5": NAN}))
    for name, count in (("x.json", 2), ("y_captions.pkl", 2)):
        read = read_annotations(tmp_path / name)
        assert read.captions == {"video3": ["one"]}
        assert f"{name}: {count} captions that are no text (null)" in read.notes[0]


@pytest.mark.parametrize("word", ["null", "NaN", "None", "N/A", "<NA>", ""])
def test_empty_cells_under_any_name_are_counted(tmp_path: Path, word: str) -> None:
    (tmp_path / "x.csv").write_text(f"video_id,sentence\nvideo1,{word}\nvideo1,none of them runs\n")
    read = read_annotations(tmp_path / "x.csv")
    assert read.captions == {"video1": ["none of them runs"]}
    assert len(read.notes) == 1


def test_nothing_but_null_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(records([None, NAN])))
    with pytest.raises(DataError, match=r"expected captions.*x\.json: 1 captions that are no text \(null\)"):
        read_annotations(tmp_path / "x.json")


def test_numbers_in_mmt_trees_are_no_captions(tmp_path: Path) -> None:
    folder = tmp_path / "mult_h5" / "v" / "i" / "d"
    folder.mkdir(parents=True)
    with h5py.File(folder / "video3.h5", "w") as file:
        file["raw_captions.0"] = np.array([b"a", b"dog"])
        file["raw_captions.1"] = np.array([NAN, 2.0])
    read = read_annotations(tmp_path / "mult_h5")
    assert read.captions == {"video3": ["a dog"]}
    assert "1 captions that are no text" in read.notes[0]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_lone_surrogates_are_replaced_and_pairs_joined(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(
        r'{"video_id": "video1", "caption": ["a \ud83d dog", "\ud83d\ude00 smiles"]}'
    )
    if name == "x.json":
        (tmp_path / name).write_text(f"[{(tmp_path / name).read_text()}]")
    read = read_annotations(tmp_path / name)
    assert read.captions == {"video1": ["a \ufffd dog", "\U0001f600 smiles"]}
    assert json.dumps(read.captions, ensure_ascii=False).encode()
    assert "1 captions have half a sign" in read.notes[0]


# --- categories --------------------------------------------------------------------------------------


def categorised(folder: Path, name: str, values: dict[str, Any]) -> None:
    content = {
        "videos": [{"video_id": v, "category": c} for v, c in values.items()],
        "sentences": [{"video_id": v, "caption": f"on {v}"} for v in values],
    }
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def test_categories_as_words_are_numbered_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    categorised(tmp_path, "a.json", {"video1": "sports", "video2": "Music", "video3": "sports"})
    categorised(tmp_path, "b.json", {"video4": "art", "video5": "music", "video6": None, "video7": ["x"]})
    read = read_annotations(tmp_path)
    names = {video: read.category_names[number] for video, number in read.categories.items()}
    assert {video: name.lower() for video, name in names.items()} == {
        "video1": "sports", "video2": "music", "video3": "sports", "video4": "art", "video5": "music",
    }  # fmt: skip
    assert sorted(set(read.categories.values())) == [0, 1, 2]
    assert (
        "b.json: 1 categories that are neither numbers nor words are left out (first: video7)" in read.notes
    )


def test_known_names_keep_their_numbers(tmp_path: Path) -> None:
    categorised(tmp_path, "a.json", {"video1": "sports", "video2": "7", "video3": 3.0, "video4": "new"})
    (tmp_path / "category.txt").write_text("music\t0\nsports\t5\n")
    read = read_annotations(tmp_path)
    assert read.categories == {"video1": 5, "video2": 7, "video3": 3, "video4": 8}
    assert read.category_names == {0: "music", 5: "sports", 8: "new"}


@pytest.mark.parametrize("names", [{"0": "a", "1": "b"}, ["a", "b"], {"a": 0, "b": 1}])
def test_names_of_categories_in_any_order(tmp_path: Path, names: Any) -> None:
    categorised(tmp_path, "a.json", {"video1": "b"})
    content = json.loads((tmp_path / "a.json").read_text()) | {"category_names": names}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert read_annotations(tmp_path / "a.json").categories == {"video1": 1}
    (tmp_path / "a.json").write_text(json.dumps(content | {"category_names": {"a": "b"}}))
    with pytest.raises(DataError, match=r"a\.json: expected category_names"):
        read_annotations(tmp_path / "a.json")


# --- lists as text, signs without ink, escaped separators ----------------------------------------------


@pytest.mark.parametrize("write", [str, json.dumps])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
def test_a_list_written_as_text_is_split_aloud(tmp_path: Path, name: str, write: Any) -> None:
    told = {"v_a": ["a dog runs, fast", "it's a cat"], "v_b": ["one"]}
    rows = [{"video_id": v, "caption": write(mine)} for v, mine in told.items()]
    if name == "x.csv":
        with (tmp_path / name).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, ["video_id", "caption"])
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = json.dumps(rows) if name == "x.json" else "\n".join(map(json.dumps, rows))
        (tmp_path / name).write_text(text)
    read = read_annotations(tmp_path / name)
    assert read.captions == told
    assert read.notes == [
        f"{name}: 2 lists of sentences written as text are split into their sentences (first: v_a)"
    ]


@pytest.mark.parametrize("cell", ["['a dog' 'a cat']", "['a man's dog', 'a cat']", '["a dog", "a cat]'])
def test_a_list_that_cannot_be_told_apart_is_refused(tmp_path: Path, cell: str) -> None:
    rows = [{"video_id": "v_a", "caption": cell}]
    if cell.endswith("cat]"):
        (tmp_path / "x.json").write_text(json.dumps(rows))
        assert read_annotations(tmp_path / "x.json").captions == {"v_a": [cell]}  # it is no list at all
        return
    (tmp_path / "x.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match=r"x\.json: expected sentences.* at v_a, found a list as text"):
        read_annotations(tmp_path / "x.json")


@pytest.mark.parametrize("text", ["[music] a man sings", "[a dog]", "['tis the season]", "[1, 2]", '("hi")'])
def test_brackets_alone_make_no_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"v_a": [text]}))
    assert read_annotations(tmp_path / "x.json").captions == {"v_a": [text]}


NO_INK = ["\u200b\u00a0", "\ufeff", "\u2060\u200d", "\u3000\t", "\u00ad", "\x00", "\u2800", "\u3164"]


@pytest.mark.parametrize("text", NO_INK)
def test_signs_without_ink_are_no_caption(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"v_a": [text, "one"], "v_b": ["\U0001f600", "."]}))
    read = read_annotations(tmp_path / "x.json")
    assert read.captions == {"v_a": ["one"], "v_b": ["\U0001f600", "."]}
    assert read.notes == ["x.json: 1 empty captions are left out"]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_backslash_before_a_separator_is_no_text(tmp_path: Path, sign: str) -> None:
    text = f"video_id{sign}caption\nv_a{sign}one\\{sign} two\nv_b{sign}a \\\\ b\\{sign}c\n"
    found = captions(tmp_path / "x.csv", text)
    assert found == {"v_a": [f"one{sign} two"], "v_b": [f"a \\ b{sign}c"]}


def test_other_backslashes_are_text(tmp_path: Path) -> None:
    text = "video_id,caption\nv_a,the band AC\\DC\nv_b,C:\\, she says\n"
    assert captions(tmp_path / "x.csv", text) == {"v_a": ["the band AC\\DC"], "v_b": ["C:\\, she says"]}


def test_single_quotes_around_cells(tmp_path: Path) -> None:
    text = "video_id,caption\n'v_a','one, two'\n'v_b','it''s a dog'\n"
    assert captions(tmp_path / "x.csv", text) == {"v_a": ["one, two"], "v_b": ["it's a dog"]}
    with pytest.raises(DataError, match=r"x\.csv: expected cells in double quotes, found single ones"):
        captions(tmp_path / "x.csv", "video_id,caption\n'v_a','it's a dog'\n")


# --- ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((f"v_a{suffix}", "v_a") for suffix in (".jpg", ".PNG", ".avi", ".mp4", ".flv", ".mpg", ".npy")),
        ("'v_a'", "v_a"),
        ("`v_a.mp4`", "v_a"),
        ("17.0", "video17"),
        ("0017", "video17"),
        ("cafe\u0301", "caf\u00e9"),
        ("v1.5", "v1.5"),
        ("'tis", "'tis"),
    ],
)
def test_ids_are_read_alike_in_captions_and_lists(tmp_path: Path, written: str, meant: str) -> None:
    (tmp_path / "x.txt").write_text(f"{written}#0 a dog\n{written}#1 a cat\n", encoding="utf-8")
    assert read_annotations(tmp_path / "x.txt").captions == {meant: ["a dog", "a cat"]}
    (tmp_path / "test.csv").write_text(f"video_id\n{written}\n", encoding="utf-8")
    assert read_split_list(tmp_path / "test.csv") == [meant]


@pytest.mark.parametrize(
    ("one", "other"),
    [("cats/001.mp4", "dogs/001.mp4"), ("a.mp4", "a.avi"), ("cats/a.mp4", "a.mp4"), ("x\\a.mp4", "y\\a.mp4")],
)
def test_two_videos_do_not_become_one(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(DataError, match=r"x\.csv: expected an id of its own for each video, found .*give"):
        captions(tmp_path / "x.csv", f"video_id,caption\n{one},a cat\n{other},a dog\n")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("0001", "video1"), ("1", "1.0"), ("cafe\u0301.mp4", "caf\u00e9.mp4"), ("a", "a.mp4")),
        *(("v_QOlSCBRmfWY", "QOlSCBRmfWY"), ("./a.mp4", "a.MP4")),
    ],
)
def test_one_video_spelled_in_two_ways_is_one(tmp_path: Path, one: str, other: str) -> None:
    found = captions(tmp_path / "x.csv", f"video_id,caption\n{one},a cat\n{other},a dog\n")
    assert list(found.values()) == [["a cat", "a dog"]]


def test_only_the_last_number_of_a_line_is_none_of_the_id(tmp_path: Path) -> None:
    text = "clip#1#0 a cat\nclip#2#0 a dog\nclip#2#1 a bird\nb#enc#0 a fox\n"
    assert captions(tmp_path / "x.txt", text) == {
        "clip#1": ["a cat"],
        "clip#2": ["a dog", "a bird"],
        "b": ["a fox"],
    }


def test_rows_of_an_old_mac_are_no_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmgsd_lite.data.formats.delimited.MEMBERS", 100)
    rows = [f"video{n},a dog in film {n}" for n in range(200)]
    assert len(captions(tmp_path / "x.csv", "\r".join(["video_id,caption", *rows]))) == 200


def test_a_caption_of_several_lines_with_a_comma(tmp_path: Path) -> None:
    text = 'video_id,caption\nvideo1,"He stops.\nThen, he walks on."\nvideo2,one\n'
    assert captions(tmp_path / "x.csv", text) == {
        "video1": ["He stops.\nThen, he walks on."],
        "video2": ["one"],
    }
    swallowed = 'video_id,caption\nkitchen,"he stops\ngarden,a dog runs\nstreet,a ""cat"\n'
    with pytest.raises(DataError, match="expected a closing quote"):
        captions(tmp_path / "x.csv", swallowed)


def test_captions_of_a_set_come_in_one_order(tmp_path: Path) -> None:
    words = {f"a dog number {n}" for n in range(100, 140)}
    (tmp_path / "captions.pkl").write_bytes(pickle.dumps({"video1": words}))
    assert read_annotations(tmp_path / "captions.pkl").captions == {"video1": sorted(words)}


@pytest.mark.parametrize("other", [{"novel": ["x"]}, {"info": {"year": 2016}}, {"version": 1}])
def test_an_unknown_key_beside_parts_is_told_and_parts_are_no_videos(tmp_path: Path, other: Any) -> None:
    content = {
        part: [{"video_id": f"v_{part}", "caption": "a dog runs"}] for part in ("train", "val", "test")
    }
    (tmp_path / "x.json").write_text(json.dumps(content | other))
    read = read_annotations(tmp_path / "x.json")
    assert list(read.captions) == ["v_train", "v_val", "v_test"]
    assert read.notes == [f"x.json: {next(iter(other))} beside parts (train, val, test) is not read"]
    lists = {part: ["video1", "video2"] for part in ("train", "val", "test")}
    (tmp_path / "x.json").write_text(json.dumps(lists | other))
    with pytest.raises(DataError, match="lists of ids by part"):
        read_annotations(tmp_path / "x.json")


@pytest.mark.parametrize("keys", [("data", "annotations"), ("annotations", "sentences"), ("data", "records")])
def test_captions_under_two_keys_are_refused(tmp_path: Path, keys: tuple[str, str]) -> None:
    one, two = ([{"video_id": f"video{n}", "caption": "a dog"}] for n in (1, 2))
    (tmp_path / "x.json").write_text(json.dumps(dict(zip(keys, (one, two), strict=True))))
    with pytest.raises(DataError, match=r"x\.json: expected captions under one key, found them under"):
        read_annotations(tmp_path / "x.json")
