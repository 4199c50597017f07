"""The points of a sweep from a spreadsheet: a CSV or TSV file beside the study's YAML, a line for each point."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeoanalysis.config.design import Fault
from homeoanalysis.config.parameter_sweep import check_value
from homeoanalysis.config.table import is_table, rows
from homeoanalysis.errors import ConfigError


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
    if not all(head):
        raise ConfigError(f"{where}: line 1: a column has no name; write the path of a parameter above each column")


def _cell(cell: str) -> str | float:
    if re.fullmatch(r"[+-]?\d+", cell):
        return int(cell)
    try:
        number = float(cell)
    except ValueError:
        check_value(cell)
        return cell
    if not math.isfinite(number):
        raise ValueError(f"is {cell!r}; write a number")
    return number


def located_fault(content: Mapping[str, Any], path: Path, shown: str, name: str, fault: Fault) -> str:
    """Where a fault of a sweep stands: the key in the study's YAML, or the line of its table."""
    file = _table_of(content, name)
    if not file:
        return f"{shown}: sweeps.{name}.parameters.{fault.path}"
    where = f"{Path(shown).parent.as_posix()}/{file}"
    lines = list(_columns(path.with_name(file), where)[fault.path])
    return f"{where}: line {1 if fault.which is None else lines[fault.which]}: {fault.path}"
