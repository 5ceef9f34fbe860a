"""Which addresses the language model's client may connect to."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from shopgraph.errors import LanguageModelFailed

Address = IPv4Address | IPv6Address

# Not link-local, yet a machine's credentials are to be had there (AWS by IPv6, Alibaba, Azure, Oracle).
_METADATA = tuple(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
_IPV4_IN_IPV6 = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_LOOPBACK_V6 = ip_address("::1")
_THIS_NETWORK = ip_network("0.0.0.0/8")


async def resolve_allowed(host: str, port: int, allow_private: bool) -> Sequence[str]:
    """The addresses of `host`, in the resolver's order, all allowed; connect to these, not to the name.

    Raises:
        LanguageModelFailed: the name is unknown, or one of its addresses is refused.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise LanguageModelFailed(f"the language model's host {host} does not resolve") from exc
    addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
    for address in addresses:
        reason = why_refused(address, allow_private)
        if reason is not None:
            raise LanguageModelFailed(f"the language model's host {host} is at {address}: {reason}")
    return addresses


def why_refused(address: str, allow_private: bool) -> str | None:
    """Why nobody may connect there; None where one may, or where `address` is a name yet to be resolved."""
    try:
        plain = _unwrapped(ip_address(address))
    except ValueError:
        return None
    if plain.is_link_local or plain in _METADATA:
        return "link-local and cloud metadata addresses are never allowed"
    if plain.is_multicast or plain.is_unspecified or plain in _THIS_NETWORK:
        return "no server can have this address"
    if not plain.is_global and not allow_private:
        return "private addresses are not allowed (allow_private)"
    return None


def is_private(address: str) -> bool:
    """Whether only this machine or its own network can be meant."""
    return not _unwrapped(ip_address(address)).is_global


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _IPV4_IN_IPV6) and address != _LOOPBACK_V6:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
