"""On a GPU: what a step costs where it is all launches, and where it is all arithmetic."""

from __future__ import annotations

import statistics
from typing import Any

import torch
from torch import Tensor

from benchmarks.losses import blocked, products, training_step
from benchmarks.timing import against, seconds_of
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.losses.hinge import Reduction

LARGE = 32768
LARGE_DIM = 512
BLOCK = 4096
REDUCTIONS: tuple[Reduction, ...] = ("hardest", "mean", "smooth")


def measure(
    device: str = "cuda", small: int = 128, large: int = LARGE, budget: float = 20.0
) -> dict[str, Any]:
    """The section of the report.

    Args:
        device: Where to compute.
        small: Pairs where launches count.
        large: Pairs where arithmetic counts.
        budget: Seconds for each of the two.

    Returns:
        ``launches``: milliseconds of the loss above the fixed margin's, compiled or not. ``arithmetic``:
        ratio to five bare products in TF32, and the peak of memory above the inputs.
    """
    if device == "cuda" and not torch.cuda.is_available():
        return {"left_out": "no GPU on this machine"}
    before = torch.get_float32_matmul_precision()
    try:
        launches = small_batch(device, small, budget)
        torch.set_float32_matmul_precision("high")  # TF32
        return {"launches": launches, "arithmetic": large_batch(device, large, budget)}
    finally:
        torch.set_float32_matmul_precision(before)


def finish(device: str) -> Any:
    """What waits for the device."""
    return torch.cuda.synchronize if device == "cuda" else None


def embeddings(n: int, dim: int, device: str) -> tuple[Tensor, Tensor]:
    """Unit rows that ask for a gradient."""
    generator = torch.Generator().manual_seed(0)
    both = torch.nn.functional.normalize(torch.randn(2, n, dim, generator=generator), dim=-1).to(device)
    return both[0].clone().requires_grad_(), both[1].clone().requires_grad_()


def small_batch(device: str, n: int, budget: float, dim: int = 256) -> dict[str, Any]:
    """Milliseconds of similarity, loss and backward, and how many above the fixed margin's."""
    text, video = embeddings(n, dim, device)
    fixed, adaptive, contrast = (
        MaxMarginRankingLoss(0.2, "hardest"),
        CMGSDLoss(schedule="dynamic"),
        InfoNCELoss(),
    )
    plain = {
        "fixed": lambda a, b: fixed(a @ b.T),
        "cmgsd": lambda a, b: adaptive(a @ b.T, text=a, video=b),
        "InfoNCE": lambda a, b: contrast(a @ b.T),
    }
    steps = {name: training_step(text, video, loss) for name, loss in plain.items()}
    for name, loss in plain.items():
        steps[f"{name}, compiled"] = training_step(text, video, torch.compile(loss, fullgraph=True))
    seconds = seconds_of(steps, budget, finish=finish(device))
    rows = []
    for name, mine in seconds.items():
        base = seconds["fixed, compiled" if name.endswith("compiled") else "fixed"]
        above = 1e3 * (statistics.median(mine) - statistics.median(base))
        rows.append({"name": name, "ms_above_fixed": round(above, 3), **against(mine, base)})
    return {"pairs": n, "dim": dim, "rows": rows}


def large_batch(device: str, n: int, budget: float, dim: int = LARGE_DIM) -> dict[str, Any]:
    """Ratio of CMGSD in blocks to its five products, and its peak of memory."""
    text, video = embeddings(n, dim, device)
    gradient = torch.randn(n, n, device=device)
    steps = {"5 products": products(text.detach(), video.detach(), gradient, dynamic=True)}
    for r in REDUCTIONS:
        one = blocked(CMGSDLoss(reduction=r, schedule="dynamic"), "5 products", BLOCK)
        steps[str(r)] = training_step(text, video, one.loss)
    seconds = seconds_of(steps, budget, finish=finish(device))
    rows = [{"name": name, **against(mine, seconds["5 products"])} for name, mine in seconds.items()]
    del gradient
    if device == "cuda":
        for row in rows[1:]:
            row["peak_mb"] = cuda_peak(steps[row["name"]])
    return {"pairs": n, "dim": dim, "block": BLOCK, "rows": rows}


def cuda_peak(step: Any) -> float:
    """Megabytes at the peak above what stood before."""
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)
