"""What a terminal would obey is printed as it is written in Python, whichever command says it, and where."""

import io
import re
import sys

import numpy as np
import pytest

from cmgsd_lite.cli.main import build_parser, main
from cmgsd_lite.cli.printing import printable, printing_safely
from tests.cli.folders import QUICK, write_folder

EVIL = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202e\x08"
OBEYED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with evil captions, a video, files and a model of an evil name."""
    root = tmp_path_factory.mktemp("evil")
    data = write_folder(root / f"data{EVIL}", caption=lambda i, n, words: f"{EVIL}\r\n {' '.join(words)}")
    lines = {"train.9k": range(30), "JSFUSION_test": range(30, 42)}
    for name, videos in lines.items():
        ids = [f"vid{EVIL}{i}" for i in videos]
        (data / f"MSRVTT_{name}.csv").write_text("\n".join(["video_id", *ids]) + "\n")
    annotations = (data / "videodatainfo.json").read_text()
    escaped = f"vid{EVIL}".encode("ascii", "backslashreplace").decode()
    for sign in EVIL:
        if ord(sign) < 32:
            escaped = escaped.replace(sign, f"\\u{ord(sign):04x}")
    escaped = escaped.replace("\\x9b", "\\u009b")
    (data / "videodatainfo.json").write_text(
        annotations.replace('"video_id": "video', f'"video_id": "{escaped}')
    )
    with np.load(data / "rgb.npz") as file:
        features = file["features"]
    np.savez(data / "rgb.npz", video_id=np.array([f"vid{EVIL}{i}" for i in range(42)]), features=features)
    (data / f"notes{EVIL}\n.txt").write_text(f"{EVIL}\n")
    (data / f"features{EVIL}.npz").write_bytes(b"no archive")
    assert main(["train", "--data", str(data), "--out", str(root / EVIL), *QUICK]) == 0
    return data, root / EVIL / "cmgsd-hardest-seed0.pt"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["info", "DATA"], 0),
        (["info", "DATA", "--json"], 0),
        (["search", f"a man {EVIL}", "--checkpoint", "MODEL", "--report", "--top", "12", "--out", "OUT"], 0),
        (["evaluate", "--checkpoint", "MODEL"], 0),
        (["train", "--data", "DATA", "--out", "OUT", *QUICK], 0),
        (
            [
                "run",
                "--data",
                "DATA",
                "--out",
                "OUT",
                "--conditions",
                "infonce",
                "--seeds",
                "1",
                "--jobs",
                "1",
                *QUICK,
            ],
            0,
        ),
        (["convert", "DATA", "OUT"], 0),
        (["info", f"no{EVIL}where"], 2),
        (["train", "--data", "DATA", "--experts", f"x{EVIL}"], 2),
        (["train", "--data", "DATA", "--protocol", EVIL], 2),
        (["train", "--data", "DATA", "--out", "OUT", "--learning-rate", "1e30", *QUICK], 2),
        (["run", "--conditions", EVIL], 2),
        (["search", "a man", "--checkpoint", EVIL], 2),
        (["evaluate", "--checkpoint", "DATA"], 2),
        (["evaluate", "--sim", f"{EVIL}.npy"], 2),
        (["extract", f"films{EVIL}", "--out", "OUT"], 2),
        (["convert", f"films{EVIL}", "OUT"], 2),
        (["teacher-quality", "--data", EVIL], 2),
    ],
)
def test_every_command_writes_out_what_a_terminal_would_obey(trained, tmp_path, capsys, words, code):
    places = {"DATA": trained[0], "MODEL": trained[1], "OUT": tmp_path / f"out{EVIL}"}
    assert main([str(places.get(word, word)) for word in words]) == code
    said = capsys.readouterr()
    assert OBEYED.findall(said.out + said.err) == []
    assert "\\x1b" in said.out + said.err or "\\u001b" in said.out


def test_a_line_is_one_line(trained, tmp_path, capsys):
    """Neither a line feed in a caption or a file's name nor a carriage return makes another one."""
    data, model = trained
    assert main(["search", "man", "--checkpoint", str(model), "--top", "12", "--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 12
    assert main(["info", str(data)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "notes" in line]
    assert "\\n.txt" in line


@pytest.mark.parametrize("words", [["--model", EVIL], [f"--{EVIL}"], ["--epochs", EVIL], ["--seed", EVIL]])
def test_the_parser_too(capsys, words):
    with pytest.raises(SystemExit):
        main(["train", *words])
    assert OBEYED.findall(capsys.readouterr().err) == []


def test_both_streams(capsys):
    with printing_safely():
        print(EVIL, end="")
        print(EVIL, file=sys.stderr)
    said = capsys.readouterr()
    assert OBEYED.findall(said.out + said.err) == []


def test_a_progress_bar_moves_and_plain_text_stays(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with printing_safely():
        sys.stderr.write("\rruns: 50%\rback")
    assert shown.getvalue() == "\rruns: 50%\\rback"
    assert sys.stderr is shown
    for text in ("plain\ttext\n", "é 中 \U0001f468\u200d\U0001f469 “”", build_parser().format_help()):
        assert printable(text) == text


def test_an_error_about_a_name_without_end_has_both_its_ends(capsys):
    assert main(["info", "/begin" + "x" * 100_000 + "end"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 2200
    assert "/begin" in line
    assert "end" in line[-10:]


@pytest.mark.parametrize("command", [["info", "minivtt", "--html"], ["download", "msrvtt", "--out"]])
def test_a_link_to_itself_is_one_line(command, tmp_path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert main([*command, str(tmp_path / "loop" / "x")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "loop" in line
    assert "unexpected" not in line


def test_no_password_of_an_address_is_printed(tmp_path, capsys):
    assert (
        main(["download", "msrvtt", "--out", str(tmp_path), "--mirror", "http://me:secret@127.0.0.1:9/x"])
        == 2
    )
    said = capsys.readouterr().err
    assert "127.0.0.1" in said
    assert "secret" not in said
