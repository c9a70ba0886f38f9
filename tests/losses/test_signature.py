"""One call for all: every loss takes the same names, says what it needs and what it refuses; so does fit."""

import inspect
import math
import warnings

import pytest
import torch
from torch import nn

from cmgsd_lite.baselines.masking import MaskingLoss
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.losses.base import NAMES, RetrievalLoss, input_names
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.conditions import CONDITIONS, MORE, LossConfig
from cmgsd_lite.training.prepare import PreparedSplit
from tests.losses.every import BUILDERS, LEARNS, NEEDS, TAKE_A_MARGIN, batch
from tests.test_similarity_distances_schedules import REALLY_OUTSIDE, SLIGHTLY_OFF

ALL = sorted(BUILDERS)
TENSORS = ["sim", "text", "video", "text_teacher", "video_teacher"]
ACCEPTED = [*TENSORS, "distances", "margin", "ids", "relevance", "progress"]


@pytest.mark.parametrize("name", ALL)
def test_every_loss_has_the_same_signature_and_takes_everything_by_name(name):
    loss = BUILDERS[name]()
    parameters = inspect.signature(loss.forward).parameters
    assert list(parameters) == [*NAMES, "validate", "block"] == [*ACCEPTED, "validate", "block"]
    assert all(p.kind is p.KEYWORD_ONLY and not p.default for n, p in parameters.items() if n != "sim")
    sim, given = batch()
    value = loss(sim, **given, margin=None)
    assert value.ndim == 0
    assert torch.equal(value, loss(sim=sim, **given))
    assert [key for key, _ in loss.named_parameters()] == list(loss.state_dict()) == LEARNS.get(name, [])


@pytest.mark.parametrize("name", ALL)
def test_other_names_and_second_positions_are_type_errors(name):
    loss = BUILDERS[name]()
    sim, given = batch()
    for wrong in ("step", "texts", "labels", "teacher"):
        with pytest.raises(TypeError, match=wrong):
            loss(sim, **given, **{wrong: given["text"]})
    with pytest.raises(TypeError):
        loss(sim, given["text"], given["video"])
    for look in ("margins", "dropped"):
        if hasattr(loss, look):
            getattr(loss, look)(sim, **given)
            with pytest.raises(TypeError, match="step"):
                getattr(loss, look)(sim, **given, step=3)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("margin", [0.3, torch.tensor(0.3), "matrix", "removed"])
