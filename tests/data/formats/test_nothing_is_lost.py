"""Two things under one name: both are read, or the file is refused; no one takes the other's place."""

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cmgsd_lite.data import read_annotations, read_features, read_split_list
from cmgsd_lite.data.formats.files import decode, json_of, once, unpack, video_id_of
from cmgsd_lite.data.formats.number_tables import load_numbers
from cmgsd_lite.data.formats.torch_files import load_torch
from cmgsd_lite.data.human_labels import read_eccv, read_msrvid
from cmgsd_lite.errors import DataError

ONES, TWOS = np.ones((1, 4), np.float32), np.full((1, 4), 2, np.float32)
TEXT = "video_id,caption\nvideo1,a dog runs\nvideo2,a cat sits\n"


# --- JSON --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.json", '{"video1": ["a dog"], "video2": ["a cow"], "video1": ["a cat"]}'),
        ("captions.json", '[{"video_id": "video1", "caption": "a dog", "caption": "a cat"}]'),
        ("captions.jsonl", '{"video_id": "video1", "caption": "a dog", "caption": "a cat"}\n'),
        ("captions.json", '{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], '
         '"annotations": [{"image_id": 1, "caption": "a dog"}]}'),
        ("category.txt", "music\t1\nsport\t1\n"),
    ],
)  # fmt: skip
def test_an_entry_twice_is_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=rf"{name}: expected each entry once, found .* twice"):
        read_annotations(tmp_path / name)


def test_an_entry_twice_with_one_value_is_read(tmp_path: Path) -> None:
    assert json_of('{"a": [1], "b": 2, "a": [1]}', "x") == {"a": [1], "b": 2}
    with pytest.raises(DataError, match="x: expected each entry once, found 'a' twice"):
        once([("a", ONES), ("a", TWOS)], "x")


def test_two_words_for_one_part_do_not_hide_each_other(tmp_path: Path) -> None:
    from cmgsd_lite.data.splits import slots_in

    (tmp_path / "lists.json").write_text('{"train": ["video1"], "training": ["video2"], "test": ["video3"]}')
    with pytest.raises(DataError, match=r"lists\.json: expected each entry once"):
        slots_in(tmp_path / "lists.json")


