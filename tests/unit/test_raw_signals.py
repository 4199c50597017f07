"""Continuous voltage: what LFP and multi-units are made of it, and that nobody can tell in which pieces."""

import itertools
from fractions import Fraction
from pathlib import Path

import neo
import neo.io
import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal
from scipy.stats import norm

from homeoanalysis.errors import DataError
from homeoanalysis.numerics import raw as raw_module
from homeoanalysis.numerics.crossings import Method, detect, noise
from homeoanalysis.numerics.findings import glimpse, of_intervals, of_line, of_signal, of_silence, survey
from homeoanalysis.numerics.lfp import resample, resampler
from homeoanalysis.numerics.raw import Raw, join
from homeoanalysis.provenance import rng_for

METHOD = Method(300.0, None, 5.0, "negative", 1e-3)


def raw_of(values: np.ndarray, rate: float, units: str = "V") -> Raw:
    """values: (channel, sample)."""
    names = [f"c{k}" for k in range(len(values))]
    signal = neo.AnalogSignal(values.T, units=units, sampling_rate=rate * pq.Hz, array_annotations={"channel_names": names})
    found = join([signal], None, lambda s: False)
    assert found is not None
    return found


def neuroscope(folder: Path, counts: np.ndarray, rate: float, name: str = "s", bits: int = 16) -> Path:
    """A NeuroScope session: 16-bit samples, (channel, sample), of 20 V / 2^16 / 1000 each."""
    counts.T.astype("<i2").tofile(folder / f"{name}.dat")
    path = folder / f"{name}.xml"
    channels = "".join(f"<channel>{k}</channel>" for k in range(len(counts)))
    path.write_text(
        f"<parameters><acquisitionSystem><nBits>{bits}</nBits><nChannels>{len(counts)}</nChannels>"
        f"<samplingRate>{rate:g}</samplingRate><voltageRange>20</voltageRange><amplification>1000</amplification><offset>0</offset>"
        f"</acquisitionSystem><anatomicalDescription><channelGroups><group>{channels}</group></channelGroups>"
        "</anatomicalDescription></parameters>"
    )
    return path


def proxies(path: Path) -> list:
    return neo.io.NeuroScopeIO(str(path)).read_block(lazy=True).segments[0].analogsignals


# ---- reading


def test_a_proxy_is_read_exactly_and_in_parts(tmp_path: Path) -> None:
    counts = rng_for(1, "proxy").integers(-32768, 32768, (3, 5000))
    raw = join(proxies(neuroscope(tmp_path, counts, 1000.0)), None, lambda s: False)
    assert raw is not None
    assert (raw.n_samples, raw.sampling_rate, raw.units, len(raw.names)) == (5000, 1000.0, "V", 3)
    assert raw.gain == pytest.approx(20 / 2**16 / 1000, rel=1e-12)
    np.testing.assert_array_equal(raw.counts(0, 5000), counts)
    np.testing.assert_array_equal(raw.counts(4321, 4999, [2, 0]), counts[[2, 0], 4321:4999])
    np.testing.assert_array_equal(raw.values(7, 9), counts[:, 7:9] * raw.gain)


def test_a_truncated_file_is_an_error_where_it_ends(tmp_path: Path) -> None:
    raw = join(proxies(neuroscope(tmp_path, np.ones((2, 5000), int), 1000.0)), None, lambda s: False)
    assert raw is not None
    with (tmp_path / "s.dat").open("r+b") as stream:
        stream.truncate(2 * 2 * 4000)
    with pytest.raises((DataError, ValueError, OSError)):
        raw.counts(3900, 4100)


def test_channels_on_different_clocks_are_refused() -> None:
    parts = [
        neo.AnalogSignal(np.zeros((n, 1)), units="mV", sampling_rate=f * pq.Hz, name=f"s{f:g}") for n, f in ((9, 10), (18, 20))
    ]
    with pytest.raises(DataError, match=r"s10, s20 differ in sampling rate \[Hz\]: 10.0, 20.0; name channels of one kind"):
        join(parts, None, lambda s: False)
    chosen = join(parts, ["s20"], lambda s: False)
    assert chosen is not None
    assert chosen.sampling_rate == 20
    assert join(parts, ["other"], lambda s: False) is None


# ---- LFP


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 400),
    ratio=st.sampled_from([(1, 1), (1, 4), (2, 5), (128, 3125)]),
    cuts=st.lists(st.integers(0, 400), max_size=5),
)
def test_any_pieces_give_the_same_bits(n: int, ratio: tuple[int, int], cuts: list[int]) -> None:
    raw = raw_of(rng_for(1, "pieces", n).normal(size=(2, n)), 1000.0)
    rate = 1000.0 * ratio[0] / ratio[1]
    how = resampler(1000.0, low_pass=0.3 * rate, sampling_rate=rate)
    n_out = how.n_out(n)
    assert n_out == int(Fraction(n - 1) * ratio[0] / ratio[1]) + 1
    whole = resample(raw, how, 0, n_out)
    edges = sorted({0, n_out, *(c % (n_out + 1) for c in cuts)})
    parts = [resample(raw, how, a, b) for a, b in itertools.pairwise(edges)]
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()
    assert resample(raw, how, 0, n_out, [1]).tobytes() == whole[1:].tobytes()


