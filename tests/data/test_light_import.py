"""Importing the data room needs torch and numpy alone; what else a call needs is said in one line."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cmgsd_lite.data import load_folder, read_features
from cmgsd_lite.data.minivtt import build_minivtt, clip
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, vector, write_small

OPTIONAL = ("PIL", "h5py", "scipy", "tokenizers", "safetensors", "snowballstemmer")
INSTALL = r'pip install "cmgsd-lite\[data\]"'


def test_no_optional_package_is_imported():
    modules = "cmgsd_lite.data, cmgsd_lite.data.minivtt, cmgsd_lite.data.anchors"
    code = f"import sys, {modules}; print([m for m in {OPTIONAL} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_missing_package_is_said_with_its_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(tmp_path)
    with h5py.File(tmp_path / "i3d.h5", "w") as file:
        for video in SMALL:
            file[video] = vector(video)
    np.savez(tmp_path / "rgb.npz", ids=SMALL, features=np.stack([vector(v) for v in SMALL]))
    for module in ("h5py", "PIL.Image"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in (
        lambda: read_features(tmp_path / "i3d.h5"),
        lambda: clip("video7").frames(),
        lambda: clip("video7").show(),
        lambda: build_minivtt(tmp_path / "out"),
    ):
        with pytest.raises(DataError, match=INSTALL):
            call()
    data = load_folder(tmp_path)
    assert list(data.train.features) == ["rgb"]
    assert any("i3d.h5" in note and "left out" in note and "pip install" in note for note in data.notes)
