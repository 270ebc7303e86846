"""Print the tables of README and of the pages in docs/ from the results of a study.

usage: python benchmarks/readme_table.py results/cichy92 [ladder | comparisons | layers | competitors]
"""

import sys
from pathlib import Path

import pandas as pd

from isoprune.figures.ladder import WAYS


def tables(results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and contrasts of a study."""
    summary = pd.read_csv(results / "summary.tsv", sep="\t", dtype={"subject": str})
    return summary, pd.read_csv(results / "contrasts.tsv", sep="\t")


def p_of(p: float) -> str:
    """A p-value as it is written in a paper."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def difference(contrasts: pd.DataFrame, target: str, network: str, supervision: str) -> str:
    """Pruned minus full across subjects under a supervision, with interval and p."""
    of = contrasts[(contrasts["target"] == target) & (contrasts["network"] == network)]
    of = of[(of["compared"] == "competitors") & (of["supervision"] == supervision)]
    row = of[of["b"] == "full"].iloc[0]
    return f"{row.r_diff:+.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}], {p_of(row.p)}"


def gains(results: Path) -> list[str]:
    """A row for each target and network: what pruning gains."""
    summary, contrasts = tables(results)
    group = summary[summary["subject"] == "group"].set_index(["target", "network", "competitor"])
    made = []
    for target, network in sorted(
        set(group.index.droplevel("competitor")), key=lambda key: (-ord(key[0][0]), key[1])
    ):
        of = {name: group.loc[(target, network, name)] for name in ("full", "random", "pruned")}
        cells = [target, network, f"{of['pruned'].n_retained:.0f} of {of['full'].n_features}"]
        cells += [f"{of[name].r:.2f} ({of[name].r2:.2f})" for name in ("full", "random", "pruned")]
        cells += [f"{p_of(of['pruned'].p_fwe)}", f"{of['pruned'].ceiling_high:.2f}"]
        cells += [difference(contrasts, target, network, supervision) for supervision in ("own", "loso")]
        made.append(f"| {' | '.join(cells)} |")
    return made


def ladder(results: Path) -> list[str]:
    """A row for each competitor, a column for each target and network: r (r without the nuisances)."""
    summary, _ = tables(results)
    group = summary[summary["subject"] == "group"]
    columns = list(dict.fromkeys(zip(group["target"], group["network"], strict=True)))
    order = [name for name in dict.fromkeys(group["competitor"]) if name not in ("pruned", "full")]
    made = [f"| ranked on | {' | '.join(f'{target}, {network}' for target, network in columns)} |"]
    made.append("|---" * (len(columns) + 1) + "|")
    for name in ["full", *order, "pruned"]:
        cells = [f"`{name}`"]
        for target, network in columns:
            row = group[
                (group["target"] == target) & (group["network"] == network) & (group["competitor"] == name)
            ]
            cells.append("" if row.empty else f"{row['r'].iloc[0]:.2f} ({row['r_partial'].iloc[0]:.2f})")
        made.append(f"| {' | '.join(cells)} |")
    return made


def competitors(results: Path) -> list[str]:
    """A row for each supervision and competitor, a column for each target and network: r, and what pruning adds."""
    summary, contrasts = tables(results)
    summary = summary[summary["subject"].isin(["group", "subjects"]) & summary["competitor"].isin(WAYS)]
    columns = list(dict.fromkeys(zip(summary["target"], summary["network"], strict=True)))
    names = ["target", "network", "supervision", "competitor"]
    r = summary.set_index(names)["r"]
    added = (
        contrasts[contrasts["compared"] == "competitors"].rename(columns={"b": "competitor"}).set_index(names)
    )
    made = [f"| supervision | competitor | {' | '.join(', '.join(one) for one in columns)} |"]
    made.append("|---" * (len(columns) + 2) + "|")
    for supervision in dict.fromkeys(summary["supervision"]):
        for name in WAYS:
            places = [(*column, supervision, name) for column in columns]
            if places[0] not in r.index:
                continue
            cells = [supervision, f"`{name}`", *(f"{r[place]:.3f}" for place in places)]
            for number, place in enumerate(places, start=2):
                if place in added.index:
                    row = added.loc[place]
                    interval = f"{row.r_diff:+.3f} [{row.ci_low:+.3f}, {row.ci_high:+.3f}]"
                    cells[number] += f"; {interval}, {p_of(row.p_fwe)}"
            made.append(f"| {' | '.join(cells)} |")
    return made


def comparisons(results: Path) -> list[str]:
    """A row for each two networks or targets that are compared across subjects, each ranked on their own RDM."""
    summary, contrasts = tables(results)
    own = contrasts[(contrasts["supervision"] == "own") & (contrasts["unit"] == "subjects")]
    scores = summary[(summary["supervision"] == "own") & (summary["subject"] == "subjects")]
    scores = scores[scores["competitor"] == "pruned"].set_index(["network", "target"])
    made = ["| in | a | b | pruned, a − b | full, a − b | gain, a − b |", "|---|---|---|---|---|---|"]
    for compared, fixed in (("targets", "network"), ("networks", "target")):
        rows = own[own["compared"] == compared]
        for (place, a, b), of in rows.groupby([fixed, "a", "b"], sort=False):
            by_score = of.set_index("score")
            cells = [place]
            for level in (a, b):
                row = scores.loc[(place, level) if fixed == "network" else (level, place)]
                cells.append(f"{level}, r = {row.r:.2f} ({100 * row.share_low:.0f} % of its ceiling)")
            for score in ("pruned", "full", "pruned − full"):
                row = by_score.loc[score]
                interval = f"[{row.ci_low:.2f}, {row.ci_high:.2f}]"
                cells.append(f"{row.r_diff:+.2f} {interval}, {p_of(row.p_fwe)}")
            made.append(f"| {' | '.join(cells)} |")
    return made


def layers(results: Path) -> list[str]:
    """A row for each layer of a sweep and for the best of them; of each target the group's scores."""
    table = pd.read_csv(results / "layers.tsv", sep="\t", keep_default_na=True)
    table = table[table["subject"] == "group"]
    targets = list(dict.fromkeys(table["target"]))
    heads = [f"{target}, {what}" for target in targets for what in ("full", "pruned", "chosen")]
    made = [f"| layer | features | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for layer, of_layer in table.groupby("layer", sort=False):
        rows = of_layer.set_index(["target", "competitor"])
        cells = [f"`{layer}`", str(of_layer["n_features"].iloc[0])]
        for target in targets:
            full, pruned = (rows.loc[(target, name)] for name in ("full", "pruned"))
            cells += [f"{full.r:.2f}", f"{pruned.r:.2f} [{pruned.ci_low:.2f}, {pruned.ci_high:.2f}]"]
            cells[-1] += f", {p_of(pruned.p_fwe)}"
            cells.append(str(int(pruned.n_chosen)))
        made.append(f"| {' | '.join(cells)} |")
    return made


if __name__ == "__main__":
    kinds = {"ladder": ladder, "comparisons": comparisons, "layers": layers, "competitors": competitors}
    show = kinds.get(sys.argv[2] if len(sys.argv) > 2 else "", gains)
    print("\n".join(show(Path(sys.argv[1]))))
