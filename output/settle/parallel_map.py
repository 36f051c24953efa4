"""How pure work is spread out: a `map` that the caller chooses, and the one that runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


class ParallelMap(Protocol):
    """Runs a pure function over jobs in whatever process it likes, and gives the results in the order of the jobs.

    The function is one of a module; jobs and results can be pickled. Jobs are taken from the iterable one after the
    other on the caller's thread, some ahead of the result that is given.
    """

    def __call__(self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT], /) -> Iterator[ResultT]:
        """The function's result for each job."""
        ...


def serial_map(function: Callable[[JobT], ResultT], jobs: Iterable[JobT], /) -> Iterator[ResultT]:
    """Run each job in this process, when its result is asked for."""
    return map(function, jobs)
