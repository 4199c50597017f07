"""docs/figures.md: what came out for every published figure, at each size that was run, when, in what time and at which commit.

`python tests/published_figures.py CHECKOUT` records what `snakemake` left in the folder `results` of a checkout (by default, of
this one), and writes the page and its small pictures. A run of one size replaces what that size had before, and leaves the
others. tests/records/figures keeps what was recorded, a file for each study.
"""

import html
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import evidence

from homeoanalysis.config.loading import load_config
from homeoanalysis.contracts.outcomes import RECORDING, REPORTED, Outcome, read
from homeoanalysis.plan import Plan
from homeoanalysis.report.headline import counted
from homeoanalysis.report.published import Line, Shown, published
from homeoanalysis.report.times import times
from homeoanalysis.reproduce import thumbnail

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures.md"
PICTURES = PAGE.with_suffix("")
SIZES = ("ci", "nightly", "full")
_MOST = 4  # quantities of a figure that are told one by one

Records = dict[str, dict[str, dict[str, Any]]]  # study -> size -> what came out

_INTRODUCTION = (
    "# Published figures",
    "Written by `python tests/published_figures.py` from what `snakemake figures` left; tests/records/figures keeps it.",
    "A figure is *reproduced* when each of its numbers lies in the band that was set beforehand and its negative control does\n"
    "not. At less than the published size of a model this is a *scaled regression test*, and no reproduction. What is at its\n"
    "published size in any run, since it is of recordings or exact, has no other size. Seconds are those of all jobs of a\n"
    "study, one core each, what it shares with other studies included: wall time, an upper bound where the machine did other\n"
    "work. Memory is that of the largest job. What is not run here was not run at a commit that is recorded.",
    "*With its whole interval*: the 95 % interval must lie in the band, too, and a negative control whose value does is outside\n"
    "of it if its own interval reaches out. At ci, where there may be none, the value alone decides.",
    "Published numbers are black diamonds in the pictures, hollow where they are remembered and nothing follows from them,\n"
    "and stand in the column `published` of `results/{study}/published.csv`. Where that column is empty and there is no\n"
    "diamond, the paper prints no such number, or its text was not at hand: the claim is judged by a criterion that was set\n"
    "beforehand, or by what the same model gave elsewhere or in theory (triangles, column `scaled_model`). What is not\n"
    "judged has no criterion, and is drawn beside the others.",
)


def size_of(outcomes: Sequence[Outcome]) -> str:
    """The size that a study was run at; models that are full at any size do not tell."""
    found = {outcome.size for outcome in outcomes}
    return next((size for size in SIZES if size in found), RECORDING)


def commit(folder: Path) -> str:
    """The commit that a checkout is at, with "-dirty" if files differ from it; "unknown" where git cannot tell."""
    asked = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10).stdout.strip() or "unknown"
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"


def recorded(checkout: Path, study: str) -> tuple[str, dict[str, Any]]:
    """Size, and what the record of a study at it says. Raises OSError where the study was not run."""
    table = checkout / "results" / study / "published.csv"
    outcomes = read(table)
    size = size_of(outcomes)
    plan = Plan(load_config(checkout / "config", {"size": size} if size in SIZES else {}))
    jobs = times({checkout / path: rule for path, rule in plan.timing_files(study).items()})
    return size, {
        "date": datetime.fromtimestamp(table.stat().st_mtime, UTC).date().isoformat(),
        "commit": commit(checkout),
        "seconds": round(sum(job.seconds for job in jobs), 1),
        "megabytes": round(max(job.megabytes for job in jobs)),
        "counted": counted(list(published(outcomes))),
        "figures": {figure.name: _figure(figure, outcomes) for figure in published(outcomes)},
    }


