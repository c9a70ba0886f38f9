"""Files that are changed where a reader then takes another way: each is read, or refused by name.

    python -m tests.faults.guided --seconds 300 --seed 1
    python -m tests.faults.guided --again FILE      a finding once more, as users read it

Files, readers, outcomes and limits are those of `mutation`, which changes files blindly. Half of the changes
are its own, half libFuzzer's; what reaches code that was not reached before is changed further. Pickles and
files of torch, which another process reads for users, are read in this one; what is bad then is read again as
users do, and that counts. HDF5 and Matlab's files are for C libraries that may hang, and a checkpoint's
checksum refuses every change: these are left to the blind changes. A seed gives the same changes as far as
readers take the same time.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

GET = "atheris: expected to be installed, found no such package; pip install -r requirements-dev.txt"
try:
    import atheris
except ImportError:
    atheris = None
    if __name__ == "__main__" and "--again" not in sys.argv:
        print(GET, file=sys.stderr)
        sys.exit(2)

WATCHED = atheris.instrument_imports(["cmgsd_lite"]) if atheris and __name__ == "__main__" else io.StringIO()
with WATCHED, contextlib.redirect_stderr(io.StringIO()):  # it names each module
    from cmgsd_lite.data.formats import apart, pickles, torch_files
    from cmgsd_lite.data.formats.files import any_layout
    from tests.faults import mutation

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # where a file is soon written
KEPT = Path("runs/guided")  # with a folder build, ruff takes notebooks/build.py for another one
BLIND = (".h5", ".hdf5", ".mat")
# What hangs or takes all memory is seen by `mutation`; what is soon read is changed more often.
ALWAYS = ["-timeout=6000", "-rss_limit_mb=0", "-max_len=65536", "-entropic_scale_per_exec_time=1"]


class Target:
    """Inputs of libFuzzer: a line with the number of a reader and a file's place, then the file's bytes."""

    def __init__(self, sources, only=""):
        self.root, self.seeds, alike = sources.root, {}, set()
        for name, path in ((layout, file) for layout in sources.names for file in sources.files[layout]):
            place, content = str(path.relative_to(sources.root)), path.read_bytes()
            kind = name, path.suffix, content[:8]
            if path.suffix in BLIND or name == "checkpoint" or only not in place or kind in alike:
                continue
            alike.add(kind)
            for number in range(len(mutation.readers_of(name, path, path))):
                self.seeds[f"{number} {place}".encode()] = content

    def told(self, data):
        """What comes of an input; None for one of which no file is known."""
        head, _, content = data.partition(b"\n")
        if head not in self.seeds:
            return None
        number, place = head.decode().split(" ", 1)
        folder, path = self.root / Path(place).parts[0], self.root / place
        read = mutation.readers_of(folder.name, folder, path)[int(number)]
        return mutation.judged(folder, path, content, read)

    def changed(self, data, size, seed):
        """Change the bytes below the line: one time as the blind changes do, one time as libFuzzer does."""
        rng = np.random.default_rng(seed)
        head, _, content = data.partition(b"\n")
        if head not in self.seeds:
            head, content = list(self.seeds.items())[rng.integers(len(self.seeds))]
        if rng.integers(2):
            content = mutation.changed(bytearray(content or b"x"), rng)
        else:
            content = atheris.Mutate(bytes(content), size - len(head) - 1)
        return (head + b"\n" + bytes(content))[:size]


def _here(read, path, *arguments):
    """`apart.read_apart` without the other process and its limits."""
    with any_layout(path, "arrays, text and plain containers"):
        return apart.Plain(path, path.stat().st_size).of(read(path, *arguments))


def _read_by(reader):
    pickles.read_apart = torch_files.read_apart = reader


def _fuzz(target, options, log, sender):
    warnings.simplefilter("ignore")
    mutation.limit_memory()
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)

    def one(data):
        name = data.partition(b"\n")[0].decode("latin1")
        sender.send((data, name, None))
        _read_by(_here)
        told = target.told(data)
        _read_by(apart.read_apart)
        if told not in (None, *mutation.GOOD):
            told = target.told(data)
        sender.send((data, name, told or "none"))

    atheris.Setup(["guided", *options], one, custom_mutator=target.changed)
    atheris.Fuzz()


def run(seconds, seed=1, only="", say=lambda line: None):
    """Change files for so long; returns how often each outcome came, findings, places of code reached."""
    counts, found, end = Counter(), {}, time.monotonic() + seconds
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        sources = mutation.Sources(Path(folder) / "made", Path(folder) / "changed")
        target, corpus, log = Target(sources, only), Path(folder) / "corpus", Path(folder) / "log"
        corpus.mkdir()
        for number, (head, content) in enumerate(target.seeds.items()):
            (corpus / str(number)).write_bytes(head + b"\n" + content)
        while (left := int(end - time.monotonic())) > 0:
            options = [*ALWAYS, f"-max_total_time={left}", f"-seed={seed + counts.total()}", str(corpus)]
            for data, name, told in mutation.watched(_fuzz, target, options, log):
                if data is None:
                    raise RuntimeError(log.read_text(errors="replace"))
                counts[told.split(":")[0]] += 1
                kind = name, re.sub(r"\W.*|\d", "", told.removeprefix("other: "))
                if told not in (*mutation.GOOD, "none") and kind not in found:
                    found[kind] = keep(data)
                    say(f"{name}: {told}\n  python -m tests.faults.guided --again {found[kind]}")
            sources.restore()
        reached = re.findall(r"(?:INITED|DONE).*cov: (\d+)", log.read_text(errors="replace"))
    return counts, found, [int(count) for count in reached]


def keep(data):
    """Write a finding into a file of its own; returns the file."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    return path


def again(data):
    """What comes of an input in this process."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        return Target(mutation.Sources(Path(folder) / "made", Path(folder) / "changed")).told(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="WORD", help="files with this word in their place")
    parser.add_argument("--again", type=Path, metavar="FILE", help="a finding that was kept")
    asked = parser.parse_args()
    if asked.again:
        told = again(asked.again.read_bytes())
        print(told)
        sys.exit(told not in mutation.GOOD)
    counts, found, reached = run(asked.seconds, asked.seed, asked.only, lambda line: print(line, flush=True))
    print(json.dumps({"seconds": asked.seconds, "seed": asked.seed, "reached": reached, **counts}))
    sys.exit(len(found) > 0)
