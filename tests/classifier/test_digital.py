"""Networks, devices, cards, accounts, vehicles, travel documents: by name, by values, and not."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pyarrow as pa
import pytest
from faker import Faker
from stdnum import iban, luhn
from stdnum.ar import cbu

from leftopen.classifier import classify
from tests.classifier import make
from tests.classifier.make import Maker, any_of, column, digits, float_in, whole_in

FAKE = Faker(["en_GB"])
FAKE.seed_instance(11)
DIGITS = "0123456789"


def checked(r: random.Random, start: str, length: int) -> str:
    """Digits of a length with Luhn's at the end, by python-stdnum."""
    body = start + "".join(r.choice(DIGITS) for _ in range(length - len(start) - 1))
    return body + luhn.calc_check_digit(body)


def card(r: random.Random) -> str:
    start, length = r.choice(
        (("4", 16), ("52", 16), ("2301", 16), ("37", 15), ("6011", 16), ("3530", 16), ("6225", 19))
    )
    return checked(r, start, length)


def an_iban(r: random.Random) -> str:
    country, size = r.choice((("DE", 18), ("NL", 0), ("FR", 23), ("ES", 20), ("PL", 24)))
    bban = "".join(r.choice(DIGITS) for _ in range(size))
    if country == "NL":
        bban = "INGB" + "".join(r.choice(DIGITS) for _ in range(10))
    return country + iban.calc_check_digits(f"{country}00{bban}") + bban


def grouped(value: str) -> str:
    return " ".join(value[i : i + 4] for i in range(0, len(value), 4))


def a_cbu(r: random.Random) -> str:
    one, two = digits(7)(r), digits(13)(r)
    return one + cbu.calc_check_digit(one) + two + cbu.calc_check_digit(two)


