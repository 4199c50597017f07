"""Measure what has changed since it was recorded; write docs/calibration.md and two figures.

`python -m tests.calibration` measures metrics, and the verdict, whose record is not valid; with
names, those metrics whatever their record; with `--page`, nothing. Metrics share the recordings,
which cost more to draw than most metrics to measure.
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import evidence
from battery.catalogue import CONDITIONS, Condition
from calibration import answers, page
from calibration.cases import CASES
from calibration.draws import measure
from calibration.record import digest


def is_valid(entry: Mapping[str, Any], code: str) -> bool:
    """Whether an entry of a record was made by this code on such a machine."""
    return entry.get("digest") == code and evidence.describe_machine() in entry["machines"]


def list_outdated() -> list[str]:
    """The metrics whose records are not valid."""
    entries = {
        metric: evidence.read_record(f"calibration/{metric}").get(page.name_test(metric), {})
        for metric in CASES
    }
    return [metric for metric, entry in entries.items() if not is_valid(entry, digest(metric))]


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
        subject, test = f"calibration/{metric}", page.name_test(metric)
        write(subject, test, digest(metric), seconds[metric], CASES[metric].size, found)


def record_answers() -> None:
    """Measure the answers of the verdict, if their record is not valid."""
    code = answers.digest()
    if is_valid(evidence.read_record(answers.SUBJECT).get(answers.TEST, {}), code):
        return
    begin = time.monotonic()
    numbers = answers.measure_answers(tuple(answers.DURATIONS), answers.DRAWS)
    seconds = time.monotonic() - begin
    write(answers.SUBJECT, answers.TEST, code, seconds, answers.SIZE, numbers)


def write(subject: str, test: str, code: str, seconds: float, size: str, numbers: Any) -> None:
    """Write what the fixture `evidence` would."""
    said = {**evidence.describe_run(code, round(seconds, 2)), "size": size}
    evidence.write_record(subject, {test: {**said, "numbers": evidence.simplify(numbers)}})


def main(names: list[str]) -> None:
    """Measure, record and write."""
    if "--page" not in names:
        record(names or list_outdated())
    if not names:
        record_answers()
    page.PAGE.write_text(page.write_page(), encoding="utf-8")
    page.draw_figure()
    answers.draw_figure(answers.read_answers())


main(sys.argv[1:])
