"""Run a command of the project in an environment of its own: `python3 run.py snakemake --cores 2`."""

import sys

# This file is also valid in Python 2, so that an old Python says what is wrong; the rest is in homeoanalysis/environment.py.
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("Python " + sys.version.split()[0] + " is not supported; use 3.11, 3.12 or 3.13, e.g. python3.12 run.py")

from homeoanalysis.environment import main

if __name__ == "__main__":
    main()
