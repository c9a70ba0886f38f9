"""``download`` against a server on this machine that breaks off, sends another file, or is not there."""

import base64
import errno
import hashlib
import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cmgsd_lite.cli.main import main
from cmgsd_lite.data import download, load_folder
from cmgsd_lite.data.download import GIB, OFFERS, Offer, Remote, offer_table
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import sole_writer
from tests.data.layouts import CAPTIONS, World, plain_features

DATA_PAGE = Path(__file__).parents[2] / "docs" / "DATA.md"


class Server:
    """Files at http://127.0.0.1, and how it misbehaves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks: list[int] = []  # so many bytes of an answer are sent, then the line is cut
        self.asked: list[str] = []  # the Range of each question, or ""
        self.users: list[str] = []
        self.sends_on = ""
        self.ranges = True
        self.tags = True
        self.address = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        content = self.files.get(handler.path.lstrip("/"))
        self.asked.append(handler.headers.get("Range", ""))
        self.users.append(handler.headers.get("Authorization", ""))
        if self.sends_on:
            handler.send_response(302)
            handler.send_header("Location", self.sends_on)
            handler.end_headers()
            return
        if content is None:
            handler.send_error(404)
            return
        tag = hashlib.sha256(content).hexdigest()
        start = int(self.asked[-1].removeprefix("bytes=").rstrip("-") or 0) if self.ranges else 0
        if start and self.tags and handler.headers.get("If-Range") != f'"{tag}"':
            start = 0
        if start >= len(content) > 0:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        if self.tags:
            handler.send_header("ETag", f'"{tag}"')
        handler.end_headers()
        end = start + self.breaks.pop(0) if self.breaks else len(content)
        handler.wfile.write(content[start:end])
        handler.wfile.flush()


@pytest.fixture
def server() -> Iterator[Server]:
    mine = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mine.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mine.address = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield mine
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """CLIP4Clip's zip with features beside, some hundred kilobytes of them."""
    world = World()
    CAPTIONS["clip4clip-msrvtt"].build(tmp_path / "source", world)
    plain_features(tmp_path / "source", world)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for path in sorted(path for path in (tmp_path / "source").rglob("*") if path.is_file()):
            opened.write(path, path.relative_to(tmp_path / "source").as_posix())
        opened.writestr("readme.md", bytes(range(256)) * 400)
    return packed.getvalue()


def fetch(server: Server, out: Path, parts: tuple[str, ...] = ("captions",)) -> list[Path]:
    return download("msrvtt", out, parts, mirror=server.address, pause=0)


def left(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} - {".lock"}


def test_what_breaks_off_goes_on_by_itself(server: Server, archive: bytes, tmp_path: Path) -> None:
    server.files["msrvtt_data.zip"] = archive
    server.breaks = [32_768, 49_152]
    (folder,) = fetch(server, tmp_path / "out")
    assert folder == tmp_path / "out" / "msrvtt_data"
    assert left(tmp_path / "out") == {"msrvtt_data"}
    assert server.asked == ["", "bytes=32768-", "bytes=81920-"]
    assert (folder / "readme.md").read_bytes() == bytes(range(256)) * 400
    assert len(load_folder(tmp_path / "out").test) == 7
    assert fetch(server, tmp_path / "out") == [folder]
    assert len(server.asked) == 3, "what is there is not fetched again"


@pytest.mark.parametrize("tags", [True, False])
def test_what_broke_off_for_good_goes_on_the_next_time(
    server: Server, archive: bytes, tmp_path: Path, tags: bool
) -> None:
    server.files["msrvtt_data.zip"], server.tags = archive, tags
    server.breaks = [32_768, *[0] * 20]
    with pytest.raises(DataError, match=r"32,768 bytes are kept: the same command goes on"):
        fetch(server, tmp_path / "out")
    assert (tmp_path / "out" / ".msrvtt_data.zip.part").read_bytes() == archive[:32_768]
    server.breaks, server.asked = [], []
    fetch(server, tmp_path / "out")
    assert server.asked == ["bytes=32768-"]
    assert left(tmp_path / "out") == {"msrvtt_data"}


@pytest.mark.parametrize("tags", [True, False])
def test_another_version_of_the_file_is_fetched_from_the_beginning(
    server: Server, archive: bytes, tmp_path: Path, tags: bool
) -> None:
    server.files["msrvtt_data.zip"], server.tags = b"x" * 50_000 + archive, tags
    server.breaks = [32_768, *[0] * 20]
    with pytest.raises(DataError, match="are kept"):
        fetch(server, tmp_path / "out")
    server.files["msrvtt_data.zip"], server.breaks = archive, []
    (folder,) = fetch(server, tmp_path / "out")
    assert (folder / "readme.md").is_file()


