"""Commands about campaigns: marketing campaigns with their codes, email campaigns with list and template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from analytics.cli import common

if TYPE_CHECKING:
    from analytics.campaigns import EmailCampaign, MarketingCampaign

campaigns = typer.Typer(help="Email campaigns: who gets which template.", no_args_is_help=True, rich_markup_mode=None)
marketing = typer.Typer(
    help="Marketing campaigns: what email campaigns and websites belong to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Named = Annotated[str, typer.Argument(help="Name or number.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(campaigns, name="campaign")
    app.add_typer(marketing, name="marketing")


@campaigns.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the email campaign.")],
    marketing_list: Annotated[str, typer.Option("--list", help="Marketing list, by name or number.")],
    template: Annotated[str, typer.Option(help="Template, by name or number.")],
    code: Annotated[str | None, typer.Option("--marketing", help="Code or name of its marketing campaign.")] = None,
    sender_name: Annotated[str | None, typer.Option(help="Sender's name; by default the settings'.")] = None,
    sender_email: Annotated[str | None, typer.Option(help="Sender's address; by default the settings'.")] = None,
    holdout: Annotated[str, typer.Option(help="Percent who do not get it, to measure lift: 0 to 50.")] = "0",
    cost: Annotated[str | None, typer.Option(help="What it costs, in the base currency: 12.50.")] = None,
    description: Annotated[str | None, typer.Option(help="A note.")] = None,
    topic: Annotated[str | None, typer.Option(help="What it is about: only who may get mail about it does.")] = None,
) -> None:
    """Make an email campaign; `shelduck send` sends it."""
    with common.services() as services:
        made = services.email_campaigns.create(
            name,
            marketing_list=marketing_list,
            template=template,
            marketing_campaign=code,
            sender_name=sender_name,
            sender_email=sender_email,
            holdout_percent=holdout,
            cost=cost,
            description=description,
            topic=topic,
        )
    _show(made)


@campaigns.command("all")
def all_campaigns() -> None:
    """Show every email campaign, the newest first."""
    with common.services() as services:
        rows = [
            (c.id, c.name, c.list_name, c.template_name, c.code, f"{c.holdout_percent.normalize():f}", c.cost)
            for c in services.email_campaigns.all()
        ]
    common.table(("number", "name", "list", "template", "marketing", "holdout %", "cost"), rows)


@campaigns.command("show")
def show(name: Named) -> None:
    """Show one email campaign."""
    with common.services() as services:
        _show(services.email_campaigns.get(name))


@campaigns.command("clone")
def clone(name: Named, new: Annotated[str, typer.Argument(help="Name of the copy.")]) -> None:
    """Copy an email campaign, to change it or send it anew."""
    with common.services() as services:
        _show(services.email_campaigns.clone(name, new))


@campaigns.command("delete")
def delete(name: Named) -> None:
    """Delete an email campaign that was never queued."""
    with common.services() as services:
        services.email_campaigns.delete(name)
    common.console.print(f"Email campaign {name!r} is deleted.", markup=False, soft_wrap=True)


@marketing.command("create")
def create_marketing(
    name: Annotated[str, typer.Argument(help="Name of the marketing campaign.")],
    code: Annotated[str, typer.Option(help="1 to 20 letters, digits, - or _; links carry it.")],
    start: Annotated[str | None, typer.Option(help="First day, as 2026-03-01.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day.")] = None,
    budget: Annotated[str | None, typer.Option(help="Budget in the base currency.")] = None,
    description: Annotated[str | None, typer.Option(help="A note.")] = None,
) -> None:
    """Make a marketing campaign."""
    with common.services() as services:
        made = services.marketing_campaigns.create(
            name,
            code,
            start_date=common.day(start),
            end_date=common.day(end),
            budget=budget,
            description=description,
        )
    _show_marketing(made)


@marketing.command("all")
def all_marketing() -> None:
    """Show every marketing campaign, the latest start first."""
    with common.services() as services:
        rows = [(c.id, c.name, c.code, c.start_date, c.end_date, c.budget) for c in services.marketing_campaigns.all()]
    common.table(("number", "name", "code", "start", "end", "budget"), rows)


@marketing.command("show")
def show_marketing(name: Annotated[str, typer.Argument(help="Code, name or number.")]) -> None:
    """Show one marketing campaign and every code it ever had."""
    with common.services() as services:
        _show_marketing(services.marketing_campaigns.get(name))


@marketing.command("code")
def change_code(
    name: Annotated[str, typer.Argument(help="Code, name or number.")],
    new: Annotated[str, typer.Argument(help="The new code; the former one keeps counting.")],
) -> None:
    """Give a marketing campaign another code."""
    with common.services() as services:
        _show_marketing(services.marketing_campaigns.update(name, code=new))


def _show(campaign: EmailCampaign) -> None:
    belongs = f"{campaign.marketing_campaign_name} ({campaign.code})" if campaign.code else None
    common.table(
        ("what", "value"),
        [
            ("number", campaign.id),
            ("name", campaign.name),
            ("list", f"{campaign.list_name} ({campaign.entity})"),
            ("template", campaign.template_name),
            ("topic", campaign.topic_name),
            ("marketing campaign", belongs),
            ("sender", f"{campaign.sender_name or ''} <{campaign.sender_email}>".strip()),
            ("holdout", f"{campaign.holdout_percent.normalize():f} %"),
            ("cost", None if campaign.cost is None else f"{campaign.cost:,.2f}"),
            ("description", campaign.description),
        ],
    )


def _show_marketing(campaign: MarketingCampaign) -> None:
    former = ", ".join(campaign.codes[1:])
    common.table(
        ("what", "value"),
        [
            ("number", campaign.id),
            ("name", campaign.name),
            ("code", campaign.code),
            ("former codes, still counted", former),
            ("start", campaign.start_date),
            ("end", campaign.end_date),
            ("budget", None if campaign.budget is None else f"{campaign.budget:,.2f}"),
            ("description", campaign.description),
        ],
    )
