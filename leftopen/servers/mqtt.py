"""A real Mosquitto on loopback that keeps nothing on disk, and a writer of retained messages."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from leftopen.servers.base import Server, free_port, launch, new_folder, program


def mosquitto(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    password: str | None = None,
    acl: str | None = None,
    empty_client_ids: bool = True,
    tls: tuple[Path, Path] | None = None,
) -> Server:
    """Start a Mosquitto; everything it does is in its log.

    With `password` only the user "owner" may connect. `acl` is the text of an acl_file. `tls` names
    a certificate and its key; the port then speaks TLS only. Raises ServerMissingError where there
    is no program.
    """
    found = program("mosquitto", "mosquitto")
    port = free_port(address) if port is None else port
    folder = new_folder("mqtt")
    lines = [
        "user root",  # only looked at where it is started as root
        "persistence false",
        "sys_interval 1",
        "log_dest stderr",
        "log_type all",
        f"listener {port} {address}",
        f"allow_anonymous {'true' if password is None else 'false'}",
        f"allow_zero_length_clientid {'true' if empty_client_ids else 'false'}",
    ]
    if password is not None:
        hashes = folder / "passwords"
        subprocess.run(
            ["mosquitto_passwd", "-c", "-b", str(hashes), "owner", password],
            check=True,
            capture_output=True,
        )
        lines.append(f"password_file {hashes}")
    if acl is not None:
        (folder / "acl").write_text(acl)
        (folder / "acl").chmod(0o600)
        lines.append(f"acl_file {folder / 'acl'}")
    if tls is not None:
        lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
    settings = folder / "mosquitto.conf"
    settings.write_text("".join(f"{line}\n" for line in lines))
    return launch("mqtt", [found, "-c", settings], address, port, folder)


def fill(
    server: Server, messages: Iterable[tuple[str, bytes]], *, password: str | None = None
) -> None:
    """Publish retained messages at QoS 1, each waited for.

    Raises RuntimeError where the broker refuses the login.
    """
    login = b"" if password is None else _text("owner") + _text(password)
    flags = 0x02 if password is None else 0xC2
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        head = _text("MQTT") + struct.pack("!BBH", 4, flags, 60)
        link.sendall(_packet(0x10, head + _text("filler") + login))
        if _exactly(link, 4)[3] != 0:
            raise RuntimeError("the broker refuses the login")
        for number, (topic, payload) in enumerate(messages, 1):
            link.sendall(_packet(0x33, _text(topic) + struct.pack("!H", number) + payload))
            _exactly(link, 4)
        link.sendall(b"\xe0\x00")


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    head, length = bytearray([kind]), len(body)
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*head, length]) + body


def _exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = link.recv(count - len(data))
        if not piece:
            raise RuntimeError("the broker ended the connection")
        data += piece
    return data
