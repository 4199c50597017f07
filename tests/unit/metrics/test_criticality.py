"""Branching parameter and avalanche exponents of processes whose values are known."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.numerics import avalanches, observed, population, resampling, synthetic
from homeoanalysis.numerics.compiled import compiled
from homeoanalysis.provenance import rng_for

STEP = 0.004


def measured(name: str, one: xr.Dataset, **parameters: object) -> xr.Dataset:
    return catalogue.load("metrics", name)(one, **parameters).isel(epoch=0)


@compiled
def _branching(seed, m, mean, part, steps, lead):  # type: ignore[no-untyped-def]
    np.random.seed(seed)  # noqa: NPY002  # of the compiled generator
    seen = np.zeros(steps, np.int64)
    active = round(mean)
    for t in range(-lead, steps):
        active = np.random.poisson(m * active + mean * (1 - m))  # noqa: NPY002
        if t >= 0:
            seen[t] = np.random.binomial(active, part)  # noqa: NPY002
    return seen


def branching_process(m: float, part: float, steps: int, *names: object, mean: float = 100.0) -> xr.Dataset:
    """`mean` spikes a step on average, of which a part is seen, dealt to 10 units at random."""
    seed = int(rng_for(9, "branching", m, *names).integers(2**31))
    seen = _branching(seed, m, mean, part, steps, int(20 / (1 - m)))
    step = np.repeat(np.arange(steps), seen)
    rng = rng_for(9, "within", m, *names)
    times, unit = (step + rng.uniform(0.01, 0.99, step.size)) * STEP, rng.integers(0, 10, step.size)
    return synthetic.activity([np.sort(times[unit == u]) for u in range(10)], steps * STEP)


@pytest.mark.slow
@pytest.mark.parametrize("m", [0.9, 0.98, 0.995])
def test_the_branching_parameter_is_found_at_one_per_cent_subsampling(m: float) -> None:
    """Within 0.03; 400 000 steps (27 min). The regression of the next step alone is far off: the control.

    The timescale tells it, since so few coincidences tell no branching process from a shared rate.
    """
    one = branching_process(m, 0.01, 400_000)
    found = measured("branching_parameter", one)
    assert np.exp(-STEP / float(found.branching_parameter_timescale)) == pytest.approx(m, abs=0.03)
    assert found.branching_parameter_p < 1e-6
    count = population.counts(one, STEP).spikes
    naive = np.corrcoef(count[:-1], count[1:])[0, 1]
    assert naive < 0.6 < m - 0.03


@pytest.mark.slow
def test_the_whole_process_has_the_amplitude_one() -> None:
    found = measured("branching_parameter", branching_process(0.9, 1.0, 100_000, mean=10.0), longest=0.2)
    assert float(found.branching_parameter) == pytest.approx(0.9, abs=0.015)
    assert float(found.branching_parameter_amplitude) == pytest.approx(
        1.0, abs=0.09
    )  # four standard errors, as seen over 600 draws
    assert float(found.branching_parameter_timescale) == pytest.approx(-STEP / np.log(0.9), rel=0.1)


def test_of_a_poisson_process_the_branching_parameter_is_nothing_and_has_no_interval() -> None:
    one = branching_process(0.9, 0.1, 100_000)
    found = measured("branching_parameter", resampling.scattered_trains(one, rng_for(9, "scattered")))
    assert found.branching_parameter == 0
    assert np.isnan(found.branching_parameter_low)


@pytest.mark.slow
def test_correlations_do_not_cross_gaps() -> None:
    """A third of the time, in pieces of 0.4 s: the same value; with the pieces put side by side it is too small: the control."""
    one = branching_process(0.98, 0.2, 300_000, "gaps")
    start = np.arange(0, 1199.0, 1.2)
    found = measured("branching_parameter", observed.restrict(one, start, start + 0.4), longest=0.2)
    assert float(found.branching_parameter) == pytest.approx(0.98, abs=0.006)
    assert found.branching_parameter_low <= 0.98 <= found.branching_parameter_high
    joined = population.counts(observed.restrict(one, start, start + 0.4), STEP).spikes
    glued = synthetic.activity([np.sort((np.repeat(np.arange(joined.size), joined) + 0.5) * STEP)], joined.size * STEP)
    timescale = float(measured("branching_parameter", glued, longest=0.2).branching_parameter_timescale)
    assert np.exp(-STEP / timescale) < 0.975


def test_too_short_a_recording_has_no_branching_parameter() -> None:
    assert np.isnan(measured("branching_parameter", branching_process(0.9, 1.0, 1000)).branching_parameter)


def sample(exponent: float, low: int, high: int, n: int, *names: object) -> np.ndarray:
    weight = np.arange(low, high + 1) ** -exponent
    return low + rng_for(9, "power", exponent, *names).choice(high + 1 - low, n, p=weight / weight.sum())


@pytest.mark.parametrize("exponent", [1.5, 2.0, 2.5])
def test_exponents_of_power_laws_are_found(exponent: float) -> None:
    """10 000 values from 1 to 10 000: within four standard errors (1 / sqrt(n var ln x))."""
    values = sample(exponent, 1, 10_000, 10_000)
    found = avalanches.power_law(values)
    error = 1 / np.sqrt(found.number * np.log(values).var())
    assert found.exponent == pytest.approx(exponent, abs=4 * error)
    assert found.low <= 3
    assert found.number > 5000


def test_a_power_law_between_two_ends_is_found_where_it_is() -> None:
    """From 8 to 800 with 1.5; below it flat, above it a cut-off: the exponent of all values is another one."""
    rng = rng_for(9, "ends")
    values = np.concatenate([sample(1.5, 8, 800, 8000), rng.integers(1, 8, 3000), 800 + rng.geometric(0.02, 60)])
    found = avalanches.power_law(values)
    assert found.exponent == pytest.approx(1.5, abs=0.06)
    assert found.low >= 5
    assert found.high <= 1000
    whole, _ = avalanches._likeliest(np.bincount(values)[1:], 1)
    assert abs(whole - 1.5) > 0.1


@pytest.mark.parametrize("kind", ["geometric", "log-normal", "few"])
def test_what_follows_no_power_law_over_a_decade_has_no_exponent(kind: str) -> None:
    rng = rng_for(9, kind)
    values = {
        "geometric": rng.geometric(0.1, 10_000),
        "log-normal": np.rint(np.exp(rng.normal(3, 0.4, 10_000))).astype(np.int64),
        "few": sample(1.5, 1, 1000, 90),
    }[kind]
    assert np.isnan(avalanches.power_law(values).exponent)


def test_avalanches_by_hand() -> None:
    """Bins 2 0 1 3 0 | 4 0 2 0 1 1: those at the ends of segments are not whole."""
    counts = population.Counts(np.array([2, 0, 1, 3, 0, 4, 0, 2, 0, 1, 1]), np.array([5, 6]))
    found = avalanches.avalanches(counts)
    assert found.size.tolist() == [4, 2]
    assert found.duration.tolist() == [2, 1]


def test_counts_of_the_population_are_in_whole_bins_of_each_segment() -> None:
    trains = [np.array([0.1, 1.0, 2.2]), np.array([1.5, 5.0, 5.9, 6.4])]
    one = observed.restrict(synthetic.activity(trains, 8.0), np.array([0.0, 5.0]), np.array([2.5, 6.5]))
    found = population.counts(one, 1.0)
    assert found.spikes.tolist() == [1, 2, 2]
    assert found.size.tolist() == [2, 1]


def test_a_critical_process_does_not_deviate_and_another_one_does() -> None:
    """Sizes with 3/2 and durations that are square roots of sizes: (2 - 1) / (3/2 - 1) = 2, the scaling."""
    trains, duration = synthetic.avalanche_trains(8, 1.5, 3000, STEP, 6000, rng_for(9, "critical"))
    found = measured("avalanche_size_exponent", synthetic.activity(trains, duration))
    assert float(found.avalanche_size_exponent) == pytest.approx(1.5, abs=0.04)
    assert float(found.avalanche_size_exponent_duration) == pytest.approx(2.0, abs=0.12)
    assert float(found.avalanche_size_exponent_scaling) == pytest.approx(2.0, abs=0.2)
    assert found.avalanche_size_exponent_deviation < 0.15
    assert found.avalanche_size_exponent_count == 6000
    # The control: durations that have nothing to do with sizes have their own exponent, and no scaling with it.
    size, length = sample(1.5, 1, 3000, 6000), sample(1.5, 1, 300, 6000, "durations")
    apart = avalanches.Avalanches(size, length)
    fitted = [avalanches.power_law(x) for x in apart]
    predicted = (fitted[1].exponent - 1) / (fitted[0].exponent - 1)
    assert abs(predicted - avalanches.scaling(apart, fitted[1].low, fitted[1].high)) > 0.5


def test_opposed_changes_by_hand() -> None:
    """Of every pair of units and successive bins of a segment; a segment without bins has none."""
    rng = rng_for(9, "opposed")
    count = rng.poisson(0.7, (4, 30))
    trains = [np.sort(np.repeat(np.arange(30.0), n) + rng.uniform(0.01, 0.99, n.sum())) for n in count]
    one = observed.restrict(synthetic.activity(trains, 30.0), np.array([0.0, 12.0, 20.0]), np.array([11.0, 12.5, 30.0]))
    found = population.opposed_changes(one, 1.0)
    for first, bins in ((0, count[:, :11]), (11, count[:, 20:30])):
        change = np.diff(bins, axis=1)
        pairs = change.sum(axis=0) ** 2 - (change**2).sum(axis=0)
        np.testing.assert_array_equal(found[first : first + bins.shape[1]], [*-pairs, 0])


def fluctuating(tau: float, units: int, draw: int) -> xr.Dataset:
    """Units of 5 Hz whose log rates fluctuate by 0.5 together, in steps of 4 ms, for 300 s."""
    rng = rng_for(9, "fast shared rate", str(tau), units, draw)
    log, keep = rng.standard_normal(75_000), np.exp(-STEP / tau)
    for k in range(1, log.size):
        log[k] = keep * log[k - 1] + np.sqrt(1 - keep**2) * log[k]
    count = rng.poisson(5 * STEP * np.exp(0.5 * log), (units, log.size))
    trains = [np.sort(STEP * (np.repeat(np.arange(log.size), n) + rng.uniform(0.01, 0.99, n.sum()))) for n in count]
    return synthetic.activity(trains, 300.0)


@pytest.mark.slow
def test_a_fast_shared_rate_and_bursts_of_single_units_are_no_branching() -> None:
    """The decay is found in most, and in few is it called branching; branching is, of the same size (control).

    What is withheld says why, and keeps the timescale.
    """
    shared = [measured("branching_parameter", fluctuating(0.1, 30, draw)) for draw in range(20)]
    assert sum(float(one.branching_parameter_decay_p) <= 0.05 for one in shared) >= 15
    assert sum(np.isfinite(float(one.branching_parameter)) for one in shared) <= 4
    withheld = [one for one in shared if "do not tell branching" in str(one.reason.values)]
    assert len(withheld) >= 12
    assert np.median([float(one.branching_parameter_timescale) for one in withheld]) == pytest.approx(0.1, rel=0.25)
    assert all(one.branching_parameter_timescale_low < one.branching_parameter_timescale_high for one in withheld)
    bursts = [
        measured("branching_parameter", synthetic.activity(burst_alone(rng_for(9, "bursts", draw)), 200.0)) for draw in range(20)
    ]
    assert sum(float(one.branching_parameter_p) < 0.05 for one in bursts) == 20
    assert sum(np.isfinite(float(one.branching_parameter)) for one in bursts) <= 4
    known = [measured("branching_parameter", branching_process(0.96, 0.15, 75_000, draw, mean=4.0)) for draw in range(20)]
    assert sum(np.isfinite(float(one.branching_parameter)) for one in known) >= 16


def burst_alone(rng: np.random.Generator) -> list[np.ndarray]:
    """Ten units, each with bursts of its own of 5 spikes within 100 ms."""
    starts = (np.sort(rng.uniform(0, 199, 200)) for _ in range(10))
    return [np.sort((start[:, None] + rng.exponential(0.05, (start.size, 5))).ravel()) for start in starts]


@pytest.mark.slow
def test_a_slow_shared_rate_is_no_branching() -> None:
    """Units whose shared rate fluctuates within a minute: a timescale is given in few of 20, though p is small in all.

    A branching process of the same rate has a decay in all (control).
    """
    found = []
    for draw in range(20):
        rng = rng_for(9, "shared rate", draw)
        keep = np.exp(-0.5 / 60)  # steps of 0.5 s, correlation time 60 s
        log = np.zeros(1200)
        for k in range(1, log.size):
            log[k] = keep * log[k - 1] + 0.5 * np.sqrt(1 - keep**2) * rng.standard_normal()
        count = rng.poisson(20 * np.exp(log))
        train = np.sort(0.5 * (np.repeat(np.arange(log.size), count) + rng.uniform(size=count.sum())))
        found.append(measured("branching_parameter", synthetic.activity([train], 600.0)))
    assert all(one.branching_parameter_p < 0.05 for one in found)
    given = [np.isfinite(float(one.branching_parameter_timescale)) for one in found]
    assert sum(given) <= 4
    assert all(("do not decay" in str(one.reason.values)) != known for one, known in zip(found, given, strict=True))
    known = measured("branching_parameter", branching_process(0.9, 0.2, 100_000))
    assert known.branching_parameter_decay_p < 0.001
