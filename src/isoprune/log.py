"""What a job says: everything to its log, and a line now and then to the terminal."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isoprune.errors import IsopruneError

TERMINAL_EVERY = 5.0
"""Seconds between two lines of progress on the terminal; short jobs stay quiet."""


@contextmanager
def job_log(path: str | Path, about: str) -> Iterator[logging.Logger]:
    """Write a job's messages and, if it fails, its traceback to a log file.

    Parameters
    ----------
    path : path
        The log file; written anew.
    about : str
        What the job is about (subject, ROI, network …); stands on every line.

    Yields
    ------
    logging.Logger
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(f"isoprune.{about}")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter(f"%(asctime)s {about}: %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield logger
        _note_gpu_memory(logger)
    except IsopruneError as problem:
        logger.error("%s\n\n%s", problem, traceback.format_exc())
        # The named error says it all: the traceback stays in the log.
        print(f"\n{about}: {type(problem).__name__}\n  {problem}\n  log: {path}\n", file=sys.stderr)
        raise SystemExit(1) from None
    except BaseException:
        logger.error(traceback.format_exc())
        raise
    finally:
        logger.removeHandler(handler)
        handler.close()


def _note_gpu_memory(logger: logging.Logger) -> None:
    """Log what a job that computed on a GPU held there at most; what sizes jobs reads it from the log."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        logger.info("GPU memory: at most %d MB", torch.cuda.max_memory_allocated() // 10**6)


class Progress:
    """Writes each tenth of a job's steps to the log and, on long work, a line to the terminal.

    Parameters
    ----------
    logger : logging.Logger
    about : str
        What the job is about.
    """

    def __init__(self, logger: logging.Logger, about: str):
        self.logger, self.about = logger, about
        self._counted, self._tenths, self._last_shown = "", 0, time.monotonic()

    def __call__(self, counted: str, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` steps are done, of what is counted (in the plural)."""
        text = f"{done} of {total} {counted}"
        if counted != self._counted or done < total * self._tenths // 10:
            self._counted, self._tenths = counted, 0
        if done * 10 // total > self._tenths:
            self._tenths = done * 10 // total
            self.logger.info(text)
        if time.monotonic() - self._last_shown > TERMINAL_EVERY:
            self._last_shown = time.monotonic()
            print(f"{self.about}: {text}", file=sys.stderr, flush=True)
