"""What a request's parameters become, in every form clients send them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.model.token import Signer
from analytics.store import Store
from analytics.tracking import ingest
from tests.tracking.lines import NOW, events, hit, spool

URL = "https://shop.example.com/p?a=1"


def one(store: Store, query: str = "", **fields: object) -> dict[str, object]:
    spool(store, [hit(1, "matomo", query, **fields)])
    report = ingest(store)
    assert (report.lines, report.quarantined) == (1, 0)
    (event,) = events(store)
    return event


def test_a_page_view_keeps_what_was_sent(store: Store) -> None:
    event = one(
        store,
        "idsite=7&rec=1&r=123&url=https%3A%2F%2Fshop.example.com%2Fp%3Fa%3D1&urlref=https%3A%2F%2Fexample.org%2F"
        "&action_name=Sch%C3%B6ne+Dinge%20%26%20mehr&_id=6C4D10B90E5BCF12&res=800x600&dimension1=a%22b%5Cc%0A&h=7",
    )
    assert event["kind"] == "page_view"
    assert event["website"] == "7"
    assert event["url"] == URL
    assert event["referrer"] == "https://example.org/"
    assert event["title"] == "Schöne Dinge & mehr"
    assert event["visitor"] == "6c4d10b90e5bcf12"
    assert event["parameters"] == {"res": "800x600", "dimension1": 'a"b\\c\n', "h": "7", "lang": "en-US,en;q=0.9"}
    assert event["received_at"] == event["occurred_at"] == NOW
    assert event["endpoint"] == "matomo" and event["method"] == "GET"
    assert event["event_id"] == str(__import__("uuid").uuid5(__import__("uuid").UUID(hit(1, "matomo")["id"]), "0"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("e_c=Shop&e_a=Add&e_n=Widget&e_v=9.99", ("event", "Shop", "Add", "Widget", 9.99)),
        ("ca=1", ("event", None, None, None, None)),
        ("search=red+shoes&search_cat=Shoes&search_count=3", ("search", "Shoes", None, "red shoes", 3.0)),
        ("download=https%3A%2F%2Fx.example.com%2Fa.pdf", ("download", None, None, "https://x.example.com/a.pdf", None)),
        ("link=https%3A%2F%2Fx.example.com", ("outlink", None, None, "https://x.example.com", None)),
        ("c_n=Banner", ("content", None, "impression", "Banner", None)),
        ("c_n=Banner&c_i=click", ("content", None, "click", "Banner", None)),
        ("idgoal=3", ("goal", None, None, "3", None)),
        ("ping=1", ("ping", None, None, None, None)),
        ("ping=0", ("page_view", None, None, None, None)),
    ],
)
def test_kinds(store: Store, query: str, expected: tuple[object, ...]) -> None:
    event = one(store, f"idsite=7&url={quote(URL, safe='')}&{query}")
    assert tuple(event.get(name) for name in ("kind", "category", "action", "name", "value")) == expected


def test_an_order_and_a_cart(store: Store) -> None:
    items = '[["SKU-1","Blue widget","Widgets",9.99,2]]'
    shared = {"idsite": "shop-eu", "rec": "1", "idgoal": "0", "ec_items": items, "revenue": "24.97"}
    spool(
        store, [hit(1, "oro", urlencode({**shared, "ec_id": "ORD-1", "ec_tx": "3"})), hit(2, "oro", urlencode(shared))]
    )
    ingest(store)
    order, cart = sorted(events(store), key=lambda event: str(event["kind"]), reverse=True)
    assert order["kind"] == "order" and order["order_number"] == "ORD-1"
    assert order["revenue"] == Decimal("24.9700") and json.loads(order["items"])[0][0] == "SKU-1"
    assert order["parameters"]["ec_tx"] == "3"
    assert cart["kind"] == "cart" and "order_number" not in cart


def test_values_that_do_not_fit_are_kept_as_sent(store: Store) -> None:
    event = one(
        store, "idsite=7&idgoal=0&ec_id=1&revenue=12%2C50+EUR&e_v=inf&ec_items=%5B1&_id=zz&cdt=yesterday&currency=Euro"
    )
    kept = {"revenue": "12,50 EUR", "e_v": "inf", "ec_items": "[1", "_id": "zz", "cdt": "yesterday", "currency": "Euro"}
    assert {name: event["parameters"][name] for name in kept} == kept
    assert not {"revenue", "value", "items", "visitor", "currency"} & event.keys()


@pytest.mark.parametrize(
    ("sent", "believed"),
    [
        (NOW - timedelta(hours=2), True),
        (NOW - timedelta(hours=25), False),
        (NOW + timedelta(hours=1), False),
    ],
)
@pytest.mark.parametrize("form", ["seconds", "text"])
def test_a_clients_own_time_is_believed_for_a_day(store: Store, sent: object, believed: bool, form: str) -> None:
    text = str(int(sent.timestamp())) if form == "seconds" else f"{sent:%Y-%m-%d %H:%M:%S}"  # type: ignore[attr-defined]
    event = one(store, f"idsite=7&cdt={quote(text)}")
    assert event["occurred_at"] == (sent if believed else NOW)
    assert ("cdt" in event["parameters"]) is not believed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_rcn=Spring-Sale&_rck=Shoes", ("spring-sale", "Shoes")),
        ("_rcn=winback%252F%25C3%25A4", ("winback/ä", None)),
        ("url=" + quote("https://s.example.com/?utm_source=n&utm_medium=email&utm_campaign=Spring&utm_term=w", safe=""),
         ("spring", "w")),
        ("url=" + quote("https://s.example.com/?pk_campaign=a%2526b&pk_kwd=k", safe=""), ("a&b", "k")),
        ("url=" + quote("https://s.example.com/#mtm_campaign=frag", safe=""), ("frag", None)),
        ("url=" + quote("https://s.example.com/?utm_source=google", safe=""), ("google", None)),
        ("url=" + quote("https://s.example.com/?utm_campaign=own&matomo_campaign=first", safe=""), ("first", None)),
        ("url=" + quote("https://s.example.com/?campaign=none", safe=""), (None, None)),
        ("_rcn=cookie&url=" + quote("https://s.example.com/?utm_campaign=page", safe=""), ("cookie", None)),
    ],
)  # fmt: skip
def test_campaigns(store: Store, query: str, expected: tuple[object, object]) -> None:
    event = one(store, f"idsite=7&{query}")
    assert (event.get("campaign_code"), event.get("campaign_keyword")) == expected


def test_source_medium_and_content_come_from_the_page_address(store: Store) -> None:
    address = "https://s.example.com/?utm_source=news&utm_medium=email&utm_campaign=c&utm_content=12"
    event = one(store, "idsite=7&url=" + quote(address, safe=""))
    found = (event["campaign_source"], event["campaign_medium"], event["campaign_content"])
    assert found == ("news", "email", "12")


def test_without_an_address_the_referrer_is_the_page(store: Store) -> None:
    assert one(store, "idsite=7", ref=URL)["url"] == URL


FORMS = {
    "query": {"q": "idsite=7&url=u&action_name=T&e_c=C", "m": "GET"},
    "post with query": {"q": "idsite=7&url=u&action_name=T&e_c=C", "m": "POST"},
    "form body": {"q": "", "b": "idsite=7&url=u&action_name=T&e_c=C\r\n", "m": "POST"},
    "body over query": {"q": "idsite=8&url=u&action_name=X", "b": "idsite=7&action_name=T&e_c=C", "m": "POST"},
    "bulk of text": {"q": "", "b": '{"requests":["?idsite=7&url=u&action_name=T&e_c=C"]}', "m": "POST"},
    "bulk of objects": {
        "q": "",
        "b": '{"requests":[{"idsite":7,"url":"u","action_name":"T","e_c":"C"}],"token_auth":"secret"}',
        "m": "POST",
    },
    "binary body": {"q": "", "b64": base64.b64encode(b"idsite=7&url=u&action_name=T&e_c=C").decode(), "m": "POST"},
    "doubled": {"q": "idsite=8&idsite=7&url=u&action_name=T&e_c=C", "m": "GET"},
    "encoded names": {"q": "idsite=7&url=u&action%5Fname=T&e%5Fc=C", "m": "GET"},
    "empty parts": {"q": "&&idsite=7&url=u&&action_name=T&e_c=C&", "m": "GET"},
    "question mark": {"q": "?idsite=7&url=u&action_name=T&e_c=C", "m": "GET"},
}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_a_request_gives_the_same_event(store: Store, form: str) -> None:
    event = one(store, FORMS[form]["q"], **{k: v for k, v in FORMS[form].items() if k != "q"})
    assert (event["website"], event["url"], event["title"], event["category"]) == ("7", "u", "T", "C")
    assert event["parameters"] == {"lang": "en-US,en;q=0.9"}


def test_requests_of_a_bulk_are_events_of_their_own(store: Store) -> None:
    body = json.dumps(
        {"requests": ["?idsite=7&url=a", 5, {"idsite": 7, "url": "b", "cvar": {"1": ["x", "y"]}}, "?url=c"]}
    )
    spool(store, [hit(1, "matomo", "", b=body, m="POST")])
    report = ingest(store)
    assert (report.lines, report.events, report.quarantined) == (1, 2, 2)
    assert {event["url"] for event in events(store)} == {"a", "b"}
    assert len({event["event_id"] for event in events(store)}) == 2


@pytest.mark.parametrize(
    "query",
    [
        "idsite=7&action_name=%FC",  # windows-1252
        "idsite=7&action_name=%C3%BC%00",
        'idsite=7&action_name=ü"\\',
        "idsite=7&action_name=a%zz%",
        "idsite=7&url=http://x.example.com/?a=b=c&left=over=here",
        "idsite=7&action_name=" + "x" * 100_000,
        "idsite=7&a%5B%5D=1&a%5B%5D=2",
        "idsite=7&\ud83d=1&action_name=\ud800",
        "idsite=7&action_name=%ED%A0%80",
    ],
)
def test_hostile_text_stays_text(store: Store, query: str) -> None:
    event = one(store, query)
    assert event["website"] == "7"
    assert "\x00" not in str(event)


def test_windows_1252_is_understood(store: Store) -> None:
    assert one(store, "idsite=7&action_name=Sch%F6n")["title"] == "Schön"


def test_a_landing_token_ties_the_hit_to_its_delivery(sent: Store) -> None:
    token = Signer(*sent.keys.signing()).sign("l", 104)
    forged = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    wrong = Signer(*sent.keys.signing()).sign("c", 104)
    spool(sent, [
        hit(n, "matomo", "idsite=7&url=" + quote(f"https://s.example.com/?utm_campaign=c&sdk={t}&z=1", safe=""))
        for n, t in enumerate((token, forged, wrong, "short"))
    ])  # fmt: skip
    ingest(sent)
    found = [e for e in events(sent) if "delivery_id" in e]
    assert [(e["delivery_id"], e["sending_id"], e["email_campaign_id"], e["person"]) for e in found] == [
        (104, 1, 1, "c104@example.com")
    ]
    assert {e["campaign_code"] for e in events(sent)} == {"c"}


def test_mail_events_know_their_sending_and_person(sent: Store) -> None:
    spool(sent, [
        hit(1, "o", d=101), hit(2, "c", d=102, n=3, ref="https://mail.example.com/"), hit(3, "u", d=103, m="POST"),
        hit(4, "u", d=103, m="GET"), hit(5, "c", d=999, n=1),
    ])  # fmt: skip
    ingest(sent)
    found = {
        (e["kind"], e["delivery_id"], e.get("sending_id"), e.get("person"), e.get("link_number")) for e in events(sent)
    }
    assert found == {
        ("open", 101, 1, "c101@example.com", None),
        ("click", 102, 1, "c102@example.com", 3),
        ("unsubscribe", 103, 1, "c103@example.com", None),
        ("view", 103, 1, "c103@example.com", None),
        ("click", 999, None, None, 1),
    }


_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
_VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=6), min_size=1, max_size=20))
def test_parameters_come_back_as_they_were_sent(
    tmp_path_factory: pytest.TempPathFactory, sent: list[dict[str, str]]
) -> None:
    known = {"idsite", "url", "rec", "r", "rand", "send_image", "token_auth", "lang"}
    plain = [{f"x{name}": value for name, value in each.items() if f"x{name}" not in known} for each in sent]
    with Store.create(tmp_path_factory.mktemp("w") / "w") as store:
        spool(store, [
            hit(n, "matomo", urlencode({"idsite": "7", **values}), al=None, after=n) for n, values in enumerate(plain)
        ])  # fmt: skip
        ingest(store)
        assert [event.get("parameters", {}) for event in events(store)] == plain
