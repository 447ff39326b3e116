"""What both kinds of campaign ask of a value before they keep it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation

from analytics.errors import CampaignError

CODE = re.compile(r"[A-Za-z0-9_-]{1,20}")
NAME_LENGTH = 100


def checked_name(kind: str, name: str) -> str:
    """Return the trimmed name; CampaignError when it is empty, too long or has line breaks."""
    text = one_line(f"The name of the {kind}", name)
    if not text:
        raise CampaignError(f"The {kind} needs a name.")
    if len(text) > NAME_LENGTH:
        raise CampaignError(
            f"The name of the {kind} has {len(text)} characters, at most {NAME_LENGTH} are kept: {text[:60]}..."
        )
    return text


def one_line(what: str, text: str) -> str:
    """Return the trimmed text; CampaignError when it holds a line break or another control character.

    Such a text would end up in a mail's header, where a line break begins the next header.
    """
    for character in text:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            raise CampaignError(
                f"{what} is {text!r}: it holds {character!a}, a line break or control character. Write one line."
            )
    return text.strip()


def checked_code(code: str) -> str:
    """Return the trimmed code; CampaignError when it cannot be one."""
    text = code.strip()
    if not CODE.fullmatch(text):
        raise CampaignError(
            f"Campaign code {code!r} cannot be used: a code has 1 to 20 letters, digits, - or _, such as spring-2026."
        )
    return text


def checked_money(what: str, amount: Decimal | int | str | None) -> Decimal | None:
    """Return the amount; CampaignError when it is no number, negative or has more than four decimals."""
    if amount is None:
        return None
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        raise CampaignError(f"{what} is {amount!r}; expected an amount such as 12.50.") from None
    if not value.is_finite() or value < 0 or value >= 10**15 or value != round(value, 4):
        raise CampaignError(f"{what} is {amount}; expected an amount of 0 or more, with at most four decimals.")
    return value


def checked_day(what: str, day: date | str | None) -> date | None:
    """Return the day; CampaignError when the text is none."""
    if day is None or isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day.strip())
    except ValueError:
        raise CampaignError(f"{what} is {day!r}; expected a day such as 2026-03-31.") from None


def checked_percent(percent: Decimal | int | str) -> Decimal:
    """Return the holdout percentage; CampaignError outside 0 to 50."""
    try:
        value = Decimal(str(percent).strip().removesuffix("%").strip())
    except InvalidOperation:
        raise CampaignError(f"The holdout is {percent!r}; expected a percentage such as 10.") from None
    if not value.is_finite() or not 0 <= value <= 50:
        raise CampaignError(f"The holdout is {percent} percent; at least half have to get the mail: 0 to 50.")
    if value != round(value, 2):
        raise CampaignError(f"The holdout is {percent} percent; it is kept with at most two decimals, such as 12.25.")
    return value
