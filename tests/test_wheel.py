"""Packaging: what is built from the source tree and from the sdist works elsewhere, door by door."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cmgsd_lite import __version__
from tests.cli.folders import QUICK, write_folder
from tests.notebooks.chapters import build_tool
from tests.test_release import load_check

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

# What a researcher does with the first door: a training step with losses and a control, and metrics.
STEP = """
import torch
from cmgsd_lite import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss, retrieval_metrics
torch.manual_seed(0)
text, video = torch.nn.Linear(6, 4), torch.nn.Linear(5, 4)
optimizer = torch.optim.Adam([*text.parameters(), *video.parameters()], lr=0.01)
x, y = torch.randn(8, 6), torch.randn(8, 5)
unit = torch.nn.functional.normalize
for loss in (MaxMarginRankingLoss(), InfoNCELoss(), CMGSDLoss(), PermutedCMGSDLoss(seed=1)):
    values = []
    for step in range(5):
        t, v = unit(text(x), dim=1), unit(video(y), dim=1)
        value = loss(sim=t @ v.T, text=t, video=v, text_teacher=x, video_teacher=y, progress=0.5)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < values[0], (type(loss).__name__, values)
found = retrieval_metrics((t @ v.T).detach().numpy())
assert 0 <= found["t2v"]["R@1"] <= 100
import cmgsd_lite
for name in cmgsd_lite.__all__:
    getattr(cmgsd_lite, name)
try:
    cmgsd_lite.fit(None, None, cmgsd_lite.load_dataset("minivtt").train)
except cmgsd_lite.DataError as error:
    assert str(error) == 'wordllama: package not found; pip install "cmgsd-lite[data]"', error
else:
    raise AssertionError("the captions were encoded without an encoder")
print("trained")
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
    scripts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cmgsd_lite/course/live").glob("*.js")}
    assert "cmgsd_lite/course/live/circle.js" in scripts
    assert scripts <= names
    films = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cmgsd_lite/course/films").iterdir()}
    assert len(films) == 121
    assert films <= names
    assert "cmgsd_lite/py.typed" in names, "else type checkers ignore the types"
    assert {n.split("licenses/")[1] for n in names if ".dist-info/licenses/" in n} == {
        "LICENSE",
        "cmgsd_lite/data/world/assets/OFL.txt",
    }
    assert "License-Expression: MIT AND OFL-1.1" in metadata
    strange = {n for n in names if n.split("/")[0] not in {"cmgsd_lite"} and ".dist-info/" not in n}
    assert not strange, "neither tests nor notebooks nor the data a second time"
    assert wheel.stat().st_size < 12e6


@pytest.mark.parametrize("wheel", ["source tree"], indirect=True)
def test_wheel_and_sdist_hold_what_a_release_sends_out(wheel, sdist):
    check = load_check()
    assert check.faults(wheel) == []
    assert check.faults(sdist) == []
    assert {name.split("/")[0] for name in check.names_in(sdist)} <= {
        *("cmgsd_lite", "data", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"),
        *("pyproject.toml", "PKG-INFO", ".gitignore"),
    }


@pytest.mark.parametrize("wheel", ["source tree"], indirect=True)
def test_the_first_cell_of_a_chapter_installs_the_wheel_that_lies_beside_it(wheel, tmp_path):
    chapter = tmp_path / "chapter"
    chapter.mkdir()
    shutil.copy(wheel, chapter)
    venv.create(tmp_path / "new", with_pip=True)
    python = next(tmp_path.glob("new/bin/python"), tmp_path / "new" / "Scripts" / "python.exe")
    code = f"{build_tool().install_cell('00').source}\nimport cmgsd_lite\nprint(cmgsd_lite.__version__)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for _ in range(2):  # the second time the package is there, and pip would not find what to install
        done = subprocess.run(
            [str(python), "-c", code],
            capture_output=True,
            text=True,
            cwd=chapter,
            env={**env, "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{__version__}\n"), done.stderr
        for name in chapter.glob("*.whl"):
            name.write_bytes(b"no wheel")


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


def closure(wanted):
    """Names of the distributions that pip would bring for these requirements, as installed here."""
    found, pending = set(), list(wanted)
    while pending:
        requirement = Requirement(pending.pop())
        extras = [*requirement.extras, ""]
        if requirement.name not in found and requirement.name != "cmgsd-lite":
            found.add(requirement.name)
            for line in metadata.requires(requirement.name) or []:
                marker = Requirement(line).marker
                if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                    pending.append(line.partition(";")[0])
    return found


def requirements(wheel, extra=""):
    """What the wheel itself asks for behind one door."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = message_from_string(archive.read(name).decode()).get_all("Requires-Dist")
    wanted = [Requirement(line) for line in lines]
    asked = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": extra})]
    return [str(r).partition(";")[0] for r in asked]


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """Make a new virtual environment with the wheel and what one door brings, linked from this one."""

    def build(wheel, extra=""):
        folder = tmp_path_factory.mktemp("door")
        venv.create(folder, with_pip=False)
        site = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
        for name in closure(requirements(wheel, extra)):
            distribution = metadata.distribution(name)
            for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
                if not (site / top).exists():
                    try:
                        (site / top).symlink_to(distribution.locate_file(top))
                    except OSError as error:
                        pytest.skip(f"links can not be made here: {error}")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        return next(folder.glob("bin/python"), folder / "Scripts" / "python.exe")

    return build


def call(python, *arguments, cwd):
    """Run this Python as it is, without this process's paths."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(python), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=env, check=False)


@pytest.mark.parametrize("wheel", ["source tree"], indirect=True)
def test_the_first_door_is_torch_and_numpy(wheel, door, tmp_path):
    assert {Requirement(line).name for line in requirements(wheel)} == {"torch", "numpy"}
    python = door(wheel)
    done = call(python, "-c", STEP, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")
    for command in (["run"], ["train"], ["info"], ["search", "a cat"]):
        done = call(python, "-m", "cmgsd_lite", *command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert 'pip install "cmgsd-lite[data]"' in done.stderr
    assert call(python, "-m", "cmgsd_lite", "--help", cwd=tmp_path).returncode == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wheel", ["source tree"], indirect=True)
def test_the_second_door_trains_evaluates_and_searches(wheel, door, tmp_path):
    python = door(wheel, "data")
    data = write_folder(tmp_path / "data")
    options = ["--conditions", "infonce", "--seeds", 1, "--jobs", 1, "--out", "out", *QUICK]
    done = call(python, "-m", "cmgsd_lite", "run", "--data", data, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| infonce |" in done.stdout
    said = [line for line in done.stderr.splitlines() if "cmgsd-lite[course]" in line]
    assert len(said) == 1, done.stderr
    assert done.stderr.index("figures") < done.stderr.index("runs:"), "before it trains, not after"
    model = "out/models/infonce-seed0.pt"
    for command in (["evaluate", "--checkpoint", model], ["search", "a red cat", "--checkpoint", model]):
        done = call(python, "-m", "cmgsd_lite", *command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout
