"""Searching needs features and a model, nothing else: galleries, ranks, pages, the report, faiss."""

import base64
import io
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.search import search_videos
from cmgsd_lite.cli.search_gallery import FaissIndex, Gallery, best_videos, recall_of
from cmgsd_lite.cli.search_page import PRECISION, likely_false_negatives, pictures_of, search_page
from cmgsd_lite.data.formats.tables import ExpertFeatures
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training.checkpoints import save_checkpoint

IDS = ["holiday one", "ümlaut", "a/b", '<b>"x"</b>', *(f"clip {n}" for n in range(40))]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(
        ModelConfig("gated-experts", 256, {"rgb": 10, "motion": 4}, embed_dim=8, hidden_dim=16)
    )


def gallery(count=44, seed=0, captions=None):
    """Experts with gaps: every third video lacks motion, every fifth has motion alone."""
    rng = np.random.default_rng(seed)
    rgb, motion = rng.normal(size=(count, 2, 10)), rng.normal(size=(count, 1, 4))
    masks = {"rgb": np.ones((count, 2), bool), "motion": np.ones((count, 1), bool)}
    masks["motion"][::3] = False
    masks["rgb"][1::15] = False
    values = {"rgb": rgb.astype(np.float32), "motion": motion.astype(np.float32)}

    def rows(some):
        return {name: ExpertFeatures(values[name][some], masks[name][some]) for name in values}

    return Gallery([IDS[n] if n < len(IDS) else f"v{n}" for n in range(count)], rows, captions or {})


@pytest.fixture
def folder(tmp_path, model):
    """Features alone, ids with blanks and signs, and a checkpoint that was trained on them."""
    place = tmp_path / "features"
    place.mkdir()
    some = gallery().features(slice(None))
    np.savez(place / "rgb.npz", video_id=np.array(IDS), features=some["rgb"].values)
    np.savez(place / "motion.npz", video_id=np.array(IDS), features=some["motion"].values)
    about = {
        "data": None,
        "data_from_here": None,
        "protocol": None,
        "experts": ["rgb", "motion"],
        "queries": None,
    }
    save_checkpoint(tmp_path / "model.pt", model, about)
    return place


