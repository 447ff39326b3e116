"""The mark of the product: a shelduck, drawn as SVG in the reader's colours. Its name beside it is set by style.py."""

from __future__ import annotations

from pages._ui.palette import LIGHT, Palette, palette

_BILL = "#c8452f"


def mark(colours: Palette | None = None) -> str:
    """Return the bird as an SVG document, by default in the colours of the reader's theme."""
    tones = colours or palette()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 38 38" width="38" height="38">'
        '<path d="M3 25c2.5 6 9 9 16 9 9 0 15-5 16.5-12 .4-2-1-3-2.6-2.3C29 21.4 25 22 21.5 20.8 18.5 19.7 17.8 17 '
        "18.3 13.5 18.8 9.5 16.5 6 12.5 6 9 6 6.8 8.3 6.6 11.2L2 14.2c2 1.6 4.3 1.9 6.4 1.4-.2 3-1.9 5-3.4 6.4C4 23 "
        f'2.6 23.9 3 25z" fill="{tones.human}"/>'
        '<path d="M11 25.5c3 2.6 8 3.5 12.5 2.6 3.3-.7 6-2.3 7.5-4.4-1 5-6 8-12 8-4 0-7-2.5-8-6.2z" '
        f'fill="{tones.money}"/>'
        f'<path d="M6.6 11.2 2 14.2c2 1.6 4.3 1.9 6.4 1.4z" fill="{_BILL}"/>'
        f'<circle cx="11.6" cy="10.8" r="1.3" fill="{tones.page}"/></svg>'
    )


ICON = mark(LIGHT)
"""The bird for the browser's tab."""
