"""Published data over the network: where it lies, and how it is fetched, resumed, checked and unpacked."""
# ruff: noqa: E501 (a table has a row a line)

import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cmgsd_lite.data.formats.files import unpack, user_path
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import naming, require, sole_writer, write_atomically

UNCHECKED = "address unchecked: as published, not tried by this project"
_CHUNK, _TRIES, _TIMEOUT = 1 << 14, 5, 30  # bytes, of which a break loses one chunk; times; seconds
GIB = 1 << 30


class Remote(NamedTuple):
    """A published file: the part it is for, where it was published under which name, and what it holds.

    None of these addresses could be tried: each is `UNCHECKED`. A server that sends more than ``most`` bytes
    is cut off; without a checksum ("sha1:...") only the archive's own checks tell. "ce-features" gets only
    who asks for them.
    """

    part: str
    base: str
    file: str
    holds: str
    most: int
    checksum: str | None = None

    @property
    def url(self) -> str:
        """Where it lies."""
        return f"{self.base}/{self.file}"


class Offer(NamedTuple):
    """A data set that can be fetched: its published files, and words on licences."""

    files: tuple[Remote, ...]
    terms: str


_MMT = "http://pascal.inrialpes.fr/data2/vgabeur/video-features"
_CE = "http://www.robots.ox.ac.uk/~vgg/research/collaborative-experts/data/features-v2"
_CLIP4CLIP = "https://github.com/ArrowLuo/CLIP4Clip/releases/download/v0.0"
_DENSEVID = "https://cs.stanford.edu/people/ranjaykrishna/densevid"
_OF_FEATURES = "features are their authors' (MMT, CE): cite both, and ask before any use beyond research"

OFFERS = {
    "msrvtt": Offer(
        (
            Remote("captions", _CLIP4CLIP, "msrvtt_data.zip", "captions; lists of 9k, 7k, 1k-A", GIB),
            Remote("features", _MMT, "MSRVTT.tar.gz", "MMT's seven experts, captions, lists", 100 * GIB),
        ),
        f"MSR-VTT: for research, by the terms of its release; the films belong to who made them; {_OF_FEATURES}",
    ),
    "activitynet": Offer(
        (
            Remote("captions", _DENSEVID, "captions.zip", "ActivityNet Captions: train, val_1, val_2", GIB),
            Remote("features", _MMT, "activity-net.tar.gz", "MMT's experts, captions, lists", 100 * GIB),
            Remote("ce-features", _CE, "activity-net-experts.tar.gz", "CE's experts, captions, lists", 20 * GIB, "sha1:2901046fa6a3d6f6393ee0047818e960fcfabd69"),
        ),
        f"ActivityNet: for research; the films belong to who put them on YouTube; {_OF_FEATURES}",
    ),
    "lsmdc": Offer(
        (
            Remote("features", _MMT, "LSMDC.tar.gz", "MMT's experts, captions, lists", 100 * GIB),
            Remote("ce-features", _CE, "LSMDC-experts.tar.gz", "CE's experts, captions, lists", 20 * GIB, "sha1:43c9c6090cb34fbbeebebe033e08ae019b11c64f"),
        ),
        "LSMDC: only with the permission of MPII, which is asked for at "
        f"https://sites.google.com/site/describingmovies/download; captions come from there; {_OF_FEATURES}",
    ),
}  # fmt: skip


