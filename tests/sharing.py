"""Folders that the workers of a session share, so that what takes long to make is made once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import alone


def shared_folder(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask for it has filled. It goes with the session's other folders."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, mark = root / name, root / f"{name}.ready"
    with alone(root / f"{name}.lock"):
        if not mark.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            mark.touch()
    return folder
