"""The schemas as data: for each variable its dimensions and its unit, and the attributes that a dataset must have."""

import math
from typing import NamedTuple

SIGNALS = ("lfp", "lfp_proxy", "membrane_potential", "current", "state_variable", "population_rate", "unit_rate", "covariate")
ANY = "*"  # a unit that the dataset chooses
UNBOUNDED, NOT_NEGATIVE, SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0)  # what numbers may be


class Variable(NamedTuple):
    """What a schema says of one variable."""

    dims: tuple[str, ...]
    units: str | None  # None: not numeric
    long_name: str
    bounds: tuple[float, float] = UNBOUNDED


def _signal(name: str) -> dict[str, Variable]:
    return {
        name: Variable((f"{name}_channel", f"{name}_sample"), ANY, name.replace("_", " ")),
        f"{name}_first_sample": Variable(("segment",), "1", "index of the first sample of the segment"),
        f"{name}_sample_count": Variable(("segment",), "1", "samples in the segment; 0 where it was not recorded"),
        f"{name}_t_start": Variable(("segment",), "s", "time of the first sample of the segment"),
        f"{name}_formula": Variable((f"{name}_channel",), None, "what the channel is, of what a model computes"),
    }


ACTIVITY: dict[str, Variable] = {
    "segment_start": Variable(("segment",), "s", "start of observed time"),
    "segment_stop": Variable(("segment",), "s", "end of observed time"),
    "spike_time": Variable(("spike",), "s", "time of a spike"),
    "spike_count": Variable(("unit",), "1", "spikes of the unit (CF contiguous ragged array)"),
    "unit_kind": Variable(("unit",), None, "single, multi or simulated"),
    "cell_type": Variable(("unit",), None, "E, I or unknown"),
    "region": Variable(("unit",), None, "brain region or population"),
    "x": Variable(("unit",), "m", "position of the unit"),
    "y": Variable(("unit",), "m", "position of the unit"),
    "group_member": Variable(("group", "unit"), "1", "1: the unit belongs to the group, as of one stimulus"),
    "rate": Variable(("unit", "time"), "Hz", "firing rate"),
    "binned_count": Variable(("trial", "unit", "bin"), "1", "spikes in the bin"),
    "weight": Variable(("snapshot", "synapse"), ANY, "synaptic weight"),
    "snapshot_time": Variable(("snapshot",), "s", "time of the snapshot"),
    "pre": Variable(("synapse",), "1", "presynaptic unit"),
    "post": Variable(("synapse",), "1", "postsynaptic unit"),
    "projection": Variable(("synapse",), None, "projection of the synapse"),
    "weight_time": Variable(("weight_moment",), "s", "time at which all weights were looked at"),
    "weight_number": Variable(("weight_moment", "weight_projection"), "1", "synapses of the projection", NOT_NEGATIVE),
    "weight_mean": Variable(("weight_moment", "weight_projection"), ANY, "mean weight"),
    "weight_sd": Variable(("weight_moment", "weight_projection"), ANY, "standard deviation of the weights"),
    "weight_quantile": Variable(("weight_moment", "weight_projection", "weight_probability"), ANY, "quantile of the weights"),
    "weight_at_zero": Variable(("weight_moment", "weight_projection"), "1", "part of the weights that are 0", SHARE),
    "weight_at_max": Variable(("weight_moment", "weight_projection"), "1", "part at weight_max; NaN without one", SHARE),
    "weight_count": Variable(
        ("weight_moment", "weight_projection", "weight_bin"), "1", "synapses with a weight in the bin", NOT_NEGATIVE
    ),
    "weight_below": Variable(
        ("weight_moment", "weight_projection"), "1", "synapses with a weight below the first bin", NOT_NEGATIVE
    ),
    "weight_above": Variable(
        ("weight_moment", "weight_projection"), "1", "synapses with a weight above the last bin", NOT_NEGATIVE
    ),
    "weight_bin_low": Variable(("weight_projection", "weight_bin"), ANY, "where the bin starts"),
    "weight_bin_high": Variable(("weight_projection", "weight_bin"), ANY, "where the next bin starts; the last holds its end"),
    "covariate_bandwidth": Variable(("covariate_channel",), "Hz", "highest frequency of the covariate; NaN if unknown"),
    "trial_start": Variable(("trial",), "s", "start of the trial"),
    "trial_stop": Variable(("trial",), "s", "end of the trial"),
    "stimulus": Variable(("trial",), None, "label of the stimulus"),
    "epoch_start": Variable(("epoch",), "s", "start of the epoch"),
    "epoch_stop": Variable(("epoch",), "s", "end of the epoch"),
    "epoch_origin": Variable(("epoch",), None, "where the ends of the epoch come from"),
    "state_start": Variable(("state",), "s", "start of the state"),
    "state_stop": Variable(("state",), "s", "end of the state"),
    "curated_spikes": Variable(("curated",), "1", "spikes of a unit that came in", NOT_NEGATIVE),
    "curated_rate": Variable(("curated",), "Hz", "its rate in the time in which it was isolated"),
    "curated_presence": Variable(("curated",), "1", "part of the bins of that time in which it spikes", SHARE),
    "curated_violations": Variable(("curated",), "1", "part of its intervals that are shorter than the refractory period", SHARE),
    "curated_width": Variable(("curated",), "s", "from trough to peak of its waveform; NaN if it is not known"),
    "curated_rule": Variable(("curated",), None, "rule that dropped it; empty: it was kept"),
    "observed": Variable(("unit", "segment"), "1", "0: not isolated in this segment, never counted as silent"),
} | {key: value for name in SIGNALS for key, value in _signal(name).items()}

