"""The named errors of isoprune.

Every error finishes its sentence: where it happened, what was found, what was expected, and
what to do about it. Code raises the most specific class; users catch ``IsopruneError``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class IsopruneError(ValueError):
    """Base class of all errors that isoprune raises on purpose.

    Parameters
    ----------
    where : str
        The place: a file, a table row, a configuration key, an argument.
    found : str
        What is there.
    expected : str
        What should be there.
    remedy : str
        What the user can do, as a full sentence.
    """

    def __init__(self, where: str, found: str, expected: str, remedy: str):
        self.where, self.found, self.expected, self.remedy = where, found, expected, remedy
        super().__init__(f"{where}: {found}; expected {expected}. {remedy}")

    def __reduce__(self) -> tuple[type[IsopruneError], tuple[str, str, str, str]]:
        # The default would rebuild the error from its one-string args, which the signature refuses;
        # worker processes send their errors home by pickle.
        return type(self), (self.where, self.found, self.expected, self.remedy)


@contextmanager
def inside(place: str) -> Iterator[None]:
    """Say of named errors that are raised here in which place of a larger whole that was: a unit of a job."""
    try:
        yield
    except IsopruneError as problem:
        where = f"{place}: {problem.where}"
        raise type(problem)(where, problem.found, problem.expected, problem.remedy) from problem


class IsopruneWarning(UserWarning):
    """Something a user should know that does not make a result wrong."""


class ConfigError(IsopruneError):
    """A setting is missing, unknown or outside its range."""


class UnknownNameError(IsopruneError):
    """A network, layer, ROI, subject, column … that does not exist was asked for."""


class LabelError(IsopruneError):
    """Labels are duplicated, blank, missing or surplus, so two tables cannot be joined."""


class MissingFileError(IsopruneError):
    """A file that a setting or table names does not exist."""


class UnreadableFileError(IsopruneError):
    """A file exists but its content is not what its name or its place promises."""


class NotWritableError(IsopruneError):
    """A result cannot be written."""


class WeightsError(IsopruneError):
    """A weights file belongs to another network or has another content than stated."""


class RDMError(IsopruneError):
    """A dissimilarity matrix is not square, symmetric, finite, or is constant."""


class JudgmentError(IsopruneError):
    """Single judgments are contradictory, outside of their scale, or too few for an RDM."""


class EmbeddingError(IsopruneError):
    """An embedding has a wrong shape or values that no RDM can be computed from."""


class ConstantImageError(EmbeddingError):
    """An image has the same value in every feature, so its correlation with others is undefined."""


class TooFewImagesError(IsopruneError):
    """There are too few images for the analysis, or for one of its folds."""


class FoldError(IsopruneError):
    """Folds cannot be made as asked."""


class InferenceError(IsopruneError):
    """A test is not valid, or cannot reach significance, on these data."""


class RetainedSetError(IsopruneError):
    """A retained set is applied to features, or scored on a target, that it cannot speak about."""


class ReweightingError(IsopruneError):
    """Features cannot be reweighted, or weights are not what was written."""


class ClassificationError(IsopruneError):
    """Images have no class that a network knows, or no classifier can run after a layer."""


class PlanError(IsopruneError):
    """The workflow cannot say which jobs a study takes."""


class LockError(IsopruneError):
    """A study is not what its lock says was frozen."""


class BackendError(IsopruneError):
    """A computing backend or device that was asked for is not there."""


class OcclusionError(IsopruneError):
    """Windows do not fit an image, or a map cannot be made of it."""


class BetasError(IsopruneError):
    """Beta images and their condition table do not belong together."""


class GridError(IsopruneError):
    """Two images of the brain are not on the same voxel grid."""


class RoiError(IsopruneError):
    """A region of interest has no, or too few, usable voxels."""


class NoRegionError(RoiError):
    """A readable image holds nothing of the region that was asked of it."""
