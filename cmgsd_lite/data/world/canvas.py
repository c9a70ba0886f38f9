"""A drawing surface at twice the frame size, with the few strokes that the places are painted with."""

import colorsys
import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cmgsd_lite.data.world.glyphs import Colour, prop

FRAME = 128
SCALE = 2
SIZE = FRAME * SCALE


def vary(rng: Random, colour: Colour, hue: float = 0.02, light: float = 0.1) -> Colour:
    """The colour, a little off in hue and lightness."""
    h, lightness, s = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    h = (h + (rng.random() * 2 - 1) * hue) % 1
    lightness = min(0.97, max(0.03, lightness * (1 + (rng.random() * 2 - 1) * light)))
    red, green, blue = colorsys.hls_to_rgb(h, lightness, s)
    return round(red * 255), round(green * 255), round(blue * 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def between(rng: Random, low: float, high: float) -> float:
    """A uniform number."""
    return low + (high - low) * rng.random()


class Canvas:
    """RGB image of 256 x 256 that becomes one 128 x 128 background."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.image = Image.new("RGB", (SIZE, SIZE))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def gradient(self, top: float, bottom: float, first: Colour, second: Colour) -> None:
        """Fill rows top to bottom with a vertical gradient."""
        rows = max(1, round(bottom) - round(top))
        share = np.linspace(0, 1, rows)[:, None, None]
        column = np.array(first) * (1 - share) + np.array(second) * share
        band = Image.fromarray(np.repeat(column, 1, axis=1).round().astype(np.uint8), "RGB")
        self.image.paste(band.resize((SIZE, rows)), (0, round(top)))

    def hills(self, base: float, height: float, colour: Colour, waves: float = 1.5) -> None:
        """A rolling ridge, filled down to the bottom."""
        phase, second = self.rng.random() * 6.3, self.rng.random() * 6.3
        points = [(0.0, float(SIZE))]
        for x in range(0, SIZE + 9, 8):
            turn = x / SIZE * math.tau
            y = base - height * (0.5 + 0.35 * math.sin(turn * waves + phase))
            points.append((x, y - height * 0.15 * math.sin(turn * waves * 2.3 + second)))
        self.draw.polygon([*points, (SIZE, SIZE)], fill=colour)

    def put(self, glyph: str, colour: Colour, height: float, x: float, foot: float) -> None:
        """A prop of this height, centred on x, standing on `foot`."""
        piece = prop(glyph, colour, max(4, round(height)))
        if self.rng.random() < 0.5:
            piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        self.image.paste(piece, (round(x - piece.width / 2), round(foot - piece.height)), piece)

    def shadow(self, x: float, foot: float, width: float, strength: int = 60) -> None:
        """A flat dark ellipse on the ground."""
        self.draw.ellipse(
            (x - width / 2, foot - width / 9, x + width / 2, foot + width / 9), fill=(0, 0, 0, strength)
        )

    def clouds(self, count: int, low: float, high: float, colour: Colour = (255, 255, 255)) -> None:
        """Soft clouds between two heights."""
        layer = Image.new("L", (SIZE, SIZE))
        pen = ImageDraw.Draw(layer)
        for _ in range(count):
            x, y = self.rng.random() * SIZE, between(self.rng, low, high)
            width = between(self.rng, 26, 50)
            for _ in range(5):
                dx, r = between(self.rng, -0.5, 0.5) * width, between(self.rng, 0.16, 0.3) * width
                pen.ellipse((x + dx - r, y - r, x + dx + r, y + r * 0.7), fill=215)
            pen.ellipse((x - width * 0.75, y, x + width * 0.75, y + width * 0.24), fill=215)
        layer = layer.filter(ImageFilter.GaussianBlur(1.6))
        self.image.paste(Image.new("RGB", (SIZE, SIZE), colour), (0, 0), layer)

    def glow(self, x: float, y: float, radius: float, colour: Colour, halo: float = 2.6) -> None:
        """A sun, moon or lamp: a disc in a soft halo."""
        span = radius * halo
        grid = (np.mgrid[0 : int(2 * span), 0 : int(2 * span)] - span) / span
        soft = np.clip(1 - np.hypot(grid[0], grid[1]), 0, 1) ** 1.6 * 150
        mask = Image.fromarray(soft.astype(np.uint8))
        self.image.paste(Image.new("RGB", mask.size, colour), (round(x - span), round(y - span)), mask)
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def speckle(self, top: float, count: int, colours: list[Colour], size: float = 1.5) -> None:
        """Small flecks on the ground, larger towards the viewer."""
        for _ in range(count):
            x, y = self.rng.random() * SIZE, between(self.rng, top, SIZE)
            r = size * (0.5 + (y - top) / (SIZE - top))
            colour = colours[int(self.rng.random() * len(colours))]
            self.draw.ellipse((x - r * 1.6, y - r * 0.6, x + r * 1.6, y + r * 0.6), fill=(*colour, 150))
