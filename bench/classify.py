"""How fast and how right the classifier is, beside its peers. Run: python -m bench.classify

One run on one core: machine, speed, memory, accuracy on labelled tables, calibration. With --peers
the classifiers installed there by bench/peers/install.sh get the same columns on the same core.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench import pace, real, scoring
from bench.labelled import Label, Labelled
from bench.labelled.build import tables as own_tables
from bench.peers import ask
from bench.scoring import Answer, Score
from leftopen.classifier import classify
from leftopen.classifier.columns import leaves

IMAGE = Path(__file__).parent.parent / "docs" / "images" / "reliability.svg"
HELD = "real schemas, held back"  # nobody looks at the mistakes made in these
FEW = 5  # columns: the curve leaves out what rests on fewer
START, END = "<!-- figures: start -->", "<!-- figures: end -->"


@dataclass
class Report:
    """What is printed and written: headings, tables, lines."""

    blocks: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def say(self, text: str) -> None:
        self.blocks.append(text)
        print(text, flush=True)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """As Markdown; the first column is text, the others are numbers."""
        rows = [list(head), *map(list, rows)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = []
        for number, row in enumerate(rows):
            cells = [
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(f"| {' | '.join(cells)} |")
            if number == 0:
                rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
                lines.append(f"| {' | '.join(rule)} |")
        self.say("\n".join(lines))


def one_core() -> None:
    """Binds this process and whatever it starts to one core."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"):
        os.environ[name] = "1"
    pa.set_cpu_count(1)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return (
        f"{cpu}, one core of {os.cpu_count()}, Python {platform.python_version()}, "
        f"pyarrow {pa.__version__}, load {os.getloadavg()[0]:.1f}"
    )


# -------------------------------------------------------------------------------------- speed


def tell_speed(report: Report, rows: int, folder: Path | None) -> None:
    table = pace.mixed(rows)
    report.say(
        f"### Speed\n\n{pace.COLUMNS} columns x {rows:,} rows = {pace.values_of(table):,} values, "
        f"{pace.mean_bytes(table):.1f} bytes a value as text."
    )
    ours, ceiling = pace.classify_rate(table), pace.mask_ceiling(table)
    lines = [
        ("leftopen.classify, every value", f"{ours:,.0f}", ""),
        ("ceiling: bytes masked, masks counted", f"{ceiling:,.0f}", f"{ours / ceiling:.3f}"),
    ]
    rates: dict[str, float] = {}
    for where, peer in _peers(folder):
        some = table.slice(0, ask.SPEED_ROWS.get(peer, 500))
        reply = ask.ask(where, peer, list(_columns(some, len(some)).values()))
        rates[peer] = reply.values_per_second
        named = f"{peer} ({len(some)} rows; {reply.note})"
        lines.append((named, f"{rates[peer]:,.0f}", f"{ours / rates[peer]:,.0f}"))
    report.table(("", "values/s", "leftopen's ratio"), lines)
    if rates:
        fastest = max(rates, key=lambda peer: rates[peer])
        report.say(f"Fastest peer: {fastest}; leftopen is {ours / rates[fastest]:,.0f} times that.")
    report.say("### Memory\n\nMiB at most resident, in fresh processes.")
    peaks = pace.peaks(table)
    report.table(
        ("", "before any data", "at most"),
        [(name, f"{before:,.0f}", f"{peak:,.0f}") for name, (before, peak) in peaks.items()],
    )
    report.figures["speed"] = {"leftopen": ours, "ceiling": ceiling, **rates}
    report.figures["memory"] = peaks


def _columns(table: pa.Table, most: int) -> dict[str, ask.Column]:
    """The leaves as the peers get them: the first values that hold something, as text."""
    found: dict[str, ask.Column] = {}
    for batch in table.combine_chunks().to_batches():
        for leaf in leaves(batch):
            values: list[str] = []
            for value in leaf.values:
                if len(values) == most:
                    break
                text = _text(value.as_py())
                if text.strip():
                    values.append(text)
            found[leaf.path] = ask.Column(leaf.path.removesuffix("[]"), values)
    return found


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# ----------------------------------------------------------------------------------- accuracy


def corpora() -> Iterator[tuple[str, list[Labelled]]]:
    """The labelled tables by where they come from; those of others where they were fetched."""
    yield "tables made here", list(own_tables())
    try:
        yield "real schemas, looked at", list(real.tables("tune"))
        yield HELD, list(real.tables("held"))
    except FileNotFoundError as why:
        print(f"real schemas are left out: {why}")


def our_answers(labelled: Iterable[Labelled]) -> list[Answer]:
    found = []
    for one in labelled:
        fields = classify(one.table, one.name).fields
        if missing := set(one.labels) - set(fields):
            raise SystemExit(f"{one.name}: no field {sorted(missing)}; there are {sorted(fields)}")
        for path, label in one.labels.items():
            f = fields[path]
            found.append(
                Answer(one.name, path, label, (f.family,), f.kind, f.confidence, f.evidence)
            )
    return found


def peer_answers(folder: Path, peer: str, labelled: Iterable[Labelled]) -> list[Answer]:
    most = ask.SAMPLES.get(peer, ask.MANY)
    asked: list[tuple[str, str, Label]] = []
    columns: list[ask.Column] = []
    for one in labelled:
        held = _columns(one.table, most)
        for path, label in one.labels.items():
            column = held.get(path)
            if column is not None and column.values:
                asked.append((one.name, path, label))
                columns.append(column)
    reply = ask.ask(folder, peer, columns)
    return [
        Answer(table, path, label, families)
        for (table, path, label), families in zip(asked, reply.families, strict=True)
    ]


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %"


