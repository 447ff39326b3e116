"""The tracker script in a real browser: snippets written for Matomo and for Oro send what they did before."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from analytics.collector import background
from analytics.store import Store
from tests.collector.conftest import Shop, until

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# The order of calls in the snippet Oro's shops carry: address and site come last.
ORO = """<script>var _paq = _paq || [];
_paq.push(['setUserId', 'id=42; email=anna@example.com']);
_paq.push(['setConversionAttributionFirstReferrer', false]);
_paq.push(['trackPageView']);
_paq.push(['trackEvent', 'OroCRM', 'Tracking', 'cart item added', 9.99]);
(function() { var u='COLLECTOR/';
_paq.push(['setTrackerUrl', u+'tracking.php']); _paq.push(['setSiteId', 'shop-eu']);
var d=document, g=d.createElement('script'), s=d.getElementsByTagName('script')[0];
g.async=true; g.src=u+'piwik.js'; s.parentNode.insertBefore(g,s); })();</script>"""

MATOMO = """<script>var _paq = window._paq = window._paq || [];
EXTRA
_paq.push(['trackPageView']); _paq.push(['enableLinkTracking']);
(function() { var u="COLLECTOR/"; _paq.push(['setTrackerUrl', u+'matomo.php']); _paq.push(['setSiteId', '7']);
var d=document, g=d.createElement('script'), s=d.getElementsByTagName('script')[0];
g.async=true; g.src=u+'matomo.js'; s.parentNode.insertBefore(g,s); })();</script>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=system, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, str]]:
    with Store.create(tmp_path_factory.mktemp("tracker")) as store, background(store) as url:
        yield Shop(store), url


class Site:
    """A shop's own web server: every page is the same, with the snippet it is given."""

    def __init__(self, collector: str) -> None:
        self.collector, self.body = collector, ""
        site = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = f"<!doctype html><title>Spring — Überraschung</title><body>{site.body}</body>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def show(self, body: str) -> None:
        self.body = body.replace("COLLECTOR", self.collector)


@pytest.fixture(scope="module")
def site(collected: tuple[Shop, str]) -> Iterator[Site]:
    made = Site(collected[1])
    yield made
    made.server.shutdown()
    made.server.server_close()


class Visit:
    """One visitor's browser window, and the hits it causes."""

    def __init__(self, shop: Shop, site: Site, context: BrowserContext) -> None:
        self.shop, self.site, self.context = shop, site, context
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self._seen = len(shop.hits())

    def open(self, path: str, body: str, hits: int, **options: Any) -> list[dict[str, str]]:
        self.site.show(body)
        self.page.goto(self.site.address + path, **options)
        return self.hits(hits)

    def run(self, script: str, hits: int) -> list[dict[str, str]]:
        self.page.evaluate(script)
        return self.hits(hits)

    def hits(self, count: int) -> list[dict[str, str]]:
        """The next hits, each as its parameters; `:` holds the whole line."""
        until(lambda: len(self.shop.hits()) >= self._seen + count)
        lines = self.shop.hits()[self._seen :]
        assert len(lines) == count, lines
        self._seen += count
        return [
            {**dict(parse_qsl(line["q"] or line.get("b", ""), keep_blank_values=True)), ":": line} for line in lines
        ]


@pytest.fixture
def visit(collected: tuple[Shop, str], site: Site, browser: Browser) -> Iterator[Visit]:
    with browser.new_context() as context:
        visit = Visit(collected[0], site, context)
        yield visit
        assert visit.errors == []


def test_an_oro_snippet_works_unchanged(visit: Visit) -> None:
    view, event = visit.open("/land.html?pk_campaign=spring-sale&pk_kwd=hero", ORO, 2)
    assert view[":"]["e"] == "oro" and view[":"]["p"] == "/tracking.php"
    assert (view[":"]["m"], view.get("send_image")) == ("POST", "0")
    assert view["idsite"] == "shop-eu" and view["rec"] == "1"
    assert view["action_name"] == "Spring — Überraschung"
    assert view["url"].endswith("/land.html?pk_campaign=spring-sale&pk_kwd=hero")
    assert view["uid"] == "id=42; email=anna@example.com"
    assert (view["_rcn"], view["_rck"]) == ("spring-sale", "hero")
    assert re.fullmatch("[0-9a-f]{16}", view["_id"]) and (view["_idn"], event["_idn"]) == ("1", "0")
    assert (event["e_c"], event["e_a"], event["e_n"], event["e_v"]) == ("OroCRM", "Tracking", "cart item added", "9.99")
    assert event["_id"] == view["_id"] and event["pv_id"] == view["pv_id"]


