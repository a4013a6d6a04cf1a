# SPDX-License-Identifier: BSD-2-Clause
"""A socketmap client: the MTA's side of the protocol."""
from .milter import connect


def netstring(content):
    content = content.encode() if isinstance(content, str) else content
    return b"%d:%s," % (len(content), content)


class SocketMap:
    """One connection."""

    def __init__(self, address):
        self.link = connect(address)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def send(self, data):
        self.link.sendall(data)

    def read(self):
        """The next answer, text; None when the daemon closed the connection instead."""
        while True:
            length, colon, rest = self.rest.partition(b":")
            if colon and len(rest) > int(length):
                assert rest[int(length):int(length) + 1] == b",", self.rest
                self.rest = rest[int(length) + 1:]
                return rest[:int(length)].decode("utf-8", "surrogateescape")
            try:
                more = self.link.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.rest += more

    def ask(self, name, key):
        self.send(netstring(f"{name} {key}"))
        return self.read()
