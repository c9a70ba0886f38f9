"""Ranks and retrieval metrics, under a short name; they live in ``cmgsd_lite.evaluation``."""

from cmgsd_lite.evaluation.metrics import (
    average_precision_at_r,
    embedding_ranks,
    mean_average_precision,
    mean_average_precision_at_r,
    multi_instance_metrics,
    ndcg,
    ndcg_per_query,
    r_precision,
    r_precision_per_query,
    random_floor,
    rank_metrics,
    ranks,
    recall_of_all,
    retrieval_metrics,
)

__all__ = [
    "average_precision_at_r",
    "embedding_ranks",
    "mean_average_precision",
    "mean_average_precision_at_r",
    "multi_instance_metrics",
    "ndcg",
    "ndcg_per_query",
    "r_precision",
    "r_precision_per_query",
    "random_floor",
    "rank_metrics",
    "ranks",
    "recall_of_all",
    "retrieval_metrics",
]
