"""Whole experiments with known truth: baseline, perturbation, recovery, and cohorts of subjects.

What is true. The truth about an epoch is the rate that the generating process has in the long run
under the conditions of that epoch, not the rate that this realisation happened to have: an
interval for "the rate of the epoch" must cover the former, else it says nothing about the animal.
Truths over units are given twice: for these units (an interval that treats units as fixed), and
for the population that they were drawn from (an interval over units). A random walk has no long-run
rate: its truths of rates are NaN, and only expectations over realisations are given.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from .rates import HOUR, NONE, Course, Fluctuation, choose_step, draw_course
from .recording import Cohort, Recording
from .trains import POISSON, Spiking, draw_base_rates, draw_trains, silence

Floats = NDArray[np.float64]


class Perturbation(NamedTuple):
    """What happens to rates: a factor of the base rate of each unit over time.

    1 before the onset, a linear change to `depth` within `drop`, then
    end + (depth - end) exp(-t / tau). Units differ by log-normal factors of depth and end.
    """

    onset: float  # s
    depth: float = 1.0  # factor at the extremum
    tau: float = np.inf  # of the recovery (s); inf: none
    end: float = 1.0  # factor after infinite time
    drop: float = 0.0  # s
    depth_sd: float = 0.0  # between units, of the natural logarithm
    end_sd: float = 0.0  # between units, of the natural logarithm; the mean factor stays `end`
    is_conserved: bool = False  # ends are scaled so that the population's rate has exactly `end`


class Response(NamedTuple):
    """The factors of each unit."""

    perturbation: Perturbation
    depth: Floats  # (unit)
    end: Floats  # (unit)

    def integrate(self, time: Floats) -> Floats:
        """Return the integral of the factor (unit, time) from 0 to each time (s)."""
        p = self.perturbation
        depth, end = self.depth[:, None], self.end[:, None]
        before = np.minimum(time, p.onset)
        falling = np.clip(time - p.onset, 0, p.drop)
        total = before + falling
        if p.drop > 0:
            total = total + (depth - 1) * falling**2 / (2 * p.drop)
        after = np.maximum(time - p.onset - p.drop, 0)
        if np.isinf(p.tau):
            return np.asarray(total + depth * after)
        decayed = p.tau * -np.expm1(-after / p.tau)
        return np.asarray(total + end * after + (depth - end) * decayed)

    def average(self, start: float, stop: float) -> Floats:
        """Return the mean factor of each unit (unit) from start to stop (s)."""
        both = self.integrate(np.array([start, stop]))
        return np.asarray(np.diff(both, axis=1)[:, 0] / (stop - start))


def draw_response(
    perturbation: Perturbation, base_rate: Floats, rng: np.random.Generator
) -> Response:
    """Draw the factors of units with the given base rates (unit)."""
    p, n = perturbation, base_rate.size
    depth = p.depth * np.exp(p.depth_sd * rng.standard_normal(n))
    end = p.end * np.exp(p.end_sd * rng.standard_normal(n) - p.end_sd**2 / 2)
    if p.is_conserved:
        end *= p.end * base_rate.sum() / (base_rate * end).sum()
    return Response(p, depth, end)


def lay_out_epochs(duration: float, onset: float, window: float) -> dict[str, tuple[float, float]]:
    """Return the epochs of an experiment; window: length (s) of perturbation and recovery.

    baseline is all time before the onset, `early` and `late` are its halves; course is all time
    from the onset on.
    """
    return {
        "baseline": (0.0, onset),
        "early": (0.0, onset / 2),
        "late": (onset / 2, onset),
        "perturbation": (onset, onset + window),
        "recovery": (duration - window, duration),
        "course": (onset, duration),
    }


class Design(NamedTuple):
    """A recording of a population through an experiment."""

    duration: float = 6 * HOUR
    perturbation: Perturbation = Perturbation(2 * HOUR)
    window: float = HOUR / 2  # length of the epochs perturbation and recovery (s)
    n_units: int = 30
    median_rate: float = 0.5  # Hz
    rate_sd: float = 1.0  # between units, of the natural logarithm of the long-run rate
    fluctuation: Fluctuation = NONE
    spiking: Spiking = POISSON
    lost: float = 0.0  # share of units that end at a random time after the onset
    is_loss_declared: bool = False  # whether `observed` says so


def perform(design: Design, rng: np.random.Generator) -> Recording:
    """Draw units, and record them."""
    base_rate = draw_base_rates(design.n_units, design.median_rate, design.rate_sd, rng)
    one = record(design, base_rate, rng)
    population = design.median_rate * np.exp(design.rate_sd**2 / 2)
    more = {
        "population_mean_rate": population if design.fluctuation.is_stationary else np.nan,
        "population_log_rate": np.log(design.median_rate),
        "population_log_rate_sd": design.rate_sd,
    }
    return one._replace(truth={**one.truth, **more})


def record(design: Design, base_rate: Floats, rng: np.random.Generator) -> Recording:
    """Record units with these long-run rates (unit) in Hz."""
    p = design.perturbation
    response = draw_response(p, base_rate, rng)
    finest = min([choose_step(design.fluctuation, design.duration), *_scales(p)])
    step = design.duration / np.ceil(design.duration / finest)
    course = draw_course(design.fluctuation, base_rate.size, design.duration, rng, step=step)
    edge = step * np.arange(course.gain.shape[1] + 1)
    factor = np.diff(response.integrate(edge), axis=1) / step
    changed = Course(course.gain * factor, step, course.states)
    trains = draw_trains(design.spiking, changed, base_rate, rng)
    epochs = lay_out_epochs(design.duration, p.onset, design.window)
    truth = describe(design, base_rate, response, epochs)
    truth["realised_epoch_rate"] = _average_rates(changed, base_rate, epochs)
    one = Recording(trains, design.duration, epochs, truth=truth, states=course.states)
    return lose_units(one, design, rng) if design.lost else one


def _average_rates(
    course: Course, base_rate: Floats, epochs: Mapping[str, tuple[float, float]]
) -> dict[str, Floats]:
    """The mean rate (unit) in each epoch that this realisation of the fluctuation has."""
    edge = course.step * np.arange(course.gain.shape[1] + 1)
    total = np.concatenate(
        [np.zeros((base_rate.size, 1)), np.cumsum(course.gain * course.step, axis=1)], axis=1
    )
    rates = {}
    for label, span in epochs.items():
        spent = [np.diff(np.interp(span, edge, row))[0] for row in total]
        rates[label] = base_rate * np.array(spent) / (span[1] - span[0])
    return rates


def _scales(perturbation: Perturbation) -> list[float]:
    """Widths of steps (s) that resolve the course of the factor."""
    if perturbation.depth == 1 and perturbation.end == 1:
        return []
    scales = [perturbation.onset / 50]
    scales += [perturbation.tau / 50] if np.isfinite(perturbation.tau) else []
    return scales + ([perturbation.drop / 50] if perturbation.drop else [])


def describe(
    design: Design,
    base_rate: Floats,
    response: Response,
    epochs: Mapping[str, tuple[float, float]],
) -> dict[str, Any]:
    """Return the truth of a recording; TRUTHS in catalogue.py says what each key means."""
    p, fluctuation = response.perturbation, design.fluctuation
    known = 1.0 if fluctuation.is_stationary else np.nan
    factor = {label: response.average(*span) for label, span in epochs.items()}
    total = {
        label: float((base_rate * each).sum() / base_rate.sum()) for label, each in factor.items()
    }
    is_perturbed = p.depth != 1 or p.end != 1 or p.depth_sd > 0 or p.end_sd > 0
    dropped = 1 - total["perturbation"]
    extremum = float((base_rate * response.depth).sum() / base_rate.sum())
    asymptote = (
        extremum if np.isinf(p.tau) else float((base_rate * response.end).sum() / base_rate.sum())
    )
    recovered = base_rate * factor["recovery"]
    return {
        "unit_rate": base_rate * known,
        "mean_rate": float(base_rate.mean() * known),
        "expected_mean_rate": float(base_rate.mean()),
        "epoch_factor": total,
        "unit_epoch_factor": factor,
        "log_ratio": {label: float(np.log(each)) for label, each in total.items()},
        "mean_unit_log_ratio": {k: float(np.log(each).mean()) for k, each in factor.items()},
        "unit_log_ratio_sd": {k: float(np.log(each).std()) for k, each in factor.items()},
        "is_changed": is_perturbed,
        "is_stationary": fluctuation.is_stationary and not is_perturbed,
        "depth": 1 - extremum,
        "tau": p.tau if p.depth != p.end else np.nan,
        "end_factor": asymptote,
        "recovery_fraction": (total["recovery"] - total["perturbation"]) / dropped
        if abs(dropped) > 1e-12
        else np.nan,
        "asymptotic_recovery_fraction": (asymptote - extremum) / (1 - extremum)
        if abs(1 - extremum) > 1e-12
        else np.nan,
        "overshoot": max(0.0, (asymptote - 1) * np.sign(1 - extremum)),
        "rank_correlation": float(spearmanr(base_rate, recovered).statistic),
        "fluctuation": fluctuation,
        "spiking": design.spiking,
        "blocks": {k: (b - a) / _memory(fluctuation) for k, (a, b) in epochs.items()},
    }


def _memory(fluctuation: Fluctuation) -> float:
    """The time (s) after which a fluctuation is sampled anew: the integral of its correlation."""
    return {
        "none": 0.0,
        "ou": 2 * fluctuation.tau,
        "pink": 2 * 1.6e4,  # the mean of PINK_TAUS, twice
        "walk": np.inf,
        "circadian": 24 * HOUR,
        "states": 300.0,
        "silences": 2 * fluctuation.tau * (1 - fluctuation.silent),
    }[fluctuation.kind] or np.nan


def lose_units(one: Recording, design: Design, rng: np.random.Generator) -> Recording:
    """End some units at random times after the onset: they are lost by the electrode.

    Declared: the segments are cut at those times, and `observed` is 0 from them on. Undeclared:
    the units look silent. Their long-run rates do not change either way.
    """
    n_lost = max(1, round(design.lost * len(one.trains)))
    units = np.sort(rng.choice(len(one.trains), n_lost, replace=False))
    at = rng.uniform(design.perturbation.onset, design.duration, n_lost)
    trains = list(one.trains)
    for unit, time in zip(units, at, strict=True):
        trains[unit] = silence(trains[unit], float(time), np.inf)
    lost_at = np.full(len(trains), np.nan)
    lost_at[units] = at
    lost = one._replace(trains=trains, truth={**one.truth, "lost_at": lost_at})
    if not design.is_loss_declared:
        return lost
    cut = np.concatenate([[0.0], np.sort(at), [design.duration]])
    observed = ~(cut[:-1] >= lost_at[:, None])
    segments = list(zip(cut[:-1].tolist(), cut[1:].tolist(), strict=True))
    return lost._replace(segments=segments, observed=observed.astype(np.int64))


class CohortDesign(NamedTuple):
    """Several subjects whose units differ between and within subjects."""

    recording: Design = Design(duration=600.0, perturbation=Perturbation(300.0), window=150.0)
    n_subjects: int = 8
    icc: float = 0.3  # share of the variance of log rates that lies between subjects
    factor: float = 1.0  # of all rates
    change: float = 0.0  # mean of the log change of units from the onset on
    change_sd: float = 0.0  # standard deviation of that between units of all subjects
    change_icc: float = 0.0  # share of its variance that lies between subjects


def perform_cohort(design: CohortDesign, rng: np.random.Generator) -> Cohort:
    """Draw subjects and their units, and record them.

    The log rate of a unit is the population's mean, an effect of the subject, and one of the unit.
    So is its log change at the onset, which then lasts. Fluctuations of subjects are independent.

    Truth, over the population of subjects: `population_log_change` is the mean log change of a
    unit, `population_factor` the ratio of mean rates. Where units of a subject change alike
    (change_icc 1) the log ratio of a subject's mean rates has the mean `population_log_change`,
    too; else it lies between that and the logarithm of `population_factor`.
    """
    d = design.recording
    recordings = []
    for _ in range(design.n_subjects):
        log_rate = np.log(d.median_rate * design.factor)
        log_rate = log_rate + d.rate_sd * _nested(d.n_units, design.icc, rng)
        change = design.change + design.change_sd * _nested(d.n_units, design.change_icc, rng)
        recordings.append(_record_changed(d, np.exp(log_rate), np.exp(change), rng))
    between = design.icc + (1 - design.icc) / d.n_units
    change_between = design.change_icc + (1 - design.change_icc) / d.n_units
    truth = {
        "icc": design.icc,
        "population_log_rate": float(np.log(d.median_rate * design.factor)),
        "population_mean_rate": float(d.median_rate * design.factor * np.exp(d.rate_sd**2 / 2)),
        "subject_log_rate_sd": float(d.rate_sd * np.sqrt(between)),
        "population_log_change": design.change,
        "population_factor": float(np.exp(design.change + design.change_sd**2 / 2)),
        "subject_log_change_sd": float(design.change_sd * np.sqrt(change_between)),
    }
    return Cohort(recordings, truth)


def _nested(n_units: int, icc: float, rng: np.random.Generator) -> Floats:
    """Standardised values of the units of one subject."""
    own = rng.standard_normal(n_units)
    return np.asarray(np.sqrt(icc) * rng.standard_normal() + np.sqrt(1 - icc) * own)


def _record_changed(
    design: Design, base_rate: Floats, factor: Floats, rng: np.random.Generator
) -> Recording:
    """Record units whose rates are multiplied by a factor (unit) from the onset on."""
    if np.all(factor == 1):
        return record(design, base_rate, rng)
    p, n = design.perturbation, base_rate.size
    onset = p.onset
    step = onset / np.ceil(onset / choose_step(design.fluctuation, design.duration))
    n_steps = round(design.duration / step)
    if not np.isclose(n_steps * step, design.duration):
        raise ValueError("the onset must be a whole part of the duration")
    course = draw_course(design.fluctuation, n, design.duration, rng, step=step)
    gain = course.gain.copy()
    gain[:, round(onset / step) :] *= factor[:, None]
    trains = draw_trains(design.spiking, Course(gain, step, course.states), base_rate, rng)
    epochs = lay_out_epochs(design.duration, onset, design.window)
    truth = describe(design, base_rate, Response(p, factor, factor), epochs)
    truth["is_changed"] = True
    truth["realised_epoch_rate"] = _average_rates(
        Course(gain, step, course.states), base_rate, epochs
    )
    return Recording(trains, design.duration, epochs, truth=truth, states=course.states)


class Comparison(NamedTuple):
    """Recordings, a model of them, and how far the model is off."""

    target: Cohort
    candidate: Cohort
    truth: Mapping[str, Any]


def compare_with_model(
    design: CohortDesign, factor: float, n_candidates: int, rng: np.random.Generator
) -> Comparison:
    """Draw a target cohort and a model that is its generator with all rates times `factor`.

    The candidate has other seeds, subjects and units. factor 1: the model is true.
    """
    target = perform_cohort(design, rng)
    other = design._replace(factor=design.factor * factor, n_subjects=n_candidates)
    truth = {"factor": factor, "log_ratio": float(np.log(factor)), "is_true": factor == 1}
    return Comparison(target, perform_cohort(other, rng), truth)
