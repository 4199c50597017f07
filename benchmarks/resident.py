"""What memory a process holds, by the kernel's books (Linux)."""

from pathlib import Path


def resident(key: str) -> float:
    """Bytes: VmRSS now, VmHWM at most since the program began. `ru_maxrss` begins with that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


def forget_peak() -> None:
    """From now on VmHWM is the most since this call."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
