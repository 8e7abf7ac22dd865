"""What pages, docstrings and comments name exists: paths, modules, links, commands and their options."""

import ast
import io
import re
import shlex
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from workbench.cli.parser import parse
from workbench.plugins.registry import GROUPS

ROOT = Path(__file__).parents[1]
PACKAGES = ("workbench", "agents", "e2e", "reports", "speed")
FOLDERS = (*PACKAGES, "notebooks", "docs", "tests")
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(p for name in PACKAGES for p in ROOT.glob(f"{name}/**/*.md"))]
)
SOURCES = sorted(path for name in PACKAGES for path in ROOT.glob(f"{name}/**/*.py"))
OTHERS = [
    ROOT / "Makefile",
    ROOT / ".ci" / "run",
    ROOT / "pyproject.toml",
    *sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("reports/schedules/*"), *ROOT.glob(".github/**/*.yml")]),
]
OFFICIAL = {
    *("agent_core.py", "client_sam3.py", "cocoeval.py", "quantify.py", "cgf1_eval.py", "grefer.py", "solver.py"),
    *("eval_inst2seg.py", "eval_refcoco_ap.py", "eval_reasonseg.py", "eval_roborefit.py", "evaluate_grounding.py"),
    *("refer_evaluation.py", "train_ds.py", "engine_vg.py", "test.py", "eval.py", "eval_and_analysis_json.py"),
}
"""Files of official implementations."""
MADE_ON_USE = {"notebooks/runs", "notebooks/data"}

_PATH = re.compile(rf"(?<![\w/.~-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*/]")
_MODULE = re.compile(rf"(?:`|python -m |:)({'|'.join(PACKAGES)})((?:\.\w+)+)(?=[`(\s]|$)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:^|[\s`])(?:\.venv/bin/)?(workbench [a-z]+\b[^`]*)")


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_and_module_that_a_page_names_exists(page: Path) -> None:
    assert _missing(page.read_text()) == []


def test_every_path_and_module_that_a_docstring_or_comment_names_exists() -> None:
    missing = {str(path.relative_to(ROOT)): _missing("\n".join(_words_of(path))) for path in SOURCES}
    assert {path: names for path, names in missing.items() if names} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_file_that_a_page_names_without_its_folder_exists(page: Path) -> None:
    known = OFFICIAL | {path.name for name in FOLDERS for path in ROOT.glob(f"{name}/**/*.py")}
    assert set(re.findall(r"`(\w+\.py)`", page.read_text())) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_or_heading_leads_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(page.read_text()):
        name, _, heading = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (heading and heading not in _headings(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_code_block_is_accepted(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = []
    for line in _code_lines(page.read_text()):
        for command in _COMMAND.findall(line):
            if "..." in command or command.startswith("workbench import"):
                continue
            words = shlex.split(re.split(r" [|>;&]", command.replace("[", "").replace("]", ""))[0], comments=True)
            try:
                parse(words[1:])
            except SystemExit:
                refused.append(f"{command}: {capsys.readouterr().err.splitlines()[-1]}")
    assert refused == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_sentence_has_the_options_that_it_names(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = []
    for span in re.findall(r"`([^`\n]+)`", page.read_text()):
        for command in _COMMAND.findall(span):
            name, *rest = command.removeprefix("workbench ").split()
            with pytest.raises(SystemExit):
                parse([name, "--help"])
            said = capsys.readouterr()
            if said.err:
                unknown.append(command)
            elif name != "generate":
                known = set(re.findall(r"--[a-z-]+", said.out))
                unknown += [command for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    assert unknown == []


def test_the_readme_leads_to_every_page_of_the_handbook() -> None:
    linked = {target.partition("#")[0] for target in _LINK.findall((ROOT / "README.md").read_text())}
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} <= linked


def test_the_guide_and_the_help_name_the_same_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    said = capsys.readouterr().out.partition("Exit codes:")[2]
    listed = re.findall(r"^\| (\d+) \| ", (ROOT / "docs/guide.md").read_text(), flags=re.MULTILINE)
    assert listed == re.findall(r"(?:^|;)\s+(\d+)\s", said)


def test_a_path_a_module_and_an_attribute_that_do_not_exist_are_noticed() -> None:
    text = "`workbench/no/such.py`, `workbench.data.masks.no_such`, `workbench.nothing`, `workbench.data.masks.union`"
    assert _missing(text) == ["workbench/no/such.py", "workbench.data.masks.no_such", "workbench.nothing"]


def _missing(text: str) -> list[str]:
    paths = [name for name in _PATH.findall(text) if name.rstrip("/") not in MADE_ON_USE and not any(ROOT.glob(name))]
    modules = [top + rest for top, rest in _MODULE.findall(text) if not _exists(top + rest)]
    return [*paths, *modules]


def _exists(dotted: str) -> bool:
    """Whether a dotted name is a group of plugins, a module, or something that a module or one of its classes has."""
    if dotted in {f"workbench.{group}" for group in GROUPS}:
        return True
    folder, names = ROOT, dotted.split(".")
    while names and (folder / names[0]).is_dir():
        folder = folder / names.pop(0)
    if not names:
        return True
    module = folder / f"{names[0]}.py"
    if module.exists():
        names.pop(0)
    else:
        module = folder / "__init__.py"
    return _has(_tree(module), names)


def _has(node: ast.AST, names: list[str]) -> bool:
    if not names:
        return True
    return any(_has(child, names[1:]) for child in ast.walk(node) if names[0] in _names_of(child))


def _names_of(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.alias(name=name, asname=other):
            return {other or name}
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return {name}
    return set()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _words_of(path: Path) -> Iterator[str]:
    """The docstrings and comments of a source file."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _code_lines(text: str) -> Iterator[str]:
    """The lines of fenced and indented code blocks; a line that ends in a backslash is joined with the next."""
    fenced = False
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line


@cache
def _headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    lines = [line.lstrip("#").strip() for line in page.read_text().splitlines() if re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
