"""Which address a hit is noted under."""

from __future__ import annotations

import httpx
import pytest

from analytics.collector import background
from analytics.collector.client import client_addresses
from analytics.settings import Settings
from analytics.store import Store
from tests.collector.conftest import Shop

TRUSTED = ("127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # nobody we trust says so
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # 1.1.1.1 was written by the client
        ("127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),  # a client inside the own network
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("127.0.0.1", '"[2001:db8::5]"', "2001:db8::5"),
        ("127.0.0.1", "2001:db8::5", "2001:db8::5"),
        ("127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::1", "203.0.113.9,", "::1"),  # the nearest entry is no address, so nothing behind it is believed
        ("127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, evil\x00, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "1" * 9000, "127.0.0.1"),
        (None, "203.0.113.9", None),
        ("", None, None),
    ],
)
def test_the_right_most_address_no_proxy_of_ours_has_is_the_client(
    peer: str | None, forwarded: str | None, client: str | None
) -> None:
    find = client_addresses(TRUSTED, 0)
    assert find(peer, None if forwarded is None else forwarded.encode()) == client


@pytest.mark.parametrize(
    ("anonymised", "ipv4", "ipv6"),
    [
        (0, "203.0.113.9", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"),
        (1, "203.0.113.0", "2001:db8:aaaa:bbbb::"),
        (2, "203.0.0.0", "2001:db8:aaaa::"),
        (3, "203.0.0.0", "2001:d00::"),
        (4, "0.0.0.0", "::"),
        (16, "0.0.0.0", "::"),
    ],
)
def test_bytes_of_both_families_are_hidden(anonymised: int, ipv4: str, ipv6: str) -> None:
    find = client_addresses((), anonymised)
    assert find("203.0.113.9", None) == ipv4
    assert find("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", None) == ipv6


def test_several_header_lines_count_as_one_list(shop: Shop, client: httpx.Client) -> None:
    headers = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.9"), ("x-forwarded-for", "127.0.0.1")]
    client.get("/matomo.php?a=1", headers=headers)
    assert shop.hits()[0]["ip"] == "203.0.113.9"


def test_settings_decide_whom_to_trust_and_what_to_keep(store_without_proxies: Store) -> None:
    with background(store_without_proxies) as url:
        httpx.get(f"{url}/matomo.php?a=1", headers={"X-Forwarded-For": "203.0.113.9"}, trust_env=False)
    [line] = store_without_proxies.spool.read(store_without_proxies.spool.files("hits")[0], 0)[0]
    assert b'"ip":"127.0.0.0"' in line


@pytest.fixture
def store_without_proxies(folder, clock):  # type: ignore[no-untyped-def]
    settings = Settings.of({"trusted_proxies": (), "anonymise_bytes": 1})
    with Store.create(folder, settings, clock) as store:
        yield store
