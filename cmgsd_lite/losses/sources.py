"""The sources of distance of a batch: frozen teachers, ready matrices, and the model's own embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.blocks.distances import Cosines, Distances, Ready
from cmgsd_lite.losses.blocks.scores import Scores, unit_rows
from cmgsd_lite.losses.checks import Distance, check_features, named_distances
from cmgsd_lite.similarity import at_least_float32, full_precision


@dataclass(frozen=True, eq=False)
class Source:
    """One source of distance.

    Args:
        argument: The loss's argument that it comes from, for messages.
        tensor: Features [N, D], or a ready distance matrix [N, N] (in blocks also a callable).
        dynamic: Whether it is the model's own.
        ready: Whether ``tensor`` is a distance matrix.

    Source:
        ours.

    Example:
        >>> Source("text", torch.eye(2), dynamic=True).distances(detach=True)[0]
        tensor([0., 1.])
    """

    argument: str
    tensor: Distance
    dynamic: bool = False
    ready: bool = False

    def distances(self, detach: bool) -> Tensor:
        """Return the distances [N, N]; ``detach`` keeps the gradient from the features."""
        assert isinstance(self.tensor, Tensor)
        tensor = self.tensor.detach() if detach else self.tensor
        if self.ready:
            return tensor
        try:
            return cosine_distances(tensor)
        except ValueError as error:
            raise ValueError(
                f"{self.argument}: expected finite features, got NaN or infinite entries"
            ) from error

    def in_blocks(self, scores: Scores) -> Distances:
        """Return the distances [N, N] as what their blocks are made of, in the dtype of the scores."""
        known = {"text": scores.text, "video": scores.video}.get(self.argument)
        if known is not None:
            return Cosines(known.unit)
        if self.ready or not isinstance(self.tensor, Tensor):
            return Ready(self.argument, self.tensor, scores.like, len(scores.like))
        return Cosines(unit_rows(self.argument, self.tensor.detach()).unit.to(scores.like.dtype))


def stacked_distances(sources: Sequence[Source]) -> Tensor:
    """The distances of several sources but for a constant, in few steps and without a gradient.

    Args:
        sources: At least one, whose tensors are on one device; those of features first.

    Returns:
        [K, N, N], float32 or wider: minus the cosines of features, ready distances as they are. NaN where a
        row of features is not finite, or so long that its square is not.

    Source:
        ours.

    Example:
        >>> stacked_distances([Source("text", torch.tensor([[3.0, 0.0], [0.0, 1.0]]))])
        tensor([[[-1., -0.],
                 [-0., -1.]]])
    """
    tensors = [source.tensor for source in sources if isinstance(source.tensor, Tensor)]
    with torch.no_grad(), full_precision(tensors[0]):
        wide = [at_least_float32(x) for x in tensors]
        stack = torch.stack([x if s.ready else x @ x.T for x, s in zip(wide, sources, strict=True)])
        # What each product is divided by stands on the diagonal: N numbers, instead of every feature.
        products = stack[: sum(not source.ready for source in sources)]
        per_length = products.diagonal(dim1=-2, dim2=-1).clamp_min(1e-24).rsqrt()
        products.mul_(per_length[:, :, None]).mul_(-per_length[:, None])
    return stack


def sources_of(sim: Tensor, given: Inputs, in_blocks: bool = False) -> dict[str, Source]:
    """The sources that a batch has, each checked against ``sim``.

    Args:
        sim: Similarities [N, N], as ``checked_sim`` returns them.
        given: The inputs of a loss.
        in_blocks: Whether callables may be among the ready distances.

    Returns:
        Those that were given of ``text_static``, ``video_static``, one ``distances['name']`` for every ready
        matrix, ``text_dynamic`` and ``video_dynamic``.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> list(sources_of(torch.eye(2), Inputs(text=torch.eye(2), text_teacher=torch.eye(2))))
        ['text_static', 'text_dynamic']
    """
    features = {
        "text_static": ("text_teacher", given.text_teacher),
        "video_static": ("video_teacher", given.video_teacher),
        "text_dynamic": ("text", given.text),
        "video_dynamic": ("video", given.video),
    }
    sources = {}
    for name, (argument, x) in features.items():
        if x is not None:
            check_features(argument, x, sim)
            sources[name] = Source(argument, x, dynamic=name.endswith("_dynamic"))
    named = named_distances(given.distances, sim, in_blocks)
    ready = {name: Source(name, d, ready=True) for name, d in named.items()}
    static = {name: source for name, source in sources.items() if not source.dynamic}
    dynamic = {name: source for name, source in sources.items() if source.dynamic}
    return {**static, **ready, **dynamic}
