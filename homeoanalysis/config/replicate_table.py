"""Replicates from a spreadsheet: a CSV or TSV file beside the YAML, a line for each replicate."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from homeoanalysis.config.fields import check_name
from homeoanalysis.config.table import is_table, rows
from homeoanalysis.errors import ConfigError

_PLAIN = ("replicate", "part", "path", "sha256", "remote", "subject", "session", "start", "duration", "stimulus_bandwidth")
_PREFIXED = ("path", "sha256", "remote", "time", "parameter")  # of a role, a time or a parameter: `time.drug_on`
_FILE = {"path": "name", "sha256": "sha256", "remote": "remote"}


def with_table(content: dict[str, Any], path: Path, shown: str) -> dict[str, Any]:
    """The content of a recording's YAML with `replicates` put in, where it names a table.

    The columns: `path` (or `path.<role>`), `sha256`, `remote`, `subject`, `session`, `duration`, `stimulus_bandwidth`,
    `replicate` (else the file's name), `time.<name>`, `parameter.<name>`; `part` and `start`, where several lines are one
    replicate. Any other column is a factor. An empty cell says nothing. The YAML's `files` are those of every line that names
    none; a `path` may also be a name of `files`, so that what many lines share is written once.
    Raises ConfigError, naming the line.
    """
    name = content.get("replicates")
    shared = content.get("files")
    if not isinstance(name, str):
        return content
    if not is_table(name):
        raise ConfigError(f"{shown}: replicates is {name!r}; write the name of a .csv or .tsv file that lies beside {path.name}")
    table = path.with_name(name)
    where = f"{Path(shown).parent.as_posix()}/{name}"
    replicates: dict[str, Any] = {}
    wrong: list[str] = []
    for number, row in rows(table, where, _check_head):
        try:
            _add(row, replicates, shared)
        except ValueError as error:
            wrong.append(f"{where}: line {number}: {error}")
    if wrong:
        raise ConfigError(*wrong)
    return {key: value for key, value in content.items() if key != "files"} | {"replicates": replicates}


def located(faults: Sequence[str], content: Mapping[str, Any], path: Path) -> list[str]:
    """Faults of replicates that came from the table which a YAML file's content names, with the table and the line."""
    if not isinstance(content.get("replicates"), str):
        return list(faults)
    table = path.with_name(content["replicates"])
    lines: dict[str, int] = {}
    replicates: dict[str, Any] = {}
    for number, row in rows(table, table.name, _check_head):
        _add(row, replicates, content.get("files"))
        lines |= {name: number for name in replicates if name not in lines}

    def place(found: re.Match[str]) -> str:
        number = lines.get(found[1])
        return found[0] if number is None else f"{table.name} line {number}: {found[0]}"

    return [re.sub(r"\breplicates\.([A-Za-z0-9_-]+)", place, fault, count=1) for fault in faults]


def _check_head(head: list[str], where: str) -> None:
    wrong: list[str] = []
    for name in head:
        prefix, dot, _ = name.partition(".")
        known = [*_PLAIN, *(f"{p}." for p in _PREFIXED)]
        if name in _PLAIN or (dot and prefix in _PREFIXED):
            continue
        # A misspelt column would be a factor that nobody asked for.
        near = difflib.get_close_matches(name.lower(), _PLAIN, n=1, cutoff=0.8)
        try:
            check_name(name)
        except ValueError as error:
            wrong.append(f"{where}: the column {error}; columns are factors, or one of: {', '.join(known)}")
        else:
            if near:
                wrong.append(
                    f"{where}: the column {name!r} looks like {near[0]!r}; rename it: columns that are no factors are known"
                )
    if "subject" not in head:
        wrong.append(f"{where}: has no column 'subject', so that it is not known what is independent; add it")
    if wrong:
        raise ConfigError(*wrong)


def _add(row: Mapping[str, str], replicates: dict[str, Any], shared: Any) -> None:
    """Put one line into the replicates."""
    given = {column: cell for column, cell in row.items() if cell}
    files: dict[str, dict[str, str]] = {}
    for column, cell in given.items():
        kind, _, role = column.partition(".")
        if kind in _FILE:
            files.setdefault(role or "recording", {})[_FILE[kind]] = cell
    orphans = sorted(role for role, file in files.items() if "name" not in file)
    if orphans:
        raise ValueError(f"has a sha256 or remote of {', '.join(orphans)}, but no path; add it")
    if not files:
        if not isinstance(shared, dict):
            raise ValueError("has no path; add it, or write `files` into the YAML")
        files = {role: dict(file) for role, file in shared.items()}
    if isinstance(shared, dict):
        files = {role: dict(shared[f["name"]]) if set(f) == {"name"} and f["name"] in shared else f for role, f in files.items()}
    name = given.get("replicate") or _slug(next(iter(files.values()))["name"])
    one: dict[str, Any] = {key: given[key] for key in ("subject", "session", "duration", "stimulus_bandwidth") if key in given}
    one |= {"subject": given["subject"]} if "subject" in given else {}
    for prefix, key in (("time", "times"), ("parameter", "parameters")):
        inside = {c.partition(".")[2]: cell for c, cell in given.items() if c.startswith(f"{prefix}.")}
        if inside:
            one[key] = inside if key == "times" else {k: _number(v) for k, v in inside.items()}
    factors = {c: _number(cell) for c, cell in given.items() if c not in _PLAIN and c.partition(".")[0] not in _PREFIXED}
    one |= {"factors": factors} if factors else {}
    if "part" not in given:
        if name in replicates:
            raise ValueError(f"is a second line of replicate {name!r}; rename it, or give both lines a part and a start")
        replicates[name] = one | {"files": files}
        return
    part = {"files": files} | ({"start": given["start"]} if "start" in given else {})
    known = replicates.setdefault(name, one | {"parts": {}})
    others = {key: value for key, value in known.items() if key != "parts"}
    if "parts" not in known or others != one:
        raise ValueError(f"says {one} of replicate {name!r}, but the line of another of its parts says {others}; make them equal")
    if given["part"] in known["parts"]:
        raise ValueError(f"is the second line of part {given['part']!r} of replicate {name!r}; rename it")
    known["parts"][given["part"]] = part


def _slug(path: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(path).stem).strip("_")[:60]
    return kept if re.match("[A-Za-z]", kept) else f"r_{kept}".rstrip("_")


def _number(cell: str) -> str | int | float:
    """A number where the cell is one: levels of a factor are compared with numbers of the studies."""
    if re.fullmatch(r"[+-]?\d+,\d+", cell):
        raise ValueError(f"has {cell!r}, a number with a comma; write {cell.replace(',', '.')}")
    if re.fullmatch(r"[+-]?\d+", cell):
        return int(cell)
    return float(cell) if re.fullmatch(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", cell) else cell
