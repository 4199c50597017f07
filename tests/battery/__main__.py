"""Write docs/battery.md: every condition, its truth and sources, and one figure of each group."""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from scipy.signal import welch

from .catalogue import ASSUMPTIONS, COHORTS, COMPARISONS, CONDITIONS, TRUTHS, Condition
from .recording import Recording
from .sources import SOURCES

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = {
    "nothing done": ["null_poisson", "null_ou_10min_shared050", "null_pink_shared050"]
    + ["null_walk_shared050", "null_states_shared100", "null_silences"],
    "perturbed": ["recovers", "recovers_ou_30min", "stays_down_pink", "overshoots"]
    + ["recovers_culture", "deprivation"],
    "cultures": ["null_culture", "null_culture_slow", "null_culture_fast"],
    "fields": ["field_independent_2", "field_gain_up_states", "field_gain_spindles", "field_line"]
    + ["field_artefacts", "field_coherent_050"],
    "coding": ["trials_nothing", "trials_gain_1min_shared050", "branching_980"]
    + ["no_branching_ou_10s"],
    "information": ["information_linear_low", "information_exponential", "information_doublets"]
    + ["information_lowpass_100hz", "information_noise_shared050", "information_none"],
}


def draw_course(axes: Axes, one: Recording) -> None:
    """Rates of five units over their mean, grey, and of the population over its base rate."""
    edge = np.linspace(0, one.duration, 73)
    hours = edge[:-1] / 3600
    counts = np.array([np.histogram(train, edge)[0] for train in one.trains]) / edge[1]
    for row in counts[:5]:
        axes.plot(hours, row / row.mean(), color="0.75", lw=0.7)
    mean = one.truth.get("expected_mean_rate", counts.mean())
    axes.plot(hours, counts.mean(axis=0) / mean, color="#0072B2")
    axes.axhline(1, color="0.4", ls="--", lw=0.8)
    axes.set(xlabel="Time (h)", ylabel="Relative rate", ylim=(0, 3))


def draw_raster(axes: Axes, one: Recording) -> None:
    """Spikes of a minute."""
    axes.eventplot([t[t < 60] for t in one.trains], color="k", lw=0.4)
    axes.set(xlabel="Time (s)", ylabel="Unit", xlim=(0, 60))


def draw_field(axes: Axes, one: Recording) -> None:
    """Power spectra of both channels, and 2 s of them in the corner."""
    signal = one.signals["lfp"]
    for samples, colour in zip(signal.samples, ("#0072B2", "#D55E00"), strict=True):
        frequency, power = welch(samples * 1e3, signal.sampling_rate, nperseg=1000)
        axes.loglog(frequency[1:], power[1:], color=colour, lw=0.8)
    axes.set(xlabel="Frequency (Hz)", ylabel="Power (mV²/Hz)")
    corner = axes.inset_axes((0.05, 0.05, 0.5, 0.35))
    span = slice(0, round(2 * signal.sampling_rate))
    corner.plot(signal.samples[:, span].T, lw=0.4)
    corner.set(xticks=[], yticks=[])


def draw_encoding(axes: Axes, one: Recording) -> None:
    """Two seconds of the stimulus, above the spikes of the same time."""
    signal = one.signals["covariate"]
    samples = signal.samples[0, : round(2 * signal.sampling_rate)]
    time = np.arange(samples.size) / signal.sampling_rate
    n_units = len(one.trains)
    axes.eventplot([t[t < 2] for t in one.trains], color="k", lw=0.5)
    axes.plot(time, n_units + 0.8 + 0.3 * samples, color="#0072B2", lw=0.8)
    axes.set(xlabel="Time (s)", ylabel="Unit", xlim=(0, 2), yticks=range(n_units))


def draw_group(group: str) -> str:
    """Write the figure of a group; return its file name."""
    figure, all_axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
    for axes, name in zip(all_axes.flat, SHOWN[group], strict=False):
        one = CONDITIONS[name].generate(np.random.default_rng(1))
        draw = draw_field if one.signals else draw_raster
        if group in ("nothing done", "perturbed"):
            draw = draw_course
        elif group == "information":
            draw = draw_encoding
        draw(axes, one)
        axes.set_title(name, fontsize=8)
    for axes in list(all_axes.flat)[len(SHOWN[group]) :]:
        axes.set_axis_off()
    file = f"{group.replace(' ', '_')}.png"
    figure.savefig(DOCS / "battery" / file, dpi=90)
    plt.close(figure)
    return file


def describe(condition: Condition) -> str:
    """One row of a table."""
    broken = ", ".join(sorted(condition.breaks)).replace("_", " ") or "none"
    sources = "; ".join(SOURCES[key] for key in condition.sources)
    return f"| `{condition.name}` | {condition.description} | {broken} | {sources} |"


def main() -> None:
    """Write the page."""
    (DOCS / "battery").mkdir(exist_ok=True)
    lines = [
        "# The battery",
        "Synthetic recordings with known truth, by which intervals and tests are judged. "
        "tests/battery/README.md says how to use them. Written by `python -m tests.battery`.",
        "",
        "Sources describe the phenomenon. Values that the code does not quote from one are ours.",
        "",
        "Rate courses: blue, all units, relative to their long-run rate; grey, five units, "
        "relative to their own mean. Fields: power of both channels, and 2 s of them. "
        "Information: blue, the stimulus.",
        "",
        "## What is true",
        *(f"- `{key}`: {text}" for key, text in TRUTHS.items()),
        "",
        "## Assumptions",
        *(f"- {key.replace('_', ' ')}: {text}" for key, text in ASSUMPTIONS.items()),
    ]
    every = [*CONDITIONS.values(), *COHORTS.values(), *COMPARISONS.values()]
    groups = list(dict.fromkeys([*SHOWN, *(one.group for one in every)]))
    for group in groups:
        rows = [one for one in every if one.group == group]
        lines += ["", f"## {group.capitalize()}"]
        lines += [f"![{group}](battery/{draw_group(group)})", ""] if group in SHOWN else []
        if rows:
            lines += ["| condition | what it is | breaks | sources |", "|---|---|---|---|"]
            lines += [describe(one) for one in rows]
    (DOCS / "battery.md").write_text("\n".join(lines) + "\n")


main()
