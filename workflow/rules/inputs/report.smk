"""What the report shows, and what a run ends with."""


def shown_units():
    """Units whose retained sets are drawn: the group's, or every one where none is ranked by the group."""
    of_group = [unit for unit in all_units() if unit["supervision"] == GROUP]
    return of_group or all_units()


def methods_settings():
    """All settings that decide results; of heatmaps also what their variant decides."""
    settings = STUDY.model_dump(mode="json", exclude={"data_dir", "results_dir", "select", "report"})
    if STUDY.heatmaps:
        names = ("sizes", "stride", "score")
        settings["heatmaps"] |= {name: getattr(STUDY.heatmaps, f"{name}_in_use") for name in names}
    return settings


def methods_results():
    """What a run says of how the study was done."""
    pages = [f"{page}.html" for page in ("question", "methods", "checklist", "run")]
    return [f"{RESULTS}/{name}" for name in (*pages, "methods.md", "methods.bib", "checklist.tsv")]


def final_files():
    """What a run ends with."""
    if is_selection():
        return [f"{RESULTS}/selected.tsv"]
    if has_own_stimuli() and not STUDY.networks:
        rdms = rdms_of(target.name for target in STUDY.targets)
        return [*receipts(), *rdms, *quality_results(), *methods_results()]
    figures = ["rdms.svg"]
    if MODELS and STUDY.report.stimuli:
        figures.append("stimuli.png")
    tables = []
    if STUDY.networks:
        figures += [
            "overview.svg",
            "overview.png",
            "nulls.svg",
            "isomorphism.svg",
            "specificity.svg",
            "competitors.svg",
            "gain.svg",
            "curves.svg",
            "stability.svg",
        ]
        tables += ["folds.tsv", "summary.tsv", "contrasts.tsv", "intervals.tsv", "tables/summary.html"]
        tables += ["findings.html", "stability.tsv", "agreement.tsv"]
    if SWEEPS:
        tables.append("layers.tsv")
        figures.append("layers.svg")
    if several_sets():
        tables += ["overlap.tsv", "sharing.tsv"]
        figures.append("overlap.svg")
    if STUDY.partitions:
        tables.append("variance.tsv")
        figures.append("variance.svg")
    if STUDY.transfer:
        tables.append("transfer.tsv")
    if STUDY.multiverse:
        tables.append("multiverse.tsv")
        figures.append("multiverse.svg")
    if STUDY.wordnet:
        tables.append("wordnet.tsv")
        figures += ["wordnet.svg", "dendrograms.svg"]
    if STUDY.features:
        figures += [f"{page}_features.html" for page in feature_pages()]
    if STUDY.heatmaps:
        tables += ["heatmaps.tsv", "heatmap_contrasts.tsv"]
        figures += [f"net-{network}_heatmaps.svg" for network in heatmap_networks()]
    if STUDY.accuracy:
        tables.append("accuracy.tsv")
        figures.append("accuracy.svg")
    if STUDY.is_simulated:
        figures.append("recovery.svg")
        tables.append("recovery.tsv")
    return [
        *(f"{RESULTS}/{table}" for table in tables),
        *(f"{RESULTS}/figures/{figure}" for figure in figures),
        *quality_results(),
        *methods_results(),
        *receipts(),
    ]
