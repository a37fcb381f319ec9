"""Channels that reach a person: the address and the name are looked up at sending, the letter is written, a carrier takes it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from alerts.channels.webhook import Endpoint
from alerts.contacts import CHANNELS, HookAddress, Kind
from alerts.delivery import Delivery, Message, Permanent, Receipt, Result, Sent, Temporary
from alerts.letter import Letter, write_letter

_decoder = msgspec.json.Decoder(Message)


class Carrier(Protocol):
    """Takes one letter to one address: e-mail, push, Apprise. Must give up well under the sender's lease.

    `error` texts hold no address, name or secret. `Permanent.gone` says that the address itself exists no longer.
    """

    def carry(self, address: str, letter: Letter) -> Result:
        """Carry it now and say how it went."""
        ...


class MessageGateway(Carrier, Protocol):
    """A provider of 알림톡 and SMS: `address` is a phone number in digits. `Sent.reference` is its name for the message."""

    def receipt(self, reference: str) -> Receipt | None:
        """What became of a message it took; None while that is not known, or cannot be asked."""
        ...


class CallGateway(Carrier, Protocol):
    """A provider of automatic calls with key press; its answer comes later by the signed callback (alerts/call.py)."""


class Contacts(Protocol):
    """Whom `alerts.contacts.ContactBook` knows."""

    def addresses(self, person: str, channel: str) -> tuple[str, ...]:
        """What this channel needs to reach the person."""
        ...

    def name_for(self, person: str) -> str | None:
        """The name a guardian is told."""
        ...

    def forget(self, person: str, kind: Kind, address: str) -> None:
        """Drop an address that is gone."""
        ...


class ToPerson:
    """A channel over a carrier. A person's several browsers all get it; it is sent when one of them took it."""

    def __init__(self, name: str, contacts: Contacts, carrier: Carrier, *, lang: str = "ko") -> None:
        self._name = name
        self._contacts = contacts
        self._carrier = carrier
        self._lang = lang

    def send(self, delivery: Delivery) -> Result:
        """Carry it to each address of the recipient on this channel."""
        addresses = self._contacts.addresses(delivery.recipient, self._name)
        if not addresses:
            return Permanent(error="no contact point")
        name = self._contacts.name_for(delivery.recipient)
        letter = write_letter(delivery, _decoder.decode(delivery.body), name=name, lang=self._lang)
        results = []
        for address in addresses if CHANNELS[self._name] is Kind.PUSH else addresses[:1]:
            results.append(self._carrier.carry(address, letter))
            if isinstance(results[-1], Permanent) and results[-1].gone:
                self._contacts.forget(delivery.recipient, CHANNELS[self._name], address)
        return min(results, key=_best)


def _best(result: Result) -> int:
    return (Sent, Temporary, Permanent).index(type(result))


def hook_of(contacts: Contacts, person: str) -> Endpoint | None:
    """Where a person's own program listens; None where they have none."""
    for address in contacts.addresses(person, "webhook"):
        hook = msgspec.json.decode(address, type=HookAddress)
        return Endpoint(url=hook.url, secret=hook.secret.encode())
    return None
