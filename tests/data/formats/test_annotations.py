"""Annotation and split list readers on small files in the structure of each project."""

import gzip
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cmgsd_lite.data import read_annotations, read_queries, read_split_list
from cmgsd_lite.data.formats.files import video_id_of
from cmgsd_lite.data.splits import protocol_name, role_of
from cmgsd_lite.errors import DataError
from tests.data.samples import caption, official_json, write_annotations


def written(path: Path, content: Any) -> Path:
    raw = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    path.write_bytes(raw)
    return path


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


# --- official and JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["plain", "gz", "zip", "bom"])
def test_official_json_plain_and_wrapped(tmp_path: Path, wrap: str) -> None:
    text = json.dumps(official_json([0, 7], "train"))
    path = {
        "plain": lambda: written(tmp_path / "train_val_videodatainfo.json", text),
        "bom": lambda: written(tmp_path / "train_val_videodatainfo.json", b"\xef\xbb\xbf" + text.encode()),
        "gz": lambda: written(tmp_path / "train_val_videodatainfo.json.gz", gzip.compress(text.encode())),
        "zip": lambda: zipped(
            tmp_path / "a.zip", **{"x/train_val_videodatainfo.json": text, "__MACOSX/._x.json": "\0"}
        ),
    }[wrap]()
    read = read_annotations(path)
    assert read.captions == {f"video{v}": [caption(v, i) for i in range(3)] for v in (0, 7)}
    assert read.categories == {"video0": 0, "video7": 7}
    assert read.official_split == {"video0": "train", "video7": "train"}
    assert read.name == "MSR-VTT"
    assert read.video_extras == {}
    assert read.sentence_extras == {}


def test_official_zip_has_category_names(tmp_path: Path) -> None:
    read = read_annotations(write_annotations(tmp_path / "a"))
    assert read.category_names == {0: "music", 3: "sports/actions"}
    assert len(read.captions) == 30
    assert {kind for _, kind in read.sources} == {"official"}  # csv and jsonl add no second copy


def test_films_in_a_zip_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(
        tmp_path / "a.zip", **{"video0.mp4": "film", "data.json": json.dumps(official_json([0], "train"))}
    )
    read, real = [], zipfile.ZipFile.read

    def spy(archive: zipfile.ZipFile, name: str) -> bytes:
        read.append(name)
        return real(archive, name)

    monkeypatch.setattr(zipfile.ZipFile, "read", spy)
    assert list(read_annotations(path).captions) == ["video0"]
    assert read == ["data.json"]


def test_further_keys_are_kept_as_extras(tmp_path: Path) -> None:
    content = official_json([0, 1], "train")
    content["videos"][1]["scene"] = {"entity": "cat"}
    content["sentences"] = [
        {"video_id": "video1", "caption": "b", "claim": 4},
        {"video_id": "video1", "caption": "c"},
        {"video_id": "video0", "caption": "a"},
    ]
    read = read_annotations(written(tmp_path / "own.json", content))
    assert read.video_extras == {"video1": {"scene": {"entity": "cat"}}}
    assert read.sentence_extras["video1"] == [{"claim": 4}, {}]
    assert read.captions["video1"] == ["b", "c"]


def test_sentence_extras_stay_aligned_when_only_later_sentences_have_some(tmp_path: Path) -> None:
    sentences = [
        {"video_id": 0, "caption": "a"},
        {"video_id": 0, "caption": " "},
        {"video_id": 0, "caption": "b", "k": 1},
    ]
    read = read_annotations(written(tmp_path / "x.json", {"sentences": sentences}))
    assert read.captions == {"video0": ["a", "b"]}
    assert read.sentence_extras == {"video0": [{}, {"k": 1}]}
    assert read.notes == ["x.json: 1 empty captions are left out"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "MSRVTT_data.json",
            {
                "videos": [{"video_id": "video4"}],
                "sentences": [
                    {"video_id": "video4", "caption": "caf\u00e9"},
                    {"video_id": "video4", "caption": "b"},
                ],
            },
        ),
        (
            "MSR_VTT.json",
            {
                "annotations": [
                    {"image_id": "video4", "caption": "caf\u00e9", "id": 1},
                    {"image_id": "video4", "caption": "b", "id": 2},
                ],
                "images": [],
            },
        ),
        ("ref_captions.json", {"video4": ["caf\u00e9", "b"]}),
        ("list.json", [{"video": "video4.mp4", "caption": ["caf\u00e9", "b"]}]),
        (
            "a.jsonl",
            '{"clip_name": "video4", "caption": "caf\u00e9"}\r\n\r\n'
            '{"clip_name": "video4", "caption": "b"}\r\n',
        ),
        ("b.jsonl", '{"clip_id": "video4", "text": ["caf\u00e9", "b"]}'),
        ("c.jsonl", '{"video": "all/video4.mp4", "text": "caf\u00e9"}\n{"video": "video4", "text": "b"}'),
        ("d.jsonl", '{"video_id": 4, "sentence": "caf\u00e9"}\n{"video_id": "4", "sentence": "b"}'),
        ("e.csv", "key,vid_key,video_id,sentence\r\nret0,msr4,video4,caf\u00e9\r\nret1,msr4,video4,b\r\n"),
        ("f.csv", "\ufeffvideo_id;caption\r\nvideo4;caf\u00e9\r\nvideo4;b\r\n"),
        ("g.csv", 'video_id,sentence\nvideo4,"caf\u00e9"\nvideo4,b'),
        ("h.caption.txt", "video4#0 caf\u00e9\r\nvideo4#enc#1 b\r\n"),
    ],
)
def test_other_caption_files(tmp_path: Path, name: str, content: Any) -> None:
    assert read_annotations(written(tmp_path / name, content)).captions == {"video4": ["caf\u00e9", "b"]}


