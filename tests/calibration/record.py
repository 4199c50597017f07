"""What the record of a metric depends on."""

from pathlib import Path
from typing import Any

from homeoanalysis.provenance import code_of

import evidence
from calibration.cases import CASES, LAYOUTS

FOLDER = Path(__file__).parent
BATTERY = sorted((FOLDER.parent / "battery").glob("*.py"))


def list_code(metric: str) -> list[Path]:
    """The files that decide the numbers, besides the case itself."""
    own = [FOLDER / "draws.py", FOLDER / "truths.py"]
    return [*own, *BATTERY, *code_of("metric", ("metrics", metric))]


def list_inputs(metric: str) -> dict[str, Any]:
    """The case, but for what does not change its numbers."""
    case = CASES[metric]._replace(every=(), excludes=())
    return {"case": case._asdict(), "layout": LAYOUTS.get(case.layout, {})}


def digest(metric: str) -> str:
    """The digest that the fixture `evidence` finds for the same."""
    return evidence.digest_code(list_code(metric), [list_inputs(metric), CASES[metric].size])
