"""What only a browser can tell: pages fit a phone, the policy refuses nothing, and what moves refreshes itself."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from oakum.catalogue.models import Update
from tests.rollout.world import World as Motion
from tests.web.rows import EXPLOITED_CVE, PASSWORD, World, add_host, import_advisories, make_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "vpn-gateway.frankfurt.branch-office.with-a-name-that-goes-on-and-on.example.test"
TAP_HEIGHT_MIN = 28  # of links among words; buttons and fields are higher


@pytest.fixture
def scene() -> tuple[World, tuple[str, ...]]:
    """Make a fleet with something on every page, and return the pages."""
    world = make_world()
    for person in world.people.values():
        person.set_password(PASSWORD)
        person.save()
    hosts = [add_host(world, name, group="web servers") for name in ("web01.example.test", "web02.example.test", LONG)]
    add_host(world, "blind.example.test", status="unknown")
    add_host(world, "new.example.test", reports=False)
    import_advisories(world)
    motion = Motion(
        now=world.now,
        organisation=world.organisation,
        ann=world.people["operator"],
        bea=world.people["approver"],
        hosts=hosts,
    )
    motion.begin()
    motion.tick()
    patch = Update.objects.get(source_name="openssl").id
    host = f"/hosts/{hosts[2].id}"
    pages: tuple[str, ...] = (
        "/",
        "/hosts",
        host,
        f"{host}/packages",
        f"{host}/changes",
        f"{host}/findings/openssl",
        "/hosts/add",
    )
    pages += ("/groups", f"/groups/{hosts[0].groups.get().id}", "/findings", "/vulnerabilities", "/what-if", "/patches")
    pages += (f"/vulnerabilities/{EXPLOITED_CVE}", f"/patches/{patch}", "/compliance", "/rollouts", "/rollouts/1")
    pages += ("/rollouts/1/hosts", "/rollouts/plan", "/windows", "/journal", "/system", "/people", "/settings")
    return world, (*pages, "/account", "/password")


def sign_in(browser: Any, live_server: LiveServer, name: str, **context: Any) -> Any:
    """Return a tab of a context of its own, signed in; its complaints are kept in ``problems``."""
    tab = browser.new_context(**context).new_page()
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.problems = problems
    tab.goto(f"{live_server.url}/sign-in")
    tab.fill("[name=name]", name)
    tab.fill("[name=password]", PASSWORD)
    tab.click("main button")
    return tab


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_every_page_fits_and_breaks_no_rule(
    scene: tuple[World, tuple[str, ...]], live_server: LiveServer, chromium: Any, width: int, scheme: str
) -> None:
    tab = sign_in(
        chromium,
        live_server,
        "adam",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        has_touch=width < 500,
        is_mobile=width < 500,
    )
    for path in scene[1]:
        answer = tab.goto(live_server.url + path)
        assert answer.status == 200, path
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width}"
        low = tab.evaluate(
            """(least) => [...document.querySelectorAll('main button, main a.button, main input, main select')]
                .filter((each) => each.checkVisibility() && !['checkbox', 'radio', 'hidden'].includes(each.type))
                .filter((each) => each.getBoundingClientRect().height < least)
                .map((each) => each.outerHTML.slice(0, 120))""",
            TAP_HEIGHT_MIN if width < 500 else 20,
        )
        assert low == [], f"{path}: too small to be hit"
    assert tab.problems == []


@pytest.mark.usefixtures("scene")
def test_the_menu_opens_on_a_phone(live_server: LiveServer, chromium: Any) -> None:
    tab = sign_in(chromium, live_server, "vera", viewport={"width": 375, "height": 800})
    link = tab.get_by_role("link", name="Findings", exact=True)
    assert not link.is_visible()
    tab.get_by_role("checkbox", name="Menu").check()
    link.click()
    tab.wait_for_url("**/findings")


@pytest.mark.usefixtures("scene")
def test_a_halt_is_one_click_and_reaches_other_screens_by_itself(live_server: LiveServer, chromium: Any) -> None:
    watcher = sign_in(chromium, live_server, "vera")
    watcher.goto(f"{live_server.url}/rollouts/1")
    assert "running" in watcher.locator(".head").inner_text()
    operator = sign_in(chromium, live_server, "otto")
    operator.goto(f"{live_server.url}/hosts")
    operator.get_by_role("button", name="Halt rollout 1").click()
    operator.wait_for_url("**/rollouts/**")
    assert "Halted." in operator.locator(".notice").first.inner_text()
    watcher.locator(".head .badge", has_text="halted").wait_for(timeout=10_000)
    assert watcher.problems == []


@pytest.mark.usefixtures("scene")
def test_the_outlook_follows_the_form(live_server: LiveServer, chromium: Any) -> None:
    tab = sign_in(chromium, live_server, "otto")
    tab.goto(f"{live_server.url}/rollouts/plan")
    outlook = tab.locator("#outlook")
    outlook.get_by_text("openssl").wait_for()
    assert not tab.get_by_label("Source packages", exact=True).is_visible()
    tab.get_by_label("those of source packages that I name").check()
    tab.get_by_label("Source packages", exact=True).fill("tzdata")
    tab.get_by_label("Source packages", exact=True).blur()
    outlook.get_by_text("tzdata").wait_for()
    assert tab.problems == []


@pytest.mark.usefixtures("scene")
def test_what_a_person_has_opened_stays_open_while_the_page_refreshes(live_server: LiveServer, chromium: Any) -> None:
    tab = sign_in(chromium, live_server, "vera")
    tab.goto(f"{live_server.url}/rollouts/1")
    ring = tab.locator("#ring-1")
    assert not ring.evaluate("(each) => each.open")
    ring.locator("summary").click()
    with tab.expect_response(lambda answer: "state=running" in answer.url):
        pass
    tab.wait_for_timeout(300)
    assert tab.locator("#ring-1").evaluate("(each) => each.open")


@pytest.mark.usefixtures("scene")
def test_a_page_says_when_the_server_is_away(live_server: LiveServer, chromium: Any) -> None:
    tab = sign_in(chromium, live_server, "vera")
    tab.goto(f"{live_server.url}/rollouts/1")
    tab.context.set_offline(True)
    tab.get_by_text("The server does not answer.").wait_for(timeout=10_000)
    tab.context.set_offline(False)
    tab.get_by_text("The server does not answer.").wait_for(state="hidden", timeout=10_000)
