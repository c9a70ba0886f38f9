"""MiniVTT, the embedded data set: drawn clips whose captions are known to be true or false of each one.

``load_minivtt()`` reads the data that came with the package; ``clip("video7")`` draws a clip on demand;
``relevance`` and ``false_negatives`` say what is true, which real data sets can not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.clips import Clip, clip, contact_sheet
from cmgsd_lite.data.dataset import RetrievalDataset, Split, assemble
from cmgsd_lite.data.discover import read_annotations
from cmgsd_lite.data.formats.features import read_features
from cmgsd_lite.data.protocols import SplitLists
from cmgsd_lite.data.splits import read_split_list
from cmgsd_lite.data.world.captions import VARIANTS
from cmgsd_lite.data.world.scenes import Scene
from cmgsd_lite.data.world.truth import Claim, claims_true, graded_relevance
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Clip",
    "batch_relevance",
    "build_minivtt",
    "clip",
    "contact_sheet",
    "data_folder",
    "entailment",
    "false_negatives",
    "load_minivtt",
    "relevance",
]

EXPERTS = ("appearance_mean", "motion")
QUERIES_PER_CLIP = 3


def data_folder() -> Path:
    """Find the built data, inside an installed package or beside it in a clone; DataError if in neither."""
    package = Path(str(resources.files("cmgsd_lite")))
    for folder in (package / "data" / "_minivtt", package.parent / "data" / "minivtt"):
        if folder.is_dir():
            return folder
    raise DataError(f"{package}: expected the embedded data set beside the package, found none; reinstall it")


def load_minivtt(protocol: str | None = None, experts: Sequence[str] | None = None) -> RetrievalDataset:
    """Load the embedded data set.

    Args:
        protocol: The captions: "low", "default" or "high" rate of false negatives; None is "default".
        experts: Of ``appearance_mean``, ``motion``, ``appearance_frames``; None for the first two.

    Returns:
        2,000 training, 300 validation and 1,000 test clips with 10 to 20 captions each. Clips in
        which nothing moves lack the motion expert. ``queries`` are three captions of each test clip;
        ``extras`` hold the scene of each clip and the claim of each caption.

    Raises:
        DataError: On an unknown protocol or expert, or damaged data.

    Source:
        ours.

    Example:
        >>> len(load_minivtt().test)
        1000
    """
    variant = protocol or "default"
    if variant not in VARIANTS:
        raise DataError(f"protocol: expected one of {', '.join(VARIANTS)} for minivtt, got {variant!r}")
    folder, tables = data_folder(), {}
    for expert in EXPERTS if experts is None else experts:
        path = folder / f"{expert}.npz"
        if not path.is_file():
            known = sorted(file.stem for file in folder.glob("*.npz"))
            raise DataError(f"experts: expected some of {', '.join(known)} for minivtt, got {expert!r}")
        tables[expert] = read_features(path)[expert]
    lists = {part: read_split_list(folder / f"minivtt_{part}.csv") for part in ("train", "validate", "test")}
    annotations = read_annotations(folder / f"minivtt_{variant}.json.zip")
    # The first captions of a clip are as good as any: each is drawn anew.
    queries = {name: annotations.captions[name][:QUERIES_PER_CLIP] for name in lists["test"]}
    split_lists = SplitLists(lists["train"], lists["test"], lists["validate"], queries=queries)
    return assemble("minivtt", variant, annotations, split_lists, tables)


def relevance(split: Split) -> NDArray[np.float32]:
    """Graded truth: how much of each caption is true of each clip of a split.

    Args:
        split: Of MiniVTT, its captions in order.

    Returns:
        float32 [captions, clips]: 1 where the caption is true of the clip, otherwise the share of its facets
        that hold (a kindred entity or motion counts half). A mistaken caption (noise) is below 1 for its own
        clip: it is judged by what it says.

    Raises:
        DataError: If the split has no scenes: it is not of MiniVTT.

    Source:
        ours.

    Example:
        >>> relevance(load_minivtt().test.subset(["video2300"])).max()
        np.float32(1.0)
    """
    return graded_relevance(_claims(split), _scenes(split))


def entailment(split: Split) -> NDArray[np.bool_]:
    """Plain truth: which caption is true of which clip, bool [captions, clips]; argument as of ``relevance``.

    Source:
        ours.

    Example:
        >>> entailment(load_minivtt().test.subset(["video2300"])).dtype
        dtype('bool')
    """
    return claims_true(_claims(split), _scenes(split))


def false_negatives(split: Split, videos: Sequence[int], captions: Sequence[int]) -> NDArray[np.bool_]:
    """The false negatives of a batch: pairs that are not partners although the caption is true of the clip.

    Args:
        split: Of MiniVTT.
        videos: Row of each pair's clip in the split [N].
        captions: Number of each pair's caption in the flat order of the split's captions [N].

    Returns:
        bool [N, N]: entry i, j says that caption i is true of clip j, and i != j. Its diagonal is False.

    Raises:
        ValueError: If the two have different lengths.

    Source:
        ours.

    Example:
        >>> false_negatives(load_minivtt().train, [0, 1], [0, 20]).diagonal().any()
        np.False_
    """
    if len(videos) != len(captions):
        raise ValueError(f"captions: expected {len(videos)} like videos, got {len(captions)}")
    claims, scenes = _claims(split), _scenes(split)
    true = claims_true([claims[i] for i in captions], [scenes[j] for j in videos])
    np.fill_diagonal(true, False)
    return true


def batch_relevance(split: Split) -> Callable[[Tensor, Tensor], Tensor]:
    """Graded truth for the batches of a training, for controls that know it (see ``fit``).

    Args:
        split: Of MiniVTT.

    Returns:
        A function: rows of clips in the split [N] and numbers of captions in the flat order of the split's
        captions [N] to float32 relevance [N, N]; rows are texts, columns are videos.

    Raises:
        DataError: If the split has no scenes.

    Source:
        ours.

    Example:
        >>> import torch
        >>> of_batch = batch_relevance(load_minivtt().train)
        >>> of_batch(torch.tensor([0, 1]), torch.tensor([0, 20])).shape
        torch.Size([2, 2])
    """
    import torch  # here: who only reads data needs none

    claims, scenes = _claims(split), _scenes(split)

    def of_batch(videos: Tensor, captions: Tensor) -> Tensor:
        chosen = [claims[i] for i in captions.tolist()]
        return torch.from_numpy(graded_relevance(chosen, [scenes[j] for j in videos.tolist()]))

    return of_batch


def build_minivtt(out: Path, progress: bool = True) -> None:
    """Rebuild the whole embedded data set: annotations of all variants, split lists and features.

    The same code gives the same scenes and captions byte for byte on every machine; features may differ in
    the last digits with another CPU or library version. Each file is written whole or not at all. Raises
    DataError if the optional packages of the appearance encoder are missing.
    """
    require("PIL.Image", "data")  # drawing needs what loading does not
    from cmgsd_lite.data.world.build import build_minivtt as build

    build(out, progress)


def _claims(split: Split) -> list[Claim]:
    extras: dict[str, list[dict[str, Any]]] = split.extras["sentences"]
    _check_is_minivtt(split)
    return [Claim.from_json(extra["claim"]) for name in split.video_ids for extra in extras[name]]


def _scenes(split: Split) -> list[Scene]:
    _check_is_minivtt(split)
    return [Scene.from_json(split.extras["videos"][name]["scene"]) for name in split.video_ids]


def _check_is_minivtt(split: Split) -> None:
    missing = [name for name in split.video_ids if "scene" not in split.extras["videos"].get(name, {})]
    if missing:
        raise DataError(f"{split.name}: expected a split of MiniVTT, found no scene for {missing[0]}")
