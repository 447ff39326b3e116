"""Tracking websites: where visits are counted, the snippet for their pages, and what came in last."""

from __future__ import annotations

import streamlit as st

from analytics.tracking import Website
from analytics.views import websites as view
from analytics.views.wording import ago, joined, local, number, visible
from pages._ui import messages, session, widgets


def page() -> None:
    """Show what the address asks for."""
    asked, chosen = session.chosen("website"), session.chosen_id("website")
    if asked == "new":
        with widgets.head("New tracking website", "Afterwards you get the snippet that goes into its pages."):
            if st.button("Cancel", key="website.cancel"):
                _open(None)
        _form(None)
    elif chosen is not None:
        _detail(chosen)
    else:
        _overview()


def _open(website: int | str | None) -> None:
    session.forget("website.")
    session.choose(website=website)
    st.rerun()


def _overview() -> None:
    services = session.services()
    lines = view.overview(services)
    with widgets.head("Tracking websites", "Sites that tell what people do after they click: visits, carts, orders."):
        if lines and st.button("New website", key="website.new", icon=":material/add:", type="primary"):
            _open("new")
    if not lines:
        with widgets.empty(
            "websites",
            "language",
            "No website is tracked yet",
            "Add your shop and paste one snippet into its pages. Then a report can follow a mail up to the order.",
        ):
            if st.button("Add the shop", key="website.first", type="primary"):
                _open("new")
        return
    now = services.store.clock.now()
    picked = widgets.table(
        [
            {
                "name": line.website.name,
                "id": line.website.identifier,
                "url": line.website.url,
                "hits": line.hits,
                "visitors": line.visitors,
                "last": ago(line.last_at, now),
                "campaigns": joined(line.campaigns),
            }
            for line in lines
        ],
        {
            "name": widgets.words("Website"),
            "id": widgets.words("Identifier", "small"),
            "url": widgets.words("Address"),
            "hits": widgets.count("Hits"),
            "visitors": widgets.count("Visitors"),
            "last": widgets.words("Last hit", "small"),
            "campaigns": widgets.words("Counts for"),
        },
        key="website.table",
        alt="Tracking websites with their traffic",
        pick=True,
    )
    if picked is not None:
        _open(lines[picked].website.id)


def _detail(chosen: int) -> None:
    services = session.services()
    website = services.websites.get(chosen)
    line = next(line for line in view.overview(services) if line.website.id == chosen)
    with widgets.head(website.name, website.url):
        if st.button("All websites", key="website.back", icon=":material/arrow_back:"):
            _open(None)
    widgets.tiles(
        [
            widgets.Tile("Hits", number(line.hits)),
            widgets.Tile("Visitors", number(line.visitors), "visitor ids of browsers"),
            widgets.Tile("Last hit", ago(line.last_at, services.store.clock.now())),
        ],
        key="website",
    )
    snippet, last, settings = st.tabs(
        [":material/code: Snippet", ":material/stream: Last hits", ":material/tune: Settings"]
    )
    with snippet:
        _snippet(website)
    with last:
        _hits(website)
    with settings:
        _form(website)
        _deleting(website)


def _snippet(website: Website) -> None:
    flavour = st.segmented_control(
        "Kind",
        list(view.FLAVOURS),
        default="matomo",
        required=True,
        format_func=view.FLAVOURS.__getitem__,
        key="website.flavour",
        label_visibility="collapsed",
    )
    st.caption("Paste it before the closing head tag of every page.")
    st.code(view.snippet(session.services(), website, flavour or "matomo"), language="html", wrap_lines=True)


def _hits(website: Website) -> None:
    services = session.services()
    found = view.hits(services, website)
    if not found:
        with widgets.empty(
            "hits",
            "stream",
            "Nothing has come in yet",
            "Paste the snippet, open a page of the site, and look again. Hits appear here within seconds.",
        ):
            if st.button("Look again", key="website.again"):
                st.rerun()
        return
    zone = services.store.settings.timezone
    widgets.table(
        [
            {
                "at": local(hit.at, zone),
                "kind": hit.kind.replace("_", " "),
                "who": {"human": "person", "machine": "machine"}.get(hit.verdict or "", "not sure"),
                "url": visible(hit.url),
                "title": visible(hit.title),
                "campaign": visible(hit.campaign),
                "visitor": visible(hit.visitor),
                "agent": visible(hit.agent),
            }
            for hit in found
        ],
        {
            "at": widgets.when("When"),
            "kind": widgets.words("What", "small"),
            "who": widgets.words("Who", "small"),
            "url": widgets.words("Page", "large"),
            "title": widgets.words("Title"),
            "campaign": widgets.words("Code", "small"),
            "visitor": widgets.words("Visitor", "small"),
            "agent": widgets.words("Program"),
        },
        key="website.hits",
        alt="The newest hits from this website",
    )
    if st.button("Look again", key="website.more", icon=":material/refresh:"):
        st.rerun()


def _form(website: Website | None) -> None:
    services = session.services()
    labels = {c.id: c.label for c in view.campaigns(services)}
    with st.form("website.form", border=website is None):
        left, right = st.columns([2, 1])
        name = left.text_input(
            "Name", website.name if website else "", max_chars=255, key="website.name", placeholder="Our shop"
        )
        identifier = right.text_input(
            "Identifier",
            website.identifier if website else "",
            max_chars=60,
            key="website.identifier",
            placeholder="shop",
            help="What its pages send to say who they are: letters, digits, - and _.",
        )
        url = st.text_input(
            "Address", website.url if website else "", key="website.url", placeholder="https://shop.example.com"
        )
        chosen = st.multiselect(
            "Marketing campaigns it counts for",
            list(labels),
            [c for c in website.campaign_ids if c in labels] if website else [],
            format_func=labels.__getitem__,
            key="website.campaigns",
        )
        fields = {f.name: f.label for f in services.model.entity("order").fields.values() if f.type == "text"}
        start = website.order_field if website else "identifier"
        order_field = st.selectbox(
            "Its order numbers are this field of an order",
            list(fields),
            index=list(fields).index(start) if start in fields else 0,
            format_func=fields.__getitem__,
            key="website.order",
        )
        label = "Save" if website else "Add website"
        submitted = st.form_submit_button(label, type="primary", key="website.submit")
    if not submitted:
        return
    number_ = website.id if website else None

    def save() -> Website:
        return view.save(
            services, number_, name=name, identifier=identifier, url=url, order_field=order_field, campaigns=chosen
        )

    with messages.errors():
        given = (name, identifier, url, order_field, chosen)
        saved = session.once("website", given, save) if website is None else save()
        messages.notice(f"Website “{saved.name}” is saved.")
        _open(saved.id)


def _deleting(website: Website) -> None:
    with st.popover("Remove website", icon=":material/delete:", type="tertiary"):
        st.caption("What came in from it stays; what comes from now on belongs to no website.")
        if st.button("Remove for good", key="website.delete"):
            with messages.errors():
                session.services().websites.delete(website.id)
                session.deleted()
                messages.notice(f"Website “{website.name}” is removed.")
                _open(None)


page()
