"""Chapter 13's instruments: false negatives by batch size, rows in blocks, a meter of memory and work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cmgsd_lite.course.own_model import batches, recall_at_10, train
from cmgsd_lite.data import minivtt
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.models import RetrievalModel


def false_negatives_by_size(model: RetrievalModel, sizes: Sequence[int]) -> dict[int, dict[str, float]]:
    """Count false negatives in training batches of several sizes.

    Args:
        model: Whose similarities say which negative is an anchor's hardest.
        sizes: Pairs in a batch; at least 1,000 captions are looked at for each.

    Returns:
        By size, over captions: the mean number of false negatives (``"number"``), the share of captions that
        have one (``"any"``) and whose hardest negative is one (``"hardest"``), and the share of all negative
        pairs (``"share"``), in percent.

    Source:
        ours.

    Example:
        >>> list(false_negatives_by_size(new_model(), [32])[32])  # doctest: +SKIP
        ['number', 'any', 'hardest', 'share']
    """
    of_batch, found = minivtt.batch_relevance(minivtt.load_minivtt().train), {}
    for size in sizes:
        rows = []
        for batch in batches(math.ceil(1000 / size), size):
            false = (of_batch(batch.rows, batch.captions) > 1 - 1e-6).fill_diagonal_(False)
            with torch.inference_mode():
                sim = model.eval()(batch.text, batch.features, batch.masks).sim
            hardest = sim.masked_fill(torch.eye(size, dtype=torch.bool), -2).argmax(1, keepdim=True)
            rows.append(torch.stack([false.sum(1), false.any(1), false.gather(1, hardest)[:, 0]]).double())
        number, some, first = torch.cat(rows, dim=1).mean(1).tolist()
        found[size] = {
            "number": number,
            "any": 100 * some,
            "hardest": 100 * first,
            "share": 100 * number / (size - 1),
        }
    return found


def rows_in_blocks(text: Tensor, video: Tensor, block: int) -> Iterator[Tensor]:
    """Cosines of some texts with all videos at a time, a text's own video at -2, out of every maximum's way.

    Args:
        text: Unit vectors [N, D].
        video: Unit vectors [N, D].
        block: Texts at a time.

    Source:
        ours.

    Example:
        >>> [len(rows) for rows in rows_in_blocks(torch.eye(5), torch.eye(5), 2)]
        [2, 2, 1]
    """
    for start in range(0, len(text), block):
        rows = text[start : start + block] @ video.T
        rows.diagonal(start).fill_(-2)
        yield rows


def train_by_batch_size(size: int, steps: int) -> float:
    """Train gated experts with InfoNCE in batches of a size, from the same weights.

    Args:
        size: Pairs in a batch.
        steps: Batches.

    Returns:
        R@10 on the validation clips, mean of two seeds, in percent.

    Source:
        ours.

    Example:
        >>> train_by_batch_size(64, 125)  # doctest: +SKIP
        63.6
    """
    return sum(recall_at_10(train(InfoNCELoss(0.07), seed, steps, size)) for seed in (0, 1)) / 2


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what is computed inside ``with Meter() as meter``: the same on every machine.

    Args:
        pairs: N of the batch, for ``products``.
        width: D of the embeddings.

    Example:
        >>> with Meter(4, 2) as meter:
        ...     _ = torch.ones(4, 2) @ torch.ones(2, 4)
        >>> meter.largest, meter.products
        (64, 1.0)
    """

    def __init__(self, pairs: int, width: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest, self._multiplied, self._product = 0, 0, pairs * pairs * width

    @property
    def products(self) -> float:
        """Multiplications of all matrix products, in products of [N, D] and [D, N]."""
        return self._multiplied / self._product

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Let an operation run, and note what it made and multiplied."""
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor) and not tensor.is_sparse:
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        if function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.addmm_):
            a, b = [x for x in args if isinstance(x, Tensor)][-2:]
            self._multiplied += (a._nnz() if a.is_sparse else a.numel()) * b.shape[1]
        return made


def metered(loss: Callable[..., Tensor], pairs: int, width: int = 128, block: int | None = None) -> Meter:
    """Measure a loss and its gradient on random embeddings, whole or in blocks.

    Args:
        loss: Of this package.
        pairs: N.
        width: D.
        block: Rows of a block; None for the whole matrix.

    Source:
        ours.

    Example:
        >>> from cmgsd_lite.losses import MaxMarginRankingLoss
        >>> metered(MaxMarginRankingLoss(0.2, "mean"), 64).products
        3.0
    """
    generator = torch.Generator().manual_seed(0)
    text, video = (torch.randn(pairs, width, generator=generator).requires_grad_() for _ in range(2))
    meter = Meter(pairs, width)
    with meter:
        if block is None:
            unit = [torch.nn.functional.normalize(x) for x in (text, video)]
            value = loss(unit[0] @ unit[1].T, text=text, video=video)
        else:
            value = loss(text=text, video=video, block=block)
        value.backward()  # type: ignore[no-untyped-call]
    return meter
