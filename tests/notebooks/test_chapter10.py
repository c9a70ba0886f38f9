"""What chapter 10 says of its numbers is what its cells printed; its losses are the package's."""

import re
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from cmgsd_lite import baselines
from cmgsd_lite.losses import InfoNCELoss, MaxMarginRankingLoss
from tests.notebooks.chapters import NOTEBOOKS, code_cells, outputs

METRICS = ("R@10", "nDCG", "R@10 v2t", "true of 10 v2t")


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOKS / "10_other_answers.ipynb", as_version=4)


@pytest.fixture(scope="module")
def printed(notebook: Any) -> str:
    return "\n".join(output.text for output in outputs(notebook) if output.output_type == "stream")


@pytest.fixture(scope="module")
def gains(printed: str) -> dict[str, dict[str, np.ndarray]]:
    """Each answer minus its plain loss, by metric: both seeds."""
    rows = re.findall(
        r"^((?:hardest|smooth|InfoNCE) \+ [\w *]+?) {2,}((?:[+-]\d+\.\d ?\s*){8})$", printed, re.M
    )
    assert len(rows) == 13
    return {
        name.strip(): dict(zip(METRICS, np.array(values.split(), float).reshape(4, 2), strict=True))
        for name, values in rows
    }


def test_hardest_gains_from_things_that_know_nothing(gains: Any) -> None:
    adaptive, permuted, mask = (
        gains[f"hardest + {name}"]["R@10"].mean() for name in ("adaptive", "permuted", "true mask *")
    )
    assert 0.33 * adaptive < permuted < 0.45 * adaptive, "a good third"
    assert 0 < mask < 2, "less than two points"


def test_plain_hinges_beside_infonce(printed: str, gains: Any) -> None:
    found = {name: float(value) for name, value in re.findall(r"'([\w ]+)': '([+-][\d.]+)'", printed)}
    assert -0.5 < found["smooth"] < 1.5, "level or a little above"
    assert -2.5 < found["8 hardest"] < -0.5, "one or two points below"
    assert found["hardest"] < -8, "far behind"
    assert -9 < found["gap regression"] < -4, "points behind"
    assert 10 < found["8 hardest"] - found["hardest"] < 14, "a dozen"


def test_on_a_soft_loss_little_is_left(gains: Any) -> None:
    assert abs(gains["InfoNCE + true mask *"]["R@10"].mean()) < 1
    assert 0.5 < gains["InfoNCE + soft targets"]["R@10"].mean() < 1.5, "about one"
    assert -0.8 < gains["InfoNCE + debiased"]["R@10"].mean() < -0.2, "loses half a point"
    assert gains["InfoNCE + adaptive"]["nDCG"].min() > 0.2
    assert (gains["smooth + adaptive"]["nDCG"] > gains["smooth + permuted"]["nDCG"] + 0.2).all()
    assert gains["smooth + relevance margin *"]["nDCG"].min() > 0.5


def test_video_to_text_recall_does_not_see_what_is_true(gains: Any) -> None:
    sparing = (
        "smooth + adaptive",
        "smooth + relevance margin *",
        "InfoNCE + guided mask",
        "InfoNCE + adaptive",
        "InfoNCE + soft targets",
        "InfoNCE + true mask *",
    )
    true = np.array([gains[name]["true of 10 v2t"] for name in sparing])
    assert true.min() > 1.5, "two or more"
    assert true.max() < 6.5, "six or fewer"
    for name in ("smooth + permuted", "InfoNCE + AMM"):
        assert abs(gains[name]["true of 10 v2t"]).max() < 1.5, "hardly"
    own = np.array([gains[name]["R@10 v2t"] for name in sparing])
    assert own.min() < 0 < own.max(), "up here and down there"


@pytest.fixture(scope="module")
def names(notebook: Any) -> dict[str, Any]:
    """What the cells on four pairs define; run without figures and data."""
    found: dict[str, Any] = {"predict": lambda *_, **__: None, "np": np}
    for cell in code_cells(notebook):
        wanted = (
            "sim = ",
            "def both",
            "def pushes",
            "plain = ",
            "adaptive = ",
            "def gap_of",
            "def debiased",
            "answers = ",
        )
        if any(word in cell.source for word in wanted) and "teachers" not in cell.source:
            exec(re.sub(r"^from cmgsd_lite.course.*$", "", cell.source, flags=re.M), found)
    return found


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("hardest", MaxMarginRankingLoss(0.2, "hardest")),
        ("InfoNCE", InfoNCELoss(0.1)),
        ("InfoNCE + mask", baselines.GuidedMaskLoss(share=None, gap=0.15, temperature=0.1)),
        ("InfoNCE + AMM", baselines.AdaptiveMeanMarginLoss(0.5, temperature=0.1)),
        ("InfoNCE + debiased", baselines.DebiasedInfoNCELoss(0.1, 0.1)),
    ],
)
def test_the_chapters_losses_are_the_packages(names: dict[str, Any], name: str, loss: Any) -> None:
    given = {"distances": {"directed": 1 - names["guide"]}} if "mask" in name else {}
    torch.testing.assert_close(names["answers"][name](names["sim"]), loss(names["sim"], **given))


@pytest.mark.parametrize(
    ("name", "loss"), [("hardest", MaxMarginRankingLoss(0.2, "hardest")), ("InfoNCE", InfoNCELoss(0.1))]
)
def test_with_a_margin_too(names: dict[str, Any], name: str, loss: Any) -> None:
    ours = names["answers"][f"{name} + margin"](names["sim"])
    torch.testing.assert_close(ours, loss(names["sim"], margin=names["adaptive"]))


def test_amm_pushes_harder_and_debiased_silences_the_honest_pair(names: dict[str, Any]) -> None:
    now, share = names["now"], names["share"]
    assert now["InfoNCE + AMM"][0, 1] > now["InfoNCE"][0, 1]
    assert share(now["InfoNCE + AMM"], 0, 1) < share(now["InfoNCE"], 0, 1)
    assert now["InfoNCE + debiased"][2, 3] == 0
    assert now["InfoNCE + mask"][0, 1] == 0
    assert float(now["hardest + margin"][0, 1]) == pytest.approx(0.5 * float(now["hardest"][0, 1]))


def test_the_regression_is_the_packages_with_its_own_likeness(names: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    text, video = torch.randn(2, 4, 8, generator=generator)
    unit = [torch.nn.functional.normalize(x, dim=1) for x in (text, video)]
    of_texts, of_videos = (x @ x.T for x in unit)
    sim = names["sim"]
    ours = (names["regression"](sim, of_videos) + names["regression"](sim.T, of_texts)) / 2
    torch.testing.assert_close(ours, baselines.AdaptiveRelevanceMarginLoss()(sim, text=text, video=video))
