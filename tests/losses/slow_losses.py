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


def cross_entropies(sim, targets, temperature, ids=None):
    """Mean over both directions of the cross-entropies against targets[direction][anchor][candidate].

    Pairs of equal ids are in no sum unless they have a target.
    """
    n, losses = len(sim), []
    for direction in (0, 1):
        for anchor in range(n):
            cells = [(anchor, o) if direction == 0 else (o, anchor) for o in range(n)]
            target = targets[direction][anchor]
            logits = {
                o: sim[i][j] / temperature
                for o, (i, j) in enumerate(cells)
                if i == j or target[o] > 0 or ids is None or ids[i] != ids[j]
            }
            top = max(logits.values())
            total = top + math.log(sum(math.exp(x - top) for x in logits.values()))
            losses.append(sum(target[o] * (total - logits[o]) for o in logits))
    return sum(losses) / len(losses)


def shared_targets(ids):
    """For both directions: every positive of an anchor has an equal share."""
    shares = [[1 / ids.count(a) if a == b else 0.0 for b in ids] for a in ids]
    return shares, shares


def siglip(sim, scale, bias, margin=None, ids=None, share=False):
    """Algorithm 1 of the SigLIP paper pair by pair, with our margin and known positives."""
    n, total = len(sim), 0.0
    for i in range(n):
        for j in range(n):
            positive = i == j or (share and ids is not None and ids[i] == ids[j])
            raised = 0.0 if positive or margin is None else margin[i][j]
            known = not positive and ids is not None and ids[i] == ids[j]
            if known or (i != j and margin is not None and margin[i][j] == -math.inf):
                continue  # left out
            x = (1 if positive else -1) * (scale * (sim[i][j] + raised) + bias)
            total += math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x)) - x
    return total / n


def cosine_distance(x, i, j):
    dot = sum(a * b for a, b in zip(x[i], x[j], strict=True))
    norms = [math.sqrt(sum(a * a for a in x[k])) for k in (i, j)]
    return 1 - dot / (max(norms[0], 1e-12) * max(norms[1], 1e-12))


def negative_cells(n, ids=None):
    return [(i, j) for i in range(n) for j in range(n) if i != j and (ids is None or ids[i] != ids[j])]


def groups(n, ids, within):
    """The negative pairs that share a statistic: all, those of each text (row), of each video (column)."""
    cells = negative_cells(n, ids)
    if within == "batch":
        return [cells]
    side = 0 if within == "text" else 1
    return [[cell for cell in cells if cell[side] == anchor] for anchor in range(n)]


def mean_and_std(distance, cells):
    mean = sum(distance[i][j] for i, j in cells) / len(cells)
    return mean, math.sqrt(sum((distance[i][j] - mean) ** 2 for i, j in cells) / len(cells))


def clip(value, low, high):
    value = value if low is None else max(low, value)
    return value if high is None else min(high, value)


def centre(values, alpha, low, high):
    """The shift with mean(clip(value + shift)) = alpha, by bisection; 0 where no bound is active."""
    if all(clip(v, low, high) == v for v in values):
        return 0.0
    left, right = alpha - max(values), alpha - min(values)
    for _ in range(200):
        middle = (left + right) / 2
        mean = sum(clip(v + middle, low, high) for v in values) / len(values)
        left, right = (middle, right) if mean < alpha else (left, middle)
    return (left + right) / 2


def zscore(
    distance, alpha, beta, min_margin=0.0, max_margin=None, eps=1e-4, ids=None, within="batch", recentre=True
):
    """alpha + beta * z over the negative pairs, clipped around a mean of alpha; all others are alpha."""
    n = len(distance)
    margin = [[alpha] * n for _ in range(n)]
    for cells in groups(n, ids, within):
        if not cells:
            continue
        mean, std = mean_and_std(distance, cells)
        values = [alpha + beta * (distance[i][j] - mean) / (std + eps) for i, j in cells]
        shift = centre(values, alpha, min_margin, max_margin) if recentre else 0.0
        for (i, j), value in zip(cells, values, strict=True):
            margin[i][j] = clip(value + shift, min_margin, max_margin)
    return margin


