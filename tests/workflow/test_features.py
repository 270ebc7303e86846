"""What retained features look at, as part of a study."""

import json

import pandas as pd

from isoprune.drivers import TABLES

PAGES = ["net-mine_target-EVC", "net-mine_target-IT"]


def test_every_target_ends_with_its_tables_and_its_page(finished):
    folder = finished.results
    for page in PAGES:
        text = (folder / "figures" / f"{page}_features.html").read_text()
        assert "Kept by" in text and "data:image" not in text  # the features come from a file: no images
        assert "Kinds of things" not in text and "WordNet" not in text
        tables = {
            name: pd.read_csv(folder / "features" / f"{page}_{name}.tsv", sep="\t", na_values="n/a")
            for name in TABLES
        }
        assert set(tables["selectivity"]["column"]) == {"category"} and tables["hypernyms"].empty
        held_out = tables["sets"].set_index("images").loc[["held-out"]]
        assert (held_out["n_relabelled"] > 0).all()
        assert (held_out["p_relabelled"] * (held_out["n_relabelled"] + 1) >= 1).all()
        features = tables["features"]
        assert len(features) >= 12 and features["place"].is_monotonic_increasing
        assert set(tables["others"]["other"]) == {"EVC", "IT"} - {page.rsplit("-", 1)[1]}
        described = json.loads((folder / "features" / f"{page}_features.json").read_text())
        assert described["about"]["n_features"] == 30 and described["about"]["n_folds"] == 3
    retained = pd.read_csv(
        folder / "retained" / f"{PAGES[1]}_sub-group_sup-group_retained.tsv", sep="\t"
    ).set_index("feature")
    kept = features.set_index("feature")["kept"]
    pd.testing.assert_series_equal(
        retained.loc[kept.index, "fold_frequency"], kept, check_names=False, rtol=1e-12
    )


def test_what_is_shown_reruns_nothing_else(study):
    study.settings(features={"shown": 3})
    looked = [
        *(f"Draw what the features look at that mine keeps for {target}" for target in ("EVC", "IT")),
        "See what the features look at that mine keeps",
    ]
    text = "Write the methods text and the checklist for reporting"
    assert study.planned() == [*looked, text]
    study.settings(features=None)
    assert study.planned() == [text]


def test_a_column_that_is_not_there_is_refused_before_any_job(fresh):
    fresh.settings(features={"columns": ["categories"]})
    said = fresh.snakemake("--dry-run", check=False)
    assert "UnknownNameError" in said and "'categories'" in said and "category" in said
