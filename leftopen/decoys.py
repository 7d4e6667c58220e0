"""Hosts that take any connection: what is "open" there is open on every port, and proves nothing.

Two random high ports are tried, the second only where the first took a connection: one may be
somebody's real service, both hardly ever are.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from leftopen.errors import LeftopenError
from leftopen.model import Address, Target
from leftopen.net.connection import Dialer

HIGH_PORTS = range(49_152, 65_536)  # where no service has its usual port (RFC 6335)
PATIENCE = 1.0  # seconds; a port that lets one wait is not one that answers


@dataclass
class Decoys:
    """Which hosts of a scan answer everywhere; each is asked once. `dialer` bounds the wait."""

    dialer: Dialer
    ports: range = HIGH_PORTS
    _asked: dict[Address, asyncio.Task[bool]] = field(default_factory=dict)

    def ask(self, target: Target) -> asyncio.Task[bool]:
        """Whether the target's host takes connections on ports nobody has; asked in the background.

        Where the network fails, the answer is no.
        """
        asked = self._asked.get(target.address)
        if asked is None:
            asked = asyncio.create_task(self._answers_everywhere(target))
            self._asked[target.address] = asked
        return asked

    async def _answers_everywhere(self, target: Target) -> bool:
        taken = 0
        while taken < 2 and await self._takes(target):
            taken += 1
        return taken == 2

    async def _takes(self, target: Target) -> bool:
        high = Target(target.address, secrets.choice(self.ports), target.host)
        try:
            stream = await self.dialer.dial(high)
        except LeftopenError:
            return False
        await stream.close()
        return True
