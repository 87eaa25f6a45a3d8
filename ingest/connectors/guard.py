"""The guard between a connector and the network: it decides when a connection is made, not before.

A check of the address alone can be led astray: by another reading of the same text, by a redirect, by a name
that resolves differently the second time. So the decision stands where httpcore opens the socket: the name is
resolved once, every answer is judged, and the connection goes to the very address that was judged.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore
import httpx

from ingest.connectors.errors import OriginError, OriginRefusedError

PUBLIC_PORTS = (80, 443)
TIMEOUT_SECONDS = 20.0
USER_AGENT = "Sourcebook/0.1"

_SPECIAL = tuple(
    ipaddress.ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "2001::/23")
)
"""Not for hosts on the internet (IANA), though older Pythons call them global. A cloud's metadata service
lives in the first one."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""IPv6 addresses that a translator (NAT64) turns into the IPv4 address in their last 32 bits."""


@dataclass(frozen=True, slots=True)
class HostRules:
    """Which hosts connectors may contact, as the administrator listed them; none by default.

    `docs.example.com` and `*.example.com` allow public addresses of these names on ports 80 and 443, `*` any
    public one. `wiki.local:8080` allows exactly that, also in a private network.
    """

    allowed: tuple[str, ...] = ()

    def resolve(self, host: str, port: int) -> str:
        """The one address to connect to. Raises `OriginRefusedError`."""
        name = host.lower().rstrip(".")
        is_named = f"{name}:{port}" in self.allowed
        if not is_named and not self._names(name):
            raise OriginRefusedError(
                f"Connectors may not contact {name}:{port}. "
                "An administrator can add it to SOURCEBOOK_CONNECTORS__ALLOWED_HOSTS."
            )
        if not is_named and port not in PUBLIC_PORTS:
            raise OriginRefusedError(f"Connectors contact {name} on the ports 80 and 443 only, not {port}.")
        addresses = _lookup(name, port)
        for address in addresses:
            if not _is_allowed(address, in_private_network=is_named):
                raise OriginRefusedError(f"{name} leads to {address}, which is no public address.")
        return str(addresses[0])

    def _names(self, name: str) -> bool:
        return any(
            rule in ("*", name) or (rule.startswith("*.") and name.endswith(rule[1:]))
            for rule in self.allowed
        )


def _lookup(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OriginError(f"There is no host named {host}.") from error
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def _is_allowed(address: Address, *, in_private_network: bool) -> bool:
    inner = _inside(address)
    if inner != address:
        return _is_allowed(inner, in_private_network=in_private_network)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False  # a cloud's metadata service lives at a link-local address
    is_special = address.is_reserved or any(address in network for network in _SPECIAL)
    return in_private_network or (address.is_global and not is_special)


def _inside(address: Address) -> Address:
    """The IPv4 address that an IPv6 address really means."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    compatible = int(address) >> 32 == 0 and int(address) > 1
    if compatible:
        return ipaddress.IPv4Address(int(address))
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (address, address))[1]


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections where the rules allow it; TLS still checks the certificate for the host's name."""

    def __init__(self, rules: HostRules) -> None:
        self._rules = rules
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._rules.resolve(host, port)
        return self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)


class _GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over a pool that connects through the guard."""

    def __init__(self, rules: HostRules) -> None:
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            network_backend=GuardedBackend(rules),
            max_connections=4,
            keepalive_expiry=30,
        )


def guarded_client(rules: HostRules) -> httpx.Client:
    """For whatever a connector contacts: no redirect is followed unasked, no proxy, no compression.

    Compressed bodies are not asked for: a few of them blow up to more memory than any size limit foresees.
    """
    return httpx.Client(
        transport=_GuardedTransport(rules),
        timeout=TIMEOUT_SECONDS,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )
