"""Running text told from what only looks so, and what is counted inside it by a slow search."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest
from stdnum import luhn
from stdnum.br import cpf
from stdnum.es import dni, nie
from stdnum.iso7064 import mod_97_10
from stdnum.it import codicefiscale

from leftopen.classifier import classify, prose
from leftopen.classifier.catalogue import BY_ID
from leftopen.classifier.counts import Counts
from leftopen.classifier.text import Text
from leftopen.model import FieldProfile
from tests.classifier import make
from tests.classifier.make import Maker, any_of, column, valid

# Invented, of the sort that people write; no two of one table are alike in length.
NOTES: dict[str, tuple[str, ...]] = {
    "en": (
        "called back, will pay friday",
        "She did not come to the appointment because her car broke down on the way.",
        "Tenant says the heating has been off since Monday and the children are cold.",
        "spoke with him twice, he was angry about the bill and hung up",
        "I would like to change my order, please let me know if that is possible.",
    ),
    "de": (
        "Kunde hat angerufen und wollte wissen, wann der Techniker kommt.",
        "Der Patient klagt über starke Schmerzen im Rücken und kann nicht schlafen.",
        "bitte nicht vor neun Uhr anrufen, sie arbeitet nachts",
    ),
    "es": (
        "La señora llamó para decir que no puede venir mañana a la cita.",
        "dice que está muy cansado y que no ha dormido en tres días",
        "El alumno fue enviado a casa porque tenía fiebre.",
    ),
    "ru": (
        "Клиент просил перезвонить ему завтра после обеда.",
        "она не пришла на приём и не предупредила нас",
        "Сын соседей опять шумел ночью, мы не спали.",
    ),
    "zh": (
        "客户说明天会来付款,请不要再打电话给他。",
        "他最近经常迟到,老师已经和家长谈过了。",
        "老人一个人住,没有人照顾,需要我们每周去看望。",
    ),
    "ja": (
        "昨日は電話に出ませんでした。明日もう一度かけてください。",
        "母親と二人で暮らしているので、夜は家にいる。",
    ),
    "ko": (
        "고객이 내일 다시 전화해 달라고 했습니다.",
        "어제 병원에 갔는데 아직 많이 아파요.",
    ),
    "ar": (
        "اتصل العميل وقال إنه لا يستطيع الحضور غدا إلى الموعد",
        "هي تعيش مع والدتها في البيت القديم ولم تدفع الإيجار",
    ),
    "hi": (
        "ग्राहक ने कहा कि वह कल आएगा और पैसे देगा।",
        "बच्चे को बुखार है और वह स्कूल नहीं गया।",
    ),
    "th": (
        "ลูกค้าแจ้งว่าจะมาจ่ายเงินพรุ่งนี้ครับ",
        "เขาไม่ได้มาทำงานและไม่ได้โทรมาบอก",
    ),
}


def counted(values: list[object]) -> tuple[Counter[str], int]:
    hits: Counter[str] = Counter()
    text = Text.of(pa.array(values, pa.string()))
    prose.count(text, frozenset(), hits)
    return hits, text.total


@pytest.mark.parametrize("language", NOTES)
def test_sentences_and_notes_are_running_text_that_tells_of_somebody(language: str) -> None:
    for note in NOTES[language]:
        hits, _ = counted([note])
        assert (hits["prose"], hits["prose.told"]) == (1, 1), note


def test_html_markdown_and_transcripts_are_running_text() -> None:
    for body in (
        "<p>Dear Mr Bell,</p><p>thank you for your call. We have <b>not</b> found the parcel.</p>",
        "## Visit\n\nShe was *not* at home, so I left a card and will try again on Tuesday.",
        "A: hello, how can I help you?\nB: my phone was stolen and I want to block it now\nA: ok",
    ):
        hits, _ = counted([body])
        assert hits["prose.told"] == 1, body


def wares(r: random.Random) -> str:
    return f"{r.choice(('Oak', 'Steel'))} Table {r.randint(60, 200)} x {r.randint(60, 200)} cm"


# Look-alikes: none of them may be called running text that tells of somebody.
OTHERS: dict[str, Maker] = {
    "log line": lambda r: f"2024-03-{r.randint(10, 28)} 10:11:12,{r.randint(100, 999)} INFO worker"
    " was started and is waiting for a job",
    "log syslog": lambda r: f"Mar 12 10:11:{r.randint(10, 59)} web sshd[{r.randint(99, 999)}]: "
    "connection was closed by the remote host",
    "log level": lambda r: f"ERROR could not open the file because it is locked {r.randint(1, 99)}",
    "log bracket": lambda r: f"[WARN] the queue is full and will be cleared {r.randint(1, 99)}",
    "logfmt": lambda r: f'level=info msg="it is done and was stored" took={r.randint(1, 99)}ms',
    "access log": lambda r: f"{make.ip4(r)} - - [10/Oct/2023:13:55:36] \"GET / HTTP/1.1\" 200",
    "request": lambda r: f"GET /he/is/not/here?page={r.randint(1, 99)} and the rest of it HTTP/1.1",
    "stack java": lambda r: f"at org.example.he.Was(Is.java:{r.randint(1, 99)}) and it is not me",
    "stack python": lambda r: f"Traceback (most recent call last): he was not in line {r.random()}",
    "exception": lambda r: f"java.lang.IllegalStateException: it is not open, was {r.random()}",
    "sql select": lambda r: f"SELECT is_not, her FROM my_table WHERE id = {r.randint(1, 999)}",
    "sql small": lambda r: f"select me, you from our where his is not {r.randint(1, 999)}",
    "sql insert": lambda r: f"insert into they (he, she) values ({r.random()}, 'it is')",
    "json": lambda r: f'{{"he": "is not here", "she": "was there", "n": {r.randint(1, 99)}}}',
    "json list": lambda r: f'["he is", "she was", "they are not", {r.randint(1, 99)}]',
    "xml": lambda r: f'<?xml version="1.0"?><a><b>he is not here and was {r.random()}</b></a>',
    "code c": lambda r: f"for (int i = 0; i < {r.randint(1, 99)}; i++) {{ is[i] = not(me[i]); }}",
    "code py": lambda r: f"def is_not(me, you): return me + {r.randint(1, 99)} if me else you",
    "code js": lambda r: f"const he = () => {{ return she.is({r.randint(1, 99)}); }};",
    "url": lambda r: f"https://example.org/he-is-not-here/{r.randint(1, 999)}?she=was",
    "path": lambda r: f"/srv/data/he is/not/here/{r.randint(1, 999)}/file.txt",
    "user agent": lambda r: f"Mozilla/5.0 (X11; Linux x86_64; rv:{r.randint(60, 120)}.0) Gecko/2010"
    "0101 Firefox/115.0",
    "csv": lambda r: f"a,{r.random()},b,{r.random()},he,is,not,here,{r.random()},x,y",
    "numbers": lambda r: " ".join(str(r.randint(100, 99999)) for _ in range(9)),
    "words of hex": lambda r: " ".join(str(make.hexadecimal(8)(r)) for _ in range(6)),
    "tags": lambda r: ", ".join(r.sample(["red", "blue", "cotton", "summer", "sale", "new"], 5)),
    "tags zh": lambda r: "、".join(r.sample(["足球", "篮球", "游泳", "跑步", "音乐"], 4)),
    "wares": wares,
    "wares small": lambda r: f"red cotton shirt long sleeves size {r.randint(36, 46)}",
    "ware zh": lambda r: f"男士纯棉短袖衬衫 蓝色 {r.randint(36, 46)}码",
    "ware ko": lambda r: f"무선 블루투스 이어폰 {r.randint(1, 99)}세대 블랙",
    "ware ru": lambda r: f"Стол Дубовый Письменный {r.randint(60, 200)} см",
    "titles": any_of("The Lord of the Rings: The Return of the King", "A Winter's Tale of Two",
                     "Gone with the Wind", "The Good, the Bad and the Ugly"),
    "title fr": any_of("Le Grand Meaulnes", "Les Fleurs du mal", "Voyage au bout de la nuit"),
    "address de": make.address_de,
    "address us": make.address_us,
    "address cn": make.address_cn,
    "address es": lambda r: f"Calle Mayor {r.randint(1, 99)}, 28013 Madrid",
    "address fr": lambda r: f"{r.randint(1, 99)} rue des Lilas, 75020 Paris",
    "name": make.full_name,
    "firm": any_of("Muster und Söhne Handels GmbH und Co. KG", "Acme Tools and Parts Ltd"),
    "job": any_of("Senior Software Engineer", "head of sales and marketing"),
    "licence": lambda r: "Permission is hereby granted, free of charge, to any person who is"
    f" obtaining a copy of this software, and you are not to remove it {r.randint(1, 99)}",
    "rights": lambda r: f"Copyright 20{r.randint(10, 24)} The Authors. All rights reserved. It is"
    " not allowed to copy this text without the permission of the authors or their heirs.",
    "lorem": lambda r: "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod"
    f" tempor incididunt ut labore et dolore magna aliqua {r.randint(1, 99)}",
    "uuid": make.a_uuid,
    "jwt": make.jwt,
    "time": lambda r: f"2024-03-{r.randint(10, 28)} 10:11:12.123456+00:00 UTC",
    "key": lambda r: f"he.is.not.here.{r.randint(1, 999)}.message.title",
    "dna": lambda r: " ".join("".join(r.choice("acgt") for _ in range(10)) for _ in range(6)),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_look_alikes_tell_of_nobody(what: str) -> None:
    values = column(OTHERS[what])
    hits, total = counted(values)
    assert hits["prose.told"] <= total * 0.1, hits
    assert hits["prose.contact"] == 0


@pytest.mark.parametrize("what", OTHERS)
def test_look_alikes_are_no_free_text_even_beside_persons(what: str) -> None:
    table = pa.table({"c17": column(OTHERS[what]), "email": column(make.email)})
    assert classify(table).fields["c17"].family != "free_text"


def notes(r: random.Random) -> str:
    return r.choice(NOTES[r.choice(tuple(NOTES))])


def test_free_text_without_a_telling_name_is_found_beside_persons_and_nowhere_else() -> None:
    table = pa.table({"c17": column(notes), "c18": column(make.email)})
    assert classify(table).fields["c17"].kind == "free_text.told"
    alone = pa.table({"c17": column(notes), "n": list(range(make.ROWS))})
    assert classify(alone).fields["c17"].kind == "none"


def test_text_in_which_addresses_stand_is_personal_by_itself() -> None:
    def some(share: float) -> FieldProfile:
        chance = random.Random(5)
        cells = [
            f"{notes(chance)} {make.email(chance)}" if i < share * 1000 else notes(chance)
            for i in range(1000)
        ]
        return classify(pa.table({"c17": cells, "n": list(range(1000))})).fields["c17"]

    assert some(0.02).kind == "free_text.contact"
    assert some(0.015).kind == "none"


# ------------------------------------------------------------- what is inside, against an oracle


def tail(r: random.Random) -> str:
    """What a text may hold: a number of some kind, a wrong one, or nothing."""
    luhns = str(valid("luhn", "4999999999999999")(r))
    made: tuple[Callable[[], str], ...] = (
        lambda: "",
        lambda: f" write to {make.email(r)} today",
        lambda: f" number {make.phone_de(r)} after six",
        lambda: f" call {make.phone_us(r)} please",
        lambda: f" card {luhns[:4]} {luhns[4:8]} {luhns[8:12]} {luhns[12:]} was used",
        lambda: f" card 4{r.randrange(10**14, 10**15)} was used",
        lambda: f" account {iban(r)} is his",
        lambda: f" account DE{r.randrange(10, 99)}{r.randrange(10**17, 10**18)} is his",
        lambda: f" id {valid('es_dni', '99999999A')(r)} shown",
        lambda: f" id {r.randrange(10**7, 10**8)}{r.choice('ABCDEFGH')} shown",
        lambda: f" id {dotted(str(valid('br_cpf', '99999999999')(r)))} shown",
        lambda: f" id {dotted(str(r.randrange(10**10, 10**11)))} shown",
        lambda: f" id {valid('it_cf', 'AAAAAA85H10H501A')(r)} shown",
        lambda: f" id AAAAAA85H10H501{r.choice('ABCDEFG')} shown",
        lambda: f" from {make.ip4(r)} again",
        lambda: f" from {r.randint(256, 999)}.1.1.1 again",
        lambda: f" device {make.mac(r)} seen",
        lambda: f" order {r.randrange(10**8)} on {r.randint(10, 28)}.03.2024 sent",
        lambda: f" version {r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)} runs",
    )
    return r.choice(made)()


def dotted(number: str) -> str:
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"


def iban(r: random.Random) -> str:
    account = f"{r.randrange(10**17, 10**18)}"
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


ORACLE: dict[str, Callable[[str], bool]] = {
    "email": lambda v: bool(re.search(r"(?<!\S)[\w.]+@[\w.]+\.\w+", v)),
    "phone": lambda v: bool(re.search(r"\+49 \d{2,3} \d{7,8}\b|\(\d{3}\) \d{3}-\d{4}", v)),
    "card.pan": lambda v: any(
        luhn.is_valid(n.replace(" ", "")) for n in re.findall(r"\b4\d{3}(?: ?\d{4}){3}\b", v)
    ),
    "bank.iban": lambda v: any(
        mod_97_10.is_valid(n[4:] + n[:4]) for n in re.findall(r"\bDE\d{20}\b", v)
    ),
    "gov_id.es.dni": lambda v: any(
        dni.is_valid(n) or nie.is_valid(n) for n in re.findall(r"\b[XYZ\d]\d{7}[A-Z]\b", v)
    ),
    "gov_id.br.cpf": lambda v: any(
        cpf.is_valid(n) for n in re.findall(r"\b\d{3}\.\d{3}\.\d{3}-\d\d\b", v)
    ),
    "gov_id.it.cf": lambda v: any(
        codicefiscale.calc_check_digit(n[:15]) == n[15]
        for n in re.findall(r"\b[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]\b", v)
    ),
    "ip": lambda v: any(
        all(int(part) < 256 for part in n.split("."))
        for n in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", v)
    ),
    "device.mac": lambda v: bool(re.search(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", v)),
}


def test_rates_inside_are_exactly_those_of_a_slow_search() -> None:
    chance = random.Random(11)
    cells = [notes(chance) + tail(chance) for _ in range(3_000)]
    cells += cells[:500]  # values that come again count again
    hits, total = counted(list(cells))
    assert total == len(cells)
    for kind, oracle in ORACLE.items():
        wanted = sum(oracle(cell) for cell in cells)
        assert wanted > 50, kind
        assert hits[f"inside.{kind}"] == wanted, kind


INSIDE: tuple[tuple[str, str], ...] = (
    ("gov_id.cn.ric", "身份证号码是11010519491231002X,请核对一下。"),
    ("phone", "他的手机13812345678打不通,请再试一次。"),
    ("phone", "어제 010-1234-5678 번호로 전화했습니다."),
    ("phone", "рабочий тел. 8 (495) 123-45-67, звонить утром"),
    ("phone", "Merci de me rappeler au 06 12 34 56 78 ce soir"),
    ("phone", "my whatsapp number is 9876543210 thank you"),
    ("gov_id.us.ssn", "caller gave SSN 219-09-9999 to the agent"),
    ("gov_id.uk.nino", "her NI number is AB 12 34 56 C she said"),
    ("gov_id.in.aadhaar", "aadhaar 2341 2341 2346 was shown at the desk"),
    ("gov_id.pl.pesel", "pacjentka podała PESEL 44051401359 przez telefon"),
    ("gov_id.passport", "travels with passport no. X1234567 next week"),
    ("birth.date", "the boy was born on 3 May 2011 in the car"),
    ("birth.date", "Versicherter geb. 12.03.1980 hat sich gemeldet"),
    ("birth.date", "张女士,1980年3月12日出生,现住本市。"),
    ("birth.date", "дата рождения 12.03.1980, проживает один"),
    ("vehicle.plate.cn", "一辆车牌京A12345的白色轿车停在门口"),
    ("name", "we met Mrs Quimby at the door and talked"),
    ("name", "later Thaddeus Thornbury came back for it"),
    ("name", "Frau Zwickel möchte einen Rückruf haben"),
    ("name", "звонила Анна Сергеевна, просила справку"),
    ("name", "昨日、山本さんから電話がありました。"),
    ("name", "王女士要求退款,已经答复她了。"),
    ("name", "김민수 씨에게 다시 연락해야 합니다."),
    ("name", "اتصلت السيدة فاطمة وطلبت موعدا جديدا"),
    ("address", "moved to 12 Quarry Street with her sister"),
    ("address", "wohnt jetzt in der Lindenallee 14 bei ihm"),
    ("address", "搬到建国路88号和母亲一起住了"),
    ("health", "she was diagnosed with asthma last year"),
    ("health", "Patientin ist schwanger und nimmt Insulin"),
    ("health", "患者有糖尿病,需要每天打针。"),
    ("health", "у него диабет, нужен рецепт на месяц"),
    ("religion", "the family is muslim and asked for halal food"),
    ("ethnicity", "他是维吾尔族,来本市打工两年了。"),
    ("sexuality", "he told the counsellor that he is gay"),
    ("criminal", "was arrested for burglary twice last year"),
    ("politics", "因上访被劝返三次,目前在家。"),
    ("trade_union", "is a shop steward and union member here"),
    ("secret", "the router password is Hunter22! as agreed"),
    ("secret", "пароль от почты: qwerty777, не менять"),
    ("secret", "uses key AKIAIOSFODNN7EXAMPLE for the upload"),
    ("gps", "found the bag at 48.13712, 11.57549 near a tree"),
)
NOT_INSIDE: tuple[tuple[str, str], ...] = (
    ("email", "we met @ noon and he paid 3@5 euros for it"),
    ("phone", "order 20240312 was paid with 12,000,000 points"),
    ("phone", "from 2024-03-12 10:11 until 2024-04-01 12:00 closed"),
    ("card.pan", "parcel 4111111111111112 has not arrived yet"),
    ("gov_id.us.ssn", "part 000-12-3456 does not fit the machine"),
    ("gov_id.cn.ric", "订单号110105194912310021已经发货,请等待。"),
    ("birth.date", "the show on 3 May 2011 was born out of need"),
    ("name", "San Francisco and New York were both closed"),
    ("name", "各位先生请注意,明天不开门。"),
    ("address", "see page 12 of the handbook for the street"),
    ("health", "the tumbler was fixed and the heat is back on"),
    ("secret", "she forgot the password and asked for a new one"),
    ("ip", "version 1.2.3.4.5 was installed yesterday night"),
    ("device.mac", "from 10:11:12 to 13:14:15 nobody was there"),
    ("gps", "paid 48.13, then 11.57 and will pay the rest"),
)


@pytest.mark.parametrize(("kind", "text"), INSIDE)
def test_kind_inside_is_met(kind: str, text: str) -> None:
    hits, _ = counted([text])
    assert hits[f"inside.{kind}"] == 1, hits


@pytest.mark.parametrize(("kind", "text"), NOT_INSIDE)
def test_look_alike_inside_is_not_met(kind: str, text: str) -> None:
    hits, _ = counted([text])
    assert hits[f"inside.{kind}"] == 0, hits


def test_names_do_not_run_over_from_one_value_into_the_next() -> None:
    hits, _ = counted(["he was there with our Thaddeus", "Thornbury did not come to the meeting"])
    assert hits["inside.name"] == 0
    hits, _ = counted(["it was said to be so", "Thaddeus Thornbury was not at home that day"])
    assert hits["inside.name"] == 1


def test_short_codes_and_names_are_not_searched() -> None:
    for maker in (make.full_name, make.a_uuid, make.email, make.phone_de, make.born):
        hits, _ = counted([str(value) for value in column(maker)])
        assert not any(key.startswith("inside.") for key in hits), maker


# ------------------------------------------------------------------------------------- in words


def test_what_is_inside_is_said_in_words_by_rate() -> None:
    counts = Counts(values=2_000)
    met = {"phone": 60, "email": 240, "card.pan": 20, "ip": 1, "health": 400, "gov_id.es.dni": 2}
    counts.hits.update({f"inside.{kind}": number for kind, number in met.items()})
    assert prose.found(counts) == (
        "20 % of 2,000 values hold words of health",
        "12 % hold an e-mail address",
        "3 % hold a telephone number",
        "1 % hold a card number",
        "0.1 % hold an official number (ES)",
    )
    assert list(prose.kinds_inside(counts))[:2] == ["health", "email"]
    assert prose.kinds_inside(counts)["ip"] == 1 / 2_000
    assert prose.found(Counts()) == ()


def test_every_kind_inside_can_be_said_and_is_of_the_catalogue_or_a_family() -> None:
    counts = Counts(values=100)
    for kind, _ in INSIDE:
        counts.hits[f"inside.{kind}"] = 50
    for kind in ORACLE:
        counts.hits[f"inside.{kind}"] = 50
    assert len(prose.found(counts)) == len(prose.kinds_inside(counts))
    families = {kind.family for kind in BY_ID.values()}
    assert {k for k in prose.kinds_inside(counts) if k not in BY_ID} <= families | {
        "gov_id.uk.nino", "gov_id.passport"
    }  # fmt: skip


def test_kinds_inside_make_free_text_surer_from_one_in_a_hundred_on() -> None:
    for number, wanted in ((0, 0.6), (9, 0.6), (10, 0.65), (99, 0.65), (100, 0.7), (900, 0.7)):
        counts = Counts(values=1_000)
        counts.hits["inside.email"] = number
        assert prose.raised(0.6, counts) == pytest.approx(wanted), number
    assert prose.raised(0.93, counts) == 0.95


def test_halves_add_up_and_order_does_not_matter() -> None:
    chance = random.Random(3)
    cells: list[object] = [notes(chance) + tail(chance) for _ in range(400)]
    whole, _ = counted(cells)
    one, two = counted(cells[:150])[0], counted(cells[150:])[0]
    assert Counter({k: v for k, v in whole.items() if v}) == one + two
    chance.shuffle(cells)
    assert counted(cells)[0] == whole
