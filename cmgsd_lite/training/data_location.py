"""Where a checkpoint's data lies, said without an absolute path: those name users and machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cmgsd_lite.errors import DataError

EMBEDDED = "minivtt"


def location_of(data: str, folder: Path | None) -> dict[str, str | None]:
    """Say which data a checkpoint in a folder (None: it lies nowhere) belongs to.

    ``data`` is ``"minivtt"`` or the folder's bare name, ``data_from_here`` its path as seen from the
    checkpoint's folder: None where that would be an absolute path in disguise or name the user, where one of
    the two lies in the home folder and the other does not, or they share the root alone.
    """
    if data == EMBEDDED:
        return {"data": EMBEDDED, "data_from_here": None}
    target = Path(os.path.expanduser(data)).resolve()
    name = target.name if target.name != EMBEDDED else f"./{EMBEDDED}"
    return {"data": name, "data_from_here": None if folder is None else _seen_from(folder, target)}


def data_of(about: dict[str, Any], checkpoint: Path) -> str:
    """Find the data of a checkpoint, ``"minivtt"`` or a folder, by what it says about itself.

    Checkpoints of before ``data_from_here`` hold the path as it was typed. Raises DataError if one does not
    say where its data lies.
    """
    data = about.get("data")
    for name in ("data", "data_from_here"):
        if not isinstance(about.get(name), str | None):
            raise DataError(f"{checkpoint}: expected a text or nothing as {name}, found {about[name]!r:.40}")
    if data == EMBEDDED or (data is not None and "data_from_here" not in about):
        return str(data)
    if about.get("data_from_here") is None:
        raise DataError(
            f"{checkpoint}: does not say where its data {data!r} lies; name the folder with --data"
        )
    return str((checkpoint.resolve().parent / about["data_from_here"]).resolve())


def _seen_from(folder: Path, target: Path) -> str | None:
    """The way from one folder to another, or None if it leads through a home folder or from the root down."""
    start, home = folder.resolve(), Path(os.path.expanduser("~")).resolve()
    at_home = [home in (path, *path.parents) for path in (start, target)]
    common = [path for path in (start, *start.parents) if path in (target, *target.parents)]
    if at_home[0] != at_home[1] or not common or common[0] == Path(start.anchor):
        return None
    return Path(os.path.relpath(target, start)).as_posix()
