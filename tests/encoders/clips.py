"""A CLIP so small that tests write it themselves, with weights drawn from a seed."""

import json

import torch


def write_clip(folder, **settings):
    """The vision model with projection, and how its pixels are normalised."""
    import transformers

    config = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=16,
        **settings,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPVisionModelWithProjection(config).save_pretrained(folder)
    told = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder
