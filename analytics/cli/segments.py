"""Commands about stored segments and what became of them: versions, copies, names, who uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common
from analytics.cli.audience import AsOf, lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.lists import ListVersion
    from analytics.lists.membership import Kind
    from analytics.lists.overlap import Overlap
    from analytics.segments import Difference, SegmentVersion

segments = typer.Typer(help="Stored segments; without a command they are listed.", rich_markup_mode=None)

Named = Annotated[str, typer.Argument(help="The segment, by name or number.")]
NamedList = Annotated[str, typer.Argument(help="The list, by name or number.")]
Number = Annotated[int, typer.Argument(min=1, help="Number of a version.")]
Old = Annotated[int | None, typer.Argument(min=1, help="Version to begin with; by default the one before.")]
New = Annotated[int | None, typer.Argument(min=1, help="Version to compare it with; by default the newest.")]
Who = Annotated[int, typer.Option(min=0, help="How many keys to show of who came and went last.")]
CopyName = Annotated[str | None, typer.Argument(metavar="[NEW-NAME]", help="By default NAME copy.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(segments, name="segments")
    lists.command("versions")(list_versions)
    lists.command("diff")(list_diff)
    lists.command("clone")(list_clone)
    lists.command("history")(list_history)


@segments.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """List the stored segments."""
    if context.invoked_subcommand is not None:
        return
    with common.services() as services:
        rows = [
            (s.id, s.name, s.definition.entity, s.version, f"{s.updated_at:%Y-%m-%d %H:%M}")
            for s in services.segments.all()
        ]
        if not rows:
            common.console.print("No segment is stored yet; `shelduck segment FILE --save NAME` stores one.")
            return
        common.table(("No.", "Name", "Entity", "Version", "Changed (UTC)"), rows)


@segments.command("versions")
def versions(name: Named) -> None:
    """Show every version of a segment, newest first."""
    with common.services() as services:
        kept = services.segments.versions(name)
        _table(kept, [_changed(services.segments.diff(name, v.version - 1, v.version)) for v in kept[:-1]])


@segments.command("diff")
def diff(name: Named, old: Old = None, new: New = None) -> None:
    """Show what changed between two versions: in words, then line by line."""
    with common.services() as services:
        _show(services.segments.diff(name, *_pair(services.segments.versions(name), old, new)))


@segments.command("restore")
def restore(name: Named, version: Number) -> None:
    """Make an old version the present one; the one there is stays among the versions."""
    with common.services() as services:
        made = services.segments.restore(name, version)
        common.console.print(f"{made.name} is as version {version} was, now version {made.version}.", markup=False)


@segments.command("clone")
def clone(name: Named, new_name: CopyName = None) -> None:
    """Store a copy of a segment under another name."""
    with common.services() as services:
        made = services.segments.clone(name, new_name)
        common.console.print(f"Stored as {made.name}.", markup=False)


@segments.command("rename")
def rename(name: Named, new_name: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Give a segment another name; refused while other definitions name it."""
    with common.services() as services:
        old = services.segments.get(name).name
        made = services.segments.rename(name, new_name)
        common.console.print(f"{old} is called {made.name} now.", markup=False)


@segments.command("uses")
def uses(name: Named) -> None:
    """Show which lists and segments a segment is used by."""
    with common.services() as services:
        found = services.segments.used_by(name)
        if not found:
            common.console.print(f"Nothing uses the segment {services.segments.get(name).name}.", markup=False)
            return
        rows = [(u.kind, u.name, "built on it" if u.is_base else "named by a condition") for u in found]
        common.table(("Kind", "Name", "How"), rows)


@segments.command("history")
def history(name: Named, who: Who = 0) -> None:
    """Measure a segment now and show how large it was when, and who came and went since the time before."""
    _history("segment", name, who)


