"""Calling the members of telephone lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from analytics.calls.campaigns import CallCampaigns
from analytics.calls.claims import Claimant, claim_one, claimed, kept, prolong, release, reserve
from analytics.calls.history import contacts_of
from analytics.calls.hours import international, local_time
from analytics.calls.noting import Asked, Who, joined, made, note_call
from analytics.calls.records import Call, CallCampaign, LocalTime, NextCall, Progress, SheetLine
from analytics.calls.sheet import Sheet, read_sheet
from analytics.engine import Engine
from analytics.errors import CampaignError
from analytics.lists import Lists
from analytics.lists.phones import phone_key
from analytics.model.calls import OUTCOMES
from analytics.model.entity import EntityModel
from analytics.store import Store
from analytics.store.tables import call
from analytics.templates.sample import row_values

_AT_ONCE = 1_000  # candidates a claim looks at: more callers at one moment nobody has


class Calls(CallCampaigns):
    """The call campaigns of a workspace and their calls. Keeps no state of its own; may be shared by threads."""

    def __init__(self, store: Store, model: EntityModel, lists: Lists) -> None:
        super().__init__(store, model, lists)

    def sheet(self, engine: Engine, campaign: int | str) -> Sheet:
        """Return every number of a campaign with where it stands."""
        return read_sheet(self._store, self._model, self._lists, self.get(campaign), engine)

    def next(
        self, engine: Engine, campaign: int | str, caller: str, *, owner: str | None = None, any_hour: bool = False
    ) -> NextCall | None:
        """Give a caller the next person to call, or the one they have already; None when nobody is to be called now.

        Agreed and repeated calls come first, by their time, then new people in the list's order. Nobody else gets the
        number for 15 minutes. Numbers where it is surely not calling time are passed over unless `any_hour`. `owner`
        tells sessions of one caller apart. Raises CampaignError without a caller, NotFound.
        """
        found = self.get(campaign)
        who = _claimant(caller, owner)
        sheet = read_sheet(self._store, self._model, self._lists, found, engine)
        present = self._kept(found, sheet, who)
        if present is None:
            ready = (
                line for line in sheet.in_turn() if any_hour or self.local(line.phone_key).is_calling_time is not False
            )
            present = claim_one(self._store, found, tuple(islice(ready, _AT_ONCE)), who)
        return None if present is None else self._shown(engine, found, *present, who.caller)

    def _kept(self, campaign: CallCampaign, sheet: Sheet, who: Claimant) -> tuple[SheetLine, datetime] | None:
        """Return what the caller has already, given more time; what is of no more use is given back."""
        has = kept(self._store, who)
        if has is None:
            return None
        line = sheet.line(has[1]) if has[0] == campaign.id else None
        until = None if line is None else prolong(self._store, campaign, line.phone_key, who)
        if line is None or until is None:
            release(self._store, who.owner)
            return None
        return line, until

    def release(self, owner: str) -> int:
        """Give back the number a caller's session has, so that others may call it; returns how many."""
        return release(self._store, owner)

    def reserve(
        self, campaign: int | str, lines: Sequence[SheetLine], caller: str, hold: timedelta
    ) -> tuple[SheetLine, ...]:
        """Give a caller all of `lines` that may be called now and nobody has, for `hold`; returns those."""
        return reserve(self._store, self.get(campaign), lines, Claimant(caller, f"{caller} (sheet)"[:100]), hold)

    def note(
        self,
        engine: Engine,
        campaign: int | str,
        phone: str,
        outcome: str,
        *,
        request_key: str,
        caller: str | None = None,
        note: str | None = None,
        next_call_at: datetime | None = None,
        at: datetime | None = None,
    ) -> Call:
        """Write down what came of a call (an outcome of `analytics.model.calls`) and return it.

        A repeated `request_key` writes nothing new. Without `next_call_at` the outcome says when to try again, until
        the campaign's number of attempts is reached. `at` is when the call was, by default now. The list counts a
        contact of every row with the number; `do_not_call` suppresses it. Raises CampaignError for what cannot be,
        NotFound.
        """
        found = self.get(campaign)
        key = phone_key(phone, default_country=self._store.settings.phone_country)
        if key is None:
            raise CampaignError(f"{phone!r} is no telephone number that can be dialled; write +44 20 7946 0123.")
        asked = Asked(key, outcome, request_key, caller, note, next_call_at, at)

        def look_up(number: str) -> Who | None:
            line = read_sheet(self._store, self._model, self._lists, found, engine).line(number)
            return None if line is None else Who(line.entity_key, line.keys, line.person)

        return note_call(self._store, found, asked, look_up)

    def calls(self, campaign: int | str, limit: int = 100) -> tuple[Call, ...]:
        """Return the calls of a campaign, the newest first."""
        query = joined().where(call.c.call_campaign_id == self.get(campaign).id)
        with self._store.state.read() as connection:
            rows = connection.execute(query.order_by(call.c.at.desc(), call.c.id.desc()).limit(limit)).all()
        return tuple(map(made, rows))

    def local(self, phone: str) -> LocalTime:
        """Return the local time at a number in E.164 form, and whether it is within calling hours."""
        return local_time(phone, self._store.clock.now(), self._store.settings.calling_window)

    def progress(self, engine: Engine, campaign: int | str) -> Progress:
        """Return where a campaign stands."""
        found = self.get(campaign)
        sheet = read_sheet(self._store, self._model, self._lists, found, engine)
        statuses = Counter(line.status for line in sheet.lines)
        with self._store.state.read() as connection:
            made_calls = connection.execute(
                select(call.c.phone_key, call.c.outcome)
                .where(call.c.call_campaign_id == found.id)
                .order_by(call.c.at, call.c.id)
            ).all()
            busy = claimed(connection, found.id)
        last = {row.phone_key: row.outcome for row in made_calls}
        waiting = [line.next_call_at for line in sheet.lines if line.status == "waiting" and line.next_call_at]
        return Progress(
            members=sheet.members,
            problems=sheet.problems,
            numbers=len(sheet.lines),
            **{name: statuses[name] for name in ("due", "new", "waiting", "closed", "given_up", "do_not_call")},
            claimed=busy,
            calls=len(made_calls),
            called=len(last),
            reached=len({row.phone_key for row in made_calls if OUTCOMES[row.outcome].is_reached}),
            next_at=min(waiting, default=None),
            outcomes=Counter(last.values()),
        )

    def rendered(self, engine: Engine, campaign: CallCampaign, line: SheetLine, caller: str) -> str:
        """Return the campaign's script for one person."""
        script = self.script(campaign, caller)
        return script.render(row_values(engine, self._model, campaign.entity, line.entity_key, script.paths))

    def _shown(self, engine: Engine, campaign: CallCampaign, line: SheetLine, until: datetime, caller: str) -> NextCall:
        return NextCall(
            campaign=campaign,
            line=line,
            international=international(line.phone_key),
            script=self.rendered(engine, campaign, line, caller),
            local=self.local(line.phone_key),
            history=contacts_of(self._store, line.phone_key, line.person),
            until=until,
        )


def _claimant(caller: str, owner: str | None) -> Claimant:
    name = caller.strip()
    if not name or len(name) > 100:
        raise CampaignError(f"{caller[:40]!r} is no name of a caller; say who calls, in 1 to 100 characters.")
    return Claimant(name, (owner or name)[:100])
