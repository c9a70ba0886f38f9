"""Maxima of rows and columns whose gradient touches few entries: that of amax, ties included."""

import pytest
import torch

from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.losses.maxima import maxima


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 40)])
@pytest.mark.parametrize("levels", [2, 1000])
def test_values_and_gradients_are_those_of_amax(shape, levels):
    generator = torch.Generator().manual_seed(levels)
    matrix = torch.randint(levels, shape, generator=generator).double().requires_grad_()
    weights = [torch.rand(size, generator=generator, dtype=torch.float64) for size in shape]
    found = []
    for rows, columns in (maxima(matrix), (matrix.amax(dim=1), matrix.amax(dim=0))):
        total = (rows * weights[0]).sum() + (columns * weights[1]).sum()
        found.append((rows, columns, torch.autograd.grad(total, matrix)[0]))
    torch.testing.assert_close(*found, rtol=0, atol=1e-15)


def test_one_of_both_maxima_may_be_unused():
    matrix = torch.rand(4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    maxima(matrix)[1].sum().backward()
    assert int((matrix.grad == 1).sum()) == 4


def test_torch_func_takes_the_gradient_too():
    sim = torch.rand(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    loss = MaxMarginRankingLoss(0.2, "hardest")
    by_function = torch.func.grad(lambda s: loss(s))(sim)
    loss(sim.requires_grad_()).backward()
    torch.testing.assert_close(by_function, sim.grad)
