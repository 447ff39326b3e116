"""Tracking websites and the snippet for their pages."""

from __future__ import annotations

import pytest

from analytics.errors import NotFound, TrackingError
from analytics.store import Store
from analytics.store.tables import marketing_campaign
from analytics.tracking import Websites
from tests.tracking.lines import NOW


@pytest.fixture
def websites(store: Store) -> Websites:
    with store.state.write() as connection:
        connection.execute(
            marketing_campaign.insert(),
            [{"id": n, "name": f"C{n}", "code": f"c{n}", "created_at": NOW, "updated_at": NOW} for n in (1, 2)],
        )
    return Websites(store)


def test_a_website_is_found_by_id_identifier_and_name(websites: Websites) -> None:
    made = websites.create("Shop EU", "shop-eu", "https://shop.example.com/", campaigns=[2, 1, 2])
    assert made.url == "https://shop.example.com" and made.campaign_ids == (1, 2) and made.order_field == "identifier"
    assert websites.get(made.id) == websites.get("shop-eu") == websites.get("Shop EU") == made
    assert websites.all() == [made] == websites.of_campaign(1)


def test_an_identifier_goes_before_a_name(websites: Websites) -> None:
    websites.create("7", "shop", "https://a.example.com")
    seven = websites.create("Shop", "7", "https://b.example.com")
    assert websites.get("7") == seven


def test_changing_and_deleting(websites: Websites) -> None:
    made = websites.create("Shop", "shop", "https://a.example.com", campaigns=[1])
    changed = websites.update(made.id, name="Store", identifier="store", order_field="po_number")
    assert (changed.name, changed.identifier, changed.order_field, changed.campaign_ids) == (
        "Store", "store", "po_number", (1,)
    )  # fmt: skip
    assert websites.link("store", [2]).campaign_ids == (2,)
    websites.delete("store")
    assert websites.all() == []
    with pytest.raises(NotFound, match="No tracking website 'store'"):
        websites.get("store")


@pytest.mark.parametrize(
    ("name", "identifier", "url", "sentence"),
    [
        ("S", "a b", "https://a.example.com", "Identifier 'a b' cannot be sent as idsite"),
        ("S", "", "https://a.example.com", "Identifier '' cannot be sent"),
        ("", "s", "https://a.example.com", "needs a name"),
        ("S", "s", "ftp://a.example.com", "'ftp://a.example.com' is none"),
        ("S", "s", "https://a.example.com/<script>", "is none"),
        ("S", "taken", "https://a.example.com", "Identifier 'taken' is that of the website 'First'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    websites: Websites, name: str, identifier: str, url: str, sentence: str
) -> None:
    websites.create("First", "taken", "https://a.example.com")
    with pytest.raises(TrackingError, match=sentence):
        websites.create(name, identifier, url)
    assert len(websites.all()) == 1


def test_an_unknown_campaign_or_order_field_is_refused(websites: Websites) -> None:
    with pytest.raises(NotFound, match=r"No marketing campaign 9\. There are: 1 \(C1\), 2 \(C2\)\."):
        websites.create("S", "s", "https://a.example.com", campaigns=[9])
    with pytest.raises(TrackingError, match="'no field' is no field of an order"):
        websites.create("S", "s", "https://a.example.com", order_field="no field")
    assert websites.all() == []


def test_snippets_name_the_collector_and_the_website(websites: Websites) -> None:
    websites.create("S", "shop-eu", "https://a.example.com")
    matomo = websites.snippet("shop-eu", "https://t.example.com/")
    oro = websites.snippet("shop-eu", "https://t.example.com", "oro")
    assert 'var u = "https://t.example.com/"' in matomo and '["setSiteId", "shop-eu"]' in matomo
    assert "matomo.php" in matomo and "tracking.php" in oro and "setUserId" in oro
    assert oro.count("</script>") == matomo.count("</script>") == 1
    with pytest.raises(TrackingError, match="no snippet 'ga'; there are matomo, oro"):
        websites.snippet("shop-eu", "https://t.example.com", "ga")
    with pytest.raises(TrackingError, match="collector's address"):
        websites.snippet("shop-eu", 'https://t.example.com/"</script>')
