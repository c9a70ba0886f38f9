"""The models: shapes, masks, missing experts, and independence of the loss."""

import copy
import dataclasses
import json
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.losses import CMGSDLoss, MaxMarginRankingLoss
from cmgsd_lite.models import (
    ModelConfig,
    RetrievalModel,
    TextExperts,
    VideoExperts,
    build_model,
    expert_similarity,
)
from cmgsd_lite.models.gated_experts import GatedEmbeddingUnit
from cmgsd_lite.similarity import cosine_similarity_matrix

KINDS = ["mean-pool", "gated-experts", "transformer"]
DIMS = {"rgb": 6, "audio": 3, "speech.v2": 4}
LENGTHS = {"rgb": 5, "audio": 1, "speech.v2": 4}


class Batch(NamedTuple):
    text: Tensor
    features: dict[str, Tensor]
    masks: dict[str, Tensor]


def config(kind: str, **settings) -> ModelConfig:
    small = {"embed_dim": 8, "hidden_dim": 12, "heads": 2, "max_tokens": 5}
    return ModelConfig(kind, text_dim=7, expert_dims=DIMS, **(small | settings))


def model_of(kind: str, seed: int = 0, **settings) -> RetrievalModel:
    """In evaluation mode: without dropout."""
    return build_model(config(kind, **settings), seed).eval()


def batch_of(n: int = 6, seed: int = 0, complete: bool = False) -> Batch:
    """Random lengths; unless complete, video 0 lacks audio, video 1 has nothing but audio."""
    generator = torch.Generator().manual_seed(seed)
    features, masks = {}, {}
    for name, dim in DIMS.items():
        length = LENGTHS[name]
        features[name] = torch.randn(n, length, dim, generator=generator)
        tokens = torch.randint(1, length + 1, (n, 1), generator=generator)
        masks[name] = torch.arange(length) < tokens
        if not complete:
            masks[name][0] &= name != "audio"
            masks[name][1] &= name == "audio"
    return Batch(torch.randn(n, 7, generator=generator), features, masks)


