"""The page on false negatives: groups by truth, the choice of examples, the figures, the files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.pages import TrainingTruth, rank_of, separation, write_truth_page
from cmgsd_lite.course.plots import distributions
from cmgsd_lite.course.plots.distributions import Example, plot_similarity_distributions, plot_truth_page
from cmgsd_lite.data.minivtt import clip, false_negatives
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.metrics import mean_average_precision_at_r
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.training.conditions import condition
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.scoring import score


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(Experiment(DataConfig(), {"fixed-4": condition("fixed-4")}))


@pytest.fixture(scope="module")
def truth(bench: Bench) -> TrainingTruth:
    return TrainingTruth(bench)


def test_groups_cover_all_pairs_and_follow_the_truth(bench: Bench, truth: TrainingTruth) -> None:
    train = bench.dataset.train
    first, row = [], 0
    for name in train.video_ids:
        first.append(row)
        row += len(train.captions[name])
    expected = false_negatives(train, range(len(train)), first)
    sim = np.arange(len(train) ** 2, dtype=np.float32).reshape(len(train), len(train))
    groups = truth.groups(sim)
    assert sum(map(len, groups.values())) == len(train) ** 2
    np.testing.assert_array_equal(groups["positives"], sim.diagonal())
    np.testing.assert_array_equal(groups["false negatives"], sim[expected])


def test_pushed_apart_are_true_pairs_with_the_largest_gap(truth: TrainingTruth) -> None:
    generator = np.random.default_rng(0)
    sim = generator.random(truth.true.shape, np.float32)
    chosen = truth.pushed_apart(sim, count=3)
    assert len({text for text, _ in chosen}) == len({video for _, video in chosen}) == 3
    gaps = [sim[text, text] - sim[text, video] for text, video in chosen]
    assert gaps == sorted(gaps, reverse=True)
    for text, video in chosen:
        assert text != video
        assert truth.true[text, video]
        assert truth.true[text, text]
    own = np.eye(len(sim), dtype=bool)
    specific = truth.true.mean(axis=1) < 0.02
    allowed = truth.true & ~own & (specific & truth.true.diagonal())[:, None]
    assert gaps[0] == max(sim[t, t] - sim[t, v] for t, v in zip(*np.nonzero(allowed), strict=True))


def test_separation_against_counting_pairs() -> None:
    generator = np.random.default_rng(1)
    false, true = generator.integers(0, 5, 30) / 5, generator.integers(0, 4, 40) / 5
    wins = sum((f > t) + 0.5 * (f == t) for f in false for t in true)
    measured = separation({"false negatives": false, "true negatives": true, "positives": false})
    assert measured == pytest.approx(100 * wins / (len(false) * len(true)))


def test_rank_of_one_video_in_the_order_of_one_text() -> None:
    sim = np.random.default_rng(2).random((3, 9), np.float32)
    for text in range(3):
        order = sorted(range(9), key=lambda video: -sim[text, video])
        assert [rank_of(sim, text, video) for video in order] == list(range(1, 10))


def test_on_the_embedded_data_relevant_means_true(bench: Bench) -> None:
    model = bench.build_model(0)
    metrics, _ = bench.measure(model)
    sim, truth = score(model, bench.prepared.test).numpy(), bench.relevance["truth"]
    expected = mean_average_precision_at_r(sim, truth, relevant_at=1.0)
    assert metrics["t2v"]["mAP@R"] == pytest.approx(expected)
    assert metrics["t2v"]["mAP@R"] != pytest.approx(mean_average_precision_at_r(sim, truth))


def test_page_is_written_whole(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    measured = write_truth_page(bench, {"fixed-4": bench.build_model(1)}, path)
    assert set(measured) == {"before training", "fixed-4"}
    assert set(measured["fixed-4"]) == {"positives", "false negatives", "true negatives", "separation"}
    assert measured["fixed-4"] != measured["before training"]
    assert Image.open(path).width > 600
    assert [file.name for file in tmp_path.iterdir()] == ["page.png"]


def test_every_clip_of_the_page_says_its_facets(bench: Bench, tmp_path: Path, monkeypatch) -> None:
    shown: list[Any] = []
    draw = distributions.plot_truth_page
    monkeypatch.setattr(distributions, "plot_truth_page", lambda *a: shown.extend(a[1]) or draw(*a))
    write_truth_page(bench, {"fixed-4": bench.build_model(1)}, tmp_path / "page.png")
    places = {clip(name).scene.place for name in bench.dataset.train.video_ids}
    assert shown
    for example in shown:
        assert {example.own_facets.splitlines()[-1], example.other_facets.splitlines()[-1]} <= places


def test_distributions_are_densities_and_errors_name_the_argument() -> None:
    ax = plot_similarity_distributions(
        {"positives": [0.4, 0.5, 0.6], "true negatives": [], "false negatives": [0.5]}
    )
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["positives", "false negatives"]
    for patch in ax.patches:
        values, edges, _ = patch.get_data()  # type: ignore[attr-defined]
        assert np.sum(values * np.diff(edges)) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"groups: .*negatives, got others"):
        plot_similarity_distributions({"others": [1.0]})
    with pytest.raises(ValueError, match="groups: expected at least one similarity"):
        plot_similarity_distributions({"positives": []})
    with pytest.raises(ValueError, match="panels"):
        plot_truth_page({}, [])
    plt.close("all")


def test_page_shows_caption_and_note() -> None:
    frame = np.zeros((8, 8, 3), np.uint8)
    figure = plot_truth_page(
        {"a": {"positives": [1.0]}}, [Example("a dog runs", frame, frame, "rank 7")], "note"
    )
    texts = [ax.get_title() for ax in figure.axes] + [ax.get_xlabel() for ax in figure.axes]
    assert "“a dog runs”" in texts
    assert "rank 7" in texts
    plt.close(figure)


def test_other_data_has_no_truth(bench: Bench) -> None:
    class Other:
        dataset = type("D", (), {"name": "msrvtt"})()

    with pytest.raises(DataError, match="msrvtt: expected the embedded data set"):
        TrainingTruth(Other())  # type: ignore[arg-type]


@pytest.mark.slow
def test_run_and_search_on_the_embedded_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [
        "run",
        "--conditions",
        "fixed-hardest,cmgsd-hardest",
        "--epochs",
        "2",
        "--seeds",
        "1",
        "--jobs",
        "1",
    ]
    assert main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert "false-negatives.png" in printed.err
    results = json.loads(printed.out)
    assert set(results["false_negatives"]) == {"before training", "fixed-hardest", "cmgsd-hardest"}
    folder = tmp_path / "runs" / "run-minivtt"
    assert {"false-negatives.png", "results.png", "training.png"} <= {file.name for file in folder.iterdir()}
    assert load_model(folder / "models" / "cmgsd-hardest-seed0.pt")[1]["condition"] == "cmgsd-hardest"
    assert main(["search", "a red cat jumping at night"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 5
    assert "|" in printed.out
    assert Image.open(tmp_path / "runs" / "search" / "contact-sheet.png").size == (512, 5 * 146)
