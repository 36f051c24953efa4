"""Sharing pure work out: who settles says how, and here is the way that needs nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

J = TypeVar("J")
R = TypeVar("R")


class Share(Protocol):
    """Does pure work wherever it likes, and gives the results in the order of the jobs, as `map` does.

    Functions are those of a module, jobs and results are values that pickle takes. Jobs are taken one after the other
    on the caller's thread, some ahead of the result that is given.
    """

    def __call__(self, function: Callable[[J], R], jobs: Iterable[J], /) -> Iterator[R]:
        """The function's result for each job."""
        ...


def alone(function: Callable[[J], R], jobs: Iterable[J], /) -> Iterator[R]:
    """Do everything here, one job when its result is asked for."""
    return map(function, jobs)
