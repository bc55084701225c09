"""Template tags of the pages: how an instant, a state, a field and a pager look.

They escape what they are given; nothing here marks a host's own words as safe.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from oakum.reporting.values import ComplianceTotal
from oakum.web import words

register = template.Library()
NOTHING = "-"


@register.simple_tag(takes_context=True)
def when(context: template.Context, instant: datetime | None, absent: str = "never") -> SafeString:
    """Show an instant in relative words, with the full instant for the pointer and for machines."""
    if instant is None:
        return format_html('<span class="quiet">{}</span>', absent)
    now = _request(context).now  # type: ignore[attr-defined]  # set by SignedIn
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        instant.astimezone(UTC).isoformat(),
        words.full(instant),
        words.relative(instant, now=now),
    )


@register.simple_tag(takes_context=True)
def due(context: template.Context, due_at: datetime | None, *, overdue: bool = False) -> SafeString:
    """Show a deadline by how far it is away; without an instant it is the next upgrade."""
    if due_at is None:
        return format_html('<span class="quiet">{}</span>', "at the next upgrade")
    now = _request(context).now  # type: ignore[attr-defined]  # set by SignedIn
    soon = due_at - now <= words.DUE_SOON
    tone = "bad" if overdue else "warn" if soon else "plain"
    return format_html(
        '<time class="tone-{} strong" datetime="{}" title="{}">{}</time>',
        tone,
        due_at.astimezone(UTC).isoformat(),
        words.full(due_at),
        f"{words.coarse(now - due_at)} overdue" if overdue else words.relative(due_at, now=now),
    )


@register.simple_tag
def badge(subject: str, value: object) -> SafeString:
    """Show a state as a word in its tone."""
    label, tone = words.badge(subject, str(value or ""))
    return format_html('<span class="badge {}">{}</span>', tone, label)


@register.filter
def span(value: object) -> str:
    """Say a span in full; whole numbers are seconds."""
    if isinstance(value, timedelta):
        return words.exact(value)
    return words.exact(timedelta(seconds=value)) if isinstance(value, int) else NOTHING


@register.filter
def instant(value: datetime | None) -> str:
    """Show an instant to the minute in UTC."""
    return words.minute(value) if value else NOTHING


@register.filter
def first_sentence(text: str) -> str:
    """Return a reason's first sentence, for lists; the whole stands on the page behind."""
    first, full_stop, _ = text.partition(". ")
    return f"{first}." if full_stop else text


@register.filter
def sentence(text: str) -> str:
    """Return a reason as a sentence of its own: with a capital and one full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


@register.filter
def coded(text: str) -> SafeString:
    """Show what stands between backticks as something to type; everything is escaped first."""
    pieces = str(text).split("`")
    joined = [
        format_html("<code>{}</code>" if number % 2 and number < len(pieces) - 1 else "{}", piece)
        for number, piece in enumerate(pieces)
    ]
    return format_html_join("", "{}", ((each,) for each in joined))


@register.filter
def plain(name: str) -> str:
    """Show a name of the program's as words."""
    return name.replace("_", " ")


@register.filter
def total_words(total: ComplianceTotal) -> str:
    """Say a bar in words, for those who do not see it."""
    return f"{total.compliant_count} in order, {total.overdue_count} overdue, {total.unknown_count} unknown"


@register.simple_tag
def plural(count: int, one: str, many: str) -> str:
    """Show a count with its noun."""
    return words.plural(count, one, many)


@register.simple_tag(takes_context=True)
def here(context: template.Context, **changes: Any) -> str:
    """Return this page's query string with some values changed; an empty value takes the key out."""
    query = _request(context).GET.copy()
    for key, value in changes.items():
        if value in {None, ""}:
            query.pop(key, None)
        else:
            query[key] = str(value)
    text = query.urlencode()
    return f"?{text}" if text else "?"


@register.inclusion_tag("web/parts/field.html")
def field(bound: BoundField) -> dict[str, object]:
    """Show a form's field: label, help, widget, and its errors beside it."""
    kind = getattr(bound.field.widget, "input_type", "")
    is_box = kind == "checkbox" and not bound.use_fieldset
    return {"field": bound, "is_box": is_box}


@register.inclusion_tag("web/parts/pager.html", takes_context=True)
def pager(context: template.Context, offset: int, limit: int, total: int) -> dict[str, object]:
    """Show which rows of how many stand here, and the way to the ones before and after."""
    query = _request(context).GET.copy()
    links = {}
    for name, start in (("previous", offset - limit), ("next", offset + limit)):
        query["from"] = str(max(start, 0))
        reachable = offset > 0 if name == "previous" else start < total
        links[name] = f"?{query.urlencode()}" if reachable else ""
    return {"first": offset + 1, "last": min(offset + limit, total), "total": total, **links}


def _request(context: template.Context) -> HttpRequest:
    request = context["request"]
    assert isinstance(request, HttpRequest)
    return request
