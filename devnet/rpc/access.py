"""Who may speak to the server: Host names (DNS rebinding) and web origins (CORS).

A page of any web site can make a browser send requests to 127.0.0.1. Two headers that pages cannot forge tell
such requests apart: `Origin` names the page's site, and `Host` names what the browser believes to speak to,
which is the attacker's name when a DNS record was turned to a loopback address. Programs other than browsers
send no `Origin`, and are served.

Not here: authentication. Whoever can open a socket and is no browser is served.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

EXTENSION_SCHEMES = frozenset({"chrome-extension", "moz-extension", "safari-web-extension"})
_REMEMBERED = 1_024
MAX_LOGGED = 100
"""Refused names that the log has; whoever makes up more of them shall not fill it."""

log = logging.getLogger(__name__)


class AccessPolicy:
    """Decides on header values; remembers its decisions, as clients repeat themselves."""

    def __init__(self, bound_host: str, allow_hosts: Iterable[str], allow_origins: Iterable[str]) -> None:
        self._hosts = {bound_host.lower(), *(name.lower() for name in allow_hosts)}
        self._origins = {origin.lower().rstrip("/") for origin in allow_origins}
        self._any_host = "*" in self._hosts
        self._any_origin = "*" in self._origins
        self._host_answers: dict[bytes, bool] = {}
        self._origin_answers: dict[bytes, bool] = {}
        self._logged = 0

    def host_allowed(self, host: bytes) -> bool:
        """Say whether a `Host` header may be served. An address cannot be rebound, so any is fine."""
        answer = self._host_answers.get(host)
        if answer is None:
            answer = self._any_host or self._judge_host(host)
            if not answer:
                self._tell("host name", host, "--allow-host NAME (or MEGAETH_ALLOW_HOST)")
            _remember(self._host_answers, host, answer)
        return answer

    def origin_allowed(self, origin: bytes) -> bool:
        """Say whether pages of this origin may read answers."""
        answer = self._origin_answers.get(origin)
        if answer is None:
            answer = self._any_origin or self._judge_origin(origin)
            if not answer:
                self._tell("origin", origin, "--allow-origin ORIGIN (or MEGAETH_ALLOW_ORIGIN)")
            _remember(self._origin_answers, origin, answer)
        return answer

    def _tell(self, what: str, value: bytes, how: str) -> None:
        """Once for each name, so that who looks at the log of a node that answers 403 finds what to set."""
        self._logged += 1
        if self._logged < MAX_LOGGED:
            log.warning(
                "403: the %s %r is not served here; %s allows it", what, value[:200].decode("latin-1"), how
            )
        elif self._logged == MAX_LOGGED:
            log.warning("403: further names that are not served are not logged")

    def _judge_host(self, host: bytes) -> bool:
        try:
            name = urlsplit(f"//{host.decode('ascii')}").hostname
        except ValueError:
            return False
        return name is not None and (is_loopback_name(name) or is_address(name) or name in self._hosts)

    def _judge_origin(self, origin: bytes) -> bool:
        try:
            text = origin.decode("ascii").lower()
            parts = urlsplit(text)
            name = parts.hostname
        except ValueError:
            return False
        if text in self._origins or parts.scheme in EXTENSION_SCHEMES:
            return True
        return name is not None and is_loopback_name(name)


def is_loopback_name(name: str) -> bool:
    """Say whether a name can only mean this machine (RFC 6761 reserves `localhost` and all below it)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_address(name: str) -> bool:
    """Say whether a name is a literal IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _remember(answers: dict[bytes, bool], key: bytes, answer: bool) -> None:
    if len(answers) >= _REMEMBERED:
        answers.clear()
    answers[key] = answer
