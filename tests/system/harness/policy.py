# SPDX-License-Identifier: BSD-2-Clause
"""A policy client: smtpd's side of the protocol."""
from .link import Link

# Postfix 3.7's attributes, in its order
ATTRIBUTES = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
    "client_address": "192.0.2.7", "client_name": "client.example.org", "client_port": "40404",
    "reverse_client_name": "client.example.org", "server_address": "192.0.2.1", "server_port": "25",
    "helo_name": "client.example.org", "sender": "sender@example.jp", "recipient": "user@example.com",
    "recipient_count": "0", "queue_id": "", "instance": "1234.5678.0", "size": "0", "etrn_domain": "", "stress": "",
    "sasl_method": "", "sasl_username": "", "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "",
    "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "", "encryption_protocol": "", "encryption_cipher": "",
    "encryption_keysize": "0", "policy_context": "",
}


def request(**attributes):
    """The bytes of one request; None takes an attribute out."""
    values = {**ATTRIBUTES, **attributes}
    lines = [f"{name}={value}\n" for name, value in values.items() if value is not None]
    return ("".join(lines) + "\n").encode()


class Policy(Link):
    """One connection."""

    def read(self):
        """The action of the next answer; None when the daemon closed the connection instead."""
        while b"\n\n" not in self.rest:
            if not self.hear():
                return None
        answer, _, self.rest = self.rest.partition(b"\n\n")
        assert answer.startswith(b"action=") and b"\n" not in answer, answer
        return answer[len(b"action="):].decode()

    def ask(self, recipient, **attributes):
        self.send(request(recipient=recipient, **attributes))
        return self.read()
