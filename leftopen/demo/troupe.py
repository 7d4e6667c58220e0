"""The town's servers together: started and filled side by side, noted, stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from leftopen.demo import cast, places, standing
from leftopen.demo.cast import REGISTER, Role
from leftopen.demo.town import Town
from leftopen.servers.base import Server


class StartFailed(Exception):
    """A server did not start or could not be filled; the text says which and why."""


class Troupe:
    """The servers of a demo, by their roles' names. Stop it on every way out."""

    def __init__(self, roles: Sequence[Role], where: places.Places, folder: Path) -> None:
        self.roles, self.where = roles, where
        self.servers: dict[str, Server] = {}
        self._folder = folder
        self._feeder: Server | None = None
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def start(self, town: Town) -> Iterator[Role]:
        """Start and fill all at once; yields each role, in order, when its server is ready.

        Raises StartFailed, after those that were starting have started or failed.
        """
        now = datetime.now(UTC)
        with ThreadPoolExecutor(len(self.roles), "demo") as threads:
            brought = [threads.submit(self._bring, role, town, now) for role in self.roles]
            try:
                for role, future in zip(self.roles, brought, strict=True):
                    try:
                        future.result()
                    except Exception as error:
                        address, port = self.where.at[role.name]
                        raise StartFailed(f"{role.kind} on {address}:{port}: {error}") from error
                    yield role
            except BaseException:
                self._ending.set()
                raise

    def stop(self) -> None:
        """End every server and remove its folder and the note; those that feed go first."""
        self._ending.set()
        if self._feeder is not None:
            self._feeder.stop()
        if self.servers:
            with ThreadPoolExecutor(len(self.servers), "demo") as threads:
                list(threads.map(Server.stop, self.servers.values()))
        standing.forget(self._folder)

    def _bring(self, role: Role, town: Town, now: datetime) -> None:
        if self._ending.is_set():
            return
        server = role.start(*self.where.at[role.name])
        with self._lock:
            self.servers[role.name] = server
            self._note()
        if role.fill is not None and not self._ending.is_set():
            role.fill(server, town, now)
        if role.name == REGISTER and not self._ending.is_set():
            self._feeder = cast.start_feeder(server)
            with self._lock:
                self._note()

    def _note(self) -> None:
        feeder = [self._feeder] if self._feeder is not None else []
        standing.write(self._folder, [*feeder, *self.servers.values()], self.where.targets)
