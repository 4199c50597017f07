"""Published figures of recordings, from their files to the verdict (README of each data set).

A panel is reproduced when all of its numbers lie in their bands and no negative control does. What is not reproduced, and what
the files do not tell, stays so until a change says why.
"""

import pytest
from panels import reproduce_recordings

from homeoanalysis.contracts.outcomes import NOT_REPRODUCED, NOT_TESTABLE, REPRODUCED

PANELS = {
    "waves": {  # the first day in the drug is not among the files
        **dict.fromkeys(("firing_rate", "events", "firing_stays_strong"), REPRODUCED),
        "wave_size_falls": NOT_TESTABLE,
    },
    "odours": {  # the interval over flies is wider than the margin
        **dict.fromkeys(("evoked_rates", "evoked_rates_high", "peaks_low", "peaks_high"), REPRODUCED),
        **dict.fromkeys(("loss", "no_return_high"), REPRODUCED),
        "return": NOT_REPRODUCED,
    },
    "odour_decoding": dict.fromkeys(("low_concentration", "high_concentration"), REPRODUCED),
    "odour_reliability": {  # the interval over flies is wider than the margin
        **dict.fromkeys(("reliability_low", "reliability_high", "loss_low", "loss_high", "no_rescue_high"), REPRODUCED),
        **dict.fromkeys(("course", "course_of_variance", "course_day_0"), REPRODUCED),
        "rescue_low": NOT_REPRODUCED,
    },
    "cultures": {  # features rounded, or counted in other bins, there; hippocampal rates fall from day 21 on
        **dict.fromkeys(("firing_rate", "burst_duration", "spikes_in_bursts", "burst_irregularity"), REPRODUCED),
        **dict.fromkeys(("rate_within_bursts", "correlation", "settling_cortex"), REPRODUCED),
        **dict.fromkeys(("network_spikes", "network_spike_peak", "network_spike_duration"), NOT_REPRODUCED),
        **dict.fromkeys(("burst_rate", "theta_bursts", "settling_hippocampus"), NOT_REPRODUCED),
    },
    "rhythms": {"coherence_of_ca1_and_ec3": REPRODUCED},
    "tour": dict.fromkeys(("stimulus_coherence", "information", "statistics_of_the_stimulus"), REPRODUCED),
}
QUICK = ("waves", "rhythms")


@pytest.mark.parametrize(
    "study",
    [pytest.param(study, marks=pytest.mark.slow if study in QUICK else pytest.mark.nightly) for study in PANELS],
)
def test_a_published_figure_of_a_recording_comes_out_and_its_negative_controls_do_not(outcomes_of, study):
    outcomes = outcomes_of(reproduce_recordings, study)
    assert {panel: one["verdict"] for panel, one in outcomes.items()} == PANELS[study], outcomes
