"""What Snakemake does not see by itself: the order of files, and which parameter has which value."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from running import list_workflow_code
from test_lists_of_synapses import run
from test_workflow import MODEL, ROOT, planned, snakemake

from homeoanalysis import open_dataset

pytestmark = pytest.mark.recorded(code=list_workflow_code())

MEASURED = "results/one/measures/firing_rate/{}.nc"
SWEPT = "results/one/sweeps/drive/0.nc"
RECORDING = """
title: Sessions of one unit and of two
citation: none
licence: none
source: {folder: mine}
reader: {spike_list: {time_step: 1 s, duration: 4 s}}
replicates:
  first: {subject: one, files: {recording: {name: one.csv}}}
  second: {subject: two, files: {recording: {name: two.csv}}}
"""
STUDY = """
title: Seen as a recorder sees
question: Does the order of sessions count?
recordings: [mine]
models: [cells]
blindness: {cells: mine}
metrics: {firing_rate: {}}
sweeps: {drive: {model: cells, replicates: 2, design: grid, parameters: {cell.lif_current.drive: [12 mV, 15 mV]}}}
"""


def write_project(folder: Path, recording: str) -> Path:
    for path, text in (
        ("config/config.yaml", "seed: 1\nstudies: [one]\n"),
        ("config/recordings/mine.yaml", recording),
        ("config/models/cells.yaml", MODEL),
        ("config/studies/one.yaml", STUDY),
        ("mine/one.csv", "time,unit\n1,a\n2,a\n"),
        ("mine/two.csv", "time,unit\n1,a\n3,b\n"),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.slow
def test_another_order_is_another_result(tmp_path: Path) -> None:
    """Realisation k is seen like the k-th session; nothing is read or simulated again, and diff says why values differ.

    A seed and a number of realisations that are exchanged are seen too.
    """
    project = write_project(tmp_path, RECORDING)
    made = [MEASURED.format("mine"), MEASURED.format("cells.ci"), SWEPT]
    assert snakemake(project, "--cores", "1", *made).returncode == 0
    model = project / MEASURED.format("cells.ci")
    assert Counter(open_dataset(model).unit_replicate.values) == {"0": 1, "1": 2}
    shutil.copy(model, project / "before.nc")
    *head, first, second = RECORDING.splitlines(keepends=True)
    write_project(tmp_path, "".join([*head, second, first]))
    again = planned(project, ROOT)
    assert set(made) <= again
    assert not any("activity" in path for path in again)
    done = snakemake(project, "--cores", "1", *made)
    assert done.returncode == 0, done.stderr
    assert Counter(open_dataset(model).unit_replicate.values) == {"0": 2, "1": 1}
    said = run(project, "homeoanalysis", "diff", "before.nc", MEASURED.format("cells.ci")).stdout
    assert "parameter order.mine: ['first', 'second'] -> ['second', 'first']" in said
    # Snakemake knows the values of parameters, and not which is whose.
    for path, old, new in (("config.yaml", "seed: 1", "seed: 2"), ("studies/one.yaml", "replicates: 2", "replicates: 1")):
        text = (project / "config" / path).read_text()
        (project / "config" / path).write_text(text.replace(old, new))
    assert SWEPT in planned(project, ROOT), "the seed and the number of realisations were exchanged"
