"""Which metric is judged on which conditions of the battery, by which of its intervals and tests.

Adding a metric: a Case here; `python -m tests.calibration` measures it and writes the page.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["coverage", "p", "rejects", "claim"]


class Quantity(NamedTuple):
    """One interval or test of a metric.

    coverage: the interval <variable>_low to _high holds the truth. p: <variable> is 0.05 or less,
    rejects: the metric's threshold is exceeded, claim: the variable is finite and above 0, although
    there is nothing to find.
    """

    kind: Kind
    variable: str
    truth: str  # NAME of a function find_NAME of truths.py
    label: str = ""  # on the page, after the metric's name
    at: Mapping[str, str] = {}  # dimension: the label that is judged


class Case(NamedTuple):
    """A metric with its parameters, and where it is judged."""

    metric: str
    quantities: tuple[Quantity, ...]
    conditions: tuple[str, ...]  # on the page
    every: tuple[str, ...]  # patterns of all that the metric is judged on each night
    parameters: Mapping[str, Any] = {}  # "duration/72": of the recording (s)
    excludes: tuple[str, ...] = ()  # assumptions and conditions that its documentation leaves out
    layout: str = ""  # of epochs, of LAYOUTS
    draws: int = 60

    @property
    def size(self) -> str:
        """In words."""
        return f"{self.draws} draws of {len(self.conditions)} conditions"


# Epochs, as parts of the recording, in place of those of the battery: for metrics that compare
# spans of other lengths. "spaced" keeps perturbation and recovery as they are in 6 h.
LAYOUTS: dict[str, dict[str, tuple[float, float]]] = {
    "thirds": {"control": (0, 1 / 3), "baseline": (1 / 3, 2 / 3), "recovery": (2 / 3, 1)},
    "halves": {"baseline": (0, 1 / 2), "recovery": (1 / 2, 1)},
    "spaced": {
        "control": (0, 1 / 12),
        "baseline": (3 / 12, 4 / 12),
        "perturbation": (4 / 12, 5 / 12),
        "recovery": (11 / 12, 1),
    },
}

NOTHING_DONE = (
    "null_poisson",
    "null_unit_bursts",
    "null_culture",
    "null_ou_10min_shared000",
    "null_ou_10min_shared050",
    "null_pink_shared050",
    "null_walk_shared050",
    "null_states_shared100",
    "null_units_lost",
)
PERTURBED = (
    "recovers",
    "recovers_ou_10min",
    "recovers_ou_30min",
    "recovers_pink",
    "recovers_culture",
    "stays_down",
    "stays_down_pink",
    "units_scatter",
)
FIELDS = (
    "field_independent_1",
    "field_independent_2",
    "field_gain_ou",
    "field_gain_up_states",
    "field_gain_spindles",
    "field_line",
    "field_coherent_020",
    "field_coherent_020_up_states",
)
BRANCHING = (
    "branching_900",
    "branching_995",
    "no_branching_none",
    "no_branching_ou_1s",
    "no_branching_ou_10s",
    "no_branching_pink",
)
TRIALS = (
    "trials_nothing",
    "trials_gain_fast_shared000",
    "trials_gain_fast_shared020",
    "trials_gain_1min_shared050",
    "trials_gain_pink_shared050",
)
INFORMATION = (
    "information_exponential",
    "information_lowpass_100hz",
    "information_few_spikes",
    "information_ou_10s",
    "information_ou_1min",
    "information_noise_shared050",
    "information_none_doublets",
    "information_gamma",
)
STEPPED = ("recovers*", "stays_down*", "overshoots", "rises*", "population*", "units_scatter")
PAIRS = {"segment": 2.0}


def _covers(metric: str, truth: str, label: str = "", **at: str) -> Quantity:
    return Quantity("coverage", metric, truth, label, at)


def _fields(metric: str, *quantities: Quantity, **more: Any) -> Case:
    # The two power laws differ in what leaks alone, which is asked of the power spectrum.
    conditions = FIELDS if metric == "power_spectrum" else FIELDS[1:]
    return Case(metric, quantities, conditions, ("field_*",), {**PAIRS}, draws=100, **more)


_EARLY_LATE = {"baseline": "early", "recovery": "late"}
_ACUTE = {"acute": "perturbation", "steady": "recovery"}

CASES = {
    case.metric: case
    for case in (
        Case(
            "firing_rate",
            (_covers("firing_rate", "rate_of_unit"),),
            NOTHING_DONE,
            ("null_*",),
            excludes=("many_blocks",),
        ),
        Case("rate_trend", (_covers("rate_trend", "zero"),), NOTHING_DONE, ("null_*",)),
        Case(
            "residual_change",
            (_covers("residual_change", "residual"),),
            NOTHING_DONE + PERTURBED,
            ("null_*", *STEPPED, "responds_unevenly"),
        ),
        Case(
            "recovery_fraction",
            (_covers("recovery_fraction", "recovered"),),
            NOTHING_DONE + PERTURBED,
            ("null_*", *STEPPED, "responds_unevenly"),
        ),
        Case(
            "compensation_index",
            (_covers("compensation_index", "recovered"),),
            PERTURBED,
            (*STEPPED, "responds_unevenly"),
            _ACUTE,
        ),
        Case(
            "recovery_time",
            (
                _covers("recovery_time", "tau", "interval"),
                Quantity("claim", "recovery_time", "never_recovers", "a finite time"),
            ),
            NOTHING_DONE + PERTURBED,
            ("null_*", *STEPPED, "responds_unevenly"),
            {"bin_size": "duration/72"},
        ),
        Case(
            "overshoot",
            (Quantity("p", "overshoot_p", "no_overshoot", "p"),),
            NOTHING_DONE + PERTURBED,
            ("null_*", *STEPPED),
            {"window": "duration/72"},
        ),
        Case(
            "perturbation_depth",
            (_covers("perturbation_depth", "deepest"),),
            NOTHING_DONE + PERTURBED,
            ("null_*", *STEPPED),
            {"window": "duration/72"},
        ),
        Case(
            "set_point_change",
            (
                _covers("set_point_change", "zero", "spread"),
                _covers("set_point_change_median", "zero", "median"),
                Quantity("p", "set_point_change_levene_p", "nothing", "Levene"),
                Quantity("p", "set_point_change_kolmogorov_p", "nothing", "Kolmogorov"),
            ),
            NOTHING_DONE,
            ("null_*",),
            _EARLY_LATE,
        ),
        Case(
            "set_point_precision",
            (
                _covers("set_point_precision", "precision", "interval"),
                Quantity("p", "set_point_precision_p", "nothing", "p"),
            ),
            NOTHING_DONE,
            ("null_*",),
            layout="thirds",
        ),
        Case(
            "unit_stability",
            (
                _covers("unit_stability", "log_precision", "interval"),
                _covers("unit_stability_recovery", "recovered", "recovery"),
            ),
            ("recovers", "recovers_ou_10min", "recovers_culture", "stays_down"),
            ("recovers", "recovers_ou_10min", "recovers_culture", "stays_down"),
            layout="spaced",
        ),
        Case(
            "macro_stability",
            (Quantity("p", "macro_stability_p", "nothing", "p"),),
            NOTHING_DONE,
            ("null_*",),
        ),
        Case(
            "homeostatic_return",
            (Quantity("p", "homeostatic_return_p", "nothing", "p"),),
            NOTHING_DONE,
            ("null_*",),
            {"bin_size": "duration/360"},
            excludes=("many_blocks", "null_silences"),
        ),
        Case(
            "rank_preservation",
            (_covers("rank_preservation", "ranks"),),
            (*NOTHING_DONE, "recovers", "recovers_pink", "units_scatter"),
            ("null_*", *STEPPED),
            {"bin_size": "duration/360"},
        ),
        Case(
            "branching_parameter",
            (
                _covers("branching_parameter", "branching", "interval"),
                Quantity("claim", "branching_parameter", "no_branching", "found"),
                Quantity("p", "branching_parameter_coincidence_p", "no_branching", "coincidences"),
            ),
            BRANCHING,
            ("branching_*", "no_branching_*"),
        ),
        Case(
            "noise_correlation",
            (_covers("noise_correlation", "noise", epoch="baseline"),),
            TRIALS,
            ("trials_*",),
            {"end": 0.5},
        ),
        _fields(
            "coherence",
            _covers("coherence", "coherence", "interval"),
            Quantity("rejects", "coherence", "incoherent", "threshold"),
        ),
        _fields(
            "band_coherence",
            _covers("band_coherence", "coherence", "interval"),
            Quantity("p", "band_coherence_p", "incoherent", "p"),
        )._replace(parameters={**PAIRS, "exclude": [[46.0, 54.0]]}),
        _fields(
            "imaginary_coherence",
            _covers("imaginary_coherence", "no_imaginary", "interval"),
            Quantity("p", "imaginary_coherence_p", "no_lag", "p"),
        ),
        _fields(
            "partial_coherence",
            _covers("partial_coherence", "coherence", "interval"),
            Quantity("p", "partial_coherence_p", "incoherent", "p"),
        ),
        _fields(
            "weighted_phase_lag_index",
            _covers("weighted_phase_lag_index", "no_imaginary", "interval"),
            Quantity("p", "weighted_phase_lag_index_p", "no_lag", "p"),
        ),
        _fields(
            "coherence_change",
            _covers("coherence_change", "zero", "interval"),
            Quantity("p", "coherence_change_p", "nothing", "p"),
            layout="halves",
        ),
        Case(
            "information_rate",
            (_covers("information_rate", "information"),),
            INFORMATION,
            ("information_*",),
            {"segment": 4.0},
            excludes=("many_blocks",),
        ),
        _fields("power_spectrum", _covers("power_spectrum", "power"))._replace(
            conditions=("field_independent_1", "field_independent_2", "field_coherent_020"),
            every=("field_independent_*", "field_coherent_[0-9][0-9][0-9]"),
        ),
    )
}

# Metrics with an interval or a test that no condition fits, and those that have neither.
NOT_JUDGED = {
    "population_rate": "gives no interval and no test",
    "group_firing_rate": "gives no interval and no test",
    "rank_correlation": "gives no interval and no test",
    "welch_coherence": "gives no interval and no test",
    **dict.fromkeys(
        (
            "response_information_rate",
            "stimulus_coherence",
            "stimulus_reconstruction",
            "population_reconstruction",
            "direct_information_rate",
            "transfer",
        ),
        "the battery does not state its truth; stimuli are there",
    ),
    **dict.fromkeys(
        (
            "stimulus_information",
            "decoder_transfer",
            "decoding_accuracy",
            "discriminability",
            "linear_fisher_information",
            "noise_correlation_by_distance",
            "noise_correlation_by_rate",
            "population_vector_correlation",
            "representational_drift",
            "representational_similarity",
            "spike_time_jitter",
            "trial_reliability",
        ),
        "the battery does not state its truth; trials are there",
    ),
    **dict.fromkeys(
        ("position_error", "distance_information", "forgetting", "retention_half_life", "savings"),
        "no condition has a position, or learning over sessions",
    ),
    **dict.fromkeys(
        ("phase_locking", "pairwise_phase_consistency"), "no condition has spikes and fields"
    ),
    **dict.fromkeys(
        (
            "aperiodic_exponent",
            "band_power",
            "group_delay",
            "phase_amplitude_coupling",
            "phase_lag",
            "spectral_granger",
        ),
        "the battery does not state its truth; fields are there",
    ),
    **dict.fromkeys(
        (
            "participation_ratio",
            "population_oscillation_index",
            "population_synchrony",
            "set_point_by_state",
            "set_point_distribution",
            "set_point_fidelity",
            "unit_survival",
        ),
        "not written yet; the battery can serve it",
    ),
    "weight_scaling": "no condition has synaptic weights",
}
