"""What one run of a simulator says of itself. Only NumPy: the peers import this in environments of their own."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DT = 1e-4  # [s]


class Run(NamedTuple):
    """The timed window of one fresh network, after the warm-up."""

    cpu: float  # CPU seconds of all threads for each biological second
    wall: float  # seconds for each biological second
    rates: dict[str, float]  # mean rate of each population [Hz]
    cv: dict[str, float]  # mean coefficient of variation of the intervals of its neurons


def activity(step: np.ndarray, unit: np.ndarray, n: int, seconds: float) -> tuple[float, float]:
    """Mean rate [Hz] and mean CV of the intervals of the neurons that have five or more."""
    order = np.lexsort((step, unit))
    unit, step = unit[order], step[order]
    is_same = np.diff(unit) == 0
    owner, interval = unit[1:][is_same], np.diff(step)[is_same].astype(float)
    number = np.bincount(owner, minlength=n)
    has_enough = number >= 5
    mean = np.bincount(owner, interval, n)[has_enough] / number[has_enough]
    square = np.bincount(owner, interval**2, n)[has_enough] / number[has_enough]
    cv = np.sqrt(np.maximum(square - mean**2, 0)) / mean
    return step.size / n / seconds, float(cv.mean()) if cv.size else float("nan")


def serve(version: str, run: Callable[[], Run]) -> None:
    """Answer each line of the standard input with one run. Whatever else is printed goes to the standard error."""
    answers = answer_channel()
    print(json.dumps({"version": version}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(run()._asdict()), file=answers, flush=True)


_answers: list[Any] = []


def answer_channel() -> Any:
    """The original standard output; from the first call on, other output goes to the standard error."""
    if not _answers:
        _answers.append(os.fdopen(os.dup(1), "w"))
        os.dup2(2, 1)
    return _answers[0]
