"""Wide open places: beach, sea, mountains, desert."""

import math

from PIL import ImageDraw

from cmgsd_lite.data.world.canvas import SIZE, Canvas, between, mix, vary
from cmgsd_lite.data.world.glyphs import Colour

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((74, 170, 246), (206, 238, 254)),
    ((112, 178, 240), (254, 226, 196)),
    ((92, 190, 238), (226, 246, 246)),
)


def _sky(canvas: Canvas, horizon: float) -> None:
    rng = canvas.rng
    canvas.gradient(0, horizon, *_SKIES[int(rng.random() * len(_SKIES))])
    if rng.random() < 0.6:
        canvas.glow(between(rng, 24, 232), between(rng, 22, 54), between(rng, 11, 16), (255, 232, 120))
    canvas.clouds(1 + int(rng.random() * 4), 16, horizon * 0.6)


def _waves(canvas: Canvas, top: float, bottom: float, colour: Colour) -> None:
    """Rows of small crests, farther apart towards the viewer."""
    rng, y = canvas.rng, top + 5
    while y < bottom:
        near = (y - top) / max(1, SIZE - top)
        step, phase = 10 + 26 * near, rng.random() * 30
        for number in range(int(SIZE / step) + 2):
            if rng.random() < 0.55:
                x = number * step + phase - step
                box = (x, y, x + step * 0.7, y + 3 + 5 * near)
                canvas.draw.arc(box, 200, 340, fill=(*colour, 170), width=1 + int(2 * near))
        y += 6 + 12 * near


def paint_sea(canvas: Canvas) -> float:
    """Open water up to a high horizon."""
    rng = canvas.rng
    horizon = between(rng, 92, 124)
    _sky(canvas, horizon)
    if rng.random() < 0.35:
        x, width = rng.random() * SIZE, between(rng, 50, 110)
        canvas.draw.ellipse((x - width / 2, horizon - 12, x + width / 2, horizon + 16), fill=(104, 148, 128))
    deep = vary(rng, (22, 104, 178), 0.04, 0.14)
    canvas.gradient(horizon, SIZE, mix(deep, (160, 222, 236), 0.5), deep)
    _waves(canvas, horizon, SIZE, (232, 248, 255))
    return horizon


def paint_beach(canvas: Canvas) -> float:
    """Sand in front, a strip of water, palms."""
    rng = canvas.rng
    waterline = between(rng, 80, 104)
    shore = waterline + between(rng, 24, 44)
    _sky(canvas, waterline)
    deep = vary(rng, (28, 122, 190), 0.04, 0.1)
    canvas.gradient(waterline, shore + 14, deep, mix(deep, (150, 230, 226), 0.6))
    _waves(canvas, waterline, shore, (232, 248, 255))
    sand = vary(rng, (244, 218, 158), 0.02, 0.05)
    phase = rng.random() * 6
    for shift, colour in ((0, (255, 255, 255)), (6, mix(sand, (190, 150, 100), 0.25)), (10, sand)):
        edge = [(x, shore + shift + 4 * math.sin(x / 34 + phase)) for x in range(0, SIZE + 9, 8)]
        canvas.draw.polygon([(0, SIZE), *edge, (SIZE, SIZE)], fill=colour)
    canvas.speckle(shore + 22, 110, [mix(sand, (150, 110, 60), 0.4), (255, 246, 214)])
    for _ in range(1 + int(rng.random() * 3)):
        x = rng.random() * 80 if rng.random() < 0.5 else SIZE - rng.random() * 80
        foot = between(rng, shore + 14, shore + 44)
        canvas.shadow(x, foot, 40)
        canvas.put("🌴", vary(rng, (66, 152, 84), 0.03), between(rng, 76, 110), x, foot + 2)
    for _ in range(2 + int(rng.random() * 5)):
        foot = between(rng, shore + 36, SIZE)
        canvas.put("🐚", vary(rng, (246, 196, 176), 0.05), between(rng, 10, 17), rng.random() * SIZE, foot)
    return shore + 8


