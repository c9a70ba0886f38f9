"""The benchmark of the fast layout runs on a small size, and what it opens is what it wrote."""

from benchmarks import store


def test_a_small_size_is_measured():
    found = store.measure(videos=60, rounds=3)
    assert found["open"]["test_videos"] == 6
    assert min(found["open"]["cpu_s"], found["epoch_mapped_s"], found["epoch_memory_s"], found["ratio"]) > 0
    assert found["open"]["memory_mb"] < 200
