"""Settings of the multiverse: which defensible choices are combined; off unless the block is there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from isoprune.config.crossvalidation import CrossValidation
from isoprune.config.kinds import Block, Choice, Text, unique
from isoprune.config.pruning import NumberOfFeatures, Pruning
from isoprune.errors import ConfigError
from isoprune.labels import listing


def _numbers(given: Any) -> Any:
    """A list whose entries are numbers also where the command line hands them over as text."""
    if not isinstance(given, list | tuple):
        return given
    return tuple(float(one) if "." in str(one) else int(one) if str(one).isdigit() else one for one in given)


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    unique(tuple(map(str, values)))
    return values


_SOME = Field(strict=False, min_length=1)
_ONCE = AfterValidator(_once)

Criteria = Annotated[
    tuple[Literal["pearson", "spearman", "published", "published-spearman"], ...], _SOME, _ONCE
]
Measures = Annotated[tuple[Literal["correlation", "cosine", "euclidean"], ...], _SOME, _ONCE]
Methods = Annotated[tuple[Literal["one-pass", "greedy"], ...], _SOME, _ONCE]
NRules = Annotated[tuple[NumberOfFeatures, ...], _SOME, BeforeValidator(_numbers), _ONCE]
Schemes = Annotated[
    tuple[Literal["random", "stratified", "grouped", "leave-one-group-out"], ...], _SOME, _ONCE
]


class Multiverse(Block):
    """Choices whose combinations are all run on the group's mean RDM, drawn as a curve and tested together.

    Each list adds to the study's own choice, which always takes part; what is left out does not vary. Combinations
    multiply: three measures, two rules and two kinds of folds are 12 specifications for each network and target. Needs
    the supervision `group`.
    """

    networks: Choice = Field(
        None,
        description="Names of the networks that take part; `null` means all. Layers are networks of their own.",
        examples=[["mobilenetv2"]],
    )
    targets: Choice = Field(
        None, description="Names of the targets that are tested; `null` means all.", examples=[["IT"]]
    )
    criterion: Criteria | None = Field(
        None,
        description="Values of `pruning.criterion`. `spearman` ranks anew for every feature and relabelling, and takes "
        "tens of times as long as `pearson`; `published-spearman` a few times.",
        examples=[["pearson", "published"]],
    )
    measure: Measures | None = Field(
        None,
        description="Values of `pruning.measure`, the distance of two images in the network.",
        examples=[["correlation", "cosine", "euclidean"]],
    )
    method: Methods | None = Field(
        None,
        description="Values of `pruning.method`. `greedy` takes n_features / 2 times as long, for every relabelling.",
        examples=[["one-pass"]],
    )
    n_rule: NRules | None = Field(
        None,
        description="Values of `pruning.n_rule`. They share rankings and curves, and cost next to nothing.",
        examples=[["max", "one-se", 100, 0.25]],
    )
    folds: Schemes | None = Field(
        None,
        description="Values of `crossvalidation.folds`; all but `random` need a `column`.",
        examples=[["random", "stratified"]],
    )
    column: Text | None = Field(
        None,
        description="Column of the stimulus table with the categories or groups of those `folds`; `null` takes "
        "`crossvalidation.column`.",
        examples=["category"],
    )
    n_permutations: int = Field(
        200,
        ge=19,
        description="Relabellings of the images, the same in all specifications, behind the joint p, which cannot be "
        "smaller than 1 / (n_permutations + 1). Time grows in proportion.",
        examples=[200, 1000],
    )
    n_repeats: int = Field(
        1,
        ge=1,
        description="Repeats of the folds that a score is the mean over, of the target and of every relabelled one. "
        "Time grows in proportion.",
        examples=[1],
    )

    def choices(self, pruning: Pruning, crossvalidation: CrossValidation) -> dict[str, tuple[Any, ...]]:
        """Values of every choice, the study's own first."""
        own = {name: getattr(pruning, name) for name in ("criterion", "measure", "method", "n_rule")}
        own["folds"] = crossvalidation.folds
        return {
            name: (value, *(one for one in getattr(self, name) or () if one != value))
            for name, value in own.items()
        }

    def problems(
        self,
        networks: tuple[str, ...],
        supervision: tuple[str, ...],
        pruning: Pruning,
        crossvalidation: CrossValidation,
    ) -> list[ConfigError]:
        """What contradicts the rest of the study.

        Parameters
        ----------
        networks : tuple of str
            Names of the study's networks.
        supervision, pruning, crossvalidation
            Settings of the study.
        """
        problems = []
        choices = self.choices(pruning, crossvalidation)
        if not networks or "group" not in supervision:
            lacking = "no network" if not networks else "features are not ranked by the group's RDM"
            remedy = "Add networks and `group` to `supervision`, or leave the block out."
            problems.append(ConfigError("multiverse", lacking, "networks, and supervision `group`", remedy))
        elif len(self.networks or networks) == 1 and all(len(values) == 1 for values in choices.values()):
            remedy = f"List other values of {listing(choices)}, or leave the block out."
            found = "only one combination, the study's own"
            problems.append(ConfigError("multiverse", found, "at least two specifications", remedy))
        by_group = [scheme for scheme in choices["folds"] if scheme != "random"]
        column = self.column or crossvalidation.column
        if by_group and column is None:
            found = f"it is missing, but folds are {listing(by_group)}"
            remedy = "Name the column, for example `column: category`."
            problems.append(ConfigError("multiverse.column", found, "a column's name", remedy))
        elif self.column and not by_group:
            found, expected = "it is set, but all folds are random", "only settings that do something"
            problems.append(ConfigError("multiverse.column", found, expected, "Remove 'column'."))
        return problems
