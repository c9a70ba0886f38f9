"""Frozen pretrained encoders for text and frames. Weights come with pip packages: no network at run time.

Every encoder maps a batch to float32 [N, dim], has no trainable part and gives the same result each time.
"""

from cmgsd_lite.encoders.frames import ClipFrameEncoder, EfficientNetLite0Encoder
from cmgsd_lite.encoders.text import MiniLMEncoder, WordLlamaEncoder

__all__ = ["ClipFrameEncoder", "EfficientNetLite0Encoder", "MiniLMEncoder", "WordLlamaEncoder"]
