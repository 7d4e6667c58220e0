"""The people and positions that the stores are filled with: invented, yet of the right form.

Modelled on what the store of the SenseNets case was said to hold: ID numbers, names, addresses,
ethnicity, employers, and where cameras saw whom. Everything is made by arithmetic from a person's
number, so that any part can be made anywhere; person 7 is the same in every store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

PEOPLE = 2_565_724
POSITIONS = 6_680_348
CUSTOMERS = 1_000_000
SHARED = 400_000  # of the customers, who are in the register, too
MIRRORED = 100_000
CHUNK = 100_000

_PRIME = 499_999_993  # numbers below it are spread over days, regions and serial numbers
_SPREAD = 2_654_435_761 % _PRIME
_DAYS = 25_000
_REGIONS = np.array(
    [650121, 652121, 652122, 652123, 652201, 652222, 652223, 652323, 652324, 652325,
     652327, 652328, 652401, 652422, 652423, 652424, 652425, 652427, 652522, 652523]
)  # fmt: skip
_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]  # GB 11643-1999
_CHECKS = np.array(list("10X98765432"))
_FAMILY = np.array(list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"))
_GIVEN = np.array(
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 桂英 建华 玉兰".split()  # noqa: SIM905
)
_GROUPS = np.array(["汉", "维吾尔", "哈萨克", "回", "柯尔克孜", "蒙古", "塔吉克", "锡伯"])
_GROUP_SHARES = [0.42, 0.45, 0.06, 0.045, 0.01, 0.007, 0.005, 0.003]
_STREETS = np.array(
    ["新华南路", "友好北路", "解放南路", "中山路", "人民路", "光明路", "黄河路", "长江路"]
)
_EMPLOYERS = np.array(
    ["市第一人民医院", "市供电公司", "第三中学", "友好商场", "天山出租车公司", "无"]
)
_TOWNS = np.array(
    [[43.825, 87.617], [43.79, 87.58], [44.01, 87.30], [39.47, 75.99], [37.11, 79.92]]
)
_TOWN_SHARES = [0.5, 0.3, 0.1, 0.07, 0.03]


@dataclass(frozen=True)
class Persons:
    """Columns of as many persons, in their order; `number` is unique to a person."""

    number: NDArray[np.int64]
    id_number: NDArray[np.str_]
    name: NDArray[np.str_]
    ethnicity: NDArray[np.str_]
    birth_date: NDArray[np.str_]
    address: NDArray[np.str_]
    employer: NDArray[np.str_]
    phone: NDArray[np.str_]


@dataclass(frozen=True)
class Positions:
    """Columns of as many positions, oldest first; `seconds` counts from the first moment."""

    person: NDArray[np.int64]
    camera: NDArray[np.str_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    seconds: NDArray[np.float64]


def persons(numbers: NDArray[np.int64]) -> Persons:
    spread = (numbers + 1) * _SPREAD % _PRIME
    region = _REGIONS[spread % 20]
    days = (spread // 20 % _DAYS).astype("timedelta64[D]")
    birth = np.datetime64("1938-03-01") + days
    written = np.datetime_as_string(birth, unit="D")
    compact = np.char.replace(written, "-", "").astype(np.int64)
    serial = spread // (20 * _DAYS) % 999 + 1
    first17 = (region * 10**8 + compact) * 1000 + serial
    total = np.zeros(len(numbers), np.int64)
    for place, weight in enumerate(_WEIGHTS):
        total += first17 // 10 ** (16 - place) % 10 * weight
    chance = np.random.default_rng(int(numbers[0]) if len(numbers) else 0)
    house = np.char.add((spread % 300 + 1).astype(str), "号")
    return Persons(
        number=numbers,
        id_number=np.char.add(first17.astype(str), _CHECKS[total % 11]),
        name=np.char.add(_FAMILY[spread % len(_FAMILY)], _GIVEN[spread // 7 % len(_GIVEN)]),
        ethnicity=chance.choice(_GROUPS, len(numbers), p=_GROUP_SHARES),
        birth_date=written,
        address=np.char.add(np.char.add("乌鲁木齐市", _STREETS[spread % len(_STREETS)]), house),
        employer=_EMPLOYERS[spread // 11 % len(_EMPLOYERS)],
        phone=np.char.add("13", (10**9 - 1 - numbers).astype(str)),
    )


def positions(count: int, people: int, span: timedelta, seed: int = 3) -> Iterator[Positions]:
    """`count` positions of `people` persons, spread over `span` with more of them by day."""
    chance = np.random.default_rng(seed)
    steps = np.linspace(0.0, 1.0, 1441)
    flow = 1.0 + 0.6 * np.sin(2 * np.pi * (steps - 0.3))
    passed = np.concatenate([[0.0], np.cumsum((flow[1:] + flow[:-1]) / 2)])
    for begin in range(0, count, CHUNK):
        size = min(CHUNK, count - begin)
        reached = (begin + np.sort(chance.random(size)) * size) / count
        town = chance.choice(len(_TOWNS), size, p=_TOWN_SHARES)
        place = _TOWNS[town] + chance.normal(0, 0.03, (size, 2))
        yield Positions(
            person=chance.integers(0, people, size),
            camera=np.char.add("CAM-", chance.integers(1000, 9999, size).astype(str)),
            latitude=place[:, 0].round(6),
            longitude=place[:, 1].round(6),
            seconds=np.interp(reached * passed[-1], passed, steps) * span.total_seconds(),
        )


def customers(count: int, shared: int, people: int) -> Iterator[Persons]:
    """`count` persons of whom `shared` are among the first `people`, the others are not."""
    for begin in range(0, count, CHUNK):
        numbers = np.arange(begin, min(begin + CHUNK, count))
        yield persons(np.where(numbers < shared, numbers, numbers - shared + people))


def everybody(count: int) -> Iterator[Persons]:
    for begin in range(0, count, CHUNK):
        yield persons(np.arange(begin, min(begin + CHUNK, count)))


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
