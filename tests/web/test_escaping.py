"""What hosts and feeds say is text, never markup: in pages, titles and attributes."""

from __future__ import annotations

from oakum.catalogue.models import ReleaseNote, Update
from oakum.core.versions import order_key
from oakum.fleet.models import Host
from oakum.journal.services import seal
from tests.web.conftest import SignIn
from tests.web.rows import NEW_OPENSSL, World, add_host, import_advisories

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}"
PAGES = ("/", "/hosts", "/findings", "/vulnerabilities", "/patches", "/journal", "/compliance", "/groups", "/hosts/add")


def test_hostile_words_of_hosts_and_feeds_stay_words(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test", group="evil")
    import_advisories(world, title=EVIL)
    Host.objects.filter(id=host.id).update(
        hostname=EVIL,
        os_name=EVIL,
        kernel_running=EVIL,
        state_reason=EVIL,
        active_orders=[{"order_id": "1", "order_hash": "", "phase": EVIL, "detail": EVIL, "at": ""}],
    )
    host.groups.update(name=EVIL[:80], description=EVIL)
    update = Update.objects.get(source_name="openssl")
    Update.objects.filter(id=update.id).update(origins=[], notes_problem=EVIL)
    ReleaseNote.objects.create(
        organisation=world.organisation,
        stream="debian:12",
        source_name="openssl",
        version=NEW_OPENSSL,
        order_key=order_key("deb.1", NEW_OPENSSL),
        distribution=EVIL,
        urgency="high",
        dated=EVIL[:60],
        text=EVIL,
        cves=[],
        told_by_host_id=host.id,
        told_at=world.now,
    )
    seal(now=world.now)
    client = signed_in("administrator")
    own = (
        f"/hosts/{host.id}",
        f"/hosts/{host.id}/packages",
        f"/hosts/{host.id}/changes",
        f"/hosts/{host.id}/findings/openssl",
        f"/patches/{update.id}",
        f"/groups/{host.groups.get().id}",
        "/vulnerabilities/" + EVIL.replace("<", "%3C").replace("?", "%3F").replace("{", "%7B"),
        "/hosts?search=" + EVIL.replace("<", "%3C"),
        "/journal?subject=" + EVIL.replace("<", "%3C"),
        "/rollouts/plan?host=" + str(host.id),
    )
    seen = 0
    for path in PAGES + own:
        answer = client.get(path)
        assert answer.status_code == 200, path
        markup = answer.content.decode()
        assert "<script>alert" not in markup, path
        assert "<img" not in markup, path
        assert 'onerror=alert(2)>"' not in markup, path
        assert "14" not in markup.partition("&lt;script&gt;alert(1)")[2][:80], path
        seen += "&lt;script&gt;alert(1)" in markup
    assert seen >= 10  # the words are shown, not dropped
