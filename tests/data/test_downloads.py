"""Files that are not what their names say, links, and what macOS leaves: said by name, no unsafe advice."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cmgsd_lite.data import describe, load_folder, read_annotations, read_features, read_split_list
from cmgsd_lite.data.formats.features import FILE_SUFFIXES
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, same_features, vector, write_small

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 132735373\n"
INSTEAD = {
    POINTER: "Git LFS pointer.*git lfs pull",
    "<!DOCTYPE html><html><body>Quota exceeded</body></html>": "web page.*download it again",
    "\n\n<HTML><head>": "web page.*download it again",
    '<?xml version="1.0"?><Error>AccessDenied</Error>': "answer of a server.*download it again",
    "404: Not Found": "error of a server.*download it again",
}
ADVICE = re.compile(r"allow_pickle|unsafe|trust|weights_only\W*(=|set|to)|add_safe_globals|Traceback")


def features_of(path: Path) -> Path:
    np.savez(path, **{v: vector(v) for v in SMALL})
    return path


@pytest.mark.parametrize("text", INSTEAD)
@pytest.mark.parametrize("suffix", [*FILE_SUFFIXES, ".zip", ".tar.gz"])
def test_features_that_were_not_downloaded(tmp_path: Path, text: str, suffix: str) -> None:
    write_small(tmp_path)
    path = tmp_path / f"clip{suffix}"
    path.write_text(text)
    with pytest.raises(DataError, match=INSTEAD[text]) as error:
        read_features(path)
    assert path.name in str(error.value)
    assert not ADVICE.search(str(error.value))


@pytest.mark.parametrize("text", INSTEAD)
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.jsonl", "a.txt", "a.zip", "a_captions.pkl"])
def test_captions_that_were_not_downloaded(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=rf"{name}: {INSTEAD[text]}".replace(": ", ".*", 1)):
        read_annotations(tmp_path / name)


@pytest.mark.parametrize("name", ["train_list.txt", "train.csv", "train.json", "train_ids.npy"])
def test_lists_that_were_not_downloaded(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(DataError, match=rf"{name}.*git lfs pull"):
        read_split_list(tmp_path / name)


def test_beside_good_files_they_are_left_out_aloud(tmp_path: Path) -> None:
    features_of(write_small(tmp_path) / "i3d.npz")
    (tmp_path / "audio.npz").write_text(POINTER)
    (tmp_path / "._i3d.npz").write_bytes(b"\0\5\x16\7")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "vgg.npz").write_bytes(b"\0\5\x16\7")
    data = load_folder(tmp_path)
    same_features(data, "i3d")
    assert any("audio.npz: left out: expected the file itself" in note for note in data.notes)
    assert not any(ADVICE.search(note) for note in data.notes)


def test_no_message_advises_to_load_unsafely(tmp_path: Path) -> None:
    objects = np.array([{}, 1], object)
    np.savez(tmp_path / "a.npz", x=objects)
    np.save(tmp_path / "b.npy", objects)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "c.pt")
    torch.save({"video1": objects}, tmp_path / "d.pth")
    for name in ("e.npy", "f.npz", "g.pt"):
        (tmp_path / name).write_bytes(pickle.dumps({"video1": objects}))
    for name in ("h.npy", "i.npz", "j.pt", "k.h5", "l.safetensors"):
        (tmp_path / name).write_bytes(bytes(range(256)))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 12
    for path in files:
        with pytest.raises(DataError) as error:
            read_features(path)
        assert path.name in str(error.value)
        assert not ADVICE.search(str(error.value)), str(error.value)
    assert not ADVICE.search(str(describe(tmp_path)))


def test_safetensors_by_video_and_with_names_beside(tmp_path: Path) -> None:
    write_small(tmp_path)
    save_file({v: torch.from_numpy(vector(v, 3)) for v in SMALL}, tmp_path / "clip.safetensors")
    same_features(load_folder(tmp_path), "clip", 3)
    halves = {v: torch.from_numpy(vector(v)).to(torch.bfloat16) for v in SMALL}
    save_file(halves, tmp_path / "clip.safetensors")
    found = read_features(tmp_path / "clip.safetensors")["clip"]
    np.testing.assert_array_equal(found.get(SMALL[0])[0], halves[SMALL[0]].float().numpy())
    stacked = torch.from_numpy(np.stack([vector(v) for v in SMALL]))
    save_file({"features": stacked}, tmp_path / "clip.safetensors")
    (tmp_path / "clip_names.txt").write_text("\n".join(SMALL))
    same_features(load_folder(tmp_path), "clip")


def test_links_count_once_and_circles_end(tmp_path: Path) -> None:
    folder = write_small(tmp_path / "mine")
    features_of(folder / "i3d.npz")
    (folder / "self").symlink_to(folder)
    (folder / "a_link.npz").symlink_to(folder / "i3d.npz")
    (folder / "again").symlink_to("self")
    data = load_folder(folder)
    same_features(data, "i3d")
    (record,) = [record for record in data.files if record.file == "a_link.npz"]
    assert record.reason == "a link to i3d.npz, which is read by its own name"


def test_links_to_elsewhere_are_followed(tmp_path: Path) -> None:
    features_of(tmp_path / "real.npz")
    write_small(tmp_path / "told")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "i3d.npz").symlink_to(tmp_path / "real.npz")
    (folder / "annotations").symlink_to(tmp_path / "told")
    same_features(load_folder(folder), "i3d")
