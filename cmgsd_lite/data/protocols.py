"""Protocols of MSR-VTT, and validation videos that stand in no published test list."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.files import UnknownLayoutError, any_layout, once, video_id_of
from cmgsd_lite.data.formats.names import PARTS, TEST, TRAIN, VALIDATION
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.records import FileLog
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.splits import PLAIN, VAL_1, may_list, slots_in
from cmgsd_lite.errors import DataError

PREFERENCE = ("1k-A", PLAIN, "full", "7k", "miech")
NO_TEST = (
    "there is no test list: a model can be trained, and chosen on validation videos, but nothing can be "
    "reported as a test result"
)
_DRAW_SEED, _DRAW_SHARE, _DRAW_FEW, _DRAW_MOST = 2021, 0.05, 20, 500
# The times of a clip at the end of its id: seconds (VATEX, MSVD), or hours to milliseconds (LSMDC).
_TIMES = re.compile(r"_(\d+_\d+|\d\d\.\d\d\.\d\d\.\d{3}-\d\d\.\d\d\.\d\d\.\d{3})$")


@dataclass(frozen=True)
class SplitLists:
    """The lists of one protocol as published.

    Attributes:
        train: Training ids.
        test: Test ids, in the order of the test list (that of the csv for 1k-A); none where only training and
            validation are published (WebVid): then one can train, and report nothing.
        validation: The protocol's own validation list, or None: then it is taken from training.
        held_out: Official validation videos; those in `train` become validation when there is no own list.
        queries: The protocol's own test sentences; empty when all captions are queries.
        notes: What was derived, and what does not fit, as sentences.
    """

    train: list[str]
    test: list[str]
    validation: list[str] | None = None
    held_out: list[str] = field(default_factory=list)
    queries: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def validation_size(count: int, least: int = 2) -> int:
    """How many of so many training videos are for validation: 5 %, but 20 if that is no more than a fifth.

    Among five videos R@5 is 100 % whatever the model: a choice by it is a lottery. A single video is always
    ranked first, so that it can choose nothing: two at least.
    """
    return min(_DRAW_MOST, max(least, round(_DRAW_SHARE * count), min(_DRAW_FEW, count // 5)))


def draw_validation(ids: Collection[str], least: int = 2) -> list[str]:
    """`validation_size` of the ids, the same ones in whatever order the ids come.

    Clips of one film are drawn together where ids end in their times (film_000010_000020), so that none
    resembles a training clip; a film that would take half of the clips stays in training. Raises DataError
    where nothing would be left to train on.
    """
    size = validation_size(len(ids), least)
    if len(ids) <= size:
        raise DataError(
            f"training list: expected at least {size + 1} videos, to take {size} for validation, "
            f"found {len(ids)}"
        )
    films: dict[str, list[str]] = {}
    for video in sorted(ids):
        films.setdefault(_TIMES.sub("", video), []).append(video)
    whole = _drawn(list(films.values()), size, len(ids) // 2)
    return whole if len(whole) >= min(size, 2) else _drawn([[video] for video in sorted(ids)], size, size)


def _drawn(films: Sequence[list[str]], size: int, most: int) -> list[str]:
    """Clips of drawn films, until there are so many."""
    order = np.random.default_rng(_DRAW_SEED).choice(len(films), min(size, len(films)), replace=False)
    drawn: list[str] = []
    for i in order:
        if len(drawn) < size and len(drawn) + len(films[i]) <= max(most, 1):
            drawn += films[i]
    return drawn


def resolve(lists: SplitLists, usable: Collection[str]) -> dict[str, list[str]]:
    """Train, validation and test ids, disjoint, with the usable videos alone, in the order of the lists.

    Validation is the protocol's own list if it has one; else the official validation videos found in
    training; else (none of them usable) a fixed draw from training, which also stands beside a single
    validation video: one alone is always ranked first. A test list is never used for it. Raises DataError
    where there are too few training videos to take validation from.
    """
    usable, listed = set(usable), set(lists.test)
    pool = [video for video in lists.train if video in usable and video not in listed]
    own = [video for video in lists.validation or [] if video in usable and video not in listed]
    official = set(lists.held_out)
    held = own or [video for video in pool if video in official]
    apart = set(held)
    left = [video for video in pool if video not in apart]
    if pool and (not held or not left):
        drawn = set(draw_validation(pool))
        held = [video for video in pool if video in drawn]
    elif len(held) == 1 and len(left) > 2:  # two to train on stay: no batch has fewer
        drawn = set(draw_validation(left, least=1))
        held += [video for video in left if video in drawn]
    apart = set(held)
    return {
        "train": [video for video in pool if video not in apart],
        "validation": held,
        "test": [video for video in lists.test if video in usable],
    }


def find_protocols(
    files: Iterable[Path],
    annotations: Annotations,
    log: FileLog,
    caption_index: Path | None = None,
    root: Path | None = None,
) -> dict[str, SplitLists]:
    """The protocols that split files (csv before txt) and official splits define, best known first.

    ``caption_index`` is CE's jsfusion_val_caption_idx.pkl, the 1k-A queries where the csv is missing; the
    names of folders below the root may say a part. The log takes up which files are used, as what, and which
    are not, and why.
    """
    published = _Published()
    for path in sorted(
        files, key=lambda path: (path.suffix.lower() != ".csv", path.suffix.lower() in _LAST, str(path))
    ):
        _take(path, published, log, root)
    if caption_index is not None and "1k-A" in published.queries:
        log.leave(caption_index, "the queries of 1k-A come from a test list with sentences")
    elif caption_index is not None:
        _take_index(caption_index, annotations, published, log)
    found = _protocols(published, annotations)
    for (protocol, part), path in published.sources.items():
        used = [name for name, lists in found.items() if _uses(lists, published.lists[protocol, part])]
        if used:
            log.use(path, f"{part} list of {', '.join(used)}")
        else:
            log.leave(
                path, f"no protocol uses this {part} list of {protocol}: another goes before or is missing"
            )
    return {name: found[name] for name in PREFERENCE if name in found}


def protocols_of_features(tables: Mapping[str, FeatureTable]) -> dict[str, SplitLists]:
    """The plain protocol of train, val and test in the names of feature files, folders or keys.

    For data without any list; empty when there is no training or no test part, or experts disagree.
    """
    told = {(video, part) for table in tables.values() for video, part in table.parts.items()}
    lists = {part: sorted(video for video, mine in told if mine == part) for part in PARTS}
    if not (lists[TRAIN] and lists[TEST]) or len(dict(told)) < len(told):
        return {}
    note = f"{PLAIN}: there is no split list, so the parts are those by which the features lie apart"
    return {PLAIN: SplitLists(lists[TRAIN], lists[TEST], lists[VALIDATION] or None, notes=[note])}


_LAST = (".json", ".jsonl", ".tsv")  # a plain list goes before a file of captions with a part in its name


def _uses(lists: SplitLists, ids: list[str]) -> bool:
    return any(ids is mine for mine in (lists.train, lists.test, lists.validation, lists.held_out))


@dataclass
class _Published:
    """What split files say: lists and files by (protocol, part), queries and notes by protocol."""

    lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sources: dict[tuple[str, str], Path] = field(default_factory=dict)
    queries: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, protocol: str, sentence: str) -> None:
        self.notes.setdefault(protocol, []).append(sentence)


def _take(path: Path, published: _Published, log: FileLog, root: Path | None) -> None:
    """Read one file, if it is a split list; the first list for a part counts."""
    if not may_list(path, root):
        return
    try:
        with any_layout(path):
            slots = slots_in(path, root)
    except UnknownLayoutError as error:
        log.tried(path, error)
        return
    except DataError as error:
        log.leave(path, error)
        return
    for slot, listed in slots.items():
        for note in listed.notes:
            published.note(slot[0], note)
        if slot not in published.lists:
            published.lists[slot], published.sources[slot] = listed.ids, path
            if slot[1] in (TEST, VAL_1) and listed.queries:
                published.queries[slot[0]] = listed.queries
                if listed.empty:
                    lost = f"{listed.empty:,} empty queries in {path.name} are left out"
                    published.note(slot[0], f"{slot[0]} test: {lost}")
        elif set(listed.ids) != set(published.lists[slot]):
            why = f"differs from the {' '.join(slot)} list in {published.sources[slot].name}, and is not used"
            published.note(slot[0], f"{path.name}: {why}")
            log.leave(path, why)
        else:
            log.use(path, f"{slot[1]} list of {slot[0]}, the same as in {published.sources[slot].name}")


def _take_index(path: Path, annotations: Annotations, published: _Published, log: FileLog) -> None:
    """CE's queries: {id: number of the caption in the video's list}."""
    try:
        index = load_pickle(path)
        if not isinstance(index, Mapping):
            raise DataError(f"expected {{video id: caption number}}, found {type(index).__name__}")
        numbers = once(((video_id_of(key), number) for key, number in index.items()), path)
    except DataError as error:
        log.leave(path, error)
        return
    log.use(path, "queries of 1k-A")
    queries = {}
    for video, number in numbers.items():
        mine = annotations.captions.get(video, [])
        if isinstance(number, int | np.integer) and 0 <= number < len(mine):
            queries[video] = [mine[int(number)]]
    published.queries["1k-A"] = queries
    published.note(
        "1k-A",
        f"1k-A queries: {len(queries):,} sentences taken by number from {path.name}, "
        "which is right only for captions in the order of its own release",
    )


def _protocols(published: _Published, annotations: Annotations) -> dict[str, SplitLists]:
    held_out = _official(annotations, "validate") or published.lists.get(("full", "validation"), [])
    found = {}
    for name in PREFERENCE:
        test_of = "1k-A" if name == "7k" else name  # 7k changes the training list only
        slots = {"train": (name, "train"), "validation": (name, "validation"), "test": (test_of, "test")}
        parts = {part: published.lists.get(slot, []) for part, slot in slots.items()}
        notes = [*published.notes.get(name, []), *_fill_in(name, parts, published)]
        notes += _derive(name, parts, published, annotations)
        train, test = parts["train"], parts["test"]
        if train and test:
            queries = _queries(published, name, test)
            notes += _warnings(name, train, test, queries)
            found[name] = SplitLists(train, test, parts["validation"] or None, held_out, queries, notes)
    train, held = (published.lists.get((PLAIN, part), []) for part in (TRAIN, VALIDATION))
    if not found and train and held:
        notes = [*published.notes.get(PLAIN, []), f"{PLAIN}: {NO_TEST}"]
        found[PLAIN] = SplitLists(train, [], held, notes=notes)
    return found


def _fill_in(name: str, parts: dict[str, list[str]], published: _Published) -> list[str]:
    """Parts that a protocol's own files lack, from val_1 and from lists that name no protocol, and notes."""
    val_1 = published.lists.get((name, VAL_1), [])
    if val_1 and not parts["test"]:
        parts["test"] = val_1
        return [f"{name} test: there is no test list, so it is val_1, as ActivityNet is tested"]
    if val_1 and not parts["validation"]:
        parts["validation"] = val_1
    notes = []
    if name != PLAIN and bool(parts["train"]) != bool(parts["test"]):
        for part in [part for part in parts if not parts[part]]:
            parts[part] = published.lists.get((PLAIN, part), [])
            notes += [f"{name} {part}: the list whose name says no protocol"] if parts[part] else []
    return notes


