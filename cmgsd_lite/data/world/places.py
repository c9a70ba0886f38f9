"""The ten places: each paints a background with its own horizon, palette and props on every call."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image

from cmgsd_lite.data.world.canvas import FRAME, SCALE, SIZE, Canvas, between, mix, vary
from cmgsd_lite.data.world.glyphs import Colour
from cmgsd_lite.data.world.interiors import paint_city, paint_room
from cmgsd_lite.data.world.landscapes import paint_beach, paint_desert, paint_mountain, paint_sea

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((104, 186, 248), (222, 242, 255)),
    ((126, 196, 236), (255, 240, 214)),
    ((86, 160, 232), (196, 230, 252)),
)


@dataclass(frozen=True)
class Background:
    """A painted frame of 128 x 128 and the height (in pixels) at which its ground begins."""

    image: Image.Image
    horizon: float


def paint(place: str, rng: Random) -> Background:
    """Background of a place; another random state gives another view of it."""
    canvas = Canvas(rng)
    horizon = _PAINTERS[place](canvas)
    image = canvas.image.resize((FRAME, FRAME), Image.Resampling.BOX)
    return Background(image, horizon / SCALE)


def _trees(canvas: Canvas, glyphs: str, colour: Colour, count: int, horizon: float, tall: float) -> None:
    """A loose row of trees along the horizon, the farther ones first."""
    rng = canvas.rng
    feet = sorted(between(rng, horizon + 2, horizon + 22) for _ in range(count))
    for foot in feet:
        glyph = glyphs[int(rng.random() * len(glyphs))]
        x, height = rng.random() * SIZE, tall * between(rng, 0.75, 1.15)
        canvas.shadow(x, foot, height * 0.55)
        canvas.put(glyph, vary(rng, colour, 0.03, 0.14), height, x, foot + 1)


def _meadow(canvas: Canvas) -> float:
    rng = canvas.rng
    horizon = between(rng, 112, 142)
    sky = _SKIES[int(rng.random() * len(_SKIES))]
    canvas.gradient(0, horizon + 12, *sky)
    if rng.random() < 0.5:
        canvas.glow(between(rng, 24, 232), between(rng, 24, 52), between(rng, 11, 16), (255, 226, 92))
    canvas.clouds(2 + int(rng.random() * 3), 16, 70)
    grass = vary(rng, (122, 196, 84), 0.04, 0.1)
    canvas.hills(horizon + 6, between(rng, 24, 44), mix(grass, (150, 190, 190), 0.45), 1.2)
    canvas.hills(horizon + 8, between(rng, 10, 24), mix(grass, (150, 190, 150), 0.2), 0.9)
    canvas.gradient(horizon + 4, SIZE, grass, mix(grass, (30, 110, 40), 0.45))
    if rng.random() < 0.4:
        canvas.put("🏡", vary(rng, (214, 158, 120)), 46, rng.random() * SIZE, horizon + 14)
    _trees(canvas, "🌳🌳🌲", (70, 150, 62), 1 + int(rng.random() * 4), horizon, 58)
    petals: tuple[Colour, ...] = ((255, 250, 240), (252, 214, 70), (246, 130, 160), (226, 92, 84))
    flower = petals[int(rng.random() * len(petals))]
    for _ in range(14 + int(rng.random() * 14)):
        foot = between(rng, horizon + 26, SIZE + 4)
        size = 7 + 11 * (foot - horizon) / (SIZE - horizon)
        canvas.put(
            "🌼🌷🌼🌻"[int(rng.random() * 4)], vary(rng, flower, 0.03), size, rng.random() * SIZE, foot
        )
    return horizon


def _forest(canvas: Canvas) -> float:
    rng = canvas.rng
    horizon = between(rng, 116, 140)
    haze = vary(rng, (176, 214, 176), 0.05, 0.1)
    canvas.gradient(0, horizon + 20, mix(haze, (70, 130, 100), 0.35), mix(haze, (250, 250, 220), 0.45))
    floor = vary(rng, (64, 112, 58), 0.04, 0.14)
    for depth in range(3):
        green = mix((36, 92, 56), haze, 0.6 - 0.22 * depth)
        count, tall = 9 - 2 * depth, 84 + 24 * depth
        for number in range(count):
            x = (number + between(rng, 0.1, 0.9)) / count * SIZE
            glyph = "🌲🌲🌳"[int(rng.random() * 3)]
            canvas.put(
                glyph, vary(rng, green, 0.03, 0.12), tall * between(rng, 0.8, 1.1), x, horizon + 2 + 7 * depth
            )
    canvas.gradient(horizon + 16, SIZE, mix(floor, haze, 0.2), mix(floor, (20, 50, 30), 0.5))
    canvas.speckle(horizon + 20, 90, [(120, 150, 70), (150, 110, 60), (40, 84, 44)])
    for _ in range(2 + int(rng.random() * 5)):
        foot = between(rng, horizon + 34, SIZE)
        canvas.put("🍄", vary(rng, (206, 60, 50), 0.02), between(rng, 14, 22), rng.random() * SIZE, foot)
    if rng.random() < 0.5:
        canvas.put(
            "🪵", (130, 92, 60), between(rng, 28, 40), rng.random() * SIZE, between(rng, horizon + 40, 240)
        )
    return horizon + 10


def _snow(canvas: Canvas) -> float:
    rng = canvas.rng
    horizon = between(rng, 114, 140)
    dusk = rng.random() < 0.35
    sky: tuple[Colour, Colour] = (
        ((196, 190, 224), (252, 226, 224)) if dusk else ((168, 196, 226), (232, 242, 250))
    )
    canvas.gradient(0, horizon + 10, *sky)
    canvas.clouds(3, 14, 60, (240, 244, 250))
    canvas.hills(horizon + 4, between(rng, 26, 46), (206, 218, 236), 1.4)
    canvas.hills(horizon + 6, between(rng, 10, 20), (226, 234, 246), 0.9)
    canvas.gradient(horizon + 2, SIZE, (242, 247, 253), mix((206, 220, 240), sky[0], 0.3))
    _trees(canvas, "🌲", vary(rng, (150, 190, 190), 0.05), 3 + int(rng.random() * 4), horizon, 62)
    canvas.speckle(horizon + 16, 40, [(255, 255, 255), (214, 226, 242)], 2.5)
    if rng.random() < 0.5:
        x, foot = rng.random() * SIZE, between(rng, horizon + 30, 200)
        canvas.shadow(x, foot, 30, 40)
        canvas.put("⛄", (250, 252, 255), 44, x, foot + 2)
    if rng.random() < 0.3:
        canvas.put("🏠", (186, 150, 134), 48, rng.random() * SIZE, horizon + 16)
    return horizon


def _night(canvas: Canvas) -> float:
    rng = canvas.rng
    horizon = between(rng, 116, 144)
    top = vary(rng, (14, 18, 58), 0.04, 0.3)
    canvas.gradient(0, horizon + 10, top, mix(top, (84, 84, 158), 0.62))
    for _ in range(70):
        x, y, r = rng.random() * SIZE, rng.random() * horizon, between(rng, 0.5, 1.7)
        canvas.draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 250, 226, 120 + int(rng.random() * 130)))
    x, y = between(rng, 30, 226), between(rng, 26, 52)
    if rng.random() < 0.5:
        canvas.glow(x, y, between(rng, 12, 18), (250, 240, 196), 3.4)
    else:
        canvas.glow(x, y, 1, (250, 240, 196), 44)
        canvas.put("🌙", (250, 238, 180), between(rng, 30, 38), x, y + 17)
    ground = vary(rng, (34, 52, 62), 0.05, 0.2)
    canvas.hills(horizon + 8, between(rng, 20, 50), mix(ground, (54, 58, 110), 0.6), 1.3)
    if rng.random() < 0.6:
        house = rng.random() * SIZE
        canvas.put("🏠", (92, 84, 104), 50, house, horizon + 12)
        canvas.glow(house, horizon - 4, 3, (255, 214, 110), 4)
    canvas.gradient(horizon + 6, SIZE, ground, mix(ground, (8, 12, 24), 0.6))
    _trees(canvas, "🌲🌳", (40, 70, 76), 2 + int(rng.random() * 4), horizon, 62)
    canvas.speckle(horizon + 20, 60, [(60, 84, 84), (20, 34, 44)])
    return horizon


def falling_snow(rng: Random, frames: int) -> list[list[tuple[int, int]]]:
    """Pixel positions of snow flakes for each frame."""
    flakes = [
        (rng.random() * FRAME, rng.random() * FRAME, between(rng, 3, 7), between(rng, -1.5, 1.5))
        for _ in range(40)
    ]
    return [
        [(int(x + dx * t + math.sin(y + t)) % FRAME, int(y + dy * t) % FRAME) for x, y, dy, dx in flakes]
        for t in range(frames)
    ]


_PAINTERS: dict[str, Callable[[Canvas], float]] = {
    "meadow": _meadow,
    "city": paint_city,
    "beach": paint_beach,
    "room": paint_room,
    "forest": _forest,
    "sea": paint_sea,
    "night": _night,
    "snow": _snow,
    "mountain": paint_mountain,
    "desert": paint_desert,
}
