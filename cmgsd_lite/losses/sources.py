"""The sources of distance of a batch: frozen teachers, ready matrices, and the model's own embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.checks import check_features, named_distances


@dataclass(frozen=True, eq=False)
class Source:
    """One source of distance.

    Args:
        argument: The loss's argument that it comes from, for messages.
        tensor: Features [N, D], or a ready distance matrix [N, N].
        dynamic: Whether it is the model's own.
        ready: Whether ``tensor`` is a distance matrix.

    Source:
        ours.

    Example:
        >>> Source("text", torch.eye(2), dynamic=True).distances(detach=True)[0]
        tensor([0., 1.])
    """

    argument: str
    tensor: Tensor
    dynamic: bool = False
    ready: bool = False

    def distances(self, detach: bool) -> Tensor:
        """Return the distances [N, N]; ``detach`` keeps the gradient from the features."""
        tensor = self.tensor.detach() if detach else self.tensor
        if self.ready:
            return tensor
        try:
            return cosine_distances(tensor)
        except ValueError as error:
            raise ValueError(
                f"{self.argument}: expected finite features, got NaN or infinite entries"
            ) from error


def sources_of(sim: Tensor, given: Inputs) -> dict[str, Source]:
    """The sources that a batch has, each checked against ``sim``.

    Args:
        sim: Similarities [N, N], as ``checked_sim`` returns them.
        given: The inputs of a loss.

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
    ready = {name: Source(name, d, ready=True) for name, d in named_distances(given.distances, sim).items()}
    static = {name: source for name, source in sources.items() if not source.dynamic}
    dynamic = {name: source for name, source in sources.items() if source.dynamic}
    return {**static, **ready, **dynamic}
