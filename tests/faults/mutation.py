"""Files that are changed by chance: each is read rightly, or refused by a line with its name.

    python -m tests.faults.mutation --count 20000 --seed 1

All layouts of ``tests.data.layouts``, score matrices, a checkpoint and what ``convert`` writes. A process
reads one changed file after the other; another one looks after it, and starts a new one where it hangs.
"""

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import pickletools
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from cmgsd_lite.cli.score_files import read_matrix
from cmgsd_lite.data import convert, describe, load_folder, read_annotations, read_features, read_split_list
from cmgsd_lite.data.formats.store import check_store
from cmgsd_lite.errors import DataError
from cmgsd_lite.training.checkpoints import load_checkpoint
from tests.data.layouts import CAPTIONS, FEATURES, World

SECONDS, MEMORY = 5.0, 1 << 30
STUCK = 60
"""Seconds of the clock, on whatever machine, after which a reader counts as one that hangs."""
GOOD = ("read", "named")
DTYPES = [b"<f4", b"<f8", b"<f2", b">f4", b"<i8", b"<U4", b"|S4", b"|O8", b"|b1", b"<c8", b"<M8", b"|V4"]
VALUES = [
    None,
    True,
    -1,
    0,
    10**30,
    0.5,
    1e308,
    float("nan"),
    "",
    "x",
    "\ud800",
    "7" * 5000,
    [],
    {},
    [[]],
    {"": []},
]


def flip(content, rng):
    for place in rng.integers(len(content), size=rng.integers(1, 9)):
        content[place] ^= 1 << int(rng.integers(8))
    return content


def cut(content, rng):
    return content[: rng.integers(len(content))]


def splice(content, rng):
    begin, end, to = sorted(rng.integers(len(content), size=2)) + [rng.integers(len(content))]
    return (
        content[:to]
        + content[begin : min(end, begin + 4096)]
        + content[to + rng.integers(2) * (end - begin) :]
    )


def overwrite(content, rng):
    begin, size = rng.integers(len(content)), rng.integers(1, 65)
    filled = [bytes(size), b"\xff" * int(size), rng.bytes(int(size))][rng.integers(3)]
    content[begin : begin + size] = filled
    return content


