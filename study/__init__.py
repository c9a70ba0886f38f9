"""A study of named conditions with paired seeds: which gain is adaptivity, which is softening?

    grid         cells and suites: what is run
    real         suites on real data beyond the headline
    further      the search for a configuration that wins, chosen on validation
    final        its second round
    video_teacher  its third round
    controls     their controls at larger betas
    runner       running them, resumably
    values       what a run is remembered by
    statistics   intervals and correction
    report       result files
    tables, page the tables and figures of docs/STUDY.md

``python -m cmgsd_lite study --suite headline --data minivtt --minutes 30``
"""

from cmgsd_lite.evaluation.intervals import Interval, holm, paired_bootstrap
from study import controls, final, further, real, video_teacher
from study.grid import SUITES, Cell, Suite, chosen_settings, suite
from study.report import comparison_table, publish, published_rows, study_table, summarise
from study.runner import read_rows, run_suite

__all__ = [
    "SUITES",
    "Cell",
    "Interval",
    "Suite",
    "chosen_settings",
    "controls",
    "final",
    "further",
    "comparison_table",
    "holm",
    "paired_bootstrap",
    "publish",
    "published_rows",
    "read_rows",
    "real",
    "run_suite",
    "study_table",
    "suite",
    "summarise",
    "video_teacher",
]
