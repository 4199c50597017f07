"""A run that is killed goes on from its last checkpoint, and ends with the same bits."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import list_workflow_code

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import open_dataset
from homeoanalysis.errors import ConfigError, DataError, SimulationError
from homeoanalysis.simulate import simulate, simulation
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.projections import weights
from homeoanalysis.simulate.simulation import Simulation

pytestmark = pytest.mark.recorded(code=list_workflow_code())

_ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(small):
    """Plastic, perturbed at 1 s, with a checkpoint every 0.7 s."""
    return small(checkpoint_every="700 ms")


@pytest.mark.slow
@pytest.mark.parametrize("stop", [7_000, 14_000, 15_000])
def test_a_resumed_run_equals_the_whole_run(model, spikes, tmp_path, stop):
    """Cut before and after the perturbation, and off the grid of the checkpoints."""
    whole = Simulation(model)
    whole.advance(20_000)
    path = tmp_path / "state.npz"
    first = Simulation(model, checkpoint=path)
    first.advance(stop)
    del first
    second = Simulation(model, checkpoint=path)
    assert second.step == stop // 7_000 * 7_000
    second.advance(20_000 - second.step)
    for key, found in spikes(whole).items():
        assert np.array_equal(found, spikes(second)[key])
    for name, projection in whole.network.parts[0].projections.items():
        assert np.array_equal(weights(projection), weights(second.network.parts[0].projections[name]))
    for name, p in whole.network.parts[0].populations.items():
        assert np.array_equal(p.state.v, second.network.parts[0].populations[name].state.v)


def test_a_state_of_another_run_is_not_used(model, small, tmp_path):
    """Another seed, another parameter, a damaged file: the run starts anew."""
    path = tmp_path / "state.npz"
    Simulation(model, checkpoint=path).advance(7_000)
    assert Simulation(model, checkpoint=path).step == 7_000
    assert Simulation(model, checkpoint=path, seed=2).step == 0
    assert Simulation(model, checkpoint=path, replicate=1).step == 0
    assert Simulation(small(checkpoint_every="700 ms", window="50 ms"), checkpoint=path).step == 0
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    assert Simulation(model, checkpoint=path).step == 0


@pytest.mark.slow
def test_a_state_with_other_synapses_is_not_used(tmp_path):
    """Of a network that is wired by a list, which was changed since."""
    listed, path = tmp_path / "list.csv", tmp_path / "state.npz"
    listed.write_text("source,target\n0,1\n2,3\n")
    ends = {"source": "E", "target": "E", "channel": "excitatory", "weight": "1 nS", "delay": "1 ms"}
    content = {
        "title": "Wired by a list",
        "duration": "2 s",
        "checkpoint_every": "700 ms",
        "populations": {"E": {"n": 4, "neuron": "lif_conductance"}},
        "projections": {"listed": ends | {"topology": {"explicit": {"file": str(listed)}}}},
    }
    wired = Model.model_validate(content)
    Simulation(wired, checkpoint=path).advance(7_000)
    assert Simulation(wired, checkpoint=path).step == 7_000
    listed.write_text("source,target\n0,1\n2,1\n")
    assert Simulation(wired, checkpoint=path).step == 0


@pytest.mark.slow
def test_a_state_of_inputs_in_another_order_is_not_used(tmp_path):
    """Sums over them are taken in the order of the YAML: to the last bit it is another run."""
    path = tmp_path / "state.npz"
    drive = {"population": "E", "channel": "excitatory", "weight": "1 nS"}
    inputs = {key: {"poisson_input": {**drive, "rate": rate}} for key, rate in (("a", "300 Hz"), ("b", "900 Hz"))}
    content = {
        "title": "Two inputs",
        "duration": "2 s",
        "checkpoint_every": "700 ms",
        "populations": {"E": {"n": 4, "neuron": "lif_conductance"}},
    }
    one, other = (Model.model_validate({**content, "protocols": dict(p)}) for p in (inputs.items(), [*inputs.items()][::-1]))
    Simulation(one, checkpoint=path).advance(7_000)
    assert Simulation(one, checkpoint=path).step == 7_000
    assert Simulation(other, checkpoint=path).step == 0


def test_a_finished_run_leaves_no_checkpoint(model, tmp_path):
    path = tmp_path / "state.npz"
    with_state = simulate(model, checkpoint=path)
    assert not path.exists()
    assert with_state.identical(simulate(model))


def test_a_checkpoint_that_cannot_be_written_is_told_before_the_run(model, tmp_path, monkeypatch):
    """What is wrong with the place, and not that a disk is full."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigError, match=rf"but the folder {tmp_path} cannot be written to; change its permissions"):
        simulate(model, checkpoint=tmp_path / "new" / "state.npz")
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"there is no such folder, and none can be made there: name another"):
        Simulation(model, checkpoint=Path("/proc/none/state.npz")).advance(7_000)


