"""docs/ADAPTERS.md: every block is run as it stands, where its packages are installed."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ADAPTERS.md"
BLOCKS = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
)


class Encoders(nn.Module):
    """A linear map a side."""

    def __init__(self):
        super().__init__()
        self.text, self.video = nn.Linear(6, 8), nn.Linear(5, 8)

    def forward(self, text, video):
        return self.text(text), self.video(video)


def run(name, model, **names):
    """Run a block; the model that it trains has learned something: every weight has moved, to a number."""
    before = [weight.clone() for weight in model.parameters()]
    exec(BLOCKS[name], {"model": model, **names})
    after = list(model.parameters())
    assert all(bool(weight.isfinite().all()) for weight in after)
    return [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]


@pytest.fixture
def loader():
    torch.manual_seed(0)
    return DataLoader([{"text": torch.randn(6), "video": torch.randn(5)} for _ in range(16)], batch_size=8)


def test_every_block_is_tried():
    assert list(BLOCKS) == [
        "PyTorch, one process",
        "PyTorch, several processes",
        "Lightning",
        "Hugging Face Trainer",
        "sentence-transformers",
    ]


def test_one_process(loader):
    assert all(run("PyTorch, one process", Encoders(), loader=loader))


def test_several_processes(loader, monkeypatch):
    for name, value in (
        ("RANK", "0"),
        ("WORLD_SIZE", "1"),
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", "0"),
    ):
        monkeypatch.setenv(name, value)
    try:
        assert all(run("PyTorch, several processes", Encoders(), loader=loader))
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def test_lightning(loader, tmp_path):
    pytest.importorskip("lightning")
    options = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "default_root_dir": tmp_path,
    }
    options |= {"enable_progress_bar": False, "enable_model_summary": False}
    assert all(run("Lightning", Encoders(), loader=loader, options=options))


def test_hugging_face_trainer(tmp_path):
    pytest.importorskip("accelerate")
    from transformers import CLIPConfig, CLIPModel

    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 20, "max_position_embeddings": 4, "eos_token_id": 19},
        vision_config={**small, "image_size": 4, "patch_size": 2},
        projection_dim=6,
    )
    torch.manual_seed(0)
    dataset = [
        {"input_ids": torch.randint(1, 19, (4,)), "pixel_values": torch.randn(3, 4, 4)} for _ in range(16)
    ]
    options = {"per_device_train_batch_size": 8, "report_to": [], "use_cpu": True, "disable_tqdm": True}
    clip = CLIPModel(config)
    moved = run(
        "Hugging Face Trainer", clip, clip=clip, dataset=dataset, output_dir=tmp_path, options=options
    )
    assert sum(moved) > len(moved) / 2, (
        "all but the temperature, and what stands still in so short a training"
    )


def test_sentence_transformers(tmp_path):
    parts = pytest.importorskip("sentence_transformers")
    datasets = pytest.importorskip("datasets")
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["red", "blue", "cat", "dog", "car", "boat", "runs", "sleeps"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*words, "?"])}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    model = parts.SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    pairs = [(f"{a} {b}", f"{b} {a} {a}") for a in words[:4] for b in words[4:]]
    dataset = datasets.Dataset.from_dict({"text": [a for a, _ in pairs], "video": [b for _, b in pairs]})
    arguments = parts.SentenceTransformerTrainingArguments(
        str(tmp_path),
        per_device_train_batch_size=8,
        max_steps=2,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    assert all(run("sentence-transformers", model, arguments=arguments, dataset=dataset))
