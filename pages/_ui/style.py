"""The few rules of style a theme cannot say: measures, tabular figures, the state bar, quiet captions."""

from __future__ import annotations

import streamlit as st

_CSS = """
<style>
[data-testid="stMainBlockContainer"] { max-width: 1180px; padding-left: 2.5rem; padding-right: 2.5rem; }
[data-testid="stMetricValue"], [data-testid="stMetricDelta"] { font-variant-numeric: tabular-nums; }
[data-testid="stMetricLabel"] p { font-size: 0.85rem; }
[data-testid="stHeadingWithActionElements"] h1 { letter-spacing: -0.015em; padding-bottom: 0.75rem; }
[data-testid="stHeadingWithActionElements"] h2, [data-testid="stHeadingWithActionElements"] h3 {
    padding-top: 0.9rem; padding-bottom: 0.9rem; }
div[class*="st-key-tiles-"] { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.8rem; }
div[class*="st-key-tiles-1-"] { grid-template-columns: 1fr; }
div[class*="st-key-tiles-2-"] { grid-template-columns: repeat(2, 1fr); }
div[class*="st-key-tiles-3-"] { grid-template-columns: repeat(3, 1fr); }
div[class*="st-key-tiles-5-"] { grid-template-columns: repeat(5, 1fr); }
div[class*="st-key-tiles-"] > div, div[class*="st-key-tiles-"] .stMetric { width: 100%; height: 100%; }
[class*="st-key-templates-html"] textarea, [class*="st-key-templates-text"] textarea {
    font-family: "Source Code", monospace; font-size: 0.8rem; line-height: 1.5; }
.st-key-verdict p { font-family: "Source Serif", serif; font-size: 1.3rem; line-height: 1.5; max-width: 62rem;
    text-wrap: balance; }
.sd-number { font-size: 2.3rem; font-weight: 600; letter-spacing: -0.01em; line-height: 1.25; white-space: nowrap;
    font-variant-numeric: tabular-nums; color: inherit !important; text-decoration: none; }
.sd-number:hover, .sd-number:focus-visible { text-decoration: underline; }
[data-testid="stSidebarNav"] li a span { font-size: 0.95rem; }
[data-testid="stSidebarHeader"] > :first-child { display: flex; align-items: center; gap: 0.5rem; }
[data-testid="stSidebarHeader"] > :first-child::after { content: "Shelduck"; font-family: "Source Serif", serif;
    font-weight: 600; font-size: 1.4rem; letter-spacing: -0.01em; }
div[class*="st-key-empty-"] { padding: 2.2rem 1.5rem; text-align: center; }
div[class*="st-key-empty-"] h3 span { font-size: 2.2rem; }
div[class*="st-key-empty-"] h3 { opacity: 0.55; padding: 0; }
div[class*="st-key-banner-"] { padding: 0.15rem 0; }
.sd-bar { display: flex; gap: 2px; height: 14px; border-radius: 7px; overflow: hidden; margin: 0.3rem 0 0.55rem; }
.sd-bar i { display: block; min-width: 3px; }
.sd-legend { display: flex; flex-wrap: wrap; gap: 0.35rem 1.4rem; font-size: 0.9rem;
             font-variant-numeric: tabular-nums; }
.sd-legend span { white-space: nowrap; }
.sd-legend i { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 0.45em; }
.sd-legend b { font-weight: 600; }
[data-testid="stMainBlockContainer"]:has([class*="st-key-undo-"]) { max-width: 1480px; }
[class*="st-key-fields-"] > div { flex: 1 1 7.5rem !important; min-width: 0; }
[class*="st-key-fields-"]:where(:has(> div:nth-child(5))) > div { flex-basis: 9.5rem !important; }
[class*="st-key-fields-"] > div:first-child { flex: 2 1 9.5rem !important; }
[class*="st-key-fields-"] > [data-testid="stElementContainer"]:has(.stCaption, [data-testid="stCaptionContainer"]) {
    flex: 0 1 auto !important; }
[class*="st-key-fields-"] > div:has([data-testid="stMultiSelect"]) { flex: 3 1 10.5rem !important; }
[class*="st-key-fields-line-"] > div { flex: 1 1 9rem !important; }
[class*="st-key-fields-"] > div:has(> [class*="st-key-fields-line-"]),
[class*="st-key-fields-"] > div:has(> [class*="st-key-steps-"]) { flex: 1 1 100% !important; }
[class*="st-key-fields-"] > div:has([data-testid="stButton"]) { flex: 0 1 auto !important; }
[class*="st-key-cond-"] { border-radius: 0.5rem; }
[class*="st-key-tail-"] button > div > div + div[aria-hidden="true"] { display: none; }
[class*="st-key-tail-"] button p { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); white-space: nowrap; }
[class*="st-key-tail-"] button { min-width: 1.9rem; padding: 0.25rem; }
[class*="st-key-group-"] [class*="st-key-group-"] { border-width: 0 0 0 3px; border-radius: 0;
    padding: 0.15rem 0 0.15rem 0.9rem; }
[class*="st-key-where-"] { padding-left: 1.6rem; }
[class*="st-key-where-"] > [data-testid="stElementContainer"]:has([data-testid="stCaptionContainer"]) {
    margin-bottom: 0.5rem; }
[class*="st-key-fields-"] > div[class$="-part"] { flex: 0 1 6.2rem !important; }
[class*="st-key-group-"] [class*="st-key-group-"] [class*="st-key-adders-"] button { border-color: transparent;
    background: transparent; padding-left: 0.35rem; padding-right: 0.35rem; min-height: 2rem; font-size: 0.9rem; }
.sd-grip { display: block; width: 12px; height: 2.4rem; cursor: grab; touch-action: none; opacity: 0.35;
    background: radial-gradient(circle, currentColor 1.3px, transparent 1.6px) 0 50% / 6px 6px repeat;
    background-clip: content-box; padding: 0.75rem 0; box-sizing: border-box; }
.sd-grip:hover { opacity: 0.9; }
.sd-why { display: flex; flex-direction: column; gap: 0.3rem; font-size: 0.95rem; overflow-wrap: anywhere; }
.sd-why > div { display: flex; gap: 0.6rem; align-items: baseline; }
.sd-why b { flex: none; width: 1.4rem; text-align: center; border-radius: 0.35rem; font-weight: 700; }
.sd-why b i { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.sd-why .sd-why-yes b { color: #fff; background: #1c7a5f; }
.sd-why .sd-why-no b { color: #fff; background: #b3382f; }
.sd-why-group { font-weight: 600; }
.sd-saw { opacity: 0.7; font-weight: 400; margin-left: 0.6em; }
@media (max-width: 900px) {
  div[class*="st-key-tiles-"] { grid-template-columns: repeat(2, 1fr); }
  div[class*="st-key-tiles-1-"] { grid-template-columns: 1fr; }
}
@media (max-width: 640px) {
  .st-key-verdict p { font-size: 1.15rem; }
  .sd-number { font-size: 1.7rem; }
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  [class*="st-key-where-"] { padding-left: 0; }
  [class*="st-key-group-"] { padding: 0.6rem; }
  [class*="st-key-group-"] [class*="st-key-group-"] { padding: 0 0 0 0.3rem; border-width: 0 0 0 2px; }
  [class*="st-key-group-"] .sd-grip { width: 6px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
</style>
"""


def apply() -> None:
    """Put the rules onto the page; they are constant text."""
    st.html(_CSS)
