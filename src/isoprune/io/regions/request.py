"""What is asked for when a region is made, and the checks that all kinds of region share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isoprune.errors import GridError
from isoprune.io.files import existing
from isoprune.io.volumes import Grid


@dataclass(frozen=True)
class Request:
    """A named region of one subject, wanted on the grid of the subject's betas.

    Attributes
    ----------
    name, subject : str
    root : Path
        Folder in which relative paths are looked up.
    grid : Grid
        Of the betas.
    resample : {None, 'nearest'}
        What to do with images of another grid: refuse, or take the nearest voxel.
    """

    name: str
    subject: str
    root: Path
    grid: Grid
    resample: str | None = None

    @property
    def where(self) -> str:
        """The region in words, for error messages."""
        return f"ROI '{self.name}' of subject '{self.subject}'"

    def file(self, pattern: str) -> Path:
        """The file that a path pattern stands for.

        Raises
        ------
        MissingFileError
            If it is not there.
        """
        remedy = "Check the path."
        if "{subject}" in pattern:
            remedy += " If this subject has no such region, set `roi.missing: allow`."
        return existing(filled(pattern, self.subject, self.root), where=self.where, remedy=remedy)

    def require_volume(self, kind: str) -> None:
        """Refuse betas of a surface where a region is made of voxels.

        Raises
        ------
        GridError
        """
        if self.grid.affine is None:
            raise GridError(
                self.where,
                f"`{kind}` gives voxels, but the betas lie on a surface of {self.grid.shape[0]} vertices",
                "a region made of vertices",
                "Define the region by `surface`, with the label file of each hemisphere.",
            )


def filled(pattern: str, subject: str, root: str | Path) -> Path:
    """The path that a pattern with or without ``{subject}`` stands for."""
    return Path(root) / pattern.format(subject=subject)
