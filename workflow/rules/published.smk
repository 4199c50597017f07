rule reproduce:
    input:
        "results/{study}/comparison.nc",
    output:
        csv="results/{study}/published.csv",
        png="results/{study}/figures/published.png",
        pdf="results/{study}/figures/published.pdf",
    log:
        "results/logs/reproduce/{study}.log",
    params:
        published=lambda w: CONFIG.raw_studies[w.study].get("published", {}),
        sizes=lambda w: PLAN.sizes(w.study),
        code=code_digest(code_of("reproduce")),
    script:
        "../scripts/reproduce.py"


# Every study with published figures, and the page over all of them.
rule figures:
    input:
        "results/figures.html",


rule overview:
    input:
        reports=[f"results/{study}/report.html" for study in PLAN.with_published()],
        tables=[f"results/{study}/published.csv" for study in PLAN.with_published()],
        pictures=[f"results/{study}/figures/published.png" for study in PLAN.with_published()],
        template=f"{workflow.basedir}/workflow/report/figures.html.j2",
        style=f"{workflow.basedir}/workflow/report/style.html.j2",
    output:
        html="results/figures.html",
        markdown="results/figures.md",
    log:
        "results/logs/overview.log",
    params:
        studies=PLAN.with_published(),
        code=code_digest(code_of("report")),
    script:
        "../scripts/overview.py"
