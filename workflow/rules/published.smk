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
