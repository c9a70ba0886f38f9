"""`info`: what is missing with the lines that supply it, the right file blamed, and the page."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmgsd_lite.cli.main import main
from cmgsd_lite.data import describe, format_description, load_folder, write_info_page
from cmgsd_lite.data.caption_facts import COUNTED, caption_facts
from cmgsd_lite.errors import DataError
from tests.data import layouts
from tests.data.layouts import World, plain_features, plain_text, put, put_json, put_lines


@pytest.fixture
def world() -> World:
    return World("youtube")


def supplied(folder: Path) -> dict[str, Any]:
    return {supply["missing"]: supply for supply in describe(folder)["supply"]}


def test_the_lines_for_captions_and_lists_do_supply_them(tmp_path: Path, world: World) -> None:
    plain_features(tmp_path, world)
    told = supplied(tmp_path)
    assert set(told) == {"captions", "lists"}
    assert all(len(supply["lines"]) == 3 for supply in told.values())
    first, second, _ = (json.loads(line) for line in told["captions"]["lines"])
    assert {first["video"], second["video"]} <= set(world.ids)
    put_lines(tmp_path / told["captions"]["file"], [{**first, "video": video} for video in world.ids])
    header, *rows = told["lists"]["lines"]
    assert [row.split(",")[1] for row in rows] == ["train", "test"]
    more = [f"{video},{'test' if n > 12 else 'train'}" for n, video in enumerate(world.ids)]
    put_lines(tmp_path / told["lists"]["file"], [header, *more])
    assert set(load_folder(tmp_path).test.video_ids) == set(world.parts["test"])
    assert not supplied(tmp_path)


def test_the_lines_for_features_do_supply_them(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_text(tmp_path, world)
    load, ids, save = supplied(tmp_path)["features"]["lines"]
    assert json.loads(ids.partition(" = ")[2].partition("  #")[0])[0] in world.ids
    monkeypatch.chdir(tmp_path)
    features = np.stack([world.features(video) for video in world.ids])
    exec(f"{load}\n{save}", {"ids": world.ids, "features": features})
    assert list(load_folder(tmp_path).train.features) == ["rgb"]


def test_errors_give_the_lines_too(tmp_path: Path, world: World) -> None:
    plain_text(tmp_path, world)
    with pytest.raises(DataError, match=r"would supply features: import numpy"):
        load_folder(tmp_path)
    plain_features(tmp_path, world)
    (tmp_path / "ref_captions.json").rename(tmp_path / "ref_captions.xyz")
    with pytest.raises(DataError, match=r"such lines in captions\.jsonl would supply captions"):
        load_folder(tmp_path)
    (tmp_path / "ref_captions.xyz").rename(tmp_path / "ref_captions.json")
    (tmp_path / "test_list.txt").unlink()
    (tmp_path / "val_list.txt").unlink()
    with pytest.raises(DataError, match=r"such lines in split\.csv would supply lists: video_id,split"):
        load_folder(tmp_path)


def test_the_file_with_the_trouble_is_blamed_and_plain_lists_are_not(tmp_path: Path, world: World) -> None:
    plain_features(tmp_path, world)
    plain_text(tmp_path, world)
    put_json(tmp_path / "ref_captions.json", [{"video": v, "words": ["a"]} for v in world.ids])
    with pytest.raises(DataError, match="expected annotations") as raised:
        load_folder(tmp_path)
    text = str(raised.value)
    assert "ref_captions.json: record 1: expected video_id" in text
    assert "found video, words" in text
    assert "train_list.txt" not in text
    assert "i3d" not in text


def test_ids_that_do_not_meet_are_shown(tmp_path: Path, world: World) -> None:
    plain_text(tmp_path, world)
    plain_features(tmp_path, World("uuid"))
    with pytest.raises(DataError, match=r"0 of its 20 ids.*ids here: 00000000-1b2c.*there: -abC_d00xYz"):
        load_folder(tmp_path)


def test_a_reason_is_capped(tmp_path: Path, world: World) -> None:
    plain_features(tmp_path, world)
    put_json(tmp_path / "x.json", [{f"key{n}": n for n in range(500)}])
    (record,) = [record for record in describe(tmp_path)["files"] if record["file"] == "x.json"]
    assert record["reason"].endswith(" ...")
    assert len(record["reason"]) < 900


@pytest.mark.parametrize("layout", ["activitynet", "didemo"])
def test_paragraph_protocols_are_named(tmp_path: Path, layout: str) -> None:
    mine = World(layouts.CAPTIONS[layout].style)
    layouts.CAPTIONS[layout].build(tmp_path, mine)
    plain_features(tmp_path, mine)
    assert any("paragraph retrieval joins them" in note for note in load_folder(tmp_path).notes)
    assert "paragraph retrieval" in format_description(describe(tmp_path))


def test_sentences_of_whole_videos_have_no_paragraph_protocol(tmp_path: Path, world: World) -> None:
    plain_text(tmp_path, world)
    plain_features(tmp_path, world)
    assert "paragraph" not in format_description(describe(tmp_path))


# --- counts over captions ----------------------------------------------------------------------------


def test_twins_and_likely_false_negatives_are_counted() -> None:
    facts = caption_facts(
        {
            "v1": ["A dog runs.", "a brown dog is running fast"],
            "v2": ["a  dog runs.", "a cat"],
            "v3": ["the small brown dog was running very fast", "it is"],
            "v4": ["a horse"],
        }
    )
    assert facts.captions == facts.sampled == 7
    assert facts.lengths == {2: 3, 3: 2, 6: 1, 8: 1}
    assert facts.twin_captions == 2
    assert facts.twins == [("a dog runs.", ["v1", "v2"])]
    # "dog run" of v1 is in v2 and v3, that of v2 in v1 and v3, the longer one of v1 in v3.
    assert facts.with_false_negatives == 3
    assert facts.others == pytest.approx(5 / 7)
    assert (
        "a brown dog is running fast",
        "v1",
        "v3",
        "the small brown dog was running very fast",
    ) in facts.examples


def test_many_captions_are_drawn_from_by_a_fixed_seed() -> None:
    captions = {f"v{n}": [f"thing{n} moves slowly", f"word{n} stands still"] for n in range(600)}
    facts = caption_facts(captions)
    assert (facts.sampled, facts.captions, facts.with_false_negatives) == (500, 1200, 0)
    assert facts == caption_facts(captions)


# --- the page ----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attributes if key in ("src", "href")]
        self.open += [tag] if tag != "meta" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_and_runs_nothing(tmp_path: Path, world: World) -> None:
    folder = tmp_path / "data<b>&"
    world.captions[world.ids[0]] = ['<script>alert("x")</script> & <img src=x onerror=y>', "a dog runs"]
    world.captions[world.ids[1]] = ["a dog runs"]
    plain_text(folder, world)
    plain_features(folder, world)
    put(folder / "<i>notes</i>.md".replace("/", "_"), "x")
    (folder / "val_list.txt").unlink()
    found = write_info_page(folder, tmp_path / "new" / "page.html")
    assert found == describe(folder)
    page = Page((tmp_path / "new" / "page.html").read_text(encoding="utf-8"))
    assert not page.open
    assert not page.links
    assert not {"script", "img", "b", "i"} & {*page.tags}
    for told in ("data<b>&", "i3d", "20", "a dog runs", COUNTED, "<i>notes<_i>.md", "Exact twins"):
        assert told in page.text


def test_the_page_is_written_by_the_command_line(
    tmp_path: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    plain_features(tmp_path / "data", world)
    assert main(["info", str(tmp_path / "data"), "--html", str(tmp_path / "page.html")]) == 0
    assert "such lines in captions.jsonl would supply captions:" in capsys.readouterr().out
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&quot;caption&quot;: &quot;what one sees&quot;" in text
    put(tmp_path / "file", "x")
    assert main(["info", str(tmp_path / "data"), "--html", str(tmp_path / "file" / "page.html")]) == 2
    assert main(["info", str(tmp_path / "none"), "--html", str(tmp_path / "other.html")]) == 2
    assert not (tmp_path / "other.html").exists()
