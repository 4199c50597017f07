rule judge:
    input:
        "results/{study}/comparison.nc",
    output:
        csv="results/{study}/claim.csv",
        png="results/{study}/figures/claim.png",
        pdf="results/{study}/figures/claim.pdf",
    log:
        "results/logs/judge/{study}.log",
    benchmark:
        "results/benchmarks/{study}/claim.tsv"
    group:
        "study"
    resources:
        **asking(lambda w, input: of_files(input.size_mb)),
    params:
        claim=lambda w: CONFIG.raw_studies[w.study].get("claim"),
        sizes=lambda w: PLAN.sizes(w.study),
        code=code_digest(code_of("reproduce")),
    script:
        "../scripts/judge.py"


# Every claim, with a study or without, on one page.
rule claims:
    input:
        "results/claims/report.html",


rule claims_overview:
    input:
        reports=[f"results/{study}/report.html" for study in PLAN.tested().values()],
        tables=[PLAN.claim_files(study)[0] for study in PLAN.tested().values()],
        sweeps=[table for study in PLAN.tested().values() for table in PLAN.robustness_files(study).values()],
        pictures=[PLAN.claim_files(study)[1] for study in PLAN.tested().values()],
        template=local(f"{workflow.basedir}/workflow/report/claims.html.j2"),
        parts=report_parts(),
    output:
        html="results/claims/report.html",
        csv="results/claims/claims.csv",
        nc="results/claims/claims.nc",
    log:
        "results/logs/claims.log",
    params:
        claims=CONFIG.claims,
        tested=PLAN.tested(),
        written={claim: CONFIG.raw_studies[study]["claim"] for claim, study in PLAN.tested().items()},
        sweeps={claim: PLAN.robustness_files(study) for claim, study in PLAN.tested().items()},
        times={claim: PLAN.claim_timing_files(study) for claim, study in PLAN.tested().items()},
        size=CONFIG.main.size,
        code=code_digest([*code_of("report.claims"), *code_of("report.times"), *code_of("reproduce")]),
    script:
        "../scripts/claims_overview.py"
