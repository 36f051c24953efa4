"""The benchmark of cleaning again sets each verb beside bare extraction of the same pages."""

from __future__ import annotations

from tests.bench.reclean import ratios


def test_each_verb_has_its_ratio_to_bare_extraction() -> None:
    found = {name: {"cpu_ms_a_page": ms} for name, ms in (("same", 15.0), ("stored_anew", 20.0), ("import", 25.0))}
    assert ratios(found | {"bare_extraction": {"cpu_ms_a_page": 40.0}}) == {
        "same": 0.38,
        "stored_anew": 0.5,
        "import": 0.62,
    }
