"""What is checked before a release: one version everywhere, whole packages, nothing foreign in them."""

import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from cmgsd_lite import __version__

ROOT = Path(__file__).resolve().parent.parent


def load_check() -> ModuleType:
    """Load docs/check_release.py, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("check_release", ROOT / "docs" / "check_release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = load_check()


def test_every_file_that_says_a_version_says_the_same() -> None:
    assert set(check.versions().values()) == {__version__}


def test_a_version_that_was_forgotten_is_seen(tmp_path: Path) -> None:
    (tmp_path / "cmgsd_lite").mkdir()
    for name in check.versions():
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(__version__, "9.9") if name == "CITATION.cff" else text)
    said = check.versions(tmp_path)
    assert said.pop("CITATION.cff") == "9.9"
    assert set(said.values()) == {__version__}


@pytest.fixture
def small_wheel(tmp_path: Path) -> Path:
    """A wheel with all that is needed, and nothing in its files."""
    path = tmp_path / "cmgsd_lite-9.9-py3-none-any.whl"
    names = check.NEEDED | {f"cmgsd_lite-9.9.dist-info/licenses/{name}" for name in check.LICENCES}
    names |= {f"cmgsd_lite/data/_minivtt/{i}.npz" for i in range(9)}
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            wheel.writestr(name, "")
    return path


def test_a_whole_wheel_has_no_fault(small_wheel: Path) -> None:
    assert check.faults(small_wheel) == []


@pytest.mark.parametrize(
    "name", ["model.pt", "cmgsd_lite/__pycache__/x.pyc", "runs/metrics.json", "00.ipynb"]
)
def test_what_does_not_belong_in_a_package_is_found(small_wheel: Path, name: str) -> None:
    with zipfile.ZipFile(small_wheel, "a") as wheel:
        wheel.writestr(name, "")
    (fault,) = check.faults(small_wheel)
    assert f"{name} does not belong here" in fault


def test_what_is_missing_or_too_large_is_found(small_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "NEEDED", {*check.NEEDED, "needed.txt"})
    monkeypatch.setattr(check, "LICENCES", {*check.LICENCES, "WEIGHTS"})
    monkeypatch.setattr(check, "LARGEST", 1)
    found = " ".join(check.faults(small_wheel))
    for said in ("needed.txt is missing", "licence WEIGHTS is missing", "MB, at most"):
        assert said in found
