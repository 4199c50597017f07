"""A Slurm of one node on the loopback address: controller, worker and the key that they trust each other by."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

# A job's own `srun` looks nowhere else: the plugin takes SLURM_CONF away from it.
CONFIG, CGROUPS = Path("/etc/slurm/slurm.conf"), Path("/etc/slurm/cgroup.conf")
MARK = "# of a test on the loopback address; it may be removed"
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol")
_SLURM = """\
{mark}
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={state}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={state}/controller
SlurmdSpoolDir={state}/worker
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MinJobAge=3600
KillWait=2
PropagateResourceLimits=NONE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} CoresPerSocket={cores} RealMemory={memory}
PartitionName=only Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why no Slurm can be started here; empty if one can."""
    missing = [name for name in NEEDED if _found(name) is None]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)} missing): apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "Slurm is started by root only"
    others = [str(path) for path in (CONFIG, CGROUPS) if path.exists() and MARK not in path.read_text()]
    return f"{others[0]} is that of another Slurm, which is left alone" if others else ""


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Slurm:
    """The three daemons, from `start` to `stop`; `state` is an empty folder of theirs."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Returns when the node takes jobs."""
        for name in ("controller", "worker"):
            (self.state / name).mkdir()
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            ports = one.getsockname()[1], other.getsockname()[1]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        given = {"mark": MARK, "host": socket.gethostname(), "state": self.state, "ports": ports, "memory": memory}
        CONFIG.parent.mkdir(exist_ok=True)
        CONFIG.write_text(_SLURM.format(cores=os.cpu_count(), **given))
        CGROUPS.write_text(f"{MARK}\nCgroupPlugin=disabled\n")
        self._start_munge()
        self.start_controller()
        self.start_worker()
        deadline = time.monotonic() + 60
        while self.call("sinfo", "--noheader", "--format=%T") != "idle\n":
            if time.monotonic() > deadline:
                raise TimeoutError(f"no idle node within a minute: {self.call('sinfo')}\n{self.logs()}")
            time.sleep(0.2)

    def _start_munge(self) -> None:
        """A munge of its own, with a key of its own, so that it neither needs nor disturbs one of the machine."""
        key = self.state / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        places = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid", "log-file": "munge.log"}
        places["seed-file"] = "munge.seed"
        arguments = [f"--{name}={self.state / file}" for name, file in places.items()]
        self._daemons["munge"] = subprocess.Popen(
            [str(_found("munged")), "--foreground", "--force", *arguments], stderr=subprocess.DEVNULL
        )

    def start_controller(self) -> None:
        """Begin, or go on from the saved state."""
        self._daemons["controller"] = subprocess.Popen([str(_found("slurmctld")), "-D"], stderr=subprocess.DEVNULL)

    def start_worker(self) -> None:
        """Begin, or come back."""
        command = [str(_found("slurmd")), "-D", "-N", socket.gethostname()]
        self._daemons["worker"] = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill_controller(self) -> None:
        """kill -9"""
        self._kill("controller")

    def kill_worker(self) -> None:
        """As if the node lost its power: kill -9 of the daemon, and of all jobs with all that they started."""
        self._kill("worker")
        todo, found = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "slurmstepd"], []
        while todo:
            found.append(process := todo.pop())
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()  # so that it starts no other while its children are listed
                todo += process.children()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _kill(self, name: str) -> None:
        self._daemons[name].kill()
        self._daemons[name].wait()

    def call(self, *command: str) -> str:
        """What a command of Slurm prints."""
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout

    def running(self) -> list[str]:
        """The numbers of the jobs that run."""
        return self.call("squeue", "--noheader", "--states=running", "--format=%i").split()

    def logs(self) -> str:
        """The ends of the daemons' logs."""
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.state.glob("*.log")))

    def stop(self) -> None:
        """End all jobs and daemons, and take the configuration away again."""
        self.call("scancel", "--user=root")
        deadline = time.monotonic() + 20
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.2)
        for daemon in reversed(self._daemons.values()):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
        for path in (CONFIG, CGROUPS):
            path.unlink(missing_ok=True)
