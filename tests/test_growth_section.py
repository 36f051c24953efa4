"""The section of the performance page on growing archives: written once, then replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.load.growth_section import growth_section, write_growth_section


def result(cpu: float) -> dict[str, Any]:
    sizes = [
        {"articles": 1_000 * size, "hosts": size, "file_mb": 40 * size, "verify": {"cpu_s": cpu * size, "peak_mb": 99}}
        | {"least_load": 0.5, "greatest_load": size}
        for size in (2, 4)
    ]
    return {
        "date": "2026-01-02",
        "processors": 2,
        "versions": {"python": "3.11.7", "sqlite": "3.41.2"},
        "sizes": sizes,
    }


def test_a_row_has_the_figures_of_each_size() -> None:
    lines = growth_section(result(1.5)).splitlines()
    assert lines[-3:] == [
        "|  | 2,000: s, MB | 4,000: s, MB |",
        "| --- | --: | --: |",
        "| verify | 3.00, 99 | 6.00, 99 |",
    ]
    assert "2,000 articles of 2 sites, 4,000 articles of 4 sites" in "\n".join(lines)
    assert "was 0.5 to 2, 0.5 to 4 while" in "\n".join(lines)


def test_the_section_comes_before_the_last_one_and_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n\n## Growth\n\ntext\n\n## What bounds it\n\nmore\n", "utf-8")
    write_growth_section(result(1.5), page)
    write_growth_section(result(2.5), page)
    text = page.read_text("utf-8")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["## Growth", "## An archive as it grows", "## What bounds it"]
    assert ("| verify | 5.00, 99 | 10.00, 99 |" in text, "3.00" in text) == (True, False)
    assert "\n\n\n" not in text
