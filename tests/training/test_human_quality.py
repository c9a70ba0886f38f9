"""Teachers against people: readers of labels, the table's rows, and the command that prints them."""

import gzip
import json
import shutil
from functools import partial

import numpy as np
import pytest
import torch

from cmgsd_lite.cli import teacher_quality as job
from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.teacher_quality import markdown
from cmgsd_lite.course.results import load_result
from cmgsd_lite.data.human_labels import (
    read_captions_of_other_images,
    read_crisscrossed,
    read_eccv,
    read_msrvid,
)
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.teachers import Containment, DirectedEmbedding
from cmgsd_lite.training import human_quality as people_module
from cmgsd_lite.training.human_quality import human_quality, human_rows
from cmgsd_lite.training.teacher_quality import MEASURES
from cmgsd_lite.training.teacher_table import minivtt_rows

SHARES = ["0.25", "0.5", "1", "2", "4"]


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
    labels = {"11": [1, 3], "13": [2], "15": [3]}
    (tmp_path / "eccv_caption_to_image.json").write_text(json.dumps(labels))
    judged = ["caption,image,agg_score,sampling_method"]
    for caption, image, score, kind in (
        (11, 2, 0.3, "c2i_intrasim"),
        (12, 3, 4.5, "c2i_intrasim"),
        (12, 1, 4.9, "c2i_original"),
    ):
        judged.append(f"COCO_val2014:sentid:{caption},COCO_val2014_{image:012d}.jpg,{score},{kind}")
    with gzip.open(tmp_path / "cxc_sits_test.csv.gz", "wt") as file:
        file.write("\n".join(judged) + "\n")
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
    assert (images.anchors, images.positives) == ([0, 1, 2], [[2], [], []])
    flat = [text for captions in images.captions for text in captions]
    assert [flat[i] for i in images.texts] == ["a dog runs", "a plane lands", "a dog in the grass"]
    others = read_captions_of_other_images(labelled)
    assert (others.images, others.scores) == ([1, 2], [0.3, 4.5])
    assert [flat[i] for i in others.texts] == ["a dog runs", "a brown dog"]


def test_a_missing_file_is_named(tmp_path):
    for read in (read_msrvid, read_crisscrossed, read_eccv, read_captions_of_other_images):
        with pytest.raises(DataError, match="expected a file of captions with human labels"):
            read(tmp_path)