def test_a_campaign_stays_until_another_one_comes(visit: Visit) -> None:
    snippet = MATOMO.replace("EXTRA", "")
    first = visit.open("/a?utm_source=newsletter&utm_medium=email&utm_campaign=spring&utm_term=hero", snippet, 1)[0]
    second = visit.open("/b", snippet, 1)[0]
    third = visit.open("/c#mtm_campaign=summer%20sale", snippet, 1)[0]
    fourth = visit.open("/d", snippet, 1)[0]
    assert [(hit["_rcn"], hit.get("_rck")) for hit in (first, second, third, fourth)] == [
        ("spring", "hero"), ("spring", "hero"), ("summer sale", None), ("summer sale", None),
    ]  # fmt: skip
    assert len({hit["_id"] for hit in (first, second, third, fourth)}) == 1
    assert len({hit["pv_id"] for hit in (first, second, third, fourth)}) == 4
    kept = {cookie["name"].split(".")[0]: cookie for cookie in visit.context.cookies()}
    months = (kept["_pk_ref"]["expires"] - kept["_pk_ses"]["expires"]) / 86400 / 30
    assert 5.9 < months < 6.1
    assert kept["_pk_id"]["sameSite"] == "Lax"


def test_the_first_campaign_wins_where_the_shop_says_so(visit: Visit) -> None:
    snippet = MATOMO.replace("EXTRA", "_paq.push(['setConversionAttributionFirstReferrer', true]);")
    visit.open("/a?utm_campaign=spring", snippet, 1)
    assert visit.open("/b?utm_campaign=summer", snippet, 1)[0]["_rcn"] == "spring"


def test_own_names_for_campaign_parameters_are_taken(visit: Visit) -> None:
    extra = "_paq.push(['setCampaignNameKey', ['cmp']]); _paq.push(['setCampaignKeywordKey', 'word']);"
    hit = visit.open("/a?utm_campaign=no&cmp=yes&word=blue", MATOMO.replace("EXTRA", extra), 1)[0]
    assert (hit["_rcn"], hit["_rck"]) == ("yes", "blue")


def test_a_visitor_known_to_matomo_stays_the_same(visit: Visit) -> None:
    visit.context.add_cookies(
        [{"name": "_pk_id.7.dc78", "value": "6c4d10b90e5bcf12.1795417416.", "url": visit.site.address}]
    )
    hit = visit.open("/a", MATOMO.replace("EXTRA", ""), 1)[0]
    assert (hit["_id"], hit["_idn"]) == ("6c4d10b90e5bcf12", "0")
    names = [cookie["name"] for cookie in visit.context.cookies() if cookie["name"].startswith("_pk_")]
    assert sorted(names) == ["_pk_id.7.dc78", "_pk_ses.7.dc78"]


def test_page_details_can_be_set(visit: Visit) -> None:
    extra = """_paq.push(['setCustomUrl', '/virtual?x=1']); _paq.push(['setDocumentTitle', 'My title']);
    _paq.push(['setReferrerUrl', 'https://search.example/?q=x']); _paq.push(['setCustomDimension', 1, 'gold']);
    _paq.push(['setCustomVariable', 2, 'plan', 'pro', 'page']);
    _paq.push([function () { this.setUserId('from-function'); }]);"""
    hit = visit.open("/a", MATOMO.replace("EXTRA", extra), 1)[0]
    assert hit["url"] == f"{visit.site.address}/virtual?x=1" and hit["action_name"] == "My title"
    assert hit["urlref"] == hit["_ref"] == "https://search.example/?q=x"
    assert (hit["dimension1"], hit["uid"], json.loads(hit["cvar"])) == ("gold", "from-function", {"2": ["plan", "pro"]})


