"""A job of a study: maps of some of its images with one network, for all targets at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoprune.embeddings import embed
from isoprune.errors import OcclusionError
from isoprune.io.images import read_image
from isoprune.labelled import Embedding
from isoprune.networks import Network, build
from isoprune.occlusion.contrast import local_contrast
from isoprune.occlusion.engine import AUTO, OccludedNetwork
from isoprune.occlusion.images import READ_THROUGH, ImageMap, maps_of_image, no_map, questions_of_preview
from isoprune.occlusion.mapped import MappedImages
from isoprune.occlusion.maps import Question, Reading, answer
from isoprune.occlusion.preview import preview
from isoprune.occlusion.sets import MapSets
from isoprune.occlusion.windows import windows_over
from isoprune.provenance import record
from isoprune.torchvision_cpu import import_torchvision

DIFFERENT = 0.05
"""Share of its length by which an image's features may differ from the embedding; reduced precision takes 4 %."""


@dataclass(frozen=True)
class Shown:
    """A network as a study shows images to it.

    Attributes
    ----------
    network : Network
    layer, spatial : str
        As `isoprune.embeddings.embed` takes them.
    device : str
    batch_size : int
        Occluded images a pass.
    engine, precision, say
        As `isoprune.occlusion.engine.OccludedNetwork` takes them.
    """

    network: Network
    layer: str
    spatial: str
    device: str
    batch_size: int
    engine: str = AUTO
    precision: str = "float32"
    say: Callable[[str], None] | None = None

    def occluded(self, network: Network | None = None) -> OccludedNetwork:
        """The network, or another of its kind, ready for occluded images."""
        return OccludedNetwork(
            network or self.network,
            self.layer,
            spatial=self.spatial,
            device=self.device,
            batch_size=self.batch_size,
            engine=self.engine,
            precision=self.precision,
            say=self.say,
        )


@dataclass(frozen=True)
class MapSettings:
    """How a study's maps are made.

    Attributes
    ----------
    sizes, stride, variant, allow_gaps
        As in `isoprune.occlusion.windows.windows_over`.
    reading : Reading
    preview : bool
        Whether the gradient predicts the maps as well.
    seed : int
        Of random weights, and of the preview's noise.
    """

    sizes: Sequence[int]
    stride: int
    variant: str = "centred"
    allow_gaps: bool = False
    reading: Reading = field(default_factory=Reading)
    preview: bool = False
    seed: int = 0


