"""Ranks and retrieval metrics; they live in ``cmgsd_lite.evaluation.metrics``."""

from cmgsd_lite.evaluation.metrics import *  # noqa: F403
