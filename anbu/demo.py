"""The demo: a simulated dong with a past of 36 hours, on real stages, a real broker and a page of its own."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel

from alerts.attempt import Answer
from alerts.channels.console import Console as ConsoleChannel
from alerts.channels.rehearsal import Rehearsal
from alerts.desk import Desk
from alerts.duty.rota import Rota
from alerts.policy import Policy
from anbu.beat import Beat
from anbu.broker import EmbeddedBroker
from anbu.demo_past import StandingAtEnd, enrol, fill_roster, journal_the_past, stage_the_plot
from anbu.ending import Refusal
from anbu.language import say
from anbu.schema import migrate
from anbu.stores import Stores, open_stores
from anbu.web import WebServer, port_is_free
from anbu.wiring import Site
from dashboard_api.app import create_app
from ingest.clock import HOUR, SECOND, Clock, Millis, SystemClock, parse_local, process_age
from ingest.reading import DongCode
from ingest.register.register import Register
from ingest.seal import Sealer, new_key
from ingest.source import BrokerAddress
from ingest.store import open_store
from rules.table import load_table
from simulators.fleet import Fleet
from simulators.publisher import Publisher

HOST = "127.0.0.1"
PAST = 36 * HOUR
FAST = 60.0
"""Home time to machine time until the first new check is on the page."""

STILL = 1e-6
"""Home time as good as stands until the broker has been heard, so that no home is blind for minutes of a start of seconds."""

LIMIT_S = 60.0
"""From the start of the process to the first check; `--until-check` gives up at three times this."""

LOGIN = "demo"


class Stopwatch:
    """How long each stage took, from the start of the process, told as it happens."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self.stages: list[tuple[str, float]] = [("python_and_imports", round(process_age(), 3))]
        self._console = console
        self._quiet = quiet
        self._last = process_age()

    def lap(self, key: str, words: str) -> None:
        """A stage has ended."""
        now = process_age()
        self.stages.append((key, round(now - self._last, 3)))
        self._last = now
        if not self._quiet:
            self._console.print(f"[dim]{now:6.1f}초[/dim]  {words}")


@contextmanager
def demo_folder(given: Path | None) -> Iterator[Path]:
    """The given folder, which must be empty or new, or a fresh one that goes away with the demo."""
    if given is not None:
        if given.exists() and any(given.iterdir()):
            raise Refusal(
                say(f"{given} 폴더가 비어 있지 않습니다", f"the folder {given} is not empty"),
                say("빈 폴더를 주거나 --folder 없이 실행하십시오", "name an empty one, or leave --folder out"),
            )
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="anbu-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def slow_down_at_first_check(desk: Desk, clock: SystemClock, started_at: Millis) -> Callable[[], None]:
    """Home time falls to 1x when a check is opened that was not there at the start; after that the switch is the user's."""
    done = threading.Event()

    def look() -> None:
        if not done.is_set() and any(check.opened_at > started_at for check in desk.checks(dong=None)):
            clock.set_rate(1.0)
            done.set()

    return look


def picks_up(person: str, fallen: str) -> Answer:
    """How a simulated resident answers an automatic call: whoever has fallen not at all, most of the others with 1."""
    if person == f"resident:{fallen}":
        return Answer.NO_ANSWER
    chance = int(hashlib.sha256(person.encode()).hexdigest(), 16) % 10
    return Answer.WELL if chance < 7 else Answer.NO_ANSWER if chance < 9 else Answer.NO_KEY


def wait_for_check(base_url: str, password: str, started_at: Millis, clock: Clock, server: WebServer) -> dict[str, object] | None:
    """Ask the page's own API, logged in as the demo's officer, until it serves a check opened after the start."""
    with httpx.Client(base_url=base_url, timeout=5.0, headers={"Origin": base_url}) as client:
        client.post("/api/v1/session", json={"login": LOGIN, "password": password}).raise_for_status()
        while process_age() < 3 * LIMIT_S and not server.should_exit:
            for check in client.get("/api/v1/checks").raise_for_status().json()["checks"]:
                if parse_local(check["opened_at"]) > started_at:
                    return dict(check)
            clock.sleep(0.1)
    return None


