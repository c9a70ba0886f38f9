"""What is compared: named conditions, each with its permuted control, and the pairs that get an interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

import torch
from torch import Tensor

from cmgsd_lite.runtime import versions
from cmgsd_lite.training.conditions import Kind, LossConfig, condition
from cmgsd_lite.training.digests import digest
from cmgsd_lite.training.experiment import Bench

PLAIN: tuple[Kind, ...] = ("fixed", "infonce", "sigmoid")
"""Kinds of loss that know nothing of distances."""

CONTROLS: dict[Kind, Kind] = {"cmgsd": "permuted", "infonce-cmgsd": "infonce-permuted"}
"""The permuted control of each kind that has one: the same margins without their meaning."""

HEADLINE = ("R@10", "nDCG")
"""The metrics over which Holm's correction runs, one of each family."""


class Comparison(NamedTuple):
    """Two conditions of which the first is compared with the second.

    Args:
        first: Name of the minuend.
        second: Name of the subtrahend.
        headline: Whether Holm's correction runs over it.
    """

    first: str
    second: str
    headline: bool


def with_controls(names: Sequence[str]) -> dict[str, LossConfig]:
    """Look conditions up by name, and put the permuted control behind each that has one.

    Args:
        names: Of ``cmgsd_lite.training.conditions``.

    Returns:
        Settings by name; a control is called as its condition, with ``-permuted``.

    Raises:
        ValueError: On an unknown name, or none at all.

    Source:
        ours.

    Example:
        >>> list(with_controls(["cmgsd-4", "infonce"]))
        ['cmgsd-4', 'cmgsd-4-permuted', 'infonce']
    """
    if not names:
        raise ValueError("conditions: expected at least one name, got none")
    chosen = {}
    for name in names:
        chosen[name] = condition(name)
        if chosen[name].kind in CONTROLS:
            chosen[f"{name}-permuted"] = control_of(chosen[name])
    return chosen


def control_of(loss: LossConfig) -> LossConfig:
    """Return the permuted control of an adaptive margin; the two differ in their kind alone.

    Args:
        loss: Of a kind in ``CONTROLS``.

    Raises:
        KeyError: If the kind has no control.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> control_of(LossConfig("cmgsd", beta=0.1)).kind
        'permuted'
    """
    return replace(loss, kind=CONTROLS[loss.kind])


def comparisons(conditions: Mapping[str, LossConfig], strongest: str | None) -> list[Comparison]:
    """List what is compared: rows with their own control, and everything with the strongest plain row.

    Args:
        conditions: Settings by name.
        strongest: Name of the strongest plain row, or None if there is none.

    Returns:
        Comparisons in the order of the conditions. Headline are those of the rows that are neither plain
        nor a control.

    Source:
        ours.

    Example:
        >>> [pair[:2] for pair in comparisons(with_controls(["cmgsd-4", "infonce"]), "infonce")]
        [('cmgsd-4', 'cmgsd-4-permuted'), ('cmgsd-4', 'infonce'), ('cmgsd-4-permuted', 'infonce')]
    """
    name_of = {loss: name for name, loss in conditions.items()}
    found = []
    for name, loss in conditions.items():
        control = name_of.get(control_of(loss)) if loss.kind in CONTROLS else None
        if control is not None:
            found.append(Comparison(name, control, headline=True))
        if strongest is not None and name != strongest:
            asked = loss.kind not in (*PLAIN, *CONTROLS.values())
            found.append(Comparison(name, strongest, headline=asked))
    return found


def run_keys(bench: Bench) -> dict[str, str]:
    """Fingerprints of the conditions on a bench: runs with one key and one seed must give the same numbers.

    Args:
        bench: With the experiment's data.

    Returns:
        Key by name. It holds the loss, the model, the training, the content of the data (however its folder
        is called) and the versions of this package and of torch. Code that was changed within one version is
        not told apart: take another folder then.

    Source:
        ours.

    Example:
        >>> run_keys(Bench(experiment))  # doctest: +SKIP
        {'infonce': '5d1c...'}
    """
    known = versions()
    common = {
        "model": bench.experiment.model,
        "training": {k: v for k, v in asdict(bench.experiment.training).items() if k != "seed"},
        "data": data_digest(bench),
        "versions": {package: known[package] for package in ("cmgsd-lite", "torch")},
    }
    keys = {}
    for name, loss in bench.experiment.conditions.items():
        keys[name] = digest([json.dumps({**common, "loss": asdict(loss)}, sort_keys=True)])
    return keys


def data_digest(bench: Bench) -> str:
    """Fingerprint of all that a run reads: ids, captions, queries, categories and features of every split.

    Args:
        bench: With the experiment's data.

    Returns:
        32 hexadecimal digits; the same wherever the data lies, and on every machine.

    Source:
        ours.

    Example:
        >>> len(data_digest(Bench(experiment)))  # doctest: +SKIP
        32
    """
    parts: list[str | Tensor] = [bench.experiment.data.asked, *bench.relevance]
    for split in (bench.dataset.train, bench.dataset.validation, bench.dataset.test):
        parts.append(repr(split.video_ids))
        parts += [repr(sorted(words.items())) for words in (split.captions, split.queries)]
        parts.append(repr(sorted(split.categories.items())))
        for name, (values, mask) in split.features.items():
            parts += [name, torch.from_numpy(values), torch.from_numpy(mask)]
    return digest(parts)
