"""What a loss did to the false negatives of the embedded world: similarities by truth, and examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.minivtt import clip, entailment
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.agreement import area_under_curve
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.training.experiment import Bench
from cmgsd_lite.training.scoring import score

if TYPE_CHECKING:
    from cmgsd_lite.course.plots.distributions import Example

Groups = dict[str, NDArray[np.float32]]
SHOWN = ("fixed-hardest", "cmgsd-hardest-permuted", "cmgsd-hardest")
"""Conditions of the page, where they were run: the harm is plainest with the hardest negative."""


class TrainingTruth:
    """Similarities of the training clips and one caption of each, with what is true of them.

    Training pairs, because it is these that the loss pulled together and pushed apart. Raises DataError on
    other data than the embedded, whose truth is not known.
    """

    def __init__(self, bench: Bench) -> None:
        if bench.dataset.name != "minivtt":
            raise DataError(f"{bench.dataset.name}: expected the embedded data set, whose truth is known")
        train = bench.prepared.train
        self.first = train.first_caption_and_count()[0]
        # Every clip with its first caption alone: rows and columns are in the same order.
        self.split = replace(
            train, text=train.text[self.first], video_of_text=train.video_of_text[self.first]
        )
        self.true = entailment(bench.dataset.train)[self.first.numpy()]
        self.captions = [bench.dataset.train.captions[name][0] for name in train.video_ids]

    def similarity(self, model: RetrievalModel) -> NDArray[np.float32]:
        """Score every first caption against every training clip [V, V]."""
        return np.asarray(score(model, self.split).numpy(), np.float32)

    def groups(self, sim: NDArray[np.float32]) -> Groups:
        """Divide similarities [V, V] into positives, false negatives and true negatives."""
        own = np.eye(len(sim), dtype=bool)
        return {
            "positives": sim[own],
            "false negatives": sim[self.true & ~own],
            "true negatives": sim[~self.true & ~own],
        }

    def pushed_apart(self, sim: NDArray[np.float32], count: int = 5) -> list[tuple[int, int]]:
        """Find so many false negatives, (caption, clip), that lie furthest below their caption's own clip.

        Each of another caption and another clip. Only captions that are true of their own clip and of at most
        one clip in fifty count: vague ones are true of too many.
        """
        own = np.eye(len(sim), dtype=bool)
        candidates = self.true & ~own & self.true.diagonal()[:, None]
        candidates &= (self.true.mean(axis=1) < 0.02)[:, None]
        gap = np.where(candidates, sim.diagonal()[:, None] - sim, -np.inf)
        chosen: list[tuple[int, int]] = []
        for text, video in zip(*np.unravel_index(np.argsort(-gap, axis=None), gap.shape), strict=True):
            if len(chosen) == count or not np.isfinite(gap[text, video]):
                break
            if all(text != t and video not in (t, v) and text != v for t, v in chosen):
                chosen.append((int(text), int(video)))
        return chosen


def separation(groups: Groups) -> float:
    """Area under the ROC curve of "false negative or true negative?" by similarity, in percent.

    50 if the model ranks false negatives like true ones, 100 if all of them above.
    """
    return 100 * area_under_curve(-groups["false negatives"], -groups["true negatives"])


def rank_of(sim: NDArray[np.float32], text: int, video: int) -> int:
    """Rank from 1 of one video in the order of one text; videos with its score do not count as better."""
    return int((sim[text] > sim[text, video]).sum()) + 1


def write_truth_page(bench: Bench, models: Mapping[str, RetrievalModel], path: Path) -> dict[str, Any]:
    """Draw what trained models made of the false negatives, with an untrained one for comparison.

    ``models`` go by the name of their condition; the examples are the worst of the first. Returns the figures
    of each panel: mean similarity of each group and ``separation``.
    """
    # Here and not above: measuring does without the packages that figures need.
    from cmgsd_lite.course.plots.base import save_figure
    from cmgsd_lite.course.plots.distributions import plot_truth_page

    truth = TrainingTruth(bench)
    seed = bench.experiment.seeds[0]
    sims = {"before training": truth.similarity(bench.build_model(seed))}
    sims |= {name: truth.similarity(model) for name, model in models.items()}
    panels = {name: truth.groups(sim) for name, sim in sims.items()}
    measured = {
        name: {**{group: float(v.mean()) for group, v in groups.items()}, "separation": separation(groups)}
        for name, groups in panels.items()
    }
    titled = {f"{name}\nFN above TN: {measured[name]['separation']:.0f} %": g for name, g in panels.items()}
    worst_of = next(iter(models))
    note = (
        f"Clips that {worst_of} placed furthest from a caption that is true of them, with their rank "
        f"among {len(truth.captions):,} training clips.\nThey were chosen as the worst of {worst_of}, so the "
        "other losses look better by that choice alone; the distributions above are fair."
    )
    save_figure(plot_truth_page(titled, _examples(truth, sims, worst_of), note), path)
    return measured


def _examples(truth: TrainingTruth, sims: Mapping[str, NDArray[np.float32]], worst_of: str) -> list[Example]:
    from cmgsd_lite.course.plots.base import facet_lines
    from cmgsd_lite.course.plots.distributions import Example

    examples, names = [], truth.split.video_ids
    for text, video in truth.pushed_apart(sims[worst_of]):
        ranks = [
            f"{name}: rank {rank_of(sim, text, video)}"
            for name, sim in sims.items()
            if name != "before training"
        ]
        own, other = (clip(names[number]) for number in (text, video))
        facets = [facet_lines(shown.facets()) for shown in (own, other)]
        pair = own.frames()[4], other.frames()[4]
        examples.append(Example(truth.captions[text], *pair, "\n".join(ranks), *facets))
    return examples
