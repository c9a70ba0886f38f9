"""One step from features as they lie on disk to the project's own fast layout."""

from pathlib import Path

from cmgsd_lite.data.formats.files import user_path
from cmgsd_lite.data.formats.store import write_store
from cmgsd_lite.data.source import documents_of, open_source
from cmgsd_lite.errors import DataError


def convert(path: str | Path, out: str | Path) -> Path:
    """Write features, captions and split lists of a path into the fast layout (see `store`).

    The result opens by memory map and is read by `load_folder`, `load_dataset`, `read_features` and
    `describe`. It is there whole or not at all.

    Args:
        path: Folder (six levels deep), feature file, or zip or tar of either.
        out: A new or empty folder.

    Returns:
        The folder written.

    Raises:
        DataError: nothing readable under `path`, or something in `out`.

    Example:
        >>> convert("MSRVTT/vid_feat_files/mult_h5", "msrvtt-fast")  # doctest: +SKIP
        PosixPath('msrvtt-fast')
    """
    path, out = user_path(path), user_path(out)
    source = open_source(path)
    if not source.tables:
        raise DataError(f"{path}: expected features to convert, found none{source.why}")
    write_store(out, source.tables, documents_of(source))
    return out
