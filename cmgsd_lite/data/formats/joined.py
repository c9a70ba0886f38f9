"""Tables of one expert put together: parts, shards under numbered names, and folders of its videos."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from cmgsd_lite.data.formats.names import expert_name, says_model, without_shard
from cmgsd_lite.data.formats.tables import FeatureTable, merge_tables

Tables = dict[str, FeatureTable]
Source = TypeVar("Source")


def combine(parts: Sequence[tuple[str, Mapping[str, FeatureTable]]]) -> Tables:
    """Tables of several sources; an expert found in several is joined when their videos differ.

    Raises:
        DataError: two sources give different features of the same expert for the same video.
    """
    found: dict[str, dict[str, FeatureTable]] = {}
    for source, tables in parts:
        for expert, table in tables.items():
            found.setdefault(expert, {})[source] = table
    return {
        expert: next(iter(tables.values())) if len(tables) == 1 else merge_tables(tables, expert)
        for expert, tables in join_shards(found).items()
    }


def join_shards(found: dict[str, dict[Source, FeatureTable]]) -> dict[str, dict[Source, FeatureTable]]:
    """The tables of clip_part0, clip_part1, ... as those of clip, when their videos differ and D is one.

    So are folders beside each other: clip/FILM/*.npy (LSMDC), clip/000001_000050/*.npy (WebVid), and
    trainval/*.npy beside public_test/*.npy (VATEX) are one expert, called clip.

    Args:
        found: Tables by expert and by where they were found.
    """
    found = _join_folders(found)
    groups: dict[str, list[str]] = {}
    for name in found:
        groups.setdefault(without_shard(name) or name, []).append(name)
    joined: dict[str, dict[Source, FeatureTable]] = {}
    for stem, names in groups.items():
        tables = [(source, table) for name in names for source, table in found[name].items()]
        if stem in names or len(names) == 1 or not _are_shards([table for _, table in tables]):
            joined.update({name: found[name] for name in names})
            continue
        note = f"{stem}: put together of {len(names)} shards ({', '.join(sorted(names))})"
        for source, table in tables:
            noted = replace(table, notes=(*table.notes, note))
            mine = joined.setdefault(stem, {})
            mine[source] = noted if source not in mine else merge_tables({"": mine[source], " ": noted}, stem)
    return joined


def _join_folders(found: dict[str, dict[Source, FeatureTable]]) -> dict[str, dict[Source, FeatureTable]]:
    """Tables of folders in one folder under one name, if they fit and none is named after a network."""
    beside: dict[tuple[Path, int], list[tuple[str, Source]]] = {}
    for name, tables in found.items():
        for source, table in tables.items():
            if Path(str(source)).is_dir() and not says_model(Path(str(source)).name):
                beside.setdefault((Path(str(source)).parent, table.dim), []).append((name, source))
    joined = {name: dict(tables) for name, tables in found.items()}
    for (folder, _), group in beside.items():
        names = sorted({name for name, _ in group})
        if len(names) < 2 or not _are_shards([found[name][source] for name, source in group]):
            continue
        whole = expert_name(folder)
        note = f"{whole}: put together of {len(names)} folders ({', '.join(names[:3])}, ...)"
        for name, source in group:
            table = joined[name].pop(source)
            joined.setdefault(whole, {})[source] = replace(table, notes=(*table.notes, note))
    return {name: tables for name, tables in joined.items() if tables}


def _are_shards(tables: Sequence[FeatureTable]) -> bool:
    ids = [video for table in tables for video in table.ids]
    return len(set(ids)) == len(ids) and len({table.dim for table in tables}) == 1
