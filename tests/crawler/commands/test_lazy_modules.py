"""Modules that are loaded when they are first used."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from broadsheet.crawler.commands.lazy_modules import lazy_imports


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which a new module `mill` writes when it is loaded."""
    file = tmp_path / "loads"
    (tmp_path / "mill.py").write_text(f"from pathlib import Path\nPath({str(file)!r}).touch()\nriver = 'Aare'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mill", raising=False)
    return file


def test_a_module_is_loaded_at_the_first_use_of_a_name(loads: Path) -> None:
    with lazy_imports():
        mill = import_module("mill")
    assert not loads.exists()
    assert mill.river == "Aare"
    assert loads.exists()


def test_outside_of_the_context_a_module_is_loaded_at_once(loads: Path) -> None:
    import_module("mill")
    assert loads.exists()


def test_a_module_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_mill"), lazy_imports():
        import_module("no_such_mill")
