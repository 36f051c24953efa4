"""Windows in time: between two moments of one actor's work another actor does all of its own.

Work that is watched passes points: before and after each act on a store, inside a write, between two chunks that are
read, while a lock is held and after it. A test counts the points of an undisturbed run, and then has something happen
at one of them, or at each.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.fleet.folder_store import FolderStore

_READS = ("length", "keys", "read_record")
_WRITES = ("put_bytes", "delete", "replace_record")


class KilledError(BaseException):
    """Stands for a kill: nothing that would clean up runs after it."""


def kill() -> None:
    """Step of an actor that dies: its windows raise from then on, too."""
    raise KilledError


class Windows:
    """Points that the work of an actor passes. `step` runs at one of them: by its number, or the first of a name.

    With the number 0 it runs at each. What the step itself does passes none.
    """

    def __init__(self, step: Callable[[], object], window: int | str = 0) -> None:
        self.points: list[str] = []
        self._step, self._window = step, window
        self._is_open = self._is_dead = False

    def point(self, name: str) -> None:
        """Pass a point."""
        if self._is_dead:
            raise KilledError
        if self._is_open:
            return
        self.points.append(name)
        if self._is_window(name):
            self._is_open = True
            try:
                self._step()
            except KilledError:
                self._is_dead = True
                raise
            finally:
                self._is_open = False

    def _is_window(self, name: str) -> bool:
        if isinstance(self._window, int):
            return self._window in (0, len(self.points))
        return sum(point.startswith(self._window) for point in self.points) == 1 and name.startswith(self._window)

    def before(self, name: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do an act, with a point before it."""
        self.point(f"before {name} {arguments[0] if arguments else ''}")
        return act(*arguments, **options)

    def around(self, name: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do an act, with a point before it and one after it."""
        done = self.before(name, act, *arguments, **options)
        self.point(f"after {name}")
        return done

    def watch(self, patch: pytest.MonkeyPatch, module: object, *names: str) -> None:
        """Put points around functions, as a module calls them."""
        for name in names:
            patch.setattr(module, name, partial(self.around, name, getattr(module, name)))

    def watch_lock(self, patch: pytest.MonkeyPatch, module: object, name: str) -> None:
        """Put points inside a context manager, at the begin and the end of its block, and after it."""
        manager = getattr(module, name)

        @contextmanager
        def watched(*arguments: Any, **options: Any) -> Iterator[Any]:
            with manager(*arguments, **options) as value:
                self.point(f"{name} begins")
                yield value
                self.point(f"{name} ends")
            self.point(f"after {name}")

        patch.setattr(module, name, watched)


class WindowedStore(FolderStore):
    """Folder whose user passes points; a chunk comes in two parts."""

    def __init__(self, folder: Path, windows: Windows) -> None:
        super().__init__(folder)
        self._windows = windows
        for name in _WRITES:
            setattr(self, name, partial(windows.around, name, getattr(self, name)))
        for name in _READS:
            setattr(self, name, partial(windows.before, name, getattr(self, name)))

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        self._windows.point(f"before chunks {key}")
        for chunk in super().chunks(key, start):
            yield chunk[:1]
            self._windows.point("inside chunks")
            yield from filter(None, [chunk[1:]])

    def _write(self, key: str, data: bytes, give_name: Callable[[Path, Path], object] = os.replace) -> None:
        def give(part: Path, target: Path) -> None:
            self._windows.around("naming", give_name, part, target)

        super()._write(key, data, give)

    def _newest(self, key: str) -> int:
        newest = super()._newest(key)
        self._windows.point("after a look at versions")
        return newest
