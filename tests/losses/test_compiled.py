"""One graph, no waiting: every loss compiles whole, is not compiled anew as training goes on, and looks at no
value where looking would make an accelerator wait (the meta device has no values to look at)."""

import pytest
import torch

from cmgsd_lite import baselines, losses
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.similarity import cosine_similarity_matrix
from cmgsd_lite.validation import validating
from tests.losses.every import BUILDERS, batch

ALL = sorted(BUILDERS)
VARIANTS = {
    **BUILDERS,
    "shared positives": lambda: InfoNCELoss(positives="share"),
    "learnable temperature": lambda: InfoNCELoss(learnable=True),
    "sigmoid, shared": lambda: losses.SigmoidLoss(positives="share"),
    "soft truth": lambda: baselines.SoftTargetLoss(targets="relevance"),
    "guided by a gap": lambda: baselines.GuidedMaskLoss(None, gap=0.3),
    "guided, relative": lambda: baselines.GuidedMaskLoss(None, relative=0.3),
    "mean margin, hinge": lambda: baselines.AdaptiveMeanMarginLoss(base="hinge"),
    **{f"ranking {r}": lambda r=r: MaxMarginRankingLoss(reduction=r) for r in ("mean", "sum", "smooth", 3)},
    **{
        f"cmgsd {settings}": lambda settings=settings: CMGSDLoss(**settings)
        for settings in (
            {"reduction": "mean", "form": "summed"},
            {"reduction": 3, "within": "anchor"},
            {"reduction": "smooth", "scale": "each", "fixed_weight": 0.2},
            {"nearest": 0.2},
            {"beta": 0.3},
            {"beta": 0.3, "max_margin": 0.25, "within": "anchor"},
            {"schedule": "static"},
            {"fixed_weight": 1.0},
        )
    },
}


def inputs(dtype=torch.float32):
    sim, given = batch(dtype=dtype)
    return sim, {**given, "ids": torch.tensor([1, 1, 2, 3, 4, 5, 6, 7])}


def compiled(loss):
    """The loss as one graph, and a list that grows with every compilation."""
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    return torch.compile(loss, fullgraph=True, backend=backend), graphs


PLAIN = ("CMGSDLoss", "PermutedCMGSDLoss", "MaxMarginRankingLoss", "InfoNCELoss")


@pytest.mark.parametrize(
    ("name", "with_ids"), [*((name, True) for name in VARIANTS), *((name, False) for name in PLAIN)]
)
def test_every_loss_is_one_graph_that_progress_does_not_compile_anew(name, with_ids):
    loss = VARIANTS[name]()
    graph, compilations = compiled(loss)
    sim, given = inputs()
    given["ids"] = given["ids"] if with_ids else None
    for progress in (0.0, 0.3, 1.0):
        now = {**given, "progress": torch.tensor(progress)}
        found = []
        for call in (graph, loss):
            value = call(scores := sim.clone().requires_grad_(), **now)
            found.append((value, torch.autograd.grad(value, scores)[0]))
        torch.testing.assert_close(*found, rtol=1e-5, atol=2e-6)
    assert len(compilations) == 1
    if name in PLAIN and with_ids:
        # As a number: torch takes the first value for a constant, and compiles once more at the second.
        for progress in (0.05, 0.15, 0.35, 0.55):
            graph(sim, **{**given, "progress": progress})
        assert len(compilations) <= 3


@pytest.mark.parametrize("as_tensor", [True, False])
@pytest.mark.parametrize("name", list(VARIANTS))
def test_no_loss_looks_at_a_value_where_that_costs_a_wait(name, as_tensor):
    sim, given = inputs()
    given["ids"] = given["ids"] if as_tensor else None
    moved = {
        key: {k: d.to("meta") for k, d in value.items()} if key == "distances" else value
        for key, value in given.items()
    }
    moved |= {key: value.to("meta") for key, value in given.items() if isinstance(value, torch.Tensor)}
    moved["progress"] = torch.tensor(0.3, device="meta") if as_tensor else 0.3
    value = VARIANTS[name]().to("meta")(sim.to("meta").requires_grad_(), **moved)
    assert value.shape == ()
    assert value.device.type == "meta"
    value.backward()


@pytest.mark.parametrize("name", ALL)
def test_shapes_are_checked_everywhere(name):
    loss = BUILDERS[name]()
    with pytest.raises(ValueError, match="sim: expected a square matrix"):
        loss(torch.zeros(2, 3, device="meta"))


def test_values_are_checked_inside_the_block_that_asks_for_it():
    sim, given = inputs()
    sim[0, 1] = torch.nan
    with pytest.raises(ValueError, match="sim: expected finite"), validating():
        CMGSDLoss()(sim, **given)
    with pytest.raises(ValueError, match="sim: expected finite"):
        CMGSDLoss()(sim, **given, validate=True)
    graph, _ = compiled(InfoNCELoss())
    assert graph(sim, validate=True).isnan()  # a graph does not stop


def test_cosines_are_taken_where_no_scores_are_given():
    _, given = inputs()
    for name in losses.__all__:
        if name.endswith("Loss"):
            loss = getattr(losses, name)()
            sim = cosine_similarity_matrix(given["text"], given["video"])
            torch.testing.assert_close(loss(**given), loss(sim, **given))
    with pytest.raises(ValueError, match="sim: expected similarities"):
        InfoNCELoss()(text=given["text"])


def test_ids_on_another_device_are_refused():
    sim, _ = inputs()
    with pytest.raises(ValueError, match="ids: expected on cpu like sim, got meta"):
        InfoNCELoss()(sim, ids=torch.zeros(8, dtype=torch.long, device="meta"))
