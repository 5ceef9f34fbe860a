"""The socket that `shopgraph serve` listens on."""

from socket import IPPROTO_TCP, TCP_NODELAY, create_connection

import pytest

from shopgraph.commands.serving import listener
from shopgraph.errors import BadSettings


def test_connections_send_at_once() -> None:
    with listener("127.0.0.1", 0) as listening:
        listening.listen()
        with create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(IPPROTO_TCP, TCP_NODELAY)


def test_a_taken_port_is_named() -> None:
    with listener("127.0.0.1", 0) as listening:
        listening.listen()
        port = listening.getsockname()[1]
        with pytest.raises(BadSettings, match=f"127.0.0.1:{port} can't be listened on"):
            listener("127.0.0.1", port)
