"""Writes `leftopen/classifier/phones.toml` from the metadata of the `phonenumbers` package.

Reading that package costs 0.3 s and 3 MB in every process; the two tables below are all that
whole columns need. Run `python tools/phones.py` after an update of phonenumbers; a test tells when.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import phonenumbers
from phonenumbers import PhoneMetadata

TARGET = Path(__file__).parents[1] / "leftopen" / "classifier" / "phones.toml"
TELLING = 0.05  # the share of digit strings with a leading zero that a region's mobiles may be
TRIES = 12  # completions tried for a prefix of three digits

# Regions that write mobile numbers with a leading zero, by number of people with a telephone.
REGIONS = (
    *("AE", "AT", "AU", "BD", "BE", "CH", "DE", "DZ", "EG", "ET", "FI", "FR", "GB", "GH", "HR"),
    *("ID", "IE", "IL", "IQ", "IR", "JO", "JP", "KE", "KH", "KR", "LK", "MA", "MM", "MY", "NG"),
    *("NL", "NP", "NZ", "PH", "PK", "RO", "RS", "SA", "SD", "SE", "SI", "SK", "SY", "TH", "TR"),
    *("TW", "TZ", "UA", "UG", "VN", "ZA", "ZM"),
)  # fmt: skip


def calling() -> dict[int, str]:
    """By calling code, the national numbers of all its regions as one pattern."""
    found: dict[int, str] = {}
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        patterns: list[str] = []
        for region in regions:
            data = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            assert data is not None
            assert data.general_desc is not None
            pattern = data.general_desc.national_number_pattern
            assert pattern is not None
            if pattern not in patterns:
                patterns.append(pattern)
        found[code] = "|".join(patterns).replace(r"\d", "[0-9]")
    return found


def _plan(region: str) -> PhoneMetadata:
    data = PhoneMetadata.metadata_for_region(region)
    assert data is not None
    return data


def mobile(region: str) -> dict[int, list[int]]:
    """By length with the leading zero, the three digits after it that begin a mobile number.

    A prefix counts where at least half of its completions are mobile numbers.
    """
    chance = random.Random(region)  # noqa: S311 - the same table in every run
    data = _plan(region).mobile
    assert data is not None
    assert data.national_number_pattern is not None
    whole = re.compile(data.national_number_pattern)
    found: dict[int, list[int]] = {}
    for width in data.possible_length:
        starts = []
        for start in range(1000):
            ends = (f"{chance.randrange(10 ** (width - 3)):0{width - 3}}" for _ in range(TRIES))
            if sum(whole.fullmatch(f"{start:03}{end}") is not None for end in ends) * 2 >= TRIES:
                starts.append(start)
        if starts:
            found[width + 1] = starts
    return found


def telling(widths: dict[int, list[int]]) -> bool:
    """Whether few enough digit strings with a leading zero fit."""
    return all(len(starts) / 1000 / 10 <= TELLING for starts in widths.values())


def spans(numbers: list[int]) -> str:
    """`150-157 159` for the numbers 150 to 157 and 159."""
    said: list[str] = []
    start = last = numbers[0]
    for number in [*numbers[1:], -1]:
        if number == last + 1:
            last = number
            continue
        said.append(f"{start:03}" if start == last else f"{start:03}-{last:03}")
        start = last = number
    return " ".join(said)


def text() -> str:
    """The whole file."""
    lines = [
        "# Written by tools/phones.py from phonenumbers (data of libphonenumber, Apache-2.0).",
        "",
        "# calling code: pattern of the national numbers behind it",
        "[calling]",
        *(f"{code} = '{pattern}'" for code, pattern in calling().items()),
        "",
        "# region: length with the leading zero: the three digits after it of mobile numbers",
    ]
    for region in REGIONS:
        widths = mobile(region)
        if _plan(region).national_prefix == "0" and telling(widths):
            lines.append(f"[mobile.{region}]")
            lines += [f'{width} = "{spans(starts)}"' for width, starts in widths.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes\n")
