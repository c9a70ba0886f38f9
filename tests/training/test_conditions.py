"""Named conditions: what the plain settings hand on to the loss that they build."""

import pytest

from cmgsd_lite.training.conditions import LossConfig


@pytest.mark.parametrize("kind", ["cmgsd", "permuted", "infonce-cmgsd", "infonce-permuted"])
def test_the_share_of_nearest_pairs_is_handed_on(kind):
    assert LossConfig(kind, nearest=0.1).build().nearest == 0.1
    assert LossConfig(kind).build().nearest is None
