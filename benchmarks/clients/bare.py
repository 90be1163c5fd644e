"""The floor: sockets alone, no round trip that is not needed, nothing checked but the first digit of replies.

The envelope and the message travel in one flight (PIPELINING, CHUNKING); of several messages, some are always
on the way. Told by BENCH_… what to send. Not a program that anybody should use.
"""

import os
import socket
import ssl
from binascii import b2a_base64
from pathlib import Path

told = os.environ
WINDOW = 16
LINE = 57
BLOCK = LINE * 4096
HEAD = (
    "From: {user}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{number}.bare@shop.test>\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: {type}\r\n"
)
PARTS = (
    "\r\n--=\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--=\r\nContent-Type: application/octet-stream\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n"
)


def say(connection: socket.socket, data: bytes) -> None:
    """Send, and acknowledge at once what comes back, which the server may wait for; sending undoes it."""
    connection.sendall(data)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def expect(replies, *digits: bytes) -> None:
    """Read one reply for each digit."""
    for digit in digits:
        line = b"   -"
        while line[3:4] == b"-":
            line = replies.readline()
        if line[:1] != digit:
            raise SystemExit(f"unexpected: {line!r}")


def secured(connection: socket.socket) -> ssl.SSLSocket:
    """Put TLS on the connection."""
    context = ssl.create_default_context(cafile=told["BENCH_CA"])
    return context.wrap_socket(connection, server_hostname="localhost")


def opened():
    """Connect and log in."""
    connection = socket.create_connection(("localhost", int(told["BENCH_PORT"])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if told["BENCH_SECURITY"] == "implicit":
        connection = secured(connection)
        replies = connection.makefile("rb")
        expect(replies, b"2")
    else:
        replies = connection.makefile("rb")
        expect(replies, b"2")
        say(connection, b"EHLO bench.test\r\n")
        expect(replies, b"2")
        say(connection, b"STARTTLS\r\n")
        expect(replies, b"2")
        connection = secured(connection)
        replies = connection.makefile("rb")
    say(connection, b"EHLO bench.test\r\n")
    expect(replies, b"2")
    login = f"\0{told['BENCH_USER']}\0{told['BENCH_SECRET']}".encode()
    say(connection, b"AUTH PLAIN " + b2a_base64(login, newline=False) + b"\r\n")
    expect(replies, b"2")
    return connection, replies


def envelope() -> bytes:
    """Return the commands before the message."""
    return f"MAIL FROM:<{told['BENCH_USER']}>\r\nRCPT TO:<{told['BENCH_TO']}>\r\n".encode()


def head(number: int, kind: str) -> bytes:
    """Return the header of a message."""
    user, to, subject = told["BENCH_USER"], told["BENCH_TO"], told["BENCH_SUBJECT"]
    return HEAD.format(user=user, to=to, subject=subject, number=number, type=kind).encode()


def send_attachment(connection: ssl.SSLSocket, replies) -> None:
    """Send one message with an attachment, encoded on the way."""
    start = head(0, "multipart/mixed; boundary==") + PARTS.format(body=told["BENCH_BODY"]).encode()
    connection.sendall(envelope() + b"BDAT %d\r\n" % len(start) + start)
    blocks = 1
    with Path(told["BENCH_ATTACHMENT"]).open("rb") as file:
        while block := file.read(BLOCK):
            lines = (block[at : at + LINE] for at in range(0, len(block), LINE))
            encoded = b"".join(map(b2a_base64, lines)).replace(b"\n", b"\r\n")
            connection.sendall(b"BDAT %d\r\n" % len(encoded) + encoded)
            blocks += 1
    connection.sendall(b"BDAT 9 LAST\r\n\r\n--=--\r\n")
    expect(replies, b"2", b"2", *[b"2"] * blocks, b"2")


def send_texts(connection: ssl.SSLSocket, replies, count: int) -> None:
    """Send small messages."""
    unanswered = 0
    for number in range(count):
        text = head(number, "text/plain") + b"\r\n" + told["BENCH_BODY"].encode() + b"\r\n"
        say(connection, envelope() + b"BDAT %d LAST\r\n" % len(text) + text)
        unanswered += 1
        if unanswered == WINDOW:
            expect(replies, b"2", b"2", b"2")
            unanswered -= 1
    expect(replies, *[b"2"] * 3 * unanswered)


connection, replies = opened()
if told["BENCH_ATTACHMENT"]:
    send_attachment(connection, replies)
else:
    send_texts(connection, replies, int(told["BENCH_COUNT"]))
connection.sendall(b"QUIT\r\n")
