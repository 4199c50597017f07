"""How much the coherence changes in each band, as an effect size: models against data."""

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.hierarchical import hierarchical_interval
from homeoanalysis.numerics.summaries import of_replicate


def band_change(measures: Measures, comparison: xr.Dataset, *, metric: str = "coherence_change") -> Drawn:
    """Effect size of the change of coherence in each band, with its interval: data black, models coloured.

    metric: the label of the metric.
    """
    figure = drawing.new_figure(5, 3)
    axes = figure.add_subplot()
    style, notes = drawing.styles(measures), []
    found = {s: e for s, e in measures.get(metric, {}).items() if bool(e[e.attrs["metric"]].notnull().any())}
    bands = list(dict.fromkeys(str(b) for e in found.values() for b in e.band.values))
    if not bands:
        return drawing.nothing(f"no source has a value of {metric}")
    for k, (source, estimate) in enumerate(found.items()):
        at = np.array([bands.index(str(b)) for b in estimate.band.values]) + 0.7 * ((k + 0.5) / len(found) - 0.5)
        every = [_interval(estimate, str(band)) for band in estimate.band.values]
        values, low, high = np.array([each[:3] for each in every]).T
        drawing.errorbar(axes, at, values, low, high, label=source, **style[source])
        over = "; ".join(dict.fromkeys(each[3] for each in every if np.isfinite(each[0])))
        notes.append(f"{source}: {estimate.sizes['pair']} pairs, interval {over}")
    left = [f"{s} is not drawn: {drawing.without_value(e)}" for s, e in measures.get(metric, {}).items() if s not in found]
    axes.axhline(0, label="no change", **drawing.NULL)
    axes.set_xticks(range(len(bands)), [b.replace("_", "\n") for b in bands])
    drawing.label(axes, "", "Effect size of the change (1)")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Effect size q of the change of coherence in each band: difference of atanh of its root, at equal degrees of freedom "
        f"and rate; 0.1, 0.3 and 0.5 are small, medium and large (Cohen 1988). {'; '.join([*notes, *left])}.",
    )


def _interval(estimate: xr.Dataset, band: str) -> tuple[float, float, float, str]:
    """Mean effect over the pairs of each subject, then over subjects, its 95 % interval, and what that is over."""
    name = f"{estimate.attrs['metric']}_effect"
    part = estimate.sel(band=band)
    of_subject: dict[str, list[np.ndarray]] = {}
    for replicate, subject in zip(estimate.replicate.values, estimate.subject.values, strict=True):
        values = of_replicate(part, name, replicate).values
        of_subject.setdefault(str(subject), []).append(values[np.isfinite(values)])
    subjects = [pairs[:, None] for parts in of_subject.values() if (pairs := np.concatenate(parts)).size]
    if not subjects:
        return np.nan, np.nan, np.nan, ""
    if len(subjects) == 1 and len(subjects[0]) == 1:
        low, high = (float(part[f"{name}_{end}"].mean()) for end in ("low", "high"))
        return float(subjects[0][0, 0]), low, high, "of the single pair (jackknife)"
    noun = "subject" if drawing.is_recording(estimate) else "realisation"
    found = hierarchical_interval(subjects, noun=noun)
    return found.estimate, found.low, found.high, found.over.replace("units", "pairs")
