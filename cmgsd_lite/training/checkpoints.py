"""Checkpoints on disk: written whole or not at all, sealed with a checksum, read without running code.

A file is what ``torch.save`` writes, a zip archive; its comment holds the SHA-256 of all bytes before. One
training gives one sequence of bytes: times are in a file beside it, ``checkpoint.seconds.json``.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import sys
import warnings
import zipfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.data.formats.limits import check_stored
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.runtime import write_atomically, write_json
from cmgsd_lite.training.checkpoint_checks import Damage, check_pickle, checked_content, is_finite, told

FORMAT = 1
SEALED = "sealed"
"""Key in the file of one that has a checksum: who loses the checksum is not taken for an older file."""
SEAL = b"cmgsd-lite sha256 "
_SEAL_BYTES = len(SEAL) + 64


def save_checkpoint(
    path: Path, model: RetrievalModel, about: dict[str, Any], *, keep_previous: bool = False, **state: Any
) -> None:
    """Write a checkpoint atomically, with its checksum.

    Args:
        path: The file; an older one is replaced only when the new one is complete.
        model: Its settings and weights are saved.
        about: What is needed to use the model again, such as data set and protocol; plain values.
        keep_previous: Whether an older file at ``path`` stays beside the new one, as ``previous_of(path)``.
        state: More to keep: all of ``optimizer, loss, history, best, training``, which a training goes on
            with, or none of them. Tensors are written as those of the CPU, so that any machine can go on.

    Raises:
        OSError: If the folder can not be written to.
        ValueError: If a weight is NaN or infinite; an older file is then untouched.

    Source:
        ours.

    Example:
        >>> save_checkpoint(Path("runs/model.pt"), model, {"data": "minivtt"})
    """
    weights = model.state_dict()
    broken = [name for name, value in weights.items() if not is_finite(value)]
    if broken:
        raise ValueError(f"model: expected finite weights, got NaN or infinity in {', '.join(broken)}")
    content = {
        "format": FORMAT,
        SEALED: True,
        "model_config": settings_of(model),
        "model": weights,
        "about": about,
        **state,
    }
    if "history" in state:
        seconds = [record.get("seconds", 0.0) for record in state["history"]]
        write_json(_seconds_of(path), seconds)
        content["history"] = [_without_seconds(record) for record in state["history"]]
    # Through memory: a full disk is then a plain OSError, not a failed assertion of torch's own.
    written = io.BytesIO()
    torch.save(_canonical(content), written)
    sealed = _seal(written.getvalue())

    def write(temporary: Path) -> None:
        temporary.write_bytes(sealed)
        if keep_previous:
            _keep(path)

    write_atomically(path, write)


def previous_of(path: Path) -> Path:
    """Return where the checkpoint before the newest one is kept: another file in the same folder."""
    return path.with_name(f"{path.name}.previous")


def settings_of(model: RetrievalModel) -> dict[str, Any]:
    """Return a model's settings, those that ``ModelConfig`` takes, as plain values."""
    return {**asdict(model.config), "expert_dims": dict(model.config.expert_dims)}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, its checksum verified and its structure checked; for a damaged one, the one before.

    Args:
        path: A file that ``save_checkpoint`` wrote. One of before checksums is read with a warning.

    Returns:
        What was saved; tensors are contiguous, finite and share no memory.

    Raises:
        DataError: If the file is missing, damaged, or not a checkpoint of this format, and there is no
            previous one that is whole.
        OSError: If it can not be read.

    Source:
        ours.

    Example:
        >>> load_checkpoint(Path("runs/model.pt"))["about"]  # doctest: +SKIP
        {'data': 'minivtt'}
    """
    try:
        return _read(path)
    except DataError as damaged:
        try:
            content = _read(previous_of(path))
        except (DataError, OSError):
            raise damaged from None
        warnings.warn(f"{damaged}; taking the one before it, {previous_of(path).name}", stacklevel=2)
        return content


def load_model(path: Path) -> tuple[RetrievalModel, dict[str, Any]]:
    """Rebuild a checkpoint's model, in evaluation mode, with its best weights; and what was saved about it.

    Errors as of ``load_checkpoint``.
    """
    content = load_checkpoint(path)
    model = build_model(ModelConfig(**content["model_config"]))
    model.load_state_dict(content["best"]["model"] if "best" in content else content["model"])
    return model.eval(), content["about"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path}: expected a checkpoint, found {_instead(path)}")
    check_stored(path)
    try:
        sealed = _ends_with_seal(path)
        if sealed:
            raw = path.read_bytes()
            _check_seal(raw)
            _check_archive(io.BytesIO(raw), len(raw))
        else:
            # Of a foreign file, however large, no more is read than says that it is one.
            _check_archive(path, path.stat().st_size)
            _check_format(torch.load(str(path), map_location="cpu", weights_only=True, mmap=True))
            raw = path.read_bytes()
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
        _check_format(content)
    except Damage as error:
        raise DataError(f"{path}: expected a checkpoint, found {error}") from error
    except Exception as error:  # torch raises a different type for every kind of damage
        raise DataError(
            f"{path}: expected a checkpoint, found a damaged or foreign file ({type(error).__name__})"
        ) from error
    if content.pop(SEALED, False) and not sealed:
        raise DataError(f"{path}: expected a checkpoint with its checksum, found a file that has lost it")
    try:
        content = checked_content(content)
    except Damage as error:
        raise DataError(f"{path}: expected a checkpoint, found {error}") from error
    except RuntimeError as error:  # of tensors of unusual kinds
        raise DataError(f"{path}: expected a checkpoint, found another ({type(error).__name__})") from error
    if not sealed:
        warnings.warn(f"{path.name}: has no checksum; whether it is damaged can not be checked", stacklevel=3)
    _add_seconds(content, _seconds_of(path))
    return content


def _check_format(content: Any) -> None:
    found = content.get("format") if isinstance(content, dict) else type(content)
    if type(found) is not type(FORMAT) or found != FORMAT:
        raise Damage(f"{told(found)} in place of format {FORMAT}")


def _instead(path: Path) -> str:
    """What is at a path that is no file, and for a folder which of its files may be meant."""
    if not path.is_dir():
        return "something else" if path.exists() else "no file"
    inside = sorted(path.glob("*.pt"), key=lambda file: file.stat().st_mtime)
    return f"a folder; name a file in it, such as {inside[-1].name}" if inside else "a folder"


def _seal(archive: bytes) -> bytes:
    """Put the checksum into the comment of an archive that has none: the last two bytes, its size, are 0."""
    head = archive[:-2] + struct.pack("<H", _SEAL_BYTES) + SEAL
    return head + hashlib.sha256(head).hexdigest().encode()


def _check_seal(raw: bytes) -> bool:
    """Whether there is a checksum; Damage if it is that of other bytes."""
    if raw[-_SEAL_BYTES:-64] != SEAL:
        return False
    if hashlib.sha256(raw[:-64]).hexdigest().encode() != raw[-64:]:
        raise Damage("a damaged file: its checksum is not that of its content")
    return True


def _ends_with_seal(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SEAL_BYTES))
        return file.read(len(SEAL)) == SEAL


def _check_archive(file: Path | io.BytesIO, size: int) -> None:
    """Refuse what torch.save does not write: packed members, which may become far larger than the file."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > size:
            raise Damage("an archive that becomes larger when it is read")
        if len({member.filename for member in members}) < len(members):
            raise Damage("an archive with one file twice")
        for member in members:
            if member.filename.endswith("data.pkl"):
                check_pickle(archive.read(member))