def nearest(distance, alpha, beta, share, min_margin=0.0, eps=1e-4, ids=None, within="batch"):
    """alpha, but for the pairs nearer than the ceil(share * n)-th nearest: alpha + beta * (z - its z)."""
    z = zscore(distance, 0.0, 1.0, None, None, eps, ids, within)
    return released(z, alpha, beta, share, min_margin, ids, within)


def released(z, alpha, beta, share, min_margin, ids, within):
    n = len(z)
    margin = [[alpha] * n for _ in range(n)]
    for cells in groups(n, ids, within):
        if not cells:
            continue
        threshold = sorted(z[i][j] for i, j in cells)[math.ceil(share * len(cells)) - 1]
        for i, j in cells:
            margin[i][j] = clip(alpha + beta * min(z[i][j] - threshold, 0.0), min_margin, None)
    return margin


def combined(
    distances, weights, alpha, beta, share=None, low=0.0, high=None, eps=1e-4, ids=None, within="batch"
):
    """z-scores averaged, standardised again to the spread that one has alone, then one clip around alpha."""
    n = len(distances[0])
    z = [[0.0] * n for _ in range(n)]
    for cells in groups(n, ids, within):
        if not cells:
            continue
        total, spread = dict.fromkeys(cells, 0.0), 0.0
        for d, weight in zip(distances, weights, strict=True):
            mean, std = mean_and_std(d, cells)
            spread += weight * std / (std + eps)
            for i, j in cells:
                total[i, j] += weight * (d[i][j] - mean) / (std + eps)
        std = math.sqrt(sum(value**2 for value in total.values()) / len(cells))
        for i, j in cells:
            z[i][j] = total[i, j] * spread / max(std, eps)
    if share is not None:
        return released(z, alpha, beta, share, low, ids, within)
    margin = [[alpha] * n for _ in range(n)]
    for cells in groups(n, ids, within):
        values = [alpha + beta * z[i][j] for i, j in cells]
        shift = centre(values, alpha, low, high) if cells else 0.0
        for (i, j), value in zip(cells, values, strict=True):
            margin[i][j] = clip(value + shift, low, high)
    return margin


def cmgsd_margin(sources, weights, settings, ids, within):
    """The margin matrix of the averaged form, or those of the summed form by name, for one direction."""
    n = len(next(iter(sources.values())))
    alpha, beta, share = settings["margin"], settings["beta"], settings.get("nearest")
    recentre, matrices = settings["scale"] == "combined", {"fixed": [[alpha] * n for _ in range(n)]}
    distances = {
        k: [[cosine_distance(x, i, j) for j in range(n)] for i in range(n)] for k, x in sources.items()
    }
    for name, d in distances.items():
        if share is None:
            matrices[name] = zscore(d, alpha, beta, ids=ids, within=within, recentre=recentre)
        else:
            matrices[name] = nearest(d, alpha, beta, share, ids=ids, within=within)
    if settings["form"] == "summed":
        return matrices
    if settings["scale"] == "each":
        return [
            [sum(w * matrices[name][i][j] for name, w in weights.items()) for j in range(n)] for i in range(n)
        ]
    adaptive = 1 - weights["fixed"]
    shares = [weights[name] / adaptive for name in distances]
    return combined(list(distances.values()), shares, alpha, adaptive * beta, share, ids=ids, within=within)


def cmgsd(sim, sources, weights, settings, ids=None):
    """CMGSD from named embeddings and their weights (a 'fixed' weight for the plain margin)."""
    anchors = ("batch", "batch") if settings["within"] == "batch" else ("text", "video")
    both = [cmgsd_margin(sources, weights, settings, ids, within) for within in anchors]

    def loss(text_margin, video_margin):
        text_to_video, video_to_text = (
            directions(sim, text_margin, ids)[0],
            directions(sim, video_margin, ids)[1],
        )
        total = sum(reduce_slowly(side, settings["reduction"]) for side in (text_to_video, video_to_text))
        return total if settings["reduction"] == "sum" else total / 2

    if settings["form"] == "summed":
        return sum(w * loss(both[0][name], both[1][name]) for name, w in weights.items())
    return loss(*both)