def test_a_margin_is_used_or_refused_with_a_reason(name, margin):
    loss = BUILDERS[name]()
    sim, given = batch()
    if isinstance(margin, str):
        matrix = torch.rand(8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        margin = matrix.masked_fill(matrix < 0.3, -math.inf) if margin == "removed" else matrix
    if name not in TAKE_A_MARGIN:
        with pytest.raises(
            ValueError, match=r"margin: expected none, because \w+Loss\(.*\) (makes|leaves|corrects)"
        ):
            loss(sim, **given, margin=margin)
    elif name == "InfoNCELoss" and not (isinstance(margin, torch.Tensor) and margin.ndim):
        torch.testing.assert_close(loss(sim, margin=margin), loss(sim))  # a constant margin cancels
    else:
        assert loss(sim, **given, margin=margin) != loss(sim, **given)


@pytest.mark.parametrize("name", ALL)
def test_ids_are_used_and_checked(name):
    loss = BUILDERS[name]()
    sim, given = batch()
    sim[0, 1] = 0.99  # the known positive would be the hardest negative
    assert loss(sim, **given) != loss(sim, **{**given, "ids": None})
    with pytest.raises(ValueError, match="ids: expected one id for each of the 8 items"):
        loss(sim, **{**given, "ids": [1, 2]})
    with pytest.raises(ValueError, match="ids: expected at least two different ids"):
        loss(sim, **{**given, "ids": [1] * 8})


@pytest.mark.parametrize("name", ALL)
def test_what_is_missing_is_named(name):
    loss = BUILDERS[name]()
    sim, given = batch()
    groups = NEEDS.get(name, [])
    needed = set().union(*groups)
    loss(sim, **{key: given[key] for key in needed})
    for group in groups:
        missing = {key: value for key, value in given.items() if key not in group}
        with pytest.raises(ValueError, match=r"expected .*got none") as caught:
            loss(sim, **missing)
        assert all(key in str(caught.value) for key in group if name != "SelectedSourcesLoss")
        assert "Loss(" in str(caught.value)


def test_an_empty_mapping_of_distances_is_none():
    with pytest.raises(ValueError, match="distances"):
        CMGSDLoss(schedule="static")(torch.eye(3), text=torch.eye(3), distances={})


@pytest.mark.parametrize("name", ALL)
def test_losses_take_and_refuse_the_same_progress(name):
    loss = BUILDERS[name]()
    sim, given = batch()
    for progress, number in SLIGHTLY_OFF:
        assert torch.equal(
            loss(sim, **{**given, "progress": progress}), loss(sim, **{**given, "progress": number})
        )
    for progress in REALLY_OUTSIDE:
        with pytest.raises(ValueError, match="progress: expected a fraction"):
            loss(sim, **{**given, "progress": progress})


@pytest.mark.parametrize(
    "kind", [*CONDITIONS, *MORE, "oracle", "mask", "drop-triple", "infonce-permuted", "soft-truth"]
)
def test_conditions_build_losses_that_swap(kind):
    known = {**CONDITIONS, **MORE}
    loss = (known[kind] if kind in known else LossConfig(kind)).build(seed=1)
    assert isinstance(loss, RetrievalLoss)
    sim, given = batch()
    assert torch.isfinite(loss(sim, **given))


def small_split():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(12, 1, 4, generator=generator)
    text = torch.randn(24, 3, generator=generator)
    masks = {"rgb": torch.ones(12, 1, dtype=torch.bool)}
    captions = torch.arange(12).repeat_interleave(2)
    names = [f"video{i}" for i in range(12)]
    teachers = text.view(12, 2, 3).mean(dim=1), features[:, 0]
    return PreparedSplit(names, {"rgb": features}, masks, text, captions, *teachers)


def trained(loss, **options):
    model = build_model(ModelConfig("mean-pool", 3, {"rgb": 4}, embed_dim=8, hidden_dim=8), 0)
    config = TrainingConfig(epochs=2, batch_size=6)
    return fit(model, loss, small_split(), config=config, progress=False, **options).history[-1]["loss"]


class Own(nn.Module):
    """A user's loss; subclasses take what they like."""

    def __init__(self):
        super().__init__()
        self.seen = set()
        self.inner = InfoNCELoss()

    def remember(self, **given):
        self.seen |= {name for name, value in given.items() if value is not None}
        return self.inner(given["sim"])


class OfScores(Own):
    def forward(self, sim):
        return self.remember(sim=sim)


class OfTruth(Own):
    def forward(self, sim, relevance):
        return self.remember(sim=sim, relevance=relevance)


class OfTruthIfAny(Own):
    def forward(self, sim, text_teacher=None, relevance=None):
        return self.remember(sim=sim, text_teacher=text_teacher, relevance=relevance)


class OfAnything(Own):
    def forward(self, **given):
        return self.remember(**given)


class StatesItsNeed(Own):
    needs = (("relevance",),)

    def forward(self, **given):
        return self.remember(**given)


class Squares(RetrievalLoss):
    no_margin = "has none"

    def compute(self, sim, given):
        assert given.relevance is None
        return (sim - torch.eye(len(sim))).square().mean()


def truth(videos, captions):
    return (videos[:, None] == videos).float()


def test_fit_serves_losses_of_ones_own():
    assert math.isfinite(trained(Squares(), relevance=truth))
    for build, with_truth, without in (
        (OfScores, {"sim"}, {"sim"}),
        (OfTruthIfAny, {"sim", "text_teacher", "relevance"}, {"sim", "text_teacher"}),
        (OfAnything, {*ACCEPTED} - {"distances", "margin", "ids"}, None),
    ):
        loss = build()
        trained(loss, relevance=truth)
        assert loss.seen == with_truth
        loss = build()
        trained(loss)
        assert loss.seen == (with_truth - {"relevance"} if without is None else without)


@pytest.mark.parametrize(
    "build", [OfTruth, StatesItsNeed, BUILDERS["TrueMaskLoss"], BUILDERS["RelevanceMarginLoss"]]
)
def test_a_need_of_ground_truth_is_a_statement_and_known_before_training(build):
    with pytest.raises(ValueError, match="relevance: the loss learns from ground truth"):
        trained(build())
    assert math.isfinite(trained(build(), relevance=truth))


@pytest.mark.parametrize("name", [n for n in ALL if {"relevance"} not in NEEDS.get(n, [])])
def test_losses_without_that_need_train_without_ground_truth_and_never_look_it_up(name):
    def refused(videos, captions):
        raise AssertionError("ground truth was looked up")

    assert trained(BUILDERS[name]()) == trained(BUILDERS[name](), relevance=refused)


def test_input_names_of_a_signature():
    assert input_names(MaxMarginRankingLoss())[0] == set(ACCEPTED) - {"relevance"}
    assert input_names(BUILDERS["TrueMaskLoss"]()) == (set(ACCEPTED), {"relevance"})
    assert input_names(OfScores()) == ({"sim"}, {"sim"})


def test_a_number_as_margin_of_infonce_is_warned_of_once():
    sim, _ = batch()
    loss = InfoNCELoss()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = [loss(sim, margin=margin) for margin in (0.2, 0.3, None)]
    assert torch.allclose(values[0], values[2])
    assert [str(one.message).split(":")[:2] for one in caught] == [["InfoNCELoss", " margin"]]
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["text", "text_teacher"])
def test_arrays_where_tensors_belong_are_named(name):
    sim, given = batch()
    with pytest.raises(ValueError, match=rf"^{name}: expected a tensor \[8, D\], got ndarray"):
        CMGSDLoss()(sim, **{**given, name: given[name].numpy()})


def test_a_loss_without_its_own_part_is_refused_when_it_is_built():
    with pytest.raises(TypeError, match="compute"):
        RetrievalLoss()
    with pytest.raises(TypeError, match="pairs_to_drop"):
        MaskingLoss()
