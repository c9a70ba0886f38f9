"""Losses over the joined batch of several processes (torch.distributed), with the gradient of one process.

A contrastive batch cannot be cut into pieces: the negatives of a text are the videos of all processes, and
the statistics of a margin are those of all pairs. So embeddings are gathered, and each process scores its own
texts against all videos: of ``sim`` [N, N] it computes the rows [n, N] that it owns. The loss, a matter of
N x N numbers, is computed alike in every process.

Gradients are scaled for parameters whose gradients are *averaged* over the processes afterwards, as
``DistributedDataParallel`` does: the average is the gradient of one process with the joined batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from cmgsd_lite.similarity import cosine_similarity_matrix

TIMEOUT = timedelta(minutes=10)
"""How long a process waits for the others. One that has died is noticed at once, one that hangs is not."""

Made = TypeVar("Made")
if TYPE_CHECKING:  # not in every build of torch
    Group = distributed.ProcessGroup | None


def processes(group: Group = None) -> tuple[int, int]:
    """Return the number of this process and how many there are: (0, 1) without torch.distributed."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(group), distributed.get_world_size(group)


def gather(
    x: Tensor, sizes: Sequence[int] | None = None, *, alike: bool = True, group: Group = None
) -> Tensor:
    """Join the rows of all processes, in the order of the processes, with gradients.

    Args:
        x: Rows of this process [n, ...]; n may differ between processes.
        sizes: The n of every process; asked for by default, which an accelerator has to wait for.
        alike: What the result is used for. True: every process computes the same number from it; the
            gradient of the own rows is then at hand, and is multiplied by the number of processes. False:
            every process computes something of its own; gradients are summed over the processes.
        group: Of processes; None for all.

    Returns:
        [sum of n, ...]; ``x`` itself where there is one process.

    Raises:
        ValueError: If a process has no row, or ``sizes`` does not fit.
        ConnectionError: If another process has stopped.

    Source:
        ours; OpenCLIP's ``gather_features`` does likewise (``gather_with_grad``, ``local_loss``).

    Example:
        >>> gather(torch.eye(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if processes(group)[1] == 1:
        return x
    every = _sizes(len(x), sizes, group)
    gathered: Tensor = _Gather.apply(x, every, alike, group)  # type: ignore[no-untyped-call]
    return gathered


class GatheredLoss(nn.Module):
    """A loss over the joined batch of all processes, called in each with the rows that it has.

    For one's own training with ``DistributedDataParallel``: value and averaged gradient are those of one
    process with the joined batch. Any loss of this package works, or one's own with some of the same names.
    Where the loss has parameters, average their gradients too (put it into the module that is wrapped).

    Called as every loss (``RetrievalLoss``), with n rows instead of N: ``text``, ``video``,
    ``text_teacher``, ``video_teacher``, ``ids`` (a tensor) of the process's own pairs; ``sim``,
    ``distances``, ``margin`` (where it is no number) and ``relevance`` are [n, N], the own texts against the
    videos of all processes in their order. Without ``sim`` the cosines of ``text`` and ``video`` are taken.
    N is the sum of all n, which may differ; ``sizes``, all of them, spares the question. A model with a
    similarity of its own gives ``sim=similarity(text, gather(video, alike=False))``. With ``block`` no matrix
    [N, N] stands anywhere; each process then goes over all rows.

    A permuted control needs ``progress``: without it the shuffle depends on the last bits of the scores.

    Args:
        loss: The loss of a batch.
        group: Of processes; None for all.

    Source:
        ours.

    Example:
        >>> from cmgsd_lite.losses import CMGSDLoss
        >>> loss = GatheredLoss(CMGSDLoss(schedule="dynamic"))  # of one process: the loss itself
        >>> text, video = torch.eye(3), torch.eye(3)
        >>> float(loss(text=text, video=video))
        0.0
    """

    def __init__(self, loss: nn.Module, group: Group = None) -> None:
        super().__init__()
        self.loss, self.group = loss, group

    def forward(
        self, sim: Tensor | None = None, *, sizes: Sequence[int] | None = None, **given: Any
    ) -> Tensor:
        """Return the loss of the joined batch, the same in every process."""
        given = {name: value for name, value in given.items() if value is not None}
        text, video = given.get("text"), given.get("video")
        if sim is None and (text is None or video is None):
            raise ValueError("sim: expected similarities [n, N], or text and video to take the cosines of")
        sizes = _sizes(len(text if sim is None else sim), sizes, self.group)  # type: ignore[arg-type]
        if sim is None and "block" not in given:
            everything = gather(video, sizes, alike=False, group=self.group)  # type: ignore[arg-type]
            sim = cosine_similarity_matrix(text, everything)  # type: ignore[arg-type]
        given = given if sim is None else {"sim": sim, **given}
        loss: Tensor = self.loss(**{name: self._joined(name, value, sizes) for name, value in given.items()})
        return loss

    def _joined(self, name: str, value: Any, sizes: list[int]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._joined(f"{name}[{key!r}]", one, sizes) for key, one in value.items()}
        if isinstance(value, tuple):
            return tuple(self._joined(name, one, sizes) for one in value)
        if not isinstance(value, Tensor) or value.ndim == 0:
            if name == "ids":
                raise ValueError(f"ids: expected a tensor of numbers, got {type(value).__name__}")
            return value
        own, every = sizes[processes(self.group)[0]], sum(sizes)
        square = name.startswith(("sim", "distances", "margin", "relevance"))
        if len(value) != own or (square and value.shape != (own, every)):
            wanted = [own, every] if square else [own, "..."]
            raise ValueError(f"{name}: expected {wanted}, a row for each own text, got {list(value.shape)}")
        return gather(value, sizes, group=self.group)


def average_gradients(parameters: Iterable[nn.Parameter], group: Group = None) -> None:
    """Average gradients over the processes, in one message: for a training without DistributedDataParallel.

    Args:
        parameters: The same in every process; those without a gradient are passed over.
        group: Of processes; None for all.

    Raises:
        ConnectionError: If another process has stopped.

    Source:
        ours.

    Example:
        >>> average_gradients(nn.Linear(2, 2).parameters())
    """
    count = processes(group)[1]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if count == 1 or not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    _together(distributed.all_reduce, flat, group=group)
    means = torch.split(flat / count, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def on_first(make: Callable[[], Made], group: Group = None) -> Made:
    """Do something in the first process alone; every process gets what came of it, an error included.

    Raises ConnectionError if another process has stopped; otherwise what ``make`` raises.
    """
    rank, count = processes(group)
    if count == 1:
        return make()
    outcome: list[Any] = [None, None]
    if rank == 0:
        try:
            outcome[0] = make()
        except Exception as error:
            outcome[1] = error
    _together(distributed.broadcast_object_list, outcome, _first(group), group=group)
    if outcome[1] is not None:
        raise outcome[1]
    made: Made = outcome[0]
    return made


def share_start(*modules: nn.Module, settings: Any = None, group: Group = None) -> None:
    """Give every process the parameters and buffers of the first, and check that all were asked for the same.

    Raises ValueError if the settings, plain values, differ, ConnectionError if another process has stopped.
    """
    count = processes(group)[1]
    if count == 1:
        return
    theirs: list[Any] = [None] * count
    _together(distributed.all_gather_object, theirs, settings, group=group)
    for other, found in enumerate(theirs):
        if found != theirs[0]:
            raise ValueError(f"process {other}: expected the settings of process 0, {theirs[0]}, got {found}")
    with torch.no_grad():
        for module in modules:
            for values in [*module.parameters(), *module.buffers()]:
                _together(distributed.broadcast, values, _first(group), group=group)


@contextmanager
def joined(device: str = "auto", store: Path | None = None) -> Iterator[None]:
    """Join the processes that ``torchrun`` has started; nothing happens in a process that is alone.

    NCCL between GPUs, one for each process of a machine; gloo otherwise. In the file ``store`` the processes
    of one machine find one another, if they were started without ``torchrun`` and with ``RANK`` and
    ``WORLD_SIZE`` in their environment. Raises ConnectionError if the others do not come.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or distributed.is_initialized():
        yield
        return
    gpus = torch.cuda.is_available() and (device == "auto" or device.startswith("cuda"))
    if gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    where: dict[str, Any] = {}
    if store is not None:
        file = distributed.FileStore(str(store), count)  # type: ignore[attr-defined]
        where = {"store": file, "rank": int(os.environ["RANK"]), "world_size": count}
    _together(distributed.init_process_group, "nccl" if gpus else "gloo", timeout=TIMEOUT, **where)
    try:
        yield
    finally:
        distributed.destroy_process_group()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int], alike: bool, group: Group) -> Tensor:
        ctx.sizes, ctx.alike, ctx.group = sizes, alike, group
        if x.dtype == torch.bool:
            return _rows_of_all(x.view(torch.uint8), sizes, group).view(torch.bool)
        return _rows_of_all(x, sizes, group)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        rank, count = processes(ctx.group)
        if ctx.alike:
            gradient = gradient * count
        else:
            gradient = gradient.clone(memory_format=torch.contiguous_format)
            _together(distributed.all_reduce, gradient, group=ctx.group)
        return torch.split(gradient, ctx.sizes)[rank], None, None, None


