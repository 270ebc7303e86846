"""What a study found, in sentences: every number from its tables, and no claim without its test.

A paragraph a network × target × who was scored. Verdicts come from the contrasts alone, by the family-wise p;
what has no p is said to be not tested, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from isoprune.labelled import GROUP, SUBJECTS
from isoprune.results import between_competitors
from isoprune.wording import count, enumeration, interval, is_missing, number, p_value, share

ALPHA = 0.05
"""Family-wise p below which a difference is called one."""

CAVEAT = (
    "A retained set is a sufficient set, not the code of an area: features that correlate can stand in for one "
    "another, and a cluster of them can be passed over as a whole."
)
"""What holds of every retained set, whatever was found."""

SUPERVISIONS = {
    "group": "mean RDM of the group",
    "own": "single subjects",
    "loso": "subjects left out of the ranking",
}
"""Who was scored, by supervision, in the order of the paragraphs."""

RIVALS = {
    "random": "random sets of the same size",
    "variance": "random sets of features that vary as much",
    "components": "as many principal components",
    "variable": "as many of the features that vary most",
    "active": "as many of the features of the highest mean activation",
    "relabelled": "sets ranked on the target with its images exchanged",
    "label": "sets ranked on {name}",
    "other": "sets ranked on {name}",
}
"""What else could have given the gain, by kind of competitor, from what knows nothing of the target upwards."""

WEIGHTS = ("ridge", "nonnegative", "dissimilarity")
"""Kinds of weights on all features, as `isoprune.reweighting.KINDS`."""


@dataclass(frozen=True)
class Finding:
    """What was found for a network × target × who was scored.

    Attributes
    ----------
    network, target : str
    supervision : str
        A key of `SUPERVISIONS`.
    verdict : str
        One sentence: whether pruning gains, and whether the gain is the target's own.
    score : str
        Who was scored on what, r with interval, p and noise ceiling.
    gain : str
        What pruning gains over all features and over random sets, with tests.
    rivals : tuple of str
        What each other ranking reaches.
    rest : str
        How much of the gain is the target's own, and which folds have no score.
    """

    network: str
    target: str
    supervision: str
    verdict: str
    score: str = ""
    gain: str = ""
    rivals: tuple[str, ...] = ()
    rest: str = ""

    @property
    def text(self) -> str:
        """All of it as one paragraph."""
        rivals = f"In the same folds: {'; '.join(self.rivals)}." if self.rivals else ""
        return " ".join(part for part in (self.verdict, self.score, self.gain, rivals, self.rest) if part)


@dataclass(frozen=True)
class Analysis:
    """Rows of the tables for a network × target × supervision.

    Attributes
    ----------
    network, target, supervision : str
    scores : dict of str to Series
        Row of the summary by competitor: the group's, or the mean over subjects.
    contrasts : dict of str to Series
        Row of the contrasts by what the pruned set is compared with.
    subjects_tested : bool
        Whether single subjects have a p, where their mean may have none.
    """

    network: str
    target: str
    supervision: str
    scores: dict[str, pd.Series]
    contrasts: dict[str, pd.Series]
    subjects_tested: bool = False

    @property
    def pruned(self) -> pd.Series:
        """The row of the pruned set."""
        return self.scores["pruned"]

    @property
    def rivals(self) -> list[str]:
        """Competitors other than ``full`` that say whose the gain is, in the order of `RIVALS`."""
        kinds = list(RIVALS)
        there = [name for name in self.contrasts if _kind(name) in kinds]
        return sorted(there, key=lambda name: kinds.index(_kind(name)))


def findings(summary: pd.DataFrame, contrasts: pd.DataFrame) -> list[Finding]:
    """The findings of a study, in the order of its summary.

    Parameters
    ----------
    summary, contrasts : DataFrame
        Columns as `isoprune.results.SUMMARY_COLUMNS` and ``CONTRAST_COLUMNS``.

    Returns
    -------
    list of Finding
    """
    return [finding(analysis) for analysis in analyses(summary, contrasts)]


def analyses(summary: pd.DataFrame, contrasts: pd.DataFrame) -> Iterator[Analysis]:
    """Rows that belong together; arguments as of `findings`."""
    for network, target in dict.fromkeys(zip(summary["network"], summary["target"], strict=True)):
        here, compared = (
            table[(table["network"] == network) & (table["target"] == target)]
            for table in (summary, between_competitors(contrasts))
        )
        for supervision in SUPERVISIONS:
            of = here[here["supervision"] == supervision]
            who = GROUP if supervision == GROUP else SUBJECTS
            tests = compared[compared["supervision"] == supervision]
            scores = {row["competitor"]: row for _, row in of[of["subject"] == who].iterrows()}
            if "pruned" in scores:
                yield Analysis(
                    network,
                    target,
                    supervision,
                    scores,
                    {row["b"]: row for _, row in tests.iterrows() if row["a"] == "pruned"},
                    bool(of.loc[of["subject"] != who, "p"].notna().any()),
                )


def finding(analysis: Analysis) -> Finding:
    """The finding of an analysis."""
    place = (analysis.network, analysis.target, analysis.supervision)
    undefined = " ".join(_undefined(analysis))
    if is_missing(analysis.pruned["r"]):
        return Finding(*place, "Nothing was found: no fold has a score.", rest=undefined)
    about = (_what_was_done, _score, _above_zero, _ceiling)
    return Finding(
        *place,
        _verdict(analysis),
        score=" ".join(sentence(analysis) for sentence in about),
        gain=" ".join(_gains(analysis)),
        rivals=tuple(_rivals(analysis)),
        rest=" ".join((*_own_part(analysis), undefined)).strip(),
    )


def _kind(competitor: str) -> str:
    return competitor.partition(":")[0]


def _r(value: float) -> str:
    return f"r = {number(value, '.3f')}"


# ---- what was scored ----


def _what_was_done(analysis: Analysis) -> str:
    row = analysis.pruned
    n = count(row["n_subjects"], "subject")
    who = {
        "group": f"the mean RDM of {n}" if row["n_subjects"] > 1 else "the target RDM",
        "own": f"{n}, ranked and scored on {'their' if row['n_subjects'] > 1 else 'the'} own RDM",
        "loso": f"{n}, each scored with features that the others' mean RDM ranked",
    }[analysis.supervision]
    return (
        f"Scored: {who}, on {_held_out(row['n_test_images'])} a fold of {int(row['n_images'])} in all. "
        f"Retained: {share(row['n_retained'], row['n_features'])} (mean over folds)."
    )


def _held_out(mean: float) -> str:
    """Images of a fold: a mean over folds, which need not be whole."""
    if float(mean).is_integer():
        return count(int(mean), "held-out image")
    return f"{number(mean, '.1f')} held-out images (on average)"


def _score(analysis: Analysis) -> str:
    row = analysis.pruned
    score = f"The pruned set reaches {_r(row['r'])}"
    if is_missing(row["ci_low"]):
        return f"{score}; an interval was not computed."
    over = {
        "images": "over images of this target, never over people",
        "subjects and images": "over people and images",
    }.get(row["ci_over"], f"over {row['ci_over']}")
    ends = interval(row["ci_low"], row["ci_high"])
    return f"{score}, 95 % interval {ends} ({over}; the selection is taken as given)."


def _above_zero(analysis: Analysis) -> str:
    """Whether there is a relation at all, by relabelling."""
    row = analysis.pruned
    if is_missing(row["p"]):
        return f"That r is above 0 was not tested: {_no_relabelling(analysis)}."
    related = not is_missing(row["p_fwe"]) and row["p_fwe"] < ALPHA
    text = (
        f"That r is above 0 is {'' if related else 'not '}established: {p_value(row['p'])} from "
        f"{count(row['n_permutations'], 'relabelling')} of the whole procedure, family-wise {p_value(row['p_fwe'])} "
        f"(family: {row['family']})."
    )
    if is_missing(row["p_within"]):
        return text
    return f"{text} With images exchanged within their category only, {p_value(row['p_within'])}."


def _no_relabelling(analysis: Analysis) -> str:
    if analysis.subjects_tested:
        return "single subjects were relabelled, but not alike, so that their mean has no null"
    return "no relabellings were computed"


def _ceiling(analysis: Analysis) -> str:
    row = analysis.pruned
    group = analysis.supervision == GROUP
    whose = "the group's mean RDM" if group else "single subjects"
    if is_missing(row["ceiling_high"]):
        return f"There is no noise ceiling: {_why_no_ceiling(analysis)}."
    if group:
        ceiling = number(row["ceiling_high"], ".3f")
        of = "" if is_missing(row["share_low"]) else f", of which r is {percent(row['share_low'])}"
        return f"The noise ceiling of {whose} is {ceiling}{of}."
    ends = f"{number(row['ceiling_low'], '.3f')} and {number(row['ceiling_high'], '.3f')}"
    upper = "" if is_missing(row["share_low"]) else f"{percent(row['share_low'])} of the upper"
    lower = "" if is_missing(row["share_high"]) else f"{percent(row['share_high'])} of the lower"
    of = " and ".join(part for part in (upper, lower) if part)
    return f"The noise ceiling of {whose} lies between {ends}{f'; r is {of}' if of else ''}."


def _why_no_ceiling(analysis: Analysis) -> str:
    """Single subjects who saw the same images have a ceiling even where they disagree; their mean RDM has none."""
    if analysis.pruned["n_subjects"] == 1:
        return "one RDM cannot tell noise from what is shared"
    if analysis.supervision == GROUP:
        return "subjects do not agree, as their RDMs of held-out images do not correlate above 0"
    return "subjects saw different images, so that their RDMs cannot be compared"


def percent(part: float) -> str:
    """A share in percent."""
    return f"{number(100 * part, '.0f')} %"


def _undefined(analysis: Analysis) -> Iterator[str]:
    """Folds without a score, of the pruned set and of each rival that has more of them."""
    row = analysis.pruned
    if row["n_undefined"]:
        total = row["n_undefined"] + row["n_folds"]
        yield f"{int(row['n_undefined'])} of {count(total, 'fold')} have no score; folds.tsv says why."
    for name, other in analysis.scores.items():
        if other["n_undefined"] > row["n_undefined"]:
            total = other["n_undefined"] + other["n_folds"]
            yield f"{name} has no score in {int(other['n_undefined'])} of {count(total, 'fold')}."


# ---- what pruning gains ----


def is_tested(contrast: pd.Series | None) -> bool:
    """Whether a row of the contrasts is there and has its p."""
    return contrast is not None and not is_missing(contrast["p"]) and not is_missing(contrast["p_fwe"])


def is_established(contrast: pd.Series | None, sign: int = 1) -> bool:
    """Whether a difference of this sign is one, by its family-wise p."""
    return is_tested(contrast) and contrast["p_fwe"] < ALPHA and sign * contrast["r_diff"] > 0


def why_not(contrast: pd.Series | None) -> str:
    """Why a difference was not tested."""
    if contrast is None:
        return "the contrasts have no such row"
    reason = str(contrast["test"]).removeprefix("none: ")
    return f"{reason}, too few for p < .05" if reason.endswith(" subjects") else reason


def difference_in_words(contrast: pd.Series, *, p: bool = True) -> str:
    """The difference with its test; ``p`` gives p beside the family-wise p, on which verdicts rest."""
    size = number(contrast["r_diff"], "+.3f")
    if not is_tested(contrast):
        return f"{size}, not tested"
    tested = f"family-wise {p_value(contrast['p_fwe'])}"
    tested = f"{p_value(contrast['p'])}, {tested}" if p else tested
    return f"{size} {interval(contrast['ci_low'], contrast['ci_high'], '+.3f')}, {tested}"


def _gains(analysis: Analysis) -> Iterator[str]:
    """Pruned minus full and minus random, what kind of test that is, and why a difference has none."""
    parts = []
    for name, words in (("full", "all features"), ("random", RIVALS["random"])):
        contrast = analysis.contrasts.get(name)
        if contrast is not None:
            parts.append(f"minus {words} ({_score_of(analysis, name)}): {difference_in_words(contrast)}")
    if parts:
        yield f"Pruned {'; '.join(parts)}."
    weights = [
        f"{name} ({_score_of(analysis, name)}): {difference_in_words(analysis.contrasts[name])}"
        for name in WEIGHTS
        if name in analysis.contrasts
    ]
    if weights:
        yield f"Pruned minus weights on all features, fitted to the target: {'; '.join(weights)}."
    tested = next((one for one in analysis.contrasts.values() if is_tested(one)), None)
    if tested is not None:
        about = "people" if tested["unit"] == "subjects" else "images of this target, never about people"
        yield f"Tests of differences are two-sided ({tested['test']}) and speak about {about}."
    reasons = dict.fromkeys(why_not(one) for one in analysis.contrasts.values() if not is_tested(one))
    if reasons:
        yield f"Not tested means: {'; '.join(reasons)}."
    rank = analysis.contrasts["random"]["p_random"] if "random" in analysis.contrasts else None
    if not is_missing(rank):
        yield f"Among random sets of its size the pruned set ranks at {p_value(rank)} (one-sided)."


def _score_of(analysis: Analysis, name: str) -> str:
    row: Any = analysis.scores.get(name)
    return "no score" if row is None or is_missing(row["r"]) else _r(row["r"])


# ---- whose the gain is ----


def _called(name: str) -> str:
    """A rival in words."""
    kind, _, which = name.partition(":")
    given = {"label": f"the category label{f' ‘{which}’' if which else ''}", "other": f"the target ‘{which}’"}
    return RIVALS[kind].format(name=given.get(kind, ""))


def _called_together(names: Sequence[str]) -> str:
    """One rival in words; of several the short names, which the list of rivals explains."""
    return _called(names[0]) if len(names) == 1 else f"other rankings ({enumeration(names)})"


def _whose(target: str) -> str:
    """The genitive of a target's name: ``IT’s``, but ``judgments’``."""
    return f"{target}’" if target.endswith("s") else f"{target}’s"


