# SPDX-License-Identifier: BSD-2-Clause
"""What happens to a bounce on its way without changing what it says: each change takes a mail and gives another of it.

CHANGES are those that need the bytes alone; `with_recipient` also needs to know who failed.  A change that does not apply
gives the mail as it is."""
import base64
import binascii
import codecs
import quopri
import re

TEXT_TYPES = (b"text/", b"message/delivery-status", b"message/global-delivery-status", b"message/feedback-report")
RELATIVES = {"utf-8": ("iso-2022-jp", "shift_jis", "euc-jp", "windows-1252", "windows-1251", "windows-1250", "koi8-r", "gb18030", "utf-8"),
             "us-ascii": ("utf-8", "windows-1252")}


# -- a mail as fields and parts, byte for byte ---------------------------------------------------------------------------

def split(mail):
    """Its fields, each with its continuation lines, and its body."""
    head, end, body = mail.partition(b"\n\n") if not mail.startswith(b"\n") else (b"", b"\n", mail[1:])
    return [field for field in re.split(rb"\n(?![ \t])", head) if field], (body if end else None)


def join(fields, body):
    return b"".join(field + b"\n" for field in fields) + (b"\n" + body if body is not None else b"")


def get(fields, name):
    for field in fields:
        if field.lower().startswith(name + b":"):
            return field[len(name) + 1:].strip()
    return b""


def put(fields, name, value):
    """The same fields with this one in the old one's place, or at the end."""
    line, found = name + b": " + value, False
    result = []
    for field in fields:
        is_it = field.lower().startswith(name.lower() + b":")
        if not is_it or not found:
            result.append(line if is_it else field)
        found = found or is_it
    return result if found else result + [line]


def get_type(fields):
    return get(fields, b"content-type").split(b";")[0].strip().lower()


def get_boundary(fields):
    found = re.search(rb'boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))', get(fields, b"content-type"), re.I)
    return (found.group(1) or found.group(2)) if found and get_type(fields).startswith(b"multipart/") else None


def map_parts(mail, change):
    """change(fields, body) on every leaf, not within what is returned of the original."""
    fields, body = split(mail)
    boundary = get_boundary(fields)
    if body is None:
        return mail
    if not boundary:
        return join(*change(fields, body))
    pieces = re.split(rb"(?m)^(--" + re.escape(boundary) + rb"(?:--)?[ \t]*\n?)", body)
    for i in range(2, len(pieces), 2):
        if not pieces[i - 1].rstrip().endswith(boundary + b"--"):
            pieces[i] = map_parts(pieces[i][:-1], change) + b"\n" if pieces[i].endswith(b"\n") else map_parts(pieces[i], change)
    return join(fields, b"".join(pieces))


def is_text(fields):
    return (get_type(fields) or b"text/plain").startswith(TEXT_TYPES)


def decode(fields, body):
    """The bytes of a part without its transfer encoding."""
    encoding = get(fields, b"content-transfer-encoding").lower()
    if encoding == b"base64":
        try:
            return base64.b64decode(body)
        except binascii.Error:
            return None
    return quopri.decodestring(body) if encoding == b"quoted-printable" else body


# -- the changes ---------------------------------------------------------------------------------------------------------

def crlf(mail):
    return mail.replace(b"\n", b"\r\n")


def recode(encoding):
    def change(fields, body):
        plain = decode(fields, body) if is_text(fields) else None
        if plain is None or not plain.strip():
            return fields, body
        coded = {"base64": lambda: base64.encodebytes(plain), "quoted-printable": lambda: quopri.encodestring(plain),
                 "8bit": lambda: plain.replace(b"\r\n", b"\n")}[encoding]()
        return put(fields, b"Content-Transfer-Encoding", encoding.encode()), coded
    return lambda mail: map_parts(mail, change)


def get_charset(fields):
    found = re.search(rb'charset\s*=\s*"?([^";\s]+)', get(fields, b"content-type"), re.I)
    name = found.group(1).decode("ascii", "replace").lower() if found else "us-ascii"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def recharset(wanted):
    def change(fields, body):
        name = get_charset(fields)
        if not get_type(fields).startswith(b"text/") or not name or get(fields, b"content-transfer-encoding").lower() not in (b"", b"7bit", b"8bit"):
            return fields, body
        try:
            text = body.decode("ascii" if name == "us-ascii" else name)
            coded = text.encode(wanted)
        except (UnicodeError, LookupError):
            return fields, body
        kind = re.sub(rb'charset\s*=\s*("[^"]*"|[^;\s]+)', b"charset=" + wanted.encode(), get(fields, b"content-type"), flags=re.I)
        if b"charset" not in kind.lower():
            kind += b"; charset=" + wanted.encode()
        return put(put(fields, b"Content-Type", kind), b"Content-Transfer-Encoding", b"8bit"), coded
    return lambda mail: map_parts(mail, change)


