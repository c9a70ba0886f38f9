"""Instance ranks: at which place each query finds its own item."""

from __future__ import annotations

import numpy as np

from cmgsd_lite.evaluation.inputs import Floats, Matrix, score_matrix
from cmgsd_lite.evaluation.positives import Direction, Positives, ranks_of, right_pairs


def ranks(
    sim: Matrix,
    video_of_text: Matrix | None = None,
    direction: Direction = "t2v",
    *,
    positives: Positives | None = None,
) -> Floats:
    """Rank of the right answer for every query: 1 is best, the mean rank where scores tie.

    rank = 1 + number of strictly better items + half the number of items tied with the right one.
    Where a query has several right answers, the best of them is ranked among the wrong ones, so the others
    neither push it down nor count as ties. So it is with the captions of one video in v2t, and with
    ``positives`` in both directions: a rank <= K then says that *any* right answer is among the first K (R@K
    of CxC and ECCV Caption). How many of all right answers are: ``recall_of_all``.

    Args:
        sim: Scores [texts, videos], higher is better; an array or a tensor.
        video_of_text: Column of each text's own video [texts], integers. None: ``sim`` is square and
            text i belongs to video i.
        direction: "t2v" ranks videos for each text, "v2t" ranks captions for each video.
        positives: Instead of ``video_of_text``, the sets of right answers: boolean [texts, videos], or for
            each text a list of columns, which may be empty.

    Returns:
        Ranks, float64: one for each text (t2v) or video (v2t) that has a right answer, in the order of rows
        or columns (in v2t with captions ``np.unique(video_of_text)``). The others are in the gallery only.

    Raises:
        ValueError: If ``sim`` is not a matrix of finite numbers, is not square without
            ``video_of_text``, leaves nothing to rank (one video, or captions of one video only),
            or another argument is not as described.

    Source:
        v2t as in CE (Liu et al., BMVC 2019) and MMT (Gabeur et al., ECCV 2020); sets: Parekh et al.,
        "Crisscrossed Captions", EACL 2021, and Chun et al., "ECCV Caption", ECCV 2022; ties: ours.

    Example:
        >>> ranks([[0.9, 0.1, 0.9], [0.1, 0.9, 0.2], [0.3, 0.2, 0.1]])
        array([1.5, 1. , 3. ])
        >>> ranks([[0.9, 0.8, 0.7], [0.1, 0.9, 0.2]], positives=[[1, 2], [0]])
        array([2., 3.])
    """
    scores = score_matrix(sim)
    if direction not in ("t2v", "v2t"):
        raise ValueError(f'direction: expected "t2v" or "v2t", got {direction!r}')
    return ranks_of(scores, right_pairs(video_of_text, positives, scores.shape), direction)


def rank_metrics(rank: Matrix) -> dict[str, float]:
    """R@K, MdR and MnR of ranks, as :func:`ranks` or :func:`embedding_ranks` gives them.

    Args:
        rank: Ranks >= 1, one a query; half ranks where scores tie.

    Returns:
        R@1, R@5, R@10, R@50 (percent of queries whose rank is <= K), MdR, MnR (median and mean rank).

    Raises:
        ValueError: If there is no rank, or one is below 1 or not a number.

    Source:
        The field's.

    Example:
        >>> rank_metrics([1, 3, 1.5, 8])["R@5"]
        75.0
    """
    places = np.asarray(rank, np.float64)
    if places.ndim != 1 or not places.size or not (places >= 1).all():
        smallest = places.min(initial=np.inf)
        raise ValueError(f"rank: expected ranks [queries] >= 1, got {list(places.shape)} from {smallest}")
    recall = {f"R@{k}": 100 * int(np.sum(places <= k)) / len(places) for k in (1, 5, 10, 50)}
    return recall | {"MdR": float(np.median(places)), "MnR": float(np.mean(places))}