def map_images(
    shown: Shown,
    files: Mapping[str, Path],
    images: Sequence[str],
    embedding: Embedding,
    targets: Mapping[tuple[str, str], MapSets],
    settings: MapSettings,
    *,
    masks: Mapping[str, Path] | None = None,
    randomised: Sequence[str] = (),
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> MappedImages:
    """Occlude images one by one and map every target.

    Parameters
    ----------
    shown : Shown
    files : mapping of str to path
        Image file of every image of the embedding.
    images : sequence of str
        Those to map.
    embedding : Embedding
        Of all images with this network.
    targets : mapping of (str, str) to MapSets
        By target and subject.
    settings : MapSettings
    masks : mapping of str to path, optional
        By image, a picture that is not black where its object is.
    randomised : sequence of str
        Images of which maps are made with random weights as well.
    threads : int
        Changes no bit of the result.
    progress : callable, optional
        Called with what is counted, the number done and their total.

    Returns
    -------
    MappedImages

    Raises
    ------
    OcclusionError
        If windows do not fit, or the embedding was not made by this network of these images.
    """
    job = _Job(shown, files, embedding, targets, settings, threads, bool(set(randomised) & set(images)))
    records = []
    for number, label in enumerate(images):

        def counting(done: int, total: int, before: int = number) -> None:
            if progress:
                progress("windows", before * total + done, len(images) * total)

        records.append(
            {
                **job.maps(label, counting),
                "preview": job.preview(label),
                "randomised": job.randomised(label, label in set(randomised)),
                "masks": job.mask((masks or {}).get(label)),
            }
        )
    return MappedImages(
        images=np.array(images),
        targets=np.array([target for target, _ in targets]),
        subjects=np.array([subject for _, subject in targets]),
        sizes=np.array(job.windows.sizes),
        stride=np.array(job.windows.stride),
        provenance=np.array(json.dumps(job.provenance())),
        **{name: np.array([record[name] for record in records]) for name in records[0]},
    )


@dataclass(frozen=True)
class _SameImages:
    """Targets that are about the same images, with the features of these."""

    labels: list[str]
    values: np.ndarray
    targets: dict[str, MapSets]

    def without(self, label: str) -> tuple[int, np.ndarray]:
        """Row of an image, and rows of all others."""
        own = self.labels.index(label)
        return own, np.delete(np.arange(len(self.labels)), own)


class _Job:
    """What is the same for all images of a job; the arguments are those of `map_images`."""

    def __init__(
        self,
        shown: Shown,
        files: Mapping[str, Path],
        embedding: Embedding,
        targets: Mapping[tuple[str, str], MapSets],
        settings: MapSettings,
        threads: int,
        with_randomised: bool,
    ):
        self.shown, self.files, self.settings, self.threads = shown, files, settings, threads
        self.embedding = embedding
        self.names = [" ".join(key) for key in targets]
        self.groups = _by_images(embedding, dict(zip(self.names, targets.values(), strict=True)))
        self.occluded = shown.occluded()
        self.windows = windows_over(
            self.input(embedding.labels[0]).shape[-2:],
            settings.sizes,
            settings.stride,
            variant=settings.variant,
            allow_gaps=settings.allow_gaps,
        )
        if settings.stride > min(settings.sizes) and shown.say:
            shown.say(
                f"Parts of images are under no window of {min(settings.sizes)} px: the stride leaves gaps"
            )
        self.untrained = self._untrained() if with_randomised else None

    def input(self, label: str) -> torch.Tensor:
        """What the network is shown."""
        return self.shown.network.transform(read_image(self.files[label], f"stimulus '{label}'"))

    def maps(self, label: str, progress: Callable[[int, int], None]) -> dict[str, np.ndarray]:
        """The arrays of `MappedImages` that the maps of an image fill, and its picture."""
        image = self.input(label)
        self._check_same_features(image, label)
        found = {
            (name, one): no_map(self.windows, self.n_null) for name in self.names for one in READ_THROUGH
        }
        for group in self._about(label):
            given = image, label, self.windows, group.values, group.targets, self.settings.reading
            found |= maps_of_image(self.occluded, *given, threads=self.threads, progress=progress)
        picture = self._picture(image)
        return {
            "pictures": picture,
            "contrast": local_contrast(picture, self.windows),
            **{
                name: self._stacked(found, READ_THROUGH, name)
                for name in ("heat", "intact", "n_sets", "n_retained", "split_half")
            },
            "null": self._stacked(found, READ_THROUGH[:2], "null"),
            "undefined": np.array(
                [[found[name, one].undefined or "" for one in READ_THROUGH] for name in self.names],
                dtype="U80",
            ),
        }

    @property
    def n_null(self) -> int:
        """Relabellings of every target."""
        return len(next(iter(self.groups[0].targets.values())).relabellings)

    def _about(self, label: str) -> list[_SameImages]:
        return [group for group in self.groups if label in group.labels]

    def _stacked(
        self, found: Mapping[tuple[str, str], ImageMap], sets: Sequence[str], name: str
    ) -> np.ndarray:
        return np.array([[getattr(found[target, one], name) for one in sets] for target in self.names])

    def preview(self, label: str) -> np.ndarray:
        """What the gradient predicts, (n_targets, 2, n_rows, n_columns)."""
        predicted = dict.fromkeys(self.names, np.full((2, *self.windows.grid), np.nan))
        for group in self._about(label) if self.settings.preview else ():
            own, others = group.without(label)
            for name, sets in group.targets.items():
                heat = preview(
                    self.shown.network,
                    self.occluded.layer,
                    self.input(label).to(self.occluded.device),
                    self.windows,
                    group.values[others],
                    questions_of_preview(sets, own, others, group.values.shape[1]),
                    value=self.settings.reading.value,
                    spatial=self.shown.spatial,
                    seed=self.settings.seed,
                )
                predicted[name] = np.concatenate(heat)
        return np.array(list(predicted.values()))

    def _untrained(self) -> tuple[OccludedNetwork, Embedding]:
        """The same network with random weights, and its features of all images."""
        shown, labels = self.shown, self.embedding.labels
        network = build(shown.network.model, "random", seed=self.settings.seed)
        embedding = embed(
            network,
            shown.layer,
            [self.files[label] for label in labels],
            labels,
            name="random weights",
            device=shown.device,
            spatial=shown.spatial,
        )
        return shown.occluded(network), embedding

    def randomised(self, label: str, asked: bool) -> np.ndarray:
        """Maps of all features of the network with random weights, (n_targets, n_rows, n_columns)."""
        maps = dict.fromkeys(self.names, np.full(self.windows.grid, np.nan))
        for group in self._about(label) if asked else ():
            occluded, embedding = self.untrained
            own, others = group.without(label)
            values = embedding.subset(group.labels).values[others].astype(np.float64)
            rows = np.array([sets.target[own, others] for sets in group.targets.values()])
            question = Question([np.arange(values.shape[1])], rows)
            given = self.input(label), self.windows, values, [question], self.settings.reading
            (found,) = answer(occluded, *given, threads=self.threads)
            maps |= dict(zip(group.targets, found.heat, strict=True))
        return np.array(list(maps.values()))

    def mask(self, path: Path | None) -> np.ndarray:
        """Share of each cell inside the object, the mask resized and cropped as its image is."""
        if path is None:
            return np.full(self.windows.grid, np.nan)
        functional = import_torchvision().transforms.functional
        how = self.shown.network.provenance["transform"]
        picture = read_image(path, "object mask")
        nearest = import_torchvision().transforms.InterpolationMode.NEAREST
        picture = functional.resize(picture, how["resize"], interpolation=nearest)
        return self.windows.share_inside(np.any(functional.center_crop(picture, how["crop"]), axis=2))

    def _picture(self, image: torch.Tensor) -> np.ndarray:
        how = self.shown.network.provenance["transform"]
        spread, mean = (np.array(how[key]).reshape(3, 1, 1) for key in ("std", "mean"))
        pixels = image.numpy() * spread + mean
        return np.clip(np.rint(255 * pixels), 0, 255).astype(np.uint8).transpose(1, 2, 0)

    def provenance(self) -> dict[str, Any]:
        """What computes the maps, ready for JSON."""
        shown = {"batch_size": self.shown.batch_size, "precision": self.shown.precision}
        settings = asdict(self.settings) | shown | {"engine": self.occluded.ran}
        network, device = self.shown.network.provenance, self.occluded.device.type
        about = {"kind": "occlusion maps", "layer": self.shown.layer, "spatial": self.shown.spatial}
        return record(settings, {}, network=network, device=device, torch=torch.__version__, **about)

    def _check_same_features(self, image: torch.Tensor, label: str) -> None:
        known = self.embedding.values[self.embedding.labels.index(label)]
        off = np.linalg.norm(self.occluded.intact(image) - known) / np.linalg.norm(known)
        if not off <= DIFFERENT:
            raise OcclusionError(
                f"stimulus '{label}'",
                f"its features differ from those of the study's embedding by {off:.0%} of their length",
                "the same network and image as the embedding's",
                "Delete the embedding and run again.",
            )


def _by_images(embedding: Embedding, targets: Mapping[str, MapSets]) -> list[_SameImages]:
    """Targets grouped by their images; each group is one pass of an image."""
    groups: dict[tuple[str, ...], dict[str, MapSets]] = {}
    for name, sets in targets.items():
        groups.setdefault(tuple(map(str, sets.labels)), {})[name] = sets
    return [
        _SameImages(list(labels), embedding.subset(labels).values.astype(np.float64), of_labels)
        for labels, of_labels in groups.items()
    ]