def test_csv_of_a_spreadsheet_in_windows_1252_and_utf_16(tmp_path: Path) -> None:
    text = "video_id;sentence\r\nvideo1;un caf\u00e9, s'il vous pla\u00eet\r\n"
    for encoding in ("cp1252", "utf-16", "utf-8-sig", "utf-8"):
        read = read_annotations(written(tmp_path / "x.csv", text.encode(encoding)))
        assert read.captions == {"video1": ["un caf\u00e9, s'il vous pla\u00eet"]}


def test_quoted_commas_and_line_breaks_in_csv(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.csv", 'video_id,sentence\r\nvideo1,"a man, a dog"\r\nvideo2,"two\r\nlines"\r\n'
    )
    assert read_annotations(path).captions["video1"] == ["a man, a dog"]
    assert read_annotations(path).captions["video2"][0].split() == ["two", "lines"]


@pytest.mark.parametrize("protocol", [2, 4])
def test_raw_captions_pickle(tmp_path: Path, protocol: int) -> None:
    content = {
        "video0": [["a", "man"], ["caf\u00e9"]],
        "video1": ["one string"],
        2: [[b"bytes", b"caf\xc3\xa9"]],
    }
    path = written(tmp_path / "raw-captions.pkl", pickle.dumps(content, protocol=protocol))
    assert read_annotations(path).captions == {
        "video0": ["a man", "caf\u00e9"],
        "video1": ["one string"],
        "video2": ["bytes caf\u00e9"],
    }


def test_raw_captions_of_python_2_have_their_accents_mended(tmp_path: Path) -> None:
    word = "caf\u00e9".encode()
    raw = b"\x80\x02}U\x06video0]](U\x01aU" + bytes([len(word)]) + word + b"eas."
    assert read_annotations(written(tmp_path / "raw-captions.pkl", raw)).captions == {
        "video0": ["a caf\u00e9"]
    }


def test_mmt_captions(tmp_path: Path) -> None:
    folder = tmp_path / "mult_h5" / "v" / "i" / "d"
    folder.mkdir(parents=True)
    with h5py.File(folder / "video3.h5", "w") as file:
        for i in range(12):  # raw_captions.10 comes after raw_captions.9, not after raw_captions.1
            file[f"raw_captions.{i}"] = np.array([b"number", str(i).encode()])
    assert read_annotations(tmp_path / "mult_h5").captions == {"video3": [f"number {i}" for i in range(12)]}


def test_a_video_takes_its_captions_from_the_best_source_once(tmp_path: Path) -> None:
    written(
        tmp_path / "a_first.jsonl",
        '{"video": "video0", "caption": "jsonl"}\n{"video": "video9", "caption": "more"}',
    )
    written(tmp_path / "MSRVTT_data.json", {"sentences": [{"video_id": "video0", "caption": "data"}]})
    written(tmp_path / "train_val_videodatainfo.json", official_json([0], "train"))
    read = read_annotations(tmp_path)
    assert read.captions["video0"] == [caption(0, i) for i in range(3)]
    assert read.captions["video9"] == ["more"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", '{"videos": [', "broken JSON"),
        ("x.json", {"metrics": 1}, "found metrics"),
        ("x.json", {"sentences": [{"caption": "a"}]}, "without .'video_id'"),
        ("x.json", {"videos": [{"video_id": 1}, {"video_id": "video1"}], "sentences": []}, "2 entries for 1"),
        ("x.json", {"sentences": []}, "expected captions"),
        ("x.jsonl", '{"clip_id": "a", "text": "b"}\n{"clip_id": ', "line 2: expected a JSON object"),
        ("x.jsonl", '{"clip_id": "a"}', "record 1: .*found clip_id"),
        ("x.csv", "a,b\n1,2\n", "expected columns video_id and sentence, found a, b"),
        ("x.csv", "key,video_id,sentence\n0,video1,a\n1,vid", "row 3: expected 3 cells, found 2"),
        ("x.txt", "just text\n", "line 1: expected"),
        ("x.json.gz", gzip.compress(b'{"sentences": []}', mtime=0)[:-9], "damaged"),
        ("x.zip", b"PK\x03\x04 cut", "damaged"),
        ("raw-captions.pkl", pickle.dumps({"video0": [[3]]}), "expected words, found int"),
        ("raw-captions.pkl", pickle.dumps([1]), "found list"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "content",
)
def test_wrong_annotation_files_are_named(tmp_path: Path, name: str, content: Any, message: str) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as caught:
        read_annotations(path)
    assert name in str(caught.value)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing there"):
        read_annotations(tmp_path / "absent.json")
    with pytest.raises(DataError, match="expected captions"):
        read_annotations(tmp_path)


# --- ids ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "video7"),
        (np.int32(7), "video7"),
        ("7", "video7"),
        (7.0, "video7"),
        ("video7", "video7"),
        (b"video7", "video7"),
        ("a/video7.mp4", "video7"),
        ("a\\video7.MP4", "video7"),
        (" video7\r", "video7"),
        ("v_a.b", "v_a.b"),
    ],
)
def test_ids(value: object, expected: str) -> None:
    assert video_id_of(value) == expected


