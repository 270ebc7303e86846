"""Time and peak memory of reading one subject's patterns and computing the RDMs of five regions.

Two cases: 20 × 20 × 20 voxels, and 91 × 109 × 91 voxels at 2 mm with 1000 conditions, which has to stay under
3 GB. Each runs in a process of its own, whose peak is measured against that of the imports alone. Prints a line
a case and writes benchmarks/out/patterns.json. Run: ``python benchmarks/patterns.py [small|large] …``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OUT = Path(__file__).parent / "out" / "patterns.json"
CASES = {
    "small": {"shape": (20, 20, 20), "size_mm": 3, "n_conditions": 100, "n_runs": 4, "n_voxels": 100},
    "large": {"shape": (91, 109, 91), "size_mm": 2, "n_conditions": 1000, "n_runs": 1, "n_voxels": 2000},
}
ROIS = ("V1", "V4", "FFA", "PPA", "vTC")
LIMIT_GB = 3.0


def write_subject(folder: Path, shape, size_mm, n_conditions, n_runs, n_voxels) -> None:
    """Runs of int16 betas with a scale, written volume by volume, and compact masks."""
    import nibabel
    import numpy as np

    generator = np.random.default_rng(0)
    affine = np.diag([size_mm, size_mm, size_mm, 1.0])
    header = nibabel.Nifti1Header()
    header.set_data_shape((*shape, n_conditions))
    header.set_data_dtype(np.int16)
    header.set_sform(affine, code=1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    header["scl_slope"], header["scl_inter"] = 1 / 300, 0
    texture = generator.integers(-900, 900, (32, *shape), dtype=np.int16)
    for run in range(n_runs):
        with (folder / f"run-{run}.nii").open("wb") as file:
            file.write(header.binaryblock + bytes(4))
            for volume in range(n_conditions):
                gains = generator.integers(1, 4)
                file.write((texture[(volume * 7 + run) % 32] * gains + volume).astype("<i2").tobytes("F"))
        rows = "\n".join(f"image{volume:04d}" for volume in range(n_conditions))
        (folder / f"run-{run}.tsv").write_text(f"condition\n{rows}\n")
    places = np.stack(np.indices(shape), axis=-1)
    for number, roi in enumerate(ROIS):
        centre = np.array(shape) * (0.3 + 0.1 * number)
        nearest = np.argsort(((places - centre) ** 2).sum(axis=-1), axis=None)[:n_voxels]
        mask = np.zeros(shape, dtype=np.uint8)
        mask.flat[nearest] = 1
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / f"{roi}.nii.gz")


def peak_gb() -> float:
    """Largest memory that this process has held, in GB (Linux counts kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure(folder: Path, n_runs: int) -> dict[str, float]:
    """Seconds and gigabytes of one subject, read and turned into RDMs in this process."""
    import rsatoolbox  # noqa: F401

    from isoprune.extraction import patterns_from_files
    from isoprune.rdms import rdm_from_patterns

    imports_gb, started = peak_gb(), time.perf_counter()
    runs = [(folder / f"run-{run}.nii", folder / f"run-{run}.tsv") for run in range(n_runs)]
    labels = (folder / "run-0.tsv").read_text().split()[1:]
    masks = {roi: folder / f"{roi}.nii.gz" for roi in ROIS}
    patterns = patterns_from_files(runs, masks, labels=labels, subject="01")
    reading = time.perf_counter() - started
    for roi, one in patterns.items():
        rdm_from_patterns(one, labels, target=roi, subject="01", provenance=one.provenance)
    return {
        "reading_s": round(reading, 2),
        "rdms_s": round(time.perf_counter() - started - reading, 2),
        "peak_gb": round(peak_gb(), 3),
        "imports_gb": round(imports_gb, 3),
        "n_voxels": sum(one.values.shape[1] for one in patterns.values()),
    }


def run_case(name: str) -> dict:
    """A case in a fresh process, so that its peak is its own."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        write_subject(Path(folder), **case)
        on_disk = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e9
        command = [sys.executable, __file__, "--measure", folder, str(case["n_runs"])]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return {"case": name, **case, "on_disk_gb": round(on_disk, 3), **json.loads(result.stdout)}


def main() -> None:
    """Run the cases asked for, print them and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "RUNS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(Path(arguments.measure[0]), int(arguments.measure[1]))))
        return
    results = []
    for name in arguments.cases or CASES:
        found = run_case(name)
        results.append(found)
        print(
            f"{name}: {'×'.join(map(str, found['shape']))} voxels, {found['n_conditions']} conditions × "
            f"{found['n_runs']} run(s), {len(ROIS)} ROIs of {found['n_voxels'] // len(ROIS)} voxels, "
            f"{found['on_disk_gb']} GB on disk: read in {found['reading_s']} s, RDMs in {found['rdms_s']} s, "
            f"peak {found['peak_gb']} GB ({found['imports_gb']} GB of it imports)"
        )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    if any(found["peak_gb"] >= LIMIT_GB for found in results):
        sys.exit(f"a case held {LIMIT_GB} GB or more")


if __name__ == "__main__":
    main()