@pytest.mark.parametrize(("rate", "new"), [(30000.0, 1000.0), (24414.0625, 1000.0), (1250.0, 500.0), (1000.0, 1000.0)])
def test_tones_below_the_low_pass_stay_and_those_above_go(rate: float, new: float) -> None:
    """80 dB: what passes is right to 2e-4, what would be aliased is below 2e-4. Plain decimation keeps all of it."""
    t = np.arange(int(2 * rate)) / rate
    low_pass = 0.3 * new
    how = resampler(rate, low_pass=low_pass, sampling_rate=new)
    inner = slice(int(0.3 * new), int(1.7 * new))
    kept = low_pass * 0.98
    passed = resample(raw_of(np.sin(2 * np.pi * kept * t)[None], rate), how, 0, how.n_out(t.size))[0]
    expected = np.sin(2 * np.pi * kept * np.arange(passed.size) / new)
    np.testing.assert_allclose(passed[inner], expected[inner], atol=2e-4)
    if new < rate:
        alias = np.sin(2 * np.pi * 0.9 * new * t)
        stopped = resample(raw_of(alias[None], rate), how, 0, how.n_out(t.size))[0]
        assert np.abs(stopped[inner]).max() < 2e-4
        assert np.abs(alias[:: int(rate / new)]).max() > 0.9


def test_a_constant_stays_to_its_ends() -> None:
    how = resampler(1000.0, low_pass=100.0, sampling_rate=250.0)
    found = resample(raw_of(np.full((1, 777), 3.0), 1000.0), how, 0, how.n_out(777))
    np.testing.assert_allclose(found, 3.0, rtol=1e-12)


def test_no_value_exceeds_the_overshoot() -> None:
    how = resampler(1000.0, low_pass=100.0, sampling_rate=None)
    worst = np.sign(how.taps[None])
    found = np.abs(resample(raw_of(worst, 1000.0), how, 0, how.n_out(worst.size))).max()
    assert found == pytest.approx(how.overshoot, rel=1e-6)


def test_without_a_filter_the_signal_is_what_it_was() -> None:
    values = rng_for(1, "same").normal(size=(2, 100))
    how = resampler(1000.0, low_pass=None, sampling_rate=None)
    np.testing.assert_array_equal(resample(raw_of(values, 1000.0), how, 10, 90), values[:, 10:90])


