"""Quality of the brain side: voxels, tSNR and reliability, for each subject and region.

What cannot be computed is missing, with its reason in words, and never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoprune.errors import IsopruneError
from isoprune.labelled import RDM, Patterns
from isoprune.patterns import normalise_runs
from isoprune.rdms import n_negative, rdm_from_patterns, shares_of_spread
from isoprune.voxels import half_means, halves

if TYPE_CHECKING:
    import pandas as pd

VOXEL_COLUMNS = {
    "subject": "Subject label.",
    "roi": "Region of interest.",
    "n_voxels_in_mask": "Voxels of the region as its source has it; missing where the subject lacks the region.",
    "n_voxels_on_grid": "Voxels of the region on the grid of the betas.",
    "n_dropped_non_finite": "Voxels dropped because a beta or a residual is NaN or infinite.",
    "n_dropped_constant": "Voxels dropped because their betas or residuals do not vary.",
    "n_not_selected": "Usable voxels that the selection of reliable voxels left out.",
    "n_not_drawn": "Voxels that a random draw left out, so that all regions have as many (`roi.match_voxels`).",
    "n_voxels": "Voxels that the patterns are made of.",
    "selection": "How voxels were selected by their reliability, or drawn at random; n/a if all usable ones were kept.",
}

RELIABILITY_COLUMNS = {
    "subject": "Subject label.",
    "roi": "Region of interest.",
    "n_runs": "Runs that the patterns come from.",
    "n_repeated": "Conditions that occur in both halves of the data (odd and even runs).",
    "tsnr": "Temporal signal-to-noise ratio (dimensionless): mean signal over the standard deviation of "
    "the model's residuals in time, mean over runs, median over voxels.",
    "pattern_r": "Correlation of a condition's patterns in the two halves (Pearson r over voxels), mean over "
    "conditions.",
    "pattern_r_between": "The same between different conditions: the baseline.",
    "pattern_reliability": "pattern_r less pattern_r_between: what halves share of single conditions.",
    "rdm_r": "Correlation of the RDMs of the two halves (Pearson r over pairs of conditions).",
    "rdm_reliability": "Reliability of the RDM of all data after Spearman and Brown, 2r / (1 + r); missing "
    "where r is negative.",
    "n_pairs": "Pairs of conditions in the RDM.",
    "n_negative": "Pairs whose dissimilarity is below 0, as single crossnobis distances may be; they are kept.",
    "noise": "What the noise precision was estimated from; n/a for measures without.",
    "reason": "Why numbers are missing; n/a if they are there.",
}

INTERSUBJECT_COLUMNS = {
    "target": "Region of interest, or name of the target.",
    "subject": "Subject label.",
    "n_subjects": "Subjects of the target, this one included.",
    "r": "Correlation of the subject's RDM with the mean RDM of the others (Pearson r over pairs).",
    "share": "Share of the spread of all subjects' RDMs (sum of squares over pairs around each RDM's mean): 1 over the "
    "number of subjects where all have one scale. The mean RDM is nearly that of a subject with most of it.",
    "reason": "Why r is missing; n/a if it is there.",
}

REGION_COLUMNS = {
    "roi": "Region of interest.",
    "n_subjects": "Subjects who have the region.",
    "subjects": "Their labels.",
    "lacking": "Labels of the subjects who lack it; n/a if nobody does.",
}

MISSING_COLUMNS = {
    "target": "Region of interest, or name of the target.",
    "subject": "Subject label.",
    "reason": "The error, as its log has it; or why there is none.",
    "log": "The log in which the whole story is; n/a if no job has run.",
}


def voxel_table(
    patterns: Mapping[str, Patterns], rois: Sequence[str] | None = None, subject: str | None = None
) -> pd.DataFrame:
    """Voxel counts of one subject, a row a region; columns as `VOXEL_COLUMNS`.

    Parameters
    ----------
    patterns : dict of str to Patterns
        By region.
    rois : sequence of str, optional
        Regions of the study; those that the subject lacks get a row without counts. By default those there are.
    subject : str, optional
        Label for rows of regions that the subject lacks.
    """
    import pandas as pd

    rows = []
    for roi in patterns if rois is None else rois:
        if roi in patterns:
            one = patterns[roi]
            rows.append({"subject": one.subject, "roi": roi, **one.counts, "selection": one.selection})
        else:
            rows.append({"subject": subject, "roi": roi, "selection": ""})
    table = pd.DataFrame(rows, columns=list(VOXEL_COLUMNS))
    counts = [name for name in VOXEL_COLUMNS if name.startswith("n_")]
    return table.astype(dict.fromkeys(counts, "Int64"))


def all_voxels(voxels: Iterable[pd.DataFrame], lacking: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Voxel counts of all subjects, and rows without counts for the regions that subjects lack.

    Parameters
    ----------
    voxels : iterable of DataFrame
        Rows of ``voxel_table``, a table a subject.
    lacking : iterable of (str, str)
        Region and subject, where a subject does not have a region.
    """
    import pandas as pd

    rows = [{"subject": subject, "roi": roi, "selection": ""} for roi, subject in lacking]
    return _stacked([*voxels, pd.DataFrame(rows, columns=list(VOXEL_COLUMNS))], VOXEL_COLUMNS)


