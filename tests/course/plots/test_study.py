"""The study's pictures draw what its summary holds."""

import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.study import PICTURES, doses, draw_temperature, draw_when
from cmgsd_lite.course.study import Study


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def study():
    return Study.load()


@pytest.mark.parametrize("question", PICTURES)
def test_every_question_has_a_picture_with_named_axes(study, question):
    figure = PICTURES[question](study)
    assert figure.axes
    assert all(ax.get_xlabel() for ax in figure.axes)


def test_the_marked_optimum_is_the_value_that_was_chosen(study):
    for ax, data in zip(draw_temperature(study).axes, study.summary["sets"], strict=True):
        stars = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "*"]
        assert stars == [study.knob(data, row) for row in ("directed+video", "permuted", "random")]


def test_each_teacher_stands_at_its_precision_and_gain(study):
    for row, (precision, gain) in doses(study).items():
        assert precision == study.summary["quality"][row]["precision"]
        assert gain == study.difference("minivtt", row, "best random", "nDCG")


def test_the_default_rate_stands_between_the_others(study):
    ax = draw_when(study).axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["low", "default", "high"]
    middle = ax.containers[0].lines[0].get_ydata()[1]
    assert middle == study.difference("minivtt", "directed+video", "hinge", "nDCG")["difference"]
