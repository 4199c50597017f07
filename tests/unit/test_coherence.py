"""Coherence of pairs: known systems, other libraries, gaps, users' mistakes, and a real recording."""

import inspect
from typing import Any

import numpy as np
import pytest
import xarray as xr
from battery.catalogue import CONDITIONS
from battery.fields import draw_field
from battery.rates import draw_ou
from battery.recording import to_activity
from binomial import binomial_rule
from scipy import signal

from homeoanalysis import catalogue
from homeoanalysis.contracts import check
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.measure import measure
from homeoanalysis.metric import Metric
from homeoanalysis.metrics.band_coherence import band_coherence
from homeoanalysis.metrics.coherence import coherence
from homeoanalysis.metrics.group_delay import group_delay
from homeoanalysis.metrics.imaginary_coherence import imaginary_coherence
from homeoanalysis.metrics.partial_coherence import partial_coherence
from homeoanalysis.metrics.phase_lag import phase_lag
from homeoanalysis.metrics.weighted_phase_lag_index import weighted_phase_lag_index
from homeoanalysis.metrics.welch_coherence import welch_coherence
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, observed, signal_surrogates, synthetic
from homeoanalysis.numerics import synthetic_signals as signals
from homeoanalysis.numerics.pieces import Pieces
from homeoanalysis.provenance import rng_for

RATE = 250.0


def pair(c: float, duration: float, *seed: object) -> xr.Dataset:
    return signals.related_pair(c, duration, RATE, rng_for(6, *seed))


def of(x: np.ndarray, rate: float = RATE, **more: Any) -> xr.Dataset:
    """An activity of signals alone."""
    return signals.with_signal([np.array([0.5])], np.atleast_2d(x), rate, **more)