def _rivals(analysis: Analysis) -> Iterator[str]:
    """What each rival reaches, and what the target adds to it."""
    for name in analysis.rivals:
        if name != "random":
            added = difference_in_words(analysis.contrasts[name], p=False)
            yield f"{_called(name)} reach {_score_of(analysis, name)}; pruned − {name}: {added}"


def _own_part(analysis: Analysis) -> Iterator[str]:
    """The part of the gain over all features that the strongest rival does not reach; without a gain, nothing."""
    if not is_established(analysis.contrasts.get("full")):
        return
    gain = analysis.contrasts["full"]["r_diff"]
    there = [name for name in analysis.rivals if not is_missing(analysis.contrasts[name]["r_diff"])]
    if not there:
        return
    strongest = min(there, key=lambda name: analysis.contrasts[name]["r_diff"])
    own = analysis.contrasts[strongest]["r_diff"]
    if own <= 0:
        yield f"Of the gain of {number(gain, '+.3f')} nothing is beyond what {_called(strongest)} reach."
        return
    left = f"{number(own, '+.3f')} ({percent(min(1, own / gain))})"
    tested = "" if is_established(analysis.contrasts[strongest]) else ", which is not established"
    yield (
        f"Strongest of all are {_called(strongest)}: of the gain of {number(gain, '+.3f')} over all features, "
        f"{left} is beyond them{tested}."
    )