@pytest.mark.parametrize("value", ["", " ", -1, 1.5, None, True, float("nan"), float("inf")])
def test_no_ids(value: object) -> None:
    with pytest.raises(DataError, match="video id"):
        video_id_of(value)


# --- split lists -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "video_id\nvideo2\nvideo0\n"),
        ("a.csv", "video_id\r\nvideo2\r\nvideo0\r\n"),
        ("a.csv", "\ufeffvideo_id\r\nvideo2\r\nvideo0"),
        (
            "a.csv",
            "key;video_id;sentence\r\nret0;video2;a, b\r\nret1;video0;c\r\nret2;video0;d\r\n",
        ),
        ("a.csv", "video2\nvideo0\n"),
        ("a.txt", "video2\r\nvideo0\r\n\r\n"),
        ("a.txt", "\ufeffvideo2.mp4\nvideo0.mp4"),
        ("a.txt", "2\n0\n"),
    ],
)
def test_split_lists(tmp_path: Path, name: str, content: str) -> None:
    assert read_split_list(written(tmp_path / name, content)) == ["video2", "video0"]


def test_split_list_of_names_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "trn_names.npy", np.array(["video2", "video0"]))
    assert read_split_list(tmp_path / "trn_names.npy") == ["video2", "video0"]
    np.save(tmp_path / "trn_names.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match="plain numbers"):
        read_split_list(tmp_path / "trn_names.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("video_id\nvideo1\nvideo1\n", "found video1 2 times"),
        ("", "found nothing"),
        ("video_id\n", "found nothing"),
        ("a b\nc d\n", "one id a line, found 'a b'"),
    ],
)
def test_wrong_split_lists(tmp_path: Path, content: str, message: str) -> None:
    path = written(tmp_path / "train.csv", content)
    with pytest.raises(DataError, match=message):
        read_split_list(path)


def test_queries_in_file_order(tmp_path: Path) -> None:
    path = written(
        tmp_path / "q.csv", "key;video_id;sentence\r\n0;video9;one\r\n1;video2;caf\u00e9\r\n2;video9;two\r\n"
    )
    assert list(read_queries(path).items()) == [("video9", ["one", "two"]), ("video2", ["caf\u00e9"])]
    with pytest.raises(DataError, match="found video_id"):
        read_queries(written(tmp_path / "q.csv", "video_id\nvideo1\n"))


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        ("MSRVTT_JSFUSION_test.csv", ("1k-A", "test")),
        ("MSRVTT_train.9k.csv", ("1k-A", "train")),
        ("MSRVTT_train.7k.csv", ("7k", "train")),
        ("val_list_jsfusion.txt", ("1k-A", "test")),
        ("train_list_jsfusion.txt", ("1k-A", "train")),
        ("val_list_full.txt", ("full", "validation")),
        ("MSRVTT_val.full.csv", ("full", "validation")),
        ("test_list_miech.txt", ("miech", "test")),
        ("minivtt_train.csv", ("plain", "train")),
        ("minivtt_val.csv", ("plain", "validation")),
        ("train_list.txt", ("plain", "train")),
        ("tst_names.npy", ("plain", "test")),
        ("msrvtt10ktrain.txt", ("plain", "train")),
        ("tst_ft.npy", None),
        ("category.txt", None),
        ("testall_caps.txt", None),
        ("msrvtt10ktrain.caption.txt", None),
        ("train_val_videodatainfo.json", None),
        ("shape.txt", None),
    ],
)
def test_what_a_file_name_says(name: str, slot: tuple[str, str] | None) -> None:
    assert role_of(Path(name)) == slot


def test_protocol_names() -> None:
    assert [protocol_name(name) for name in ("9k", "1k-A", "1k-a", "JSFUSION")] == ["1k-A"] * 4
    with pytest.raises(ValueError, match="protocol: expected one of 1k-A, 7k, full, miech.*got '8k'"):
        protocol_name("8k")