def test_a_server_that_knows_no_ranges(server: Server, archive: bytes, tmp_path: Path) -> None:
    server.files["msrvtt_data.zip"], server.ranges = archive, False
    server.breaks = [32_768]
    (folder,) = fetch(server, tmp_path / "out")
    assert (folder / "readme.md").is_file()


def test_all_was_there_before_it_was_put_in_place(server: Server, archive: bytes, tmp_path: Path) -> None:
    server.files["msrvtt_data.zip"] = archive
    out = tmp_path / "out"
    out.mkdir()
    (out / ".msrvtt_data.zip.part").write_bytes(archive)
    tag = f'"{hashlib.sha256(archive).hexdigest()}"'
    about = {"url": f"{server.address}/msrvtt_data.zip", "tag": tag, "total": len(archive)}
    (out / ".msrvtt_data.zip.json").write_text(json.dumps(about))
    fetch(server, out)
    assert server.asked == [f"bytes={len(archive)}-"]
    assert left(out) == {"msrvtt_data"}


def test_a_wrong_file_is_refused_and_nothing_is_unpacked(
    server: Server, archive: bytes, tmp_path: Path
) -> None:
    pages = {
        b"<!DOCTYPE html><title>Log in</title>": "expected the file itself, found a web page in its place",
        archive[:-40_000]: "expected a whole archive, found another, or a damaged one",
    }
    for content, said in pages.items():
        server.files["msrvtt_data.zip"] = content
        with pytest.raises(DataError, match=f"{said}.*nothing was unpacked"):
            fetch(server, tmp_path / "out")
    refused = {path.read_bytes() for path in (tmp_path / "out").glob("msrvtt_data.zip.refused*")}
    assert refused == set(pages)  # an older one is not replaced
    assert left(tmp_path / "out") == {"msrvtt_data.zip.refused", "msrvtt_data.zip.refused2"}
    server.files["msrvtt_data.zip"] = archive
    fetch(server, tmp_path / "out")


