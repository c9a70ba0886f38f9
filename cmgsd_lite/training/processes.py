"""One training in several processes: each encodes its share of a batch that all have drawn alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cmgsd_lite.distributed import gather, processes
from cmgsd_lite.models import Output, RetrievalModel, VideoExperts


@dataclass(frozen=True)
class Share:
    """Which of many processes this one is, and which pairs of a batch are its own."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_this_process(cls) -> Share:
        """Return what torch.distributed says, or the whole where it was not started."""
        return cls(*processes())

    def sizes(self, pairs: int) -> list[int]:
        """Return how many of a batch's pairs each process has; they differ by one at most."""
        each, more = divmod(pairs, self.count)
        return [each + (rank < more) for rank in range(self.count)]

    def rows(self, pairs: int) -> slice:
        """Return the pairs that are this process's own."""
        start = sum(self.sizes(pairs)[: self.rank])
        return slice(start, start + self.sizes(pairs)[self.rank])


def joined_output(
    model: RetrievalModel,
    text: Tensor,
    features: Mapping[str, Tensor],
    masks: Mapping[str, Tensor],
    sizes: list[int],
) -> Output:
    """Encode the own pairs and join the processes: the whole batch's embeddings and scores, with gradients.

    ``text`` [n, D], ``features`` and ``masks`` are of the own pairs, ``sizes`` holds the n of every process,
    whose sum is N. Returns embeddings [N, D] and ``sim`` [N, N], of which this process computes the rows of
    its texts.
    """
    texts, videos = model.encode_text(text), model.encode_video(features, masks)
    everything = VideoExperts(gather(videos.vectors, sizes, alike=False), gather(videos.present, sizes))
    own = (texts.embedding, videos.embedding, model.similarity(texts, everything))
    return Output(*(gather(x, sizes) for x in own))


class DrawnTogether(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Dropout of the joined batch: each process draws for all pairs and keeps what falls on its own ``rows``.

    One process and several drop the same units then. Where dropout is drawn inside a fused kernel, on a GPU,
    nothing is changed: it is equal in distribution only.
    """

    def __init__(self, rows: slice, pairs: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.pairs = rows, pairs

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hand every operation on, but draw more than was asked for."""
        if func is not torch.ops.aten.bernoulli_.float or len(args[0]) != self.rows.stop - self.rows.start:
            return func(*args, **(kwargs or {}))
        # Random numbers fill memory in its order, in which the pairs need not come first.
        layout = sorted(range(args[0].ndim), key=args[0].stride, reverse=True)
        whole = torch.empty_permuted(
            (self.pairs, *args[0].shape[1:]), layout, dtype=args[0].dtype, device=args[0].device
        )
        func(whole, *args[1:], **(kwargs or {}))
        return args[0].copy_(whole[self.rows])