def run_demo(*, folder: Path | None, port: int, seed: int, until_check: bool, as_json: bool, homes: int) -> int:
    """Run the demo until Ctrl-C, or until the first new check is served; returns the exit code."""
    console = Console(stderr=as_json)
    if not port_is_free(HOST, port):
        raise Refusal(
            say(f"{HOST}:{port} 를 다른 프로그램이 쓰고 있습니다", f"{HOST}:{port} is in use by another program"),
            f"anbu demo --port {port % 65535 + 1}",
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the broker must not outlive us
    try:
        with demo_folder(folder) as place, ExitStack() as stack:
            return Demo(place, console, stack, port=port, seed=seed, homes=homes, quiet=as_json).run(
                until_check=until_check, as_json=as_json
            )
    except KeyboardInterrupt:
        console.print("끝냈습니다.")
        return 130


class Demo:
    """One run of the demo, stage by stage; everything it starts ends with `stack`."""

    def __init__(
        self, folder: Path, console: Console, stack: ExitStack, *, port: int, seed: int, homes: int, quiet: bool
    ) -> None:
        self.folder = folder
        self.console = console
        self.stack = stack
        self.base_url = f"http://{HOST}:{port}"
        self.port = port
        self.watch = Stopwatch(console, quiet=quiet)
        self.seed = seed
        self.homes = homes
        self.quiet = quiet
        self.password = secrets.token_urlsafe(9)

    def run(self, *, until_check: bool, as_json: bool) -> int:
        """All stages; returns the exit code."""
        now = SystemClock().home_now() // SECOND * SECOND
        start = now - PAST
        engine = open_store(f"sqlite:///{self.folder / 'anbu.sqlite3'}")
        migrate(engine)
        stores = open_stores(self.folder, engine, Sealer(new_key()))
        self.stack.callback(stores.close)
        self.watch.lap("stores", "저장소를 만들었습니다")
        fleet = Fleet(self.seed, households=self.homes, start=start)
        fallen = stage_the_plot(fleet, now)
        clock = SystemClock(rate=STILL, home_start=now)
        self.calls = Rehearsal(clock, lambda person: picks_up(person, fallen))
        enrol(Register(engine, stores.sealer, clock), fleet.homes, start)
        count = journal_the_past(stores, fleet, start, now)
        self.watch.lap("past", f"{len(fleet.homes)}가구의 지난 36시간, {count:,}건을 기록했습니다")
        broker = EmbeddedBroker(self.folder / "broker")
        self.stack.callback(broker.stop)  # first: Ctrl-C may come while it starts
        broker.start()
        self.watch.lap("broker", f"브로커를 켰습니다 (nats-server, MQTT {HOST}:{broker.port})")
        site = self._site(stores, clock, broker.port, fleet.dong_code)
        self.watch.lap("rules", "규칙이 지난 시간을 모두 읽었습니다")
        site.start()
        self.stack.callback(site.stop)
        answers = Beat("demo calls", 0.5, lambda: self.calls.turn(site.desk.answer), clock)
        answers.start()
        self.stack.callback(answers.stop)
        publisher = Publisher(fleet, clock, HOST, broker.port, client_id="anbu-demo-dong", start=now)
        publisher.start()
        self.stack.callback(publisher.stop)
        self._await_broker(site, clock)
        clock.set_rate(FAST)
        return self._serve(site, clock, now, until_check=until_check, as_json=as_json)

    def _await_broker(self, site: Site, clock: Clock) -> None:
        """Until the source has heard its own canary; RuntimeError when it does not come."""
        gives_up = clock.monotonic() + LIMIT_S
        while not site.source.status().caught_up:
            if clock.monotonic() > gives_up:
                raise RuntimeError(f"the broker was not heard within {LIMIT_S:.0f} s: {site.source.status().error}")
            clock.sleep(0.02)

    def _site(self, stores: Stores, clock: SystemClock, broker_port: int, dong: str) -> Site:
        """The site with its people on duty, and the past read: who is on duty is told of what stands at its end."""
        held: list[StandingAtEnd] = []

        def sink(desk: Desk) -> StandingAtEnd:
            held.append(StandingAtEnd(desk))
            return held[0]

        site = Site(
            stores,
            clock,
            table=load_table(None),
            policy=Policy(base_url=self.base_url, routes=(), channels=("call", "email")),
            channels={"email": ConsoleChannel(self.console.out), "call": self.calls},  # letters are shown, not sent
            broker=BrokerAddress(host=HOST, port=broker_port, client_id="anbu-ingest"),
            sink=sink,
        )
        site.accounts.add(LOGIN, self.password, "officer", DongCode(dong))
        fill_roster(Rota(stores.engine, clock), site.contacts, dong, LOGIN)
        # The charts and the list of rejections read the past on their own threads, once the page is open.
        next(runner for runner in site.runners if runner.name == "rules").catch_up()
        held[0].past_ended()
        return site

    def _serve(self, site: Site, clock: SystemClock, started_at: Millis, *, until_check: bool, as_json: bool) -> int:
        slower = Beat("demo speed", 0.2, slow_down_at_first_check(site.desk, clock, started_at), clock)
        slower.start()
        self.stack.callback(slower.stop)
        found: list[dict[str, object]] = []

        def watch_for_check() -> None:
            check = wait_for_check(self.base_url, self.password, started_at, clock, server)
            if check is not None:
                found.append(check)
                self.watch.lap("first_check", f"첫 안부확인이 화면에 떴습니다: {check['code']}")
            if until_check:
                server.should_exit = True

        def page_is_open() -> None:
            self.watch.lap("page", "화면을 열었습니다")
            if not self.quiet:
                self.console.print(
                    Panel(
                        f"[bold]{self.base_url}[/bold]\n아이디 {LOGIN}   비밀번호 {self.password}",
                        title="안부 데모",
                        expand=False,
                    )
                )
                self.console.print("첫 안부확인까지 집 시간은 60배로 흐릅니다. 끝내려면 Ctrl-C 를 누르세요.")
            threading.Thread(target=watch_for_check, name="first check", daemon=True).start()

        app = create_app(site.services(https=False, speed=clock, demo_login=(LOGIN, self.password)))
        server = WebServer(app, host=HOST, port=self.port, on_started=page_is_open)
        server.run()
        return self._report(found, as_json=as_json) if until_check else 0

    def _report(self, found: list[dict[str, object]], *, as_json: bool) -> int:
        total = process_age()
        if as_json:
            report = {"stages_s": dict(self.watch.stages), "total_s": round(total, 3), "check": found[0] if found else None}
            print(json.dumps(report, ensure_ascii=False))
        if not found:
            self.console.print(
                f"[red]{total:.0f}초 안에 새 안부확인이 뜨지 않았습니다.[/red] 위의 기록에서 멈춘 단계를 확인하세요."
            )
            return 1
        return 0