def _figure(figure: Shown, outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {
        "published": f"{figure.title}. {figure.citation}",
        "criterion": _criterion(figure),
        "size": size_of([outcome for outcome in outcomes if outcome.panel == figure.name]),
        "verdict": figure.verdict,
        "ours": _ours(figure),
    }


def _judged(figure: Shown) -> list[Line]:
    return [line for line in figure.lines if line.verdict != REPORTED]


def _criterion(figure: Shown) -> str:
    """What must hold, and what must not."""
    judged = _judged(figure)
    if len(judged) > _MOST:
        controls = dict.fromkeys(q.control.rpartition(":")[0] for q in judged if q.control != "–")
        return f"{len(judged)} numbers, each in its band; not: {', '.join(controls)}"
    return "; ".join(f"{q.title}: {q.band}" + (f" (not: {q.control})" if q.control != "–" else "") for q in judged)


def _ours(figure: Shown) -> str:
    """Our numbers, if they are few, those that are not judged by name, and why any does not come out."""
    judged = _judged(figure)
    told = "" if len(judged) > _MOST else ": " + "; ".join(q.ours for q in judged)
    others = "; ".join(f"{q.title}: {q.ours}" for q in figure.lines if q.verdict == REPORTED)
    return told + (f"; not judged: {others}" if others else "") + (f" ({figure.reasons})" if figure.reasons else "")


def sizes() -> dict[str, Sequence[str]]:
    """Study with published figures -> the sizes that it has: three, or one where no model of it has a smaller one."""
    plan = Plan(load_config(ROOT / "config", {"size": "ci"}))
    found: dict[str, Sequence[str]] = {}
    for study in plan.with_published():
        panels = plan.config.studies[study].published.values()
        used = {plan.sizes(study)[member.quantity.source] for panel in panels for member in panel.members()}
        found[study] = SIZES if "ci" in used else ("full",) if "full" in used else (RECORDING,)
    return found


def read_records() -> Records:
    """What was recorded of every study."""
    return {
        path.stem: evidence.read_record(f"figures/{path.stem}") for path in sorted((evidence.RECORDS / "figures").glob("*.yaml"))
    }


def page(records: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The text of docs/figures.md."""
    lines = ["| study | size | result | seconds | MB | date | commit |", "|---|---|---|---|---|---|---|"]
    lines += [_run(study, size, records.get(study, {}).get(size)) for study, listed in sizes().items() for size in listed]
    sections = [section for study, by_size in sorted(records.items()) for section in _section(study, by_size)]
    return "\n\n".join([*_INTRODUCTION, "\n".join(lines), *sections]) + "\n"


def _run(study: str, size: str, run: Mapping[str, Any] | None) -> str:
    """The line of one size of a study, also of one that was not run."""
    if run is None:
        return _row([study, size, f"{size} not run", *[""] * 4])
    cells = run["counted"], f"{run['seconds']:.0f}", str(run["megabytes"]), run["date"], run["commit"]
    return _row([f"[{study}](#{study})", size, *cells])


def _section(study: str, by_size: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The figures of one study, each as the largest run that has it, with the results of all."""
    yield f"## {study}"
    lines = ["| figure | published | criterion | result |", "|---|---|---|---|"]
    for name in dict.fromkeys(name for run in by_size.values() for name in run["figures"]):
        figure = by_size[_largest(by_size, name)]["figures"][name]
        image = f'<img src="{PICTURES.name}/{_picture(study, name)}" width="220" alt="{name} of {study}">'
        results = {
            (at["size"], f"{at['size']}: **{at['verdict']}**{_escaped(at['ours'])}")
            for run in by_size.values()
            if (at := run["figures"].get(name))
        }
        ordered = sorted(results, key=lambda result: (*SIZES, RECORDING).index(result[0]))
        lines.append(
            _row([image, _escaped(figure["published"]), _escaped(figure["criterion"]), "<br>".join(text for _, text in ordered)])
        )
    yield "\n".join(lines)


def _largest(by_size: Mapping[str, Any], panel: str) -> str:
    """The largest size at which a figure was run; one that is new may not have been run at all."""
    return [size for size in (*SIZES, RECORDING) if size in by_size and panel in by_size[size]["figures"]][-1]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _picture(study: str, panel: str) -> str:
    return f"{study}-{panel}.png"


def _escaped(cell: str) -> str:
    """Text that is neither HTML nor the end of a cell."""
    return html.escape(cell, quote=False).replace("|", "\\|")


def main(checkout: Path) -> None:
    """Record what was run in a checkout, and write the page with its pictures."""
    records = read_records()
    PICTURES.mkdir(exist_ok=True)
    for table in sorted(checkout.glob("results/*/published.csv")):
        study = table.parent.name
        size, record = recorded(checkout, study)
        by_size = records.setdefault(study, {})
        kept = by_size.get(size)
        if kept is None or record != {**kept, "commit": record["commit"]}:  # else its commit is that at which it was made
            by_size[size] = record
            evidence.write_record(f"figures/{study}", {size: record})
        outcomes = read(table)
        for panel in (name for name in record["figures"] if size == _largest(by_size, name)):
            thumbnail([outcome for outcome in outcomes if outcome.panel == panel], PICTURES / _picture(study, panel))
    PAGE.write_text(page(records), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
