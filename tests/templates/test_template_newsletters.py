"""Real newsletters pass unchanged but for links, pixel and footer."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pytest

from analytics.errors import TemplateError, UnknownVariable
from tests.templates.shop import BASE, compiled, parsed, plan, resolved, sent

pytestmark = pytest.mark.shared


def without_additions(html: str) -> str:
    """The HTML without what the mail adds before the end of the body."""
    return re.sub(
        r'<div style="margin:0;padding:24px 16px[^>]*>.*?</div>\n<img src="[^"]*\.gif"[^>]*>\n', "", html, flags=re.S
    )


def test_newsletters_are_sent_as_they_are(shared: Path) -> None:
    files = sorted((shared / "templates").glob("*.html"))
    assert len(files) == 13
    for file in files:
        source = file.read_text("utf-8").replace("\r\n", "\n")
        if file.name.startswith("postmark"):
            source = f"{{% raw %}}{source}{{% endraw %}}"
        made = plan(compiled(source, subject="News", entity=None))
        mail = sent(made)
        read, text, html = parsed(mail.message)
        assert not read.defects
        bare = without_additions(resolved(html, made.constant_links, dict(mail.links), escape))
        assert bare == source.removeprefix("{% raw %}").removesuffix("{% endraw %}"), file.name
        expected = re.findall(
            r"""<a\b[^>]*\bhref="(https?://[^"]*)""", re.sub(r"<!--(?!\[if).*?-->", "", bare, flags=re.S)
        )
        assert [made.constant_links[n] for n in sorted(made.constant_links)] == expected, file.name
        assert len(html.split(f"{BASE}/o/")) == 2
        assert len(text.split()) > 20


def test_merge_tags_of_others_stay_text(shared: Path) -> None:
    source = (shared / "templates" / "blueprints-simple-basic.html").read_text("utf-8")
    _, text, html = parsed(sent(plan(compiled(source, entity=None))).message)
    assert "*|MC:SUBJECT|*" in html
    assert 'href="*|UNSUB|*"' in html
    assert "*|LIST:COMPANY|*" in text


def test_foreign_braces_are_refused_with_their_line(shared: Path) -> None:
    dunning = (shared / "templates" / "postmark-dunning.html").read_text("utf-8")
    line = 1 + dunning[: dunning.index("{{name}}")].count("\n")
    with pytest.raises(UnknownVariable) as caught:
        compiled(dunning)
    assert (caught.value.name, caught.value.place) == ("name", f"html, line {line}")
    invoice = (shared / "templates" / "postmark-invoice.html").read_text("utf-8")
    with pytest.raises(TemplateError, match=r"put them between \{% raw %\}"):
        compiled(invoice)
