"""What MiniVTT is like, measured: false negatives, twins, linear probes and a linear retrieval baseline.

``python benchmarks/minivtt_facts.py`` prints the tables of data/README.md; no margin is involved anywhere,
so that the difficulty of the world can be judged without favouring a method.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from cmgsd_lite.data import RetrievalDataset, Split
from cmgsd_lite.data.minivtt import entailment, load_minivtt
from cmgsd_lite.evaluation.metrics import retrieval_metrics
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.models import ModelConfig
from cmgsd_lite.models.base import RetrievalModel, TextExperts, VideoExperts, present_experts
from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.similarity import normalise
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import score

VARIANTS = ("low", "default", "high")


class LinearModel(RetrievalModel):
    """One linear map a side: the plainest retrieval model there is."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.text = nn.Linear(config.text_dim, config.embed_dim)
        self.video = nn.Linear(sum(config.expert_dims.values()), config.embed_dim)

    def _encode_text(self, text: Tensor) -> TextExperts:
        vectors = normalise(self.text(normalise(text)))
        return TextExperts(vectors[:, None], vectors.new_ones(len(vectors), 1))

    def _encode_video(self, values: list[Tensor], masks: list[Tensor]) -> VideoExperts:
        pooled = [normalise(masked_mean(of, mask)) for of, mask in zip(values, masks, strict=True)]
        vectors = normalise(self.video(torch.cat(pooled, dim=1)))
        return VideoExperts(vectors[:, None], present_experts(masks).any(dim=1, keepdim=True))


def captions_of(split: Split) -> tuple[list[str], NDArray[np.intp]]:
    """All captions of a split in order, and the row of the clip that each belongs to."""
    texts = [text for name in split.video_ids for text in split.captions[name]]
    owner = np.repeat(np.arange(len(split)), [len(split.captions[name]) for name in split.video_ids])
    return texts, owner


def false_negative_rates(dataset: RetrievalDataset, batches: int = 400, size: int = 128) -> str:
    """Other true clips per caption in batches as training draws them, and the share of own-true captions."""
    true, (_, owner) = entailment(dataset.train), captions_of(dataset.train)
    first = np.searchsorted(owner, np.arange(len(dataset.train)))
    counts = np.bincount(owner)
    generator = np.random.default_rng(0)
    others = []
    for _ in range(batches):
        videos = generator.permutation(len(dataset.train))[:size]
        rows = first[videos] + (generator.random(size) * counts[videos]).astype(int)
        block = true[rows][:, videos]
        np.fill_diagonal(block, False)
        others.append(block.sum(1))
    found = np.concatenate(others)
    own = 100 * true[np.arange(len(owner)), owner].mean()
    return f"{found.mean():.2f} / {np.median(found):.0f} | {100 * (found > 0).mean():.0f} % | {own:.1f} %"


def twins(dataset: RetrievalDataset) -> str:
    """Share of all caption rows whose sentence stands at another clip too."""
    captions = {name: texts for part in _splits(dataset) for name, texts in part.captions.items()}
    rows = [(text, name) for name, texts in captions.items() for text in texts]
    clips = Counter(text for text, _ in set(rows))
    return f"{len(rows):,} | {100 * np.mean([clips[text] > 1 for text, _ in rows]):.1f} %"


def linear_baseline(dataset: RetrievalDataset) -> str:
    """Test recall of the linear model trained with InfoNCE, no margin."""
    prepared = PreparedDataset.of(dataset, "protocol")
    widths = {name: values.shape[2] for name, values in prepared.train.features.items()}
    torch.manual_seed(0)
    model = LinearModel(ModelConfig("mean-pool", prepared.train.text.shape[1], widths))
    config = TrainingConfig(epochs=30, learning_rate=3e-3)
    fitted = fit(model, InfoNCELoss(), prepared.train, prepared.validation, config, progress=False)
    sim = score(fitted.model, prepared.test).numpy()
    found = retrieval_metrics(sim, prepared.test.video_of_text.numpy())["t2v"]
    return " / ".join(f"{found[key]:.1f}" for key in ("R@1", "R@5", "R@10"))


def probes(dataset: RetrievalDataset) -> list[str]:
    """Accuracy on test clips of linear classifiers of each facet, of clips with one subject, a line each."""
    lines = []
    for facet in ("entity", "colour", "motion", "place"):
        train, test = (_labels(part, facet) for part in (dataset.train, dataset.test))
        majority = Counter(train[1]).most_common(1)[0][0]
        floor = 100 * np.mean([label == majority for label in test[1]])
        cells = []
        for expert in ("appearance_mean", "motion"):
            inputs = [
                _vectors(part, expert)[rows]
                for part, (rows, _) in ((dataset.train, train), (dataset.test, test))
            ]
            classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
            classifier.fit(inputs[0], train[1])
            cells.append(f"{100 * classifier.score(inputs[1], test[1]):.0f} %")
        lines.append(f"| {facet} | {' | '.join(cells)} | {floor:.0f} % |")
    return lines


def main() -> None:
    """Print all tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    set_threads(1)
    data = {variant: load_minivtt(variant) for variant in VARIANTS}
    print("| variant | captions | with an exact twin | other true clips: mean / median | captions with any |")
    print("  true of their own clip | linear R@1/5/10 |")
    for variant, dataset in data.items():
        cells = (variant, twins(dataset), false_negative_rates(dataset), linear_baseline(dataset))
        print(f"| {' | '.join(cells)} |")
    print("| facet | appearance_mean | motion | most frequent |")
    print("\n".join(probes(data["default"])))


def _splits(dataset: RetrievalDataset) -> tuple[Split, ...]:
    return dataset.train, dataset.validation, dataset.test


def _labels(split: Split, facet: str) -> tuple[list[int], list[str]]:
    rows, labels = [], []
    for row, name in enumerate(split.video_ids):
        scene = split.extras["videos"][name]["scene"]
        if len(scene["subjects"]) == 1:
            rows.append(row)
            labels.append(scene["place"] if facet == "place" else scene["subjects"][0][facet])
    return rows, labels


def _vectors(split: Split, expert: str) -> NDArray[np.float32]:
    values, mask = split.features[expert]
    return np.asarray(np.where(mask[..., None], values, 0).mean(axis=1), np.float32)


if __name__ == "__main__":
    main()
