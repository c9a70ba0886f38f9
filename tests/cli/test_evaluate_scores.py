"""``evaluate --sim``: a matrix of scores from any kind of file, measured as the functions measure it."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cmgsd_lite.cli.main import main
from cmgsd_lite.metrics import multi_instance_metrics, random_floor, retrieval_metrics


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["evaluate", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def scores(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def write(name, array):
    """A file of the kind that its name says."""
    kind = name.rsplit(".", 1)[1]
    if kind == "npy":
        np.save(name, array)
    elif kind == "npz":
        np.savez(name, sim=array, other=np.zeros(3))
    elif kind == "pt":
        torch.save({"sim": torch.from_numpy(array)}, name)
    elif kind == "safetensors":
        save_file({"any": torch.from_numpy(array)}, name)
    else:
        np.savetxt(name, array, delimiter={"csv": ",", "tsv": "\t", "txt": " "}[kind], fmt="%.9g")


@pytest.mark.parametrize("kind", ["npy", "npz", "pt", "safetensors", "csv", "tsv", "txt"])
def test_every_kind_of_file_gives_the_same(run, kind):
    write(f"mine.{kind}", scores(6, 6))
    code, out, err = run("--sim", f"mine.{kind}", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["sim"] == f"mine.{kind}"
    assert {key: found[key] for key in ("t2v", "v2t")} == retrieval_metrics(scores(6, 6))
    assert "random_floor" not in found


def test_relevance_with_its_floor_in_both_directions(run, tmp_path):
    sim, own = scores(9, 4), np.arange(9) % 3  # one video has no caption
    relevance = np.random.default_rng(1).integers(0, 5, (9, 4)) / 4
    relevance[np.arange(9), own] = 1
    write("sim.npy", sim), write("relevance.csv", relevance)
    (tmp_path / "own.txt").write_text("\n".join(map(str, own)))
    arguments = ("--sim", "sim.npy", "--relevance", "relevance.csv", "--video-of-text", "own.txt")
    code, out, _ = run(*arguments, "--json", "--out", "here")
    assert code == 0
    found = json.loads(out)
    assert json.loads((tmp_path / "here" / "metrics.json").read_text()) == found
    assert {key: found[key] for key in ("t2v", "v2t")} == retrieval_metrics(sim, own, relevance)
    assert found["random_floor"]["t2v"] == pytest.approx(random_floor(relevance))
    assert found["random_floor"]["v2t"] == pytest.approx(random_floor(relevance.T[:3]))
    assert found["multi_instance"] == multi_instance_metrics(sim, relevance)
    code, out, _ = run(*arguments)
    assert f"nDCG of a random ranking: t2v {random_floor(relevance):.1f}" in out
    assert "R@10" in out
    assert "EPIC-KITCHENS-100" in out


def test_without_own_videos_the_relevance_metrics_stand_alone(run):
    sim, relevance = scores(5, 8), np.random.default_rng(2).random((5, 8))
    write("sim.npy", sim), write("relevance.npy", relevance)
    code, out, _ = run("--sim", "sim.npy", "--relevance", "relevance.npy", "--json")
    assert code == 0
    found = json.loads(out)
    assert list(found["t2v"]) == list(found["v2t"]) == ["nDCG", "nDCG@10", "mAP@R", "R-Precision"]
    assert "multi_instance" not in found  # nothing has relevance 1


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8])
def test_other_types(run, dtype):
    sim = (4 * scores(6, 6)).astype(dtype)
    write("sim.npy", sim)
    assert json.loads(run("--sim", "sim.npy", "--json")[1])["t2v"] == retrieval_metrics(sim)["t2v"]
    torch.save(torch.from_numpy(sim).to(torch.bfloat16), "half.pt")
    assert run("--sim", "half.pt")[0] == 0


def test_a_large_file_stays_on_the_disk(run, monkeypatch):
    write("sim.npy", scores(6, 6))
    load, modes = np.load, []
    monkeypatch.setattr(np, "load", lambda *a, **k: modes.append(k.get("mmap_mode")) or load(*a, **k))
    assert run("--sim", "sim.npy")[0] == 0
    assert modes == ["r"]


def nan(array):
    array[1, 1] = np.nan
    return array


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, ["--sim", "none.npy"], "none.npy: expected a file, found none"),
        ({}, ["--sim", "."], ".: expected a file, found a folder"),
        ({"sim.json": b"[]"}, ["--sim", "sim.json"], "sim.json: expected .npy"),
        ({"sim.npy": b"not an array"}, ["--sim", "sim.npy"], "sim.npy: expected a whole .npy"),
        ({"sim.npy": b""}, ["--sim", "sim.npy"], "an empty one"),
        ({"sim.npz": b"PK"}, ["--sim", "sim.npz"], "sim.npz: expected a whole .npz"),
        ({"sim.pt": pickle.dumps(print)}, ["--sim", "sim.pt"], "never loaded"),
        ({"sim.npy": np.array([[None, 1], [2, 3]])}, ["--sim", "sim.npy"], "a whole .npy of plain numbers"),
        ({"sim.npy": np.array([["a"]])}, ["--sim", "sim.npy"], "expected an array of numbers"),
        ({"sim.csv": b"id,a\nx,1\n"}, ["--sim", "sim.csv"], "no header and no ids"),
        ({"sim.csv": b"1,2\n3\n"}, ["--sim", "sim.csv"], "sim.csv: expected numbers alone"),
        ({"sim.npy": nan(scores(3, 3))}, ["--sim", "sim.npy"], "sim.npy: sim: expected finite numbers"),
        ({"sim.npy": scores(3)}, ["--sim", "sim.npy"], "expected a matrix with rows and columns"),
        ({"sim.npy": scores(3, 4)}, ["--sim", "sim.npy"], "expected a square matrix, or --video-of-text"),
        (
            {"sim.npy": scores(3, 4), "own.npy": np.arange(4)},
            ["--sim", "sim.npy", "--video-of-text", "own.npy"],
            "seems to be transposed",
        ),
        (
            {"sim.npy": scores(3, 4), "own.npy": np.array([0, 1.5, 2])},
            ["--sim", "sim.npy", "--video-of-text", "own.npy"],
            "expected 3 whole numbers",
        ),
        (
            {"sim.npy": scores(3, 4), "own.npy": np.array([0, 1, 4])},
            ["--sim", "sim.npy", "--video-of-text", "own.npy"],
            "0 to 3, got 0 to 4",
        ),
        (
            {"sim.npy": scores(3, 4), "relevance.npy": np.ones((4, 3))},
            ["--sim", "sim.npy", "--relevance", "relevance.npy"],
            "transpose one of the two",
        ),
        (
            {"sim.npy": scores(3, 3), "relevance.npy": -np.ones((3, 3))},
            ["--sim", "sim.npy", "--relevance", "relevance.npy"],
            "relevance: expected numbers >= 0",
        ),
        ({"sim.npy": scores(3, 3)}, ["--sim", "sim.npy", "--data", "x"], "expected with --checkpoint"),
        ({}, ["--checkpoint", "x.pt", "--relevance", "y.npy"], "expected with --sim"),
    ],
)  # fmt: skip
def test_bad_files_are_one_line(run, tmp_path, files, arguments, message):
    for name, content in files.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            np.save(name, content)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_several_arrays_want_a_name(run):
    np.savez("two.npz", a=scores(3, 3), b=scores(3, 3))
    assert "one called sim, found a, b" in run("--sim", "two.npz")[2]


@pytest.mark.parametrize("arguments", [[], ["--sim", "a.npy", "--checkpoint", "b.pt"]])
def test_exactly_one_thing_is_measured(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *arguments])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