def _keep(path: Path) -> None:
    """Let a file stay under its second name, if it is whole: a damaged one takes no good one's place."""
    try:
        whole = _check_seal(path.read_bytes())
    except (Damage, FileNotFoundError):
        return
    if whole:
        previous = previous_of(path)
        beside = previous.with_name(f".{previous.name}.{os.getpid()}.tmp")
        beside.unlink(missing_ok=True)
        try:
            os.link(path, beside)  # at no moment is there no file at the path
        except OSError:  # a file system without second names
            beside.write_bytes(path.read_bytes())
        os.replace(beside, previous)


def _canonical(value: Any) -> Any:
    """A copy that is the same for equal content: plain dictionaries, tensors alone, each text only once."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(value, dict):
        return {_canonical(key): _canonical(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_canonical(inner) for inner in value)
    return sys.intern(value) if type(value) is str else value


def _seconds_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.seconds.json")


def _without_seconds(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "seconds"}


def _add_seconds(content: dict[str, Any], path: Path) -> None:
    """Give the epochs their times back; where these are lost, they are 0."""
    seconds: Any = []
    with suppress(OSError, ValueError, RecursionError):
        seconds = json.loads(path.read_text(encoding="utf-8"))
    for number, record in enumerate(content.get("history", ())):
        one = seconds[number] if isinstance(seconds, list) and number < len(seconds) else 0.0
        good = isinstance(one, int | float) and 0 <= one < float("inf")
        record.setdefault("seconds", float(one) if good else 0.0)