@pytest.mark.parametrize(
    ("low_pass", "rate", "message"),
    [
        (None, 2000.0, "sampling_rate is 2000 Hz, but the signal has 1000 Hz"),
        (None, 1000 / np.pi, r"is no ratio of whole numbers to 1000 Hz; write e\.g\. '333\.333333 Hz'"),
        (250.0, 500.0, "low_pass is 250 Hz, which does not fit below half of 500 Hz; write at most 225 Hz"),
        (600.0, None, "does not fit below half of 1000 Hz"),
    ],
)
def test_faults_of_a_resampler(low_pass: float | None, rate: float | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        resampler(1000.0, low_pass=low_pass, sampling_rate=rate)


# ---- multi-units


def planted(seconds: float, times: np.ndarray, amplitude: float, rate: float = 20000.0) -> np.ndarray:
    """White noise of unit variance with a spike of 0.3 ms at each time."""
    x = rng_for(1, "planted", seconds, amplitude).normal(size=round(seconds * rate))
    shape = -amplitude * np.hanning(7)
    for k in np.rint(times * rate).astype(int):
        x[k : k + 7] += shape
    return x


def test_planted_spikes_are_found_and_noise_is_not() -> None:
    """Rice's formula bounds the crossings of white noise at 5 standard deviations: at most rate / 2 exp(-12.5), 0.037 /s."""
    times = np.arange(0.1, 9.9, 0.05)
    raw = raw_of(np.stack([planted(10, times, 10.0), planted(10, times, 0.0)]), 20000.0)
    found = detect(raw, METHOD)
    distance = np.abs(found.samples[0] / 20000.0 - times[:, None])
    assert distance.min(axis=1).max() < 0.5e-3  # each is found
    assert np.sum(distance.min(axis=0) > 0.5e-3) <= 4  # noise on the echo of a spike in the filter
    assert found.samples[1].size <= 4
    upwards = detect(raw, METHOD._replace(polarity="positive"))
    assert upwards.samples[0].size < times.size // 2  # control: the spikes are negative


def test_the_noise_is_that_of_the_filtered_channel_and_not_of_its_spikes() -> None:
    """White noise through a filter has the variance of its taps.

    A spike and its echo in the filter take 2 ms, 4 % of the time at 20 Hz: the median of |x| is then the quantile 0.5 / 0.96.
    """
    sos = scipy_signal.butter(3, 300.0, "highpass", fs=20000.0, output="sos")
    impulse = scipy_signal.sosfilt(sos, np.eye(1, 20000)[0])
    expected = np.sqrt(np.sum(impulse**2))
    both = np.stack([planted(20, np.arange(0.1, 19, 0.05), 50.0), planted(20, np.zeros(0), 1.0)])
    spiking, silent = noise(raw_of(both, 20000.0), METHOD)
    assert silent == pytest.approx(expected, rel=0.01)
    moved = norm.ppf(0.5 + 0.25 / 0.96) / norm.ppf(0.75)
    assert expected < spiking < expected * (1 + 1.5 * (moved - 1))
    plain = np.std(planted(20, np.arange(0.1, 19, 0.05), 50.0))
    assert plain > 1.5 * expected  # control: the standard deviation is moved


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(block=st.integers(1, 5000), polarity=st.sampled_from(["negative", "positive", "both"]))
def test_any_blocks_give_the_same_spikes(block: int, polarity: str) -> None:
    rng = rng_for(1, "blocks")
    raw = raw_of(rng.standard_t(3, size=(2, 3000)), 5000.0)
    method = Method(300.0, 1500.0, 3.0, polarity, 2e-3)  # type: ignore[arg-type]
    whole = detect(raw, method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_module, "_BLOCK", block)
        parts = detect(raw, method)
    assert sum(s.size for s in whole.samples) > 20
    assert [s.tolist() for s in parts.samples] == [s.tolist() for s in whole.samples]
    assert parts.in_dead_time.tolist() == whole.in_dead_time.tolist()
    assert all(np.diff(s).min() >= 10 for s in whole.samples)


def test_every_crossing_is_a_spike_or_in_a_dead_time() -> None:
    raw = raw_of(rng_for(1, "dead").standard_t(3, size=(1, 20000)), 5000.0)
    free = detect(raw, METHOD._replace(factor=3.0, dead_time=0.0))
    dead = detect(raw, METHOD._replace(factor=3.0, dead_time=5e-3))
    assert free.in_dead_time.item() == 0
    assert 0 < dead.samples[0].size < free.samples[0].size
    assert dead.samples[0].size + dead.in_dead_time.item() == free.samples[0].size


def test_a_flat_channel_has_no_threshold_and_no_spikes() -> None:
    found = detect(raw_of(np.stack([np.zeros(30000), planted(1.5, np.zeros(0), 1.0)]), 20000.0), METHOD)
    assert np.isnan(found.threshold[0])
    assert found.samples[0].size == 0
    assert found.threshold[1] > 0


def test_a_band_above_the_signal_is_refused() -> None:
    with pytest.raises(DataError, match="the band from 300 Hz does not fit below half of the sampling rate of 500 Hz"):
        detect(raw_of(np.zeros((1, 500)), 500.0), METHOD)


# ---- findings


def told(raw: Raw) -> dict[str, str]:
    return {f.rule: f.text for f in (*of_signal(raw, survey(raw)), *of_line(raw))}


def test_a_good_signal_has_no_findings() -> None:
    assert told(raw_of(rng_for(1, "good").normal(size=(4, 60_000)), 1000.0)) == {}


@pytest.mark.parametrize("line", [50.0, 60.0])
def test_line_noise(line: float) -> None:
    x = rng_for(1, "line").normal(size=(2, 60_000))
    x[1] += 0.5 * np.sin(2 * np.pi * line * np.arange(60_000) / 1000.0)
    found = told(raw_of(x, 1000.0))
    assert list(found) == ["line noise"]
    assert f"the power at {line:g} Hz is many times that beside it: c1 (" in found["line noise"]


def test_flat_and_clipped_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng_for(1, "clipped").normal(size=(4, 60_000))
    x[1] = 0.25
    x[2] = np.clip(x[2], -2.0, 9.0)
    x[3, 20_000:25_000] = 1.0
    for block in (raw_module._BLOCK, 3000):
        monkeypatch.setattr(raw_module, "_BLOCK", block)
        raw = raw_of(x, 1000.0)
        texts = [f.text for f in of_signal(raw, survey(raw))]
        assert texts == [
            "1 channels hold one value throughout: c1; leave them out",
            "channels are constant for whole seconds: c3 (5 of 60 s); the signal was lost, or clipped",
            "samples lie at the largest or smallest value of their channel: c2 (2.3 %); it is clipped",
        ]


def test_a_silence_that_no_burst_explains() -> None:
    rng = rng_for(1, "silence")
    trains = [np.sort(rng.uniform(0, 1000, 3000)) for _ in range(3)]
    edges = np.array([0.0]), np.array([1000.0])
    assert list(of_silence(trains, *edges)) == []
    cut = [t[(t < 400) | (t > 520)] for t in trains]
    (finding,) = of_silence(cut, *edges)
    assert finding.text.startswith("no unit spikes for 1")
    assert "from 400 s on" in finding.text or "from 401 s on" in finding.text
    bursts = [np.sort(np.concatenate([b + rng.uniform(0, 1, 200) for b in range(0, 1000, 70)])) for _ in range(3)]
    assert list(of_silence(bursts, *edges)) == []  # silences between bursts are alike


@pytest.mark.parametrize("seconds", [10.0, 59.5, 600.5, 7200.3, 3e9])
def test_spikes_of_a_wrong_time_step(seconds: float) -> None:
    """All in the first second, also of a time that is no whole number of seconds, or too long for a place a second."""
    edges = np.array([0.0]), np.array([seconds])
    train = np.sort(rng_for(1, "early").uniform(0, 0.4, 600))
    (finding,) = of_silence([train, np.zeros(0)], *edges)
    assert finding.rule == "spikes at the beginning only"
    assert "all 600 spikes lie in the first " in finding.text
    assert not list(of_silence([train * (seconds / 0.4)], *edges))
    assert not list(of_silence([train[:99]], *edges))  # too few to tell


def test_seconds_taken_for_minutes_and_milliseconds() -> None:
    rng = rng_for(1, "unit of time")
    neurons = [np.cumsum(0.003 + rng.exponential(1 / 5, 400)) for _ in range(4)]
    assert not list(of_intervals(neurons))
    assert not list(of_intervals([60 * neurons[0]]))  # too few to tell
    (finding,) = of_intervals([60 * train for train in neurons])
    assert finding.rule == "times in a wrong unit"
    assert finding.text.startswith("no two spikes of a unit are closer than 0.1")
    (finding,) = of_intervals([1e-3 * train for train in neurons])
    assert finding.text.startswith("half of all intervals are shorter than 0.000")


def test_a_silence_at_the_end_is_as_long_as_it_is() -> None:
    train = np.linspace(0.25, 199.75, 400)
    assert not list(of_silence([train], np.array([0.0]), np.array([259.9])))
    (finding,) = of_silence([train], np.array([0.0]), np.array([260.4]))
    assert finding.text.startswith("no unit spikes for 60 s from 200 s on, and the next longest silence is 0 s")


def test_a_rate_beyond_all_samples() -> None:
    x = rng_for(1, "rate").normal(size=(2, 100))
    assert survey(raw_of(x, 1e300)).seconds == 0


# ---- a look at a few seconds


def long(rate: float, seconds: float, n: int = 3) -> np.ndarray:
    return np.rint(rng_for(5, "long").normal(0, 200, (n, round(rate * seconds))))


def test_a_look_at_a_good_signal_finds_nothing() -> None:
    for seconds in (0.5, 3, 9, 60, 600):
        assert not list(glimpse(raw_of(long(1000, seconds), 1000.0)))


def test_a_look_finds_what_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how much was looked at; what is rare it may miss, a survey does not."""
    x = long(500, 600)
    x[0] = 7
    x[1] += 2000 * np.sin(2 * np.pi * 50 * np.arange(x.shape[1]) / 500)
    x[2] = np.clip(x[2], -300, 300)
    found = {f.rule: f.text for f in glimpse(raw_of(x, 500.0))}
    assert set(found) == {"flat channels", "line noise", "saturation"}
    assert found["flat channels"].startswith("in 16 s that were looked at: 1 channels hold one value throughout: c0")
    assert "c1 (" in found["line noise"]
    assert "c2 (" in found["saturation"]
    y = long(500, 600)
    y[1, 40_000:60_000] = 0
    rare = raw_of(y, 500.0)
    assert not list(glimpse(rare))
    assert [f.rule for f in of_signal(rare, survey(rare))] == ["flat channels"]


def test_a_look_reads_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many channels some, evenly spread; and so much of each that chance makes no line noise."""
    x = long(500, 60, 40)
    x[39] = 0
    read: list[int] = []
    counts = Raw.counts
    monkeypatch.setattr(Raw, "counts", lambda self, *a: read.append(counts(self, *a).size) or counts(self, *a))
    monkeypatch.setattr("homeoanalysis.numerics.findings._GLIMPSED", 100_000)
    (found,) = glimpse(raw_of(x, 500.0))
    assert found.text.startswith("in 16 s that were looked at of 12 of 40 channels: 1 channels hold one value throughout: c39")
    assert sum(read) <= 2 * 100_000