class ResumingDownloader:
    """A downloader for pooch that goes on where a connection broke, in this process or the next.

    What has come is kept in `.FILE.part` beside the file, and what the server said of it in `.FILE.json`:
    only the same version of the file is gone on with. More bytes than ``most`` are refused; before another
    try it waits ``pause`` seconds, each further time twice as long. ``auth`` is user and password.
    """

    def __init__(
        self, part: Path, most: int, pause: float = 1.0, auth: tuple[str, str] | None = None
    ) -> None:
        self.part, self.most, self.pause, self.auth = part, most, pause, auth
        self.about = part.with_suffix(".json")

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        """Fetch the file, in as many pieces as it takes; it comes whole to where pooch wants it.

        Raises DataError if there is no answer, one that is not the file, or too large a one.
        """
        idle = _TRIES - 1  # a server that has sent nothing yet is asked once: mostly there is no network
        while True:
            before = _size(self.part)
            try:
                with naming(self.part):
                    self._piece(url, before)
                break
            except DataError:
                raise
            except OSError as error:  # requests' errors are, and those of a connection that breaks
                if not _of_network(error):
                    raise
                idle = 0 if _size(self.part) > before else idle + 1
                if idle >= _TRIES:
                    raise DataError(_no_answer(url, self.part, error)) from error
                time.sleep(self.pause * 2**idle)
            except ValueError as error:
                raise DataError(f"{url}: the server sends on to an address that is none ({error})") from error
        os.replace(self.part, output_file)
        self.about.unlink(missing_ok=True)

    def _piece(self, url: str, have: int) -> None:
        """Ask for what is missing, and add what comes."""
        told = self._told(url) if have else {}
        headers = {"Accept-Encoding": "identity"}
        if have and told:
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": told["tag"]} if told["tag"] else {})
        settings = {"stream": True, "headers": headers, "timeout": _TIMEOUT, "auth": self.auth}
        with require("requests", "data").get(url, **settings) as answer:
            total = _total(answer)
            if answer.status_code == 416 and total == have:
                return None  # all was there already
            place = answer.headers.get("Content-Range", "")
            goes_on = have > 0 and answer.status_code == 206 and place.startswith(f"bytes {have}-")
            if have and (answer.status_code == 416 or (goes_on and total != told.get("total"))):
                self.part.unlink()  # another file lies there by now: from the beginning
                return self._piece(url, 0)
            if answer.status_code not in (200, 206) or (answer.status_code == 206 and not goes_on):
                raise DataError(
                    f"{url}: expected the file, the server said {answer.status_code} {answer.reason} "
                    f"({UNCHECKED}); ask its authors, and put it into {self.part.parent}"
                )
            self._check_size(url, total, have if goes_on else 0)
            self._remember(url, answer, total)
            self._receive(url, answer, total, goes_on)
        return None

    def _receive(self, url: str, answer: Any, total: int | None, goes_on: bool) -> None:
        bar = require("tqdm", "data").tqdm
        have = _size(self.part) if goes_on else 0
        with (
            self.part.open("ab" if goes_on else "wb") as stream,
            bar(total=total, initial=have, unit="B", unit_scale=True, desc=_name(url), disable=None) as shown,
        ):
            for chunk in answer.iter_content(_CHUNK):
                stream.write(chunk)
                have += len(chunk)
                shown.update(len(chunk))
                if have > self.most:  # more than it said
                    self._check_size(url, have, have)
        if total is not None and have < total:
            raise ConnectionError(f"{have:,} of {total:,} bytes came")

    def _check_size(self, url: str, total: int | None, have: int) -> None:
        total = total or 0
        if total > self.most:
            self.part.unlink(missing_ok=True)
            found = f"{total:,}; it is another file than was published"
            raise DataError(f"{url}: expected at most {self.most:,} bytes, found {found}")
        needed, free = (total - have) / 1e6, shutil.disk_usage(self.part.parent).free / 1e6
        if needed > free:
            found = f"{free:,.0f} MB; free some, or choose another --out"
            raise DataError(f"{self.part.parent}: expected {needed:,.0f} MB of free space, found {found}")

    def _told(self, url: str) -> dict[str, Any]:
        """What the server said of the file that is half there; empty where that was another one."""
        try:
            told = json.loads(self.about.read_text(encoding="utf-8"))
            return told if told["url"] == url and {"tag", "total"} <= {*told} else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def _remember(self, url: str, answer: Any, total: int | None) -> None:
        tag = answer.headers.get("ETag", "")
        tag = "" if tag.startswith("W/") else tag or answer.headers.get("Last-Modified", "")
        content = json.dumps({"url": url, "tag": tag, "total": total})
        write_atomically(self.about, lambda temporary: temporary.write_text(content, encoding="utf-8"))


def download(
    name: str,
    out: str | Path,
    parts: Sequence[str] = ("captions", "features"),
    mirror: str | None = None,
    pause: float = 1.0,
) -> list[Path]:
    """Fetch published data into a folder, and unpack it; what is there already is left as it is.

    Args:
        name: "msrvtt", "activitynet" or "lsmdc".
        out: Folder for it; held by one process at a time.
        parts: Of the table `OFFERS`.
        mirror: Address of a folder with the same files, instead of the published ones; `user:password@` in
            it is not printed.
        pause: Seconds to wait before a second try.

    Returns:
        The folders it was unpacked to, which `load_folder`, `info` and `convert` read.

    Raises:
        ValueError: an unknown name or part, or a mirror that is no address.
        DataError: no network, a wrong file, or an archive that is damaged or leads out of the folder. What
            came of a file that broke off is kept, and gone on with the next time.
        OSError: the folder can not be written to, or another process is writing there.

    Source:
        the addresses are those of CLIP4Clip, MMT, CE and ActivityNet Captions; none could be tried.

    Example:
        >>> download("msrvtt", "data/msrvtt", ["captions"])  # doctest: +SKIP
        [PosixPath('data/msrvtt/msrvtt_data')]
    """
    if name not in OFFERS:
        raise ValueError(f"name: expected one of {', '.join(OFFERS)}, got {name!r}")
    offered = [one.part for one in OFFERS[name].files]
    wrong = [part for part in parts if part not in ("captions", "features", "ce-features")]
    wanted = [one for one in OFFERS[name].files if one.part in parts]
    if wrong or not wanted:
        known, got = ", ".join(offered), ", ".join(wrong or parts)
        raise ValueError(f"parts: of {name} expected some of {known}, got {got}; {OFFERS[name].terms}")
    out, (base, auth) = user_path(out), (None, None) if mirror is None else _address(mirror)
    with sole_writer(out):
        _check_names(wanted, out)
        return [_fetched(one, out, base, pause, auth) for one in wanted]


