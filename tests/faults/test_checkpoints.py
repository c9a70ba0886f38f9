"""A checkpoint proves what it is: no byte flips unnoticed, nothing passes that a training did not write."""

import math
import os
import re
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.search import search_videos
from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_checkpoint, load_model, previous_of, save_checkpoint
from cmgsd_lite.training.prepare import prepare_split
from tests.training.test_loop import WORDS, encode, make_split

TRAIN = prepare_split(make_split(24), encode)
VALIDATION = prepare_split(make_split(6, seed=1, name="validation"), encode)
CONFIG = TrainingConfig(epochs=3, batch_size=8)
LONG = TrainingConfig(epochs=60, batch_size=8, patience=None)


def model(seed=0):
    settings = ModelConfig("mean-pool", len(WORDS), {"appearance": 10}, embed_dim=16, hidden_dim=32)
    return build_model(settings, seed)


def train(path, loss=None, resume=False, config=CONFIG):
    loss = loss or InfoNCELoss(learnable=True)
    return fit(model(), loss, TRAIN, VALIDATION, config, checkpoint=path, resume=resume, progress=False)


class Stopped(Exception):
    pass


def stopped_in(epoch, path):
    """A training that is cut off in the middle of an epoch (from 1)."""
    loss = InfoNCELoss(learnable=True)

    def hook(module, arguments, named):
        if named["progress"] >= (epoch - 0.5) / CONFIG.epochs:
            raise Stopped

    loss.register_forward_pre_hook(hook, with_kwargs=True)
    with pytest.raises(Stopped):
        train(path, loss)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The checkpoint of a training that has come to its end, and the one before."""
    path = tmp_path_factory.mktemp("whole") / "checkpoint.pt"
    train(path)
    return path


def weights_of(network):
    return torch.cat([weight.flatten() for weight in network.state_dict().values()])


@pytest.mark.parametrize("read", [load_checkpoint, load_model])
def test_a_byte_that_flips_is_noticed(read, whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / "checkpoint.pt"
    rng = np.random.default_rng(0)
    ends = [0, 1, *range(len(content) - 90, len(content))]  # the beginning, the index's end, the checksum
    for place in [*ends, *rng.integers(len(content), size=200 - len(ends))]:
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"checkpoint.pt: expected a checkpoint"):
            read(path)


def test_a_file_that_is_cut_off_or_longer_is_noticed(whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / "checkpoint.pt"
    for changed in (b"", content[:100], content[:-1], content[:-82], content + b"\0", content + content):
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"checkpoint.pt: expected a checkpoint"):
            load_checkpoint(path)


def test_the_same_training_gives_the_same_bytes_stopped_or_not(whole, tmp_path):
    train(tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == whole.read_bytes()
    stopped_in(2, tmp_path / "stopped.pt")
    resumed = train(tmp_path / "stopped.pt", resume=True)
    assert (tmp_path / "stopped.pt").read_bytes() == whole.read_bytes()
    assert all(record["seconds"] > 0 for record in resumed.history), "times are beside the file"


def test_a_damaged_newest_gives_way_to_the_one_before(whole, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(path)
    content = path.read_bytes()
    path.write_bytes(content[:2000] + b"x" + content[2001:])
    with pytest.warns(UserWarning, match=r"checksum .* taking the one before it, checkpoint.pt.previous"):
        assert len(load_checkpoint(path)["history"]) == 2
    with pytest.warns(UserWarning, match="the one before it"):
        train(path, resume=True)
    assert path.read_bytes() == content, "the last epoch is trained again"
    assert len(load_checkpoint(previous_of(path))["history"]) == 2, "the damaged file has not taken its place"
    for damaged in (path, previous_of(path)):
        damaged.write_bytes(b"")
    with pytest.raises(DataError, match=r"checkpoint.pt: expected a checkpoint, found a damaged or foreign"):
        train(path, resume=True)


def test_a_checkpoint_of_before_checksums_is_read_and_that_is_said(whole, tmp_path):
    path = tmp_path / "old.pt"
    torch.save(load_checkpoint(whole), path)
    with pytest.warns(UserWarning, match="old.pt: has no checksum"):
        content = load_checkpoint(path)
    assert content["history"] == load_checkpoint(whole)["history"]


def test_who_loses_its_checksum_is_not_an_older_file(whole, tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save(torch.load(whole, weights_only=True), path)
    with pytest.raises(DataError, match="found a file that has lost it"):
        load_checkpoint(path)


def test_what_was_read_does_not_change_with_its_file(whole, tmp_path):
    """With a seal or without: an older file's tensors lay in the file once, and ended the process."""
    for sealed in (True, False):
        path = tmp_path / "checkpoint.pt"
        shutil.copy(whole, path)
        if not sealed:
            torch.save({**load_checkpoint(whole), "format": 1}, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = load_checkpoint(path)["model"]
        before = {name: value.clone() for name, value in read.items()}
        path.write_bytes(b"")
        assert all(torch.equal(read[name], before[name]) for name in read)


def test_a_packed_archive_is_refused(whole, tmp_path):
    path = tmp_path / "packed.pt"
    torch.save({"format": 1, "zeros": torch.zeros(1_000_000)}, path)
    shutil.unpack_archive(path, tmp_path / "content", "zip")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "content")
    (tmp_path / "packed.zip").replace(path)
    with pytest.raises(DataError, match="found an archive that becomes larger"):
        load_checkpoint(path)


