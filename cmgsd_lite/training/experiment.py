"""The main job: train the compact model under each named condition with paired seeds, and tabulate.

Paired: runs with one seed share initialisation, batches, captions and dropout, whatever their loss.
Every run is one process's work on one thread, so results do not depend on how many run at a time.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from cmgsd_lite.data import RetrievalDataset, load_dataset, load_folder
from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.data.anchors import load_anchors
from cmgsd_lite.data.dataset import MAX_TOKENS
from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.evaluation.metrics import ndcg, retrieval_metrics
from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.models import Kind, ModelConfig, RetrievalModel, build_model
from cmgsd_lite.runtime import set_threads, versions
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import save_checkpoint
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.ground_truth import relevance_kinds, relevant_at
from cmgsd_lite.training.prepare import PreparedDataset, PreparedSplit
from cmgsd_lite.training.scoring import score

Metrics = dict[str, dict[str, float]]
MARGIN_BINS = np.linspace(0.0, 0.5, 51)


@dataclass(frozen=True)
class DataConfig:
    """Which data an experiment runs on.

    Args:
        data: ``"minivtt"`` or a folder.
        protocol: Split protocol, or None for the data's own default.
        experts: Names of the feature tables, or None: those with one vector a video (all, if there are none).
        queries: Test queries: ``"all"`` captions, the ``"protocol"``'s own sentences, or None: all, but the
            protocol's three a clip on the embedded data.
        max_tokens: Longer videos of a folder are cropped to so many tokens, evenly spaced.
        held_out: How many training videos are taken out and stand where the test videos stood: for
            choices that need more videos than validation has. 0 for the real test videos.

    Example:
        >>> DataConfig().data
        'minivtt'
    """

    data: str = "minivtt"
    protocol: str | None = None
    experts: tuple[str, ...] | None = None
    queries: str | None = None
    max_tokens: int = MAX_TOKENS
    held_out: int = 0

    @property
    def asked(self) -> str:
        """The test queries: ``"all"`` or ``"protocol"``."""
        return self.queries or ("protocol" if self.data == "minivtt" else "all")

    def load(self) -> RetrievalDataset:
        """Load the data set.

        Returns:
            The data set with the chosen experts alone.

        Raises:
            DataError: If the data can not be read.
            ValueError: If more videos are to be held out than there are to train on.
        """
        dataset = self._read(None if self.experts is None else list(self.experts))
        if self.experts is None:
            features = dataset.train.features
            means = [name for name, expert in features.items() if expert.values.shape[1] == 1]
            if means and len(means) < len(features):
                dataset = self._read(means)
        return hold_out(dataset, self.held_out) if self.held_out else dataset

    def _read(self, experts: list[str] | None) -> RetrievalDataset:
        if self.protocol == ANCHORS:
            return load_anchors(self.data)
        if self.data == "minivtt":
            return load_dataset(self.data, self.protocol, experts)
        return load_folder(self.data, self.protocol, experts, max_tokens=self.max_tokens)


def hold_out(dataset: RetrievalDataset, videos: int, seed: int = 2021) -> RetrievalDataset:
    """Put training videos where the test videos stood, so that a choice can not see any of the latter.

    Args:
        dataset: Any.
        videos: How many.
        seed: Of the draw.

    Returns:
        The data set with fewer training videos, the same validation videos, and the drawn ones as test.

    Raises:
        ValueError: If ``videos`` is not between 1 and the number of training videos - 1.

    Source:
        ours.

    Example:
        >>> len(hold_out(load_dataset("minivtt"), 300).train)  # doctest: +SKIP
        1700
    """
    train = dataset.train
    if not 1 <= videos < len(train):
        raise ValueError(f"held_out: expected 1 to {len(train) - 1} training videos, got {videos}")
    # Sorted: the same videos whatever the order of the list.
    drawn = np.random.default_rng(seed).choice(sorted(train.video_ids), videos, replace=False)
    apart = set(drawn.tolist())
    kept = train.subset(video for video in train.video_ids if video not in apart)
    held = train.subset(video for video in train.video_ids if video in apart)
    note = f"{videos:,} training videos are held out and stand where the test videos stood"
    return replace(dataset, train=kept, test=replace(held, name="test"), notes=[*dataset.notes, note])


@dataclass(frozen=True)
class Experiment:
    """Everything that defines a table of results; plain values only.

    Args:
        data: Which data.
        conditions: Settings of the loss of every row, by name.
        seeds: Of the paired runs.
        model: Kind of model.
        training: Settings of every training; its seed is replaced by the run's.

    Example:
        >>> Experiment(DataConfig(), {"infonce": LossConfig("infonce")}).seeds
        (0, 1, 2)
    """

    data: DataConfig
    conditions: dict[str, LossConfig]
    seeds: tuple[int, ...] = (0, 1, 2)
    model: Kind = "mean-pool"
    training: TrainingConfig = field(default_factory=TrainingConfig)


@dataclass(frozen=True)
class RunResult:
    """What one training of one condition gave.

    Args:
        name: Of the condition.
        seed: Of the run.
        metrics: On the test videos, in both directions.
        more: nDCG under the other kinds of relevance, by kind and direction.
        history: Of the training.
        margins: How many of a training batch's margins fall into each of ``MARGIN_BINS``, or None where
            the margin is fixed.
        seconds: Training time without evaluation.

    Example:
        >>> run_all(experiment, jobs=2)[0].metrics["t2v"]["R@10"]  # doctest: +SKIP
        42.5
    """

    name: str
    seed: int
    metrics: Metrics
    more: Metrics
    history: list[dict[str, Any]]
    margins: list[int] | None
    seconds: float


class Bench:
    """A data set prepared once, on which any condition can be run.

    Args:
        experiment: What to run.

    Raises:
        DataError: If the data can not be read.

    Example:
        >>> Bench(experiment).run("infonce", seed=0)  # doctest: +SKIP
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.dataset = experiment.data.load()
        self.prepared = PreparedDataset.of(self.dataset, experiment.data.asked)
        self.relevance = relevance_kinds(self.dataset, experiment.data.asked)

    def build_model(self, seed: int) -> RetrievalModel:
        """Build the untrained model for a seed."""
        dims = {name: values.shape[2] for name, values in self.prepared.train.features.items()}
        text_dim = self.prepared.train.text.shape[1]
        return build_model(ModelConfig(self.experiment.model, text_dim, dims), seed)

    def run(
        self,
        name: str,
        seed: int,
        out: Path | None = None,
        *,
        checkpoint: Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> RunResult:
        """Train one condition and measure it on the test videos.

        Args:
            name: Of the condition.
            seed: Of initialisation, batches, captions and dropout.
            out: Folder for the trained model, or None.
            checkpoint: File for the state after every epoch, or None.
            resume: Whether to continue from ``checkpoint`` if it exists.
            progress: Whether to show a progress bar (on stderr).

        Returns:
            The result.

        Raises:
            DataError: If the checkpoint to resume belongs to another training.
        """
        loss, about = self.experiment.conditions[name].build(seed), self.about(name, seed)
        fitted = fit(
            self.build_model(seed),
            loss,
            self.prepared.train,
            self.prepared.validation,
            replace(self.experiment.training, seed=seed),
            relevance=batch_relevance(self.dataset.train) if self.dataset.name == "minivtt" else None,
            checkpoint=checkpoint,
            resume=resume,
            about=about,
            progress=progress,
        )
        if out is not None:
            save_checkpoint(out / f"{name}-seed{seed}.pt", fitted.model, about)
        metrics, more = self.measure(fitted.model)
        margins = None
        if isinstance(loss, CMGSDLoss):
            margins = margin_histogram(fitted.model, loss, self.prepared.train)
        return RunResult(name, seed, metrics, more, fitted.history, margins, fitted.seconds)

    def measure(self, model: RetrievalModel) -> tuple[Metrics, Metrics]:
        """Measure a model on the test videos: all metrics, and nDCG under each kind of relevance."""
        sim, owner = score(model, self.prepared.test).numpy(), self.prepared.test.video_of_text.numpy()
        own = np.arange(sim.shape[1]) == owner[:, None]
        main, *others = self.relevance
        metrics = retrieval_metrics(sim, owner, self.relevance[main], relevant_at=relevant_at(main))
        more = {kind: _both_ndcg(sim, self.relevance[kind]) for kind in others}
        more |= {f"{k}, own left out": _both_ndcg(sim, r, own) for k, r in self.relevance.items()}
        return metrics, more

    def about(self, name: str, seed: int) -> dict[str, Any]:
        """Return what a checkpoint must say for the model to be used again."""
        data = {**asdict(self.experiment.data), "experts": list(self.prepared.train.features)}
        return {
            **data,
            "condition": name,
            "seed": seed,
            "loss": _plain(asdict(self.experiment.conditions[name])),
        }

    def describe(self) -> dict[str, Any]:
        """Return the ``dataset`` part of the result file, and the floors of nDCG."""
        test, owner = self.prepared.test, self.prepared.test.video_of_text.numpy()
        own = np.arange(len(test)) == owner[:, None]
        floors = {}
        for kind, relevance in self.relevance.items():
            level = np.zeros(relevance.shape, np.float32)  # ties everywhere: the mean over all orders
            floors[kind] = _both_ndcg(level, relevance)
            floors[f"{kind}, own left out"] = _both_ndcg(level, relevance, own)
        return {
            "dataset": {
                "name": self.dataset.name,
                "protocol": self.dataset.protocol,
                "n_train": len(self.prepared.train),
                "n_validation": len(self.prepared.validation),
                "n_test": len(test),
                "n_queries": len(test.text),
                "queries": self.experiment.data.asked,
                "experts": {n: list(v.shape[1:]) for n, v in self.prepared.train.features.items()},
                "relevance": next(iter(self.relevance)),
            },
            "random_floor": floors,
        }


def run_all(
    experiment: Experiment, jobs: int = 1, out: Path | None = None, progress: bool = True
) -> list[RunResult]:
    """Run every condition with every seed.

    Args:
        experiment: What to run.
        jobs: Processes at a time; the results do not depend on it.
        out: Folder for the trained models of the first seed, or None.
        progress: Whether to show a progress bar (on stderr).

    Returns:
        Results in the order of conditions, then seeds.

    Raises:
        ValueError: If ``jobs`` is below 1, or as ``fit``.
        DataError: If the data can not be read.

    Source:
        ours.

    Example:
        >>> results = run_all(experiment, jobs=2)  # doctest: +SKIP
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    # Seeds outside: if one stops the job halfway, whole paired comparisons have been seen.
    tasks = [
        (name, seed, out if seed == experiment.seeds[0] else None)
        for seed in experiment.seeds
        for name in experiment.conditions
    ]
    bar = tqdm(total=len(tasks), desc="runs", disable=not progress)
    results: list[RunResult] = []
    with bar:
        for result in _in_processes(experiment, tasks, jobs) if jobs > 1 else _here(experiment, tasks):
            results.append(result)
            bar.set_postfix_str(f"{result.name}, seed {result.seed}")
            bar.update()
    order = list(experiment.conditions)
    return sorted(results, key=lambda r: (order.index(r.name), experiment.seeds.index(r.seed)))


def tabulate(
    experiment: Experiment, described: dict[str, Any], results: Sequence[RunResult]
) -> dict[str, Any]:
    """Put results into the form of ``metrics.json``.

    Args:
        experiment: What was run.
        described: From ``Bench.describe``.
        results: From ``run_all``.

    Returns:
        The object that ``run --json`` prints: schema, dataset, seeds, one row a condition with every seed's
        metrics, their mean and their standard deviation (null for a single seed), settings and versions.

    Source:
        ours.

    Example:
        >>> tabulate(experiment, bench.describe(), results)["rows"][0]["name"]  # doctest: +SKIP
        'fixed-mean'
    """
    rows = []
    for name, config in experiment.conditions.items():
        runs = [result for result in results if result.name == name]
        per_seed = [
            {"seed": r.seed, **r.metrics, "seconds": round(r.seconds, 2), "more": r.more} for r in runs
        ]
        rows.append(
            {
                "name": name,
                "per_seed": per_seed,
                "mean": _over_seeds(runs, statistics.fmean),
                "sd": _over_seeds(runs, lambda v: statistics.stdev(v) if len(v) > 1 else None),
                "loss": _plain(asdict(config)),
            }
        )
    return {
        "schema": 1,
        **described,
        "seeds": list(experiment.seeds),
        "rows": rows,
        "model": experiment.model,
        "training": {k: v for k, v in asdict(experiment.training).items() if k != "seed"},
        "versions": versions(),
    }


def margin_histogram(
    model: RetrievalModel, loss: CMGSDLoss, train: PreparedSplit, size: int = 512
) -> list[int]:
    """Count the margins that a trained model's loss gives to a fixed batch of training videos.

    Args:
        model: In evaluation mode.
        loss: Whose margins.
        train: The first videos of it, each with its first caption, are the batch.
        size: Pairs in the batch, at most.

    Returns:
        Off-diagonal margins in each of ``MARGIN_BINS``; the outermost bins hold what lies beyond.

    Source:
        ours.

    Example:
        >>> sum(margin_histogram(model, CMGSDLoss(), prepared.train, size=4))  # doctest: +SKIP
        12
    """
    videos = torch.arange(min(size, len(train)))
    captions = train.first_caption_and_count()[0][videos]
    with torch.inference_mode():
        output = model(train.text[captions], *train.videos(videos))
        margins = loss.margins(
            output.sim,
            text=output.text,
            video=output.video,
            text_teacher=train.text_teacher[videos],
            video_teacher=train.video_teacher[videos],
            progress=1.0,
        )["combined"]
    off_diagonal = margins[~torch.eye(len(videos), dtype=torch.bool)].numpy()
    counts, _ = np.histogram(off_diagonal.clip(MARGIN_BINS[0], MARGIN_BINS[-1]), MARGIN_BINS)
    return [int(count) for count in counts]


_Task = tuple[str, int, Path | None]
_bench: Bench | None = None


def _here(experiment: Experiment, tasks: Sequence[_Task]) -> Iterable[RunResult]:
    bench = Bench(experiment)
    return (bench.run(*task) for task in tasks)


def _in_processes(experiment: Experiment, tasks: Sequence[_Task], jobs: int) -> Iterable[RunResult]:
    # spawn, not fork: the same on every system, and no half-copied thread pools.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(experiment,)) as pool:
        for future in as_completed([pool.submit(_run_in_worker, task) for task in tasks]):
            yield future.result()


def _start_worker(experiment: Experiment) -> None:
    global _bench
    set_threads(1)
    _bench = Bench(experiment)


def _run_in_worker(task: _Task) -> RunResult:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return _bench.run(*task)


def _both_ndcg(
    sim: NDArray[Any], relevance: NDArray[Any], own: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """nDCG in both directions, without the pairs of a text and its own video if asked."""
    return {
        "t2v": ndcg(sim, relevance, exclude=own),
        "v2t": ndcg(sim.T, relevance.T, exclude=None if own is None else own.T),
    }


def _over_seeds(runs: Sequence[RunResult], reduce: Any) -> dict[str, dict[str, Any]]:
    return {
        direction: {
            key: reduce([r.metrics[direction][key] for r in runs]) for key in runs[0].metrics[direction]
        }
        for direction in ("t2v", "v2t")
    }


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Tuples become lists, as JSON would have them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