def ragged(activity: xr.Dataset, *seed: object) -> xr.Dataset:
    """The activity observed in segments of 1.3 to 6 s, with gaps of 0.1 to 1 s between them."""
    rng = rng_for(6, "ragged", *seed)
    edges = np.cumsum(np.ravel([[rng.uniform(0.1, 1), rng.uniform(1.3, 6)] for _ in range(40)]))
    edges = edges[edges < float(activity.segment_stop[-1])]
    return observed.restrict(activity, edges[: edges.size // 2 * 2 : 2], edges[1::2])


# ---- against other libraries, where definitions coincide


def test_with_one_hann_window_it_is_scipys_welch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same taper, no overlap, constant detrending: equal to 1e-10, spectra too."""
    hann = signal.windows.hann(256, sym=False)
    monkeypatch.setattr(multitaper, "tapers", lambda *_: hann[None] / np.sqrt(np.sum(hann**2)))
    activity = pair(0.4, 60.0, "welch")
    pieces = Pieces(activity, ("lfp", "lfp"), segment=1.024, bin_size=None, span=(0.0, 60.0))
    spectra = cs.cross_spectra(pieces, np.array([[0, 1]]), time_half_bandwidth=1.0, highest=None)
    x, y = activity.lfp.values
    given: dict[str, Any] = {"fs": RATE, "window": hann, "nperseg": 256, "noverlap": 0, "detrend": "constant"}
    frequency, theirs = signal.coherence(x, y, **given)
    kept = np.isin(frequency, spectra.frequency)
    np.testing.assert_allclose(cs.squared(cs.sums(spectra))[:, 0], theirs[kept], rtol=1e-10)
    _, cross = signal.csd(x, y, **given)  # conj(X) Y: the phase of the second less that of the first
    np.testing.assert_allclose(-np.angle(cs.sums(spectra).cross[:, 0]), np.angle(cross[kept]), rtol=1e-9, atol=1e-10)
    _, power = signal.welch(x, **given)
    density = 2 / RATE * spectra.power.sum(axis=0)[:, 0] / spectra.n
    np.testing.assert_allclose(density, power[kept], rtol=1e-10)


def test_welchs_coherence_is_scipys() -> None:
    """Hann windows that overlap by half: equal to 1e-12; and over two segments that are apart, no window bridges the gap."""
    activity = pair(0.4, 60.0, "welch")
    found = welch_coherence(activity, segment=1.024)
    x, y = activity.lfp.values
    given: dict[str, Any] = {"fs": RATE, "window": "hann", "nperseg": 256, "noverlap": 128}
    whole = 58 * 256  # scipy takes one more window, of which only a half lies beyond the last whole piece
    frequency, theirs = signal.coherence(x[:whole], y[:whole], **given)
    np.testing.assert_allclose(found.frequency, frequency[1:], rtol=1e-12)
    np.testing.assert_allclose(found.welch_coherence.values.ravel(), theirs[1:], rtol=1e-12)
    start, stop = np.array([0.0, 30.72]), np.array([20.48, 51.2])
    parts = welch_coherence(observed.restrict(activity, start, stop), segment=1.024)
    spectra = [
        [signal.csd(a[i:j], b[i:j], **given)[1][1:] * 39 for a, b in ((x, y), (x, x), (y, y))]
        for i, j in ((0, 5120), (7680, 12800))
    ]
    cross, power_x, power_y = np.sum(spectra, axis=0)
    np.testing.assert_allclose(parts.welch_coherence.values.ravel(), (np.abs(cross) ** 2 / power_x / power_y).real, rtol=1e-10)


@pytest.mark.slow
def test_windows_that_overlap_are_worth_less_than_independent_ones() -> None:
    """Of independent channels the mean is 1 / df within 3 %; 1 / windows, the control, is not."""
    found = [welch_coherence(pair(0.0, 60.0, "overlap", draw), segment=1.024) for draw in range(60)]
    mean = np.mean([one.welch_coherence.mean() for one in found])
    df = float(found[0].welch_coherence_df[0, 0])
    assert df == pytest.approx(115 / (1 + 4 / 36 * 57 / 115))
    assert mean == pytest.approx(1 / df, rel=0.03)
    assert mean != pytest.approx(1 / 115, rel=0.03)


def test_tapers_are_not_averaged_before_the_ratio() -> None:
    """The known error of related libraries: mean coefficients over tapers, then the ratio. It reads other values."""
    activity = pair(0.4, 60.0, "tapers")
    found = coherence(activity, segment=1.024)
    cut = activity.lfp.values[:, : 58 * 256].reshape(2, 58, 256)
    x = np.fft.rfft((cut - cut.mean(-1, keepdims=True))[:, :, None] * multitaper.tapers(256, 3.0), axis=-1)[..., 3:-3]
    right = np.abs((x[0] * np.conj(x[1])).sum((0, 1))) ** 2 / (np.abs(x[0]) ** 2).sum((0, 1)) / (np.abs(x[1]) ** 2).sum((0, 1))
    np.testing.assert_allclose(found.coherence_uncorrected.values.ravel(), right, rtol=1e-10)
    m = x.mean(axis=2)
    wrong = np.abs((m[0] * np.conj(m[1])).sum(0)) ** 2 / (np.abs(m[0]) ** 2).sum(0) / (np.abs(m[1]) ** 2).sum(0)
    assert np.abs(wrong - right).mean() > 0.05


def test_grouped_jackknife_is_the_delete_one_jackknife_where_a_group_is_one_estimate() -> None:
    """With the nominal L, as steady channels have it; `coherence` takes the L of the data, which is another."""
    activity = pair(0.4, 7.0, "groups")
    pieces = Pieces(activity, ("lfp", "lfp"), segment=1.024, bin_size=None, span=(0.0, 7.0))
    spectra = cs.cross_spectra(pieces, np.array([[0, 1]]), time_half_bandwidth=3.0, highest=None)
    raw = cs.squared(cs.sums(spectra)).T
    ours = cs.interval_of(raw, *cs.jackknife(spectra, cs.stabilised), spectra.n, spectra.weight)
    cut = activity.lfp.values[:, : 6 * 256].reshape(2, 6, 256)
    theirs = multitaper.coherence_interval(*(multitaper.eigencoefficients(v, multitaper.tapers(256, 3.0)) for v in cut))
    for end, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(end[0], expected[3:-3], rtol=1e-9, atol=1e-12)


# ---- a gain, states or spindles that independent channels share

# What two independent fields of the battery share, and how often they exceed a threshold for steady channels (the control).
SHARED = {"field_gain_ou": 0.3, "field_gain_up_states": 0.08, "field_gain_spindles": 0.08}
KNOWN_BANDS = {"theta": (4.0, 8.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}


def field(condition: str, draw: int) -> xr.Dataset:
    return to_activity(CONDITIONS[condition].generate(rng_for(6, condition, draw)))


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["field_independent_1", "field_independent_2", *SHARED])
def test_independent_fields_with_a_common_gain_exceed_each_threshold_at_its_rate(condition: str) -> None:
    """Of 300 fields one frequency and one band each; threshold for steady channels: the control."""
    hits: dict[str, list[bool]] = {name: [] for name in ("coherence", "imaginary", "partial", "band", "steady")}
    for draw in range(300):
        activity = field(condition, draw)
        found = coherence(activity, segment=1.0, highest=100.0).squeeze()
        k = int(rng_for(6, "pick", condition, draw).integers(found.frequency.size))
        raw, limit = float(found.coherence_uncorrected[k]), float(found.coherence_threshold[k])
        hits["steady"].append(raw > multitaper.threshold(int(found.coherence_df)))
        if np.isfinite(limit):
            hits["coherence"].append(raw > limit)
        for name, metric in (("imaginary", imaginary_coherence), ("partial", partial_coherence)):
            p = float(metric(activity, segment=1.0, highest=100.0)[f"{metric.name}_p"].squeeze()[k])
            if np.isfinite(p):
                hits[name].append(p < 0.05)
        p = float(band_coherence(activity, segment=1.0, bands=KNOWN_BANDS).band_coherence_p.squeeze()[draw % 3])
        if np.isfinite(p):
            hits["band"].append(p < 0.05)
    steady = hits.pop("steady")
    assert np.mean(steady) > SHARED.get(condition, 0.0)
    assert all(len(each) > 250 for each in hits.values())
    faults = {name: binomial_rule(each, 0.05, at_most=condition in SHARED) for name, each in hits.items()}
    assert not any(faults.values()), faults


@pytest.mark.slow
def test_partial_coherence_of_many_channels_with_a_common_gain_is_found_at_its_rate() -> None:
    """Eight independent fields, one pair and frequency of each draw; the p for steady channels is the control."""
    hits, control = [], []
    for draw in range(300):
        rng = rng_for(6, "eight", draw)
        gain = np.exp(0.7 * draw_ou(1, 15_000, 0.002, 1.0, rng))
        activity = of(draw_field(8, 1.0, rng)[:, :15_000] * gain, 500.0)
        found = partial_coherence(activity, segment=1.0, highest=40.0)
        at = tuple(rng.integers(n) for n in found.partial_coherence.shape)
        p, n = float(found.partial_coherence_p.values[at]), float(found.partial_coherence_df.values[at[:2]])
        if np.isfinite(p):
            hits.append(p < 0.05)
            c = float(found.partial_coherence.values[at])
            control.append(c > multitaper.subtract_bias(multitaper.threshold(int(n)), n))
    assert len(hits) > 250
    assert not binomial_rule(hits, 0.05)
    assert binomial_rule(control, 0.05, at_most=True)


@pytest.mark.slow
def test_bias_is_that_of_the_estimates_that_the_data_have() -> None:
    """Independent fields whose amplitudes go together: the mean is 0 within 4 standard errors; with the nominal L it is not."""
    ours, control = [], []
    for draw in range(60):
        found = coherence(field("field_gain_ou", draw), segment=1.0, highest=100.0).squeeze()
        raw, n = found.coherence_uncorrected.values, float(found.coherence_df)
        ours.append(float(found.coherence.mean()) * n)
        control.append(float(multitaper.subtract_bias(raw, n).mean()) * n)
    error = np.std(ours, ddof=1) / np.sqrt(len(ours))
    assert abs(np.mean(ours)) < 4 * error
    assert np.mean(control) > 4 * error


# ---- false positives and coverage with unequal segments and gaps; spikes, signals and stimuli


def independent(kind: str, draw: int) -> tuple[xr.Dataset, dict[str, Any]]:
    """Independent channels of two kinds, in segments of unequal length."""
    rng = rng_for(6, "independent", kind, draw)
    activity = pair(0.0, 40.0, "independent", kind, draw)
    trains = [synthetic.poisson_train(rate, 40.0, rng) for rate in (8.0, 20.0)]
    both = signals.with_signal(trains, activity.lfp.values, RATE)
    between = {"lfp-lfp": ("lfp", "lfp"), "spikes-lfp": ("spikes", "lfp"), "spikes-spikes": ("spikes", "spikes")}[kind]
    return ragged(both, kind, draw), {"between": between, "segment": 1.0, "bin_size": 0.004}


KINDS = [
    pytest.param("lfp-lfp", 500, True, marks=pytest.mark.slow),
    pytest.param("spikes-lfp", 500, False, marks=pytest.mark.slow),
    *(pytest.param(kind, 2000, True, marks=pytest.mark.nightly) for kind in ("lfp-lfp", "spikes-lfp", "spikes-spikes")),
]


@pytest.mark.parametrize(("kind", "draws", "is_every"), KINDS)
def test_independent_channels_exceed_each_threshold_at_its_rate(kind: str, draws: int, is_every: bool) -> None:
    """Threshold, bands, partial, imaginary, lag index; with gaps, one value of each draw."""
    hits: dict[str, list[bool]] = {}
    for draw in range(draws):
        activity, given = independent(kind, draw)
        rng = rng_for(6, "pick", draw)
        found = coherence(activity, **given)
        at = tuple(rng.integers(n) for n in found.coherence.shape)
        raw = found.coherence_uncorrected.values[at]
        hits.setdefault("threshold", []).append(raw > found.coherence_threshold.values[at])
        # Negative control: a threshold for twice the estimates that there are.
        hits.setdefault("control", []).append(raw > multitaper.threshold(2 * int(found.coherence_df.values[at[:2]])))
        if not is_every:
            continue
        p = band_coherence(activity, bands={"low": (4.0, 12.0), "wide": (13.0, 60.0)}, **given).band_coherence_p.values
        hits.setdefault("band", []).append(p[at[0], 0, draw % 2] < 0.05)
        for metric in (imaginary_coherence, weighted_phase_lag_index, partial_coherence):
            p = metric(activity, **given)[f"{metric.name}_p"].values
            hits.setdefault(metric.name, []).append(p[at] < 0.05)
    faults = {name: binomial_rule(each, 0.05) for name, each in hits.items()}
    assert faults.pop("control")
    assert not any(faults.values()), faults


@pytest.mark.parametrize(
    ("c", "draws"),
    [pytest.param(0.15, 500, marks=pytest.mark.slow), *(pytest.param(c, 2000, marks=pytest.mark.nightly) for c in (0.15, 0.8))],
)
def test_intervals_cover_with_gaps(c: float, draws: int) -> None:
    """AR(2) pairs of known coherence in segments of unequal length, single frequencies and bands."""
    inside: dict[str, list[bool]] = {"one": [], "band": [], "control": []}
    for draw in range(draws):
        activity = ragged(pair(c, 60.0, "cover", c, draw), c, draw)
        found = coherence(activity, segment=1.0)
        k = draw % found.frequency.size
        low, high = (float(found[f"coherence_{side}"][0, 0, k]) for side in ("low", "high"))
        inside["one"].append(low <= c <= high)
        middle, half = (low + high) / 2, (high - low) / 4
        inside["control"].append(middle - half <= c <= middle + half)  # half as wide
        band = band_coherence(activity, bands={"beta": (13.0, 30.0)}, segment=1.0).squeeze()
        inside["band"].append(bool(band.band_coherence_low <= c <= band.band_coherence_high))
    faults = {name: binomial_rule(each, 0.95) for name, each in inside.items()}
    assert faults.pop("control")
    assert not any(faults.values()), faults


@pytest.mark.slow
def test_no_surrogate_keeps_a_relation() -> None:
    """Copies of one signal: turned by nearly the same part, as 2 of 100 were, they would stay coherent."""
    x = rng_for(6, "copies").normal(size=6000)
    for draw in range(200):
        found = signal_surrogates.shifted_channels(of(np.stack([x, x])), rng_for(6, "turn", draw)).lfp.values
        for a, b in ((x, found[0]), (x, found[1]), (found[0], found[1])):
            lag = int(np.argmax(np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)))))
            assert min(lag, x.size - lag) >= x.size / 6 - 1


@pytest.mark.slow
def test_false_discoveries_are_controlled() -> None:
    """Of 300 families (6 pairs, 95 frequencies) without any relation at most the nominal part has a discovery."""
    any_found, any_raw = [], []
    for draw in range(300):
        rng = rng_for(6, "family", draw)
        found = coherence(of(rng.normal(size=(4, 12 * 200)), 200.0), segment=1.0)
        any_found.append(bool((found.coherence_q <= 0.05).any()))
        any_raw.append(bool((found.coherence_uncorrected > found.coherence_threshold).any()))
    assert not binomial_rule(any_found, 0.05, at_most=True)
    assert np.mean(any_raw) > 0.9  # control: without it almost every family has one
    x, n = rng_for(6, "found").normal(size=(2, 12 * 200))
    q = coherence(of(np.stack([x, x + n, n[::-1]]), 200.0), segment=1.0).coherence_q
    assert bool((q[0] < 0.05).all())
    assert float((q[1] < 0.05).mean()) < 0.1


@pytest.mark.slow
def test_a_delay_is_not_read_from_frequencies_that_are_significant_by_chance() -> None:
    """Independent channels: of 195 frequencies five or more exceed the plain threshold in nearly every draw (the control)."""
    delays, control = [], []
    for draw in range(60):
        activity = pair(0.0, 60.0, "no delay", draw)
        found = group_delay(activity, segment=3.0, bands={"wide": (10.0, 75.0)})
        delays.append(bool(found.group_delay.notnull().any()))
        raw = coherence(activity, segment=3.0).sel(frequency=slice(10, 75))
        control.append(int((raw.coherence_uncorrected > raw.coherence_threshold).sum()) >= 5)
    assert sum(delays) <= 5
    assert sum(control) > 30


# ---- known systems


def test_a_delay_has_the_sign_and_slope_of_elephant() -> None:
    """The second channel 10 ms later: -2 pi f d, as elephant's multitaper_coherence; the group delay is +10 ms."""
    from elephant import spectral

    activity = signals.delayed_pair(10, 0.5, 60.0, 1000.0, rng_for(6, "delay"))
    lag = phase_lag(activity, segment=1.0, highest=40.0)
    at = lag.sel(frequency=20.0).squeeze()
    assert float(at.phase_lag_low) < -2 * np.pi * 20 * 0.010 < float(at.phase_lag_high)
    x, y = activity.lfp.values
    frequency, _, theirs = spectral.multitaper_coherence(
        x[None], y[None], fs=1e3, nw=3.0, num_tapers=5, n_segments=60, overlap=0.0
    )
    k = int(np.argmin(np.abs(np.asarray(frequency) - 20)))
    assert float(at.phase_lag) == pytest.approx(float(np.ravel(theirs)[k]), abs=0.05)
    delay = group_delay(activity, segment=1.0, bands={"beta": (13.0, 30.0)}).squeeze()
    width = float(delay.group_delay_high - delay.group_delay_low)
    assert abs(float(delay.group_delay) - 0.010) < width  # four standard errors
    assert width < 0.003
    swapped = group_delay(activity.isel(lfp_channel=[1, 0]), segment=1.0, bands={"beta": (13.0, 30.0)}).squeeze()
    assert float(swapped.group_delay) == pytest.approx(-float(delay.group_delay))


def test_a_common_source_without_lag_has_coherence_but_no_imaginary_part() -> None:
    activity = pair(0.7, 120.0, "volume")
    assert float(coherence(activity, segment=1.024).coherence.mean()) == pytest.approx(0.7, abs=0.03)
    for metric in (imaginary_coherence, weighted_phase_lag_index):
        p = metric(activity, segment=1.024)[f"{metric.name}_p"].values
        assert np.mean(p < 0.05) < 0.2
        assert abs(float(metric(activity, segment=1.024)[metric.name].mean())) < 0.05


def test_a_third_channel_that_drives_both_explains_them() -> None:
    """x <- z -> y: coherent, but not beyond z."""
    x, y, z = rng_for(6, "third").normal(size=(3, int(120 * RATE)))
    activity = of(np.stack([z + x, z + y, z]))
    plain, partial = coherence(activity, segment=1.024), partial_coherence(activity, segment=1.024)
    assert float(plain.coherence[0].mean()) == pytest.approx(0.25, abs=0.03)
    assert abs(float(partial.partial_coherence[0].mean())) < 0.01
    assert float(partial.partial_coherence[1].mean()) > 0.3


def test_a_spike_on_the_peak_of_a_rhythm_has_no_phase_lag() -> None:
    """Samples stand for the time around them: spikes locked to the peaks of 40 Hz, sampled at 250 Hz, lag by 0."""
    t = np.arange(int(200 * RATE)) / RATE
    phase = 2 * np.pi * 40 * t + np.cumsum(rng_for(6, "walk").normal(0, 0.05, t.size))
    train = signals.locked_train(phase, RATE, 40.0, 0.9, rng_for(6, "spike"))
    lag = phase_lag(signals.with_signal([train], np.cos(phase)[None], RATE), between=("spikes", "lfp"), segment=1.0)
    at = lag.sel(frequency=40.0).squeeze()
    assert float(at.phase_lag_low) < 0 < float(at.phase_lag_high)
    assert float(at.phase_lag_high) < 0.15  # half a sample would be 0.5


# ---- spikes: coherence and rate


def encoder(rate: float, draw: int, duration: float = 60.0) -> xr.Dataset:
    return synthetic.poisson_encoder(rate, 0.3, 20.0, duration, rng_for(6, "encoder", rate, draw))


@pytest.mark.slow
def test_bias_correction_does_not_remove_the_dependence_on_rate() -> None:
    """F11: c = G / (1 + G), G = rate depth^2 / (2 cutoff): at a quarter of the rate G is a quarter."""
    for rate in (200.0, 50.0):
        values = [
            coherence(encoder(rate, k), between=("covariate", "spikes"), segment=2.0, bin_size=0.004).coherence.sel(
                frequency=slice(3, 17)
            )
            for k in range(20)
        ]
        means = [float(v.mean()) for v in values]
        g = rate * 0.3**2 / 40
        error = np.std(means, ddof=1) / np.sqrt(20)
        assert abs(np.mean(means) - g / (1 + g)) < 4 * error + 0.01 * g, rate


# ---- what a user may give


def test_too_few_spikes_give_no_number_and_the_reason() -> None:
    rng = rng_for(6, "few")
    trains = [synthetic.poisson_train(10.0, 30.0, rng), np.linspace(1, 29, 10), synthetic.poisson_train(10.0, 30.0, rng)]
    found = coherence(synthetic.activity(trains, 30.0), between=("spikes", "spikes"), segment=1.0)
    assert np.isnan(found.coherence.values[[0, 2]]).all()
    assert np.isfinite(found.coherence.values[1]).all()
    assert found.reason.values.tolist() == [
        "u1 has 10 spikes, fewer than 20",
        "",
        "u1 has 10 spikes, fewer than 20",
    ]
    check(measure([synthetic.activity(trains, 30.0)], "coherence", between=("spikes", "spikes"), segment=1.0), "measure/1")


@pytest.mark.parametrize("fault", ["flat", "gap", "nan"])
def test_a_flat_or_missing_channel_is_no_number(fault: str) -> None:
    x = rng_for(6, "flat").normal(size=(3, 30 * 250))
    if fault == "flat":
        x[1] = 2.5
    else:
        x[1, : (30 if fault == "nan" else 20) * 250] = np.nan
    found = coherence(of(x), segment=1.0)
    assert np.isnan(found.coherence.values[[0, 2]]).all()
    assert np.isfinite(found.coherence.values[1]).all()
    assert "fewer than half of 30 pieces are without gaps and not flat" in found.reason.values[0]
    assert found.coherence_df.values[1, 0] == 150


def test_pieces_that_none_follows_have_no_memory() -> None:
    """Each of 20 segments holds one piece; bands and residuals are measured all the same."""
    x = rng_for(6, "apart").normal(size=(5, 40 * 250))
    apart = observed.restrict(of(x), np.arange(0, 40, 2.0), np.arange(1.5, 41, 2.0))
    for metric in (band_coherence, partial_coherence):
        found = metric(apart, segment=1.0)
        assert np.isfinite(found[f"{metric.name}_p"].isel(epoch=0)).any(axis=1).all()


def test_a_short_gap_costs_its_pieces_and_nothing_else() -> None:
    x = rng_for(6, "hole").normal(size=(2, 30 * 250))
    holed = x.copy()
    holed[0, 1000:1010] = np.nan  # inside the fifth second
    found = coherence(of(holed), segment=1.0)
    assert found.coherence_df.values.ravel().tolist() == [29 * 5]
    without = np.delete(x.reshape(2, 30, 250), 4, axis=1).reshape(2, -1)
    np.testing.assert_allclose(found.coherence.values, coherence(of(without), segment=1.0).coherence.values, rtol=1e-10)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"segment": 40.0}, NotApplicable, "no 40 s in one piece"),
    ({"segment": 20.0}, NotApplicable, "5 independent estimates (tapers x pieces), fewer than 8"),
    ({"highest": 200.0}, DataError, "highest is 200 Hz, beyond the Nyquist frequency of 125 Hz"),
    ({"bin_size": 0.003}, DataError, "bin_size 0.003 s is no multiple of the step of lfp, 0.004 s"),
    ({"bin_size": 0.001}, DataError, "bin_size 0.001 s is no multiple of the step of lfp"),
    ({"segment": 0.008}, DataError, "segment 0.008 s holds 2 samples"),
    ({"segment": 0.02}, DataError, "make it longer"),
    ({"between": ("lfp", "lfp_proxy")}, NotApplicable, "no signal: lfp_proxy"),
    ({"between": ("spikes", "spikes")}, NotApplicable, "a pair needs two channels, and spikes has 1"),
]


