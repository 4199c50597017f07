"""Linear reconstruction: closed forms, time that was not used, and the grasshopper's stimulus."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.config import yaml
from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import NotApplicable
from homeoanalysis.fetch import local_path
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import reconstruction, resampling, synthetic
from homeoanalysis.numerics.stimulus_response import Pieces

ROOT = Path(__file__).parents[2]


def _gaussian(ratio: float, n: int, rng: np.random.Generator, units: int = 1) -> Pieces:
    """White Gaussian stimulus, pieces of 64 bins; each unit is the stimulus three bins later, with noise of its own."""
    stimulus = rng.normal(size=(n, 64))
    noise = rng.normal(size=(units, n, 64)) / np.sqrt(ratio)
    return Pieces(stimulus, np.roll(stimulus, 3, axis=1) + noise, 0.5, 64.0 * np.arange(n))


@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_coding_fraction_of_a_gaussian_channel(ratio: float) -> None:
    """SNR / (1 + SNR), and log2(1 + SNR) / 2 bits a sample; a unit step is 1 Hz of band in each 2 samples."""
    result = reconstruction.reconstructed(_gaussian(ratio, 800, np.random.default_rng(1)), np.array([0]), 1.0, is_ridged=False)
    assert reconstruction.coding_fraction(result) == pytest.approx(ratio / (1 + ratio), rel=0.05)
    assert reconstruction.information_rate(result, 0.5, 1.0) == pytest.approx(np.log2(1 + ratio) / 2, rel=0.05)


def test_units_add_up_and_never_take_away() -> None:
    """Units with noise of their own have the sum of their SNR; so the fraction never falls with more of them."""
    cut = _gaussian(0.5, 600, np.random.default_rng(2), units=4)
    found = []
    for n in (1, 2, 4):
        result = reconstruction.reconstructed(cut, np.arange(n), 1.0, is_ridged=True)
        found.append(reconstruction.coding_fraction(result))
        assert found[-1] == pytest.approx(0.5 * n / (1 + 0.5 * n), rel=0.06)
    assert found == sorted(found)


def test_the_ridge_keeps_many_useless_units_from_harm() -> None:
    """One unit with the stimulus and sixty of noise, in little time: without a ridge the filters of noise destroy it."""
    rng = np.random.default_rng(3)
    cut = _gaussian(0.5, 18, rng)
    noisy = cut._replace(response=np.concatenate([cut.response, rng.normal(size=(60, *cut.stimulus.shape))]))
    plain, ridged = (
        reconstruction.coding_fraction(reconstruction.reconstructed(noisy, np.arange(61), 1.0, is_ridged=r))
        for r in (False, True)
    )
    assert plain < 0 < ridged


def test_what_is_only_in_the_tested_time_is_not_found() -> None:
    """A leak would show here: another relation in each fold, so that no other fold knows it."""
    rng = np.random.default_rng(4)
    stimulus = rng.normal(size=(100, 64))
    sign = np.repeat([1, -1, 1, -1, 1], 20)[:, None]
    response = stimulus * sign * rng.permutation([1, -1])[0]
    fair = reconstruction.reconstructed(
        Pieces(stimulus, response[None], 0.5, 64.0 * np.arange(100)), np.array([0]), 1.0, is_ridged=False
    )
    assert reconstruction.coding_fraction(fair) < 0.2
    same = reconstruction.reconstructed(
        Pieces(stimulus, stimulus[None], 0.5, 64.0 * np.arange(100)), np.array([0]), 1.0, is_ridged=False
    )
    assert reconstruction.coding_fraction(same) > 0.95


def test_a_filter_of_noise_is_worse_than_none() -> None:
    """Below 0, and never cut off at 0."""
    found = []
    for draw in range(10):
        one, *_ = synthetic.smooth_encoder(100.0, 0.3, 0.01, 30.0, np.random.default_rng(draw))
        shifted = resampling.shifted_stimulus(one, np.random.default_rng(draw))
        result = catalogue.load("metrics", "stimulus_reconstruction")(shifted, bin_size=4e-3, filter_length=0.256)
        found.append(float(result.stimulus_reconstruction[0, 0]))
    assert np.mean(found) < -2 * stats.sem(found)
    assert np.mean(found) > -0.1


def test_too_little_time_gives_the_reason() -> None:
    one, *_ = synthetic.smooth_encoder(100.0, 0.3, 0.01, 5.0, np.random.default_rng(0))
    with pytest.raises(NotApplicable, match="9 pieces of stimulus, fewer than 15"):
        catalogue.load("metrics", "stimulus_reconstruction")(one, bin_size=4e-3, filter_length=0.256)


def test_the_grasshoppers_sound_is_reconstructed() -> None:
    """More of the slow sound than of the fast one, and no more information than the bound from coherence, within its interval.

    0.297 [0.267, 0.327] and 109 bit/s; 0.063 [0.048, 0.077] and 45 bit/s were measured.
    """
    recording = Recording.model_validate(yaml.read(ROOT / "config/recordings/grasshopper.yaml", "grasshopper.yaml"))
    found: list[xr.Dataset] = []
    for name, replicate in recording.replicates.items():
        files = {role: local_path(recording.source, file.name) for role, file in replicate.files.items()}
        one = ingest(recording, name="grasshopper", replicate=name, files=files)
        found.append(catalogue.load("metrics", "stimulus_reconstruction")(one, bin_size=1e-3, filter_length=0.128))
        bound = catalogue.load("metrics", "information_rate")(one)
        assert float(found[-1].stimulus_reconstruction_information_rate[0, 0]) < float(bound.information_rate_high[0, 0])
    slow, fast = found
    assert float(slow.stimulus_reconstruction_low[0, 0]) > float(fast.stimulus_reconstruction_high[0, 0]) > 0
    for result, fraction in ((slow, 0.297), (fast, 0.063)):
        assert float(result.stimulus_reconstruction[0, 0]) == pytest.approx(fraction, abs=0.001)
