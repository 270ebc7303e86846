"""Snakemake that asks every second how its jobs are: Slurm's executor waits longer each time that nothing is new."""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def soon(executor: RemoteExecutor) -> None:
    """Wait until the next question."""
    await asyncio.sleep(1)


if __name__ == "__main__":
    RemoteExecutor.sleep = soon
    sys.exit(main())
