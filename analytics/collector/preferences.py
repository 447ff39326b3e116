"""The preference page: which topics somebody wants mail about, or that they want none at all.

The token in the path is what lets a page be saved, and that suffices against forged requests: there is no cookie and
no log-in a foreign site could borrow, so who can send the request could also open the page. No other site may frame it,
and no referrer tells the address on. What a form offers comes back sealed: nobody can put words into the log of
consents that were not shown, and a page saved while the state is away needs nothing from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from sqlalchemy import func, select

from analytics.collector.answers import Answer
from analytics.collector.lines import HitLine, PreferencesLine, moment
from analytics.collector.links import Keys
from analytics.collector.pages import page
from analytics.collector.request import Request
from analytics.model.token import Token
from analytics.store import Store
from analytics.store.preferring import SOURCE, Choice, Preferences, prefer_all
from analytics.store.tables import consent, delivery, suppression, topic
from analytics.tracking.control import apply_control

_MOST_FIELDS = 5_000
_YES_NO = {True: "Yes", False: "No"}
_UNREACHABLE = {
    "complaint": "You told your mail provider that a mail of ours was unwanted. So none is sent to this address, "
    "whatever you choose here.",
    "hard_bounce": "Mail to this address came back to us as undeliverable. So none is sent to it at present, "
    "whatever you choose here.",
}


@dataclass(frozen=True)
class Box:
    """One topic as it is offered: with the words beside it, ticked or not, and what silence means."""

    topic_id: int
    name: str
    description: str | None
    ticked: bool
    default: bool


@dataclass(frozen=True)
class Offer:
    """What the page of an address shows now; `unreachable` is why it gets nothing whatever it chooses."""

    boxes: tuple[Box, ...]
    stopped: bool
    unreachable: str | None


class PreferencePages:
    """The preference pages of one workspace."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store, self._keys = store, keys
        self._shop = store.settings.name
        self._question = f"Which mails would you like to get from {self._shop}?"
        self._stop = f"No marketing mail from {self._shop} at all"
        self.unread = page(
            400,
            "Please open the page again",
            "<p>This form could not be read, so nothing was changed. Please open the page again from your mail.</p>",
        )

    # --- with the state, in its threads ---

    def read(self, token: Token) -> Answer | None:
        """Return the page of a delivery's address, None when there is no such delivery."""
        with self._store.state.read() as connection:
            key = connection.execute(select(delivery.c.address_key).where(delivery.c.id == token.delivery_id)).scalar()
            if key is None:
                return None
            nth = func.row_number().over(
                partition_by=consent.c.topic_id, order_by=(consent.c.at.desc(), consent.c.id.desc())
            )
            words = select(consent.c.topic_id, consent.c.granted, nth.label("nth")).where(consent.c.address_key == key)
            newest = words.subquery()
            said = {
                row.topic_id: bool(row.granted) for row in connection.execute(select(newest).where(newest.c.nth == 1))
            }
            topics = connection.execute(select(topic).order_by(topic.c.position, topic.c.id)).all()
            reasons = set(
                connection.execute(select(suppression.c.reason).where(suppression.c.address_key == key)).scalars()
            )
        boxes = tuple(
            Box(one.id, one.name, one.description, said.get(one.id, one.policy == "opt_out"), one.policy == "opt_out")
            for one in topics
        )
        unreachable = next((text for reason, text in _UNREACHABLE.items() if reason in reasons), None)
        return self._form(token, Offer(boxes, "unsubscribed" in reasons, unreachable))

    def write(self, wish: Preferences) -> None:
        """Carry a saved page out in the state, after the older wishes the spool may still hold."""
        apply_control(self._store)
        with self._store.state.write() as connection:
            prefer_all(connection, [wish])

    # --- without it ---

    def line(self, request: Request, token: Token, hit: HitLine, line_id: str) -> PreferencesLine | None:
        """Return what a saved page says, as a control line; None for a form that is not as we gave it away.

        `hit` is the line of the request: its time is that of the wish.
        """
        try:
            fields = parse_qs(
                request.body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
            )
        except (ValueError, UnicodeDecodeError):
            return None
        shown, seal = fields.get("shown", [""])[0], fields.get("seal", [""])[0]
        if not self._keys.is_sealed(_sealed(token, shown), seal):
            return None
        was, stop_words, topics = json.loads(shown)
        ticked = set(fields.get("topic", []))
        return PreferencesLine(
            line_id,
            hit.at,
            "preferences",
            token.delivery_id,
            SOURCE,
            stop="stop" in fields,
            was=was,
            words=stop_words,
            choices=[(number, words, default, str(number) in ticked) for number, words, default in topics],
            ip=hit.ip,
            ua=hit.ua,
        )

    def wish(self, line: PreferencesLine) -> Preferences:
        """Return a control line as the wish it is."""
        return Preferences(
            line.d,
            moment(line.at),
            tuple(Choice(*choice) for choice in line.choices),
            line.stop,
            line.was,
            line.words,
            line.ip,
            line.ua,
        )

    def saved(self, line: PreferencesLine) -> Answer:
        """Return the page that says what was kept, in the words of the boxes."""
        shop = escape(self._shop)
        if line.stop:
            kept = f"<p>{shop} sends no more marketing mail to this address.</p>"
        elif line.choices:
            items = "".join(f"<li>{_YES_NO[wanted]}: {self._named(words)}</li>" for _, words, _, wanted in line.choices)
            kept = f"<p>{shop} keeps to what you chose:</p><ul>{items}</ul>"
        else:
            kept = f"<p>You get the marketing mail of {shop}.</p>"
        return page(200, "Your choice is kept", f'{kept}<p><a href="">Change it again</a>, or close this page.</p>')

    def _form(self, token: Token, offer: Offer) -> Answer:
        shown = json.dumps(
            [offer.stopped, self._stop, [[box.topic_id, self._wording(box), box.default] for box in offer.boxes]]
        )
        boxes = "".join(map(_box, offer.boxes))
        topics = f"<fieldset><legend>{escape(self._question)}</legend>{boxes}</fieldset>" if boxes else ""
        unreachable = f'<p class="note">{escape(offer.unreachable)}</p>' if offer.unreachable else ""
        content = (
            f'{unreachable}<form method="post">'
            f'<input type="hidden" name="shown" value="{escape(shown)}">'
            f'<input type="hidden" name="seal" value="{self._keys.seal(_sealed(token, shown))}">{topics}'
            f'<div class="choice stop"><input type="checkbox" id="stop" name="stop" value="1"'
            f'{_checked(offer.stopped)} aria-describedby="stop-about"><label for="stop">{escape(self._stop)}</label>'
            f'<p id="stop-about">Whatever is chosen above. What you ordered is still confirmed by mail.</p></div>'
            f'<button type="submit">Save my choice</button></form>'
        )
        return page(200, "Your mail preferences", content)

    def _wording(self, box: Box) -> str:
        """Return the words somebody says yes or no to with a box."""
        return f"{self._question} {box.name}" + (f": {box.description}" if box.description else "")

    def _named(self, wording: str) -> str:
        """Return the words of a box without the question above all of them, as HTML."""
        return escape(wording.removeprefix(f"{self._question} "))


def _sealed(token: Token, shown: str) -> str:
    return f"preferences {token.delivery_id} {shown}"


def _box(box: Box) -> str:
    name = f"topic-{box.topic_id}"
    about = f'<p id="{name}-about">{escape(box.description)}</p>' if box.description else ""
    described = f' aria-describedby="{name}-about"' if about else ""
    return (
        f'<div class="choice"><input type="checkbox" id="{name}" name="topic" value="{box.topic_id}"'
        f'{_checked(box.ticked)}{described}><label for="{name}">{escape(box.name)}</label>{about}</div>'
    )


def _checked(ticked: bool) -> str:
    return " checked" if ticked else ""
