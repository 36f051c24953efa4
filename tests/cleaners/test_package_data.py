"""Data files of the package, read by package and name."""

import subprocess
import sys

import pytest

from broadsheet.cleaners.package_data import read_arrays, read_toml


def test_a_toml_file_is_a_table():
    assert read_toml("broadsheet.cleaners.page", "robots_directives.toml")["tdm"] == ["tdm-reservation", "tdm-policy"]


def test_arrays_are_by_name_and_can_be_read_after_the_file_is_closed():
    arrays = read_arrays("broadsheet.cleaners.judge.models", "block_words.npz")
    assert {column.ndim for column in arrays.values()} == {1}


def test_a_file_that_is_not_there_is_a_fault():
    with pytest.raises(FileNotFoundError):
        read_toml("broadsheet.cleaners.page", "no_such.toml")


def test_reading_toml_does_not_load_numpy():
    code = """
import sys
from broadsheet.cleaners.package_data import read_toml
read_toml("broadsheet.cleaners.page", "word_lists.toml")
print("numpy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