@pytest.mark.parametrize(("given", "kind", "words"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_what_cannot_be_measured_says_why(given: dict[str, Any], kind: type[Exception], words: str) -> None:
    activity = signals.with_signal([np.linspace(1, 29, 50)], rng_for(6, "wrong").normal(size=(2, 30 * 250)), RATE)
    with pytest.raises(kind) as raised:
        coherence(activity, **given)
    assert words in str(raised.value)


def test_one_channel_and_two_samples() -> None:
    with pytest.raises(NotApplicable, match="needs two channels, and lfp has 1"):
        coherence(of(rng_for(6, "one").normal(size=5000)))
    with pytest.raises(NotApplicable, match="no 4 s in one piece"):
        coherence(of(np.array([[0.0, 1.0], [1.0, 0.0]])))


def test_a_band_beyond_nyquist_is_no_number_and_says_so() -> None:
    found = band_coherence(pair(0.4, 60.0, "nyquist"))
    assert np.isnan(found.band_coherence.sel(band="high_gamma").values).all()
    assert np.isfinite(found.band_coherence.sel(band="gamma").values).all()
    assert found.reason.values[0] == "high_gamma reaches beyond the highest frequency, 124.2 Hz"
    with pytest.raises(DataError, match="lower end first"):
        band_coherence(pair(0.4, 60.0, "nyquist"), bands={"theta": (8.0, 4.0)})


def with_proxy(activity: xr.Dataset) -> xr.Dataset:
    """The same signal as `lfp` and as `lfp_proxy`."""
    other = activity.lfp.rename({"lfp_channel": "lfp_proxy_channel", "lfp_sample": "lfp_proxy_sample"})
    more = {f"lfp_proxy_{v}": activity[f"lfp_{v}"] for v in ("first_sample", "sample_count", "t_start")}
    return activity.assign(lfp_proxy=other, **more)


@pytest.mark.slow
def test_a_field_potential_is_what_was_recorded_or_the_proxy_of_a_model() -> None:
    """Every metric that takes it gives the same of either; both at once are no one's field, and none is not applicable."""
    recorded = signals.with_signal([np.linspace(1, 29, 200)], rng_for(6, "field").normal(size=(2, 30 * 250)), RATE)
    both = with_proxy(recorded)
    modelled = both.drop_vars([v for v in both.variables if str(v).startswith("lfp") and not str(v).startswith("lfp_proxy")])
    for name in catalogue.names("metrics"):
        metric: Metric = catalogue.load("metrics", name)
        asked = inspect.signature(metric.function).parameters
        key = next((k for k in ("of", "between", "signal") if k in asked), None)
        if key is None or name == "coherence_change":
            continue

        def given(kind: str, key: str = key) -> dict[str, Any]:
            return {key: (kind, kind) if key == "between" else kind}

        theirs = metric(recorded, **given("lfp"))
        xr.testing.assert_identical(metric(recorded, **given("field_potential")), theirs)
        xr.testing.assert_identical(metric(modelled, **given("field_potential")), metric(modelled, **given("lfp_proxy")))
        np.testing.assert_array_equal(metric(modelled, **given("field_potential"))[name], theirs[name])
        with pytest.raises(DataError, match="this activity has both"):
            metric(both, **given("field_potential"))
        with pytest.raises(NotApplicable, match="neither lfp nor lfp_proxy"):
            metric(synthetic.activity([np.linspace(1, 29, 200)], 30.0), **given("field_potential"))


def test_two_signals_of_different_instants_are_refused() -> None:
    both = with_proxy(pair(0.4, 30.0, "instants"))
    aligned = coherence(both, between=("lfp", "lfp_proxy"), segment=1.0)
    assert float(aligned.coherence.sel(pair="c0-c0").mean()) == pytest.approx(1)
    both["lfp_proxy_t_start"] = both.lfp_proxy_t_start + 0.0013
    with pytest.raises(DataError, match=r"sampled at different instants, 0\.3"):
        coherence(both, between=("lfp", "lfp_proxy"), segment=1.0)
