"""What an OpenSearch for the tests is made of: jars from Maven, and its security plugin's zip."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from leftopen.servers.maven import built, of_folder


def classpath() -> str:
    """The server's jars and the plugin's; raises ServerMissingError where they cannot be fetched.

    The server's first: where both bring a library, the server gets the one it was built with.
    """
    folder = built("leftopen.servers.opensearch", "OpenSearch", _unpack)
    return os.pathsep.join((of_folder(folder), f"{folder}/security/*"))


def _unpack(folder: Path) -> None:
    for archive in (folder / "jars").glob("*.zip"):
        with zipfile.ZipFile(archive) as plugin:
            plugin.extractall(folder / "security")
        archive.unlink()
