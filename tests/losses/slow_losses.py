"""Slow, obvious versions of the losses: loops over pairs, written from the formulas, nothing shared."""

from __future__ import annotations

import math


def pair_violations(sim, margin, i, j):
    """Both directions' violation of the pair (text i, video j)."""
    return margin[i][j] + sim[i][j] - sim[i][i], margin[i][j] + sim[i][j] - sim[j][j]


def is_negative(margin, ids, i, j):
    return i != j and margin[i][j] != -math.inf and (ids is None or ids[i] != ids[j])


def directions(sim, margin, ids=None):
    """For each direction a list over anchors of the violations of that anchor's negatives."""
    n = len(sim)
    text_to_video = [
        [pair_violations(sim, margin, i, j)[0] for j in range(n) if is_negative(margin, ids, i, j)]
        for i in range(n)
    ]
    video_to_text = [
        [pair_violations(sim, margin, i, j)[1] for i in range(n) if is_negative(margin, ids, i, j)]
        for j in range(n)
    ]
    return text_to_video, video_to_text


def reduce_slowly(anchors, reduction, temperature=0.03):
    """Reduce one direction, anchor by anchor."""
    if reduction in ("sum", "mean"):
        hinges = [max(0.0, v) for anchor in anchors for v in anchor]
        return sum(hinges) if reduction == "sum" else sum(hinges) / max(len(hinges), 1)
    values = []
    for anchor in anchors:
        if not anchor:
            continue
        hinges = sorted((max(0.0, v) for v in anchor), reverse=True)
        if reduction == "hardest":
            values.append(hinges[0])
        elif reduction == "smooth":
            top = max(anchor)
            log_sum = top / temperature + math.log(sum(math.exp((v - top) / temperature) for v in anchor))
            values.append(temperature * (max(log_sum, 0.0) + math.log1p(math.exp(-abs(log_sum)))))
        else:
            kept = hinges[:reduction]
            values.append(sum(kept) / len(kept))
    return sum(values) / max(len(values), 1)


def max_margin(sim, margin, reduction, ids=None, temperature=0.03):
    text_to_video, video_to_text = directions(sim, margin, ids)
    total = reduce_slowly(text_to_video, reduction, temperature) + reduce_slowly(
        video_to_text, reduction, temperature
    )
    return total if reduction == "sum" else total / 2


def info_nce(sim, margin, temperature, ids=None):
    """Mean over anchors of -log softmax of the positive, with the centred margin on the negatives."""
    n = len(sim)
    pairs = [(i, j) for i in range(n) for j in range(n) if is_negative(margin, ids, i, j)]
    centre = sum(margin[i][j] for i, j in pairs) / max(len(pairs), 1)
    losses = ([], [])
    for anchor in range(n):
        for direction in (0, 1):
            cells = [(anchor, o) if direction == 0 else (o, anchor) for o in range(n)]
            negatives = [
                (sim[i][j] + margin[i][j] - centre) / temperature
                for i, j in cells
                if is_negative(margin, ids, i, j)
            ]
            if not negatives:
                continue
            own = sim[anchor][anchor] / temperature
            top = max([own, *negatives])
            total = sum(math.exp(x - top) for x in [own, *negatives])
            losses[direction].append(top + math.log(total) - own)
    return sum(sum(side) / max(len(side), 1) for side in losses) / 2


def cosine_distance(x, i, j):
    dot = sum(a * b for a, b in zip(x[i], x[j], strict=True))
    norms = [math.sqrt(sum(a * a for a in x[k])) for k in (i, j)]
    return 1 - dot / (max(norms[0], 1e-12) * max(norms[1], 1e-12))


def zscore(distance, alpha, beta, min_margin=0.0, max_margin=None, eps=1e-4, ids=None):
    """alpha + beta * z over the negative pairs, clipped; every other entry is alpha."""
    n = len(distance)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and (ids is None or ids[i] != ids[j])]
    mean = sum(distance[i][j] for i, j in pairs) / len(pairs)
    std = math.sqrt(sum((distance[i][j] - mean) ** 2 for i, j in pairs) / len(pairs))
    margin = [[alpha] * n for _ in range(n)]
    for i, j in pairs:
        value = alpha + beta * (distance[i][j] - mean) / (std + eps)
        value = value if min_margin is None else max(min_margin, value)
        margin[i][j] = value if max_margin is None else min(max_margin, value)
    return margin


def nearest(distance, alpha, beta, share, min_margin=0.0, eps=1e-4, ids=None):
    """alpha, but for the pairs nearer than the ceil(share * n)-th nearest: alpha + beta * (z - its z)."""
    z = zscore(distance, 0.0, 1.0, None, None, eps, ids)
    n = len(distance)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and (ids is None or ids[i] != ids[j])]
    threshold = sorted(z[i][j] for i, j in pairs)[math.ceil(share * len(pairs)) - 1]
    margin = [[alpha] * n for _ in range(n)]
    for i, j in pairs:
        value = alpha + beta * min(z[i][j] - threshold, 0.0)
        margin[i][j] = value if min_margin is None else max(min_margin, value)
    return margin


def cmgsd(sim, sources, weights, settings, ids=None):
    """CMGSD from named embeddings and their weights (a 'fixed' weight for the plain margin)."""
    n = len(sim)
    matrices = {"fixed": [[settings["margin"]] * n for _ in range(n)]}
    for name, x in sources.items():
        distance = [[cosine_distance(x, i, j) for j in range(n)] for i in range(n)]
        alpha, beta, share = settings["margin"], settings["beta"], settings.get("nearest")
        matrices[name] = (
            zscore(distance, alpha, beta, ids=ids)
            if share is None
            else nearest(distance, alpha, beta, share, ids=ids)
        )
    if settings["form"] == "summed":
        return sum(
            w * max_margin(sim, matrices[name], settings["reduction"], ids) for name, w in weights.items()
        )
    mixed = [
        [sum(w * matrices[name][i][j] for name, w in weights.items()) for j in range(n)] for i in range(n)
    ]
    return max_margin(sim, mixed, settings["reduction"], ids)
