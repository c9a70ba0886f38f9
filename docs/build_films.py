"""Write the folder of films that chapter 12 begins with: 120 clips of MiniVTT as mp4, and captions.csv.

    python docs/build_films.py

The same code draws the same frames everywhere; the bytes of the films may differ with another ffmpeg.
"""

from __future__ import annotations

import csv
import io
from functools import partial
from pathlib import Path

import av

from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.runtime import write_atomically

OUT = Path(__file__).resolve().parent.parent / "cmgsd_lite" / "course" / "films"
FILMS, CAPTIONS, FRAMES_A_SECOND, QUALITY = 120, 5, 4, "23"


def film(name: str) -> bytes:
    """Encode the eight frames of a clip, two seconds, as H.264 in mp4."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"crf": QUALITY})
        stream.width = stream.height = 128
        stream.pix_fmt = "yuv420p"
        for frame in minivtt.clip(name).frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return content.getvalue()


def main() -> None:
    """Write films and captions."""
    train = load_dataset().train
    names = train.video_ids[:FILMS]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["video_id", "caption"])
    OUT.mkdir(exist_ok=True)
    for name in names:
        write_atomically(OUT / f"{name}.mp4", partial(Path.write_bytes, data=film(name)))
        writer.writerows([name, caption] for caption in train.captions[name][:CAPTIONS])
    text = partial(Path.write_text, data=table.getvalue(), encoding="utf-8", newline="\n")
    write_atomically(OUT / "captions.csv", text)


if __name__ == "__main__":
    main()
