"""The circle tells the losses' characters apart; its picture shows the points."""

import pytest
import torch
from matplotlib import pyplot as plt

from cmgsd_lite.course.circle import SCENE_OF, train_circle
from cmgsd_lite.course.plots.circle import plot_circle


def test_the_characters_of_the_losses():
    mean, hardest, smooth = (train_circle(name) for name in ("mean", "hardest", "smooth"))
    adaptive, permuted = (train_circle("smooth", margins) for margins in ("adaptive", "permuted"))
    assert smooth.recall > mean.recall
    assert hardest.other_scenes > mean.other_scenes + 0.1, "hardest crowds"
    assert adaptive.same_scene > 0.9 > permuted.same_scene, (
        "the adaptive margin leaves false negatives in peace"
    )


def test_points_lie_on_the_circle_and_measures_are_theirs():
    points = train_circle(steps=3)
    torch.testing.assert_close(points.texts.norm(dim=1), torch.ones(15, dtype=torch.float64))
    right = sum(int(points.sim[i].argmax()) == i for i in range(15))
    assert points.recall == pytest.approx(100 * right / 15)
    pairs = [(i, j) for i in range(15) for j in range(15) if i != j and SCENE_OF[i] == SCENE_OF[j]]
    assert points.same_scene == pytest.approx(sum(float(points.sim[p]) for p in pairs) / 30)


def test_another_start_is_another():
    assert not torch.equal(train_circle(steps=0).texts, train_circle(steps=0, seed=21).texts)


@pytest.mark.parametrize("wrong", [{"loss": "median"}, {"margins": "none"}, {"seed": 0}])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        train_circle(**wrong)


def test_the_picture_has_every_point_and_the_measures():
    points = train_circle(steps=5)
    ax = plot_circle(points)
    assert len(ax.collections) == 30
    assert f"R@1 {points.recall:.0f} %" in ax.get_xlabel()
    plt.close("all")
