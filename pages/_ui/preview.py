"""Showing a mail without trusting it.

`st.iframe` would run a mail's scripts with the rights of the dashboard. This component puts the mail into a frame with
an empty `sandbox` (no script, form, pop-up, same origin) whose policy loads nothing from anywhere: remote images stay
blank, so a preview is never counted as an open.
"""

from __future__ import annotations

import streamlit as st

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"

_CSS = """
.mail { border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); overflow: hidden;
        background: #ffffff; }
.mail iframe { display: block; width: 100%; border: 0; background: #ffffff; }
"""
_JS = """
export default function ({ data, parentElement }) {
  let box = parentElement.querySelector(".mail");
  if (!box) {
    box = document.createElement("div");
    box.className = "mail";
    parentElement.appendChild(box);
  }
  let frame = box.querySelector("iframe");
  if (frame && frame.srcdoc === data.page) { return; }
  if (frame) { frame.remove(); }
  frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "");
  frame.setAttribute("csp", data.policy);
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.setAttribute("title", data.title);
  frame.style.height = data.height + "px";
  frame.srcdoc = data.page;
  box.appendChild(frame);
}
"""

_frame = st.components.v2.component("shelduck.mail", css=_CSS, js=_JS)


def page_of(html: str) -> str:
    """Return the document the frame shows: the policy first, so that nothing in the mail comes before it."""
    return f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">{html}'


def mail(html: str, *, key: str, title: str = "Preview of the mail", height: int = 560) -> None:
    """Show a mail's HTML, `height` pixels high."""
    # The policy stands in the page for every browser, and on the frame for those that look ahead for images meanwhile.
    data = {"page": page_of(html), "policy": POLICY, "title": title, "height": height}
    _frame(data=data, key=key, height=height + 2)
