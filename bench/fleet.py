"""A synthetic fleet in a database: hosts, package versions, advisories and findings, shaped like real ones.

50,000 versions of 12,500 packages in five releases; what hosts have follows a power law; 200 roles replace 5 to 40
packages of their release's base; each host lags behind by days of its own and differs in some packages, so that all
sets are distinct.  Kernels stand side by side, two in a hundred hosts run replaced code, one in fifteen is public.

It measures nothing.  The same number of hosts and the same seed give the same fleet.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pyroaring import BitMap

T = TypeVar("T")

STREAMS = ("debian:12", "debian:13", "ubuntu:24.04", "ubuntu:22.04", "debian:11")
STREAM_WEIGHTS = (40, 15, 25, 15, 5)
NAME_COUNT = 2_500  # of a stream
VERSION_COUNT = 4  # of a name
PACKAGE_COUNT = 600  # of a host
ROLE_COUNT = 200
ROLE_REPLACED = (5, 40)
LAG_COUNT = 24  # how far behind hosts may be, in steps
OWN_COUNT = 8  # packages in which a host differs from its role
ADVISORY_SHAPE = 11.3  # advisories of a name, on average
UNFIXED = 0.15  # of the advisories: no version that hosts have cures them
SINCE_COUNT = 40  # days on which findings were first known
KEV_COUNT = 1_500
FEED = "bench"
PUBLIC_SHARE = 1 / 15
OLD_CODE_SHARE = 0.02
INSERT_COUNT = 1_000
EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KERNEL_RELEASES = tuple(f"6.1.0-{number}-amd64" for number in (36, 37, 38, 39))


@dataclass(slots=True, kw_only=True)
class Fleet:
    """What was made, as far as measurements need to know it."""

    organisation_id: UUID
    host_count: int
    # stream -> name number -> ids of its versions, oldest first; kernels are ids by release.
    versions: dict[str, list[list[int]]] = field(default_factory=dict)
    kernels: dict[str, list[int]] = field(default_factory=dict)
    cves: set[str] = field(default_factory=set)
    finding_count: int = 0


def make_fleet(host_count: int, *, seed: int = 1) -> Fleet:
    """Fill the database that Django is set up on."""
    from oakum.identity.models import Organisation  # noqa: PLC0415 - tables exist only after set-up

    dice = random.Random(seed)
    organisation = Organisation.objects.create(name="Bench", created_at=EPOCH)
    fleet = Fleet(organisation_id=organisation.id, host_count=host_count)
    _make_versions(fleet)
    _make_advisories(fleet, dice)
    _go_on_behind()
    _make_findings(fleet)
    _make_hosts(fleet, dice)
    _make_groups(fleet, dice)
    return fleet


def slices(items: Iterable[T], count: int = INSERT_COUNT) -> Iterator[list[T]]:
    """Yield the items by so many."""
    iterator = iter(items)
    while part := list(islice(iterator, count)):
        yield part


def _make_versions(fleet: Fleet) -> None:
    from oakum.catalogue.models import PackageVersion  # noqa: PLC0415 - tables exist only after set-up
    from oakum.core.versions import order_key  # noqa: PLC0415

    scheme = scheme_of(STREAMS[0])
    keys = {text: order_key(scheme, text) for text in (f"1.{step}-1" for step in range(VERSION_COUNT + 1))}

    def rows() -> Iterator[PackageVersion]:
        version_id = 0
        for stream in STREAMS:
            fleet.versions[stream] = []
            for name in range(NAME_COUNT):
                ids = []
                for step in range(VERSION_COUNT):
                    version_id += 1
                    ids.append(version_id)
                    yield row(version_id, stream, f"package-{name}", f"package-{name}", f"1.{step}-1")
                fleet.versions[stream].append(ids)
            fleet.kernels[stream] = []
            for step, release in enumerate(KERNEL_RELEASES):
                version_id += 1
                fleet.kernels[stream].append(version_id)
                yield row(version_id, stream, f"linux-image-{release}", "linux", f"1.{step}-1")

    def row(version_id: int, stream: str, name: str, source_name: str, version: str) -> PackageVersion:
        return PackageVersion(
            id=version_id,
            stream=stream,
            name=name,
            version=version,
            architecture="amd64",
            source_name=source_name,
            source_version=version,
            scheme=scheme,
            order_key=keys[version],
            source_order_key=keys[version],
            purl="",
            first_seen_at=EPOCH,
        )

    for part in slices(rows()):
        PackageVersion.objects.bulk_create(part)


def _make_advisories(fleet: Fleet, dice: random.Random) -> None:
    from oakum.core.versions import order_key  # noqa: PLC0415 - tables exist only after set-up
    from oakum.intel.models import Feed, KevEntry, Vulnerability  # noqa: PLC0415

    scheme = scheme_of(STREAMS[0])
    keys = [order_key(scheme, f"1.{step}-1") for step in range(VERSION_COUNT + 1)]
    feed = Feed.objects.create(name=FEED, kind="osv", generation=1, generation_next=2, imported_at=EPOCH)
    kev = Feed.objects.create(name="kev", kind="kev", generation=1, generation_next=2, imported_at=EPOCH)
    advisories: list[tuple[Any, ...]] = []
    ranges: list[tuple[Any, ...]] = []
    cves: list[tuple[Any, ...]] = []
    for stream in STREAMS:
        for source in (*(f"package-{name}" for name in range(NAME_COUNT)), "linux"):
            for each in range(_advisory_count(dice, source)):
                number = len(advisories) + 1
                is_shared = dice.random() < 0.2  # noqa: PLR2004 - one in five CVEs is in several releases
                cve = f"CVE-{2015 + number % 12}-{hash_of(source, each) if is_shared else 1_000_000 + number}"
                fixed = VERSION_COUNT if dice.random() < UNFIXED else dice.randrange(1, VERSION_COUNT)
                is_known = fixed < VERSION_COUNT or dice.random() < 0.5  # noqa: PLR2004 - half will be fixed
                severity = dice.choice(("critical", "high", "medium", "low", ""))
                row = (number, feed.id, 1, f"ADV-{number}", cve, "", severity, f'["{cve}"]', "", "[]", "", "", "")
                advisories.append(row)
                fix = (keys[fixed], f"1.{fixed}-1") if is_known else (None, "")
                ranges.append((number, stream, source, "source", "", scheme, b"", *fix, "affected"))
                cves.append((number, cve))
                fleet.cves.add(cve)
    add("intel_advisory", _ADVISORY, advisories)
    add("intel_affectedrange", _RANGE, ranges)
    add("intel_advisorycve", ("advisory_id", "cve"), cves)
    known = sorted(fleet.cves)
    for part in slices(known):
        Vulnerability.objects.bulk_create([_vulnerability(Vulnerability, cve, dice) for cve in part])
    for part in slices(dice.sample(known, min(KEV_COUNT, len(known)))):
        KevEntry.objects.bulk_create([_kev(KevEntry, kev, cve, dice) for cve in part])


_ADVISORY = (
    *("id", "feed_id", "generation", "ref", "title", "details", "severity", "cves", "cvss_vector", "aliases"),
    *("superseded_by", "digest", "settled"),
)
_RANGE = (
    *("advisory_id", "stream", "name", "level", "architectures", "scheme", "low_key", "high_key", "fixed_version"),
    "state",
)


def scheme_of(stream: str) -> str:
    """Return the scheme of a stream's versions."""
    from oakum.core.streams import scheme_of_stream  # noqa: PLC0415

    return scheme_of_stream(stream)


