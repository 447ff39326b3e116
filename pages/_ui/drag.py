"""Dragging rows and groups of the builder to another place; the menus do the same by keyboard.

The component watches its own corner of the page: a pointer that goes down on a grip drags the row or group around it,
a line shows where it would land, and letting go reports both numbers. It changes nothing that Streamlit drew.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_JS = """
export default function ({ data, setTriggerValue }) {
  const item = new RegExp("st-key-(?:cond|group)-" + data.prefix + "-e\\\\d+-n(\\\\d+)(?:\\\\s|$)");
  const numbered = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const found = typeof at.className === "string" && at.className.match(item);
      if (found) { return { element: at, number: Number(found[1]), group: at.className.includes("st-key-group-") }; }
    }
    return null;
  };
  let dragged = null, goal = null, line = null;
  const place = (event) => {
    const over = document.elementsFromPoint(event.clientX, event.clientY).map(numbered).find(Boolean);
    if (!over || over.number === dragged.number || dragged.element.contains(over.element)) { return null; }
    const box = over.element.getBoundingClientRect();
    const edge = over.group ? Math.min(9, box.height / 3) : box.height / 2;
    const side = event.clientY < box.top + edge ? "before" : event.clientY > box.bottom - edge ? "after" : "into";
    return { number: over.number, side, box };
  };
  const show = () => {
    if (!goal) { line.style.display = "none"; return; }
    const { box, side } = goal;
    const top = side === "before" ? box.top - 5 : side === "after" ? box.bottom + 2 : box.top;
    Object.assign(line.style, {
      display: "block", left: box.left + "px", width: box.width + "px", top: top + "px",
      height: side === "into" ? box.height + "px" : "3px",
      background: side === "into" ? "transparent" : "var(--st-primary-color)",
      border: side === "into" ? "2px dashed var(--st-primary-color)" : "0",
    });
  };
  const stop = () => {
    if (!dragged) { return; }
    dragged.element.style.opacity = "";
    line.remove();
    document.body.style.userSelect = "";
    dragged = goal = line = null;
  };
  const down = (event) => {
    const grip = event.target.closest && event.target.closest(".sd-grip");
    const found = grip && event.button === 0 && numbered(grip);
    if (!found) { return; }
    event.preventDefault();
    dragged = found;
    dragged.element.style.opacity = "0.45";
    document.body.style.userSelect = "none";
    line = document.createElement("div");
    Object.assign(line.style, {
      position: "fixed", zIndex: 999999, pointerEvents: "none", borderRadius: "6px", display: "none",
      boxSizing: "border-box",
    });
    const theme = document.querySelector("[data-testid=stApp]") || document.body;
    theme.appendChild(line);
    line.style.setProperty("--st-primary-color", data.colour);
  };
  const move = (event) => {
    if (!dragged) { return; }
    event.preventDefault();
    goal = place(event);
    show();
    const edge = 60, scroller = document.querySelector("[data-testid=stMain]");
    if (scroller && event.clientY < edge) { scroller.scrollBy(0, -12); }
    if (scroller && event.clientY > window.innerHeight - edge) { scroller.scrollBy(0, 12); }
  };
  const up = () => {
    if (dragged && goal) {
      setTriggerValue("moved", { item: dragged.number, target: goal.number, side: goal.side });
    }
    stop();
  };
  const key = (event) => {
    if (event.key === "Escape") { stop(); }
    // A menu that was opened by key sometimes leaves the focus on its button; the next key goes into it.
    const first = document.querySelector("[role=menu] [role=menuitem]");
    const button = document.activeElement;
    if (first && button && button.tagName === "BUTTON" && (event.key === "ArrowDown" || event.key === "Tab")) {
      event.preventDefault();
      event.stopPropagation();
      first.focus();
    }
  };
  document.addEventListener("pointerdown", down);
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", up);
  document.addEventListener("pointercancel", stop);
  document.addEventListener("keydown", key, true);
  return () => {
    stop();
    document.removeEventListener("pointerdown", down);
    document.removeEventListener("pointermove", move);
    document.removeEventListener("pointerup", up);
    document.removeEventListener("pointercancel", stop);
    document.removeEventListener("keydown", key, true);
  };
}
"""

_dragging = st.components.v2.component("shelduck.dragging", js=_JS)


def watch(prefix: str, colour: str, moved: Callable[[object], None]) -> None:
    """Let items of the builder `prefix` be dragged; `moved` gets the report, which anybody could make up."""
    key = f"{prefix}.dragging"

    def reported() -> None:
        moved(st.session_state[key].get("moved"))

    _dragging(data={"prefix": prefix.replace(".", "-"), "colour": colour}, key=key, height=1, on_moved_change=reported)
