"""The battery's recordings have the truth that they state, within Monte Carlo error."""

import numpy as np
import pytest
from battery.catalogue import COHORTS, COMPARISONS, CONDITIONS
from battery.experiments import CohortDesign, Design, Perturbation, perform, perform_cohort
from battery.fields import RATE
from battery.information import find_information, measure_information
from battery.rates import Fluctuation, draw_course, state_probabilities
from battery.recording import to_activity
from battery.trains import Spiking, draw_poisson, draw_trains
from scipy.signal import coherence, welch

from homeoanalysis.contracts import check

SHORT = Design(600.0, Perturbation(200.0), 100.0, n_units=10, median_rate=2.0)


@pytest.mark.parametrize(
    "name",
    ["null_culture", "null_units_lost_declared", "field_line", "trials_permuted", "branching_900", "information_few_spikes"],
)
def test_recordings_become_activities(name: str) -> None:
    """Each kind of recording follows the contract."""
    check(to_activity(CONDITIONS[name].generate(np.random.default_rng(1))), "activity/1")


@pytest.mark.slow
def test_all_conditions_can_be_drawn() -> None:
    """Every recording follows the contract, the same seed gives the same one, others differ."""
    for condition in CONDITIONS.values():
        one, same, other = (condition.generate(np.random.default_rng(k)) for k in (1, 1, 2))
        check(to_activity(one), "activity/1")
        if one.trains:
            assert all(map(np.array_equal, one.trains, same.trains))
            assert not all(map(np.array_equal, one.trains, other.trains))
    for registry in (COHORTS, COMPARISONS):
        for condition in registry.values():
            condition.generate(np.random.default_rng(1))


@pytest.mark.parametrize("kind", ["ou", "pink"])
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_fluctuations_have_their_moments(kind: str, shared: float) -> None:
    """Over realisations: mean gain 1, the stated sd of log gains, and correlation of two units."""
    rng = np.random.default_rng(2)
    n, one = 1500, Fluctuation(kind, 0.5, 60.0, shared)
    gain = np.array([draw_course(one, 2, 60.0, rng, step=30.0).gain[:, 0] for _ in range(n)])
    log = np.log(gain)
    assert abs(gain[:, 0].mean() - 1) < 4 * np.sqrt(np.expm1(0.25) / n)
    assert abs(log.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * n)
    assert abs(np.corrcoef(log.T)[0, 1] - shared) < 4 / np.sqrt(n)


def test_ou_forgets_with_its_time_constant() -> None:
    """The correlation over one time constant is exp(-1), and not that of a process twice as slow."""
    rng = np.random.default_rng(3)
    log = np.log(draw_course(Fluctuation("ou", 0.3, 100.0), 20, 50_000.0, rng).gain)
    lag = 10  # steps of a tenth
    seen = np.mean([np.corrcoef(row[:-lag], row[lag:])[0, 1] for row in log])
    error = 4 * np.sqrt(2 * 100.0 / (20 * 50_000.0))
    assert abs(seen - np.exp(-1)) < error
    assert abs(seen - np.exp(-0.5)) > error


@pytest.mark.parametrize("kind", ["refractory", "gamma", "doublets", "unit_bursts", "network_bursts"])
def test_ways_of_firing_keep_the_rate(kind: str) -> None:
    """Whatever the way of firing, the expected rate is the base rate."""
    rng = np.random.default_rng(4)
    rate = np.full(20, 5.0)
    course = draw_course(Fluctuation(), 20, 5000.0, rng)
    counts = [t.size for t in draw_trains(Spiking(kind), course, rate, rng)]
    # 400 network bursts, whose intervals (CV 0.6) and sizes (CV 0.53) all units share.
    relative = {"network_bursts": 0.7 * 0.8 / 20}.get(kind, np.sqrt(7 / 5e5))
    assert abs(np.mean(counts) / 25_000 - 1) < 4 * relative


def test_refractory_trains_have_no_short_interval() -> None:
    """Intervals are at least 3 ms; those of Poisson units are not."""
    rng = np.random.default_rng(5)
    course = draw_course(Fluctuation(), 2, 100.0, rng)
    for kind, is_shorter in (("refractory", False), ("poisson", True)):
        trains = draw_trains(Spiking(kind), course, np.full(2, 50.0), rng)
        assert (min(np.diff(t).min() for t in trains) < 0.003) == is_shorter