def _verdict(analysis: Analysis) -> str:
    """Whether pruning gains, and whether the gain is the target's own; from tests alone."""
    full, whose = analysis.contrasts.get("full"), _whose(analysis.target)
    if not is_tested(full):
        return f"Whether pruning gains was not tested: {why_not(full)}."
    if is_established(full, sign=-1):
        return "The pruned set predicts held-out images worse than all features do."
    if not is_established(full):
        return "That pruning gains over all features is not established, so there is no gain to attribute."
    if not is_established(analysis.contrasts.get("random")):
        return (
            "The pruned set predicts held-out images better than all features do, but that it is better than random "
            "sets of its size is not established."
        )
    rivals = [name for name in analysis.rivals if name != "random"]
    if not rivals:
        return "Pruning gains; whether the gain is the target's own was not asked."
    untested = [name for name in rivals if not is_tested(analysis.contrasts[name])]
    better = [name for name in rivals if is_established(analysis.contrasts[name], sign=-1)]
    matched = [
        name for name in rivals if name not in untested and not is_established(analysis.contrasts[name])
    ]
    if better:
        return f"Pruning gains, but the gain is not {whose} own: {_called_together(better)} predict better."
    if matched:
        by = _called_together(matched)
        return f"Pruning gains, but that the gain is {whose} own is not established: {by} may give as much."
    if untested:
        return f"Pruning gains; whether the gain is {whose} own was not tested against {_called_together(untested)}."
    return f"Pruning gains, and part of the gain is {whose} own: every other ranking reaches less."
