"""Nothing that a pickle can name is changed by it: the process that reads it reads others afterwards."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.torch_files import load_torch
from cmgsd_lite.errors import DataError

NAMES = [
    *(f"builtins {name}" for name in ("list", "dict", "set", "frozenset", "tuple", "int", "float", "str")),
    *("builtins bytearray", "collections OrderedDict", "collections defaultdict", "_codecs encode"),
    *("numpy dtype", "numpy._core.multiarray _reconstruct", "numpy._core.multiarray scalar"),
    *("numpy._core.numeric _frombuffer", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"),
    "torch._utils _rebuild_parameter",
]
CHANGES = [
    ("finish", "state", "array", "__code__"),
    ("__defaults__",),
    ("__setstate__", "__init__", "__call__"),
]


def _text(word: str) -> bytes:
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def _changing(name: str, attributes: tuple[str, ...], slots: bool) -> bytes:
    """A pickle that names something and sets attributes of it."""
    module, _, what = name.partition(" ")
    state = b"}(" + b"".join(_text(key) + b")" for key in attributes) + b"u"
    state = b"N" + state + b"\x86" if slots else state
    return b"\x80\x04}" + _text("video1") + f"c{module}\n{what}\n".encode() + state + b"bs."


def _read(folder: Path) -> list[Any]:
    return [load_pickle(folder / "sound.pkl"), load_torch(folder / "sound.pt"), load_torch(folder / "old.pt")]


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_what_is_named_is_refused_and_changes_nothing(tmp_path: Path, name: str) -> None:
    arrays = {
        "video1": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": bytearray(b"x"),
        "c": np.float16(2),
    }
    (tmp_path / "sound.pkl").write_bytes(pickle.dumps(arrays, 2))
    for file, zipped in (("sound.pt", True), ("old.pt", False)):
        tensor = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
        torch.save({"video1": tensor}, tmp_path / file, _use_new_zipfile_serialization=zipped)
    before = repr(_read(tmp_path))
    for attributes in CHANGES:
        for slots in (False, True):
            # Read as what torch wrote before 1.6: three pickles about the file, then the content.
            raw = _changing(name, attributes, slots)
            (tmp_path / "bad.pkl").write_bytes(raw)
            about = pickle.dumps({"little_endian": True})
            (tmp_path / "bad.pt").write_bytes(about * 3 + raw + pickle.dumps([]))
            with pytest.raises(DataError, match=r"bad\.pt: .*a change of a class"):
                load_torch(tmp_path / "bad.pt")
            with pytest.raises(DataError, match=r"bad\.pkl: .*(a change of a class|is refused)"):
                load_pickle(tmp_path / "bad.pkl")
    assert repr(_read(tmp_path)) == before


def test_an_attribute_of_a_dict_is_no_content(tmp_path: Path) -> None:
    changed = b"ccollections\nOrderedDict\n)R" + _text("video1") + b"K\x01s}" + _text("finish")
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04" + changed + b"cbuiltins\nlist\nsb.")
    assert load_pickle(tmp_path / "x.pkl") == {"video1": 1}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_empty_arrays_and_bytes_of_any_protocol(tmp_path: Path, protocol: int) -> None:
    content = {"video1": np.ones((2, 8)), "video2": np.zeros((0, 8)), "none": b""}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol))
    found = load_pickle(tmp_path / "x.pkl")
    assert found["video2"].shape == (0, 8)
    assert found["none"] == b""


def test_bytes_of_a_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x02c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85R.")
    with pytest.raises(DataError, match=r"x\.pkl"):
        load_pickle(tmp_path / "x.pkl")