def put(*keys, value):
    """A change of one place in a checkpoint."""

    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value(content[keys[-1]]) if callable(value) else value

    return change


def drop(*keys):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def laughs():
    value = [1.0] * 10
    for _ in range(40):
        value = [value] * 10
    return value


WEIGHT, MOMENT = "text.0.weight", ("optimizer", "state", 0, "exp_avg")
BROKEN = {
    "no dictionary as model": (put("model", value=3), "int as 'model' instead of a dict"),
    "no dictionary as settings": (put("model_config", value=3), "int as 'model_config'"),
    "no dictionary as about": (put("about", value=3), "int as 'about'"),
    "no dictionary as optimizer": (put("optimizer", value=3), "int as 'optimizer'"),
    "no dictionary as state": (put("optimizer", "state", value=3), r"int as \"optimizer\['state'\]\""),
    "no dictionary as moments": (put("optimizer", "state", 0, value=3), r"int as .*\['state'\]\[0\]"),
    "no list as groups": (put("optimizer", "param_groups", value=3), "instead of a list"),
    "no dictionary as loss": (put("loss", value=3), "int as 'loss'"),
    "no dictionary as digest": (put("digest", value=3), "int as 'digest'"),
    "no dictionary as training": (put("training", value=3), "int as 'training'"),
    "no dictionary as best": (put("best", value=3), "int as 'best'"),
    "no list as history": (put("history", value=3), "int as 'history'"),
    "no dictionary as epoch": (put("history", value=[3]), "int as 'epoch 1'"),
    "another kind of model": (put("model_config", "kind", value="transformer"), "model with other entries"),
    "an unknown kind": (put("model_config", "kind", value="magic"), "settings of no model"),
    "a huge model": (put("model_config", "text_dim", value=65_536), "as model"),
    "many layers": (lambda c: c["model_config"].update(kind="transformer", layers=256), "more layers"),
    "too many layers": (put("model_config", "layers", value=10**9), "settings of no model"),
    "half a dimension": (put("model_config", "embed_dim", value=1.5), "settings of no model"),
    "an unknown setting": (put("model_config", "magic", value=1), "settings of no model"),
    "a weight too few": (drop("model", WEIGHT), "model with other entries"),
    "a weight of another shape": (put("model", WEIGHT, value=torch.zeros(3)), r"\[3\].* as model\["),
    "a weight of another type": (put("model", WEIGHT, value=torch.Tensor.double), "float64"),
    "a sparse weight": (put("model", WEIGHT, value=torch.Tensor.to_sparse), "sparse_coo"),
    "a weight that is none": (put("model", WEIGHT, value=1.0), "float as model"),
    "NaN in a weight": (put("model", WEIGHT, value=lambda w: w * math.nan), "NaN or infinity in model"),
    "a moment of another shape": (put(*MOMENT, value=torch.zeros(1)), r"exp_avg'\] instead of"),
    "an infinite moment": (put(*MOMENT, value=lambda m: m + math.inf), "NaN or infinity in optimizer"),
    "negative squares": (put("optimizer", "state", 0, "exp_avg_sq", value=torch.neg), "squares below 0"),
    "steps as a number": (put("optimizer", "state", 0, "step", value=3.0), "float as optimizer"),
    "a moment too many": (put("optimizer", "state", 0, "magic", value=3.0), "other entries"),
    "an optimizer of more": (put("optimizer", "state", 99, value={}), "instead of 9"),
    "a history that is too long": (put("training", "epochs", value=2), "3 epochs in a training of 2"),
    "no history": (put("history", value=[]), "a history of 0 epochs"),
    "epochs in disorder": (put("history", 0, "epoch", value=2), "not that of epoch 1"),
    "a loss that is NaN": (put("history", 1, "loss", value=math.nan), "nan in history"),
    "no training at all": (put("training", "batch_size", value=0), "settings of no training"),
    "best without a model": (drop("best", "model"), "NoneType as \"best"),
    "None as best": (put("best", "model", value=None), "NoneType as \"best"),
    "NaN as best score": (put("best", "score", value=math.nan), "nan as best score"),
    "infinity as best score": (put("best", "score", value=math.inf), "inf as best score"),
    "a text as best score": (put("best", "score", value="high"), "'high' as best score"),
    "an epoch that was not": (put("best", "epoch", value=4), "4 as best epoch instead of 1 to 3"),
    "a training without its best": (drop("best"), "a running training without best"),
    "a billion laughs": (put("about", "data", value=laughs()), "the same values in very many places"),
    "parameters of another loss": (put("loss", value={}), r"found one with \[\]"),
    "a loss of another shape": (put("loss", "log_scale", value=torch.zeros(2)), "as loss"),
    "a format that is a tensor": (put("format", value=torch.ones(2)), "found Tensor in place of format 1"),
    "another format": (put("format", value=9), "found 9 in place of format 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_no_training_wrote_is_one_clear_line(name, whole, tmp_path):
    change, said = BROKEN[name]
    content, path = load_checkpoint(whole), tmp_path / "checkpoint.pt"
    change(content)
    torch.save(content, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(DataError, match=said) as refused:
            train(path, resume=True)
    assert str(refused.value).startswith(f"{path}: expected ")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, "does not say where its data None lies"),
        ({"data": 3}, "a text or nothing as data, found 3"),
        ({"data": "videos", "data_from_here": ["x"]}, r"nothing as data_from_here, found \['x'\]"),
        ({"data": "minivtt"}, "expected names of experts, protocol and queries"),
        ({"data": "minivtt", "experts": [3]}, r"found \[3\], None and None"),
        ({"data": "minivtt", "experts": ["a"], "protocol": 3}, r"found \['a'\], 3 and None"),
    ],
)
@pytest.mark.parametrize("job", [["evaluate"], ["search", "a cat"]])
def test_a_checkpoint_that_does_not_say_what_its_data_is_is_one_line(job, about, said, tmp_path, capsys):
    save_checkpoint(tmp_path / "model.pt", model(), about)
    assert main([*job, "--checkpoint", str(tmp_path / "model.pt")]) == 2
    assert re.search(said, capsys.readouterr().err.splitlines()[-1])


