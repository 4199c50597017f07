"""Lower bound, upper estimate and course of the information rate: closed forms of Borst & Theunissen 1999 (SCIENCE.md, F11)."""

import numpy as np
import pytest
import xarray as xr
from battery.catalogue import CONDITIONS
from battery.recording import to_activity

from homeoanalysis import catalogue
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.measure import measure
from homeoanalysis.numerics import information_bound as bound
from homeoanalysis.numerics import multitaper, resampling, synthetic


def _lower_bound(stimulus: np.ndarray, response: np.ndarray) -> float:
    """Flat band 1 to 46 Hz in pieces of 1 s, NW = 3, steps of 1 Hz: the rule of F11 for a channel without an edge."""
    windows = multitaper.tapers(stimulus.shape[1], 3.0)
    x, y = (multitaper.eigencoefficients(part, windows)[:, 1:47] for part in (stimulus, response))
    return bound.total(bound.by_piece(x, y, stimulus.shape[0]), windows.shape[0], np.ones(46))


@pytest.mark.slow
def test_excitability_that_fluctuates_slowly_is_in_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of units of the battery with excitability of 1 min. The control takes all pieces for independent, and fails."""
    metric = catalogue.load("metrics", "information_rate")

    def miss() -> float:
        wrong = []
        for seed in range(12):
            one = CONDITIONS["information_ou_1min"].generate(np.random.default_rng(seed))
            found = metric(to_activity(one), segment=4.0)
            low, high = (np.ravel(found[f"information_rate_{end}"]) for end in ("low", "high"))
            known = one.truth["information_rate"]["whole"]
            given = np.isfinite(low) & (known > 0)
            wrong += ((low > known) | (known > high))[given].tolist()
        assert len(wrong) > 10
        return float(np.mean(wrong))

    assert miss() < 0.3
    monkeypatch.setattr(bound, "_LEAST_PIECES", 10**9)
    assert miss() > 0.4


def test_of_a_gaussian_channel_the_bound_is_its_capacity() -> None:
    """SNR 1 from 1 to 46 Hz, 200 s: 46 bit/s within 5 %; against another stimulus less than 2 % of it. Mean of 20 seeds."""
    found, shifted = [], []
    for seed in range(20):
        stimulus, noise = np.random.default_rng(seed).normal(size=(2, 200, 128))
        found.append(_lower_bound(stimulus, stimulus + noise))
        shifted.append(_lower_bound(np.roll(stimulus, 15, axis=0), stimulus + noise))
    assert np.mean(found) == pytest.approx(46, rel=0.05)
    assert abs(np.mean(shifted)) < 0.02 * 46


def _of_encoder(stimulus: np.ndarray, response: np.ndarray) -> tuple[float, float]:
    """The bound of an encoder of 0 to 10 Hz in steps of 1 ms, pieces of 4 s; and the naive one, of a coherence with its bias.

    Integrated where W <= f <= f_c - W, and scaled to the whole band: at the edge itself the tapers smear.
    """
    windows = multitaper.tapers(4000, 4.0)
    frequency = np.fft.rfftfreq(4000, 1e-3)
    inside = (frequency >= 1) & (frequency <= 9)
    weight = np.full(inside.sum(), 10 / inside.sum())
    x, y = (multitaper.eigencoefficients(v.reshape(-1, 4000), windows)[:, inside] for v in (stimulus, response))
    spectra = bound.by_piece(x, y, stimulus.size // 4000)
    cross, xx, yy = (s.sum(axis=0) for s in spectra)
    naive = -np.log2(1 - np.abs(cross) ** 2 / (xx * yy)) @ weight
    return bound.total(spectra, windows.shape[0], weight), float(naive)


def _fired(stimulus: np.ndarray, depth: float, units: int, rng: np.random.Generator) -> np.ndarray:
    """Counts (unit, step) of Poisson encoders of 50 Hz."""
    return rng.poisson(np.maximum(50 * (1 + depth * stimulus), 0) * 1e-3, (units, stimulus.size)).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize(("units", "information"), [(1, 2.93), (100, 45.55)])
def test_of_a_poisson_encoder_the_bound_is_the_closed_form(units: int, information: float) -> None:
    """50 Hz, depth 0.3, flat to 10 Hz, 200 s, alone and 100 units pooled: 10 log2(1 + G) within 5 %, shifted less than 2 %.

    Mean of 20 seeds.
    """
    found, shifted = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        stimulus = synthetic.band_limited_noise(200.0, 1000.0, 10.0, rng)
        pooled = rng.poisson(np.maximum(50 * units * (1 + 0.3 * stimulus), 0) * 1e-3).astype(float)
        found.append(_of_encoder(stimulus, pooled)[0])
        shifted.append(_of_encoder(np.roll(stimulus, 15_000), pooled)[0])
    assert np.mean(found) == pytest.approx(information, rel=0.05)
    assert abs(np.mean(shifted)) < 0.02 * information


def test_a_stimulus_of_another_time_tells_nothing_and_seems_to_without_the_correction() -> None:
    """48 s of one unit, the stimulus shifted by 10 to 20 s: less than 2 % of 2.93 bit/s, and 6 % of it by the naive estimate.

    A coherence of nothing has the bias 1 / L, here L = 12 x 7 pieces and tapers: 10 / (L ln 2) = 0.172 bit/s. Mean of 20 seeds.
    """
    corrected, naive = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        stimulus = synthetic.band_limited_noise(48.0, 1000.0, 10.0, rng)
        counts = _fired(stimulus, 0.3, 1, rng)[0]
        shifted = _of_encoder(np.roll(stimulus, rng.integers(10_000, 20_000)), counts)
        corrected.append(shifted[0])
        naive.append(shifted[1])
    assert abs(np.mean(corrected)) < 0.02 * 2.93
    assert np.mean(naive) > 0.04 * 2.93
    assert np.mean(naive) == pytest.approx(10 / (84 * np.log(2)), rel=0.25)


@pytest.mark.slow
def test_units_that_are_pooled_say_no_less_than_fewer_of_them() -> None:
    """200 s of one to eight units, each with those before: what is lost by leaving one out cannot inform (data processing).

    10 log2(1 + N G) rises by 1.2 bit/s at least, and does in each of 5 seeds. Negative control: of units that come after the
    fourth and encode the stimulus with the other sign, the sum, which is what is pooled, says less and less.
    """
    for seed in range(5):
        rng = np.random.default_rng(seed)
        stimulus = synthetic.band_limited_noise(200.0, 1000.0, 10.0, rng)
        alike, opposed = _fired(stimulus, 0.3, 8, rng), _fired(stimulus, -0.3, 4, rng)
        pooled = [_of_encoder(stimulus, counts)[0] for counts in alike.cumsum(axis=0)]
        assert (np.diff(pooled) >= 0).all()
        mixed = [_of_encoder(stimulus, counts)[0] for counts in np.concatenate([alike[:4], opposed]).cumsum(axis=0)]
        assert (np.diff(mixed[3:]) < 0).all()


def _two_depths(rng: np.random.Generator) -> xr.Dataset:
    """A Poisson encoder of 300 Hz whose noise, up to 100 Hz, modulates it by 0.3, and then by half of it."""
    first, second = (synthetic.poisson_encoder(300.0, depth, 100.0, 60.0, rng) for depth in (0.3, 0.15))
    trains = np.concatenate([first.spike_time.values, 60 + second.spike_time.values])
    stimulus = np.concatenate([one.covariate.values[0] for one in (first, second)])
    epochs = {"baseline": (0.0, 60.0), "perturbation": (60.0, 120.0)}
    return synthetic.activity([trains], 120.0, epochs=epochs, covariate=stimulus, bandwidth=100.0)


@pytest.mark.slow
def test_each_epoch_has_its_own_information() -> None:
    """100 log2(1 + G), G = 0.135 and 0.034, within 5 %; against a shifted stimulus less than 2 % of either. Mean of 20 seeds."""
    thing = catalogue.load("metrics", "information_rate")
    given = {"segment": 0.5, "time_half_bandwidth": 2.0}
    found, shifted = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one = _two_depths(rng)
        found.append(thing(one, **given).information_rate.values[0])
        shifted.append(thing(resampling.shifted_stimulus(one, rng), **given).information_rate.values[0])
    expected = 100 * np.log2(1 + np.array([0.135, 0.135 / 4]))
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0.05)
    assert (abs(np.mean(shifted, axis=0)) < 0.02 * expected).all()


def test_an_epoch_without_a_stimulus_has_no_information_and_the_others_have() -> None:
    one = _two_depths(np.random.default_rng(1))
    one = one.assign(covariate_sample_count=("segment", [60_000], {"units": "1"}))
    found = measure([one], "information_rate", segment=0.5, time_half_bandwidth=2.0)
    assert np.isfinite(found.information_rate.values).tolist() == [[True, False]]
    words = measure([synthetic.with_trials(one, np.arange(60.0), 0.5, ["a", "b"] * 30)], "stimulus_information", end=0.5)
    assert words.reason.sel(epoch="baseline").item() == ""
    thing = catalogue.load("metrics", "information_rate")
    with pytest.raises(NotApplicable, match="no stimulus"):
        thing(one.drop_vars("covariate"), segment=0.5, time_half_bandwidth=2.0)


def test_upper_estimate_is_not_below_the_lower_bound() -> None:
    """Of a linear encoder both are the same; here the stimuli are known, too."""
    metric = catalogue.load("metrics", "response_information_rate")
    known = metric.truth(np.random.default_rng(1))
    found = metric(known.activity, **known.parameters)
    np.testing.assert_allclose(found.response_information_rate.values, 18.27, rtol=0.15)


def test_what_was_not_repeated_has_no_upper_estimate() -> None:
    metric = catalogue.load("metrics", "response_information_rate")
    known = metric.truth(np.random.default_rng(2))
    once = known.activity.isel(trial=slice(0, 6)).assign(stimulus=("trial", [f"frozen {k}" for k in range(6)]))
    with pytest.raises(NotApplicable, match="no stimulus was repeated"):
        metric(once, **known.parameters)
    with pytest.raises(DataError, match="half-bandwidth"):
        metric(known.activity, **{**known.parameters, "segment": 0.1})
    with pytest.raises(DataError, match="beyond Nyquist"):
        metric(known.activity, **{**known.parameters, "highest": 600.0})


def _course(metric: str = "set_point_fidelity") -> xr.Dataset:
    thing = catalogue.load("metrics", metric)
    known = thing.truth(np.random.default_rng(3))
    return measure([known.activity], metric, **known.parameters)


def test_fidelity_has_a_course_beside_its_slope() -> None:
    """Each window has the distance of its rate and the information that was made for it."""
    found = _course()
    made = abs(np.array([0.0, 0.0, -0.4, 0.9, -1.0, 0.5, -0.7, 1.0, 0.2, -0.2]))
    np.testing.assert_allclose(found.set_point_fidelity_distance[0], made, atol=0.05)
    np.testing.assert_allclose(found.set_point_fidelity_information_rate.mean("unit"), 30 - 15 * made, atol=6)
    assert (found.set_point_fidelity_high < 0).all()


def test_fidelity_needs_its_baseline() -> None:
    thing = catalogue.load("metrics", "set_point_fidelity")
    known = thing.truth(np.random.default_rng(4))
    with pytest.raises(NotApplicable, match="no such epoch: rest"):
        thing(known.activity, baseline="rest", **known.parameters)
