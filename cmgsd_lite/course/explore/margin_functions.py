"""Explorer of chapter 06: alpha and beta under one's fingers, for four functions from distance to margin."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.margin_functions import plot_explorer
from cmgsd_lite.margins import affine_margin, exponential_margin, threshold_margin, zscore_margin

Rule = Callable[[Tensor, float, float], Tensor]

RULES: dict[str, Rule] = {
    "z-score": zscore_margin,
    "exponential": lambda d, alpha, beta: exponential_margin(d, alpha, beta / alpha if alpha else 0.0),
    "affine": affine_margin,
    "threshold": lambda d, alpha, beta: threshold_margin(d, alpha, beta),
}
"""Margin of distances, alpha and beta. The exponential's slope is divided by alpha, so that one beta gives
about the same spread in both z-score maps; the affine map's beta is its slope, the threshold's the step."""


def draw_setting(
    distances: Tensor, false_negatives: Tensor, function: str, alpha: float, beta: float
) -> Figure:
    """Draw one setting of one function: the static twin of the explorer.

    Args:
        distances: [N, N] of one modality.
        false_negatives: bool [N, N].
        function: One of ``RULES``.
        alpha: First setting of the function.
        beta: Second setting.

    Returns:
        The figure.

    Raises:
        ValueError: On an unknown function.

    Source:
        ours.

    Example:
        >>> d = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
        >>> figure = draw_setting(d, d < 0.1, "z-score", 0.2, 0.05)
    """
    if function not in RULES:
        raise ValueError(f"function: expected one of {', '.join(RULES)}, got {function!r}")
    margins = RULES[function](distances, alpha, beta)
    title = f"{function}: α = {alpha:.2f}, β = {beta:.2f}"
    return plot_explorer(distances.numpy(), margins.numpy(), false_negatives.numpy(), alpha, title)


def explore_margins(distances: Tensor, false_negatives: Tensor, name: str) -> widgets.VBox:
    """Build sliders for alpha and beta and a choice of the function, with the figure below.

    Args:
        distances: [N, N] of one modality.
        false_negatives: bool [N, N].
        name: Of the figure, as ``show_figure`` takes it.

    Returns:
        A widget; show it as the last line of a cell.

    Raises:
        ValueError: If the two matrices differ in shape.

    Source:
        ours.

    Example:
        >>> d = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
        >>> widget = explore_margins(d, d < 0.1, "06-explorer")
    """
    if distances.shape != false_negatives.shape:
        raise ValueError(
            f"false_negatives: expected {list(distances.shape)} like distances, "
            f"got {list(false_negatives.shape)}"
        )
    wide = widgets.Layout(width="420px")
    alpha = widgets.FloatSlider(value=0.2, min=0.05, max=0.4, step=0.05, description="α", layout=wide)
    beta = widgets.FloatSlider(value=0.05, min=-0.2, max=0.6, step=0.05, description="β", layout=wide)
    function = widgets.Dropdown(options=list(RULES), value="z-score", description="function")

    def draw(alpha: float, beta: float, function: str) -> None:
        figure = draw_setting(distances, false_negatives, function, alpha, beta)
        alt = (
            f"Margin against distance and the histogram of margins for the {function} function "
            f"with alpha {alpha:.2f} and beta {beta:.2f}."
        )
        show_figure(figure, name, alt)

    picture = widgets.interactive_output(draw, {"alpha": alpha, "beta": beta, "function": function})
    return widgets.VBox([alpha, beta, function, picture])
