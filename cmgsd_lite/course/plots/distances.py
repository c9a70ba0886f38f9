"""Figure of distances that grow up: how well a model's own know the false negatives over training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cmgsd_lite.course.plots.base import PALETTE


def plot_growing(
    epochs: Sequence[float],
    grown: Mapping[str, Sequence[Mapping[str, float]]],
    static: Mapping[str, Mapping[str, float]],
    measures: Sequence[str],
) -> Figure:
    """Draw measures of a model's own distances over training beside those of static teachers, on one scale.

    Args:
        epochs: Lengths of the trainings [T].
        grown: For each modality the measures, by their title, after each training.
        static: The measures of static teachers; those named like a modality are drawn.
        measures: Titles, a panel each; in percent.

    Raises:
        ValueError: If a modality has another number of entries than ``epochs``.

    Source:
        ours.

    Example:
        >>> grown = {"text": [{"AUC": 70}, {"AUC": 80}]}
        >>> figure = plot_growing([0, 1], grown, {"text": {"AUC": 90}}, ["AUC"])
    """
    for part, values in grown.items():
        if len(values) != len(epochs):
            raise ValueError(f"grown: expected {len(epochs)} entries for {part!r}, got {len(values)}")
    figure, axes = plt.subplots(
        1, len(measures), figsize=(4.6 * len(measures), 4), layout="constrained", sharey=True, squeeze=False
    )
    for ax, measure in zip(axes[0], measures, strict=True):
        for i, (part, values) in enumerate(grown.items()):
            heights = [value[measure] for value in values]
            ax.plot(epochs, heights, "o-", color=PALETTE[i], linewidth=2, label=f"model's own, {part}")
            if part in static:
                level = static[part][measure]
                ax.axhline(level, color=PALETTE[i], linestyle="--", linewidth=1.5, label=f"static {part}")
        ax.axhline(50, color="0.4", linestyle=":", linewidth=1, label="guessing")
        ax.set(title=measure, xlabel="epochs", ylim=(45, 100))
    axes[0, 0].set_ylabel("AUC of false negatives (%)")
    axes[0, -1].legend(fontsize="small", loc="upper right", ncols=2)
    return figure
