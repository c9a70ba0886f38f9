"""Write docs/API.md from the docstrings of the package's public names; reads the code and runs none of it.

python docs/build_api.py            # write
python docs/build_api.py --check    # exit code 1 if docs/API.md is not what would be written
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "API.md"
PACKAGE = "cmgsd_lite"
ORDER = (
    "losses",
    "baselines",
    "similarity",
    "distances",
    "margins",
    "schedules",
    "evaluation",
    "data",
    "encoders",
    "models",
    "teachers",
    "training",
    "course",
)
"""The way in which one meets the modules; the others follow in the order of the alphabet."""

INTERNAL = re.compile(
    r"__main__|cli(\..*)?|data\.(formats|world)(\..*)?|data\.(anchors|caption_facts|discover|human_labels|notes|protocols)"
    r"|data\.(registry|source|splits|supply)|encoders\.packages|losses\.(base|blocks(\..*)?|checks|control|learned|sources)"
    r"|baselines\.(inputs|masking)|evaluation\.(inputs|positives|ties)|margins\.matrices|runtime\.workers|teachers\.base"
    r"|models\.(base|gated_experts|pooling)"
    r"|training\.(checkpoint_checks|data_location|digests|finished|human_quality|processes|resuming|running)"
    r"|training\.(tabulate|teacher_table|trainer)"
    r"|course\.exercises\.chapter\d\d"
)
"""Modules that nobody needs to import: the command line, the parts of the readers and of the drawn world."""

HEAD = """# API reference

Written by `make api` from the docstrings of the public names; do not edit. `sim[i, j]`: rows are texts,
columns are videos, everywhere. N items in a batch, D the width of an embedding.
"""
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Source|Example):[ \t]*(.*)$")
Definition = ast.FunctionDef | ast.ClassDef


@dataclass
class Module:
    """A module's public names and what it passes on from modules below it."""

    name: str
    text: str
    own: dict[str, Definition] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    passed_on: dict[str, str] = field(default_factory=dict)


def read_modules(package: Path) -> dict[str, Module]:
    """Read every module of the package, by its name without the package's."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = read_module(name, path.read_text(encoding="utf-8"), parts[-1] == "__init__")
    return modules


def read_module(name: str, code: str, is_package: bool) -> Module:
    """Read one module; only an ``__init__`` passes names on."""
    tree = ast.parse(code)
    module = Module(name, ast.get_docstring(tree) or "")
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            module.own[node.name] = node
        elif (
            is_package and isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}.")
        ):
            origin = (node.module or "").removeprefix(f"{PACKAGE}.")
            module.passed_on |= {alias.asname or alias.name: origin for alias in node.names}
        elif name_of_constant(node) and (text := constant_text(following)):
            module.constants[name_of_constant(node)] = text
    return module


def name_of_constant(node: ast.stmt) -> str:
    """Return the name that a statement gives to a constant, or an empty text."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    name = target.id if isinstance(target, ast.Name) else ""
    return name if name.isupper() and not name.startswith("_") else ""


def constant_text(node: ast.stmt | None) -> str:
    """Return the text that stands alone below a constant."""
    value = node.value if isinstance(node, ast.Expr) else None
    return (
        inspect.cleandoc(value.value)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
        else ""
    )


def signature(node: Definition) -> str:
    """Return how a function or class is called, one argument a line where it is long."""
    arguments, returns = parameters(node)
    short = f"{node.name}({', '.join(arguments)}){returns}"
    if len(short) <= 100:
        return short
    return f"{node.name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){returns}"


