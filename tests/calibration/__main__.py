"""Measure what has changed since it was recorded, and write docs/calibration.md with its figure.

`python -m tests.calibration` measures metrics whose record is not valid; with names, those metrics
whatever their record; with `--page`, none.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import evidence
from calibration import page
from calibration.cases import CASES
from calibration.draws import measure_case
from calibration.record import digest


def main(names: list[str]) -> None:
    """Measure, record and write."""
    for metric in [] if "--page" in names else names or CASES:
        key, subject = f"{page.TEST}[{metric}]", f"calibration/{metric}"
        entry, now = evidence.read_record(subject).get(key, {}), digest(metric)
        machines = entry.get("machines", [])
        is_valid = entry.get("digest") == now and evidence.describe_machine() in machines
        if is_valid and not names:
            continue
        begin, cpu = time.monotonic(), time.process_time()
        numbers = evidence.simplify(measure_case(metric))
        said = evidence.describe_run(now, round(time.monotonic() - begin, 2))
        written = {**said, "size": CASES[metric].size, "numbers": numbers}
        evidence.write_record(subject, {key: written})
        sys.stdout.write(f"{metric}: {time.process_time() - cpu:.0f} s of CPU\n")
        sys.stdout.flush()
    page.PAGE.write_text(page.write_page(), encoding="utf-8")
    page.draw_figure()


main(sys.argv[1:])
