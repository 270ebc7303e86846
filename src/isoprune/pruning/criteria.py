"""What is ranked and what is maximised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isoprune.labels import choose


@dataclass(frozen=True)
class Criterion:
    """How features are ranked and how many are retained.

    Attributes
    ----------
    name : str
    ranking, curve : {"pearson", "spearman"}
        Second-order coefficient of the drops and of the insertion curve.
    squared : bool
        Whether drops and curve are squared correlations, which cannot tell a right sign from a wrong one.
    published : bool
        Whether undefined values and the full set are treated as in the published procedure: prefixes of 0
        and 1 features count 0, so does every correlation with an image that is constant under a prefix, and
        the full set is never a candidate.
    """

    name: str
    ranking: str
    curve: str
    squared: bool
    published: bool

    def value(self, r: np.ndarray) -> np.ndarray:
        """The criterion's value of signed correlations ``r``."""
        return np.square(r) if self.squared else np.asarray(r)


_CRITERIA = (
    Criterion("pearson", "pearson", "pearson", squared=False, published=False),
    Criterion("spearman", "spearman", "spearman", squared=False, published=False),
    Criterion("published", "pearson", "pearson", squared=True, published=True),
    Criterion("published-spearman", "pearson", "spearman", squared=True, published=True),
)
CRITERIA = tuple(criterion.name for criterion in _CRITERIA)
"""Names of all criteria."""


def criterion_named(name: str) -> Criterion:
    """The criterion called ``name``.

    Raises
    ------
    UnknownNameError
        With the names that exist.
    """
    choose(name, CRITERIA, what="criterion", where="criterion")
    return _CRITERIA[CRITERIA.index(name)]
