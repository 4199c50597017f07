"""How fast the metrics are, beside elephant and plain numpy/scipy in one run. Each line is a row of the table in README.md.

Usage: python benchmarks/metrics.py [NAME ...]    names of functions in comparisons/; all without one
"""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

from machine import description


def main() -> None:
    """Run the comparisons that are named."""
    folder = Path(__file__).parent / "comparisons"
    modules = [importlib.import_module(f"comparisons.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))]
    found = {name: f for m in modules for name, f in inspect.getmembers(m, inspect.isfunction) if f.__module__ == m.__name__}
    chosen = sys.argv[1:] or [name for name in found if not name.startswith("_")]
    unknown = [name for name in chosen if name not in found]
    if unknown:
        sys.exit(f"no comparison is named {unknown[0]}; known: {', '.join(n for n in found if not n.startswith('_'))}")
    if len(chosen) == 1:
        print(f"{description()}, load {os.getloadavg()[0]:.1f}", flush=True)
        print(f"{chosen[0]}: {found[chosen[0]]()}", flush=True)
        return
    for name in chosen:  # each in a process of its own: memory is that of the comparison
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
