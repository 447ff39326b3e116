"""Blocked domains: in any spelling, with the domains below them, as pages and commands ask for them."""

from __future__ import annotations

import pytest

from analytics.errors import ListError
from analytics.lists import Suppressions
from analytics.model.address import address_key, blocked_by, domain_key, domain_of
from tests.segments.shop import NOW


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Example.COM", "example.com"),
        (" @example.com ", "example.com"),
        ("*@example.com", "example.com"),
        ("*.Mail.example.com.", "mail.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BU\u0308CHER.example", "xn--bcher-kva.example"),
        ("com", None),
        ("", None),
        ("ada@example.com", None),
        ("exa mple.com", None),
        (None, None),
    ],
)
def test_a_domain_has_one_key_however_it_is_written(written: str | None, key: str | None) -> None:
    assert domain_key(written) == key


@pytest.mark.parametrize(
    ("address", "by"),
    [
        ("a@example.com", "example.com"),
        ("a@MAIL.deep.Example.com", "example.com"),
        ("a@notexample.com", None),
        ("a@example.com.org", None),
        ("a@BÜCHER.example", "xn--bcher-kva.example"),
        ("a@sub.bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_block_covers_the_domains_below_it_and_no_other(
    suppressions: Suppressions, address: str, by: str | None
) -> None:
    suppressions.block_domain("Example.com")
    suppressions.block_domain("bücher.example")
    block = suppressions.block_of(address)
    assert (None if block is None else block.domain) == by
    key = address_key(address)
    assert key is not None
    assert blocked_by(domain_of(key), {"example.com", "xn--bcher-kva.example"}) == by


def test_the_nearest_block_is_named(suppressions: Suppressions) -> None:
    suppressions.block_domain("example.com")
    suppressions.block_domain("mail.example.com", note="their old server")
    block = suppressions.block_of("a@x.mail.example.com")
    assert block is not None and (block.domain, block.note) == ("mail.example.com", "their old server")


def test_a_domain_is_blocked_once_and_freed_by_its_own_name(suppressions: Suppressions) -> None:
    assert suppressions.block_domain("@Example.com", "dashboard", "a competitor")
    assert not suppressions.block_domain("example.com", "command line", "again")
    [block] = suppressions.domains()
    assert (block.domain, block.source, block.note, block.created_at) == (
        "example.com",
        "dashboard",
        "a competitor",
        NOW,
    )
    assert not suppressions.unblock_domain("mail.example.com")
    assert suppressions.unblock_domain("EXAMPLE.com") and suppressions.domains() == ()
    for wrong in ("com", "not a domain", ""):
        with pytest.raises(ListError, match="is no domain"):
            suppressions.block_domain(wrong)
