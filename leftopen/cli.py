"""The command line. Results go to standard output, progress to standard error."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leftopen import __version__, clusters, exitcode, imports, report, scope_file
from leftopen.budget import StoreLimits
from leftopen.config import Measuring, Settings, defaults_of
from leftopen.discover import Plan, parse_ports, plan, within
from leftopen.engines import all_engines
from leftopen.errors import LeftopenError, ScopeRefused, UsageError
from leftopen.model import Profile, Run
from leftopen.net.resolve import resolve
from leftopen.progress import Finished, Listener, Silence
from leftopen.scanner import Beginning, default_ports, scan
from leftopen.scope import Scope
from leftopen.store import Store
from leftopen.terminal import TerminalListener

_FILE = Path("leftopen.toml")
_DEEP_MIB, _DEEP_SECONDS = 1024, 900.0  # that a store may cost with --deep
_EPSILON = 1.0  # privacy loss of one release of a store's composition
_T = TypeVar("_T")


class _Cli(click.Group):
    """Turns leftopen's errors, and click's, into one clear line and their exit code."""

    def main(  # type: ignore[override]  # click would print several lines and exit in its own way
        self, args: Sequence[str] | None = None, prog_name: str | None = None
    ) -> NoReturn:
        code: object
        try:
            code = super().main(args, prog_name, standalone_mode=False)
        except click.exceptions.Exit as done:
            code = done.exit_code
        except click.Abort:
            code = exitcode.INCOMPLETE
        except click.exceptions.NoArgsIsHelpError as help_:
            click.echo(help_.format_message(), err=True)
            code = exitcode.USAGE
        except click.ClickException as error:
            _complain(error.format_message())
            code = exitcode.USAGE
        except UsageError as error:
            _complain(str(error))
            code = exitcode.USAGE
        except LeftopenError as error:
            _complain(str(error))
            code = exitcode.ERROR
        except BrokenPipeError:  # the reader of our output went away: nothing left to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = exitcode.ERROR
        except Exception as error:  # a fault of ours: one line as well, and no value in it
            _complain(f"this is a fault in leftopen ({_place_of(error)}); please report it")
            code = exitcode.ERROR
        sys.exit(code if isinstance(code, int) else exitcode.OK)


def _place_of(error: Exception) -> str:
    """What kind of error it was and where it came from: for a report, without its text."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _complain(text: str) -> None:
    line = report.plain(" ".join(text.split()))
    click.echo(f"leftopen: {line}", err=True)


@click.group(
    cls=_Cli, context_settings={"auto_envvar_prefix": "LEFTOPEN", "max_content_width": 100}
)
@click.version_option(__version__, message="leftopen %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Find datastores left open on networks you may audit, and say whose lives are in them.

    leftopen never writes to a store, tries no credential, leaves its scope for nothing, and keeps
    no person's data. Exit codes of scan: 0 nothing open, 1 error, 2 usage or scope refused,
    3 nothing answered, 4 incomplete, 11 to 14 the worst severity found (low to very high).
    """
    context.default_map = _defaults(defaults_of(_FILE))


def _defaults(tables: dict[str, Any]) -> dict[str, Any]:
    """The file's tables as click wants them; refuses what no command and no option is called."""
    for name, table in tables.items():
        command = main.commands.get(name)
        if command is None or not isinstance(table, dict):
            raise UsageError(
                f"{_FILE}: [{name}] is no table of leftopen's; write [scope] or [scan]"
            )
        known = [p.name for p in command.params if isinstance(p, click.Option) and p.name]
        for key in table:
            if key.replace("-", "_") not in known:
                raise UsageError(
                    f"{_FILE}: [{name}] has no {key!r}; it may hold {', '.join(known)}"
                )
    return {
        name: {key.replace("-", "_"): value for key, value in table.items()}
        for name, table in tables.items()
    }


_FORMAT = click.option("--format", default="table", metavar="FORMAT", show_default=True,
                       help="table, json or html")  # fmt: skip
_OUTPUT = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
                       help="write the report to this file instead of standard output")  # fmt: skip