def _peak(canvas: Canvas, x: float, top: float, foot: float, rock: Colour) -> None:
    """One mountain: a lit and a shaded side, and a cap of snow."""
    width = (foot - top) * between(canvas.rng, 0.75, 1.05)
    dark = mix(rock, (40, 44, 74), 0.4)
    canvas.draw.polygon([(x - width, foot), (x, top), (x + width, foot)], fill=rock)
    canvas.draw.polygon([(x, top), (x + width, foot), (x + width * 0.16, foot)], fill=dark)
    cap = between(canvas.rng, 0.26, 0.4)
    y = top + cap * (foot - top)
    left, right = x - width * cap, x + width * cap
    zigzag = [
        (right, y),
        (x + width * cap * 0.5, y - 5),
        (x + width * 0.06, y + 7),
        (x - width * cap * 0.4, y - 4),
    ]
    canvas.draw.polygon([(x, top), *zigzag, (left, y)], fill=(248, 250, 255))
    canvas.draw.polygon(
        [(x, top), (right, y), (x + width * cap * 0.5, y - 5), (x + 2, y + 2)], fill=(208, 218, 238)
    )


def paint_mountain(canvas: Canvas) -> float:
    """Snow-capped peaks behind green slopes."""
    rng = canvas.rng
    horizon = between(rng, 128, 150)
    _sky(canvas, horizon)
    rock = vary(rng, (122, 124, 152), 0.06, 0.1)
    for depth in range(2):
        for number in range(3):
            x = (number + between(rng, 0, 1)) / 3 * SIZE
            top = horizon - between(rng, 66, 112) + 26 * depth
            _peak(canvas, x, top, horizon + 10, mix(rock, (180, 200, 226), 0.45 - 0.45 * depth))
    grass = vary(rng, (112, 156, 92), 0.04, 0.1)
    canvas.hills(horizon + 12, between(rng, 10, 22), mix(grass, (60, 100, 80), 0.35), 1.2)
    canvas.gradient(horizon + 8, SIZE, grass, mix(grass, (50, 84, 50), 0.5))
    for _ in range(3 + int(rng.random() * 5)):
        canvas.put(
            "🌲",
            vary(rng, (52, 106, 78)),
            between(rng, 26, 42),
            rng.random() * SIZE,
            horizon + between(rng, 10, 24),
        )
    for _ in range(1 + int(rng.random() * 3)):
        foot = between(rng, horizon + 30, 246)
        canvas.put("🪨", (150, 150, 156), between(rng, 16, 28), rng.random() * SIZE, foot)
    if rng.random() < 0.3:
        canvas.put("⛺", (226, 150, 84), 34, rng.random() * SIZE, horizon + 30)
    return horizon + 4


def paint_desert(canvas: Canvas) -> float:
    """Dunes under a hot sky, with cactuses."""
    rng = canvas.rng
    horizon = between(rng, 112, 138)
    warm = rng.random() < 0.5
    sky: tuple[Colour, Colour] = (
        ((250, 170, 104), (255, 232, 178)) if warm else ((122, 190, 232), (255, 236, 196))
    )
    canvas.gradient(0, horizon + 10, *sky)
    canvas.glow(between(rng, 30, 226), between(rng, 26, 70), between(rng, 13, 19), (255, 240, 170), 3.2)
    sand = vary(rng, (226, 164, 92), 0.02, 0.08)
    if rng.random() < 0.5:
        x, width = rng.random() * SIZE, between(rng, 50, 90)
        mesa = [
            (x - width * 0.7, horizon + 8),
            (x - width / 2, horizon - 34),
            (x + width / 2, horizon - 34),
            (x + width * 0.7, horizon + 8),
        ]
        canvas.draw.polygon(mesa, fill=mix(sand, (150, 80, 70), 0.5))
    canvas.hills(horizon + 8, between(rng, 16, 34), mix(sand, (255, 230, 190), 0.35), 1.1)
    canvas.gradient(horizon + 6, SIZE, mix(sand, (255, 232, 180), 0.3), mix(sand, (150, 92, 50), 0.25))
    pen = ImageDraw.Draw(canvas.image, "RGBA")
    for _ in range(7):
        x, y, width = rng.random() * SIZE, between(rng, horizon + 20, SIZE), between(rng, 60, 150)
        pen.arc(
            (x - width / 2, y - 10, x + width / 2, y + 14),
            190,
            350,
            fill=(*mix(sand, (110, 60, 30), 0.4), 120),
            width=2,
        )
    for foot in sorted(between(rng, horizon + 6, horizon + 40) for _ in range(2 + int(rng.random() * 4))):
        x, height = rng.random() * SIZE, between(rng, 34, 62)
        canvas.shadow(x, foot, height * 0.6, 50)
        canvas.put("🌵", vary(rng, (86, 142, 84), 0.03), height, x, foot + 1)
    for _ in range(int(rng.random() * 4)):
        canvas.put(
            "🪨",
            vary(rng, (176, 134, 104)),
            between(rng, 12, 22),
            rng.random() * SIZE,
            between(rng, horizon + 40, 250),
        )
    return horizon + 2
