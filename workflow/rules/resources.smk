"""What jobs ask a machine for: memory and time by the size of their input, more on each retry, and GPUs.

What a cluster allows, and how it wants GPUs asked for, are `default-resources` of its profile, slurm/config.yaml.
"""

import math
import os

from snakemake.exceptions import WorkflowError

from isoprune.costs import MEMORY_OF_AN_EMBEDDING, minutes_of_megabyte

CLUSTER = {
    name: str(one.raw).strip("'\"") if isinstance(one.raw, str) else one.raw
    for name, one in (workflow.resource_settings.default_resources or {}).items()
    if one.raw is not None
}


def memory(base, **of_inputs):
    """Memory in MB: `base`, and so many times the size of each input that is named."""
    return asked("memory", base, of_inputs)


def minutes(base, **of_inputs):
    """Time in minutes: `base`, and so many for each MB of each input that is named."""
    return asked("runtime", base, of_inputs)


def asked(what, base, of_inputs):
    """A resource as a function of a job; each retry asks for twice as much, up to the cluster's limit."""
    percent, limit = CLUSTER.get(f"{what}_percent", 100), CLUSTER.get(f"{what}_limit", math.inf)

    def of_job(wildcards, input, attempt):
        amount = base
        for name, number in of_inputs.items():
            amount += (number(wildcards) if callable(number) else number) * megabytes(input, name)
        return min(math.ceil(amount * percent / 100) * 2 ** (attempt - 1), limit)

    return of_job


def megabytes(input, name):
    """Size of one named input, or of `all`; as long as it is not there, Snakemake takes the resource as not known."""
    files = input if name == "all" else input.get(name)
    files = [files] if isinstance(files, str) else files or []
    return sum(os.path.getsize(file) for file in files) / 1e6


def gpu_if(device):
    """The resources of one GPU, in the way that the cluster takes, where settings insist on the device `cuda`.

    `auto` runs on the partitions without GPUs, so that a stage that gains little waits for none.
    """
    if device != "cuda":
        return {}
    request, kind = CLUSTER.get("gpu_request", "gpu"), CLUSTER.get("gpu_type")
    if request == "gres":
        asked_for = {"gres": f"gpu:{kind}:1" if kind else "gpu:1"}
    elif request == "gpu":
        asked_for = {"gpu": 1, **({"gpu_model": kind} if kind else {})}
    else:
        raise WorkflowError(
            f"default-resources, gpu_request: found '{request}'; expected `gpu` or `gres`. Correct the profile."
        )
    if "gpu_partition" in CLUSTER:
        asked_for["slurm_partition"] = CLUSTER["gpu_partition"]
    return asked_for


def env_of_backend():
    """The environment that units are pruned in: with PyTorch only where settings insist on a CUDA device."""
    return "../../envs/torch.yaml" if STUDY.pruning.backend == "cuda" else "../../envs/analysis.yaml"


def minutes_of_fits(unit):
    """Minutes that a unit's rankings take for each MB of its embedding: folds, and relabellings in all folds."""
    return minutes_of_megabyte(STUDY, n_images(), n_permutations_of_unit(unit))


# A job on a cluster that was given no GPU takes none, also where it can see those of others.
if "SLURM_JOB_ID" in os.environ and "SLURM_JOB_GPUS" not in os.environ:
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
