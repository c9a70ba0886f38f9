"""Ranks and retrieval metrics, under a short name; they live in ``cmgsd_lite.evaluation``."""

from cmgsd_lite.evaluation.metrics import (
    average_precision_at_r,
    mean_average_precision_at_r,
    ndcg,
    ndcg_per_query,
    r_precision,
    r_precision_per_query,
    random_floor,
    ranks,
    retrieval_metrics,
)

__all__ = [
    "average_precision_at_r",
    "mean_average_precision_at_r",
    "ndcg",
    "ndcg_per_query",
    "r_precision",
    "r_precision_per_query",
    "random_floor",
    "ranks",
    "retrieval_metrics",
]
