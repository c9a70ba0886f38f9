"""docs/BENCHMARKS.md from docs/results/benchmarks.json: nothing in the page's tables is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "benchmarks.json"
TWINS = ROOT / "docs" / "results" / "temperature-twin.json"
PAGE = ROOT / "docs" / "BENCHMARKS.md"
Row = dict[str, Any]

HEAD = """# What it costs

Written by `python -m benchmarks --page` from `docs/results/benchmarks.json`; do not edit. To
measure again: `python -m benchmarks --out docs/results/benchmarks.json` (all sections, about half
an hour on one core; or name some of `losses`, `steps`, `memory`, `metrics`, `gpu`). Steps are timed
in turns in one process, and a ratio is the median over rounds of the ratio to the baseline of the
same round. On the CPU the clock is the processor time of the one thread that computes, so that
other jobs on the machine count little; but they share its caches and memory, so that where some
ran, ratios to products (which need little of either) come out too high. Brackets hold the quartiles
over rounds.

open_clip and sentence-transformers are no dependencies of ours. They are measured where they are
installed, without their own dependencies (a second torch would come along): `pip install --no-deps
open_clip_torch sentence-transformers`; the file of open_clip's losses is loaded alone, because the
package asks for torchvision. Where they are not, the table says so.
"""
WORDS = {
    "losses": """## Losses

Forward and backward pass against the bare matrix products of the same round: three N x N products
(scores and their two gradients), five with the two dynamic distances. Ours are called with the
scores (`plain`) or with the embeddings (`blocks`); the others with embeddings.
sentence-transformers takes both directions here, as ours do; its GIST and pytorch-metric-learning's
losses are compared by what they compute, not as the same loss. "Once": too slow for more than one
round.
""",
    "steps": """## Training steps

One optimizer step at N = 128 under each loss above that of the fixed margin with the same
reduction, on the compact embedded data. "Default ramp" is the mean over a training with the default
schedule: a fifth of it static, two fifths both kinds of distance, two fifths dynamic.
""",
    "memory": """## Memory

Peak above the inputs of one forward and backward pass in a fresh process, float32, CMGSD with two
dynamic distances by reduction, and InfoNCE.
""",
    "metrics": """## Metrics

Ranks of texts and videos in both directions from their embeddings, and the relevance metrics in
both directions of a ready matrix, against the bare product of the scores.
""",
    "gpu": """## On a GPU

At N = 128, milliseconds of similarity, loss and backward above those of the fixed margin, compiled
or not. At N = 32,768, D = 512 in TF32, the loss in blocks against its five products, and the peak
of memory above the inputs.
""",
}


TWIN = """## Temperature twins

