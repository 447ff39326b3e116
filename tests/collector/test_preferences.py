"""The preference page over real HTTP: what it shows, what saving it does, and what it never does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from analytics.lists import Consents, Suppressions, Topics
from analytics.model.clock import SimulatedClock
from analytics.model.token import Signer
from analytics.store.tables import list_state
from analytics.tracking.control import apply_control
from tests.collector.conftest import NOW, Shop

READER = {"User-Agent": "Reader/1.0"}


class Page:
    """The preference page of a delivery as a browser has it: opened, boxes ticked or not, saved."""

    def __init__(self, client: httpx.Client, shop: Shop, number: int = 101) -> None:
        self.client, self.path = client, f"/p/{shop.token('p', number)}"
        answer = client.get(self.path, headers=READER)
        assert answer.status_code == 200, answer.text
        self.html = answer.text
        self.hidden = {
            name: unescape(value)
            for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.html)
        }
        self.boxes = {
            unescape(label): (value, "checked" in rest)
            for value, rest, label in re.findall(r'name="topic" value="(\d+)"([^>]*)><label[^>]*>([^<]*)<', self.html)
        }
        self.stopped = "checked" in re.search(r'name="stop"([^>]*)>', self.html)[1]  # type: ignore[index]

    @property
    def ticked(self) -> set[str]:
        return {label for label, (_, ticked) in self.boxes.items() if ticked}

    def save(self, ticked: set[str] | None = None, stop: bool | None = None, **more: Any) -> httpx.Response:
        wanted = self.ticked if ticked is None else ticked
        form: dict[str, Any] = {**self.hidden, "topic": [self.boxes[label][0] for label in wanted]}
        if self.stopped if stop is None else stop:
            form["stop"] = "1"
        return self.client.post(self.path, data=form | more, headers=READER, timeout=30)


@pytest.fixture
def topics(shop: Shop) -> Topics:
    topics = Topics(shop.store)
    topics.create("News & views", "opt_out", "Once a <month>")
    topics.create("Offers", "opt_in")
    return topics


def said(shop: Shop, address: str = "c101@example.com") -> list[tuple[str | None, bool]]:
    """Return what an address said, oldest first."""
    log = Consents(shop.store, Topics(shop.store)).log(address)
    return [(one.topic, one.granted) for one in reversed(log)]


def control(shop: Shop) -> bytes:
    """Return every control line there is."""
    return b"".join(path.read_bytes() for path in shop.store.spool.files("control"))


def repeat(shop: Shop, lines: bytes) -> None:
    """Let control lines come again, as those of a collector whose file was read late."""
    first = next(iter(shop.store.spool.files("control")))
    with first.with_name(re.sub(r"-\d+(?=-\d+\.)", "-9999", first.name)).open("wb") as file:
        file.write(lines)
    assert apply_control(shop.store) >= lines.count(b"\n")


def test_the_page_shows_where_the_address_stands_and_reading_it_changes_nothing(
    shop: Shop, client: httpx.Client, topics: Topics
) -> None:
    page = Page(client, shop)
    assert page.boxes == {"News & views": ("1", True), "Offers": ("2", False)} and not page.stopped
    assert (
        "Shop &amp; &lt;Söhne&gt;" in page.html and "Once a &lt;month&gt;" in page.html and "<month>" not in page.html
    )
    assert "example.com" not in page.html  # a forwarded mail shows nobody's address
    assert client.head(page.path).status_code == 200 and client.get(f"{page.path}?stop=1&topic=2").status_code == 200
    assert (said(shop), shop.suppressed(), shop.hits("control")) == ([], {}, [])
    assert [(hit["e"], hit["m"], hit["d"]) for hit in shop.hits()] == [
        ("p", "GET", 101), ("p", "HEAD", 101), ("p", "GET", 101)
    ]  # fmt: skip


def test_it_needs_no_script_and_is_told_in_labels(shop: Shop, client: httpx.Client, topics: Topics) -> None:
    answer = client.get(f"/p/{shop.token('p')}")
    assert "<script" not in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer" and "no-store" in answer.headers["cache-control"]
    assert "noindex" in answer.headers["x-robots-tag"] and "set-cookie" not in answer.headers
    assert '<html lang="en">' in answer.text and "<legend>" in answer.text
    ids = set(re.findall(r' id="([^"]+)"', answer.text))
    assert set(re.findall(r'<label for="([^"]+)"', answer.text)) == {"topic-1", "topic-2", "stop"}
    assert set(re.findall(r'(?:for|aria-describedby)="([^"]+)"', answer.text)) <= ids


def test_what_was_changed_is_kept_with_the_words_that_were_shown(
    shop: Shop, client: httpx.Client, topics: Topics
) -> None:
    answer = Page(client, shop).save({"Offers"})
    assert answer.status_code == 200 and "Your choice is kept" in answer.text
    assert "Yes: Offers" in answer.text and "No: News &amp; views: Once a &lt;month&gt;" in answer.text
    offers, news = sorted(
        Consents(shop.store, topics).log("c101@example.com"), key=lambda one: one.topic_id, reverse=True
    )
    question = "Which mails would you like to get from Shop & <Söhne>?"
    assert (offers.granted, offers.wording) == (True, f"{question} Offers")
    assert (news.granted, news.wording) == (False, f"{question} News & views: Once a <month>")
    for one in (offers, news):
        assert (one.source, one.client_address, one.user_agent) == ("preference page", "127.0.0.1", "Reader/1.0")
        assert (one.delivery_id, one.at) == (101, NOW)
    assert Page(client, shop).ticked == {"Offers"}
    assert Page(client, shop, 102).ticked == {"News & views"}, "another address is another person"


def test_a_reader_who_changes_nothing_says_nothing_and_loses_nothing(
    shop: Shop, client: httpx.Client, topics: Topics
) -> None:
    for _ in range(2):
        assert Page(client, shop).save().status_code == 200
    assert (said(shop), shop.suppressed(), shop.unsubscribed()) == ([], {}, set())
    assert Page(client, shop).ticked == {"News & views"}


def test_no_marketing_mail_at_all_and_back_again(
    shop: Shop, client: httpx.Client, topics: Topics, clock: SimulatedClock
) -> None:
    answer = Page(client, shop).save({"Offers"}, stop=True)
    assert "sends no more marketing mail" in answer.text
    assert shop.suppressed() == {"c101@example.com": "preference page"} and shop.unsubscribed() == {"k101"}
    assert said(shop) == [(None, False)], "the topics stay as they were for who comes back"
    clock.advance(timedelta(minutes=1))
    page = Page(client, shop)
    assert page.stopped and page.ticked == {"News & views"}
    page.save()  # nothing changed: still stopped
    assert shop.suppressed() and said(shop) == [(None, False)]
    clock.advance(timedelta(minutes=1))
    Page(client, shop).save(stop=False)
    assert (shop.suppressed(), shop.unsubscribed()) == ({}, set())
    back, left = Consents(shop.store, topics).log("c101@example.com")
    assert (back.topic, back.granted, back.at) == (None, True, NOW + timedelta(minutes=2))
    assert back.wording == f"{left.wording}: taken back" == "No marketing mail from Shop & <Söhne> at all: taken back"
    repeat(shop, control(shop))
    assert (shop.suppressed(), shop.unsubscribed(), said(shop)) == ({}, set(), [(None, False), (None, True)])


def test_a_page_left_open_since_it_was_stopped_stops_again(
    shop: Shop, client: httpx.Client, clock: SimulatedClock
) -> None:
    suppressions = Suppressions(shop.store)
    Page(client, shop).save(stop=True)
    clock.advance(timedelta(minutes=1))
    left_open, other = Page(client, shop), Page(client, shop)
    other.save(stop=False)
    assert suppressions.reasons(["c101@example.com"]) == {}
    clock.advance(timedelta(minutes=1))
    assert "sends no more marketing mail" in left_open.save().text
    assert suppressions.reasons(["c101@example.com"]) == {"c101@example.com": "unsubscribed"}
    whole = [(None, False), (None, True), (None, False)]
    assert said(shop) == whole
    repeat(shop, control(shop))
    assert said(shop) == whole and suppressions.reasons(["c101@example.com"])


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "manual"])
def test_coming_back_never_ends_another_suppression(
    shop: Shop, client: httpx.Client, clock: SimulatedClock, reason: str
) -> None:
    suppressions = Suppressions(shop.store)
    suppressions.add("c101@example.com", reason, "test")
    suppressions.add("c101@example.com", "unsubscribed", "test")
    clock.advance(timedelta(minutes=1))
    page = Page(client, shop)
    assert page.stopped and ('class="note"' in page.html) == (reason != "manual")
    page.save(stop=False)
    assert [s.reason for s in suppressions.all("c101@example.com")] == [reason]


def test_coming_back_ends_the_unsubscribe_of_every_list_the_address_is_on(
    shop: Shop, client: httpx.Client, clock: SimulatedClock
) -> None:
    client.post(f"/u/{shop.token('u', 102)}")
    with shop.store.state.write() as connection:  # another's mark on the same list stays
        connection.execute(
            list_state.insert().values(list_id=5, entity_key="k9", unsubscribed_at=NOW, contacted_times=0)
        )
    clock.advance(timedelta(minutes=1))
    Page(client, shop, 102).save(stop=False)
    assert shop.unsubscribed() == {"k9"} and shop.states()[102] == "unsubscribed"


def test_a_wish_is_taken_while_the_state_is_locked_and_carried_out_later(
    shop: Shop, client: httpx.Client, topics: Topics
) -> None:
    page, other = Page(client, shop), Page(client, shop, 102)
    with shop.store.state.write():  # somebody holds the database
        assert page.save({"Offers"}).status_code == 200
        assert other.save(stop=True).status_code == 200
    assert [(line["d"], line["kind"]) for line in shop.hits("control")] == [(101, "preferences"), (102, "preferences")]
    apply_control(shop.store)
    assert sorted(said(shop), key=str) == [("News & views", False), ("Offers", True)]
    assert shop.suppressed() == {"c102@example.com": "preference page"}
    repeat(shop, control(shop))
    assert len(said(shop)) == 2 and apply_control(shop.store) == 0


def test_an_older_wish_that_comes_late_does_not_undo_a_newer_one(
    shop: Shop, client: httpx.Client, topics: Topics, clock: SimulatedClock
) -> None:
    """Saved while the state was away, then again when it was back: the second holds, though the first comes after."""
    page = Page(client, shop)
    page.save({"Offers"})
    late = control(shop)
    clock.advance(timedelta(minutes=1))
    Page(client, shop).save(set())
    clock.advance(timedelta(minutes=1))
    Page(client, shop).save({"News & views"})
    repeat(shop, late)
    assert Page(client, shop).ticked == {"News & views"}


def test_a_form_we_did_not_give_away_changes_nothing(shop: Shop, client: httpx.Client, topics: Topics) -> None:
    page, other = Page(client, shop), Page(client, shop, 102)
    words = json.loads(page.hidden["shown"])
    words[2][0][1] = "I want everything"
    stranger = Signer(shop.signer._key_id, b"x" * 32)
    for forged in (
        {"shown": json.dumps(words)},
        {"seal": stranger.seal(f"preferences 101 {page.hidden['shown']}")},
        {"seal": other.hidden["seal"]},  # another reader's form
        {"seal": "ü"},
        {"seal": ""},
    ):
        answer = page.save({"Offers"}, **forged)
        assert answer.status_code == 400 and "nothing was changed" in answer.text
    for body in (b"", b"stop=1", b"\xff\xfe", b"&" * 6000):
        assert client.post(page.path, content=body).status_code == 400
    assert (said(shop), shop.suppressed(), shop.hits("control")) == ([], {}, [])


def test_a_forged_or_foreign_token_is_a_plain_404(shop: Shop, client: httpx.Client) -> None:
    good = shop.token("p")
    for text in (good[:-1] + ("A" if good[-1] != "A" else "B"), shop.token("u"), shop.token("c", 101, 1), "x", ""):
        for method in ("GET", "POST"):
            answer = client.request(method, f"/p/{text}", data={"stop": "1"} if method == "POST" else None)
            assert answer.status_code == 404 and "Nothing here" in answer.text
    assert client.get(f"/p/{shop.token('p', 4711)}").status_code == 404, "a delivery that is no more"
    assert (shop.suppressed(), shop.hits("control")) == ({}, [])


def test_a_retired_key_still_saves_its_form(shop: Shop, client: httpx.Client, topics: Topics) -> None:
    page = Page(client, shop)
    shop.store.keys.rotate()
    assert page.save({"Offers"}).status_code == 200
    assert ("Offers", True) in said(shop)


def test_a_topic_that_was_deleted_meanwhile_is_passed_over(shop: Shop, client: httpx.Client, topics: Topics) -> None:
    page = Page(client, shop)
    topics.delete("Offers")
    assert page.save({"Offers"}).status_code == 200
    assert said(shop) == [("News & views", False)]


def test_without_topics_the_page_still_ends_all_mail(shop: Shop, client: httpx.Client) -> None:
    page = Page(client, shop)
    assert page.boxes == {} and "<fieldset>" not in page.html
    page.save(stop=True)
    assert shop.suppressed() == {"c101@example.com": "preference page"}


def test_the_unsubscribe_page_leads_to_the_choice(shop: Shop, client: httpx.Client) -> None:
    page = client.get(f"/u/{shop.token('u', 102)}")
    [link] = re.findall(r'href="\.\./p/([\w-]+)"', page.text)
    assert link == shop.token("p", 102)


def test_the_page_is_away_while_the_state_is(shop: Shop, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shop.store.state.file
    assert file is not None
    shop.store.state.close()
    file.rename(file.with_name("aside"))
    try:
        file.mkdir()
        answer = client.get(f"/p/{shop.token('p')}", timeout=30)
        assert answer.status_code == 503 and "retry-after" in answer.headers
    finally:
        file.rmdir()
        file.with_name("aside").rename(file)
