"""The tables of the study's report, from the content of its result files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmgsd_lite.course.plots.study import comparison, factor_lines

REAL_SETS = (
    # result, how it is called in the figure
    ("further-msrvtt", None, "1k-A means: chosen in round one, both"),
    ("headline-msrvtt", "cmgsd-4-static", "1k-A means: 4 hardest, both teachers"),
    ("headline-msrvtt", "cmgsd-4-static-video", "1k-A means: 4 hardest, video teacher"),
    ("frames-msrvtt", "cmgsd-4-static", "1k-A frames: 4 hardest, both teachers"),
    ("anchors-msrvtt", "cmgsd-4-static", "anchors: 4 hardest, both teachers"),
    ("final-1ka-msrvtt", None, "1k-A means: chosen, both (MiniLM)"),
    ("final-full-msrvtt", None, "full split: chosen, both (MiniLM)"),
    ("final-nearest-msrvtt", None, "full split: nearest tenth, both (MiniLM)"),
    ("video-final-msrvtt", None, "full split: chosen, video teacher"),
    ("video-final-msrvtt-apart", None, "same, videos that did not prompt it"),
    ("anchors-final-msrvtt", None, "anchors: chosen, both (MiniLM)"),
)
"""Rows with static teachers on real sets; None stands for the row that a result compares with all others."""

CONTROLS_OF = {
    "further-msrvtt": "controls-further-msrvtt",
    "final-1ka-msrvtt": "controls-1ka-msrvtt",
    "final-full-msrvtt": "controls-final-msrvtt",
    "final-nearest-msrvtt": "controls-final-msrvtt",
    "video-final-msrvtt": "controls-final-msrvtt",
    "video-final-msrvtt-apart": "controls-final-msrvtt-apart",
    "anchors-final-msrvtt": "controls-anchors-msrvtt",
}
"""Where a row meets its control at the control's own best beta; for each row its own family first."""

ADAPTIVITY = "adaptivity: row − its permuted control, same β"
AT_ITS_BEST = "row − its control at the control's best β"
AGAINST_INFONCE = "row − plain InfoNCE"
"""Names of the groups of comparisons over all real sets."""

ANSWERS: dict[str, tuple[tuple[str, str], ...]] = {
    "softening": tuple((f"cmgsd-{r}-ramp-permuted", f"fixed-{r}") for r in ("hardest", "4", "smooth")),
    "adaptivity": tuple(
        (name, f"{name}-permuted")
        for name in (
            "cmgsd-hardest-ramp",
            "cmgsd-hardest-static",
            "cmgsd-4-ramp",
            "cmgsd-4-static",
            "cmgsd-smooth-ramp",
            "infonce-ramp",
        )
    ),
    "sources": tuple(
        (name, f"{name}-permuted")
        for name in (
            f"cmgsd-{reduction}-{source}"
            for reduction in ("hardest", "4")
            for source in ("static-text", "static-video", "dynamic-text", "dynamic-video", "dynamic", "both")
        )
    ),
    "ramp": (
        ("cmgsd-hardest-ramp", "cmgsd-hardest-static"),
        ("cmgsd-hardest-ramp", "cmgsd-hardest-dynamic"),
        ("cmgsd-hardest-ramp", "cmgsd-hardest-both"),
        ("cmgsd-4-ramp", "cmgsd-4-static"),
        ("cmgsd-4-ramp", "cmgsd-4-dynamic"),
        ("cmgsd-4-ramp", "cmgsd-4-both"),
    ),
    "truth": (
        ("oracle-hardest", "cmgsd-hardest-ramp-permuted"),
        ("oracle-4", "cmgsd-4-ramp-permuted"),
        ("oracle-smooth", "cmgsd-smooth-ramp-permuted"),
        ("mask-hardest", "fixed-hardest"),
        ("mask-4", "fixed-4"),
        ("mask-infonce", "infonce"),
        ("cmgsd-hardest-ramp", "cmgsd-hardest-ramp-reversed"),
        ("cmgsd-4-ramp", "cmgsd-4-ramp-reversed"),
    ),
    "plain": (
        ("cmgsd-4-ramp", "infonce"),
        *((f"cmgsd-4-{d}", "infonce") for d in ("static", "static-text", "static-video", "dynamic", "both")),
        ("cmgsd-4-ramp", "fixed-smooth"),
        ("infonce-ramp", "infonce"),
    ),
}
"""Comparisons by the question that they answer."""

