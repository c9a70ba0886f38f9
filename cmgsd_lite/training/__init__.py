"""From a prepared data set and a loss to a trained model, its scores and its checkpoint."""

from cmgsd_lite.training.config import TrainingConfig
from cmgsd_lite.training.loop import FitResult, fit, validation_score

__all__ = ["FitResult", "TrainingConfig", "fit", "validation_score"]
