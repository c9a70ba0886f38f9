"""Time of loss forward + backward against the matrix products it needs, on one thread.

``python benchmarks/loss_speed.py`` prints, for N pairs and D dimensions, the median time of the bare
products (forward and backward of ``text @ video.T`` and, for two dynamic distances, of the two
products inside each modality) and of every loss, as ratios taken round by round so that a drift of the
machine's speed cancels.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Literal

import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from torch import Tensor

from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.losses.hinge import Reduction

Step = Callable[[], object]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "hardest", 4, "smooth")
FORMS: tuple[Literal["averaged", "summed"], ...] = ("averaged", "summed")


def products(text: Tensor, video: Tensor, gradient: Tensor, dynamic: bool) -> Step:
    """The matrix products alone: sim forward, its two gradients, and the two distances."""

    def step() -> None:
        _ = text @ video.T, gradient @ video, gradient.T @ text
        if dynamic:
            _ = text @ text.T, video @ video.T

    return step


def training_step(text: Tensor, video: Tensor, loss: Callable[[Tensor], Tensor]) -> Step:
    """Similarity, loss and backward, from leaves that ask for a gradient."""

    def step() -> None:
        text.grad = video.grad = None
        loss(text @ video.T).backward()  # type: ignore[no-untyped-call]

    return step


def triplet_step(text: Tensor, video: Tensor) -> Step:
    """pytorch-metric-learning's TripletMarginLoss over all triplets, both directions."""
    loss = TripletMarginLoss(margin=0.2, swap=False, triplets_per_anchor="all")
    labels = torch.arange(text.shape[0])

    def step() -> None:
        text.grad = video.grad = None
        both = loss(text, labels, ref_emb=video, ref_labels=labels) + loss(
            video, labels, ref_emb=text, ref_labels=labels
        )
        both.backward()

    return step


def median_ratios(steps: dict[str, tuple[Step, str]], rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds, and median ratio to the named baseline of the same round."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(rounds + 3):
        for name, (step, _) in steps.items():
            start = time.perf_counter()
            step()
            if round_number >= 3:  # the first rounds warm caches up
                seconds[name].append(time.perf_counter() - start)
    return {
        name: (
            1e3 * statistics.median(seconds[name]),
            statistics.median(a / b for a, b in zip(seconds[name], seconds[baseline], strict=True)),
        )
        for name, (_, baseline) in steps.items()
    }


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=512, help="pairs in the batch")
    parser.add_argument("-d", type=int, default=256, help="dimensions of the embeddings")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, arguments.n, arguments.d, generator=generator)
    text, video = (torch.nn.functional.normalize(x, dim=-1).requires_grad_() for x in raw)
    gradient = torch.randn(arguments.n, arguments.n, generator=generator)
    plain_text, plain_video = text.detach(), video.detach()

    three, five = "3 products", "5 products"
    steps: dict[str, tuple[Step, str]] = {
        three: (products(plain_text, plain_video, gradient, dynamic=False), three),
        five: (products(plain_text, plain_video, gradient, dynamic=True), five),
    }
    for reduction in REDUCTIONS:
        fixed = MaxMarginRankingLoss(reduction=reduction)
        steps[f"fixed {reduction}"] = (training_step(text, video, fixed), three)
    steps["InfoNCE"] = (training_step(text, video, InfoNCELoss()), three)
    for form in FORMS:
        for reduction in REDUCTIONS:
            adaptive = CMGSDLoss(reduction=reduction, form=form, schedule="dynamic")

            def loss(sim: Tensor, adaptive: CMGSDLoss = adaptive) -> Tensor:
                result: Tensor = adaptive(sim, text=text, video=video)
                return result

            steps[f"cmgsd {form} {reduction}"] = (training_step(text, video, loss), five)
    rows = median_ratios(steps, arguments.rounds)
    triplet = median_ratios({three: steps[three], "triplets": (triplet_step(text, video), three)}, rounds=1)
    rows["pytorch-metric-learning, all triplets"] = triplet["triplets"]
    if arguments.json:
        print(json.dumps({name: {"ms": ms, "ratio": ratio} for name, (ms, ratio) in rows.items()}))
        return
    print(f"N = {arguments.n}, D = {arguments.d}, one thread, torch {torch.__version__}; medians")
    for name, (ms, ratio) in rows.items():
        print(f"{name:40s} {ms:9.2f} ms   {ratio:6.2f} x its products")


if __name__ == "__main__":
    main()
