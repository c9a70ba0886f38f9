"""Resuming goes on where the data is the same, however its folder is spelled, and nowhere else."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cmgsd_lite.data import ExpertFeatures
from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_checkpoint
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.data_location import data_of, location_of
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.prepare import prepare_split
from tests.cli.folders import write_folder
from tests.training.test_loop import WORDS, encode, make_split

CONFIG = TrainingConfig(epochs=2, batch_size=8)


def model(kind="mean-pool"):
    return build_model(ModelConfig(kind, len(WORDS), {"appearance": 10}, embed_dim=16, hidden_dim=32))


def train_on(train, validation, path, resume=True, network=None, ids=None):
    splits = [prepare_split(split, encode) for split in (train, validation)]
    return fit(network or model(), InfoNCELoss(), *splits, CONFIG, checkpoint=path, resume=resume, ids=ids,
               progress=False)  # fmt: skip


TRAIN, VALIDATION = make_split(24), make_split(6, seed=1, name="validation")


def swapped(split):
    """The same features and captions in the same order under other names."""
    names = {old: f"other{i}" for i, old in enumerate(split.video_ids)}
    captions = {names[video]: split.captions[video] for video in split.video_ids}
    return replace(split, video_ids=list(names.values()), captions=captions, queries=captions)


def reordered(split):
    return split.subset(reversed(split.video_ids))


def other_features(split):
    values = split.features["appearance"].values.copy()
    values[3, 0, 2] += 1e-3
    return replace(split, features={"appearance": ExpertFeatures(values, split.features["appearance"].mask)})


def masked(split):
    mask = split.features["appearance"].mask.copy()
    mask[2] = False
    return replace(split, features={"appearance": ExpertFeatures(split.features["appearance"].values, mask)})


def other_captions(split):
    name = split.video_ids[1]
    captions = {**split.captions, name: ["red cat", *split.captions[name][1:]]}
    return replace(split, captions=captions, queries=captions)


def fewer(split):
    return split.subset(split.video_ids[:-1])


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (swapped, ["videos"]),
        (reordered, ["videos", "captions", "features of appearance"]),
        (other_features, ["features of appearance"]),
        (masked, ["features of appearance"]),
        (other_captions, ["captions"]),
        (fewer, ["videos", "captions", "features of appearance"]),
    ],
)
def test_other_data_is_refused_and_named(part, change, named, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train_on(TRAIN, VALIDATION, path)
    splits = {"train": TRAIN, "validation": VALIDATION}
    splits[part] = change(splits[part])
    if (change, part) == (masked, "train"):  # refused before anything is compared: nothing to learn from
        with pytest.raises(ValueError, match="expected a token in every training video"):
            train_on(**splits, path=path)
        return
    with pytest.raises(DataError) as refused:
        train_on(**splits, path=path)
    assert "expected the data that its training began on" in str(refused.value)
    told = str(refused.value).partition("found other ")[2].partition(";")[0].split(", ")
    assert told == [f"{part} {what}" for what in named]


def test_other_known_positives_and_other_models_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    names = [f"twin{i // 2}" for i in range(24)]
    train_on(TRAIN, VALIDATION, path, ids=names)
    train_on(TRAIN, VALIDATION, path, ids=names)
    with pytest.raises(DataError, match=r"found other known positives \(ids\)"):
        train_on(TRAIN, VALIDATION, path)
    with pytest.raises(DataError, match="expected a model of kind = 'transformer', found kind = 'mean-pool'"):
        train_on(TRAIN, VALIDATION, path, network=model("transformer"), ids=names)


def forget_the_digest(path):
    content = load_checkpoint(path)
    del content["digest"]
    torch.save(content, path)


def test_a_checkpoint_of_before_digests_goes_on_with_a_warning(tmp_path):
    path = tmp_path / "checkpoint.pt"
    train_on(TRAIN, VALIDATION, path)
    forget_the_digest(path)
    with pytest.warns(UserWarning, match=r"checkpoint.pt: holds no digest of its data"):
        train_on(TRAIN, VALIDATION, path)


def bench_on(folder, **data):
    return Bench(
        Experiment(DataConfig(str(folder), **data), {"infonce": LossConfig("infonce")}, training=CONFIG)
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A data set, a copy of it, and a checkpoint of a training on it by its absolute path."""
    root = tmp_path_factory.mktemp("resume")
    write_folder(root / "data")
    shutil.copytree(root / "data", root / "copy")
    (root / "link").symlink_to(root / "data")
    bench_on(root / "data").run("infonce", 0, checkpoint=root / "out" / "checkpoint.pt")
    return root


@pytest.mark.parametrize(
    "spelling", ["data", "./data", "data/", "../{root}/data", "{absolute}", "link", "copy"]
)
def test_the_spelling_of_the_folder_does_not_matter(spelling, trained, monkeypatch):
    monkeypatch.chdir(trained)
    folder = spelling.format(root=trained.name, absolute=trained / "data")
    bench_on(folder).check_resume("infonce", 0, Path("out/checkpoint.pt"))


def test_nor_that_of_the_protocol(trained):
    bench_on(trained / "data", protocol="9k").check_resume("infonce", 0, trained / "out" / "checkpoint.pt")


