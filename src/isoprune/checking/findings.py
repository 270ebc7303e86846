"""What a check finds: a line for each thing of the study, and every problem in the words of its named error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from isoprune.errors import IsopruneError

Value = TypeVar("Value")

STATES = ("found", "later", "problem")
"""`later`: it is made or downloaded when the study runs."""


@dataclass(frozen=True)
class Finding:
    """One thing of a study.

    Attributes
    ----------
    kind : str
        ``stimuli``, ``images``, ``network``, ``target``, ``betas``, ``folds`` …
    name : str
        Which of its kind; may be empty.
    state : str
        One of `STATES`.
    about : str
        What is there, in words.
    """

    kind: str
    name: str
    state: str
    about: str


@dataclass
class Findings:
    """What has been found so far.

    Attributes
    ----------
    lines : list of Finding
    problems : list of IsopruneError
    """

    lines: list[Finding] = field(default_factory=list)
    problems: list[IsopruneError] = field(default_factory=list)

    def tried(
        self, function: Callable[..., Value], *arguments: Any, default: Value | None = None, **settings: Any
    ) -> Value | None:
        """What a function gives, or ``default`` where it raises a named error, which is kept."""
        try:
            return function(*arguments, **settings)
        except IsopruneError as problem:
            self.problems.append(problem)
            return default

    def note(self, kind: str, name: str, about: str, *, since: int, later: bool = False) -> None:
        """Add a line; its state is a problem if there are more of them than ``since``."""
        state = "problem" if len(self.problems) > since else "later" if later else "found"
        self.lines.append(Finding(kind, name, state, about))

    def distinct_problems(self) -> list[IsopruneError]:
        """Every problem once; those that differ in nothing but their place are told of the first place."""
        places: dict[tuple[Any, ...], list[IsopruneError]] = {}
        for problem in self.problems:
            key = type(problem), problem.found, problem.expected, problem.remedy
            places.setdefault(key, []).append(problem)
        return [_once(alike) for alike in places.values()]


def _once(problems: list[IsopruneError]) -> IsopruneError:
    first = problems[0]
    n_others = len({problem.where for problem in problems}) - 1
    if not n_others:
        return first
    where = f"{first.where} (and {n_others} more place(s) alike)"
    return type(first)(where, first.found, first.expected, first.remedy)
