"""An experiment, from the choice of data to the table: its parts, by name, in one place.

data_choice        which data, which experts, held-out videos
bench              the data prepared once, and any condition run on it
running            every condition with every seed, in one process or several
finished           runs of a job that was stopped, taken up again
tabulate           the content of ``metrics.json``
margin_histogram   how margins are spread after training
"""

from cmgsd_lite.training.bench import Bench, RunResult
from cmgsd_lite.training.config import Experiment
from cmgsd_lite.training.data_choice import DataConfig, hold_out
from cmgsd_lite.training.finished import keep_run, kept_runs
from cmgsd_lite.training.margin_histogram import MARGIN_BINS, margin_histogram
from cmgsd_lite.training.running import run_all
from cmgsd_lite.training.tabulate import tabulate

__all__ = [
    "MARGIN_BINS",
    "Bench",
    "DataConfig",
    "Experiment",
    "RunResult",
    "hold_out",
    "keep_run",
    "kept_runs",
    "margin_histogram",
    "run_all",
    "tabulate",
]