def all_reliabilities(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of ``reliability_table``, one below the other."""
    return _stacked(tables, RELIABILITY_COLUMNS)


def _stacked(tables: Iterable[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    full = [table for table in tables if len(table)]
    if not full:
        return pd.DataFrame(columns=list(columns))
    stacked = pd.concat([table.astype(object) for table in full], ignore_index=True).infer_objects()
    counts = [name for name in columns if name.startswith("n_")]
    return stacked.astype(dict.fromkeys(counts, "Int64")).sort_values(
        "subject", kind="stable", ignore_index=True
    )


def missing_table(expected: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """RDMs that are not there, with the reason from the logs of their jobs; columns as `MISSING_COLUMNS`.

    Parameters
    ----------
    expected : iterable of mapping
        For each RDM ``target``, ``subject``, ``file`` and ``logs``: those of the jobs that lead to it, the first job
        first.
    """
    import pandas as pd

    rows = []
    for one in expected:
        if Path(one["file"]).is_file():
            continue
        error, log = error_in_logs(one["logs"])
        reason = error or "it was not computed, and no job reports an error"
        rows.append({"target": one["target"], "subject": one["subject"], "reason": reason, "log": log})
    return pd.DataFrame(rows, columns=list(MISSING_COLUMNS))


def error_in_logs(paths: Iterable[str | Path]) -> tuple[str, str]:
    """The first error that jobs in a row report, and the log it stands in; without one, the last log that is there.

    Parameters
    ----------
    paths : iterable of path
        Logs of the jobs, the first job first; those that are not there are passed over.

    Returns
    -------
    error, log : str
        Empty where there is none.
    """
    logs = [log for log in paths if Path(log).is_file()]
    failed = [log for log in logs if error_in_log(log)]
    error = error_in_log(failed[0]) if failed else ""
    return error, str((failed or logs[-1:] or [""])[0])


def error_in_log(path: str | Path) -> str:
    """The error that ended a job, in one line; empty if its log has none.

    Parameters
    ----------
    path : path
        A log that ``isoprune.log.job_log`` wrote.
    """
    lines = [line for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not any("Traceback (most recent call last)" in line for line in lines):
        return ""
    return lines[-1].removeprefix("isoprune.errors.").strip()


def region_table(voxels: pd.DataFrame) -> pd.DataFrame:
    """How many subjects have each region, from the rows of all subjects; columns as `REGION_COLUMNS`.

    Parameters
    ----------
    voxels : DataFrame
        Rows of ``voxel_table`` of all subjects, one below the other.
    """
    import pandas as pd

    subjects = list(dict.fromkeys(voxels["subject"]))
    measured = voxels[voxels["n_voxels"].notna()]
    rows = []
    for roi in dict.fromkeys(voxels["roi"]):
        having = set(measured.loc[measured["roi"] == roi, "subject"])
        rows.append(
            {
                "roi": roi,
                "n_subjects": len(having),
                "subjects": " ".join(one for one in subjects if one in having),
                "lacking": " ".join(one for one in subjects if one not in having),
            }
        )
    return pd.DataFrame(rows, columns=list(REGION_COLUMNS))


def reliability_table(
    patterns: Mapping[str, Patterns],
    rdms: Mapping[str, RDM],
    *,
    measure: str = "correlation",
    run_centre: bool = False,
    run_zscore: bool = False,
    noise: str = "auto",
    shrinkage: str = "diagonal",
) -> pd.DataFrame:
    """Reliability of one subject's patterns and RDMs, a row a region; columns as `RELIABILITY_COLUMNS`.

    Parameters
    ----------
    patterns : dict of str to Patterns
        By region.
    rdms : dict of str to RDM
        The RDM of each region.
    measure, run_centre, run_zscore, noise, shrinkage
        How the RDMs were computed (``isoprune.rdms.rdm_from_patterns``); those of the halves are computed alike.
    """
    import pandas as pd

    settings = {
        "measure": measure,
        "run_centre": run_centre,
        "run_zscore": run_zscore,
        "noise": noise,
        "shrinkage": shrinkage,
    }
    rows = []
    for roi, one in patterns.items():
        rdm = rdms[roi]
        n_images = len(rdm.labels)
        of_patterns, why_not_patterns = pattern_reliability(one, run_centre=run_centre, run_zscore=run_zscore)
        of_rdm, why_not_rdm = rdm_reliability(one, **settings)
        rows.append(
            {
                "subject": one.subject,
                "roi": roi,
                "n_runs": len(set(one.runs)),
                "tsnr": np.nan if one.tsnr is None else float(np.median(one.tsnr)),
                **of_patterns,
                **of_rdm,
                "n_pairs": n_images * (n_images - 1) // 2,
                "n_negative": n_negative(rdm),
                "noise": rdm.provenance.get("rdm", {}).get("noise", ""),
                "reason": "; ".join(dict.fromkeys(filter(None, [why_not_patterns, why_not_rdm]))),
            }
        )
    return pd.DataFrame(rows, columns=list(RELIABILITY_COLUMNS))


def pattern_reliability(
    patterns: Patterns, *, run_centre: bool = False, run_zscore: bool = False
) -> tuple[dict[str, float], str]:
    """Split-half reliability of the patterns of conditions, against that of different conditions.

    Parameters
    ----------
    patterns : Patterns
    run_centre, run_zscore : bool, default False
        First remove each voxel's mean over a run; or that, and divide by its standard deviation.

    Returns
    -------
    numbers : dict of str to float
        ``n_repeated``, ``pattern_r``, ``pattern_r_between`` and ``pattern_reliability``, as
        `RELIABILITY_COLUMNS` describes them; missing ones are NaN.
    reason : str
        Why they are missing; empty if they are there.
    """
    numbers = dict.fromkeys(("pattern_r", "pattern_r_between", "pattern_reliability"), np.nan)
    try:
        prepared = normalise_runs(patterns, run_centre=run_centre, run_zscore=run_zscore)
    except IsopruneError as problem:
        return {"n_repeated": 0, **numbers}, problem.found
    first, second, repeated = half_means(prepared.values, prepared.conditions, prepared.runs)
    n = len(repeated)
    if n < 2:
        return {"n_repeated": n, **numbers}, f"{n} conditions are repeated"
    r = _correlations(first, second)
    if not np.isfinite(r).all():
        return {"n_repeated": n, **numbers}, "a condition's pattern is constant over voxels"
    within, between = r.diagonal().mean(), r[~np.eye(n, dtype=bool)].mean()
    values = (float(within), float(between), float(within - between))
    return {"n_repeated": n, **dict(zip(numbers, values, strict=True))}, ""


def rdm_reliability(patterns: Patterns, **settings) -> tuple[dict[str, float], str]:
    """Split-half reliability of the RDM.

    Parameters
    ----------
    patterns : Patterns
    **settings
        As for ``isoprune.rdms.rdm_from_patterns``.

    Returns
    -------
    numbers : dict of str to float
        ``rdm_r`` and ``rdm_reliability``, as `RELIABILITY_COLUMNS` describes them; missing ones are NaN.
    reason : str
        Why they are missing; empty if they are there.
    """
    missing = {"rdm_r": np.nan, "rdm_reliability": np.nan}
    parts = [patterns.select_rows(rows) for rows in halves(patterns.conditions, patterns.runs)]
    labels = tuple(dict.fromkeys(parts[0].conditions))
    if len(labels) < 3:
        return missing, f"{len(labels)} conditions are repeated"
    if settings.get("measure") == "crossnobis" and (lacking := _single_runs(parts)):
        return missing, lacking
    try:
        first, second = (
            rdm_from_patterns(
                part, labels, target=part.roi, subject=part.subject, provenance={}, **settings
            ).values
            for part in parts
        )
    except IsopruneError as problem:
        return missing, f"no RDM of half the data: {problem.found}"
    r = _triangle_r(first, second)
    if np.isnan(r):
        return missing, "all dissimilarities of half the data are equal"
    if r < 0:
        return {**missing, "rdm_r": r}, "the RDMs of the halves correlate negatively"
    return {"rdm_r": r, "rdm_reliability": 2 * r / (1 + r)}, ""


def _single_runs(parts: Sequence[Patterns]) -> str:
    """Which half has too few runs for a crossnobis distance of its own; empty if both have enough.

    The distance itself would say that there is one run, which is untrue of the data that were halved.
    """
    single = [len(set(part.runs)) < 2 for part in parts]
    if not any(single):
        return ""
    which = "each half" if all(single) else "one half"
    return f"crossnobis needs two runs in each half, four in all; {which} here has one"


def intersubject_table(rdms: Iterable[RDM]) -> pd.DataFrame:
    """How far each subject's RDM is the others', a row a target and subject; columns as `INTERSUBJECT_COLUMNS`.

    Parameters
    ----------
    rdms : iterable of RDM
        Single subjects' RDMs of one or several targets; those of a target are of the same stimuli, in any order.

    Raises
    ------
    LabelError
        If two RDMs of a target are of different stimuli.
    """
    import pandas as pd

    targets: dict[str, list[RDM]] = {}
    for rdm in rdms:
        targets.setdefault(rdm.target, []).append(rdm)
    rows = []
    for target, group in targets.items():
        labels = sorted(group[0].labels)  # the order of rows changes no bit
        values = np.array([rdm.select(labels, wanted_in="the first subject").values for rdm in group])
        shares = shares_of_spread(group)
        for place, rdm in enumerate(group):
            row: dict[str, Any] = {
                "target": target,
                "subject": rdm.subject,
                "n_subjects": len(group),
                "r": np.nan,
                "share": shares[rdm.subject],
                "reason": "",
            }
            if len(group) < 2:
                row["reason"] = "nobody else has the target"
            else:
                row["r"] = _triangle_r(values[place], np.delete(values, place, axis=0).mean(axis=0))
                if np.isnan(row["r"]):
                    row["reason"] = "all dissimilarities are equal, or there is one pair only"
            rows.append(row)
    return pd.DataFrame(rows, columns=list(INTERSUBJECT_COLUMNS))


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson r of every row of one array with every row of the other; NaN for constant rows."""
    unit = []
    for values in (first, second):
        centred = values - values.mean(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit.append(centred / np.sqrt((centred**2).sum(axis=1, keepdims=True)))
    return unit[0] @ unit[1].T


def _triangle_r(first: np.ndarray, second: np.ndarray) -> float:
    pairs = np.triu_indices(len(first), 1)
    return float(_correlations(first[pairs][np.newaxis], second[pairs][np.newaxis])[0, 0])
