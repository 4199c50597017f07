rule measure:
    input:
        activities=lambda w: PLAN.activity_files(w.source),
        like=lambda w: PLAN.blindness_files(w.study, w.source),
    output:
        "results/{study}/measures/{label}/{source}.nc",
    log:
        "results/logs/measure/{study}/{label}/{source}.log",
    benchmark:
        "results/benchmarks/{study}/measures/{label}/{source}.tsv"
    wildcard_constraints:
        source=any_of([*CONFIG.recordings, *PLAN.simulated]),
    group:
        # for each input that is made, Snakemake looks at all inputs of a job that shares one: of thousands it takes minutes
        lambda w: "measure" if len(PLAN.activity_files(w.source)) <= 100 else None
    resources:
        **asking(need_to_measure),
    params:
        metric=lambda w: {w.label.partition(".")[0]: CONFIG.raw_studies[w.study]["metrics"][w.label]},
        resampling=lambda w: PLAN.resampling(w.study, w.label, w.source),
        blindness=lambda w: PLAN.blindness(w.study, w.source),
        order=lambda w: PLAN.order(w.source, w.study),
        seed=CONFIG.main.seed,
        code=lambda w: code_digest([*code_of("config.entries"), *code_of("measure", ("metrics", w.label.partition(".")[0]))]),
    script:
        "../scripts/measure.py"
