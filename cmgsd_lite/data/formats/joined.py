"""Tables of one expert put together: parts, and shards of one expert under numbered names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cmgsd_lite.data.formats.names import without_shard
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

    Args:
        found: Tables by expert and by where they were found.
    """
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


def _are_shards(tables: Sequence[FeatureTable]) -> bool:
    ids = [video for table in tables for video in table.ids]
    return len(set(ids)) == len(ids) and len({table.dim for table in tables}) == 1