def test_a_folder_is_told_which_file_may_be_meant(whole):
    with pytest.raises(DataError, match="found a folder; name a file in it, such as checkpoint.pt"):
        load_checkpoint(whole.parent)
    with pytest.raises(DataError, match="found a folder$"):
        load_checkpoint(whole.parent.parent)


@pytest.mark.parametrize("head", [b"", b"PK\x03\x04"])
def test_a_file_of_holes_is_not_read(head, tmp_path):
    path = tmp_path / "holes.pt"
    path.write_bytes(head)
    os.truncate(path, 4 * 10**9)
    with pytest.raises(DataError, match=r"holes.pt: expected a file that holds what it says"):
        load_checkpoint(path)


def doubled(depth):
    value = []
    for _ in range(depth):
        value = [value, value]
    return value


BOMBS = {
    "in the format": lambda whole: {"format": doubled(60)},
    "in the best epoch": lambda whole: {**whole, "best": {**whole["best"], "epoch": doubled(60)}},
    "as an extra key": lambda whole: {**whole, "more": doubled(60)},
    "as a bytearray": lambda whole: {**whole, "more": bytearray(100)},
    "a nested tensor": lambda whole: {
        **whole,
        "model": dict.fromkeys(whole["model"], torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])),
    },
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_would_be_walked_through_for_years_is_refused_at_once(bomb, whole, tmp_path):
    path = tmp_path / "bomb.pt"
    torch.save(BOMBS[bomb](load_checkpoint(whole)), path)
    with pytest.raises(DataError, match="bomb.pt: expected a checkpoint, found "):
        load_checkpoint(path)