def test_a_recovery_has_the_stated_rates() -> None:
    """Counts in each epoch are those of the stated factors, and not of the baseline."""
    rng = np.random.default_rng(6)
    drop = Perturbation(200.0, depth=0.4, tau=100.0, end=0.8, drop=50.0, depth_sd=0.3)
    one = perform(SHORT._replace(perturbation=drop, n_units=200), rng)
    times = np.concatenate(one.trains)
    for label, (start, stop) in one.epochs.items():
        usual = one.truth["unit_rate"].sum() * (stop - start)
        seen = ((times >= start) & (times < stop)).sum()
        expected = usual * one.truth["epoch_factor"][label]
        assert abs(seen - expected) < 4 * np.sqrt(expected)
        if start >= 200.0:
            assert abs(seen - usual) > 4 * np.sqrt(usual)


@pytest.mark.parametrize("icc", [0.0, 0.5])
def test_cohorts_have_the_stated_icc(icc: float) -> None:
    """The share of the variance of log rates that lies between subjects (analysis of variance)."""
    rng = np.random.default_rng(7)
    brief = SHORT._replace(duration=3.0, perturbation=Perturbation(1.0), window=1.0)
    cohort = perform_cohort(CohortDesign(brief, 150, icc), rng)
    log = np.log([one.truth["unit_rate"] for one in cohort.recordings])
    within = log.var(axis=1, ddof=1).mean()
    between = log.mean(axis=1).var(ddof=1) - within / 10
    assert abs(between / (between + within) - icc) < 0.15
    spread = cohort.truth["subject_log_rate_sd"]
    assert abs(log.mean(axis=1).std() - spread) < 4 * spread / np.sqrt(300)


def test_states_take_the_published_shares_of_time() -> None:
    """Rats by day: awake 24 %, NREM 67 %, REM 9 % (Clancy et al. 1978)."""
    assert np.allclose(state_probabilities(), [0.24, 0.67, 0.09], atol=0.01)


@pytest.mark.parametrize(("name", "true"), [("020", 0.2), ("050", 0.5), ("050_up_states", 0.5)])
def test_coherent_fields_have_the_stated_coherence(name: str, true: float) -> None:
    """Welch's coherence between 10 and 200 Hz, without its bias; of independent fields it is 0."""
    seen = {}
    for label in (f"coherent_{name}", "independent_2"):
        values = []
        for seed in range(4):
            one = CONDITIONS[f"field_{label}"].generate(np.random.default_rng(seed))
            x, y = one.signals["lfp"].samples
            frequency, c = coherence(x, y, RATE, nperseg=500, noverlap=0)
            values.append(c[(frequency > 10) & (frequency < 200)].mean())
        seen[label] = np.mean(values) - (1 - np.mean(values)) ** 2 / 100
    assert abs(seen[f"coherent_{name}"] - true) < 0.03
    assert abs(seen["independent_2"]) < 0.01


@pytest.mark.parametrize("shared", ["000", "050"])
def test_fast_gains_have_the_stated_noise_correlation(shared: str) -> None:
    """Correlations of counts within a stimulus, over 60 realisations, are those of the formula."""
    seen, true = [], []
    for seed in range(60):
        name = f"trials_gain_fast_shared{shared}"
        one = CONDITIONS[name].generate(np.random.default_rng(seed))
        start, stop = one.trials.start[:160], one.trials.stop[:160]
        counts = np.array([np.searchsorted(t, stop) - np.searchsorted(t, start) for t in one.trains])
        residual = np.empty(counts.shape)
        for label in set(one.trials.stimulus):
            at = np.array(one.trials.stimulus[:160]) == label
            part = counts[:, at] - counts[:, at].mean(axis=1, keepdims=True)
            residual[:, at] = part / np.maximum(part.std(axis=1, keepdims=True), 1e-9)
        matrix = np.corrcoef(residual)
        seen.append(matrix[np.triu_indices(20, 1)].mean())
        true.append(one.truth["noise_correlation"])
    error = np.std(np.array(seen) - true) / np.sqrt(60)
    assert abs(np.mean(seen) - np.mean(true)) < 4 * error + 0.01
    assert (np.mean(seen) > 0.05) == (shared == "050")


