"""The command line: arguments in, one of the jobs of ``commands``, and clear one-line errors out.

The parser imports nothing that is slow to import, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import io
import math
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import NoReturn

from cmgsd_lite import __version__
from cmgsd_lite.cli.printing import printing_safely
from cmgsd_lite.cli.stopping import Stoppable, told_by_launcher
from cmgsd_lite.errors import DataError

CONDITIONS = (
    "fixed-mean",
    "fixed-hardest",
    "fixed-4",
    "fixed-smooth",
    "cmgsd-hardest",
    "cmgsd-4",
    "cmgsd-hardest-permuted",
    "cmgsd-4-permuted",
    "infonce",
)
LONGEST_LINE = 2000
"""Letters of an error."""
MORE = ("infonce-learned", "sigmoid", "soft-targets", "guided-mask")
MODELS = ("mean-pool", "gated-experts", "transformer")
TEACHERS = ("text", "video", "directed", "directed-embedding", "containment", "directed+video")
OFFERS = ("msrvtt", "activitynet", "lsmdc")
"""All written out, because the modules that define them are slow to import; a test holds them to those."""
WORKSHOP = ("lab", "test")
"""Jobs in a clone, of the module ``workshop``: nothing of ours is loaded for them."""
TEST_PARTS = ("lint", "fast", "package", "notebooks")
DATA_PACKAGES = (
    "scipy",
    "h5py",
    "safetensors",
    "tokenizers",
    "wordllama",
    "snowballstemmer",
    "PIL",
    "tqdm",
    "filelock",
    "pooch",
)
"""What the extra ``data`` brings: every command but ``study`` needs it."""

GO_ON = dict.fromkeys(
    ("run", "train"), "; what is finished is kept: go on with the same command and --resume"
)
GO_ON["extract"] = "; finished films are kept: go on with the same command"
"""What the line of a job that was stopped says more."""
PATHS = (
    *("data", "out", "checkpoint", "path", "sim", "relevance", "video_of_text", "videos", "captions"),
    *("html", "source", "folder"),
)
"""Options in which ``~`` is the home folder: ``--out=~/runs`` reaches us as it is typed."""


SEEDS = range(2**32)
"""``--seed``, as ``TrainingConfig`` takes it."""
_FULL = (errno.ENOSPC, errno.EFBIG)


class _OneLineParser(argparse.ArgumentParser):
    """A bad argument gets one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, of the words that are given or of those of the process.

    Returns the exit code: 0, or 2 after one line on stderr about bad input, or about an error that nobody
    expected and where its traceback is; 130 or 143 after one about SIGINT or SIGTERM. Figures and pages are
    not worth a code, unless it is the disk: one that fails is a line on stderr, and what was measured is
    printed and written.
    """
    # A character that the terminal has no code for is replaced: it must not eat a result.
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    with printing_safely():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.job != "study":  # what the study was once given is no error: it has moved
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    for name in PATHS:
        text = getattr(options, name, None)
        if text is not None and (not text or "\0" in text):  # no path, or the folder that we are in
            parser.error(f"argument {name}: expected a path, got {text!r}")
        if text is not None:
            setattr(options, name, os.path.expanduser(text))
    if getattr(options, "seed", 0) + getattr(options, "seeds", 1) - 1 not in SEEDS:
        parser.error(f"argument --seeds: the last seed would be above {SEEDS[-1]}")
    try:
        for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
            told_by_launcher(name)
    except ValueError as error:
        parser.exit(2, f"{parser.prog} {options.command}: error: {error}\n")
    line = f"{parser.prog} {options.command}: stopped{GO_ON.get(options.job, '')}"
    with Stoppable(line, program=arguments is None) as stop:
        code = _guarded(options, stop, f"{parser.prog} {options.command}")
    return stop.code or code


def _one_line(error: Exception) -> str:
    """What an error says in one line; of a name of thousands of letters only both ends."""
    line = re.sub(r"(\w+://)[^/\s@]+@", r"\1", " ".join(str(error).split()))  # nobody's password
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 500]} ... {line[-500:]}"


def _guarded(options: argparse.Namespace, stop: Stoppable, name: str) -> int:
    try:
        _run(options, stop)
        sys.stdout.flush()
    except BrokenPipeError:  # who read the output has gone, as `| head` does
        _drop_output()
        return 128 + 13  # as a process that SIGPIPE ended
    except (ValueError, OSError) as error:
        if stop.code:  # what a signal stopped ends in one line of its own
            return stop.code
        line = _one_line(error)
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            line += ": 'standard output'"  # all else that is written names its file
        if _first_here() or isinstance(error, ConnectionError):
            print(f"{name}: error: {line}", file=sys.stderr)
        _drop_output()
        return 2
    except Exception as error:  # the last net: a mistake of ours, or a file of a kind that nobody thought of
        if stop.code:
            return stop.code
        if str(error).startswith("Symlink loop"):  # pathlib's RuntimeError, until Python 3.13
            print(f"{name}: error: {_one_line(error)}", file=sys.stderr)
            _drop_output()
            return 2
        file = _traceback()
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        print(f"{name}: error: unexpected {what} (traceback: {file})", file=sys.stderr)
        _drop_output()
        return 2
    return 0


def _traceback() -> str:
    """Name of a temporary file with it; where there is no room for one, its last words themselves."""
    import tempfile
    import traceback

    text = traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="cmgsd-lite-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
        return file.name
    except OSError:
        return " ".join(text.split()[-60:])


def _first_here() -> bool:
    """Under torchrun all processes of a machine meet the same errors, and the first of them says so."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _drop_output() -> None:
    """What could not be printed is not tried again when Python ends: that would end in a second error."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(options: argparse.Namespace, stop: Stoppable) -> None:
    if options.job in WORKSHOP:
        from cmgsd_lite.cli import workshop

        getattr(workshop, options.job)(options)
        return
    if options.job != "study":
        missing = [name for name in DATA_PACKAGES if find_spec(name) is None]
        if missing:
            raise DataError(f'needs {", ".join(missing)}; pip install "cmgsd-lite[data]"')
    os.environ["MPLBACKEND"] = "Agg"  # the command line writes files and never opens a window
    from cmgsd_lite.cli import commands
    from cmgsd_lite.data.formats.limits import raised
    from cmgsd_lite.runtime import set_threads

    raised(1.0)  # a factor that is none would be said of every file
    set_threads(options.threads)
    warnings.formatwarning = lambda message, *_, **__: f"{message}\n"  # a line for people, without our paths
    stop.working()
    getattr(commands, options.job)(options)


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = _OneLineParser(
        prog="cmgsd_lite", description="Adaptive margins for text-video retrieval, and their controls."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands_ = parser.add_subparsers(dest="command", required=True, parser_class=_OneLineParser)

    run = commands_.add_parser("run", help="the main job: every condition with paired seeds, one table")
    _common(run)
    _training(run)
    run.add_argument(
        "--conditions",
        help=f"comma-separated; default: all of {', '.join(CONDITIONS)}; further ones: {', '.join(MORE)}",
    )
    run.add_argument("--resume", action="store_true", help="keep the finished runs under --out, run the rest")
    run.add_argument("--jobs", type=_jobs, default=min(2, os.cpu_count() or 1), help="processes (default: 2)")
    run.set_defaults(job="run", seeds=3)

    train = commands_.add_parser("train", help="train one condition, with checkpoints")
    _common(train)
    _training(train)
    train.add_argument(
        "--condition", default="cmgsd-hardest", choices=CONDITIONS + MORE, help="default: cmgsd-hardest"
    )
    train.add_argument("--margin", type=_number, help="alpha, in units of the similarity")
    train.add_argument("--beta", type=_number, help="change of the margin for one sd of distance")
    train.add_argument("--schedule", help="ramp, static, dynamic or a number in [0, 1]")
    train.add_argument("--form", choices=["averaged", "summed"])
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint under --out")
    train.set_defaults(job="train")

    evaluate = commands_.add_parser("evaluate", help="measure a checkpoint on test videos, or a score matrix")
    _common(evaluate, data_default=None)
    _queries(evaluate, "as the model was trained")
    measured = evaluate.add_mutually_exclusive_group(required=True)
    measured.add_argument("--checkpoint")
    files = ".npy, .npz, .pt, .safetensors, .csv, .tsv"
    measured.add_argument("--sim", metavar="FILE", help=f"scores, rows texts, columns videos: {files}")
    evaluate.add_argument("--relevance", metavar="FILE", help="with --sim: of each video to each text, >= 0")
    evaluate.add_argument(
        "--video-of-text",
        metavar="FILE",
        help="with --sim: column of each text's own video (default: text i, video i)",
    )
    evaluate.set_defaults(job="evaluate")

    search = commands_.add_parser("search", help="find the videos that fit a sentence")
    _common(search, data_default=None)
    search.add_argument("query")
    search.add_argument("--checkpoint", help="default: the newest under runs/")
    search.add_argument("--top", type=_count, default=5, help="how many videos (default: 5)")
    search.add_argument(
        "--all", action="store_true", help="search all videos (default: the test list's, if any)"
    )
    search.add_argument(
        "--videos", metavar="DIR", help="films to take thumbnails from (default: those of extract)"
    )
    search.add_argument(
        "--report", action="store_true", help="also say which captions are likely true of other videos"
    )
    search.add_argument("--faiss", action="store_true", help="approximate, for far more than 100,000 videos")
    search.set_defaults(job="search")

    info = commands_.add_parser("info", help="what is recognised under a path, and what is missing")
    _common(info)
    info.add_argument("path", nargs="?", help="default: the folder of --data")
    info.add_argument("--html", metavar="FILE", help="also write it as a page, with counts over the captions")
    info.add_argument("--check", action="store_true", help="of what convert wrote: compare all checksums")
    info.set_defaults(job="info")

    extract = commands_.add_parser("extract", help="features of one's own films, for all the other commands")
    extract.add_argument("videos", help="folder of films: mp4, mkv, webm, avi, mov, ...")
    extract.add_argument("--out", required=True, help="folder for features; what is finished there is kept")
    extract.add_argument(
        "--captions",
        metavar="PATH",
        help="csv, jsonl, srt or a folder of them (default: what lies beside the films)",
    )
    extract.add_argument("--frames", type=_frames, default=8, help="of each film, evenly spaced (default: 8)")
    extract.add_argument(
        "--encoders",
        default="efficientnet,motion",
        help="comma-separated: efficientnet, motion, or the folder of a CLIP (default: efficientnet,motion)",
    )
    extract.add_argument("--device", default="auto", help="cpu, cuda, ...; default: a GPU if there is one")
    _quiet(extract)
    extract.set_defaults(job="extract")

    convert = commands_.add_parser("convert", help="write what is under a path in the fast layout")
    convert.add_argument("source", help="folder, feature file or archive")
    convert.add_argument("folder", help="a new or empty one")
    _quiet(convert)
    convert.set_defaults(job="convert")

    fetch = commands_.add_parser("download", help="fetch published features and captions, and unpack them")
    fetch.add_argument("name", choices=OFFERS)
    fetch.add_argument("--out", help="folder (default: the name, under data/)")
    fetch.add_argument("--parts", default="captions,features", help="of captions, features, ce-features")
    fetch.add_argument("--mirror", metavar="URL", help="a folder with the same files, on another server")
    _quiet(fetch)
    fetch.set_defaults(job="download")

    quality = commands_.add_parser(
        "teacher-quality", help="measure the distances of margins, against truth and people (two minutes)"
    )
    quality.add_argument(
        "--data", "--human", metavar="DIR", help="captions with human labels (default: none, truth alone)"
    )
    quality.add_argument("--batches", type=_batches, default=20, help="of 128 pairs (default: 20)")
    quality.add_argument("--seed", type=_seed, default=0, help="of batches and models (default: 0)")
    quality.add_argument("--epochs", type=_count, default=20, help="of each training (default: 20)")
    quality.add_argument(
        "--all", action="store_true", help="in the file of --out also the tables of chapter 05 (ten minutes)"
    )
    quality.add_argument(
        "--seeds", type=_seeds, default=5, help="with --all: models and batches (default: 5)"
    )
    quality.add_argument("--out", metavar="FILE", help="JSON file to write")
    _quiet(quality)
    quality.set_defaults(job="teacher_quality")

    lab = commands_.add_parser("lab", help="open JupyterLab on the course, at chapter 00 (in a clone)")
    lab.add_argument("more", nargs="*", metavar="OPTION", help="of JupyterLab, after --: lab -- --no-browser")
    lab.set_defaults(job="lab")

    test = commands_.add_parser(
        "test", help="all that CI checks: style, types, tests, notebooks (in a clone)"
    )
    test.add_argument("part", nargs="?", choices=TEST_PARTS, help="only this; fast: what is not slow")
    test.set_defaults(job="test")

    study = commands_.add_parser("study", help="moved: python -m study, from a clone of the repository")
    study.set_defaults(job="study", threads=1)

    build = commands_.add_parser("build-minivtt", help="rebuild the embedded data set (about four minutes)")
    build.add_argument("--out", required=True, help="folder for the nine files")
    _quiet(build)
    build.set_defaults(job="build_minivtt")
    return parser


def _within(allowed: range, text: str) -> int:
    with suppress(ValueError):
        if (number := int(text)) in allowed:
            return number
    raise argparse.ArgumentTypeError(
        f"expected a whole number from {allowed[0]} to {allowed[-1]}, got {text[:40]!r}"
    )


def _above(lowest: float, text: str) -> float:
    with suppress(ValueError):
        if lowest <= (number := float(text)) < math.inf and number > -math.inf:
            return number
    bound = "" if lowest == -math.inf else f" >= {lowest:g}"
    raise argparse.ArgumentTypeError(f"expected a finite number{bound}, got {text[:40]!r}")


# Every number has a range: what takes all memory, or a year, is a slip of the finger.
_number, _rate = partial(_above, -math.inf), partial(_above, 0.0)
_seed, _seeds = partial(_within, SEEDS), partial(_within, range(1, 1001))
_threads, _jobs, _frames, _batches = (
    partial(_within, range(1, most + 1)) for most in (1024, 256, 1000, 10_000)
)
_count, _pairs = partial(_within, range(1, 1_000_001)), partial(_within, range(2, 1_000_001))


def _common(parser: argparse.ArgumentParser, data_default: str | None = "minivtt") -> None:
    where = "the checkpoint's" if data_default is None else data_default
    parser.add_argument("--data", default=data_default, help=f"minivtt or a folder (default: {where})")
    parser.add_argument("--seed", type=_seed, default=0, help="first seed (default: 0)")
    parser.add_argument("--seeds", type=_seeds, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--out", help="folder for what is written")
    parser.add_argument("--json", action="store_true", help="JSON on stdout, everything else on stderr")
    parser.add_argument("--threads", type=_threads, default=1, help="of torch, in a process (default: 1)")


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on stdout, everything else on stderr")
    parser.add_argument("--threads", type=_threads, default=1, help="torch's threads (default: 1)")


def _queries(parser: argparse.ArgumentParser, default: str) -> None:
    what = (
        "each caption, the protocol's own sentences, or all sentences of a video as one (ActivityNet, DiDeMo)"
    )
    choices = ["all", "protocol", "paragraph"]
    parser.add_argument("--queries", choices=choices, help=f"test queries: {what} (default: {default})")


def _training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol", help="1k-A (= 9k), 7k, full, miech; the embedded data: low, default, high"
    )
    parser.add_argument(
        "--experts",
        help="comma-separated feature tables; default: those of one vector a video, if every video has one",
    )
    _queries(parser, "all")
    parser.add_argument("--model", choices=MODELS, default="mean-pool")
    parser.add_argument(
        "--teacher",
        help=f"static distances of margins, comma-separated: {', '.join(TEACHERS)} (default: the features of "
        "text and video)",
    )
    parser.add_argument("--epochs", type=_count, help="default: 30; the embedded data: 10")
    parser.add_argument("--batch-size", type=_pairs, default=128, help="pairs in a batch (default: 128)")
    parser.add_argument("--learning-rate", type=_rate, default=1e-3, help="of AdamW (default: .001)")
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, cuda:1, ...; default: a GPU if there is one"
    )
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="float32", help="of the encoders' products"
    )
