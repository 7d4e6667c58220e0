"""The hail is one harmless GET, whatever name the target goes by."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from leftopen.budget import StoreLimits
from leftopen.hail import REQUEST, hail
from leftopen.model import Target
from leftopen.net.connection import Connection
from leftopen.net.scripted import ScriptedDialer


@pytest.mark.parametrize(
    ("host", "asked_by"),
    [
        (None, b"127.0.0.1:80"),
        ("db.example.org", b"db.example.org:80"),
        ("x\r\n\r\nDELETE /people HTTP/1.1\r\nHost: x", b"127.0.0.1:80"),
        ("x\nA: b", b"127.0.0.1:80"),
        ("bücher.example", b"127.0.0.1:80"),
        ("", b"127.0.0.1:80"),
    ],
)
async def test_a_name_from_a_record_cannot_become_a_request(
    host: str | None, asked_by: bytes
) -> None:
    dialer = ScriptedDialer(lambda: lambda data: None)
    target = Target(ip_address("127.0.0.1"), 80, host)
    async with Connection(dialer, target, frozenset({REQUEST}), StoreLimits()) as connection:
        await hail(connection)
    (sent,) = dialer.sent
    start, *fields = sent.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert start == b"GET / HTTP/1.1"
    assert fields == [b"Host: " + asked_by, b"User-Agent: leftopen", b"Accept: */*"]
