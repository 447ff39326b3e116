"""Countries by what data calls them: a code, or a name in some language."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS

# What people write and the table of names has not.
_OTHERS = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "united states of america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "czechia": "CZ",
    "brd": "DE",
}


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country given as code (`DE`, `DE-BY`) or name (`Germany`), else None."""
    wanted = _folded(text)
    code = wanted[:2].upper()
    if code in SUPPORTED_REGIONS and (len(wanted) == 2 or wanted[2:3] == "-"):
        return code
    return _OTHERS.get(wanted) or _names().get(wanted)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return {name: code} of every name phonenumbers knows; a name that two countries have is none."""
    from phonenumbers.geodata.locale import LOCALE_DATA  # takes a quarter second, and codes do not need it

    owners: dict[str, set[str]] = {}
    for code, names in LOCALE_DATA.items():
        for name in names.values():
            if not name.startswith("*") and code in SUPPORTED_REGIONS:
                owners.setdefault(_folded(name), set()).add(code)
    return {name: next(iter(codes)) for name, codes in owners.items() if len(codes) == 1}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().replace("\u2019", "'").casefold()