def _queries(published: _Published, name: str, test: list[str]) -> dict[str, list[str]]:
    """The sentences of the list that the test videos come from."""
    slots = [(n, part) for n in (name, "1k-A", PLAIN) for part in (TEST, VAL_1)]
    of = next((slot[0] for slot in slots if published.lists.get(slot) is test), None)
    return published.queries.get(of, {}) if of else {}


def _derive(
    name: str, parts: dict[str, list[str]], published: _Published, annotations: Annotations
) -> list[str]:
    """Fill in the lists that follow from others; returns what was done, as sentences."""
    if name == "1k-A" and parts["test"] and not parts["train"]:
        parts["train"] = [video for video in annotations.captions if video not in set(parts["test"])]
        return ["1k-A train: no list found, so it is every captioned video outside the test list"]
    if name == "7k" and not parts["train"]:
        parts["train"] = _official(annotations, "train", "validate")
    if name == "full" and not (parts["train"] and parts["test"]):
        splits = {"train": "train", "validation": "validate", "test": "test"}
        official = {part: _official(annotations, split) for part, split in splits.items()}
        plain = {part: published.lists.get((PLAIN, part), []) for part in splits}
        parts.update(official if official["train"] and official["test"] else plain)
    return []


def _official(annotations: Annotations, *names: str) -> list[str]:
    return [video for video, split in annotations.official_split.items() if split in names]


def _warnings(name: str, train: list[str], test: list[str], queries: Mapping[str, list[str]]) -> list[str]:
    notes = []
    both = len(set(train) & set(test))
    if both:
        notes.append(f"{name} train: {both:,} videos are in the test list too and are left out of training")
    if name in ("1k-A", "7k") and not queries:
        notes.append(
            f"{name} test: no MSRVTT_JSFUSION_test.csv, so every caption is a query; published results "
            "use one sentence a video"
        )
    return notes
