"""CPU time to compile the loop of models, in our steps and in numba's own, in turn: prints a JSON line for each model.

    python3 run.py python benchmarks/compilation.py balanced vogels2011 brunel2000 --rounds 5

Each run is a process of its own with an empty cache; what its second step takes is taken off its first. The ratio is the
median over rounds of the ratio of runs that followed each other.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
KINDS = ("ours", "numba's")


def compile_one(name: str, kind: str) -> float:
    """Seconds of CPU time."""
    from numba.core.compiler import Compiler

    from homeoanalysis.config.loading import load_config
    from homeoanalysis.config.model import Model
    from homeoanalysis.numerics import pipelines
    from homeoanalysis.simulate.simulation import Simulation

    if kind != "ours":
        pipelines.HookCompiler = pipelines.LoopCompiler = Compiler
    run = Simulation(Model.model_validate(load_config(ROOT / "config").raw_model(name)), name=name, replicate=0, seed=1)
    took = []
    for _ in range(2):
        began = time.process_time()
        run.advance(1)
        took.append(time.process_time() - began)
    return took[0] - took[1]


def measured(name: str, kind: str) -> float:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, __file__, name, "--run", kind]
        environment = {**os.environ, "HOMEOANALYSIS_CACHE": cache}
        return float(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names in config/models/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(compile_one(arguments.models[0], arguments.run))
    else:
        for name in arguments.models:
            rounds = [{kind: measured(name, kind) for kind in KINDS} for _ in range(arguments.rounds)]
            ratios = [each["numba's"] / each["ours"] for each in rounds]
            cpu = {kind: round(median(each[kind] for each in rounds), 2) for kind in KINDS}
            found = {"model": name, "cpu_seconds": cpu, "ratio": round(median(ratios), 2), "range": [min(ratios), max(ratios)]}
            print(json.dumps(found | {"load": os.getloadavg()[0]}), flush=True)
