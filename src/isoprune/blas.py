"""BLAS on one thread, however many parts of the program ask for it at the same time.

It splits sums by the number of its threads, which would then decide the last bits of statistics.
"""

from __future__ import annotations

from contextlib import ContextDecorator, ExitStack
from threading import Lock


class OneBlasThread(ContextDecorator):
    """Keep BLAS to one thread: work is spread over chunks instead, and two BLAS threads beside another process have
    cost 5 to 17 times the time.

    A context, or a decorator, that may be entered again inside itself and from several threads: the first to enter
    sets the limit and the last to leave lifts it. Each call of threadpoolctl looks through all loaded libraries, which
    takes longer than pruning a small embedding, and limits of threads that overlap would restore each other's.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._limits = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limits.close()

    def _limit(self) -> None:
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return
        self._limits.enter_context(threadpool_limits(limits=1, user_api="blas"))


_SHARED = OneBlasThread()


def one_blas_thread() -> OneBlasThread:
    """The context that all parts of the program share."""
    return _SHARED