@main.command("scan")
@click.argument("targets", nargs=-1, metavar="[TARGET …]")
@click.option(
    "--scope",
    type=click.Path(path_type=Path),
    help="the scope file; without it ./leftopen.toml, else this machine's loopback",
)
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="take targets from a file of nmap, masscan, naabu or zmap, or a list (- is standard "
    "input), or from the cluster you administer: kubernetes, docker (repeatable)",
)
@click.option("--ports", help="ports to try, as 6379,9200-9300; default: those of all engines")
@click.option("--engine", multiple=True, help="ask for this engine only (repeatable)")
@_FORMAT
@_OUTPUT
@click.option(
    "--fail-on",
    type=click.Choice(exitcode.BANDS),
    default="low",
    show_default=True,
    help="the least severity that sets the exit code",
)
@click.option("--exit-zero", is_flag=True, help="findings give exit code 0")
@click.option(
    "--resume", metavar="RUN", help="go on with an earlier run that was stopped, as it was set"
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1),
    default=1000.0,
    show_default=True,
    help="connections a second in all",
)
@click.option(
    "--host-rate",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="connections a second to one host",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.05, max=60),
    default=1.5,
    show_default=True,
    help="seconds to wait for a connection",
)
@click.option(
    "--store-seconds",
    type=click.FloatRange(min=1, max=3600),
    default=60.0,
    show_default=True,
    help="seconds that reading one store may take",
)
@click.option(
    "--store-mib",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="MiB that may be read from one store",
)
@click.option("--rows", type=click.IntRange(1, 100_000), default=200, show_default=True,
              help="rows that are sampled from one collection")  # fmt: skip
@click.option("--deep", is_flag=True,
              help="count people by reading the fields that tell them apart of every record; "
              "allows 1024 MiB and 900 seconds for a store unless --store-mib or --store-seconds "
              "say otherwise")  # fmt: skip
@click.option("--composition", is_flag=True,
              help="tell the shares of groups in fields of special category, with differential "
              "privacy")  # fmt: skip
@click.option("--threshold", type=click.IntRange(5, 20), default=10, show_default=True,
              help="people below which nothing is told of a group")  # fmt: skip
@click.pass_context
def scan_command(
    context: click.Context,
    targets: tuple[str, ...], scope: Path | None, sources: tuple[str, ...], ports: str | None,
    engine: tuple[str, ...], format: str, output: Path | None, fail_on: Any, exit_zero: bool,
    resume: str | None, rate: float, host_rate: float, timeout: float, store_seconds: float,
    store_mib: int, rows: int, deep: bool, composition: bool, threshold: int,
) -> int:  # fmt: skip
    """Look for open datastores at TARGETs: addresses, networks, names; each may carry a :port.

    Loopback needs no scope file; any other address does. Progress is shown on a terminal only.
    """
    render = report.renderer(format)
    _check_writable(output)
    if deep:
        store_mib = _unless_said(context, "store_mib", store_mib, _DEEP_MIB)
        store_seconds = _unless_said(context, "store_seconds", store_seconds, _DEEP_SECONDS)
    limits = StoreLimits(bytes=store_mib << 20, seconds=store_seconds, rows=rows)
    measuring = Measuring(deep, _EPSILON if composition else None, threshold)
    settings = Settings(rate, host_rate, timeout, limits=limits, measuring=measuring)
    permitted = _scope(scope)
    record = Store()
    try:
        if resume is not None:
            if targets or sources:
                raise UsageError("--resume goes on with the targets of its run; name no others")
            work = _Work.resumed(record, record.find(resume), permitted)
        else:
            usual = default_ports(engine)  # refuses an unknown engine before a run is begun
            chosen = parse_ports(ports) if ports else usual
            wanted = [*targets, *_imported(sources, permitted)]
            what = plan(permitted, wanted, chosen, resolve)
            work = _Work.new(record, permitted, what, settings, engine)
        run = work.do()
        _write(render(run, _console(output)), output)
        if not run.complete:
            _complain(
                f"stopped; what was found is kept. Go on with: leftopen scan --resume {run.id}"
            )
        return exitcode.of(run, fail_on=fail_on, exit_zero=exit_zero)
    finally:
        record.close()


def _unless_said(context: click.Context, option: str, said: _T, otherwise: _T) -> _T:
    """What the user said of an option, or something else where he said nothing."""
    default = context.get_parameter_source(option) is click.core.ParameterSource.DEFAULT
    return otherwise if default else said


