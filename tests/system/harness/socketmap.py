# SPDX-License-Identifier: BSD-2-Clause
"""A socketmap client: the MTA's side of the protocol."""
from .link import Link


def netstring(content):
    content = content.encode() if isinstance(content, str) else content
    return b"%d:%s," % (len(content), content)


class SocketMap(Link):
    """One connection."""

    def read(self):
        """The next answer, text; None when the daemon closed the connection instead."""
        while True:
            length, colon, rest = self.rest.partition(b":")
            if colon and len(rest) > int(length):
                assert rest[int(length):int(length) + 1] == b",", self.rest
                self.rest = rest[int(length) + 1:]
                return rest[:int(length)].decode("utf-8", "surrogateescape")
            if not self.hear():
                return None

    def ask(self, name, key):
        self.send(netstring(f"{name} {key}"))
        return self.read()
