"""Efficiency: what campaigns sent, who reacted, who came, who bought, and how sure that is."""

from __future__ import annotations

from datetime import date

import streamlit as st

from analytics.reports.query import MODELS
from analytics.views import efficiency as view
from analytics.views.wording import local
from pages._ui import charts, headline, messages, session, widgets

_ANY = ""
_PERIODS = {**view.PERIODS, view.CUSTOM: "Between two days"}


def page() -> None:
    """Filters, then the report they ask for."""
    with widgets.head("Efficiency", "What your campaigns sent, who reacted, who came and who bought."):
        again = st.button("Refresh", key="efficiency.refresh", icon=":material/refresh:")
    if again:
        headline.forget()
    filters = _filters(view.Filters.read(st.query_params.to_dict()))
    session.choose(**filters.parameters)
    with messages.errors():
        shown = headline.load(filters)
        if shown.is_empty:
            _nothing(filters)
        else:
            _report(shown)
            _footer(shown)


def _filters(start: view.Filters) -> view.Filters:
    marketing, emails = view.campaign_choices(session.services())
    with st.container(key="efficiency-filters"):
        first, second, third, fourth = st.columns([2, 3, 3, 1.4], vertical_alignment="bottom")
        with first:
            period = _select("Period", _PERIODS, start.period, "efficiency.period")
        with second:
            codes = {_ANY: "All marketing campaigns", **{c.value: c.label for c in marketing}}
            campaign = _select("Marketing campaign", codes, start.campaign or _ANY, "efficiency.campaign")
        with third:
            numbers = {_ANY: "All email campaigns", **{c.value: c.label for c in emails}}
            email = _select("Email campaign", numbers, str(start.email or _ANY), "efficiency.email")
        with fourth, st.popover("Orders", icon=":material/tune:", width="stretch"):
            settings = session.services().store.settings
            models: dict[str, str] = {name: name.capitalize() for name in MODELS}
            model = _select(
                "Which touch earns an order", models, start.model or settings.attribution_model, "efficiency.model"
            )
            window = st.number_input(
                "Days between touch and order",
                min_value=1,
                max_value=3650,
                value=min(start.window or settings.attribution_days, 3650),
                key="efficiency.window",
            )
        since, until = start.since, start.until
        if period == view.CUSTOM:
            left, right, _ = st.columns([1, 1, 2])
            since = left.date_input("From", since, key="efficiency.since")
            until = right.date_input("Until and including", until, key="efficiency.until")
    return view.Filters(
        period=period,
        since=since if isinstance(since, date) and period == view.CUSTOM else None,
        until=until if isinstance(until, date) and period == view.CUSTOM else None,
        campaign=campaign or None,
        email=int(email) if email else None,
        model=None if model == settings.attribution_model else model,
        window=None if window == settings.attribution_days else int(window),
    )


def _select(label: str, options: dict[str, str], start: str, key: str) -> str:
    names = list(options)
    index = names.index(start) if start in names else 0
    return st.selectbox(label, names, index=index, format_func=options.__getitem__, key=key)


def _nothing(filters: view.Filters) -> None:
    narrowed = filters != view.Filters()
    with widgets.empty(
        "efficiency",
        "monitoring",
        "Nothing to report in this choice" if narrowed else "No campaign has been sent yet",
        "Choose a longer period or all campaigns." if narrowed else "Once a campaign is sent, its result stands here.",
    ):
        if narrowed:
            if st.button("Show everything", key="efficiency.all", type="primary"):
                session.forget("efficiency.")
                st.query_params.clear()
                st.rerun()
        else:
            widgets.go(
                "Create an email campaign",
                "pages/sending/email_campaigns.py",
                key="efficiency.create",
                primary=True,
                campaign="new",
            )


def _report(shown: view.View) -> None:
    with st.container(key="verdict"):
        st.markdown(messages.plain(shown.verdict))
    for doubt in shown.doubts:
        st.caption(f":material/info: {messages.plain(doubt)}")
    widgets.tiles(
        [widgets.Tile(f.label, f.value, f.formula, f.interval) for f in shown.figures],
        key="efficiency",
    )
    left, right = st.columns([5, 7], gap="large")
    with left:
        widgets.section("From mail to order", "Persons who came so far, people only.")
        charts.draw(charts.funnel(shown.funnel), key="efficiency.funnel", alt=_told(shown))
    with right:
        _curve(shown)
    _tables(shown)
    _details(shown)


