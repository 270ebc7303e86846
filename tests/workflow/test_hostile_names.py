"""Names of folders, files and stimuli that a shell, or Snakemake, could take for something else."""

import shutil

import numpy as np
import pytest

from examples import sparse_embedding
from workflow_study import LABELS, make_study

# A shell would run `touch ran` from it, with quotes around it or without.
HOSTILE = "a b''\"\"$(touch ran)`touch ran`;touch ran&:*[x]#~-rf\u00e4"
NAMED = [
    "../../up",
    "/etc/passwd",
    "-rf",
    "$(touch ran)",
    "`touch ran`",
    "{target}",
    "a'b",
    "*",
    "<script>",
    "=1+1",
]

HERE = {"study.yaml", "stimuli.tsv", "features.npz", "order.txt"}


@pytest.fixture
def hostile(tmp_path):
    """The tiny study with such names wherever a user may choose them."""
    study = make_study(tmp_path)
    data = tmp_path / HOSTILE / "da\nta"
    data.mkdir(parents=True)
    labels = [*NAMED, *LABELS[len(NAMED) :]]
    rows = [f"{label}\t{'ab'[i % 2]}" for i, label in enumerate(labels)]
    (data / "stimuli $(touch ran).tsv").write_text("\n".join(["stimulus\tcategory", *rows]) + "\n")
    np.savez(data / "fea'tures.npz", X=sparse_embedding(15, 30, 0), labels=np.array(labels))
    (data / "order;touch ran;.txt").write_text("\n".join(labels) + "\n")
    for target in ("EVC", "IT"):
        shutil.move(tmp_path / f"{target}.npz", data / f"{target} `touch ran`.npz")
    study.settings(
        data_dir=str(data.relative_to(tmp_path)),
        results_dir=f"{HOSTILE}/re\nsults",
        stimuli={"table": "stimuli $(touch ran).tsv"},
        networks=[{"name": "mine", "file": "fea'tures.npz", "key": "X"}],
        targets=[
            {"name": one, "rdms": {"file": f"{one} `touch ran`.npz", "labels": "order;touch ran;.txt"}}
            for one in ("EVC", "IT")
        ],
        supervision=["group"],
    )
    return study


def test_a_study_of_hostile_names_runs_and_nothing_of_them_does(hostile):
    results = f"{HOSTILE}/re\nsults/tiny"
    unit = f"{results}/retained/net-mine_target-IT_sub-group_sup-group_retained.tsv"
    hostile.snakemake("--", unit)
    assert (hostile.folder / unit).is_file()
    assert not list(hostile.folder.rglob("ran")) and not (hostile.folder.parent / "up").exists()
    assert {path.name for path in hostile.folder.glob("[!.]*")} <= HERE | {HOSTILE, "logs"}
