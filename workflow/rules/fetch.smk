rule fetch:
    output:
        "data/{recording}/{file}",
    log:
        "results/logs/fetch/{recording}/{file}.log",
    params:
        source=lambda w: CONFIG.raw_recordings[w.recording]["source"],
        file=lambda w: PLAN.raw_file(w.recording, w.file),
        code=code_digest(code_of("fetch")),
    script:
        "../scripts/fetch.py"
