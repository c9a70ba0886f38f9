"""Clips that move: one small animated picture with its text, a first frame for whoever wants no motion."""

import base64
import io
import re

import pytest
from PIL import Image

from cmgsd_lite.course.plots import films
from cmgsd_lite.course.plots.base import LARGEST
from cmgsd_lite.course.plots.films import show_films
from cmgsd_lite.data.clips import clip

ALT = 'two clips, a "red" dog & a <b>cat</b>'


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(films, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_the_picture_moves_is_small_and_has_its_text(shown):
    show_films([clip("video7"), clip("video8")], ["one\nline", "two"], "00-clips", ALT, "title")
    (bundle,) = shown
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    still, moving = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", bundle["text/html"])
    frames = []
    for content in (still, moving):
        raw = base64.b64decode(content)
        assert len(raw) <= LARGEST
        frames.append(Image.open(io.BytesIO(raw)).n_frames)
    assert frames == [1, 8]
    assert "prefers-reduced-motion: reduce" in bundle["text/html"]
    assert 'alt="two clips, a &quot;red&quot; dog &amp; a &lt;b&gt;cat&lt;/b&gt;"' in bundle["text/html"]


def test_files_for_slides_are_written(shown, tmp_path, monkeypatch):
    monkeypatch.setenv("CMGSD_FIGURES", str(tmp_path))
    show_films([clip("video7")], ["one"], "00-clip", ALT)
    assert [path.name for path in tmp_path.iterdir()] == ["00-clip.png"]


@pytest.mark.parametrize(("chosen", "notes"), [([], []), ([clip("video7")], [])])
def test_notes_that_do_not_fit_are_refused(shown, chosen, notes):
    with pytest.raises(ValueError, match="notes: expected one for each"):
        show_films(chosen, notes, "00-clips", ALT)
