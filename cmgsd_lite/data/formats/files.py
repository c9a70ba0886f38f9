"""Bytes, text and ids out of files as people have them: plain, gzip or zip, with or without a BOM."""

import bz2
import gzip
import io
import itertools
import json
import lzma
import os
import re
import shutil
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

import numpy as np

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.limits import check_json, check_lines, check_size, check_stored
from cmgsd_lite.errors import DataError

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".webm", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv"),
    *(".3gp", ".3g2", ".ogv", ".mts"),
)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
# What people leave on an id: the end of the film's, the picture's or the array's name.
_ID_SUFFIXES = (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES, ".npy", ".npz", ".pt", ".pth", ".pkl", ".h5", ".mat")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_COMPRESSED = (".gz", ".bz2", ".xz")
DEBRIS = "__MACOSX"
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_ID = re.compile(r"(video)?\d+")
_WHOLE = re.compile(r"(\d+)(\.0+)?", re.ASCII)  # pandas writes 17.0 where an id is missing elsewhere
_ACTIVITYNET = re.compile(r"v_([\w-]{11})")  # people name the films with and without the two signs
YOUTUBE = "ids as v_QOlSCBRmfWY (ActivityNet) are read as YouTube's own, without v_"
RENAMED = "ids that are whole numbers, as 7 or 0007, are called video7"
SPELLED = "ids whose accents are signs of their own (NFD) are read in the usual normal form (NFC)"
# What stands in place of a file that was never really downloaded, by its first bytes.
_SUBSTITUTES = (
    (b"version https://git-lfs", "a Git LFS pointer in its place; run `git lfs pull` where it comes from"),
    (b"<!doctype html", "a web page in its place; download it again, logged in if the site asks for it"),
    (b"<html", "a web page in its place; download it again, logged in if the site asks for it"),
    (b"<?xml", "an XML answer of a server in its place; download it again"),
    (b"404: not found", "an error of a server in its place; download it again from the right address"),
)
# Words with which other libraries advise to load a file unsafely.
_ADVICE = re.compile(
    r"allow_pickle|pickled data|as a pickle|weights_only|unsafe|trust|safe_globals", re.IGNORECASE
)


class UnknownLayoutError(DataError):
    """A sound file that is no features (or no annotations): a folder search may pass it by, aloud."""


def user_path(path: str | Path) -> Path:
    """The path, with a leading `~` replaced by the home folder as a shell would do."""
    return Path(path) if Path(path).exists() else Path(os.path.expanduser(path))


@contextmanager
def any_layout(path: Path, wanted: str = "a known layout") -> Iterator[None]:
    """Whatever a strange file makes of a reader becomes a DataError that names the file."""
    try:
        yield
    except DataError as error:
        if path.name in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error
    except Exception as error:  # of damaged bytes libraries make errors of any kind
        known = {
            RecursionError: "too deep a nesting",
            MemoryError: f"one that takes more memory than a file of its size does; {limits.RAISE}",
        }
        found = known.get(type(error), f"another, or a damaged one ({reason_of(error)})")
        raise DataError(f"{path}: expected {wanted}, found {found}") from error


