"""A click leads where the author said, with the campaign's marks added and nothing else changed."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.model.landing import landing_url

MARKS = "utm_source=shelduck&utm_medium=email&utm_campaign=spring-26&utm_content=7&sdk=TOK"


def landed(target: str, **changed: object) -> str:
    return landing_url(target, **{"code": "spring-26", "sending_id": 7, "landing_token": "TOK", **changed})


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://shop.example", f"https://shop.example?{MARKS}"),
        ("https://shop.example/", f"https://shop.example/?{MARKS}"),
        ("https://shop.example/?", f"https://shop.example/?{MARKS}"),
        ("https://shop.example/a?x=1&y", f"https://shop.example/a?x=1&y&{MARKS}"),
        ("https://shop.example/a?x=%20+&x=2#top", f"https://shop.example/a?x=%20+&x=2&{MARKS}#top"),
        ("https://shop.example/#/spa?route=1", f"https://shop.example/?{MARKS}#/spa?route=1"),
        ("https://shop.example/a;p=1?q=a/b?c", f"https://shop.example/a;p=1?q=a/b?c&{MARKS}"),
        ("https://shop.example:8443/%2e%2F", f"https://shop.example:8443/%2e%2F?{MARKS}"),
        (" https://shop.example/a\n\tb ", f"https://shop.example/ab?{MARKS}"),
        ("https://münchen.example/straße", f"https://xn--mnchen-3ya.example/stra%C3%9Fe?{MARKS}"),
        ('https://shop.example/a b<>"', f"https://shop.example/a%20b%3C%3E%22?{MARKS}"),
        ("https://[::1]:80/x", f"https://[::1]:80/x?{MARKS}"),
    ],
)
def test_marks_are_added_to(target: str, expected: str) -> None:
    assert landed(target) == expected


def test_parameters_of_the_author_stay() -> None:
    url = landed("https://x.example/?utm_campaign=own&UTM_Source=me&utm%5Fmedium=paper")
    assert url == "https://x.example/?utm_campaign=own&UTM_Source=me&utm%5Fmedium=paper&utm_content=7&sdk=TOK"


def test_a_landing_token_of_another_mail_is_replaced() -> None:
    url = landed("https://x.example/?a=1&sdk=OLD&b=2&SDK=OLDER")
    assert dict(parse_qsl(urlsplit(url).query))["sdk"] == "TOK"
    assert "OLD" not in url and url.startswith("https://x.example/?a=1&b=2&utm_source")


def test_without_code_or_token_nothing_stands_in_for_them() -> None:
    assert landed("https://x.example/", code=None, landing_token=None, source="Teal & Co") == (
        "https://x.example/?utm_source=Teal%20%26%20Co&utm_medium=email&utm_content=7"
    )


@given(st.text(st.characters(), max_size=40))
def test_no_target_breaks_a_location_header(tail: str) -> None:
    url = landed(f"https://shop.example/{tail}")
    assert url.isascii() and url.isprintable() and " " not in url
    assert urlsplit(url).hostname == "shop.example"
    assert "sdk=TOK" in url.partition("#")[0]
