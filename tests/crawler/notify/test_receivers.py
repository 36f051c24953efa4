from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.notify.receivers import NewsEvent, Receiver, read_receivers

SECRET = "s3cret-t0ken"


def test_addresses_and_files_of_them_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSROOM", f"slack://{SECRET}/b/c")
    file = tmp_path / "people.toml"
    file.write_text(
        '[[notify]]\nurl_env = "NEWSROOM"\nsites = ["News.example", "*.press.example"]\nevents = ["edits"]\n'
        '[[notify]]\nurl = "json://hooks.example/x"\n'
    )
    first, second, third = read_receivers([str(file), f"mailto://me:{SECRET}@mail.example"])
    assert (first.url, first.label) == (f"slack://{SECRET}/b/c", "slack (people.toml, [[notify]] 1)")
    assert first.events == {NewsEvent.EDITS}
    assert second.events == set(NewsEvent)
    assert third.label == "mailto (--notify)"
    assert SECRET not in repr((first, second, third))


@pytest.mark.parametrize(
    ("host", "is_for_it"),
    [
        ("news.example", True),
        ("news.example:8080", True),
        ("a.press.example", True),
        ("press.example", False),
        ("other.example", False),
    ],
)
def test_a_receiver_is_told_of_its_sites(host: str, is_for_it: bool) -> None:
    assert Receiver("json://x", "json", ("news.example", "*.press.example")).is_for(host) is is_for_it
    assert Receiver("json://x", "json").is_for(host)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'[[notify]]\nurl = "slack://{SECRET}" x', "is not TOML (at line 2)"),
        (f'[[notify]]\nurl = "{SECRET}"\n', "no address"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nurl_env = "X"\n', "one of them"),
        ("[[notify]]\n", "one of them"),
        ('[[notify]]\nurl_env = "NOT_SET_ANYWHERE"\n', "NOT_SET_ANYWHERE is not set"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nevents = ["gossip"]\n', "edits, withdrawals, alarms, failures"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nsites = "x"\n', "no list"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nhosts = []\n', "hosts is not known"),
        (f'url = "json://{SECRET}"\n', "must hold [[notify]] tables"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_no_address_is(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "people.toml"
    file.write_text(text)
    with pytest.raises(CommandError) as raised:
        read_receivers([str(file)])
    assert message in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "people.toml" in str(raised.value)


def test_a_file_that_is_not_there_and_an_address_that_is_none() -> None:
    with pytest.raises(CommandError, match=r"cannot read nowhere\.toml"):
        read_receivers(["nowhere.toml"])
    with pytest.raises(CommandError) as raised:
        read_receivers([SECRET])
    assert SECRET not in str(raised.value)
