"""Teacher quality is measured as it is said to be: by hand, by slow loops and by scipy."""

import gzip
import json
import shutil

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu, spearmanr

from cmgsd_lite.cli import teacher_quality as job
from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.teacher_quality import markdown
from cmgsd_lite.course.results import load_result
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.data.human_labels import read_crisscrossed, read_eccv, read_msrvid
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.agreement import area_under_curve, batch_agreement, rank_correlation
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import human_quality as people_module
from cmgsd_lite.training.human_quality import human_quality
from cmgsd_lite.training.prepare import PreparedDataset, PreparedSplit
from cmgsd_lite.training.teacher_quality import (
    MEASURES,
    clip_relevance,
    draw_batches,
    four_distances,
    unscaled_teacher,
)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset()


@pytest.fixture(scope="module")
def prepared(dataset):
    return PreparedDataset.of(dataset, "protocol")


def small_split():
    features = {"rgb": torch.tensor([[[3.0, 4.0]], [[1.0, 0.0]], [[0.0, 2.0]]])}
    return PreparedSplit(
        ["a", "b", "c"],
        features,
        {"rgb": torch.ones(3, 1, dtype=torch.bool)},
        torch.eye(6),
        torch.tensor([0, 0, 1, 2, 2, 2]),
        torch.eye(3),
        features["rgb"][:, 0],
    )


def test_rank_correlation_is_that_of_scipy():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 5, 50)  # many ties
    y = x + generator.normal(size=50)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert rank_correlation([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)
    assert np.isnan(rank_correlation([1, 1], [1, 2]))


def test_area_is_the_share_of_pairs_in_the_right_order():
    near, far = [0.1, 0.5, 0.5], [0.5, 0.9, 0.2, 0.0]
    by_hand = np.mean([(n < f) + 0.5 * (n == f) for n in near for f in far])
    assert area_under_curve(near, far) == pytest.approx(by_hand)
    assert area_under_curve(near, far) == pytest.approx(mannwhitneyu(far, near).statistic / 12)
    assert np.isnan(area_under_curve([], far))


def test_numbers_are_checked():
    with pytest.raises(ValueError, match="x: expected numbers, got NaN"):
        rank_correlation([float("nan"), 1], [1, 2])
    with pytest.raises(ValueError, match="expected 2 >= 2 numbers like x, got 3"):
        rank_correlation([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"relevance: expected a square matrix like distances \[2, 2\]"):
        batch_agreement(np.zeros((2, 2)), np.zeros((3, 3)))


def test_agreement_leaves_the_diagonal_out():
    # Row 0: the false negative (1) is nearer than both others; row 1 has none; row 2: it is the farthest.
    d = np.array([[9, 1, 2, 3], [1, 9, 2, 3], [2, 5, 9, 4], [1, 1, 2, 9]])
    truth = np.array([[1, 1, 0, 0], [0, 1, 0, 0.5], [0, 1, 1, 0], [0, 0, 0, 0]])
    found = batch_agreement(d, truth)
    outside = ~np.eye(4, dtype=bool)
    assert found["auc_per_anchor"] == pytest.approx(0.5)
    assert found["auc"] == pytest.approx(area_under_curve([1, 5], [2, 3, 1, 2, 3, 2, 4, 1, 1, 2]))
    assert found["spearman"] == pytest.approx(spearmanr(-d[outside], truth[outside]).statistic)


def test_batches_are_drawn_as_in_training(prepared):
    one, two = draw_batches(prepared.train, 2, size=64, seed=3)
    assert len(set(one.videos.tolist())) == 64
    assert torch.equal(prepared.train.video_of_text[one.captions], one.videos)
    assert not torch.equal(one.videos, two.videos)
    assert torch.equal(draw_batches(prepared.train, 1, size=64, seed=3)[0].captions, one.captions)
    with pytest.raises(ValueError, match="size: expected at most 300"):
        draw_batches(prepared.validation, 1, size=301)


def test_distances_are_static_and_dynamic(prepared):
    model = build_model(ModelConfig("mean-pool", 256, {"appearance_mean": 128, "motion": 64})).train()
    (batch,) = draw_batches(prepared.train, 1, size=8)
    assert list(four_distances(prepared.train, batch)) == ["text-static", "video-static"]
    found = four_distances(prepared.train, batch, model)
    assert list(found) == ["text-static", "video-static", "text-dynamic", "video-dynamic"]
    again = four_distances(prepared.train, batch, model)
    assert torch.equal(found["text-dynamic"], again["text-dynamic"])  # no dropout
    assert model.training  # and the model is as it was
    teacher = prepared.train.text_teacher[batch.videos]
    cosine = torch.nn.functional.cosine_similarity(teacher[0], teacher[5], dim=0)
    assert found["text-static"][0, 5] == pytest.approx(1 - cosine.item(), abs=1e-5)


def test_clips_are_relevant_to_each_other_by_all_their_captions(dataset):
    videos = torch.tensor([5, 2, 9])
    found = clip_relevance(dataset.train, videos)
    part = dataset.train.subset([dataset.train.video_ids[i] for i in (5, 2, 9)])
    truth, counts = minivtt.relevance(part), [len(part.captions[name]) for name in part.video_ids]
    first, last = truth[: counts[0]], truth[counts[0] + counts[1] :]
    assert found[0, 2] == pytest.approx((first[:, 2].mean() + last[:, 0].mean()) / 2, abs=1e-6)
    assert torch.equal(found, found.T)


def test_the_unscaled_teacher_keeps_the_shape_of_its_experts():
    split = small_split()
    assert torch.allclose(unscaled_teacher(split), torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]]))


