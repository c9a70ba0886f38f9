"""Adaptive margins for text-video retrieval: a small package behind a hands-on course.

The names handed on here are imported when they are first used: ``import cmgsd_lite`` loads not even torch.
"""

import sys

if sys.argv[:1] == ["-m"] and "cmgsd_lite" in sys.orig_argv:  # a program from here on, and no library
    import cmgsd_lite.begin  # noqa: F401
from importlib import import_module

TYPE_CHECKING = (
    False  # as of typing, which takes longer to load than all that stands before a signal is heard
)
if TYPE_CHECKING:  # for type checkers and editors, which do not run __getattr__
    from cmgsd_lite.data import load_dataset as load_dataset
    from cmgsd_lite.data import load_folder as load_folder
    from cmgsd_lite.errors import DataError as DataError
    from cmgsd_lite.losses import CMGSDLoss as CMGSDLoss
    from cmgsd_lite.losses import InfoNCELoss as InfoNCELoss
    from cmgsd_lite.losses import MaxMarginRankingLoss as MaxMarginRankingLoss
    from cmgsd_lite.losses import PermutedCMGSDLoss as PermutedCMGSDLoss
    from cmgsd_lite.losses import ranking_hinge as ranking_hinge
    from cmgsd_lite.margins import zscore_margin as zscore_margin
    from cmgsd_lite.metrics import ranks as ranks
    from cmgsd_lite.metrics import retrieval_metrics as retrieval_metrics
    from cmgsd_lite.training import TrainingConfig as TrainingConfig
    from cmgsd_lite.training import fit as fit

__version__ = "1.0.0rc1"

_MODULES = {
    "CMGSDLoss": "losses",
    "PermutedCMGSDLoss": "losses",
    "MaxMarginRankingLoss": "losses",
    "InfoNCELoss": "losses",
    "ranking_hinge": "losses",
    "zscore_margin": "margins",
    "retrieval_metrics": "metrics",
    "ranks": "metrics",
    "load_dataset": "data",
    "load_folder": "data",
    "fit": "training",
    "TrainingConfig": "training",
    "DataError": "errors",
}
__all__ = ["__version__", *_MODULES]


if not TYPE_CHECKING:  # a type checker that sees this function takes every name for granted

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'cmgsd_lite' has no attribute {name!r}")
        return getattr(import_module(f"cmgsd_lite.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
