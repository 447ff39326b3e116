"""What a browser session holds: the open services, drafts, and the keys that make a submit idempotent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any, TypeVar, cast

import streamlit as st

from analytics.bootstrap import open_services
from analytics.services import Services

T = TypeVar("T")


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """Return the services of the workspace, opened once for all sessions of this process."""
    return open_services()


def get(name: str, default: T) -> T:
    """Return what this session keeps under `<page>.<name>`, or `default`."""
    return cast(T, st.session_state.get(name, default))


def keep(name: str, value: Any) -> None:
    """Keep a value under `<page>.<name>` until the session ends; it survives a change of page, unlike widget keys."""
    st.session_state[name] = value


def forget(*prefixes: str) -> None:
    """Drop everything whose name begins with one of these prefixes: the widgets of a finished form, a draft."""
    for name in [n for n in st.session_state if str(n).startswith(prefixes)]:
        del st.session_state[name]


def request_key(action: str) -> str:
    """Return the key of the action a person is about to take; the same until `done(action)`.

    A double click, a rerun or a reload of the form repeats the key, so the service does the work once.
    """
    name = f"request.{action}"
    if name not in st.session_state:
        st.session_state[name] = uuid.uuid4().hex
    return cast(str, st.session_state[name])


def once(action: str, values: object, work: Callable[[], T]) -> T:
    """Return what `work` returned for these values, doing it at most once: the same form submitted twice is one thing.

    A second click that arrives while the first one is served runs the page again, with the form as it was.
    """
    name = f"result.{action}.{hashlib.sha256(repr(values).encode()).hexdigest()}"
    if name not in st.session_state:
        st.session_state[name] = work()
    return cast(T, st.session_state[name])


def done(action: str) -> None:
    """End an action: the next one gets a key of its own."""
    st.session_state.pop(f"request.{action}", None)


def deleted() -> None:
    """Forget what forms made: something was deleted, and making the same again is a new wish."""
    forget("result.")


def chosen(name: str) -> str | None:
    """Return the query parameter `name`: which list, campaign, ... a page shows."""
    return st.query_params.get(name) or None


def chosen_id(name: str) -> int | None:
    """Return the query parameter `name` as a number; None if it is absent or no number."""
    value = chosen(name)
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 18 else None


def choose(**parameters: str | int | None) -> None:
    """Put query parameters into the address (None takes one out), so that the view can be shared and gone back to."""
    for name, value in parameters.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(value)
