"""Which CVE ids a changelog entry says that it fixes, and which it merely mentions.

Every mention counts as fixed but those below, because a missed CVE hides a danger and one too many only costs a look.
A mention does not count where the clause that holds it says one of these (``Discounted.reason``):

``not_affected``  the package never had the flaw: "not affected by CVE-...", "CVE-... does not affect this version"
``not_fixed``     it still has the flaw: "CVE-... is not yet fixed", "does not fix CVE-...", "CVE-... remains open"
``taken_back``    the fix is taken out: "revert the fix for CVE-...", "drop CVE-....patch"; a patch dropped because the
                  new upstream version has it was counted by the entry that brought it
``regression``    an earlier fix is repaired: "regression caused by the fix for CVE-..."; hosts that had the fix have
                  it still.  An *incomplete* fix completed does count.

A clause is a sentence of a list item, with the item it hangs under when that one ends in a colon; text in brackets is a
clause of its own unless it holds nothing but ids.  One counting mention outweighs any number of discounted ones.

Abbreviated lists ("CVE-2024-1234, 1235") give their full ids only.  A fix taken back does not reopen what an earlier
entry closed: the published feeds say that, a changelog's prose is too thin for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

CVE_COUNT_MAX: Final = 500  # of one entry; a kernel's longest names some 400
TEXT_LENGTH_MAX: Final = 100_000  # characters looked at; the wire allows a fifth of that
_TAIL_LENGTH_MAX: Final = 80  # characters after the last id of a clause that can take it back
_DEPTH_MAX: Final = 4  # of lists in lists
_INTRODUCTION_LENGTH_MAX: Final = 200

NOT_AFFECTED: Final = "not_affected"
NOT_FIXED: Final = "not_fixed"
TAKEN_BACK: Final = "taken_back"
REGRESSION: Final = "regression"

# cve.org: four digits of a year, four to nineteen of a number.
_CVE: Final = r"CVE-(?:19|20)[0-9]{2}-[0-9]{4,19}(?![0-9])"
_ID = re.compile(rf"(?<![A-Za-z0-9]){_CVE}", re.IGNORECASE)
# Ids that stand in one list share one fate: the list becomes one mark, and so does a patch file named after an id.
_LIST = re.compile(rf"{_CVE}(?:(?:[ ,;/&+]|\band\b|\bor\b)+{_CVE})*", re.IGNORECASE)
_MARK: Final = "§"
_PATCH_SUFFIXES: Final = (".patch", ".diff")
_AROUND_IDS: Final = frozenset({"and", "or", "aka", "closes", "fixes", "bug", "lp"})

_ITEM = re.compile(r"(\s{0,80})(?:[*+-]|[0-9]{1,3}\.|\[[^\]]{0,80}\])\s")
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s")

# The patterns below meet text of hosts, so none may take more than linear time: runs of white space are one blank by
# then, repetitions are bounded, and nothing follows an unbounded one but the mark.
_NEGATED: Final = r"(?: not\b|n't\b)"
_TOUCHED: Final = r"(?:affected|applicable|relevant|vulnerable|exploitable|present)"
_FILLER: Final = r"(?: [\w'-]{1,30}){0,4}? ?"
_FIX: Final = r"(?:patch(?:es)?|fix(?:es)?|backports?|changes?|mitigations?|workarounds?|commits?)"
_TAKE_BACK: Final = r"\b(?:drop|remov|disabl|delet|back(?:ing|ed)?[ -]out|revert|unappl)[a-z]{0,4}"
_WORDS: Final = r"(?:[\w'-]{1,30} ){0,4}?"
_BE: Final = r"(?:is|are|was|were|has been|have been)"

_REVERTED = re.compile(rf"\brevert[a-z]{{0,3}}\b([^{_MARK}]*){_MARK}", re.IGNORECASE)
# What is reverted may be the flaw itself.
_BRINGS_FIX = re.compile(
    r"\b(?:to (?:fix|address|resolve|mitigate|close|prevent|avoid)|fixes|fixing|address|resolv|introduc|caus)",
    re.IGNORECASE,
)
_REGRESSED = re.compile(rf"\bregress[a-z]{{0,4}}\b([^{_MARK}]*){_MARK}", re.IGNORECASE)
_EARLIER_FIX = re.compile(r"\b(?:by|from|of|in|with|after|since|due to)\b", re.IGNORECASE)
_INCOMPLETE = re.compile(r"\bincomplete", re.IGNORECASE)

_DISCOUNTS: Final = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (NOT_AFFECTED, rf"\b(?:not |never |un)(?:affected|vulnerable|exploitable|susceptible){_FILLER}{_MARK}"),
        (NOT_AFFECTED, rf"{_MARK},? (?:which )?(?:do|does|did){_NEGATED} (?:affect|apply)"),
        (
            NOT_AFFECTED,
            rf"{_MARK}[:,]? (?:which )?(?:{_BE} )?(?:not |un){_TOUCHED}",
        ),
        (NOT_FIXED, rf"{_MARK},? (?:which )?{_BE}{_NEGATED} (?:yet |fully )?(?:fixed|addressed|resolved)"),
        (NOT_FIXED, rf"{_MARK},? (?:(?:is|are|remains?) (?:still )?|still )(?:unfixed|open|unpatched|pending)\b"),
        (NOT_FIXED, rf"\b(?:do|does|did){_NEGATED} (?:yet )?(?:fix|address|resolve)\b{_FILLER}{_MARK}"),
        (TAKEN_BACK, rf"{_TAKE_BACK} {_WORDS}{_FIX} (?:for|of|from) (?:[\w-]{{1,30}} ){{0,2}}?{_MARK}"),
        (TAKEN_BACK, rf"{_TAKE_BACK} {_WORDS}{_FIX}[\w ,]{{0,60}}: ?{_MARK}"),
        (TAKEN_BACK, rf"{_TAKE_BACK} {_WORDS}(?<!from ){_MARK}(?:\.patch| {_FIX})\b"),
        (TAKEN_BACK, rf"{_MARK}(?:\.patch| {_FIX})?[:,]? {_BE} (?:reverted|dropped|removed|disabled|backed out)\b"),
        (TAKEN_BACK, rf"{_MARK}\.patch[:,]? (?:-+ ?)?(?:drop|remov|delet|revert)"),
        (REGRESSION, rf"{_MARK}(?:\.patch| {_FIX})?[:,]? regress"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discounted:
    """A CVE that is mentioned but not fixed here, and why; ``clause`` is where it says so."""

    cve: str
    reason: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What one text says of CVEs: ``fixed`` sorted by id, each once."""

    fixed: tuple[str, ...]
    discounted: tuple[Discounted, ...]


