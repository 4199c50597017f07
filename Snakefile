"""homeoanalysis: recordings and plastic networks, measured the same way. Table of contents of the workflow."""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/activity.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/sweep.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/published.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/overview.smk"


rule all:
    default_target: True
    input:
        [f"results/{study}/report.html" for study in CONFIG.main.studies],
