"""Commands about who may be mailed, and why somebody was: suppressions, blocked domains, topics and consents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common

if TYPE_CHECKING:
    from analytics.delivery.why import Known, Mailed, WhyMailed
    from analytics.lists import Consent, FileReport
    from analytics.segments import Explanation

topics = typer.Typer(help="What people may choose to get or not.", no_args_is_help=True, rich_markup_mode=None)
consents = typer.Typer(help="What people said yes and no to.", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(metavar="CSV", help="The file.")]
Note = Annotated[str | None, typer.Option(help="What people should know of it.")]
Source = Annotated[str | None, typer.Option(help="Where it comes from.")]
_BAD_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("suppress")(suppress)
    app.command("unsuppress")(unsuppress)
    app.command("suppressions")(suppressions)
    app.command("block-domain")(block_domain)
    app.command("unblock-domain")(unblock_domain)
    app.command("why")(why)
    app.add_typer(topics, name="topic")
    app.add_typer(consents, name="consent")


# --- suppressed addresses, blocked domains ---


def suppress(
    address: Annotated[
        str | None, typer.Argument(help="Address nobody is to mail; without one some are listed.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="complaint, hard_bounce, unsubscribed, manual or do_not_call.")
    ] = "manual",
    note: Note = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="CSV", help="Suppress all addresses of a file.")
    ] = None,
    source: Source = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 100,
    offset: Annotated[int, typer.Option(min=0, help="How many to pass over.")] = 0,
    search: Annotated[str, typer.Option(help="List addresses with this text only.")] = "",
) -> None:
    """Never mail an address again, whatever the list; without an address, list those suppressed.

    A file has the columns address and, if it likes, reason, source, since, note; *@example.com blocks a domain.
    """
    with common.services() as services:
        if file is not None:
            from analytics.lists.suppression_files import import_suppressions

            with common.bar() as progress:
                report = import_suppressions(services.store, file, reason=reason, source=source, progress=progress)
            _show_report(report, "suppressed now", "suppressed already")
            return
        if address is None:
            page = services.suppressions.page(search, limit, offset)
            rows = [
                (s.address_key, s.reason, s.source, f"{s.created_at:%Y-%m-%d %H:%M}", s.note or "") for s in page.rows
            ]
            common.table(("Address", "Reason", "Source", "Since (UTC)", "Note"), rows)
            common.console.print(f"{len(rows):,} of {page.total:,}, the newest first.")
            return
        added = services.suppressions.add(address, reason, source or "command line", note=note)
    common.console.print(
        f"{address} is suppressed." if added else f"{address} was suppressed for that reason already.", markup=False
    )


def unsuppress(
    address: Annotated[str, typer.Argument(help="Address that may be mailed again.")],
    reason: Annotated[str | None, typer.Option(help="Take back this reason alone.")] = None,
) -> None:
    """Take back the suppression of an address."""
    with common.services() as services:
        taken = services.suppressions.remove(address, reason)
        left = [s.reason for s in services.suppressions.all(address)]
        block = services.suppressions.block_of(address)
    if not taken:
        common.console.print(f"{address} was not suppressed for that.", markup=False)
    elif left:
        common.console.print(f"{address} stays suppressed: {', '.join(left)}.", markup=False)
    elif block is not None:
        common.console.print(f"{address} is not mailed all the same: {block.domain} is blocked.", markup=False)
    else:
        common.console.print(f"{address} may be mailed again.", markup=False)


def suppressions(file: File) -> None:
    """Write every suppressed address and blocked domain to a CSV file that `suppress --file` reads."""
    from analytics.lists.suppression_files import export_suppressions

    with common.services() as services:
        count = export_suppressions(services.store, file)
    common.console.print(f"{count:,} written to {file}.", markup=False)


def block_domain(
    domain: Annotated[str | None, typer.Argument(help="Domain nobody is to mail; without one all are listed.")] = None,
    note: Note = None,
    source: Source = None,
) -> None:
    """Never mail a domain again, nor one below it; without a domain, list those blocked."""
    with common.services() as services:
        if domain is None:
            rows = [
                (b.domain, b.source, f"{b.created_at:%Y-%m-%d %H:%M}", b.note or "")
                for b in services.suppressions.domains()
            ]
            common.table(("Domain", "Source", "Since (UTC)", "Note"), rows)
            return
        added = services.suppressions.block_domain(domain, source or "command line", note)
    common.console.print(f"{domain} is blocked." if added else f"{domain} was blocked already.", markup=False)


def unblock_domain(domain: Annotated[str, typer.Argument(help="Domain that may be mailed again.")]) -> None:
    """Take back the block of a domain."""
    with common.services() as services:
        gone = services.suppressions.unblock_domain(domain)
    common.console.print(
        f"{domain} may be mailed again." if gone else f"{domain} was not blocked itself.", markup=False
    )


def _show_report(report: FileReport, added: str, known: str) -> None:
    common.console.print(
        f"{report.lines:,} lines: {report.added:,} {added}, {report.known:,} {known}, {len(report.bad):,} not taken."
    )
    if report.bad:
        common.table(("Line", "Value", "Why"), [(b.line, b.value, b.reason) for b in report.bad[:_BAD_SHOWN]])
        if len(report.bad) > _BAD_SHOWN:
            common.console.print(f"... and {len(report.bad) - _BAD_SHOWN:,} more.")
        raise typer.Exit(1)


# --- topics ---


@topics.command("create")
def create_topic(
    name: Annotated[str, typer.Argument(help="Name people see: Newsletter.")],
    policy: Annotated[
        str, typer.Option(help="opt_out: mailed unless somebody said no; opt_in: to those who said yes.")
    ] = "opt_out",
    description: Annotated[str | None, typer.Option(help="What it is, for the preference page.")] = None,
) -> None:
    """Make a topic; `shelduck campaign create --topic` makes a campaign about it."""
    with common.services() as services:
        made = services.topics.create(name, policy, description)
    common.console.print(f"Topic {made.name} (no. {made.id}), {made.policy}.", markup=False)


@topics.command("all")
def all_topics() -> None:
    """List the topics in the order of the preference page."""
    with common.services() as services:
        counts = services.topics.counts()
        rows = [
            (
                t.id,
                t.name,
                t.policy,
                counts[t.id].granted,
                counts[t.id].withdrawn,
                counts[t.id].campaigns,
                t.description,
            )
            for t in services.topics.all()
        ]
    common.table(("No.", "Name", "Policy", "Yes", "No", "Campaigns", "Description"), rows)


@topics.command("change")
def change_topic(
    name: Annotated[str, typer.Argument(help="Name or number.")],
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    policy: Annotated[str | None, typer.Option(help="opt_out or opt_in.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is, for the preference page.")] = None,
    place: Annotated[int | None, typer.Option(min=1, help="Its place on the preference page.")] = None,
) -> None:
    """Change a topic; what people said stays, with the words they saw."""
    with common.services() as services:
        changed = services.topics.update(
            name,
            new_name=new_name,
            policy=policy,
            description=description,
            position=None if place is None else place - 1,
        )
    common.console.print(f"Topic {changed.name} (no. {changed.id}), {changed.policy}.", markup=False)


@topics.command("delete")
def delete_topic(name: Annotated[str, typer.Argument(help="Name or number.")]) -> None:
    """Delete a topic nobody said anything about."""
    with common.services() as services:
        services.topics.delete(name)
    common.console.print(f"Topic {name} is deleted.", markup=False)


# --- consents ---


@consents.command("record")
def record(
    address: Annotated[str, typer.Argument(help="Who said it.")],
    topic: Annotated[str, typer.Argument(help="The topic.")],
    wording: Annotated[str, typer.Option(help="The words the person said yes or no to.")],
    withdrawn: Annotated[bool, typer.Option("--no", help="It was a no.")] = False,
    at: Annotated[str | None, typer.Option(help="When, as 2026-03-01T14:30; by default now.")] = None,
    source: Source = None,
) -> None:
    """Write down what somebody said about a topic."""
    with common.services() as services:
        made = services.consents.record(
            address,
            topic,
            not withdrawn,
            wording=wording,
            source=source or "command line",
            at=common.moment(at, services.store.settings.timezone),
        )
    said = "yes" if made.granted else "no"
    common.console.print(f"{made.address_key} said {said} to {made.topic}.", markup=False)


@consents.command("show")
def show(address: Annotated[str, typer.Argument(help="Whose.")]) -> None:
    """Show everything an address said, the newest first, with the words it saw."""
    with common.services() as services:
        rows = [
            (
                f"{c.at:%Y-%m-%d %H:%M}",
                c.topic or "all marketing mail",
                "yes" if c.granted else "no",
                c.source,
                c.client_address,
                c.wording,
            )
            for c in services.consents.log(address)
        ]
    common.table(("When (UTC)", "Topic", "Said", "Source", "From", "Words"), rows)


@consents.command("import")
def import_consents(
    file: File,
    wording: Annotated[str | None, typer.Option(help="The words people saw, where a line gives none.")] = None,
    source: Source = None,
) -> None:
    """Write down the consents of a CSV file: address, topic, granted; optional wording, source, at, ip, user_agent."""
    with common.services() as services, common.bar() as progress:
        report = services.consents.import_file(file, wording=wording, source=source, progress=progress)
    _show_report(report, "written down", "known already")


# --- why somebody was mailed ---


def why(
    address: Annotated[str, typer.Argument(help="Whose mails.")],
    campaign: Annotated[str | None, typer.Option(help="Mails of this email campaign alone.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many mails to explain, the newest first.")] = 5,
    mail: Annotated[bool, typer.Option("--mail", help="Show the text of each mail too.")] = False,
) -> None:
    """Say why we mailed somebody: list and version, conditions and values of then, consent, suppression, the mail."""
    with common.services() as services:
        known = services.why.known(address, campaign)
        _show_known(known)
        for one in known.mails[:limit]:
            _show_why(services.why.of(one.delivery_id), mail)
    if len(known.mails) > limit:
        _say(f"{len(known.mails) - limit:,} more; --limit shows more of them.")


def _say(text: str, depth: int = 0) -> None:
    shown = "".join(ch if ch.isprintable() else "\u00b7" for ch in text)
    common.console.print(f"{'  ' * depth}{shown}", markup=False, soft_wrap=True)


def _show_known(known: Known) -> None:
    _say(f"{known.address_key}: {len(known.mails):,} {'mail' if len(known.mails) == 1 else 'mails'}.")
    for one in known.suppressions:
        note = f" ({one.note})" if one.note else ""
        _say(f"Suppressed since {one.created_at:%Y-%m-%d %H:%M} UTC: {one.reason}, {one.source}{note}.", 1)
    if known.block is not None:
        _say(f"Its domain is blocked: {known.block.domain}.", 1)
    for standing in known.standings:
        said = "never asked" if standing.newest is None else _word(standing.newest)
        _say(f"{standing.topic.name} ({standing.topic.policy}): {said}.", 1)


def _word(one: Consent) -> str:
    return f"{'yes' if one.granted else 'no'} on {one.at:%Y-%m-%d %H:%M} UTC, {one.source}: {one.wording!r}"


def _show_why(found: WhyMailed, mail: bool) -> None:
    mailed = found.mailed
    _say("")
    _say(f"{mailed.campaign}, decided {mailed.decided_at:%Y-%m-%d %H:%M} UTC: {_outcome(mailed)}")
    on = f" on the segment {found.segment}" if found.segment else ""
    _say(f"List {mailed.list_name}, version {mailed.list_version}{on}: {mailed.entity} {mailed.entity_key}.", 1)
    for remark in found.remarks:
        _say(remark, 1)
    if found.membership is not None and found.membership.conditions is not None:
        _show_conditions(found.membership.conditions, 1)
    for name, value in found.values.items():
        _say(f"entity.{name} was {value!r}", 1)
    for change in found.changes:
        _say(f"since then {change.field}: {change.old_value!r} -> {change.new_value!r}", 1)
    if found.topic is not None:
        said = "never asked" if found.consent is None else _word(found.consent)
        _say(f"Topic {found.topic} ({found.topic_policy}): {said}.", 1)
    for one in found.suppressions:
        _say(f"Suppressed then: {one.reason}, {one.source}.", 1)
    if found.mail is not None:
        same = {True: "the very mail that left", False: "NOT the body that left", None: "no mail left"}
        _say(f"Mail: {found.mail.subject!r}; rendered again: {same[found.mail.is_same]}.", 1)
        for line in found.mail.text.splitlines() if mail else ():
            _say(line, 2)


def _outcome(mailed: Mailed) -> str:
    arm = f", arm {mailed.arm}" if mailed.arm else ""
    reason = f" ({mailed.reason})" if mailed.reason else ""
    left = f", left {mailed.left_at:%Y-%m-%d %H:%M} UTC" if mailed.left_at else ""
    return f"{mailed.state}{reason}{arm}{left}"


def _show_conditions(explained: Explanation, depth: int) -> None:
    said = json.dumps(explained.document, ensure_ascii=False)
    if explained.nodes:
        said = next(iter(explained.document), "")
    saw = "" if explained.values is None else f"   saw: {', '.join(map(str, explained.values)) or 'nothing'}"
    _say(f"{'yes' if explained.holds else 'no '}  {said}{saw}", depth)
    for node in explained.nodes:
        _show_conditions(node, depth + 1)
