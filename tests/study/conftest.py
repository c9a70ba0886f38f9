"""A plan so small that the whole study runs in seconds: few videos, two values of each knob, few seeds."""

from dataclasses import replace

import pytest

from study import benches, plan, quality
from study.run import read_lines, run_study
from study.runs import wanted
from study.store import Store, pack

SMALL = {"choose": (0, 1), "repeat": (2,), "confirm": (3, 4, 5), "factors": (6, 7), "a/a": (), "frames": ()}


@pytest.fixture(scope="module")
def patched():
    """The plan in small; back to what it was afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAIN", ("minivtt",))
        patch.setattr(plan, "SEEDS", SMALL)
        patch.setattr(plan, "GRIDS", {name: values[1:3] for name, values in plan.GRIDS.items()})
        patch.setattr(plan, "EPOCHS", {"minivtt": 1})
        patch.setattr(plan, "BATCHES", {32: 1, 64: 1})
        patch.setattr(plan, "BATCH", 64)
        patch.setattr(plan, "NOISES", (0.0, 2.0))
        patch.setattr(quality, "BATCHES", 2)
        whole, ids = benches.DataConfig.load, benches.held_out

        def small(config):
            dataset = whole(config)
            splits = {
                name: getattr(dataset, name).subset(getattr(dataset, name).video_ids[:count])
                for name, count in (("train", 400), ("validation", 20), ("test", 40))
            }
            return replace(dataset, **splits)

        kept = {f"video{i}" for i in range(400)}
        patch.setattr(benches.DataConfig, "load", small)
        patch.setattr(benches, "held_out", lambda name: tuple([v for v in x if v in kept] for x in ids(name)))
        yield


@pytest.fixture(scope="module")
def finished(patched, tmp_path_factory):
    """The folder of a small study that has been run to its end, with its runs."""
    out = tmp_path_factory.mktemp("study")
    runs = {}
    assert run_study(out / "runs.jsonl", out / "values", runs, minutes=10, jobs=1) == 0
    assert pack(runs, out / "values", out) == []
    assert read_lines(out / "runs.jsonl") == runs
    assert [run.key for run in wanted(runs) if run.key not in runs] == []
    return out, runs


@pytest.fixture(scope="module")
def store(finished):
    return Store(finished[0])
