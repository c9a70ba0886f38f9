"""Published protocols: what a number may be compared with, and paragraphs as ActivityNet and DiDeMo ask."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cmgsd_lite.data import (
    PUBLISHED,
    comparisons,
    describe,
    format_description,
    join_paragraphs,
    load_folder,
    read_split_list,
)
from cmgsd_lite.data.published import EVERY, PARAGRAPH, SENTENCE, protocol_table, same_size
from tests.data.layouts import CAPTIONS, ID_STYLES, World, plain_features, plain_text

DATA_PAGE = Path(__file__).parents[2] / "docs" / "DATA.md"
STYLES = {
    "MSR-VTT": "video",
    "ActivityNet": "activitynet",
    "DiDeMo": "didemo",
    "LSMDC": "lsmdc",
    "VATEX": "vatex",
}


def ids_of(protocol: str, count: int) -> list[str]:
    """Ids as the data set has them."""
    if protocol == "MSVD":
        return [f"mv89psg6{n:03d}_{n}_{n + 9}" for n in range(count)]
    style = next(style for name, style in STYLES.items() if protocol.startswith(name))
    if style in ("video", "didemo"):
        return [ID_STYLES[style](n).removesuffix(".mov") for n in range(count)]
    if style == "lsmdc":
        return [f"{n:04d}_Some_Film_00.01.45.123-00.01.48.456" for n in range(count)]
    return [
        f"{'v_' * (n % 2)}{n:011d}" if style == "activitynet" else f"{n:011d}_000012_000022"
        for n in range(count)
    ]


@pytest.mark.parametrize("one", [one for one in PUBLISHED if not one.digest], ids=lambda one: one.name)
def test_a_protocol_is_known_by_number_form_and_queries(one: Any) -> None:
    count, each = one.videos[0], 5 if one.queries == EVERY else 1
    ids = ids_of(one.name, count)
    fits = {"joined": one.queries == PARAGRAPH, "train": (one.train[0] - 100, 100)}
    (found,) = comparisons(ids, [each] * count, **fits)
    assert (found.protocol, found.comparable) == (one.name, True)
    assert "not at hand" in found.why
    assert "training" not in found.why
    (fewer,) = comparisons(ids[:-5], [each] * (count - 5), **fits)
    assert not fewer.comparable
    assert f"{count - 5:,} test videos, its list has {one.videos[0]:,}" in fewer.why
    (otherwise,) = comparisons(ids, [6 - each] * count, train=(10, 0))
    assert not otherwise.comparable
    assert "asks, there " + one.queries in otherwise.why
    (untrained,) = comparisons(ids, [each] * count, **(fits | {"train": (10, 2)}))
    assert untrained.comparable
    assert f"10 training videos, there {one.train[0]:,}" in untrained.why
    assert str(untrained).startswith(f"comparable with {one.name}: ")


def test_lists_of_one_size_are_told_apart_by_their_ids() -> None:
    found = comparisons([f"video{n}" for n in range(1000)], [1] * 1000)
    assert [one.protocol for one in found] == ["MSR-VTT 1k-A", "MSR-VTT 1k-B", "MSR-VTT full"]
    assert not any(one.comparable for one in found)
    assert "1,000 test videos, but not those of its list" in found[0].why
    assert comparisons(["a", "b"], [1, 1]) == []
    assert comparisons([], []) == []


def test_a_matrix_is_known_by_its_size_alone() -> None:
    assert same_size(1000, 1000) == ["MSR-VTT 1k-A", "MSR-VTT 1k-B", "LSMDC"]
    assert same_size(27_000, 670) == ["MSVD"]
    assert same_size(7, 7) == []


@pytest.mark.realdata
def test_the_lists_of_msrvtt_are_known(cmgsd_data: Path) -> None:
    folder = cmgsd_data / "msrvtt" / "annotations"
    lists = {
        "MSR-VTT 1k-A": ("MSRVTT_JSFUSION_test.csv", 1, SENTENCE),
        "MSR-VTT 1k-B": ("ce_lists/test_list_miech.txt", 1, SENTENCE),
        "MSR-VTT full": ("MSRVTT_test.full.csv", 20, EVERY),
    }
    for name, (file, each, _) in lists.items():
        ids = read_split_list(folder / file)
        found = comparisons(ids, [each] * len(ids))
        assert [one.protocol for one in found if one.comparable] == [name]


def test_every_protocol_is_in_the_table() -> None:
    assert protocol_table() in DATA_PAGE.read_text(encoding="utf-8")
    for one in PUBLISHED:
        re.compile(one.ids)
        assert f"| {one.name} |" in protocol_table()


def moments(folder: Path, layout: str) -> World:
    """ActivityNet or DiDeMo with plain features."""
    world = World(CAPTIONS[layout].style, each=3)
    CAPTIONS[layout].build(folder, world)
    plain_features(folder, world)
    return world


@pytest.mark.parametrize("layout", ["activitynet", "activitynet-jsonl", "didemo", "didemo-jsonl"])
def test_sentences_are_joined_to_a_paragraph(tmp_path: Path, layout: str) -> None:
    world = moments(tmp_path, layout)
    texts = {" ".join(mine) for mine in world.captions.values()}
    data = join_paragraphs(load_folder(tmp_path))
    for split in (data.train, data.validation, data.test):
        assert split.queries == split.captions
        assert all(len(mine) == 1 and mine[0] in texts for mine in split.captions.values())
    assert any("20 videos are joined" in note for note in data.notes)
    assert not any("order of time" in note for note in data.notes)
    with pytest.raises(ValueError, match=r"expected several sentences a video.*leave --queries paragraph"):
        join_paragraphs(data)


def test_the_order_is_that_of_time(tmp_path: Path) -> None:
    world = moments(tmp_path, "activitynet")
    for name in ("train.json", "val_1.json"):
        told = json.loads((tmp_path / name).read_text())
        for mine in told.values():
            mine["timestamps"] = [[50, 60], [0, 9.5], [9, 50]]
        (tmp_path / name).write_text(json.dumps(told))
    data = join_paragraphs(load_folder(tmp_path))
    for video, mine in data.test.captions.items():
        first, second, third = world.captions[f"v_{video}"]
        assert mine == [f"{second} {third} {first}"]
    assert any("20 are in the order of time, which is not that of the file" in note for note in data.notes)


@pytest.mark.parametrize(
    ("times", "order"),
    [
        ([[[4, 4], [2, 3]], [[0, 1]], [[1, 1], [1, 2]]], (1, 2, 0)),  # DiDeMo: four people, four moments
        ([[3, 5], [1, 2], [0, 9]], (2, 1, 0)),  # one moment a record
        ([None, [[0, 0]], [[1, 1]]], (0, 1, 2)),  # not known of all: as they stand
        (["x", [[0, 0]], [[1, 1]]], (0, 1, 2)),
    ],
)
def test_moments_of_several_people_are_averaged(tmp_path: Path, times: Any, order: Any) -> None:
    world = moments(tmp_path, "didemo")
    for part in ("train", "val", "test"):
        path = tmp_path / f"{part}_data.json"
        rows = json.loads(path.read_text())
        for number, row in enumerate(rows):
            row["times"] = times[number % 3]
        path.write_text(json.dumps(rows))
    data = join_paragraphs(load_folder(tmp_path))
    for video in data.test.video_ids:
        mine = world.captions.get(video) or world.captions[f"{video}.mov"]
        assert data.test.captions[video] == [" ".join(mine[n] for n in order)]


def test_info_says_how_paragraphs_are_asked_for(tmp_path: Path) -> None:
    moments(tmp_path, "didemo")
    assert "--queries paragraph" in format_description(describe(tmp_path))


def test_captions_of_whole_videos_can_be_joined_too(tmp_path: Path) -> None:
    world = World(each=2)
    plain_text(tmp_path, world)
    plain_features(tmp_path, world)
    data = join_paragraphs(load_folder(tmp_path))
    assert data.test.queries[world.parts["test"][0]] == [" ".join(world.captions[world.parts["test"][0]])]