def _imported(sources: Sequence[str], scope: Scope) -> list[str]:
    """The targets that these sources name, without those outside the scope, which are counted."""
    if "-" in sources and sys.stdin is None:
        raise UsageError("standard input is closed; name a file")
    readers = {
        "-": lambda: imports.read(sys.stdin.buffer, "standard input"),
        "kubernetes": clusters.of_kubernetes,
        "docker": clusters.of_docker,
    }
    found = [t for s in sources for t in readers.get(s, lambda s=s: imports.read_file(Path(s)))()]
    inside, outside, nowhere = within(scope, found, resolve)
    if nowhere:
        _complain(
            f"{len(nowhere)} of {len(found)} names have no address here and are left out, "
            f"{nowhere[0]!r} the first"
        )
    if outside:
        _complain(
            f"{len(outside)} of {len(found)} targets are not in the scope and are left out, "
            f"{outside[0]!r} the first; name them under [scope] targets if they are meant"
        )
    if found and not inside:
        raise ScopeRefused("nothing of what was found elsewhere is in the scope")
    return inside


class _Shown:
    """What the record's other runs have shown of a store."""

    def __init__(self, record: Store, run_id: str) -> None:
        self._record, self._run_id = record, run_id

    def earlier(self, exposure: str) -> Profile | None:
        return self._record.earlier(exposure, self._run_id)

    def epsilon_left(self, exposure: str) -> float:
        return self._record.epsilon_left(exposure)


class _Work:
    """One run of a scan, begun or gone on with, tied to its record and its listener."""

    def __init__(
        self,
        record: Store,
        run_id: str,
        scope: Scope,
        what: Plan,
        settings: Settings,
        engines: Sequence[str],
        beginning: Beginning,
    ) -> None:
        self._record, self._run_id = record, run_id
        self._arguments = (scope, what)
        self._options: dict[str, Any] = {
            "settings": settings,
            "engines": engines or None,
            "seed": int(run_id, 16),
            "beginning": beginning,
            "history": _Shown(record, run_id),
        }

    @classmethod
    def new(
        cls,
        record: Store,
        scope: Scope,
        what: Plan,
        settings: Settings,
        engines: Sequence[str],
    ) -> _Work:
        run = Run(
            id=secrets.token_hex(6),
            started=datetime.now(UTC),
            finished=None,
            version=__version__,
            host=platform.node(),
            scope={"owner": scope.owner, "reference": scope.reference, "sha256": scope.sha256},
            complete=False,
        )
        request = {"plan": what.to_dict(), "settings": settings.to_dict(), "engines": list(engines)}
        record.start(run, request)
        return cls(record, run.id, scope, what, settings, engines, Beginning())

    @classmethod
    def resumed(cls, record: Store, run_id: str, scope: Scope) -> _Work:
        """The same run again: same plan and settings, under a scope that must still allow it."""
        left = record.unfinished(run_id)
        if left.run.complete and not left.to_profile:
            raise UsageError(f"run {run_id} is complete; print it with: leftopen report {run_id}")
        if left.run.scope["sha256"] != scope.sha256:
            raise UsageError(
                f"run {run_id} was made under another scope; give the same scope file, unchanged"
            )
        beginning = Beginning(
            cursor=left.cursor,
            to_judge=left.to_judge,
            to_profile=left.to_profile,
            judged=frozenset(s.target for s in left.run.services),
            people={e.id: e.profile.people for e in left.run.exposures if e.profile.people},
        )
        told = left.request
        what = Plan.from_dict(told["plan"])
        settings = Settings.from_dict(told["settings"])
        return cls(record, run_id, scope, what, settings, told["engines"], beginning)

    def do(self) -> Run:
        """Scan to the end or to Ctrl-C; either way the run as it now stands in the record."""
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            if sys.stderr.isatty():
                with TerminalListener(Console(stderr=True)) as listener:
                    asyncio.run(self._events(listener))
            else:
                asyncio.run(self._events(Silence()))
        run = self._record.load(self._run_id)
        if not run.complete:
            self._record.keep(self._run_id, Finished(complete=False))
        return self._record.load(self._run_id)

    async def _events(self, listener: Listener) -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with contextlib.aclosing(scan(*self._arguments, **self._options)) as events:
            async for event in events:
                self._record.keep(self._run_id, event)
                listener.on(event)