def test_tuples_in_tuples_as_keys_are_not_hashed(whole, tmp_path):
    """What is hashed while torch reads can not be looked at afterwards."""
    path = tmp_path / "bomb.pt"
    nested = b")q\0" + b"h\0h\0\x86q\0" * 45
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}(" + nested + b"K\x01u.")
        archive.writestr("archive/version", b"3\n")
    with pytest.raises(DataError, match="the same values in very many places"):
        load_checkpoint(path)


def test_a_large_foreign_file_is_not_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "foreign.pt"
    torch.save({"state_dict": torch.zeros(1000)}, path)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("read whole"))
    with pytest.raises(DataError, match="expected a checkpoint, found None in place of format 1"):
        load_checkpoint(path)


def test_the_memory_of_a_tensor_is_its_own(whole, tmp_path):
    content, path = load_checkpoint(whole), tmp_path / "checkpoint.pt"
    shape = content["model"][WEIGHT].shape
    content["model"][WEIGHT] = torch.zeros(()).expand(shape)
    content["optimizer"]["state"][0]["exp_avg_sq"] = torch.zeros(()).expand(shape)
    torch.save(content, path)
    with pytest.warns(UserWarning, match="has no checksum"):
        read = load_checkpoint(path)
    assert read["model"][WEIGHT].is_contiguous()
    with pytest.warns(UserWarning, match="has no checksum"):
        train(path, resume=True)  # AdamW's fused kernel writes into both


def test_the_optimizer_keeps_its_own_settings(whole, tmp_path):
    stopped_in(2, tmp_path / "stopped.pt")
    content = load_checkpoint(tmp_path / "stopped.pt")
    for group in content["optimizer"]["param_groups"]:
        group |= {"weight_decay": 100.0, "betas": (0.0, 0.0), "lr": 100.0, "maximize": True, "params": [5]}
    torch.save(content, tmp_path / "stopped.pt")
    with pytest.warns(UserWarning, match="has no checksum"):
        resumed = train(tmp_path / "stopped.pt", resume=True)
    assert torch.equal(weights_of(resumed.model), weights_of(load_model(whole)[0]))


def test_a_model_that_is_not_finite_is_not_written(tmp_path):
    network, path = model(), tmp_path / "model.pt"
    save_checkpoint(path, network, {})
    before = path.read_bytes()
    with torch.no_grad():
        network.state_dict()[WEIGHT][0, 0] = math.nan
    with pytest.raises(ValueError, match=re.escape(f"NaN or infinity in {WEIGHT}")):
        save_checkpoint(path, network, {})
    assert path.read_bytes() == before


def test_search_refuses_scores_that_are_no_numbers():
    split = make_split(4)
    network = build_model(ModelConfig("mean-pool", 256, {"appearance": 10}, embed_dim=16, hidden_dim=32))
    assert len(search_videos(network, split, "a cat", top=2)) == 2
    with torch.no_grad():
        for weight in network.video.parameters() if hasattr(network, "video") else network.parameters():
            weight.mul_(math.nan)
    with pytest.raises(ValueError, match="finite"):
        search_videos(network, split, "a cat")
