"""Distance to margin: values by loop, identities, clips, controls, and what goes wrong without care."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.margins import (
    REMOVED,
    affine_margin,
    combined_margin,
    exponential_margin,
    mask_margin,
    nearest_margin,
    off_diagonal,
    oracle_margin,
    permute_margin,
    threshold_margin,
    zscore_margin,
)
from tests.losses import slow_losses


def random_distances(n, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return cosine_distances(torch.randn(n, 6, generator=generator, dtype=dtype))


@pytest.mark.parametrize("n", [2, 3, 8, 17])
@pytest.mark.parametrize(("low", "high"), [(0.0, None), (None, None), (0.15, 0.22)])
@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("within", ["batch", "text", "video"])
@pytest.mark.parametrize("recentre", [False, True])
def test_zscore_equals_the_loop(n, low, high, with_ids, within, recentre):
    d = random_distances(n, seed=n)
    ids = [i // 2 for i in range(n)] if with_ids and n > 2 else None
    negatives = None if ids is None else torch.tensor([[a != b for b in ids] for a in ids])
    options = {"within": within, "recentre": recentre}
    fast = zscore_margin(d, 0.2, 0.1, min_margin=low, max_margin=high, negatives=negatives, **options)
    slow = slow_losses.zscore(d.tolist(), 0.2, 0.1, low, high, ids=ids, **options)
    torch.testing.assert_close(fast, torch.tensor(slow, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 8, 17])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("within", ["batch", "text", "video"])
def test_nearest_equals_the_loop(n, share, with_ids, within):
    d = random_distances(n, seed=n)
    ids = [i // 2 for i in range(n)] if with_ids and n > 2 else None
    negatives = None if ids is None else torch.tensor([[a != b for b in ids] for a in ids])
    fast = nearest_margin(d, 0.2, 0.1, share, negatives=negatives, within=within)
    slow = slow_losses.nearest(d.tolist(), 0.2, 0.1, share, ids=ids, within=within)
    torch.testing.assert_close(fast, torch.tensor(slow, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("within", ["batch", "text", "video"])
def test_several_distances_may_come_as_one_tensor(with_ids, within):
    several = [random_distances(7, seed) for seed in range(3)]
    negatives = torch.arange(7)[:, None] // 2 != torch.arange(7) // 2 if with_ids else None
    weights, options = [0.5, torch.tensor(0.3), 0.2], {"negatives": negatives, "within": within}
    stacked = torch.stack(several)
    before = stacked.clone()
    listed = combined_margin(several, weights, **options)
    torch.testing.assert_close(combined_margin(stacked, weights, **options), listed, rtol=0, atol=0)
    assert torch.equal(stacked, before)
    one = zscore_margin(several[0], **options)
    torch.testing.assert_close(combined_margin(several[:1], [1.0], **options), one, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="distances: expected a square"):
        combined_margin(several[0], [1.0] * 7)


def test_equal_distances_give_exactly_the_mean_margin():
    equal = [torch.full((6, 6), d).fill_diagonal_(0) for d in (0.3, 0.7)]
    assert torch.equal(combined_margin(equal, [0.4, 0.6]), torch.full((6, 6), 0.2))


def test_nearest_changes_no_more_than_its_share_and_only_downwards():
    d = random_distances(40)
    margin = off_diagonal(nearest_margin(d, 0.2, 0.1, nearest=0.1)).flatten()
    smaller = margin < 0.2
    assert 0.05 < smaller.double().mean().item() < 0.1  # distances are symmetric: pairs come in twos
    assert margin.max().item() == 0.2
    far = off_diagonal(d).flatten()[~smaller].min()
    assert bool((off_diagonal(d).flatten()[smaller] < far).all())
    zscored = zscore_margin(d, 0.2, 0.1, min_margin=None)
    everything = nearest_margin(d, 0.2, 0.1, nearest=1.0, min_margin=None)
    # All of the pairs: the z-score margin, shifted so that the farthest pair has alpha.
    shift = off_diagonal(zscored).max() - 0.2
    torch.testing.assert_close(off_diagonal(everything), off_diagonal(zscored) - shift)


def test_nearest_takes_a_batch_beyond_the_limit_of_torch_quantile():
    d = torch.rand(4100, 4100, generator=torch.Generator().manual_seed(0))
    assert (nearest_margin(d, 0.2, 0.1, nearest=0.1) < 0.2).float().mean().item() == pytest.approx(
        0.1, abs=1e-3
    )


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, math.nan])
def test_nearest_refuses_what_is_no_share(share):
    with pytest.raises(ValueError, match=r"nearest: expected a share in \(0, 1\]"):
        nearest_margin(torch.ones(2, 2), nearest=share)


def test_off_diagonal_takes_each_negative_pair_once():
    m = torch.arange(25.0).view(5, 5)
    expected = m[~torch.eye(5, dtype=torch.bool)]
    assert torch.equal(off_diagonal(m).flatten(), expected)
    assert torch.equal(off_diagonal(m.T).flatten(), m.T[~torch.eye(5, dtype=torch.bool)])


def test_statistics_leave_the_diagonal_out():
    # Pitfall 2: with the diagonal's zeros the spread of these distances is .18 instead of .05,
    # and margins are 3.6 times too flat.
    n, generator = 32, torch.Generator().manual_seed(0)
    d = 1 + 0.05 * torch.randn(n, n, generator=generator)
    d.fill_diagonal_(0)
    margin = zscore_margin(d, 0.2, 0.05, min_margin=None)
    assert off_diagonal(margin).mean().item() == pytest.approx(0.2, abs=1e-6)
    assert off_diagonal(margin).std(correction=0).item() == pytest.approx(0.05, rel=0.01)
    flat = 0.2 + 0.05 * (d - d.mean()) / d.std(correction=0)
    ratio = off_diagonal(margin).std() / off_diagonal(flat).std()
    assert ratio.item() == pytest.approx(3.6, abs=0.2)


@pytest.mark.parametrize(
    ("beta", "clamped", "mean"), [(1.0, 0.42, 0.507), (0.2, 0.16, 0.217), (0.1, 0.023, 0.201)]
)
def test_share_of_margins_clamped_to_zero(beta, clamped, mean):
    # Pitfall 3: for Gaussian distances a beta as large as the field's first guess clamps half of them.
    generator = torch.Generator().manual_seed(0)
    d = torch.randn(700, 700, generator=generator, dtype=torch.float64)
    values = off_diagonal(zscore_margin(d, 0.2, beta, recentre=False))
    assert (values == 0).double().mean().item() == pytest.approx(clamped, abs=0.005)
    assert values.mean().item() == pytest.approx(mean, abs=0.003)


@pytest.mark.parametrize("distance", [0.0, 0.7, 1.9])
def test_equal_distances_give_the_fixed_margin(distance):
    # Pitfall 7: neither NaN (no eps) nor noise (eps of 1e-8).
    margin = zscore_margin(torch.full((6, 6), distance), 0.2, 0.1)
    torch.testing.assert_close(margin, torch.full((6, 6), 0.2), rtol=0, atol=1e-4)


def test_rounding_noise_among_equal_distances_needs_the_default_eps():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 256, generator=generator).repeat(64, 1) * torch.rand(64, 1, generator=generator)
    noise = cosine_distances(x)
    assert off_diagonal(noise).std() > 0, "the float32 noise that this test is about"
    margin = zscore_margin(noise, 0.2, 0.05)
    assert (off_diagonal(margin) - 0.2).abs().max() < 1e-3
    assert (off_diagonal(zscore_margin(noise, 0.2, 0.05, eps=1e-8)) - 0.2).abs().max() > 0.03


def test_beta_zero_is_the_fixed_margin_exactly():
    assert torch.equal(
        zscore_margin(random_distances(5), 0.2, 0.0), torch.full((5, 5), 0.2, dtype=torch.float64)
    )


def test_margins_are_detached_unless_asked():
    d = random_distances(4).requires_grad_()
    for margin in (zscore_margin(d), affine_margin(d), exponential_margin(d), threshold_margin(d)):
        assert not margin.requires_grad
    for family in (zscore_margin, affine_margin, exponential_margin):
        margin = family(d, detach=False)
        (gradient,) = torch.autograd.grad(off_diagonal(margin)[0, 0], d)
        assert gradient[0, 1] != 0


def test_gradient_of_undetached_margins_against_finite_differences():
    d = random_distances(4).requires_grad_()
    for family in (zscore_margin, affine_margin, exponential_margin):
        assert torch.autograd.gradcheck(
            lambda x, family=family: family(x, 0.2, 0.1, min_margin=None, detach=False), d
        )


def test_gradient_at_equal_distances_is_finite():
    d = torch.full((4, 4), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(zscore_margin(d, detach=False).sum(), d)
    assert torch.isfinite(gradient).all()


def test_inputs_are_left_as_they_were():
    d = random_distances(5)
    before = d.clone()
    negatives = ~torch.eye(5, dtype=torch.bool)
    for family in (zscore_margin, affine_margin, exponential_margin, threshold_margin):
        family(d)
        family(d, negatives=negatives)
    oracle_margin(d)
    permute_margin(d)
    assert torch.equal(d, before)


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=30)
def test_zscore_ignores_scale_and_shift_of_the_distance(seed, scale, shift):
    d = random_distances(6, seed)
    plain, moved = zscore_margin(d, eps=0.0), zscore_margin(scale * d + shift, eps=0.0)
    torch.testing.assert_close(plain, moved, rtol=0, atol=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_a_larger_distance_never_gets_a_smaller_margin(seed):
    d = random_distances(6, seed)
    order = off_diagonal(d).flatten().argsort()
    for family in (zscore_margin, affine_margin, exponential_margin, threshold_margin):
        in_order = off_diagonal(family(d)).flatten()[order]
        assert (in_order.diff() >= -1e-12).all(), family.__name__
    reversed_margin = off_diagonal(zscore_margin(d, beta=-0.05)).flatten()[order]
    assert (reversed_margin.diff() <= 1e-12).all()


def test_affine_by_hand():
    d = torch.tensor([[0.0, 0.5, 1.0], [0.5, 0.0, 2.0], [1.0, 2.0, 0.0]])
    expected = torch.tensor([[0.1, 0.2, 0.3], [0.2, 0.1, 0.4], [0.3, 0.4, 0.1]])
    torch.testing.assert_close(affine_margin(d, 0.1, 0.2, max_margin=0.4), expected)


def test_exponential_by_hand_and_to_first_order():
    d = random_distances(6)
    z = zscore_margin(d, 0.0, 1.0, min_margin=None)
    expected = 0.2 * torch.exp(0.3 * z)
    expected.fill_diagonal_(0.2)
    torch.testing.assert_close(exponential_margin(d, 0.2, 0.3), expected)
    small = exponential_margin(d, 0.2, 1e-4)
    torch.testing.assert_close(small, zscore_margin(d, 0.2, 0.2e-4), rtol=0, atol=1e-7)
    assert (exponential_margin(d, 0.2, 5.0) > 0).all()


def test_threshold_and_mask_by_hand():
    d = torch.tensor([[0.0, 0.4], [0.6, 0.0]])
    assert threshold_margin(d, 0.2, 0.5, below=REMOVED)[0, 1] == -math.inf
    assert threshold_margin(d, 0.2, 0.4)[0, 1].item() == pytest.approx(0.2)
    mask = torch.tensor([[True, True], [False, False]])
    torch.testing.assert_close(mask_margin(mask), torch.tensor([[0.2, -math.inf], [0.2, 0.2]]))
    with pytest.raises(ValueError, match="false_negatives: expected a boolean"):
        mask_margin(mask.float())


def test_oracle_gives_relevant_pairs_the_smaller_margin():
    relevance = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    margin = oracle_margin(relevance, 0.2, 0.05)
    torch.testing.assert_close(margin, zscore_margin(1 - relevance, 0.2, 0.05))
    order = off_diagonal(relevance).flatten().argsort()
    assert (off_diagonal(margin).flatten()[order].diff() <= 1e-6).all()


def test_permuting_keeps_the_histogram_and_the_diagonal_and_moves_the_rest():
    margin = zscore_margin(random_distances(20), 0.2, 0.05)
    shuffled = permute_margin(margin, torch.Generator().manual_seed(3))
    assert torch.equal(shuffled.flatten().sort().values, margin.flatten().sort().values)
    assert torch.equal(shuffled.diagonal(), margin.diagonal())
    torch.testing.assert_close(shuffled, shuffled.T)  # an item stays an item: rows and columns go together
    assert not torch.equal(shuffled, margin)
    again = permute_margin(margin, torch.Generator().manual_seed(3))
    assert torch.equal(shuffled, again)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1), (0, 0)])
def test_bad_shapes_are_named(shape):
    for family in (zscore_margin, affine_margin, exponential_margin, threshold_margin):
        with pytest.raises(ValueError, match="distances: expected a square"):
            family(torch.zeros(shape))


def test_bad_negatives_are_named():
    d = random_distances(3)
    with pytest.raises(ValueError, match="negatives: expected a boolean"):
        zscore_margin(d, negatives=torch.ones(3, 3))
    with pytest.raises(ValueError, match="negatives: expected at least one"):
        zscore_margin(d, negatives=torch.zeros(3, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="square"):
        permute_margin(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="square"):
        off_diagonal(torch.zeros(2, 3))


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e3, 1e9])
@pytest.mark.parametrize("beta", [0.08, 0.12, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_centre_is_found_in_every_unit_of_the_similarity(unit, beta, dtype):
    d = -random_distances(60, seed=4, dtype=dtype).square()  # a long tail of near pairs: the bound is active
    margin = zscore_margin(d, 0.2 * unit, beta * unit)
    plain = zscore_margin(d, 0.2 * unit, beta * unit, recentre=False)
    assert not torch.equal(margin, plain)
    assert off_diagonal(margin).mean().item() == pytest.approx(0.2 * unit, rel=1e-6)
    torch.testing.assert_close(margin / unit, zscore_margin(d, 0.2, beta), rtol=1e-5, atol=1e-6)
