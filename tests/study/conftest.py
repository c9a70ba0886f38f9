"""A small folder of videos, and an experiment on it whose runs take a fraction of a second."""

import itertools
import json

import numpy as np
import pytest

from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from study.plan import with_controls
from study.run import run_study

COLOURS, ANIMALS, VERBS = (
    ("red", "blue", "green", "white"),
    ("cat", "dog", "horse"),
    ("runs", "sleeps", "eats"),
)
PARTS = {"train": range(64), "validate": range(64, 76), "test": range(76, 100)}


def write_folder(folder, changed=()):
    """Captions, split and features of a hundred videos; those ``changed`` have other features."""
    folder.mkdir(parents=True)
    words = list(itertools.product(COLOURS, ANIMALS, VERBS))
    videos, sentences, features = [], [], []
    rng = np.random.default_rng(0)
    directions = {word: rng.normal(size=12) for word in (*COLOURS, *ANIMALS, *VERBS)}
    for part, numbers in PARTS.items():
        for v in numbers:
            colour, animal, verb = words[v % len(words)]
            videos.append({"video_id": f"video{v}", "category": v % 5, "split": part, "id": v, "url": "u"})
            texts = (f"a {colour} {animal} {verb}", f"the {animal} {verb}", f"something {colour} {verb}")
            sentences += [
                {"caption": t, "video_id": f"video{v}", "sen_id": 3 * v + i} for i, t in enumerate(texts)
            ]
            meant = directions[colour] + directions[animal] + directions[verb]
            features.append(meant + rng.normal(size=12) + (v in changed))
    content = {"info": {}, "videos": videos, "sentences": sentences}
    (folder / "videodatainfo.json").write_text(json.dumps(content))
    ids = np.array([f"video{v}" for v in range(len(features))])
    np.savez(folder / "rgb.npz", video_id=ids, features=np.array(features, np.float32))
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "clips")


def experiment(folder, names=("cmgsd-4", "infonce"), seeds=(0, 1)):
    training = TrainingConfig(epochs=2, batch_size=16)
    return Experiment(DataConfig(str(folder)), with_controls(names), seeds, training=training)


@pytest.fixture(scope="session")
def bench(folder):
    return Bench(experiment(folder))


@pytest.fixture(scope="session")
def finished(bench, tmp_path_factory):
    """A folder in which every run of the experiment is there; not to be changed."""
    out = tmp_path_factory.mktemp("study")
    assert run_study(bench, out, progress=False) == (6, 0)
    return out