def test_lengths_twice_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", video1=np.ones((3, 4)), video2=np.ones((3, 4)))
    for name, text in (
        ("clip_len.json", '{"video1": 2, "1": 3, "video2": 3}'),
        ("clip_len.csv", "video1,2\nvideo1,3\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=rf"{name}: expected each entry once"):
            read_features(tmp_path / "clip.npz")
        (tmp_path / name).unlink()


# --- archives and folders ----------------------------------------------------------------------------


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_two_members_of_one_name_in_an_npz(tmp_path: Path) -> None:
    path = _zip(tmp_path / "clip.npz", ("video1.npy", _npy(ONES)), ("video1", _npy(TWOS)))
    with pytest.raises(DataError, match=r"clip\.npz: expected each entry once, found 'video1' twice"):
        read_features(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["clip.npz", "captions.zip", "clip.pt"])
def test_a_member_twice_in_any_zip(tmp_path: Path, name: str) -> None:
    member = {"clip.npz": "video1.npy", "captions.zip": "captions.csv", "clip.pt": "archive/data.pkl"}[name]
    path = _zip(tmp_path / name, (member, _npy(ONES)), (member, _npy(TWOS)))
    read = read_annotations if name == "captions.zip" else read_features
    with pytest.raises(DataError, match=rf"{name}: expected each file once, found a second {member}"):
        read(path)


def test_two_storages_of_one_name_in_a_torch_file(tmp_path: Path) -> None:
    torch.save({"video1": torch.ones(4)}, tmp_path / "x.pt")
    with zipfile.ZipFile(tmp_path / "x.pt", "a") as archive:
        archive.writestr("other/data/0", np.full(4, 2, np.float32).tobytes())
    with pytest.raises(DataError, match=r"x\.pt: expected each entry once, found 'data/0' twice"):
        load_torch(tmp_path / "x.pt")


def test_a_member_twice_in_a_tar_by_another_path(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in ("captions.txt", "./captions.txt"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(DataError, match=r"x\.tar: expected each file once, found a second"):
        unpack(tmp_path / "x.tar", tmp_path / "out")


def test_a_tar_that_turns_back_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("clip.npy")
    info.size = -512
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(DataError, match=r"x\.tar: expected a whole archive, found a file of -512 bytes"):
        unpack(tmp_path / "x.tar", tmp_path / "out")


def test_a_tensor_twice_and_tensors_apart(tmp_path: Path) -> None:
    first = '"video1": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}'
    second = '"video%d": {"dtype": "F32", "shape": [4], "data_offsets": [%d, %d]}'
    for other, said in (
        (second % (1, 16, 32), "found 'video1' twice"),
        (second % (2, 0, 16), "invalid offset"),
        (second % (2, 20, 36), "invalid offset"),
        (second % (2, 16, 31), "header"),
    ):
        header = f"{{{first}, {other}}}".encode()
        size = 31 if "31" in other else 32
        (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))
        with pytest.raises(DataError, match=rf"x\.safetensors: .*{said}"):
            read_features(tmp_path / "x.safetensors")


@pytest.mark.parametrize("kind", ["one", "experts", "frames"])
@pytest.mark.parametrize("second", [".NPZ", ".npy", ".pt"])
def test_two_files_of_one_name_in_a_folder(tmp_path: Path, kind: str, second: str) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    names = ["video1_1", "video1_2", "video2_1"] if kind == "frames" else ["video1", "video2", "video3"]
    for name in names:
        arrays = {"s3d": ONES, "vggish": ONES} if kind == "experts" else {"features": ONES}
        np.savez(folder / f"{name}.npz", **arrays)
    if second == ".pt":
        torch.save(torch.ones(1, 4), folder / f"{names[0]}.pt")
    elif second == ".npy":
        np.save(folder / f"{names[0]}.npy", TWOS)
    else:
        with (folder / f"{names[0]}{second}").open("wb") as stream:
            np.savez(stream, features=TWOS)
    with pytest.raises(
        DataError, match=rf"clip.{names[0]}\S*: expected each video or frame once, found 2 files"
    ):
        read_features(folder)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_variable_twice_in_matlab(tmp_path: Path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "one.mat", {"video1": ONES})
    savemat(tmp_path / "two.mat", {"video1": TWOS})
    raw = (tmp_path / "one.mat").read_bytes() + (tmp_path / "two.mat").read_bytes()[128:]
    (tmp_path / "clip.mat").write_bytes(raw)
    with pytest.raises(DataError, match=r"clip\.mat: expected a whole \.mat file"):
        read_features(tmp_path / "clip.mat")


# --- text --------------------------------------------------------------------------------------------

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_in_an_encoding_that_says_itself_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "captions.csv").write_bytes(TEXT.replace("dog", "dög").encode(encoding))
    found = read_annotations(tmp_path / "captions.csv").captions
    assert found == {"video1": ["a dög runs"], "video2": ["a cat sits"]}


@pytest.mark.parametrize(
    ("encoding", "caption"),
    [
        ("gbk", "一只狗在奔跑"),
        ("shift_jis", "いぬがはしっている"),
        ("euc_kr", "개가 달리고 있다"),
        ("cp1251", "собака бежит"),
        ("koi8-r", "собака бежит"),
    ],
)
def test_text_of_another_encoding_is_no_windows_1252(tmp_path: Path, encoding: str, caption: str) -> None:
    path = tmp_path / "captions.csv"
    path.write_bytes(TEXT.replace("a dog runs", caption).encode(encoding))
    with pytest.raises(DataError, match=r"captions.csv: expected text, as UTF-8, .* save it as UTF-8"):
        read_annotations(path)


@pytest.mark.parametrize("caption", ["un café, s'il vous plaît", "собака бежит", "开心的狗"])
def test_utf_8_with_a_damaged_byte_is_no_windows_1252(tmp_path: Path, caption: str) -> None:
    path = tmp_path / "captions.csv"
    raw = TEXT.replace("a dog runs", caption).replace("a cat sits", "là-bas, déjà").encode()
    path.write_bytes(raw.replace("é".encode(), b"\xe9", 1))
    with pytest.raises(DataError, match=r"captions.csv: expected text, as UTF-8, .* damaged"):
        read_annotations(path)


@pytest.mark.parametrize(
    "caption", ["«\xa0Où\xa0?\xa0» – “déjà vu”…", "Ä Ö Ü ä ö ü ß", "L’été à Zürich — naïve façade"]
)
def test_windows_1252_with_many_signs_is_read(tmp_path: Path, caption: str) -> None:
    path = tmp_path / "captions.csv"
    path.write_bytes(TEXT.replace("a dog runs", caption).encode("cp1252"))
    assert read_annotations(path).captions["video1"] == [caption]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "name", ["captions.csv", "captions.tsv", "captions.txt", "captions.json", "captions.jsonl"]
)
def test_text_without_its_mark_is_refused(tmp_path: Path, name: str, encoding: str) -> None:
    text = TEXT if name != "captions.json" else json.dumps({"video1": ["a dog"]})
    (tmp_path / name).write_bytes(text.encode(encoding))
    for read in (read_annotations, read_split_list):
        with pytest.raises(
            DataError, match=rf"{name}: expected text, found signs that are no letters \(NUL\)"
        ):
            read(tmp_path / name)


def test_bytes_that_are_no_text_are_not_replaced() -> None:
    for raw in (b"a \x81 b", "a dog".encode("utf-16")[:-1], b"\xff\xfe\0\0" + b"\xff" * 4):
        with pytest.raises(DataError, match="x: expected text"):
            decode(raw, "x")
    assert decode(b"caf\xe9", "x") == "café"


@pytest.mark.parametrize("value", ["a\0b", "\0", "a\ud800", b"a\0b", b"a\x81"])
def test_an_id_of_what_is_no_letter_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"video id: expected"):
        video_id_of(value)


