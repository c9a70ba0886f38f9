"""`info --html`: what lies under a path as one page that needs nothing beside it."""

from html import escape
from pathlib import Path
from typing import Any

from cmgsd_lite.data.caption_facts import COUNTED, CaptionFacts, caption_facts
from cmgsd_lite.data.formats.records import FileRecord
from cmgsd_lite.data.inspect_path import describe_source
from cmgsd_lite.data.source import open_source
from cmgsd_lite.runtime import check_output, write_atomically
from cmgsd_lite.runtime.html import page, table


def write_info_page(path: str | Path, out: str | Path) -> dict[str, Any]:
    """Write what `describe` finds, with caption lengths, exact twins and likely false negatives, as a page.

    Args:
        path: As `describe` takes it.
        out: The HTML file; it is there whole or not at all.

    Returns:
        The description.

    Raises:
        DataError: nothing there, or a file in the page's place that is no page of this function.
        OSError: the file cannot be written.

    Example:
        >>> write_info_page("data/msrvtt", "msrvtt.html")["name"]  # doctest: +SKIP
        'MSR-VTT'
    """
    check_output(Path(out), kind=".html")
    source = open_source(path)
    description = describe_source(source)
    text = info_page(description, caption_facts(source.annotations.captions))
    write_atomically(Path(out), lambda part: part.write_text(text, encoding="utf-8"))
    return description


def info_page(description: dict[str, Any], facts: CaptionFacts) -> str:
    """The page of what `describe` found as text; whatever comes from the data is escaped."""
    name = escape(description["name"])
    parts = [
        f"<h1>{name}</h1>",
        *_experts(description),
        *_protocols(description),
        *_missing(description),
        *_captions(facts),
        *_files(description),
    ]
    return page(f"{description['name']}: what is there", parts)


def _experts(description: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            e["dim"],
            f"{e['videos']:,}",
            f"{e['listed'] - e['videos']:,}",
            e["tokens_median"],
            e["tokens_max"],
        )
        for name, e in description["experts"].items()
    ]
    header = ("expert", "D", "videos", "named but missing", "vectors a video, median", "most")
    return ["<h2>Experts</h2>", table(header, rows) if rows else "<p>No features were found.</p>"]


def _protocols(description: dict[str, Any]) -> list[str]:
    rows = [
        (name, part, f"{n['listed']:,}", f"{n['usable']:,}")
        for name, parts in description["protocols"].items()
        for part, n in parts.items()
    ]
    header = ("protocol", "part", "listed", "with captions and features")
    return ["<h2>Protocols</h2>", table(header, rows) if rows else "<p>No split lists were found.</p>"]


def _missing(description: dict[str, Any]) -> list[str]:
    notes = "".join(f"<li>{escape(note)}</li>" for note in description["missing"])
    found = ["<h2>Missing or to be known</h2>", f"<ul>{notes}</ul>" if notes else "<p>Nothing.</p>"]
    for supply in description["supply"]:
        lines = escape("\n".join(supply["lines"]))
        what = f"Such lines in {supply['file']} would supply {supply['missing']}:"
        found.append(f"<p>{escape(what)}</p><pre>{lines}</pre>")
    return found


def _captions(facts: CaptionFacts) -> list[str]:
    if not facts.captions:
        return []
    twins = table(("caption", "videos", "such as"), [(c, len(v), ", ".join(v[:5])) for c, v in facts.twins])
    drawn = "all" if facts.sampled == facts.captions else "drawn by a fixed seed"
    share = f"{facts.with_false_negatives:,} of {facts.sampled:,} captions ({drawn})"
    examples = table(("caption", "of", "likely true of", "which has the caption"), facts.examples)
    return [
        f"<h2>Captions</h2><p>{facts.captions:,} captions, by number of words:</p>",
        _lengths(facts.lengths),
        "<h2>Exact twins</h2>",
        f"<p>{facts.twin_captions:,} captions stand at another video too, but for case and blanks.</p>",
        twins if facts.twins else "",
        "<h2>Likely false negatives, a first count</h2>",
        f"<p>{share} are likely true of another video, {facts.others:.2f} others a caption on average.",
        f"{escape(COUNTED)}</p>",
        examples if facts.examples else "",
    ]


def _lengths(lengths: dict[int, int]) -> str:
    """A bar a length; what is longer than 30 words is one bar."""
    shown: dict[str, int] = {}
    for words, count in lengths.items():
        key = str(words) if words <= 30 else "more than 30"
        shown[key] = shown.get(key, 0) + count
    most = max(shown.values())
    bars = {
        words: f'<span class="bar" style="width:{20 * n / most:.1f}rem"></span>' for words, n in shown.items()
    }
    rows = [f"<tr><td>{w}</td><td>{n:,}</td><td>{bars[w]}</td></tr>" for w, n in shown.items()]
    header = '<tr><th scope="col">words</th><th scope="col">captions</th><th></th></tr>'
    return f"<table>{header}{''.join(rows)}</table>"


def _files(description: dict[str, Any]) -> list[str]:
    records = [FileRecord(**record) for record in description["files"]]
    rows = [(record.file, record.used_as or "left out", record.reason) for record in records]
    return ["<h2>Files</h2>", table(("file", "used as", "why not, or what of it is not"), rows)]