def number(content, rng):
    """A size, shape or offset of any width becomes another."""
    value = [0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, len(content)][rng.integers(6)]
    width = int(rng.choice([2, 4, 8]))
    begin = int(rng.integers(max(len(content) - width, 1)))
    content[begin : begin + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
    return content


def dtype(content, rng):
    there = [one for one in DTYPES if one in content]
    if not there:
        return flip(content, rng)
    return content.replace(there[rng.integers(len(there))], DTYPES[rng.integers(len(DTYPES))], 1)


BYTES = (flip, cut, splice, overwrite, number, dtype)


def of_json(content, rng):
    """One place of the structure becomes another value, goes, or is there twice."""
    found = json.loads(content)
    places, left = [], [found]
    while left:
        one = left.pop()
        if isinstance(one, dict | list) and one:
            keys = list(one) if isinstance(one, dict) else range(len(one))
            places += [(one, key) for key in keys]
            left += [one[key] for key in keys]
    if not places:
        return flip(content, rng)
    holder, key = places[rng.integers(len(places))]
    what = rng.integers(4)
    if what == 0:
        del holder[key]
    elif what == 1:
        other, there = places[rng.integers(len(places))]
        holder[key] = (
            json.loads(json.dumps(other[there])) if isinstance(other, dict) or there < len(other) else 0
        )
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(found).encode()


def of_zip(content, rng):
    """A member changes, goes, gets another name or comes twice; the archive itself stays sound."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(packed, "w") as after:
        chosen, what = rng.integers(max(len(before.namelist()), 1)), rng.integers(6)
        for position, name in enumerate(before.namelist()):
            member = bytearray(before.read(name))
            if position == chosen and what < 3 and member:
                member = changed(member, rng)
            elif position == chosen and what == 3:
                continue
            elif position == chosen and what == 4:
                name = ["../x.npy", "", name + "x", "a" * 300, "\x00"][rng.integers(5)]
            after.writestr(name, bytes(member), zipfile.ZIP_DEFLATED if rng.random() < 0.1 else None)
    return packed.getvalue()


def of_pickle(content, rng):
    """An instruction goes, comes twice, becomes another one, or changes places with the next."""
    begins = [begin for _, _, begin in pickletools.genops(bytes(content))]
    parts = [bytes(content[a:b]) for a, b in itertools.pairwise([*begins, len(content)])]
    place, what = rng.integers(len(parts)), rng.integers(4)
    if what == 0:
        del parts[place]
    elif what == 1:
        parts.insert(place, parts[place])
    elif what == 2:
        parts[place] = parts[rng.integers(len(parts))]
    else:
        known = pickletools.opcodes
        parts[place] = known[rng.integers(len(known))].code.encode("latin-1") + parts[place][1:]
    return b"".join(parts)


def changed(content, rng):
    """Change bytes by chance, half of the time by what they are."""
    ways = []
    if content[:1] in b"{[" and rng.random() < 0.7:
        ways = [of_json]
    elif content[:2] == b"PK" and rng.random() < 0.6:
        ways = [of_zip]
    elif content[:1] == b"\x80" and rng.random() < 0.5:
        ways = [of_pickle]
    with contextlib.suppress(Exception):  # what was changed before need not be what it looks like
        return bytearray((ways or BYTES)[rng.integers(len(ways or BYTES))](bytearray(content), rng))
    return flip(content, rng)


class Sources:
    """Sound files in a folder, by name of what they are, and a copy to be changed."""

    def __init__(self, made, root):
        self.root = self.made = made
        self._make()
        self.root = root
        shutil.copytree(made, root)
        self.names = sorted(path.name for path in root.iterdir())
        self.files = {name: sorted(p for p in (root / name).rglob("*") if p.is_file()) for name in self.names}

    def restore(self):
        """Put all back: what a process was reading when it ended it has not."""
        shutil.rmtree(self.root)
        shutil.copytree(self.made, self.root)

    def _make(self):
        root = self.root
        for name, layout in FEATURES.items():
            layout.build(self._new(f"features-{name}"), World(layout.style))
        for name, layout in CAPTIONS.items():
            layout.build(self._new(f"captions-{name}"), World(layout.style))
        rng, scores = np.random.default_rng(0), self._new("scores")
        sim = rng.normal(size=(5, 4)).astype(np.float32)
        np.save(scores / "sim.npy", sim)
        np.savez(scores / "sim.npz", sim=sim)
        np.savetxt(scores / "sim.csv", sim, delimiter=",")
        _checkpoint(self._new("checkpoint") / "checkpoint.pt")
        convert(root / "features-clip-npz", root / "store")

    def _new(self, name):
        (self.root / name).mkdir(parents=True)
        return self.root / name


def _checkpoint(path):
    from tests.faults.test_checkpoints import train

    train(path)
    path.with_name("checkpoint.pt.previous").unlink()


def readers_of(name, folder, path):
    if name == "checkpoint":
        return [lambda: load_checkpoint(path)]
    if name == "scores":
        return [lambda: read_matrix(path, "sim")]
    if name == "store":
        return [lambda: (check_store(folder), load_folder(folder))]
    of_file = {"features": read_features, "captions": read_annotations}[name.split("-")[0]]
    return [lambda: of_file(path), lambda: describe(folder), lambda: read_split_list(path)]


def is_as_it_was(name, path, before, after):
    """Whether what has a checksum may be read without a word."""
    if path.name == "index.json":
        return json.loads(before) == json.loads(after)
    return before == after or name not in ("checkpoint", "store") or path.name == "checkpoint.seconds.json"


def outcome_of(sources, seed, case):
    """Change one file, read it, put it back; returns what it was and what came."""
    rng = np.random.default_rng([seed, case])
    name = sources.names[rng.integers(len(sources.names))]
    path = sources.files[name][rng.integers(len(sources.files[name]))]
    folder, before = sources.root / name, path.read_bytes()
    after = bytes(changed(bytearray(before or b"x"), rng))
    if name != "store" and rng.random() < 0.05:
        after = bytes(changed(bytearray(after or b"x"), rng))
    readers = readers_of(name, folder, path)
    return f"{path.relative_to(sources.root)}", judged(
        folder, path, after, readers[rng.integers(len(readers))]
    )


def judged(folder, path, after, read):
    """Read a file with other bytes in it, and put it back; returns "read", "named", or what is bad."""
    before = path.read_bytes()
    path.write_bytes(after)
    Path("/proc/self/clear_refs").write_text("5")  # the highest use of memory begins anew
    begin, base = time.process_time(), _peak()
    try:
        read()
        as_it_was = is_as_it_was(folder.name, path, before, after)
        told = "read" if as_it_was else "other: read although it was changed"
    except DataError as error:
        mine = path.name in str(error) or str(folder) in str(error)
        told = "named" if mine else f"other: DataError without the file's name: {error!s:.200}"
    except BaseException as error:
        told = f"other: {type(error).__name__}: {error!s:.200}"
    finally:
        path.write_bytes(before)
    if time.process_time() - begin > SECONDS:
        told = "slow"
    if _peak() - base > MEMORY:
        told = "large"
    return told


def _peak():
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return 1024 * int(line.split()[1])


def limit_memory():
    """The machine is to survive what a file makes of this process."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * MEMORY,) * 2)


def _work(sources, seed, cases, sender):
    warnings.simplefilter("ignore")
    limit_memory()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        for case in cases:
            sender.send((case, str(case), None))
            sender.send((case, *outcome_of(sources, seed, case)))


def watched(work, *arguments):
    """Yield (case, name, outcome) as a process tells them; of one it does not come back from, what it was.

    Args:
        work: Called in the process with the arguments and where to send to: each case with None as its
            outcome before it is tried, and again with what came.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    worker = multiprocessing.get_context("fork").Process(target=work, args=(*arguments, sender))
    worker.start()
    sender.close()
    case, name, told = None, "before the first one", None
    try:
        while receiver.poll(STUCK):
            case, name, told = receiver.recv()
            if told is not None:
                yield case, name, told
        yield case, name, "hangs"
    except EOFError:
        if told is None:
            yield case, name, "other: crashed"
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()


def run(count, seed=1, first=0, say=lambda line: None):
    """Try changes by number; returns how often each outcome came, and the bad ones."""
    counts, bad, case = Counter(), [], first
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources(Path(folder) / "made", Path(folder) / "changed")
        while case < first + count:
            for _, name, told in watched(_work, sources, seed, range(case, first + count)):
                counts[told.split(":")[0]] += 1
                if told not in GOOD:
                    bad.append((case, name, told))
                    say(f"{case} {name}: {told}")
                case += 1
            sources.restore()
    return counts, bad


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first change, to see one again")
    options = parser.parse_args()
    begin = time.monotonic()
    counts, bad = run(options.count, options.seed, options.first, print)
    print(json.dumps({"count": options.count, "seed": options.seed, **counts}))
    print(f"{time.monotonic() - begin:.0f} s")
    sys.exit(1 if bad else 0)
