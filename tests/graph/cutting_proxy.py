"""A real TCP proxy before a Bolt server that can cut the line right after a COMMIT was passed on."""

import socket
import threading
import time

COMMIT = bytes.fromhex("0002b0120000")
"""Bolt's COMMIT message in its chunk."""


class CuttingProxy:
    """Listens on `port`; cuts the next `cuts` commits: the server gets them, the client no answer."""

    def __init__(self, server_port: int) -> None:
        self.cuts = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(65_536):
                target.sendall(content)
                if self.cuts and content.endswith(COMMIT):
                    self.cuts -= 1
                    # the server commits; what it answers finds nobody
                    source.shutdown(socket.SHUT_RDWR)
                    time.sleep(0.3)
                    return
        except OSError:
            return
        finally:
            target.close()