@pytest.fixture
def labelled(tmp_path):
    rows = [
        "train\tmain-captions\tMSRvid\t2012test\t0001\t5.000\ta dog runs\ta dog is running",
        "train\tmain-captions\tMSRvid\t2012test\t0002\t0.500\ta dog runs\ta plane lands",
        'dev\tmain-captions\tMSRvid\t2012test\t0003\t4.200\ta "red" car\ta red automobile',
        "train\tmain-captions\timages\t2014\t0004\t1.000\tno\tone",
    ]
    (tmp_path / "stsb_main_captions.tsv").write_text("\n".join(rows) + "\n")
    texts = ["a dog runs", "a brown dog", "a plane lands", "an airplane", "a dog in the grass"]
    (tmp_path / "testall_caps.txt").write_text("\n".join(texts) + "\n")
    np.save(tmp_path / "coco_test_ids.npy", np.array([11, 12, 13, 14, 15], np.uint64))
    pairs = ["caption1,caption2,agg_score,sampling_method"]
    for one, two, score, kind in (
        (11, 12, 4.1, "c2c_cocaption"),
        (11, 13, 0.2, "c2c_cocaption"),
        (11, 15, 3.0, "c2c_isim"),
        (13, 14, 4.9, "c2c_isim"),
    ):
        pairs.append(f"COCO_val2014:sentid:{one},COCO_val2014:sentid:{two},{score},{kind}")
    with gzip.open(tmp_path / "cxc_sts_test.csv.gz", "wt") as file:
        file.write("\n".join(pairs) + "\n")
    original = {"11": [1], "12": [1], "13": [2], "14": [2], "15": [3]}
    (tmp_path / "original_caption_to_image.json").write_text(json.dumps(original))
    (tmp_path / "eccv_caption_to_image.json").write_text(json.dumps({"11": [1, 3]}))
    return tmp_path


def test_labels_of_people_are_read(labelled):
    pairs = read_msrvid(labelled)
    assert pairs.scores == [5.0, 0.5, 4.2]
    assert pairs.second[1] == "a plane lands"
    assert pairs.first[2] == 'a "red" car'
    parts = read_crisscrossed(labelled)
    assert parts["c2c_isim"].second == ["a dog in the grass", "an airplane"]
    assert parts["c2c_cocaption"].scores == [4.1, 0.2]
    images = read_eccv(labelled)
    assert images.captions[0] == ["a dog runs", "a brown dog"]
    assert (images.anchors, images.positives) == ([0], [[2]])


