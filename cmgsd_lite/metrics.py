"""Ranks and retrieval metrics, under a short name; they live in ``cmgsd_lite.evaluation``."""

from cmgsd_lite.evaluation.metrics import *  # noqa: F403
from cmgsd_lite.evaluation.metrics import __all__ as __all__