def reason_of(error: Exception) -> str:
    """What a library's error says, in one line, but never its advice to load a file unsafely.

    Example:
        >>> reason_of(ValueError("Object arrays cannot be loaded when allow_pickle=False"))
        'objects of Python, which are never loaded; store plain arrays by video id'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if not _ADVICE.search(text):
        return text[:200]
    # Numpy takes any file that it does not know for a pickle.
    other = "containing pickled" in text or "contains pickled" in text
    what = f"{'another kind of file, or ' if other else ''}objects of Python, which are"
    return f"{what} never loaded; store plain arrays by video id"


def check_downloaded(path: Path, begin: bytes | None = None) -> None:
    """Refuse what stands in place of a file that was not downloaded, and what is no file or nearly all holes.

    Args:
        path: The file.
        begin: Its first bytes, where they are read already.

    Raises:
        DataError: a Git LFS pointer, a web page, an error of a server, nothing at all; says what to do.
    """
    if begin is None and path.exists():
        check_stored(path)
        with path.open("rb") as stream:
            begin = stream.read(64)
        if not begin:
            raise DataError(f"{path}: expected the file itself, found an empty one; download it again")
    start = (begin or b"")[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = next((what for sign, what in _SUBSTITUTES if start.startswith(sign)), None)
    if found:
        raise DataError(f"{path}: expected the file itself, found {found}")


def whole_signs(text: str) -> str:
    """The text without lone surrogates, as broken JSON escapes leave them: nothing could write them."""
    if not _SURROGATE.search(text):
        return text
    # Two halves that were escaped one by one make a whole sign.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def video_id_of(value: object) -> str:
    """The id of a video as a string; whole numbers become "videoN", "video7.mp4" becomes "video7".

    ActivityNet's "v_" and eleven signs become the eleven signs, which stand alone in many copies. Letters
    with accents come in one spelling (NFC), quotes around an id are taken off.

    Raises:
        DataError: the value is no id (empty, very long, or a number that is not whole).
    """
    if isinstance(value, str | bytes) and len(value) > limits.raised(limits.NAME):
        most = f"{limits.raised(limits.NAME):,.0f}"
        found = f"one of {len(value):,} ({value[:20]!r}...)"
        raise DataError(f"video id: expected a name of at most {most} letters, found {found}; {limits.RAISE}")
    if isinstance(value, bytes):
        value = decode(value, "video id")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 0:
        return f"video{int(value)}"
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"video id: expected a name or a whole number, found {value!r:.80}")
    text = value.strip()
    text = _bare(text if text.isascii() else unicodedata.normalize("NFC", whole_signs(text)))
    if "\0" in text or ("\ufffd" in text and "\ufffd" not in value):
        raise DataError(f"video id: expected a name, found half a sign or NUL in {value!r:.80}")
    if "." in text and text.lower().endswith(_ID_SUFFIXES):
        text = PurePosixPath(text.replace("\\", "/")).stem
    if text[:2] != "v_" and not text[:1].isdigit():
        return text
    whole, own = _WHOLE.fullmatch(text), _ACTIVITYNET.fullmatch(text)
    return f"video{int(whole[1])}" if whole else own[1] if own else text


def place_of(value: object) -> tuple[str, str] | None:
    """Folder and ending that `video_id_of` takes off an id; None where it takes off none.

    Example:
        >>> place_of("cats/001.mp4"), place_of("001")
        (('cats', '.mp4'), None)
    """
    text = _bare(value.strip()).replace("\\", "/") if isinstance(value, str) else ""
    path = PurePosixPath(text)
    return (str(path.parent), path.suffix.lower()) if text.lower().endswith(_ID_SUFFIXES) else None


def _bare(text: str) -> str:
    quoted = len(text) > 2 and text[0] == text[-1] and text[0] in "'\"`"
    return text[1:-1].strip() or text if quoted else text


def rename_notes(ids: Iterable[object]) -> tuple[str, ...]:
    """What `video_id_of` does to ids that are text, beyond taking off blanks and suffixes, as sentences.

    Example:
        >>> rename_notes(["0007"])
        ('ids that are whole numbers, as 7 or 0007, are called video7',)
    """
    told = dict.fromkeys((RENAMED, SPELLED, YOUTUBE), False)
    for value in ids:
        text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
        if not isinstance(text, str):
            continue
        told[RENAMED] |= bool(_WHOLE.fullmatch(text.strip()))
        told[YOUTUBE] |= bool(_ACTIVITYNET.match(text.strip()))
        told[SPELLED] |= not text.isascii() and not unicodedata.is_normalized("NFC", text)
    return tuple(note for note, true in told.items() if true)


def looks_like_ids(names: Iterable[str], known: Iterable[str] = ()) -> bool:
    """Whether at least half of the names are video ids: known ones, or of the form 12 or video12."""
    names = list(names)
    hits = len(ids_among(names, known))
    return bool(names) and 2 * hits >= len(names)


def ids_among(names: Iterable[str], known: Iterable[str] = ()) -> set[str]:
    """Those of the names that are video ids: known ones, or of the form 12 or video12."""
    known = set(known)
    return {name for name in names if name in known or _ID.fullmatch(name) or _id_or_none(name) in known}


def _id_or_none(name: str) -> str | None:
    return video_id_of(name) if name.strip() and len(name) <= limits.NAME else None


_MARKS = {
    **{b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"},
    b"": "utf-8-sig",
}
"""How text begins in an encoding."""
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Six letters with accents in a row, quotes and dashes apart, are no word of Windows-1252.
_OTHER = re.compile(rb"[\x80-\x84\x86-\x90\x98-\xff]{6}")


def decode(raw: bytes, path: Path | str) -> str:
    """Text of bytes: UTF-8 with or without BOM, UTF-16 or 32 with one, else Windows-1252 (spreadsheets).

    Raises:
        DataError: other bytes, or NUL signs, as UTF-16 without a BOM has.
    """
    encoding = next(name for mark, name in _MARKS.items() if raw.startswith(mark))
    try:
        # A lone half of a sign is told of where it is mended.
        text = raw.decode(encoding, "strict" if encoding == "utf-8-sig" else "surrogatepass")
    except UnicodeDecodeError as error:
        try:
            if encoding != "utf-8-sig" or _is_no_cp1252(raw):
                raise error
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            what = f"bytes of another encoding, or damaged ones ({error}); save it as UTF-8"
            raise DataError(f"{path}: expected text, as UTF-8, found {what}") from error
    if "\0" in text:
        what = "signs that are no letters (NUL), as in UTF-16 without its mark; save it as UTF-8"
        raise DataError(f"{path}: expected text, found {what}")
    return text


def _is_no_cp1252(raw: bytes) -> bool:
    """Whether bytes are UTF-8 for the most part, of which one is damaged, or another script's encoding."""
    rest, signs = _UTF_8.subn(b"", raw)
    return signs > len(rest.translate(None, bytes(range(128)))) or _OTHER.search(raw) is not None


