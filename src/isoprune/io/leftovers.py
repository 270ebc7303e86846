"""What a killed job and a clock that was set back leave in a folder of results."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from isoprune.io.files import THIS_MACHINE

AHEAD = 60.0
"""Seconds by which a file may be newer than now: clocks of machines that share a disk differ a little."""

LONG_AGO = 315_532_800.0
"""1 January 1980, in seconds since 1970: older than any input."""

_TEMPORARY = re.compile(rf"\.{THIS_MACHINE}-(\d+)-[0-9a-f]{{8}}\.tmp\.")


def tidy(folder: str | Path) -> None:
    """Remove temporary files of jobs that were killed, and mark files from the future as old.

    A file that seems to come from the future would hide that its inputs have changed since, and Snakemake lets no job
    read it. As an old file it is computed again where Snakemake cannot tell by content that it need not be.
    What a process is still writing is left alone, and so is what may not be changed.

    Parameters
    ----------
    folder : path
        Of results; it need not exist.
    """
    latest = time.time() + AHEAD
    for path in Path(folder).rglob("*"):
        with suppress(OSError):  # it may be gone by now, or belong to somebody else
            if (writer := _TEMPORARY.match(path.name)) and not _is_running(int(writer[1])):
                path.unlink()
            elif path.is_file() and path.lstat().st_mtime > latest:
                os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks, and ends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True
