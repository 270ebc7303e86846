"""A real Slurm on this machine alone: munge, slurmctld and slurmd on the loopback, null devices in place of GPUs."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

CPUS, GPUS, MEMORY = 4, 2, 64_000  # of the one node; its CPUs and MB may be more than the machine has
SYSTEM = Path("/etc/slurm")  # steps of a job find the configuration only here
FILES = ("slurm.conf", "gres.conf")
PREFIX = "isoprune-slurm-"
DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = f"{os.environ['PATH']}:/usr/sbin"

CONFIGURATION = """
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
MinJobAge=3600
KillWait=2
ReturnToService=2
JobRequeue=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=04:00:00 State=UP
PartitionName=gpu Nodes={host} MaxTime=04:00:00 State=UP
"""


def reason_against() -> str | None:
    """Why a Slurm cannot be started here, if it cannot."""
    missing = [name for name in (*DAEMONS, "sbatch") if shutil.which(name, path=PATH) is None]
    if missing:
        return f"Slurm is not here ({', '.join(missing)}): sh envs/slurm.sh installs it for an administrator"
    if os.geteuid() != 0:
        return "starting a Slurm takes an administrator's rights"
    for name in FILES:
        if os.path.lexists(SYSTEM / name) and not is_ours(SYSTEM / name):
            return f"this machine has a Slurm of its own ({SYSTEM}/{name}), which is left alone"
    return None


def is_ours(path: Path) -> bool:
    """Whether a configuration is a link to one that these tests made, now or in a run that was killed."""
    return path.is_symlink() and str(path.readlink()).startswith(f"{tempfile.gettempdir()}/{PREFIX}")


class LocalSlurm:
    """The daemons, and what they know of jobs.

    Parameters
    ----------
    folder : Path
        Takes everything that they write.
    """

    def __init__(self, folder: Path):
        self.folder, self.running = folder, {}
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(folder / "slurm.conf")}
        for name in [name for name in self.environment if name.startswith("SLURM_") and name != "SLURM_CONF"]:
            del self.environment[name]
        self._configure()

    def _configure(self) -> None:
        for name in ("state", "spool", "devices"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for number in range(GPUS):
            os.mknod(self.folder / "devices" / f"gpu{number}", 0o020666, os.makedev(1, 3))
        about = {"host": socket.gethostname().split(".")[0], "folder": self.folder, "ports": free_ports(2)}
        text = CONFIGURATION.format(**about, cpus=CPUS, gpus=GPUS, memory=MEMORY)
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/devices/gpu[0-{GPUS - 1}]\n")
        SYSTEM.mkdir(exist_ok=True)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)
            (SYSTEM / name).symlink_to(self.folder / name)

    def start(self) -> None:
        """Start all daemons and wait until jobs can be submitted."""
        names = {name: self.folder / f"munge.{name}" for name in ("key", "socket", "pid", "log", "seed")}
        files = [
            f"--{'key-file' if n == 'key' else n if n == 'socket' else f'{n}-file'}={f}"
            for n, f in names.items()
        ]
        self._spawn("munged", "--foreground", "--force", *files)
        wait_for(names["socket"].exists, "munge's socket")
        self.start_controller()
        self._spawn("slurmd", "-D")
        wait_for(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"), "an idle node")

    def start_controller(self) -> None:
        """Start slurmctld, at first or again."""
        self._spawn("slurmctld", "-D")
        wait_for(lambda: "UP" in self.ask("scontrol", "ping"), "slurmctld")

    def end_controller(self, by: int) -> None:
        """End slurmctld by a signal; killed, it has no chance to save anything."""
        self.running["slurmctld"].send_signal(by)
        self.running["slurmctld"].wait()

    def resume_drained(self) -> None:
        """Take the node back that a killed controller drains when it starts a job again that it forgot was running."""
        if "drain" in self.ask("sinfo", "--noheader", "--format=%T"):
            self.ask("scontrol", "update", f"nodename={socket.gethostname().split('.')[0]}", "state=resume")

    def stop(self) -> None:
        """End all jobs and daemons."""
        self.ask("scancel", "--user=root")
        for name in reversed(DAEMONS):
            if name in self.running:
                self.running[name].terminate()
                self.running[name].wait(timeout=20)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            command = [shutil.which(name, path=PATH), *arguments]
            self.running[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints; nothing when it fails."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def jobs(self) -> list[dict[str, str]]:
        """Every job since the start, as `scontrol` shows it."""
        lines = self.ask("scontrol", "show", "jobs", "--oneliner").splitlines()
        return [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]

    def end_all_of(self, folder: Path) -> None:
        """End the jobs that were submitted from a folder, as a user does whose Snakemake was killed."""

        def queued() -> list[str]:
            lines = [line.split() for line in self.ask("squeue", "--noheader", "--format=%i %Z").splitlines()]
            return [number for number, submitted_from in lines if submitted_from == str(folder)]

        self.ask("scancel", *queued())
        wait_for(lambda: not queued(), f"the end of the jobs of {folder}")

    def of_rule(self, rule: str, *states: str, folder: Path | None = None) -> list[dict[str, str]]:
        """The jobs of a rule, oldest first; only in some states or of a folder, where these are given."""
        return [
            job
            for job in self.jobs()
            if job.get("Comment", "").startswith(f"rule_{rule}")
            and (not states or job["JobState"] in states)
            and (folder is None or job["WorkDir"] == str(folder))
        ]


def free_ports(number: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(condition, what: str, seconds: float = 60) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.1)
