"""Events in, report out: what counts as what."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.errors import NotFound, ReportError
from tests.reports.world import DAY, HOUR, MINUTE, NOON, World

WINDOW = 7 * DAY


@pytest.fixture
def spring(world: World) -> World:
    """A mail of marketing campaign Spring, sent to Ada (delivery 10001) and Bob (10002)."""
    world.website()
    world.email_campaign("Hello", world.marketing_campaign("Spring", "spring26"))
    world.sending(1)
    for name in ("ada", "bob"):
        world.user(name)
        world.deliver(1, name)
    return world


ADA, BOB = 10001, 10002


# --- deliveries ---


def test_an_empty_workspace_has_an_empty_report(world: World) -> None:
    report = world.report()
    assert report.email_campaigns == report.marketing_campaigns == report.daily == ()
    assert report.total["recipients"] == 0
    assert report.total["open_rate"].value is None
    assert report.total["cost"] is None


def test_deliveries_are_counted_by_what_became_of_them(world: World) -> None:
    world.email_campaign("Hello")
    world.sending(1)
    for name, states in {
        "arrived": ("planned", "accepted"),
        "later": ("planned", "deferred", "accepted"),
        "bounced": ("planned", "accepted", "bounced"),
        "angry": ("planned", "accepted", "complained"),
        "gone": ("planned", "accepted", "unsubscribed"),
        "refused": ("planned", "rejected"),
        "unknown": ("planned", "uncertain"),
        "released": ("planned", "uncertain", "accepted"),
        "next": ("planned",),
        "deferred": ("planned", "deferred"),
        "late skip": ("planned", "skipped"),
        "never assigned": ("skipped",),
        "control": ("held_out",),
    }.items():
        world.deliver(1, f"{name.replace(' ', '.')}@example.com", *states)
    row = world.report().email_campaign("Hello")
    counted = {
        "recipients": 11,
        "sent": 6,
        "delivered": 5,
        "bounced": 1,
        "rejected": 1,
        "uncertain": 1,
        "waiting": 2,
        "skipped": 2,
        "held_out": 1,
        "unsubscribes": 1,
        "complaints": 1,
    }
    assert {name: row[name] for name in counted} == counted
    assert row.rate("delivery_rate").value == pytest.approx(5 / 6)
    assert row.rate("unsubscribe_rate").value == pytest.approx(1 / 5)


# --- opens and clicks ---


def test_a_second_open_counts_one_person(spring: World) -> None:
    spring.open(ADA)
    spring.open(ADA, NOON + 2 * HOUR)
    row = spring.report().email_campaign("Hello")
    assert (row["opens_all"], row["opens_human"]) == (1, 1)
    assert row.rate("open_rate").value == pytest.approx(1 / 2)


def test_one_person_at_two_addresses_of_one_sending_counts_once(spring: World) -> None:
    second = spring.deliver(1, "ada", address="ada@example.org")
    for delivery in (ADA, second):
        spring.open(delivery)
        spring.click(delivery)
        spring.mail("unsubscribe", delivery, NOON + 2 * HOUR)
    row = spring.report().email_campaign("Hello")
    assert (row["opens_human"], row["clicks_human"], row["unsubscribes"], row["delivered"]) == (1, 1, 1, 3)


def test_a_person_counts_once_in_every_sending(spring: World) -> None:
    spring.sending(1, NOON + 7 * DAY)
    again = spring.deliver(2, "ada")
    spring.open(ADA)
    spring.open(again, NOON + 8 * DAY)
    assert spring.report().email_campaign("Hello")["opens_human"] == 2


def test_opens_of_machines_and_of_unknowns_are_in_all_opens_alone(spring: World) -> None:
    spring.open(ADA, verdict="machine")
    spring.open(BOB, verdict="unknown")
    row = spring.report().email_campaign("Hello")
    assert (row["opens_all"], row["opens_human"]) == (2, 0)


def test_an_event_not_judged_yet_is_no_human_one(spring: World) -> None:
    spring.open(ADA, verdict=None)
    assert spring.report().email_campaign("Hello")["opens_human"] == 0


def test_the_latest_verdict_counts(spring: World) -> None:
    for number, verdicts in ((ADA, ("human", "machine")), (BOB, ("machine", "human"))):
        opened = spring.open(number, verdict=None)
        spring.judge(opened, verdicts[1], NOON + 3 * DAY, ruleset=2)
        spring.judge(opened, verdicts[0], NOON + DAY)
    report = spring.report()
    assert report.email_campaign("Hello")["opens_human"] == 1
    assert report.machine_share("open").numerator == 1
    assert report.machine_share("open").denominator == 2


def test_an_event_judged_twice_is_seen_though_another_was_never_judged(spring: World) -> None:
    opened = spring.open(ADA, verdict="human")
    spring.judge(opened, "machine", NOON + DAY)
    spring.open(BOB, verdict=None)
    row = spring.report().email_campaign("Hello")
    assert (row["opens_all"], row["opens_human"]) == (2, 0)


def test_of_two_verdicts_of_one_moment_the_machine_counts(spring: World) -> None:
    opened = spring.open(ADA, verdict="machine")
    spring.judge(opened, "human", NOON + HOUR)
    assert spring.report().email_campaign("Hello")["opens_human"] == 0


def test_clicks_per_link_name_its_address(spring: World) -> None:
    spring.link(1, 1, "https://shop.example.com/sale")
    spring.click(ADA, link_number=1)
    spring.click(ADA, NOON + 2 * HOUR, link_number=1)
    spring.click(BOB, verdict="machine", link_number=1)
    spring.click(BOB, link_number=2)
    sale, personal = spring.report().links
    assert (sale.url, sale.clicks_all, sale.clicks_human, sale.hits) == ("https://shop.example.com/sale", 2, 1, 3)
    assert (personal.url, personal.number, personal.clicks_human) == (None, 2, 1)


def test_an_unsubscription_known_from_the_log_and_the_ledger_counts_once(spring: World) -> None:
    spring.mail("unsubscribe", ADA, NOON + HOUR)
    spring.fact(ADA, 1, "ada@example.com", "unsubscribed", NOON + HOUR)
    assert spring.report().email_campaign("Hello")["unsubscribes"] == 1


# --- visits and visitors ---


def test_a_visit_ends_after_half_an_hour_of_silence(spring: World) -> None:
    for minutes in (0, 30, 61):
        spring.hit("a1", NOON + minutes * MINUTE, code="spring26")
    assert spring.report().marketing_campaign("Spring")["visits"] == 2


def test_pages_after_the_landing_belong_to_its_visit(spring: World) -> None:
    spring.hit("a1", NOON, code="spring26", token=ADA)
    spring.hit("a1", NOON + 5 * MINUTE, code="spring26")
    spring.hit("a1", NOON + 10 * MINUTE)
    report = spring.report()
    assert report.email_campaign("Hello")["visits"] == report.total["visits"] == 1


def test_another_campaign_begins_another_visit(spring: World) -> None:
    spring.marketing_campaign("Summer", "summer26")
    spring.hit("a1", NOON, code="spring26")
    spring.hit("a1", NOON + 5 * MINUTE, code="summer26")
    report = spring.report()
    assert [report.marketing_campaign(name)["visits"] for name in ("Spring", "Summer")] == [1, 1]


def test_a_direct_visit_counts_for_no_campaign(spring: World) -> None:
    spring.hit("a1", NOON)
    spring.hit("a2", NOON, code="somebody-elses")
    assert spring.report().total["visits"] == 0


def test_a_visit_of_a_machine_is_none(spring: World) -> None:
    spring.hit("a1", NOON, code="spring26", verdict="machine")
    assert spring.report().total["visits"] == 0


def test_an_old_code_still_counts(world: World) -> None:
    world.marketing_campaign("Spring", "spring-two", "Spring-One")
    world.website()
    world.hit("a1", code="spring-one")
    world.hit("a2", code="spring-two")
    assert world.report().marketing_campaign("Spring")["visits"] == 2


def test_visitors_are_persons_else_devices(spring: World) -> None:
    spring.hit("a1", NOON, code="spring26", person="ada")
    spring.hit("a2", NOON, code="spring26", person="ada")
    spring.hit("a3", NOON, code="spring26")
    row = spring.report().marketing_campaign("Spring")
    assert (row["visits"], row["visitors"]) == (3, 2)


def test_who_signs_in_later_was_the_visitor_before(spring: World) -> None:
    spring.hit("a1", NOON, code="spring26")
    spring.hit("a1", NOON + DAY, person="ada")
    spring.hit("a2", NOON, code="spring26", person="ada")
    assert spring.report().marketing_campaign("Spring")["visitors"] == 1


def test_forwarded_mail_does_not_merge_people(spring: World) -> None:
    """Ada forwards her mail; a friend reads it on a device of his own and orders in the shop, unseen by tracking."""
    spring.click(ADA, NOON + HOUR)
    spring.hit("a1", NOON + HOUR, token=ADA, code="spring26")
    spring.click(ADA, NOON + 2 * HOUR)
    spring.hit("f1", NOON + 2 * HOUR, token=ADA, code="spring26")
    spring.user("friend")
    spring.order("friend", NOON + 3 * HOUR)
    row = spring.report().email_campaign("Hello")
    assert (row["clicks_human"], row["visits"], row["orders"]) == (1, 2, 0)


def test_a_forwarded_mail_credits_the_friend_by_his_device_and_not_the_recipient(spring: World) -> None:
    """The friend's later coded visit is his own touch: that his device knows Ada's mail makes it none of hers."""
    spring.hit("f1", NOON, token=ADA)
    spring.hit("f1", NOON + 10 * DAY, code="spring26")
    spring.order("ada", NOON + 11 * DAY)
    assert spring.report().total["orders"] == 0
    number = spring.order("bob", NOON + 11 * DAY)
    spring.order_hit("f1", NOON + 11 * DAY, f"N{number}")
    assert spring.report().total["orders"] == 1


def test_two_people_with_mail_on_one_device_are_not_merged(spring: World) -> None:
    spring.hit("f1", NOON, token=ADA)
    spring.hit("f1", NOON + DAY, token=BOB)
    spring.hit("f1", NOON + 2 * DAY, code="spring26")
    row = spring.report().total
    assert (row["visits"], row["visitors"]) == (3, 3)


# --- orders and credit ---


def test_an_order_by_who_clicked_is_credited(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, 80)
    spring.order("bob", NOON + DAY, 999)
    report = spring.report()
    for row in (report.email_campaign("Hello"), report.marketing_campaign("Spring"), report.total):
        assert (row["orders"], row["revenue"], row["buyers"]) == (1, Decimal(80), 1)
        assert row["revenue_per_recipient"] == Decimal(40)


def test_a_machine_click_is_no_touch(spring: World) -> None:
    spring.click(ADA, verdict="machine")
    spring.order("ada", NOON + DAY)
    assert spring.report().total["orders"] == 0


def test_an_open_is_no_touch(spring: World) -> None:
    spring.open(ADA)
    spring.order("ada", NOON + DAY)
    assert spring.report().total["orders"] == 0


def test_a_direct_visit_is_no_touch(spring: World) -> None:
    spring.click(ADA)
    spring.hit("a1", NOON + 2 * HOUR, person="ada")
    spring.order("ada", NOON + DAY)
    assert spring.report().total["orders"] == 1
    spring.hit("b1", NOON, person="bob")
    spring.order("bob", NOON + DAY)
    assert spring.report().total["orders"] == 1


def test_an_order_at_the_very_end_of_the_window_is_out(spring: World) -> None:
    spring.click(ADA, NOON + HOUR)
    spring.order("ada", NOON + HOUR + WINDOW)
    assert spring.report().total["orders"] == 0
    spring.order("ada", NOON + HOUR + WINDOW - timedelta(microseconds=1))
    assert spring.report().total["orders"] == 1


def test_an_order_at_the_moment_of_the_touch_is_in_and_one_before_is_out(spring: World) -> None:
    spring.click(ADA, NOON + HOUR)
    spring.order("ada", NOON + HOUR)
    spring.order("ada", NOON + HOUR - timedelta(microseconds=1))
    assert spring.report().total["orders"] == 1


def test_the_window_can_be_chosen(spring: World) -> None:
    spring.click(ADA, NOON)
    spring.order("ada", NOON + 20 * DAY)
    assert [spring.report(window_days=days).total["orders"] for days in (20, 21)] == [0, 1]


def test_the_last_touch_or_the_first_gets_the_order(spring: World) -> None:
    spring.email_campaign("Reminder")
    spring.sending(2, NOON + DAY)
    again = spring.deliver(2, "ada")
    spring.click(ADA, NOON + HOUR)
    spring.click(again, NOON + 2 * DAY)
    spring.order("ada", NOON + 3 * DAY)
    last, first = spring.report(), spring.report(model="first touch")
    assert [last.email_campaign(name)["orders"] for name in ("Hello", "Reminder")] == [0, 1]
    assert [first.email_campaign(name)["orders"] for name in ("Hello", "Reminder")] == [1, 0]
    assert last.total["orders"] == first.total["orders"] == 1


@pytest.mark.parametrize(("model", "winner"), [("last touch", "Zebra"), ("first touch", "Ant")])
def test_touches_of_one_moment_are_ordered_by_event_id(world: World, model: str, winner: str) -> None:
    world.user("ada")
    for name, event_id in (("Zebra", "ffffffff-0000-5000-8000-000000000000"), ("Ant", "00000000-0000-5000-8000-0")):
        number = world.sending(world.email_campaign(name))
        clicked = world.deliver(number, "ada")
        world.event("click", "c", NOON + HOUR, "human", delivery_id=clicked, link_number=1, event_id=event_id)
    world.order("ada", NOON + DAY)
    assert world.report(model=model).email_campaign(winner)["orders"] == 1


def test_a_click_and_its_landing_visit_are_one_touch(spring: World) -> None:
    """The landing page loads a minute after the click, so the window of the touch ends a week after the click."""
    spring.click(ADA, NOON)
    spring.hit("a1", NOON + MINUTE, token=ADA, code="spring26")
    number = spring.order(None, NOON + WINDOW)
    spring.order_hit("a1", NOON + WINDOW, f"N{number}")
    assert spring.report().total["orders"] == 0


def test_a_link_opened_again_later_is_a_touch_of_its_own(spring: World) -> None:
    spring.click(ADA, NOON)
    spring.hit("a1", NOON + DAY, token=ADA, code="spring26")
    number = spring.order(None, NOON + WINDOW)
    spring.order_hit("a1", NOON + WINDOW, f"N{number}")
    assert spring.report().email_campaign("Hello")["orders"] == 1


def test_a_coded_visit_earns_for_the_marketing_campaign_alone(spring: World) -> None:
    spring.hit("x9", NOON, code="spring26")
    number = spring.order("bob", NOON + HOUR, 50)
    spring.order_hit("x9", NOON + HOUR, f"N{number}", 49)
    report = spring.report()
    assert (report.email_campaign("Hello")["orders"], report.email_campaign("Hello")["visits"]) == (0, 0)
    row = report.marketing_campaign("Spring")
    assert (row["orders"], row["revenue"], row["visits"], row["buyers"]) == (1, Decimal(50), 1, 0)


def test_a_touch_by_a_later_campaign_outside_the_filter_still_competes(spring: World) -> None:
    spring.email_campaign("Reminder")
    spring.sending(2, NOON + DAY)
    again = spring.deliver(2, "ada")
    spring.click(ADA, NOON + HOUR)
    spring.click(again, NOON + 2 * DAY)
    spring.order("ada", NOON + 3 * DAY)
    assert spring.report(email_campaign="Hello").total["orders"] == 0
    assert spring.report(until=NOON + HOUR).total["orders"] == 0
    assert spring.report(email_campaign="Reminder").total["orders"] == 1


def test_a_cancelled_order_is_out(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, internal_status="cancelled")
    assert spring.report().total["orders"] == 0


def test_a_return_is_no_order(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, is_return=True)
    assert spring.report().total["orders"] == 0


def test_a_refund_reduces_its_order(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, 100, refunded="30.5")
    row = spring.report().total
    assert (row["orders"], row["revenue"]) == (1, Decimal("69.5"))


def test_another_currency_is_shown_apart_and_never_added(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, 100)
    spring.order("ada", NOON + DAY, 70, currency="USD")
    report = spring.report()
    assert (report.total["orders"], report.total["revenue"]) == (2, Decimal(100))
    (apart,) = report.currencies
    assert (apart.email_campaign, apart.currency, apart.orders, apart.amount) == ("Hello", "USD", 1, Decimal(70))
    assert any("70.00 USD of 1 orders" in line for line in report.footer)


def test_another_currency_counts_by_its_base_value_and_its_refund_by_the_same_rate(spring: World) -> None:
    spring.click(ADA)
    spring.order("ada", NOON + DAY, 200, currency="USD", total_base=180, refunded=50)
    report = spring.report()
    assert (report.total["revenue"], report.currencies) == (Decimal(135), ())


def test_spellings_of_one_address_are_one_person(world: World) -> None:
    world.email_campaign("Hello")
    world.sending(1)
    world.user("u1", "  ADA@Example.com ")
    world.user("u2", "Jürgen@Bücher.example")
    world.click(world.deliver(1, "ada@example.com"))
    world.click(world.deliver(1, "jürgen@xn--bcher-kva.example"))
    world.order("u1", NOON + DAY)
    world.order("u2", NOON + DAY)
    assert world.report().total["orders"] == 2


# --- tracked orders ---


def test_an_order_that_only_a_website_tracked_is_unconfirmed_and_apart(spring: World) -> None:
    spring.hit("x9", NOON, code="spring26")
    for again in (0, 5):
        spring.order_hit("x9", NOON + HOUR + again * MINUTE, "T-1", 40, currency="EUR")
    spring.order_hit("x9", NOON + HOUR, "T-2", 60, currency="USD")
    report = spring.report()
    row = report.marketing_campaign("Spring")
    assert (row["orders"], row["revenue"]) == (0, Decimal(0))
    assert (row["unconfirmed_orders"], row["unconfirmed_revenue"]) == (2, Decimal(40))
    assert [(c.currency, c.is_confirmed) for c in report.currencies] == [("USD", False)]


def test_a_tracked_order_that_was_imported_and_cancelled_is_not_unconfirmed(spring: World) -> None:
    spring.hit("x9", NOON, code="spring26")
    number = spring.order("ada", NOON + HOUR, internal_status="cancelled")
    spring.order_hit("x9", NOON + HOUR, f"N{number}")
    assert spring.report().total["unconfirmed_orders"] == 0


def test_a_website_says_which_order_field_its_hits_name(world: World) -> None:
    world.marketing_campaign("Spring", "spring26")
    world.website("shop", order_field="po_number")
    world.hit("x9", NOON, code="spring26")
    world.order(None, NOON + HOUR, 50, po_number="PO-7")
    world.order_hit("x9", NOON + HOUR, "PO-7")
    assert world.report().total["orders"] == 1


def test_the_same_number_in_another_shop_is_another_order(world: World) -> None:
    world.marketing_campaign("Spring", "spring26")
    world.website("shop")
    world.website("outlet")
    world.hit("x9", NOON, code="spring26", website="outlet")
    number = world.order(None, NOON + HOUR, 50, website="shop")
    world.order_hit("x9", NOON + HOUR, f"N{number}", website="outlet")
    row = world.report().total
    assert (row["orders"], row["unconfirmed_orders"]) == (0, 1)


def test_an_order_field_that_does_not_exist_is_named(world: World) -> None:
    world.website("shop", order_field="ordernumber")
    with pytest.raises(ReportError, match=r"website shop .*'ordernumber'.* identifier"):
        world.report()


def test_a_machine_makes_no_order(spring: World) -> None:
    spring.hit("x9", NOON, code="spring26")
    spring.order_hit("x9", NOON + HOUR, "T-1", verdict="machine")
    assert spring.report().total["unconfirmed_orders"] == 0


# --- period, filters, cost ---


def test_the_period_selects_sendings_and_keeps_what_follows(spring: World) -> None:
    spring.sending(1, NOON + 10 * DAY)
    late = spring.deliver(2, "ada")
    spring.open(ADA, NOON + 12 * DAY)
    spring.click(late, NOON + 11 * DAY)
    spring.order("ada", NOON + 12 * DAY)
    early, later = spring.report(until=NOON + 5 * DAY).total, spring.report(since=NOON + 5 * DAY).total
    assert (early["recipients"], early["opens_human"], early["orders"]) == (2, 1, 0)
    assert (later["recipients"], later["opens_human"], later["orders"]) == (1, 0, 1)


def test_since_is_in_the_period_and_until_is_not(spring: World) -> None:
    assert spring.report(since=NOON).total["recipients"] == 2
    assert spring.report(until=NOON).total["recipients"] == 0


def test_a_date_is_its_first_moment_in_the_workspace_zone(spring: World) -> None:
    report = spring.report(since=date(2026, 3, 2), until="2026-03-03")
    assert report.scope.since == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert report.scope.until == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_as_of_hides_what_came_later(spring: World) -> None:
    spring.open(ADA, NOON + HOUR)
    spring.open(BOB, NOON + DAY)
    assert spring.report(as_of=NOON + 2 * HOUR).total["opens_human"] == 1


def test_a_filter_by_campaign_leaves_the_others_out(spring: World) -> None:
    spring.marketing_campaign("Summer", "summer26")
    spring.hit("a1", NOON, code="spring26")
    spring.hit("a2", NOON, code="summer26")
    spring.email_campaign("Other")
    spring.deliver(spring.sending(2), "ada")
    for wanted in (1, "Spring", "SPRING26"):
        report = spring.report(marketing_campaign=wanted)
        assert [row.name for row in report.email_campaigns] == ["Hello"]
        assert [row.name for row in report.marketing_campaigns] == ["Spring"]
        assert (report.total["visits"], report.total["recipients"]) == (1, 2)
    report = spring.report(email_campaign="Other")
    assert (report.total["visits"], report.total["recipients"]) == (0, 1)


def test_what_belongs_to_no_marketing_campaign_has_its_row(spring: World) -> None:
    spring.email_campaign("Other")
    spring.deliver(spring.sending(2), "ada")
    report = spring.report()
    assert [row.name for row in report.marketing_campaigns] == ["Spring", "(no marketing campaign)"]
    assert sum(row["recipients"] for row in report.marketing_campaigns) == report.total["recipients"] == 3


def test_costs_add_up_and_give_the_return_on_them(spring: World) -> None:
    spring.emails[0]["cost"] = Decimal(40)
    spring.email_campaign("Other", 1, Decimal(10))
    spring.deliver(spring.sending(2), "bob")
    spring.click(ADA)
    spring.order("ada", NOON + DAY, 75)
    report = spring.report()
    assert report.email_campaign("Hello")["roi"] == Decimal("0.875")
    assert report.email_campaign("Other")["roi"] == Decimal(-1)
    assert (report.marketing_campaign("Spring")["cost"], report.marketing_campaign("Spring")["roi"]) == (
        50,
        Decimal("0.5"),
    )


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"since": "2026-03-02", "until": "2026-03-02"}, "empty"),
        ({"since": "yesterday"}, "'yesterday'; write it as"),
        ({"since": datetime(2026, 3, 2)}, "without a zone"),  # noqa: DTZ001  # the point of the test
        ({"model": "markov"}, "'markov'; there are last touch, first touch"),
        ({"window_days": 0}, "0 is not a number of days from 1"),
    ],
)
def test_a_query_that_makes_no_sense_is_named(world: World, filters: dict[str, object], message: str) -> None:
    with pytest.raises(ReportError, match=message):
        world.report(**filters)


def test_an_unknown_campaign_is_named_with_those_there_are(spring: World) -> None:
    spring.write()
    with pytest.raises(NotFound, match=r"'Hallo'. There are: Hello"):
        spring.report(email_campaign="Hallo")
    with pytest.raises(NotFound, match=r"'Fall'. There are: Spring \(spring26\)"):
        spring.report(marketing_campaign="Fall")


# --- series, funnel, machines, footer ---


def test_days_are_those_of_the_workspace_and_without_gaps(spring: World) -> None:
    spring.open(ADA, datetime(2026, 3, 4, 23, 30, tzinfo=UTC))  # half past midnight on the 5th in Berlin
    daily = spring.report().daily
    assert [row.day for row in daily] == [date(2026, 3, day) for day in (2, 3, 4, 5)]
    assert [row["sent"] for row in daily] == [2, 0, 0, 0]
    assert [row["opens_human"] for row in daily] == [0, 0, 0, 1]


def test_the_days_add_up_to_the_total(spring: World) -> None:
    spring.open(ADA)
    spring.open(ADA, NOON + 3 * DAY)
    spring.click(BOB, NOON + DAY)
    spring.order("bob", NOON + 2 * DAY, 12)
    report = spring.report()
    for name in ("sent", "delivered", "opens_human", "clicks_human", "visits", "orders", "revenue"):
        assert sum(row[name] for row in report.daily) == report.total[name]


def test_the_funnel_narrows_person_by_person(spring: World) -> None:
    spring.open(ADA)
    spring.open(BOB)
    spring.click(ADA)
    spring.hit("a1", NOON + HOUR, token=ADA)
    spring.order("ada", NOON + DAY)
    funnel = spring.report().funnel
    assert [(s.label, s.count) for s in funnel] == [
        ("Recipients", 2),
        ("Delivered", 2),
        ("Opened", 2),
        ("Clicked", 1),
        ("Visited", 1),
        ("Ordered", 1),
    ]
    assert funnel[3].of_previous.value == pytest.approx(1 / 2)


def test_machines_are_told_by_verdict_and_rule(spring: World) -> None:
    spring.open(ADA, verdict="machine")
    spring.open(BOB)
    spring.hit("a1", verdict="machine")
    report = spring.report()
    rows = {(r.kind, r.verdict, r.rule): r.hits for r in report.machines}
    assert rows == {
        ("open", "human", None): 1,
        ("open", "machine", None): 1,
        ("open", "machine", "known robot"): 1,
        ("website", "machine", None): 1,
        ("website", "machine", "known robot"): 1,
    }
    assert report.machine_share().value == pytest.approx(2 / 3)


def test_the_footer_says_how_the_numbers_came(spring: World) -> None:
    report = spring.report(since="2026-03-01", email_campaign="Hello", model="first touch", window_days=14)
    text = "\n".join(report.footer)
    for part in (
        "Complete until",
        "from 2026-03-01 00:00:00",
        "email campaign Hello",
        "first touch, 0 <= order - touch < 14 days",
        "money in EUR",
        "deliveries 1",
        report.query_hash,
        "open_rate = opens_human / delivered",
    ):
        assert part in text


def test_the_cut_off_is_the_lower_of_both_marks(spring: World) -> None:
    report = spring.report(as_of=NOON + DAY)
    assert report.cut_off.moment == min(report.cut_off.events, report.cut_off.deliveries) <= NOON + DAY


def test_the_same_question_on_the_same_data_has_the_same_hash(spring: World) -> None:
    first, second, other = spring.report(), spring.report(), spring.report(window_days=8)
    assert first.query_hash == second.query_hash != other.query_hash
    spring.open(ADA)
    assert spring.report().query_hash != first.query_hash
