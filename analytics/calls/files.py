"""The call sheet on paper: people taken along as CSV or as a page to print, outcomes read back from CSV."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from analytics.calls.calls import Calls
from analytics.calls.hours import international, zones_of
from analytics.calls.records import CallCampaign, SheetLine
from analytics.engine import Engine
from analytics.errors import AnalyticsError, CampaignError
from analytics.lists.csvfile import unguarded
from analytics.lists.export import write_csv
from analytics.model.calls import OUTCOMES

COLUMNS = ("request_key", "number", "dial", "name", "zones", "calls", "last_outcome", "script")
FILLED_IN = ("outcome", "note", "next_call_at", "called_at", "caller")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 11pt/1.45 sans-serif; margin: 1.5cm; color: #111; }}
section {{ border-top: 1px solid #999; padding: .5cm 0; break-inside: avoid; }}
h2 {{ font-size: 15pt; margin: 0; }} p {{ margin: .15cm 0; }} pre {{ font: inherit; white-space: pre-wrap; }}
.boxes span {{ display: inline-block; margin-right: .6cm; }} .line {{ border-bottom: 1px solid #999; height: .8cm; }}
</style></head><body><h1>{title}</h1>
{people}
</body></html>
"""


@dataclass(frozen=True)
class Outcomes:
    """What a sheet brought back: calls noted, lines nobody filled in, and lines that do not fit with their reasons."""

    noted: int
    empty: int
    bad: tuple[tuple[int, str], ...]


def write_sheet(
    calls: Calls, engine: Engine, campaign: int | str, path: Path, caller: str, limit: int, hold: timedelta
) -> int:
    """Write the next `limit` people of a campaign to a CSV file, or to a page to print (`.html`); returns how many.

    They are held for `caller` as long as `hold`. Raises CampaignError for a file of another kind or that cannot be
    written, NotFound.
    """
    if path.suffix.lower() not in (".csv", ".html"):
        raise CampaignError(f"{path.name} is no sheet; name a file ending in .csv, or in .html to print.")
    found = calls.get(campaign)
    lines = tuple(islice(calls.sheet(engine, found.id).in_turn(), limit))
    held = calls.reserve(found.id, lines, caller, hold)
    if path.suffix.lower() == ".csv":
        return write_csv(path, (*COLUMNS, *FILLED_IN), _rows(calls, engine, found, held, caller))
    people = "\n".join(_printed(line, calls.rendered(engine, found, line, caller)) for line in held)
    try:
        path.write_text(_PAGE.format(title=escape(f"{found.name}, {caller}"), people=people), "utf-8")
    except OSError as error:
        raise CampaignError(f"{path} cannot be written: {error.strerror}.") from None
    return len(held)


def _rows(
    calls: Calls, engine: Engine, campaign: CallCampaign, lines: tuple[SheetLine, ...], caller: str
) -> Iterator[tuple[object, ...]]:
    for line in lines:
        script = calls.rendered(engine, campaign, line, caller)
        zones = " ".join(zones_of(line.phone_key))
        about = (uuid.uuid4().hex, line.phone_key.removeprefix("+"), international(line.phone_key), line.title)
        yield (*about, zones, line.attempts, line.last_outcome, script, *[""] * len(FILLED_IN))


def _printed(line: SheetLine, script: str) -> str:
    boxes = "".join(f"<span>&#9744; {escape(outcome.label)}</span>" for outcome in OUTCOMES.values())
    zones = ", ".join(zones_of(line.phone_key)[:3])
    return (
        f"<section><h2>{escape(international(line.phone_key))} &nbsp; {escape(line.title)}</h2>"
        f"<p>{escape(zones)}</p><pre>{escape(script)}</pre><p class=boxes>{boxes}</p>"
        f"<p>Note, next call:</p><div class=line></div></section>"
    )


def read_outcomes(calls: Calls, engine: Engine, campaign: int | str, path: Path, caller: str, zone: str) -> Outcomes:
    """Note the outcomes of a CSV file with the columns of the sheet; needed are number and outcome.

    Times are ISO, those without a zone of `zone`. A line is noted once, by its request key (without one: by campaign,
    number and called_at). What does not fit is told by line, the rest is noted. Raises CampaignError for a file that
    is none.
    """
    found = calls.get(campaign)
    noted = empty = 0
    bad: list[tuple[int, str]] = []
    for number, row in _lines(path):
        if not row.get("outcome", ""):
            empty += 1
            continue
        try:
            at = _time(row.get("called_at", ""), zone)
            key = row.get("request_key", "") or f"{found.id}:{row['number']}:{row.get('called_at', '')}"
            phone = row["number"]
            calls.note(
                engine,
                found.id,
                phone if phone.startswith(("+", "0")) else f"+{phone}",
                row["outcome"].lower().replace(" ", "_"),
                request_key=key,
                caller=row.get("caller", "") or caller,
                note=row.get("note", "") or None,
                next_call_at=_time(row.get("next_call_at", ""), zone),
                at=at,
            )
            noted += 1
        except AnalyticsError as error:
            bad.append((number, str(error)))
    return Outcomes(noted, empty, tuple(bad))


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            for name in ("number", "outcome"):
                if name not in (reader.fieldnames or ()):
                    raise CampaignError(
                        f"{path} has no column {name!r}; a sheet has {', '.join((*COLUMNS, *FILLED_IN))}."
                    )
            for row in reader:
                yield reader.line_num, {k: _value(v) for k, v in row.items() if isinstance(k, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CampaignError(f"{path} cannot be read as CSV: {error}.") from None


def _value(cell: str | None) -> str:
    """Return what a cell says, without the NUL characters that PostgreSQL cannot keep."""
    return unguarded((cell or "").replace("\x00", "").strip())


def _time(text: str, zone: str) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise CampaignError(f"{text!r} is no time; write 2026-11-24T14:30.") from None
    return read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))
