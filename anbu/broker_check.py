"""What a site's broker lacks, found by using it as ingest would: session, queue, rights, and who else gets in.

Everything happens under client ids of its own, on topics no device uses, and leaves nothing behind. A broker that takes the
account for the client id has one session for both: there nothing is done that would touch the queue of a site.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

from anbu.broker_guest import Guest
from anbu.broker_probe import probe_broker
from anbu.checkup import Line
from anbu.ending import Refusal
from anbu.language import say
from anbu.sections import Broker
from ingest.source import BrokerAddress
from ingest.wire import ack_topic

IN_FLIGHT = 500
"""Messages that should be under way to us at once: with fewer, a commit waits for the broker."""

QUEUED = 3_000
"""Messages published while we are away, all of which must wait: brokers as they come keep 1,000."""

LARGE = 100_000
"""Bytes; about our largest message, a pack of a thousand records."""


def check_broker(
    broker: Broker, listener: BrokerAddress, acks: BrokerAddress, subscriptions: Sequence[str] = (), *, answer_s: float = 5.0
) -> list[Line]:
    """Look at everything that can be looked at; each line is well, or says what the broker lacks and where that is set.

    `subscriptions`: the site's own, of the dialects it has on.
    """
    probe = probe_broker(broker, answer_s=answer_s)
    if probe.error is not None:
        step = say("[broker] 의 host, port, username, password 를 보십시오", "see host, port, username and password in [broker]")
        return [Line(name="connect", ok=False, detail=probe.error, next_step=step)]
    told = say("접속과 구독이 됩니다", "takes our connection and our subscription")
    lines = [Line(name="connect", ok=True, detail=f"{broker.host}:{broker.port} {told}")]
    look = _Looks(listener, acks, answer_s)
    vendors = [one for one in subscriptions if listener.canary_through(one) != listener.canary_topic]
    looks: list[tuple[str, Callable[[], str]]] = [
        ("encryption", look.encryption),
        ("strangers", look.strangers),
        ("acknowledging", look.acknowledging),
    ]
    if probe.shares_session:
        one = say(
            "계정마다 세션 하나: 사이트의 대기열을 건드리지 않으려고 더 보지 않습니다",
            "one session for each account: not looked at further, so as not to touch the site's queue",
        )
        lines.append(Line(name="session", ok=True, detail=one))
    else:
        if vendors:
            looks.append(("dialects", partial(look.dialects, vendors)))
        looks += [("client id", look.client_id), ("in flight", look.in_flight), ("large", look.large), ("queue", look.queue)]
    for name, act in looks:
        try:
            lines.append(Line(name=name, ok=True, detail=act()))
        except Refusal as refusal:
            lines.append(Line(name=name, ok=False, detail=refusal.wrong, next_step=refusal.next_step))
    return lines


class _Looks:
    """The single looks; each returns what is well, and raises Refusal for what is not."""

    def __init__(self, listener: BrokerAddress, acks: BrokerAddress, answer_s: float) -> None:
        self._listener, self._acks, self._answer_s = listener, acks, answer_s

    @contextmanager
    def _visit(self, address: BrokerAddress, *, clean: bool = True, reads: bool = True) -> Iterator[Guest]:
        guest = Guest(address, clean=clean, reads=reads, answer_s=self._answer_s)
        try:
            yield guest
        finally:
            guest.leave()

    def _as_us(self) -> BrokerAddress:
        return replace(self._listener, client_id=f"{self._listener.client_id}-check-{secrets.token_hex(4)}")

    def encryption(self) -> str:
        """Outside this machine passwords and readings must not be readable on the way."""
        if self._listener.tls:
            return say("TLS", "TLS")
        if is_this_machine(self._listener.host):
            return say("이 컴퓨터 안의 연결", "a connection within this machine")
        raise Refusal(
            say("암호화되지 않은 연결입니다", "passwords and readings go unencrypted over the network"),
            "[broker] tls = true, ca_file",
        )

    def strangers(self) -> str:
        """Who has no account must stay outside."""
        with self._visit(replace(self._as_us(), username=None, password=None)) as guest:
            if guest.refused is None and not guest.lost:
                raise Refusal(
                    say("계정 없이도 접속됩니다", "anybody comes in without an account, and can speak for any device"),
                    "mosquitto.conf: allow_anonymous false, password_file, acl_file (anbu broker init)",
                )
        return say("계정 없이는 들어오지 못합니다", "nobody comes in without an account")

    def acknowledging(self) -> str:
        """Our second account must reach devices: a broker that forbids it says nothing under MQTT 3.1.1."""
        device = f"check-{secrets.token_hex(4)}"
        sender = replace(self._acks, client_id=f"{self._acks.client_id}-check-{secrets.token_hex(4)}")
        step = f"[broker] acks_username, acks_password; acl: user {sender.username or '...'}, topic write anbu/v1/ack/+"
        with self._visit(self._as_us()) as hearer:
            hearer.subscribe(ack_topic(device))
            with self._visit(sender) as guest:
                if guest.refused is not None:
                    raise Refusal(
                        say(f"확인 응답 계정: {guest.refused}", f"the account that acknowledges: {guest.refused}"), step
                    )
                guest.publish(ack_topic(device), b"check")
                if not hearer.hears(ack_topic(device), b"check"):
                    raise Refusal(say("확인 응답이 전달되지 않습니다", "acknowledgements do not get through"), step)
        return say("확인 응답이 전달됩니다", "acknowledgements get through")

    def dialects(self, subscriptions: Sequence[str]) -> str:
        """What we do not hear to its end of any one dialect keeps all homes from counting as heard."""
        for subscription in subscriptions:
            canary = self._listener.canary_through(subscription)
            with self._visit(self._as_us()) as guest:
                granted = guest.subscribe(subscription)
            # On a visit of its own: what vendors say meanwhile through their subscription must not hold up the look.
            with self._visit(self._as_us()) as guest:
                guest.subscribe(canary)
                guest.publish(canary, b"check")
                if not granted or not guest.hears(canary, b"check"):
                    user = f"acl: user {self._listener.username or '...'}"
                    raise Refusal(
                        say(f"{subscription} 을(를) 듣지 못합니다", f"{subscription} is not heard"),
                        f"{user}, topic read {subscription}, topic write {canary}",
                    )
        heard = ", ".join(subscriptions)
        return say(f"방언도 들립니다: {heard}", f"the dialects are heard: {heard}")

    def client_id(self) -> str:
        """Who connects under our client id must not get our session and the queue in it."""
        ours = self._as_us()
        with self._visit(ours) as guest, self._visit(replace(self._acks, client_id=ours.client_id)):
            guest.publish(ours.canary_topic, b"still here")
            if guest.lost:
                raise Refusal(
                    say("다른 계정이 우리 client id 를 가져갑니다", "another account can take our client id and the queue"),
                    "mosquitto.conf: use_username_as_clientid true",
                )
        return say("다른 계정이 client id 를 가져가지 못합니다", "no other account takes our client id")

    def in_flight(self) -> str:
        """Without acknowledgements the broker stops at its limit."""
        ours = self._as_us()
        with self._visit(ours, reads=False) as guest:
            self._hears_itself(guest, ours)
            guest.publish(ours.canary_topic, b"flight", IN_FLIGHT - 1)  # the canary is not acknowledged either
            if not guest.hears(ours.canary_topic, b"flight", IN_FLIGHT - 1):
                got = len(guest.heard)
                raise Refusal(
                    say(f"확인 전 메시지가 {got}개에서 멈춥니다", f"stops at {got} messages that are not acknowledged yet"),
                    f"mosquitto.conf: max_inflight_messages {IN_FLIGHT}",
                )
        return say(f"확인 전 메시지 {IN_FLIGHT}개", f"{IN_FLIGHT} messages under way")

    def large(self) -> str:
        """A pack of a thousand records must get through."""
        ours = self._as_us()
        with self._visit(ours) as guest:
            self._hears_itself(guest, ours)
            guest.publish(ours.canary_topic, b"x" * LARGE)
            if not guest.hears(ours.canary_topic, b"x" * LARGE):
                raise Refusal(
                    say(f"{LARGE} 바이트 메시지가 전달되지 않습니다", f"a message of {LARGE} bytes does not get through"),
                    "mosquitto.conf: max_packet_size 131072",
                )
        return say(f"{LARGE} 바이트까지 전달됩니다", f"{LARGE} bytes get through")

    def queue(self) -> str:
        """What is published while we are away must all be there when we come back."""
        ours = self._as_us()
        with self._visit(ours, clean=False) as guest, self._visit(self._as_us()) as other:
            other.publish(ours.canary_topic, b"both here")
            guest.publish(ours.canary_topic, b"both here")
            if guest.lost:
                return say("계정마다 세션 하나라 볼 수 없습니다", "cannot be seen: one session for each account")
        with self._visit(ours, clean=False) as guest:
            self._hears_itself(guest, ours)
        with self._visit(self._as_us()) as other:
            other.publish(ours.canary_topic, b"away", QUEUED)
        try:
            with self._visit(ours, clean=False) as back:
                if not back.session_present:
                    raise Refusal(
                        say("세션이 남지 않습니다", "our session does not outlast the connection"),
                        say("브로커의 세션 보관을 켜십시오", "have the broker keep persistent sessions"),
                    )
                if not back.hears(ours.canary_topic, b"away", QUEUED):
                    got = back.heard.count((ours.canary_topic, b"away"))
                    raise Refusal(
                        say(
                            f"우리가 없는 동안 {QUEUED}개 가운데 {got}개만 남았습니다",
                            f"of {QUEUED} messages published while we were away {got} were kept, and their senders told success",
                        ),
                        "mosquitto.conf: max_queued_messages 500000, memory_limit",
                    )
        finally:
            with self._visit(ours):  # a clean session takes the kept one away
                pass
        return say(f"우리가 없는 동안의 {QUEUED}개가 남습니다", f"{QUEUED} messages published while we are away are kept")

    def _hears_itself(self, guest: Guest, ours: BrokerAddress) -> None:
        """The canary by which ingest knows that the path works."""
        granted = guest.subscribe(ours.canary_topic)
        guest.publish(ours.canary_topic, b"canary")
        if not granted or not guest.hears(ours.canary_topic, b"canary"):
            raise Refusal(
                say("우리의 신호가 돌아오지 않습니다", "our own canary does not come back"),
                f"acl: user {ours.username or '...'}, topic read #, topic write anbu/v1/canary/+/link/canary",
            )


def is_this_machine(host: str) -> bool:
    """Whether what is sent there stays within this machine; a name that is not localhost is taken to lead elsewhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
