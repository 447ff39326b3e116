"""Topics, and what people said about them: the log only grows and its newest word counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics.campaigns import EmailCampaigns
from analytics.errors import ListError, NotFound
from analytics.lists import Consents, Lists, Topics
from analytics.segments import Definition
from analytics.settings import Settings
from analytics.store import Store
from analytics.templates import Templates
from tests.segments.shop import MODEL, NOW

WORDS = "Yes, send me offers."


@pytest.fixture
def topics(store: Store) -> Topics:
    return Topics(store)


@pytest.fixture
def consents(store: Store, topics: Topics) -> Consents:
    return Consents(store, topics)


def test_topics_keep_their_order_and_names(topics: Topics) -> None:
    for name in ("News", "Offers", "Events"):
        topics.create(name, "opt_in" if name == "Offers" else "opt_out", f"About {name}")
    topics.update("events", position=0)
    topics.update("Offers", new_name="Sales", policy="opt_out", description="")
    assert [(t.name, t.policy, t.description, t.position) for t in topics.all()] == [
        ("Events", "opt_out", "About Events", 0),
        ("News", "opt_out", "About News", 1),
        ("Sales", "opt_out", None, 2),
    ]
    assert topics.get("SALES").id == topics.get(2).id == topics.get("2").id
    for wrong in ("sales", "  ", "x" * 101):
        with pytest.raises(ListError):
            topics.create(wrong)
    with pytest.raises(ListError, match="opt_in"):
        topics.create("Other", "maybe")
    with pytest.raises(NotFound, match="Events, News, Sales"):
        topics.get("Nothing")


def test_the_newest_word_by_time_counts_in_whatever_order_it_came(topics: Topics, consents: Consents) -> None:
    topics.create("News")
    topics.create("Offers", "opt_in")

    def mailed(until: datetime | None = None) -> list[bool]:
        return [s.is_mailed for s in consents.standings("ada@example.com", until)]

    assert mailed() == [True, False]
    later, first = NOW, NOW - timedelta(days=2)
    consents.record("Ada@example.com", "News", False, wording=WORDS, source="phone", at=later)
    consents.record("ada@example.com", "News", True, wording=WORDS, source="fair", at=first)
    consents.record("ada@example.com", "Offers", True, wording=WORDS, source="fair", at=first)
    assert mailed() == [False, True]
    assert mailed(first) == [True, True]
    assert mailed(first - timedelta(seconds=1)) == [True, False]
    assert [(c.topic, c.granted, c.at) for c in consents.log("ADA@example.com")] == [
        ("News", False, later),
        ("Offers", True, first),
        ("News", True, first),
    ]
    counts = topics.counts()
    assert [(counts[t.id].granted, counts[t.id].withdrawn) for t in topics.all()] == [(0, 1), (1, 0)]


def test_a_consent_needs_words_and_an_address(topics: Topics, consents: Consents) -> None:
    topics.create("News")
    with pytest.raises(ListError, match="wording"):
        consents.record("ada@example.com", "News", True, wording=" ", source="x")
    with pytest.raises(ListError, match="no e-mail address"):
        consents.record("ada", "News", True, wording=WORDS, source="x")
    with pytest.raises(NotFound, match="topic 'Old'"):
        consents.record("ada@example.com", "Old", True, wording=WORDS, source="x")


def test_only_as_much_of_the_client_address_is_kept_as_the_settings_say(tmp_path: Path) -> None:
    with Store.create(tmp_path / "shop", Settings.of({"anonymise_bytes": 1})) as store:
        topics = Topics(store)
        topics.create("News")
        consents = Consents(store, topics)
        for ip, kept in (("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")):
            made = consents.record("a@example.com", "News", True, wording=WORDS, source="x", client_address=ip)
            assert made.client_address == kept
        file = tmp_path / "c.csv"
        file.write_text("address,topic,granted,wording,ip\nb@example.com,News,yes,Offers please,192.0.2.77\n")
        consents.import_file(file)
        assert [c.client_address for c in consents.log("b@example.com")] == ["192.0.2.0"]


def test_a_file_of_consents_is_taken_once(topics: Topics, consents: Consents, tmp_path: Path) -> None:
    topics.create("News")
    topics.create("Offers", "opt_in")
    file = tmp_path / "fair.csv"
    file.write_text(
        "address,topic,granted,wording,at,ip\n"
        "ada@example.com,news,yes,I want news,2026-01-05T12:00,192.0.2.1\n"
        "ada@example.com,news,no,,2026-02-05T12:00,\n"
        "bob@example.com,2,granted,,,\n"
        "bob@example.com,Offers,yes,,,\n"
        "cy@example.com,Poems,yes,,,\n"
        "dee,News,yes,,,\n"
        "eve@example.com,News,perhaps,,,\n"
        "fay@example.com,News,yes,,,somewhere\n"
    )
    report = consents.import_file(file, wording=WORDS)
    assert (report.lines, report.added, report.known) == (8, 3, 1)
    assert [(b.line, b.value) for b in report.bad] == [(6, "Poems"), (7, "dee"), (8, "perhaps"), (9, "somewhere")]
    no, yes = consents.log("ada@example.com")
    assert (yes.wording, yes.client_address, yes.source) == ("I want news", "192.0.2.1", "file fair.csv")
    assert (no.granted, no.wording, no.at) == (False, WORDS, datetime(2026, 2, 5, 11, tzinfo=UTC))
    again = consents.import_file(file, wording=WORDS)
    assert (again.added, again.known) == (0, 4)
    assert len(consents.import_file(file).bad) == 7, "without words a line proves nothing"


def test_an_old_file_takes_back_no_newer_no_and_none_is_said_in_the_future(
    topics: Topics, consents: Consents, tmp_path: Path
) -> None:
    topics.create("News")
    file = tmp_path / "old.csv"
    file.write_text("address,topic,granted\nada@example.com,News,yes\nbob@example.com,News,yes\n")
    assert consents.import_file(file, wording=WORDS).added == 2
    consents.record("ada@example.com", "News", False, wording=WORDS, source="telephone")
    again = consents.import_file(file, wording=WORDS)
    assert (again.added, again.known, [(b.line, b.value) for b in again.bad]) == (0, 1, [(2, "ada@example.com")])
    assert "said no before" in again.bad[0].reason
    (standing,) = consents.standings("ada@example.com")
    assert not standing.is_mailed

    file.write_text("address,topic,granted,at\nada@example.com,News,yes,2062-01-05\nbob@example.com,News,no,\n")
    typed = consents.import_file(file, wording=WORDS)
    assert (typed.added, [(b.line, b.value) for b in typed.bad]) == (1, [(2, "2062-01-05")])
    with pytest.raises(ListError, match="2062-01-05 00:00 UTC lies in the future"):
        consents.record("ada@example.com", "News", True, wording=WORDS, source="x", at=datetime(2062, 1, 5, tzinfo=UTC))


def test_a_topic_that_is_used_cannot_be_deleted(store: Store, lists: Lists, topics: Topics, consents: Consents) -> None:
    for name in ("News", "Said", "Free"):
        topics.create(name)
    lists.create("All", Definition("user"), contact="email")
    Templates(store, MODEL).save("Mail", "Hello", "<p>Hello</p>")
    made = EmailCampaigns(store).create("Spring", marketing_list="All", template="Mail", topic="News")
    assert (made.topic_name, made.topic_policy) == ("News", "opt_out")
    assert EmailCampaigns(store).clone("Spring", "Summer").topic_name == "News"
    consents.record("ada@example.com", "Said", False, wording=WORDS, source="x")
    with pytest.raises(ListError, match="'Spring'"):
        topics.delete("News")
    with pytest.raises(ListError, match="is kept"):
        topics.delete("Said")
    topics.delete("Free")
    assert [t.name for t in topics.all()] == ["News", "Said"]
    assert topics.counts()[topics.get("News").id].campaigns == 2
    for campaign in ("Spring", "Summer"):
        assert EmailCampaigns(store).update(campaign, topic=None).topic_id is None
    topics.delete("News")
