"""Archives among the files of a folder, unpacked for as long as the folder is read."""

import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from cmgsd_lite.data.formats.files import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    is_archive,
    is_compressed,
    only_member,
    unpack,
)
from cmgsd_lite.data.formats.limits import NESTED, check_count, check_size
from cmgsd_lite.errors import DataError


class Packed:
    """Opens zip, tar and gz files into a temporary folder, and says of each path there where it really lies.

    Used as a context: what was unpacked is removed at its end. Films and pictures stay packed.

    Example:
        >>> with Packed() as packed:
        ...     packed.origin(Path("features/rgb.npz"))
        PosixPath('features/rgb.npz')
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._origins: dict[Path, Path] = {}
        self._sizes: Counter[Path] = Counter()
        self._places: list[str] = []
        self._single: dict[Path, str | None] = {}
        self.left: dict[Path, str] = {}

    def __enter__(self) -> "Packed":
        """Nothing is unpacked yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was unpacked."""
        self._stack.close()

    def open(self, archive: Path) -> Path:
        """A folder with what an archive holds, under the archive's name.

        Raises:
            DataError: damaged, or with an absolute path, a ".." or a link in it.
        """
        folder = self._new(archive.parent.name) / archive.name.split(".")[0]
        self._origins[folder] = archive
        films, empty = self._unpack(archive, folder)
        notes = {
            f"{films:,} films or pictures stay packed; features must be extracted first": films,
            f"{empty:,} files in it are empty": empty,
        }
        if films or empty:
            self.left[archive] = "; ".join(note for note, count in notes.items() if count)
        return folder

    def side_by_side(self, folder: Path) -> tuple[Path, dict[Path, Exception]]:
        """A folder's files with the compressed ones unpacked beside the others, and those that failed.

        Side by side, because ids and lengths are looked for beside the features they belong to. Of archives
        only those with a single file are unpacked here.

        Returns:
            The folder itself where nothing in it is compressed, else a temporary one in its place.
        """
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        single = {file: name for file in files if is_packed(file) and (name := self.single(file))}
        if not single:
            return folder, {}
        place, failed = self._new(folder.parent.name) / folder.name, dict[Path, Exception]()
        place.mkdir()
        self._origins[place] = folder
        for file in files:
            if file not in single and not is_packed(file):
                self._lay(file, place)
        for file, member in single.items():
            try:
                self._unpack(file, place)
            except DataError as error:
                failed[file] = error
            if (place / member).is_file():
                self._origins.setdefault(place / member, file)
        return place, failed

    def single(self, archive: Path) -> str | None:
        """As `only_member`, asked once."""
        if archive not in self._single:
            self._single[archive] = only_member(archive)
        return self._single[archive]

    def _unpack(self, archive: Path, folder: Path) -> tuple[int, int]:
        """Unpack, within what the outermost archive may come to; how many films and empty files stay."""
        around = self._around(archive)
        check_count(archive, len(around), NESTED - 1, "archives around it")
        films, empty, size = unpack(archive, folder, _is_wanted)
        outermost = around[-1] if around else archive
        self._sizes[outermost] += size
        check_size(outermost, self._sizes[outermost], outermost.stat().st_size)
        return films, empty

    def _around(self, path: Path) -> list[Path]:
        """The archives that a path lies in, the innermost first."""
        place = next((place for place in (path, *path.parents) if place in self._origins), None)
        if place is None:
            return []
        origin = self._origins[place]
        return [*([origin] if is_packed(origin) else []), *self._around(origin)]

    def _lay(self, file: Path, place: Path) -> None:
        try:
            (place / file.name).symlink_to(file.resolve())
        except OSError:  # a system without links
            shutil.copyfile(file, place / file.name)
        self._origins[place / file.name] = file

    def origin(self, path: Path) -> Path:
        """Where a path really lies: inside which archive, or the path itself."""
        place = next((place for place in (path, *path.parents) if place in self._origins), None)
        return path if place is None else self.origin(self._origins[place]) / path.relative_to(place)

    def opened(self) -> dict[Path, Path]:
        """{archive: where it is unpacked}, of those that are whole."""
        return {
            archive: place for place, archive in self._origins.items() if archive.is_file() and place.exists()
        }

    def say(self, text: str) -> str:
        """A message, with the names of archives in place of temporary folders."""
        if not any(place in text for place in self._places):
            return text
        for place in sorted(self._origins, key=lambda place: len(str(place)), reverse=True):
            text = text.replace(str(place), str(self.origin(place)))
        return text

    def _new(self, name: str) -> Path:
        place = Path(self._stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        self._places.append(str(place))
        folder = place / (name or "data")
        folder.mkdir()
        return folder


def is_packed(path: Path) -> bool:
    """Whether a file is an archive or a compressed file, by its name."""
    return is_archive(path) or is_compressed(path)


def _is_wanted(name: str) -> bool:
    return not name.lower().endswith((*VIDEO_SUFFIXES, *IMAGE_SUFFIXES))
