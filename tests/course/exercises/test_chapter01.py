"""The checkers of chapter 01 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter01 import check_constant_rank, check_ndcg, check_video_ranks


def ndcg(gains, power=False, percent=100.0, offset=1, normalise=True, log=True):
    places = torch.arange(1, len(gains) + 1)
    discount = 1 / torch.log2(places + offset) if log else 1 / places
    values = 2**gains - 1 if power else gains
    ideal = values.sort(descending=True).values
    whole = (ideal * discount).sum() if normalise else 1.0
    return percent * (values * discount).sum() / whole


def video_ranks(sim, own, best=torch.max, tie=0.5, itself=0):
    found = []
    for j in range(sim.shape[1]):
        score, rivals = best(sim[own == j, j]), sim[own != j, j]
        found.append(1 + (rivals > score).sum() + tie * ((rivals == score).sum() + itself))
    return torch.stack(found)


def test_unfilled_exercises_are_open():
    assert check_constant_rank(None).state == "open"
    assert check_ndcg(lambda gains: None).state == "open"
    assert check_video_ranks(lambda sim, own: ...).state == "open"


def test_right_answers_are_accepted():
    assert check_constant_rank(500.5).ok
    assert check_ndcg(ndcg).ok
    assert check_ndcg(lambda gains: float(ndcg(gains))).ok
    assert check_video_ranks(video_ranks).ok
    assert check_video_ranks(lambda sim, own: video_ranks(sim, own).tolist()).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (1, "optimistic"),
        (1000, "pessimistic"),
        (500, "nearly"),
        (500.0 - 0.5, "counted from 0"),
        (42, "half of the other"),
    ],
)
def test_wrong_ranks_are_recognised(answer, hint):
    verdict = check_constant_rank(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    assert "500.5" not in repr(verdict)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"percent": 1.0}, "percent"),
        ({"normalise": False, "percent": 1.0}, "that is DCG"),
        ({"normalise": False}, "100 x DCG"),
        ({"power": True}, "2^relevance"),
        ({"log": False}, "divided by the place"),
        ({"offset": 0}, "log2(1) is 0"),
        ({"offset": 2}, "place counts from 1"),
    ],
)
def test_wrong_ndcg_is_recognised(changes, hint):
    verdict = check_ndcg(lambda gains: ndcg(gains, **changes))
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"best": lambda own: own[0]}, "first caption"),
        ({"best": torch.min}, "worst caption"),
        ({"tie": 0.0}, "as won"),
        ({"tie": 1.0}, "as lost"),
        ({"itself": 1}, "ties with itself"),
        ({"best": torch.mean}, "the mean of each"),
        ({"best": torch.median}, "best of its own captions"),
    ],
)
def test_wrong_video_ranks_are_recognised(changes, hint):
    verdict = check_video_ranks(lambda sim, own: video_ranks(sim, own, **changes))
    assert verdict.state == "off"
    assert hint in verdict.message


def test_the_other_direction_is_recognised():
    def text_ranks(sim, own):
        mine = sim[torch.arange(len(own)), own][:, None]
        return 1 + (sim > mine).sum(1) + ((sim == mine).sum(1) - 1) / 2

    assert "text to video" in check_video_ranks(text_ranks).message


def test_an_exception_is_a_verdict():
    assert "TypeError" in check_ndcg(lambda: 1).message
    assert "IndexError" in check_video_ranks(lambda sim, own: sim[99]).message
