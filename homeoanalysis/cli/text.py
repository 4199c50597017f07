"""Text for a terminal: bounded, printable, aligned."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

_Item = TypeVar("_Item")
_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def printable(text: object, limit: int = 60) -> str:
    """The text on one line, cut at `limit`, without the control characters that a damaged file may hold."""
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(str(text).split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def plain(text: str) -> str:
    """The text without what a terminal would obey: the names in a file, and of files, may be anybody's."""
    return text.translate(_CONTROLS)


def some(items: Sequence[_Item], limit: int) -> tuple[Sequence[_Item], str]:
    """The first items, and what to say of the others: "" or ", and 12 more"."""
    return items[:limit], f", and {len(items) - limit} more" if len(items) > limit else ""


def typed(command: str) -> str:
    """The command as it is typed: through run.py where only the environment that run.py made has the programs."""
    return f"python3 run.py {command}" if (Path(sys.prefix) / "made-by-run.py").is_file() else command


def number(value: float) -> str:
    """Four digits; NaN is a dash."""
    return "-" if value != value else f"{value:.4g}"


def count(n: int, what: str) -> str:
    """ "1 unit", "3 units"."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def table(rows: Iterable[Sequence[str]], indent: str = "  ") -> list[str]:
    """Columns, aligned on the left."""
    rows = [list(r) for r in rows]
    widths = [max(len(r[k]) for r in rows) for k in range(len(rows[0]))] if rows else []
    return [(indent + "  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True))).rstrip() for r in rows]
