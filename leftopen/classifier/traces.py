"""Ways of persons through time: a person's or device's key, a time and a place stand together.

Called when every field has been judged by itself. Adds positions that no name tells of (pairs.py),
makes traces of positions that stand with a key and a time, and then takes for places the ids of
what locates a person: cell towers, cameras, gates, stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leftopen.classifier import names, pairs
from leftopen.classifier.catalogue import BY_ID, KINDS, Kind
from leftopen.classifier.context import Surroundings
from leftopen.classifier.counts import Counts
from leftopen.classifier.decide import Candidate
from leftopen.classifier.names import Reading

_KEYS = frozenset(
    {"person_id", "device_id", "vehicle", "gov_id", "phone", "email", "username", "name"}
    | {"face_embedding", "social_account", "card"}
)
# What stands in a register of persons, and not in a record of where they were.
_REGISTERED = frozenset({"birth_date", "address", "marital", "gender"})
_TRACE = {kind.becomes: kind for kind in KINDS if kind.becomes}
_PLACES = tuple(k for k in KINDS if k.family == "location_trace" and not k.becomes)
_LIFETIME = frozenset({"birth_date", "death_date", "age", "card", "phone", "gov_id", "person_id"})
_PLACE_WORDS = frozenset({"locality", "place_label", "address"})
_SAID = "a key of a person or device and a time stand beside it"

# Words for the time at which something was observed, beyond those that names.is_time knows.
TIMES = frozenset(
    names.fold(
        "tstamp datum zeitpunkt erfasst aufgenommen aufgezeichnet messzeit momento marca registro"
        " observado capturado horario momentul instant relevé enregistré horodate orario rilevato"
        " waktu jam tanggal tercatat zaman tarih saat kayit vremya время дата момент зафиксировано"
        " czas godzina znacznik samay समय तारीख दिनांक وقت الوقت زمن تاريخ waqt tarikh kj gpstime"
        " fixtime loctime devicetime passtime collecttime capturetime gcsj cjsj dwsj jlsj zpsj dksj"
        " sbsj jgsj tijdstempel moment checkin checked tap tapped swipe swiped scanned entered"
        " exited arrived departed arrival departure visited visit passage crossing entry exit"
        " pinged heartbeat call answered dialled started"
    ).split()
)
TIMES_EAST = ("时间", "时刻", "日時", "時刻", "時間", "시각", "일시", "시간")
# Words for the times of a record or a person, not of an observation.
_NOT_TIMES = frozenset(
    names.fold(
        "created updated modified birth born dob deleted expires expiry registered registration"
        " signup joined hired inserted loaded import imported issue issued valid uploaded changed"
        " erstellt geändert angelegt creado actualizado criado cree modifie creato aggiornato"
        " dibuat sozdano olusturma utworzono duration count opening closing delta elapsed"
    ).split()
)
_NOT_TIMES_EAST = names.fold("创建 更新 注册 出生 修改 删除 作成 登録 생성 등록 생년").split()


def follow(
    chosen: Mapping[str, Candidate],
    counts: Mapping[str, Counts],
    readings: Mapping[str, Reading],
    around: Surroundings,
) -> dict[str, Candidate]:
    """What the fields are once their neighbours are seen together: positions and traces.

    Gives only the fields that change; `counts` are in order of the columns.
    """
    added = pairs.beside(chosen, counts, readings, around)
    everything = {**chosen, **added}
    families = frozenset(c.kind.family for c in everything.values())
    if not families & _KEYS:
        return added
    positions = {p: c for p, c in everything.items() if c.kind.family == "gps"}
    places = _places(everything, counts, readings)
    if not (positions or places):
        return added
    mute = not families & _REGISTERED
    if not any(_timed(path, one, mute, everything.get(path)) for path, one in counts.items()):
        return added
    for path, one in positions.items():
        sure = 0.93 if one.naming else one.confidence  # unnamed ones are no surer for the time
        added[path] = replace(
            one.at(max(one.confidence, sure), _SAID), kind=_trace_of(one.kind), spoken=True
        )
    return {**added, **places}


def _trace_of(kind: Kind) -> Kind:
    """`gps.lat.scaled` becomes what `gps.lat` becomes; what has no axis is a place in words."""
    name = kind.id
    while name:
        if name in _TRACE:
            return _TRACE[name]
        name = name.rpartition(".")[0]
    return BY_ID["trace.text"]


def _places(
    chosen: Mapping[str, Candidate],
    counts: Mapping[str, Counts],
    readings: Mapping[str, Reading],
) -> dict[str, Candidate]:
    """Ids of what stands at a place, by name: alone they are nobody's.

    Ambiguous names count only where devices or vehicles are followed.
    """
    found: dict[str, Candidate] = {}
    tracked = any(c.kind.family in ("device_id", "vehicle", "phone") for c in chosen.values())
    for path, reading in readings.items():
        one = counts[path]
        for kind in _PLACES:
            naming = reading.namings.get(kind.id)
            if naming is None or not one.values or not _free(chosen.get(path)):
                continue
            typed = sum(one.types[name] for name in kind.types) / one.values
            if typed < 0.5 or (naming.weak and (naming.strength < 1 or not tracked)):
                continue
            said = f"the field's name says {kind.says} ({naming.language}: {naming.word})"
            confidence = 0.75 if naming.weak else 0.85
            found[path] = Candidate(kind, confidence, min(typed, 1.0), (said, _SAID), naming, False)
    return found


def _free(taken: Candidate | None) -> bool:
    """Whether nothing speaks for another kind but values that are words for places."""
    return taken is None or (taken.naming is None and taken.kind.family in _PLACE_WORDS)


def _timed(path: str, counts: Counts, mute: bool, taken: Candidate | None) -> bool:
    """Whether a field holds moments of observation; `mute`: also where its name says nothing."""
    if not counts.values or not _moments(counts):
        return False
    if taken and taken.kind.family in _LIFETIME:
        return False
    leaf = path.rsplit(".", 1)[-1]
    words = frozenset(names.tokens(leaf))
    if words & _NOT_TIMES or any(part in leaf for part in _NOT_TIMES_EAST):
        return False
    if names.is_time(path) or words & TIMES or any(part in leaf for part in TIMES_EAST):
        return True
    return taken is None and mute and pairs.is_mute(path) and _recent(counts)


def _moments(counts: Counts) -> bool:
    met = counts.types["time"] or counts.hits["date"]
    return max(met, counts.hits["epoch"]) * 2 >= counts.values


def _recent(counts: Counts) -> bool:
    """Whether no date lies before 2000: of a nameless column that may be days of birth."""
    decades = {key: total for key, total in counts.hits.items() if key.startswith("decade.")}
    return bool(decades) and all(int(key.split(".")[1]) >= 10 for key in decades)
