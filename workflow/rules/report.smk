rule report:
    input:
        comparison="results/{study}/comparison.nc",
        measures=lambda w: list(PLAN.measure_files(w.study).values()),
        figures=lambda w: [
            *PLAN.figure_files(w.study),
            *PLAN.claim_files(w.study)[1:],
            *PLAN.sweep_pictures(w.study),
        ],
        tables=lambda w: PLAN.published_files(w.study)[:1],
        pictures=lambda w: PLAN.published_files(w.study)[1:],
        template=local(f"{workflow.basedir}/workflow/report/study.html.j2"),
        parts=report_parts(),
    output:
        "results/{study}/report.html",
    log:
        "results/logs/report/{study}.log",
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        study=lambda w: CONFIG.raw_studies[w.study],
        measures=lambda w: [list(key) for key in PLAN.measure_files(w.study)],
        times=lambda w: PLAN.timing_files(w.study),
        code=code_digest([*code_of("config.yaml"), *code_of("compare"), *code_of("report")]),
    script:
        "../scripts/report.py"


for study in CONFIG.studies:

    rule:
        name:
            study
        input:
            f"results/{study}/report.html",
