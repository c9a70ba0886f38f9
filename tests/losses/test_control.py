"""The permuted control is a function of its call: recomputed, resumed or looked at, it shuffles the same."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from cmgsd_lite.baselines import MarginInfoNCELoss, PermutedMarginInfoNCELoss
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from cmgsd_lite.similarity import cosine_similarity_matrix
from tests.losses.every import batch

CONTROLS = [PermutedCMGSDLoss, PermutedMarginInfoNCELoss]
PLAIN = [CMGSDLoss, MarginInfoNCELoss]


class Model(nn.Module):
    """Two towers with dropout, and the loss inside, as some trainers have it."""

    def __init__(self, loss, recompute=None):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.text, self.video = nn.Linear(6, 8), nn.Linear(6, 8)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        self.dropout, self.loss, self.recompute = nn.Dropout(0.2), loss, recompute

    def whole(self, text, video, teacher, progress):
        text, video = self.dropout(self.text(text)), self.dropout(self.video(video))
        sim = cosine_similarity_matrix(text, video)
        return self.loss(sim, text=text, video=video, text_teacher=teacher, progress=progress)

    def forward(self, text, video, teacher, progress=None):
        if self.recompute is None:
            return self.whole(text, video, teacher, progress)
        return checkpoint(self.whole, text, video, teacher, progress, use_reentrant=self.recompute)


def steps(model, progresses):
    """Value and gradients of several steps before the first backward pass: what a pipeline does."""
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(2)
    values = []
    for progress in progresses:
        text, video, teacher = torch.randn(3, 16, 6, generator=generator)
        values.append(model(text.requires_grad_(), video.requires_grad_(), teacher, progress))
    torch.stack(values).sum().backward()
    return [value.item() for value in values], [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("build", [*CONTROLS, *PLAIN])
@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("progresses", [(0.1, 0.4, 0.7), (None, None, None)])
@pytest.mark.parametrize("wrapped", [False, True])
def test_activation_checkpointing_gives_the_gradient_of_its_own_forward_pass(
    build, use_reentrant, progresses, wrapped
):
    def loss():
        inner = build(beta=0.2)
        return SelectedSourcesLoss(inner, ["text_static", "text_dynamic"]) if wrapped else inner

    values, gradients = steps(Model(loss()), progresses)
    again, recomputed = steps(Model(loss(), use_reentrant), progresses)
    assert values == again
    assert all(g.abs().sum() > 0 for g in gradients[::2])
    for gradient, other in zip(gradients, recomputed, strict=True):
        torch.testing.assert_close(gradient, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("build", CONTROLS)
@pytest.mark.parametrize("form", ["averaged", "summed"])
def test_the_same_call_is_the_same_and_changes_no_state(build, form):
    sim, given = batch(12)
    loss = build(form=form, seed=3)
    before = copy.deepcopy({k: v for k, v in vars(loss).items() if not k.startswith("_")})
    for inputs in (given, {**given, "progress": None}):
        first = loss(sim, **inputs)
        loss.margins(sim.flip(0), **inputs)
        loss(sim.flip(0), **inputs)
        assert torch.equal(first, loss(sim, **inputs))
        assert torch.equal(first, build(form=form, seed=3)(sim, **inputs))
    assert {k: v for k, v in vars(loss).items() if k in before} == before


def shuffle_of(loss, sim, given):
    """The permutation, read from a margin matrix whose rows are all different."""
    plain = CMGSDLoss(schedule=loss.schedule).margins(sim, **given)["combined"]
    shuffled = loss.margins(sim, **given)["combined"]
    n = len(sim)
    return tuple(
        next(i for i in range(n) if torch.equal(plain[i].sort().values, shuffled[row].sort().values))
        for row in range(n)
    )


def static(**changes):
    sim, given = batch(12)
    given = {"text_teacher": given["text_teacher"], "text": given["text"], **changes}
    return sim, given


def test_steps_seeds_and_inputs_make_the_permutation():
    loss = PermutedCMGSDLoss(schedule="static", seed=1)
    sim, given = static()
    by_progress = [shuffle_of(loss, *static(progress=t)) for t in (0.0, 0.1, 0.1 + 1e-9, 0.5, 1.0)]
    assert len(set(by_progress)) == 5
    other = PermutedCMGSDLoss(schedule="static", seed=2)
    assert shuffle_of(other, *static(progress=0.5)) != shuffle_of(loss, *static(progress=0.5))
    # With progress that alone counts; without, every input does.
    assert shuffle_of(loss, sim * 0.9, {**given, "progress": 0.5}) == by_progress[3]
    one_score = sim.clone()
    one_score[3, 4] += 1e-12
    calls = [
        (sim, given),
        (one_score, given),
        (sim, {**given, "text": given["text"].flip(1)}),
        (sim, {**given, "text": given["text"].flip(0)}),
        (sim, {**given, "video": given["text"]}),
        (sim, {**given, "text_teacher": given["text_teacher"].flip(1)}),
    ]
    assert len({shuffle_of(loss, *call) for call in calls}) == len(calls)
    distances = [{"mine": cosine_similarity_matrix(x, x)} for x in (given["text"], given["text_teacher"])]
    matrices = [
        loss.margins(sim, distances=d)["combined"].diagonal(1).tolist() for d in (*distances, distances[0])
    ]
    assert matrices[0] == matrices[2] != matrices[1]


def test_one_permutation_for_all_matrices_of_a_step():
    sim, given = batch(12)
    given["ids"] = None
    loss = PermutedCMGSDLoss(seed=1)
    plain, shuffled = CMGSDLoss().margins(sim, **given), loss.margins(sim, **given)
    assert len(plain) == 7
    for name, margin in plain.items():
        torch.testing.assert_close(margin.flatten().sort().values, shuffled[name].flatten().sort().values)
    order = torch.tensor(
        [
            next(i for i in range(12) if plain["text_static"][i].sum().isclose(s))
            for s in shuffled["text_static"].sum(1)
        ]
    )
    for name, margin in plain.items():
        torch.testing.assert_close(margin[order][:, order], shuffled[name])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_shuffle_does_not_depend_on_layout_or_the_global_seed(dtype):
    sim, given = batch(12)
    sim, x = sim.to(dtype), given["text_teacher"].to(dtype)
    loss = PermutedCMGSDLoss(schedule="static", reduction="mean")
    torch.manual_seed(0)
    first = loss(sim, text_teacher=x)
    torch.manual_seed(1)
    torch.testing.assert_close(first, loss(sim.T.contiguous().T, text_teacher=x.clone()))


def old_state():
    return torch.Generator().manual_seed(0).get_state()


class Nested(nn.Module):
    def __init__(self, loss):
        super().__init__()
        self.tower, self.criterion = nn.Linear(2, 2), loss


def saved(state, location="cpu"):
    """Through a file and back, as checkpoints come."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, map_location=location, weights_only=True)