def run(capsys, folder, *words):
    place = folder.parent
    files = ["--checkpoint", place / "model.pt", "--data", folder, "--out", place / "out"]
    code = main(["search", "a red cat", *map(str, [*files, *words])])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_features_and_a_model_suffice(folder, capsys):
    code, out, error = run(capsys, folder, "--top", 50, "--json")
    assert code == 0
    found = json.loads(out)["results"]
    assert sorted(hit["video_id"] for hit in found) == sorted(IDS)
    scores = [hit["score"] for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert {hit["caption"] for hit in found} == {""}
    page = (folder.parent / "out" / "search.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&quot;x&quot;&lt;/b&gt;" in page
    assert '<b>"x"' not in page
    assert "--videos names the folder of the films" in error


def test_a_folder_of_a_file_a_video_under_any_name(tmp_path, capsys):
    place = tmp_path / "clipfeatures"
    place.mkdir()
    for name in ("summer", "a long walk", "dog"):
        np.save(
            place / f"{name}.npy", np.random.default_rng(len(name)).normal(size=(3, 6)).astype(np.float32)
        )
    network = build_model(ModelConfig("mean-pool", 256, {"clipfeatures": 6}, embed_dim=8, hidden_dim=16))
    about = {
        "data": None,
        "data_from_here": None,
        "protocol": None,
        "experts": ["clipfeatures"],
        "queries": None,
    }
    save_checkpoint(tmp_path / "model.pt", network, about)
    code, out, _ = run(capsys, place, "--json")
    assert code == 0
    assert {hit["video_id"] for hit in json.loads(out)["results"]} == {"summer", "a long walk", "dog"}


def test_lists_say_what_is_searched_unless_all_is_asked_for(folder, capsys):
    rows = [
        f'"{name}",{"test" if n < 3 else "train"}'
        for n, name in enumerate(["holiday one", "ümlaut", "clip 0", "clip 1"])
    ]
    (folder / "split.csv").write_text("\n".join(["video_id,split", *rows]) + "\n", encoding="utf-8")
    code, out, error = run(capsys, folder, "--json")
    assert code == 0
    assert {hit["video_id"] for hit in json.loads(out)["results"]} == {"holiday one", "ümlaut", "clip 0"}
    assert "3 test videos of 44; --all searches all" in error
    assert len(json.loads(run(capsys, folder, "--json", "--all", "--top", 50)[1])["results"]) == 44


def test_blocks_do_not_matter_and_every_pair_is_scored(model):
    some = gallery(3000)
    text = model.eval().encode_text(WordLlamaEncoder().encode(["a red cat"]))
    small, whole = some.encoded(model, block=700), some.encoded(model)
    assert torch.allclose(small.vectors, whole.vectors, atol=1e-6)
    with torch.inference_mode():
        scores = model.similarity(text, whole)[0]
    hits = best_videos(model, text, whole, 40)
    assert [hit.row for hit in hits] == scores.argsort(descending=True)[:40].tolist()
    assert [hit.score for hit in hits] == pytest.approx(scores.sort(descending=True).values[:40].tolist())


def exact_faiss():
    """What FaissIndex asks of faiss, by exact search: the real one is tried below, where it is installed."""

    class Index:
        def __init__(self, dim, neighbours, metric):
            self.hnsw = SimpleNamespace()

        def add(self, vectors):
            self.vectors = vectors

        def search(self, query, top):
            scores = query @ self.vectors.T
            order = np.argsort(-scores, axis=1)[:, :top]
            return np.take_along_axis(scores, order, axis=1), order

    return SimpleNamespace(IndexHNSWFlat=Index, METRIC_INNER_PRODUCT=0)


def test_videos_that_lack_experts_are_ranked_as_by_brute_force(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", exact_faiss())
    some = gallery(300)
    videos = some.encoded(model)
    assert len(np.unique(videos.present.numpy(), axis=0)) == 3
    with torch.inference_mode():
        texts = model.encode_text(WordLlamaEncoder().encode(["a red cat", "a dog runs", ""]))
    index = FaissIndex(videos)
    for row in range(3):
        text = texts.rows(slice(row, row + 1))
        ours, theirs = best_videos(model, text, videos, 20), index.best(text, 20)
        assert [hit.row for hit in theirs] == [hit.row for hit in ours]
        assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in ours], abs=1e-5)
    assert recall_of(index, model, texts, videos, 20) == 1
    monkeypatch.setattr(index, "_groups", index._groups[:1])
    assert recall_of(index, model, texts, videos, 20) < 1, "what is missed is counted"


def test_the_real_faiss_finds_nearly_all(model):
    pytest.importorskip("faiss", reason="optional: faiss-cpu is not installed")
    some = gallery(5000)
    videos = some.encoded(model)
    with torch.inference_mode():
        texts = model.encode_text(
            WordLlamaEncoder().encode([f"a {word}" for word in ["cat", "dog", "car", "boat"]])
        )
    assert recall_of(FaissIndex(videos), model, texts, videos, 10) > 0.8


def test_without_faiss_a_line_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    code, _, error = run(capsys, folder, "--faiss")
    assert code == 2
    assert error.splitlines()[-1].endswith('faiss: package not found; pip install "cmgsd-lite[search]"')


CAPTIONS = {
    "a": ["a brown dog runs along the beach", "a dog at the sea"],
    "b": ["a brown dog runs along the beach in the evening"],
    "c": ["two people cook pasta", "people in a kitchen"],
    "d": [],
    "e": ["a car <script>alert(1)</script>"],
}


def test_the_report_finds_a_caption_that_is_true_of_another_video():
    pairs = likely_false_negatives(CAPTIONS)
    assert len(pairs) == 6, "one of each caption"
    assert pairs[0] == {
        "caption": CAPTIONS["a"][0],
        "video_id": "a",
        "also_true_of": "b",
        "there": CAPTIONS["b"][0],
        "distance": pairs[0]["distance"],
    }
    assert [pair["distance"] for pair in pairs] == sorted(pair["distance"] for pair in pairs)
    assert all(pair["video_id"] != pair["also_true_of"] for pair in pairs)
    assert likely_false_negatives({"a": ["alone"]}) == []
    twice = likely_false_negatives({**CAPTIONS, "f": ["A dog at the sea"]})
    assert [pair["distance"] for pair in twice] == sorted(pair["distance"] for pair in twice)
    assert len({pair["caption"].casefold() for pair in twice}) == len(twice) == 6, "the same words once"


@pytest.mark.slow
def test_the_precision_that_is_said_holds_on_the_embedded_world():
    from cmgsd_lite.data import load_dataset, minivtt

    test = load_dataset().test
    truth = minivtt.entailment(test)
    row = {pair: n for n, pair in enumerate((v, c) for v in test.video_ids for c in test.captions[v])}
    column = {name: n for n, name in enumerate(test.video_ids)}
    pairs = likely_false_negatives(test.captions, 100)
    right = [truth[row[p["video_id"], p["caption"]], column[p["also_true_of"]]] for p in pairs]
    assert 18 <= sum(right[:20]) <= 20
    assert 87 <= sum(right) <= 97
    assert "18 to 20 are right" in PRECISION
    assert "87 to 97" in PRECISION


def test_the_page_needs_nothing_beside_it_and_shows_moving_thumbnails():
    frames = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), np.uint8)
    hits = [{"rank": 1, "video_id": "a", "score": 0.5, "caption": "<i>one</i>"}]
    page = search_page("dogs & <cats>", hits, likely_false_negatives(CAPTIONS), lambda name: frames)
    assert "dogs &amp; &lt;cats&gt;" in page
    assert "<script" not in page
    assert "&lt;i&gt;one&lt;/i&gt;" in page
    assert PRECISION.split(";")[0] in page
    assert not re.search(r"(src|href|srcset)=\"(?!data:)", page)
    moving = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="[^"]+"', page)
    assert len(moving) == 1 + 2 * 6
    with Image.open(io.BytesIO(base64.b64decode(moving[0]))) as opened:
        assert opened.n_frames == 8
    assert page.count("prefers-reduced-motion") == len(moving)
    assert "<img" not in search_page("dogs", hits, None, lambda name: None)


def test_thumbnails_come_from_films_beside_foreign_features(folder, tmp_path, capsys):
    pytest.importorskip("av", reason="optional: av is not installed")
    from tests.data.films import write_film

    films = tmp_path / "films"
    films.mkdir()
    write_film(films / "holiday one.mp4", 8)
    (films / "ümlaut.mp4").write_text("no film")
    pictures = pictures_of(str(folder), str(films))
    assert pictures("holiday one").shape == (8, 112, 112, 3)
    assert pictures("ümlaut") is None
    assert pictures("clip 1") is None
    assert run(capsys, folder, "--videos", films, "--top", 50)[0] == 0
    assert Image.open(tmp_path / "out" / "contact-sheet.png").size == (4 * 128, 146)


def test_what_is_wrong_is_said(folder, model, tmp_path, capsys):
    with pytest.raises(ValueError, match="query: expected a sentence"):
        search_videos(model, gallery(), "  ")
    with pytest.raises(ValueError, match="top: expected a whole number from 1 to 1000000"):
        search_videos(model, gallery(), "a dog", 0)
    (folder / "motion.npz").unlink()
    code, _, error = run(capsys, folder)
    assert code == 2
    assert "expected the expert motion, found rgb" in error
    assert not (tmp_path / "out").exists()
