"""Checkpoints on disk: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.errors import DataError
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.runtime import write_atomically

FORMAT = 1


def save_checkpoint(path: Path, model: RetrievalModel, about: dict[str, Any], **state: Any) -> None:
    """Write a checkpoint atomically.

    Args:
        path: The file; an older one is replaced only when the new one is complete.
        model: Its settings and weights are saved.
        about: What is needed to use the model again, such as data set and protocol; plain values.
        state: More to keep, such as the optimizer's state for resuming; tensors and plain values. Tensors are
            written as those of the CPU, so that any machine can go on.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> save_checkpoint(Path("runs/model.pt"), model, {"data": "minivtt"})  # doctest: +SKIP
    """
    content = {
        "format": FORMAT,
        "model_config": settings_of(model),
        "model": model.state_dict(),
        "about": about,
        **state,
    }
    # Through memory: a full disk is then a plain OSError, not a failed assertion of torch's own.
    written = io.BytesIO()
    torch.save(_on_cpu(content), written)
    write_atomically(path, lambda temporary: temporary.write_bytes(written.getbuffer()))


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(inner) for key, inner in value.items()}
    return [_on_cpu(inner) for inner in value] if isinstance(value, list) else value


def settings_of(model: RetrievalModel) -> dict[str, Any]:
    """Return a model's settings as plain values, as a checkpoint holds them.

    Args:
        model: Any.

    Returns:
        The settings that ``ModelConfig`` takes.

    Source:
        ours.

    Example:
        >>> settings_of(build_model(ModelConfig("mean-pool", 8, {"rgb": 4})))["kind"]
        'mean-pool'
    """
    return {**asdict(model.config), "expert_dims": dict(model.config.expert_dims)}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Args:
        path: A file that ``save_checkpoint`` wrote.

    Returns:
        What was saved.

    Raises:
        DataError: If the file is missing, damaged or not a checkpoint of this format.

    Source:
        ours.

    Example:
        >>> load_checkpoint(Path("runs/model.pt"))["about"]  # doctest: +SKIP
        {'data': 'minivtt'}
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a checkpoint, found no file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different type for every kind of damage
        raise DataError(
            f"{path}: expected a checkpoint, found a damaged or foreign file ({type(error).__name__})"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise DataError(f"{path}: expected a checkpoint of format {FORMAT}, found {found}")
    return content


def load_model(path: Path) -> tuple[RetrievalModel, dict[str, Any]]:
    """Rebuild the model of a checkpoint, in evaluation mode, with its best weights.

    Args:
        path: A file that ``save_checkpoint`` wrote, at the end of training or on the way.

    Returns:
        The model, and what was saved about it.

    Raises:
        DataError: As ``load_checkpoint``.

    Source:
        ours.

    Example:
        >>> model, about = load_model(Path("runs/model.pt"))  # doctest: +SKIP
    """
    content = load_checkpoint(path)
    model = build_model(ModelConfig(**content["model_config"]))
    model.load_state_dict(content.get("best", {}).get("model") or content["model"])
    return model.eval(), content["about"]
