rule sweep_part:
    input:
        stimulus=lambda w: PLAN.stimulus_files(PLAN.sweep_source(w.study, w.sweep)),
        lists=lambda w: PLAN.model_files(PLAN.sweep_source(w.study, w.sweep)),
        like=lambda w: PLAN.blindness_files(w.study, PLAN.sweep_source(w.study, w.sweep)),
    output:
        "results/{study}/sweeps/{sweep}/{part}.nc",
    log:
        "results/logs/sweep/{study}/{sweep}/{part}.log",
    benchmark:
        "results/benchmarks/{study}/sweeps/{sweep}/{part}.tsv"
    resources:
        **asking(lambda w, input: need_to_sweep(w.study, w.sweep, w.part)),
    params:
        model=lambda w: PLAN.raw_model(PLAN.sweep_source(w.study, w.sweep)),
        source=lambda w: PLAN.sweep_source(w.study, w.sweep),
        stream=lambda w: CONFIG.streams[PLAN.simulated[PLAN.sweep_source(w.study, w.sweep)][0]],
        points=lambda w: PLAN.sweep_part(w.study, w.sweep, w.part),
        # no number: Snakemake keeps values without their names, and would not see it exchanged with the seed
        realisations=lambda w: list(range(PLAN.sweep_realisations(w.study, w.sweep))),
        metrics=lambda w: PLAN.sweep_metrics(w.study, w.sweep),
        blindness=lambda w: PLAN.blindness(w.study, PLAN.sweep_source(w.study, w.sweep)),
        order=lambda w: PLAN.order(PLAN.sweep_source(w.study, w.sweep), w.study),
        seed=CONFIG.main.seed,
        code=lambda w: code_digest(PLAN.sweep_code(w.study, w.sweep)),
    script:
        "../scripts/sweep_part.py"


rule sweep:
    input:
        lambda w: [f"results/{w.study}/sweeps/{w.sweep}/{part}.nc" for part in PLAN.sweep_parts(w.study, w.sweep)],
    output:
        nc="results/{study}/sweeps/{sweep}.nc",
        png="results/{study}/figures/sweep.{sweep}.png",
        pdf="results/{study}/figures/sweep.{sweep}.pdf",
    log:
        "results/logs/sweep/{study}/{sweep}.log",
    benchmark:
        "results/benchmarks/{study}/sweeps/{sweep}.tsv"
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        metrics=lambda w: PLAN.sweep_metrics(w.study, w.sweep),
        design=lambda w: PLAN.sweep(w.study, w.sweep).kind,
        code=code_digest(code_of("sweep")),
    script:
        "../scripts/sweep.py"
