"""The one in-memory form of a retrieval data set, and how it is put together from what was read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.records import FileRecord
from cmgsd_lite.data.formats.tables import ExpertFeatures, FeatureTable, PaddedExperts
from cmgsd_lite.data.notes import caption_notes, cropped, file_notes, left_out, named, table_notes
from cmgsd_lite.data.protocols import SplitLists, resolve
from cmgsd_lite.data.source import open_source
from cmgsd_lite.data.splits import protocol_name
from cmgsd_lite.errors import DataError

MAX_TOKENS = 32


@dataclass(frozen=True)
class Split:
    """Videos of one part of a data set.

    Attributes:
        name: "train", "validation" or "test".
        video_ids: V ids; rows of the features are in this order.
        captions: All captions of each video.
        queries: The sentences that ask for each video: the protocol's own (1k-A test: one from the csv),
            else all captions.
        features: Padded features and mask of each expert; of a folder made when they are first looked at.
        categories: Category number of each video; may be empty.
        extras: Further keys of the annotations: `extras["videos"][id]` a dict, `extras["sentences"][id]`
            one dict a caption; both empty when there are none.
    """

    name: str
    video_ids: list[str]
    captions: dict[str, list[str]]
    queries: dict[str, list[str]]
    features: Mapping[str, ExpertFeatures]
    categories: dict[str, int] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=lambda: {"videos": {}, "sentences": {}})

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.video_ids)

    def subset(self, video_ids: Iterable[str]) -> "Split":
        """The split with the given videos alone, in the given order.

        Raises:
            ValueError: a video that is not in the split, or one twice.
        """
        ids = list(video_ids)
        row = {name: i for i, name in enumerate(self.video_ids)}
        strange = next((name for name in ids if name not in row), None)
        if strange is not None or len(set(ids)) != len(ids):
            raise ValueError(
                f"video_ids: expected ids of the {self.name} split, each once, got {strange or 'one twice'}"
            )
        rows = [row[name] for name in ids]
        return replace(
            self,
            video_ids=ids,
            captions=_only(self.captions, ids),
            queries=_only(self.queries, ids),
            features={e: ExpertFeatures(f.values[rows], f.mask[rows]) for e, f in self.features.items()},
            categories=_only(self.categories, ids),
            extras={key: _only(extra, ids) for key, extra in self.extras.items()},
        )


@dataclass(frozen=True)
class RetrievalDataset:
    """Three splits without a common video.

    Attributes:
        name: Name of the data set.
        protocol: "1k-A", "7k", "full", "miech" or another data set's own.
        train: What to train on.
        validation: What to choose on: taken from training, never from a published test list.
        test: What to report on, once; empty where there is no test list.
        notes: What was left out or derived, counted, as sentences: print them.
        category_names: Name of each category number; may be empty.
        files: What became of every file under the path: used, and as what, or left out, and why.
    """

    name: str
    protocol: str
    train: Split
    validation: Split
    test: Split
    notes: list[str] = field(default_factory=list)
    category_names: dict[int, str] = field(default_factory=dict)
    files: list[FileRecord] = field(default_factory=list)


def load_folder(
    path: str | Path,
    protocol: str | None = None,
    experts: Sequence[str] | None = None,
    *,
    annotations: str | Path | None = None,
    max_tokens: int = MAX_TOKENS,
) -> RetrievalDataset:
    """A data set from a folder of annotations, split lists and features in the layouts of docs/DATA.md.

    Args:
        path: The folder, an archive of it, what `convert` wrote, or one feature file.
        protocol: As in `load_dataset`.
        experts: As in `load_dataset`. An expert is named after its file.
        annotations: Folder of annotations and split lists, when they are not under `path`.
        max_tokens: Longer videos are cropped to this many tokens, evenly spaced over the video.

    Raises:
        DataError: no captions, features or lists found, or a file that cannot be read.
        ValueError: an unknown protocol, or max_tokens below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens: expected at least 1, got {max_tokens}")
    wanted = None if protocol is None else protocol_name(protocol)
    source = open_source(path, experts, annotations)
    if not source.tables:
        raise DataError(f"{path}: expected features, found none{source.why}{source.missing('features')}")
    if not source.annotations.captions:
        notes = "".join(f"; {note}" for note in source.annotations.notes[:3])
        missing = "expected annotations beside the features, found none; name their folder"
        raise DataError(f"{path}: {missing}{notes}{source.why}{source.missing('captions')}")
    name = wanted or next(iter(source.protocols), None)
    if name is None or name not in source.protocols:
        there = ", ".join(source.protocols) or "none"
        why = f"{source.why}{source.missing('lists')}"
        raise DataError(
            f"{path}: expected split lists of {wanted or 'a protocol'}, found {there}; a protocol has a "
            f"training and a test list, as in own_train.csv and own_test.csv{why}"
        )
    lists = source.protocols[name]
    try:
        dataset = assemble(source.name, name, source.annotations, lists, source.tables, max_tokens)
    except DataError as error:
        raise DataError(f"{error}{source.used}") from error
    return replace(dataset, notes=[*file_notes(source.files), *dataset.notes], files=source.files)


