"""What a study asks for and can never get is said before any job starts: one line each."""

from typing import Any

import pytest

from homeoanalysis.cli.check import check
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError, DataError

LATE = "  late: {metrics: [firing_rate], epoch: after, reference: before}\n"
CASES = {
    "no epoch": ("  late: {metrics: [firing_rate]}\n", "", "contrasts.late has no epoch, but firing_rate is taken per epoch"),
    "margin of a ratio": (
        "  late: {metrics: [firing_rate], epoch: after, margin: 2 Hz}\n",
        "",
        "contrasts.late.margin is '2 Hz', but firing_rate is compared by its ratio; write a percentage, e.g. '10 %'",
    ),
    "margin of a difference": (
        "  late: {metrics: [recovery_fraction], margin: 10 %}\n",
        "",
        "contrasts.late.margin is '10 %', but recovery_fraction is compared by a difference in 1; write it in that unit",
    ),
    "margin of nothing": (
        "  late: {metrics: [firing_rate], epoch: after, margin: 0 %}\n",
        "",
        "is '0 %'; write a difference above 0, e.g. '10 %'",
    ),
    "cell type of a population": (
        "  late: {metrics: [population_rate.fine], cell_type: E}\n",
        "resampling: {draws: 0}\n",
        "contrasts.late.cell_type is 'E', but population_rate.fine has no value for each unit; remove one of the two",
    ),
    "region of a population": (
        "  late: {metrics: [population_rate.fine], region: E}\n",
        "resampling: {draws: 0}\n",
        "contrasts.late.region is 'E', but population_rate.fine has no value for each unit; remove one of the two",
    ),
    "not per epoch": (
        "  late: {metrics: [recovery_fraction], epoch: after, reference: before}\n",
        "",
        "contrasts.late.reference is 'before', but recovery_fraction is not taken per epoch",
    ),
    "window longer than the block": (
        "  late: {metrics: [information_rate], epoch: after}\n",
        "resampling: {draws: 20, block: 250 ms}\n",
        "whose segment of 0.256 s is longer than resampling.block of 0.25 s",
    ),
    "block longer than the epoch": (
        LATE,
        "resampling: {draws: 20, block: 3 s}\n",
        "resampling.block is 3 s, but epoch before of net has only 4 s, less than two blocks; make block shorter",
    ),
    "state of a metric without states": (
        "  late: {metrics: [information_rate], epoch: after, at: {state: wake}}\n",
        "resampling: {block: 1 s}\n",
        "contrasts.late.at names a state, but information_rate has none; remove one of the two",
    ),
    "epoch of no target": (
        "  late: {metrics: [firing_rate], epoch: early}\n",
        "",
        "contrasts.late.epoch is 'early', which no target has",
    ),
    "epoch against itself": (
        "  late: {metrics: [firing_rate], epoch: after, reference: after}\n",
        "",
        "contrasts.late has the epoch and the reference 'after', so that every change is 0; name two different epochs",
    ),
    "overlapping epochs": (
        "  late: {metrics: [firing_rate], epoch: early, reference: before}\n",
        "",
        "contrasts.late compares the epochs early, [0 s, 9 s], and before, [0 s, 4 s], which share 4 s in net, so that "
        "a part is compared with itself; name epochs that do not overlap",
    ),
    "overlapping epochs of a recording": (
        "  late: {metrics: [firing_rate], epoch: after, reference: until}\n",
        "",
        "contrasts.late compares the epochs after, [60 s, 100 s], and until, [0 s, 61 s], which share 1 s in culture, replicate",
    ),
}


TRENDS = {
    "levels that are no numbers": (
        "age: 14",
        "age: old",
        "age",
        "trend is over age, of which 'old' (culture, replicate b) is no number",
    ),
    "a number that is not at the beginning": (
        "age: 14",
        "age: m14",
        "age",
        "trend is over age, of which 'm14' (culture, replicate b) is no number; write numbers",
    ),
    "unknown factor": ("age: 14", "age: 21", "agee", "trend names the factor 'agee', which no recording has; did you mean 'age'"),
    "one level": ("age: 14", "age: 7", "age", "trend is over age, which is 7 everywhere; a slope needs two levels"),
}