def test_ids_of_bytes_keep_their_letters() -> None:
    assert [video_id_of(raw) for raw in (b"caf\xe9", "café".encode())] == ["café", "café"]


def test_features_as_text_in_utf16_are_read(tmp_path: Path) -> None:
    (tmp_path / "feats.txt").write_bytes("video1\t1\t2\t3\t4.5\nvideo2\t1\tnan\t3\t-4e1\n".encode("utf-16"))
    found = load_numbers(tmp_path / "feats.txt")
    assert found["ids"] == ["video1", "video2"]
    np.testing.assert_array_equal(found["features"], [[1, 2, 3, 4.5], [1, np.nan, 3, -40]])
    (tmp_path / "feats.txt").write_text("video1 1 2 3 4\n" * 3 + "video2 1 2 3 4_0\n")
    with pytest.raises(DataError, match=r"feats\.txt, line 4: expected an id and 4 numbers"):
        load_numbers(tmp_path / "feats.txt")


def test_single_quotes_are_quotes_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    path.write_text("video_id,caption\n'video1','a dog''s day, here'\n'video2',''''\n")
    assert read_annotations(path).captions == {"video1": ["a dog's day, here"], "video2": ["'"]}
    path.write_text("video_id,caption\n'video1','a dog's day'\n")
    with pytest.raises(DataError, match=r"captions\.csv: expected cells in double quotes, found single ones"):
        read_annotations(path)


def test_judgements_that_are_damaged_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "stsb_main_captions.tsv").write_bytes(TEXT.encode("utf-16-le"))
    with pytest.raises(DataError, match=r"stsb_main_captions\.tsv: expected text"):
        read_msrvid(tmp_path)
    (tmp_path / "stsb_main_captions.tsv").write_text("\t\tMSRvid\t\t\tmuch\ta dog\ta cat\n")
    with pytest.raises(DataError, match=rf"{tmp_path.name}.*could not convert string to float"):
        read_msrvid(tmp_path)
    (tmp_path / "testall_caps.txt").write_text("a dog\n")
    np.save(tmp_path / "coco_test_ids.npy", [1])
    (tmp_path / "original_caption_to_image.json").write_text('{"1": [2], "1": [3]}')
    with pytest.raises(DataError, match=r"original_caption_to_image\.json: expected each entry once"):
        read_eccv(tmp_path)


# --- two spellings of one id -------------------------------------------------------------------------

NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_spellings_of_an_id_are_one_id_in_captions_and_lists(tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text(json.dumps({NFC: ["a dog"], NFD: ["a cat"], "b": ["a cow"]}))
    assert read_annotations(tmp_path / "captions.json").captions == {NFC: ["a dog", "a cat"], "b": ["a cow"]}
    (tmp_path / "train.csv").write_text(f"video_id,sentence\n{NFD},a dog\n{NFC},a cat\nb,a cow\n")
    assert read_split_list(tmp_path / "train.csv") == [NFC, "b"]
    (tmp_path / "train.txt").write_text(f"{NFD}\n{NFC}\n")
    with pytest.raises(DataError, match=rf"train\.txt: expected each video once, found {NFC} 2 times"):
        read_split_list(tmp_path / "train.txt")


@pytest.mark.parametrize("columns", [False, True])
def test_spellings_of_an_id_are_one_id_in_features(tmp_path: Path, columns: bool) -> None:
    both = (
        {"video_id": np.array([NFC, NFD]), "features": np.ones((2, 4))} if columns else {NFC: ONES, NFD: TWOS}
    )
    np.savez(tmp_path / "clip.npz", **both)
    with pytest.raises(DataError, match=rf"clip\.npz: expected each video once, found {NFC} 2 times"):
        read_features(tmp_path / "clip.npz")


def test_lengths_in_another_spelling_belong_to_the_video(tmp_path: Path) -> None:
    import pickle

    features = {NFC: np.ones((3, 4)), "video2": np.ones((3, 4))}
    (tmp_path / "all.pkl").write_bytes(pickle.dumps({"clip": features, "clip_len": {NFD: 1, "video2": 2}}))
    (table,) = read_features(tmp_path / "all.pkl").values()
    assert table.counts.tolist() == [1, 2]


def test_files_in_another_spelling_are_those_of_the_videos(tmp_path: Path) -> None:
    names = [f"{word}\u0301" for word in ("a", "e", "i", "o", "u")]
    (tmp_path / "clip").mkdir()
    for name in [*names[:2], "x", "y", "z"]:
        np.save(tmp_path / "clip" / f"{name}.npy", ONES)
    known = ["\u00e1", "\u00e9", "\u00ed"]
    assert sorted(read_features(tmp_path / "clip", known)["clip"].ids) == known[:2]
