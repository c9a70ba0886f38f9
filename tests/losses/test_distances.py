"""Ready distance matrices by name: one more static source each."""

import math

import pytest
import torch

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from cmgsd_lite.margins import zscore_margin
from tests.losses.every import CMGSD_LIKE, batch


@pytest.mark.parametrize("build", CMGSD_LIKE)
@pytest.mark.parametrize("form", ["averaged", "summed"])
@pytest.mark.parametrize("nearest", [None, 0.3])
def test_a_teachers_own_distances_are_that_teacher(build, form, nearest):
    sim, given = batch()
    loss = build(form=form, nearest=nearest, schedule="static")
    ready = {"mine": cosine_distances(given["text_teacher"])}
    for ids in (None, given["ids"]):
        rest = {"ids": ids, "progress": 0.1}
        by_teacher = loss(sim, text_teacher=given["text_teacher"], **rest)
        torch.testing.assert_close(loss(sim, distances=ready, **rest), by_teacher)


@pytest.mark.parametrize("form", ["averaged", "summed"])
def test_static_sources_share_their_weight_equally(form):
    sim, given = batch()
    loss = CMGSDLoss(reduction="mean", form=form, schedule=0.25, fixed_weight=0.1, scale="each")
    given["ids"] = None
    margins = loss.margins(sim, **given)
    assert list(margins) == [
        "text_static",
        "video_static",
        "distances['text']",
        "distances['mine']",
        "text_dynamic",
        "video_dynamic",
        "combined",
    ]
    static = sum(margins[name] for name in list(margins)[:4]) / 4
    dynamic = (margins["text_dynamic"] + margins["video_dynamic"]) / 2
    torch.testing.assert_close(margins["combined"], 0.1 * 0.2 + 0.9 * (0.75 * static + 0.25 * dynamic))
    if form == "averaged":
        torch.testing.assert_close(loss(sim, **given), loss.ranking(sim, margin=margins["combined"]))


def test_rows_are_texts_and_columns_videos_where_the_matrix_is_not_symmetric():
    sim, given = batch()
    d = given["distances"]["mine"]
    assert not torch.equal(d, d.T)
    margins = CMGSDLoss(schedule="static").margins(sim, distances={"mine": d})
    torch.testing.assert_close(margins["distances['mine']"], zscore_margin(d))
    # Only text 0 to video 1 is near: that hinge alone shrinks.
    d = torch.full((3, 3), 1.0)
    d[0, 1] = 0.0
    margin = CMGSDLoss(schedule="static", beta=0.05).margins(torch.eye(3), distances={"d": d})["combined"]
    assert margin[0, 1] < margin[1, 0] == margin[0, 2]


@pytest.mark.parametrize("detach", [True, False])
def test_ready_distances_get_a_gradient_only_on_request(detach):
    sim, given = batch()
    d = given["distances"]["mine"].requires_grad_()
    value = CMGSDLoss(reduction="mean", detach=detach)(sim.requires_grad_(), distances={"mine": d})
    value.backward()
    assert (d.grad is None) is detach
    if not detach:
        assert d.grad.abs().sum() > 0


def test_any_number_type_and_any_unit():
    sim, _ = batch(6)
    d = torch.randint(0, 100, (6, 6), generator=torch.Generator().manual_seed(0))
    loss = CMGSDLoss(schedule="static", reduction="mean", eps=0.0)
    values = [loss(sim, distances={"d": x}) for x in (d, d.half(), d.double() * 1e6, d.double() / 1e6 - 3)]
    for value in values[1:]:
        torch.testing.assert_close(value, values[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("build", CMGSD_LIKE)
@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_what_is_wrong_is_named_by_its_key_at_any_time_of_training(build, progress):
    sim, given = batch(4)
    loss = build()

    def refused(distances, match):
        for call in (loss, loss.margins):
            with pytest.raises(ValueError, match=match):
                call(sim, text=given["text"], distances=distances, progress=progress)

    good = torch.zeros(4, 4)
    refused({"mine": good, "other": torch.zeros(4, 3)}, r"distances\['other'\]: expected shape \[4, 4\]")
    refused({"mine": torch.zeros(4)}, r"distances\['mine'\]: expected shape \[4, 4\]")
    refused({"mine": good.to("meta")}, r"distances\['mine'\]: expected on cpu like sim, got meta")
    refused({"mine": good.tolist()}, r"distances\['mine'\]: expected a tensor \[N, N\], got list")
    refused(good, "distances: expected matrices by name.*got Tensor")
    for bad in (math.nan, math.inf, -math.inf):
        refused({"mine": good.fill_diagonal_(bad)}, r"distances\['mine'\]: expected finite distances")


def test_features_are_checked_even_while_their_weight_is_zero():
    sim, given = batch(4)
    with pytest.raises(ValueError, match=r"text: expected \[4, D\] like sim, got \[3, 6\]"):
        CMGSDLoss()(sim, text=given["text"][:3], text_teacher=given["text_teacher"], progress=0.0)


def test_selected_sources_hand_ready_distances_on_or_withhold_them():
    sim, given = batch()
    inner = CMGSDLoss(reduction="mean")
    static = {"text_teacher": given["text_teacher"]}
    with_them = SelectedSourcesLoss(inner, ["text_static", "distances"])(sim, **given)
    without = SelectedSourcesLoss(inner, ["text_static"])(sim, **given)
    rest = {"ids": given["ids"], "progress": given["progress"]}
    assert torch.equal(with_them, inner(sim, **static, distances=given["distances"], **rest))
    assert torch.equal(without, inner(sim, **static, **rest))
    assert with_them != without
