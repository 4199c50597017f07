rule reproduce:
    input:
        "results/{study}/comparison.nc",
    output:
        csv="results/{study}/published.csv",
        png="results/{study}/figures/published.png",
        pdf="results/{study}/figures/published.pdf",
    log:
        "results/logs/reproduce/{study}.log",
    benchmark:
        "results/benchmarks/{study}/published.tsv"
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
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
        template=local(f"{workflow.basedir}/workflow/report/figures.html.j2"),
        parts=report_parts(),
    output:
        "results/figures.html",
    log:
        "results/logs/overview.log",
    params:
        studies=PLAN.with_published(),
        code=code_digest([*code_of("report"), *code_of("reproduce")]),
    script:
        "../scripts/overview.py"
