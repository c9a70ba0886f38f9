"""One step from features as they lie on disk to the project's own fast layout."""

from pathlib import Path

from cmgsd_lite.data.formats.files import user_path
from cmgsd_lite.data.formats.store import write_store
from cmgsd_lite.data.source import documents_of, open_source
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import versions


def convert(path: str | Path, out: str | Path) -> Path:
    """Write features, captions and split lists of a path into the fast layout (see `store`).

    The result opens by memory map and is read by `load_folder`, `load_dataset`, `read_features` and
    `describe`. It is there whole or not at all, and says of every file its checksum (`check_store`) and
    where it came from.

    Args:
        path: Folder (six levels deep), feature file, or zip or tar of either.
        out: A new or empty folder.

    Returns:
        The folder written.

    Raises:
        DataError: nothing readable under `path`, something in `out`, or no room on the disk.
        OSError: another process is converting to `out`, or it can not be written to.

    Example:
        >>> convert("MSRVTT/vid_feat_files/mult_h5", "msrvtt-fast")  # doctest: +SKIP
        PosixPath('msrvtt-fast')
    """
    path, out = user_path(path), user_path(out)
    source = open_source(path)
    if not source.tables:
        raise DataError(f"{path}: expected features to convert, found none{source.why}")
    used = [{"file": record.file, "used_as": record.used_as} for record in source.files if record.used_as]
    known = {key: versions()[key] for key in ("cmgsd-lite", "numpy")}
    write_store(out, source.tables, documents_of(source), {"from": _name(path), "files": used, **known})
    return out


def _name(path: Path) -> str:
    return path.resolve().name  # no folders above it: they are those of this machine
