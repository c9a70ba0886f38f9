"""The benchmark of the metrics: it runs on small sizes, and its ratio is that of its two times."""

import pytest

from benchmarks import metrics_speed


@pytest.mark.parametrize("name", ["ranks", "relevance"])
def test_a_small_size_is_measured(name):
    found = metrics_speed.measure(name, (200, 100, 8), rounds=3)
    assert found["size"] == {"texts": 200, "videos": 100, "width": 8}
    assert len(found["ratios"]) == 3
    assert min(found["product_s"], found["metric_s"], found["ratio"]) > 0
    assert 0 <= found["memory_mb"] < 600
