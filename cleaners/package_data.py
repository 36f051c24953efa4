"""Data files that come with the package: TOML tables and numpy arrays."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .document import Column


@cache
def read_toml(package: str, name: str) -> dict[str, Any]:
    """Read a TOML file of a package, once in a process; do not change the result.

    >>> read_toml("broadsheet.cleaners.page", "robots_directives.toml")["tdm"]
    ['tdm-reservation', 'tdm-policy']
    """
    return tomllib.loads(files(package).joinpath(name).read_text("utf-8"))


def read_arrays(package: str, name: str) -> dict[str, Column]:
    """Read the arrays of an `.npz` file of a package, by name."""
    import numpy as np  # here, so that a reader of TOML does not load it

    with files(package).joinpath(name).open("rb") as stream, np.load(stream) as arrays:
        return dict(arrays)
