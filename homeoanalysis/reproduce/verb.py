"""reproduce: the comparison of a study -> whether the published numbers come out, and their negative controls do not."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config.published import Cell, Control, Crossing, Known, Member, Misfit, Panel, Place, Quantity
from homeoanalysis.contracts.outcomes import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    RECORDING,
    REPORTED,
    REPRODUCED,
    SCALED_FAILS,
    SCALED_PASSES,
    Outcome,
)
from homeoanalysis.errors import ConfigError
from homeoanalysis.numerics.margins import Sample

_log = logging.getLogger(__name__)


class Shown(NamedTuple):
    """What a quantity is a part of."""

    name: str
    title: str
    citation: str


class _Found(NamedTuple):
    value: float
    low: float
    high: float
    n: int
    unit: str
    reason: str  # why there is no value
    sample: Sample | None = None  # the subjects behind it, where there are any
    is_elsewhere: bool = False  # a crossing that does not lie between its two sources


def reproduce(published: Mapping[str, Panel], comparison: xr.Dataset, sizes: Mapping[str, str]) -> list[Outcome]:
    """Judge every published quantity of a study.

    published: panel -> what it shows, see `config.published`. comparison: comparison/2 of the study.
    sizes: source as the study names it -> size of the model, or "recording".
    Raises ConfigError for a quantity of two locations in different units.
    """
    outcomes: list[Outcome] = []
    for name, panel in published.items():
        together = {curve for misfit in panel.misfits.values() for curve in misfit.curves}
        shown = Shown(name, panel.title, panel.citation)
        of_panel = [
            judged(shown, m, comparison, sizes[m.quantity.source], is_control_judged=m.curve not in together)
            for m in panel.members()
        ]
        outcomes += of_panel
        outcomes += [_misfit(name, panel, key, misfit, of_panel) for key, misfit in panel.misfits.items()]
    _log.info("judged %d quantities of %d published figures", len(outcomes), len(published))
    return outcomes


def judged(shown: Shown, member: Member, comparison: xr.Dataset, size: str, *, is_control_judged: bool = True) -> Outcome:
    """One quantity, at a size of the models. Raises ConfigError where it is of two locations in different units."""
    quantity = member.quantity
    _refuse_units(comparison, f"{shown.name}: {member.key}", quantity.place())
    if quantity.control is not None:
        _refuse_units(comparison, f"{shown.name}: the control of {member.key}", quantity.control_place(quantity.control))
    cell, crossing = quantity.cell(), quantity.crossing
    ours = _found(comparison, cell, minus=quantity.minus, over=quantity.over, crossing=crossing, is_share=quantity.share)
    control = None if quantity.control is None else _of_control(comparison, quantity, quantity.control)
    verdict, reason = _judge(quantity, ours, control if is_control_judged else None, size)
    at_least, at_most = quantity.band(size)
    return Outcome(
        panel=shown.name,
        panel_title=shown.title,
        citation=shown.citation,
        quantity=member.key,
        title=quantity.title,
        unit=ours.unit,
        source=quantity.source,
        size=size,
        **_known(quantity.published, quantity.scaled),
        ours=ours.value,
        ours_low=ours.low,
        ours_high=ours.high,
        n=ours.n,
        at_least=_number(at_least),
        at_most=_number(at_most),
        is_strict=quantity.strict,
        is_whole_interval=quantity.whole_interval,
        control_title=quantity.control.title if quantity.control else "",
        control=control.value if control else np.nan,
        control_low=control.low if control and quantity.whole_interval else np.nan,
        control_high=control.high if control and quantity.whole_interval else np.nan,
        verdict=verdict,
        reason=reason,
        curve=member.curve,
        curve_title=member.curve_title,
        axis=member.axis,
        x=member.x,
        is_logarithmic=member.is_logarithmic,
        p=ours.sample.p(at_least, at_most) if ours.sample is not None else np.nan,
    )


def _misfit(name: str, panel: Panel, key: str, misfit: Misfit, outcomes: Sequence[Outcome]) -> Outcome:
    """Of all points of its curves; without a value where one of them has none."""
    points = [o for o in outcomes if o.curve in misfit.curves]
    sem = np.array([(o.published_high - o.published_low) / 2 for o in points])
    published = np.array([o.published for o in points])
    ours, control = (
        float(np.mean(((np.array([getattr(o, kind) for o in points]) - published) / sem) ** 2)) for kind in ("ours", "control")
    )
    sizes = [o.size for o in points]
    size = next((s for s in sizes if _is_scaled(s)), sizes[0])
    missing = [f"{o.title} has no value: {o.reason}" for o in points if np.isnan(o.ours) or np.isnan(o.control)]
    good, bad = (SCALED_PASSES, SCALED_FAILS) if _is_scaled(size) else (REPRODUCED, NOT_REPRODUCED)
    verdict, reason = good, ""
    if missing:
        verdict, reason = NOT_TESTABLE, missing[0]
    elif ours > misfit.at_most:
        verdict, reason = bad, f"{ours:.4g} is above {misfit.at_most:g}"
    elif control <= misfit.at_most:
        verdict, reason = bad, f"the negative control passes too, with {control:.4g}"
    return Outcome(
        panel=name,
        panel_title=panel.title,
        citation=panel.citation,
        quantity=key,
        title=misfit.title,
        unit="1",
        source=", ".join(dict.fromkeys(o.source for o in points)),
        size=size,
        **_known(misfit.published, misfit.scaled),
        ours=ours,
        ours_low=np.nan,
        ours_high=np.nan,
        n=len(points),
        at_least=np.nan,
        at_most=misfit.at_most,
        is_strict=False,
        is_whole_interval=False,
        control_title=misfit.control,
        control=control,
        control_low=np.nan,
        control_high=np.nan,
        verdict=verdict,
        reason=reason,
        curve="",
        curve_title="",
        axis="",
        x=np.nan,
        is_logarithmic=False,
        p=np.nan,
    )


def _known(published: Known | None, scaled: Known | None) -> dict[str, Any]:
    return {
        "published": _number(published.value if published else None),
        "published_low": _number(published.low if published else None),
        "published_high": _number(published.high if published else None),
        "published_where": published.where if published else "",
        "is_remembered": bool(published and published.remembered),
        "scaled_model": _number(scaled.value if scaled else None),
        "scaled_where": scaled.where if scaled else "",
    }


def _is_scaled(size: str) -> bool:
    return size not in (RECORDING, "full")


def _of_control(comparison: xr.Dataset, quantity: Quantity, control: Control) -> _Found:
    cell, minus, over, crossing = quantity.control_place(control)
    if not control.surrogate:
        return _found(comparison, cell, minus=minus, over=over, crossing=crossing, is_share=quantity.share)
    value = float(comparison.null_location.sel(target=cell.source, metric=cell.metric, contrast=cell.contrast))
    why = "" if np.isfinite(value) else f"the surrogates of {cell.source} have none"
    return _found(comparison, cell)._replace(value=value, low=np.nan, high=np.nan, reason=why)


def _judge(quantity: Quantity, ours: _Found, control: _Found | None, size: str) -> tuple[str, str]:
    good, bad = (REPRODUCED, NOT_REPRODUCED) if size in (RECORDING, "full") else (SCALED_PASSES, SCALED_FAILS)
    if too_small := quantity.untestable(size):
        return NOT_TESTABLE, too_small
    if quantity.reported_only:
        return REPORTED, ours.reason
    if np.isnan(ours.value):
        return bad if ours.is_elsewhere else NOT_TESTABLE, ours.reason
    ends, band = [ours.value], quantity.band(size)
    if quantity.whole_interval and np.isfinite(ours.low):
        ends = [ours.low, ours.high]
    elif quantity.whole_interval and size != "ci":
        return NOT_TESTABLE, "there is no interval, which takes 4 subjects or realisations"
    outside = [f"{end:.4g} is {side}" for end in ends if (side := _outside(band, end, is_strict=quantity.strict))]
    if outside:
        return bad, outside[0]
    if control is None:
        return good, ""
    if np.isnan(control.value):
        return NOT_TESTABLE, f"the negative control has no value: {control.reason}"
    alone = not quantity.whole_interval or np.isnan(control.low)
    ends = [control.value] if alone else [control.low, control.high]
    if not any(_outside(band, end, is_strict=quantity.strict) for end in ends):
        return bad, f"the negative control passes too, with {control.value:.4g}"
    return good, ""


def _outside(band: tuple[float | None, float | None], value: float, *, is_strict: bool) -> str:
    """How a value misses the band; "" if it is in it. is_strict: the band does not hold its ends."""
    at_least, at_most = band
    if is_strict and value in band:
        return f"not {'above' if value == at_least else 'below'} {value:g}"
    if at_least is not None and value < at_least:
        return f"below {at_least:g}"
    if at_most is not None and value > at_most:
        return f"above {at_most:g}"
    return ""


def _refuse_units(comparison: xr.Dataset, where: str, place: Place) -> None:
    """Two locations in different units have no difference, ratio or line. Some metrics take the unit of what they measure, so
    that it is not known before. Raises ConfigError.
    """
    found = [(cell, _at(comparison, cell)) for cell in place.cells()]
    units = {str(at.unit.values): cell for cell, at in found if np.isfinite(float(at.location))}
    if len(units) > 1:
        told = " and ".join(f"{c.metric} in {c.contrast} of {c.source}, in {unit}" for unit, c in units.items())
        raise ConfigError(f"{where} is of {told}; name two locations of one unit")


def _at(comparison: xr.Dataset, cell: Cell) -> xr.Dataset:
    """A location; it is the same for all targets."""
    return comparison.isel(target=0).sel(metric=cell.metric, contrast=cell.contrast, source=cell.source)


def _found(
    comparison: xr.Dataset,
    cell: Cell,
    *,
    minus: Cell | None = None,
    over: Cell | None = None,
    crossing: Crossing | None = None,
    is_share: bool = False,
) -> _Found:
    at = _at(comparison, cell)
    values = _subjects(comparison, cell)
    found = _Found(
        value=float(at.location),
        low=float(at.location_low),
        high=float(at.location_high),
        n=int(at.n_subjects),
        unit=str(at.unit.values),
        reason=str(at.location_reason.values),
        sample=Sample(np.array(list(values.values())), np.empty(0), is_share=is_share) if values else None,
    )
    if crossing is not None:
        return _crossed(found, _found(comparison, cell.model_copy(update={"source": crossing.source})), crossing)
    other = minus or over
    if other is not None:
        is_ratio = over is not None
        return _of_two(found, _found(comparison, other), _two(comparison, cell, other, is_ratio=is_ratio), is_ratio=is_ratio)
    if not is_share or found.sample is None:
        return found
    if not np.isin(found.sample.first, (0.0, 1.0)).all():
        return found._replace(value=np.nan, sample=None, reason="it is no share: a subject says neither yes (1) nor no (0)")
    low, high = found.sample.interval()
    return found._replace(low=low, high=high)


def _subjects(comparison: xr.Dataset, cell: Cell) -> dict[str, float]:
    """The values behind a location; none where it is of two groups of subjects, or of a line through them."""
    values = comparison.subject_location.sel(metric=cell.metric, contrast=cell.contrast, source=cell.source)
    return {str(s): float(v) for s, v in zip(values.subject.values, values.values, strict=True) if np.isfinite(v)}


def _two(comparison: xr.Dataset, cell: Cell, other: Cell, *, is_ratio: bool) -> Sample | None:
    """The subjects of two locations: each with itself where both are of one model or recording and of the same subjects, since
    the realisations of a model and its variants have the same seeds.
    """
    first, second = _subjects(comparison, cell), _subjects(comparison, other)
    if not first or not second:
        return None
    is_paired = cell.source.partition(".")[0] == other.source.partition(".")[0] and first.keys() == second.keys()
    return Sample(np.array(list(first.values())), np.array(list(second.values())), is_ratio, is_paired)


def _of_two(first: _Found, second: _Found, sample: Sample | None, *, is_ratio: bool) -> _Found:
    """The difference or the ratio of two locations."""
    low, high = sample.interval() if sample is not None else (np.nan, np.nan)
    reason, n = first.reason or second.reason, sample.n if sample is not None else first.n
    if not is_ratio:
        return _Found(first.value - second.value, low, high, n, first.unit, reason, sample)
    value = first.value / second.value if second.value != 0 else np.nan
    reason = reason or ("" if np.isfinite(value) else "the quantity that it is divided by is 0")
    return _Found(value, low, high, n, "1", reason, sample)


def _crossed(first: _Found, second: _Found, crossing: Crossing) -> _Found:
    """Where the line from the first to the second location passes the level."""
    reason = first.reason or second.reason
    a, b = first.value - crossing.level, second.value - crossing.level
    found = _Found(np.nan, np.nan, np.nan, min(first.n, second.n), crossing.unit, reason)
    if reason:
        return found
    if a * b <= 0 and a != b:
        return found._replace(value=float(crossing.begin + (crossing.end - crossing.begin) * a / (a - b)))
    ends = ((first.value, crossing.begin), (second.value, crossing.end))
    values = " and ".join(f"{value:.4g} at {at:g} {crossing.unit}" for value, at in ends)
    return found._replace(reason=f"{values} lie on one side of {crossing.level:g}", is_elsewhere=True)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