def _rows_of_all(x: Tensor, sizes: list[int], group: Group) -> Tensor:
    """gloo joins parts of one size only: shorter ones are filled up, and cut again."""
    filled = x.new_zeros(max(sizes), *x.shape[1:])
    filled[: len(x)] = x.detach()
    parts = [torch.empty_like(filled) for _ in sizes]
    _together(distributed.all_gather, parts, filled, group=group)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def _first(group: Group) -> int:
    return 0 if group is None else distributed.get_global_rank(group, 0)


def _sizes(own: int, sizes: Sequence[int] | None, group: Group) -> list[int]:
    rank, count = processes(group)
    if count == 1:
        return [own]
    if sizes is None:
        found: list[Any] = [None] * count
        _together(distributed.all_gather_object, found, own, group=group)
        sizes = found
    if len(sizes) != count or sizes[rank] != own:
        raise ValueError(f"sizes: expected {count}, that of this process {own}, got {list(sizes)}")
    if min(sizes) < 1:
        raise ValueError(f"x: expected at least one row in every process, got {list(sizes)}")
    return list(sizes)


def _together(call: Callable[..., object], *arguments: Any, **more: Any) -> None:
    """Call what all processes take part in; an error of it says in one line that the others are missing."""
    try:
        call(*arguments, **more)
    except RuntimeError as error:
        rank, count = os.environ.get("RANK", "?"), os.environ.get("WORLD_SIZE", "?")
        if distributed.is_initialized():
            rank, count = map(str, processes())
        raise ConnectionError(
            f"process {rank} of {count}: another process has stopped, or has not answered for "
            f"{TIMEOUT.seconds} s; start again and resume from the last checkpoint (--resume)"
        ) from error