@pytest.mark.parametrize("case", TRENDS)
def test_a_trend_over_what_is_no_number_is_a_fault(case: str, folder: Any) -> None:
    written, changed, factor, expected = TRENDS[case]
    folder.replace("recordings/culture.yaml", written, changed)
    folder.replace("studies/demo.yaml", LATE, f"  late: {{metrics: [firing_rate], epoch: after, trend: {factor}}}\n")
    folder.replace(
        "studies/demo.yaml", "  ages: {metrics: [firing_rate], epoch: after, between: {factor: age, levels: [7, 14]}}\n", ""
    )
    with pytest.raises(ConfigError) as error:
        load_config(folder.path)
    (line,) = error.value.violations
    assert line.startswith(f"config/studies/demo.yaml: contrasts.late.{expected}")


@pytest.mark.parametrize(("level", "where"), [("14", ""), ("14.5", ""), ("14 days", ""), ("old", ", where: {kind: x}")])
def test_a_trend_over_numbers_is_none(level: str, where: str, folder: Any) -> None:
    """Also with a unit, and where the contrast leaves out the replicate without a number."""
    third = f"  c: {{subject: three, factors: {{age: {level}, kind: y}}, files: {{recording: {{name: c.h5}}}}}}\n"
    b = "  b: {subject: two, factors: {age: 14"
    folder.replace("recordings/culture.yaml", "factors: {age: 7", "factors: {age: 7, kind: x")
    folder.replace("recordings/culture.yaml", b, third + b + ", kind: x")
    folder.replace("studies/demo.yaml", LATE, f"  late: {{metrics: [firing_rate], epoch: after, trend: age{where}}}\n")
    load_config(folder.path)


@pytest.mark.parametrize("case", CASES)
def test_what_can_never_be_compared_is_a_fault(case: str, folder: Any) -> None:
    contrast, more, expected = CASES[case]
    study = "studies/demo.yaml"
    folder.replace(study, LATE, contrast)
    folder.replace(study, "  firing_rate: {}\n", "  firing_rate: {}\n  information_rate: {}\n  recovery_fraction: {}\n")
    folder.replace(study, "targets:", more + "targets:")
    folder.replace("models/net.yaml", "  before: [0 s, 4 s]", "  before: [0 s, 4 s]\n  early: [0 s, 9 s]")
    folder.replace("recordings/culture.yaml", "  before: [0 s, 40 s]", "  before: [0 s, 40 s]\n  until: [0 s, 61 s]")
    with pytest.raises(ConfigError) as error:
        load_config(folder.path)
    (line,) = [v for v in error.value.violations if expected in v]
    assert line.startswith("config/studies/demo.yaml: ")


def test_every_unknown_that_add_left_is_told(folder: Any) -> None:
    folder.replace("recordings/culture.yaml", "citation: Somebody 2020", "citation: unknown")
    folder.replace("recordings/culture.yaml", "{subject: one,", "{subject: unknown,")
    lines: list[str] = []
    with pytest.raises(DataError, match="missing"):  # the files themselves are not there
        lines.extend(check(folder.path, []))
    assert [line for line in lines if "is 'unknown'" in line] == [
        f"  still to be written: {key} of recording culture is 'unknown'" for key in ("citation", "replicates.a.subject")
    ]


def test_a_level_that_no_replicate_has_may_be_named_where_the_report_is_told_why(folder: Any) -> None:
    study = "studies/demo.yaml"
    why = ", without_data: it was not recorded"
    folder.replace(study, LATE, f"  late: {{metrics: [firing_rate], epoch: after, where: {{age: 99}}{why}}}\n")
    load_config(folder.path)
    folder.replace(study, why, "")
    with pytest.raises(ConfigError, match="which no replicate has"):
        load_config(folder.path)