def vin_us(r: random.Random) -> str:
    """By 49 CFR 565, written anew."""
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    worth = {c: int(c) for c in DIGITS} | dict(
        zip(
            letters,
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    body = [r.choice(letters + DIGITS) for _ in range(13)] + [r.choice(DIGITS) for _ in range(4)]
    rest = sum(
        worth[c] * w
        for c, w in zip(body, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)
    )
    body[8] = "0123456789X"[rest % 11]
    return "".join(body)


def vin_eu(r: random.Random) -> str:
    return r.choice(("WVWZZZ1KZ", "VF3ABCDE1", "ZFA312000", "TMBJF7NE2")) + "".join(
        [r.choice("ABCDEF"), r.choice("WPX"), r.choice(DIGITS), r.choice(DIGITS), *digits(4)(r)]
    )


def _weigh(text: str) -> str:
    """The check digit of ICAO 9303, written anew."""
    total = sum(
        (0 if c == "<" else string.digits.find(c) if c.isdigit() else ord(c) - 55)
        * (7, 3, 1)[i % 3]
        for i, c in enumerate(text)
    )
    return str(total % 10)


def mrz_second(r: random.Random) -> str:
    number = "".join(r.choice(string.ascii_uppercase[:8] + DIGITS) for _ in range(9))
    born = f"{make.born(r):%y%m%d}"
    line = f"{number}{_weigh(number)}UTO{born}{_weigh(born)}F301231{_weigh('301231')}" + "<" * 14
    return line + "00"


def mrz_first(r: random.Random) -> str:
    name = f"P<UTO{r.choice(('ZWICKEL', 'THORNBURY'))}<<{r.choice(('OTTOLINE', 'ZEBEDEE'))}"
    return name.ljust(44, "<")


def mrz_card(r: random.Random) -> str:
    number = "".join(r.choice(string.ascii_uppercase[:8] + DIGITS) for _ in range(9))
    born = f"{make.born(r):%y%m%d}"
    first = f"I<UTO{number}{_weigh(number)}".ljust(30, "<")
    second = f"{born}{_weigh(born)}F301231{_weigh('301231')}UTO".ljust(29, "<") + "0"
    return f"{first}\n{second}\n{'ZWICKEL<<OTTOLINE'.ljust(30, '<')}"


def hexadecimal(size: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice("0123456789abcdef") for _ in range(size))


def base58(size: int) -> Callable[[random.Random], str]:
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    return lambda r: "".join(r.choice(letters) for _ in range(size))


def agent(r: random.Random) -> str:
    system = r.choice(("X11; Linux x86_64", "iPhone; CPU iPhone OS 17_0 like Mac OS X"))
    return f"Mozilla/5.0 ({system}) AppleWebKit/6{r.randrange(9)}5.1 (KHTML, like Gecko) Safari/60"


def mac_dotted(r: random.Random) -> str:
    return ".".join(f"{r.randrange(65536):04x}" for _ in range(3))


def letters(size: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(size))


# (values, family): found in a column called c17 that stands alone
NAMELESS: list[tuple[Maker, str]] = [
    (make.email, "email"),
    (
     lambda r: f"{r.choice(make.GIVEN)} {r.choice(make.FAMILY)} <a"
     f"{r.randrange(99)}@b.example>", "email"),
    (lambda r: f"mailto:{r.choice(make.GIVEN).lower()}+news{r.randrange(9)}@post.example", "email"),
    (lambda r: f"{r.choice(('иван', 'ольга'))}{r.randrange(99)}@почта.рф", "email"),
    (lambda r: f"a{r.randrange(99)}@xn--e1afmkfd.xn--p1ai", "email"),
    (lambda r: FAKE.ascii_safe_email(), "email"),
    (card, "card"),
    (lambda r: grouped(checked(r, "4", 16)), "card"),
    (lambda r: f"{r.randint(400000, 559999)}******{r.randrange(10000):04}", "card"),
    (lambda r: f"{r.randint(4000, 5599)} **** **** {r.randrange(10000):04}", "card"),
    (lambda r: f"%B{card(r)}^ZWICKEL/OTTOLINE^29121010000000", "card"),
    (lambda r: f";{checked(r, '4', 16)}=29121010000000?", "card"),
    (an_iban, "bank"),
    (lambda r: grouped(an_iban(r)), "bank"),
    (a_cbu, "bank"),
    (lambda r: "1" + base58(33)(r), "bank"),
    (lambda r: "bc1q" + "".join(r.choice("023456789acdefghjklmnpqrstuvwxyz") for _ in range(38)),
     "bank"),
    (lambda r: "0x" + hexadecimal(40)(r), "bank"),
    (make.ip4, "ip"),
    (make.ip6, "ip"),
    (lambda r: f"192.168.{r.randrange(255)}.{r.randrange(255)}", "ip"),
    (lambda r: f"2001:db8::{r.randrange(65536):x}", "ip"),
    (make.mac, "device_id"),
    (lambda r: make.mac(r).upper().replace(":", "-"), "device_id"),
    (mac_dotted, "device_id"),
    (lambda r: checked(r, r.choice(("35", "86", "01")), 15), "device_id"),
    (lambda r: int(checked(r, "35", 15)), "device_id"),
    (lambda r: checked(r, "8949", r.choice((19, 20))), "device_id"),
    (agent, "device_id"),
    (make.plate_cn, "vehicle"),
    (
     lambda r: f"{r.choice('АВЕК')}{r.randrange(1000):03}{r.choice(('МО', 'ТТ'))}"
     f"{r.choice((77, 178))}", "vehicle"),
    (lambda r: f"{r.randint(10, 99)}{r.choice('가나다라')} {r.randint(1000, 9999)}", "vehicle"),
    (vin_us, "vehicle"),
    (vin_eu, "vehicle"),
    (mrz_second, "gov_id"),
    (mrz_first, "gov_id"),
    (mrz_card, "gov_id"),
    (
     lambda r: f"{letters(5)(r)}{r.randrange(10)}0{r.randint(1, 9)}1{r.randrange(10)}"
     f"{r.randrange(10)}{letters(2)(r)}9{letters(2)(r)}", "gov_id"),
    (
     lambda r: f"{letters(6)(r)}{r.randint(50, 99)}0{r.randint(1, 9)}1"
     f"{r.randrange(10)}09H{digits(3)(r)}", "gov_id"),
]  # fmt: skip

# (collection, field, values, family): the name says it, the values do not deny it
NAMED: list[tuple[str, str, Maker, str]] = [
    ("", "email_addr", lambda r: f"{r.choice('abc')}***@x{r.randrange(9)}.com", "email"),
    ("users", "userLogin", lambda r: f"dragon.{r.randrange(999)}", "username"),
    ("users", "twitterless_handle", lambda r: f"@dragon{r.randrange(999)}", "username"),
    ("users", "yhm", lambda r: f"long{r.randrange(999)}", "username"),
    ("", "sjh", lambda r: f"138****{r.randrange(10000):04}", "phone"),
    ("", "telefonnummer", digits(6), "phone"),
    ("", "رقم الهاتف", lambda r: f"0{r.randint(500000000, 599999999)}", "phone"),
    ("", "मोबाइल नंबर", whole_in(6000000000, 9999999999), "phone"),
    ("customers", "cell", whole_in(2000000000, 9999999999), "phone"),
    ("", "cc_number", lambda r: int(checked(r, "5100", 16)), "card"),
    ("", "creditCardNo", digits(16), "card"),
    ("", "card_last4", digits(4), "card"),
    ("", "cvv2", whole_in(0, 999), "card"),
    ("", "cardExpirationDate", lambda r: f"{r.randint(1, 12):02}/{r.randint(24, 33)}", "card"),
    ("", "银行卡号", lambda r: checked(r, "6222", 19), "card"),
    ("", "numero_de_cuenta", digits(10), "bank"),
    ("", "hesap_no", digits(12), "bank"),
    ("customers", "sort_code", lambda r: "-".join(digits(2)(r) for _ in range(3)), "bank"),
    ("customers", "bic", lambda r: f"{letters(4)(r)}DE{letters(2)(r)}XXX", "bank"),
    ("", "btc_address", lambda r: "3" + base58(33)(r), "bank"),
    ("", "clabe", digits(18), "bank"),
    ("", "paypal_id", lambda r: letters(8)(r) + digits(5)(r), "bank"),
    ("", "client_ip", lambda r: f"10.0.0.{r.randint(1, 254)}:{r.randint(1024, 65535)}", "ip"),
    ("access_log", "remote_addr", make.ip4, "ip"),
    ("", "last_login_ip", lambda r: f"fe80::{r.randrange(65536):x}%eth0", "ip"),
    ("", "x_forwarded_for", lambda r: f"{make.ip4(r)}, {make.ip4(r)}", "ip"),
    ("", "wifiMac", hexadecimal(12), "device_id"),
    ("", "imeisv", digits(16), "device_id"),
    ("", "imsi", lambda r: f"26201{digits(10)(r)}", "device_id"),
    ("", "IMSI", lambda r: int(f"46000{digits(10)(r)}"), "device_id"),
    ("", "idfa", make.a_uuid, "device_id"),
    ("", "gaid", make.a_uuid, "device_id"),
    ("", "androidId", hexadecimal(16), "device_id"),
    ("", "browser_fingerprint", hexadecimal(32), "device_id"),
    ("", "shebeihao", lambda r: letters(4)(r) + digits(9)(r), "device_id"),
    ("", "user_agent", agent, "device_id"),
    ("", "kenteken", lambda r: f"{letters(2)(r)}-{r.randint(100, 999)}-{letters(1)(r)}", "vehicle"),
    ("", "placa",
     lambda r: f"{letters(3)(r)}{r.randrange(10)}{letters(1)(r)}{digits(2)(r)}", "vehicle"),
    ("", "vehicle_reg_no",
     lambda r: f"KA {r.randint(1, 70):02} {letters(2)(r)} {digits(4)(r)}", "vehicle"),
    ("", "plaka", lambda r: f"34 {letters(3)(r)} {digits(2)(r)}", "vehicle"),
    ("", "targa", lambda r: f"{letters(2)(r)}{digits(3)(r)}{letters(2)(r)}", "vehicle"),
    ("", "رقم اللوحة", lambda r: f"{r.choice('ابحد')} {r.choice('رسط')} {digits(4)(r)}", "vehicle"),
    ("", "licensePlate", lambda r: FAKE.license_plate(), "vehicle"),
    ("", "chassis_no", lambda r: letters(9)(r) + digits(8)(r), "vehicle"),
    ("", "车架号", vin_us, "vehicle"),
    ("", "passport_number",
     lambda r: f"{r.randint(10, 99)} {r.randint(10, 99)} {digits(6)(r)}", "gov_id"),
    ("", "passportNo",
     lambda r: f"C{letters(1)(r)}{digits(2)(r)}X{digits(2)(r)}T{digits(2)(r)}", "gov_id"),
    ("", "hzhm", lambda r: f"E{letters(1)(r)}{digits(7)(r)}", "gov_id"),
    ("", "номер паспорта", digits(10), "gov_id"),
    ("", "jawaz_alsafar", lambda r: f"A{digits(8)(r)}", "gov_id"),
    ("", "visa_number", digits(8), "gov_id"),
    ("", "aufenthaltstitel", lambda r: f"Y{digits(8)(r)}", "gov_id"),
    ("", "permis_de_conduire", digits(12), "gov_id"),
    ("", "dl_no", lambda r: f"{letters(1)(r)}{digits(7)(r)}", "gov_id"),
    ("", "epic_no", lambda r: f"{letters(3)(r)}{digits(7)(r)}", "gov_id"),
]  # fmt: skip


def ean(r: random.Random) -> str:
    return f"40{digits(10)(r)}" + r.choice(DIGITS)


def isbn(r: random.Random) -> str:
    return (
        f"978-{r.randrange(10)}-{r.randint(100, 999)}-{r.randint(10000, 99999)}-{r.randrange(10)}"
    )


# (collection, field, values): none of it is a person's
OTHER: list[tuple[str, str, Maker]] = [
    ("orders", "order_number", lambda r: f"ORD-{digits(8)(r)}"),
    ("orders", "order_ref", digits(10)),
    ("", "c1", lambda r: f"5{digits(9)(r)}"),
    ("shipments", "tracking_number", digits(12)),
    ("shipments", "tracking_number", lambda r: f"1Z{letters(3)(r)}{digits(13)(r)}"),
    ("", "c2", digits(20)),
    ("", "c3", digits(22)),
    ("", "c4", lambda r: f"4{digits(15)(r)}"),
    ("products", "ean", ean),
    ("products", "gtin", lambda r: "0" + ean(r)),
    ("", "c5", ean),
    ("books", "isbn", isbn),
    ("", "c6", isbn),
    ("", "serial_number", lambda r: f"SN{letters(2)(r)}{digits(10)(r)}"),
    ("machines", "serial_no", lambda r: f"{letters(4)(r)}{digits(6)(r)}"),
    ("", "invoice_id", lambda r: f"INV-2024-{digits(5)(r)}"),
    ("", "c7", lambda r: f"{make.recent(r):%Y%m%d%H%M%S}"),
    ("", "c8", whole_in(1_600_000_000_000, 1_799_999_999_999)),
    ("", "c9", whole_in(1_600_000_000, 1_799_999_999)),
    ("", "c10", lambda r: f"{make.recent(r):%H:%M:%S}"),
    ("packages", "version",
     lambda r: f"{r.randint(0, 12)}.{r.randint(0, 30)}.{r.randint(0, 9)}.{r.randint(0, 9)}"),
    ("", "c11", lambda r: f"10.{r.randint(0, 15)}.{r.randint(0, 9)}.{r.randint(0, 25)}"),
    ("", "c12", lambda r: f"1.3.6.1.4.1.{r.randint(1, 9999)}.{r.randint(1, 9)}"),
    ("", "c13", lambda r: f"114.0.{r.randint(4000, 6000)}.{r.randint(1, 200)}"),
    ("", "background", lambda r: "#" + hexadecimal(6)(r)),
    ("", "c14", hexadecimal(12)),
    ("files", "md5", hexadecimal(32)),
    ("files", "checksum", hexadecimal(64)),
    ("commits", "hash", hexadecimal(40)),
    ("responses", "etag", lambda r: f'"{hexadecimal(32)(r)}"'),
    ("requests", "request_id", make.a_uuid),
    ("", "nonce", hexadecimal(16)),
    ("servers", "port", whole_in(1, 65535)),
    ("", "c15", float_in(-90, 90)),
    ("products", "price", lambda r: f"{r.randint(1, 999)}.{digits(2)(r)}"),
    ("", "c16", lambda r: f"{r.randint(1, 999)} {digits(3)(r)} {digits(3)(r)}"),
    ("companies", "vat_no", lambda r: f"DE{digits(9)(r)}"),
    ("products", "url",
     lambda r: f"https://shop.example/p/{r.randint(1, 9999)}?ref={letters(5)(r)}"),
    ("", "image_size", lambda r: f"{r.randint(10, 4000)}x{r.randint(10, 4000)}"),
    ("", "c17", lambda r: f"icon{r.randrange(99)}@2x.png"),
    ("", "c18", lambda r: f"lib{r.randrange(99)}@{r.randint(1, 9)}.{r.randint(0, 9)}.0"),
    ("securities", "isin", lambda r: f"US{digits(9)(r)}{r.choice(DIGITS)}"),
    ("", "c19", lambda r: f"US{digits(9)(r)}{r.choice(DIGITS)}"),
    ("securities", "cusip", lambda r: digits(6)(r) + letters(2)(r) + digits(1)(r)),
    ("banks", "swift", lambda r: f"{letters(4)(r)}DE{letters(2)(r)}"),
    ("papers", "doi", lambda r: f"10.{digits(4)(r)}/abc.{digits(5)(r)}"),
    ("messages", "message_id", lambda r: f"<{hexadecimal(20)(r)}@mail.example.com>"),
    ("", "c20", lambda r: f"{letters(2)(r)}{digits(6)(r)}"),
    ("", "c21", lambda r: letters(17)(r)),
    ("", "c22", lambda r: digits(17)(r)),
    ("", "c23", lambda r: "".join(r.choice(string.ascii_uppercase + DIGITS) for _ in range(17))),
    ("", "c24", lambda r: f"{digits(5)(r)}-{digits(4)(r)}"),
    ("", "c25", lambda r: f"{r.randint(2000, 2023)}-{r.randint(2000, 2030)}"),
    ("", "c26", lambda r: base58(24)(r)),
    ("", "c27", lambda r: "cus_" + base58(14)(r)),
    ("", "c28", lambda r: f"arn:aws:s3:::bucket-{r.randint(1, 999)}/key"),
    ("", "c29", lambda r: f"DE{digits(20)(r)}"),
    ("", "c30", lambda r: f"AISLE-{r.randint(1, 30):02}-{letters(1)(r)}"),
    ("", "c31", lambda r: f"/dev/sd{r.choice('abc')}{r.randint(1, 9)}: {r.randint(1, 99)}%"),
    ("transactions", "tx_hash", lambda r: "0x" + hexadecimal(64)(r)),
    # misleading names
    ("users", "email_verified", any_of(True, False)),
    ("users", "email_opt_in", any_of("yes", "no")),
    ("users", "phone_type", any_of("home", "mobile")),
    ("users", "phone_model", lambda r: f"Galaxy S{r.randint(5, 24)}"),
    ("payments", "card_type", any_of("visa", "amex")),
    ("payments", "cvc_check", any_of("pass", "fail")),
    ("users", "password_changed_at", make.recent),
    ("users", "password_min_length", whole_in(6, 16)),
    ("", "token_count", whole_in(1, 4000)),
    ("", "token", any_of("hello", "world", "##ing")),
    ("", "key", lambda r: f"settings.page.{r.randint(1, 99)}"),
    ("files", "hash", hexadecimal(64)),
    ("", "ip_version", any_of(4, 6)),
    ("servers", "ip", make.ip4),
    ("", "server_ip", make.ip4),
    ("", "host", make.ip4),
    ("accounts", "account_type", any_of("savings", "checking")),
    ("", "user_agent_family", any_of("Chrome", "Firefox")),
    ("", "secret_santa", any_of("Team A", "Team B")),
    ("sheets", "cell", lambda r: f"{r.choice('ABCDEF')}{r.randint(1, 99)}"),
    ("traffic", "mobile", whole_in(1000, 90000)),
    ("pages", "mobile_friendly", any_of(True, False)),
    ("dishes", "plate", any_of("pasta", "steak with fries")),
    ("trips", "passport_required", any_of(True, False)),
    ("trips", "passport_required", any_of("yes", "no")),
    ("students", "pass", any_of("yes", "no")),
    ("games", "session", any_of("morning", "evening")),
    ("recipes", "salt", any_of("1 tsp", "2 g")),
    ("", "macro", any_of("SUM", "AVG")),
    ("", "pan", any_of("left", "right")),
    ("", "pin", any_of("GPIO4", "GPIO17")),
    ("", "license", any_of("MIT", "Apache-2.0")),
    ("", "visa_required", any_of("yes", "no")),
    ("", "contract_address", lambda r: "0x" + hexadecimal(40)(r)),
]  # fmt: skip


def ids(listed: list[tuple[Maker, str]]) -> list[str]:
    return [f"{number}-{family}" for number, (_, family) in enumerate(listed)]


@pytest.mark.parametrize(("values", "family"), NAMELESS, ids=ids(NAMELESS))
def test_values_that_tell_without_a_name(values: Maker, family: str) -> None:
    found = classify(pa.table({"c17": column(values)})).fields["c17"]
    assert found.family == family, found


@pytest.mark.parametrize(
    ("collection", "field", "values", "family"), NAMED, ids=[f"{c}.{f}" for c, f, *_ in NAMED]
)
def test_names_with_values_that_agree(
    collection: str, field: str, values: Maker, family: str
) -> None:
    found = classify(pa.table({field: column(values)}), collection).fields[field]
    assert found.family == family, found


@pytest.mark.parametrize(
    ("collection", "field", "values"),
    OTHER,
    ids=[f"{n}-{c}.{f}" for n, (c, f, _) in enumerate(OTHER)],
)
def test_what_is_no_persons_is_not_called_so(collection: str, field: str, values: Maker) -> None:
    table = pa.table({field: column(values), "amount": column(float_in(1, 99))})
    found = classify(table, collection).fields[field]
    assert found.family == "none", found


def test_postcodes_called_pin_code_are_no_secret() -> None:
    table = pa.table({"pin_code": column(lambda r: f"{r.randint(110000, 899999)}"),
                      "name": column(make.full_name)})  # fmt: skip
    assert classify(table, "customers").fields["pin_code"].family != "secret"


def test_plates_by_shape_need_a_person_near() -> None:
    plates = column(
        lambda r: f"{r.choice('KHF')}{r.choice('ABK')}-{letters(2)(r)} {r.randint(10, 999)}"
    )
    alone = classify(pa.table({"c17": plates})).fields["c17"]
    near = classify(pa.table({"c17": plates, "email": column(make.email)})).fields["c17"]
    assert (alone.family, near.family) == ("none", "vehicle")