_FIGURES: tuple[tuple[str, Callable[[Score], float]], ...] = (
    ("precision", lambda s: s.precision),
    ("recall", lambda s: s.recall),
    ("F1", lambda s: s.f1),
    ("no telling name, right", lambda s: s.untold),
    ("of these personal, right", lambda s: s.untold_personal),
    ("not personal, called so", lambda s: s.called_personal),
    ("country of an id", lambda s: s.country),
)


def _peers(folder: Path | None) -> list[tuple[Path, str]]:
    """The peers installed in the folder, if one was given, with it."""
    return [(folder, peer) for peer in ask.installed(folder)] if folder else []


def tell_accuracy(report: Report, folder: Path | None) -> dict[str, list[Answer]]:
    answers: dict[str, list[Answer]] = {}
    for name, labelled in corpora():
        ours = answers[name] = our_answers(labelled)
        scores = {"leftopen": scoring.score(ours)}
        for where, peer in _peers(folder):
            scores[peer] = scoring.score(peer_answers(where, peer, labelled))
        report.say(
            f"### Accuracy: {name}\n\n{len(labelled):,} tables, {len(ours):,} labelled columns, "
            f"{sum(not a.label.telling for a in ours):,} of them without a telling name, "
            f"{sum(a.label.family == 'none' for a in ours):,} not personal."
        )
        # The peers know no countries of ids: the last figure is ours alone.
        report.table(
            ("", *scores),
            [
                (title, *(_figure(title, peer, get(s)) for peer, s in scores.items()))
                for title, get in _FIGURES
            ],
        )
        report.say("By family:")
        report.table(
            ("family", "columns", "precision", "recall"),
            [
                (family, f"{count:,}", _percent(precise), _percent(recalled))
                for family, (count, precise, recalled) in scoring.by_family(ours).items()
            ],
        )
        report.figures[name] = {peer: asdict(s) | {"f1": s.f1} for peer, s in scores.items()}
    return answers


def _figure(title: str, peer: str, share: float) -> str:
    return "–" if title.startswith("country") and peer != "leftopen" else _percent(share)


def tell_calibration(report: Report, answers: Mapping[str, Sequence[Answer]]) -> str:
    """The tables; returns the picture, of the schemas held back where they are there."""
    report.say("### Calibration\n\nColumns called personal, by confidence.")
    everything = {"all labelled tables": [one for some in answers.values() for one in some]}
    fair = {name: some for name, some in answers.items() if name == HELD}
    picture = ""
    for name, some in {**everything, **fair}.items():
        bins, error = scoring.reliability(some)
        report.say(f"{name.capitalize()}: expected calibration error {error:.3f}.")
        report.table(
            ("confidence", "columns", "mean confidence", "right"),
            [
                (
                    f"{b.low:.2f}–{b.high:.2f}", f"{b.count:,}", f"{b.confidence:.3f}",
                    _percent(b.right),
                )
                for b in bins
            ],
        )  # fmt: skip
        key = "calibration" if name in everything else "calibration, held back"
        report.figures[key] = {"error": error, "bins": [asdict(b) for b in bins]}
        picture = scoring.picture([b for b in bins if b.count >= FEW], error)
    return picture


def mistakes(answers: Iterable[Answer]) -> list[dict[str, object]]:
    """Ours that are wrong; those that are made most often first. Names and reasons, no value."""
    wrong = [a for a in answers if not a.right]
    often = Counter((a.label.family, a.got) for a in wrong)
    wrong.sort(key=lambda a: (-often[a.label.family, a.got], a.label.family, a.got, a.path))
    return [
        {
            "label": a.label.family, "got": a.got, "kind": a.kind, "table": a.table,
            "path": a.path, "telling": a.label.telling, "confidence": a.confidence, "why": a.why,
        }
        for a in wrong
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.classify", description=__doc__)
    parser.add_argument("--peers", type=Path, help="folder that install.sh filled")
    parser.add_argument("--rows", type=int, default=pace.ROWS, help="of the table for speed")
    parser.add_argument("--only", choices=("speed", "accuracy"), help="leave out the other")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--mistakes", type=Path, help="write our mistakes there, as JSON")
    parser.add_argument("--write", type=Path, help="put the figures into this Markdown file")
    given = parser.parse_args()
    one_core()
    report = Report()
    report.say(machine())
    if given.only != "accuracy":
        tell_speed(report, given.rows, given.peers)
    if given.only != "speed":
        answers = tell_accuracy(report, given.peers)
        everything = [a for some in answers.values() for a in some]
        image = tell_calibration(report, answers)
        wrong = sum(not a.right for a in everything)
        report.say(f"{wrong:,} of {len(everything):,} columns wrong.")
        if given.mistakes:
            shown = [a for name, some in answers.items() if name != HELD for a in some]
            given.mistakes.write_text(json.dumps(mistakes(shown), ensure_ascii=False, indent=1))
        if given.write:
            IMAGE.write_text(image, encoding="utf-8")
    if given.json:
        given.json.write_text(json.dumps(report.figures, indent=1))
    if given.write:
        text = given.write.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        _, _, after = rest.partition(END)
        body = "\n\n".join(report.blocks)
        given.write.write_text(f"{before}{START}\n{body}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
