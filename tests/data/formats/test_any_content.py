"""Whatever stands in a file: a reader returns something, or one error says what is wrong with which file."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.data import describe, read_annotations, read_features, read_split_list
from cmgsd_lite.errors import DataError

KEYS = st.sampled_from(
    ["video_id", "caption", "sentence", "split", "train", "val", "test", "videos", "sentences", "annotations"]
    + ["video1", "v_a", "category", "category_names", "info", "features", "ids", "lengths", "mask", "frame"]
    + ["0", "1", "10", "i3d"]
)
VALUES = st.sampled_from([None, True, 1, 2.5, float("nan"), "a man", "video1", "train", "", "null", "\ud800"])
ARRAYS = st.sampled_from(
    [
        np.ones(3),
        np.ones((2, 3)),
        np.zeros((2, 2, 3)),
        np.array("x"),
        np.arange(3),
        np.zeros(0),
        np.array(["a"]),
    ]
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3)
    )


def error_of(read: Callable[[], Any], otherwise: str) -> str:
    """The words of the reader's error, or `otherwise` when it returned something."""
    try:
        return otherwise if read() else "nothing, and no error"
    except DataError as error:
        return str(error)


@settings(max_examples=150)
@given(nested(VALUES), st.sampled_from(["x.json", "train.json", "test.jsonl", "split.json"]))
def test_any_json(tmp_path_factory: pytest.TempPathFactory, content: Any, name: str) -> None:
    folder = tmp_path_factory.mktemp("json")
    (folder / name).write_text(json.dumps(content))
    told = describe(folder)["files"]
    assert [record["file"] for record in told] == [name]
    assert told[0]["used_as"] or told[0]["reason"]
    assert name in error_of(lambda: read_annotations(folder / name).captions, name)


@settings(max_examples=150)
@given(nested(VALUES | ARRAYS), st.sampled_from([(), ("video1", "v_a")]))
def test_any_pickle(tmp_path_factory: pytest.TempPathFactory, content: Any, known: tuple[str, ...]) -> None:
    path: Path = tmp_path_factory.mktemp("pickle") / "i3d_captions.pkl"
    path.write_bytes(pickle.dumps(content))
    for read in (lambda: read_features(path, known), lambda: read_annotations(path)):
        error = error_of(read, path.name)
        assert path.name in error or "video id" in error


def deep(levels: int, leaf: Any) -> Any:
    for level in range(levels):
        leaf = {f"video{level}": leaf} if level % 2 else [leaf]
    return leaf


def nest(levels: int, leaf: Any) -> Any:
    for _ in range(levels):
        leaf = {"video1": leaf}
    return leaf


CIRCLE: dict[str, Any] = {"video2": np.ones(3)}
CIRCLE["video1"] = CIRCLE
NESTED = [nest(9, np.ones(3)), nest(200, np.ones(3)), deep(200, np.ones(3)), deep(200, 1), CIRCLE]


@pytest.mark.parametrize("content", NESTED, ids=["9", "200", "lists", "numbers", "circle"])
@pytest.mark.parametrize("known", [(), ("video1",)])
def test_too_deep_a_nesting_is_one_error(tmp_path: Path, content: Any, known: tuple[str, ...]) -> None:
    path = tmp_path / "i3d_captions.pkl"
    path.write_bytes(pickle.dumps(content))
    for read in (lambda: read_features(path, known), lambda: read_annotations(path)):
        assert path.name in error_of(read, "no error")


@pytest.mark.parametrize("begin", ['{"a":', "[", '{"train":', '{"videos":['])
@pytest.mark.parametrize("levels", [300, 900, 100_000])
def test_too_deep_a_json_is_one_error(tmp_path: Path, begin: str, levels: int) -> None:
    path = tmp_path / "train.json"
    end = "".join({"{": "}", "[": "]"}[sign] for sign in begin if sign in "{[")[::-1]
    path.write_text(begin * levels + "1" + end * levels)
    assert path.name in error_of(lambda: read_annotations(path), "no error")
    assert path.name in error_of(lambda: read_split_list(path), path.name)  # ids of a dict may hold anything
    assert describe(tmp_path)["files"][0]["reason"]
