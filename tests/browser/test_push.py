"""Proves in a real browser that the contact page offers notifications, and that its worker shows what the site pushes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from alerts.channels.push import Vapid
from alerts.contacts import ContactBook
from alerts.proof import Paths
from dashboard_api.services import Reach
from ingest.seal import Sealer
from tests.browser.test_queue import browser
from tests.dashboard_api.small_site import PASSWORD, Site, open_site, served

__all__ = ["browser"]

pytestmark = pytest.mark.browser

SEALER = Sealer(bytes(range(32)))
SHOWN = """async () => {
  const worker = await navigator.serviceWorker.getRegistration('/static/');
  return (await worker.getNotifications()).map((one) => [one.title, one.body, one.data]);
}"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = open_site(tmp_path)
    reach = Reach(
        contacts=ContactBook(made.engine, SEALER, made.clock),
        channels={},
        paths=Paths(made.engine, made.clock),
        base_url="https://anbu.example",
        proving=False,
        push_key=Vapid(SEALER, "mailto:ops@example.kr").public,
    )
    yield replace(made, services=replace(made.services, reach=reach))
    made.services.history.close()
    made.engine.dispose()


def test_the_worker_shows_what_is_pushed_and_the_page_offers_it(site: Site, browser: Browser) -> None:
    with served(site.services) as address:
        context = browser.new_context(locale="ko-KR", permissions=["notifications"])
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(f"{address}/login?next=/contacts")
        page.fill("[name=login]", "officer1")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        expect(page.locator("#push")).to_be_enabled()
        # What the button does first; a browser of a test has no push service to subscribe at.
        devtools = context.new_cdp_session(page)
        registered: list[str] = []
        devtools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: registered.extend(one["registrationId"] for one in told["registrations"]),
        )
        devtools.send("ServiceWorker.enable")
        page.evaluate(
            """async () => {
              const button = document.getElementById('push');
              const worker = await navigator.serviceWorker.register(button.dataset.worker, { scope: '/static/' });
              while (!worker.active) await new Promise((done) => setTimeout(done, 20));
            }"""
        )
        told = {
            "title": "[안부] 위험 dong-1 A-2K7",
            "body": "번호 a1b2c3d4",
            "link": "https://elsewhere.example/x",
            "tag": "a1b2c3d4",
        }
        message = {"origin": address, "registrationId": registered[-1], "data": json.dumps(told)}
        devtools.send("ServiceWorker.deliverPushMessage", message)
        page.wait_for_function(f"async () => (await ({SHOWN})()).length > 0")
        assert page.evaluate(SHOWN) == [[told["title"], told["body"], told["link"]]]
        assert complaints == []
        context.close()
