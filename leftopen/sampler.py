"""The parent's side of the sampling process: starts it, feeds it stores, bounds it, survives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from leftopen.budget import StoreLimits
from leftopen.config import Measuring
from leftopen.messages import GO, TOGETHER, Job, Said
from leftopen.model import CollectionProfile, People, Profile, ScanError, Service, Stage
from leftopen.net.dial import Admission
from leftopen.scope import Scope

_LINE = 16 << 20  # bytes of the longest line that is taken from a worker
_GRACE = 10.0  # seconds beyond the store's own after which a worker is ended


_TOGETHER_SECONDS = 60.0  # for the union of all stores of a run
_MEASURING = Measuring()


def _environment() -> dict[str, str]:
    """What the worker needs of ours: not where the record is, nor the password to it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LEFTOPEN_")}
    return {**ours, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Sampler:
    """Reads stores one after the other in a process of its own; use as an async context manager.

    A worker that dies, hangs or talks nonsense costs the store it was reading, whose profile then
    says that it is not complete; the next store gets a new worker.
    """

    def __init__(
        self,
        scope: Scope,
        admission: Admission,
        limits: StoreLimits,
        measuring: Measuring = _MEASURING,
    ) -> None:
        self._scope, self._admission = scope, admission
        self._limits, self._measuring = limits, measuring
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def profile(
        self,
        service: Service,
        on_collection: Callable[[int, int], None] = lambda d, t: None,
        *,
        epsilon: float | None = None,
    ) -> Profile:
        """The aggregates of one open store. `on_collection(done, total)` is told of each;
        `epsilon` is what a release of its composition may cost (None: there is none).

        Raises ScopeRefused, with nothing sent, for an address outside the scope: the worker's own
        scope is whatever address it is given, and a resumed run's come from a record.
        """
        self._scope.require(service.target.address)
        collections: list[CollectionProfile] = []
        end: Said | None = None
        code = "died"
        try:
            async with asyncio.timeout(self._limits.seconds + _GRACE) as bound:
                process = await self._worker()
                await self._hand_over(process, service, epsilon)
                end = await self._listen(process, service, bound, collections, on_collection)
        except TimeoutError:
            code = "timeout"
        except (ValidationError, ValueError, OSError):
            code = "nonsense"
        except asyncio.CancelledError:
            await self._end()
            raise
        if end is None:
            await self._end()
            error = ScanError(service.address, service.port, Stage.SAMPLE, "Worker", code)
            return Profile(tuple(collections), False, (), 0, (error,))
        people_of = (*end.people_of, *[None] * len(collections))
        return Profile(
            tuple(replace(c, people=p) for c, p in zip(collections, people_of, strict=False)),
            end.complete,
            end.requests,
            end.bytes_read,
            end.errors,
            end.tampering,
            end.people,
            end.time,
            end.place,
            end.composition,
        )

    async def together(self) -> tuple[tuple[str, ...], People] | None:
        """How many people are in all stores that one worker has read, and which stores those are
        (by exposure id). None where no worker is left that could tell."""
        process = self._process
        if process is None or process.returncode is not None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_TOGETHER_SECONDS):
                process.stdin.write(TOGETHER)
                await process.stdin.drain()
                said = Said.model_validate_json(await process.stdout.readline())
        except (TimeoutError, ValidationError, ValueError, OSError):
            await self._end()
            return None
        return None if said.people is None else (said.stores, said.people)

    async def _worker(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "leftopen.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # a traceback there could hold a value
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the worker
                limit=_LINE,
                env=_environment(),
            )
        return self._process

    async def _hand_over(
        self, process: asyncio.subprocess.Process, service: Service, epsilon: float | None
    ) -> None:
        assert process.stdin is not None
        assert service.engine is not None
        job = Job(
            engine=service.engine,
            address=service.address,
            port=service.port,
            host=service.host,
            tls=service.tls_first,
            limits=self._limits,
            opt_in=self._scope.opt_in(service.target),
            measuring=replace(self._measuring, epsilon=epsilon),
        )
        process.stdin.write(job.model_dump_json().encode() + b"\n")
        await process.stdin.drain()

    async def _listen(
        self,
        process: asyncio.subprocess.Process,
        service: Service,
        bound: asyncio.Timeout,
        collections: list[CollectionProfile],
        on_collection: Callable[[int, int], None],
    ) -> Said | None:
        assert process.stdin is not None
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = Said.model_validate_json(line)
            if said.what == "end":
                return said
            if said.what == "ask":
                began = time.monotonic()
                await self._admission.admit(service.address)
                waited = time.monotonic() - began  # for our own budget: not the store's fault
                bound.reschedule((bound.when() or 0.0) + waited)
                process.stdin.write(GO)
                await process.stdin.drain()
            elif said.collection is not None:
                collections.append(said.collection)
                on_collection(said.done, said.total)
        return None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own
            await process.wait()
