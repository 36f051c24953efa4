"""Where a key of a TOML file stands."""

from __future__ import annotations

import pytest

from broadsheet.crawler.fleet.sites.toml_lines import line_of

TEXT = '''# [sites.news]
[defaults]
delay = 1

[sites.news]   # delay
urls = [
  "https://news.example/",
  "delay = 3",  # ]
]
note = """
[sites.news.more]
delay = 4
"""
delay = 2
[sites]
"a b" = { delay = 5 }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["defaults"], 2),
        (["defaults", "delay"], 3),
        (["sites", "news"], 5),
        (["sites", "news", "urls"], 6),
        (["sites", "news", "note"], 10),
        (["sites", "news", "delay"], 14),
        (["sites", "a b", "delay"], 16),
    ],
)
def test_a_key_is_found_and_not_what_looks_like_it(path: list[str], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_a_file_of_many_sites_is_read_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from broadsheet.crawler.fleet.sites import toml_lines

    readings: list[int] = []
    loads = toml_lines.tomllib.loads
    monkeypatch.setattr(toml_lines.tomllib, "loads", lambda text: readings.append(1) or loads(text))
    text = "".join(f"[sites.s{number}]\nurls = ['https://s{number}.example/']\n" for number in range(500))
    assert line_of(text, ["sites", "s321", "urls"]) == 2 * 321 + 2
    assert len(readings) < 15