def test_branching_correlates_as_stated_and_poisson_does_not() -> None:
    """The ratio of autocorrelations 10 and 1 steps apart is m^9; independent units have none."""

    def correlations(name: str) -> np.ndarray:
        one = CONDITIONS[name].generate(np.random.default_rng(8))
        bins = np.arange(0, one.duration + 0.002, 0.004)
        count = np.histogram(np.concatenate(one.trains), bins)[0] - 0.4
        return np.array([np.corrcoef(count[:-k], count[k:])[0, 1] for k in (1, 10)])

    near, far = correlations("branching_980")
    assert abs(far / near - 0.98**9) < 0.08
    assert np.abs(correlations("no_branching_none")).max() < 0.02


def test_a_stimulus_has_its_spectrum_and_says_its_bandwidth() -> None:
    """Variance 1, white up to the cut-off of 20 Hz, and nothing above it."""
    one = CONDITIONS["information_few_spikes"].generate(np.random.default_rng(10))
    assert to_activity(one).covariate_bandwidth.values.tolist() == [20.0]
    signal = one.signals["covariate"]
    frequency, power = welch(signal.samples[0], signal.sampling_rate, nperseg=2000)
    below, above = (frequency > 1) & (frequency < 19), frequency > 21
    n = 60 * 18  # independent values below
    assert abs(power[below].mean() * 20 - 1) < 4 / np.sqrt(n)
    assert abs(power[below][:18].mean() / power[below][18:].mean() - 1) < 4 * np.sqrt(2 / n)
    assert power[above].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("name", ["linear_low", "linear_100hz"])
def test_linear_poisson_units_have_the_information_of_the_formula(name: str) -> None:
    """B log2(1 + rate m^2 / (2 B)); rates below 0 and steps of 1 / (50 B) take less than 0.3 % of it."""
    encoding = CONDITIONS[f"information_{name}"].generate.args[0]
    for rate, gain in zip(encoding.rates, encoding.gains, strict=True):
        b = encoding.cut_off
        ratio = find_information(encoding, rate, gain) / (b * np.log2(1 + rate * gain**2 / (2 * b)))
        assert 0.997 < ratio <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CONDITIONS if name.startswith("information_")])
def test_units_have_the_stated_information(name: str) -> None:
    """Welch's coherence over 4000 s (800 s at 100 Hz); units of half the gain have less, and those without a gain none.

    In each epoch as if its gains held throughout.
    """
    condition = CONDITIONS[name]
    whole = condition.generate.args[0]
    for label, true in condition.generate(np.random.default_rng(11)).truth["information_rate"].items():
        factor = whole.end if label == "recovery" else 1.0
        gains = tuple(factor * m for m in whole.gains)
        encoding = whole._replace(duration=10_000 / whole.cut_off, gains=gains, end=None)
        found, error = measure_information(encoding, 8, 12)
        assert np.all(np.abs(found - true) < 4 * error)
        is_encoding = np.array(gains) > 0
        assert np.array_equal(true > 0, is_encoding)
        if encoding.spiking.kind not in ("refractory", "gamma"):
            units = zip(encoding.rates, gains, strict=True)
            halved = np.array([find_information(encoding, rate, gain / 2) for rate, gain in units])
            assert np.all((found - halved > 4 * error)[is_encoding])


def test_gains_halve_in_the_middle() -> None:
    """The rate follows the stimulus of its time by half as much in the recovery, and without change as before."""
    for name, expected in (("halves", 0.5), ("stays", 1.0)):
        one = CONDITIONS[f"information_{name}"].generate(np.random.default_rng(13))
        samples, rate = one.signals["covariate"].samples[0], one.signals["covariate"].sampling_rate
        seen = [samples[(one.trains[3][is_in] * rate).astype(int)].mean() for is_in in halves_of(one.trains[3], 300.0)]
        assert abs(seen[1] - 0.8 * expected) < 4 / np.sqrt(20 * 300)  # an exponential encoder: m at spikes
        assert abs(seen[0] - 0.8) < 4 / np.sqrt(20 * 300)


def halves_of(train: np.ndarray, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """Which spikes are before the middle, and which after."""
    return train < middle, train >= middle


def test_poisson_is_not_overdispersed() -> None:
    """Negative control of the moments: counts of Poisson units have the variance of their mean."""
    rng = np.random.default_rng(9)
    counts = [t.size for t in draw_poisson(np.full((4000, 1), 5.0), 4.0, rng)]
    assert abs(np.var(counts) / 20 - 1) < 4 * np.sqrt(2 / 4000)
