"""The job ``extract``: from a folder of films to features, captions and lists that the other jobs read.

OUT/efficientnet_lite0_mean.npz, ..._frames.npz   a vector a film, and one a frame; clip_... for a CLIP
OUT/motion.npz                                    how things move, of films with more than one frame
OUT/split.csv                                     drawn where there are captions, and no lists came with them
OUT/extract.log                                   what was skipped, and why
OUT/.extract/                                     of each finished film a file to go on with, and a thumbnail
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cmgsd_lite.cli.extract_captions import Told, captions_of, write_split
from cmgsd_lite.cli.options import say
from cmgsd_lite.data.video import find_films, moving_picture, read_film
from cmgsd_lite.data.world.motion_features import motion_descriptor
from cmgsd_lite.encoders import ClipFrameEncoder, EfficientNetLite0Encoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require, sole_writer, write_atomically
from cmgsd_lite.training.devices import chosen_device

PARTS = ".extract"
_MOMENTS, _MOTION_SIDE = 8, 128  # what motion is measured in, and what a thumbnail shows
_SHOWN = 20
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Expert:
    """A network under the name of its tables; ``same`` tells it from another one."""

    name: str
    same: str
    network: EfficientNetLite0Encoder | ClipFrameEncoder


def extract(options: argparse.Namespace) -> None:
    """Extract features from the films under a folder; what is finished already is kept."""
    require("av", "video")  # before anything is written
    folder, out = Path(options.videos), Path(options.out)
    films, left = find_films(folder)
    experts, motion = _experts(options.encoders, str(chosen_device(options.device)))
    told = captions_of(folder, options.captions, films)
    _check_out(out, [expert.name for expert in experts], told)
    with sole_writer(out, PARTS):
        kept, part_read, failed = _extract_all(films, experts, motion, options.frames, out / PARTS)
        done = [name for name, path in films.items() if path not in failed]
        broken, partly = _below(left | failed, folder), _below(part_read, folder)
        lines = [f"skipped: {file}: {why}" for file, why in broken.items()]
        lines += [f"read in part: {file}: {why}" for file, why in partly.items()]
        say(*lines[:_SHOWN], *([f"and {len(lines) - _SHOWN} more, in extract.log"] if lines[_SHOWN:] else []))
        if not done:
            raise DataError(
                f"{folder}: expected a film that can be read, found none of {len(broken)}; {lines[0]}"
            )
        (out / "extract.log").unlink(missing_ok=True)
        if lines:
            log = "".join(f"{line}\n" for line in lines)
            write_atomically(out / "extract.log", partial(Path.write_text, data=log, encoding="utf-8"))
        written = _write_tables(out, done)
        older = [f.name for f in sorted(out.glob("*.npz")) if f.name not in written]
        written += told.copy_to(out)
        captioned, notes = write_split(out, done)
        notes += [f"left as they were: {', '.join(older)}, of other encoders"] if older else []
    say(*notes)
    counts = {"videos": len(done), "kept": kept, "skipped": len(broken), "captioned": captioned}
    if options.json:
        more = {"failed": broken, "partly": partly, "written": written}
        print(json.dumps({"schema": 1, **counts, **more}))
        return
    print(
        f"{len(done):,} of {len(films) + len(left):,} films have features ({kept:,} kept from before), "
        f"{len(broken):,} skipped, {len(partly):,} read in part, {captioned:,} with captions; "
        f"written: {', '.join(written)}"
    )


def _check_out(out: Path, experts: Sequence[str], told: Told) -> None:
    """Where no extraction was before, nothing that is there is replaced; DataError names the first."""
    tables = [f"{name}_{kind}.npz" for name in experts for kind in ("mean", "frames")]
    for name in [] if (out / PARTS).is_dir() else ["extract.log", "motion.npz", *tables, *told.names_in(out)]:
        if (out / name).exists():
            raise DataError(f"{out / name}: expected no such file before, found one; choose another --out")


def _below(reasons: Mapping[Path, str], folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): why for path, why in reasons.items()}


def _experts(text: str, device: str) -> tuple[list[_Expert], bool]:
    """The experts that are asked for, and whether motion is."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    experts = []
    for name in [name for name in names if name != "motion"]:
        if name == "efficientnet":
            experts.append(_Expert("efficientnet_lite0", name, EfficientNetLite0Encoder(device=device)))
        elif Path(name).expanduser().is_dir():
            folder = Path(name).expanduser()
            same = "".join(_fingerprint(path) for path in sorted(folder.iterdir()) if path.is_file())
            experts.append(_Expert("clip", same, ClipFrameEncoder(folder, device=device)))
        else:
            raise DataError(
                f"--encoders: expected efficientnet, motion, or the folder of a CLIP, got {name!r}"
            )
    if not names or len({expert.name for expert in experts}) < len(experts):
        raise DataError(f"--encoders: expected at least one, and one CLIP at most, got {text!r}")
    return experts, "motion" in names


