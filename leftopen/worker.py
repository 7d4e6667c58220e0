"""The sampling process: the only place where samples live. `python -m leftopen.worker`.

It is handed one store at a time as a line of JSON on standard input, reads it, and says what it
found as lines of JSON on standard output: typed aggregates, never a value. Asked to, it says how
many people are in all the stores it has read, each counted once; what it needs for that (sketches
under a key that is drawn when it starts) is in its memory only. Each connection is asked for first,
because the budget is kept by the parent. It cannot leave a core dump, its memory is limited by the
system, what it prints to standard error goes nowhere, and it ends when its parent does. See ADR 3
and ADR 13.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator

from leftopen.engines import all_engines
from leftopen.measure import disclosure, people
from leftopen.measure.people import Counted
from leftopen.measure.sketch import Sketcher
from leftopen.messages import GO, TOGETHER, Job, Said
from leftopen.model import exposure_id
from leftopen.reading import Reading

MEMORY = 1 << 30  # bytes of private memory, as the system counts them; resident stays far below


def _say(said: Said) -> None:
    sys.stdout.write(said.model_dump_json(exclude_defaults=True) + "\n")
    sys.stdout.flush()


class _Parent:
    """The parent as seen from here: grants connections, hands over jobs, or is gone."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self._granted = asyncio.Semaphore(0)
        self._jobs: asyncio.Queue[Job | None] = asyncio.Queue()

    async def listen(self) -> None:
        while line := await self._lines.readline():
            if line == GO:
                self._granted.release()
            elif line == TOGETHER:
                self._jobs.put_nowait(None)
            else:
                self._jobs.put_nowait(Job.model_validate_json(line))
        os._exit(0)  # the parent is gone: nobody is left to read for

    async def admit(self, host: str) -> None:
        _say(Said(what="ask"))
        await self._granted.acquire()

    async def jobs(self) -> AsyncIterator[Job | None]:
        """Stores to read; None asks for what all of them come to."""
        while True:
            yield await self._jobs.get()


async def _main() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    parent = _Parent(reader)
    listening = asyncio.create_task(parent.listen())
    engines = all_engines()
    sketcher = Sketcher()
    stores: dict[str, list[Counted]] = {}
    threshold = 0
    async for job in parent.jobs():
        if job is None:
            together = people.of_run(stores, threshold)
            shown = disclosure.people(together, threshold, tuple(stores))
            _say(Said(what="together", people=shown, stores=tuple(stores)))
            continue
        reading = Reading(engines[job.engine], job, parent, sketcher, _say)
        await reading.run()
        stores[exposure_id(job.engine, job.address, job.port)] = reading.counted
        threshold = job.measuring.threshold
    await listening


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    asyncio.run(_main())


if __name__ == "__main__":
    main()
