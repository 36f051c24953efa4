"""Hosts, stories and a promo for archives that are settled."""

from __future__ import annotations

import random

HOSTS = ("a.test", "b.test", "c.test")
PROMO = "Support this magazine with a small gift for its next issue of the year"


def story(seed: str) -> str:
    dice = random.Random(seed)
    return " ".join("".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(60))
