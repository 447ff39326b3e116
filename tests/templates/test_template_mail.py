"""Mails as bytes: parts, links, unsubscribe, headers nobody can inject into, the same bytes for the same arguments."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import pytest

from analytics.errors import TemplateError
from analytics.model.token import Token
from tests.templates.shop import BASE, DELIVERY, VERIFIER, compiled, parsed, plan, resolved, sent

LETTER = (
    "<html><body><p>Dear {{ entity.first_name | default('friend') }},</p>"
    "<a href=\"https://shop.example/a?x=1&amp;y=2\">one</a> <a href='https://shop.example/{{ entity.id }}'>two</a>"
    '<a href="{{ unsubscribe_url }}">go</a></body></html>'
)


def tokens(kind: str, body: str) -> list[str]:
    return re.findall(re.escape(f"{BASE}/{kind}/") + r"([\w-]{40})", body)


def test_every_web_link_is_tracked_under_a_number_of_its_own() -> None:
    made = plan(compiled(LETTER, text="See https://shop.example/a?x=1&y=2 and https://new.example/x."))
    mail = sent(made, {"id": "u1"})
    _, text, html = parsed(mail.message)
    assert [VERIFIER.verify(t, "c") for t in tokens("c", html)] == [Token("c", DELIVERY, n) for n in (1, 2)]
    assert [VERIFIER.verify(t, "c") for t in tokens("c", text)] == [Token("c", DELIVERY, n) for n in (1, 3)]
    assert made.constant_links == {1: "https://shop.example/a?x=1&y=2", 3: "https://new.example/x"}
    assert dict(mail.links) == {2: "https://shop.example/u1"}
    assert text.startswith(f"See {BASE}/c/") and text.split("\n")[0].endswith(".")


def test_numbers_do_not_depend_on_which_branch_a_recipient_gets() -> None:
    made = plan(
        compiled(
            "{% if entity.visits > 3 %}<a href='https://a.example/'>a</a>{% else %}<a href='https://b.example/'>b</a>"
            "{% endif %}<a href='https://c.example/'>c</a>"
        )
    )
    for visits, target in ((9, "https://a.example/"), (1, "https://b.example/"), (None, "https://b.example/")):
        _, _, html = parsed(sent(made, {"visits": visits}).message)
        assert re.findall("href=['\"](http[^'\"]*)", resolved(html, made.constant_links, {}))[:2] == [
            target,
            "https://c.example/",
        ]
    assert made.constant_links == {1: "https://a.example/", 2: "https://b.example/", 3: "https://c.example/"}


def test_what_is_no_web_link_stays_as_it_is() -> None:
    kept = [
        "mailto:ada@example.com",
        "tel:+4930123456",
        "#top",
        "*|UNSUB|*",
        "/relative",
        "javascript:void(0)",
        "ftp://x.example/",
        "",
    ]
    body = "".join(f'<a href="{address}">x</a>' for address in kept)
    body += (
        '<link href="https://fonts.example/css"><img src="https://img.example/a.png"><!-- <a href="https://no.example">'
    )
    body += ' --><style>a[href="https://css.example"]{}</style><p>https://bare.example</p>'
    made = plan(compiled(body))
    _, _, html = parsed(sent(made).message)
    assert html.startswith(body)
    assert made.constant_links == {}


def test_links_in_odd_markup_are_found() -> None:
    made = plan(
        compiled(
            "<A\n  title='a > b' HREF = 'HTTPS://One.example/'>1</A><a href=https://two.example/x>2</a>"
            '<area shape="rect" href="https://three.example/"><!--[if mso]><v:roundrect href="https://four.example/">'
            '</v:roundrect><![endif]--><!--[if !mso]><!--><a data-href="https://no.example"'
            ' href=" https://five.example/ ">'
            "5</a><!--<![endif]--><a class=x href='https://six.example/?a=1&b=2'>6</a>"
        )
    )
    assert made.constant_links == {
        1: "HTTPS://One.example/",
        2: "https://two.example/x",
        3: "https://three.example/",
        4: "https://four.example/",
        5: "https://five.example/",
        6: "https://six.example/?a=1&b=2",
    }


def test_a_value_that_is_a_web_address_is_tracked_and_any_other_is_left() -> None:
    made = plan(compiled('<a href="{{ entity.website }}">mine</a>'))
    tracked = sent(made, {"website": " https://ada.example/?a=1&b='2' "})
    assert dict(tracked.links) == {1: "https://ada.example/?a=1&b='2'"}
    for other in ("mailto:a@example.com", "", None, "ada.example", f"{BASE}/u/abc"):
        mail = sent(made, {"website": other})
        assert mail.links == {}
        assert tokens("c", parsed(mail.message)[2]) == []


def test_a_value_cannot_add_an_attribute_or_a_link() -> None:
    made = plan(compiled('<a href="https://x.example/{{ entity.id }}">a</a>'))
    mail = sent(made, {"id": '"><a href="https://evil.example">'})
    _, _, html = parsed(mail.message)
    assert html.count("<a ") == 2  # the link and the unsubscribe footer
    assert dict(mail.links) == {1: 'https://x.example/"><a href="https://evil.example">'}


def test_links_in_loops_get_a_number_for_each_turn() -> None:
    made = plan(
        compiled(
            "{% for n in range(3) %}<a href='https://x.example/{{ n }}'>{{ n }}</a>{% endfor %}<a href='http://y.example'>"
        )
    )
    mail = sent(made)
    assert made.constant_links == {1: "http://y.example"}
    assert dict(mail.links) == {n + 2: f"https://x.example/{n}" for n in range(3)}
    _, _, html = parsed(mail.message)
    assert [VERIFIER.verify(t, "c").link_number for t in tokens("c", html)] == [2, 3, 4, 1]


def test_a_loop_cannot_make_links_without_end() -> None:
    link = "<a href='https://x.example/{{ n }}'>"
    made = plan(compiled(f"{{% for m in range(3) %}}{{% for n in range(900) %}}{link}{{% endfor %}}{{% endfor %}}"))
    with pytest.raises(TemplateError, match="more than 2,000 links of its own"):
        sent(made)


def test_a_text_made_from_html_that_hides_its_unsubscribe_link_says_it_anyway() -> None:
    made = plan(compiled("<p>Hi</p><div style='display:none'><a href='{{ unsubscribe_url }}'>u</a></div>"))
    _, text, html = parsed(sent(made).message)
    assert len(tokens("u", text)) == len(tokens("u", html)) == 1


def test_constants_of_the_sending_make_no_personal_link() -> None:
    made = plan(
        compiled("<a href='https://x.example/?c={{ campaign.code }}&amp;d={{ today | date(\"%Y-%m-%d\") }}'>x</a>")
    )
    assert made.constant_links == {1: "https://x.example/?c=spring-26&d=2026-03-04"}
    assert sent(made).links == {}


def test_a_link_that_begins_and_ends_in_different_branches_leads_where_it_should() -> None:
    made = plan(
        compiled(
            "{% if entity.enabled %}<a href='https://a.example/{% else %}<a href='https://b.example/{% endif %}x'>x</a>"
            "{% if entity.enabled %}<a href='https://c.example/'{% else %}<a{% endif %}>y</a>"
        )
    )
    for enabled, targets in ((True, ["https://a.example/x", "https://c.example/"]), (False, ["https://b.example/x"])):
        mail = sent(made, {"enabled": enabled})
        _, _, html = parsed(mail.message)
        assert not re.search("[\ufdd0-\ufdef]", html)
        assert re.findall("href='([^']*)'", resolved(html, made.constant_links, dict(mail.links))) == targets


def test_the_open_pixel_stands_before_the_end_of_the_body() -> None:
    _, _, html = parsed(sent(plan(compiled("<body>hi</BODY></html>"))).message)
    (token,) = re.findall(re.escape(f"{BASE}/o/") + r"([\w-]{40})\.gif", html)
    assert VERIFIER.verify(token, "o") == Token("o", DELIVERY, 0)
    assert html.endswith('height:1px">\n</BODY></html>')


def test_a_mail_without_an_unsubscribe_link_gets_one_in_both_parts() -> None:
    for text in (None, "Hello"):
        _, plain, html = parsed(sent(plan(compiled("<body>hi</body>", text=text))).message)
        for body in (plain, html):
            (token,) = tokens("u", body)
            assert VERIFIER.verify(token, "u") == Token("u", DELIVERY, 0)
        assert "You get this mail from Teal &amp; Co." in html
        assert "You get this mail from Teal & Co." in plain


def test_an_unsubscribe_link_of_the_author_is_the_only_one() -> None:
    made = plan(compiled(LETTER, text="Bye: {{ unsubscribe_url }}"))
    _, text, html = parsed(sent(made).message)
    assert len(tokens("u", html)) == len(tokens("u", text)) == 1
    hidden = plan(compiled("{% if entity.enabled %}<a href='{{ unsubscribe_url ~ '#x' }}'>u</a>{% endif %}hi"))
    for enabled in (True, False):
        assert len(tokens("u", parsed(sent(hidden, {"enabled": enabled}).message)[2])) == 1


def test_the_preference_page_is_led_to_by_a_token_of_its_own_and_is_no_tracked_link() -> None:
    letter = LETTER.replace("</body>", '<a href="{{ preferences_url }}">choose</a></body>')
    made = plan(compiled(letter, text="Choose: {{ preferences_url }} or go: {{ unsubscribe_url }}"))
    _, text, html = parsed(sent(made).message)
    for body in (text, html):
        (token,) = tokens("p", body)
        assert VERIFIER.verify(token, "p") == Token("p", DELIVERY, 0)
        assert len(tokens("u", body)) == 1, "choosing is no unsubscribing: that link is there beside it"
    assert set(made.constant_links.values()) == {"https://shop.example/a?x=1&y=2"}
    personal = plan(compiled("<a href='{{ preferences_url ~ '#offers' }}'>o</a>"))
    mail = sent(personal)
    assert re.search(f"{re.escape(BASE)}/p/[\\w-]{{40}}#offers", parsed(mail.message)[2]) and not mail.links
    assert len(tokens("u", parsed(mail.message)[2])) == 1, "the footer is added all the same"
    with pytest.raises(TemplateError, match="quotes"):
        compiled("<a href={{ preferences_url }}>o</a>")


def test_one_click_unsubscribe_headers_are_those_of_rfc_8058() -> None:
    message, _, html = parsed(sent(plan(compiled(LETTER))).message)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = message["List-Unsubscribe"]
    assert address == f"<{BASE}/u/{tokens('u', html)[0]}>"
    assert (message["X-Campaign-ID"], message["X-Recipient-ID"]) == ("12", str(DELIVERY))
    assert message["Message-ID"] == "<4711@example.com>"
    assert message["Date"] == "Wed, 04 Mar 2026 05:06:07 +0000"


def test_the_same_arguments_give_the_same_bytes_and_the_date_is_not_in_the_hash() -> None:
    first, again = (sent(plan(compiled(LETTER)), {"first_name": "Ada"}) for _ in range(2))
    assert first == again
    later = sent(plan(compiled(LETTER)), {"first_name": "Ada"}, date=datetime(2027, 1, 1, tzinfo=UTC))
    assert later.sha256 == first.sha256 and later.message != first.message
    assert sent(plan(compiled(LETTER)), {"first_name": "Bo"}).sha256 != first.sha256
    _, _, body = first.message.partition(b"\r\n\r\n")
    assert hashlib.sha256(body).digest() == first.sha256


def test_values_from_json_render_as_native_ones() -> None:
    from datetime import date
    from decimal import Decimal

    from analytics.templates import document_values

    made = plan(
        compiled(
            "{{ entity.total | money('EUR') }} {{ entity.total }} {{ entity.birthday | date }} "
            "{{ entity.created_at | datetime }} {{ entity.visits + 1 }} {{ entity.enabled }} {{ entity.score }} "
            "{{ entity.created_at | date('%d.%m.%Y', 'Asia/Tokyo') }}|"
        ),
        zone="Europe/Berlin",
    )
    native = {
        "total": Decimal("1234.5000"),
        "birthday": date(1990, 2, 3),
        "created_at": datetime(2026, 3, 4, 22, 30, tzinfo=UTC),
        "visits": 4,
        "enabled": True,
        "score": float("nan"),
    }
    shown = "1,234.50 EUR 1234.50 3 February 1990 4 March 2026, 23:30 5 yes  05.03.2026|"
    assert parsed(sent(made, {**native, "score": None}).message)[2].startswith(shown)
    assert parsed(sent(made, document_values(native)).message)[2].startswith(shown)


EVIL = [
    "a\r\nBcc: victim@example.com",
    "a\nBcc: victim@example.com",
    "a\rBcc: victim@example.com",
    "a\r\n\r\n<body>",
    "a\x00b",
    "a\x85Bcc: x",
    "a\u2028Bcc: x",
    "a\x0bb",
]


@pytest.mark.parametrize("evil", EVIL)
def test_no_value_begins_a_header(evil: str) -> None:
    made = plan(
        compiled(LETTER, subject="Hi {{ entity.first_name }}"), sender_name=evil, campaign_name=evil, shop_name=evil
    )
    mail = sent(made, {"first_name": evil}, name=evil)
    message, _, _ = parsed(mail.message)
    usual, _, _ = parsed(sent(plan(compiled(LETTER)), name="Ada").message)
    assert message.keys() == usual.keys()
    assert not message.defects
    assert all(part.defects == [] for part in message.walk())
    folded = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028]+", " ", evil)
    assert message["Subject"] == f"Hi {folded}"
    assert message["From"].addresses[0].display_name == folded
    assert message["To"].addresses[0].display_name == folded
    assert message["To"].addresses[0].addr_spec == "ada@example.com"


@pytest.mark.parametrize("evil", EVIL)
def test_an_address_or_header_with_a_line_break_is_refused(evil: str) -> None:
    made = plan(compiled(LETTER))
    with pytest.raises(TemplateError):
        sent(made, address=f"ada@example.com{evil}")
    with pytest.raises(TemplateError):
        sent(made, address=f"{evil}@example.com")
    with pytest.raises(TemplateError):
        sent(made, message_id=f"<{evil}@example.com>")
    for changed in (
        {"sender_email": f"shop@example.com{evil}"},
        {"reply_to": f"shop@example.com{evil}"},
        {"headers": {"X-Shop": evil}},
        {"headers": {evil: "x"}},
        {"base_url": f"https://t.example{evil}"},
    ):
        with pytest.raises(TemplateError):
            plan(compiled(LETTER), **changed)


@pytest.mark.parametrize("name", ["Subject", "bcc", "Content-Type", "X y", "", "X:"])
def test_a_header_of_the_mail_itself_cannot_be_replaced(name: str) -> None:
    with pytest.raises(TemplateError):
        plan(compiled(LETTER), headers={name: "x"})


def test_further_headers_and_reply_to_are_sent() -> None:
    message, _, _ = parsed(
        sent(plan(compiled(LETTER), reply_to="desk@example.com", headers={"X-Shop": "Grüße"})).message
    )
    assert (message["Reply-To"], message["X-Shop"]) == ("desk@example.com", "Grüße")


def test_a_naive_date_is_refused() -> None:
    with pytest.raises(TemplateError, match="needs a time zone"):
        sent(plan(compiled(LETTER)), date=datetime(2026, 1, 1))  # noqa: DTZ001


def test_noncharacters_in_values_are_dropped_so_no_mark_is_forged() -> None:
    made = plan(
        compiled("<p>{{ entity.first_name }}{% set n = entity.first_name %}{{ n }}</p>", text="{{ entity.id }}")
    )
    forged = "\ufdd0L1\ufdd1x\ufdd0O\ufdd1\ufdd2\u00e4"
    _, text, html = parsed(sent(made, {"first_name": forged, "id": forged}).message)
    assert html.startswith("<p>L1xOäL1xOä</p>")
    assert text.startswith("L1xOä")


def test_more_variants_than_are_kept_still_render_right() -> None:
    made = plan(compiled("{% set n = entity.first_name %}<p>{{ n }}</p>"))
    for n in range(600):
        assert f"<p>name {n}</p>" in parsed(sent(made, {"first_name": f"name {n}"}).message)[2]
