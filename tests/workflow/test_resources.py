"""What jobs ask a machine for, and the profile of a cluster; on a real one: tests/cluster."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from snakemake.iocontainers import ResourceList
from snakemake_executor_plugin_slurm.utils import set_gres_string

from workflow_study import ROOT

RULES = f'''
include: "{ROOT}/workflow/rules/resources.smk"

rule all:
    input: "made.txt"

rule needs_twice_as_much:
    input: big="input.bin"
    output: "made.txt"
    resources: mem_mb=memory(300, big=100), runtime=minutes(4), **gpu_if("DEVICE")
    shell:
        "echo asked {{resources.mem_mb}} {{resources.runtime}} >&2; test {{resources.mem_mb}} -gt 600; touch {{output}}"
'''


def snakemake(folder, *arguments, check=True):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert (done.returncode == 0) == check, done.stdout[-3000:]
    return done.stdout


@pytest.fixture
def small(tmp_path):
    """A rule that asks for 300 MB and 100 for each MB of its input, which has 1, and fails below 600."""

    def make(device="auto"):
        (tmp_path / "Snakefile").write_text(RULES.replace("DEVICE", device))
        (tmp_path / "input.bin").write_bytes(bytes(1_000_000))
        return tmp_path

    return make


def asked(output):
    return [tuple(map(int, pair)) for pair in re.findall(r"^asked (\d+) (\d+)$", output, re.MULTILINE)]


def test_each_retry_asks_for_twice_the_memory_and_time(small):
    assert asked(snakemake(small(), "--retries", "2")) == [(400, 4), (800, 8)]


def test_no_job_asks_for_more_than_the_limits_of_the_cluster(small):
    limits = ["--default-resources", "memory_limit=500", "runtime_limit=6", "runtime_percent=50"]
    assert asked(snakemake(small(), "--retries", "2", *limits, check=False)) == [(400, 2), (500, 4), (500, 6)]


def requested(output):
    """What the executor adds to sbatch for a GPU, and the partition, of resources that a dry run prints."""
    (line,) = re.findall(r"rule needs_twice_as_much:(?:\n .*)*?\n    resources: (.*)", output)
    pairs = [pair.partition("=") for pair in line.split(", ")]
    resources = ResourceList(
        fromdict={name: int(value) if value.isdecimal() else value for name, _, value in pairs}
    )
    return set_gres_string(SimpleNamespace(resources=resources)).strip(), resources.get("slurm_partition")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ([], ("--gpus=1", None)),
        (["gpu_request=gpu", "slurm_partition=cpu", "gpu_partition=gpu-long"], ("--gpus=1", "gpu-long")),
        (["gpu_request=gpu", "gpu_type=a100"], ("--gpus=a100:1", None)),
        (["gpu_request=gres", "slurm_partition=cpu"], ("--gres=gpu:1", "cpu")),
        (["gpu_request=gres", "gpu_type=a100"], ("--gres=gpu:a100:1", None)),
    ],
)
def test_gpu_is_asked_for_as_the_cluster_takes_it(small, profile, expected):
    defaults = ["--default-resources", *profile] if profile else []
    assert requested(snakemake(small("cuda"), "--dry-run", *defaults)) == expected


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_job_that_needs_no_gpu_asks_for_none_and_stays_on_other_partitions(small, device):
    profile = ["--default-resources", "gpu_request=gres", "slurm_partition=cpu", "gpu_partition=gpu"]
    assert requested(snakemake(small(device), "--dry-run", *profile)) == ("", "cpu")


def test_unknown_way_to_ask_for_a_gpu_stops_before_any_job(small):
    output = snakemake(small("cuda"), "--dry-run", "--default-resources", "gpu_request=gpus", check=False)
    assert "gpu_request: found 'gpus'; expected `gpu` or `gres`" in output


def test_profile_of_the_project_is_found_by_its_name_and_plans_the_demo(tmp_path):
    arguments = ["--profile", "slurm", "--configfile", "config/config.yaml", "--directory", str(tmp_path)]
    output = snakemake(ROOT, "--dry-run", *arguments)
    assert "memory_limit=180000" in output
    assert "Summarise the study" in output


def test_every_rule_that_can_insist_on_a_device_asks_for_a_gpu():
    takes_device = ("device=STUDY", "heatmap_settings()", "settings_of_unit")
    asking = []
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"\n(?= *rule\b)", path.read_text()):
            if "script:" in rule and any(given in rule for given in takes_device):
                assert "**gpu_if(" in rule, f"{path.name}: {rule.splitlines()[0]}"
                asking.append(re.search(r'rule (\w+):|name:\s+f"(\w+)', rule).group(1, 2))
    assert {"embedding", "maps", "prune", "specificity"} <= set(sum(asking, ()))


def test_every_setting_of_the_profile_is_one_that_rules_or_the_executor_read():
    profile = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
    rules = (ROOT / "workflow" / "rules" / "resources.smk").read_text()
    read = {
        name
        for name in profile["default-resources"]
        if name in rules or f"{{what}}_{name.split('_')[1]}" in rules
    }
    assert read == set(profile["default-resources"])
