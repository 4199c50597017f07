"""Measure what has changed since it was recorded, and write docs/calibration.md with its figure.

`python -m tests.calibration` measures metrics whose record is not valid; with names, those metrics
whatever their record; with `--page`, none. Metrics share the recordings, which cost more to draw
than most metrics to measure.
"""

import os
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import evidence
from battery.catalogue import CONDITIONS, Condition
from calibration import page
from calibration.cases import CASES
from calibration.draws import measure
from calibration.record import digest


def is_valid(metric: str) -> bool:
    """Whether the record of a metric was made by this code on such a machine."""
    entry = evidence.read_record(f"calibration/{metric}").get(page.name_test(metric), {})
    machines = entry.get("machines", [])
    return entry.get("digest") == digest(metric) and evidence.describe_machine() in machines


def keep_draws(condition: Condition) -> Condition:
    """The condition, whose recordings are drawn once for each state of the generator."""
    kept: dict[str, Any] = {}

    def generate(draw: Any, rng: np.random.Generator) -> Any:
        state = str(rng.bit_generator.state)
        if state not in kept:
            kept[state] = draw(rng)
        return kept[state]

    return condition._replace(generate=partial(generate, condition.generate))


def record(metrics: Iterable[str]) -> None:
    """Measure metrics, condition by condition, and write their records."""
    numbers: dict[str, dict[str, Any]] = {metric: {} for metric in metrics}
    seconds = dict.fromkeys(numbers, 0.0)
    for name, condition in list(CONDITIONS.items()):
        # The power laws of fields are read from what generates them, and fields cost nothing.
        CONDITIONS[name] = condition if condition.group == "fields" else keep_draws(condition)
        for metric in [one for one in numbers if name in CASES[one].conditions]:
            begin = time.monotonic()
            numbers[metric] |= measure(CASES[metric], [name], 0, CASES[metric].draws)
            seconds[metric] += time.monotonic() - begin
        CONDITIONS[name] = condition
        if any(name in CASES[metric].conditions for metric in numbers):
            sys.stdout.write(f"{name}: {time.process_time():.0f} s of CPU since the start\n")
            sys.stdout.flush()
    for metric, found in numbers.items():
        said = evidence.describe_run(digest(metric), round(seconds[metric], 2))
        written = {**said, "size": CASES[metric].size, "numbers": evidence.simplify(found)}
        evidence.write_record(f"calibration/{metric}", {page.name_test(metric): written})


def main(names: list[str]) -> None:
    """Measure, record and write."""
    if "--page" not in names:
        record(names or [metric for metric in CASES if not is_valid(metric)])
    page.PAGE.write_text(page.write_page(), encoding="utf-8")
    page.draw_figure()


main(sys.argv[1:])
