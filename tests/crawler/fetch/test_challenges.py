"""Walls, told by status, header and shape."""

from __future__ import annotations

import pytest
from scrapy.http import Response

from broadsheet.crawler.fetch.challenges import is_challenge

URL = "https://mill.example/story"
STORY = "<p>" + "The council of the harbour town had asked for it in the spring. " * 30 + "</p>"
FORM = '<html><body><h1>One moment</h1><div class="cf-turnstile"></div></body></html>'


def answered(status: int = 403, body: str = "<h1>Forbidden</h1>", **headers: str) -> Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(URL, status=status, headers=fields, body=body.encode())


@pytest.mark.parametrize(
    "response",
    [
        answered(429, "slow down"),
        answered(403, "", CF_Mitigated="Challenge"),
        answered(200, STORY, cf_mitigated="challenge"),
        answered(202, "", X_AMZN_WAF_Action="challenge"),
        answered(405, "", X_AMZN_WAF_Action="captcha"),
        answered(403, "", X_Vercel_Mitigated="challenge"),
        answered(403, FORM),
        answered(503, "<title>Just a moment...</title><noscript>Enable JavaScript</noscript>"),
        answered(202, '\ufeff<script src="https://example.awswaf.com/challenge.js"></script>'),
        answered(403, f"<h1>Are you a robot?</h1><script>{'x ' * 900}</script>"),
    ],
)
def test_a_wall_is_told_by_what_only_walls_have(response: Response) -> None:
    assert is_challenge(response)


@pytest.mark.parametrize(
    "response",
    [
        answered(200, STORY),
        answered(200, FORM),  # the cleaner judges what comes with a good status
        answered(403),
        answered(404, FORM),
        answered(503, "<h1>Down for maintenance</h1>"),
        answered(403, STORY + '<script src="/recaptcha.js"></script>'),
        answered(403, "are you a robot"),  # no page
        answered(403, "", CF_Mitigated="block"),
        answered(403, "", Server="cloudflare"),
    ],
)
def test_what_a_page_or_an_error_has_is_no_wall(response: Response) -> None:
    assert not is_challenge(response)


def test_a_body_made_to_take_long_is_searched_in_a_moment() -> None:
    assert not is_challenge(answered(403, "<script " * 20_000))
    assert not is_challenge(answered(403, "<a" * 60_000))
