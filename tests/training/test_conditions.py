"""Named conditions: what the plain settings hand on to the loss that they build."""

import pytest

from cmgsd_lite.training.conditions import LossConfig


@pytest.mark.parametrize("kind", ["cmgsd", "permuted", "infonce-cmgsd", "infonce-permuted"])
def test_the_share_of_nearest_pairs_is_handed_on(kind):
    assert LossConfig(kind, nearest=0.1).build().nearest == 0.1
    assert LossConfig(kind).build().nearest is None


def test_random_margins_are_drawn_with_the_seed_of_the_run():
    hinge = LossConfig("random", margin=0.3, beta=0.1, reduction=4).build(seed=7)
    assert (hinge.margin, hinge.beta, hinge.seed, hinge.ranking.reduction) == (0.3, 0.1, 7, 4)
    contrast = LossConfig("infonce-random", beta=0.1, temperature=0.07).build(seed=7)
    assert (contrast.beta, contrast.seed, contrast.ranking.temperature) == (0.1, 7, 0.07)


def test_the_smooth_maximum_has_a_temperature_of_its_own():
    assert LossConfig("fixed", reduction="smooth", strength=0.06).build().temperature == 0.06
    assert LossConfig("fixed", reduction="smooth").build().temperature == 0.03