def test_a_file_of_something_else_is_not_replaced(model, tmp_path):
    """A checkpoint that was cut or damaged is one all the same."""
    path = tmp_path / "precious.txt"
    path.write_text("years of work")
    with pytest.raises(ConfigError, match=r"precious.txt', which is no checkpoint"):
        simulate(model, checkpoint=path)
    assert path.read_text() == "years of work"
    path.write_bytes(b"PK\x03\x04 cut")
    simulate(model, checkpoint=path)
    assert not path.exists()


def test_a_slow_run_has_a_speed(model, monkeypatch, caplog):
    """Plain Python, some hundred times slower than life."""
    monkeypatch.setattr(simulation, "_PROGRESS", -1.0)
    with caplog.at_level("INFO"), np.errstate(over="ignore"):
        Simulation(model, code=REFERENCE).advance(20)
    told = re.search(r"0.002 s of 0.002 s, (\S+) x real time", caplog.text)
    assert told is not None
    assert 0 < float(told[1]) < 1


def test_a_blow_up_keeps_what_was_simulated_till_then(small, tmp_path):
    """Transmission becomes too strong for a step at 1.1 s: the error holds the 2 s till the next look, and so does a file."""
    strong = {"release_change": {"projections": ["I_to_E"], "scale": 1e5, "start": "1.1 s"}}
    record = {"population_rate": {"populations": ["E"], "every": "0.8 s"}}
    model = small(duration="3 s", protocols={"strong": strong}, record=record)
    path = tmp_path / "state.npz"
    with pytest.raises(
        SimulationError, match=r"by 2 s the synaptic input .* of unit E\d+ has become .*state.stopped.nc"
    ) as stopped:
        simulate(model, checkpoint=path)
    kept = stopped.value.activity
    assert kept is not None
    assert kept.segment_stop.values == 2.0
    before = simulate(small(duration="3 s"))
    for unit in (0, 45):
        spikes = [_of_unit(dataset, unit) for dataset in (kept, before)]
        assert np.array_equal(*(times[times < 1.1] for times in spikes))
    book = json.loads(kept.attrs["bookkeeping"])["spikes in population_rate"]
    assert book["out"] == pytest.approx(kept.population_rate.values.sum() * 0.8 * 40)
    assert kept.sizes["population_rate_sample"] == 2
    assert book["dropped"].keys() == {"after the last whole bin"}
    written = open_dataset(tmp_path / "state.stopped.nc")
    assert np.array_equal(written.spike_time, kept.spike_time)


def _of_unit(activity, k: int) -> np.ndarray:
    stop = np.cumsum(activity.spike_count.values)
    return activity.spike_time.values[stop[k] - activity.spike_count.values[k] : stop[k]]


_CHILD = """
import sys
from pathlib import Path
from typing import Any
from homeoanalysis.config.model import Model
from homeoanalysis.simulate import simulate
model = Model.model_validate({
    "title": "long", "duration": "1 h", "checkpoint_every": "20 s",
    "populations": {"cell": {"n": 50, "neuron": {"lif_current": {"drive": "11 mV"}}}},
    "protocols": {"noise": {"white_noise": {"population": "cell", "sigma": "2 mV"}}},
})
if __name__ == "__main__":
    simulate(model, checkpoint=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_killed_process_resumes(tmp_path, spikes):
    """kill -9 in the middle: what a new run reads from the file is the state of a run that was left alone."""
    path, script = tmp_path / "state.npz", tmp_path / "child.py"
    script.write_text(_CHILD)
    process = subprocess.Popen([sys.executable, str(script), str(path)], env={**os.environ, "PYTHONPATH": str(_ROOT)})
    try:
        deadline = time.monotonic() + 120
        while not path.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    space: dict[str, Any] = {"__name__": "child"}
    exec(_CHILD, space)
    resumed, whole = Simulation(space["model"], checkpoint=path), Simulation(space["model"])
    assert resumed.step >= 200_000
    resumed.advance(10_000)
    whole.advance(resumed.step)
    assert np.array_equal(spikes(resumed)["cell"], spikes(whole)["cell"])
    assert spikes(whole)["cell"].shape[1] > 1000
