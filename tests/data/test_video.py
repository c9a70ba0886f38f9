"""Films of all kinds, encoded here: which frames are read, how they lie, and what is said of broken ones."""

import re

import numpy as np
import pytest
from PIL import Image

from cmgsd_lite.data.video import find_films, frames_of, moving_picture, read_film, sheet_of
from cmgsd_lite.errors import DataError

pytest.importorskip("av", reason="optional: av is not installed")
from tests.data.films import numbers, write_film

MIDDLES = [2, 7, 12, 17, 22, 27, 32, 37]  # of 40 frames: the one shown in the middle of each eighth


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mp4", "mpeg4"),
        ("a.mkv", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.webm", "libvpx-vp9"),
    ],
)
def test_frames_are_those_in_the_middle_of_equal_stretches(tmp_path, name, codec):
    film = read_film(write_film(tmp_path / name, codec=codec), [8, 3], [48, 32])
    assert [film.frames[side].shape[1:] for side in (48, 32)] == [(48, 48, 3), (32, 32, 3)]
    for side in (48, 32):
        eight, three = (numbers(film.frames[side][rows]) for rows in film.picks)
        assert eight == MIDDLES
        assert three == [6, 20, 33]
    assert film.note == ""


def test_time_counts_and_not_the_number_of_a_frame(tmp_path):
    # Twenty frames in the first second, the other twenty in the nine seconds after it.
    times = [*range(0, 1000, 50), *range(1000, 10000, 450)]
    for name in ("a.mp4", "a.mkv"):
        film = read_film(write_film(tmp_path / name, times=times), [5], [48])
        expected = [
            max(i for i, time in enumerate(times) if time <= t) for t in (1000, 3000, 5000, 7000, 9000)
        ]
        found = numbers(film.frames[48][film.picks[0]])
        # By number it would be 4, 12, 20, 28 and 36; how long the last frame stands no container knows.
        assert np.abs(np.subtract(found, expected)).max() <= 1


@pytest.mark.parametrize(("rotation", "corner"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_a_turned_film_is_read_upright(tmp_path, rotation, corner):
    # The corner above left goes below left, where a player turns the picture by 90 degrees to the left.
    film = read_film(write_film(tmp_path / "a.mp4", 4, rotation=rotation), [1], [48])
    blue = film.frames[48][0, :, :, 2]
    near, far = slice(2, 10), slice(-10, -2)
    corners = {(0, 0): (near, near), (0, 1): (near, far), (1, 0): (far, near), (1, 1): (far, far)}
    bright = {name: blue[place].mean() for name, place in corners.items()}
    assert max(bright, key=bright.get) == corner
    assert bright[corner] > 200
    assert sorted(bright.values())[-2] < 60


def test_the_middle_of_a_tall_film_is_kept(tmp_path):
    film = read_film(write_film(tmp_path / "a.mp4", 4, size=(48, 96)), [1], [24])
    assert film.frames[24].shape == (1, 24, 24, 3)
    assert film.frames[24][0, :6, :6, 2].min() > 200, "the white corner of the square in the middle"


def test_a_single_frame_and_films_that_are_shorter_than_what_is_asked_for(tmp_path):
    one = read_film(write_film(tmp_path / "one.mp4", 1), [8], [48])
    assert one.frames[48].shape[0] == 1
    assert one.picks[0].tolist() == [0] * 8
    three = read_film(write_film(tmp_path / "three.mp4", 3), [8], [48])
    assert three.frames[48].shape[0] == 3
    assert three.picks[0].tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_longer_sound_makes_no_film_a_broken_one(tmp_path):
    for name in ("a.mp4", "a.mkv"):
        film = read_film(write_film(tmp_path / name, 10, sound=4), [2], [48])
        assert film.note == ""
        assert numbers(film.frames[48]) == [2, 7]


def test_what_is_no_film_says_what_it_is_and_what_to_do(tmp_path):
    (tmp_path / "text.mp4").write_text("not a film at all, but long enough to be looked at by a reader")
    (tmp_path / "page.mp4").write_text("<!doctype html><html>Please log in</html>")
    (tmp_path / "empty.mp4").write_bytes(b"")
    write_film(tmp_path / "sound.mp4", 0, sound=1)
    for name, match in {
        "text.mp4": "can not be opened .*download or export it again",
        "page.mp4": "a web page in its place; download it again",
        "empty.mp4": "found an empty one; download it again",
        "sound.mp4": "found no pictures in it, only audio; .*leave it out",
        "absent.mp4": "No such file",
    }.items():
        with pytest.raises(DataError, match=match) as error:
            read_film(tmp_path / name, [8], [48])
        assert str(error.value).startswith(f"{tmp_path / name}: expected")


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_a_film_that_is_cut_off_is_refused_or_told_of(tmp_path, name, codec):
    whole = write_film(tmp_path / name, codec=codec, options={"movflags": "faststart"}).read_bytes()
    said = []
    for share in (0.2, 0.4, 0.6, 0.8, 0.95):
        cut = tmp_path / f"cut_{name}"
        cut.write_bytes(whole[: int(share * len(whole))])
        try:
            film = read_film(cut, [8], [48])
        except DataError as error:
            said.append("refused" if "download or export it again" in str(error) else str(error))
        else:
            said.append("told" if film.note else "read")
            found = re.fullmatch(r"(cut off: ([\d.]+) of ([\d.]+) s can be read)?", film.note)
            assert found
            assert not film.note or 0.5 <= float(found[2]) / float(found[3]) <= 0.96
    assert said[0] == "refused", "the first fifth is no film"
    order = ["refused", "told", "read"]
    assert said == sorted(said, key=order.index), "the more there is, the better"


def test_ids_are_names_of_files_and_collisions_are_told_of(tmp_path):
    for file in (
        "7.mp4",
        "my film é.MOV",
        "a/b.mp4",
        "c/b.mp4",
        "d.mp4",
        "d.mkv",
        ".hidden/e.mp4",
        "notes.txt",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    films, left = find_films(tmp_path)
    assert list(films) == ["video7", "a_b", "c_b", "d", "my film é"]
    assert [path.name for path in left] == ["d.mp4"]
    assert "rename one" in left[tmp_path / "d.mp4"]
    with pytest.raises(DataError, match="expected films .*found none"):
        find_films(tmp_path / "empty")
    with pytest.raises(DataError, match="expected a folder of films, found nothing there"):
        find_films(tmp_path / "nowhere")


def test_a_moving_picture_holds_its_frames(tmp_path):
    frames = np.stack([np.full((20, 20, 3), value, np.uint8) for value in (0, 120, 240)])
    file = tmp_path / "a.webp"
    file.write_bytes(moving_picture(frames, side=16))
    with Image.open(file) as opened:
        assert (opened.n_frames, opened.info["loop"]) == (3, 0)
    again = frames_of(file)
    assert again.shape == (3, 16, 16, 3)
    assert np.abs(again.mean((1, 2, 3)) - [0, 120, 240]).max() < 4
    sheet = np.asarray(sheet_of([again, frames[:1]], ["one", "two"], frames=3, side=20))
    assert sheet.shape == (2 * 38, 60, 3)
    assert np.abs(sheet[18:38].reshape(20, 3, 20, 3).mean((0, 2, 3)) - [0, 120, 240]).max() < 4