def rename_boundary(mail):
    fields, body = split(mail)
    boundary, other = get_boundary(fields), b"=_next-0.1.2/part"
    if not boundary:
        return mail
    kind = re.sub(rb'(?i)(boundary\s*=\s*)("[^"]*"|[^;\s]+)', rb'\1"' + other + b'"', get(fields, b"content-type"))
    return join(put(fields, b"Content-Type", kind), re.sub(rb"(?m)^--" + re.escape(boundary), b"--" + other, body))


def pad_lines(mail):
    """White space at the ends of the body's lines, but of those that are blank alone or begin a part."""
    fields, body = split(mail)
    return mail if body is None else join(fields, re.sub(rb"(?m)(?<=[\w.:>)])$", b"  ", body) if not get_boundary(fields) and
                                          is_text(fields) and decode(fields, body) == body else body)


def turn_fields(mail):
    """The fields in the opposite order; trace fields stay where they are."""
    fields, body = split(mail)
    if fields[:1] and fields[0].startswith(b"From "):
        return mail
    return join(fields[::-1], body)


def shout_names(mail):
    fields, body = split(mail)
    return join([re.sub(rb"^[!-9;-~]+:", lambda name: name.group().upper(), field) for field in fields], body)


def whisper_names(mail):
    fields, body = split(mail)
    return join([re.sub(rb"^[!-9;-~]+:", lambda name: name.group().lower(), field) for field in fields], body)


def fold_fields(mail):
    """Folded at every blank that may be one."""
    fields, body = split(mail)
    return join([re.sub(rb"(?<=[;,]) (?=\S)", b"\n\t", re.sub(rb"\n[ \t]+", b" ", field)) for field in fields], body)


def unfold_fields(mail):
    fields, body = split(mail)
    return join([re.sub(rb"\n[ \t]+", b" ", field) for field in fields], body)


TRACE = b"""Return-Path: <>
Delivered-To: bounces@example.jp
X-Spam-Status: No, score=-1.0 required=5.0 tests=ANY_BOUNCE_MESSAGE,BOUNCE_MESSAGE autolearn=ham
X-Spam-Report: * 0.1 Content analysis: 550 5.1.1 user unknown was seen
X-Forefront-Antispam-Report: CIP:192.0.2.1;CTRY:;LANG:en;SCL:-1;SRV:;IPV:NLI;SFV:NSPM;H:mx1.example.net;PTR:mx1.example.net;
X-Microsoft-Antispam: BCL:0;
X-MS-Exchange-Organization-SCL: 1
Authentication-Results: mx1.example.jp; dkim=fail reason="550 5.7.1 bad signature"; spf=none smtp.helo=mx1.example.net
ARC-Seal: i=1; a=rsa-sha256; t=1582926392; cv=none; d=example.jp; s=arc; b=AAAA
ARC-Authentication-Results: i=1; mx1.example.jp; dmarc=fail action=none header.from=example.net
DKIM-Signature: v=1; a=rsa-sha256; d=example.jp; s=k; h=from:to;
\tbh=AAAA; b=BBBB
Received: from mx1.example.net (mx1.example.net [192.0.2.1])
\tby mx.example.jp (Postfix) with ESMTPS id 4jX3rL40xpz1cMcR
\tfor <bounces@example.jp>; Sun, 22 Nov 2026 04:19:30 +0900 (JST)"""


def prepend_trace(mail):
    fields, body = split(mail)
    own = [] if fields and fields[0].startswith(b"From ") else TRACE.split(b"\n")
    return join(re.split(rb"\n(?![ \t])", b"\n".join(own)) + fields if own else fields, body)


DISCLAIMER = b"""

______________________________________________________________________
CONFIDENTIALITY NOTICE: this message and its attachments are for the intended recipient only. If you are not the
intended recipient, you are not permitted to use it; the sender's mailbox accepts no liability for viruses or spam.
This email has been scanned by the gateway of example.jp. For more information write to help@gateway.example.jp.
"""


def append_disclaimer(mail):
    is_first = True

    def change(fields, body):
        nonlocal is_first
        here, is_first = is_first, False
        if not here or get_type(fields) not in (b"", b"text/plain") or decode(fields, body) != body:
            return fields, body
        return fields, body + DISCLAIMER
    return map_parts(mail, change)


def wrap_diagnostics(width):
    def fold(found):
        words, lines = re.sub(rb"\n[ \t]+", b" ", found.group()).split(b" "), [b""]
        for word in words:
            if lines[-1] and len(lines[-1]) + len(word) >= width:
                lines.append(b"")
            lines[-1] += (b" " if lines[-1] else b"") + word
        return b"\n    ".join(lines)

    def change(fields, body):
        if not get_type(fields).endswith(b"delivery-status") or decode(fields, body) != body:
            return fields, body
        return fields, re.sub(rb"(?im)^diagnostic-code:.*(\n[ \t]+\S.*)*", fold, body)
    return lambda mail: map_parts(mail, change)


