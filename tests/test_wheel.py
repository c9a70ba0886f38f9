"""Packaging: what is built from the source tree and from the sdist works outside the source tree."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

# Run in a new process with the given folder first on the path: which package is this, and does it work?
LOAD = """
import sys
folder = sys.argv[1]
sys.path.insert(0, folder)
from pathlib import Path
import cmgsd_lite
from cmgsd_lite.data.minivtt import clip, data_folder, load_minivtt, relevance
assert Path(cmgsd_lite.__file__).is_relative_to(folder), cmgsd_lite.__file__
assert data_folder().is_relative_to(folder), data_folder()
for variant in ("low", "default", "high"):
    data = load_minivtt(variant)
    assert (len(data.train), len(data.validation), len(data.test)) == (2000, 300, 1000)
assert relevance(data.test.subset(["video2300"])).max() == 1
assert clip("video7").frames().std() > 10, "drawn with the bundled glyphs"
from cmgsd_lite.cli.main import main
assert main(["info"]) == 0
"""


def run(*command, env=None, cwd=None):
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {}), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    """Environment with the build backend on the path; the one step that needs the network, once."""
    folder = tmp_path_factory.mktemp("backend")
    wanted = ["hatchling>=1.25", "editables"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the build backend can not be installed (no network?): {done.stderr.strip()[-300:]}")
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def sdist(backend, tmp_path_factory):
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", out, env=backend, cwd=ROOT)
    return next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module", params=["source tree", "sdist"])
def wheel(request, backend, tmp_path_factory):
    source = ROOT if request.param == "source tree" else request.getfixturevalue("sdist")
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", out]
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, source, env=backend, cwd=out)
    return next(out.glob("*.whl"))


def test_an_installed_wheel_loads_the_embedded_data(wheel, tmp_path):
    target = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel)
    (tmp_path / "elsewhere").mkdir()
    out = run(sys.executable, "-c", LOAD, target, cwd=tmp_path / "elsewhere")
    assert "2,000" in out


def test_the_wheel_has_the_data_the_font_and_the_licences(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        data = {path.name: path.read_bytes() for path in (ROOT / "data" / "minivtt").iterdir()}
        for name, content in data.items():
            assert archive.read(f"cmgsd_lite/data/_minivtt/{name}") == content
        metadata = archive.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    assert len(data) == 9
    assert "cmgsd_lite/data/world/assets/NotoEmoji-subset.ttf" in names
    assert "cmgsd_lite/data/world/assets/OFL.txt" in names
    assert {n.split("licenses/")[1] for n in names if ".dist-info/licenses/" in n} == {
        "LICENSE",
        "cmgsd_lite/data/world/assets/OFL.txt",
    }
    assert "License-Expression: MIT AND OFL-1.1" in metadata
    strange = {n for n in names if n.split("/")[0] not in {"cmgsd_lite"} and ".dist-info/" not in n}
    assert not strange, "neither tests nor notebooks nor the data a second time"
    assert wheel.stat().st_size < 12e6


def test_an_editable_install_uses_the_source_tree(backend, tmp_path):
    build = "import hatchling.build as b, sys; print(b.build_editable(sys.argv[1]))"
    name = run(sys.executable, "-c", build, tmp_path, env=backend, cwd=ROOT).split()[-1]
    site = tmp_path / "site"
    with zipfile.ZipFile(tmp_path / name) as archive:
        archive.extractall(site)
    look = (
        "import site, sys; sys.path[:] = [p for p in sys.path if p != sys.argv[2]];"
        "site.addsitedir(sys.argv[1]);"
        "import cmgsd_lite; from cmgsd_lite.data.minivtt import data_folder, load_minivtt;"
        "assert len(load_minivtt().test) == 1000; print(cmgsd_lite.__file__); print(data_folder())"
    )
    out = run(sys.executable, "-c", look, site, ROOT, cwd=tmp_path).split("\n")
    assert Path(out[0]) == ROOT / "cmgsd_lite" / "__init__.py"
    assert Path(out[1]) == ROOT / "data" / "minivtt"
