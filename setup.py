"""Build of the optional extension in C; all else about the package is in pyproject.toml."""

from pathlib import Path

import lxml
from setuptools import Extension, setup

FOLDER = Path("cleaners/native")

setup(
    ext_modules=[
        Extension(
            "broadsheet.cleaners.native._native",
            sorted(map(str, FOLDER.glob("*.c"))),
            depends=[str(FOLDER / "native.h")],
            include_dirs=lxml.get_include(),
            optional=True,  # without a compiler the cleaners do the same in Python
        )
    ]
)
