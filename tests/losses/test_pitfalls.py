"""The eight pitfalls of a literal port (docs/METHOD.md, "Pitfalls"), each shown by autograd.

Pitfalls 2, 3 and 7 are about the margin itself: tests/test_margins.py. Pitfall 4: test_losses.py beside this.
"""

import pytest
import torch

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses import CMGSDLoss, MaxMarginRankingLoss, ranking_hinge
from cmgsd_lite.margins import off_diagonal, zscore_margin
from cmgsd_lite.similarity import cosine_similarity_matrix


def embeddings(n=12, d=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64)


def test_1_without_stop_gradient_the_model_declares_its_violators_similar():
    text, video = embeddings()
    sim = cosine_similarity_matrix(text, video)
    d = cosine_distances(video).requires_grad_()
    beta = 0.05
    margin = zscore_margin(d, 0.2, beta, min_margin=None, eps=0.0, detach=False)
    MaxMarginRankingLoss(reduction="sum")(sim, margin=margin).backward()

    active = sum((hinge > 0).double() for hinge in ranking_hinge(sim, margin.detach()))
    g, values = off_diagonal(active), off_diagonal(d.detach())
    z = (values - values.mean()) / values.std(correction=0)
    expected = beta / values.std(correction=0) * (g - g.mean() - z * (g * z).mean())
    torch.testing.assert_close(off_diagonal(d.grad), expected)

    # Descent moves the distance against its gradient: doubly violating pairs move nearer, the rest apart.
    gradient = off_diagonal(d.grad)
    assert gradient[g == 2].mean() > 0 > gradient[g == 0].mean()
    assert (gradient[g == 2] > 0).double().mean() > 0.8


def test_1_with_stop_gradient_the_distances_feel_nothing():
    text, video = embeddings()
    video.requires_grad_()
    sim = cosine_similarity_matrix(text, video).detach().requires_grad_()
    loss = CMGSDLoss(reduction="sum", schedule="dynamic")(sim, text=text, video=video)
    assert torch.autograd.grad(loss, [sim, video], allow_unused=True)[1] is None


def test_5_summing_unweighted_hinges_raises_the_learning_rate_and_weights_of_one_do_not():
    text, video = embeddings()
    sim = cosine_similarity_matrix(text, video).requires_grad_()
    sources = {"text": text, "video": video, "text_teacher": text, "video_teacher": video}

    def gradient_norm(loss):
        return torch.autograd.grad(loss, sim)[0].norm()

    plain = gradient_norm(MaxMarginRankingLoss(0.2, "mean")(sim))
    loss = CMGSDLoss(reduction="mean", beta=0.02)
    literal = sum(
        loss.ranking(sim, margin=margin)
        for name, margin in loss.margins(sim, **sources).items()
        if name != "combined"
    )
    assert gradient_norm(literal) > 3.5 * plain
    for form in ("averaged", "summed"):
        weighted = CMGSDLoss(reduction="mean", beta=0.02, form=form)(sim, **sources)
        assert gradient_norm(weighted).item() == pytest.approx(plain.item(), rel=0.1)


def test_6_hardest_negative_mining_picks_the_false_negative_first():
    text, video = embeddings(n=16)
    video = text + 0.5 * video  # a model that has learnt something
    generator = torch.Generator().manual_seed(1)
    text[1] = text[0] + 0.05 * torch.randn(8, generator=generator, dtype=torch.float64)
    video[1] = video[0] + 0.05 * torch.randn(8, generator=generator, dtype=torch.float64)
    sim = cosine_similarity_matrix(text, video)
    for i, false_negative in ((0, 1), (1, 0)):
        row = sim[i].clone()
        row[i] = -2
        assert row.argmax() == false_negative


def pair_gradient(text, video, reduction, margin=0.2):
    """Gradient with respect to the videos, and the model's score matrix."""
    video = video.clone().requires_grad_()
    sim = cosine_similarity_matrix(text, video)
    MaxMarginRankingLoss(margin, reduction)(sim).backward()
    return video.grad, sim.detach()


@pytest.mark.parametrize("reduction", ["mean", "sum", "hardest", 2, "smooth"])
def test_8_the_term_of_an_exact_duplicate_is_constant(reduction):
    # A batch of two duplicates has that term alone: a loss of .2 with no gradient whatever the weights.
    text, video = embeddings(n=2)
    text[1], video[1] = text[0], video[0]
    gradient, _ = pair_gradient(text, video, reduction)
    # What is left is a rounding remainder: v_0 is pushed and pulled along the same direction.
    assert (gradient[0] + gradient[1]).abs().max() < 1e-15


def test_8_hardest_starves_on_exact_duplicates():
    # The duplicate fills the anchor's only slot; another violating negative gets no push from it.
    sim = torch.tensor(
        [[0.5, 0.5, 0.4], [0.5, 0.5, 0.4], [-1.0, -1.0, 0.9]], dtype=torch.float64, requires_grad=True
    )
    MaxMarginRankingLoss(0.2, "hardest")(sim).backward()
    assert sim.grad[0, 2] == sim.grad[1, 2] == 0
    few = sim.detach().clone().requires_grad_()
    MaxMarginRankingLoss(0.2, 2)(few).backward()
    assert few.grad[0, 2] > 0


def test_8_opposite_terms_of_near_duplicates_cancel_in_mean_and_not_in_hardest():
    # Items 0 and 1 are near duplicates. In "mean" both pairs are active and their pushes nearly cancel.
    # In "hardest" video 2 is made the worst negative of anchor 1, so that only anchor 0 pushes its twin away.
    d = torch.float64
    text = torch.tensor([[1.0, 0.02, 0.0], [1.0, -0.02, 0.1], [0.0, 0.0, 1.0]], dtype=d)
    video = torch.tensor([[1.0, 0.01, 0.0], [1.0, -0.01, 0.0], [1.0, -0.02, 0.1]], dtype=d)

    def net_push(reduction):
        """Length of the push that the pair (0, 1) alone gives to the two twins' difference."""
        sim = cosine_similarity_matrix(text, video).requires_grad_()
        MaxMarginRankingLoss(0.2, reduction)(sim).backward()
        t2v = sim.grad
        return (t2v[0, 1] - t2v[1, 0]).abs(), t2v[0, 1]

    difference, push = net_push("mean")
    assert push > 0
    assert difference < 1e-12
    difference, push = net_push("hardest")
    assert push > 0
    assert difference > 0.4 * push
