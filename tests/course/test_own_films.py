"""The folder of films that chapter 12 begins with, and what is done with it."""

import csv

import numpy as np
import pytest

from cmgsd_lite.course import own_films
from cmgsd_lite.course.own_films import (
    FOLDER,
    QUESTIONS,
    add_efficientnet,
    auc_by_kind,
    best_films,
    command,
    copy_films,
    halves_in_fifths,
    in_fifths,
    judge,
    recall_at_5,
    save_features,
    true_elsewhere,
)
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.data.video import find_films, read_film


@pytest.fixture(scope="module")
def frames():
    films, left = find_films(FOLDER)
    assert left == {}
    return {name: read_film(path, [8], [128]).frames[128] for name, path in films.items()}


def test_there_are_120_small_films_that_show_their_clips(frames):
    assert len(frames) == 120
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    for name, found in frames.items():
        drawn = minivtt.clip(name).frames().astype(int)
        assert found.shape == (8, 128, 128, 3), name
        assert np.abs(found - drawn).mean() < 10, name


def test_the_captions_are_five_of_each_film(frames):
    with (FOLDER / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = load_dataset().train.captions
    assert [row["video_id"] for row in rows] == [name for name in told if name in frames for _ in range(5)]
    assert all(row["caption"] in told[row["video_id"]] for row in rows)


def test_the_truth_judges_a_report():
    pairs = [
        {"caption": "a dog can be seen", "video_id": "video0", "also_true_of": "video10"},
        {"caption": "a dog can be seen", "video_id": "video0", "also_true_of": "video11"},
    ]
    assert "dog" in minivtt.clip("video10").facets()
    assert "dog" not in minivtt.clip("video11").facets()
    assert judge(pairs) == [True, False]
    of_pairs, of_captions = true_elsewhere()
    assert 3 < of_pairs < 4 < 40 < of_captions < 46


def test_a_command_says_what_a_terminal_shows_and_raises_its_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    copy_films("films")
    command("info films")
    out, err = capsys.readouterr()
    assert out.startswith("$ python -m cmgsd_lite info films\n")
    assert "captions.csv" in out
    assert err == ""
    with pytest.raises(RuntimeError, match="expected a folder of films, found nothing there"):
        command("extract nowhere --out features --encoders motion")


def mean_colour(frames):
    return frames.mean(axis=(0, 1, 2))


@pytest.mark.slow
def test_each_fifth_is_tested_by_a_model_that_never_saw_it(frames, tmp_path, monkeypatch):
    monkeypatch.setattr(own_films, "EPOCHS", 2)
    (tmp_path / "captions.csv").write_bytes((FOLDER / "captions.csv").read_bytes())
    save_features(tmp_path / "mean.npz", {name: mean_colour(x) for name, x in frames.items()})
    add_efficientnet(tmp_path)
    trials = in_fifths(tmp_path, ["mean", "efficientnet"])
    assert sorted(name for trial in trials for name in trial.tested.video_ids) == sorted(frames)
    assert 10 < recall_at_5(trials) < 60
    assert set(auc_by_kind(trials)) == {"place", "colour", "motion", "thing"}
    found = best_films(trials[0], "something in the snow", count=24)
    assert {item.clip for item in found} == set(trials[0].tested.video_ids)
    for item in found:
        assert (item.kind == "true") == (minivtt.clip(item.clip).scene.place == "snow")


def test_a_leak_changes_who_is_trained_on_and_nothing_else(frames, monkeypatch):
    calls = []
    monkeypatch.setattr(own_films, "_trial", lambda clips, train, test: calls.append((train, test)))
    for leak in (False, True):
        halves_in_fifths(frames, mean_colour, leak)
    for (clean, tested), (leaking, tested_too) in zip(calls[:5], calls[5:], strict=True):
        assert tested == tested_too
        assert len(tested) == 24
        assert len(clean) == len(leaking) == 192
        films = {name[:-2] for name in tested}
        assert not films & {name[:-2] for name in clean}
        assert films <= {name[:-2] for name in leaking}
        assert not set(tested) & set(leaking)


def test_plain_sentences_name_one_thing_each():
    claims = [claim.to_json() for asked in QUESTIONS.values() for claim in asked.values()]
    assert all(len(claim) == 1 for claim in claims)
    assert len({text for asked in QUESTIONS.values() for text in asked}) == len(claims)
