"""The sentences that a planning gives: what was asked for, what approvers must see, why nothing would come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from oakum.core.errors import OperatorError
from oakum.core.planning.rings import Rings, unproved_pins
from oakum.core.planning.scope import Scope
from oakum.core.planning.values import Pin
from oakum.rollout.requests import CuresFor, PendingSecurity, Selection, SourcesByName, UpdatesById

NAMED_COUNT_MAX = 8  # versions or hosts named in a sentence; the rest is a number


def selection_words(selection: Selection) -> str:
    """Say which updates were asked for."""
    match selection:
        case PendingSecurity():
            return "all pending security updates"
        case UpdatesById(update_ids=ids):
            return f"{len(ids)} chosen updates" if len(ids) > 1 else "one chosen update"
        case SourcesByName(names=names):
            return f"pending updates of {_listed(sorted(names))}"
        case CuresFor(cve=cve):
            return f"pending updates that cure {cve}"
        case _:
            assert_never(selection)


def notes(scope: Scope, rings: Rings) -> tuple[str, ...]:
    """Return what those who approve must see beside the numbers: who is not covered, and what is tried first where."""
    told = []
    whole = Counter(each.reason for each in scope.left_out if not each.source)
    if whole:
        told.append(f"{_hosts(sum(whole.values()))} left out: {_counted(whole)}.")
    parts = Counter(each.reason for each in scope.left_out if each.source)
    if parts:
        told.append(f"Single updates left out on a host: {_counted(parts)}.")
    if scope.untouched_count:
        told.append(f"Nothing of it is pending on {_hosts(scope.untouched_count)} of those asked for.")
    told += [
        f"Ring {ring} is the first to install {_listed([_pin_words(pin) for pin in pins])}; each to one host first."
        for ring, pins in unproved_pins(scope, rings).items()
    ]
    return tuple(told)


def _pin_words(pin: Pin) -> str:
    return f"{pin.package} {pin.version} ({pin.stream})"


def nothing_to_do(scope: Scope, host_count: int) -> OperatorError:
    """Return the error that says why a rollout would change nothing."""
    parts = []
    if scope.untouched_count:
        parts.append(f"nothing of it is pending on {_hosts(scope.untouched_count)}")
    reasons = Counter(each.reason for each in scope.left_out)
    if reasons:
        parts.append(f"left out: {_counted(reasons)}")
    why = "; ".join(parts) or "no host was chosen"
    return OperatorError(
        code="nothing_to_do",
        sentence=f"Nothing would come of this rollout. Of {_hosts(host_count)}: {why}.",
        next_step="Choose other hosts or patches, or see to what keeps these hosts out.",
    )


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_COUNT_MAX
    return ", ".join(names[:NAMED_COUNT_MAX]) + (f" and {more} more" if more > 0 else "")