def test_a_wrong_checksum_is_refused(
    server: Server, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offered(content: bytes) -> Offer:
        checksum = f"sha1:{hashlib.sha1(content).hexdigest()}"
        return Offer((Remote("captions", "http://nowhere", "msrvtt_data.zip", "", GIB, checksum),), "")

    server.files["msrvtt_data.zip"] = archive
    monkeypatch.setitem(OFFERS, "msrvtt", offered(archive + b"more"))
    with pytest.raises(DataError, match=r"expected the checksum sha1:\w+, found another; the file is thrown"):
        fetch(server, tmp_path / "out")
    assert left(tmp_path / "out") == set()
    monkeypatch.setitem(OFFERS, "msrvtt", offered(archive))
    server.breaks = [16_384]
    assert (fetch(server, tmp_path / "out")[0] / "readme.md").is_file()


def test_too_large_a_file_is_refused(
    server: Server, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["msrvtt_data.zip"] = archive
    small = Remote("captions", "http://nowhere", "msrvtt_data.zip", "", 1000)
    monkeypatch.setitem(OFFERS, "msrvtt", Offer((small,), ""))
    with pytest.raises(DataError, match=rf"expected at most 1,000 bytes, found {len(archive):,}"):
        fetch(server, tmp_path / "out")
    assert left(tmp_path / "out") == set()


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_an_archive_that_leads_out_is_refused(server: Server, tmp_path: Path, kind: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        opened.addfile(tarfile.TarInfo("first.txt"), io.BytesIO())
        member = tarfile.TarInfo({"above": "../out.txt", "absolute": "/tmp/out.txt", "link": "in.txt"}[kind])
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(member, io.BytesIO())
    server.files["MSRVTT.tar.gz"] = packed.getvalue()
    with pytest.raises(DataError, match=r"\(a link or an outside path\).*nothing was unpacked"):
        fetch(server, tmp_path / "out", ("features",))
    assert left(tmp_path / "out") == {"MSRVTT.tar.gz.refused"}
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("name", ["msrvtt_data", ".msrvtt_data.zip.part", "msrvtt_data.zip"])
def test_what_stands_in_the_way_is_said_before_anything_is_fetched(
    name: str, server: Server, archive: bytes, tmp_path: Path
) -> None:
    server.files["msrvtt_data.zip"] = archive
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / name
    if name == "msrvtt_data":
        path.write_bytes(b"mine")
    else:
        path.mkdir()
    with pytest.raises(DataError, match=rf"{name}: expected a (file|folder) or nothing, found a"):
        fetch(server, tmp_path / "out")
    assert left(tmp_path / "out") == {name}


def test_what_was_fetched_elsewhere_is_unpacked(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "msrvtt_data.zip").write_bytes(archive)
    (folder,) = download("msrvtt", tmp_path / "out", ["captions"])
    assert (folder / "readme.md").is_file()
    assert (tmp_path / "out" / "msrvtt_data.zip").read_bytes() == archive


def test_a_file_that_the_disk_does_not_take_is_named(server: Server, archive: bytes, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    server.files["msrvtt_data.zip"] = archive
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*\.msrvtt_data\.zip\.part'"):
            fetch(server, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_does_not_cost_the_archive(
    server: Server, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    server.files["msrvtt_data.zip"] = archive
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(DataError, match=r"found: No space left on device; it is kept"):
        fetch(server, tmp_path / "out")
    monkeypatch.undo()
    assert left(tmp_path / "out") == {"msrvtt_data.zip", ".msrvtt_data.zip.kept"}
    fetch(server, tmp_path / "out")
    assert (left(tmp_path / "out"), server.asked) == ({"msrvtt_data"}, [""])


def test_one_writer_at_a_time(server: Server, tmp_path: Path) -> None:
    with sole_writer(tmp_path / "out"), pytest.raises(OSError, match="is writing there"):
        fetch(server, tmp_path / "out")
    assert server.asked == []


def test_names_and_parts_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one of msrvtt, activitynet, lsmdc, got 'msvd'"):
        download("msvd", tmp_path)
    with pytest.raises(ValueError, match=r"of lsmdc expected some of features.*permission of MPII"):
        download("lsmdc", tmp_path, ["captions"])
    with pytest.raises(ValueError, match="expected some of .*got films"):
        download("msrvtt", tmp_path, ["captions", "films"])


@pytest.mark.parametrize(
    "mirror",
    [
        *("", " ", "mirror", "file:///tmp", "ftp://127.0.0.1/x", "http:/x", "http://", "http://[::1"),
        *("http://a b/c", "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://..", "http://h/?file=1"),
        *("user:hunter2@host", "http://user:hunter2@[::1", "http://user:hun/ter2@127.0.0.1:9"),
    ],
)
def test_a_mirror_that_is_no_address_is_one_line(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", "lsmdc", "--out", str(tmp_path / "out"), f"--mirror={mirror}"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "download: error: --mirror: expected an address such as https://example.org/folder, got" in line
    assert "hun" not in line
    assert not (tmp_path / "out").exists()


def test_a_password_is_sent_and_neither_told_nor_written(server: Server, tmp_path: Path) -> None:
    server.files["msrvtt_data.zip"], server.breaks = b"x" * 40_000, [16_384, *[0] * 9]
    address = server.address.replace("://", "://user:hun%2Fter2@")
    with pytest.raises(DataError, match="16,384 bytes are kept") as refused:
        download("msrvtt", tmp_path / "out", ["captions"], address, pause=0)
    assert base64.b64decode(server.users[0].removeprefix("Basic ")) == b"user:hun/ter2"
    assert "ter2" not in str(refused.value)
    assert not any(b"ter2" in path.read_bytes() for path in (tmp_path / "out").iterdir())


def test_a_server_that_sends_on_to_nowhere_is_told_as_that(server: Server, tmp_path: Path) -> None:
    server.sends_on = "http://[::1"
    with pytest.raises(DataError, match=r"msrvtt_data\.zip: the server sends on to an address that is none"):
        fetch(server, tmp_path / "out")


def test_as_a_user_types_it(
    server: Server, archive: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    server.files["msrvtt_data.zip"] = archive
    words = ["download", "msrvtt", "--parts", "captions", "--mirror", server.address]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["folders"] == ["data/msrvtt/msrvtt_data"]
    assert "MSR-VTT: for research" in err
    assert main([*words, "--out", "other"]) == 0
    assert "convert other NEW_FOLDER" in capsys.readouterr().out
    assert main([*words[:3], "features", *words[4:]]) == 2
    assert "MSRVTT.tar.gz: expected the file, the server said 404" in capsys.readouterr().err


def test_no_network_is_one_line(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    closed = "http://127.0.0.1:9"  # nobody listens there
    assert main(["download", "activitynet", "--mirror", closed]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *terms, line = err.strip().splitlines()
    assert line.startswith("cmgsd_lite download: error: 127.0.0.1:9: expected captions.zip, found no answer")
    assert "is there a network?" in line
    assert len(terms) == 1
    assert left(tmp_path / "data" / "activitynet") == set()


def test_every_address_is_in_the_table_as_unchecked() -> None:
    assert offer_table() in DATA_PAGE.read_text(encoding="utf-8")
    for offer in OFFERS.values():
        for one in offer.files:
            assert one.url.startswith("http")
            assert f"`{one.url}`" in offer_table()
    assert "address (unchecked)" in offer_table()