def test_the_shop_tells_of_products_carts_and_orders(visit: Visit) -> None:
    view = visit.open(
        "/p", MATOMO.replace("EXTRA", "_paq.push(['setEcommerceView', 'SKU-1', 'Blue', ['Widgets'], 9.99]);"), 1
    )[0]
    assert (view["_pks"], view["_pkn"], view["_pkc"], view["_pkp"]) == ("SKU-1", "Blue", '["Widgets"]', "9.99")
    cart = visit.run(
        """_paq.push(['addEcommerceItem', 'SKU-1', 'Blue widget', 'Widgets', 9.99, 2]);
        _paq.push(['addEcommerceItem', 'SKU-2', 'Red']); _paq.push(['removeEcommerceItem', 'SKU-2']);
        _paq.push(['trackEcommerceCartUpdate', 19.98]);""", 1)[0]  # fmt: skip
    order, empty, goal = visit.run(
        """_paq.push(['trackEcommerceOrder', 'ORD-1001', 24.97, 19.98, 3, 4.99, false],
        ['trackEcommerceCartUpdate', 0], ['trackGoal', 1, 24.97]);""", 3)  # fmt: skip
    items = [["SKU-1", "Blue widget", "Widgets", 9.99, 2]]
    assert (cart["idgoal"], cart["revenue"], json.loads(cart["ec_items"])) == ("0", "19.98", items)
    assert "ec_id" not in cart
    assert [order[name] for name in ("idgoal", "ec_id", "revenue", "ec_st", "ec_tx", "ec_sh")] == [
        "0", "ORD-1001", "24.97", "19.98", "3", "4.99",
    ]  # fmt: skip
    assert json.loads(order["ec_items"]) == items and json.loads(empty["ec_items"]) == []
    assert (goal["idgoal"], goal["revenue"]) == ("1", "24.97")


def test_links_that_leave_the_shop_and_downloads_are_told(visit: Visit) -> None:
    links = """<a id=out href="https://other.example/x?y=1"><b>out</b></a> <a id=own href="/next">own</a>
    <a id=file href="/price%20list.PDF?v=2">file</a> <a id=none class=piwik_ignore href="https://no.example/">no</a>
    <a id=mail href="mailto:a@example.com">mail</a>
    <script>document.addEventListener('click', function (event) { event.preventDefault(); })</script>"""
    visit.open("/a", links + MATOMO.replace("EXTRA", ""), 1)
    for link in ("none", "own", "mail", "out", "file"):
        visit.page.click(f"#{link}")
    out, file = visit.hits(2)
    assert out["link"] == "https://other.example/x?y=1" and "download" not in out
    assert file["download"] == f"{visit.site.address}/price%20list.PDF?v=2" and "link" not in file


def test_searches_content_and_pings_have_their_parameters(visit: Visit) -> None:
    visit.open("/a", MATOMO.replace("EXTRA", ""), 1)
    hits = visit.run(
        """_paq.push(['trackSiteSearch', 'lamp', 'Home', 0], ['trackContentImpression', 'Banner', 'b.png', '/sale'],
        ['trackContentInteraction', 'click', 'Banner', 'b.png', '/sale'], ['ping'],
        ['trackLink', 'https://other.example/', 'link']);""", 5)  # fmt: skip
    # They leave at once, each on a connection of its own, and may arrive in any order.
    by_kind = {next(k for k in ("search", "c_i", "c_n", "ping", "link") if k in hit): hit for hit in hits}
    search, seen, used, ping, link = (by_kind[k] for k in ("search", "c_n", "c_i", "ping", "link"))
    assert (search["search"], search["search_cat"], search["search_count"]) == ("lamp", "Home", "0")
    assert (seen["c_n"], seen["c_p"], seen["c_t"], used["c_i"]) == ("Banner", "b.png", "/sale", "click")
    assert ping["ping"] == "1" and link["link"] == "https://other.example/"


