rule ingest:
    input:
        unpack(lambda w: PLAN.replicate_files(w.recording, w.replicate)),
    output:
        "results/activity/{recording}/{replicate}.nc",
    log:
        "results/logs/ingest/{recording}/{replicate}.log",
    params:
        recording=lambda w: PLAN.raw_replicate(w.recording, w.replicate),
        code=lambda w: code_digest(code_of("ingest", *PLAN.recording_entries(w.recording))),
    script:
        "../scripts/ingest.py"


rule simulate:
    input:
        stimulus=lambda w: PLAN.stimulus_files(w.model),
    output:
        "results/activity/{model}/{batch}.nc",
    log:
        "results/logs/simulate/{model}/{batch}.log",
    params:
        model=lambda w: PLAN.raw_model(w.model),
        stream=lambda w: CONFIG.streams[PLAN.simulated[w.model][0]],
        realisations=lambda w: PLAN.batches(w.model)[w.batch],
        seed=CONFIG.main.seed,
        code=lambda w: code_digest(code_of("simulate", *PLAN.model(w.model).entries())),
    script:
        "../scripts/simulate.py"
