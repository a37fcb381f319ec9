"""Makes the README's picture: starts the demo, waits for its first check, takes the queue as an officer sees it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "queue.png"
PORT = 8097
BASE_URL = f"http://127.0.0.1:{PORT}"
LOG_IN = re.compile(r"아이디 (\S+)\s+비밀번호 (\S+)")
FIRST_CHECK = "첫 안부확인이 화면에 떴습니다"
CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("screenshot: needs Debian's chromium: apt-get install chromium", file=sys.stderr)
        return 1
    command = [str(Path(sys.executable).parent / "anbu"), "demo", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            login, password = _wait_for_check(demo)
            _take(chromium, login, password)
        finally:
            demo.send_signal(signal.SIGINT)
    print(f"screenshot: {PICTURE.relative_to(ROOT)}")
    return 0


def _wait_for_check(demo: subprocess.Popen[str]) -> tuple[str, str]:
    """The demo's login, once it says that the first check is there."""
    found = None
    assert demo.stdout is not None
    for line in demo.stdout:
        found = LOG_IN.search(line) or found
        if FIRST_CHECK in line and found:
            return found[1], found[2]
    raise SystemExit("screenshot: the demo ended before its first check")


def _take(chromium: str, login: str, password: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 420}, locale="ko-KR")
        page.goto(BASE_URL)
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=list] > *, ul > li", state="visible")
        page.wait_for_timeout(1_000)  # the page's fonts
        page.screenshot(path=str(PICTURE))
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
