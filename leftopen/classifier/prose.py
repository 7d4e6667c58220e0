"""Running text: which values are sentences or notes, and which kinds of data are met inside them.

A value is running text by the look of its words: several, most of them small letters only, few
signs. Log lines, code, SQL, JSON and lists of tags have other looks. Scripts without spaces are
known by the words that sentences are held together with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from leftopen.classifier import inside
from leftopen.classifier.heads import laid_out
from leftopen.classifier.inside_forms import words
from leftopen.classifier.text import Gate, Text, bits

if TYPE_CHECKING:  # counts.py takes this measure
    from leftopen.classifier.counts import Counts

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_LONG = Gate(18, 1 << 30, needs=(bits("letter wide"), bits("space punct wide")))
_SEARCHED = 24  # bytes from which on a value is searched for what it holds
_ANYWAY = 80  # bytes from which a value is searched, running text or not
_PAGE = 120  # bytes from which on a value may be a licence or the like
_WIDE = bits("wide")

_ODD = np.zeros(256, dtype=np.bool_)
_ODD[np.frombuffer(rb"{}[]=|\_<>$%^~*;#&/", dtype=np.uint8)] = True

# Lines that machines write, from their beginning.
_MACHINES = (
    r"^(?:[\[{] ?[\"'{\[0-9]|<\?|<!--|#!|//|/\*|import |package |def |function |const |var |let "
    r"|public |private |#include|return |(?i:select .* from |insert into |update .* set "
    r"|delete from |create |alter |drop |begin;|explain )"
    r"|Traceback |Exception |Caused by|at [a-z]+\.[\w.$]+\(|[A-Za-z.]+(?:Exception|Error)\b"
    r"|[12][0-9]{3}[\-/][01][0-9][\-/][0-3][0-9][T ,][0-2]?[0-9]:"
    r"|\[?[A-Z][a-z]{2} +[0-9]{1,2} [0-2][0-9]:|[0-2][0-9]:[0-5][0-9]:[0-5][0-9][., ]"
    r"|\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL|TRACE|NOTICE|CRITICAL)\b"
    r"|(?:GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS) /|[a-z]+://|Mozilla/|[0-9.]{7,15} - "
    r"|level=|time=|ts=|[a-z_]+\[[0-9]+\]:)"
)
# Texts that nobody wrote about anybody.
_BOILERPLATE = (
    r"(?i)lorem ipsum|dolor sit amet|hereby granted|all rights reserved|as is\"?,? without warrant"
    r"|terms and conditions|licensed under|copyright (?:\(c\)|©|20)|this (?:agreement|license"
    r"|software)"
    r"|hereinafter|pursuant to|the parties agree|liability|allgemeine geschäftsbedingungen"
    r"|版权所有|本协议|用户协议|все права защищены"
)
# Words that hold sentences together and tell who did what: a ware's name has none.
_TELLING = (
    r"(?i)\b(?:i|i'm|i've|he|she|we|they|you|him|her|his|my|our|their|me|us|was|were|is|are|has"
    r"|had"
    r"|have|will|would|did|does|don't|didn't|can|can't|could|should|said|says|asked|called|wants"
    r"|wanted|please|thanks|thank|not|ich|er|sie|wir|ihr|mein|meine|ist|sind|war|hat|haben|wird"
    r"|wurde|nicht|bitte|kann|soll|él|ella|yo|mi|su|se|está|es|fue|ha|tiene|llamó|favor|no|ele|ela"
    r"|eu|meu|minha|foi|está|tem|não|je|il|elle|nous|vous|mon|ma|est|sont|été|pas|n'est|avait"
    r"|merci|lui|io|lei|noi|ho|è|stato|sono|non|che|ik|hij|zij|wij|mijn|niet|heeft|werd|graag"
    r"|jestem|jest|nie|był|była|się|proszę|bir|değil|için|çok|bu|saya|dia|tidak|sudah|akan|yang"
    r"|jag|han|hon|inte|är|har|jeg|hun|ikke|er|blev|hän|minä|ei|oli|on)\b"
)
_WORDY = (  # languages in other scripts that put spaces between words
    r"(?:^|[ ,.])(?:я|он|она|мы|они|вы|мне|ему|ей|им|его|её|ее|не|был|была|было|это|что|как|на"
    r"|по|за|с|и|в"
    r"|у|к"
    r"|від|та|що|є|من|في|على|إلى|لم|لا|أن|كان|كانت|هو|هي|أنا|عن|مع|تم|قال|है|हैं|था|थी|थे|में|को"
    r"|ने|से|की|के|का"
    r"|नहीं|और|मैं|वह|και|το|δεν|είναι|του|της|με|את|של|לא|הוא|היא|על|עם)(?:[ ,.!?।]|$)"
    r"|[\x{430}-\x{44f}]{2}(?:ил|ила|или|ала|али|ился|ался|алась|ались|ется|ится)(?:[ ,.!?]|$)"
    r"|[\x{ac00}-\x{d7a3}](?:니다|어요|아요|해요|세요|네요|했다|된다|한다|있다|없다|였다|이다"
    r"|는데|지만|[습음함됨임])[.!?]?(?: |$)"
)
# Sentences in scripts that put no spaces between words. Full stops of full width are ASCII by now.
_EASTERN = (
    r"[\x{4e00}-\x{9fff}][^ ]?(?:了|的|是|在|我|他|她|们|不|没|也|就|都|很|要|请|把|被|给|说|已"
    r"|来|去|吗|吧|呢|过|到)"
    r".{0,24}(?:[,。!?;、]|了|的|是|在|我|他|她|们|不|没|也|就|都|很|要|请|把|被|给|说|已|来|去"
    r"|吗|吧|呢|过|到)[^a-zA-Z0-9]"
    r"|[\x{4e00}-\x{9fff}]{4}.*[,。!?;].*[\x{4e00}-\x{9fff}]{3}"
    r"|[\x{3041}-\x{3096}](?:です|ます|した|ました|ません|でした|ない|って|ください|だった"
    r"|ている|ていた|てい|られ)"
    r"|[はがをにで][\x{3041}-\x{3096}\x{4e00}-\x{9fff}]{1,12}(?:した|する|ます|です|った|いた"
    r"|ない|れた|中)[。!?、]?"
    r"|(?:ที่|และ|ไม่|เป็น|ได้|มา|ให้|แล้ว|จะ|กับ|ของ).*(?:ที่|และ|ไม่|เป็น|ได้|มา|ให้|แล้ว|จะ"
    r"|กับ|ของ|ครับ|ค่ะ|คะ)"
)
_HTML = r"<[^<>]{1,300}>|&[a-z]{2,6};"


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `prose` (running text of any sort), `prose.told` (sentences that tell of somebody),
    `prose.contact` (running text that holds an e-mail address or a telephone number) and
    `inside.<kind>` (values that hold the kind, in any long text).
    """
    del wanted
    long = text.select(_LONG)
    if not len(long):
        return
    long = _of_words(long)
    if not len(long):
        return
    prose, sentences, told = _looks(long)
    hits["prose"] += long.weigh(prose)
    hits["prose.told"] += long.weigh(told)
    searched = (long.lengths >= _SEARCHED) & (sentences | (long.lengths >= _ANYWAY) | _dense(long))
    if not searched.any():
        return
    some = long.keep(searched)
    met = inside.search(some)
    inside.add(some, met, hits)
    contact = inside.either(met, ("email", "phone"), len(some)) & sentences[searched]
    hits["prose.contact"] += some.weigh(contact)


