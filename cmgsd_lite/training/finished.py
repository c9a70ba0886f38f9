"""Finished runs of a job that may be stopped: a file each, taken up again if it is of the same job."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import write_json
from cmgsd_lite.training.bench import Bench, RunResult
from cmgsd_lite.training.digests import digest
from cmgsd_lite.training.resuming import other


def keep_run(bench: Bench, result: RunResult, folder: Path) -> None:
    """Write a finished run that has its model; if that fails, one line on stderr, for the job can go on."""
    if result.unwritten:  # whose model is missing, or that of an earlier job
        return
    path = _path(folder, result.name, result.seed)
    content = {"of": bench.identity(result.name, result.seed), "result": asdict(result)}
    try:
        write_json(path, {**content, "checksum": _checksum(content)})
    except (OSError, ValueError) as error:
        print(f"{path.name}: the finished run is not written: {error}", file=sys.stderr)


def kept_runs(bench: Bench, folder: Path, models: Path) -> list[RunResult]:
    """Read the finished runs of a job that was stopped, in the order of seeds and conditions.

    A run of the first seed is finished when its model is in ``models``. A damaged file is said on stderr and
    left out; DataError names what a run of other settings or data differs in.
    """
    found = []
    for seed in bench.experiment.seeds:
        for name in bench.experiment.conditions:
            path = _path(folder, name, seed)
            model_is_missing = (
                seed == bench.experiment.seeds[0] and not (models / f"{name}-seed{seed}.pt").is_file()
            )
            if not path.is_file() or model_is_missing:
                continue
            content = _read(path)
            if content is None:
                print(f"{path}: damaged, so this run is done again", file=sys.stderr)
                continue
            wanted = json.loads(json.dumps(bench.identity(name, seed)))
            if content["of"] != wanted:
                raise DataError(
                    f"{path}: expected a run of {other(wanted, content['of'])}; choose another --out, or "
                    "leave --resume out to begin anew"
                )
            found.append(RunResult(**content["result"]))
    return found


def _path(folder: Path, name: str, seed: int) -> Path:
    return folder / f"{name}-seed{seed}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        whole = content.pop("checksum") == _checksum(content)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return content if whole else None


def _checksum(content: dict[str, Any]) -> str:
    return digest([json.dumps(content, sort_keys=True)])