@pytest.mark.parametrize("request_method", ["GET", "POST"])
def test_without_beacons_an_image_is_asked_for(visit: Visit, request_method: str) -> None:
    extra = f"_paq.push(['setRequestMethod', '{request_method}']); _paq.push(['disableAlwaysUseSendBeacon']);"
    hit = visit.open("/a", MATOMO.replace("EXTRA", extra), 1)[0]
    assert hit[":"]["m"] == "GET" and "send_image" not in hit


def test_what_is_too_long_for_an_address_travels_in_the_body(visit: Visit) -> None:
    visit.open("/a", MATOMO.replace("EXTRA", ""), 1)
    hit = visit.run("_paq.push(['trackEvent', 'c', 'a', 'n'.repeat(9000)])", 1)[0]
    assert hit[":"]["q"] == "" and len(hit["e_n"]) == 9000
    hit = visit.run("_paq.push(['disableAlwaysUseSendBeacon'], ['trackEvent', 'c', 'a', 'm'.repeat(9000)])", 1)[0]
    assert hit[":"]["q"] == "" and len(hit["e_n"]) == 9000


def test_nothing_is_sent_before_consent_or_after_an_objection(visit: Visit) -> None:
    visit.open("/a", MATOMO.replace("EXTRA", "_paq.push(['requireConsent']);"), 0)
    assert visit.context.cookies() == []
    assert len(visit.run("_paq.push(['rememberConsentGiven'])", 1)) == 1
    visit.open("/b", MATOMO.replace("EXTRA", "_paq.push(['requireConsent']);"), 1)
    visit.run("_paq.push(['optUserOut'], ['trackPageView'])", 0)
    visit.open("/c", MATOMO.replace("EXTRA", ""), 0)
    assert len(visit.run("_paq.push(['forgetUserOptOut'], ['trackPageView'])", 1)) == 1


def test_without_cookies_there_are_none(visit: Visit) -> None:
    hit = visit.open("/a?utm_campaign=x", MATOMO.replace("EXTRA", "_paq.push(['disableCookies']);"), 1)[0]
    assert (hit["cookie"], hit["_rcn"]) == ("0", "x") and visit.context.cookies() == []


def test_the_object_of_other_scripts_works_too(visit: Visit) -> None:
    visit.open("/a", MATOMO.replace("EXTRA", ""), 1)
    script = """() => { const tracker = Piwik.getTracker('COLLECTOR/piwik.php', 9); tracker.setUserId('u');
    tracker.trackPageView('By hand');
    return [Matomo.getAsyncTracker().getVisitorId(), tracker.getAttributionInfo().length]; }"""
    visitor, parts = visit.page.evaluate(script.replace("COLLECTOR", visit.site.collector))
    hit = visit.hits(1)[0]
    assert (hit["idsite"], hit["action_name"], hit[":"]["p"]) == ("9", "By hand", "/piwik.php")
    assert re.fullmatch("[0-9a-f]{16}", visitor) and parts == 4


def test_an_unknown_command_stops_nothing(visit: Visit) -> None:
    hit = visit.open("/a", MATOMO.replace("EXTRA", "_paq.push(['newestInvention', 1], null, []);"), 1)[0]
    assert hit["idsite"] == "7"
    assert [error for error in visit.errors if "newestInvention" not in error] == []
    visit.errors.clear()


def test_markup_in_a_title_arrives_as_text(visit: Visit) -> None:
    title = "<script>alert(1)</script>\\n\\r\\u2028 & =+%"
    visit.open("/a", MATOMO.replace("EXTRA", ""), 1)
    hit = visit.run(f"_paq.push(['trackPageView', '{title}'])", 1)[0]
    assert hit["action_name"] == "<script>alert(1)</script>\n\r\u2028 & =+%"


def test_no_text_of_the_script_comes_from_elsewhere() -> None:
    script = Path(__file__).resolve().parents[2] / "analytics" / "collector" / "static" / "tracker.js"
    assert len(script.read_bytes()) < 40_000
    assert "http://" not in script.read_text() and "https://" not in script.read_text()  # it calls nobody but us
