"""Tables beside a YAML file, as spreadsheets write them: CSV or TSV, with a line of names."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from homeoanalysis.config.text import read_text, unprintable
from homeoanalysis.errors import ConfigError

_ROWS_MAX = 20_000


def is_table(name: str) -> bool:
    """Whether it is the name of a table in the same folder."""
    return PurePosixPath(name).name == name and PurePosixPath(name).suffix.lower() in (".csv", ".tsv")


def rows(table: Path, where: str, check_head: Callable[[list[str], str], None]) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines that hold something: number in the file, column -> cell. where: the table's name in messages.

    check_head: raises ConfigError for names of columns that are not known. Raises ConfigError, naming the line.
    """
    text = read_text(table, where, "table", "write it beside the YAML that names it", "utf-8-sig")
    if (odd := unprintable(text.replace("\r", ""))) is not None:
        raise ConfigError(f"{where}: holds the character {odd}, which is no part of any text; remove it")
    first = text.partition("\n")[0]
    mark = "\t" if table.suffix.lower() == ".tsv" else ";" if ";" in first and "," not in first else ","
    lines = csv.reader(text.splitlines(), delimiter=mark, strict=True)
    try:
        head = [cell.strip() for cell in next(lines, [])]
        counts = Counter(head)
        twice = [f"{where}: the column {name!r} stands twice; remove one" for name in sorted(counts) if counts[name] > 1]
        if twice:
            raise ConfigError(*twice)
        check_head(head, where)
        for cells in lines:
            row = [cell.strip() for cell in cells]
            if len(row) != len(head) and any(row):
                raise ConfigError(f"{where}: line {lines.line_num} has {len(row)} cells, not {len(head)}; mend it")
            if any(row):
                yield lines.line_num, dict(zip(head, row, strict=True))
            if lines.line_num > _ROWS_MAX:
                raise ConfigError(f"{where}: has more than {_ROWS_MAX} lines; make several of it")
    except csv.Error as error:
        raise ConfigError(f"{where}: line {lines.line_num} is no CSV ({error}); check its quotes") from None
