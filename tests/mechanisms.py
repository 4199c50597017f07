"""The pages about mechanisms: equations for docs/simulator.md, and docs/mechanisms.md, what each is tested against.

A test that compares a catalogue file with something that shares no code with it carries the mark
`@pytest.mark.reference("plasticity/pair_stdp", against="what it is compared with", within="the agreement it asserts")`.
Equations, units and defaults are read from the catalogue files, and the errors that the page tells from tests/records, where each
run of a reference test writes them (reached.py). Run `python tests/mechanisms.py` to write both pages.
"""

import ast
import functools
import inspect
from pathlib import Path
from typing import Any, NamedTuple

import reached

from homeoanalysis import catalogue

_TESTS = Path(__file__).parent
PAGE = _TESTS.parent / "docs" / "mechanisms.md"
GUIDE = _TESTS.parent / "docs" / "simulator.md"
_FROM, _TO = "<!-- from the catalogue: python tests/mechanisms.py -->", "<!-- end -->"
FOLDERS = ("neurons", "synapses", "plasticity", "topologies", "protocols", "systems")
ABSENT = {
    "Calcium-based plasticity": "out of scope: the rules here are driven by spikes and potentials",
    "Multi-compartment neurons": "out of scope",
    "Voltage-dependent NMDA conductances": "`nmda_like` has the time course without the magnesium block",
    "Synaptic time constants that differ between neurons": "parameters of a channel are shared; make two populations",
}


_INTRODUCTION = (
    "*Error reached*: the largest error in the comparisons of the test, as a share of the tolerance that it asserts.",
    "`identical`: what is compared by value is identical. `inequalities hold`: the test asserts bounds alone, such as a",
    "number of standard errors. Kept in `tests/records`.",
)


class Reference(NamedTuple):
    """One test of one catalogue file."""

    entry: str  # folder/name
    against: str
    within: str
    test: str


@functools.cache
def references() -> list[Reference]:
    """All marks in the test files."""
    found = []
    for path in sorted(_TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.reference":
                    words = {k.arg: ast.literal_eval(k.value) for k in mark.keywords}
                    where = f"{path.relative_to(_TESTS.parent).as_posix()}::{node.name}"  # type: ignore[attr-defined]
                    for entry in mark.args:
                        found.append(Reference(ast.literal_eval(entry), words["against"], words["within"], where))
    return found


def page() -> str:
    """The text of docs/mechanisms.md."""
    by_entry: dict[str, list[Reference]] = {}
    for reference in references():
        by_entry.setdefault(reference.entry, []).append(reference)
    shares = reached.read_shares()
    lines = [
        "# Mechanisms and what they are tested against",
        "",
        "Written by `python tests/mechanisms.py`.",
        "",
        *_INTRODUCTION,
        "",
    ]
    for folder in FOLDERS:
        lines += [
            f"## {folder.capitalize()}",
            "",
            "| name | what it is | compared with | agreement asserted | error reached |",
            "|---|---|---|---|---|",
        ]
        for name in catalogue.names(folder):
            text = (inspect.getdoc(catalogue.load(folder, name)) or "").splitlines()[0]
            for k, r in enumerate(by_entry.get(f"{folder}/{name}", [])):
                first = (f"`{name}`", text) if k == 0 else ("", "")
                lines.append(f"| {' | '.join((*first, r.against, r.within, reached.describe(shares.get(r.test))))} |")
        lines.append("")
    lines += ["## Absent", "", "| mechanism | why |", "|---|---|"]
    lines += [f"| {name} | {why} |" for name, why in ABSENT.items()]
    return "\n".join(lines) + "\n"


def equations() -> str:
    """Every mechanism with its equation, its parameters and its source."""
    lines = []
    for folder in FOLDERS:
        lines += [f"### {folder.capitalize()}", ""]
        for name in catalogue.names(folder):
            text = inspect.getdoc(catalogue.load(folder, name)) or ""
            lines += [f"#### `{name}`", "", text, ""]
            parameters = catalogue.parameters(folder, name).model_json_schema()
            needed = parameters.get("required", [])
            rows = [_row(key, p, key in needed) for key, p in parameters.get("properties", {}).items()]
            if rows:
                lines += ["| parameter | unit | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(key: str, schema: dict[str, Any], is_needed: bool) -> str:
    options = [schema, *schema.get("anyOf", [])]
    unit = next((o["unit"] for o in options if "unit" in o), "")
    default = (
        "needed" if is_needed else f"{schema['default']:g}" if isinstance(schema.get("default"), float) else schema.get("default")
    )
    return f"| {key} | {unit} | {default} |"


def guide() -> str:
    """The text of docs/simulator.md with the equations as the catalogue has them."""
    text = GUIDE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_FROM)
    return f"{before}{_FROM}\n\n{equations()}\n{_TO}{rest.partition(_TO)[2]}"


if __name__ == "__main__":
    GUIDE.write_text(guide(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
