"""Pages that need nothing beside them: one style for all, and every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; overflow-wrap: anywhere; }
th { border-bottom: 1px solid; }
pre { padding: .5rem; border: 1px solid; overflow-x: auto; }
.bar { display: inline-block; height: .8em; background: #0072b2; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee; } .bar { background: #56b4e9; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of parts in HTML, escaped where they come from data; the title is plain text."""
    head = '<meta name="generator" content="cmgsd-lite">'  # what may be written anew (runtime.check_output)
    head += f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    view = '<meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    text = f'<!doctype html>\n<html lang="en"><head>{head}{view}</head>\n<body>\n{body}\n</body></html>\n'
    return text.encode(errors="backslashreplace").decode()  # a file's name may hold bytes that are no text


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of plain texts."""
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
