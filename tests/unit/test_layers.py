"""Imports point down only, the library does not know Snakemake, and scripts stay thin."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeoanalysis.catalogue import FOLDERS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "homeoanalysis"
LAYERS = {
    1: (
        "errors",
        "files",
        "identity",
        "units",
        "catalogue",
        "contracts",
        "config",
        "provenance",
        "metric",
        "drawing",
        "numerics",
        "statistics",
    ),
    2: FOLDERS,
    3: ("ingest", "simulate", "measure", "compare", "sweep", "draw", "reproduce", "report", "export", "fetch", "job"),
    4: ("plan", "resources", "cli", "environment", "__main__", "__init__"),  # __init__ is the public API: it names the verbs
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(source: str, module: list[str], *, is_package: bool) -> Iterator[list[str]]:
    """The dotted names that a module imports, at its top or anywhere inside."""
    package = module if is_package else module[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            yield from ([*base, alias.name] for alias in node.names)


def faults(source: str, module: list[str], *, is_package: bool = False) -> list[str]:
    """What a module imports against the rule."""
    here = module[1] if len(module) > 1 else "__init__"
    found = []
    for parts in imported(source, module, is_package=is_package):
        name = ".".join(parts)
        if parts[0] == "snakemake":
            found.append(name)
        if parts[0] != "homeoanalysis" or len(parts) < 2:
            continue
        there = parts[1]
        up = LAYER.get(there, 5) - LAYER[here]  # a module without a layer is above all
        if up > 0 or (up == 0 and _is_forbidden_beside(here, module, parts)):
            found.append(name)
    return found


def _is_forbidden_beside(here: str, module: list[str], parts: list[str]) -> bool:
    """Catalogue files never import one another, not even in one folder; a verb knows its own package only."""
    if LAYER[here] == 2:
        return parts[: len(module)] != module
    return LAYER[here] == 3 and parts[1] != here


def _module(path: Path) -> list[str]:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def test_every_module_has_a_layer() -> None:
    names = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names - {"__pycache__"} == set(LAYER)


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(PACKAGE)) for p in FILES])
def test_imports_point_down(path: Path) -> None:
    assert faults(path.read_text(), _module(path), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("numerics.observed", "from homeoanalysis.metrics import firing_rate"),
        ("contracts", "import homeoanalysis.measure"),
        ("metric", "def f():\n    from homeoanalysis.compare import compare"),
        ("metrics.cv2", "from homeoanalysis.metrics.firing_rate import firing_rate"),
        ("metrics.cv2", "from .firing_rate import firing_rate"),
        ("metrics.cv2", "from ..readers import any_neo"),
        ("readers.any_neo", "from homeoanalysis import fixes"),
        ("figures.differences", "from homeoanalysis.draw import draw"),
        ("draw", "from homeoanalysis.compare import Measured"),
        ("report", "from homeoanalysis import compare"),
        ("simulate.verb", "from homeoanalysis.measure import measure"),
        ("simulate.verb", "from ..job import job"),
        ("measure", "from homeoanalysis.plan import Plan"),
        ("measure", "import snakemake"),
        ("plan", "from snakemake.utils import min_version"),
        ("units", "from homeoanalysis.unheard_of import x"),
    ],
)
def test_a_planted_import_is_seen(module: str, source: str) -> None:
    assert len(faults(source, ["homeoanalysis", *module.split(".")])) == 1


def test_what_the_rule_allows() -> None:
    assert faults("from homeoanalysis.simulate import engine\nfrom . import build", ["homeoanalysis", "simulate", "verb"]) == []
    assert faults("from homeoanalysis.plan import Plan\nimport numpy", ["homeoanalysis", "cli", "check"]) == []
    assert faults("from homeoanalysis import catalogue", ["homeoanalysis", "compare"]) == []


@pytest.mark.slow
def test_only_the_catalogue_and_the_public_api_import_by_name() -> None:
    dynamic = [p.relative_to(PACKAGE).as_posix() for p in FILES if {"import_module", "__import__"} & _words(p)]
    assert dynamic == ["__init__.py", "catalogue.py"]


def _words(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)} | {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }


def lines_of_code(source: str) -> int:
    """Lines that hold more than comments, blanks and the docstring of the module."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in layout
        for line in range(token.start[0], token.end[0] + 1)
    }
    tree = ast.parse(source)
    if ast.get_docstring(tree) is not None:
        lines -= set(range(tree.body[0].lineno, tree.body[0].end_lineno + 1))
    return len(lines)


def test_lines_of_code_are_counted() -> None:
    assert lines_of_code('"""Doc\n\nstring."""\n\n# why\nx = 1\n\ny = (\n    2,  # two\n)\n') == 4


@pytest.mark.parametrize("path", sorted((ROOT / "workflow" / "scripts").glob("*.py")), ids=lambda p: p.name)
def test_scripts_are_thin(path: Path) -> None:
    assert lines_of_code(path.read_text()) <= 20


def test_the_snakefile_is_a_table_of_contents() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 40
