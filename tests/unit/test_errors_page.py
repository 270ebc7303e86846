"""Every named error can be met, and the page of errors shows it word for word."""

import re
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

import isoprune
from isoprune import errors
from isoprune.checking.jobs import planned_jobs
from isoprune.classification.images import labelled_images
from isoprune.config import load
from isoprune.errors import IsopruneError
from isoprune.folds import make_folds
from isoprune.io.betas.images import read_betas
from isoprune.io.embeddings import import_embedding
from isoprune.io.files import write_json
from isoprune.io.masks import read_mask_on_grid
from isoprune.io.weights import check_sha256
from isoprune.judgments import read_ratings
from isoprune.labelled import RDM, Embedding
from isoprune.labels import choose
from isoprune.lock import check_lock, lock_of
from isoprune.occlusion.windows import windows_over
from isoprune.retained import retained_set
from isoprune.reweighting.weights import Weights
from isoprune.stability import nogueira
from judged import write_rows
from workflow_study import make_study

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
LABELS = [f"img_{i:02}" for i in range(12)]
X = np.random.default_rng(0).normal(size=(12, 6))
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def target():
    values = 1 - np.corrcoef(X[:, :3] + 0.1 * X[:, 3:])
    return RDM((values + values.T) / 2 * (1 - np.eye(12)), LABELS, "IT")


def image(name, values, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, dtype=np.uint8), affine), name)
    return Path(name)


def constant_image():
    values = X.copy()
    values[3] = 1
    isoprune.prune(Embedding(values, LABELS, "mine"), target())


def not_writable():
    Path("results").write_text("a file, no folder")
    write_json("results/summary.json", {})


def weights():
    Path("mine.pth").write_bytes(b"weights")
    check_sha256("mine.pth", "0" * 64, where="networks[mine].sha256")


def rdm():
    RDM(np.array([[0, 1, 2], [1, 0, 3], [2, 4, 0.0]]), ("a", "b", "c"), "IT")


def judgments():
    path = write_rows(
        Path("ratings.tsv"),
        "rater stimulus_1 stimulus_2 rating",
        [("A", "apple", "pear", 6), ("A", "apple", "plum", 3)],
    )
    read_ratings(path, ("apple", "pear", "plum"), scale=(1, 7), similarity=True).rdm(target="fruit")


def retained():
    embedding = Embedding(X, LABELS, "mine", {"kind": "embedding"})
    kept = retained_set(isoprune.prune(embedding, target()), embedding, target(), study="tiny")
    kept.transform(X[:, :5])


def reweighted():
    Weights(
        np.array([-1.0]), "nonnegative", 0.0, 1.0, "mine", "fc", {}, "IT", "01", "own", "tiny", 0, (), "0.1.0"
    )


def classification():
    Path("val").mkdir()
    labelled_images("val")


def lock():
    settings = make_study(Path()).read()
    check_lock(lock_of(load(settings)), load({**settings, "pruning": {"criterion": "spearman"}}))


def plan():
    Path("study.yaml").write_text("study: mine\n")
    planned_jobs("study.yaml")


def no_tqdm():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tqdm.auto", None)
        isoprune.cross_validate(X, target().values, n_splits=3, progress=True)


MEET = {
    "ConfigError": lambda: load({"study": "mine", "stimuli": {"table": "stimuli.tsv"}, "targets": []}),
    "UnknownNameError": lambda: choose("ITT", ["EVC", "IT"], what="target", where="select.targets"),
    "LabelError": lambda: Embedding(X[:3], ["cat", "dog", "dog"], "mine"),
    "MissingFileError": lambda: load(Path("mine.yaml")),
    "UnreadableFileError": lambda: (
        Path("features.pkl").touch(),
        import_embedding("features.pkl", name="mine"),
    ),
    "NotWritableError": not_writable,
    "WeightsError": weights,
    "RDMError": rdm,
    "JudgmentError": judgments,
    "EmbeddingError": lambda: Embedding(np.array([[1.0, np.nan], [1, 2]]), ["cat", "dog"], "mine"),
    "ConstantImageError": constant_image,
    "TooFewImagesError": lambda: make_folds(LABELS[:8], n_splits=2),
    "FoldError": lambda: make_folds(LABELS, folds="stratified", groups=dict.fromkeys(LABELS[1:], "a")),
    "InferenceError": lambda: nogueira([[1, 2]], 5),
    "RetainedSetError": retained,
    "ReweightingError": reweighted,
    "ClassificationError": classification,
    "PlanError": plan,
    "LockError": lock,
    "BackendError": no_tqdm,
    "OcclusionError": lambda: windows_over((16, 16), sizes=[32], stride=4),
    "BetasError": lambda: read_betas(image("betas.nii", np.ones((2, 2, 2, 3))), 5),
    "GridError": lambda: read_mask_on_grid(
        image("mask.nii", np.ones((4, 4, 4))), (3, 3, 3), np.diag([3.0, 3.0, 3.0, 1.0])
    ),
    "RoiError": lambda: read_mask_on_grid(image("mask.nii", np.ones((4, 4, 4, 2))), (4, 4, 4), AFFINE),
    "NoRegionError": lambda: read_mask_on_grid(image("mask.nii", np.zeros((4, 4, 4))), (4, 4, 4), AFFINE),
}
"""How each error is met by the code that users run."""


def subclasses(of=IsopruneError):
    for one in of.__subclasses__():
        if one.__module__.startswith("isoprune."):
            yield one.__name__
            yield from subclasses(one)


def sections():
    """Text of the page below each heading that is an error's name."""
    parts = re.split(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def plain(text):
    return " ".join(text.split())


def test_every_error_is_on_the_page_and_can_be_met():
    named = {
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, IsopruneError)
    }
    assert set(sections()) == set(MEET) == (named - {"IsopruneError"}) | set(subclasses())


@pytest.mark.parametrize("name", MEET)
def test_the_page_shows_each_error_as_it_is_met(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsopruneError) as met:
        MEET[name]()
    assert type(met.value).__name__ == name
    section = sections()[name]
    shown = re.search(r"^```text\n(.+?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert plain(shown[1]) == plain(str(met.value))
    assert re.search(r"^\*\*Cause\.\*\* \S", section, flags=re.MULTILINE)
    assert re.search(r"^\*\*Remedy\.\*\* \S", section, flags=re.MULTILINE)
