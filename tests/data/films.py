"""Small films that tests encode themselves: a white corner above left, the frame's number in bits below."""

from fractions import Fraction

import av
import numpy as np

BITS = 6
MILLISECOND = Fraction(1, 1000)


def write_film(
    path, frames=40, codec="libx264", *, size=(64, 48), rate=10, times=None, rotation=0, sound=0, options=None
):
    """times: of the frames, in milliseconds. sound: seconds of silence. options: of the container."""
    with av.open(str(path), "w", options=options or {}) as file:
        if frames:
            stream = file.add_stream(codec, rate=rate)
            (stream.width, stream.height), stream.pix_fmt, stream.gop_size = size, "yuv420p", 12
            if rotation:
                stream.set_display_rotation(rotation)
            if times is not None:
                stream.codec_context.time_base = MILLISECOND
        tone = file.add_stream("aac", rate=8000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(_picture(number, *size), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], MILLISECOND
            file.mux(stream.encode(frame))
        if frames:
            file.mux(stream.encode())
        for _ in range(int(8000 * sound) // 1024):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate = 8000
            file.mux(tone.encode(silence))
        if tone:
            file.mux(tone.encode())
    return path


def _picture(number, width, height):
    """The square in the middle has the corner in its upper third and the bits in its lower one."""
    side = min(width, height)
    square = np.zeros((side, side, 3), np.uint8)
    square[: side // 3, : side // 3] = 255
    for place, bit in enumerate(f"{number % 2**BITS:0{BITS}b}"):
        if bit == "1":
            square[2 * side // 3 :, place * side // BITS : (place + 1) * side // BITS] = (0, 255, 0)
    wide, high = (width - side) // 2, (height - side) // 2
    return np.pad(square, ((high, height - side - high), (wide, width - side - wide), (0, 0)))


def numbers(frames):
    """Numbers of frames [N, side, side, 3], exactly: a bit is white or black, whatever a codec does to it."""
    side = frames.shape[1]
    rows = frames[:, round(0.75 * side) : round(0.9 * side), :, 1].mean(axis=1)
    bits = np.stack([part.mean(axis=1) > 128 for part in np.array_split(rows, BITS, axis=1)], axis=1)
    return (bits @ 2 ** np.arange(BITS)[::-1]).tolist()
