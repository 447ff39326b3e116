"""Who is called when: order, claims, outcomes and what follows, do-not-call, local time."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from analytics.bootstrap import open_services
from analytics.calls.claims import Claimant, claim_one
from analytics.calls.hours import local_time
from analytics.errors import CampaignError, ListError, NotFound, TemplateError, UnknownVariable
from analytics.model.calls import OUTCOMES
from analytics.model.clock import SimulatedClock
from analytics.segments import Definition
from analytics.services import Services
from analytics.store.tables import call_claim, delivery, list_state, sending
from tests.calls.conftest import NOW, SCRIPT, put, user

ADA, BOB, CY = "+442079460101", "+442079460102", "+4930901820"
HOUR = timedelta(hours=1)

Take = Callable[..., Any]


def states(services: Services) -> dict[str, tuple[int, datetime | None]]:
    with services.store.state.read() as connection:
        rows = connection.execute(select(list_state))
        return {r.entity_key: (r.contacted_times, r.last_contacted_at) for r in rows}


def test_people_are_called_in_the_lists_order_and_a_shared_number_once(take: Take, note: Take) -> None:
    called = []
    while (number := take()) is not None:
        called.append(number)
        note(number, "not_interested")
    assert called == [ADA, BOB, CY]


def test_the_next_person_comes_with_all_a_caller_needs(services: Services, take: Take, note: Take) -> None:
    note(ADA, "no_answer", note="let it ring", caller="Lou", at=NOW - 24 * HOUR)
    with services.engine() as engine:
        found = services.calls.next(engine, "Spring calls", "Kim")
    assert found is not None
    assert (found.international, found.line.title, found.line.keys) == ("+44 20 7946 0101", "Ada", ("u1", "u4"))
    assert found.script == "Hello Ada, this is Kim of Test shop."
    assert found.local.zones == ("Europe/London",)
    assert found.local.earliest is not None
    assert (found.local.earliest.time(), found.local.is_calling_time) == (time(12), True)
    assert [(c.channel, c.what, c.how, c.note, c.caller) for c in found.history] == [
        ("phone", "Spring calls", "No answer", "let it ring", "Lou")
    ]


def test_mails_are_among_the_previous_contacts(services: Services) -> None:
    _mailed(services, "ada@example.com")
    with services.engine() as engine:
        found = services.calls.next(engine, "Spring calls", "Kim")
    assert found is not None
    assert [(c.channel, c.what, c.how, c.at) for c in found.history] == [("email", "Newsletter", "sent", NOW - HOUR)]


def test_agreed_calls_come_first_by_their_time(clock: SimulatedClock, take: Take, note: Take) -> None:
    note(CY, "call_back", next_call_at=NOW + HOUR)
    note(BOB, "no_answer", next_call_at=NOW + HOUR / 2)
    assert take("Kim") == ADA
    note(ADA, "ordered")
    assert take("Kim") is None
    clock.advance(2 * HOUR)
    assert [take("Kim"), take("Lou")] == [BOB, CY]


def test_two_callers_never_get_the_same_person(services: Services, take: Take) -> None:
    assert [take("Kim"), take("Lou"), take("Max"), take("Ned")] == [ADA, BOB, CY, None]
    assert take("Kim") == ADA  # asking again is no second person
    assert services.calls.release("Kim") == 1
    assert take("Ned") == ADA
    assert take("Kim", owner="another window") is None


def test_a_number_is_with_one_caller_whatever_the_campaign(services: Services, take: Take) -> None:
    services.calls.create("Other calls", marketing_list="Phones", script="Hi")
    assert take("Kim") == ADA
    assert take("Lou", "Other calls") == BOB
    assert take("Kim", "Other calls") == ADA  # she left the first one for this
    with services.store.state.read() as connection:
        held = connection.execute(select(call_claim.c.phone_key, call_claim.c.owner)).all()
    assert sorted(map(tuple, held)) == [(ADA, "Kim"), (BOB, "Lou")]


def test_a_hold_of_another_campaign_says_nothing_about_whom_a_call_was_to(
    services: Services, take: Take, note: Take
) -> None:
    put(services, "contact", [{"id": "c1", "email": "cc@example.com", "phone": ADA}])
    services.lists.create("Contacts", Definition("contact"), contact="phone")
    services.calls.create("Contact calls", marketing_list="Contacts", script="Hi")
    assert take("Kim", "Contact calls") == ADA
    noted = note(ADA, "busy", campaign="Spring calls")
    assert (noted.entity_key, noted.person) == ("u1", "ada@example.com")


def test_a_claim_of_a_caller_who_vanished_runs_out(services: Services, take: Take) -> None:
    assert take("Kim") == ADA
    with services.store.state.write() as connection:
        connection.execute(update(call_claim).values(until=datetime.now(UTC) - timedelta(seconds=1)))
    assert take("Lou") == ADA
    assert take("Kim") == BOB


def test_many_callers_at_once_share_the_list_out(services: Services) -> None:
    people = [user(f"v{n:03}", None, f"N{n}", f"+44207946{n:04}", "GB") for n in range(200, 260)]
    put(services, "customer_user", people)
    taken: list[str] = []

    def call_all(name: str) -> None:
        with services.engine() as engine:
            lines = services.calls.sheet(engine, "Spring calls").lines
        for n in range(10):
            got = claim_one(services.store, services.calls.get("Spring calls"), lines, Claimant(name, f"{name}{n}"))
            if got is not None:
                taken.append(got[0].phone_key)

    threads = [threading.Thread(target=call_all, args=(f"caller {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 60
    assert max(Counter(taken).values()) == 1


def _claim_and_die(folder: str) -> None:
    import os

    with open_services(Path(folder), clock=SimulatedClock(NOW)) as services, services.engine() as engine:
        assert services.calls.next(engine, "Spring calls", "Kim") is not None
        os._exit(9)


def test_a_killed_caller_blocks_one_number_and_loses_nothing(services: Services, take: Take, note: Take) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_claim_and_die, args=(str(services.store.folder.root),)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert take("Lou") == BOB
    assert take("Kim") == ADA
    assert note(ADA, "ordered", caller="Kim").person == "ada@example.com"


@pytest.mark.parametrize("name", list(OUTCOMES))
def test_each_outcome_has_its_consequence(services: Services, note: Take, name: str) -> None:
    agreed = NOW + 3 * HOUR if name == "call_back" else None
    note(ADA, name, next_call_at=agreed)
    with services.engine() as engine:
        line = services.calls.sheet(engine, "Spring calls").line(ADA)
    assert line is not None
    expected = {
        "interested": ("closed", None),
        "not_interested": ("closed", None),
        "ordered": ("closed", None),
        "call_back": ("waiting", NOW + 3 * HOUR),
        "no_answer": ("waiting", NOW + 4 * HOUR),
        "busy": ("waiting", NOW + HOUR / 2),
        "voicemail": ("waiting", NOW + 24 * HOUR),
        "wrong_number": ("closed", None),
        "do_not_call": ("do_not_call", None),
    }
    assert (line.status, line.next_call_at, line.attempts, line.last_outcome) == (*expected[name], 1, name)
    assert services.suppressions.reasons([ADA]) == ({ADA: "do_not_call"} if name == "do_not_call" else {})
    assert states(services) == {"u1": (1, NOW), "u4": (1, NOW)}


def test_an_interested_person_may_be_called_again_at_an_agreed_time(
    clock: SimulatedClock, take: Take, note: Take
) -> None:
    note(ADA, "interested", next_call_at=NOW + HOUR)
    clock.advance(2 * HOUR)
    assert take() == ADA


def test_after_enough_attempts_a_person_is_left_alone(services: Services, clock: SimulatedClock, note: Take) -> None:
    for outcome in ("no_answer", "busy", "voicemail"):
        note(ADA, outcome)
        clock.advance(48 * HOUR)
    for outcome in ("no_answer", "no_answer", "call_back", "no_answer"):
        note(BOB, outcome, next_call_at=clock.now() + HOUR if outcome == "call_back" else None)
        clock.advance(48 * HOUR)
    with services.engine() as engine:
        sheet = services.calls.sheet(engine, "Spring calls")
    ada, bob = sheet.line(ADA), sheet.line(BOB)
    assert ada is not None and bob is not None
    assert (ada.status, ada.attempts) == ("given_up", 3)
    assert (bob.status, bob.attempts) == ("due", 4)


def test_the_same_request_notes_one_call(services: Services, note: Take) -> None:
    first = note(ADA, "no_answer", request_key="same", note="a")
    assert note(ADA, "ordered", request_key="same") == first
    assert len(services.calls.calls("Spring calls")) == 1
    assert states(services)["u1"] == (1, NOW)
    with pytest.raises(CampaignError, match="'same' belongs to the call to \\+442079460101 in 'Spring calls'"):
        note(BOB, "ordered", request_key="same")


def test_a_number_suppressed_meanwhile_is_not_called(services: Services, take: Take) -> None:
    with services.engine() as engine:
        lines = services.calls.sheet(engine, "Spring calls").lines
        services.suppressions.add("020 7946 0101".replace("020", "+44 20"), "do_not_call", "letter")
        got = claim_one(services.store, services.calls.get("Spring calls"), lines, Claimant("Kim", "Kim"))
    assert got is not None and got[0].phone_key == BOB
    services.suppressions.add(BOB, "do_not_call", "letter")
    assert take("Kim") == CY  # the number Kim held is given back
    services.suppressions.remove(ADA)
    assert take("Lou") == ADA


def test_members_removed_or_unsubscribed_from_the_list_are_not_called(services: Services, take: Take) -> None:
    services.lists.remove("Phones", ["u1"])
    services.lists.unsubscribe("Phones", ["u2"])
    assert [take("Kim"), take("Lou"), take("Max")] == [CY, ADA, None]
    with services.store.state.read() as connection:
        assert connection.execute(select(call_claim.c.entity_key).where(call_claim.c.phone_key == ADA)).scalar() == "u4"


def test_where_it_is_no_calling_time_nobody_is_called(clock: SimulatedClock, services: Services, take: Take) -> None:
    clock.advance(timedelta(hours=7, minutes=30))  # 19:30 in London, 20:30 in Berlin
    assert [take("Kim"), take("Lou"), take("Max")] == [ADA, BOB, None]
    assert take("Max", any_hour=True) == CY


def test_local_time_is_that_of_the_number_and_says_where_it_depends() -> None:
    window = (time(9), time(20))
    berlin = local_time(CY, NOW, window)
    assert (berlin.zones, berlin.is_calling_time) == (("Europe/Berlin",), True)
    assert local_time(CY, NOW + timedelta(hours=7), window).is_calling_time is False  # 20:00 is past the end
    mobile = local_time("+79161234567", NOW, window)
    assert len(mobile.zones) > 5 and mobile.is_calling_time is None
    assert mobile.earliest is not None and mobile.latest is not None
    assert mobile.earliest.replace(tzinfo=None) < mobile.latest.replace(tzinfo=None)
    assert local_time("+80012345678", NOW, window).is_calling_time is None  # a number of no country


def test_progress_counts_numbers_and_names_problems(services: Services, note: Take, take: Take) -> None:
    note(BOB, "no_answer")
    note(CY, "do_not_call")
    take()
    with services.engine() as engine:
        p = services.calls.progress(engine, "Spring calls")
    assert (p.members, p.numbers, dict(p.problems)) == (6, 3, {"too short": 1, "no number": 1})
    assert (p.due, p.new, p.waiting, p.do_not_call, p.claimed) == (0, 1, 1, 1, 1)
    assert (p.calls, p.called, p.reached, p.next_at, p.is_done) == (2, 2, 1, NOW + 4 * HOUR, False)
    assert dict(p.outcomes) == {"no_answer": 1, "do_not_call": 1}


@pytest.mark.parametrize(
    ("phone", "outcome", "more", "said"),
    [
        (ADA, "sleeping", {}, "'sleeping' is no outcome of a call; there are interested"),
        ("020", "busy", {}, "'020' is no telephone number that can be dialled"),
        ("+442079469999", "busy", {}, r"\+442079469999 is not on the list 'Phones'"),
        (ADA, "call_back", {}, "needs the next call"),
        (ADA, "do_not_call", {"next_call_at": NOW + HOUR}, "there is no next call"),
        (ADA, "busy", {"next_call_at": NOW - HOUR}, "not after the call itself"),
        (ADA, "busy", {"at": NOW + HOUR}, "lies in the future"),
        (ADA, "busy", {"note": "x" * 5001}, "has 5,001 characters"),
    ],
)
def test_what_cannot_be_is_said(note: Take, phone: str, outcome: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(CampaignError, match=said):
        note(phone, outcome, **more)


def test_a_call_to_somebody_who_left_the_list_is_kept(services: Services, note: Take, take: Take) -> None:
    assert take() == ADA
    services.lists.remove("Phones", ["u1", "u4"])
    assert note(ADA, "call_back", next_call_at=NOW + HOUR).entity_key == "u1"
    assert note(ADA, "ordered").entity_key == "u1"
    assert len(services.calls.calls("Spring calls")) == 2


def test_a_campaign_is_checked_when_it_is_made_and_changed(services: Services, note: Take) -> None:
    services.lists.create("Mails", Definition("customer_user"), contact="email")
    make = services.calls.create
    with pytest.raises(CampaignError, match="by email, not by telephone"):
        make("A", marketing_list="Mails", script="x")
    with pytest.raises(UnknownVariable, match=r"entity\.frist_name"):
        make("A", marketing_list="Phones", script="{{ entity.frist_name }}")
    with pytest.raises(TemplateError, match="unsubscribe_url is for mails"):
        make("A", marketing_list="Phones", script="{{ unsubscribe_url }}")
    with pytest.raises(CampaignError, match="needs a script"):
        make("A", marketing_list="Phones", script=" ")
    with pytest.raises(CampaignError, match="'Spring calls' already"):
        make("Spring calls", marketing_list="Phones", script="x")
    with pytest.raises(CampaignError, match="from 1 to 100"):
        make("A", marketing_list="Phones", script="x", most_attempts=0)
    changed = services.calls.update("Spring calls", cost="12.50", script=SCRIPT + " Bye.")
    assert (str(changed.cost), changed.script) == ("12.50", SCRIPT + " Bye.")
    with pytest.raises(ListError, match="the call campaign 'Spring calls' calls"):
        services.lists.delete("Phones")
    note(ADA, "busy")
    services.lists.create("Phones 2", Definition("customer_user"), contact="phone")
    with pytest.raises(CampaignError, match="stays with the list 'Phones'"):
        services.calls.update("Spring calls", marketing_list="Phones 2")
    with pytest.raises(CampaignError, match="it has calls"):
        services.calls.delete("Spring calls")
    make("Unused", marketing_list="Phones 2", script="x")
    services.calls.delete("Unused")
    with pytest.raises(NotFound, match="There are: Spring calls"):
        services.calls.get("Unused")


def _mailed(services: Services, address: str) -> None:
    services.lists.create("Mails", Definition("customer_user"), contact="email")
    services.templates.save("T", "Hi", "<p>Hi</p>")
    campaign = services.email_campaigns.create("Newsletter", marketing_list="Mails", template="T")
    stamp = {"created_at": NOW, "scheduled_for": NOW}
    with services.store.state.write() as connection:
        made = connection.execute(
            insert(sending)
            .values(email_campaign_id=campaign.id, request_key="r", status="done", settings={}, **stamp)
            .returning(sending.c.id)
        ).scalar_one()
        row = {
            "sending_id": made,
            "person": address,
            "entity_key": "u1",
            "due_at": NOW,
            "values": {},
            "updated_at": NOW,
        }
        for number, (to, state) in enumerate(
            [(address, "accepted"), ("bob@example.com", "accepted"), ("x@y.z", "skipped")]
        ):
            connection.execute(
                insert(delivery).values(
                    id=number + 1, address_key=to, address=to, state=state, message_id=f"<{number}@x>",
                    accepted_at=NOW - HOUR, **row,
                )
            )  # fmt: skip
