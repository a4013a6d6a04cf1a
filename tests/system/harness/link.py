# SPDX-License-Identifier: BSD-2-Clause
"""Connections to the daemon's sockets."""
import socket

from .paths import DEADLINE_S


def connect(address):
    """address: a path, or (host, port)."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    link = socket.socket(family, socket.SOCK_STREAM)
    link.settimeout(DEADLINE_S)
    link.connect(address if isinstance(address, tuple) else str(address))
    return link


class Link:
    """A connection as a client has it."""

    def __init__(self, address):
        self.link = connect(address)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def send(self, data):
        self.link.sendall(data)

    def hear(self):
        """Waits for more and puts it into `rest`; False when the daemon closed the connection instead."""
        try:
            more = self.link.recv(65536)
        except ConnectionResetError:
            return False
        self.rest += more
        return bool(more)
