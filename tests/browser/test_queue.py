"""Proves the page in a real browser: a check appears without reload, is taken, is settled; and the page says when it is blind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from alerts.desk import CheckState
from dashboard_api.accounts import Role
from ingest.clock import HOUR, MINUTE
from ingest.reading import Signal
from rules.finding import Level, RuleKey
from tests.dashboard_api.small_site import PASSWORD, START, Site, open_site, served

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Skipped where there is none, but not in CI."""
    if CHROMIUM is None:
        reason = "chromium is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Real stores in a temporary folder."""
    made = open_site(tmp_path)
    yield made
    made.services.history.close()
    made.engine.dispose()


class Desk:
    """A page at the queue, logged in, with everything it asked for and complained of."""

    def __init__(self, browser: Browser, address: str, *, width: int = 1280) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 800}, locale="ko-KR")
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.loads = 0
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("load", lambda _: self._loaded())
        self.page.goto(f"{address}/login")
        self.page.fill("#login", "officer1")
        self.page.fill("#password", PASSWORD)
        self.page.click("form[action='/login'] button")
        expect(self.page.locator("#stream")).to_have_attribute("data-state", "live")

    def _loaded(self) -> None:
        self.loads += 1


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """The application, served."""
    with served(site.services) as where:
        yield where


def test_check_appears_without_reload_is_taken_and_is_settled(site: Site, browser: Browser, address: str) -> None:
    desk = Desk(browser, address)
    page, loads = desk.page, desk.loads
    expect(page.locator(".hearing")).to_contain_text("3가구")

    check = site.raise_check("hh-1-1", level=Level.DANGER, at=START - 12 * MINUTE)
    assert check is not None
    row = page.locator(f"#check-{check.id}")
    expect(row).to_be_visible()
    for text in ("위험", check.code, "햇살동", "hh-1-1", "12분", "접수 대기"):
        expect(row).to_contain_text(text)
    expect(page.locator("#announcer")).to_contain_text(check.code)
    expect(page).to_have_title("(1) 안부확인 · 안부")

    row.get_by_role("button", name="접수").click()
    expect(row).to_contain_text("접수 · officer1")
    assert site.desk.checks(dong=None)[0].state is CheckState.ACKNOWLEDGED

    row.get_by_role("button", name="종결").click()
    row.get_by_label("결과").select_option("other")
    row.get_by_role("button", name="종결하기").click()
    expect(row.get_by_role("alert")).to_contain_text("내용을 적어야 합니다")
    row.get_by_label("내용").fill("이웃집에 있음")
    row.get_by_role("button", name="종결하기").click()
    expect(row).to_contain_text("종결: 그 밖")
    assert site.desk.checks(dong=None)[0].state is CheckState.RESOLVED
    expect(page).to_have_title("안부확인 · 안부")

    assert desk.loads == loads
    assert desk.hosts == {urlsplit(address).netloc}
    assert [complaint for complaint in desk.complaints if "422" not in complaint] == []


def test_form_being_filled_in_is_not_moved_or_lost_when_checks_come(site: Site, browser: Browser, address: str) -> None:
    check = site.raise_check("hh-1-1", level=Level.CAUTION)
    rising = site.raise_check("hh-1-3", level=Level.CAUTION)
    assert check is not None
    assert rising is not None
    page = Desk(browser, address).page
    row = page.locator(f"#check-{check.id}")
    row.get_by_role("button", name="종결").click()
    row.get_by_label("내용").fill("전화하는 중")
    before = row.bounding_box()

    graver = site.raise_check("hh-1-2", level=Level.DANGER)
    assert graver is not None
    expect(page.locator("#hold")).to_be_visible()
    expect(page.locator("#hold [data-count]")).to_have_text("1")
    expect(page.locator("#announcer")).to_contain_text(graver.code)
    site.raise_check("hh-1-3", level=Level.WARNING, at=START + MINUTE)
    expect(page.locator("#hold [data-count]")).to_have_text("2")
    expect(page.locator("#announcer")).to_contain_text(rising.code)
    expect(page.locator(f"#check-{graver.id}")).to_have_count(0)
    after = row.bounding_box()
    assert before == after
    assert row.get_by_label("내용").input_value() == "전화하는 중"

    page.get_by_role("button", name="지금 보기").click()
    expect(page.locator(".rows > li").first).to_contain_text(graver.code)
    assert row.get_by_label("내용").input_value() == "전화하는 중"
    row.get_by_label("결과").select_option("safe_by_phone")
    row.get_by_role("button", name="종결하기").click()
    expect(row).to_contain_text("종결: 안전")


