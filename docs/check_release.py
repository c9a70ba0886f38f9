"""Build wheel and sdist into dist/ and check what one sends out: versions, descriptions, contents, licences.

    python docs/check_release.py     # in an environment with requirements-release.txt; `make check-release`

Nothing is uploaded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 12_000_000
"""Bytes of either file."""
NEEDED = {
    "cmgsd_lite/py.typed",
    "cmgsd_lite/data/world/assets/NotoEmoji-subset.ttf",
    "cmgsd_lite/data/world/assets/OFL.txt",
    "cmgsd_lite/course/live/circle.js",
}
OF_SDIST = NEEDED | {
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "data/README.md",
    "pyproject.toml",
}
LICENCES = {"LICENSE", "cmgsd_lite/data/world/assets/OFL.txt"}
FOREIGN = re.compile(r"\.(pt|pth|ckpt|ipynb|pyc)$|(^|/)(runs|build|\.git|__pycache__)/")
"""What belongs in no package: checkpoints, notebooks, leftovers."""


def versions(root: Path = ROOT) -> dict[str, str]:
    """Return the version as each file has it that says one."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    places = {
        "cmgsd_lite/__init__.py": r'^__version__ = "(.+)"',
        "CITATION.cff": r"^version: (.+)",
        "CHANGELOG.md": r"^## (\d\S+)",
    }
    found = {"pyproject.toml": project["version"]}
    for name, pattern in places.items():
        said = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = said[1] if said else "none"
    return found


def names_in(package: Path) -> set[str]:
    """Return the files of a wheel or sdist, without the sdist's own folder."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return set(wheel.namelist())
    with tarfile.open(package) as sdist:
        return {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}


def faults(package: Path) -> list[str]:
    """Return what is wrong with a built package."""
    names = names_in(package)
    is_wheel = package.suffix == ".whl"
    licences = {name.split("/licenses/")[1] for name in names if "/licenses/" in name} if is_wheel else names
    data = "cmgsd_lite/data/_minivtt/" if is_wheel else "data/minivtt/"
    found = [f"{name} is missing" for name in sorted((NEEDED if is_wheel else OF_SDIST) - names)]
    found += [f"licence {name} is missing" for name in sorted(LICENCES - licences)]
    found += [f"{name} does not belong here" for name in sorted(names) if FOREIGN.search(name)]
    if sum(name.startswith(data) for name in names) != 9:
        found.append(f"not nine files under {data}")
    if package.stat().st_size > LARGEST:
        found.append(f"{package.stat().st_size / 1e6:.1f} MB, at most {LARGEST / 1e6:.0f}")
    return [f"{package.name}: {fault}" for fault in found]


def main() -> int:
    """Build, check, and return the exit code."""
    said = versions()
    if len(set(said.values())) != 1:
        print("versions differ:", said, file=sys.stderr)
        return 1
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT)], check=True)
    packages = sorted(dist.iterdir())
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, packages)], check=True)
    found = [fault for package in packages for fault in faults(package)]
    for package in packages:
        print(f"{package.name}: {len(names_in(package))} files, {package.stat().st_size / 1e6:.1f} MB")
    print("\n".join(found) if found else "ready to be sent out")
    return 1 if found or len(packages) != 2 else 0


if __name__ == "__main__":
    sys.exit(main())
