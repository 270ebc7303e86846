"""Progress of long functions: a bar in notebooks and terminals, or whatever a caller does with the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from isoprune.errors import BackendError

Counting = Callable[[int, int], None]
"""Takes the number of steps that are done, and their total."""


@contextmanager
def counting(progress: bool | Counting | None, what: str) -> Iterator[Counting | None]:
    """Within the block, what a long function calls after each of its steps.

    Parameters
    ----------
    progress : bool or callable
        True shows a bar (tqdm's, which is a widget in notebooks); False and None nothing; a callable is called with
        the number of steps done and their total.
    what : str
        What is counted, in the plural.

    Yields
    ------
    callable or None
        None where nothing is shown.

    Raises
    ------
    BackendError
        If a bar is asked for and tqdm is not installed.
    """
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with _bar(what) as bar:

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield advance
    else:
        yield progress


def _bar(what: str):
    try:
        from tqdm.auto import tqdm
    except ImportError as problem:
        raise BackendError(
            "progress",
            "tqdm, which draws bars, is not installed",
            "tqdm, or a function in place of True",
            "Install it (pip install tqdm), or pass a function of the steps done and their total.",
        ) from problem
    return tqdm(desc=what, unit="")
