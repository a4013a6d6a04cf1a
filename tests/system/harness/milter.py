# SPDX-License-Identifier: BSD-2-Clause
"""A milter client: the MTA's side of the protocol (version 6), one byte string at a time if a test wants that."""
import struct

from .link import Link

# what the MTA offers: all actions and all protocol steps, as Postfix 3.7 does
ACTIONS = 0x1FF
PROTOCOL = 0x1FFFFF

CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, REPLYCODE, SKIP = b"c", b"a", b"r", b"t", b"d", b"y", b"s"
PROGRESS = b"p"
# bit of the negotiated protocol: the milter gives no answer to that command
NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"U": 0x20000, b"N": 0x40000,
            b"B": 0x80000, b"L": 0x80}
# ... and: the MTA does not send it at all
NO_STEP = {b"C": 0x1, b"H": 0x2, b"M": 0x4, b"R": 0x8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"U": 0x100, b"T": 0x200}


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


class Milter(Link):
    """One session.  Answers are (code, data); edits asked for at the end of the message are in `edits`."""

    def __init__(self, address, actions=ACTIONS, protocol=PROTOCOL, negotiate=True, version=6):
        super().__init__(address)
        self.edits = []
        self.protocol = 0
        if negotiate:
            self.negotiate(actions, protocol, version)

    def negotiate(self, actions=ACTIONS, protocol=PROTOCOL, version=6):
        self.link.sendall(packet(b"O", struct.pack(">III", version, actions, protocol)))
        code, data = self.read()
        assert code == b"O", code
        self.version, self.actions, self.protocol = struct.unpack(">III", data[:12])
        # {stage: the macros that the milter wants there}
        self.symbols, rest = {}, data[12:]
        while rest:
            names, _, more = rest[4:].partition(b"\0")
            self.symbols[struct.unpack(">I", rest[:4])[0]] = names.decode()
            rest = more

    def read(self):
        head = self._read_exactly(4)
        body = self._read_exactly(struct.unpack(">I", head)[0])
        return body[:1], body[1:]

    def _read_exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.link.recv(size - len(data))
            if not more:
                raise EOFError("the milter closed the connection")
            data += more
        return data

    def macros(self, command, **values):
        data = command
        for name, value in values.items():
            name = name if len(name) == 1 or name == "_" else "{" + name + "}"
            data += name.encode() + b"\0" + str(value).encode() + b"\0"
        self.link.sendall(packet(b"D", data))

    def command(self, command, data=b""):
        """Sends it unless the milter declined that step; the answer, CONTINUE where none is given."""
        if self.protocol & NO_STEP.get(command, 0):
            return CONTINUE, b""
        self.link.sendall(packet(command, data))
        if self.protocol & NO_REPLY.get(command, 0):
            return CONTINUE, b""
        return self.read()

    def end_of_message(self, data=b""):
        self.link.sendall(packet(b"E", data))
        while True:
            code, data = self.read()
            if code == PROGRESS:
                continue
            if code in (CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, REPLYCODE):
                return code, data
            self.edits.append((code, data))

    # --- a whole session

    def open_session(self, host="mx.example.jp", client="localhost", address="127.0.0.1", port=0, helo="localhost"):
        """port 0 is how Postfix shows mail of its own making and of sendmail(1)."""
        self.macros(b"C", j=host, _=f"{client} [{address}]", daemon_name=host, v="Postfix 3.7.11")
        answer = self.command(b"C", client.encode() + b"\0" + b"4" + struct.pack(">H", port) + address.encode() + b"\0")
        if answer[0] != CONTINUE:
            return answer
        return self.command(b"H", helo.encode() + b"\0")

    def mail(self, sender, *arguments, queue_id="", **macros):
        self.macros(b"M", **({"i": queue_id} if queue_id else {}), mail_addr=sender.strip("<>"), **macros)
        return self.command(b"M", b"\0".join(word.encode() for word in (sender, *arguments)) + b"\0")

    def recipient(self, recipient, *arguments, **macros):
        self.macros(b"R", rcpt_addr=recipient.strip("<>"), **macros)
        return self.command(b"R", b"\0".join(word.encode() for word in (recipient, *arguments)) + b"\0")

    def message(self, message, queue_id="4jX3rL40xpz1cMcR", chunk=65535):
        """Header, body and end; the answer to the end, or the earlier one that ended it."""
        self.macros(b"T", i=queue_id)
        answer = self.command(b"T")
        if answer[0] != CONTINUE:
            return answer
        head, _, body = message.replace(b"\r\n", b"\n").partition(b"\n\n")
        for name, value in split_fields(head):
            self.macros(b"L", i=queue_id)
            answer = self.command(b"L", name + b"\0" + value + b"\0")
            if answer[0] != CONTINUE:
                return answer
        answer = self.command(b"N")
        body = body.replace(b"\n", b"\r\n")
        for start in range(0, len(body), chunk):
            if answer[0] != CONTINUE:
                break
            answer = self.command(b"B", body[start:start + chunk])
        if answer[0] not in (CONTINUE, SKIP):
            return answer
        self.macros(b"E", i=queue_id)
        return self.end_of_message()

    # --- what it asked for

    def get_added(self, name):
        """The values of the fields of that name that were added, in their order in the mail."""
        added = []
        for code, data in self.edits:
            if code == b"h":
                field, value = data.rstrip(b"\0").split(b"\0", 1)
            elif code == b"i":
                field, value = data[4:].rstrip(b"\0").split(b"\0", 1)
            else:
                continue
            if field.decode().lower() == name.lower():
                added.append(value.decode())
        return added

    def get_removed_fields(self):
        return [(data[4:].split(b"\0")[0].decode(), struct.unpack(">I", data[:4])[0])
                for code, data in self.edits if code == b"m" and data[4:].split(b"\0")[1] == b""]

    def get_removed_recipients(self):
        return [data.rstrip(b"\0").decode() for code, data in self.edits if code == b"-"]


def split_fields(head):
    """(name, value) as Postfix hands them out: after the colon and one blank, folded lines with their LF."""
    fields = []
    for line in head.split(b"\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += b"\n" + line
        elif b":" in line:
            name, _, value = line.partition(b":")
            fields.append([name, value[1:] if value.startswith(b" ") else value])
    return [tuple(field) for field in fields]


def refuses(answer):
    """Is it a refusal (whole code, or a reply of 4xx or 5xx)?"""
    return answer[0] in (REJECT, TEMPFAIL, REPLYCODE, DISCARD)
