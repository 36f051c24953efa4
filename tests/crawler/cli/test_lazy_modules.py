"""Modules that are loaded when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import broadsheet.crawler
from broadsheet.crawler.cli.lazy_modules import lazy_imports


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that a new module of ours, `mill`, makes when it is loaded."""
    file = tmp_path / "loads"
    (tmp_path / "mill.py").write_text(f"from pathlib import Path\nPath({str(file)!r}).touch()\nriver = 'Aare'\n")
    monkeypatch.setattr(broadsheet.crawler, "__path__", [str(tmp_path)])
    yield file
    sys.modules.pop("broadsheet.crawler.mill", None)


def test_a_module_is_loaded_at_the_first_use_of_a_name(loads):
    with lazy_imports():
        mill = import_module("broadsheet.crawler.mill")
    assert not loads.exists()
    assert mill.river == "Aare"
    assert loads.exists()


def test_outside_of_the_context_a_module_is_loaded_at_once(loads):
    import_module("broadsheet.crawler.mill")
    assert loads.exists()


def test_a_module_that_is_not_there_is_told_at_once():
    with pytest.raises(ModuleNotFoundError, match="no_such_mill"), lazy_imports():
        import_module("broadsheet.crawler.no_such_mill")
