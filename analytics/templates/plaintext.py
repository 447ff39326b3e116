"""The text part of a mail that has none: made from its HTML by inscriptis, with the address after each link's text.

Newsletters lay out with tables, so cells become blocks; a row whose cells hold nothing but short text stays one line.
"""

from __future__ import annotations

import re

from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import html as lxml_html  # type: ignore[import-untyped]

from analytics.errors import TemplateError
from analytics.templates.marks import BEGIN, OPEN

_BLOCKS = {"table", "div", "p", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th", "hr", "br", "img", "center"}
_SHOWN_SCHEMES = ("http://", "https://", "mailto:", "tel:")
_SPACES = re.compile(r"[ \t\u00a0\u200b-\u200d\u034f\ufeff]+\n")


def to_text(html: str) -> str:
    """Return HTML (with marks or without) as plain text; raises TemplateError when it is nested too deeply."""
    # As bytes: lxml refuses a text that carries a declaration of its encoding.
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(html.encode("utf-8", "replace") or b"<p></p>", parser=parser)
        _show_addresses(tree)
        _hide_preheaders(tree)
        _unfold_tables(tree)
        config = ParserConfig(css=STRICT_CSS_PROFILE, display_images=True, deduplicate_captions=True)
        text = Inscriptis(tree, config).get_text()
    except RecursionError:
        raise TemplateError("html: its elements are nested too deeply to make a text part; give one.") from None
    except lxml_html.etree.ParserError:  # nothing but comments
        return ""
    text = _SPACES.sub("\n", text + "\n")
    text = re.sub(r"^[ \t]+(?![ \t]*(?:[*+o-]|\d+\.) )", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _show_addresses(tree: lxml_html.HtmlElement) -> None:
    for link in tree.iter("a"):
        address = (link.get("href") or "").strip()
        if not address.lower().startswith(_SHOWN_SCHEMES) and not address.startswith((OPEN, BEGIN)):
            continue
        shown = re.sub(r"^(mailto:|tel:)", "", address, flags=re.I)
        label = " ".join(link.text_content().split())
        if not label and not any(image.get("alt") for image in link.iter("img")):
            continue  # spacers and icons without a word
        added = "" if label == shown else f" ({shown})"
        children = list(link)
        if children:
            children[-1].tail = (children[-1].tail or "").rstrip() + added
        else:
            link.text = (link.text or "").rstrip() + added


def _hide_preheaders(tree: lxml_html.HtmlElement) -> None:
    """Leave out what mails hide by other means than display: none."""
    for part in tree.iter("div", "span", "td", "p"):
        style = (part.get("style") or "").replace(" ", "").lower()
        if "mso-hide:all" in style or "max-height:0" in style:
            part.set("style", "display:none")


def _unfold_tables(tree: lxml_html.HtmlElement) -> None:
    rows = list(tree.iter("tr"))
    for row in rows:
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        is_line = len(cells) > 1 and not any(below.tag in _BLOCKS for cell in cells for below in cell.iterdescendants())
        for n, cell in enumerate(cells):
            cell.tag = "span" if is_line else "div"
            if is_line and n:
                cell.tail = None
                cell.text = "  " + (cell.text or "")
        row.tag = "div"
    for part in list(tree.iter("table", "tbody", "thead", "tfoot")):
        part.tag = "div"
    for row in rows:
        row.set("style", "")  # widths and paddings of cells mean nothing in text
