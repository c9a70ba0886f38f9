"""What became of each file under a path: used, and as what, or left out, and why."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cmgsd_lite.data.formats.packed import Packed

_LONGEST = 400  # letters of a reason
TOGETHER = 4  # so many files of one folder and one fate are told in one line
LEVELS = 3  # folders deeper than that are told with the one above them: millions of frames are one line


@dataclass(frozen=True)
class FileRecord:
    """The fate of a file, or of several like files of a folder.

    Attributes:
        file: Path below the path that was opened; "clip/*.npy (10,000 files)" for many with one fate.
        used_as: "captions", "expert rgb", "train list of 1k-A", ...; None when it is left out.
        reason: Why it is left out; of a file that is used, what of it is not.
    """

    file: str
    used_as: str | None
    reason: str = ""

    def __str__(self) -> str:
        """The record as a line."""
        rest = f"; {self.reason}" if self.reason else ""
        return (
            f"{self.file}: {self.used_as}{rest}" if self.used_as else f"{self.file}: left out: {self.reason}"
        )


def why_left_out(files: Sequence[FileRecord], most: int = 5) -> str:
    """What was left out, and why, as the end of a message; empty when nothing was."""
    left = [record for record in files if record.reason]
    lines = [f"{record.file}: {record.reason}" for record in left[:most]]
    more = [f"and {len(left) - most} more"] if len(left) > most else []
    return f" (left out: {' | '.join([*lines, *more])})" if left else ""


@dataclass
class FileLog:
    """Notes down what became of files while they are read; a folder stands for all that lies in it."""

    uses: dict[Path, list[str]] = field(default_factory=dict)
    reasons: dict[Path, list[str]] = field(default_factory=dict)
    attempts: dict[Path, list[str]] = field(default_factory=dict)

    def use(self, path: Path, used_as: str) -> None:
        """A file, or all of a folder, is used."""
        _add(self.uses, path, used_as)

    def leave(self, path: Path, reason: object) -> None:
        """A file, or all of a folder, or a part of it, is left out; of an error its path is not repeated."""
        _add(self.reasons, path, str(reason).removeprefix(f"{path}: ").removeprefix(f"{path}, "))

    def tried(self, path: Path, reason: object) -> None:
        """Why one reader did not take a file; told only when no other reader has anything to say of it."""
        _add(self.attempts, path, str(reason).removeprefix(f"{path}: ").removeprefix(f"{path}, "))

    def told(self, path: Path) -> bool:
        """Whether something was said about a file or folder itself."""
        return path in self.uses or path in self.reasons or path in self.attempts

    def place(self, path: Path) -> Path | None:
        """Where the fate of a file is noted down: at itself or at a folder above it; None for nowhere."""
        return next((place for place in (path, *path.parents) if self.told(place)), None)

    def fate(self, path: Path) -> tuple[str | None, str]:
        """(used as, reason) that was said of a file or folder itself."""
        used = "; ".join(self.uses.get(path, [])) or None
        reasons = self.reasons.get(path) or ([] if used else self.attempts.get(path, []))
        return used, "; ".join(reasons)


def _add(told: dict[Path, list[str]], path: Path, text: str) -> None:
    mine = told.setdefault(path, [])
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."
    if text not in mine:
        mine.append(text)


def records_of(
    log: FileLog, roots: Sequence[Path], otherwise: Callable[[Path], str], packed: Packed | None = None
) -> list[FileRecord]:
    """One record a file under the roots, or one for many of a folder that share a fate.

    Args:
        log: What is known.
        roots: Folders (or single files) that were opened.
        otherwise: The reason why a file that nobody looked at is left out.
        packed: Archives that were opened; told is what lies in them.
    """
    packed = packed or Packed()
    opened = packed.opened()
    groups: dict[tuple[Path, str, str | None, str], list[Path]] = {}
    seen: set[Path] = set()  # annotations may lie below the features, or the other way round
    for root in roots:
        for path in filter(lambda path: path not in seen, _files(root, log, opened)):
            seen.add(path)
            place = log.place(path)
            used, reason = (None, otherwise(path)) if place is None else log.fate(place)
            folder = packed.origin(path).parent if place in (None, path) else packed.origin(place)
            suffix = path.suffix.lower() if place in (None, path) else ""  # of a folder all kinds together
            key = (_at_most(folder, root, LEVELS), suffix, used, packed.say(reason))
            groups.setdefault(key, []).append(packed.origin(path))
    return [
        FileRecord(name, used, reason)
        for (folder, suffix, used, reason), paths in sorted(groups.items(), key=lambda item: item[1][0])
        for name in _names(folder, suffix, paths, roots)
    ]


def _at_most(folder: Path, root: Path, levels: int) -> Path:
    """The folder, or the one above it that is so many levels below the root."""
    below = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
    return root.joinpath(*below[:levels]) if len(below) > levels else folder


def _names(folder: Path, suffix: str, paths: Sequence[Path], roots: Sequence[Path]) -> list[str]:
    if len(paths) < TOGETHER:
        return [_below(path, roots) for path in paths]
    deep = "" if all(path.parent == folder for path in paths) else "**/"
    return [f"{_below(folder / f'{deep}*', roots)}{suffix} ({len(paths):,} files)"]


def _below(path: Path, roots: Sequence[Path]) -> str:
    root = next((root for root in roots if path.is_relative_to(root) and path != root), path.parent)
    return path.relative_to(root).as_posix()


def _files(root: Path, log: FileLog, opened: Mapping[Path, Path]) -> Iterable[Path]:
    """All visible files below, in archives too, and those behind linked folders that were read."""
    if root in opened:
        return _files(opened[root], log, opened) if opened[root].is_dir() else [opened[root]]
    if not root.is_dir():
        return [root]
    found: list[Path] = []
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for path in [Path(folder, name) for name in sorted(names) if not name.startswith(".")]:
            found += _files(path, log, opened) if path in opened else []
            found += [path] if path not in opened or log.told(path) else []
    walked = set(found)
    told = {path for path in (*log.uses, *log.reasons) if path.is_relative_to(root)} - walked
    return [*found, *sorted(path for path in told if path.is_file())]
