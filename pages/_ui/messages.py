"""Sentences for people: errors, notices that survive a rerun, and text from outside made harmless for Markdown."""

from __future__ import annotations

import re
import string
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
import structlog

from analytics.errors import AnalyticsError
from analytics.views.wording import visible

_PUNCTUATION = re.compile("([" + re.escape(string.punctuation) + "])")
_JOINED = re.compile(r"(\\[:@]|www)(?=\S)")
_NOTICE = "messages.notice"

SENTENCES = AnalyticsError
"""Errors that are sentences for people; to be caught where a page goes on without the answer."""


def plain(value: object) -> str:
    """Return text from outside so that Streamlit's Markdown shows it letter by letter: no markup, link or emoji code.

    Emoji codes, icons, and addresses of pages and mailboxes are looked for after unescaping; an invisible word joiner
    keeps `:name:`, `https:`, `www.` and `@` from being taken for one.
    """
    return _JOINED.sub("\\1\u2060", _PUNCTUATION.sub(r"\\\1", visible(value)))


def sentence(text: object) -> str:
    """Return a sentence of the services for the screen; the marks around commands are for terminals and documents."""
    return plain(str(text).replace("`", ""))


def show(error: AnalyticsError) -> None:
    """Show the sentence of an error."""
    st.error(sentence(error), icon=":material/error:")


def unexpected() -> None:
    """Say that something broke which nobody foresaw, with a number that finds it in the log; for an except block."""
    number = uuid.uuid4().hex[:8]
    structlog.get_logger().exception("a page broke", page_error=number)
    st.error(
        f"Something went wrong here that should not. What you saved before is safe. The log has the details "
        f"under the number {number}.",
        icon=":material/bug_report:",
    )


@contextmanager
def errors() -> Iterator[None]:
    """Show an error of the services as its sentence; what follows on the page still runs."""
    try:
        yield
    except AnalyticsError as error:
        show(error)


def notice(text: str) -> None:
    """Say `text` (plain text) at the top of the next run of any page: what was done, after a rerun or page change."""
    st.session_state[_NOTICE] = text


def show_notice() -> None:
    """Show the notice that waits, once."""
    text = st.session_state.pop(_NOTICE, None)
    if text:
        st.toast(plain(text), icon=":material/check_circle:", duration="long")
