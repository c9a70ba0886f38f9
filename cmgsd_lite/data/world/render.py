"""From a scene to pictures: 8 frames of 128 x 128, drawn on demand."""

from functools import lru_cache
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from cmgsd_lite.data.world.canvas import FRAME, between, vary
from cmgsd_lite.data.world.glyphs import Colour, pose, prop, sticker
from cmgsd_lite.data.world.motion import FRAMES, Path, path_of
from cmgsd_lite.data.world.places import falling_snow, paint
from cmgsd_lite.data.world.scenes import Scene, Subject
from cmgsd_lite.data.world.vocabulary import COLOURS, ENTITY

OCCLUSION_RATE = 0.25
Frames = npt.NDArray[np.uint8]
_FOREGROUND: dict[str, tuple[str, Colour]] = {
    "meadow": ("🌾", (120, 170, 70)), "city": ("🪴", (86, 140, 86)), "beach": ("🪨", (190, 170, 140)),
    "room": ("🪴", (92, 146, 92)), "forest": ("🪵", (120, 84, 54)), "sea": ("🪨", (120, 130, 140)),
    "night": ("🌾", (52, 84, 82)), "snow": ("🌲", (176, 208, 208)), "mountain": ("🪨", (150, 150, 158)),
    "desert": ("🌵", (92, 146, 86)),
}  # fmt: skip


def render(scene: Scene) -> Frames:
    """Draw a clip: uint8 [8, 128, 128, 3], RGB.

    The scene's seed decides size, path, speed, hue, view, noise, occlusion.
    """
    rng = Random(f"minivtt view {scene.seed}")
    background = paint(scene.place, rng)
    casts = _cast(scene, background.horizon, rng)
    front = _occluder(scene.place, rng)
    flakes = falling_snow(rng, FRAMES) if scene.place == "snow" else None
    frames = []
    for number in range(FRAMES):
        frame = background.image.copy()
        for figure, path in reversed(casts):
            _draw_figure(frame, figure, path, number, scene.place)
        if front is not None:
            frame.paste(front[0], front[1], front[0])
        if flakes is not None:
            ImageDraw.Draw(frame).point(flakes[number], fill=(255, 255, 255))
        frames.append(np.asarray(frame))
    return _grain(np.stack(frames), rng, scene.seed)


def _cast(scene: Scene, horizon: float, rng: Random) -> list[tuple[Image.Image, Path]]:
    """Figure and path of each subject; the second is smaller and keeps its distance."""
    casts: list[tuple[Image.Image, Path]] = []
    for number, subject in enumerate(scene.subjects):
        alone = len(scene.subjects) == 1
        low, high = (48.0, 68.0) if alone else ((42.0, 54.0), (34.0, 42.0))[number]
        figure = _figure(subject, rng)
        attempts = [
            _path(subject, figure, between(rng, low, high), horizon, rng) for _ in range(60 if number else 1)
        ]
        best = max(attempts, key=lambda path: _distance(path, casts[0][1])) if number else attempts[0]
        casts.append((figure, best))
    return casts


def _figure(subject: Subject, rng: Random) -> Image.Image:
    colour = vary(rng, COLOURS[subject.colour][0], 0.012, 0.07)
    return sticker(ENTITY[subject.entity].glyph, colour)


def _path(subject: Subject, figure: Image.Image, size: float, horizon: float, rng: Random) -> Path:
    half = size / 2 * figure.height / max(figure.size) - size * 0.05
    return path_of(ENTITY[subject.entity], subject.motion, size, half, horizon, rng)


def _distance(first: Path, second: Path) -> float:
    """How far apart two figures stay: mean and least distance of their centres in pixels."""
    gap = np.hypot(first.x - second.x, first.y - second.y)
    return float(min(gap.mean(), 55) + 2 * min(gap.min(), 45))


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    image = Image.new("L", (96, 96))
    ImageDraw.Draw(image).ellipse((16, 16, 80, 80), fill=255)
    return image.filter(ImageFilter.GaussianBlur(8))


def _draw_figure(frame: Image.Image, figure: Image.Image, path: Path, number: int, place: str) -> None:
    size, x, y = path.size[number], path.x[number], path.y[number]
    ground = float(path.ground[number])
    lift = max(0.0, ground - y - size / 2)
    width = size * 0.95 * (1 - min(0.5, lift / 160))
    strength = 0.5 * (1 - min(0.65, lift / 90))
    disc = _soft_disc().resize((max(2, round(width)), max(2, round(width * 0.3))))
    tint = (10, 50, 90) if place == "sea" else (20, 18, 30)
    box = (round(x - disc.width / 2), round(ground - disc.height / 2))
    mask = Image.blend(Image.new("L", disc.size), disc, strength)
    frame.paste(tint, (*box, box[0] + disc.width, box[1] + disc.height), mask)
    image = pose(figure, float(size), float(path.angle[number]), bool(path.mirrored[number]))
    frame.paste(image, (round(x - image.width / 2), round(y - image.height / 2)), image)


def _occluder(place: str, rng: Random) -> tuple[Image.Image, tuple[int, int]] | None:
    """A piece of scenery in front of the figures, in part of the clips."""
    if rng.random() >= OCCLUSION_RATE:
        return None
    glyph, colour = _FOREGROUND[place]
    piece = prop(glyph, vary(rng, colour, 0.03, 0.12), round(between(rng, 26, 40)))
    return piece, (round(between(rng, 4, FRAME - 4) - piece.width / 2), FRAME + 5 - piece.height)


@lru_cache(maxsize=1)
def _noise_tile() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)


def _grain(frames: Frames, rng: Random, seed: int) -> Frames:
    """Exposure, a tint of the light and film grain, as a camera adds them."""
    gain = [between(rng, 0.93, 1.05) * between(rng, 0.98, 1.02) for _ in range(3)]
    offsets = np.random.default_rng(seed).integers(0, 128, size=(FRAMES, 2))
    noise = np.stack([_noise_tile()[r : r + FRAME, c : c + FRAME] for r, c in offsets])
    noisy = frames * np.array(gain, dtype=np.float32) + between(rng, 1.0, 3.5) * noise[..., None]
    return np.clip(noisy, 0, 255).astype(np.uint8)