def test_other_features_under_the_same_path_are_refused(trained):
    shutil.copytree(trained / "data", trained / "changed")
    path = trained / "changed-out" / "checkpoint.pt"
    bench_on(trained / "changed").run("infonce", 0, checkpoint=path)
    content = dict(np.load(trained / "changed" / "rgb.npz"))
    content["features"][:20] = content["features"][19::-1]
    np.savez(trained / "changed" / "rgb.npz", **content)
    with pytest.raises(DataError, match="found other train features of rgb;"):
        bench_on(trained / "changed").check_resume("infonce", 0, path)


def test_without_a_digest_the_folder_must_be_the_same(trained, monkeypatch):
    monkeypatch.chdir(trained)
    path = trained / "old" / "checkpoint.pt"
    path.parent.mkdir()
    shutil.copy(trained / "out" / "checkpoint.pt", path)
    forget_the_digest(path)
    with pytest.warns(UserWarning, match="holds no digest"):
        bench_on("link").check_resume("infonce", 0, path)
    with pytest.raises(DataError, match="found one on another folder, and no digest"):
        bench_on("copy").check_resume("infonce", 0, path)
    content = load_checkpoint(path)
    content["about"]["data_from_here"] = None
    torch.save(content, path)
    with pytest.raises(DataError, match="neither a digest of its data nor a way to its folder"):
        bench_on("data").check_resume("infonce", 0, path)
    del content["about"]["data_from_here"]
    content["about"]["data"] = "./data"  # as it was typed, before checkpoints said it from where they lie
    torch.save(content, path)
    with pytest.warns(UserWarning, match="holds no digest"):
        bench_on("data").check_resume("infonce", 0, path)
    with (
        pytest.warns(UserWarning, match="no digest"),
        pytest.raises(DataError, match="protocol = '1k-A', found"),
    ):
        bench_on("data", protocol="1k-A").check_resume("infonce", 0, path)


def test_where_the_data_lies_is_said_from_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = location_of("videos/msrvtt/", Path("runs/mine"))
    assert told == {"data": "msrvtt", "data_from_here": "../../videos/msrvtt"}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert data_of(told, tmp_path / "runs" / "mine" / "a.pt") == str(tmp_path / "videos" / "msrvtt")
    assert data_of(location_of("minivtt", tmp_path), tmp_path / "a.pt") == "minivtt"
    assert data_of(location_of("./minivtt", tmp_path), tmp_path / "a.pt") == str(
        tmp_path / "elsewhere" / "minivtt"
    )
    assert data_of({"data": "old/style"}, tmp_path / "a.pt") == "old/style"


def test_a_path_that_would_name_user_or_machine_is_not_kept(tmp_path, monkeypatch):
    home = tmp_path / "somebody"
    monkeypatch.setenv("HOME", str(home))
    kept = {"data": "msrvtt", "data_from_here": None}
    told = location_of(str(home / "msrvtt"), tmp_path / "scratch")
    assert told == kept
    with pytest.raises(DataError, match="where its data 'msrvtt' lies; name the folder with --data"):
        data_of(told, tmp_path / "scratch" / "a.pt")
    assert location_of(str(tmp_path / "another" / "msrvtt"), home / "runs") == kept
    assert location_of("/no_such_root/msrvtt", tmp_path / "scratch") == kept, (
        "all of the path from the root on"
    )
    assert location_of(str(home / "msrvtt"), home / "runs")["data_from_here"] == "../msrvtt"


def test_a_folder_that_takes_no_checkpoint_is_said_before_the_first_epoch(tmp_path):
    (tmp_path / "file").write_text("x")
    network = model()
    before = [weight.clone() for weight in network.parameters()]
    with pytest.raises(OSError, match="file: expected a folder that can be written to"):
        train_on(TRAIN, VALIDATION, tmp_path / "file" / "checkpoint.pt", network=network)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_batch_of_one_id_and_a_single_validation_video_are_said_before_training(tmp_path):
    train, validation = prepare_split(TRAIN, encode), prepare_split(VALIDATION, encode)
    network = model()
    before = [weight.clone() for weight in network.parameters()]
    with pytest.raises(ValueError, match="ids: epoch 1 has a batch of 8 videos that all have one id"):
        fit(network, InfoNCELoss(), train, config=CONFIG, ids=["same"] * 24, progress=False)
    almost = ["same"] * 22 + ["a", "b"]
    with pytest.raises(ValueError, match="ids: epoch 1 has a batch of 8 videos that all have one id"):
        fit(network, InfoNCELoss(), train, config=CONFIG, ids=almost, progress=False)
    alone = prepare_split(VALIDATION.subset(VALIDATION.video_ids[:1]), encode)
    with pytest.raises(ValueError, match="validation: expected at least 2 videos"):
        fit(network, InfoNCELoss(), train, alone, CONFIG, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    pairs = [f"twin{i // 2}" for i in range(24)]
    assert fit(network, InfoNCELoss(), train, validation, CONFIG, ids=pairs, progress=False).history


@pytest.mark.parametrize("texts", [["  "], [], ["red cat", "\n"]])
def test_a_text_without_words_is_refused_before_training(texts):
    name = TRAIN.video_ids[2]
    changed = {**TRAIN.captions, name: texts}
    with pytest.raises(ValueError, match=f"split 'train': expected texts with words .* for '{name}'"):
        prepare_split(replace(TRAIN, captions=changed), encode)
    if texts:
        with pytest.raises(ValueError, match="expected texts with words"):
            prepare_split(TRAIN, encode, texts=changed)
    else:  # a video that nobody asks for stays in the gallery
        assert name in prepare_split(TRAIN, encode, texts=changed).video_ids