@main.command("report")
@click.argument("run", metavar="RUN")
@_FORMAT
@_OUTPUT
def report_command(run: str, format: str, output: Path | None) -> int:
    """Print a recorded run again. RUN is its id, the beginning of it, or `last`."""
    render = report.renderer(format)
    _check_writable(output)
    record = Store()
    try:
        _write(render(record.load(record.find(run)), _console(output)), output)
    finally:
        record.close()
    return exitcode.OK


@main.command("demo")
@click.option("--keep", is_flag=True, help="leave the servers and the record standing")
@click.option("--stop", is_flag=True, help="stop the servers that --keep left standing")
@click.option("-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path),
              default=Path("leftopen-demo"), show_default=True,
              help="the folder for the reports and the demo's own record")  # fmt: skip
def demo_command(keep: bool, stop: bool, folder: Path) -> int:
    """Start real servers with an invented town in them, left open; scan them; report."""
    from leftopen import demo

    if stop:
        return demo.stop(Console(), folder=folder)
    return demo.run(Console(), keep=keep, folder=folder)


@main.command("classify")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR …",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--format", type=click.Choice(["table", "json"]), default="table",
              show_default=True)  # fmt: skip
@_OUTPUT
@click.option("--why", is_flag=True, help="say why each field was given its kind")
@click.option("--rows", type=click.IntRange(1), help="look at this many rows of a table, no more")
def classify_command(
    paths: tuple[Path, ...], format: str, output: Path | None, why: bool, rows: int | None
) -> int:
    """Say which personal data the files and dumps at hand hold; values never leave them.

    Parquet, Arrow, CSV, JSON, BSON, SQLite, SQL dumps; packed by gzip, zstd, bz2, xz, zip, tar.
    Exit codes: 0 all was read, 1 nothing could be read, 2 usage, 4 something could not be read.
    """
    from leftopen import classify_files as files

    _check_writable(output)
    result = files.with_progress(paths, rows, Console(stderr=True))
    _write(files.rendered(result, format, _console(output), why=why), output)
    return files.exit_code(result)


@main.command("kinds")
@click.option("--family", default="", help="only the kinds of this family")
@click.option("--format", type=click.Choice(["table", "json", "markdown"]), default="table",
              show_default=True)  # fmt: skip
def kinds_command(family: str, format: str) -> None:
    """List the kinds of personal data that leftopen knows, and how each is recognised."""
    from leftopen import kinds

    some = kinds.listed(family)
    if format == "table":
        Console().print(kinds.as_table(some))
    else:
        click.echo(kinds.as_json(some) if format == "json" else kinds.as_markdown(some), nl=False)


@main.command("engines")
@click.option("--format", type=click.Choice(["table", "json", "markdown"]), default="table",
              show_default=True)  # fmt: skip
def engines_command(format: str) -> None:
    """List the datastores that leftopen knows, what it reads of each, and how that was verified."""
    from leftopen import engines_listed as listed

    some = all_engines().values()
    if format == "table":
        Console().print(listed.as_table(some))
    else:
        text = listed.as_json(some) if format == "json" else listed.as_markdown(some)
        click.echo(text, nl=False)


@main.command("doctor")
def doctor_command() -> int:
    """Say what can be done on this machine, and whether leftopen's own record is left open.

    Exits with 1 where the record can be read by others.
    """
    from leftopen import doctor

    findings = asyncio.run(doctor.examine())
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        style = {True: "green", False: "bold red", None: ""}[finding.well]
        text = Text(report.plain(finding.text, 500), style=style)
        table.add_row(Text(report.plain(finding.about), style="cyan"), text)
    Console().print(table)
    exposed = any(f.about == "record" and f.well is False for f in findings)
    return exitcode.ERROR if exposed else exitcode.OK


def _scope(file: Path | None) -> Scope:
    if file is None and scope_file.in_file(_FILE):
        file = _FILE
    return scope_file.load(file, resolve) if file is not None else Scope.loopback()


def _console(output: Path | None) -> Console:
    """The console a table is drawn for; a file gets no colours."""
    return Console(no_color=True, width=100) if output else Console()


def _check_writable(output: Path | None) -> None:
    """Fail before the scan, not after it."""
    if output is not None and not os.access(output.parent, os.W_OK):
        raise UsageError(f"{output}: its folder does not exist or cannot be written; name another")


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror}); name another") from None
