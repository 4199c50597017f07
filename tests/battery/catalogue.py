"""The battery's registry: every condition by name, what is true of it, and where it comes from."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .coding import CHANGES, branch, drift_together, present
from .experiments import (
    CohortDesign,
    Design,
    Perturbation,
    compare_with_model,
    perform,
    perform_cohort,
)
from .fields import (
    draw_artefacts,
    draw_coherent,
    draw_common_gain,
    draw_common_line,
    draw_independent,
)
from .information import Encoding, present_stimulus
from .rates import DAY, HOUR, NONE, Fluctuation
from .sources import SOURCES
from .trains import POISSON, NetworkBursts, Spiking

TRUTHS = {
    "unit_rate": "long-run rate (Hz) of each unit without a perturbation; NaN if there is none",
    "mean_rate": "mean over these units of unit_rate",
    "expected_mean_rate": "mean over these units of the base rates; expectation over realisations",
    "population_mean_rate": "mean of unit_rate over the population that units are drawn from",
    "population_log_rate": "mean over that population of the natural logarithm of unit_rate",
    "population_log_rate_sd": "standard deviation over units of that logarithm",
    "epoch_factor": "epoch: long-run rate of all these units in it, relative to the baseline's",
    "unit_epoch_factor": "epoch: the same of each unit",
    "log_ratio": "epoch: natural logarithm of epoch_factor; of a walk, of expectations",
    "mean_unit_log_ratio": "epoch: mean over these units of the logarithm of unit_epoch_factor",
    "unit_log_ratio_sd": "epoch: standard deviation over these units of that logarithm",
    "realised_epoch_rate": "epoch: mean of each unit's intensity given this fluctuation (Hz)",
    "is_changed": "whether any epoch has another long-run rate than the baseline",
    "is_stationary": "whether one long-run rate holds throughout",
    "depth": "1 - factor of the population at the extremum",
    "tau": "time constant of the recovery (s); inf: none; NaN: nothing to recover from",
    "end_factor": "factor of the population after infinite time",
    "recovery_fraction": "from the epoch perturbation to the epoch recovery, of epoch_factor",
    "asymptotic_recovery_fraction": "from the extremum to infinite time",
    "overshoot": "part of the baseline rate by which the end lies beyond the baseline",
    "rank_correlation": "Spearman's, over these units, of long-run rates in baseline and recovery",
    "fluctuation": "process of the log rates, with its sd, time constant and shared fraction",
    "spiking": "how units fire, given their rates",
    "blocks": "epoch: its length over the time in which the fluctuation is sampled anew",
    "lost_at": "time (s) at which each unit is lost; NaN: never",
    "information_rate": "epoch: what a linear reconstruction of the stimulus from each unit tells "
    "at least (bit/s): minus the integral of log2(1 - coherence) up to the cut-off",
}


class Condition(NamedTuple):
    """One member of the battery."""

    name: str
    group: str
    generate: Callable[[np.random.Generator], Any]  # Recording, Cohort or Comparison
    description: str  # one sentence
    sources: tuple[str, ...]  # keys of SOURCES
    respects: frozenset[str]  # of ASSUMPTIONS
    breaks: frozenset[str]  # of ASSUMPTIONS


ASSUMPTIONS = {
    "stationary": "each unit has one long-run rate, to which longer epochs converge",
    "independent_units": "units share neither fluctuations nor bursts",
    "independent_time": "counts in separate windows are independent",
    "many_blocks": "each epoch holds at least 10 independent pieces of the fluctuation",
    "poisson": "counts in short windows have the variance of their mean",
    "all_observed": "every unit is isolated throughout",
    "constant_amplitude": "the variance of a field does not change in time",
    "no_artefacts": "channels share no line and no artefact",
    "subjects_alike": "subjects do not differ beyond their units",
}

CONDITIONS: dict[str, Condition] = {}  # generate returns a Recording
COHORTS: dict[str, Condition] = {}  # generate returns a Cohort
COMPARISONS: dict[str, Condition] = {}  # generate returns a Comparison


def add(
    registry: dict[str, Condition],
    name: str,
    group: str,
    generate: Callable[[np.random.Generator], Any],
    description: str,
    sources: tuple[str, ...],
    breaks: set[str],
) -> None:
    """Register a condition; whatever it does not break, it respects."""
    unknown = [key for key in sources if key not in SOURCES] + sorted(breaks - set(ASSUMPTIONS))
    if name in CONDITIONS or name in COHORTS or name in COMPARISONS or unknown:
        raise ValueError(f"condition {name}: name is taken, or unknown are {unknown}")
    respects = frozenset(ASSUMPTIONS) - breaks
    registry[name] = Condition(
        name, group, generate, description, sources, respects, frozenset(breaks)
    )


def breaks_of(fluctuation: Fluctuation, spiking: Spiking, shortest: float) -> set[str]:
    """Return the assumptions that a fluctuation and a way of firing break.

    shortest: length of the shortest epoch (s).
    """
    broken: set[str] = set()
    if fluctuation.kind != "none":
        broken |= {"independent_time"}
        broken |= (
            {"independent_units"} if fluctuation.shared or fluctuation.kind == "states" else set()
        )
        broken |= set() if fluctuation.is_stationary else {"stationary"}
        memory = {"ou": 2 * fluctuation.tau, "states": 300.0, "silences": 2 * fluctuation.tau}
        broken |= {"many_blocks"} if shortest < 10 * memory.get(fluctuation.kind, np.inf) else set()
    if spiking.kind != "poisson":
        broken |= {"poisson"}
    if spiking.kind == "network_bursts":
        broken |= {"independent_units", "independent_time"}
        bursts = spiking.network or NetworkBursts()
        broken |= set() if bursts.fluctuation.is_stationary else {"stationary"}
        broken |= {"many_blocks"} if shortest * bursts.rate < 10 else set()
        slow = bursts.fluctuation
        if slow.kind != "none" and not (slow.kind == "ou" and shortest >= 20 * slow.tau):
            broken |= {"many_blocks"}
    return broken


CULTURE = Design(HOUR, Perturbation(HOUR / 3), HOUR / 6)
IN_VIVO = Design(6 * HOUR, Perturbation(2 * HOUR), HOUR / 2)
CONTINUOUS = Design(9 * DAY, Perturbation(3 * DAY), DAY, n_units=10, median_rate=0.05)


def _shares(text: float) -> str:
    return f"{100 * text:.0f}".zfill(3)


def _null(name: str, design: Design, what: str, sources: tuple[str, ...]) -> None:
    breaks = breaks_of(
        design.fluctuation, design.spiking, min(design.window, design.perturbation.onset)
    )
    if design.lost and not design.is_loss_declared:
        breaks |= {"all_observed"}
    add(CONDITIONS, name, "nothing done", partial(perform, design), what, sources, breaks)


def _add_nothing_done() -> None:
    say = "nothing is done"
    _null("null_poisson", CULTURE, f"Poisson units of constant rate, 1 h; {say}", ("mizuseki2013",))
    _null(
        "null_wide_rates",
        CULTURE._replace(rate_sd=1.4, n_units=60),
        f"60 Poisson units whose constant rates span three decades, 1 h; {say}",
        ("mizuseki2013", "buzsaki2014"),
    )
    for kind, what in {
        "refractory": "units with a dead time of 3 ms",
        "gamma": "units that fire regularly (gamma order 4, CV 0.5)",
        "doublets": "units that follow 30 % of spikes by another 3 to 8 ms later",
        "unit_bursts": "units with bursts of their own, 4 spikes on average",
    }.items():
        source = {"refractory": "berry1998", "gamma": "maimon2009"}.get(kind, "ranck1973")
        rate = 20.0 if kind == "refractory" else CULTURE.median_rate
        spread = 0.5 if kind == "refractory" else CULTURE.rate_sd
        design = CULTURE._replace(
            spiking=Spiking(kind), median_rate=rate, rate_sd=spread, n_units=20
        )
        _null(f"null_{kind}", design, f"{what}, constant rates, 1 h; {say}", (source,))
    times = {"10s": 10.0, "1min": 60.0, "10min": 600.0, "30min": 1800.0, "2h": 7200.0}
    for label, tau in times.items():
        design = CULTURE if tau < 600 else IN_VIVO
        for shared in (0.0, 0.2, 0.5, 1.0):
            fluctuation = Fluctuation("ou", 0.4, tau, shared)
            name = f"null_ou_{label}_shared{_shares(shared)}"
            what = (
                f"log rates fluctuate by 0.4 (OU, {label}), correlation {shared:g} between units, "
                f"{design.duration / HOUR:g} h; {say}"
            )
            _null(name, design._replace(fluctuation=fluctuation), what, ("goris2014", "okun2015"))
    for shared in (0.0, 0.2, 0.5, 1.0):
        pink = IN_VIVO._replace(fluctuation=Fluctuation("pink", 0.5, shared=shared))
        what = f"log rates fluctuate by 0.5 (1/f), correlation {shared:g}, 6 h; {say}"
        _null(f"null_pink_shared{_shares(shared)}", pink, what, ("gal2010", "soudry2014"))
        walk = IN_VIVO._replace(fluctuation=Fluctuation("walk", 0.2, shared=shared))
        what = (
            f"log rates drift (random walk, 0.2 after an hour), correlation {shared:g}, 6 h; {say}"
        )
        _null(f"null_walk_shared{_shares(shared)}", walk, what, ("cohen2011", "gal2010"))
    for shared in (0.0, 1.0):
        design = CONTINUOUS._replace(fluctuation=Fluctuation("circadian", 0.25, shared=shared))
        how = "in phase" if shared else "each with its own phase"
        what = f"log rates follow a circadian cosine (sd 0.25), units {how}, 9 days; {say}"
        _null(f"null_circadian_9d_shared{_shares(shared)}", design, what, ("hengen2016",))
        short = IN_VIVO._replace(fluctuation=Fluctuation("circadian", 0.25, shared=shared))
        what = f"the same circadian cosine, units {how}, seen for 6 h only; {say}"
        _null(f"null_circadian_6h_shared{_shares(shared)}", short, what, ("hengen2016",))
    for shared in (0.0, 0.5, 1.0):
        design = IN_VIVO._replace(fluctuation=Fluctuation("states", 0.3, shared=shared))
        what = (
            f"gains depend on wake, NREM and REM, {100 * shared:g} % of the effect alike in all "
            f"units, 6 h; {say}"
        )
        _null(f"null_states_shared{_shares(shared)}", design, what, ("watson2016", "hengen2016"))
    _null(
        "null_silences",
        IN_VIVO._replace(fluctuation=Fluctuation("silences", tau=900.0, silent=0.25)),
        f"each unit is silent a quarter of the time, 15 min at once, 6 h; {say}",
        ("shoham2006",),
    )
    _null(
        "null_units_lost",
        IN_VIVO._replace(lost=0.2),
        f"a fifth of the units is lost after 2 h and looks silent from then on, 6 h; {say}",
        ("hengen2016",),
    )
    _null(
        "null_units_lost_declared",
        IN_VIVO._replace(lost=0.2, is_loss_declared=True),
        f"a fifth of the units is lost after 2 h, and the recording says so, 6 h; {say}",
        ("hengen2016",),
    )


BURSTS = NetworkBursts()
CULTURES = {
    "": (BURSTS, "at 0.08 Hz"),
    "_slow": (NetworkBursts(rate=0.02, irregularity=0.8, duration=1.0, share=0.85), "at 0.02 Hz"),
    "_fast": (NetworkBursts(rate=0.4, duration=0.2, share=0.5), "at 0.4 Hz"),
    "_fluctuating": (
        BURSTS._replace(fluctuation=Fluctuation("ou", 0.4, 300.0)),
        "at 0.08 Hz, a rate that fluctuates by 0.4 within 5 min",
    ),
    "_drifting": (
        BURSTS._replace(fluctuation=Fluctuation("walk", 0.5)),
        "at 0.08 Hz, a rate that drifts by 0.5 within an hour",
    ),
}


def _add_cultures() -> None:
    for suffix, (bursts, what) in CULTURES.items():
        design = CULTURE._replace(
            spiking=Spiking("network_bursts", network=bursts), median_rate=0.8, n_units=40
        )
        text = f"a culture whose units all burst together {what}, 1 h; nothing is done"
        _null(f"null_culture{suffix}", design, text, ("wagenaar2006", "gritsun2011"))


DROP = Perturbation(2 * HOUR, depth=0.4, tau=HOUR)


def _perturbed(name: str, design: Design, what: str, sources: tuple[str, ...]) -> None:
    shortest = min(design.window, design.perturbation.onset)
    breaks = breaks_of(design.fluctuation, design.spiking, shortest) | {"stationary"}
    add(CONDITIONS, name, "perturbed", partial(perform, design), what, sources, breaks)


def _add_perturbed() -> None:
    noises = {
        "": (NONE, "constant otherwise"),
        "_ou_10min": (Fluctuation("ou", 0.4, 600.0, 0.2), "with OU (10 min, sd 0.4, shared 0.2)"),
        "_ou_30min": (Fluctuation("ou", 0.4, 1800.0, 0.5), "with OU (30 min, sd 0.4, shared 0.5)"),
        "_ou_2h": (Fluctuation("ou", 0.4, 7200.0, 0.5), "with OU (2 h, sd 0.4, shared 0.5)"),
        "_pink": (Fluctuation("pink", 0.5, shared=0.5), "with 1/f noise (sd 0.5, shared 0.5)"),
    }
    courses = {
        "recovers": (DROP, "drop by 60 % and return with a time constant of 1 h"),
        "recovers_half": (DROP._replace(end=0.7), "drop by 60 % and return half way within 1 h"),
        "stays_down": (DROP._replace(tau=np.inf), "drop by 60 % and stay there"),
    }
    for name, (perturbation, course) in courses.items():
        for suffix, (fluctuation, how) in noises.items():
            design = IN_VIVO._replace(perturbation=perturbation, fluctuation=fluctuation)
            text = f"rates of 30 units {course}, {how}; 6 h"
            _perturbed(f"{name}{suffix}", design, text, ("slomowitz2015", "turrigiano2008"))
    more = {
        "overshoots": (DROP._replace(end=1.3), "drop by 60 % and end 30 % above the baseline"),
        "rises_and_recovers": (DROP._replace(depth=2.0), "double and return with 1 h"),
        "responds_unevenly": (
            DROP._replace(depth_sd=0.6, end_sd=0.0),
            "drop by 60 %, by factors that differ between units (log sd 0.6), and return with 1 h",
        ),
        "population_returns": (
            DROP._replace(end_sd=0.6, is_conserved=True),
            "drop by 60 %; the population returns exactly, each unit to another rate (log sd 0.6)",
        ),
        "units_scatter": (
            DROP._replace(end_sd=0.6),
            "drop by 60 %; each unit returns to a rate of its own (log sd 0.6)",
        ),
    }
    for name, (perturbation, course) in more.items():
        text = f"rates of 30 units {course}; 6 h"
        source = ("torrado2021",) if name.startswith("rises") else ("slomowitz2015",)
        _perturbed(name, IN_VIVO._replace(perturbation=perturbation), text, source)
    culture = IN_VIVO._replace(
        perturbation=DROP, spiking=Spiking("network_bursts", network=BURSTS), n_units=40
    )
    text = "a culture that bursts at 0.08 Hz loses 60 % of its spikes and returns with 1 h; 6 h"
    _perturbed("recovers_culture", culture, text, ("slomowitz2015", "wagenaar2006"))
    deprived = Perturbation(3 * DAY, depth=0.6, tau=DAY, drop=2 * DAY)
    for name, end, what in (
        ("deprivation", 1.0, "return with a time constant of 24 h"),
        ("deprivation_incomplete", 0.8, "return half way with a time constant of 24 h"),
    ):
        design = CONTINUOUS._replace(
            perturbation=deprived._replace(end=end),
            fluctuation=Fluctuation("circadian", 0.25, shared=0.5),
        )
        text = f"rates fall by 40 % within 2 days and {what}, over a circadian cosine; 9 days"
        _perturbed(name, design, text, ("hengen2013", "hengen2016"))


SHORT = Design(60.0, Perturbation(30.0), 15.0, median_rate=2.0, n_units=20)
TEN_MINUTES = Design(600.0, Perturbation(300.0), 150.0, median_rate=1.0, n_units=20)
SIX_HOURS = Design(6 * HOUR, Perturbation(3 * HOUR), HOUR, median_rate=0.2, n_units=20)
RECOVERING = SIX_HOURS._replace(
    perturbation=DROP, window=HOUR / 2, fluctuation=Fluctuation("ou", 0.4, 1800.0, 0.5)
)
BURSTING = Spiking("network_bursts", network=BURSTS)
LENGTHS = {
    "60s": SHORT,
    "10min": TEN_MINUTES,
    "6h": SIX_HOURS,
}
KINDS: dict[str, tuple[Fluctuation, Spiking, str]] = {
    "poisson": (NONE, POISSON, "Poisson units"),
    "bursting": (NONE, BURSTING, "units that burst together"),
    "drifting": (
        Fluctuation("ou", 0.5, 1800.0, 0.5),
        POISSON,
        "units whose log rates fluctuate together (OU, 30 min, sd 0.5, shared 0.5)",
    ),
}


def _add_cohorts() -> None:
    for icc in (0.0, 0.1, 0.3, 0.5):
        for n in (3, 8):
            text = f"{n} subjects of 20 Poisson units, 10 min; ICC of log rates {icc:g}"
            _cohort(f"cohort_icc{_shares(icc)}_n{n}", CohortDesign(TEN_MINUTES, n, icc), text)
    for label, design in LENGTHS.items():
        for kind, (fluctuation, spiking, what) in KINDS.items():
            recording = design._replace(fluctuation=fluctuation, spiking=spiking)
            text = f"8 subjects of 20 {what}, {label}; ICC of log rates 0.3; nothing changes"
            _cohort(f"cohort_{kind}_{label}", CohortDesign(recording), text)
    for icc in (0.3, 1.0):
        for n in (4, 8, 20):
            unchanged = CohortDesign(TEN_MINUTES, n, 0.3, change_sd=0.5, change_icc=icc)
            text = (
                f"{n} subjects whose units change by a factor of log sd 0.5 and log mean 0 "
                f"(ICC of changes {icc:g}): on the log scale set points are unchanged"
            )
            _cohort(f"cohort_unchanged_icc{_shares(icc)}_n{n}", unchanged, text)
    for n in (4, 8, 20):
        slow = TEN_MINUTES._replace(fluctuation=Fluctuation("ou", 0.5, 600.0, 1.0))
        text = (
            f"{n} subjects, the rate of each fluctuates by 0.5 (OU, 10 min, all units alike) in "
            "10 min; nothing changes, and the mean ratio of two epochs is above 1 none the less"
        )
        _cohort(f"cohort_fluctuating_n{n}", CohortDesign(slow, n), text)
    changed = CohortDesign(TEN_MINUTES, 8, 0.3, change=np.log(0.7), change_sd=0.3, change_icc=1.0)
    text = "8 subjects whose rates fall by 30 % in the geometric mean, all units of one alike"
    _cohort("cohort_changed", changed, text)
    for n in (4, 8):
        text = (
            f"{n} subjects whose rates drop by 60 % and return with 1 h, each with OU (30 min); 6 h"
        )
        _cohort(f"cohort_recovers_n{n}", CohortDesign(RECOVERING, n), text)


def _cohort(name: str, design: CohortDesign, what: str) -> None:
    d = design.recording
    breaks = breaks_of(d.fluctuation, d.spiking, d.window)
    breaks |= {"subjects_alike"} if design.icc or design.change_icc else set()
    generate = partial(perform_cohort, design)
    add(COHORTS, name, "subjects", generate, what, ("aarts2014", "saravanan2020"), breaks)


def _add_comparisons() -> None:
    for n in (3, 5, 10, 40):
        for label, design in LENGTHS.items():
            for kind, (fluctuation, spiking, what) in KINDS.items():
                if n == 40 and (label == "6h" or kind != "poisson"):
                    continue
                recording = design._replace(fluctuation=fluctuation, spiking=spiking)
                cohort = CohortDesign(recording, n)
                text = f"{n} recordings of 20 {what}, {label}; the model is their generator"
                _comparison(f"true_model_{kind}_{label}_n{n}", cohort, 1.0, text)
    for n in (3, 5, 10):
        text = f"{n} recordings of 20 units that drop by 60 % and return with 1 h, 6 h, with OU "
        text += "(30 min); the model is their generator"
        _comparison(f"true_model_recovers_n{n}", CohortDesign(RECOVERING, n), 1.0, text)
    for n in (5, 10, 40):
        for factor in (1.1, 1.25, 1.5, 2.0):
            cohort = CohortDesign(TEN_MINUTES, n)
            text = (
                f"{n} recordings of 20 Poisson units, 10 min; the model's rates are {factor:g}-fold"
            )
            _comparison(f"model_off_{round(100 * factor)}_n{n}", cohort, factor, text)


def _comparison(name: str, design: CohortDesign, factor: float, what: str) -> None:
    d = design.recording
    breaks = breaks_of(d.fluctuation, d.spiking, d.window) | {"subjects_alike"}
    generate = partial(compare_with_model, design, factor, min(design.n_subjects, 10))
    add(COMPARISONS, name, "model against recordings", generate, what, ("aarts2014",), breaks)


def _add_fields() -> None:
    def put(name: str, generate: Callable[..., Any], what: str, *source: str) -> None:
        broken = {"constant_amplitude"} if "gain" in name or "up_states" in name else set()
        broken |= {"no_artefacts"} if name in ("line", "artefacts") else set()
        add(CONDITIONS, f"field_{name}", "fields", generate, what, source, broken)

    for exponent in (1.0, 2.0):
        what = f"two independent fields of power 1/f^{exponent:g}"
        put(f"independent_{exponent:g}", partial(draw_independent, exponent), what, "he2014")
    for kind, what in {
        "ou": "two independent fields whose amplitudes fluctuate together within 1 s",
        "up_states": "two independent fields that are small in common down states",
        "spindles": "two independent fields with spindles at common times and random phases",
    }.items():
        put(f"gain_{kind}", partial(draw_common_gain, kind), what, "srinath2014", "torao2021")
    put("line", draw_common_line, "two independent fields with the same 50-Hz line", "srinath2014")
    put("artefacts", draw_artefacts, "two independent fields with common artefacts", "srinath2014")
    for coherence in (0.05, 0.2, 0.5):
        for has_gain in (False, True):
            suffix = "_up_states" if has_gain else ""
            what = f"two fields of coherence {coherence:g}"
            what += ", small in common down states" if has_gain else ""
            draw = partial(draw_coherent, coherence, has_gain)
            put(f"coherent_{_shares(coherence)}{suffix}", draw, what, "srinath2014")


def _add_coding() -> None:
    def put(name: str, generate: Callable[..., Any], what: str, source: str, *broken: str) -> None:
        add(CONDITIONS, name, "coding", generate, what, (source,), set(broken))

    for change in CHANGES:
        text = f"20 tuned Poisson units; in the second half of the trials the code is: {change}"
        put(f"trials_{change}", partial(present, change, NONE, False), text, "goris2014")
    for shared in (0.0, 0.2, 0.5):
        fast = Fluctuation("ou", 0.4, 1.0, shared)
        text = f"tuned units with a gain that is new in each trial, correlation {shared:g}"
        draw = partial(present, "nothing", fast, True)
        put(f"trials_gain_fast_shared{_shares(shared)}", draw, text, "goris2014", "poisson")
        for label, slow in {
            "1min": Fluctuation("ou", 0.4, 60.0, shared),
            "pink": Fluctuation("pink", 0.4, shared=shared),
        }.items():
            text = f"tuned units whose gain drifts ({label}), correlation {shared:g}"
            draw = partial(present, "nothing", slow, False)
            name = f"trials_gain_{label}_shared{_shares(shared)}"
            put(name, draw, text, "cohen2011", "independent_time", "many_blocks")
    for m in (0.9, 0.98, 0.995):
        text = f"50 of 1000 neurons of a branching network, m = {m:g}, 5 min"
        put(f"branching_{1000 * m:.0f}", partial(branch, m, 50), text, "wilting2018")
    for label, gain in {
        "none": NONE,
        "ou_1s": Fluctuation("ou", 0.4, 1.0, 1.0),
        "ou_10s": Fluctuation("ou", 0.4, 10.0, 1.0),
        "ou_1min": Fluctuation("ou", 0.4, 60.0, 1.0),
        "pink": Fluctuation("pink", 0.4, shared=1.0),
    }.items():
        text = f"50 independent units whose rates fluctuate together ({label}), 5 min: no branching"
        broken = () if label == "none" else ("independent_units", "independent_time")
        draw = partial(drift_together, gain, 50)
        put(f"no_branching_{label}", draw, text, "deheuvel2020", *broken)


LINEAR = Encoding()
EXPONENTIAL = Encoding(600.0, 20.0, (20.0, 10.0, 40.0, 20.0), (0.0, 0.4, 0.4, 0.8), "exponential")
FAST = Encoding(300.0, 100.0, (20.0, 40.0, 80.0), (0.3, 0.3, 0.3))
DEAF = LINEAR._replace(gains=(0.0,) * 4)
EXCITABILITY = Fluctuation("ou", 0.4, 10.0, 0.5)
SYNAPTIC = Fluctuation("ou", 0.6, 0.02)
DOUBLETS = Spiking("doublets")


def _add_information() -> None:
    def put(name: str, encoding: Encoding, what: str, *sources: str) -> None:
        shortest = min(stop - start for start, stop in encoding.epochs.values())
        broken = breaks_of(encoding.fluctuation, encoding.spiking, shortest)
        # A stimulus is a fluctuation, faster than many windows, of all units that encode it.
        n_encoding = np.count_nonzero(encoding.gains)
        broken |= {"independent_time", "poisson"} if n_encoding else set()
        broken |= {"independent_units"} if n_encoding > 1 else set()
        generate = partial(present_stimulus, encoding)
        text = f"{what}; stimulus up to {encoding.cut_off:g} Hz, {encoding.duration:g} s"
        all_sources = ("borst1999", *sources)
        add(CONDITIONS, f"information_{name}", "information", generate, text, all_sources, broken)

    low = LINEAR._replace(gains=(0.2,) * 4)
    text = "4 Poisson units of 5 to 40 Hz whose rates follow the stimulus by 20 %"
    put("linear_low", low, text, "bernardi2015")
    text = "3 Poisson units of 20 to 80 Hz whose rates follow the stimulus by 30 %"
    put("linear_100hz", FAST, text, "bernardi2015")
    text = "4 Poisson units of 5 to 40 Hz whose rates follow the stimulus by 100 %, never below 0"
    put("rectified", LINEAR._replace(gains=(1.0,) * 4), text, "gabbiani1996")
    encoders = "Poisson units whose log rates follow the stimulus by 0.4 or 0.8"
    text = f"{encoders}, one not at all"
    put("exponential", EXPONENTIAL, text, "rieke1997")
    filtered = FAST._replace(gains=(0.7,) * 3, kind="exponential", latency=0.03, membrane=0.01)
    text = "3 Poisson units whose log rates follow it by 0.7, after 30 ms and a low-pass of 10 ms"
    put("lowpass_100hz", filtered, text, "rieke1997")
    few = Encoding(60.0, 20.0, (5.0,) * 3, (0.0, 0.5, 1.0), "exponential")
    text = "3 Poisson units of 5 Hz whose log rates follow the stimulus by 0, 0.5 and 1"
    put("few_spikes", few, text, "rieke1997")
    for label, tau in {"10s": 10.0, "1min": 60.0}.items():
        slow = EXPONENTIAL._replace(fluctuation=EXCITABILITY._replace(tau=tau))
        text = f"{encoders} or not at all, and excitability by 0.4 (OU, {label}), correlation 0.5"
        put(f"ou_{label}", slow, text, "goris2014", "okun2015")
    for shared in (0.0, 0.5):
        noise = EXPONENTIAL._replace(fluctuation=SYNAPTIC._replace(shared=shared))
        text = f"{encoders} or not at all, and noise by 0.6 (OU, 20 ms), correlation {shared:g}"
        put(f"noise_shared{_shares(shared)}", noise, text, "goris2014")
    deaf = DEAF._replace(fluctuation=EXCITABILITY)
    text = "4 Poisson units know nothing of the stimulus; excitability by 0.4 (OU, 10 s), "
    text += "correlation 0.5"
    put("none", deaf, text, "goris2014", "okun2015")
    faster = deaf._replace(fluctuation=EXCITABILITY._replace(tau=1.0), spiking=DOUBLETS)
    text = "4 units with doublets know nothing of the stimulus; excitability by 0.4 (OU, 1 s), "
    text += "correlation 0.5"
    put("none_doublets", faster, text, "ranck1973", "okun2015")
    paired = EXPONENTIAL._replace(spiking=DOUBLETS)
    text = "units as in information_exponential that follow 30 % of spikes by another"
    put("doublets", paired, text, "ranck1973")
    bursting = EXPONENTIAL._replace(spiking=Spiking("unit_bursts"))
    text = "units as in information_exponential, but with bursts of 4 spikes on average"
    put("unit_bursts", bursting, text, "ranck1973")
    few_rates = LINEAR._replace(rates=(20.0, 20.0, 40.0), gains=(0.0, 0.3, 0.3))
    text = "3 units with a dead time of 3 ms whose rates follow the stimulus by 0 or 30 %"
    put("refractory", few_rates._replace(spiking=Spiking("refractory")), text, "berry1998")
    text = "3 units that fire regularly (gamma order 4), rates follow the stimulus by 0 or 30 %"
    put("gamma", few_rates._replace(spiking=Spiking("gamma")), text, "maimon2009")
    for suffix, fluctuation, how in (
        ("", NONE, "constant excitability"),
        ("_ou_10s", EXCITABILITY, "excitability by 0.4 (OU, 10 s), correlation 0.5"),
    ):
        for name, end, change in (("stays", 1.0, "stay"), ("halves", 0.5, "halve half way")):
            both = EXPONENTIAL._replace(fluctuation=fluctuation, end=end)
            text = f"{encoders} or not at all: these gains {change}; {how}"
            put(f"{name}{suffix}", both, text, "goris2014")


_add_nothing_done()
_add_fields()
_add_coding()
_add_information()
_add_cultures()
_add_perturbed()
_add_cohorts()
_add_comparisons()
