import asyncio

import pytest

from nlu.llm.addresses import is_private, resolve_allowed, why_refused
from shopgraph.errors import LanguageModelFailed


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "0.0.0.0",
        "::",
    ],
)
def test_metadata_and_other_odd_addresses_are_never_allowed(address: str) -> None:
    assert why_refused(address, allow_private=True) is not None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.7", "192.168.1.2", "fd12::1", "::ffff:10.0.0.7"]
)
def test_private_addresses_are_allowed_only_when_the_settings_say_so(address: str) -> None:
    assert why_refused(address, allow_private=True) is None
    assert why_refused(address, allow_private=False) is not None
    assert is_private(address)


def test_a_public_address_is_allowed() -> None:
    assert why_refused("93.184.215.14", allow_private=False) is None
    assert not is_private("93.184.215.14")


def test_a_name_is_judged_by_the_addresses_it_resolves_to() -> None:
    assert "127.0.0.1" in asyncio.run(resolve_allowed("localhost", 80, True))
    with pytest.raises(LanguageModelFailed, match="private"):
        asyncio.run(resolve_allowed("localhost", 80, False))


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518"])
def test_other_spellings_of_the_metadata_address_are_seen_through(host: str) -> None:
    with pytest.raises(LanguageModelFailed):
        asyncio.run(resolve_allowed(host, 80, True))


def test_an_unknown_name_is_a_failure_not_a_crash() -> None:
    with pytest.raises(LanguageModelFailed, match="does not resolve"):
        asyncio.run(resolve_allowed("no-such-host.invalid", 80, True))
