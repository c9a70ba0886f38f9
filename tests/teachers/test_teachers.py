"""Static teachers and the pooling under them."""

import pytest
import torch
from torch import Tensor

from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.teachers import Statistics, feature_statistics, text_teacher, video_teacher


def letters(texts: list[str]) -> Tensor:
    """A stand-in for an encoder: how often a, b, c occur."""
    return torch.tensor([[float(text.count(letter)) for letter in "abc"] for text in texts])


def random_features(videos: int = 7, seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    features = {
        "rgb": 3 * torch.randn(videos, 4, 5, generator=generator) + 2,
        "audio": torch.randn(videos, 2, 3, generator=generator),
    }
    masks = {name: torch.rand(x.shape[:2], generator=generator) < 0.6 for name, x in features.items()}
    masks["rgb"][:, 0] = True
    masks["audio"][:2] = True
    masks["audio"][2] = False
    return features, masks


def test_masked_mean_equals_the_slow_loop():
    features, masks = random_features()
    for name, values in features.items():
        mask = masks[name]
        values = values.masked_fill(~mask[:, :, None], float("nan"))
        for row, tokens, kept in zip(masked_mean(values, mask), values, mask, strict=True):
            expected = tokens[kept].mean(dim=0) if kept.any() else torch.zeros(tokens.shape[1])
            torch.testing.assert_close(row, expected)


def test_text_teacher_is_the_mean_over_all_captions_of_a_video():
    captions = [["a", "ab", "c"], ["b"], ["cc", "aa"]]
    expected = torch.stack([letters(texts).mean(dim=0) for texts in captions])
    assert torch.equal(text_teacher(captions, letters), expected)


@pytest.mark.parametrize(("captions", "named"), [([], "captions: "), ([["a"], []], "captions: .*video 1")])
def test_text_teacher_refuses_videos_without_captions(captions, named):
    with pytest.raises(ValueError, match=named):
        text_teacher(captions, letters)


def test_statistics_are_those_of_the_videos_that_have_the_expert():
    features, masks = random_features()
    statistics = feature_statistics(features, masks)
    for name, (mean, std) in statistics.items():
        present = masks[name].any(dim=1)
        pooled = masked_mean(features[name], masks[name])[present]
        torch.testing.assert_close(mean, pooled.mean(dim=0))
        torch.testing.assert_close(std, pooled.std(dim=0, correction=0))


def test_video_teacher_is_standardised_on_training_videos():
    features, masks = random_features()
    teacher = video_teacher(features, masks, feature_statistics(features, masks))
    assert teacher.shape == (7, 8)
    torch.testing.assert_close(teacher[:, :5].mean(dim=0), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(teacher[:, :5].std(dim=0, correction=0), torch.ones(5))
    assert torch.equal(teacher[2, 5:], torch.zeros(3))  # this video has no audio


def test_video_teacher_applies_statistics_to_another_split():
    training, other = random_features(seed=0), random_features(videos=3, seed=1)
    other[1]["audio"][:] = True
    statistics = feature_statistics(*training)
    expected = [
        (masked_mean(other[0][name], other[1][name]) - statistics[name].mean) / statistics[name].std
        for name in ("rgb", "audio")
    ]
    torch.testing.assert_close(video_teacher(*other, statistics), torch.cat(expected, dim=1))


def test_constant_dimensions_and_experts_nobody_has_contribute_zeros():
    features = {"rgb": torch.tensor([[[0.1, 1.0]], [[0.1, 3.0]], [[0.1, 5.0]]]), "face": torch.ones(3, 1, 2)}
    masks = {"rgb": torch.ones(3, 1, dtype=torch.bool), "face": torch.zeros(3, 1, dtype=torch.bool)}
    statistics = feature_statistics(features, masks)
    assert torch.equal(statistics["face"].std, torch.zeros(2))
    teacher = video_teacher(features, masks, statistics)
    assert torch.equal(teacher[:, [0, 2, 3]], torch.zeros(3, 3))
    torch.testing.assert_close(teacher[:, 1], torch.tensor([-(1.5**0.5), 0.0, 1.5**0.5]))


def test_video_teacher_names_what_does_not_fit():
    features, masks = random_features()
    statistics = {"rgb": Statistics(torch.zeros(5), torch.ones(5))}
    with pytest.raises(ValueError, match=r"features: expected .*\{'rgb': 5\}, got .*'audio': 3"):
        video_teacher(features, masks, statistics)
    with pytest.raises(ValueError, match=r"masks: expected one for each expert"):
        feature_statistics(features, {"rgb": masks["rgb"]})
