"""Every section of ``python -m benchmarks`` at a tiny size: what it measures is what it says."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, losses, memory, other_losses, page, steps
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment


@pytest.fixture(scope="module")
def bench():
    return Bench(Experiment(DataConfig(held_out=1700), {}))


def embeddings(n=12, dim=8):
    generator = torch.Generator().manual_seed(0)
    text, video = torch.nn.functional.normalize(torch.randn(2, n, dim, generator=generator), dim=-1)
    return text, video


def test_losses_are_held_against_their_own_products():
    rows = {row["name"]: row for row in losses.measure_size(12, 8, 1.0, ("plain", "blocks", "others"))}
    for name, row in rows.items():
        if "left_out" in row:
            assert name in other_losses.other_losses(12, 8)
            continue
        assert row["pairs"] == 12
        assert row["ms"] > 0
        adaptive = name.startswith("cmgsd") or name == "5 products"
        assert row["of"] == ("5 products" if adaptive else "3 products")
    assert rows["3 products"]["ratio"] == rows["5 products"]["ratio"] == 1.0
    assert {"fixed mean", "cmgsd summed smooth", "InfoNCE", "cmgsd averaged 4, blocks"} <= set(rows)


def test_plain_and_blocks_are_one_loss():
    plain, blocks, both = losses.plain_losses(1024), losses.losses_in_blocks(1024), embeddings()
    compared = [name for name in plain if f"{name}, blocks" in blocks]
    assert len(compared) == len(plain)
    for name in compared:
        torch.testing.assert_close(plain[name].loss(*both), blocks[f"{name}, blocks"].loss(*both))


@pytest.mark.parametrize("name", ["open_clip ClipLoss", "sentence-transformers multiple negatives"])
def test_infonce_of_others_is_ours(name):
    loss = other_losses.other_losses(12, 8)[name]
    if loss == other_losses.MISSING:
        pytest.skip(f"{name}: {loss}")
    text, video = embeddings()
    torch.testing.assert_close(loss(text, video), InfoNCELoss(0.05)(text @ video.T))


def test_infonce_of_pytorch_metric_learning_is_ours():
    text, video = embeddings()
    loss = other_losses.metric_learning(12)["pytorch-metric-learning NTXentLoss"]
    torch.testing.assert_close(loss(text, video), 2 * InfoNCELoss(0.05)(text @ video.T))
    triplets = other_losses.metric_learning(12)["pytorch-metric-learning TripletMarginLoss"]
    assert triplets(text, video) > 0


def test_what_is_too_large_or_missing_is_left_out_with_a_reason(monkeypatch):
    assert "GB" in other_losses.metric_learning(8192)["pytorch-metric-learning NTXentLoss"]
    monkeypatch.setattr(other_losses.importlib.util, "find_spec", lambda name: None)
    assert set(other_losses.other_losses(12, 8).values()) == {"not installed"}


def test_compiled_losses_are_the_plain_ones(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda loss, fullgraph: asked.append(fullgraph) or loss)
    plain = losses.plain_losses(1024)
    found = losses.compiled_losses(plain)
    assert list(found) == [f"{name}, compiled" for name in losses.COMPILED]
    assert asked == [True] * 4
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert set(losses.compiled_losses(plain).values()) == {"no C++ compiler on this machine"}


def test_steps_share_one_model_and_one_optimizer(bench):
    each = steps.trainers(bench, "hardest")
    assert len({id(trainer.model) for trainer in each.values()}) == 1
    assert len({id(trainer.optimizer) for trainer in each.values()}) == 1
    assert len(each) == 8


def test_no_loss_adds_to_the_model(bench):
    plain = {name: tuple(value.shape) for name, value in bench.build_model(0).state_dict().items()}
    for trainer in steps.trainers(bench, 4).values():
        trainer.step(*next(iter(trainer.batches(0))), 0.4)
        shapes = {name: tuple(value.shape) for name, value in trainer.model.state_dict().items()}
        assert shapes == plain
        assert not list(trainer.loss.parameters())


def test_steps_end_with_the_mean_over_the_ramp(bench):
    rows = steps.measure_backbone(bench, "hardest", budget=2.0)
    ratio = {row["name"]: row["ratio"] for row in rows}
    ramp = 0.2 * ratio["static"] + 0.4 * ratio["both"] + 0.4 * ratio["dynamic"]
    assert ratio["default ramp"] == pytest.approx(ramp, abs=1e-3)
    assert rows[0]["ms_above_fixed"] == 0


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="a peak of memory is read from /proc")
def test_memory_is_that_of_a_fresh_process():
    found = memory.measure(sizes=(3072,), dim=16, losses=("hardest",))
    plain, blocks = found["rows"]
    matrix = 4 * 3072**2 / 2**20
    assert plain["peak_mb"] > 2 * matrix > matrix > blocks["peak_mb"]
    assert "GB" in memory.in_a_fresh_process(10_000_000, 16, "hardest", "plain")["left_out"]


def test_gpu_section_computes_what_it_says(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda loss, fullgraph: loss)
    found = gpu.measure("cpu", small=12, large=24, budget=1.0)
    assert [row["name"] for row in found["arithmetic"]["rows"]] == ["5 products", "hardest", "mean", "smooth"]
    assert found["launches"]["rows"][0]["ms_above_fixed"] == 0
    assert torch.get_float32_matmul_precision() == "highest"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.measure() == {"left_out": "no GPU on this machine"}


def test_command_keeps_sections_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(command.SECTIONS, "losses", lambda _: {"dim": 8, "block": 4, "rows": rows()})
    monkeypatch.setitem(command.SECTIONS, "gpu", lambda _: {"left_out": "no GPU on this machine"})
    out = tmp_path / "benchmarks.json"
    command.main(["losses", "--out", str(out)])
    shown = capsys.readouterr().out
    assert "| InfoNCE (of 3) | 1.50 [1.40, 1.60] |" in shown
    assert "| another | left out: not installed |" in shown
    command.main(["gpu", "--json", "--out", str(out)])
    assert json.loads(capsys.readouterr().out)["gpu"]["left_out"] == "no GPU on this machine"
    assert {"schema", "losses", "gpu"} == set(json.loads(out.read_text()))
    with pytest.raises(SystemExit):
        command.main(["loses"])
    assert "expected some of losses, steps, memory, metrics, gpu, got loses" in capsys.readouterr().err


def rows():
    base = {"pairs": 12, "ms": 1.0, "ratio": 1.0, "rounds": 3, "quartiles": [1.0, 1.0]}
    return [
        {**base, "name": "3 products", "of": "3 products"},
        {**base, "name": "5 products", "of": "5 products"},
        {**base, "name": "InfoNCE", "of": "3 products", "ratio": 1.5, "quartiles": [1.4, 1.6]},
        {"pairs": 12, "name": "another", "left_out": "not installed"},
    ]


def test_page_is_that_of_the_committed_figures():
    results, twins = (json.loads(file.read_text()) for file in (page.RESULTS, page.TWINS))
    assert set(results) == {"schema", *command.SECTIONS}
    assert page.PAGE.read_text(encoding="utf-8") == page.text(results, twins)
