"""The layers of the library: imports go down only, and heavy packages are paid for only where they are used."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "isoprune"

LAYERS = [
    ("errors", "labels", "labelled", "provenance", "log", "wording", "naming", "progress"),
    ("io",),
    (
        "torchvision_cpu",
        "networks",
        "embeddings",
        "stimuli",
        "appearance",
        "brain",
        "voxels",
        "datasets",
        "voxel_matching",
        "region_values",
        "extraction",
        "patterns",
        "distances",
        "rdms",
        "quality",
        "wordnet",
        "judgments",
    ),
    ("blas", "isomorphism", "joining", "nuisances", "pruning", "scoring", "weighted"),
    (
        "folds",
        "crossvalidation",
        "relabelling",
        "nulls",
        "relabelled_sets",
        "permutation",
        "adjustment",
        "inference",
        "ceilings",
        "raters",
        "bootstrap",
        "intervals",
        "variance",
        "stability",
        "transfer",
        "batches",
        "results",
        "retained",
        "foldsets",
        "design",
        "units",
        "layers",
        "matched",
        "specificity",
        "reweighting",
        "agreement",
        "partitions",
        "occlusion",
        "classification",
        "synsets",
        "wordnet_agreement",
        "summary",
        "comparisons",
        "duplicates",
        "multiverse",
        "multiverse_tables",
        "keeping",
        "selectivity",
        "enrichment",
        "drivers",
        "states",
    ),
    (
        "findings",
        "compared_findings",
        "layer_findings",
        "accuracy_findings",
        "methods",
        "figures",
        "simulation",
        "config",
        "inputs",
        "costs",
        "checking",
        "starting",
        "lock",
        "cli",
    ),
]
LAYER = {module: number for number, modules in enumerate(LAYERS, start=1) for module in modules}

BARE_NODE = ("numpy", "scipy", "sklearn", "torch", "torchvision")
"""What an accelerator machine may have, and nothing else of ours."""


def room(path: Path) -> str:
    """The module or package that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms of isoprune that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isoprune"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("isoprune.")}
    return found


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.parent != SOURCE or path.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down_only(path):
    assert room(path) in LAYER, f"{path.name} has no layer; add it to docs/architecture.md and to this test"
    upward = {name for name in imports(path) if LAYER.get(name, 0) > LAYER[room(path)]}
    assert not upward


def test_no_module_needs_snakemake():
    assert not [path for path in FILES if "import snakemake" in path.read_text()]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_importing_isoprune_loads_nothing_heavy():
    loaded = run("import sys, isoprune; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert not {"numpy", "scipy", "torch", "pandas", "sklearn", "numba", "rsatoolbox", "matplotlib"} & set(
        loaded
    )


def test_pruning_loads_neither_torch_nor_pandas():
    code = (
        "import sys, numpy, isoprune; r = numpy.random.default_rng(0); "
        "isoprune.prune(r.normal(size=(9, 20)), r.uniform(size=36)); "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert not {"torch", "pandas", "sklearn", "rsatoolbox", "nilearn", "matplotlib"} & set(run(code).split())


def test_figures_load_no_torch():
    assert run("import sys, isoprune.figures; print('torch' in sys.modules)").strip() == "False"


def test_settings_are_read_without_scipy():
    # Half of the time that reading them takes, for each run of the workflow and each job of a cluster.
    code = "import sys, isoprune.config, isoprune.nuisances; print('scipy' in sys.modules)"
    assert run(code).strip() == "False"


def test_a_unit_of_work_starts_without_scipy_stats():
    # A third of a second, for every one of a study's many short jobs.
    assert (
        run("import sys, isoprune.units, isoprune.transfer; print('scipy.stats' in sys.modules)").strip()
        == "False"
    )


def test_core_works_where_only_the_packages_of_a_bare_node_exist():
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "pandas", "h5py", "nibabel", "nilearn", "rsatoolbox",
                                  "pydantic", "yaml", "matplotlib", "snakemake", "rich"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import numpy, isoprune
r = numpy.random.default_rng(0)
result = isoprune.prune(r.normal(size=(9, 20)), r.uniform(size=36))
import isoprune.crossvalidation, isoprune.inference, isoprune.networks, isoprune.embeddings
isoprune.IsomorphismPruner
print(result.backend)
"""
    assert set(BARE_NODE) and run(code).strip() == "cpu-numpy"


def test_every_folder_of_tests_is_run():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"][
        "testpaths"
    ]
    assert {path.parent for path in (ROOT / "tests").rglob("test_*.py")} == {ROOT / one for one in listed}
