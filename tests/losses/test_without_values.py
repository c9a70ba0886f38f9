"""No loss looks at a value where that costs: on the meta device, which has none, and in one graph."""

from contextlib import nullcontext

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from cmgsd_lite import baselines, losses
from tests.losses.every import BUILDERS, CMGSD_LIKE, batch

MORE = {
    "shared positives": lambda: losses.InfoNCELoss(positives="share"),
    "learnable temperature": lambda: losses.InfoNCELoss(learnable=True),
    "sigmoid, shared": lambda: losses.SigmoidLoss(positives="share"),
    "soft truth": lambda: baselines.SoftTargetLoss(targets="relevance"),
    "guided by a gap": lambda: baselines.GuidedMaskLoss(None, gap=0.3),
    "guided, relative": lambda: baselines.GuidedMaskLoss(None, relative=0.3),
    "mean margin, hinge": lambda: baselines.AdaptiveMeanMarginLoss(base="hinge"),
}
EVERY = {**BUILDERS, **MORE}
OTHERS = sorted(set(EVERY) - {build.__name__ for build in CMGSD_LIKE} - {"SelectedSourcesLoss"})
IDS = torch.tensor([0, 0, 1, 2, 3, 3, 4, 5])


def inputs(ids, device="cpu"):
    sim, given = batch(dtype=torch.float32)
    given |= {"ids": IDS if ids else None, "progress": torch.tensor(0.3)}
    moved = {
        name: {key: x.to(device) for key, x in value.items()} if isinstance(value, dict) else value
        for name, value in given.items()
    }
    return sim.to(device), {n: v.to(device) if isinstance(v, torch.Tensor) else v for n, v in moved.items()}


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_device_without_values_is_enough(name, ids, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it knows no device "meta"
    sim, given = inputs(ids, "meta")
    value = EVERY[name]().to("meta")(sim.requires_grad_(), **given)
    assert (value.shape, value.device.type, value.dtype) == ((), "meta", torch.float32)


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_one_graph_at_every_progress(name):
    """CMGSD's own are compiled in tests of theirs."""
    torch._dynamo.reset()
    loss, counter = EVERY[name](), CompileCounter()
    compiled = torch.compile(loss, fullgraph=True, backend=counter)
    sim, given = inputs(ids=True)
    for progress in (0.1, 0.3, 0.9):
        now = {**given, "progress": torch.tensor(progress)}
        scores = [sim.clone().requires_grad_() for _ in range(2)]
        values = [call(s, **now) for call, s in zip((compiled, loss), scores, strict=True)]
        torch.testing.assert_close(*values)
        torch.testing.assert_close(
            *(torch.autograd.grad(v, s)[0] for v, s in zip(values, scores, strict=True))
        )
    assert counter.frame_count == 1
