"""The record: every run and what it found, in SQLite or any database SQLAlchemy can name.

Each event is a transaction of its own, so that a scan that is killed at any moment leaves a record
that can be read and gone on from. What is stored are model types only: aggregates, no values.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from leftopen.errors import LeftopenError, UsageError
from leftopen.model import (
    Exposure,
    People,
    Profile,
    Run,
    ScanError,
    Service,
    Target,
    exposure_id,
)
from leftopen.progress import (
    Event,
    ExposureRated,
    Failed,
    Finished,
    PeopleCounted,
    ServiceJudged,
    SweepProgress,
    TargetFound,
)

HEAD = "0002"  # the newest revision under migrations/versions; a test holds the two together

_metadata = sa.MetaData()
_run = sa.Table(
    "run",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("started", sa.DateTime),
    sa.Column("finished", sa.DateTime),
    sa.Column("version", sa.String(32)),
    sa.Column("host", sa.String(255)),
    sa.Column("scope", sa.JSON),
    sa.Column("request", sa.JSON),
    sa.Column("complete", sa.Boolean),
    sa.Column("cursor", sa.BigInteger),
    sa.Column("targets", sa.BigInteger),
    sa.Column("people", sa.JSON(none_as_null=True)),
)
_target = sa.Table(
    "target",
    _metadata,
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("address", sa.String(45), primary_key=True),
    sa.Column("port", sa.Integer, primary_key=True),
    sa.Column("host", sa.String(255)),
    sa.Column("service", sa.JSON(none_as_null=True)),
    sa.Column("exposure", sa.JSON(none_as_null=True)),
)
_error = sa.Table(
    "error",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(32)),
    sa.Column("body", sa.JSON),
)

# What releases of a store's composition have cost in privacy loss. Rows are added, never changed.
_ledger = sa.Table(
    "ledger",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("exposure", sa.String(16)),
    sa.Column("run", sa.String(32)),
    sa.Column("epsilon", sa.Float),
    sa.Column("at", sa.DateTime),
)
EPSILON = 4.0  # that all releases of one store's composition may cost together

_service_type = TypeAdapter(Service)
_exposure_type = TypeAdapter(Exposure)
_error_type = TypeAdapter(ScanError)
_people_type = TypeAdapter(People)


class StoreFailed(LeftopenError):
    """The record cannot be opened, read or written."""

    code = "store"


@dataclass(frozen=True)
class Unfinished:
    """Where a run stopped: what is still to be swept, judged and profiled."""

    run: Run
    request: Mapping[str, Any]
    cursor: int
    to_judge: tuple[Target, ...]
    to_profile: tuple[Service, ...]


def default_url() -> str:
    """The record in the user's data folder, unless LEFTOPEN_STORE names another."""
    named = os.environ.get("LEFTOPEN_STORE")
    if named:
        return named
    folder = Path(platformdirs.user_data_dir("leftopen", appauthor=False))
    return f"sqlite:///{folder / 'record.db'}"


