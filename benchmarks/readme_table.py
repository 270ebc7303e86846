"""Print the table of the README from the results of a study.

usage: python benchmarks/readme_table.py results/cichy92
"""

import sys
from pathlib import Path

import pandas as pd


def rows(results: Path) -> list[str]:
    """A Markdown row for each target and network."""
    summary = pd.read_csv(results / "summary.tsv", sep="\t", dtype={"subject": str})
    contrasts = pd.read_csv(results / "contrasts.tsv", sep="\t")
    group = summary[summary["subject"] == "group"].set_index(["target", "network", "competitor"])
    gains = contrasts[(contrasts["unit"] == "subjects") & (contrasts["b"] == "full")]
    made = []
    for gain in gains.sort_values(["target", "network"], ascending=[False, True]).itertuples():
        of = {name: group.loc[(gain.target, gain.network, name)] for name in ("full", "random", "pruned")}
        cells = [gain.target, gain.network, f"{of['pruned'].n_retained:.0f} of {of['full'].n_features}"]
        cells += [f"{of[name].r:.2f} ({of[name].r2:.2f})" for name in ("full", "random", "pruned")]
        p = "p < .001" if gain.p < 0.001 else f"p = {gain.p:.3f}"
        cells.append(f"+{gain.r_diff:.3f} [{gain.ci_low:.3f}, {gain.ci_high:.3f}], {p}")
        made.append(f"| {' | '.join(cells)} |")
    return made


if __name__ == "__main__":
    print("\n".join(rows(Path(sys.argv[1]))))