def _check_names(wanted: Sequence[Remote], out: Path) -> None:
    """Before anything is fetched: DataError if there is a file where a folder goes, or the other way round."""
    for one in wanted:
        folder, part = out / one.file.split(".")[0], out / f".{one.file}.part"
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder}: expected a folder or nothing, found a file; choose another --out")
        for file in () if folder.is_dir() else (out / one.file, part, part.with_suffix(".json")):
            if file.exists() and not file.is_file():
                raise DataError(f"{file}: expected a file or nothing, found a folder; choose another --out")


def offer_table() -> str:
    """The published files as the table of docs/DATA.md."""
    lines = ["| download | part | holds | address (unchecked) | checksum |", "|---|---|---|---|---|"]
    for name, offer in OFFERS.items():
        for one in offer.files:
            known = (one.checksum or "none published").split(":")[0]
            cells = (name, one.part, one.holds, f"`{one.url}`", known)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"- {offer.terms}." for offer in OFFERS.values())]) + "\n"


def _address(mirror: str) -> tuple[str, tuple[str, str] | None]:
    """A folder's address without user and password, and these."""
    requests, parts = require("requests", "data"), None
    with suppress(ValueError):  # requests' errors of addresses are, and urllib's
        requests.Request("GET", mirror).prepare()
        parts = urlsplit(mirror)
    if parts is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        shown = mirror.rpartition("@")[2]
        raise ValueError(f"--mirror: expected an address such as https://example.org/folder, got {shown!r}")
    auth = requests.utils.get_auth_from_url(mirror)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", auth if any(auth) else None


def _fetched(one: Remote, out: Path, mirror: str | None, pause: float, auth: tuple[str, str] | None) -> Path:
    folder, archive = out / one.file.split(".")[0], out / one.file
    if folder.is_dir():
        return folder
    given = archive.is_file() and not _kept(archive).exists()  # put there by hand: it stays
    url = one.url if mirror is None else f"{mirror.rstrip('/')}/{one.file}"
    pooch = require("pooch", "data")
    pooch.get_logger().setLevel("WARNING")
    fetch = ResumingDownloader(out / f".{one.file}.part", one.most, pause, auth)
    try:
        pooch.retrieve(url, one.checksum, one.file, out, downloader=fetch)
    except DataError:
        raise
    except ValueError as error:  # pooch's, of a checksum: it has deleted the file
        raise DataError(
            f"{url}: expected the checksum {one.checksum}, found another; the file is thrown away, since it "
            "is damaged or another one: try again, or ask its authors"
        ) from error
    _unpack_whole(archive, folder, url, given)
    return folder


def _kept(archive: Path) -> Path:
    """A file that says: this archive was fetched by us and only waits for room."""
    return archive.with_name(f".{archive.name}.kept")


def _unpack_whole(archive: Path, folder: Path, url: str, given: bool) -> None:
    """Unpack all or nothing; the archive goes, unless it was ``given``, or gets another name if it is wrong."""
    fresh = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        unpack(archive, fresh)
        os.replace(fresh, folder)
        if not given:
            archive.unlink()
            _kept(archive).unlink(missing_ok=True)
    except DataError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno:  # the disk's fault
            with suppress(OSError):
                if not given:
                    _kept(archive).touch()
            what = f"expected room to unpack {archive}, found: {error.__cause__.strerror}"
            raise DataError(f"{folder}: {what}; it is kept: the same command unpacks it") from error
        names = (f"{archive.name}.refused{number}" for number in ("", *range(2, 1000)))
        refused = next(path for name in names if not (path := archive.with_name(name)).exists())
        os.replace(archive, refused)
        what = str(error).replace(f"{archive}: ", "")
        raise DataError(f"{url}: {what}; left as {refused}, nothing was unpacked; try again") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _name(url: str) -> str:
    return Path(urlsplit(url).path).name


def _of_network(error: OSError) -> bool:
    requests = require("requests", "data")
    return isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


def _no_answer(url: str, part: Path, error: OSError) -> str:
    kept = f"{_size(part):,} bytes are kept: the same command goes on; " if _size(part) else ""
    reason = type(error).__name__
    return (
        f"{urlsplit(url).netloc}: expected {_name(url)}, found no answer, or none that lasts ({reason}); {kept}"
        f"is there a network? What is fetched elsewhere from {url} can be put into {part.parent}, where the "
        "same command unpacks it"
    )


def _total(answer: Any) -> int | None:
    """Bytes of the whole file, as the server says."""
    told = answer.headers.get("Content-Range", "").rpartition("/")[2] or (
        answer.headers.get("Content-Length", "") if answer.status_code == 200 else ""
    )
    return int(told) if told.isdecimal() else None
