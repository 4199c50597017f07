# Pages over several studies: what reproduces published figures; and that, and every study that judges models.
PAGES = {"figures": PLAN.with_published(), "overview": PLAN.with_findings()}


rule figures:
    input:
        "results/figures.html",


rule overview:
    input:
        "results/overview.html",


rule page:
    input:
        reports=lambda w: [f"results/{study}/report.html" for study in PAGES[w.page]],
        comparisons=lambda w: [f"results/{study}/comparison.nc" for study in PAGES[w.page]],
        tables=lambda w: [table for study in PAGES[w.page] for table in PLAN.published_files(study)[:1]],
        pictures=lambda w: [picture for study in PAGES[w.page] for picture in PLAN.page_pictures(study)],
        template=local(f"{workflow.basedir}/workflow/report/overview.html.j2"),
        parts=report_parts(),
    output:
        "results/{page}.html",
    log:
        "results/logs/{page}.log",
    wildcard_constraints:
        page=any_of(PAGES),
    params:
        studies=lambda w: {study: CONFIG.raw_studies[study] for study in PAGES[w.page]},
        tables=lambda w: {study: PLAN.published_files(study)[0] for study in PAGES[w.page] if PLAN.published_files(study)},
        pictures=lambda w: {study: PLAN.page_pictures(study) for study in PAGES[w.page]},
        code=code_digest([*code_of("report.overview"), *code_of("reproduce")]),
    script:
        "../scripts/page.py"
