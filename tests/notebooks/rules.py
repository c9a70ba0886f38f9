"""The rules of a chapter, measured in the notebook that a student gets: each function says what is wrong."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from tests.notebooks.chapters import (
    build_tool,
    called,
    code_cells,
    markdown,
    output_texts,
    outputs,
    pictures,
    stated_seconds,
)

build = build_tool()
WORDS, CELL_LINES, PREDICTIONS, EQUALS, SECONDS, ALT = 1700, 20, 3, 2, 45, 40
CODE_LINES = {"07": 260, "08": 260}
"""Chapters that may have more than 220."""
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
BADGES = re.compile(r"^Open in \[Colab\].*$", re.MULTILINE)
RESULT = re.compile(r"<details><summary>Give up\? The result</summary>(.*?)(?:   \(.*\))?</details>")
STUDENT_TIME = re.compile(r"For you: about \d+ minutes")
STOP = "**Stop here and say it in your own words**"
WITHOUT_STOP = re.compile(r"(?:\d+\. )?(?:Exercises|Summary|References|Before you start)")
EQUALS_PACKAGE = re.compile(r"\b(?:equal|agree|same as)\w*\b.*\bpackage", re.IGNORECASE)
CLAIM = re.compile(r": *(?:True|False)\s*$", re.MULTILINE)


def faults(number: str, student: Any, solved: Any, predictions: int = PREDICTIONS) -> list[str]:
    """Everything in which a built chapter breaks the rules; ``solved`` is its solved version."""
    return [
        *_header(student),
        *_length(number, student),
        *_predictions(student, predictions),
        *_results(student),
        *_pictures(student),
        *_stops(student),
        *_imports(solved),
    ]


def _header(notebook: Any) -> Iterator[str]:
    seconds = stated_seconds(notebook)
    if seconds is None or seconds > SECONDS:
        yield f"header: expected 'Time: about N s' with at most {SECONDS}"
    if not STUDENT_TIME.search(notebook.cells[0].source):
        yield "header: expected 'For you: about N minutes'"


def count_words(notebook: Any) -> int:
    """Words of markdown without folded answers and badges; what has no letter and no digit is no word."""
    text = BADGES.sub("", FOLDED.sub("", markdown(notebook)))
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def count_code_lines(notebook: Any) -> int:
    """Lines of code that are not blank, without the cells of the exercises and the one that installs."""
    cells = [cell for cell in code_cells(notebook) if not cell.id.endswith("-install")]
    sources = [cell.source for cell in cells if build.PLACEHOLDER not in cell.source]
    return sum(bool(line.strip()) for source in sources for line in source.splitlines())


def _length(number: str, notebook: Any) -> Iterator[str]:
    words, lines, most = count_words(notebook), count_code_lines(notebook), CODE_LINES.get(number, 220)
    if words > WORDS:
        yield f"{words} words of markdown, at most {WORDS}"
    if lines > most:
        yield f"{lines} lines of code, at most {most}"
    for cell in code_cells(notebook):
        if (count := len(cell.source.splitlines())) > CELL_LINES:
            yield f"a cell of {count} lines, at most {CELL_LINES}: {cell.source[:60]!r}"


def _predictions(notebook: Any, least: int) -> Iterator[str]:
    found = 0
    above = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            above += FOLDED.sub("", cell.source) + "\n"
            continue
        calls = [node for node in ast.walk(ast.parse(cell.source)) if called(node) == "predict"]
        found += len(calls)
        if any(_guess(call) is not None for call in calls):
            yield f"a guess is filled in: {cell.source[:60]!r}"
        texts = [text for output in cell.outputs for text in output_texts(output)]
        for result in (result for text in texts for result in RESULT.findall(text)):
            if given_away(result, above):
                yield f"the result {result!r} stands in the text above its question"
        above += "".join(output.text for output in cell.outputs if output.output_type == "stream")
    if found < least:
        yield f"{found} predictions, at least {least}"


def _guess(node: ast.AST) -> Any:
    """What stands as guess in a call of predict; None if nothing does."""
    assert isinstance(node, ast.Call)
    given = node.args[1:2] + [keyword.value for keyword in node.keywords if keyword.arg == "guess"]
    return None if not given or (isinstance(given[0], ast.Constant) and given[0].value is None) else given[0]


def given_away(result: str, above: str) -> bool:
    """Whether a text holds the number of a result, with its unit; one digit alone says nothing."""
    number, _, unit = result.partition(" ")
    if not re.fullmatch(r"-?[\d,.]+(?:e[+-]?\d+)?", number) or (len(number) == 1 and not unit):
        return False
    ending = rf" ?{re.escape(unit)}" if unit else r"(?![\d.,]*\d)"
    return re.search(rf"(?<![\d.,]){re.escape(number)}{ending}", above) is not None


def _results(notebook: Any) -> Iterator[str]:
    printed = "\n".join(text for output in outputs(notebook) for text in output_texts(output))
    claims = CLAIM.findall("\n".join(o.text for o in outputs(notebook) if o.output_type == "stream"))
    if claims:
        yield f"{len(claims)} lines 'claim: True': print the numbers, with their floor or control"
    equal = [line for line in printed.splitlines() if EQUALS_PACKAGE.search(line)]
    if len(equal) > EQUALS:
        yield f"{len(equal)} lines 'equals the package', at most {EQUALS}"


def _pictures(notebook: Any) -> Iterator[str]:
    seen: set[str] = set()
    for output in outputs(notebook):
        for picture in pictures(output.get("data", {}).get("text/html", "")):
            alt = picture.get("alt", "").strip()
            if len(alt) < ALT or alt in seen:
                yield f"a picture without a text of its own that says what it shows: {alt!r}"
            seen.add(alt)


def _stops(notebook: Any) -> Iterator[str]:
    text = "\n\n".join(cell.source if cell.cell_type == "markdown" else "CODE" for cell in notebook.cells)
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading = section.splitlines()[0]
        if WITHOUT_STOP.match(heading):
            continue
        _, stop, rest = section.rpartition(STOP)
        if not stop or not rest.strip().endswith("</details>"):
            yield f"section {heading!r} does not end with {STOP!r} and a folded answer"


def _imports(notebook: Any) -> Iterator[str]:
    for cell in code_cells(notebook):
        tree = ast.parse(cell.source)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                name = (alias.asname or alias.name).partition(".")[0]
                if name not in used:
                    yield f"{name} is imported in a cell that does not use it"
