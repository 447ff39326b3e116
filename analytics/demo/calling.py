"""The demo shop's telephone campaign: contacts of the sales people, some of them called already."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from analytics.calls import export_calls
from analytics.segments import Definition
from analytics.services import Services

LIST = "Contacts with a telephone"
CAMPAIGN = "The new range, by telephone"
_CODE = "OFFICE26"
_PEOPLE = 60
_CALLED = 26
_DEFINITION = {
    "entity": "contact",
    "where": {"field": "phone", "is": "not_empty"},
    "sort": [{"field": "last_name"}, {"field": "id"}],
    "limit": _PEOPLE,
}
_SCRIPT = """Good day{% if entity.first_name %}, {{ entity.first_name }} {{ entity.last_name }}{% endif %}, \
this is {{ sender.name }} from {{ shop.name }}.

Our new office range is here: oak, sage and walnut. May I send you the catalogue{% if entity.account.name %} to \
{{ entity.account.name }}{% endif %}?

If yes: which address suits best? If not now: when may I call again?"""
_OUTCOMES = (
    ("no_answer",) * 4
    + ("voicemail", "busy", "interested", "interested", "not_interested", "ordered")
    + (
        "call_back",
        "wrong_number",
    )
)
_CALLERS = ("Lena", "Tom")


def play_calls(services: Services, seed: int) -> int:
    """Make the list and the campaign, note the calls of the last two days, and return how many there were."""
    rng = random.Random(seed)
    services.lists.create(LIST, Definition.from_document(_DEFINITION), contact="phone")
    made = services.calls.create(
        CAMPAIGN, marketing_list=LIST, script=_SCRIPT, marketing_campaign=_CODE, cost=90, most_attempts=4
    )
    now = services.store.clock.now()
    with services.engine() as engine:
        lines = services.calls.sheet(engine, made.id).lines[:_CALLED]
        for number, line in enumerate(lines):
            at = now - timedelta(days=2) + timedelta(minutes=9 * number)
            outcome = "do_not_call" if number == 7 else rng.choice(_OUTCOMES)
            more: dict[str, Any] = {"next_call_at": at + timedelta(days=3)} if outcome == "call_back" else {}
            services.calls.note(
                engine,
                made.id,
                line.phone_key,
                outcome,
                request_key=f"demo/{number}",
                caller=rng.choice(_CALLERS),
                at=at,
                **more,
            )
    return export_calls(services.store)
