"""The points of a sweep from a spreadsheet: a CSV or TSV file beside the study's YAML, a line for each point."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from homeoanalysis.config.design import Fault
from homeoanalysis.config.parameter_sweep import PARAMETERS, check_value
from homeoanalysis.config.table import is_table, rows
from homeoanalysis.errors import ConfigError

_LONGEST = 100  # characters of a cell
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def with_tables(content: dict[str, Any], path: Path, shown: str) -> dict[str, Any]:
    """The content of a study's YAML with the tables of its sweeps put in, a list of values for each column.

    The names of the columns are paths of parameters, the cells quantities or numbers. Raises ConfigError, naming the line.
    """
    sweeps = content.get("sweeps")
    tabled = {name: file for name in sweeps or {} if (file := _table_of(content, name))} if isinstance(sweeps, dict) else {}
    if not tabled or not isinstance(sweeps, dict):
        return content
    filled = dict(sweeps)
    for name, file in tabled.items():
        if not is_table(file):
            raise ConfigError(f"{shown}: sweeps.{name}.design.table is {file!r}; write the name of a .csv or .tsv file beside it")
        if "parameters" in sweeps[name]:
            raise ConfigError(f"{shown}: sweeps.{name}.parameters are written, but {file} holds them; remove one of the two")
        columns = _columns(path.with_name(file), f"{Path(shown).parent.as_posix()}/{file}")
        filled[name] = sweeps[name] | {"parameters": {head: list(cells.values()) for head, cells in columns.items()}}
    return content | {"sweeps": filled}


def _table_of(content: Mapping[str, Any], name: str) -> str:
    """The table of a sweep of a study's YAML, "" if it has none."""
    sweep = content["sweeps"][name]
    design = sweep.get("design") if isinstance(sweep, dict) else None
    file = design.get("table") if isinstance(design, dict) else None
    return file if isinstance(file, str) else ""


def _columns(table: Path, where: str) -> dict[str, dict[int, str | float]]:
    """Column -> line of the file -> value."""
    columns: dict[str, dict[int, str | float]] = {}
    wrong = []
    for number, row in rows(table, where, _check_head):
        for head, cell in row.items():
            try:
                columns.setdefault(head, {})[number] = _cell(cell)
            except ValueError as error:
                wrong.append(f"{where}: line {number}: {head} {error}")
    if not columns and not wrong:
        wrong.append(f"{where}: has no line of values; add one for each point")
    if wrong:
        raise ConfigError(*wrong)
    return columns


def _check_head(head: list[str], where: str) -> None:
    if len(head) > PARAMETERS:
        raise ConfigError(f"{where}: has {len(head)} columns, more than {PARAMETERS} parameters of a sweep; take fewer")
    if not all(head):
        raise ConfigError(f"{where}: line 1: a column has no name; write the path of a parameter above each column")


def _cell(cell: str) -> str | float:
    if len(cell) > _LONGEST:
        raise ValueError(f"has {len(cell)} characters; write a number, or a quantity with its unit")
    if re.fullmatch(r"[+-]?\d+", cell, re.ASCII):
        value: str | float = int(cell)
    else:
        value = float(cell) if _NUMBER.fullmatch(cell) else cell
    check_value(value)
    return value


def located(content: Mapping[str, Any], path: Path, shown: str, name: str, faults: list[Fault]) -> Iterator[str]:
    """The faults of a sweep, each after the key of the study's YAML, or the line of the table, where it stands."""
    file = _table_of(content, name)
    if not file or not faults:
        yield from (f"{shown}: sweeps.{name}.parameters.{fault.path} {fault.text}" for fault in faults)
        return
    where = f"{Path(shown).parent.as_posix()}/{file}"
    lines = list(next(iter(_columns(path.with_name(file), where).values())))
    for fault in faults:
        line = 1 if fault.which is None else lines[fault.which]
        if fault.like is None:
            yield f"{where}: line {line}: {fault.path} {fault.text}"
        else:
            yield f"{where}: line {line}: is the same point as line {lines[fault.like]}; remove one"
