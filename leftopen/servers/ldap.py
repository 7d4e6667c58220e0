"""A real OpenLDAP (slapd) on loopback, its directory loaded before it starts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from leftopen.servers.base import (
    Server,
    ServerMissingError,
    authority,
    free_port,
    launch,
    new_folder,
    program,
    unless_failed,
)

BASE = "dc=example,dc=org"
_SCHEMA = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")


def slapd(
    address: str = "127.0.0.1",
    *,
    port: int | None = None,
    ldif: str = "",
    settings: str = "",
    access: str = "",
    tls: tuple[Path, Path] | None = None,
) -> Server:
    """Start a slapd over the entries of `ldif`; its log tells every operation.

    `settings` are lines of slapd.conf(5) for the whole server, as in "require authc"; `access` are
    those for its database, as in "access to * by anonymous auth". With `tls` (certificate and key)
    it speaks LDAP over TLS only. Raises ServerMissingError where there is no program.
    """
    found = program("slapd", "slapd")
    if not _SCHEMA.is_dir():
        raise ServerMissingError("slapd is missing: apt install slapd")
    port = free_port(address) if port is None else port
    folder = new_folder("ldap")
    (folder / "data").mkdir()
    lines = [
        *(f"include {_SCHEMA}/{name}.schema" for name in ("core", "cosine", "inetorgperson")),
        f"pidfile {folder}/pid",
        f"modulepath {_MODULES}",
        "moduleload back_mdb",
    ]
    if tls is not None:
        lines += [f"TLSCertificateFile {tls[0]}", f"TLSCertificateKeyFile {tls[1]}"]
    lines += [settings, "database mdb", f'suffix "{BASE}"', f"directory {folder}/data"]
    lines += ["maxsize 16777216", "dbnosync", access]
    config = folder / "slapd.conf"
    config.write_text("\n".join(lines) + "\n")
    if ldif:
        (folder / "entries.ldif").write_text(ldif)
        loader = program("slapadd", "slapd")
        command = [loader, "-q", "-f", str(config), "-l", str(folder / "entries.ldif")]
        with unless_failed(folder):
            subprocess.run(command, check=True, capture_output=True)
    where = f"{'ldap' if tls is None else 'ldaps'}://{authority(address, port)}"
    command = [found, "-f", str(config), "-h", where, "-d", "stats"]
    return launch("ldap", command, address, port, folder)


def fill(people: Iterable[tuple[str, str, str]]) -> str:
    """The LDIF of a directory with these people: given name, surname, e-mail address.

    It goes into `slapd(ldif=…)`, for a directory is loaded before its server starts.
    """
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n",
        f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n",
        f"dn: ou=empty,{BASE}\nobjectClass: organizationalUnit\nou: empty\n",
    ]
    entries += [
        f"dn: uid=p{number},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: p{number}\n"
        f"cn: {given} {surname}\nsn: {surname}\ngivenName: {given}\nmail: {mail}\n"
        for number, (given, surname, mail) in enumerate(people)
    ]
    return "\n".join(entries)