def rows_of(by_expert: dict[str, Tensor], rows: slice | Tensor) -> dict[str, Tensor]:
    return {name: values[rows] for name, values in by_expert.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_range(kind):
    batch = batch_of(6)
    output = model_of(kind)(batch.text[:4], batch.features, batch.masks)
    assert output.text.shape == (4, 8)
    assert output.video.shape == (6, 8)
    assert output.sim.shape == (4, 6)
    assert output.sim.dtype == torch.float32
    assert output.sim.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_in_chunks_is_the_call(kind):
    batch, model = batch_of(6), model_of(kind)
    whole = model(*batch)
    text = TextExperts.join([model.encode_text(batch.text[:1]), model.encode_text(batch.text[1:])])
    parts = [
        model.encode_video(rows_of(batch.features, rows), rows_of(batch.masks, rows))
        for rows in (slice(0, 4), slice(4, 6))
    ]
    video = VideoExperts.join(parts)
    chunks = [model.similarity(text.rows(slice(i, i + 2)), video) for i in (0, 2, 4)]
    torch.testing.assert_close(torch.cat(chunks), whole.sim)
    torch.testing.assert_close(text.embedding, whole.text)
    torch.testing.assert_close(video.rows(torch.tensor([5, 0])).embedding, whole.video[[5, 0]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("garbage", [1e30, float("nan"), float("inf")])
def test_masked_tokens_are_never_read(kind, garbage):
    batch, model = batch_of(), model_of(kind)
    filled = {n: x.masked_fill(~batch.masks[n][:, :, None], garbage) for n, x in batch.features.items()}
    for clean, dirty in zip(model(*batch), model(batch.text, filled, batch.masks), strict=True):
        assert torch.equal(clean, dirty)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_survive_garbage_in_masked_tokens(kind):
    batch, model = batch_of(), model_of(kind)
    filled = {n: x.masked_fill(~batch.masks[n][:, :, None], float("nan")) for n, x in batch.features.items()}
    model(batch.text, filled, batch.masks).sim.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_length_of_the_padding_does_not_matter(kind):
    batch, model = batch_of(), model_of(kind, max_tokens=9)
    longer = {n: functional.pad(x, (0, 0, 0, 3), value=5.0) for n, x in batch.features.items()}
    masks = {n: functional.pad(m, (0, 3)) for n, m in batch.masks.items()}
    torch.testing.assert_close(model(batch.text, longer, masks).sim, model(*batch).sim)


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_the_batch_permutes_the_output(kind):
    batch, model = batch_of(), model_of(kind)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    permuted = model(batch.text[order], rows_of(batch.features, order), rows_of(batch.masks, order))
    output = model(*batch)
    torch.testing.assert_close(permuted.sim, output.sim[order][:, order])
    torch.testing.assert_close(permuted.text, output.text[order])
    torch.testing.assert_close(permuted.video, output.video[order])


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_scale_of_the_experts_do_not_matter(kind):
    batch, model = batch_of(), model_of(kind)
    other = {name: 100 * batch.features[name] for name in reversed(DIMS)}
    torch.testing.assert_close(
        model(batch.text, other, batch.masks).sim, model(*batch).sim, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("kind", ["gated-experts", "transformer"])
def test_missing_experts_are_zero_and_left_out_of_the_embedding(kind):
    batch = batch_of()
    video = model_of(kind).encode_video(batch.features, batch.masks)
    assert video.present[:2].tolist() == [[True, False, True], [False, True, False]]
    assert torch.equal(video.vectors[0, 1], torch.zeros(8))
    torch.testing.assert_close(video.vectors.norm(dim=2), video.present.float())
    torch.testing.assert_close(video.embedding[0], (video.vectors[0, 0] + video.vectors[0, 2]) / 2)
    torch.testing.assert_close(video.embedding[1], video.vectors[1, 1])


@pytest.mark.parametrize("kind", ["gated-experts", "transformer"])
def test_similarity_with_a_video_of_one_expert_is_that_experts_cosine(kind):
    batch, model = batch_of(), model_of(kind)
    text, video = model.encode_text(batch.text), model.encode_video(batch.features, batch.masks)
    expected = cosine_similarity_matrix(text.vectors[:, 1], video.vectors[1:2, 1])
    torch.testing.assert_close(model.similarity(text, video)[:, 1:2], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_without_any_expert_is_refused(kind):
    batch = batch_of()
    for mask in batch.masks.values():
        mask[2] = False
    with pytest.raises(ValueError, match=r"masks: .*got none in 1, the first in row 2"):
        model_of(kind)(*batch)


def slow_similarity(text: TextExperts, video: VideoExperts) -> Tensor:
    sim = torch.zeros(len(text.vectors), len(video.vectors))
    for i in range(len(text.vectors)):
        for j in range(len(video.vectors)):
            total, weights = 0.0, 0.0
            for expert in range(text.vectors.shape[1]):
                if video.present[j, expert]:
                    cosine = functional.cosine_similarity(
                        text.vectors[i, expert], video.vectors[j, expert], dim=0
                    )
                    total += float(text.weights[i, expert] * cosine)
                    weights += float(text.weights[i, expert])
            sim[i, j] = total / weights
    return sim


@settings(max_examples=30)
@given(
    n_texts=st.integers(1, 4),
    n_videos=st.integers(1, 4),
    experts=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_expert_similarity_equals_the_slow_loop(n_texts, n_videos, experts, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.softmax(3 * torch.randn(n_texts, experts, generator=generator), dim=1)
    vectors = functional.normalize(torch.randn(n_texts, experts, 5, generator=generator), dim=2)
    text = TextExperts(vectors, weights)
    present = torch.rand(n_videos, experts, generator=generator) < 0.5
    present[:, seed % experts] = True
    vectors = functional.normalize(torch.randn(n_videos, experts, 5, generator=generator), dim=2)
    video = VideoExperts(vectors * present[:, :, None], present)
    torch.testing.assert_close(expert_similarity(text, video), slow_similarity(text, video))


@pytest.mark.parametrize(("gap", "expected"), [(0.0, 1.0), (20.0, 1.0), (90.0, 0.0), (200.0, 0.0)])
def test_all_weight_on_missing_experts_stays_finite(gap, expected):
    logits = torch.tensor([[gap, 0.0]], requires_grad=True)
    text = TextExperts(torch.eye(2)[None], torch.softmax(logits, dim=1))
    video = VideoExperts(torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]), torch.tensor([[False, True]]))
    sim = expert_similarity(text, video)
    sim.sum().backward()
    assert sim.item() == pytest.approx(expected)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1


def test_mean_pool_is_the_cosine_of_its_embeddings():
    output = model_of("mean-pool")(*batch_of())
    torch.testing.assert_close(output.sim, cosine_similarity_matrix(output.text, output.video))
    torch.testing.assert_close(output.video.norm(dim=1), torch.ones(6))


def test_gated_embedding_unit_equals_its_formula():
    unit = GatedEmbeddingUnit(3, 2)
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for row, output in zip(inputs, unit(inputs), strict=True):
        x = unit.project.weight @ row + unit.project.bias
        gated = x / (1 + torch.exp(-(unit.gate.weight @ x + unit.gate.bias)))
        torch.testing.assert_close(output, gated / gated.norm())


@pytest.mark.parametrize("kind", ["gated-experts", "transformer"])
def test_text_weights_depend_on_the_text_and_sum_to_one(kind):
    text = model_of(kind).encode_text(batch_of().text)
    torch.testing.assert_close(text.weights.sum(dim=1), torch.ones(6))
    assert text.weights.std(dim=0).min() > 1e-3


def test_only_the_transformer_lets_experts_and_time_matter_to_each_other():
    batch = batch_of(complete=True)
    louder = batch.features | {"audio": batch.features["audio"].flip(2)}
    reversed_in_time = batch.features | {"rgb": batch.features["rgb"].flip(1)}
    full = {name: torch.ones_like(mask) for name, mask in batch.masks.items()}

    def rgb(model: RetrievalModel, features: dict[str, Tensor]) -> Tensor:
        return model.encode_video(features, full).vectors[:, 0]

    gated, transformer = model_of("gated-experts"), model_of("transformer")
    torch.testing.assert_close(rgb(gated, louder), rgb(gated, batch.features))
    torch.testing.assert_close(rgb(gated, reversed_in_time), rgb(gated, batch.features))
    assert not torch.allclose(rgb(transformer, louder), rgb(transformer, batch.features), atol=1e-4)
    assert not torch.allclose(rgb(transformer, reversed_in_time), rgb(transformer, batch.features), atol=1e-4)


def test_transformer_cuts_after_max_tokens():
    batch, model = batch_of(complete=True), model_of("transformer", max_tokens=2)
    full = {name: torch.ones_like(mask) for name, mask in batch.masks.items()}
    cut = {name: x[:, :2] for name, x in batch.features.items()}
    short = {name: mask[:, :2] for name, mask in full.items()}
    assert torch.equal(model(batch.text, batch.features, full).sim, model(batch.text, cut, short).sim)
    late = full | {"rgb": torch.arange(5).expand(6, 5) >= 2}
    assert not model.encode_video(batch.features, late).present[:, 0].any()


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_one_initialisation_and_the_global_state_is_left_alone(kind):
    before = torch.get_rng_state()
    one, same, other = (build_model(config(kind), seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [torch.cat([p.flatten() for p in m.parameters()]) for m in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_only_while_training(kind):
    batch, model = batch_of(complete=True), model_of(kind)
    assert torch.equal(model(*batch).sim, model(*batch).sim)
    model.train()
    assert not torch.equal(model(*batch).text, model(*batch).text)
    assert not torch.equal(model(*batch).video, model(*batch).video)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_reaches_every_parameter(kind):
    batch, model = batch_of(complete=True), model_of(kind)
    MaxMarginRankingLoss(margin=0.5)(model(*batch).sim).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_margin_leaves_parameters_and_forward_pass_alone(kind):
    batch, model = batch_of(complete=True), model_of(kind)
    keys, before = list(model.state_dict()), model(*batch)
    loss = CMGSDLoss(beta=0.05)
    loss(before.sim, text=before.text, video=before.video, text_teacher=batch.text).backward()
    assert list(loss.parameters()) == []
    assert list(model.state_dict()) == keys
    assert all(torch.equal(a, b) for a, b in zip(model(*batch), before, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("beta", "equal"), [(0.0, True), (0.1, False)])
def test_one_step_with_beta_zero_is_one_step_with_the_fixed_margin(kind, beta, equal):
    batch, model = batch_of(complete=True), model_of(kind)
    plain, adaptive = copy.deepcopy(model), copy.deepcopy(model)
    output = plain(*batch)
    MaxMarginRankingLoss(0.2, reduction="mean")(output.sim).backward()
    output = adaptive(*batch)
    loss = CMGSDLoss(margin=0.2, beta=beta, reduction="mean")
    teachers = {"text_teacher": batch.text, "video_teacher": batch.features["audio"][:, 0]}
    loss(output.sim, text=output.text, video=output.video, **teachers).backward()
    for trained in (plain, adaptive):
        torch.optim.SGD(trained.parameters(), lr=1.0).step()
    assert list(plain.state_dict()) == list(adaptive.state_dict())
    pairs = zip(plain.parameters(), adaptive.parameters(), strict=True)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-7) for a, b in pairs) is equal


@pytest.mark.parametrize("kind", KINDS)
def test_other_precisions(kind):
    batch, model = batch_of(complete=True), model_of(kind)
    expected = model(*batch).sim
    half = {name: x.half() for name, x in batch.features.items()}
    torch.testing.assert_close(model(batch.text, half, batch.masks).sim, expected, rtol=0, atol=2e-2)
    torch.testing.assert_close(model.double()(*batch).sim, expected.double(), rtol=0, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(model.float()(*batch).sim).all()


@pytest.mark.parametrize("kind", KINDS)
def test_config_survives_json(kind):
    original = config(kind, text_dropout=0.1)
    assert ModelConfig(**json.loads(json.dumps(dataclasses.asdict(original)))) == original


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "lstm"}, "kind: .*'lstm'"),
        ({"text_dim": 0}, "text_dim: .*0"),
        ({"expert_dims": {}}, "expert_dims: "),
        ({"expert_dims": {"rgb": -1}}, r"expert_dims\['rgb'\]: .*-1"),
        ({"hidden_dim": 0}, "hidden_dim: "),
        ({"video_dropout": 1.0}, "video_dropout: .*1.0"),
        ({"heads": 3}, "heads: expected a divisor of embed_dim = 256, got 3"),
    ],
)
def test_bad_settings_are_named(change, named):
    good = {"kind": "transformer", "text_dim": 7, "expert_dims": DIMS}
    with pytest.raises(ValueError, match=named):
        ModelConfig(**(good | change))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (torch.zeros(2, 6), r"text: expected \[N >= 1, 7\], got \[2, 6\]"),
        (torch.zeros(7), "text: "),
        (torch.zeros(0, 7), "text: "),
        (torch.full((1, 7), float("nan")), "text: .*NaN"),
    ],
)
def test_bad_text_is_named(text, named):
    with pytest.raises(ValueError, match=named):
        model_of("mean-pool").encode_text(text)


def with_expert(batch: Batch, name: str, values: Tensor | None = None, mask: Tensor | None = None) -> Batch:
    features = batch.features | ({} if values is None else {name: values})
    return Batch(batch.text, features, batch.masks | ({} if mask is None else {name: mask}))


NOT_A_NUMBER = torch.zeros(6, 5, 6)
NOT_A_NUMBER[3, 0, 2] = float("nan")


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (Batch(torch.zeros(6, 7), {}, {}), "features: .*at least one expert"),
        (batch_of()._replace(masks={}), "masks: "),
        (with_expert(batch_of(), "rgb", torch.zeros(6, 5, 9)), "features: .*'rgb': 9"),
        (with_expert(batch_of(), "extra", torch.zeros(6, 1, 2), torch.ones(6, 1, dtype=torch.bool)), "extra"),
        (with_expert(batch_of(), "rgb", torch.zeros(5, 5, 6)), "features: expected one number of videos"),
        (with_expert(batch_of(), "rgb", torch.zeros(6, 6)), r"features\['rgb'\]: .*\[6, 6\]"),
        (with_expert(batch_of(), "rgb", torch.zeros(6, 5, 6).long()), r"features\['rgb'\]: .*int64"),
        (with_expert(batch_of(), "rgb", NOT_A_NUMBER), r"features\['rgb'\]: .*NaN"),
        (with_expert(batch_of(), "rgb", mask=torch.ones(6, 4).bool()), r"masks\['rgb'\]: .*\[6, 4\]"),
        (with_expert(batch_of(), "rgb", mask=torch.ones(6, 5)), r"masks\['rgb'\]: .*float32"),
    ],
)
def test_bad_features_are_named(batch, named):
    with pytest.raises(ValueError, match=named):
        model_of("gated-experts")(*batch)
