"""Opens, clicks and unsubscribes over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from analytics.collector.answers import PIXEL
from analytics.model.clock import SimulatedClock
from analytics.model.token import Signer, Verifier
from analytics.store.tables import link, sending
from analytics.tracking.control import apply_control
from tests.collector.conftest import NOW, Shop

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_an_open_is_answered_with_a_pixel_and_kept(shop: Shop, client: httpx.Client) -> None:
    headers = {"User-Agent": "Reader/1.0", "Referer": "https://mail.example/", "Accept-Language": "de"}
    answer = client.get(f"/o/{shop.token('o', 102)}.gif", headers=headers)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/gif", PIXEL)
    assert "no-store" in answer.headers["cache-control"] and "date" in answer.headers
    [hit] = shop.hits()
    assert len(hit.pop("id")) == 32
    assert hit == {
        "at": int(NOW.timestamp() * 1_000_000),
        "e": "o",
        "m": "GET",
        "p": f"/o/{shop.token('o', 102)}.gif",
        "q": "",
        "ip": "127.0.0.1",
        "ua": "Reader/1.0",
        "ref": "https://mail.example/",
        "al": "de",
        "d": 102,
    }


def test_a_click_leads_to_the_stored_target_with_the_campaigns_marks(shop: Shop, client: httpx.Client) -> None:
    answer = client.get(f"/c/{shop.token('c', 101, 1)}")
    target = urlsplit(answer.headers["location"])
    marks = parse_qs(target.query)
    assert answer.status_code == 302 and answer.content == b""
    assert (target.scheme, target.netloc, target.path, target.fragment) == ("https", "shop.example", "/sale", "top")
    assert (marks["colour"], marks["utm_campaign"], marks["utm_content"]) == (["blue"], ["spring-26"], ["8"])
    landing = Verifier(shop.store.keys.secrets()).verify(marks["sdk"][0], "l")
    assert landing is not None and landing.delivery_id == 101
    assert [(hit["e"], hit["d"], hit["n"]) for hit in shop.hits()] == [("c", 101, 1)]


def test_a_personal_link_leads_each_to_their_own_target(shop: Shop, client: httpx.Client) -> None:
    for number in shop.deliveries:
        location = client.get(f"/c/{shop.token('c', number, 2)}").headers["location"]
        assert location.startswith(f"https://shop.example/basket/{number}?q=Gr%C3%BC%C3%9Fe&")


def test_a_landing_token_opens_nothing(shop: Shop, client: httpx.Client) -> None:
    for path in ("/c/{}", "/u/{}", "/p/{}", "/o/{}.gif", "/l/{}"):
        assert client.get(path.format(shop.token("l", 101, 1))).status_code == 404
    assert shop.hits() == []


def test_head_answers_as_get_does_without_a_body_and_is_told_apart(shop: Shop, client: httpx.Client) -> None:
    for path in (f"/o/{shop.token('o')}.gif", f"/c/{shop.token('c', 101, 1)}", f"/u/{shop.token('u')}", "/robots.txt"):
        got, head = client.get(path), client.head(path)
        assert head.content == b"" and head.status_code == got.status_code
        for name in ("content-length", "content-type", "location"):
            assert head.headers.get(name) == got.headers.get(name)
    assert [hit["m"] for hit in shop.hits()] == ["GET", "HEAD"] * 3


READS, POSTS = {"GET", "HEAD"}, {"GET", "HEAD", "POST"}
TRACKS = POSTS | {"OPTIONS"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/o/{o}.gif", READS), ("/c/{c}", READS), ("/u/{u}", POSTS), ("/p/{p}", POSTS),
        ("/matomo.php?idsite=1", TRACKS),
        ("/piwik.php?idsite=1", TRACKS), ("/tracking.php?idsite=1", TRACKS), ("/matomo.js", READS),
        ("/piwik.js", READS), ("/healthz", READS), ("/robots.txt", READS),
    ],
)  # fmt: skip
def test_each_address_takes_its_methods_and_no_other(
    path: str, allowed: set[str], shop: Shop, client: httpx.Client
) -> None:
    address = path.format(o=shop.token("o"), c=shop.token("c", 101, 1), u=shop.token("u"), p=shop.token("p"))
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        kept = len(shop.hits())
        answer = client.request(method, address)
        if method in allowed:
            nothing_sent = method == "POST" and path.startswith("/p/")
            assert answer.status_code in ((400,) if nothing_sent else (200, 204, 302)), method
        else:
            assert answer.status_code == 405, method
            assert set(answer.headers["allow"].split(", ")) == allowed
            assert len(shop.hits()) == kept


def test_reading_the_unsubscribe_page_unsubscribes_nobody(shop: Shop, client: httpx.Client) -> None:
    path = f"/u/{shop.token('u')}"
    for query in ("", "?List-Unsubscribe=One-Click", "?_method=POST"):
        page = client.get(path + query)
        assert page.status_code == 200 and '<form method="post">' in page.text
        client.head(path + query)
    client.get(path, headers={"X-HTTP-Method-Override": "POST"})
    assert "Shop &amp; &lt;Söhne&gt;" in page.text and "<Söhne>" not in page.text
    assert "example.com" not in page.text  # a forwarded mail shows nobody's address
    assert "script" not in page.text and "default-src 'none'" in page.headers["content-security-policy"]
    assert (shop.suppressed(), shop.unsubscribed(), shop.hits("control")) == ({}, set(), [])


def test_one_click_unsubscribes_at_once(shop: Shop, client: httpx.Client) -> None:
    for _ in range(2):  # mail clients repeat it
        answer = client.post(f"/u/{shop.token('u', 102)}", data=ONE_CLICK)
        assert answer.status_code == 200 and "You are unsubscribed" in answer.text
    assert shop.suppressed() == {"c102@example.com": "one-click"}
    assert shop.unsubscribed() == {"k102"}
    assert shop.states() == {101: "accepted", 102: "unsubscribed", 103: "accepted"}
    controls = shop.hits("control")
    assert [(c["kind"], c["d"], c["source"]) for c in controls] == [("unsubscribe", 102, "one-click")] * 2
    assert len({c["id"] for c in controls}) == 2 and controls[0]["at"] == int(NOW.timestamp() * 1_000_000)
    assert [(hit["e"], hit["m"], hit["d"]) for hit in shop.hits()] == [("u", "POST", 102)] * 2


def test_one_click_may_come_as_a_multipart_form(shop: Shop, client: httpx.Client) -> None:
    client.post(f"/u/{shop.token('u')}", files={"List-Unsubscribe": (None, "One-Click")})
    assert shop.suppressed() == {"c101@example.com": "one-click"}


def test_the_button_of_the_page_unsubscribes(shop: Shop, client: httpx.Client) -> None:
    assert client.post(f"/u/{shop.token('u', 103)}").status_code == 200
    assert shop.suppressed() == {"c103@example.com": "unsubscribe page"}


def test_an_unsubscribe_is_taken_while_the_state_is_locked(shop: Shop, client: httpx.Client) -> None:
    with shop.store.state.write():  # somebody holds the database
        answer = client.post(f"/u/{shop.token('u')}", data=ONE_CLICK, timeout=30)
    assert answer.status_code == 200 and "You are unsubscribed" in answer.text
    assert [line["d"] for line in shop.hits("control")] == [101]
    apply_control(shop.store)  # as every sender does before each lease
    assert shop.suppressed() == {"c101@example.com": "one-click"} and shop.unsubscribed() == {"k101"}


def test_pixels_known_links_and_unsubscribes_need_no_state(shop: Shop, client: httpx.Client) -> None:
    client.get(f"/c/{shop.token('c', 101, 1)}")
    client.get(f"/c/{shop.token('c', 102, 2)}")
    with _state_away(shop):
        assert client.get(f"/o/{shop.token('o')}.gif").status_code == 200
        assert client.get(f"/c/{shop.token('c', 103, 1)}").status_code == 302  # constant: known from 101
        assert client.get(f"/c/{shop.token('c', 102, 2)}").status_code == 302
        assert client.post(f"/u/{shop.token('u')}", data=ONE_CLICK).status_code == 200
        unknown = client.get(f"/c/{shop.token('c', 103, 2)}")
        assert unknown.status_code == 503 and "try it again" in unknown.text
    assert client.get(f"/c/{shop.token('c', 103, 2)}").status_code == 302
    assert [(hit["e"], hit["d"]) for hit in shop.hits()[2:]] == [
        ("o", 101), ("c", 103), ("c", 102), ("u", 101), ("c", 103), ("c", 103),
    ]  # fmt: skip


@contextlib.contextmanager
def _state_away(shop: Shop) -> Iterator[None]:
    file = shop.store.folder.state_file
    shop.store.state.close()
    aside = [(part, part.with_name("aside-" + part.name)) for part in sorted(file.parent.glob("state.db*"))]
    for part, away in aside:
        part.rename(away)
    file.mkdir()
    try:
        yield
    finally:
        shop.store.state.close()
        file.rmdir()
        for part, away in aside:
            away.rename(part)


def test_a_key_made_after_the_start_verifies(shop: Shop, client: httpx.Client) -> None:
    old = shop.token("o")
    assert client.get(f"/o/{old}.gif").status_code == 200
    shop.store.keys.rotate()
    new = Signer(*shop.store.keys.signing()).sign("o", 101)
    assert client.get(f"/o/{new}.gif").status_code == 200
    assert client.get(f"/o/{old}.gif").status_code == 200


def test_no_parameter_and_no_header_moves_the_target(shop: Shop, client: httpx.Client) -> None:
    token = shop.token("c", 101, 1)
    for query in ("?url=https://evil.example", "?u=//evil.example", "?next=%2f%2fevil.example"):
        headers = {"X-Forwarded-Host": "evil.example", "Host": "evil.example", "X-Original-URL": "/c/https://evil"}
        answer = client.get(f"/c/{token}{query}", headers=headers)
        assert urlsplit(answer.headers["location"]).netloc == "shop.example"
    for path in ("/c/https://evil.example", "/c//evil.example", "/c/..%2f..%2f", f"/c/{token}/https://evil.example"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/",
        "file:///etc/passwd",
        "mailto:a@example.com",
        "",
        "https://",
    ],
)
def test_only_a_web_address_is_led_to(target: str, shop: Shop, client: httpx.Client) -> None:
    with shop.store.state.write() as connection:
        connection.execute(link.insert().values(sending_id=8, delivery_id=0, number=9, url=target))
    assert client.get(f"/c/{shop.token('c', 101, 9)}").status_code == 404


def test_a_target_cannot_split_the_answer(shop: Shop, client: httpx.Client) -> None:
    target = "https://shop.example/a\r\nSet-Cookie: x=1\r\n\r\n<script>\x00 é"
    with shop.store.state.write() as connection:
        connection.execute(link.insert().values(sending_id=8, delivery_id=0, number=9, url=target))
    answer = client.get(f"/c/{shop.token('c', 101, 9)}")
    assert "set-cookie" not in answer.headers and answer.content == b""
    assert urlsplit(answer.headers["location"]).netloc == "shop.example"


def test_a_signed_token_without_link_or_sending_leads_nowhere(shop: Shop, client: httpx.Client) -> None:
    for token in (shop.token("c", 101, 77), shop.token("c", 9999, 1)):
        answer = client.get(f"/c/{token}")
        assert answer.status_code == 404 and "location" not in answer.headers
    assert client.post(f"/u/{shop.token('u', 9999)}").status_code == 200  # its rows may be gone; the wish is kept
    assert shop.suppressed() == {}


def test_a_link_written_after_the_sending_was_read_is_found(shop: Shop, client: httpx.Client) -> None:
    client.get(f"/c/{shop.token('c', 101, 1)}")
    with shop.store.state.write() as connection:
        connection.execute(link.insert().values(sending_id=8, delivery_id=0, number=3, url="https://shop.example/3"))
    assert client.get(f"/c/{shop.token('c', 101, 3)}").headers["location"].startswith("https://shop.example/3?")


def test_a_sending_without_campaign_code_adds_none(shop: Shop, client: httpx.Client) -> None:
    with shop.store.state.write() as connection:
        connection.execute(sending.update().values(settings={"campaign_code": None}))
    assert "utm_campaign" not in client.get(f"/c/{shop.token('c', 101, 1)}").headers["location"]


def test_forged_and_cut_tokens_are_refused_without_detail_and_not_kept(shop: Shop, client: httpx.Client) -> None:
    good = shop.token("c", 101, 1)
    other = Signer(1, b"another secret of thirty-two byte").sign("c", 101, 1)
    wrong = [good[:-1], good + "A", good[:-1] + ("A" if good[-1] != "A" else "B"), "", "x" * 5000, other]
    wrong += [shop.token("o"), good[:10] + "%00" + good[13:], good.lower(), "é" * 40, good + "%0a"]
    pages = {client.get(f"/c/{token}").text for token in wrong}
    assert all(client.get(f"/c/{token}").status_code == 404 for token in wrong)
    assert len(pages) == 1  # the same page for all: it says nothing about what was wrong
    assert shop.hits() == []


def test_a_token_with_needless_percent_escapes_is_read(shop: Shop, client: httpx.Client) -> None:
    token = "".join(f"%{ord(letter):02X}" for letter in shop.token("o"))
    assert client.get(f"/o/{token}.gif").status_code == 200


def test_lines_carry_the_workspaces_time(shop: Shop, client: httpx.Client, clock: SimulatedClock) -> None:
    client.get(f"/o/{shop.token('o')}.gif")
    clock.move_to(NOW.replace(hour=18))
    client.get(f"/o/{shop.token('o')}.gif")
    first, second = shop.hits()
    assert second["at"] - first["at"] == 6 * 3600 * 1_000_000
    assert len(shop.store.spool.files("hits")) == 2  # the interval of the first file was over


def test_health_and_robots(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert "Disallow: /" in client.get("/robots.txt").text
    assert client.get("/").status_code == client.get("/favicon.ico").status_code == 404