def _dense(text: Text) -> Bools:
    """Values of a script with many bytes a letter that hold more than letters: there a few letters
    are a sentence. Names and addresses in Latin letters are none, whatever accents they bear.
    """
    found: Bools = (text.masks & bits("wide")) != 0
    found &= (text.masks & ~bits("wide space")) != 0
    if found.any():
        some = text.keep(found)
        letters = pc.utf8_length(some.values).to_numpy(zero_copy_only=False)
        found[found] = some.lengths * 5 >= letters * 8
    return found


def _of_words(text: Text) -> Text:
    """Values of at least three words, of 40 bytes, or of six letters of a wide script."""
    kept: Bools = text.lengths >= 40
    short = ~kept & ((text.masks & bits("space wide")) != 0)
    if short.any():
        data, bounds = laid_out(text.keep(short).values)
        window, bounds = data[bounds[0] : bounds[-1]], bounds - bounds[0]
        found = inside.counted(window <= 0x20, bounds) >= 2
        if (window >= 0x80).any():
            found |= inside.counted(window >= 0x80, bounds) >= 18
        kept[short] = found
    return text.keep(kept)


def _looks(text: Text) -> tuple[Bools, Bools, Bools]:
    """Which values are running text, which of them sentences for sure, and which of these tell of
    somebody.
    """
    values = text.values
    data, bounds = laid_out(values)
    if (data[bounds[:-1]] == ord("<")).any():
        values = pc.utf8_trim_whitespace(pc.replace_substring_regex(values, _HTML, " "))
        data, bounds = laid_out(values)
    first = int(bounds[0])
    prose, sentences = _spaced(data[first : int(bounds[-1])], bounds - first)
    wide = (text.masks & _WIDE) != 0
    eastern = _among(~sentences & wide, values, _EASTERN)
    sentences |= eastern
    prose |= eastern
    machines = _among(prose, values, _MACHINES)
    prose &= ~machines
    sentences &= ~machines
    told = _among(sentences, values, _TELLING)
    told |= _among(sentences & ~told & wide, values, f"{_WORDY}|{_EASTERN}")
    paged = told & (text.lengths >= _PAGE)
    return prose, sentences, told & ~_among(paged, values, _BOILERPLATE)


