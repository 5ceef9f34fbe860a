"""Servers that misbehave as told, on real sockets: what is asked of them they keep, what they send is raw."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket], None]


@dataclass
class FaultServer:
    """Where it is, and the requests that came in, raw."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def body(self, n: int) -> dict[str, object]:
        """The JSON body of request n."""
        decoded = json.loads(self.requests[n].partition(b"\r\n\r\n")[2])
        assert isinstance(decoded, dict)
        return decoded


@contextmanager
def misbehaving(*behaviours: Behaviour) -> Iterator[FaultServer]:
    """A server that meets its n-th connection with the n-th behaviour, later ones with the last."""
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultServer(listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the listener was closed: the test is over
                    return
                behave = behaviours[min(len(threads) - 1, len(behaviours) - 1)]
                thread = threading.Thread(target=_serve, args=(connection, behave, server))
                threads.append(thread)
                thread.start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in list(threads):
                thread.join()


def _serve(connection: socket.socket, behave: Behaviour, server: FaultServer) -> None:
    with connection, suppress(OSError):
        server.requests.append(_read_request(connection))
        behave(connection)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def raw(status: str, body: str | bytes, *headers: str) -> Behaviour:
    """Sends one reply."""
    content = body.encode() if isinstance(body, str) else body
    head = "\r\n".join(
        [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    )
    return lambda connection: connection.sendall(head.encode() + b"\r\n\r\n" + content)


def completion(content: str, finish_reason: str = "stop") -> Behaviour:
    """Sends a chat completion in good form with this content, which may be anything."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content},
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return raw("200 OK", json.dumps({"choices": [choice], "usage": usage}))


def fills(**fields: str | Sequence[str]) -> Behaviour:
    """Answers with these fields of the form."""
    return completion(json.dumps(fields))


def hangs(connection: socket.socket) -> None:
    """Says nothing until the other side gives up."""
    connection.recv(1)


def drips(connection: socket.socket) -> None:
    """Starts a reply and sends a byte of it now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def drips_headers(connection: socket.socket) -> None:
    """Never gets to the end of its headers."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def breaks_off(connection: socket.socket) -> None:
    """Closes in the middle of the body."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [')
