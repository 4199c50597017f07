"""`python -m homeoanalysis`: what Snakemake does not do. See `homeoanalysis.cli`."""

from homeoanalysis.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