def test_a_missing_file_is_named(tmp_path):
    for read in (read_msrvid, read_crisscrossed, read_eccv):
        with pytest.raises(DataError, match="expected a file of captions with human labels"):
            read(tmp_path)


def test_teachers_are_measured_against_people(labelled, monkeypatch):
    monkeypatch.setattr(people_module, "MiniLMEncoder", missing)
    rows = {(row["data"], row["teacher"]): row for row in human_quality(labelled)}
    assert rows["MSRvid", "WordLlama"]["pairs"] == 3
    assert rows["MSRvid", "WordLlama"]["spearman"] == pytest.approx(1)
    # Jaccard of the stems: 1, 0 and 1/2 of (red, car | red, automobile) -> 1/3: the same order as people.
    assert rows["MSRvid", "shared words"]["auc"] == pytest.approx(1)
    assert rows["ECCV Caption", "WordLlama"]["auc"] == pytest.approx(1)
    assert rows["ECCV Caption", "WordLlama"]["pairs"] == 1


def missing():
    raise DataError("not installed")


def test_the_command_writes_a_file_and_prints_its_tables(tmp_path, capsys):
    out = tmp_path / "quality.json"
    assert main(["teacher-quality", "--seeds", "1", "--epochs", "1", "--out", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["command"] == (
        "python -m cmgsd_lite teacher-quality --seeds 1 --epochs 1 --out quality.json"
    )
    assert content["seeds"] == [0]
    assert content["people"] == []
    by_name = {(r["split"], r["model"], r["distance"]): r for r in content["minivtt"]}
    assert len(by_name) == 2 * (3 + 3 * 2)
    assert set(MEASURES) < set(by_name["train", None, "text-static"])
    # The mean over all captions of a clip knows a lot about it, the frozen features less.
    text, video = (by_name["train", None, f"{kind}-static"]["auc"]["mean"] for kind in ("text", "video"))
    assert text > video > 0.5
    assert capsys.readouterr().out.strip() == markdown(content)


def test_people_are_found_under_the_folder_and_json_is_what_is_written(
    labelled, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(people_module, "MiniLMEncoder", missing)
    monkeypatch.setattr(job, "minivtt_quality", lambda seeds, epochs: [])
    inside = tmp_path / "data" / "captions_with_human_labels"
    inside.mkdir(parents=True)
    for path in labelled.iterdir():
        if path.is_file():
            shutil.copy(path, inside)
    found = []
    for folder in (inside, inside.parent):
        out = tmp_path / "deep" / "quality.json"
        words = ["--data", str(folder), "--json", "--out", str(out)]
        assert main(["teacher-quality", *words]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed == json.loads(out.read_text())
        assert str(tmp_path) not in out.read_text()
        found.append(printed["people"])
    assert found[0] == found[1]
    assert {row["data"] for row in found[0]} >= {"MSRvid", "ECCV Caption"}


def test_bad_input_gives_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(job, "minivtt_quality", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").write_text("x")
    for words, match in (
        (["--seeds", "0"], "--seeds: expected"),
        (["--epochs", "0"], "--epochs: expected"),
        (["--data", str(tmp_path)], "stsb_main_captions.tsv"),
        (["--out", str(tmp_path)], "--out: expected a file to write"),
        (["--out", str(tmp_path / "file" / "a.json")], "expected a folder that can be written to"),
    ):
        assert main(["teacher-quality", *words]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert match in lines[-1]


def test_the_committed_file_says_how_it_was_made_and_holds_numbers_only():
    content = load_result("teacher-quality.json")
    assert content["command"].startswith("python -m cmgsd_lite teacher-quality --seeds 5 --epochs 20")
    assert {"date", "seeds", "versions", "definitions"} <= set(content)
    assert {"MSRvid", "CxC, one image", "CxC, two images"} <= {row["data"] for row in content["people"]}
    for row in content["people"]:
        assert set(row) == {"data", "teacher", "pairs", "spearman", "auc"}
    for row in content["minivtt"]:
        assert 0 < row["auc"]["mean"] < 1