def _fingerprint(path: Path) -> str:
    """Size and a hash of the first and last 64 KiB: whether a file is the one that it was, at once."""
    size, ends = path.stat().st_size, 65536
    with path.open("rb") as file:
        head = file.read(ends)
        file.seek(max(size - ends, 0))
        return f"{size}-{hashlib.sha256(head + file.read()).hexdigest()[:16]}"


def _part(name: str, suffix: str = ".npz") -> str:
    """Name of a film's own file: on any system, an id of any length and letters becomes one."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24] + suffix


def thumbnail(folder: Path, name: str) -> Path:
    """Where ``extract`` puts the moving thumbnail of a film in its output folder."""
    return folder / PARTS / _part(name, ".webp")


def _extract_all(
    films: Mapping[str, Path], experts: Sequence[_Expert], motion: bool, frames: int, parts: Path
) -> tuple[int, dict[Path, str], dict[Path, str]]:
    """How many films were finished before, what of others could not be read, and why some were skipped."""
    settings = [str(frames), str(motion), *(expert.same for expert in experts)]
    partly, failed, todo = dict[Path, str](), dict[Path, str](), dict[str, str]()
    for name, path in films.items():
        try:
            same = json.dumps([_fingerprint(path), *settings])
        except OSError as error:
            failed[path] = f"it can not be opened ({error.strerror})"
            continue
        about = _read(parts / _part(name)).get("about")
        if about is None or str(about[0]) != same:
            todo[name] = same
        elif about[1]:
            partly[path] = str(about[1])
    kept = len(films) - len(todo) - len(failed)
    seconds = 0.3 if sys.stderr.isatty() else 30  # a line every so often where there is nobody to look
    for name, same in tqdm(todo.items(), "films", unit="film", mininterval=seconds, file=sys.stderr):
        path, part = films[name], parts / _part(name)
        try:
            arrays, picture, note = _extract_one(path, experts, motion, frames)
        except DataError as error:
            failed[path] = str(error).removeprefix(f"{path}: ")
            part.unlink(missing_ok=True)  # of another film that was here before
            continue
        partly |= {path: note} if note else {}
        arrays["about"] = np.array([same, note])
        write_atomically(parts / _part(name, ".webp"), partial(Path.write_bytes, data=picture))
        _save(part, arrays)
    return kept, partly, failed


def _extract_one(
    path: Path, experts: Sequence[_Expert], motion: bool, frames: int
) -> tuple[Arrays, bytes, str]:
    film = read_film(path, [_MOMENTS, frames], [_MOTION_SIDE, *(e.network.side for e in experts)])
    moments, shown = film.picks[0], np.unique(film.picks[1])
    arrays: Arrays = {e.name: e.network.encode(film.frames[e.network.side][shown]).numpy() for e in experts}
    small = film.frames[_MOTION_SIDE]
    if motion and len(np.unique(moments)) > 1:  # in one frame nothing moves
        arrays["motion"] = motion_descriptor(small[moments])[None]
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise DataError(f"{path}: expected finite features, found NaN or infinity in {', '.join(broken)}")
    return arrays, moving_picture(small[np.unique(moments)]), film.note


def _read(part: Path) -> Arrays:
    """A film's own file; nothing where it is missing or damaged."""
    try:
        with np.load(part, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return {}


def _save(path: Path, arrays: Arrays) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(path, write)


def _write_tables(out: Path, done: Sequence[str]) -> list[str]:
    """Put the films' own files together: for each network a table of means and one of frames."""
    columns: dict[str, dict[str, list[Any]]] = {}
    for name in done:
        for expert, array in _read(out / PARTS / _part(name)).items():
            if expert == "about":
                continue
            if expert == "motion":
                _add(columns, expert, name, array)
                continue
            _add(columns, f"{expert}_mean", name, array.mean(axis=0, keepdims=True))
            _add(columns, f"{expert}_frames", name, array)
    written = []
    for table, lists in sorted(columns.items()):
        arrays = {"video_id": np.array(lists["video_id"]), "features": np.concatenate(lists["features"])}
        if table.endswith("_frames"):
            arrays["frame"] = np.array(lists["frame"])
        if np.abs(arrays["features"]).max() < np.finfo(np.float16).max:
            arrays["features"] = arrays["features"].astype(np.float16)
        _save(out / f"{table}.npz", arrays)
        written.append(f"{table}.npz")
    return written


def _add(columns: dict[str, dict[str, list[Any]]], table: str, name: str, array: NDArray[Any]) -> None:
    lists = columns.setdefault(table, {"video_id": [], "frame": [], "features": []})
    lists["video_id"] += [name] * len(array)
    lists["frame"] += range(len(array))
    lists["features"].append(array)
