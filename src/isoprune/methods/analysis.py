"""What the methods text says of the analysis: pruning, held-out scores, tests, and what was asked beyond."""

from __future__ import annotations

from collections.abc import Iterator

from isoprune.inference import EXACT_SUBJECTS, MIN_SUBJECTS
from isoprune.methods.facts import StudyFacts
from isoprune.wording import count, enumeration, number

_RIVALS = {
    "random": "random sets of the pruned set's size",
    "variance": "random sets of that size whose features vary as much over images",
    "components": "as many principal components of the training images",
    "variable": "as many features that vary most over the training images",
    "active": "as many features of the highest mean activation",
    "relabelled": "sets that relabelled targets ranked",
    "label": "sets that category labels ranked",
    "other": "sets that the study's other targets ranked",
}
"""Competitors in words, by what stands before their colon."""

_WEIGHTS = {
    "ridge": "ridge weights on products of activations [@peterson2018]",
    "nonnegative": "the same with weights of at least 0",
    "dissimilarity": "non-negative weights on squared differences [@kaniuth2022]",
}


def pruning(facts: StudyFacts) -> Iterator[str]:
    """How features were ranked and how many were kept."""
    of = facts.settings["pruning"]
    criterion = {
        "pearson": "the signed Pearson correlation",
        "spearman": "the signed Spearman correlation",
        "published": "the squared Pearson correlation, exactly as published [@tarigopula2023],",
        "published-spearman": "the published criterion with a Spearman curve [@tarigopula2023],",
    }[of["criterion"]]
    yield (
        f"Isomorphism is {criterion} of the network's and the target's dissimilarities over pairs of images. Features "
        "were ranked by how much the isomorphism drops without each of them"
        + (", anew after every removal" if of["method"] == "greedy" else ", once for all")
        + ", and inserted one by one, the most important first."
    )
    rule = {
        "max": "as many as give the highest isomorphism",
        "one-se": "the fewest within one standard error of the highest isomorphism",
    }.get(of["n_rule"])
    if rule is None:
        rule = (
            f"{of['n_rule']} features"
            if isinstance(of["n_rule"], int)
            else f"a share of {of['n_rule']:g} of the features"
        )
    yield f"The retained set is the first of them: {rule}."
    if of["partial"] and facts.settings["nuisance"]:
        yield "The dissimilarities of the nuisances were removed before features were ranked."
    for network in facts.settings["networks"]:
        if network["best_of"]:
            yield (
                f"For {network['name']}, every layer was pruned by itself and that of the best fit to the training "
                "images was taken, in each fold and for each relabelled target."
            )
    who = {
        "own": "the subject's own dissimilarities, scored on the same subject",
        "group": "the mean over subjects, scored on that mean",
        "loso": "the mean of all other subjects, scored on the subject left out",
    }
    subjects = [who[one] for one in facts.settings["supervision"]]
    if facts.by_subject or len(subjects) > 1:
        yield f"Features were ranked by {'; by '.join(subjects)}."


def crossvalidation(facts: StudyFacts) -> Iterator[str]:
    """Which images were held out."""
    of = facts.settings["crossvalidation"]
    tested = number(facts.summary["n_test_images"].mean(), ".0f")
    if of["folds"] == "leave-one-group-out":
        scheme = f"one group of the column `{of['column']}` was held out at a time"
    else:
        how = {
            "random": "at random",
            "stratified": f"with a like share of each {of['column']}",
            "grouped": f"by whole groups (column `{of['column']}`)",
        }[of["folds"]]
        scheme = f"images were divided {how} into {of['n_splits']} folds, {count(of['n_repeats'], 'time')}"
    yield (
        f"All scores are of images that took no part in the selection: {scheme} (about {tested} test images a fold). "
        "Ranking and number of features come from pairs of training images, scores from pairs of test images, averaged "
        "over folds by Fisher's z."
    )
    missing = int(facts.summary["n_undefined"].sum())
    if missing:
        yield f"{count(missing, 'score')} of a fold and competitor could not be computed and are counted in the tables."
    if facts.given("r_within"):
        yield "Scores are also given between images of one category."
    if facts.settings["nuisance"]:
        names = enumeration(facts.settings["nuisance"])
        yield f"Partial scores remove the dissimilarities of {names} from both sides, inside the block of test images."


def competitors(facts: StudyFacts) -> Iterator[str]:
    """What the pruned set was compared with."""
    there = dict.fromkeys(name.partition(":")[0] for name in facts.summary["competitor"])
    words = [words for name, words in _RIVALS.items() if name in there]
    of = facts.settings["crossvalidation"]
    yield f"On the same held-out images the pruned set was compared with all features, {enumeration(words)}."
    yield f"There were {of['n_random']} random sets a fold" + (
        f" ({of['n_random_subjects']} for a single subject)." if facts.by_subject else "."
    )
    kinds = [words for name, words in _WEIGHTS.items() if name in there]
    if kinds:
        inner = facts.settings["reweighting"]["n_inner"]
        yield (
            f"All features were also weighed: {enumeration(kinds)}; {count(inner, 'fold')} inside the training images "
            "chose the penalty."
        )


