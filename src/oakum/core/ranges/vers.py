"""VERS, the version range specifier (package-url's vers specification, Ecma TC54), read and written.

``vers:<type>/<constraints>``: constraints are separated by ``|``, each a version with ``=`` (or nothing), ``!=``,
``<``, ``<=``, ``>`` or ``>=`` before it; ``*`` alone is every version.  Ordered by version they must make sense: every
version once, ``>`` and ``<`` in turn, and no ``<`` after a version that stands for itself.  A type that is not the
scheme asked for is refused, but for ``all`` and ``none``, which know only ``*``.

The editions differ in what notation they allow, not in what it means.  Read here is what any of them does: blanks,
constraints in any order, ``=``, and pipes too many.  Written is what the strictest does.

A range of ``!=`` alone is everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from oakum.core.ranges.comparators import SET_OF
from oakum.core.ranges.intervals import EVERYTHING, LOWEST, NOTHING, Interval, Intervals, between, difference, union
from oakum.core.ranges.intervals import successor as after
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText, everything
from oakum.core.versions import UnknownScheme, scheme_of_name

PREFIX: Final = "vers:"
ALL: Final = "all"
NONE: Final = "none"

_TYPE = re.compile(r"[a-z][a-z0-9.+-]*\Z")
_CONSTRAINT = re.compile(r"(!=|<=|>=|<|>|=)?(.*)\Z", re.DOTALL)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# What would end a version or begin a comparator, and what is no printable ASCII, is written as its escape.
_WRITTEN_AS_IT_IS: Final = frozenset(range(0x21, 0x7F)) - frozenset(b"><=!*|%")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Constraint:
    comparator: str  # empty for equality
    key: bytes
    at: int


def parse_vers(source: RangeText) -> Range:
    """Return the range that a VERS string tells.

    Raises:
        InvalidRange: it is none, it is of another scheme, or its constraints do not make sense together.
    """
    constraints_at = _constraints_at(source)
    kind = source.text[len(PREFIX) : constraints_at - 1].strip().lower()
    told = source.text[constraints_at:]
    if told.strip() == "*":
        return source.range(NOTHING) if kind == NONE else everything(source.scheme)
    if kind in (ALL, NONE):
        raise source.refusal(constraints_at, f"the type {shown(kind)} knows no other constraint than '*'")
    constraints = sorted(_constraints(source, told, constraints_at), key=lambda each: each.key)
    if not constraints:
        raise source.refusal(constraints_at, "there is no constraint")
    _check(source, constraints)
    return source.range(_intervals(constraints))


def _constraints_at(source: RangeText) -> int:
    """Return where the constraints begin, once the type before them is known to be right."""
    slash = source.text.find("/")
    if slash < 0:
        raise source.refusal(len(source.text), "no '/' follows the type")
    kind = source.text[len(PREFIX) : slash].strip().lower()
    if not _TYPE.match(kind):
        raise source.refusal(len(PREFIX), f"{shown(kind)} is no type: that is letters, digits, '.', '+' and '-'")
    if kind not in (ALL, NONE):
        try:
            scheme = scheme_of_name(kind)
        except UnknownScheme as error:
            raise source.refusal(len(PREFIX), str(error)) from error
        if scheme != source.scheme:
            asked = source.scheme.partition(".")[0]
            raise source.refusal(len(PREFIX), f"it is a range of {kind} versions and {asked} was asked for")
    return slash + 1


def _constraints(source: RangeText, told: str, at: int) -> Iterator[_Constraint]:
    pieces = told.split("|")
    if len(pieces) > CONSTRAINT_COUNT_MAX:
        raise source.refusal(at, f"there are more than {CONSTRAINT_COUNT_MAX} constraints")
    for piece in pieces:
        squeezed = "".join(piece.split())
        if squeezed:
            found = _CONSTRAINT.match(squeezed)
            assert found is not None, "the expression matches any text"
            yield _constraint(source, (found[1] or "").removeprefix("="), found[2], at)
        at += len(piece) + 1


def _constraint(source: RangeText, comparator: str, written: str, at: int) -> _Constraint:
    if not written:
        raise source.refusal(at, "a comparator stands without a version")
    if written == "*":
        raise source.refusal(at, "'*' stands alone or not at all")
    if any(sign in written for sign in "<>=!*"):
        raise source.refusal(at, f"{shown(written)} has a character of a comparator that is not percent-encoded")
    if _BAD_ESCAPE.search(written):
        raise source.refusal(at, f"{shown(written)} has a '%' that begins no escape")
    try:
        version = _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), written.encode()).decode()
    except UnicodeError as error:
        raise source.refusal(at, f"{shown(written)} does not decode to UTF-8") from error
    return _Constraint(comparator=comparator, key=source.key(version, at), at=at)


def _check(source: RangeText, constraints: Sequence[_Constraint]) -> None:
    """Refuse what the specification's rules for neighbours refuse; the constraints are in order of their versions."""
    before: _Constraint | None = None
    bound = ""  # the last of "<" and ">" seen
    for each in constraints:
        if before is not None and before.key == each.key:
            raise source.refusal(each.at, "a version is named twice")
        before = each
    equal = False
    for each in constraints:
        if each.comparator == "!=":
            continue
        sign = each.comparator[:1]
        if sign and sign == bound:
            raise source.refusal(each.at, f"of two {sign!r} in a row one is meaningless")
        if sign == "<" and equal:
            raise source.refusal(each.at, f"{sign!r} follows a single version, so that is meaningless")
        bound, equal = sign or bound, not sign