class Store:
    """One open record. Raises UsageError for a bad URL, StoreFailed for a broken database."""

    def __init__(self, url: str | None = None) -> None:
        url = url or default_url()
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                _make_private(Path(parsed.database))
            self._engine = sa.create_engine(parsed)
        except (SQLAlchemyError, ImportError):
            raise UsageError(
                "LEFTOPEN_STORE is not a database URL that can be used here; write for example "
                "sqlite:////var/lib/leftopen/record.db or postgresql+psycopg://host/leftopen"
            ) from None
        except OSError as error:
            raise StoreFailed(
                f"the record cannot be made at {parsed.database}: {error.strerror}; "
                "set LEFTOPEN_STORE to a database URL that can be used"
            ) from None
        if parsed.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _sqlite_settings)
        with self._begin() as connection:
            _migrate(connection)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The driver's text may hold the row's content; its class says enough.
            raise StoreFailed(
                f"the record could not be used ({type(error).__name__}); "
                "look at LEFTOPEN_STORE, the disk and the rights on the file"
            ) from None

    def start(self, run: Run, request: Mapping[str, Any]) -> None:
        """Begin a run. `request` is what a resumed run needs to know (JSON)."""
        with self._begin() as connection:
            connection.execute(
                _run.insert().values(
                    id=run.id,
                    started=_naive(run.started),
                    version=run.version,
                    host=run.host,
                    scope=dict(run.scope),
                    request=dict(request),
                    complete=False,
                    cursor=0,
                    targets=0,
                )
            )

    def keep(self, run_id: str, event: Event) -> None:
        """Record one event of a run; events that only tell of progress are not kept."""
        with self._begin() as connection:
            match event:
                case SweepProgress(done=done, cursor=cursor):
                    _update_run(connection, run_id, cursor=cursor, targets=done)
                case TargetFound(target=target):
                    _put(connection, run_id, target, {"host": target.host})
                case ServiceJudged(service=service):
                    body = _service_type.dump_python(service, mode="json")
                    _put(connection, run_id, service.target, {"service": body})
                case ExposureRated(exposure=exposure):
                    service = exposure.service
                    _put(
                        connection,
                        run_id,
                        service.target,
                        {
                            "service": _service_type.dump_python(service, mode="json"),
                            "exposure": _exposure_type.dump_python(exposure, mode="json"),
                        },
                    )
                    _spend(connection, run_id, exposure)
                case PeopleCounted(people=people):
                    body = _people_type.dump_python(people, mode="json")
                    _update_run(connection, run_id, people=body)
                case Failed(error=error):
                    body = _error_type.dump_python(error, mode="json")
                    connection.execute(_error.insert().values(run=run_id, body=body))
                case Finished(complete=complete):
                    _update_run(
                        connection, run_id, complete=complete, finished=_naive(datetime.now(UTC))
                    )

    def runs(self) -> list[tuple[str, datetime, bool]]:
        """Id, start and completeness of every run, newest first."""
        with self._begin() as connection:
            rows = connection.execute(
                sa.select(_run.c.id, _run.c.started, _run.c.complete).order_by(
                    _run.c.started.desc(), _run.c.id.desc()
                )
            )
            return [(r.id, r.started.replace(tzinfo=UTC), bool(r.complete)) for r in rows]

    def find(self, name: str) -> str:
        """The id of the run that `name` means: an id, the beginning of one, or `last`."""
        ids = [run_id for run_id, _, _ in self.runs()]
        if not ids:
            raise UsageError("the record holds no run yet; make one with: leftopen scan …")
        if name == "last":
            return ids[0]
        hits = [i for i in ids if i == name] or [i for i in ids if name and i.startswith(name)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise UsageError(f"{name!r} could be {len(hits)} runs; write more of the id")
        raise UsageError(f"the record holds no run {name!r}; the newest is {ids[0]}")

    def load(self, run_id: str) -> Run:
        """The run with all that is known of it, for a report."""
        with self._begin() as connection:
            row = connection.execute(sa.select(_run).where(_run.c.id == run_id)).one()
            targets = list(
                connection.execute(
                    sa.select(_target)
                    .where(_target.c.run == run_id, _target.c.service.is_not(None))
                    .order_by(_target.c.address, _target.c.port)
                )
            )
            errors = connection.execute(
                sa.select(_error.c.body).where(_error.c.run == run_id).order_by(_error.c.id)
            ).scalars()
            return Run(
                id=row.id,
                started=row.started.replace(tzinfo=UTC),
                finished=row.finished.replace(tzinfo=UTC) if row.finished else None,
                version=row.version,
                host=row.host,
                scope=row.scope,
                complete=bool(row.complete),
                services=tuple(_service_type.validate_python(t.service) for t in targets),
                exposures=tuple(
                    _exposure_type.validate_python(t.exposure) for t in targets if t.exposure
                ),
                errors=tuple(_error_type.validate_python(body) for body in errors),
                targets=row.targets,
                people=_people_type.validate_python(row.people) if row.people else None,
            )

    def earlier(self, exposure: str, before: str) -> Profile | None:
        """The profile that the latest run but `before` shows of a store, by the exposure's id.

        Of a run that could count its people, if there is one: another shows nothing that could be
        subtracted.
        """
        with self._begin() as connection:
            return _earlier(connection, exposure, before)

    def epsilon_left(self, exposure: str) -> float:
        """What releases of a store's composition may still cost."""
        with self._begin() as connection:
            spent = connection.execute(
                sa.select(sa.func.sum(_ledger.c.epsilon)).where(_ledger.c.exposure == exposure)
            ).scalar()
            return max(0.0, round(EPSILON - (spent or 0.0), 9))

    def unfinished(self, run_id: str) -> Unfinished:
        """What a resumed run has yet to do."""
        run = self.load(run_id)
        with self._begin() as connection:
            row = connection.execute(
                sa.select(_run.c.request, _run.c.cursor).where(_run.c.id == run_id)
            ).one()
            waiting = connection.execute(
                sa.select(_target.c.address, _target.c.port, _target.c.host).where(
                    _target.c.run == run_id, _target.c.service.is_(None)
                )
            )
            to_judge = tuple(Target(ip_address(t.address), t.port, t.host) for t in waiting)
        rated = {
            (e.service.address, e.service.port) for e in run.exposures if not e.profile.broken_off
        }
        return Unfinished(
            run=run,
            request=row.request,
            cursor=row.cursor,
            to_judge=to_judge,
            to_profile=tuple(
                s for s in run.services if s.exposed and (s.address, s.port) not in rated
            ),
        )


def _put(connection: Connection, run_id: str, target: Target, values: Mapping[str, Any]) -> None:
    key = {"run": run_id, "address": str(target.address), "port": target.port}
    same = sa.and_(*(_target.c[name] == value for name, value in key.items()))
    if connection.execute(sa.update(_target).where(same).values(**values)).rowcount == 0:
        connection.execute(_target.insert().values(**key, **values))


def _earlier(connection: Connection, exposure: str, before: str) -> Profile | None:
    engine = _target.c.service["engine"].as_string()
    rows = connection.execute(
        sa.select(_run.c.id, engine.label("engine"), _target.c.address, _target.c.port)
        .join(_run, _run.c.id == _target.c.run)
        .where(_run.c.id != before, _target.c.exposure.is_not(None))
        .order_by(_run.c.started.desc(), _run.c.id.desc())
    ).all()
    latest: Profile | None = None
    for row in rows:
        if exposure_id(row.engine, row.address, row.port) != exposure:
            continue
        body = connection.execute(
            sa.select(_target.c.exposure).where(
                _target.c.run == row.id,
                _target.c.address == row.address,
                _target.c.port == row.port,
            )
        ).scalar_one()
        found = _exposure_type.validate_python(body).profile
        if found.complete and found.people is not None:
            return found
        latest = latest or found
    return latest


def _spend(connection: Connection, run_id: str, exposure: Exposure) -> None:
    """Enter what a release of a store's composition cost; what is shown again costs nothing.

    A new release may come to the same shares by chance: it is shown again only where all of the
    profile is.
    """
    profile = exposure.profile
    cost = sum(one.epsilon for one in profile.composition)
    shown = _earlier(connection, exposure.id, run_id) if profile.unchanged else None
    if cost and (shown is None or shown.composition != profile.composition):
        now = _naive(datetime.now(UTC))
        connection.execute(
            _ledger.insert().values(exposure=exposure.id, run=run_id, epsilon=cost, at=now)
        )


def _update_run(connection: Connection, run_id: str, **values: Any) -> None:
    connection.execute(sa.update(_run).where(_run.c.id == run_id).values(**values))


def _naive(moment: datetime) -> datetime:
    """UTC without a zone: what every database keeps alike."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _make_private(path: Path) -> None:
    """The file exists and only its owner may read it, before a byte is written to it."""
    if str(path) == ":memory:":
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _sqlite_settings(connection: Any, _: Any) -> None:
    """Readers and a writer side by side; a killed process loses nothing that was committed."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    """Bring the schema to HEAD. Alembic is loaded only where there is something to do.

    One process at a time: of two that open a new record together, the second finds it made.
    """
    if _revision(connection) == HEAD:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # waits for whoever is at it
    now = _revision(connection)
    if now == HEAD:
        return
    if now is not None and now > HEAD:
        raise UsageError("the record was written by a newer leftopen; update this one")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "leftopen:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    """The schema's revision, None where there is none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    told = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if told is None else str(told)
