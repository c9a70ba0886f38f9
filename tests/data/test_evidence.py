"""Only what there is evidence for is an expert; everything else under a folder is left out aloud."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmgsd_lite.data import describe, format_description, load_folder
from tests.data.samples import DIM, SMALL, SMALL_PARTS, vector, write_small

COUNTS = {v: 2 + n % 3 for n, v in enumerate(SMALL)}
CAPTIONS = sum(COUNTS.values())


def per_video(*shape: int) -> dict[str, np.ndarray]:
    return {v: np.random.default_rng([*v.encode()]).normal(size=shape).astype("f4") for v in SMALL}


def symmetric() -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(len(SMALL), 4))
    return rows @ rows.T


LEAKS: dict[str, Any] = {
    "text_embeddings.pkl": per_video(DIM),
    "clip_text.pkl": per_video(DIM),
    "CLIPTextFeatures.pkl": per_video(DIM),
    "texts/vit_b32.pkl": per_video(DIM),
    "captions_sbert.pkl": per_video(DIM),
    "w2v_MSRVTT.pkl": per_video(DIM),
    "gpt2-xl.pkl": per_video(DIM),
    "query_feats.pkl": per_video(DIM),
    "sentence_vectors.pkl": per_video(DIM),
    "video_text_sims.pkl": per_video(DIM),
    "t2v.pkl": per_video(DIM),
    "retrieval_scores.pkl": per_video(DIM),
    "video_labels.pkl": per_video(DIM),
    "one_hot.pkl": per_video(DIM),
    "neutral_square.pkl": dict(zip(SMALL, np.random.default_rng(1).normal(size=(12, 12)), strict=True)),
    "rgb_symmetric.pkl": dict(zip(SMALL, symmetric(), strict=True)),
    "as_wide_as_captions.pkl": per_video(CAPTIONS),
    "one_vector_each.pkl": {v: vector(v, n) for v, n in COUNTS.items()},
    "video_feats_each.pkl": {v: vector(v, n) for v, n in COUNTS.items()},
    "lists_each.pkl": {v: [vector(v)] * n for v, n in COUNTS.items()},
    "by_number.pkl": {f"{v}#{i}": vector(v) for v, n in COUNTS.items() for i in range(n)},
    "by_row.pkl": {i: vector(str(i)) for i in range(CAPTIONS)},
    "padded_ids.pkl": {v: np.arange(7) + n for n, v in enumerate(SMALL)},
    "kinds.pkl": {v: np.eye(3, dtype="f4")[n % 3] for n, v in enumerate(SMALL)},
    "kinds_each.pkl": {v: (np.arange(20) % (n + 2) == 0).astype("f4") for n, v in enumerate(SMALL)},
    "years.pkl": {v: np.array([2000.5 + n], "f4") for n, v in enumerate(SMALL)},
    "sizes.pkl": {v: n for n, v in enumerate(SMALL)},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small(tmp_path)
    (tmp_path / "i3d.pkl").write_bytes(pickle.dumps(per_video(DIM)))
    return tmp_path


def put(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("name", LEAKS)
def test_what_is_no_expert_is_left_out_aloud(folder: Path, name: str) -> None:
    put(folder, name, LEAKS[name])
    data = load_folder(folder)
    assert list(data.train.features) == ["i3d"]
    (record,) = [record for record in data.files if record.file == name]
    assert record.used_as is None
    assert len(record.reason) > 20
    assert any(name in note and "left out" in note for note in data.notes)
    assert f"file {name}: left out: " in format_description(describe(folder))


@pytest.mark.parametrize(
    "name",
    ["text_embeddings", "neutral_square", "one_vector_each", "padded_ids", "kinds", "years"],
)
def test_an_expert_that_is_asked_for_needs_no_evidence(folder: Path, name: str) -> None:
    put(folder, f"{name}.pkl", LEAKS[f"{name}.pkl"])
    reason = next(r.reason for r in load_folder(folder).files if r.file == f"{name}.pkl")
    assert f"--experts {name}" in reason
    data = load_folder(folder, experts=[name])
    assert list(data.train.features) == [name]
    assert "not asked for" in next(r.reason for r in data.files if r.file == "i3d.pkl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vggish.pkl", per_video(4, DIM)),
        ("clip_video.pkl", per_video(DIM)),
        ("speech-w2v.pkl", per_video(3, DIM)),
        ("ocr-raw.pkl", per_video(3, DIM)),
        ("visual/embeddings.pkl", per_video(DIM)),
        ("frames.pkl", per_video(12)),  # as wide as there are videos, but its name says what it is
        ("resnet152.pkl", {v: np.arange(DIM, dtype="u1") + n for n, v in enumerate(SMALL)}),
        ("unnamed.pkl", per_video(DIM)),
        ("textures.pkl", per_video(DIM)),
        ("context.pkl", per_video(7, DIM)),
    ],
)
def test_features_of_videos_are_admitted(folder: Path, name: str, content: Any) -> None:
    put(folder, name, content)
    assert set(load_folder(folder).train.features) == {"i3d", Path(name).stem}


def test_the_name_of_the_opened_folder_says_nothing(tmp_path: Path) -> None:
    folder = write_small(tmp_path / "text_captions_scores")
    put(folder, "unnamed.pkl", per_video(DIM))
    assert list(load_folder(folder).train.features) == ["unnamed"]


@pytest.mark.parametrize("name", ["text-video-retrieval", "text2video", "captioning_dataset", "input"])
def test_a_folder_named_after_the_task_says_nothing(tmp_path: Path, name: str) -> None:
    write_small(tmp_path)
    put(tmp_path, f"{name}/i3d.pkl", per_video(DIM))
    assert list(load_folder(tmp_path).train.features) == ["i3d"]


def test_a_column_of_text_features_is_told(tmp_path: Path) -> None:
    write_small(tmp_path)
    rows = np.stack([vector(v) for v in SMALL])
    np.savez(tmp_path / "clip.npz", video_id=SMALL, video_features=rows, text_features=rows + 1)
    data = load_folder(tmp_path)
    np.testing.assert_array_equal(data.test.features["clip"].values[:, 0], rows[8:])
    (record,) = [record for record in data.files if record.file == "clip.npz"]
    assert record.reason == "text_features: a column that is not used"


def test_a_part_with_as_many_videos_as_numbers_is_judged_with_the_others(tmp_path: Path) -> None:
    write_small(tmp_path)
    for part, mine in SMALL_PARTS.items():
        put(tmp_path, f"unnamed_{part}.pkl", {v: vector(v, dim=len(SMALL_PARTS["test"])) for v in mine})
    data = load_folder(tmp_path)
    assert list(data.train.features) == ["unnamed"]
    assert data.test.features["unnamed"].mask.all()


def test_a_file_named_itself_is_asked_for_evidence_too(tmp_path: Path) -> None:
    write_small(tmp_path / "told")
    put(tmp_path, "features/text_embeddings.pkl", per_video(DIM))
    path = tmp_path / "features" / "text_embeddings.pkl"
    with pytest.raises(ValueError, match="found none.*--experts text_embeddings"):
        load_folder(path, annotations=tmp_path / "told")
    data = load_folder(path, experts=["text_embeddings"], annotations=tmp_path / "told")
    assert list(data.train.features) == ["text_embeddings"]
    path.write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"text_embeddings\.pkl: expected a whole pickle"):
        load_folder(path, annotations=tmp_path / "told")


def test_one_file_with_good_and_other_arrays(folder: Path) -> None:
    put(folder, "all.pkl", {"i3d": per_video(DIM), "caption_emb": per_video(DIM), "note": "by nobody"})
    data = load_folder(folder)
    assert set(data.train.features) == {"i3d", "all_i3d"}
    (record,) = [record for record in data.files if record.file == "all.pkl"]
    assert record.used_as == "expert all_i3d"
    assert 'caption_emb: its name says "caption"' in record.reason
    assert "note: expected a dict" in record.reason


def test_when_nothing_is_left_the_reasons_are_in_the_error(tmp_path: Path) -> None:
    write_small(tmp_path)
    put(tmp_path, "text_embeddings.pkl", per_video(DIM))
    with pytest.raises(ValueError, match=r'found none.*its name says "text".*--experts text_embeddings'):
        load_folder(tmp_path)


FACTS: dict[str, Any] = {
    "durations.pkl": {v: np.array([1.5 * n, 2.0 * n + 9], "f4") for n, v in enumerate(SMALL)},
    "meta.pkl": {v: np.array([25.0, 320, 240, 300 + n]) for n, v in enumerate(SMALL)},
    "video_info.pkl": per_video(12),
    "clip_times.pkl": per_video(2),
    "audio_duration.pkl": per_video(1),
    "frame_sizes.pkl": per_video(2),
    "fps.pkl": per_video(3),
    "timestamps.pkl": {v: vector(v, 4, 2) for v in SMALL},
    "film.pkl": {v: np.array([0.25 * n, 2.25 * n + 9], "f4") for n, v in enumerate(SMALL)},  # by its values
    "things.pkl": {v: np.append(vector(v, dim=4), 25) for v in SMALL},
}


@pytest.mark.parametrize("name", FACTS)
def test_facts_about_films_are_left_out_aloud(folder: Path, name: str) -> None:
    put(folder, name, FACTS[name])
    data = load_folder(folder)
    assert list(data.train.features) == ["i3d"]
    (record,) = [record for record in data.files if record.file == name]
    assert "facts about a film" in record.reason or "counts and seconds" in record.reason
    assert f"--experts {Path(name).stem}" in record.reason


@pytest.mark.parametrize("name", ["timesformer", "clip_times", "resnet_size", "spacetime"])
def test_such_words_in_the_name_of_features_do_no_harm(folder: Path, name: str) -> None:
    put(folder, f"{name}_vit.pkl", per_video(12))
    assert set(load_folder(folder).train.features) == {"i3d", f"{name}_vit"}


def test_a_number_for_each_pair_of_videos_is_no_expert(folder: Path) -> None:
    put(folder, "rel.pkl", {v: {u: 0.5 for u in SMALL} for v in SMALL})  # noqa: C420
    data = load_folder(folder)
    assert list(data.train.features) == ["i3d"]
    (record,) = [record for record in data.files if record.file == "rel.pkl"]
    assert "a number for each pair of keys" in record.reason
