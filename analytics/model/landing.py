"""Where a click leads: the stored target with the campaign's marks added."""

from __future__ import annotations

from urllib.parse import quote, unquote_plus

_KEPT = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986 reserved characters, and the % of what is encoded already
LANDING_PARAMETER = "sdk"
"""Query parameter that carries the landing token."""


def landing_url(
    target: str, *, code: str | None, sending_id: int, landing_token: str | None, source: str = "shelduck"
) -> str:
    """Return the address a click is redirected to.

    Adds utm_source=`source`, utm_medium=email, utm_campaign=`code` (left out without one) and utm_content=`sending_id`
    unless the target has a parameter of that name, and sdk=`landing_token` in place of a former one (a link copied
    from the address bar carries an old one; None adds none). Path, other parameters, their order and the fragment
    stay as they are. The result is ASCII without white space or control characters, so it fits a Location header:
    other characters are percent-encoded as UTF-8, a host name becomes its IDNA form.
    """
    address, hash_sign, fragment = _ascii(target).partition("#")
    before, _, query = address.partition("?")
    pieces = [piece for piece in query.split("&") if piece and _name(piece) != LANDING_PARAMETER]
    present = {_name(piece) for piece in pieces}
    wanted = {"utm_source": source, "utm_medium": "email", "utm_campaign": code, "utm_content": str(sending_id)}
    pieces += [
        f"{name}={quote(value, safe='')}" for name, value in wanted.items() if value is not None and name not in present
    ]
    if landing_token is not None:
        pieces.append(f"{LANDING_PARAMETER}={quote(landing_token, safe='')}")
    joined = f"?{'&'.join(pieces)}" if pieces else ""
    return f"{before}{joined}{hash_sign}{fragment}"


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0]).lower()


def _ascii(target: str) -> str:
    """Return the target in ASCII; tabs and line ends inside are dropped, as browsers do (WHATWG URL 4.4)."""
    text = target.strip().replace("\t", "").replace("\r", "").replace("\n", "")
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _quoted(text)
    ends = [place for place in map(rest.find, "/?#\\") if place >= 0]
    host, tail = (rest[: min(ends)], rest[min(ends) :]) if ends else (rest, "")
    if not host.isascii():
        user, at, name = host.rpartition("@")
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            name = quote(name, safe=":")
        host = _quoted(user) + at + name
    return f"{scheme}{separator}{_quoted(host)}{_quoted(tail)}"


def _quoted(text: str) -> str:
    return quote(text, safe=_KEPT, errors="replace")