def json_of(text: str, path: Path | str) -> Any:
    """Content of JSON in which no key stands twice with two values.

    Raises:
        DataError: one does, or very many pieces of nothing.
        json.JSONDecodeError: broken syntax.
    """
    check_json(path, text)
    return json_decoder(path).decode(text)


def json_decoder(path: Path | str) -> json.JSONDecoder:
    """Reads JSON as ``json_of`` does, piece by piece."""
    return json.JSONDecoder(object_pairs_hook=lambda pairs: once(pairs, path))


def once(pairs: Iterable[tuple[Any, Any]], where: Path | str) -> dict[Any, Any]:
    """A dict of pairs, none of which takes the place of another one.

    Raises:
        DataError: a key twice with two values.
    """
    pairs = list(pairs)
    found = dict(pairs)
    for key, value in pairs if len(found) < len(pairs) else ():
        if value is not found[key] and (isinstance(value, np.ndarray) or value != found[key]):
            what = f"{str(key)[:80]!r} twice with different content; keep one of them"
            raise DataError(f"{where}: expected each entry once, found {what}")
    return found


def is_archive(path: Path) -> bool:
    """Whether the name says zip or tar."""
    return path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)


def is_compressed(path: Path) -> bool:
    """Whether the name says that it is one file, compressed."""
    return path.suffix.lower() in _COMPRESSED and path.is_file() and not is_archive(path)


