"""Loss forward + backward against its bare matrix products: plain, in blocks, compiled, other packages'."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from benchmarks.other_losses import EXPENSIVE, other_losses
from benchmarks.timing import Step, against, seconds_of
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.losses.hinge import Reduction

SIZES = {512: 40.0, 2048: 40.0, 8192: 60.0}
"""Pairs in a batch, and seconds to spend on each size."""
SUMMED_UP_TO = 512
ALL_UP_TO = 4096
"""Beyond it a round takes minutes: fewer reductions."""
DIM = 256
BLOCK = 512
REDUCTIONS: tuple[Reduction, ...] = ("mean", "hardest", 4, "smooth")
Products = Literal["3 products", "5 products"]
FORMS: tuple[Literal["averaged", "summed"], ...] = ("averaged", "summed")
COMPILED = ("fixed hardest", "cmgsd averaged hardest", "cmgsd averaged smooth", "InfoNCE")


class Timed(NamedTuple):
    """What is timed: a scalar of text and video embeddings, and which bare products it is held against."""

    loss: Callable[[Tensor, Tensor], Tensor]
    products: Products


def reductions(n: int) -> tuple[tuple[Reduction, ...], tuple[Reduction, ...]]:
    """Those of the fixed margin, and of CMGSD, for N pairs."""
    return (REDUCTIONS, REDUCTIONS) if n <= ALL_UP_TO else (("hardest",), ("mean", "hardest", "smooth"))


def plain_losses(n: int) -> dict[str, Timed]:
    """Our losses of the whole matrix of scores."""
    of_fixed, of_adaptive = reductions(n)
    found = {f"fixed {r}": of_sim(MaxMarginRankingLoss(reduction=r)) for r in of_fixed}
    found["InfoNCE"] = of_sim(InfoNCELoss())
    for form in FORMS if n <= SUMMED_UP_TO else FORMS[:1]:
        for r in of_adaptive:
            found[f"cmgsd {form} {r}"] = adaptive(CMGSDLoss(reduction=r, form=form, schedule="dynamic"))
    return found


def of_sim(loss: Callable[..., Tensor]) -> Timed:
    """A loss that needs the scores alone."""
    return Timed(lambda text, video: loss(text @ video.T), "3 products")


def adaptive(loss: Callable[..., Tensor]) -> Timed:
    """A loss with the two dynamic distances."""
    return Timed(lambda text, video: loss(text @ video.T, text=text, video=video), "5 products")


def blocked(loss: Callable[..., Tensor], products: Products, block: int = BLOCK) -> Timed:
    """A loss without the whole matrix of scores."""
    return Timed(lambda text, video: loss(text=text, video=video, block=block), products)


def losses_in_blocks(n: int) -> dict[str, Timed]:
    """Our losses without the whole matrix."""
    of_fixed, of_adaptive = reductions(n)
    found = {f"fixed {r}, blocks": blocked(MaxMarginRankingLoss(reduction=r), "3 products") for r in of_fixed}
    found["InfoNCE, blocks"] = blocked(InfoNCELoss(), "3 products")
    for r in of_adaptive:
        averaged = CMGSDLoss(reduction=r, schedule="dynamic")
        found[f"cmgsd averaged {r}, blocks"] = blocked(averaged, "5 products")
    # A spread at which the clip at 0 is active: re-centring asks for more.
    clipped = CMGSDLoss(beta=0.2, reduction="hardest", schedule="dynamic")
    return {**found, "cmgsd averaged hardest, clip active, blocks": blocked(clipped, "5 products")}


def compiled_losses(plain: dict[str, Timed]) -> dict[str, Timed | str]:
    """Some of the plain losses through ``torch.compile``, or why not."""
    if not torch.cuda.is_available() and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        return {f"{name}, compiled": "no C++ compiler on this machine" for name in COMPILED}
    return {
        f"{name}, compiled": plain[name]._replace(loss=torch.compile(plain[name].loss, fullgraph=True))
        for name in COMPILED
    }


def candidates(n: int, dim: int, parts: tuple[str, ...]) -> dict[str, Timed | str]:
    """All that is timed for N pairs, or why something is not."""
    plain = plain_losses(n)
    found: dict[str, Timed | str] = {}
    if "plain" in parts:
        found |= plain
    if "blocks" in parts:
        found |= losses_in_blocks(n)
    if "compiled" in parts:
        found |= compiled_losses(plain)
    others: dict[str, Timed | str] = {
        name: loss if isinstance(loss, str) else Timed(loss, "3 products")
        for name, loss in other_losses(n, dim).items()
        if ("expensive" if name in EXPENSIVE else "others") in parts
    }
    return {**found, **others}


def products(text: Tensor, video: Tensor, gradient: Tensor, dynamic: bool) -> Step:
    """The bare products: scores and their two gradients, with dynamic distances also those of each side."""

    def step() -> None:
        _ = text @ video.T, gradient @ video, gradient.T @ text
        if dynamic:
            _ = text @ text.T, video @ video.T

    return step


def training_step(text: Tensor, video: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Step:
    """Loss and backward, from leaves that ask for a gradient."""

    def step() -> None:
        text.grad = video.grad = None
        loss(text, video).backward()  # type: ignore[no-untyped-call]

    return step


def measure_size(n: int, dim: int, budget: float, parts: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows for N pairs: milliseconds, ratio to the bare products of the same round, or why left out."""
    generator = torch.Generator().manual_seed(0)
    text, video = torch.nn.functional.normalize(torch.randn(2, n, dim, generator=generator), dim=-1)
    gradient = torch.randn(n, n, generator=generator)
    steps = {f"{k} products": products(text, video, gradient, dynamic=k == 5) for k in (3, 5)}
    leaves = text.clone().requires_grad_(), video.clone().requires_grad_()
    tried = candidates(n, dim, parts)
    timed = {name: one for name, one in tried.items() if not isinstance(one, str)}
    steps |= {name: training_step(*leaves, one.loss) for name, one in timed.items()}
    seconds = seconds_of(steps, budget)
    rows: list[dict[str, Any]] = []
    for name in [f"{k} products" for k in (3, 5)] + list(tried):
        one = tried.get(name)
        if isinstance(one, str):
            rows.append({"pairs": n, "name": name, "left_out": one})
            continue
        baseline = name if one is None else one.products
        rows.append({"pairs": n, "name": name, "of": baseline, **against(seconds[name], seconds[baseline])})
    return rows


def measure(sizes: Mapping[int, float] = SIZES, dim: int = DIM) -> dict[str, Any]:
    """The section of the report.

    Args:
        sizes: Pairs in a batch, and seconds to spend on each size.
        dim: Width of the embeddings.

    Returns:
        ``rows``, and what they were measured with.
    """
    rows = []
    for n, budget in sizes.items():
        # Compiling takes longer than all the rest, and gains most where the arithmetic is least.
        compiled = ("compiled",) if n == min(sizes) else ()
        rows += measure_size(n, dim, budget, ("plain", "blocks", *compiled, "others"))
        rows += measure_size(n, dim, budget / 2, ("expensive",))[2:]  # the products stand there already
    return {"dim": dim, "block": BLOCK, "rows": rows}
