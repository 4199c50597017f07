"""Runs jobs of the workflow in forks of a process that has imported everything: `python worker.py`, a request a line (JSON).

A request names the job (see jobs.py), and what is wrong while it runs: `memory`, the bytes that it may still allocate; `uid`,
whom it runs as; `clock`, when its clock jumps [s from now] and how far [s]; `dated`, that it writes the day into what it makes,
as no job should; `versions`, of libraries that this worker has otherwise. Answers: the process's id as soon as it runs; then how
it ended, as os.waitstatus_to_exitcode says it.
"""

import datetime
import importlib
import json
import os
import resource
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import numba

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
MODULES = (
    "contracts compare config.loading draw fetch ingest job measure plan report reproduce simulate sweep report.overview "
    "readers.spike_text metrics.firing_rate neurons.lif_current synapses.exponential figures.differences"
)
LIBRARIES = "neo quantities matplotlib.pyplot matplotlib.backends.backend_pdf netCDF4 scipy.stats jinja2 elephant.statistics"


class Named(list):  # type: ignore[type-arg]
    """What Snakemake gives a script: a list, some of whose items have names."""

    def __init__(self, content: Any) -> None:
        names = content if isinstance(content, dict) else {}
        listed = list(names.values()) if names else content
        super().__init__(x for item in listed for x in (item if isinstance(item, list) else [item]))
        self.__dict__.update(names)

    def items(self) -> Any:
        return self.__dict__.items()


class Snakemake:
    """The object `snakemake` of a script."""

    def __init__(self, job: dict[str, Any]) -> None:
        if "points" in job["params"]:  # JSON has no numbers as keys
            job["params"]["points"] = {int(number): point for number, point in job["params"]["points"].items()}
        self.threads = 1
        self.log = [job["log"]]
        self.input, self.output, self.params, self.wildcards = (
            Named(job[key]) for key in ("input", "output", "params", "wildcards")
        )


def spoil(request: dict[str, Any]) -> None:
    """What is wrong while this process runs."""
    if "uid" in request:
        os.setuid(request["uid"])
    if "memory" in request:
        used = 1024 * int(next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmData" in x).split()[1])
        resource.setrlimit(resource.RLIMIT_DATA, (used + request["memory"],) * 2)
    if "clock" in request:
        (after, by), real = request["clock"], time.time
        jump = real() + after
        os.environ["CLOCK_JUMP"] = f"{jump} {by}"  # for clock.c
        if "LD_PRELOAD" not in os.environ:
            time.time = lambda: real() + (by if real() >= jump else 0)
    if "versions" in request or "dated" in request:
        from homeoanalysis import provenance

        known, other = provenance.version, request.get("versions") or {"homeoanalysis": str(datetime.date.today())}
        provenance.version = lambda name: other.get(name.lower()) or known(name)  # type: ignore[assignment]


def run(request: dict[str, Any]) -> None:
    """The job, in this process, which ends with it."""
    code = 1
    os.chdir(request["folder"])
    with open(request["said"], "w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    try:
        spoil(request)
        job = request["job"]
        runpy.run_path(str(SCRIPTS / f"{job['rule']}.py"), init_globals={"snakemake": Snakemake(job)})
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    for name in MODULES.split():
        importlib.import_module(f"homeoanalysis.{name}")
    for name in LIBRARIES.split():
        importlib.import_module(name)
    # numba imports most of itself when it is first used; without memory that is where Python may abort.
    numba.njit(lambda x: x)(1)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            run(request)
        print(child, flush=True)  # noqa: T201
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