def read_members(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[tuple[str, bytes]]:
    """(name, bytes) of a plain or gzipped file, or of the members of a zip, read in memory.

    Nothing is written, so a member's name can lead nowhere.

    Args:
        path: The file.
        wanted: Which members of a zip to read; one may be a film of several GB.

    Raises:
        DataError: the file is missing, truncated or damaged.
    """
    with any_layout(path, "a whole file"):
        check_stored(path)
        if path.name.lower().endswith(".zip"):
            check_downloaded(path)
            with open_zip(path) as archive:
                filled = (info.filename for info in archive.infolist() if info.file_size)
                names = [n for n in filled if wanted(n) and not n.endswith("/") and not _is_debris(n)]
                return [(name, archive.read(name)) for name in names]
        with open_stream(path) as stream:
            raw = stream.read()
        check_downloaded(path, raw[:64])
        return [(path.stem if _unpacker(path) else path.name, raw)]


class _Unpacked(io.RawIOBase):
    """What a compressed file unpacks to, read forwards; refused as soon as it is far more than was packed."""

    def __init__(self, path: Path, unpack: Callable[..., Any]) -> None:
        self._path, self._packed, self._at = path, path.open("rb"), 0
        self._stream = unpack(self._packed, "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        check_size(self._path, self._at, self._packed.tell())
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        target = offset + (self._at if whence == os.SEEK_CUR else 0)
        if target < self._at or whence == os.SEEK_END:
            raise io.UnsupportedOperation("it is read forwards")
        while self._at < target and self.read(min(target - self._at, limits.MEGABYTE)):
            pass
        return self._at

    def close(self) -> None:
        self._packed.close()
        super().close()


def _unpacker(path: Path) -> Callable[..., Any] | None:
    """What unpacks a file of one stream, by its first bytes; None for a plain one."""
    with path.open("rb") as stream:
        begin = stream.read(10)
    if begin.startswith(b"\x1f\x8b"):
        return gzip.open
    if begin.startswith(b"BZh") and begin[4:] == b"1AY&SY":
        return bz2.open
    return lzma.open if begin.startswith(b"\xfd7zXZ\0") else None


@contextmanager
def open_stream(path: Path) -> Iterator[Any]:
    """A file's bytes, unpacked if it is gzip, bzip2 or xz, whatever its name."""
    unpack = _unpacker(path)
    with io.BufferedReader(_Unpacked(path, unpack), limits.MEGABYTE) if unpack else path.open("rb") as stream:
        yield stream


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip whose members are not far more than what is packed.

    Raises:
        DataError: they are, or packed in an unusual way, or too many.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        limits.check_count(path, len(members), limits.MEMBERS, "files in it")
        if len(archive.NameToInfo) < len(members):
            twice = Counter(info.filename for info in members).most_common(1)[0][0]
            raise DataError(f"{path}: expected each file once, found a second {twice}")
        for info in members:
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{path}: expected a zip as usual, found another compression; pack it again")
            check_size(path, info.file_size, info.compress_size)
        check_size(path, sum(info.file_size for info in members), path.stat().st_size)
        yield archive


def read_text(path: Path) -> str:
    """Text of a plain or gzipped file.

    Raises:
        DataError: the file is missing or damaged.
    """
    text = decode(read_members(path)[0][1], path)
    check_lines(path, text)
    return text


def _is_debris(name: str) -> bool:
    """Resource forks that macOS puts into zips."""
    return name.startswith(f"{DEBRIS}/") or PurePosixPath(name).name.startswith("._")


def _checked_name(archive: Path, name: str, regular: bool) -> str:
    """The member's name, if it stays inside the folder it is unpacked to."""
    windows = PureWindowsPath(name)
    if not regular or windows.drive or windows.root or ".." in windows.parts:
        raise DataError(f"{archive}: expected plain files inside, found {name!r} (a link or an outside path)")
    return name


def _zip_members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with open_zip(archive) as opened:
        for info in opened.infolist():
            # The high half of external_attr holds the Unix mode; 0o120000 marks a symbolic link.
            regular = (info.external_attr >> 16) & 0o170000 != 0o120000
            name = _checked_name(archive, info.filename, regular)
            if info.is_dir() or _is_debris(name):
                continue
            if not info.file_size:
                yield name, None
                continue
            with opened.open(info) as stream:
                yield name, stream


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    total, size = 0, archive.stat().st_size
    with open_stream(archive) as packed, tarfile.open(fileobj=packed, mode="r:") as opened:
        for number in itertools.count():
            info = opened.next()
            if info is None:
                return
            opened.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if info.size < 0:
                raise DataError(f"{archive}: expected a whole archive, found a file of {info.size} bytes")
            total += info.size
            check_size(archive, total, size)
            limits.check_count(archive, number, limits.MEMBERS, "files in it")
            name = _checked_name(archive, info.name, info.isreg() or info.isdir())
            if not info.isdir():
                yield name, opened.extractfile(info) if info.size else None


def unpack(
    archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True
) -> tuple[int, int, int]:
    """Write an archive's files, or the one of a compressed file, into a folder, which is made.

    Returns:
        How many files were not wanted and how many are empty, which both stay packed; and the bytes written.

    Raises:
        DataError: damaged, or with an absolute path, a ".." or a link in it.
    """
    check_downloaded(archive)
    folder.mkdir(exist_ok=True)
    unwanted = empty = size = 0
    with any_layout(archive, "a whole archive"):
        for member, stream in _members(archive):
            if not wanted(member) or stream is None:
                unwanted += stream is not None
                empty += stream is None
                continue
            target = folder / member
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):  # also a link to a file of the user's, which lies beside the archive
                raise DataError(f"{archive}: expected each file once, found a second {member}")
            with target.open("xb") as out:
                shutil.copyfileobj(stream, out)
                size += out.tell()
    return unwanted, empty, size


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    if is_compressed(archive):
        with open_stream(archive) as stream:
            yield archive.stem, stream
    else:
        yield from (_zip_members if archive.name.lower().endswith(".zip") else _tar_members)(archive)


def only_member(archive: Path) -> str | None:
    """Name of the only file in an archive, at its top; None for none, several, or a damaged archive."""
    if is_compressed(archive):
        return archive.stem
    try:
        names = [name for name, _ in itertools.islice(_members(archive), 2)]
    except Exception:  # damaged in any way: it is said where it is unpacked
        return None
    return names[0] if len(names) == 1 and "/" not in names[0] else None
