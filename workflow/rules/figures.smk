rule draw:
    input:
        measures=lambda w: list(PLAN.measure_files(w.study).values()),
        comparison="results/{study}/comparison.nc",
    output:
        png="results/{study}/figures/{figure}.png",
        pdf="results/{study}/figures/{figure}.pdf",
    log:
        "results/logs/draw/{study}/{figure}.log",
    benchmark:
        "results/benchmarks/{study}/figures/{figure}.tsv"
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        measures=lambda w: [list(key) for key in PLAN.measure_files(w.study)],
        figure=lambda w: PLAN.raw_figure(w.study, w.figure),
        code=lambda w: code_digest([*code_of("config.entries"), *code_of("compare"), *code_of("draw", ("figures", w.figure))]),
    script:
        "../scripts/draw.py"