def retype_diagnostics(kind):
    def change(fields, body):
        if not get_type(fields).endswith(b"delivery-status") or decode(fields, body) != body:
            return fields, body
        return fields, re.sub(rb"(?im)^diagnostic-code:[ \t]*smtp[ \t]*;[ \t]*", b"Diagnostic-Code: " + kind, body)
    return lambda mail: map_parts(mail, change)


def enclose(mail):
    """A gateway put it into a multipart/mixed of its own, with a footer beside it."""
    fields, body = split(mail)
    boundary = get_boundary(fields)
    # a feedback report is told by the type at its top; a boundary that never comes is found there only
    if body is None or not boundary or b"\n--" + boundary not in b"\n" + body or b"feedback-report" in get(fields, b"content-type"):
        return mail
    inner = [field for field in fields if field.lower().startswith(b"content-")]
    outer = [field for field in fields if not field.lower().startswith(b"content-")]
    return join(outer + [b'Content-Type: multipart/mixed; boundary="gateway"'],
                b"--gateway\n" + join(inner, body) + b"\n--gateway\nContent-Type: text/plain\n" + DISCLAIMER + b"\n--gateway--\n")


def cut_original(mail):
    """Truncated within what is returned of the original: a limit of the reporter's."""
    places = list(re.finditer(rb"(?im)^content-type:\s*(message/rfc822|text/rfc822-headers)", mail))
    end = mail.find(b"\n\n", places[-1].end()) if places and not mail.startswith(b"From ") else -1
    stop = mail.find(b"\n\n", end + 2) if end >= 0 else -1
    return mail[:stop + 1] if stop >= 0 else mail


def of_another_day(mail):
    """Queue ids, addresses of hosts, tokens."""
    mail = re.sub(rb"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b", rb"198.51.100.7", mail)
    mail = re.sub(rb"\b(?=[0-9A-Fa-f]*\d)(?=[0-9A-Fa-f]*[A-Fa-f])[0-9A-Fa-f]{9,12}\b", b"4F0C1B2A9D", mail)
    mail = re.sub(rb"https?://(?=[\w.]*example)[^\s<>\"]+", b"https://help.example.com/a/b?c=1", mail)
    return re.sub(rb"\b[a-z0-9]{6,24}\.\d{1,4} - gsmtp", b"d9443c01a7336-1b2c.17 - gsmtp", mail)


CHANGES = {
    "crlf": crlf,
    "8bit": recode("8bit"),
    "base64": recode("base64"),
    "quoted-printable": recode("quoted-printable"),
    **{name: recharset(name) for name in ("utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "windows-1252", "windows-1251", "iso-8859-2", "koi8-r", "gb18030")},
    "boundary renamed": rename_boundary,
    "lines padded": pad_lines,
    "fields turned": turn_fields,
    "names in capitals": shout_names,
    "names in lower case": whisper_names,
    "fields folded": fold_fields,
    "fields unfolded": unfold_fields,
    "trace fields": prepend_trace,
    "disclaimer": append_disclaimer,
    **{f"diagnostics at {width}": wrap_diagnostics(width) for width in (30, 50, 76, 900)},
    "diagnostics smtp;": retype_diagnostics(b"smtp;"),
    "diagnostics SMTP ;": retype_diagnostics(b"SMTP ; "),
    "diagnostics x-unix": retype_diagnostics(b"x-unix; "),
    "diagnostics untyped": retype_diagnostics(b""),
    "enclosed by a gateway": enclose,
    "original cut": cut_original,
    "another day": of_another_day,
}


def with_recipient(mail, others):
    """The mail as it would be about others; None where a recipient is written in a way of its own, quoted or in part."""
    mail = recode("8bit")(mail)
    for recipient, other in others.items():
        mail, count = re.subn(rb"(?<![\w.+-])" + re.escape(recipient.encode()) + rb"(?![\w-]|\.\w)", lambda _, new=other.encode(): new,
                              mail, flags=re.I)
        local = recipient.split("@")[0].encode()
        if count == 0 or b'"' + local + b'"@' in mail or re.search(rb"(?m)^\s+" + re.escape(local) + rb"$", mail):
            return None
    return mail


RENAMINGS = {
    "plus": lambda local, domain: f"{local}+news-2026@{domain}",
    "long": lambda local, domain: f"{'a-quite-long-local-part-' * 2}x@{domain}",
    "digits": lambda local, domain: f"0902026@{domain}",
    "dotted": lambda local, domain: f"j.r.o'hara_{len(local)}@{domain}",
    "host words": lambda local, domain: f"smtp.user@{domain}",
    "other domain": lambda local, domain: f"{local}@mail.sub.example.museum",
    "short domain": lambda local, domain: f"{local}@x.yz",
}