SPANS = ("epoch", "trial", "state")  # have a start and a stop

MEASURE_DIMS = {
    *("replicate", "unit", "pair", "frequency", "band", "lag", "time", "epoch", "state", "segment", "trial"),
    *("stimulus", "channel", "snapshot", "parameter", "variable", "moment", "projection", "draw"),
}
LONG = ("unit", "pair", "channel")  # dimensions of a measure that run over all its replicates, one after the other
LABELLED = ("band", "state", "parameter", "variable", "moment", "projection")  # values along these are unlike, and never averaged
_CELL = ("target", "contrast", "metric", "candidate")
_CONTRAST = ("target", "contrast", "metric")
_LOCATED = ("contrast", "metric", "source")
_OF_SUBJECT = ("contrast", "metric", "source", "subject")
COMPARISON: dict[str, Variable] = {
    "difference": Variable(_CELL, ANY, "candidate less target; of a relative metric the logarithm of their ratio"),
    "difference_low": Variable(_CELL, ANY, "95 % interval of difference, low"),
    "difference_high": Variable(_CELL, ANY, "95 % interval of difference, high"),
    "difference_low_90": Variable(_CELL, ANY, "90 % interval of difference, low"),
    "difference_high_90": Variable(_CELL, ANY, "90 % interval of difference, high"),
    "difference_unit": Variable(
        _CELL, None, "of a relative metric log ratio, or of the target's mean where a value is 0; else its unit"
    ),
    "difference_over": Variable(_CELL, None, "what the intervals are over, and for whom the verdict holds"),
    "margin_low": Variable(_CELL, ANY, "the smallest negative difference that matters; NaN without a margin"),
    "margin_high": Variable(_CELL, ANY, "the smallest positive difference that matters; NaN without a margin"),
    "margin_from": Variable(_CELL, None, "stated by the study, the default, or why there is none"),
    "comparable": Variable(_CELL, "1", "1: the two can be compared"),
    "reason": Variable(_CELL, None, "why not, where comparable is 0"),
    "fitted": Variable(_CELL, "1", "1: was set from the data, gets no verdict"),
    "verdict": Variable(_CELL, None, "agrees, differs, cannot tell, fitted, not comparable or untestable"),
    "n_needed": Variable(_CELL, "1", "how many subjects would decide at 80 % power, where it cannot tell", NOT_NEGATIVE),
    "needed": Variable(_CELL, None, "the same in words: subjects, or times the observed time"),
    "hedges_g": Variable(_CELL, "1", "difference of means in pooled standard deviations of subjects"),
    "hedges_g_low": Variable(_CELL, "1", "95 % interval of hedges_g, low"),
    "hedges_g_high": Variable(_CELL, "1", "95 % interval of hedges_g, high"),
    "predictive_p": Variable(
        _CELL, "1", "two-sided probability of a location as far out as the target's if the candidate were true", SHARE
    ),
    "predictive_p_least": Variable(_CELL, "1", "the least that it can be with so many subjects and realisations", SHARE),
    "noise_ceiling": Variable(_CONTRAST, ANY, "median distance between two random halves of the target, where asked for"),
    "null_location": Variable(_CONTRAST, ANY, "median over surrogates of the target, where asked for"),
    "surrogate_p": Variable(_CONTRAST, "1", "two-sided probability of the target's location among its surrogates", SHARE),
    "location": Variable(_LOCATED, ANY, "mean over subjects; of relative changes the geometric mean"),
    "location_low": Variable(_LOCATED, ANY, "95 % interval of location over subjects, low"),
    "location_high": Variable(_LOCATED, ANY, "95 % interval of location over subjects, high"),
    "location_reason": Variable(_LOCATED, None, "why there is no location, where it is missing"),
    "location_within_low": Variable(_LOCATED, ANY, "95 % interval of these subjects alone, where they are too few, low"),
    "location_within_high": Variable(_LOCATED, ANY, "95 % interval of these subjects alone, where they are too few, high"),
    "location_over": Variable(_LOCATED, None, "which levels the intervals of location are over, and which were not resampled"),
    "change_p": Variable(_LOCATED, "1", "probability of such a change if there were none, of contrasts that are changes", SHARE),
    "change_p_holm": Variable(_LOCATED, "1", "the same, adjusted (Holm) for all changes of the source in this study", SHARE),
    "equivalence_p": Variable(
        _LOCATED, "1", "probability of being so near to the declared value if the truth were at a margin (TOST)", SHARE
    ),
    "equivalence_p_holm": Variable(
        _LOCATED, "1", "the same, adjusted (Holm) for all equivalences of the source in this study", SHARE
    ),
    "spread": Variable(_LOCATED, ANY, "standard deviation over subjects", NOT_NEGATIVE),
    "subject_location": Variable(_OF_SUBJECT, ANY, "value of each subject behind location; of its own slope"),
    "n_subjects": Variable(
        _LOCATED, "1", "subjects behind location, each compared with itself unless n_first says otherwise", NOT_NEGATIVE
    ),
    "n_first": Variable(
        _LOCATED,
        "1",
        "subjects at the first level, where they are others than those at the second (n_subjects); else 0",
        NOT_NEGATIVE,
    ),
    "n_left_out": Variable(
        _LOCATED, "1", "subjects of the contrast without a value, or with one of two levels only", NOT_NEGATIVE
    ),
}
INTERVALS = (  # value, and the ends of the interval that it lies in; all of t, Fieller, or what inverts a test around the value
    ("difference", "difference_low", "difference_high"),
    ("difference", "difference_low_90", "difference_high_90"),
    ("hedges_g", "hedges_g_low", "hedges_g_high"),
    ("location", "location_low", "location_high"),
)
REFUSALS = ("not comparable", "untestable")  # verdicts where comparable is 0
OWN = "of the estimate itself"  # what an interval is over that a metric gives with its value
UNIT = Variable(("contrast", "metric", "source"), None, "unit of location and spread")  # a coordinate of comparison/2
# How the `reason` of a cell begins that the study does not ask for; any other is of a comparison that could not be made.
NO_DATA = "no replicate with "  # how the `location_reason` begins of a level that the recordings do not hold
NOT_ASKED = ("the contrast does not ask for this metric", "not a candidate for ", "the target itself")
_OF_CLAIMS: dict[str, tuple[str | None, str]] = {
    "title": (None, "what is claimed"),
    "study": (None, "study that tests it; empty: not built"),
    "verdict": (None, "holds, fails, fragile, untestable, reported only or not built"),
    "reason": (None, "why it is not another"),
    "statistic": (None, "statistic of which value, interval and p are"),
    "value_units": (None, "unit of value, its interval and its band"),
    "recordings": (None, "what recordings say"),
    "robustness": (None, "where else it holds"),
    "size": (None, "size of the models"),
    "value": (ANY, "mean over realisations"),
    "low": (ANY, "95 % interval over realisations, low"),
    "high": (ANY, "95 % interval over realisations, high"),
    "n": ("1", "realisations"),
    "at_least": (ANY, "lower end of the band that was set beforehand"),
    "at_most": (ANY, "upper end of the band that was set beforehand"),
    "is_strict": ("1", "1: the band does not hold its ends (more than, less than); else 0"),
    "is_whole_interval": ("1", "1: the interval must lie in the band, too, where there is one; else 0"),
    "p": ("1", "one-sided probability of such values if the statistic were no better than its margin"),
    "p_holm": ("1", "the same, adjusted (Holm) for all claims of the table"),
    "share": ("1", "part of the points of the sweep in which it holds"),
    "seconds": ("s", "time that all its jobs took"),
}
_SHARES = ("p", "p_holm", "share")
CLAIMS = {
    name: Variable(("claim",), units, long_name, SHARE if name in _SHARES else UNBOUNDED)
    for name, (units, long_name) in _OF_CLAIMS.items()
}
SCHEMAS = ("activity/1", "measure/1", "comparison/2", "sweep/1", "claims/1")
RULE = {"activity/1": "ingest or simulate", "measure/1": "measure", "comparison/2": "compare"}
RULE |= {"sweep/1": "sweep", "claims/1": "claims_overview"}
SOURCE_KINDS = ("recording", "model")
ATTRIBUTES = {
    "activity/1": ("source", "source_kind", "replicate", "subject", "session", "factors", "citation", "bookkeeping"),
    "measure/1": ("source", "source_kind", "metric", "not_applicable"),
    "comparison/2": ("study",),
    "sweep/1": ("source_kind", "metrics", "bookkeeping"),
    "claims/1": (),
}
CONTENT = ("spike_time", "rate", "binned_count", *SIGNALS[:-1], "weight", "weight_count")  # an activity has at least one of them