Which temperature a random margin of spread beta amounts to, as tau / beta: that of the smooth loss
which picks negatives most nearly as often as the hardest negative does under such margins (in
brackets: that of the smooth loss of equal value), in batches of N pairs after some epochs of
training. Gaussian margins have no teacher, permuted ones are those of the static text and video
teachers, shuffled. Equal variance alone would say .78. From `docs/results/temperature-twin.json`,
which also says how far the twin's picks are from the margin's.
"""


def text(results: Row, twins: Row) -> str:
    """The whole page."""
    measured = {name: results[name] for name in WORDS if name in results}
    return f"{HEAD}\n{tables(measured)}\n{TWIN}\n{_twins(twins)}\n"


def tables(sections: Row) -> str:
    """Every section: words, what it was measured on, table."""
    parts = [f"{WORDS[name]}\n{_about(found)}\n\n{TABLES[name](found)}\n" for name, found in sections.items()]
    return "\n".join(parts)


def _about(found: Row) -> str:
    of, packages = found["machine"], found["versions"]
    where = of["gpu"] or f"{of['cpu']} ({of['vector_instructions']}), {of['threads']} thread"
    if of["load"]:
        where += f", while {of['load']} jobs ran on {of['cores']} cores"
    named = ", ".join(f"{name} {packages[name]}" for name in packages if name != "machine")
    return f"Measured on {where}, {found['date']}; {named}."


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [list(line) for line in (head, *rows)]
    written = ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
    return "\n".join([written[0], "|---" * len(lines[0]) + "|", *written[1:]])


def _ratio(row: Row) -> str:
    if "left_out" in row:
        return f"left out: {row['left_out']}"
    if "quartiles" not in row:
        return f"{row['ratio']:.2f} (once)" if "rounds" in row else f"{row['ratio']:.3f}"
    low, high = row["quartiles"]
    return f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}]"


def _losses(found: Row) -> str:
    sizes = list(dict.fromkeys(row["pairs"] for row in found["rows"]))
    by = {(row["name"], row["pairs"]): row for row in found["rows"]}
    names = dict.fromkeys(name for name, _ in by if not name.endswith("products"))
    lines = []
    for k in (3, 5):
        cells = [f"{by[f'{k} products', n]['ms']:.1f} ms" for n in sizes]
        lines.append([f"*{k} products*", *cells])
    for name in names:
        of = next((by[name, n]["of"] for n in sizes if "of" in by.get((name, n), {})), "")
        cells = [_ratio(by[name, n]) if (name, n) in by else "" for n in sizes]
        lines.append([f"{name}{f' (of {of[0]})' if of else ''}", *cells])
    return _table([f"D = {found['dim']}", *(f"N = {n}" for n in sizes)], lines)


def _steps(found: Row) -> str:
    lines = [
        [
            row["backbone"],
            row["reduction"],
            row["name"],
            f"{row['ms']:.2f} ms" if "ms" in row else "",
            f"{row['ms_above_fixed']:+.2f} ms" if row.get("ms_above_fixed") else "",
            f"{100 * (row['ratio'] - 1):+.1f} %",
        ]
        for row in found["rows"]
    ]
    head = ["backbone", "reduction", "loss", "step", "above fixed", "above fixed"]
    return f"{found['dataset']}, batches of {found['pairs']}.\n\n" + _table(head, lines)


def _memory(found: Row) -> str:
    def cell(row: Row) -> str:
        if "left_out" in row:
            return f"left out: {row['left_out']}"
        return f"{row['peak_mb']:,.0f} MB, {row['seconds']:.1f} s"

    by = {(row["pairs"], row["name"], row["way"]): cell(row) for row in found["rows"]}
    lines = [[n, name, by[n, name, "plain"], by[n, name, "blocks"]] for n, name, way in by if way == "plain"]
    return _table(["N", f"loss, D = {found['dim']}", "plain", f"blocks of {found['block']}"], lines)


def _metrics(found: Row) -> str:
    lines = [
        [
            name,
            " x ".join(f"{found[name]['size'][side]:,}" for side in ("texts", "videos")),
            f"{found[name]['product_s']:.2f} s",
            f"{found[name]['ratio']:.2f}",
            "" if found[name]["memory_mb"] is None else f"{found[name]['memory_mb']:.0f} MB",
        ]
        for name in ("ranks", "relevance")
    ]
    return _table(["", "texts x videos", "bare product", "x the product", "above the inputs"], lines)


def _gpu(found: Row) -> str:
    if "left_out" in found:
        return f"Not measured: {found['left_out']}."
    small = [
        [row["name"], f"{row['ms']:.3f} ms", f"{row['ms_above_fixed']:+.3f} ms"]
        for row in found["launches"]["rows"]
    ]
    large = [
        [
            row["name"],
            f"{row['ms']:.1f} ms",
            _ratio(row),
            f"{row['peak_mb']:,.0f} MB" if "peak_mb" in row else "",
        ]
        for row in found["arithmetic"]["rows"]
    ]
    n, m = found["launches"]["pairs"], found["arithmetic"]["pairs"]
    first = _table([f"N = {n}", "step", "above fixed"], small)
    return f"{first}\n\n" + _table([f"N = {m}", "step", "x its products", "above the inputs"], large)


def _twins(found: Row) -> str:
    lines: dict[tuple[Any, ...], list[str]] = {}
    for name, of in found.items():
        for row in of["rows"]:
            key = (name, row["noise"], row["pairs"], row["epochs_trained"])
            cell = f"{row['tau_over_beta']:.2f} ({row['tau_over_beta_by_value']:.2f})"
            lines.setdefault(key, []).append(cell)
    betas = dict.fromkeys(row["beta"] for of in found.values() for row in of["rows"])
    head = ["data", "margins", "N", "epochs", *(f"beta = {beta}" for beta in betas)]
    return _table(head, ([*key, *cells] for key, cells in sorted(lines.items())))


TABLES = {"losses": _losses, "steps": _steps, "memory": _memory, "metrics": _metrics, "gpu": _gpu}
