"""The explorer of chapter 06: its sliders redraw the figure that its static twin draws."""

import ipywidgets as widgets
import pytest
import torch
from matplotlib import pyplot as plt

from cmgsd_lite.course.explore import margin_functions
from cmgsd_lite.course.explore.margin_functions import RULES, draw_setting, explore_margins
from cmgsd_lite.margins import exponential_margin, off_diagonal, zscore_margin

D = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr(
        margin_functions,
        "show_figure",
        lambda figure, name, alt: found.append((figure.get_suptitle(), name, alt)),
    )
    return found


def test_the_first_control_is_a_slider_and_moving_it_redraws(shown):
    explorer = explore_margins(D, D < 0.2, "06-explorer")
    alpha, beta, function, _ = explorer.children
    assert isinstance(alpha, widgets.FloatSlider)
    assert [title for title, _, _ in shown] == ["z-score: α = 0.20, β = 0.05"]
    alpha.value += alpha.step
    beta.value = -0.1
    function.value = "affine"
    assert [title for title, _, _ in shown[1:]] == [
        "z-score: α = 0.25, β = 0.05",
        "z-score: α = 0.25, β = -0.10",
        "affine: α = 0.25, β = -0.10",
    ]
    assert {name for _, name, _ in shown} == {"06-explorer"}
    assert all(len(alt) >= 20 for _, _, alt in shown)


def test_every_setting_of_the_controls_can_be_drawn(shown):
    alpha, beta, function, _ = explore_margins(D, D < 0.2, "06-explorer").children
    for name in function.options:
        for a in (alpha.min, alpha.max):
            for b in (beta.min, beta.max):
                assert draw_setting(D, D < 0.2, name, a, b).axes


def test_one_beta_gives_about_the_same_spread_in_both_standardised_maps():
    one, other = (off_diagonal(RULES[name](D, 0.2, 0.02)).std() for name in ("z-score", "exponential"))
    assert other == pytest.approx(one.item(), rel=0.1)
    assert torch.equal(RULES["z-score"](D, 0.2, 0.02), zscore_margin(D, 0.2, 0.02))
    assert torch.allclose(RULES["exponential"](D, 0.2, 0.02), exponential_margin(D, 0.2, 0.1))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="function: expected one of z-score"):
        draw_setting(D, D < 0.2, "cubic", 0.2, 0.05)
    with pytest.raises(ValueError, match=r"false_negatives: expected \[8, 8\]"):
        explore_margins(D, D[:4] < 0.2, "06-explorer")
