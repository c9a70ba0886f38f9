"""Places that people built: a city street and a room."""

from random import Random

from cmgsd_lite.data.world.canvas import SIZE, Canvas, between, mix, vary
from cmgsd_lite.data.world.glyphs import Colour


def _skyline(canvas: Canvas, foot: float, tall: float, colour: Colour, lit: float) -> None:
    """A row of houses with windows, part of them lit."""
    rng: Random = canvas.rng
    x = -rng.random() * 20
    while x < SIZE:
        width, height = between(rng, 26, 48), tall * between(rng, 0.5, 1.1)
        wall = vary(rng, colour, 0.06, 0.12)
        canvas.draw.rectangle((x, foot - height, x + width - 2, foot), fill=wall)
        canvas.draw.rectangle(
            (x, foot - height, x + width - 2, foot - height + 3), fill=mix(wall, (20, 20, 40), 0.3)
        )
        for column in range(int((width - 6) // 9)):
            for row in range(int((height - 10) // 12)):
                left, top = x + 5 + 9 * column, foot - height + 9 + 12 * row
                pane = (255, 228, 140) if rng.random() < lit else mix(wall, (30, 40, 70), 0.45)
                canvas.draw.rectangle((left, top, left + 4, top + 6), fill=pane)
        x += width


def paint_city(canvas: Canvas) -> float:
    """Houses, a pavement and a street with lane marks."""
    rng = canvas.rng
    horizon = between(rng, 116, 140)
    evening = rng.random() < 0.45
    sky: tuple[Colour, Colour] = (
        ((120, 122, 190), (250, 200, 178)) if evening else ((140, 188, 232), (222, 232, 240))
    )
    canvas.gradient(0, horizon, *sky)
    canvas.clouds(int(rng.random() * 3), 14, 46)
    far, near = ((120, 116, 156), (98, 88, 124)) if evening else ((168, 180, 198), (176, 140, 126))
    _skyline(canvas, horizon, 104, far, 0.3 if evening else 0.1)
    _skyline(canvas, horizon, 62, near, 0.6 if evening else 0.2)
    pavement = (172, 168, 164)
    canvas.gradient(horizon, horizon + 16, pavement, mix(pavement, (120, 118, 120), 0.5))
    canvas.draw.rectangle((0, horizon + 15, SIZE, horizon + 18), fill=(206, 204, 200))
    road = vary(rng, (96, 98, 108), 0.02, 0.1)
    canvas.gradient(horizon + 18, SIZE, road, mix(road, (50, 50, 60), 0.45))
    lane, phase = between(rng, horizon + 62, 216), rng.random() * 40
    for number in range(8):
        x = number * 44 - phase
        canvas.draw.rectangle((x, lane, x + 24, lane + 5), fill=(244, 240, 220))
    for number in range(1 + int(rng.random() * 2)):
        x = (number + between(rng, 0.15, 0.85)) * SIZE / 2
        canvas.draw.rectangle((x - 1, horizon - 44, x + 2, horizon + 12), fill=(64, 66, 74))
        canvas.draw.rectangle((x - 1, horizon - 45, x + 12, horizon - 42), fill=(64, 66, 74))
        canvas.glow(x + 12, horizon - 39, 4, (255, 244, 200), 3.0 if evening else 1.4)
    if rng.random() < 0.5:
        canvas.put("🌳", vary(rng, (92, 150, 84)), 44, rng.random() * SIZE, horizon + 12)
    return horizon + 20


def _window(canvas: Canvas, x: float, y: float) -> None:
    """A window with curtains and a bit of sky."""
    rng = canvas.rng
    width, height = between(rng, 46, 62), between(rng, 48, 60)
    canvas.draw.rectangle((x - 4, y - 4, x + width + 4, y + height + 4), fill=(246, 240, 228))
    canvas.draw.rectangle((x, y, x + width, y + height), fill=(166, 212, 244))
    canvas.draw.rectangle((x, y + height * 0.72, x + width, y + height), fill=(150, 200, 140))
    canvas.draw.rectangle((x + width / 2 - 2, y, x + width / 2 + 2, y + height), fill=(246, 240, 228))
    canvas.draw.rectangle((x, y + height / 2 - 2, x + width, y + height / 2 + 2), fill=(246, 240, 228))
    cloth = vary(rng, (206, 120, 110), 0.5, 0.1)
    for side, sign in ((x - 8, 1), (x + width + 8, -1)):
        canvas.draw.polygon(
            [
                (side, y - 8),
                (side + sign * 22, y - 8),
                (side + sign * 10, y + height + 10),
                (side, y + height + 10),
            ],
            fill=mix(cloth, (255, 255, 255), 0.25),
        )


def _picture(canvas: Canvas, x: float, y: float) -> None:
    rng = canvas.rng
    width, height = between(rng, 26, 40), between(rng, 22, 34)
    canvas.draw.rectangle((x, y, x + width, y + height), fill=(122, 90, 60))
    canvas.draw.rectangle((x + 3, y + 3, x + width - 3, y + height - 3), fill=vary(rng, (210, 220, 226), 0.5))
    middle = y + height * 0.55
    canvas.draw.polygon(
        [(x + 3, y + height - 3), (x + width * 0.4, middle - 6), (x + width - 3, y + height - 3)],
        fill=vary(rng, (120, 150, 130), 0.5),
    )


def paint_room(canvas: Canvas) -> float:
    """A living room: wallpaper, window, pictures, sofa, lamp, plant, rug and floor boards."""
    rng = canvas.rng
    horizon = between(rng, 136, 160)
    walls: tuple[Colour, ...] = ((232, 220, 196), (206, 222, 216), (226, 206, 208), (210, 212, 230))
    wall = vary(rng, walls[int(rng.random() * len(walls))], 0.03, 0.04)
    canvas.gradient(0, horizon, mix(wall, (255, 255, 255), 0.2), mix(wall, (150, 130, 120), 0.2))
    if rng.random() < 0.5:
        for x in range(0, SIZE, 22):
            canvas.draw.rectangle((x, 0, x + 9, horizon), fill=(*mix(wall, (255, 255, 255), 0.5), 90))
    left = rng.random() < 0.5
    _window(canvas, between(rng, 20, 50) if left else between(rng, 140, 180), between(rng, 22, 36))
    for number in range(1 + int(rng.random() * 2)):
        _picture(
            canvas,
            (between(rng, 130, 160) if left else between(rng, 14, 34)) + 50 * number,
            between(rng, 26, 54),
        )
    wood = vary(rng, (166, 112, 72), 0.02, 0.15)
    canvas.gradient(horizon, SIZE, wood, mix(wood, (84, 50, 30), 0.35))
    y, gap = horizon + 8.0, 8.0
    while y < SIZE:
        canvas.draw.line((0, y, SIZE, y), fill=(*mix(wood, (60, 36, 24), 0.6), 150))
        y, gap = y + gap, gap * 1.25
    canvas.draw.rectangle((0, horizon - 6, SIZE, horizon), fill=(246, 240, 230))
    rug = vary(rng, (166, 92, 96), 0.5, 0.15)
    middle = between(rng, 70, 186)
    canvas.draw.ellipse(
        (middle - 84, horizon + 34, middle + 84, horizon + 84), fill=mix(rug, (255, 255, 255), 0.3)
    )
    canvas.draw.ellipse(
        (middle - 70, horizon + 39, middle + 70, horizon + 79), fill=mix(rug, (255, 255, 255), 0.5)
    )
    spot = between(rng, 40, 100) if rng.random() < 0.5 else between(rng, 156, 216)
    canvas.shadow(spot, horizon + 12, 80)
    canvas.put("🛋", vary(rng, (150, 110, 120), 0.4, 0.1), 62, spot, horizon + 14)
    if rng.random() < 0.6:
        corner = SIZE - spot + between(rng, -14, 14)
        canvas.shadow(corner, horizon + 10, 30)
        canvas.put("🪴", vary(rng, (92, 146, 92)), 46, corner, horizon + 12)
    return horizon