@segments.command("overlap")
def overlap(
    names: Annotated[list[str], typer.Argument(help="Segments or lists; list:NAME says which where both are.")],
    suppressed: Annotated[
        bool, typer.Option("--suppressed", help="Compare with all suppressed addresses too.")
    ] = False,
    as_of: AsOf = None,
) -> None:
    """Show whom segments and lists share: a matrix of counts and shares, then who is in exactly which."""
    with common.services() as services:
        overlaps = services.overlaps
        sets = [overlaps.find(name) for name in names]
        with services.engine(common.moment(as_of, services.store.settings.timezone)) as engine:
            found = overlaps.compare(engine, sets, suppressed=suppressed)
    every = range(len(found.names))
    rows: list[list[object]] = [[found.names[n], *(_shared(found, n, m) for m in every)] for n in every]
    columns = ["In both", *found.names]
    if found.by == "address":
        columns.append("Without address")
        rows = [[*row, missing] for row, missing in zip(rows, found.unreached, strict=True)]
    common.table(columns, rows)
    what = "addresses" if found.by == "address" else "rows"
    exact = [(" + ".join(found.names[n] for n in i.sets), i.count) for i in found.intersections]
    common.table(("In exactly", what.capitalize()), exact)


def _shared(found: Overlap, one: int, other: int) -> str:
    """Return the size on the diagonal, else the common count and its share of both (Jaccard)."""
    both = found.common(one, other)
    share = found.jaccard(one, other)
    return f"{both:,}" if one == other or share is None else f"{both:,} ({share * 100:.1f} %)"


# --- lists ---


def list_versions(name: NamedList) -> None:
    """Show every version of a list, newest first."""
    with common.services() as services:
        kept = services.list_history.versions(name)
        _table(kept, [_changed(services.list_history.diff(name, v.version - 1, v.version)) for v in kept[:-1]])


def list_diff(name: NamedList, old: Old = None, new: New = None) -> None:
    """Show what changed between two versions of a list: in words, then line by line."""
    with common.services() as services:
        _show(services.list_history.diff(name, *_pair(services.list_history.versions(name), old, new)))


def list_history(name: NamedList, who: Who = 0) -> None:
    """Measure a list now and show how large it was when, and who came and went since the time before."""
    _history("list", name, who)


def list_clone(name: NamedList, new_name: CopyName = None) -> None:
    """Make a copy of a list under another name; who was removed or unsubscribed stays so."""
    with common.services() as services:
        made = services.list_history.clone(name, new_name)
        common.console.print(f"Made {made.name} (no. {made.id}).", markup=False)


# --- parts ---


def _history(kind: Kind, name: str, who: int) -> None:
    with common.services() as services:
        services.sizes.measure(kind, name)
        points = services.sizes.history(kind, name).points
        rows = [
            (f"{p.at:%Y-%m-%d %H:%M}", p.version, p.count, *("" if n is None else n for n in (p.entered, p.left)))
            for p in points
        ]
        common.table(("Measured (UTC)", "Version", "Members", "Entered", "Left"), rows)
        change = services.sizes.changes(kind, name) if who else None
        if change is not None:
            for label, keys in (("Entered", change.entered), ("Left", change.left)):
                more = f" and {len(keys) - who:,} more" if len(keys) > who else ""
                shown = ", ".join(keys[:who]) or "nobody"
                common.console.print(f"{label}: {shown}{more}", markup=False, soft_wrap=True)


def _pair(kept: tuple[SegmentVersion, ...] | tuple[ListVersion, ...], old: int | None, new: int | None) -> list[int]:
    """Return the versions to compare: the newest, and the one before it where none is named."""
    newest = kept[0].version if new is None else new
    return [max(newest - 1, kept[-1].version) if old is None else old, newest]


def _table(kept: Iterable[SegmentVersion | ListVersion], changes: list[str]) -> None:
    rows = [
        (v.version, f"{v.created_at:%Y-%m-%d %H:%M}", said)
        for v, said in zip(kept, [*changes, ""], strict=True)
    ]  # fmt: skip
    common.table(("Version", "Saved (UTC)", "What changed"), rows)


def _changed(found: Difference) -> str:
    return "; ".join(map(str, found.changes)) or "nothing in its conditions"


def _show(found: Difference) -> None:
    if not found.changes:
        common.console.print("Nothing is different.")
        return
    for change in found.changes:
        common.console.print(str(change), markup=False, soft_wrap=True)
    common.console.print()
    for line in found.lines:
        style = {"+": "green", "-": "red", " ": None}[line.sign]
        common.console.print(f"{line.sign} {line.text}", style=style, markup=False, soft_wrap=True)
