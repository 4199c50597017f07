rule ingest:
    input:
        unpack(lambda w: PLAN.batch_files(w.recording, w.batch)),
    output:
        "results/activity/{recording}/{batch}.nc",
    log:
        "results/logs/ingest/{recording}/{batch}.log",
    benchmark:
        "results/benchmarks/activity/{recording}/{batch}.tsv"
    group:
        "ingest"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        recording=lambda w: PLAN.raw_batch(w.recording, w.batch),
        code=lambda w: code_digest(code_of("ingest", *PLAN.recording_entries(w.recording))),
    script:
        "../scripts/ingest.py"


rule simulate:
    input:
        stimulus=lambda w: PLAN.stimulus_files(w.model),
        lists=lambda w: PLAN.model_files(w.model),
    output:
        "results/activity/{model}/{batch}.nc",
    log:
        "results/logs/simulate/{model}/{batch}.log",
    benchmark:
        "results/benchmarks/activity/{model}/{batch}.tsv"
    group:
        lambda w: "simulate" if need_to_simulate(w.model, w.batch).is_small else None
    threads: 1  # two give the same bits, and are never twice as fast (benchmarks/README.md)
    resources:
        **asking(lambda w, input: need_to_simulate(w.model, w.batch)),
    params:
        model=lambda w: PLAN.raw_model(w.model),
        stream=lambda w: CONFIG.streams[PLAN.simulated[w.model][0]],
        realisations=lambda w: PLAN.realisations(w.model)[w.batch],
        order=lambda w: PLAN.order(w.model),
        seed=CONFIG.main.seed,
        code=lambda w: code_digest(code_of("simulate", *PLAN.model(w.model).entries())),
    script:
        "../scripts/simulate.py"