def _among(some: Bools, values: pa.Array, pattern: str) -> Bools:
    """Which of some of the values the pattern is met in."""
    found = np.zeros(len(some), dtype=np.bool_)
    if some.any():
        kept = values if some.all() else values.filter(pa.array(some))
        met = pc.match_substring_regex(kept, pattern)
        found[some] = met.to_numpy(zero_copy_only=False)
    return found


def _spaced(window: NDArray[np.uint8], bounds: Ints) -> tuple[Bools, Bools]:
    """Which values are words with spaces between, few signs and few digits; and in which of them
    most words are in small letters, as in no title or name of a thing.
    """
    lengths = np.diff(bounds)
    if not len(window):
        return np.zeros(len(lengths), dtype=np.bool_), np.zeros(len(lengths), dtype=np.bool_)
    blank = window <= 0x20
    at = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1  # where words begin, but the first of each
    opens = window[at]
    small = ((opens - np.uint8(97)) < 26) | (opens >= 0xC3)
    cyrillic = np.flatnonzero(opens == 0xD0)
    if len(cyrillic):  # its capitals
        small[cyrillic] = window[np.minimum(at[cyrillic] + 1, len(window) - 1)] >= 0xB0
    before = np.searchsorted(at, bounds)
    words = np.diff(before) + 1
    small_words = _within(small, before)
    numbers = _within((opens - np.uint8(48)) < 10, before)
    commas = inside.counted(window == ord(","), bounds)
    digits = inside.counted((window - np.uint8(48)) < 10, bounds)
    odd = inside.counted(_ODD[window], bounds)
    written: Bools = (commas * 3 < words * 2) & (odd * 3 <= words) & (digits * 5 <= lengths * 2)
    written &= (lengths >= words * 3) & (lengths <= words * 26)
    most: Bools = small_words * 5 > (words - numbers) * 2
    sentences: Bools = written & (words >= 4) & (small_words >= 2) & most
    return sentences | (written & (words >= 6)), sentences


def _within(marks: Bools, before: Ints) -> Ints:
    """How many of the marks fall to each value; `before` says how many entries stand before it."""
    sums = np.zeros(len(marks) + 1, dtype=np.int64)
    np.cumsum(marks, out=sums[1:])
    counts: Ints = np.diff(sums[before])
    return counts


# ----------------------------------------------------------------------------------- the evidence

_LEAST = 0.001
_CONTACTS = 0.01
_SAID: Mapping[str, str] = {
    "email": "an e-mail address", "phone": "a telephone number", "card.pan": "a card number",
    "bank.iban": "an IBAN", "ip": "an IP address", "device.mac": "a MAC address",
    "vehicle.plate.cn": "a number plate", "birth.date": "a birth date",
    "gov_id.passport": "a passport number", "address": "a street address", "gps": "coordinates",
    "name": "a person's name", "secret": "a password or key",
}  # fmt: skip


def kinds_inside(counts: Counts) -> Mapping[str, float]:
    """The kinds met inside the values, with the share of values that hold them, most first."""
    if not counts.values:
        return {}
    met = {
        key.removeprefix(inside.PREFIX): min(number / counts.values, 1.0)
        for key, number in counts.hits.items()
        if key.startswith(inside.PREFIX) and number >= 1
    }
    return dict(sorted(met.items(), key=lambda one: (-one[1], one[0])))


def found(counts: Counts) -> tuple[str, ...]:
    """The same in words, none below one value in a thousand: `12 % hold an e-mail address`."""
    said: list[str] = []
    for kind, share in kinds_inside(counts).items():
        if share < _LEAST:
            continue
        verb = " hold" if said else f" of {counts.values:,} values hold"
        said.append(f"{_percent(share)}{verb} {_says(kind)}")
    return tuple(said)


def raised(confidence: float, counts: Counts) -> float:
    """The confidence of free text once what it holds is heard.

    Text in whose values kinds of a person are met, each value counted for its most frequent kind,
    is surer to be about persons: 0.05 more from one value in a hundred on, 0.1 from one in ten on.
    """
    most = max(kinds_inside(counts).values(), default=0.0)
    if most < _CONTACTS:
        return confidence
    return min(confidence + (0.1 if most >= 0.1 else 0.05), 0.95)


def _says(kind: str) -> str:
    if kind in _SAID:
        return _SAID[kind]
    if kind.startswith("gov_id."):
        country = kind.split(".")[1].upper()
        return f"an official number ({country})"
    return {id_: says for id_, says, _, _ in words()}[kind]


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share < 0.01 else f"{share * 100:.0f} %"
