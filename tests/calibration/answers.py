"""Operating characteristics of the verdict: the share of each answer over the true ratio.

Recordings and models are the battery's: 20 units that fluctuate for 10 min, a fifth of it together,
and subjects with an intraclass correlation of 0.3.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.differences import (
    AGREES,
    CANNOT_TELL,
    DIFFERS,
    decide,
    estimate_difference,
)
from numpy.typing import NDArray

import evidence
from battery.experiments import Cohort, CohortDesign, Design, compare_with_model
from battery.rates import HOUR, Fluctuation

FIGURE = Path(__file__).parents[2] / "docs/verdict.png"
SUBJECT = "calibration/answers_of_the_verdict"
TEST = "laws/test_calibration.py::test_the_verdict_errs_as_seldom_as_its_page_says"
ANSWERS = (AGREES, CANNOT_TELL, DIFFERS)
COLOURS = ("#009E73", "#D9D9D9", "#D55E00")
SUBJECTS = (3, 5, 10)
DURATIONS = {"1 min": 60.0, "10 min": 600.0, "1 h": HOUR, "6 h": 6 * HOUR}
REALISATIONS, DRAWS = 10, 300
SIZE = f"{DRAWS} experiments of {len(DURATIONS)} durations"
MARGIN = float(np.log(1.25))
RATIOS = np.exp(np.arange(-7, 8) * MARGIN)
TRUE, AT_MARGIN = 7, (6, 8)  # where in RATIOS the model is right, and off by the margin

Shares = dict[str, dict[str, list[float]]]  # subjects -> answer -> share at each of RATIOS


def measure_answers(durations: Sequence[str], draws: int) -> dict[str, Shares]:
    """Shares of the answers, for each duration."""
    return {duration: _measure_answers(DURATIONS[duration], draws) for duration in durations}


def _measure_answers(duration: float, draws: int) -> Shares:
    """Move the log rates of a true model by each ratio.

    A model that is off has other counts of spikes as well. Their variance is a thousandth of that
    between subjects.
    """
    recording = Design(
        duration=duration, fluctuation=Fluctuation("ou", 0.4, 600.0, 0.2), n_units=20
    )
    design = CohortDesign(recording, n_subjects=max(SUBJECTS), icc=0.3)
    counts = {n: {answer: np.zeros(RATIOS.size) for answer in ANSWERS} for n in SUBJECTS}
    for draw in range(draws):
        rng = rng_for(1, "operating characteristics", int(duration), draw)
        both = compare_with_model(design, 1.0, REALISATIONS, rng)
        target, candidate = take_log_rates(both.target), take_log_rates(both.candidate)
        for n in SUBJECTS:
            for k, shift in enumerate(np.log(RATIOS)):
                difference = estimate_difference([target[:n]], [candidate + shift])
                counts[n][decide(difference, (-MARGIN, MARGIN))][k] += 1
    return {
        str(n): {answer: (count / draws).tolist() for answer, count in answers.items()}
        for n, answers in counts.items()
    }


def take_log_rates(cohort: Cohort) -> NDArray[np.float64]:
    """Logarithm of the mean rate over units of each recording (Hz)."""
    rates = [np.mean([t.size for t in one.trains]) / one.duration for one in cohort.recordings]
    return np.log(rates)


def digest() -> str:
    """The digest that the fixture `evidence` finds for the same."""
    return evidence.digest_code([Path(__file__)], [None, SIZE])


def read_answers() -> dict[str, Shares]:
    """What is recorded; empty if nothing is."""
    entry = evidence.read_record(SUBJECT).get(TEST)
    return entry["numbers"] if entry else {}


def draw_figure(numbers: Mapping[str, Shares], path: Path = FIGURE) -> None:
    """Write a panel for each number of subjects and duration, with the shares stacked."""
    import matplotlib.pyplot as plt

    shape = len(SUBJECTS), len(DURATIONS)
    figure, axes = plt.subplots(*shape, figsize=(10, 7), sharex=True, sharey=True)
    figure.set_layout_engine("constrained")
    for row, n in zip(axes, SUBJECTS, strict=True):
        for panel, duration in zip(row, DURATIONS, strict=True):
            shares = [numbers[duration][str(n)][answer] for answer in ANSWERS]
            panel.stackplot(RATIOS, shares, colors=COLOURS, labels=ANSWERS)
            for k in AT_MARGIN:
                panel.axvline(RATIOS[k], color="k", ls="--", lw=0.8)
            panel.set(xscale="log", xlim=RATIOS[[0, -1]], ylim=(0, 1))
            panel.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
            panel.minorticks_off()
            panel.set_title(f"{n} recordings of {duration}", fontsize=9)
    figure.supxlabel("True ratio of the model's rate to the recordings' (1)")
    figure.supylabel("Share of experiments (1)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
