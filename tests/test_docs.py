"""The documents: links resolve, pictures have alt texts, commands exist, the glossary fits the course."""

import json
import re
import string
from pathlib import Path

import pytest

import cmgsd_lite.course.exercises
from cmgsd_lite.cli.main import build_parser

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")]
    + list((ROOT / "docs").glob("**/*.md"))
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
GLOSSARY, TEACHING = ROOT / "docs" / "GLOSSARY.md", ROOT / "docs" / "TEACHING.md"
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"python3? -m cmgsd_lite (?P<command>[a-z][a-z-]*)(?P<rest>[^`\n]*)")
SCRIPT = re.compile(r"python3? (?P<path>[\w./-]+\.py)")
MAKE = re.compile(r"(?:^|`)make (?P<target>[a-z][a-z-]*)", re.MULTILINE)


def prose(text):
    """A document without its code blocks, in which brackets are not links."""
    return FENCE.sub("", text)


def anchors(path):
    """The anchors of a document's headings, as web hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    kept = string.ascii_lowercase + string.digits + "-_ "
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {"".join(c for c in heading if c in kept or ord(c) > 127).replace(" ", "-") for heading in plain}


def make_targets():
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def options_of(command, capsys):
    """The options of a subcommand, from its own help."""
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args([command, "--help"])
    assert stopped.value.code == 0, f"no subcommand {command}"
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_resolve(path):
    broken = []
    for match in LINK.finditer(prose(path.read_text(encoding="utf-8"))):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(match["target"])
    assert not broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_images_say_what_they_show(path):
    for match in LINK.finditer(prose(path.read_text(encoding="utf-8"))):
        assert not match["image"] or len(match["text"].split()) >= 5, match["target"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_commands_exist(path, capsys):
    text = path.read_text(encoding="utf-8")
    for match in RUN.finditer(text):
        wanted = set(re.findall(r"--[a-z-]+", match["rest"]))
        assert wanted <= options_of(match["command"], capsys), match[0]
    for match in SCRIPT.finditer(text):
        assert (ROOT / match["path"]).is_file(), match[0]
    named = {match["target"] for match in MAKE.finditer(text)}
    assert named <= make_targets()


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_no_path_of_one_machine(path):
    found = re.findall(r"(?:/work/|/root/|/home/|/tmp/|[A-Z]:\\Users)\S*", path.read_text(encoding="utf-8"))
    assert not found


def test_every_subcommand_is_explained(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    listed = re.search(r"\{([a-z,-]+)\}", capsys.readouterr().out)
    text = (ROOT / "docs" / "COMMANDS.md").read_text(encoding="utf-8")
    assert [
        name for name in listed[1].split(",") if f"`{name}" not in text and f"lite {name}" not in text
    ] == []


def test_the_first_page_is_short():
    text = LINK.sub(
        lambda match: "" if match["image"] else match["text"], (ROOT / "README.md").read_text("utf-8")
    )
    assert sum(any(letter.isalnum() for letter in word) for word in text.split()) <= 900


def test_the_guard_sees_faults(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A head: one, two\n[x](absent.md) [y](#a-head-one-two) [z](#elsewhere)\n![](https://x.org/a.png)\n"
    )
    with pytest.raises(AssertionError, match=r"absent\.md.*elsewhere"):
        test_links_resolve(page)
    with pytest.raises(AssertionError, match="a.png"):
        test_images_say_what_they_show(page)


def entries():
    """Term and text of each entry of the glossary: `**term**: text`."""
    return re.findall(r"^\*\*(.+?)\*\*: (.+?)(?=\n\n|\Z)", GLOSSARY.read_text(encoding="utf-8"), re.M | re.S)


def test_glossary_is_sorted_complete_and_points_to_chapters():
    terms = [term.lower() for term, _ in entries()]
    assert terms == sorted(terms, key=lambda term: term.replace("-", " "))
    assert len(terms) == len(set(terms))
    wanted = """anchor|positive|negative|false negative|margin|hinge|temperature|expert|static distance
        |dynamic distance|self-distillation|generalized distillation|softening|adaptivity|permuted control
        |reversed control|oracle control|mask control|nDCG|mAP@R|R@K|MdR|MnR|gallery|query|reduction|batch
        |schedule|modality|similarity|teacher|stop-gradient|hardest negative|starvation|paired seeds
        |relevance"""
    words = " / ".join(terms)
    assert [name.strip() for name in wanted.split("|") if name.strip().lower() not in words] == []
    for term, text in entries():
        assert re.search(r"\]\(\.\./notebooks/\d\d_\w+\.ipynb\)", text), f"{term}: no chapter"
        assert len(text.split()) <= 75, f"{term}: too long for a glossary"


def test_the_teacher_page_names_exercises_of_each_chapter():
    text = TEACHING.read_text(encoding="utf-8")
    named, known = set(re.findall(r"`(check_\w+)`", text)), set()
    for path in sorted(Path(cmgsd_lite.course.exercises.__file__).parent.glob("chapter*.py")):
        checkers = set(re.findall(r"^def (check_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert len(checkers & named) >= 2, f"{path.stem}: {sorted(checkers)}"
        known |= checkers
    assert named <= known, f"not there: {named - known}"


def test_the_quiz_has_a_key_to_each_question():
    text = TEACHING.read_text(encoding="utf-8")
    quiz, key = re.search(r"^## Quiz\n(.*?)^## Key to the quiz\n(.*?)(?=^## |\Z)", text, re.M | re.S).groups()
    questions, answers = (re.findall(r"^(\d+)\. ", part, re.M) for part in (quiz, key))
    assert questions == answers == [str(number) for number in range(1, len(questions) + 1)]
    assert len(questions) >= 15


def test_every_chapter_has_its_goals_and_wrong_answers():
    text = TEACHING.read_text(encoding="utf-8")
    chapters = sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
    assert [name for name in chapters if f"(../notebooks/{name}.ipynb)" not in text] == []


def minutes_of_sections():
    """Chapter and the sum of its sections' minutes with its exercises, where the page has numbers for all."""
    for chapter, sections, exercises in re.findall(
        r"^\| (\d\d) \| (.+) \| (.+) \|$", TEACHING.read_text("utf-8"), re.M
    ):
        spent = [int(number) for number in re.findall(r": (\d+)", sections)]
        if spent:
            yield chapter, sum(spent) + int((re.match(r"\d+", exercises) or ["0"])[0])


