"""VEX on its way into the database: recognised, replaced, withdrawn, shown; all of a document or nothing."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import connection

from oakum.cli.feed import feed
from oakum.config import Config
from oakum.core.errors import FeedError, OperatorError
from oakum.intel.importers import importer_for
from oakum.intel.importers.values import Read
from oakum.intel.importers.vex import VexImporter
from oakum.intel.models import Feed, VexStatement
from oakum.intel.queries import VexView, feeds, generations, names_in_vex, vex_generations, vex_statements
from oakum.intel.services import import_bundle, import_feed, own_key, withdraw_vex, write_bundle
from oakum.intel.services.pace import ROW_COUNT_MAX, ROW_COUNT_MIN
from oakum.journal.models import Entry
from tests.intel import feeds as other_files
from tests.intel.vendor_feeds import samples
from tests.intel.vex_documents import AUTHOR, LIBSSL, analysed, branch, csaf, cyclonedx, openvex, statement, write

pytestmark = pytest.mark.django_db

SAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def shown(name: str = "libssl3", stream: str = "debian:12") -> list[VexView]:
    return list(vex_statements(streams=[stream], names=[name]))


def statuses(name: str = "libssl3", stream: str = "debian:12") -> list[tuple[str, str]]:
    return [(each.vulnerability, each.status) for each in shown(name, stream)]


def test_a_document_is_imported_and_shown_with_its_author(tmp_path: Path, now: datetime) -> None:
    path = write(tmp_path / "acme.vex.json", openvex(statement(), statement("pkg:oci/shop")))
    report = import_feed(path, now=now)
    assert (report.kind, report.record_count, report.affected_count) == ("vex", 1, 0)
    assert report.skipped == (
        ("products: packages of the type 'oci' are none that Oakum assesses (such as pkg:oci/shop)", 1),
    )
    (told,) = shown()
    assert (told.feed_name, told.document, told.author) == (report.feed_name, "https://example.test/vex/one", AUTHOR)
    assert (told.vulnerability, told.status, told.versions) == ("CVE-2024-0001", "not_affected", "vers:deb/3.0.1-1")
    assert told.said_at == SAID_AT
    assert names_in_vex() == {("debian:12", "libssl3")}
    assert vex_generations() == {report.feed_name: 1}
    assert generations() == {}  # what has no advisories is nothing to match package versions with
    (listed,) = feeds()
    assert (listed.kind, listed.record_count, listed.generation) == ("vex", 1, 1)
    assert VexStatement.objects.get().organisation is None


def test_the_next_edition_replaces_the_former_one(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "vex.json"
    first = openvex(statement(), statement(cve="CVE-2024-0002"))
    import_feed(write(path, first), now=now)
    second = openvex(statement(status="affected"), version=2)
    report = import_feed(write(path, second), now=now)
    assert (report.generation, statuses()) == (2, [("CVE-2024-0001", "affected")])
    assert VexStatement.objects.count() == 1
    other = openvex(statement(status="fixed"), **{"@id": "https://example.test/vex/two"})
    import_feed(write(path, other), now=now)
    assert statuses() == [("CVE-2024-0001", "affected"), ("CVE-2024-0001", "fixed")]


def test_a_document_that_is_withdrawn_says_nothing_any_more(tmp_path: Path, now: datetime) -> None:
    path = write(tmp_path / "vex.json", openvex(statement()))
    name = import_feed(path, now=now).feed_name
    assert withdraw_vex(feed_name=name, now=now) == 1
    assert (shown(), vex_generations(), VexStatement.objects.count()) == ([], {}, 0)
    (listed,) = feeds()
    assert (listed.record_count, listed.generation, listed.imported_at) == (0, 0, None)
    entry = Entry.objects.get(kind="intel.vex_withdrawn")
    assert entry.payload == {"feed": name, "record_count": 1}
    # The same document again is imported, under a number that was never used.
    report = import_feed(path, now=now)
    assert (report.is_unchanged, report.generation, len(shown())) == (False, 2, 1)


@pytest.mark.parametrize(("name", "words"), [("osv-debian", "has the format 'osv'"), ("x", "There is no feed 'x'")])
def test_other_feeds_are_not_withdrawn(tmp_path: Path, now: datetime, name: str, words: str) -> None:
    import_feed(other_files.write_zip(tmp_path / "all.zip", other_files.osv_record()), now=now)
    with pytest.raises(OperatorError, match=words):
        withdraw_vex(feed_name=name, now=now)
    assert generations() == {"osv-debian": 1}


def test_bundles_carry_statements_and_leave_out_what_was_withdrawn(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(server: str) -> None:
        (tmp_path / server).mkdir()
        own = Config(
            host="127.0.0.1",
            port=1,
            data_dir=tmp_path / server,
            database_url="sqlite:///x",
            behind_proxy=False,
            public_url="",
        )
        monkeypatch.setattr(settings, "CONFIG", own)
        Feed.objects.all().delete()

    use("one")
    import_feed(
        write(tmp_path / "a.json", openvex(statement("pkg:deb/debian/bash@5-1"))), stream="debian:12", name="a", now=now
    )
    import_feed(write(tmp_path / "b.json", openvex(statement())), name="b", now=now)
    withdraw_vex(feed_name="b", now=now)
    assert [each.name for each in write_bundle(tmp_path / "bundle", now=now)] == ["a"]
    key = own_key().public.hex()
    use("two")
    assert [each.problem for each in import_bundle(tmp_path / "bundle", trust=key, now=now)] == [None]
    assert statuses("bash") == [("CVE-2024-0001", "not_affected")]
    assert shown() == []


def test_an_archive_may_mix_the_formats(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "acme.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", json.dumps(openvex(statement())))
        archive.writestr("b.json", json.dumps(cyclonedx(analysed(state="exploitable"))))
        document = csaf(branch("P", LIBSSL), status={"under_investigation": ["P"]})
        archive.writestr("c.json", json.dumps(document))
    report = import_feed(path, now=now)
    assert (report.feed_name, report.kind, report.record_count) == ("vex-acme", "vex", 3)
    assert [each.status for each in shown()] == ["not_affected", "affected", "under_investigation"]


def test_the_oldest_word_comes_first_and_an_undated_one_counts_from_the_import(tmp_path: Path, now: datetime) -> None:
    new = statement(status="fixed", timestamp=(now - timedelta(days=1)).isoformat())
    undated = statement(status="under_investigation", timestamp="")
    old = statement(status="affected", timestamp="2020-01-01T00:00:00Z")
    import_feed(write(tmp_path / "vex.json", openvex(new, undated, old, timestamp="")), now=now)
    assert [each.status for each in shown()] == ["affected", "fixed", "under_investigation"]
    assert shown()[-1].said_at == now


def test_the_same_said_twice_is_one_statement(tmp_path: Path, now: datetime) -> None:
    import_feed(write(tmp_path / "vex.json", openvex(statement(LIBSSL, LIBSSL), statement())), now=now)
    assert len(shown()) == 1


def test_a_cut_document_changes_nothing(tmp_path: Path, now: datetime) -> None:
    path = write(tmp_path / "vex.json", openvex(statement()))
    name = import_feed(path, now=now).feed_name
    path.write_text(json.dumps(openvex(statement(status="affected")))[:-3])
    with pytest.raises(FeedError, match="it is not JSON"):
        import_feed(path, kind="vex", name=name, now=now)
    assert statuses() == [("CVE-2024-0001", "not_affected")]


def test_a_document_with_nothing_for_us_says_why(tmp_path: Path, now: datetime) -> None:
    with pytest.raises(FeedError, match=r"holds nothing that Oakum can use \(products: packages of the type 'oci'"):
        import_feed(write(tmp_path / "vex.json", openvex(statement("pkg:oci/shop"))), now=now)
    with pytest.raises(FeedError, match=r"holds nothing that Oakum can use \(documents without a statement"):
        import_feed(write(tmp_path / "bom.json", cyclonedx()), now=now)


def test_an_import_that_was_killed_goes_on(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [statement(cve=f"CVE-2024-{number:04}") for number in range(1, 801)]
    path = write(tmp_path / "vex.json", openvex(*many))
    whole = VexImporter.records

    def killed(self: VexImporter, path: Path) -> Iterator[Read]:
        for number, read in enumerate(whole(self, path)):
            if number == 700:
                raise KeyboardInterrupt
            yield read

    with monkeypatch.context() as patch:
        patch.setattr(VexImporter, "records", killed)
        with pytest.raises(KeyboardInterrupt):
            import_feed(path, now=now)
    assert (shown(), VexStatement.objects.count()) == ([], 600)
    report = import_feed(path, now=now)
    assert (report.generation, report.record_count, len(shown())) == (1, 800, 800)


def test_no_write_transaction_is_longer_than_its_limit(tmp_path: Path, now: datetime) -> None:
    """One statement may name thousands of products: SQLite must not be held for all of them at once."""
    counts = [0]

    def count_at_the_end(execute: Any, sql: str, *arguments: Any) -> Any:
        answer = execute(sql, *arguments)
        if sql.startswith("RELEASE SAVEPOINT"):
            counts.append(VexStatement.objects.count())
        return answer

    products = [f"pkg:npm/p{number}@1.0.0" for number in range(2_500)]
    with connection.execute_wrapper(count_at_the_end):
        import_feed(write(tmp_path / "vex.json", openvex(statement(*products))), now=now)
    assert VexStatement.objects.count() == 2_500
    steps = [after - before for before, after in pairwise(counts)]
    assert ROW_COUNT_MIN <= max(steps) <= ROW_COUNT_MAX


CANONICAL = openvex(statement(), author="Canonical Ltd.")


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (openvex(statement()), "vex"),
        (openvex(statement(), **{"@context": "https://openvex.dev/ns"}), "vex"),
        (openvex(statement(impact_statement="Canonical says so, too.")), "vex"),
        (CANONICAL, "ubuntu-vex"),
        (cyclonedx(analysed()), "vex"),
        ({"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json"} | cyclonedx(analysed()), "vex"),
        (csaf(branch("P", LIBSSL), status={"fixed": ["P"]}), "csaf"),
    ],
)
def test_which_importer_takes_a_document(tmp_path: Path, document: dict[str, Any], kind: str) -> None:
    path = write(tmp_path / "file.json", document)
    assert importer_for(path, None).kind == kind
    path.write_text(json.dumps(document, indent=2))
    assert importer_for(path, None).kind == kind
    assert importer_for(path, "vex").kind == "vex"


def test_the_published_feeds_of_distributions_are_not_taken_for_somebodys_vex(tmp_path: Path) -> None:
    found = {
        path.name: importer_for(path, None).kind
        for path in samples(tmp_path, "ubuntu/vex/", "redhat/vex/v1/2023", "suse/csaf_vex/", "microsoft/vex/happy/2025")
    }
    assert found["vex-all.tar.xz"] == "ubuntu-vex"
    assert set(found.values()) == {"ubuntu-vex", "csaf"}


def test_canonicals_own_document_may_be_read_as_statements(tmp_path: Path, now: datetime) -> None:
    (archive,) = samples(tmp_path, "ubuntu/vex/vex-all")
    report = import_feed(archive, kind="vex", now=now)
    assert report.feed_name == "vex-vex-all"
    assert report.record_count > 0
    assert {each[:7] for each in VexStatement.objects.values_list("stream", flat=True)} == {"ubuntu:"}
    assert VexStatement.objects.filter(level="source").exists()


def test_csaf_is_read_as_vex_where_somebody_says_so(tmp_path: Path, now: datetime) -> None:
    path = write(tmp_path / "ex.json", csaf(branch("P", "pkg:npm/left-pad@1.0.0"), status={"fixed": ["P"]}))
    with pytest.raises(FeedError, match="holds nothing that Oakum can use"):
        import_feed(path, now=now)
    assert import_feed(path, kind="vex", now=now).record_count == 1
    assert statuses("left-pad", "npm") == [("CVE-2024-0001", "fixed")]


def test_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(feed, arguments)
        assert result.exit_code == 0, result.output
        return result

    path = write(tmp_path / "vex.json", openvex(statement("pkg:deb/debian/bash@5.2-1")))
    run("import", str(path), "--stream", "debian:12", "--name", "acme")
    assert statuses("bash") == [("CVE-2024-0001", "not_affected")]
    assert Feed.objects.get(name="acme").stream == "debian:12"
    assert "acme" in run("list").stdout
    assert run("withdraw", "acme").stdout == "Feed acme: 1 statements withdrawn.\n"
    assert json.loads(run("withdraw", "acme", "--json").stdout) == {"feed": "acme", "withdrawn": 0}
    assert statuses("bash") == []


@pytest.mark.skipif(not os.environ.get("OAKUM_TEST_DATA"), reason="OAKUM_TEST_DATA names no folder with samples")
def test_red_hats_csaf_read_as_vex_names_what_it_leaves_out(tmp_path: Path, now: datetime) -> None:
    """Its products are packages of releases by CPE, whose package URLs tell no release: nothing is guessed."""
    (path,) = samples(tmp_path, "redhat/vex/v1/2023")
    with pytest.raises(FeedError, match="it does not say of which release the package is"):
        import_feed(path, kind="vex", now=now)


def test_a_tar_with_another_document_is_refused_as_a_whole(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "acme.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in (("a.json", openvex(statement())), ("b.json", {"format": "none"})):
            raw = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    with pytest.raises(FeedError, match=r"entry b\.json: it is neither OpenVEX nor CycloneDX nor CSAF; nothing was"):
        import_feed(path, now=now)
    assert VexStatement.objects.count() == 0


def test_a_csaf_vex_document_that_names_no_distribution_is_told_to_be_imported_as_vex(
    tmp_path: Path, now: datetime
) -> None:
    path = write(
        tmp_path / "acme.json",
        csaf(
            branch("P1", "pkg:npm/left-pad@1.0.0"),
            status={"known_affected": ["P1"]},
            remediations=[{"category": "workaround", "details": "Turn it off.", "product_ids": ["P1"]}],
        ),
    )
    with pytest.raises(FeedError, match="holds nothing that Oakum can use") as caught:
        import_feed(path, now=now)
    assert "import it with --kind vex" in caught.value.next_step
    assert import_feed(path, kind="vex", now=now).record_count == 1
