"""``oakum admin``: people, passwords and tokens, on the server itself.

For whoever may read the data directory: no token is asked for.  Everything else goes through the API.
"""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import click

from oakum.cli import local
from oakum.core.errors import NotFoundError


@click.group()
def admin() -> None:
    """People, passwords and tokens, on this server itself."""


@admin.command("reset-password")
@click.argument("name", default="admin")
@local.require_prepared
def reset_password(name: str) -> None:
    """Give NAME a new one-time password (default: admin)."""
    from oakum.identity import services  # noqa: PLC0415 - tables exist only after set-up

    password = services.reset_password(person_name=name, now=local.utc_now())
    click.echo(f"One-time password of {name}: {password}")


@admin.command("add-person")
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "approver", "administrator"]), default="operator")
@local.require_prepared
def add_person(name: str, role: str) -> None:
    """Add a person to the first organisation and print the one-time password.

    Example: oakum admin add-person bea --role approver
    """
    from oakum.identity import services  # noqa: PLC0415 - tables exist only after set-up
    from oakum.identity.models import Role  # noqa: PLC0415 - the same

    _, password = services.create_person(
        organisation_id=_first_organisation(), name=name, role=Role(role), actor="admin", now=local.utc_now()
    )
    click.echo(f"One-time password of {name}: {password}")


@admin.command()
@click.argument("name", default="admin")
@click.option("--days", default=90, show_default=True, help="How long the token lives.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@local.require_prepared
def token(name: str, days: int, *, as_json: bool) -> None:
    """Make a personal token for NAME (default: admin), for `oakum login` or OAKUM_TOKEN."""
    from oakum.identity import services  # noqa: PLC0415 - tables exist only after set-up
    from oakum.identity.models import Person  # noqa: PLC0415 - the same

    person = Person.objects.filter(name=name).first()
    if person is None:
        raise NotFoundError(
            code="person_unknown",
            sentence=f"There is no person named {name}.",
            next_step="Add one with `oakum admin add-person`.",
        )
    _, text = services.create_token(
        organisation_id=_first_organisation(),
        person_id=person.id,
        name="made on the server",
        now=local.utc_now(),
        life=timedelta(days=days),
    )
    click.echo(json.dumps({"token": text, "person": name, "days": days}) if as_json else text)


@admin.command("approvals-required")
@click.argument("count", type=int)
@local.require_prepared
def approvals_required(count: int) -> None:
    """Set how many people beside the requester must approve a rollout (0: an organisation of one)."""
    from oakum.identity import services  # noqa: PLC0415 - tables exist only after set-up

    services.set_approvals_required(
        organisation_id=_first_organisation(), count=count, actor="admin", now=local.utc_now()
    )
    click.echo(f"Approvals required: {count}.")


def _first_organisation() -> UUID:
    from oakum.identity.models import Organisation  # noqa: PLC0415 - tables exist only after set-up

    row = Organisation.objects.order_by("created_at").first()
    if row is None:
        raise NotFoundError(
            code="organisation_unknown",
            sentence="There is no organisation yet.",
            next_step="Start `oakum up` once.",
        )
    return row.id
