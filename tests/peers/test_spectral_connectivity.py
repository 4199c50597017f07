"""Agreement with spectral_connectivity, where definitions coincide."""

import numpy as np
import pytest

from homeoanalysis.metrics.coherence import coherence
from homeoanalysis.metrics.weighted_phase_lag_index import weighted_phase_lag_index
from homeoanalysis.numerics import synthetic_signals as signals
from homeoanalysis.provenance import rng_for

pytestmark = pytest.mark.peers


def test_coherence_and_lag_index_are_theirs() -> None:
    """The same tapers, the mean of each piece removed, tapers and pieces summed before the ratio: to 1e-10."""
    from spectral_connectivity import Connectivity, Multitaper

    activity = signals.delayed_pair(2, 0.4, 60.0, 250.0, rng_for(9, "peer"))
    cut = activity.lfp.values[:, : 58 * 256].reshape(2, 58, 256)
    theirs = Multitaper(
        cut.transpose(2, 1, 0), sampling_frequency=250.0, time_halfbandwidth_product=3, n_tapers=5, detrend_type="constant"
    )
    found = Connectivity.from_multitaper(theirs, expectation_type="trials_tapers")
    kept = np.isin(np.round(found.frequencies, 6), np.round(coherence(activity, segment=1.024).frequency.values, 6))
    ours = coherence(activity, segment=1.024).coherence_uncorrected.values.ravel()
    np.testing.assert_allclose(ours, found.coherence_magnitude()[0, kept, 0, 1], rtol=1e-10)
    ours = weighted_phase_lag_index(activity, segment=1.024).weighted_phase_lag_index.values.ravel()
    np.testing.assert_allclose(ours, found.debiased_squared_weighted_phase_lag_index()[0, kept, 0, 1], rtol=1e-9, atol=1e-10)
