"""Memory and start: `python benchmarks/memory.py` prints one JSON object.

Each figure of the start, and of the large network, is of a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from resident import resident

N, PROBABILITY = 100_000, 0.01  # 1e8 synapses


def large() -> dict[str, float]:
    """1e5 neurons with 1e8 static synapses: peak resident memory beyond the interpreter with its imports."""
    from homeoanalysis.config.model import Model
    from homeoanalysis.simulate.projections import pairs
    from homeoanalysis.simulate.simulation import Simulation

    model = {
        "title": "large",
        "precision": "float32",
        "duration": "1 s",
        "populations": {"E": {"n": N, "neuron": {"lif_conductance": {"drive": "12 mV"}}}},
        "projections": {
            "E_to_E": {
                "source": "E",
                "target": "E",
                "channel": "excitatory",
                "topology": {"fixed_probability": {"probability": PROBABILITY}},
                "weight": "0.01 nS",
                "delay": "0.8 ms",
            }
        },
    }
    before = resident("VmRSS")
    began = time.process_time()
    simulation = Simulation(Model.model_validate(model))
    built = time.process_time() - began
    simulation.advance(100)
    peak, now = resident("VmHWM"), resident("VmRSS")
    synapses = sum(pairs(p)[0].size for part in simulation.network.parts for p in part.projections.values())
    return {
        "synapses": synapses,
        "interpreter_megabytes": before / 1e6,
        "peak_beyond_it_megabytes": (peak - before) / 1e6,
        "now_beyond_it_megabytes": (now - before) / 1e6,
        "build_cpu_seconds": built,
    }


def start() -> dict[str, float]:
    """Network D in a new process: build, and the first call of the loop, after the imports."""
    from networks import NETWORKS

    from homeoanalysis.config.model import Model
    from homeoanalysis.simulate.simulation import Simulation

    model = Model.model_validate({**NETWORKS["D"](), "precision": "float32"})
    began = time.perf_counter(), time.process_time()
    simulation = Simulation(model)
    built = time.perf_counter()
    simulation.advance(10_000)  # one window: slow rules too
    done = time.perf_counter()
    return {"build": built - began[0], "first_call": done - built, "cpu": time.process_time() - began[1]}


TASKS: dict[str, Callable[[], dict[str, float]]] = {"large": large, "start": start}


def in_new_process(task: str, **environment: str) -> dict[str, float]:
    """One of the tasks above."""
    command = [sys.executable, __file__, task]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def layout() -> dict[str, dict[str, dict[str, float]]]:
    """Bytes of each synapse, from the arrays of every network in float32."""
    from networks import NETWORKS
    from ours import bytes_per_synapse

    from homeoanalysis.config.model import Model
    from homeoanalysis.simulate.simulation import Simulation

    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, network in NETWORKS.items():
        simulation = Simulation(Model.model_validate({**network(), "precision": "float32"}))
        found[name] = {}
        for key, p in simulation.network.parts[0].projections.items():
            of_synapses, everything = bytes_per_synapse(p)
            storage = type(p).__name__.lower()
            found[name][f"{key} ({storage})"] = {"of_synapses": round(of_synapses, 3), "everything": round(everything, 3)}
    return found


def report() -> dict[str, Any]:
    """All of it."""
    with tempfile.TemporaryDirectory() as folder:
        cold = in_new_process("start", HOMEOANALYSIS_CACHE=folder)
        warm = sorted((in_new_process("start", HOMEOANALYSIS_CACHE=folder) for _ in range(5)), key=lambda x: x["first_call"])[2]
    return {
        "bytes_per_synapse": layout(),
        "large": in_new_process("large"),
        "start_seconds": {"cold": cold, "warm": warm},
    }


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]]() if len(sys.argv) > 1 else report()))
