"""The head of a site: of all who publish at once one succeeds, and a word that was lost counts."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from broadsheet.crawler.fleet import site_head
from broadsheet.crawler.fleet.object_store import DamagedObject, NewerState, ObjectStore, VersionMoved
from broadsheet.crawler.fleet.site_head import Overtaken, SiteAttempt, SiteHead, head_key, read_head

TURN = {"result": {"end": "done"}, "due_at": "2026-01-01T00:00:00+00:00"}


def test_a_publication_is_the_head_and_raises_its_generation(store: ObjectStore) -> None:
    assert read_head(store, "lamp") == SiteHead()
    attempt = SiteAttempt(store, "lamp")
    attempt.publish(manifest="m1", pages=7, takedowns=(("http://a.example/*", "asked"),))
    attempt.publish(turn=TURN)
    head = read_head(store, "lamp")
    assert head == attempt.head == SiteAttempt(store, "lamp").head
    assert (head.generation, head.manifest, head.pages, head.turn, head.attempt) == (2, "m1", 7, TURN, attempt.id)
    assert head.takedowns == (("http://a.example/*", "asked"),)
    assert head.schema > 0


def test_of_all_who_began_with_one_head_one_publishes(store: ObjectStore) -> None:
    attempts = [SiteAttempt(store, "lamp") for _ in range(6)]

    def publish(attempt: SiteAttempt) -> None:
        with suppress(Overtaken):
            attempt.publish(manifest=attempt.id)

    threads = [Thread(target=publish, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [attempt for attempt in attempts if not attempt.is_overtaken]
    assert (read_head(store, "lamp").manifest, winner.head.generation) == (winner.id, 1)
    for attempt in attempts:
        if attempt is not winner:
            with pytest.raises(Overtaken, match="lamp was published by somebody else meanwhile"):
                attempt.publish(manifest=attempt.id)
    winner.publish(manifest="next")
    assert read_head(store, "lamp").generation == 2


def test_a_refused_put_that_finds_its_own_words_there_has_succeeded(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the answer to it was lost on the way, and it was tried again."""
    attempt, put = SiteAttempt(store, "lamp"), type(store).replace_record

    def lose_the_answer(self: ObjectStore, key: str, data: bytes, version: str) -> str:
        put(self, key, data, version)
        raise VersionMoved("somebody was quicker")

    for generation in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "replace_record", lose_the_answer)
            attempt.publish(manifest=f"m{generation}", turn=TURN)
    attempt.publish(manifest="m3")
    assert (read_head(store, "lamp").generation, read_head(store, "lamp").manifest) == (3, "m3")


def test_an_older_version_leaves_what_a_newer_one_wrote(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = SiteAttempt(store, "lamp")
    for name in ("FORMAT", "_schema_version"):
        newer: Any = site_head.FORMAT + 1 if name == "FORMAT" else lambda: 10_000
        with monkeypatch.context() as patch:
            patch.setattr(site_head, name, newer)
            attempt.publish(manifest="newer")
        with pytest.raises(NewerState, match="lamp was stored by a newer version of Broadsheet"):
            SiteAttempt(store, "lamp")


def test_a_head_that_makes_no_sense_is_said_in_a_line(store: ObjectStore) -> None:
    version = ""
    whole = json.loads(replace(SiteHead(), generation=1).to_json())
    damages = [b"{", b"[]", b'{"format": 1}', b'{"format": 3}', json.dumps(whole | {"takedowns": [1]}).encode()]
    for data in damages:
        version = store.replace_record(head_key("lamp"), data, version)
        with pytest.raises(DamagedObject, match="lamp") as caught:
            read_head(store, "lamp")
        assert "\n" not in str(caught.value)
