rule compare:
    input:
        lambda w: list(PLAN.measure_files(w.study).values()),
    output:
        "results/{study}/comparison.nc",
    log:
        "results/logs/compare/{study}.log",
    benchmark:
        "results/benchmarks/{study}/comparison.tsv"
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        measures=lambda w: [list(key) for key in PLAN.measure_files(w.study)],
        contrasts=lambda w: CONFIG.raw_studies[w.study].get("contrasts", {}),
        targets=lambda w: CONFIG.studies[w.study].targets,
        fitted=lambda w: PLAN.fitted(w.study),
        margin=lambda w: CONFIG.studies[w.study].margin,
        seed=CONFIG.main.seed,
        code=lambda w: code_digest(code_of("compare", *PLAN.metric_entries(w.study))),
    script:
        "../scripts/compare.py"