FACTOR_PAIRS = {r: (f"cmgsd-{r}-ramp", f"cmgsd-{r}-ramp-permuted") for r in ("hardest", "4")}

NOISE_PAIRS = {r: (f"cmgsd-{r}-static", f"cmgsd-{r}-static-permuted") for r in ("hardest", "4")}

FACTORS = (
    ("false negatives", FACTOR_PAIRS, "rate of false negatives"),
    ("beta", FACTOR_PAIRS, "β (cosine units)"),
    ("teacher noise", NOISE_PAIRS, "noise on the static teachers (sd)"),
    ("batch size", FACTOR_PAIRS, "pairs in a batch"),
)


def rows_table(result: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Write the rows of a result as a Markdown table, with a random ranking below.

    Args:
        result: Content of a result file.
        columns: Metrics; those that an older result does not have are left out.

    Returns:
        The table: mean ± standard deviation, in percent but for ranks.

    Source:
        ours.

    Example:
        >>> print(rows_table(result, ["R@10", "nDCG"]))  # doctest: +SKIP
    """
    columns = [c for c in columns if all(c in row["mean"] for row in result["rows"])]
    lines = [f"| condition | seeds | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for row in result["rows"]:
        cells = [f"{row['mean'][c]:.1f} ± {row['sd'][c] or 0:.1f}" for c in columns]
        shown = f"*{row['label']}*" if row["label"].endswith("-permuted") else row["label"]
        lines.append(f"| {shown} | {len(row['seeds'])} | {' | '.join(cells)} |")
    floors = _floors(result)
    lines.append(f"| random ranking | | {' | '.join(floors.get(c, '') for c in columns)} |")
    return "\n".join(lines)


def _floors(result: Mapping[str, Any]) -> dict[str, str]:
    """What a random ranking has, by metric; for mAP@R where the result file says it."""
    main = result["dataset"]["relevance"]
    floors = {}
    for kind, both in result["random_floor"].items():
        if not kind.endswith("own left out"):
            floors["nDCG" if kind == main else f"nDCG ({kind})"] = f"{both['t2v']:.1f}"
    for kind, value in result.get("random_map", {}).items():
        floors["mAP@R" if kind == main else f"mAP@R ({kind})"] = f"{value:.1f}"
    return floors


def answers_table(
    result: Mapping[str, Any], questions: Sequence[str], metrics: Sequence[str] = ("R@10", "nDCG")
) -> str:
    """Write the comparisons that answer some questions as a Markdown table.

    Args:
        result: Content of a result file.
        questions: Keys of ``ANSWERS``.
        metrics: Columns.

    Returns:
        The table: difference and interval in points, bold where the interval leaves zero out, with a star
        where it stays clear after Holm's correction.

    Source:
        ours.

    Example:
        >>> print(answers_table(result, ["softening"]))  # doctest: +SKIP
    """
    lines = [f"| difference | seeds | {' | '.join(metrics)} |", "|---" * (len(metrics) + 2) + "|"]
    for question in questions:
        for first, second in ANSWERS[question]:
            entry = comparison(result, first, second)
            if entry is not None:
                lines.append(_answer_line(entry, metrics))
    return "\n".join(lines)


def _answer_line(entry: Mapping[str, Any], metrics: Sequence[str]) -> str:
    control = entry["b"] == f"{entry['a']}-permuted"
    label = f"{entry['a']} − {'*permuted*' if control else entry['b']}"
    cells = [interval_text(entry["metrics"][metric]) for metric in metrics]
    return f"| {label} | {entry['seeds']} | {' | '.join(cells)} |"


def interval_text(found: Mapping[str, Any]) -> str:
    """Return difference and interval, bold if it leaves zero out, a star if so after Holm."""
    text = plain_interval(found)
    star = "\\*" if found.get("p_holm", 1.0) < 0.05 else ""
    return f"**{text}**{star}" if found["low"] > 0 or found["high"] < 0 else text


def clear_rows(result: Mapping[str, Any], metrics: Sequence[str] = ("R@10", "nDCG")) -> str:
    """Say which rows differ from their own permuted controls after Holm's correction.

    Args:
        result: Content of a headline's result file.
        metrics: Those that the correction runs over.

    Returns:
        One line a metric.

    Source:
        ours.

    Example:
        >>> print(clear_rows({"comparisons": []}))
        - R@10: above its control none; below it none (of 0 rows)
        - nDCG: above its control none; below it none (of 0 rows)
    """
    pairs = [entry for entry in result["comparisons"] if entry["b"] == f"{entry['a']}-permuted"]
    lines = []
    for metric in metrics:
        clear = [entry for entry in pairs if entry["metrics"][metric]["p_holm"] < 0.05]
        above = [entry["a"] for entry in clear if entry["metrics"][metric]["difference"] > 0]
        below = [entry["a"] for entry in clear if entry["metrics"][metric]["difference"] < 0]
        lines.append(
            f"- {metric}: above its control {', '.join(above) or 'none'}; "
            f"below it {', '.join(below) or 'none'} (of {len(pairs)} rows)"
        )
    return "\n".join(lines)


def best_over_beta(result: Mapping[str, Any], metric: str = "R@10") -> str:
    """Say what each row reaches at its best beta, beside its control at the control's best.

    Args:
        result: Content of the result file of the suite ``"factors"``.
        metric: Which.

    Returns:
        One line a reduction. The best is taken on test: a description, no evidence.

    Source:
        ours.

    Example:
        >>> best_over_beta({"rows": []})
        ''
    """
    lines = []
    for reduction, pair in FACTOR_PAIRS.items():
        found = []
        for name in pair:
            by_beta = {
                row["factor"]: row["mean"][metric]
                for row in result["rows"]
                if row["name"] == name and str(row["factor"]).startswith("beta=")
            }
            if by_beta:
                best = max(by_beta, key=lambda factor: by_beta[factor])
                found.append(f"{by_beta[best]:.1f} ({best.replace('beta=', 'β = ')})")
        if len(found) == 2:
            lines.append(f"- {reduction}: {metric} {found[0]}, its control {found[1]}")
    return "\n".join(lines)


def factor_table(result: Mapping[str, Any]) -> str:
    """Write adaptivity over the levels of every factor as a Markdown table.

    Args:
        result: Content of the result file of the suite ``"factors"``.

    Returns:
        The table.

    Source:
        ours.

    Example:
        >>> print(factor_table(result))  # doctest: +SKIP
    """
    lines = [
        "| factor | seeds | R@10, hardest | nDCG, hardest | R@10, 4 hardest | nDCG, 4 hardest |",
        "|---|---|---|---|---|---|",
    ]
    for factor, pairs, _ in FACTORS:
        found = {name: dict(entries) for name, entries in factor_lines(result, pairs, factor).items()}
        levels = list(dict.fromkeys(level for entries in found.values() for level in entries))
        for level in levels:
            cells = [
                interval_text(found[name][level]["metrics"][metric]) if level in found.get(name, {}) else ""
                for name in ("hardest", "4")
                for metric in ("R@10", "nDCG")
            ]
            seeds = {entries[level]["seeds"] for entries in found.values() if level in entries}
            lines.append(f"| {factor} {level} | {min(seeds)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def all_answers_table(result: Mapping[str, Any], metrics: Sequence[str]) -> str:
    """Write all comparisons of a result as a Markdown table.

    Args:
        result: Content of a result file.
        metrics: Columns; those that an older result does not have are left out.

    Returns:
        The table, as ``answers_table`` writes it.

    Source:
        ours.

    Example:
        >>> all_answers_table({"comparisons": []}, ["R@10"])
        '| difference | seeds | R@10 |\\n|---|---|---|'
    """
    metrics = [m for m in metrics if all(m in entry["metrics"] for entry in result["comparisons"])]
    lines = [f"| difference | seeds | {' | '.join(metrics)} |", "|---" * (len(metrics) + 2) + "|"]
    return "\n".join(lines + [_answer_line(entry, metrics) for entry in result["comparisons"]])


def choice_table(result: Mapping[str, Any]) -> str:
    """Write what the choice of round one saw on validation as a Markdown table.

    Args:
        result: Content of the result file of the suite ``"further-choice"``.

    Returns:
        The table: R@10, nDCG and their sum, by which the choice is made.

    Source:
        ours.

    Example:
        >>> choice_table({"rows": []})
        '| configuration | R@10 | nDCG | sum |\\n|---|---|---|---|'
    """
    lines = ["| configuration | R@10 | nDCG | sum |", "|---|---|---|---|"]
    for row in result["rows"]:
        found = row["mean"]
        total = found["R@10"] + found["nDCG"]
        lines.append(f"| {row['label']} | {found['R@10']:.1f} | {found['nDCG']:.1f} | {total:.1f} |")
    return "\n".join(lines)


def tuning_table(result: Mapping[str, Any]) -> str:
    """Write which value of its setting each method was given, as a Markdown table.

    Args:
        result: Content of the result file of the suite ``"tuning"``.

    Returns:
        The validation score (mean over seeds) of every value; the best, which is the chosen one, in bold.

    Source:
        ours.

    Example:
        >>> print(tuning_table({"rows": []}))
        | method | setting | validation score by value |
        |---|---|---|
    """
    lines = ["| method | setting | validation score by value |", "|---|---|---|"]
    methods: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        methods.setdefault(row["name"], {})[row["factor"]] = row["validation_score"]
    for name, scores in methods.items():
        best = max(scores, key=lambda factor: scores[factor])
        setting = best.split("=")[0]
        cells = []
        for factor, score in scores.items():
            text = f"{factor.removeprefix(setting + '=')}: {score:.2f}"
            cells.append(f"**{text}**" if factor == best else text)
        lines.append(f"| {name} | {setting} | {', '.join(cells)} |")
    return "\n".join(lines)


def gains_table(result: Mapping[str, Any], rivals: Mapping[str, Any] | None = None) -> str:
    """Write the choice of a round as a Markdown table: every candidate's two gains.

    Args:
        result: Content of a choice's result file, such as that of the suite ``"final-choice"``.
        rivals: Of the one that the rivals stand in, if it is another.

    Returns:
        R@10 + nDCG of each candidate, its gain over its own permuted control and over the best rival; the
        candidate whose smaller gain is the largest in bold.

    Source:
        ours.

    Example:
        >>> print(gains_table(result))  # doctest: +SKIP
    """
    score = _sums(result)
    others = {name: s for name, s in _sums(rivals or result).items() if name.startswith("infonce")}
    rival = max(others, key=lambda name: others[name])
    candidates = [name for name in score if f"{name}-permuted" in score]
    gains = {n: (score[n] - score[f"{n}-permuted"], score[n] - others[rival]) for n in candidates}
    chosen = max(gains, key=lambda name: min(gains[name]))
    lines = [f"| candidate | R@10 + nDCG | over its permuted control | over {rival} |", "|---|---|---|---|"]
    for name, (control, other) in gains.items():
        shown = f"**{name}**" if name == chosen else name
        lines.append(f"| {shown} | {score[name]:.1f} | {control:+.2f} | {other:+.2f} |")
    return "\n".join(lines)


def controls_table(*choices: Mapping[str, Any]) -> str:
    """Write what permuted controls reach at every beta as a Markdown table.

    Args:
        choices: Contents of the choices' result files; later ones add betas.

    Returns:
        R@10 + nDCG on held-out videos (mean over the file's seeds) by beta; the best in bold.

    Source:
        ours.

    Example:
        >>> rows = [{"label": "zscore-4-0.1-permuted", "mean": {"R@10": 40.0, "nDCG": 70.0}}]
        >>> print(controls_table({"rows": rows}))
        | control | R@10 + nDCG by beta |
        |---|---|
        | zscore-4 | **0.1: 110.0** |
    """
    families: dict[str, dict[float, float]] = {}
    for result in choices:
        for name, total in _sums(result).items():
            if name.endswith("-permuted"):
                family, beta = name.removesuffix("-permuted").rsplit("-", 1)
                families.setdefault(family, {})[float(beta)] = total
    lines = ["| control | R@10 + nDCG by beta |", "|---|---|"]
    for family, by_beta in families.items():
        best = max(by_beta, key=lambda beta: by_beta[beta])
        cells = [f"{beta:g}: {by_beta[beta]:.1f}" for beta in sorted(by_beta)]
        marked = [f"**{c}**" if c.startswith(f"{best:g}:") else c for c in cells]
        lines.append(f"| {family} | {', '.join(marked)} |")
    return "\n".join(lines)


def _sums(result: Mapping[str, Any]) -> dict[str, float]:
    return {row["label"]: row["mean"]["R@10"] + row["mean"]["nDCG"] for row in result["rows"]}


def cost_table(content: Mapping[str, Any]) -> str:
    """Write what training and scoring cost under each loss as a Markdown table.

    Args:
        content: Of docs/results/training-cost.json.

    Returns:
        Ratios to the fixed margin, one row a loss, two columns a data set.

    Source:
        ours.

    Example:
        >>> cost_table({})
        '| loss |\\n|---|'
    """
    heads = [f"{part}, {data}" for data in content for part in ("training", "scoring")]
    lines = ["| " + " | ".join(["loss", *heads]) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in next(iter(content.values()))["training"] if content else ():
        cells = [
            f"{result[part][name]['ratio']:.2f}"
            for result in content.values()
            for part in ("training", "scoring")
        ]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def plain_interval(found: Mapping[str, Any]) -> str:
    """Return difference and interval in points, such as ``+1.20 [-0.30, +2.60]``."""
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"


def real_groups(results: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Collect one row's comparisons over all real sets.

    Args:
        results: Contents of result files by name, such as ``"frames-msrvtt"``.

    Returns:
        Comparisons with the row's own permuted control, with that control at its own best beta, and with
        plain InfoNCE, by set; sets that have not been run are left out.

    Source:
        ours.

    Example:
        >>> real_groups({})
        {}
    """
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {
        name: [] for name in (ADAPTIVITY, AT_ITS_BEST, AGAINST_INFONCE)
    }
    for result, row, label in REAL_SETS:
        entries = results.get(result, {}).get("comparisons", [])
        wanted = row or (entries[0]["a"] if entries else None)
        own = [entry for entry in entries if entry["a"] == wanted]
        controls = results.get(CONTROLS_OF.get(result, ""), {}).get("comparisons", [])
        found = {
            ADAPTIVITY: [entry for entry in own if entry["b"] == f"{wanted}-permuted"],
            AT_ITS_BEST: [entry for entry in controls if entry["a"] == wanted],
            AGAINST_INFONCE: [entry for entry in own if entry["b"].startswith("infonce")],
        }
        for name, comparisons in found.items():
            groups[name] += [(label, entry) for entry in comparisons[:1]]
    return {name: entries for name, entries in groups.items() if entries}


def real_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Write one row's differences over all real sets as a Markdown table.

    Args:
        results: As for ``real_groups``.

    Returns:
        For every set the row against its own permuted control, against that control at its own best beta,
        and against plain InfoNCE.

    Source:
        ours.

    Example:
        >>> real_table({}).splitlines()[1]
        '|---|---|---|---|---|---|---|---|---|'
    """
    groups = real_groups(results)
    columns = {
        ADAPTIVITY: ("R@10", "nDCG", "nDCG (category)"),
        AT_ITS_BEST: ("R@10", "nDCG"),
        AGAINST_INFONCE: ("R@10", "nDCG"),
    }
    short = {ADAPTIVITY: "control", AT_ITS_BEST: "control at its best β", AGAINST_INFONCE: "InfoNCE"}
    heads = [f"{metric} − {short[group]}" for group, metrics in columns.items() for metric in metrics]
    lines = [f"| data: row | seeds | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for label, entry in groups.get(ADAPTIVITY, []):
        cells = []
        for group, metrics in columns.items():
            found = dict(groups.get(group, [])).get(label)
            cells += [interval_text(found["metrics"][m]) if found else "" for m in metrics]
        lines.append(f"| {label} | {entry['seeds']} | {' | '.join(cells)} |")
    return "\n".join(lines)