def parameters(node: Definition) -> tuple[list[str], str]:
    """Return the arguments as written, without ``self``, and the arrow with what is returned."""
    if isinstance(node, ast.ClassDef):
        made = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        if made is None:
            fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and not is_hidden(n.target)]
            return [ast.unparse(n) for n in fields], ""
        return parameters(made)[0], ""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    listed = [one_argument(a, d) for a, d in zip(positional, defaults, strict=True)]
    listed += [f"*{ast.unparse(given.vararg)}"] if given.vararg else ["*"] if given.kwonlyargs else []
    listed += [one_argument(a, d) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    listed += [f"**{ast.unparse(given.kwarg)}"] if given.kwarg else []
    return [
        a for a in listed if a not in ("self", "cls")
    ], f" -> {ast.unparse(node.returns)}" if node.returns else ""


def is_hidden(target: ast.expr) -> bool:
    """Say whether a field's name begins with an underscore."""
    return isinstance(target, ast.Name) and target.id.startswith("_")


def one_argument(argument: ast.arg, default: ast.expr | None) -> str:
    """Return one argument with its type and default value."""
    if default is None:
        return ast.unparse(argument)
    return f"{ast.unparse(argument)}{' = ' if argument.annotation else '='}{ast.unparse(default)}"


def render_docstring(text: str) -> Iterator[str]:
    """Turn a docstring with Args, Returns, Raises, Source and Example into Markdown."""
    title = ""
    lines: list[str] = []
    for line in [*inspect.cleandoc(text).splitlines(), "Args:"]:
        if found := SECTION.match(line):
            yield from render_section(title, lines)
            title, lines = found.group(1), [found.group(2)] if found.group(2) else []
        else:
            lines.append(line)


def render_section(title: str, lines: list[str]) -> Iterator[str]:
    """Turn one section of a docstring into Markdown; the summary has no title."""
    body = inspect.cleandoc("\n" + "\n".join(lines)).strip("\n")
    if not body:
        return
    if title == "Example":
        yield "```python\n" + re.sub(r"\s*# doctest:.*", "", body) + "\n```"
    elif title in ("Args", "Attributes", "Raises"):
        entries = re.sub(r"\n +", " ", body)
        yield f"**{title}**\n\n" + re.sub(r"^(\*{0,2}[\w, *]+?): ", r"- `\1`: ", entries, flags=re.MULTILINE)
    else:
        yield f"**{title}**: {body}" if title else body


def render_definition(node: Definition, owner: str = "") -> Iterator[str]:
    """Describe a function, or a class with its public methods."""
    yield f"{'####' if owner else '###'} {owner}{node.name}"
    yield f"```python\n{'class ' if isinstance(node, ast.ClassDef) else ''}{signature(node)}\n```"
    yield from render_docstring(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if (
                isinstance(part, ast.FunctionDef)
                and not part.name.startswith("_")
                and ast.get_docstring(part)
            ):
                yield from render_definition(part, f"{node.name}.")


def render(package: Path) -> str:
    """Return the whole page."""
    modules = read_modules(package)
    shown = dict(sections(modules))
    contents = [
        f"- [`{PACKAGE}.{name}`](#{PACKAGE}{name.replace('.', '')}): {modules[name].text.splitlines()[0]}"
        for name in shown
    ]
    blocks = [HEAD.strip(), "\n".join(contents)]
    for name, definitions in shown.items():
        blocks += [f"## {PACKAGE}.{name}", *render_docstring(modules[name].text)]
        blocks += [f"- `{constant}`: {text}" for constant, text in modules[name].constants.items()]
        for node in definitions:
            blocks += render_definition(node)
    return "\n\n".join(blocks) + "\n"


def sections(modules: dict[str, Module]) -> Iterator[tuple[str, list[Definition]]]:
    """Yield the modules to show and their definitions; a name passed on is shown where it is passed on."""
    taken = {(origin, name) for module in modules.values() for name, origin in module.passed_on.items()}
    for name in sorted(modules, key=place):
        if not name or INTERNAL.fullmatch(name):
            continue
        module = modules[name]
        passed = [
            modules[o].own[n] for n, o in module.passed_on.items() if o in modules and n in modules[o].own
        ]
        own = [node for n, node in module.own.items() if (name, n) not in taken]
        if passed or own:
            yield name, passed + own


def place(name: str) -> tuple[int, str]:
    """Return where a module stands on the page."""
    top = name.split(".")[0]
    return (ORDER.index(top) if top in ORDER else len(ORDER), name)


def main(arguments: list[str]) -> int:
    """Write the page, or check it; returns the exit code."""
    text = render(ROOT / PACKAGE)
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/API.md is not what the docstrings say: run make api", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
