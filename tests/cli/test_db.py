"""``oakum db reindex``: the index is made anew from what the hosts told."""

from __future__ import annotations

from oakum.findings.index import hosts_of_each
from oakum.findings.models import PackageHosts
from tests.cli.running import Shell
from tests.web.rows import World


def test_reindex_makes_the_index_anew_and_says_of_how_many_hosts(world: World, operator: Shell) -> None:
    assert operator("db", "reindex").ok().startswith("2 hosts are indexed: ")
    before = hosts_of_each(organisation_id=world.organisation.id)
    assert any(len(hosts) == 2 for hosts in before.values())
    PackageHosts.objects.all().delete()
    assert operator("db", "reindex").ok().startswith("2 hosts are indexed: ")
    assert hosts_of_each(organisation_id=world.organisation.id) == before
