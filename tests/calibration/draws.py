"""Draws of the battery's conditions, what a metric gave for them, and how often it was wrong."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import xarray as xr
from homeoanalysis import catalogue
from homeoanalysis.errors import NotApplicable
from homeoanalysis.provenance import rng_for

from battery.catalogue import CONDITIONS
from battery.recording import Recording, to_activity
from calibration import truths
from calibration.cases import CASES, LAYOUTS, Case, Quantity

Cell = dict[str, Any]  # errors, given and withheld: numbers of draws; has_truth; fails: a message


def list_conditions(patterns: Sequence[str]) -> list[str]:
    """Names of the conditions that any of the patterns fits, in the order of the catalogue."""
    return [name for name in CONDITIONS if any(fnmatchcase(name, p) for p in patterns)]


def measure_case(metric: str) -> dict[str, dict[str, Cell]]:
    """Measure a metric at the size of the page."""
    case = CASES[metric]
    return measure(case, case.conditions, 0, case.draws)


def measure_more(metric: str, draws: int) -> dict[str, dict[str, Cell]]:
    """Measure it on draws that the page does not have, on all conditions that it is judged on."""
    case = CASES[metric]
    return measure(case, list_conditions(case.every), case.draws, draws)


def measure(
    case: Case, conditions: Sequence[str], first: int, draws: int, metric: Any = None
) -> dict[str, dict[str, Cell]]:
    """Return condition -> quantity -> its cell.

    first: number of the first draw; draws of one number are the same for all metrics. metric: what
    is called, by default that of the case.
    """
    metric = metric or catalogue.load("metrics", case.metric)
    cells = {name: measure_condition(case, name, first, draws, metric) for name in conditions}
    return {name: found for name, found in cells.items() if found}


def measure_condition(
    case: Case, name: str, first: int, draws: int, metric: Any
) -> dict[str, Cell]:
    """The same of one condition, without quantities that are not judged on it."""
    cells: dict[str, Cell] = {}
    for number in range(first, first + draws):
        one = CONDITIONS[name].generate(rng_for(1, "calibration", name, number))
        if case.layout:
            spans = LAYOUTS[case.layout].items()
            d = one.duration
            one = one._replace(epochs={label: (a * d, b * d) for label, (a, b) in spans})
        result, message = _call(metric, case, one)
        for quantity in case.quantities:
            rng = rng_for(1, "value", name, number)
            fault = message
            try:
                outcome = judge(quantity, metric, one, name, result, rng) if not fault else {}
            except (KeyError, AttributeError) as error:  # a variable or dimension that is not there
                outcome, fault = {}, f"{type(error).__name__}: {error}"
            if outcome is None:
                continue
            empty = {"errors": 0, "given": 0, "withheld": 0, "has_truth": True}
            cell = cells.setdefault(quantity.label or quantity.kind, empty)
            for key, value in outcome.items():
                cell[key] = value if key == "has_truth" else cell[key] + value
            if fault:
                cell["fails"] = fault
    return cells


def _call(metric: Any, case: Case, one: Recording) -> tuple[xr.Dataset | None, str]:
    """What the metric gave, None where it withholds everything; and how it fails."""
    given = {key: _read(value, one.duration) for key, value in case.parameters.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return metric(to_activity(one), **given), ""
        except NotApplicable:
            return None, ""
        except Exception as error:  # the page shows it
            return None, f"{type(error).__name__}: {error}".replace("|", "/").splitlines()[0]


def _read(value: Any, duration: float) -> Any:
    is_part = isinstance(value, str) and value.startswith("duration/")
    return duration / float(value.partition("/")[2]) if is_part else value


def judge(
    quantity: Quantity,
    metric: Any,
    one: Recording,
    name: str,
    result: xr.Dataset | None,
    rng: np.random.Generator,
) -> Mapping[str, Any] | None:
    """What to add to the cell: of one value, since the values of a draw are not independent."""
    truth: Callable[..., Any] = getattr(truths, f"find_{quantity.truth}")
    if result is None:
        nothing = xr.Dataset(coords={"epoch": list(one.epochs), "frequency": [10.0]})
        known = truth(one, CONDITIONS[name], nothing)
        has_truth = known is not None and not np.isnan(known).any()
        return None if known is None or known is False else {"withheld": 1, "has_truth": has_truth}
    result = result.sel(quantity.at) if quantity.at else result
    known = truth(one, CONDITIONS[name], result)
    if known is None:
        return None
    low, high = _variables(quantity, metric, result)
    expected = np.broadcast_to(np.ma.getdata(known), low.shape).astype(float)
    is_judged = ~np.broadcast_to(np.ma.getmaskarray(known), low.shape)
    if quantity.kind != "coverage":
        is_judged = is_judged & (expected == 1)
    if not is_judged.any():
        return None
    at = rng.choice(np.flatnonzero(is_judged))
    a, x, b = low.ravel()[at], expected.ravel()[at], high.ravel()[at]
    if quantity.kind != "coverage":
        return {"withheld": 1} if np.isnan(a) else {"given": 1, "errors": int(a)}
    if np.isnan(a) or np.isnan(b):
        return {"withheld": 1, "has_truth": not np.isnan(x)}
    if np.isnan(x):  # whatever has two ends is an answer
        return {"given": 1, "errors": 1, "has_truth": False}
    return {"given": 1, "errors": int(not a <= x <= b)}


def _variables(
    quantity: Quantity, metric: Any, result: xr.Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of an interval; of a test whether it rejects, NaN where it withholds, twice."""
    name = quantity.variable
    if quantity.kind == "coverage":
        return result[f"{name}_low"].values, result[f"{name}_high"].values
    value = result[name].values
    if quantity.kind == "claim":  # NaN is no claim
        rejects = (np.isfinite(value) & (value > 0)).astype(float)
    elif quantity.kind == "rejects":
        rejects = np.where(np.isnan(value), np.nan, np.asarray(metric.rejects(result), float))
    else:
        rejects = np.where(np.isnan(value), np.nan, value <= 0.05)
    return rejects, rejects
