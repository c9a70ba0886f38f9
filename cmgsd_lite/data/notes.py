"""What was left out or masked, counted, as sentences for people."""

from collections.abc import Iterable, Mapping, Sequence

from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.records import FileRecord
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.protocols import SplitLists

# CE's own checks: captions that its release lacks of 20 a video, by the size of the test list.
_CE_MISSING = {2990: 6, 1000: 2, 497: 0}


_MOST_FILES = 20
_LONG = 10_000


def file_notes(files: Sequence[FileRecord]) -> list[str]:
    """What each file is used as, and why others are left out: a line each, the first twenty of both kinds."""
    notes = []
    for kind in ([f for f in files if f.used_as], [f for f in files if not f.used_as]):
        notes += [f"file {record}" for record in kind[:_MOST_FILES]]
        more = f"{len(kind) - _MOST_FILES} more {'used' if kind[0].used_as else 'left out'}" if kind else ""
        notes += [f"files: {more}; `info` names them"] if len(kind) > _MOST_FILES else []
    return notes


def left_out(
    protocol: str,
    annotations: Annotations,
    lists: SplitLists,
    tables: Mapping[str, FeatureTable],
    ids: Mapping[str, Sequence[str]],
) -> list[str]:
    """Sentences on listed videos that are not used, masked experts, validation and the size of the gallery.

    The lists are the protocol's as published, the ids those of the splits, from `resolve`.
    """
    notes = []
    named_only = {video for table in tables.values() for video in table.ids}
    for label, listed in _published(protocol, lists):
        without = sum(not annotations.captions.get(video) for video in listed)
        missing = [v for v in listed if not any(v in table.position for table in tables.values())]
        empty = sum(v in named_only for v in missing)
        why = (
            f" ({empty:,} of them are named there, with a NaN in every vector or no vector)" if empty else ""
        )
        notes += _count(label, without, len(listed), "have no captions and are left out")
        what = f"have no features in {named(tables)} and are left out{why}"
        notes += _count(label, len(missing), len(listed), what)
    if len(tables) > 1:
        for part, mine in ids.items():
            for expert, table in tables.items():
                lacking = sum(video not in table.position for video in mine)
                what = f"have no {expert}, which is masked"
                if part == "train" and lacking == len(mine):
                    what = f"have no {expert}: nothing can be learned of it, and training leaves it out"
                notes += _count(f"{protocol} {part}", lacking, len(mine), what)
    return [
        *notes,
        *_validation(protocol, lists, ids),
        *_test(protocol, lists, ids),
        *ce_check(annotations, lists),
    ]


def _published(protocol: str, lists: SplitLists) -> list[tuple[str, Sequence[str]]]:
    found = [(f"{protocol} train" + ("" if lists.validation else " (validation included)"), lists.train)]
    if lists.validation:
        found.append((f"{protocol} validation", lists.validation))
    return [*found, (f"{protocol} test", lists.test)]


def _count(label: str, part: int, whole: int, what: str) -> list[str]:
    return [f"{label}: {part:,} of {whole:,} videos {what}"] if part else []


def _validation(protocol: str, lists: SplitLists, ids: Mapping[str, Sequence[str]]) -> list[str]:
    mine, listed = set(ids["validation"]), set(lists.validation or [])
    if mine <= listed:
        return []
    official = mine & (listed | set(lists.held_out))
    if official == mine:
        kind = "official validation videos"
    elif official:
        kind = f"videos: {len(official):,} official, too few to choose by, and others drawn by a fixed seed"
    else:
        kind = "videos drawn by a fixed seed"
    return [f"{protocol} validation: {len(mine):,} {kind}, taken out of the training list"]


def _test(protocol: str, lists: SplitLists, ids: Mapping[str, Sequence[str]]) -> list[str]:
    used, listed = len(ids["test"]), len(lists.test)
    silent = sum(video not in lists.queries for video in ids["test"]) if lists.queries else 0
    notes = _count(f"{protocol} test", silent, used, "have no query of their own; their captions are used")
    if used == 1:
        notes.append(f"{protocol} test: one video is always ranked first; nothing can be measured on it")
    if used < listed:
        published = f"published results on {listed:,}"
        notes.append(f"{protocol} test: a gallery of {used:,} videos is not comparable with {published}")
    return notes


def ce_check(annotations: Annotations, lists: SplitLists) -> list[str]:
    """CE's sanity check on its own captions: how many of 20 x test videos are not there."""
    from_ce = any(kind == "pickle" for _, kind in annotations.sources)
    expected = _CE_MISSING.get(len(lists.test))
    if not from_ce or expected is None:
        return []
    lacking = sum(20 - len(annotations.captions.get(video, [])) for video in lists.test)
    if lacking == expected:
        return []
    total = 20 * len(lists.test)
    return [f"raw captions: CE's release lacks {expected} of {total:,} test captions, these lack {lacking:,}"]


def cropped(tables: Mapping[str, FeatureTable], max_tokens: int) -> list[str]:
    """How many videos have more tokens than are kept."""
    notes = []
    for expert, table in tables.items():
        long = int((table.counts > max_tokens).sum())
        notes += _count(
            expert, long, len(table.position), f"have more than {max_tokens} tokens and are cropped"
        )
    return notes


def table_notes(tables: Mapping[str, FeatureTable]) -> list[str]:
    """What the experts' tables say of themselves: padding, shards, ids, and whether they say anything."""
    same = [
        f"expert {expert}: every vector is the same, so that nothing can be learned of it"
        for expert, table in tables.items()
        if table.constant
    ]
    return [*dict.fromkeys(note for table in tables.values() for note in table.notes), *same]


def caption_notes(captions: Mapping[str, Sequence[str]]) -> list[str]:
    """Captions that are very long, or all the same."""
    long = [video for video, mine in captions.items() for caption in mine if len(caption) > _LONG]
    count = f"{len(long):,} captions of more than {_LONG:,} letters are taken whole"
    notes = [f"{count} (first: {long[0]})"] if long else []
    if len(captions) > 1 and len({caption for mine in captions.values() for caption in mine}) == 1:
        notes.append("all captions are the same, so that nothing can be learned of them")
    return notes


def named(tables: Iterable[str]) -> str:
    """The experts in words."""
    names = list(tables)
    return ", ".join(names) if len(names) <= 3 else f"any of {len(names)} experts"
