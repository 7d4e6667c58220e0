"""A table of field names and values for every family, and the look-alikes that are none of them."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from leftopen.classifier import classify
from leftopen.classifier.catalogue import KINDS
from tests.classifier import make
from tests.classifier.make import Maker, any_of, column, digits, float_in, valid, whole_in

# (collection, field name, values, kind or the start of it)
PERSONAL: list[tuple[str, str, Maker, str]] = [
    ("people", "name", make.full_name, "name."),
    ("customers", "full_name", make.full_name, "name."),
    ("", "姓名", make.han_name, "name."),
    ("t_user_base", "f_xm", make.han_name, "name."),
    ("", "first_name", any_of(*make.GIVEN, *make.RARE), "name.given"),
    ("", "vorname", any_of(*make.GIVEN), "name.given"),
    ("", "apellidos", any_of(*make.FAMILY), "name.family"),
    ("", "lastName", any_of(*make.FAMILY), "name.family"),
    ("users", "username",
     lambda r: f"{r.choice(make.GIVEN).lower()}{r.randrange(999)}", "username"),
    ("users", "昵称", lambda r: f"dragon{r.randrange(999)}", "username"),
    ("", "email", make.email, "email"),
    ("", "contact.mailAddress", make.email, "email"),
    ("", "phone", make.phone_de, "phone"),
    ("", "telefono", lambda r: f"9{r.randint(10000000, 99999999)}", "phone"),
    ("t_user_base", "f_mobile", make.phone_cn, "phone.cn"),
    ("", "sjh", make.phone_cn, "phone.cn"),
    ("", "cell", make.phone_us, "phone.us"),
    ("people", "address", make.address_de, "address"),
    ("", "家庭住址", make.address_cn, "address"),
    ("", "home_address", make.address_us, "address"),
    ("customers", "city", any_of("Ulm", "Köln", "Paris", "São Paulo"), "locality"),
    ("people", "plz", lambda r: f"{r.randint(10000, 99999)}", "postcode"),
    ("", "zip_code", lambda r: f"{r.randint(10000, 99999)}-{r.randint(1000, 9999)}", "postcode"),
    ("", "birth_date", make.born, "birth.date"),
    ("", "csrq", lambda r: f"{make.born(r):%Y%m%d}", "birth.date"),
    ("", "fecha_nacimiento", lambda r: f"{make.born(r):%d/%m/%Y}", "birth.date"),
    ("", "geburtsdatum", lambda r: f"{make.born(r):%d.%m.%Y}", "birth.date"),
    ("", "birth_year", whole_in(1930, 2015), "birth.year"),
    ("", "lieu_naissance", any_of("Lyon", "Nantes", "Lille"), "birth.place"),
    ("patients", "age", whole_in(0, 99), "age"),
    ("", "death_date", make.born, "death.date"),
    ("", "national_id",
     valid("cn_ric", "110101yyyymmdd9999", "310115yyyymmdd9999"), "gov_id.cn.ric"),
    ("", "sfzh", valid("cn_ric", "440305yyyymmdd9999"), "gov_id.cn.ric"),
    ("", "ssn",
     lambda r: f"{r.randint(100, 600)}-{r.randint(10, 99)}-{r.randint(1000, 9999)}",
     "gov_id.us.ssn"),
    ("", "dni", valid("es_dni", "99999999A"), "gov_id.es.dni"),
    ("", "numero_secu", valid("fr_nir", "285067599999999", "190037599999999"), "gov_id.fr.nir"),
    ("", "steuer_id", valid("de_idnr", "99999999999"), "gov_id.de.idnr"),
    ("", "codice_fiscale", valid("it_cf", "AAAAAA85H10H501A"), "gov_id.it.cf"),
    ("", "bsn", valid("nl_bsn", "999999999"), "gov_id.nl.bsn"),
    ("", "cpf", valid("br_cpf", "99999999999"), "gov_id.br.cpf"),
    ("", "aadhaar", valid("in_aadhaar", "299999999999"), "gov_id.in.aadhaar"),
    ("", "pesel", valid("pl_pesel", "yymmdd99999"), "gov_id.pl.pesel"),
    ("", "personnummer", valid("se_pnr", "yyyymmdd9999"), "gov_id.se.personnummer"),
    ("", "rijksregisternummer", valid("be_nn", "yymmdd99999"), "gov_id.be.nn"),
    ("", "tc_kimlik", valid("tr_tckn", "99999999999"), "gov_id.tr.tckn"),
    ("", "nino", lambda r: f"AB{r.randint(100000, 999999)}C", "gov_id.uk.nino"),
    ("", "curp", valid("mx_curp", "BOXW310820HNERXN99"), "gov_id.mx.curp"),
    ("", "passport_no", lambda r: f"C{r.randint(10000000, 99999999)}", "gov_id.passport"),
    ("", "driving_licence", lambda r: f"B{r.randint(1000000, 9999999)}", "gov_id.driving_licence"),
    ("", "voter_id", lambda r: f"VOT{r.randint(1000000, 9999999)}", "gov_id.voter"),
    ("", "taxpayer_id", lambda r: f"{r.randint(1000000000, 9999999999)}001", "gov_id"),
    ("visits", "patient_no", whole_in(1000, 99999), "person_id"),
    ("", "customer_id", make.a_uuid, "person_id"),
    ("", "kundennummer", lambda r: f"K-{r.randint(1000, 99999)}", "person_id"),
    ("", "nhs_number", valid("uk_nhs", "9999999999"), "person_id.uk.nhs"),
    ("", "gender", any_of("male", "female", "other"), "gender"),
    ("t_user", "xb", any_of("男", "女"), "gender"),
    ("", "sexo", any_of("M", "F"), "gender"),
    ("", "sex_code", any_of(0, 1, 2), "gender"),
    ("", "nationality", any_of("DE", "FR", "IT", "CN"), "nationality"),
    ("", "国籍", any_of("中国", "日本", "德国"), "nationality"),
    ("", "marital_status", any_of("single", "married", "divorced"), "marital"),
    ("", "familienstand", any_of("ledig", "verheiratet"), "marital"),
    ("", "ethnicity", any_of("Han", "Uyghur", "Hui"), "ethnicity"),
    ("t_user", "mz", any_of("汉族", "维吾尔族", "回族"), "ethnicity"),
    ("", "religion", any_of("catholic", "muslim", "buddhist"), "religion"),
    ("", "konfession", any_of("evangelisch", "katholisch", "konfessionslos"), "religion"),
    ("", "zzmm", any_of("群众", "中共党员", "共青团员"), "politics"),
    ("voters", "party", any_of("Republican", "Democrat", "Independent"), "politics"),
    ("", "diagnosis_code",
     lambda r: f"{r.choice('FEIJ')}{r.randint(10, 99)}.{r.randint(0, 9)}", "health.icd10"),
    ("patients", "diagnosis", any_of("asthma", "depression", "diabetes"), "health"),
    ("", "blood_group", any_of("A+", "0-", "AB+", "B+"), "health.blood_group"),
    ("", "sexual_orientation", any_of("heterosexual", "gay", "bisexual"), "sexuality"),
    ("employees", "union_member", any_of(True, False), "trade_union"),
    ("", "gewerkschaft", any_of("ver.di", "IG Metall"), "trade_union"),
    ("", "genotype", any_of("A/G", "C/T", "G/G"), "genetic"),
    ("", "face_embedding", make.unit_vector(128), "face.embedding"),
    ("", "人脸特征", make.unit_vector(512), "face.embedding"),
    ("people", "photo", make.image, "face.image"),
    ("", "portrait_url",
     lambda r: f"https://cdn.example.org/p/{r.randrange(9999)}.jpg", "face.image"),
    ("", "fingerprint_template", lambda r: b"FMR\x00" + r.randbytes(200), "fingerprint"),
    ("", "left_iris", lambda r: b"IIR\x00" + r.randbytes(200), "iris"),
    ("", "voiceprint", make.unit_vector(256), "voice"),
    ("people", "lat", float_in(47, 55), "gps.lat"),
    ("people", "longitude", float_in(6, 15), "gps.lon"),
    ("people", "location.coordinates[]",
     lambda r: [r.uniform(6, 15), r.uniform(47, 55)], "gps.point"),
    ("people", "position",
     lambda r: f"POINT({r.uniform(6, 15):.5f} {r.uniform(47, 55):.5f})", "gps.text"),
    ("people", "employer", any_of("Acme Ltd", "Muster GmbH", "Exemple SA"), "employer"),
    ("", "工作单位", any_of("某某公司", "某某大学"), "employer"),
    ("people", "occupation", any_of("teacher", "nurse", "driver"), "job"),
    ("employees", "salary", float_in(20000, 90000), "finance"),
    ("customers", "kontostand", float_in(-500, 9000), "finance"),
    ("", "card_number", make.card, "card.pan"),
    ("", "cvv", lambda r: f"{r.randint(0, 999):03}", "card.cvc"),
    ("", "card_expiry", lambda r: f"{r.randint(1, 12):02}/{r.randint(25, 31)}", "card.expiry"),
    ("", "iban", valid("iban", "DE99999999999999999999"), "bank.iban"),
    ("", "kontonummer", digits(10), "bank.account"),
    ("users", "password", lambda r: f"{r.choice(make.GIVEN)}{r.randrange(99)}!", "secret.password"),
    ("users", "pwd", make.hexadecimal(32), "secret.digest"),
    ("", "passwordHash", make.bcrypt, "secret.hash"),
    ("", "api_key", lambda r: f"sk_live_{make.hexadecimal(24)(r)}", "secret.api_key"),
    ("sessions", "token", make.hexadecimal(40), "secret.token"),
    ("", "authorization", make.jwt, "secret.jwt"),
    ("logins", "ip", make.ip4, "ip"),
    ("", "client_ip", make.ip6, "ip"),
    ("", "imei", valid("imei", "359999999999999"), "device.imei"),
    ("", "wifi_mac", make.mac, "device.mac"),
    ("", "android_id", make.hexadecimal(16), "device.id"),
    ("", "kennzeichen", make.plate_de, "vehicle.plate"),
    ("", "cph", make.plate_cn, "vehicle.plate"),
    ("", "vin", valid("vin", "1M8GDM9AAAP999999"), "vehicle.vin"),
    ("patients", "session_notes", make.prose, "free_text"),
    ("", "bemerkung", make.prose, "free_text"),
    ("people", "学历", any_of("本科", "硕士", "高中"), "education"),
    ("people", "education_level", any_of("High School", "Bachelor", "PhD"), "education"),
    ("people", "mother_name", make.full_name, "family_tie"),
    ("people", "num_children", whole_in(0, 5), "family_tie"),
    ("", "twitter_handle", lambda r: f"@{r.choice(make.GIVEN)}{r.randrange(99)}", "social_account"),
    ("people", "flight_number", lambda r: f"LH{r.randint(100, 999)}", "travel"),
    ("people", "home_ownership", any_of("own", "rent"), "housing"),
    ("", "ration_card_no", lambda r: f"RC{r.randint(100000, 999999)}", "welfare"),
    ("", "criminal_record", any_of("none", "theft", "fraud"), "criminal"),
    ("visits_of_persons", "place_type", any_of("mosque", "clinic", "hotel"), "place.label"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("collection", "field", "values", "kind"), PERSONAL, ids=[f"{c}.{f}" for c, f, _, _ in PERSONAL]
)
def test_name_and_values_together(collection: str, field: str, values: Maker, kind: str) -> None:
    table = pa.table({"row": range(make.ROWS), field: column(values)})
    profile = classify(table, collection)
    found = profile.fields[
        field if field.endswith("[]") or not _listed(table, field) else field + "[]"
    ]
    assert found.kind.startswith(kind), found
    assert found.confidence >= 0.55
    assert 0 < found.share <= 1
    assert found.evidence
    assert profile.fields["row"].kind == "none"


def _listed(table: pa.Table, field: str) -> bool:
    return bool(pa.types.is_list(table.schema.field(field).type))


def test_the_table_above_meets_every_family() -> None:
    from_traces = {"location_trace", "none"}  # see test_town.py and test_national.py
    assert {k.family for k in KINDS} - from_traces == {
        next(k.family for k in KINDS if k.id.startswith(kind)) for *_, kind in PERSONAL
    }


# Values that tell without a name.
NAMELESS: list[tuple[Maker, str]] = [
    (valid("cn_ric", "110101yyyymmdd9999"), "gov_id.cn.ric"),
    (valid("es_dni", "99999999A"), "gov_id.es.dni"),
    (valid("it_cf", "AAAAAA85H10H501A"), "gov_id.it.cf"),
    (valid("pl_pesel", "yymmdd99999"), "gov_id.pl.pesel"),
    (valid("br_cpf", "99999999999"), "gov_id.br.cpf"),
    (valid("fr_nir", "285067599999999"), "gov_id.fr.nir"),
    (valid("iban", "DE99999999999999999999"), "bank.iban"),
    (make.card, "card.pan"),
    (make.email, "email"),
    (make.phone_de, "phone"),
    (make.phone_us, "phone"),
    (make.phone_cn, "phone"),
    (make.ip4, "ip"),
    (make.ip6, "ip"),
    (make.mac, "device.mac"),
    (make.full_name, "name."),
    (make.han_name, "name."),
    (make.address_us, "address"),
    (make.address_de, "address"),
    (make.address_cn, "address"),
    (make.bcrypt, "secret.hash"),
    (make.jwt, "secret.jwt"),
    (make.plate_cn, "vehicle.plate"),
    (any_of("汉族", "维吾尔族", "回族"), "ethnicity"),
    (any_of("catholic", "muslim", "hindu"), "religion"),
    (any_of("male", "female"), "gender"),
    (any_of("A+", "0-", "AB+", "B+"), "health.blood_group"),
    (any_of("heterosexual", "bisexual"), "sexuality"),
    (lambda r: f"F{r.randint(10, 99)}.{r.randint(0, 9)}", "health.icd10"),
    (lambda r: "FMR"[:3].encode() + b"\x00" + r.randbytes(90), "fingerprint"),
]


@pytest.mark.parametrize(
    ("values", "kind"), NAMELESS, ids=[f"{i}-{k}" for i, (_, k) in enumerate(NAMELESS)]
)
def test_values_alone(values: Maker, kind: str) -> None:
    found = classify(pa.table({"c17": column(values)})).fields["c17"]
    assert found.kind.startswith(kind), found


def product(r: random.Random) -> str:
    thing = r.choice(("Chair", "Table", "Lamp"))
    return f"{r.choice(('Blue', 'Oak', 'Soft'))} {thing} {r.randint(1, 9)}"


# (collection, field name, values): what is not personal data, however it looks.
OTHER: list[tuple[str, str, Maker]] = [
    ("payment", "rental_id", whole_in(1, 9999)),
    ("users", "title_of_courtesy", any_of("Ms.", "Dr.")),
    ("orders", "order_no", digits(9)),
    ("orders", "order_no", digits(11)),
    ("orders", "order_number", digits(16)),
    ("", "c1", digits(9)),
    ("", "c2", digits(10)),
    ("", "c3", digits(11)),
    ("", "c4", digits(12)),
    ("", "c5", digits(13)),
    ("", "c6", digits(15)),
    ("", "c7", digits(16)),
    ("", "c8", digits(18)),
    ("", "c9", whole_in(10**8, 10**9 - 1)),
    ("", "c10", whole_in(0, 9)),
    ("", "c11", float_in(-90, 90)),
    ("", "c12", make.hexadecimal(32)),
    ("", "c13", make.a_uuid),
    ("", "id", make.a_uuid),
    ("", "_id", make.hexadecimal(24)),
    ("files", "sha256", make.hexadecimal(64)),
    ("commits", "commit", make.hexadecimal(40)),
    ("packages", "version", lambda r: f"{r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 9)}"),
    ("packages", "version",
     lambda r: f"{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}"),
    ("metrics", "temperature", float_in(-20, 40)),
    ("sensors", "reading", float_in(0, 180)),
    ("products", "name", product),
    ("products", "name", any_of("Acme Ltd", "Muster GmbH", "Exemple SA")),
    ("companies", "name", any_of("Acme Ltd", "Muster GmbH", "Exemple SA")),
    ("", "product_name", product),
    ("", "company_name", any_of("Acme Ltd", "Muster GmbH")),
    ("", "file_name", lambda r: f"report_{r.randint(1, 99)}.pdf"),
    ("products", "description", make.prose),
    ("products", "image", lambda r: f"/img/{r.randint(1, 999)}.jpg"),
    ("products", "embedding", make.unit_vector(128)),
    ("", "product_vector", make.unit_vector(512)),
    ("products", "sku", lambda r: f"AB-{r.randint(1000, 9999)}"),
    ("products", "ean", lambda r: f"40{r.randint(10**10, 10**11 - 1)}"),
    ("products", "price", float_in(1, 100)),
    ("products", "color", any_of("white", "black", "green", "brown")),
    ("products", "status", any_of("active", "inactive")),
    ("users", "email_verified", any_of(True, False)),
    ("users", "email_verified_at", make.recent),
    ("users", "phone_type", any_of("home", "work", "mobile")),
    ("users", "created_at", make.recent),
    ("users", "is_active", any_of(True, False)),
    ("users", "age_verified", any_of(True, False)),
    ("users", "login_count", whole_in(0, 500)),
    ("users", "password_changed_at", make.recent),
    ("", "ACADEMIC_YEAR_CODE", lambda r: f"{r.randint(2010, 2024)}"),
    ("", "capacity", whole_in(1, 99)),
    ("", "page", whole_in(1, 99)),
    ("logs", "message", any_of("connection closed by the peer after the time was over", "retry")),
    ("logs", "level", any_of("INFO", "WARN", "ERROR")),
    ("logs", "host", lambda r: f"web-{r.randint(1, 9)}.example.org"),
    ("servers", "server_ip", make.ip4),
    ("servers", "mac_count", whole_in(0, 9)),
    ("stations", "lat", float_in(47, 55)),
    ("stores", "address", make.address_de),
    ("routes", "latency", float_in(0, 90)),
    ("", "longest_run", float_in(0, 90)),
    ("", "platform", any_of("ios", "android")),
    ("", "currency", any_of("EUR", "USD")),
    ("", "url", lambda r: f"https://example.org/{r.randint(1, 999)}"),
    ("races", "race", any_of("Monza", "Spa", "Monaco")),
    ("", "state", any_of("open", "closed", "pending")),
    ("", "type", any_of("A", "B", "O")),
    ("events", "event_type", any_of("click", "view")),
    ("tokens_used", "token_count", whole_in(1, 4000)),
    ("", "address", make.hexadecimal(40)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("collection", "field", "values"),
    OTHER,
    ids=[f"{i}-{c}.{f}" for i, (c, f, _) in enumerate(OTHER)],
)
def test_look_alikes_are_not_called_personal(collection: str, field: str, values: Maker) -> None:
    table = pa.table({field: column(values), "amount": column(float_in(1, 99))})
    for found in classify(table, collection).fields.values():
        assert found.kind == "none", found
        assert found.family == "none"
        assert not found.special
        assert found.evidence


def test_what_calls_itself_an_email_and_is_a_hash_is_a_hash() -> None:
    for field in ("email", "email_hash", "phone_sha256", "hashedName"):
        found = classify(pa.table({field: column(make.hexadecimal(64))})).fields[field]
        assert (found.kind, found.family) == ("secret.digest", "secret"), field


def test_name_that_the_values_deny_is_not_believed_and_the_reason_is_given() -> None:
    found = classify(pa.table({"email": column(any_of("red", "green"))})).fields["email"]
    assert found.kind == "none"
    assert "the name says e-mail, but only 0 % of 240 values are e-mail addresses" in found.evidence


def test_confidence_is_high_only_where_name_and_values_agree_or_a_checksum_convinces() -> None:
    table = pa.table(
        {
            "email": column(make.email),
            "c2": column(valid("cn_ric", "110101yyyymmdd9999")),
            "diagnosis": column(any_of("k. A.", "see chart")),
            "c4": column(make.full_name),
        }
    )
    found = classify(table, "").fields
    assert found["email"].confidence >= 0.95
    assert found["c2"].confidence >= 0.95
    assert 0.5 <= found["diagnosis"].confidence < found["email"].confidence
    assert 0.5 <= found["c4"].confidence < found["c2"].confidence


def test_a_dirty_column_is_said_with_its_share_and_less_confidence() -> None:
    mixed = column(make.email)[:120] + column(any_of("n/a", "unknown person"))[:120]
    found = classify(pa.table({"email": mixed})).fields["email"]
    assert found.kind == "email"
    assert found.share == 0.5
    assert found.confidence < 0.7


def test_evidence_speaks_in_numbers_and_never_in_values_or_raw_names() -> None:
    field = "email_of_zorbax_quintrell"
    values = column(lambda r: f"zorbax{r.randrange(9999)}@quintrell.example")
    said = " ".join(classify(pa.table({field: values}), "zorbax").fields[field].evidence)
    assert "100 % of 240 values are e-mail addresses" in said
    assert "zorbax" not in said
    assert "quintrell" not in said
