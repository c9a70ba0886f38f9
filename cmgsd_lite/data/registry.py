"""Data sets by name: the embedded one, or a folder."""

from collections.abc import Sequence
from pathlib import Path

from cmgsd_lite.data.dataset import RetrievalDataset, load_folder
from cmgsd_lite.data.minivtt import load_minivtt


def load_dataset(
    name_or_path: str | Path = "minivtt", protocol: str | None = None, experts: Sequence[str] | None = None
) -> RetrievalDataset:
    """The embedded data set, or one from a folder with features and annotations.

    Args:
        name_or_path: "minivtt", or a folder that is searched six levels deep (see `load_folder`).
        protocol: "1k-A" (also "9k"), "7k", "full" or "miech"; None for the best known one found.
        experts: Names of the experts to use, whatever they look like; None for all files that there is
            evidence for (a name or a shape of video features). The data set's `files` say what became of
            each file, and why.

    Raises:
        DataError: nothing usable; the message names the file, what was expected and what was found.
        ValueError: an unknown protocol.

    Example:
        >>> data = load_dataset("data/msrvtt", experts=["efficientnet_lite0_video_mean"])  # doctest: +SKIP
        >>> print(len(data.train), len(data.validation), len(data.test))                   # doctest: +SKIP
        4107 244 300
    """
    if str(name_or_path) != "minivtt":
        return load_folder(name_or_path, protocol, experts)
    return load_minivtt(protocol, experts)
