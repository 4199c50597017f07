# Every study that reproduces published figures or judges models, and the page over all of them.
rule figures:
    input:
        "results/overview.html",


rule overview:
    input:
        reports=[f"results/{study}/report.html" for study in PLAN.shown()],
        comparisons=[f"results/{study}/comparison.nc" for study in PLAN.with_candidates()],
        tables=[f"results/{study}/published.csv" for study in PLAN.with_published()],
        pictures=[picture for study in PLAN.shown() for picture in PLAN.overview_pictures(study)],
        template=local(f"{workflow.basedir}/workflow/report/overview.html.j2"),
        parts=report_parts(),
    output:
        "results/overview.html",
    log:
        "results/logs/overview.log",
    params:
        studies={study: CONFIG.raw_studies[study] for study in PLAN.shown()},
        judging=PLAN.with_candidates(),
        published=PLAN.with_published(),
        pictures={study: PLAN.overview_pictures(study) for study in PLAN.shown()},
        code=code_digest([*code_of("report"), *code_of("reproduce")]),
    script:
        "../scripts/overview.py"
