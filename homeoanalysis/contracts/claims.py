"""claims.csv and claims.nc: every claim of the table with what came out."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.contracts.outcomes import REPORTED, csv_text
from homeoanalysis.contracts.schemas import ANY, CLAIMS

HOLDS, FAILS, FRAGILE, UNTESTABLE = "holds", "fails", "fragile", "untestable"
NOT_BUILT = "not built"
VERDICTS = (HOLDS, FAILS, FRAGILE, UNTESTABLE, REPORTED, NOT_BUILT)


class Row(NamedTuple):
    """One claim. NaN where there is no such number."""

    claim: str
    title: str
    study: str
    verdict: str
    reason: str
    statistic: str  # the primary one, whose numbers follow
    value: float
    low: float
    high: float
    n: int
    value_units: str
    at_least: float
    at_most: float
    is_strict: bool
    is_whole_interval: bool
    p: float
    p_holm: float
    recordings: str
    robustness: str
    share: float
    size: str
    seconds: float


def text(rows: Sequence[Row]) -> str:
    """The text of claims.csv; a missing number is an empty cell."""
    return csv_text(Row._fields, rows)


def dataset(rows: Sequence[Row]) -> xr.Dataset:
    """The same as claims/1."""
    variables = {}
    for name, declared in CLAIMS.items():
        values = [getattr(row, name) for row in rows]
        attributes = {"long_name": declared.long_name}
        if declared.units is None:
            variables[name] = (declared.dims, np.array(values, object), attributes)
        else:
            units = "see value_units" if declared.units == ANY else declared.units
            variables[name] = (declared.dims, np.array(values, float), {**attributes, "units": units})
    found = xr.Dataset(variables, {"claim": [row.claim for row in rows]})
    return found.assign_attrs(schema="claims/1")


def not_built(claim: str, title: str) -> Row:
    """A claim without a study."""
    nan = math.nan
    reason = "there is no study of it yet"
    of_statistic = ("", nan, nan, nan, 0, "", nan, nan, False, False, nan, nan)
    return Row(claim, title, "", NOT_BUILT, reason, *of_statistic, "", "", nan, "", 0.0)
