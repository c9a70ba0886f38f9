"""Figures and props: glyphs of the bundled Noto Emoji subset, coloured like stickers."""

from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

Colour = tuple[int, int, int]
FloatImage = npt.NDArray[np.float32]

GLYPH_PIXELS = 112  # masters are about twice as large as a figure in a frame: scaling down smooths them
_PADDING = 10
_RIM_WIDTH = 3.5  # master pixels
_PROP_LINES = 0.62  # how much of its colour a prop keeps under a line
_SMALL_PART = 0.16  # interior parts below this share of the glyph are lighter: windows, wheels, bellies


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    data = (files("cmgsd_lite.data.world") / "assets" / "NotoEmoji-subset.ttf").read_bytes()
    return ImageFont.truetype(BytesIO(data), GLYPH_PIXELS)


def _ink(glyph: str) -> FloatImage:
    """Line drawing in 0..1, cropped to its ink and padded."""
    left, top, right, bottom = _font().getbbox(glyph)
    size = (int(right - left) + 2 * _PADDING, int(bottom - top) + 2 * _PADDING)
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((_PADDING - left, _PADDING - top), glyph, font=_font(), fill=255)
    return np.asarray(np.asarray(image, dtype=np.float32) / 255, dtype=np.float32)


@lru_cache(maxsize=128)
def glyph_parts(glyph: str) -> tuple[FloatImage, FloatImage, FloatImage, FloatImage]:
    """Line, body (the filled outline), small inner parts and rim (a band around the body), each in 0..1."""
    line = _ink(glyph)
    solid = ndimage.binary_fill_holes(ndimage.binary_closing(line > 0.35, iterations=2))
    inner, count = ndimage.label(solid & (line < 0.5))
    small = np.zeros_like(line)
    if count:
        areas = np.bincount(inner.ravel())
        areas[0] = 0
        few = (areas < _SMALL_PART * areas.sum()) & (areas < areas.max())
        few[0] = False
        small[few[inner]] = 1
    body = np.maximum(line, _soften(solid.astype(np.float32)))
    distance = ndimage.distance_transform_edt(~(body > 0.5))
    rim = np.clip(_RIM_WIDTH + 0.5 - distance, 0, 1).astype(np.float32)
    return line, body, _soften(small), rim


def _soften(mask: FloatImage) -> FloatImage:
    image = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    return np.asarray(np.asarray(image, dtype=np.float32) / 255, dtype=np.float32)


def sticker(glyph: str, colour: Colour) -> Image.Image:
    """RGBA figure: fill with a soft top light, darker lines, and a light rim that sets it off any ground."""
    line, body, small, band = glyph_parts(glyph)
    height = line.shape[0]
    light = np.linspace(0.16, -0.12, height, dtype=np.float32)[:, None, None]
    base = np.array([channel / 255 for channel in colour], dtype=np.float32)
    fill = base + np.where(light > 0, (1 - base) * light, base * light)
    fill = fill + small[:, :, None] * (0.45 if base.max() > 0.3 else 0.2) * (1 - fill)
    ink = _line_colour(base)
    image = 1 + body[:, :, None] * (fill + line[:, :, None] * (ink - fill) - 1)
    alpha = np.maximum(body, band * 0.92)
    rgba = np.concatenate([image, alpha[:, :, None]], axis=2)
    return Image.fromarray((np.clip(rgba, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")


def _line_colour(base: FloatImage) -> FloatImage:
    """Lines at a quarter of the colour; white figures get grey ones."""
    if float(base.min()) > 0.85:
        return np.full(3, 0.3, dtype=np.float32)
    return (base * 0.24).astype(np.float32)


@lru_cache(maxsize=2048)
def _scaled_parts(glyph: str, height: int) -> FloatImage:
    """Line, body and small parts of a glyph at this height: [3, height, width], in 0..1."""
    parts = np.stack(glyph_parts(glyph)[:3])[:, _PADDING:-_PADDING, _PADDING:-_PADDING]
    width = max(1, round(parts.shape[2] * height / parts.shape[1]))
    images = [Image.fromarray((part * 255).astype(np.uint8)) for part in parts]
    scaled = [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]
    return np.stack([np.asarray(image, dtype=np.float32) / 255 for image in scaled])


def prop(glyph: str, colour: Colour, height: int) -> Image.Image:
    """RGBA piece of scenery, `height` pixels high: no rim and quiet lines, so that figures stand out."""
    line, body, small = _scaled_parts(glyph, height)
    base = np.array([channel / 255 for channel in colour], dtype=np.float32)
    light = np.linspace(0.1, -0.1, height, dtype=np.float32)[:, None, None]
    fill = base * (1 + light) + small[:, :, None] * (0.2 * (1 - base))
    image = fill * (1 - (1 - _PROP_LINES) * line[:, :, None])
    rgba = np.concatenate([image, body[:, :, None]], axis=2)
    return Image.fromarray((np.clip(rgba, 0, 1) * 255).astype(np.uint8), "RGBA")


def pose(figure: Image.Image, height: float, angle: float, mirrored: bool) -> Image.Image:
    """The figure scaled so that its longer side is `height` pixels, mirrored, then turned by degrees."""
    scale = height / max(figure.size[0], figure.size[1])
    size = (max(1, round(figure.width * scale)), max(1, round(figure.height * scale)))
    image = figure.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.5)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if angle:
        image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    return image