def inference(facts: StudyFacts) -> Iterator[str]:
    """Which tests, and over which families."""
    of = facts.settings["inference"]
    n = {
        "the group or a single matrix": of["n_permutations"] if facts.uses("group") else 0,
        "single subjects": of["n_permutations_subjects"] if facts.by_subject else 0,
    }
    drawn = [f"{times} for {who}" for who, times in n.items() if times]
    if drawn:
        exchanged = " within their category only" if of["exchange"] == "within" else ""
        yield (
            f"That a score is above 0 was tested by exchanging the images of the target{exchanged} "
            f"({enumeration(drawn)}) and running the whole procedure again, selection included; "
            "p = (b + 1)/(N + 1) [@phipson2010], one-sided."
        )
        yield (
            "p was adjusted over targets and networks by the maximum of standardised statistics over the same "
            "relabellings [@westfall1993; @nichols2002]; the false discovery rate is given beside it "
            "[@benjamini1995]. The family of each row is named in `summary.tsv`."
        )
        if len({one["set"] for one in facts.settings["targets"]}) > 1:
            yield "Targets on different images are independent draws and share the level by Holm's method [@holm1979]."
    tests = set(facts.summary["subject"])
    if facts.by_subject:
        yield (
            "Differences of competitors were tested across subjects by a sign-flip test of paired Fisher-z differences "
            f"[@nichols2002], exact up to {EXACT_SUBJECTS} subjects and refused below {MIN_SUBJECTS}."
        )
    if "group" in tests:
        yield (
            "Differences for one dissimilarity matrix, such as the group's mean, were tested over folds by the "
            "corrected resampled t-test [@nadeau2003], which speaks about images and never about people."
        )
    yield "These p-values are two-sided and were adjusted over targets and networks [@holm1979]."


def uncertainty(facts: StudyFacts) -> Iterator[str]:
    """Noise ceilings and intervals."""
    of = facts.settings["inference"]
    if facts.given("ceiling_high"):
        bounds = []
        if facts.by_subject:
            bounds.append(
                "of single subjects, on the same held-out blocks, by the mean of all subjects and of "
                "the others [@nili2014]"
            )
        if facts.summary.loc[facts.summary["subject"] == "group", "ceiling_high"].notna().any():
            bounds.append("of the group's mean, by the square root of its Spearman-Brown reliability")
        yield f"Noise ceilings bound the scores {'; those '.join(bounds)}."
    over = list(dict.fromkeys(facts.summary["ci_over"].dropna()))
    if over:
        yield (
            f"Intervals cover 95 % and are conditional on the selected features: over {'; over '.join(over)} "
            f"({of['n_bootstrap_images']} resamples of images"
            + (f", {of['n_bootstrap']} of subjects" if facts.by_subject else "")
            + ") [@schutt2023]."
        )


def further_analyses(facts: StudyFacts) -> Iterator[str]:
    """What was asked beyond held-out scores, a sentence or two for each block of settings that is there."""
    yield (
        "The stability of retained sets over folds, subjects and targets is given as Jaccard index and corrected for "
        "chance [@nogueira2018]."
    )
    if facts.settings["partitions"]:
        sets = enumeration(" + ".join(one) for one in facts.settings["partitions"])
        yield f"The targets' variance was divided between {sets} by commonality analysis [@nimon2008]."
    for block, write in _FURTHER.items():
        if facts.has(block):
            yield from write(facts)


def _features(facts: StudyFacts) -> Iterator[str]:
    of = facts.settings["features"]
    yield (
        "What retained features look at was described by the images that drive them most and least, and their "
        f"selectivity for categories, corrected over all features by relabelling ({of['n_permutations']} times)."
    )


def _wordnet(facts: StudyFacts) -> Iterator[str]:
    names = {
        "path": "path",
        "wu-palmer": "Wu and Palmer's [@wu1994]",
        "leacock-chodorow": "Leacock and Chodorow's [@leacock1998]",
    }
    measures = enumeration(names[one] for one in facts.settings["wordnet"]["measures"])
    yield (
        f"Spaces were compared with similarities in WordNet [@miller1995] ({measures}) at the level of synsets, by "
        "rank correlation, with the human dissimilarities partialled out as well."
    )


def _heatmaps(facts: StudyFacts) -> Iterator[str]:
    of = facts.settings["heatmaps"]
    sizes = enumeration(of["sizes"])
    read = (
        "the sets of the folds that held the image out"
        if of["set"] == "held-out"
        else "the set that was fitted on all images, which makes them descriptive"
    )
    yield (
        f"Heatmaps are losses of the score of an image when a {of['shape']} window ({sizes} pixels, stride "
        f"{of['stride']}) is hidden [@zeiler2014], in the {of['variant']} variant, read through {read}."
    )
    if of["n_null"]:
        yield (
            f"Maps of {of['n_null']} relabelled targets, which selected features of their own, gave p for the maximum "
            "over positions; images were called at a false discovery rate of 5 % [@benjamini1995]."
        )
    if of["engine"] != "batched":
        yield "Features of occluded images were computed incrementally where the network allows it [@nakandala2019]."


def _accuracy(facts: StudyFacts) -> Iterator[str]:
    yield (
        "Classification accuracy was measured on labelled images with all but the retained features set to zero, the "
        "rest of the network unchanged and the layer rescaled to its intact mean norm; differences were tested on the "
        "same images [@mcnemar1947]."
    )


def _multiverse(facts: StudyFacts) -> Iterator[str]:
    of = facts.settings["multiverse"]
    yield (
        "Whether the relation hangs on one choice was tested over all combinations of settings [@simonsohn2020] with "
        f"{of['n_permutations']} relabellings that all combinations share."
    )


def _transfer(facts: StudyFacts) -> Iterator[str]:
    yield (
        f"{count(len(facts.settings['transfer']), 'retained set')} of other studies were scored here without fitting "
        "anything."
    )


_FURTHER = {
    "features": _features,
    "wordnet": _wordnet,
    "heatmaps": _heatmaps,
    "accuracy": _accuracy,
    "multiverse": _multiverse,
    "transfer": _transfer,
}
"""Blocks of settings that a study may leave out, and what they add to the text."""
