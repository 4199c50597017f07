"""Numbers and names as the report writes them."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

COMPARISON = "comparison.nc"
_PEOPLE = ("Fano", "Gini", "Granger")  # whose names begin names of metrics
Measures = Mapping[str, Mapping[str, xr.Dataset]]  # metric label -> source -> measure/1


def number(value: Any) -> str:
    """Three digits, without an exponent below a million; a dash for a missing value."""
    return f"{float(f'{float(value):.3g}'):g}" if np.isfinite(float(value)) else "–"


def interval(low: Any, high: Any) -> str:
    return f"{number(low)} to {number(high)}" if np.isfinite(float(low)) and np.isfinite(float(high)) else "–"


def percent(value: Any) -> str:
    """A relative change, with its sign; three digits, as `number`."""
    return f"{float(f'{100 * float(value):.3g}'):+g}" if np.isfinite(float(value)) else "–"


def file(label: str, estimate: xr.Dataset) -> str:
    return f"measures/{label}/{estimate.attrs['source']}.nc"


def in_words(label: str, measures: Measures) -> str:
    """The metric's long name."""
    estimate = next(iter(measures[label].values()))
    return str(estimate[estimate.attrs["metric"]].attrs["long_name"])


def titled(label: str, measures: Measures) -> str:
    """The metric's name without what explains it; and the study's own label where another metric of it has the same name."""
    name, own = _without_explanation(in_words(label, measures)), label.partition(".")[2]
    others = [m for m in measures if "." not in m and m != label]
    if not own and any(_without_explanation(in_words(other, measures)) == name for other in others):
        own = label.replace("_", " ")
    return name + (f" ({own})" if own else "")


def briefly(label: str, measures: Measures) -> str:
    """The same, to stand within a sentence."""
    name = titled(label, measures)
    return name if name.startswith(_PEOPLE) else name[0].lower() + name[1:]


def _without_explanation(words: str) -> str:
    return re.split(r"[:;,]| \((?!\w+\)$)", words)[0]


def units(units: str) -> str:
    return "" if units == "1" else f"\N{NO-BREAK SPACE}{units}"
