"""Chapters in other languages: words change, code, links and placeholders do not; what is missing is told."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from tests.notebooks.chapters import NOTEBOOKS, ROOT, broken_links, build_tool, links, markdown

build = build_tool()
LANGUAGES = ("de", "zh")
CHAPTER = build.sources(prefixes=["00"])[0]


def load_tool() -> ModuleType:
    """Load notebooks/translate.py, which finds its neighbour build.py when it runs as a script."""
    spec = importlib.util.spec_from_file_location("notebooks_translate", NOTEBOOKS / "translate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build"] = build
    spec.loader.exec_module(module)
    del sys.modules["build"]
    return module


translate = load_tool()


def kept(text: str) -> list[list[str]]:
    """What a translation must not change: links, code, tags, numbers, and how often something is bold."""
    numbers = [re.sub("[,.]", "", number) for number in re.findall(r"\d[\d,.]*", text)]
    spans, tags = re.findall(r"`[^`]+`", text), re.findall(r"<[^>]+>", text)
    return [sorted(found) for found in (links(text), spans, tags, numbers, re.findall(r"\*\*|^#+ ", text))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_links_code_tags_numbers_and_headings(language: str) -> None:
    found = [message for message in translate.load(translate.po_file(CHAPTER, language)) if message.id]
    assert len(found) > 60
    different = [message.id for message in found if kept(message.id) != kept(message.string)]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_chapter_is_translated_and_what_is_not_is_told(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script may have changed since; then the paragraph is English, and the list says which."""
    out = ROOT / "build" / language
    notebook = translate.translated(CHAPTER, language, out)
    english = build.read_script(CHAPTER, "student")
    wanted = list(translate.messages(english))
    stayed = set(translate.messages(notebook)) & {text for text in wanted if len(text) > 100}
    told = capsys.readouterr().err.splitlines()
    assert len(told) < len(wanted) / 10
    assert all(any(line.endswith(text) for line in told) for text in stayed if "arxiv" not in text)
    code = [[cell.source for cell in n.cells if cell.cell_type == "code"] for n in (notebook, english)]
    assert code[0][0] == build.INSTALL.replace("ADDRESS", '""')
    assert code[0][1:] == code[1]
    assert broken_links(markdown(notebook), out / f"{CHAPTER.stem}.ipynb") == []


SMALL = """# %% [markdown]
# # 03 Small
#
# A line that
# goes on. See the [glossary](../docs/GLOSSARY.md) and [the next](04_deriving_the_margin.ipynb).
#
# | a | `b` |
# |---|---|
# | one | two |
#
# <details><summary>Open</summary>
#
# Inside.
#
# </details>

# %%
print("A line that")
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(translate, "LOCALE", tmp_path / "locale")
    (tmp_path / "03_small.py").write_text(SMALL)
    return tmp_path / "03_small.py"


def fill_in(script: Path, **translations: str) -> Path:
    """Translate messages, by the word that they begin with."""
    path: Path = translate.po_file(script, "de")
    text = path.read_text(encoding="utf-8")
    for start, translation in translations.items():
        entry = rf'(msgid (?:""\n)?"{start}(?:.*"\n)+?msgstr )""'
        text, count = re.subn(entry, lambda m, t=translation: f'{m[1]}"{t}"', text)
        assert count == 1, start
    path.write_text(text, encoding="utf-8")
    return path


def test_a_message_is_a_paragraph_or_a_row_however_it_is_wrapped(script: Path) -> None:
    found = list(translate.messages(build.read_script(script, "student")))
    assert found == [
        "# 03 Small",
        "A line that goes on. "
        "See the [glossary](../docs/GLOSSARY.md) and [the next](04_deriving_the_margin.ipynb).",
        "| a | `b` |",
        "| one | two |",
        "<details><summary>Open</summary>",
        "Inside.",
    ]


@pytest.mark.slow
def test_one_command_lists_the_messages_and_one_builds_the_chapter(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["03", "--language", "de", "--source", str(tmp_path), "--out", str(tmp_path / "de")]
    assert translate.main(options) == 1
    assert "--update" in capsys.readouterr().err
    assert translate.main([*options, "--update"]) == 0
    fill_in(script, Inside="Innen.", A="Siehe [Glossar](../docs/GLOSSARY.md).")
    assert translate.main(options) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4, "title, two rows and the summary"
    notebook = nbformat.read(tmp_path / "de" / "03_small.ipynb", as_version=4)
    assert "\n\nInnen.\n\n</details>" in notebook.cells[0].source
    assert "| a | `b` |\n|---|---|\n| one | two |" in notebook.cells[0].source
    (link,) = links(notebook.cells[0].source)
    assert (tmp_path / "de" / link).resolve() == ROOT / "docs" / "GLOSSARY.md"
    assert notebook.cells[2].outputs[0].text == "A line that\n"


def test_what_has_changed_in_english_stays_english_and_is_told(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    translate.update(script, "de")
    path = fill_in(script, Inside="Innen.", A="Eine Zeile.")
    script.write_text(SMALL.replace("goes on. See", "goes far. See"))
    translate.update(script, "de")
    assert "#, fuzzy" in path.read_text(encoding="utf-8")
    (title, *_) = translate.translated(script, "de", tmp_path).cells
    assert "goes far. See" in title.source
    assert "Innen." in title.source
    assert "does not have: A line that goes far." in capsys.readouterr().err


def test_chapters_of_one_language_link_to_each_other(script: Path, tmp_path: Path) -> None:
    translate.update(script, "de")
    next_one = translate.po_file(Path("04_deriving_the_margin"), "de")
    for there in (False, True):
        if there:
            next_one.touch()
        text = translate.translated(script, "de", ROOT / "build" / "de").cells[0].source
        assert ("(04_deriving_the_margin.ipynb)" in text) == there
        assert ("(../../notebooks/04_deriving_the_margin.ipynb)" in text) != there