def add(table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Add many rows the fastest way."""
    from django.db import transaction  # noqa: PLC0415

    from oakum.intel.services.rows import add_rows  # noqa: PLC0415

    for part in slices(rows, 20_000):
        with transaction.atomic():
            add_rows((table, columns), part)


def _go_on_behind() -> None:
    """Let PostgreSQL give out ids behind those that were given by hand; SQLite does so by itself."""
    from django.core.management.color import no_style  # noqa: PLC0415 - after set-up
    from django.db import connection  # noqa: PLC0415

    from oakum.catalogue.models import PackageVersion  # noqa: PLC0415
    from oakum.intel.models import Advisory  # noqa: PLC0415

    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), [PackageVersion, Advisory]):
            cursor.execute(sql)


def _make_findings(fleet: Fleet) -> None:
    """Let the assess loop find what there is, then spread the days on which it was first known."""
    from django.db.models import F  # noqa: PLC0415

    from oakum.findings.models import Finding  # noqa: PLC0415
    from oakum.findings.services import assess  # noqa: PLC0415

    assess(now=EPOCH)
    by_day = Finding.objects.annotate(day=F("advisory_id") % SINCE_COUNT)
    for day in range(SINCE_COUNT):
        by_day.filter(day=day).update(since=EPOCH - timedelta(days=10 * day, minutes=day))
    fleet.finding_count = Finding.objects.count()


def hash_of(source: str, number: int) -> int:
    """Return a number that is the same in every run."""
    letters = sum(ord(letter) * 31**place for place, letter in enumerate(source))
    return 100_000 + int((letters * 97 + number) % 800_000)


def _advisory_count(dice: random.Random, source: str) -> int:
    return 400 if source == "linux" else min(120, int(dice.paretovariate(1.1) * ADVISORY_SHAPE / 4.4))


def _vulnerability(model: Any, cve: str, dice: random.Random) -> Any:
    return model(
        cve=cve,
        summary=f"{cve}: something is wrong with how a package reads what it is given.",
        cvss_vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        cvss_score=dice.choice((None, 3.1, 5.5, 7.5, 9.8)),
        cvss_source="NVD",
        ssvc_automatable=dice.choice(("", "yes", "no")),
        ssvc_technical_impact=dice.choice(("", "partial", "total")),
        ssvc_source="CISA",
    )


def _kev(model: Any, feed: Any, cve: str, dice: random.Random) -> Any:
    added = date(2026, 11, 20) - timedelta(days=dice.randrange(0, 1_000))
    return model(
        feed=feed, generation=1, cve=cve, name=cve, added_on=added, ransomware="unknown", forensic_triage="unknown"
    )


def _make_hosts(fleet: Fleet, dice: random.Random) -> None:
    from oakum.fleet.models import Host, HostChange, OrdinalBlock  # noqa: PLC0415 - tables exist only after set-up

    for start in range(0, fleet.host_count, 65_536):
        used = min(65_536, fleet.host_count - start)
        OrdinalBlock.objects.create(organisation_id=fleet.organisation_id, start=start, used_count=used)
    roles = [_role(dice) for _ in range(ROLE_COUNT)]
    bases: dict[tuple[str, int, int], BitMap] = {}
    for numbers in slices(range(fleet.host_count)):
        hosts, changes = [], []
        for number in numbers:
            host, removed = _host(Host, fleet, number, roles, bases, dice)
            hosts.append(host)
            if removed:
                changes.append((host, removed))
        Host.objects.bulk_create(hosts)
        HostChange.objects.bulk_create(
            HostChange(
                organisation_id=fleet.organisation_id,
                host_id=host.id,
                at=EPOCH - timedelta(hours=5),
                added=host.running_old_set,
                removed=BitMap(removed).serialize(),
            )
            for host, removed in changes
        )


def _role(dice: random.Random) -> dict[int, int]:
    """Return which names of the base a role replaces by which others."""
    count = dice.randint(*ROLE_REPLACED)
    others = (
        PACKAGE_COUNT + int((dice.paretovariate(0.9) - 1) * 60) % (NAME_COUNT - PACKAGE_COUNT) for _ in range(count)
    )
    return dict(zip(dice.sample(range(PACKAGE_COUNT), count), others, strict=True))


def _base(fleet: Fleet, stream: str, role: dict[int, int], lag: int) -> BitMap:
    """Return the packages of a role in a release that lags so far behind."""
    chosen = []
    for place in range(PACKAGE_COUNT - 2):  # and two kernels
        name = role.get(place, place)
        behind = sum((name * 7 + step * 13) % LAG_COUNT < lag for step in range(1, VERSION_COUNT))
        chosen.append(fleet.versions[stream][name][VERSION_COUNT - 1 - min(behind, VERSION_COUNT - 1)])
    return BitMap(chosen)


def _host(
    model: Any,
    fleet: Fleet,
    number: int,
    roles: list[dict[int, int]],
    bases: dict[tuple[str, int, int], BitMap],
    dice: random.Random,
) -> tuple[Any, list[int]]:
    stream = dice.choices(STREAMS, STREAM_WEIGHTS)[0]
    role, lag = dice.randrange(ROLE_COUNT), min(LAG_COUNT - 1, int(dice.expovariate(1 / 3)))
    if (stream, role, lag) not in bases:
        bases[(stream, role, lag)] = _base(fleet, stream, roles[role], lag)
    packages = bases[(stream, role, lag)].copy()
    for _ in range(OWN_COUNT):
        ids = fleet.versions[stream][dice.randrange(NAME_COUNT)]
        own = BitMap(ids) & packages
        packages -= own
        packages.add(dice.choice(ids))
    kernel = dice.randrange(1, len(KERNEL_RELEASES))
    packages |= BitMap(fleet.kernels[stream][kernel - 1 : kernel + 1])
    held, removed = BitMap(), []
    if dice.random() < OLD_CODE_SHARE:
        name = dice.randrange(50)
        new, old = fleet.versions[stream][name][-1], fleet.versions[stream][name][0]
        packages = (packages - BitMap(fleet.versions[stream][name])) | BitMap([new])
        held, removed = BitMap([new]), [old]
    # Ordinals ascend with enrolment only roughly.
    enrolled_at = EPOCH - timedelta(minutes=10 * (fleet.host_count - number) % 1_000_000, seconds=dice.randrange(900))
    return (
        model(
            id=uuid4(),
            organisation_id=fleet.organisation_id,
            ordinal=number,
            secret_hash=f"{number:064}",
            nonce="0" * 32,
            enrolled_at=enrolled_at,
            seen_on=EPOCH.date() if number % 50 else EPOCH.date() - timedelta(days=3),
            last_seen_at=EPOCH - timedelta(seconds=dice.randrange(300)) if number % 50 else EPOCH - timedelta(days=3),
            hostname=f"host{number:06}.example.test",
            reachability="public" if dice.random() < PUBLIC_SHARE else "",
            stream=stream,
            os_id=stream.partition(":")[0],
            kernel_running=KERNEL_RELEASES[kernel - (dice.random() < 0.1)],  # noqa: PLR2004 - one in ten must reboot
            packages_status="known" if number % 97 else "unknown",
            packages_reason="",
            packages_hash=f"{number:064}",
            facts_hash=f"{number:064}",
            stale_status="known",
            offers_status="known",
            offers_hash=f"{number % 500:064}",  # nothing is offered, in so many ways
            inventory_at=EPOCH - timedelta(seconds=dice.randrange(300)),
            package_set=_dump(packages),
            running_old_set=_dump(held),
            held_set=b"",
        ),
        removed,
    )


def _dump(bitmap: BitMap) -> bytes:
    bitmap.run_optimize()
    raw: bytes = bitmap.serialize()
    return raw


def _make_groups(fleet: Fleet, dice: random.Random) -> None:
    from oakum.fleet.models import Group, Host  # noqa: PLC0415 - tables exist only after set-up

    hosts = list(Host.objects.order_by("ordinal").values_list("id", flat=True))
    through = Group.hosts.through
    for name, share in (("production", 0.71), ("staging", 0.2), ("dmz", 0.03)):
        group = Group.objects.create(
            organisation_id=fleet.organisation_id,
            name=name,
            environment="" if name == "dmz" else name,
            reachability="public" if name == "dmz" else "",
        )
        chosen = [each for each in hosts if dice.random() < share]
        for part in slices(chosen):
            through.objects.bulk_create([through(group_id=group.id, host_id=each) for each in part])