WRAPPERS = [
    lambda loss: loss,
    lambda loss: SelectedSourcesLoss(loss, ["text_static"]),
    Nested,
    lambda loss: Nested(SelectedSourcesLoss(loss, ["text_static"])),
    lambda loss: nn.Sequential(loss, nn.Linear(1, 1)),
]
PREFIXES = ["", "loss.", "criterion.", "criterion.loss.", "0."]


@pytest.mark.parametrize(("wrap", "prefix"), [*zip(WRAPPERS, PREFIXES, strict=True)])
@pytest.mark.parametrize("build", [*CONTROLS, *PLAIN, InfoNCELoss, MaxMarginRankingLoss])
@pytest.mark.parametrize("location", ["cpu", torch.device("cpu"), lambda storage, place: storage])
def test_checkpoints_load_whatever_loss_wrote_them(wrap, prefix, build, location):
    if build in (InfoNCELoss, MaxMarginRankingLoss) and "loss." in prefix:
        pytest.skip("has no sources to select")
    for writer in (PermutedCMGSDLoss, CMGSDLoss):
        inner = writer()
        state = wrap(inner).state_dict() if "loss." not in prefix or build in (*CONTROLS, *PLAIN) else {}
        for old in (False, True):
            state = {**state, f"{prefix}_extra_state": old_state()} if old else state
            module = wrap(build())
            keys = module.load_state_dict(saved(state, location), strict=True)
            assert not keys.missing_keys
            assert not keys.unexpected_keys


def test_a_wrong_key_is_still_refused():
    with pytest.raises(RuntimeError, match="other"):
        PermutedCMGSDLoss().load_state_dict({"other": torch.zeros(1), "_extra_state": old_state()})