def _intervals(constraints: Sequence[_Constraint]) -> Intervals:
    """Return the set: what the bounds enclose and the single versions, without what ``!=`` takes out."""
    found: list[Interval] = []
    taken: list[Interval] = []
    low: bytes | None = LOWEST  # open downwards, in case the first bound is an upper one
    for each in constraints:
        if each.comparator == "!=":
            taken += SET_OF[""](each.key)
        elif each.comparator == "":
            found += SET_OF[""](each.key)
        elif each.comparator[0] == ">":
            low = each.key if each.comparator == ">=" else after(each.key)
        else:
            assert low is not None, "the bounds take turns"
            found += between(low, each.key if each.comparator == "<" else after(each.key))
            low = None
    if low:
        found.append(Interval(low=low, high=None))
    only_taken = all(each.comparator == "!=" for each in constraints)
    return difference(EVERYTHING if only_taken else union(found), union(taken))


def render_vers(versions: Range) -> str:
    """Return a range as VERS in its strictest notation, so that reading it gives the range again.

    Raises:
        ValueError: the range is more than intervals, or a bound of it is no version that has a text.
    """
    kind = versions.scheme.partition(".")[0]
    if versions.prereleases is not None or versions.spelled:
        raise ValueError("what a range says of pre-releases or of single spellings has no words in VERS")
    if versions.intervals == EVERYTHING:
        return f"{PREFIX}{kind}/*"
    if not versions.intervals:
        return f"{PREFIX}{NONE}/*"
    return f"{PREFIX}{kind}/{'|'.join(_rendered(versions))}"


def _rendered(versions: Range) -> Iterator[str]:
    texts = dict(versions.named)
    ends = {after(key): key for key in texts}
    high: bytes | None = None  # where the interval before ends, until that is written
    for each in versions.intervals:
        if high is not None:
            if ends.get(each.low) == high:  # the gap is one version
                yield f"!={_text(texts, high)}"
                high = each.high
                continue
            yield _upper(texts, ends, high)
        if each.low in texts and each.high == after(each.low):
            yield _text(texts, each.low)
            high = None
            continue
        if each.low != LOWEST:
            yield f">={_text(texts, each.low)}" if each.low in texts else f">{_text(texts, ends.get(each.low))}"
        high = each.high
    if high is not None:
        yield _upper(texts, ends, high)


def _upper(texts: dict[bytes, str], ends: dict[bytes, bytes], high: bytes) -> str:
    return f"<{_text(texts, high)}" if high in texts else f"<={_text(texts, ends.get(high))}"


def _text(texts: dict[bytes, str], key: bytes | None) -> str:
    if key is None or key not in texts:
        raise ValueError("a bound of the range lies between two versions and has no text")
    return "".join(chr(code) if code in _WRITTEN_AS_IT_IS else f"%{code:02X}" for code in texts[key].encode())