FILES_OF = {
    read_msrvid: ("stsb_main_captions.tsv",),
    read_crisscrossed: ("testall_caps.txt", "coco_test_ids.npy", "cxc_sts_test.csv.gz"),
    read_eccv: ("original_caption_to_image.json", "eccv_caption_to_image.json"),
    read_captions_of_other_images: ("cxc_sits_test.csv.gz",),
}
DAMAGES = {
    "cut": lambda raw: raw[: raw.find(b"a plane") if b"MSRvid" in raw else len(raw) // 2],
    "other bytes": lambda raw: b"\xff\x00\x80" + raw[::-1],
    "empty": lambda raw: b"",
    "nested": lambda raw: b"[" * 100_000,
    "other columns": lambda raw: gzip.compress(b"one,two\n1,2\n") if raw[:2] == b"\x1f\x8b" else b"[1, 2]",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    ("read", "name"), [(read, name) for read, names in FILES_OF.items() for name in names]
)
def test_a_damaged_file_of_labels_is_named(read, name, damage, labelled):
    path = labelled / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(DataError, match=name.split(".")[0]):
        read(labelled)


def test_labels_that_unpack_to_far_more_are_refused(labelled):
    (labelled / "cxc_sts_test.csv.gz").write_bytes(gzip.compress(bytes(10**8)))
    with pytest.raises(DataError, match=r"cxc_sts_test.csv.gz: .*CMGSD_LIMITS"):
        read_crisscrossed(labelled)


def test_teachers_are_measured_against_people(labelled, monkeypatch):
    monkeypatch.setattr(people_module, "MiniLMEncoder", missing)
    rows = {(row["data"], row["teacher"]): row for row in human_quality(labelled)}
    assert rows["MSRvid", "WordLlama"]["pairs"] == 3
    assert rows["MSRvid", "WordLlama"]["spearman"] == pytest.approx(1)
    # Jaccard of the stems: 1, 0 and 1/2 of (red, car | red, automobile) -> 1/3: the same order as people.
    assert rows["MSRvid", "shared words"]["auc"] == pytest.approx(1)
    assert rows["ECCV Caption", "WordLlama"]["auc"] == pytest.approx(1)
    assert rows["ECCV Caption", "WordLlama"]["pairs"] == 1


def test_rows_of_people_are_those_of_batches_and_of_pairs(labelled):
    rows = {row["name"]: row for row in human_rows(labelled, batches=2, size=3)}
    for row in rows.values():
        check_row(row)
        assert row["rate"] is None
    # One false negative: "a dog runs" is right for the image of the dog in the grass, nearer than the plane.
    ours = rows["directed (ECCV Caption)"]
    assert (ours["auc_text"], ours["auc_video"], ours["auc_batch"]) == (100, 100, 100)
    assert (ours["precision"]["1"], ours["recall"]["1"]) == (100, 100)
    pairs = rows["containment (CxC, caption and image)"]
    assert pairs["auc_batch"] == 100
    assert pairs["auc_text"] is pairs["auc_video"] is None
    assert set(pairs["precision"].values()) == set(pairs["recall"].values()) == {None}
    assert {"directed-embedding (MSRvid)", "containment (CxC, two images)"} <= set(rows)
    assert not any("video" in name.split(" (")[0] for name in rows), "no features, no row"


def test_too_few_labels_are_said(labelled):
    with pytest.raises(ValueError, match="size: expected at most 3, the labelled images, got 128"):
        human_rows(labelled)


def test_pairs_are_measured_one_by_one_in_any_chunk(labelled):
    captions = read_eccv(labelled).captions
    videos, texts = [0, 2, 1, 1, 0], [4, 0, 1, 2, 3]
    for teacher in (Containment.of(captions), DirectedEmbedding.of(captions, WordLlamaEncoder().encode)):
        by_hand = [
            teacher.distances(torch.tensor([v]), torch.tensor([t])).item()
            for v, t in zip(videos, texts, strict=True)
        ]
        for chunk in (2, 256):
            found = people_module._one_by_one(teacher, videos, texts, chunk)
            assert found == pytest.approx(by_hand, abs=1e-6)


def check_row(row):
    assert list(row) == ["name", "rate", "auc_text", "auc_video", "auc_batch", "precision", "recall"]
    for side in ("precision", "recall"):
        assert list(row[side]) == SHARES
    values = [row[name] for name in row if name.startswith("auc")]
    values += [*row["precision"].values(), *row["recall"].values()]
    assert all(value is None or 0 <= value <= 100 for value in values)


def missing():
    raise DataError("not installed")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(people_module, "MiniLMEncoder", missing)
    monkeypatch.setattr(job, "minivtt_rows", partial(minivtt_rows, ["default"]))
    monkeypatch.setattr(job, "human_rows", partial(human_rows, size=3))


def test_the_command_prints_a_table_and_writes_a_file(quick, labelled, tmp_path, capsys):
    out = tmp_path / "quality.json"
    words = ["--batches", "3", "--epochs", "1", "--data", str(labelled), "--out", str(out)]
    assert main(["teacher-quality", *words]) == 0
    content = json.loads(out.read_text())
    assert content["command"] == (
        "python -m cmgsd_lite teacher-quality --batches 3 --epochs 1 --out quality.json --data $CMGSD_DATA"
    )
    assert "minivtt" not in content
    rows = {row["name"]: row for row in content["rows"]}
    for row in rows.values():
        check_row(row)
    assert {
        "text",
        "video",
        "directed",
        "directed-embedding",
        "containment",
        "directed+video",
        "directed, video",
    } < set(rows)
    assert {"trained text", "trained video", "directed (ECCV Caption)"} < set(rows)
    # What the caption says, of all captions of a video, against the mean of all of both; features know least.
    areas = [rows[name]["auc_text"] for name in ("directed", "directed-embedding", "text", "video")]
    assert areas == sorted(areas, reverse=True)
    assert rows["directed"]["precision"]["1"] > 1.5 * rows["text"]["precision"]["1"]
    printed = capsys.readouterr().out.strip()
    assert printed == markdown(content)
    assert "a grammar" in printed
    assert "null" in printed


def test_json_is_the_rows_and_people_are_found_under_the_folder(
    quick, labelled, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(job, "minivtt_rows", lambda **_: [])
    inside = tmp_path / "data" / "captions_with_human_labels"
    inside.mkdir(parents=True)
    for path in labelled.iterdir():
        if path.is_file():
            shutil.copy(path, inside)
    found = []
    for folder in (inside, inside.parent):
        out = tmp_path / "deep" / "quality.json"
        words = ["--batches", "1", "--data", str(folder), "--json", "--out", str(out)]
        assert main(["teacher-quality", *words]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert list(printed) == ["rows"]
        assert printed["rows"] == json.loads(out.read_text())["rows"]
        assert str(tmp_path) not in out.read_text()
        found.append(printed)
    assert found[0] == found[1]


def test_all_adds_the_tables_of_chapter_05(labelled, tmp_path, capsys, monkeypatch, quick):
    monkeypatch.setattr(job, "minivtt_rows", lambda **_: [])
    out = tmp_path / "quality.json"
    words = ["--all", "--seeds", "1", "--epochs", "1", "--data", str(labelled), "--out", str(out)]
    assert main(["teacher-quality", *words]) == 0
    content = json.loads(out.read_text())
    assert content["seeds"] == [0]
    by_name = {(r["split"], r["model"], r["distance"]): r for r in content["minivtt"]}
    assert len(by_name) == 2 * (3 + 3 * 2)
    assert set(MEASURES) < set(by_name["train", None, "text-static"])
    # The mean over all captions of a clip knows a lot about it, the frozen features less.
    text, video = (by_name["train", None, f"{kind}-static"]["auc"]["mean"] for kind in ("text", "video"))
    assert text > video > 0.5
    assert {row["data"] for row in content["people"]} >= {"MSRvid", "ECCV Caption"}


def test_bad_input_gives_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(job, "minivtt_rows", lambda *_, **__: pytest.fail("measured"))
    (tmp_path / "file").write_text("x")
    for words, match in (
        (["--data", str(tmp_path)], "testall_caps.txt"),
        (["--out", str(tmp_path)], "expected to write a file of this name, found a folder"),
        (["--out", str(tmp_path / "file" / "a.json")], "expected a folder that can be written to"),
    ):
        assert main(["teacher-quality", *words]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert match in lines[-1]


def test_the_committed_file_says_how_it_was_made_and_holds_numbers_only():
    content = load_result("teacher-quality.json")
    assert content["command"].startswith("python -m cmgsd_lite teacher-quality --all --seeds 5")
    assert {"date", "seeds", "versions", "definitions"} <= set(content)
    assert {"MSRvid", "CxC, one image", "CxC, two images"} <= {row["data"] for row in content["people"]}
    for row in content["people"]:
        assert set(row) == {"data", "teacher", "pairs", "spearman", "auc"}
    for row in content["minivtt"]:
        assert 0 < row["auc"]["mean"] < 1
    assert {row["rate"] for row in content["rows"]} == {"low", "default", "high", None}
    for row in content["rows"]:
        check_row(row)