def test_what_another_desk_does_shows_on_this_one(site: Site, browser: Browser, address: str) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    page = Desk(browser, address).page
    site.services.accounts.add("second", PASSWORD, Role.OFFICER, "dong-1")
    site.desk.acknowledge(check.id, actor="second", dong="dong-1")
    expect(page.locator(f"#check-{check.id}")).to_contain_text("접수 · second")


def test_page_says_loudly_that_the_stream_is_lost_and_catches_up_when_it_is_back(site: Site, browser: Browser) -> None:
    with served(site.services) as address:
        page = Desk(browser, address).page
        port = int(urlsplit(address).port or 0)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("연결이 끊겼습니다")
    check = site.raise_check("hh-1-1")
    assert check is not None
    with served(site.services, port=port):
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator(f"#check-{check.id}")).to_be_visible()


def test_page_says_that_the_session_has_ended(site: Site, browser: Browser, address: str) -> None:
    page = Desk(browser, address).page
    site.clock.machine += 31 * MINUTE
    site.raise_check("hh-1-1")
    expect(page.locator("#ended")).to_be_visible()
    expect(page.locator("#ended")).to_contain_text("로그인 시간이 끝났습니다")


def test_household_page_draws_motion_and_climate(site: Site, browser: Browser, address: str) -> None:
    site.read("hh-1-1", Signal.MOTION, [(START - at * 20 * MINUTE, 1.0) for at in range(60, 1, -1)])
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - at * 10 * MINUTE, 24 + at % 9) for at in range(120, 0, -1)])
    site.raise_check("hh-1-1", rule=RuleKey.HEAT)
    desk = Desk(browser, address)
    desk.page.goto(f"{address}/households/hh-1-1")
    expect(desk.page.locator("#raster canvas")).to_have_count(7)
    expect(desk.page.locator("#raster")).to_contain_text("회")
    expect(desk.page.locator("#climate canvas")).to_have_count(1)
    desk.page.get_by_role("button", name="7일").click()
    expect(desk.page.get_by_role("button", name="7일")).to_have_attribute("aria-pressed", "true")
    expect(desk.page.locator("#climate canvas")).to_have_count(1)
    assert desk.complaints == []
    assert desk.hosts == {urlsplit(address).netloc}


def test_people_are_unmasked_on_an_open_page_when_a_check_opens(site: Site, browser: Browser, address: str) -> None:
    page = Desk(browser, address).page
    page.goto(f"{address}/households/hh-1-1")
    expect(page.locator("#people")).to_contain_text("김○○")
    site.raise_check("hh-1-1")
    expect(page.locator("#people")).to_contain_text("김하늘")


def test_keyboard_goes_on_at_the_row_after_taking_it(site: Site, browser: Browser, address: str) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    page = Desk(browser, address).page
    page.locator(f"#take-{check.id}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#settle-{check.id}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("결과")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-open-form]")).to_have_count(0)
    expect(page.locator(f"#settle-{check.id}")).to_be_focused()


def test_every_page_fits_a_phone(site: Site, browser: Browser, address: str) -> None:
    site.raise_check("hh-1-1", level=Level.DANGER, at=START - 3 * HOUR)
    site.raise_check("hh-1-2", rule=RuleKey.DEVICE_BATTERY, device_id="hh-1-2-s")
    page = Desk(browser, address, width=360).page
    for path in ("/", "/tickets", "/households", "/households/hh-1-1", "/nowhere"):
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