def _told(shown: view.View) -> str:
    return "Funnel: " + ", ".join(f"{step.label} {step.count:,}" for step in shown.funnel)


def _curve(shown: view.View) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        widgets.section("Week by week" if shown.is_weekly else "Day by day", "People, and the machines beside them.")
        reaction = st.segmented_control(
            "Reaction",
            ["clicks", "opens"],
            default="clicks",
            required=True,
            format_func=str.capitalize,
            key="efficiency.reaction",
            label_visibility="collapsed",
        )
    kind: view.Reaction = "opens" if reaction == "opens" else "clicks"
    charts.draw(
        charts.by_day(shown.days(kind), kind, weekly=shown.is_weekly),
        key="efficiency.days",
        alt=f"{kind.capitalize()} over time by people and machines",
    )


def _tables(shown: view.View) -> None:
    emails, marketing, compared = st.tabs(["Email campaigns", "Marketing campaigns", "Compared with intervals"])
    with emails:
        _rows(shown, "email")
    with marketing:
        _rows(shown, "marketing")
    with compared:
        estimates = shown.estimates()
        if any(e.rate is not None for e in estimates):
            st.caption("Clicks by people over delivered mails. Where two lines overlap, the difference may be chance.")
            charts.draw(
                charts.intervals(estimates, "Click rate"), key="efficiency.intervals", alt="Click rates with intervals"
            )
        else:
            st.caption("Nothing was delivered yet, so there is no rate to compare.")


def _rows(shown: view.View, level: str) -> None:
    report = shown.report
    campaigns = report.email_campaigns if level == "email" else report.marketing_campaigns
    rows = view.rows_of(campaigns)
    for row in rows:
        row["sent"] = local(row["sent"], report.zone)
    columns = {
        "name": widgets.words("Campaign"),
        **({"code": widgets.words("Code", "small")} if level == "marketing" else {}),
        "recipients": widgets.count("Recipients"),
        "delivered": widgets.rate("Delivered"),
        "clicked": widgets.rate("Clicked", "By people, over delivered mails."),
        "interval": widgets.words("95 % interval", "small"),
        "orders": widgets.count("Orders"),
        "revenue": widgets.amount(f"Revenue ({report.currency})"),
        "per_recipient": widgets.amount("Per recipient"),
        "opened": widgets.rate("Opened", "By people; unreliable, because mail programs load images ahead."),
        "unsubscribed": widgets.rate("Left"),
        **({"uncertain": widgets.count("Uncertain")} if any(row["uncertain"] for row in rows) else {}),
        "sent": widgets.when("First mail"),
    }
    widgets.table(rows, columns, key=f"efficiency.{level}", alt=f"Figures per {level} campaign")
    name: view.Level = "email campaign" if level == "email" else "marketing campaign"
    st.download_button(
        "CSV",
        lambda: view.csv(report, name),
        file_name=f"efficiency-{level}.csv",
        mime="text/csv",
        key=f"efficiency.csv.{level}",
        icon=":material/download:",
        on_click="ignore",
    )


def _details(shown: view.View) -> None:
    links, machines = st.tabs(["Links", "Machine traffic"])
    with links:
        widgets.table(
            [
                {
                    "campaign": row.email_campaign,
                    "url": row.url or "an address of each recipient's own",
                    "human": row.clicks_human,
                    "all": row.clicks_all,
                }
                for row in shown.report.links
            ],
            {
                "campaign": widgets.words("Email campaign"),
                "url": widgets.words("Link", "large"),
                "human": widgets.count("Clicked by people"),
                "all": widgets.count("By anything"),
            },
            key="efficiency.links",
            alt="Links with the persons who clicked them",
        )
    with machines:
        rules = shown.rules()
        if rules:
            st.caption("Hits that count for nobody, by the rule that found them. One hit may break several rules.")
            charts.draw(
                charts.bars([r.label for r in rules], [r.hits for r in rules], "hits"),
                key="efficiency.rules",
                alt="Machine hits by rule",
            )
        else:
            st.caption("No machine was found among the hits.")


def _footer(shown: view.View) -> None:
    st.divider()
    report = shown.report
    st.caption("  \n".join(messages.plain(line) for line in report.summary))
    with st.expander("Formulas", icon=":material/function:"):
        st.code("\n".join(report.footer[len(report.summary) + 1 :]), language=None, wrap_lines=True)
    widgets.sql(report.sql, "efficiency.sql")


page()
