"""Street addresses are found by their values in many orders; look-alikes are left alone."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pytest
from faker import Faker

from leftopen.classifier import addresses, classify
from leftopen.classifier.text import Text

ROWS = 200

_ADDRESSES = (
    "12 Rue de la Paix|3 bis, avenue Foch|Hauptstr. 5|"
    "Am Alten Markt 17a, 04109 Leipzig|1600 Pennsylvania Ave NW|"
    "221b Baker Street, London NW1 6XE|Flat 4, 18 Mill Lane|ul. Długa 4/5|"
    "Calle Mayor 3|C/ Alcalá, 45, 3º B|Carrera 7 # 32-16|Rua Augusta, 1578|"
    "Av. Paulista 1000|Via Roma 12|Piazza Garibaldi n. 4|Jl. Sudirman No. 3|"
    "Kerkstraat 12-2|Storgatan 4|Kossuth utca 3|Mannerheimintie 10|Vesterbrogade 6|"
    "Atatürk Mah. Gül Sok. No:5 Daire 3|Bağdat Caddesi No: 12|Strada Unirii nr. 5|"
    "г. Москва, ул. Ленина, д. 5, кв. 12|Невский проспект, 28|вул. Хрещатик, 22|"
    "北京市朝阳区建国路88号|上海市浦东新区世纪大道100号|广东省深圳市南山区科技园路5号2栋|東京都千代田区千代田1-1|大阪市北区梅田3丁目1-3|"
    "서울특별시 강남구 테헤란로 152|부산광역시 해운대구 우동 1500|شارع الملك فهد 12، الرياض|"
    "12 شارع التحرير، القاهرة|मकान नं 12, गांधी मार्ग, दिल्ली|"
    "Flat No 12, MG Road, Bengaluru 560001|"
    "H.No. 4-5-6, Gandhi Nagar, Hyderabad 500080|P.O. Box 1234|Postfach 10 20 30|"
    "Apartado 55|Λεωφόρος Συγγρού 100|רחוב הרצל 5, תל אביב"
)

_LOOK_ALIKES = (
    "3 Way Valve|500 GB Drive|16 GB Memory Module|Windows Server 2019|Route 66|"
    "12 Angry Men|Chapter 5|Room 12|INFO request 12 took 80 ms|Table 4 of 7|"
    "Boeing 747|Level 3 Support|version 2 of the street map|10 mm steel bolt|2 x 4 cm|"
    "Order 4711|Euro 6 diesel|Formula 1|2024-05-01 10:00:00|Paracetamol 500 mg|"
    "iPhone 15 Pro|第3章|2024年5月1日|订单12345|3개월|заказ 123|Версия 2|طلب 123|"
    "Type 2 diabetes|5 star hotel|Track 12|ISO 9001|Covid 19|Q3 2023|Week 12|"
    "Error 404 not found|Sensor 12 temperature 21|AB 1234|5 pcs blue"
)


ADDRESSES, LOOK_ALIKES = _ADDRESSES.split("|"), _LOOK_ALIKES.split("|")


def found(value: str) -> int:
    hits: Counter[str] = Counter()
    addresses.count(Text.of(pa.array([value], pa.large_string())), frozenset(), hits)
    return hits["street_address"]


@pytest.mark.parametrize("value", ADDRESSES)
def test_addresses(value: str) -> None:
    assert found(value) == 1


@pytest.mark.parametrize("value", LOOK_ALIKES)
def test_look_alikes(value: str) -> None:
    assert found(value) == 0


STREETS = (
    *(
        "en_US",
        "en_GB",
        "de_DE",
        "fr_FR",
        "es_ES",
        "it_IT",
        "pt_BR",
        "nl_NL",
        "sv_SE",
        "da_DK",
        "fi_FI",
    ),
    *("ru_RU", "uk_UA", "zh_TW", "ja_JP", "ko_KR", "hu_HU", "id_ID", "pl_PL", "en_IN"),
)
WHOLE = (*STREETS, "ro_RO", "zh_CN", "tr_TR")


@pytest.mark.parametrize("locale", STREETS)
def test_columns_of_streets_that_say_nothing_by_name(locale: str) -> None:
    faker = Faker(locale)
    faker.seed_instance(4)
    table = pa.table({"c17": [faker.street_address() for _ in range(ROWS)]})
    assert classify(table).fields["c17"].family == "address"


@pytest.mark.parametrize("locale", WHOLE)
def test_columns_of_whole_addresses(locale: str) -> None:
    faker = Faker(locale)
    faker.seed_instance(4)
    table = pa.table({"c17": [faker.address().replace("\n", ", ") for _ in range(ROWS)]})
    assert classify(table).fields["c17"].family == "address"


def test_look_alikes_in_columns_are_nothing() -> None:
    chance = random.Random(4)
    columns = {f"c{n}": [chance.choice(LOOK_ALIKES) for _ in range(ROWS)] for n in range(5)}
    fields = classify(pa.table(columns)).fields
    assert {fields[name].family for name in columns} == {"none"}