@pytest.mark.parametrize(("chapter", "minutes"), list(minutes_of_sections()))
def test_a_chapter_states_the_minutes_of_its_sections(chapter, minutes):
    (script,) = (ROOT / "notebooks" / "source").glob(f"{chapter}_*.py")
    stated = int(re.search(r"For you: about (\d+) minutes", script.read_text(encoding="utf-8"))[1])
    assert abs(stated - minutes) <= 5, f"its sections take {minutes}"


@pytest.mark.parametrize(
    ("file", "columns", "category"),
    [
        ("docs/results/minivtt-run.json", ("R@1", "R@5", "R@10", "MdR", "nDCG", "mAP@R"), False),
        (
            "cmgsd_lite/course/results/msrvtt-1k-A.json",
            ("R@1", "R@5", "R@10", "MdR", "nDCG"),
            True,
        ),
    ],
)
def test_tables_are_those_of_the_result_files(file, columns, category):
    result = json.loads((ROOT / file).read_text(encoding="utf-8"))
    lines = (ROOT / "docs" / "RESULTS.md").read_text(encoding="utf-8").splitlines()
    for row in result["rows"]:
        name = f"*{row['name']}*" if row["name"].endswith("permuted") else row["name"]
        places = [("t2v", column) for column in columns] + [("v2t", "R@10")]
        cells = [f"{row['mean'][way][key]:.1f} ± {row['sd'][way][key]:.1f}" for way, key in places]
        if category:
            runs = [run["more"]["category"]["t2v"] for run in row["per_seed"]]
            cells.append(f"{sum(runs) / len(runs):.1f}")
        assert f"| {' | '.join([name, *cells])} |" in lines
