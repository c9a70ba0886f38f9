"""Values per video against the plain metrics, and their file."""

import numpy as np
import pytest

from cmgsd_lite.errors import DataError
from cmgsd_lite.metrics import ndcg, retrieval_metrics
from study.values import VideoValues, measure


def problem():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(6), [1, 3, 2, 1, 1, 4])
    return rng.normal(size=(12, 6)), rng.random((12, 6)), owner


def test_measures_per_video_against_the_plain_metrics():
    sim, relevance, owner = problem()
    relevance[3] = 0
    metrics, values = measure(sim, owner, {"caption overlap": relevance, "category": relevance > 0.5})
    plain = retrieval_metrics(sim, owner, relevance)
    for name in ("R@1", "R@5", "R@10", "MdR", "MnR", "nDCG", "mAP@R"):
        assert metrics[name] == pytest.approx(plain["t2v"][name])
    for name in ("R@1", "R@5", "R@10", "MdR", "MnR", "nDCG"):
        assert metrics[f"{name} v2t"] == pytest.approx(plain["v2t"][name])
    by_category = retrieval_metrics(sim, owner, relevance > 0.5)["t2v"]
    assert metrics["nDCG (category)"] == pytest.approx(ndcg(sim, relevance > 0.5))
    assert metrics["mAP@R (category)"] == pytest.approx(by_category["mAP@R"])
    total, count = values.of("nDCG")
    assert count.tolist() == [1, 2, 2, 1, 1, 4]  # a query without a relevant video does not count
    assert total.sum() / count.sum() == pytest.approx(metrics["nDCG"])


def test_values_by_hand():
    # Two queries of video 0 (found first, found third), none of video 1, one of video 2 (found first).
    sim = np.array([[0.9, 0.1, 0.2], [0.1, 0.3, 0.2], [0.1, 0.2, 0.3]])
    metrics, values = measure(sim, np.array([0, 0, 2]), {})
    assert [list(part) for part in values.of("R@1")] == [[100.0, 0.0, 100.0], [2.0, 0.0, 1.0]]
    assert metrics["R@1"] == pytest.approx(200 / 3)
    assert [list(part) for part in values.of("R@1 v2t")] == [[100.0, 0.0, 100.0], [1.0, 0.0, 1.0]]
    assert (metrics["MdR"], metrics["MnR"]) == (1.0, pytest.approx(5 / 3))


def test_a_metric_that_no_query_has_is_left_out():
    sim, relevance, owner = problem()
    assert not [name for name in measure(sim, owner, {})[0] if "nDCG" in name or "mAP" in name]
    metrics, values = measure(sim, owner, {"caption overlap": relevance, "category": 0 * relevance})
    assert "nDCG" in metrics
    assert "nDCG (category)" not in metrics
    assert "nDCG (category)" not in values.names


def test_values_survive_the_file(tmp_path):
    values = VideoValues(
        ("R@1", "nDCG"), np.array([[1e5, 0.0], [70.5, 1.25]]), np.array([[70_000.0, 1.0]] * 2)
    )
    values.save(tmp_path / "v" / "a.npz")
    read = VideoValues.load(tmp_path / "v" / "a.npz")
    assert read.names == values.names
    assert read.means() == values.means()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: .*delete it and run again"):
        VideoValues.load(tmp_path / "a.npz")


def test_another_archive_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", names=np.array(["R@1"]))
    with pytest.raises(DataError, match=r"a\.npz: .*delete it and run again"):
        VideoValues.load(tmp_path / "a.npz")
