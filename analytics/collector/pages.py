"""The few pages a recipient sees: small, without script, readable by screen readers, of the shop's name alone."""

from __future__ import annotations

from html import escape

from analytics.collector.answers import Answer

_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store, private"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
_STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;background:#f5f5f4;color:#1c1917}"
    "main{max-width:32rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:.5rem}"
    "h1{font-size:1.5rem;margin-top:0}"
    "button{font:inherit;padding:.75rem 1.5rem;border:0;border-radius:.375rem;background:#1d4ed8;color:#fff}"
    "button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid #1c1917;outline-offset:2px}"
    "a{color:#1d4ed8}fieldset{border:0;margin:0;padding:0}legend{padding:0;font-weight:600;margin-bottom:.75rem}"
    ".choice{display:grid;grid-template-columns:1.5rem 1fr;gap:0 .75rem;padding:.5rem 0}"
    ".choice input{width:1.25rem;height:1.25rem;margin:.25rem 0 0;accent-color:#1d4ed8}"
    ".choice p{grid-column:2;margin:0;color:#57534e;font-size:1rem}"
    ".stop{border-top:1px solid #d6d3d1;margin:.75rem 0 1rem;padding-top:1.25rem}"
    ".note{padding:.75rem 1rem;background:#fef3c7;border-radius:.375rem}ul{padding-left:1.25rem}"
)


class Pages:
    """The pages of one workspace."""

    def __init__(self, shop: str) -> None:
        """Take the shop's name as its customers know it."""
        name = escape(shop)
        self._name = name
        self.gone = page(
            200,
            "You are unsubscribed",
            f"<p>{name} sends no more marketing mail to this address. You may close this page.</p>",
        )
        self.not_kept = page(
            503,
            "Please try again",
            "<p>Your wish could not be kept just now. Please load this page again in a minute.</p>",
            (b"retry-after", b"30"),
        )
        self.not_found = page(
            404, "Nothing here", "<p>This link leads nowhere. It may have been cut when it was copied.</p>"
        )
        self.away = page(
            503,
            "Please try again",
            "<p>This link cannot be followed just now. Please try it again in a minute.</p>",
            (b"retry-after", b"30"),
        )

    def ask(self, preferences: str) -> Answer:
        """Return the page that asks before it unsubscribes; `preferences` is the token of the other page."""
        return page(
            200,
            f"Unsubscribe from {self._name}",
            f"<p>Press the button, and {self._name} sends no more marketing mail to the address this mail came to.</p>"
            '<form method="post"><button type="submit">Unsubscribe</button></form>'
            f'<p>Or <a href="../p/{preferences}">choose what you would like to get</a>.</p>',
        )


def page(status: int, title: str, content: str, *more: tuple[bytes, bytes]) -> Answer:
    """Return a page; `title` and `content` are HTML."""
    document = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{content}</main></body></html>\n"
    )
    return Answer(status, (*_HEADERS, *more), document.encode())
