"""The files beside the pinned versions, their hashes and their licences, speak of the same packages."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HASHED = (ROOT / "requirements-hashes.txt").read_text(encoding="utf-8")


def pins(name):
    found = re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(encoding="utf-8"))
    return {package.lower(): version for package, version in found}


def test_the_hashed_versions_are_the_tested_ones_and_each_has_a_hash():
    asked = pins("requirements.txt")
    del asked["torch"]
    assert asked.items() <= pins("requirements-hashes.txt").items()
    blocks = re.split(r"(?m)^(?=[a-zA-Z])", HASHED)[1:]
    assert len(blocks) > 100
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert not re.search(r"(?m)^(torch|nvidia|triton)\b", HASHED)
    assert "://" not in HASHED


def test_every_pinned_package_has_a_licence_that_is_said():
    rows = re.findall(r"(?m)^\| ([\w.-]+) \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs/LICENCES.md").read_text())
    listed = dict(rows)
    assert {
        name.replace("_", "-") for name in {**pins("requirements.txt"), **pins("requirements-dev.txt")}
    } <= set(listed)
    assert "not said" not in listed.values()
