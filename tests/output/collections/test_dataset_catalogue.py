"""The card of a data set: its size in the words of Hugging Face, and the tables that it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.collections.dataset_catalogue import write_card
from broadsheet.output.collections.dataset_files import EMPTY, PartFile

SIZES = (
    (999, "n<1K"), (1000, "1K<n<10K"), (9999, "1K<n<10K"), (10_000, "10K<n<100K"), (99_999, "10K<n<100K"),
    (100_000, "100K<n<1M"), (999_999, "100K<n<1M"), (1_000_000, "1M<n<10M"), (9_999_999, "1M<n<10M"),
    (10_000_000, "10M<n<100M"), (99_999_999, "10M<n<100M"), (100_000_000, "100M<n<1B"),
)  # fmt: skip


@pytest.mark.parametrize(("articles", "size"), SIZES)
def test_the_card_states_the_size_and_only_tables_with_rows(tmp_path: Path, articles: int, size: str) -> None:
    files = tuple(PartFile(f"{name}/p", name, "", rows, 9, "d") for name, rows in (("articles", articles), ("urls", 0)))
    write_card(tmp_path / "card", "A title", replace(EMPTY, files=files), [])
    text = (tmp_path / "card").read_text("utf-8")
    assert f"\n- {size}\n" in text
    assert f"{articles:,} articles" in text
    assert [line for line in text.splitlines() if line.startswith("### ")] == ["### articles"]
    assert text.count("config_name") == 1
