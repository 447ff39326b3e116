"""`shelduck report`: the reports on the terminal and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analytics.cli import common

if TYPE_CHECKING:
    from analytics.reports import EfficiencyReport

_COLUMNS = (
    "recipients",
    "delivered",
    "opens_human",
    "open_rate",
    "clicks_human",
    "click_rate",
    "unsubscribes",
    "visits",
    "visitors",
    "orders",
    "revenue",
    "revenue_per_recipient",
    "roi",
)
"""What a wide terminal has room for; the CSV has every metric."""

_NARROW = ("recipients", "open_rate", "click_rate", "orders", "revenue", "roi")
_WIDE_FROM = 150  # characters

_LEVELS = "email campaign, marketing campaign, total, daily, funnel, links, machines, currencies"


def register(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(help="What campaigns did.", no_args_is_help=True)
    group.command("efficiency")(efficiency)
    group.command("lift")(lift)
    group.command("calls")(calls)
    group.command("names")(names)
    app.add_typer(group, name="report")


def efficiency(
    since: Annotated[
        str | None,
        typer.Option(help="Sendings and coded visits from then on: 2026-11-24 or 2026-11-24T14:30."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Sendings and coded visits before then.")] = None,
    window: Annotated[int | None, typer.Option(help="Days within which a touch gets an order.")] = None,
    model: Annotated[str | None, typer.Option(help="'last touch' or 'first touch'.")] = None,
    campaign: Annotated[str | None, typer.Option(help="One marketing campaign, by code or name.")] = None,
    email_campaign: Annotated[str | None, typer.Option(help="One email campaign, by name.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Hide all that came after that time.")] = None,
    level: Annotated[str | None, typer.Option(help=f"One table alone: {_LEVELS}.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write that table (email campaigns if none is named), the footer beside it.")
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that was run instead of the numbers.")] = False,
) -> None:
    """Did it go out, did people react, did it earn, for each campaign and over time?"""
    with common.services() as services:
        report = services.reports.efficiency(
            since=since,
            until=until,
            model=model,
            window_days=window,
            marketing_campaign=campaign,
            email_campaign=email_campaign,
            as_of=as_of,
        )
    if csv is not None:
        chosen: Any = level or "email campaign"
        report.csv(csv, chosen)
        common.console.print(f"{csv}: {len(report.table(chosen)[1]):,} rows; {csv}.txt says how they came.")
    if sql:
        common.console.print(report.sql, markup=False, soft_wrap=True)
    elif level is not None:
        _draw_level(report, level)
    elif csv is None:
        draw(report)


def lift(
    since: Annotated[str | None, typer.Option(help="Sendings from then on.")] = None,
    until: Annotated[str | None, typer.Option(help="Sendings before then.")] = None,
    window: Annotated[int | None, typer.Option(help="Days after the freeze whose orders count.")] = None,
    email_campaign: Annotated[str | None, typer.Option(help="One email campaign, by name.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the rows to a file, the footer beside it.")] = None,
) -> None:
    """How much did a mail earn beyond what the same people would have spent without it?"""
    with common.services() as services:
        report = services.reports.lift(since=since, until=until, window_days=window, email_campaign=email_campaign)
    header, rows = report.table()
    if csv is not None:
        report.csv(csv)
        common.console.print(f"{csv}: {len(rows):,} rows; {csv}.txt says how they came.")
        return
    if not rows:
        common.console.print("No sending in this period held anybody out.")
    common.table(header, rows)
    _print(report.footer)


def calls(
    since: Annotated[str | None, typer.Option(help="Calls from then on: 2026-11-24 or 2026-11-24T14:30.")] = None,
    until: Annotated[str | None, typer.Option(help="Calls before then.")] = None,
    window: Annotated[int | None, typer.Option(help="Days within which a call gets an order.")] = None,
    model: Annotated[str | None, typer.Option(help="'last touch' or 'first touch'.")] = None,
    campaign: Annotated[str | None, typer.Option(help="One marketing campaign, by code or name.")] = None,
    call_campaign: Annotated[str | None, typer.Option(help="One call campaign, by name.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Hide all that came after that time.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the rows to a file, the footer beside it.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that was run instead of the numbers.")] = False,
) -> None:
    """Whom did calls reach, what did they say, and what did they buy, for each call campaign?"""
    from analytics.reports.metrics import percent

    with common.services() as services:
        report = services.reports.calls(
            since=since,
            until=until,
            window_days=window,
            model=model,
            marketing_campaign=campaign,
            call_campaign=call_campaign,
            as_of=as_of,
        )
    if csv is not None:
        report.csv(csv)
        common.console.print(f"{csv}: {len(report.rows):,} rows; {csv}.txt says how they came.")
        return
    if sql:
        common.console.print(report.sql, markup=False, soft_wrap=True)
        return
    if not report.rows:
        common.console.print("There is no call campaign yet.")
    header = ("", "members", "callable", "called", "reached", "reach rate", "orders", "revenue", "do not call")
    rows = [
        (
            *(r.name, r.members, r.callable, r.called, r.reached, percent(r.reach_rate, interval=True), r.orders),
            *(f"{r.revenue:,.2f} {report.currency}", r.do_not_call),
        )
        for r in report.rows
    ]
    common.table(header, rows, "Call campaigns")
    _print(report.summary)


def names() -> None:
    """List the reports and the question each answers."""
    from analytics.reports import registry

    common.table(("report", "question"), [(name, registry.question(name)) for name in registry.names()])


def draw(report: EfficiencyReport) -> None:
    """Print what fits a terminal: a table of email campaigns, one of marketing campaigns, and how they came."""
    if not report.email_campaigns and not report.marketing_campaigns:
        common.console.print("Nothing was sent and no visit carried a campaign in this period.")
    for title, rows in (
        ("Email campaigns", report.email_campaigns),
        ("Marketing campaigns", (*report.marketing_campaigns, report.total)),
    ):
        common.table(_labels(), [(row.name, *_figures(report, row.figures)) for row in rows], title)
    _print(report.summary)


def _draw_level(report: EfficiencyReport, level: Any) -> None:
    """Draw one table; those of campaigns upright, a metric a line, for they have some fifty columns."""
    from analytics.reports.metrics import METRICS, Rate, percent, shown

    rows = {
        "email campaign": report.email_campaigns,
        "marketing campaign": report.marketing_campaigns,
        "total": (report.total,),
    }.get(level)
    if rows is None:
        header, plain = report.table(level)
        common.table(header, plain, level.capitalize())
    else:
        lines = []
        for name, metric in METRICS.items():
            figures = [row[name] for row in rows]
            texts = [
                percent(f, interval=True) if isinstance(f, Rate) else shown(name, f, report.currency) for f in figures
            ]
            lines.append((metric.label, *texts, metric.formula))
        common.table(("metric", *(row.name for row in rows), "formula"), lines, level.capitalize())
    _print(report.summary)


def _columns() -> tuple[str, ...]:
    return _COLUMNS if common.console.width >= _WIDE_FROM else _NARROW


def _labels() -> tuple[str, ...]:
    from analytics.reports.metrics import METRICS

    return ("", *(METRICS[name].label for name in _columns()))


def _figures(report: EfficiencyReport, figures: Any) -> list[object]:
    from analytics.reports.metrics import METRICS, shown

    return [
        figures[name] if METRICS[name].format == "count" else shown(name, figures[name], report.currency)
        for name in _columns()
    ]


def _print(lines: tuple[str, ...]) -> None:
    for line in lines:
        common.console.print(line, style="dim", markup=False, soft_wrap=True)
