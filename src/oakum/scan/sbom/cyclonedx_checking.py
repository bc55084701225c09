"""Hold a CycloneDX document to its version's official schema, as the project that keeps the standard ships it.

Beyond the schema one rule of the standard is checked, that references (``bom-ref``) are unique.  References to nothing
are no fault: widespread tools write them.  Nothing is fetched: the schemas are files of an installed library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Final

import jsonschema_rs
from lxml import etree

from oakum.scan.sbom.problems import PROBLEM_COUNT_MAX, Problem, pointer, problem, shown
from oakum.scan.sbom.values import Source

# The validator makes every problem before it gives out the first.  A larger document is checked as well, and only the
# first of its problems is told.
LISTED_VALUE_COUNT_MAX: Final = 200_000
CONTEXT_DEPTH_MAX: Final = 8

_SCHEMAS: Final = files("cyclonedx.schema") / "_res"
_SHARED: Final = (
    "spdx.SNAPSHOT.schema.json",
    "cryptography-defs.SNAPSHOT.schema.json",
    "jsf-0.82.SNAPSHOT.schema.json",
)
_ADDRESS: Final = "http://cyclonedx.org/schema/"  # only a name: what the schemas call each other
_MASK: Final = "\ufffc"
_MORE: Final = "the document is large: only its first problem is told"


def json_problems(document: Mapping[str, Any], version: str, *, value_count: int) -> Iterator[Problem]:
    """Yield what is wrong with a document in JSON; ``value_count`` is at least how many values it has."""
    validator = _json_validator(version)
    if not validator.is_valid(document):
        if value_count <= LISTED_VALUE_COUNT_MAX:
            yield from map(_json_problem, validator.iter_errors(document))
        else:
            try:
                validator.validate(document)
            except jsonschema_rs.ValidationError as error:
                yield _json_problem(error)
                yield problem("", _MORE)
    yield from _repeated_references(document)


@cache
def _json_validator(version: str) -> jsonschema_rs.Draft7Validator:
    # Of 1.2 and 1.3 the strict schema is the one that refuses members which the standard does not know.
    strict = "-strict" if version in {"1.2", "1.3"} else ""
    registry = jsonschema_rs.Registry([(f"{_ADDRESS}{name}", _schema(name)) for name in _SHARED])
    return jsonschema_rs.Draft7Validator(
        _schema(f"bom-{version}{strict}.SNAPSHOT.schema.json"), registry=registry, validate_formats=True, mask=_MASK
    )


def _schema(name: str) -> Any:
    return json.loads((_SCHEMAS / name).read_text("utf-8"))


def _json_problem(error: jsonschema_rs.ValidationError) -> Problem:
    """Word an error; where none of several shapes fits, the one that fits furthest says what is wrong."""
    found = error
    for _ in range(CONTEXT_DEPTH_MAX):
        branches = [each for each in getattr(found.kind, "context", ()) if each]
        if not branches:
            break
        found = max((branch[0] for branch in branches), key=lambda each: len(each.instance_path))
    return problem(pointer(found.instance_path), found.message.replace(_MASK, shown(found.instance)))


def _repeated_references(document: Mapping[str, Any]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        members = value.items() if isinstance(value, dict) else enumerate(value)
        inner = [(f"{place}{pointer([name])}", each) for name, each in members if isinstance(each, dict | list)]
        waiting.extend(reversed(inner))
        reference = value.get("bom-ref") if isinstance(value, dict) else None
        if isinstance(reference, str) and first.setdefault(reference, place) != place:
            yield problem(f"{place}/bom-ref", f"{shown(reference)} is the reference of {first[reference]} too")


def xml_problems(source: Source, version: str) -> Iterator[Problem]:
    """Yield what is wrong with a document in XML that ``cyclonedx_xml`` could read, and so has no document type."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        tree = etree.fromstring(source.data, parser)
    except etree.XMLSyntaxError as error:
        yield problem(f"line {error.lineno}", f"it is no XML ({error.msg})")
        return
    schema = _xml_schema(version)
    if schema.validate(tree):
        return
    for number, each in enumerate(schema.error_log):
        if number >= PROBLEM_COUNT_MAX:
            return
        yield problem(f"line {each.line}", each.message.replace(f"{{http://cyclonedx.org/schema/bom/{version}}}", ""))


@cache
def _xml_schema(version: str) -> Any:
    with as_file(_SCHEMAS) as directory:  # the schema of licence names is a file beside it
        return etree.XMLSchema(
            etree.parse(str(directory / f"bom-{version}.SNAPSHOT.xsd"), etree.XMLParser(no_network=True))
        )