def cves_fixed(text: str) -> tuple[str, ...]:
    """Return the CVE ids that a changelog entry fixes, sorted, each once, at most CVE_COUNT_MAX.

    >>> cves_fixed("* Fix CVE-2024-0002 and cve-2024-0001 (CVE-2023-9999 does not affect us).")
    ('CVE-2024-0001', 'CVE-2024-0002')
    """
    return mentions(text).fixed


def mentions(text: str) -> Mentions:
    """Return what a changelog entry says of CVEs; only the first TEXT_LENGTH_MAX characters are looked at."""
    fixed: set[str] = set()
    discounted: dict[str, Discounted] = {}
    for clause in _clauses(text[:TEXT_LENGTH_MAX]):
        ids = {found.upper() for found in _ID.findall(clause)}
        reason = _discount(clause) if ids else ""
        if reason:
            discounted |= {cve: Discounted(cve=cve, reason=reason, clause=clause) for cve in ids}
        else:
            fixed |= ids
    left = [discounted[cve] for cve in sort_cves(discounted) if cve not in fixed]
    return Mentions(fixed=sort_cves(fixed)[:CVE_COUNT_MAX], discounted=tuple(left)[:CVE_COUNT_MAX])


def find_cves(text: str) -> tuple[str, ...]:
    """Return every CVE id in a text, whatever is said of it, in the order of year and number.

    For ids that stand alone (an advisory's aliases); prose goes through ``cves_fixed``.
    """
    return sort_cves({found.upper() for found in _ID.findall(text)})


def sort_cves(cves: Iterable[str]) -> tuple[str, ...]:
    """Return CVE ids by year and number, each once."""
    return tuple(sorted(set(cves), key=_year_and_number))


def _year_and_number(cve: str) -> tuple[int, int]:
    _, year, number = cve.split("-")
    return int(year), int(number)


def _discount(clause: str) -> str:
    """Return why the ids of a clause do not count, empty where they do."""
    marked = _LIST.sub(_MARK, " ".join(_mark_patch_file(word) for word in clause.split()))
    marked = marked[: marked.rindex(_MARK) + _TAIL_LENGTH_MAX]
    reverted = _REVERTED.search(marked)
    if reverted and not _BRINGS_FIX.search(reverted.group(1)):
        return TAKEN_BACK
    regressed = _REGRESSED.search(marked)
    if regressed and _EARLIER_FIX.search(regressed.group(1)) and not _INCOMPLETE.search(regressed.group(1)):
        return REGRESSION
    return next((reason for reason, pattern in _DISCOUNTS if pattern.search(marked)), "")


def _mark_patch_file(word: str) -> str:
    bare = word.rstrip(".,:;")
    if bare.lower().endswith(_PATCH_SUFFIXES) and _ID.search(bare):
        return f"{_MARK}.patch{word[len(bare) :]}"
    return word


def _clauses(text: str) -> Iterator[str]:
    for statement in _statements(text):
        for sentence in _SENTENCE_END.split(statement):
            yield from _split_brackets(sentence)


def _split_brackets(sentence: str) -> Iterator[str]:
    """Yield what stands in brackets as a clause of its own; ids alone belong to what is around them."""
    around: list[str] = []
    position = 0
    for found in _BRACKETS.finditer(sentence):
        around.append(sentence[position : found.start()])
        inside = found.group(1)
        if _is_ids_only(inside):
            around.append(f" {inside} ")
        else:
            yield inside
        position = found.end()
    around.append(sentence[position:])
    yield "".join(around)


def _is_ids_only(text: str) -> bool:
    words = _WORD.findall(_ID.sub(" ", text))
    return all(word.isdecimal() or word.lower() in _AROUND_IDS for word in words)


def _statements(text: str) -> Iterator[str]:
    """Yield list items with their continuation lines joined, each after the items above it that end in a colon."""
    above: list[tuple[int, str]] = []  # indentation and text of the items that introduce the present one
    indent, lines = 0, [""]
    for line in [*text.splitlines(), "- "]:
        item = _ITEM.match(f"{line} ")
        if item is None and line.strip():
            lines.append(line.strip())
            continue
        above = [pair for pair in above if pair[0] < indent][-_DEPTH_MAX:]
        words = " ".join(lines).strip()
        yield " ".join([*(introduction for _, introduction in above), words])
        if words.endswith(":"):
            above.append((indent, words[-_INTRODUCTION_LENGTH_MAX:]))
        indent, lines = (len(item.group(1)), [line[item.end() :]]) if item else (0, [])