def assemble(
    name: str,
    protocol: str,
    annotations: Annotations,
    lists: SplitLists,
    tables: Mapping[str, FeatureTable],
    max_tokens: int = MAX_TOKENS,
) -> RetrievalDataset:
    """Put annotations, the lists of one protocol and feature tables together.

    A video stays if it has captions and at least one expert; what it lacks is masked. What is left out is
    counted in the notes.

    Raises:
        DataError: a split of which nothing remains.
    """
    if not tables:
        raise DataError(f"{name}: expected features of at least one expert, found none")
    present = {video for table in tables.values() for video in table.position}
    ids = resolve(lists, [video for video in present if annotations.captions.get(video)])
    for part, mine in ids.items():
        if not mine and (part != "test" or lists.test):
            listed = len(lists.train if part == "train" else lists.test)
            raise DataError(
                f"{name}, {protocol} {part}: expected videos with captions and features, found none among "
                f"{listed:,} listed (features: {named(tables)}){_unlike(part, annotations, lists, tables)}"
            )
    splits = {part: _split(part, mine, annotations, tables, max_tokens) for part, mine in ids.items()}
    test = splits["test"]
    splits["test"] = replace(test, queries={**test.queries, **_only(lists.queries, test.video_ids)})
    notes = [*annotations.notes, *caption_notes(annotations.captions), *table_notes(tables), *lists.notes]
    notes += left_out(protocol, annotations, lists, tables, ids) + cropped(tables, max_tokens)
    notes = list(dict.fromkeys(notes))
    names = annotations.category_names
    return RetrievalDataset(name, protocol, **splits, notes=notes, category_names=names)  # type: ignore[arg-type]


def _unlike(
    part: str, annotations: Annotations, lists: SplitLists, tables: Mapping[str, FeatureTable]
) -> str:
    """Two ids of each side, to see why they do not meet."""
    listed = lists.train if part == "train" else lists.validation if part == "validation" else lists.test
    captioned = ", ".join(sorted({Path(file).name for file, _ in annotations.sources})) or "the captions"
    sides = {f"the {part} list": listed or [], captioned: annotations.captions}
    sides |= {f"expert {expert}": table.position for expert, table in tables.items()}
    return "; ids of " + "; of ".join(
        f"{side}: {', '.join(list(ids)[:2])}" for side, ids in sides.items() if ids
    )


def _split(
    part: str,
    ids: list[str],
    annotations: Annotations,
    tables: Mapping[str, FeatureTable],
    max_tokens: int,
) -> Split:
    captions = _only(annotations.captions, ids)
    # One T for all splits of an expert, so that a model's input has one shape.
    widths = {expert: min(max_tokens, int(table.counts.max())) for expert, table in tables.items()}
    return Split(
        name=part,
        video_ids=ids,
        captions=captions,
        queries=dict(captions),
        features=PaddedExperts(tables, ids, widths),
        categories=_only(annotations.categories, ids),
        extras={
            "videos": _only(annotations.video_extras, ids),
            "sentences": _only(annotations.sentence_extras, ids),
        },
    )


def _only(mapping: Mapping[str, Any], ids: Iterable[str]) -> dict[str, Any]:
    return {video: mapping[video] for video in ids if video in mapping}
