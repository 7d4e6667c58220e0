"""Special categories and a life in society: by name, by values, and the look-alikes of both."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from leftopen.classifier import classify
from tests.classifier import make
from tests.classifier.make import Maker, any_of, column, digits

OWN = {
    "gender", "marital", "nationality", "ethnicity", "religion", "politics", "trade_union",
    "health", "sexuality", "genetic", "education", "family_tie", "social_account", "travel",
    "housing", "welfare", "criminal", "place_label",
}  # fmt: skip


def openid(r: random.Random) -> str:
    """Like what WeChat gives: an o, then 27 characters."""
    return "o" + "".join(r.choice("abcdefXYZ0123456789_-") for _ in range(27))


def record_locator(r: random.Random) -> str:
    return "".join(r.choice("ABCDEFGHJK23456789") for _ in range(6))


def bases(r: random.Random) -> str:
    return "".join(r.choice("ACGT") for _ in range(60))


# (family, field name, values): the values are codes, made-up or rare words as far as can be.
NAMED: list[tuple[str, str, Maker]] = [
    ("health", "diagnosis_desc", any_of("Otosclerosis", "Cholangitis", "Uveitis", "Hyperkalemia")),
    ("health", "krankheitsbild_diagnose", any_of("Sarkoidose", "Zöliakie")),
    ("health", "medication", any_of("Zyntoril", "Cardivex")),
    ("health", "病史", any_of("无特殊", "有手术")),
    ("health", "icd10", lambda r: f"{r.choice('EFIJKMS')}{r.randrange(10, 60)}{r.randrange(10)}"),
    ("health", "cid10", lambda r: f"J{r.randrange(10, 99)}"),
    ("health", "dx_code", lambda r: f"I{r.randrange(10, 99)}.{r.randrange(10)}"),
    ("health", "icd9_code", lambda r: f"{r.randrange(100, 999)}.{r.randrange(100):02}"),
    ("health", "snomed_code", any_of("195967001", "38341003", "44054006", "73211009")),
    ("health", "loinc_code", any_of("8480-6", "8462-4", "29463-7")),
    ("health", "blood_grp", any_of("A1 +ve", "O -ve")),
    ("health", "血型", any_of("A", "O", "B")),
    ("health", "fasilat_dam", any_of("O+", "A-")),
    ("health", "pflegegrad", any_of(1, 2, 3)),
    ("health", "sick_leave_days", lambda r: r.randrange(30)),
    ("health", "hiv_status", any_of("P", "N")),
    ("health", "impfstoff", any_of("Vaxelis", "Repevax")),
    ("health", "raucher", any_of(True, False)),
    ("health", "bmi", lambda r: r.uniform(18, 40)),
    ("health", "BloodPressure", lambda r: f"{r.randrange(100, 160)}/{r.randrange(60, 99)}"),
    (
        "health",
        "ndc",
        lambda r: f"{r.randrange(10000, 99999)}-{r.randrange(1000, 9999)}-{r.randrange(10, 99)}",
    ),
    ("health", "allergies", any_of("Walnut", "Bee")),
    ("health", "viklangta", any_of("haan", "nahi")),
    ("health", "инвалидность", any_of("1 группа", "нет")),
    ("health", "disabilityPct", lambda r: r.randrange(100)),
    ("health", "isPregnant", any_of(True, False)),
    ("health", "drg", lambda r: f"{r.randrange(100, 999)}"),
    ("ethnicity", "ethnic_group", any_of("Bashkort", "Gagauz")),
    ("ethnicity", "minzu", any_of("01", "02", "03")),
    ("ethnicity", "cor_raca", any_of("1", "2", "3")),
    ("ethnicity", "race_code", any_of("W", "B", "A", "H")),
    ("ethnicity", "caste", any_of("Kapu", "Reddy")),
    ("ethnicity", "suku_bangsa", any_of("Nias", "Toraja")),
    ("ethnicity", "race", any_of("White", "Black", "Asian")),
    ("ethnicity", "национальность", any_of("ногаец", "лезгин")),
    ("religion", "konfession", any_of("evang.", "kath.", "o.B.")),
    ("religion", "agama", any_of("Islam", "Kristen")),
    ("religion", "faith", any_of("Samaritan", "Mandaean")),
    ("religion", "dharm", any_of("Lingayat", "Sarna")),
    ("religion", "الديانة", any_of("صابئي", "بهائي")),
    ("politics", "partyAffiliation", any_of("Whig", "Tory")),
    ("politics", "party", any_of("Republican", "Democrat")),
    ("politics", "political_view", any_of("centre", "left")),
    ("politics", "zhengzhimianmao", any_of("03", "13")),
    ("politics", "intencion_voto", any_of("A", "B")),
    ("politics", "Partei", any_of("SPD", "AfD", "FDP")),
    ("trade_union", "union_membership", any_of("Y", "N")),
    ("trade_union", "sindicato", any_of("USO", "STC")),
    ("trade_union", "профсоюз", any_of("да", "нет")),
    ("trade_union", "vakbond", any_of("AVV", "Unie")),
    ("sexuality", "sexual_orientation", any_of("1", "2")),
    ("sexuality", "orientation", any_of("gay", "straight", "bisexual")),
    ("sexuality", "xingquxiang", any_of("异性", "同性")),
    ("sexuality", "contraceptive_method", any_of("IUD", "pill")),
    ("genetic", "rsid", lambda r: f"rs{r.randrange(1000, 10**8)}"),
    ("genetic", "hgvs", any_of("c.5266dupC", "c.68_69delAG")),
    ("genetic", "brca1_status", any_of("carrier", "wt")),
    ("genetic", "haplogroup", any_of("R1b1a2", "H1c")),
    ("genetic", "dna_profile", any_of("12,14", "15,16")),
    ("gender", "gndr", any_of("1", "2")),
    ("gender", "Geschlecht", any_of("w", "m", "d")),
    ("gender", "cinsiyet", any_of("E", "K")),
    ("gender", "pol_pacienta", any_of("м", "ж")),
    ("gender", "xb", any_of("1", "2")),
    ("gender", "jenis_kelamin", any_of("L", "P")),
    ("marital", "maritalStatus", any_of("S", "M", "D")),
    ("marital", "hyzk", any_of("10", "20")),
    ("marital", "medeni_hali", any_of("Evli", "Bekar")),
    ("marital", "семейное_положение", any_of("женат", "холост")),
    ("marital", "estadoCivil", any_of("1", "2")),
    ("nationality", "nationality_cd", any_of("DEU", "FRA")),
    ("nationality", "uyruk", any_of("TC", "SY")),
    ("nationality", "гражданство", any_of("РФ", "РБ")),
    ("nationality", "al_jinsiya", any_of("مصري", "سوري")),
    ("education", "highest_qualification", any_of("NVQ3", "BTEC L2")),
    ("education", "学历", any_of("41", "31")),
    ("education", "alma_mater", any_of("Univ. of Nowhere", "Test College")),
    ("education", "образование", any_of("в", "с")),
    ("education", "egitim_durumu", any_of("1", "2")),
    ("education", "degree", any_of("Bachelor of Arts", "PhD")),
    ("family_tie", "father_name", any_of("John Smith", "Peter Brown")),
    ("family_tie", "户主姓名", any_of("王伟", "李娜")),
    ("family_tie", "emergency_contact", any_of("Jane Roe", "Max Muster")),
    ("family_tie", "household_id", lambda r: r.randrange(10**6)),
    ("family_tie", "pita_ka_naam", any_of("Ram Lal", "Shyam Das")),
    ("family_tie", "kinderzahl", any_of(0, 1, 2)),
    ("social_account", "weibo_uid", digits(10)),
    ("social_account", "instagram_handle", any_of("@foo", "@bar")),
    ("social_account", "wx_openid", openid),
    ("social_account", "vk_id", digits(9)),
    ("social_account", "телеграм", any_of("@qwe", "@asd")),
    ("travel", "pnr", record_locator),
    ("travel", "航班号", any_of("CA1234", "MU511")),
    ("travel", "seat_no", any_of("12A", "3C")),
    ("travel", "einreisedatum", any_of("2020-01-02", "2021-03-04")),
    ("travel", "entry_port", any_of("Dover", "Calais")),
    ("housing", "homeOwnership", any_of("OWN", "RENT")),
    ("housing", "房产证号", digits(10)),
    ("housing", "monthly_rent", lambda r: r.randrange(500, 3000)),
    ("housing", "woningbezit", any_of("K", "H")),
    ("welfare", "social_credit_score", lambda r: r.randrange(300, 900)),
    ("welfare", "低保", any_of("是", "否")),
    ("welfare", "ration_card", digits(12)),
    ("welfare", "льготная_категория", any_of("01", "02")),
    ("welfare", "bpl", any_of("Y", "N")),
    ("criminal", "convictions", lambda r: r.randrange(5)),
    ("criminal", "案号", any_of("(2019)京0105刑初123号", "(2018)沪01刑终45号")),
    ("criminal", "前科", any_of("有", "无")),
    ("criminal", "arrest_date", any_of("2020-01-02", "2021-03-04")),
    ("criminal", "судимость", any_of("есть", "нет")),
    ("criminal", "haftgrund_straftat", any_of("x", "y")),
    ("place_label", "place_type", any_of("mosque", "clinic", "hotel")),
    ("place_label", "场所类型", any_of("清真寺", "派出所", "宾馆")),
    ("place_label", "location_name", any_of("mosque", "police station", "hotel")),
]

# (family, values) in a field called c17
UNNAMED: list[tuple[str, Maker]] = [
    ("health", lambda r: f"{r.choice('EFIJKMS')}{r.randrange(10, 60)}.{r.randrange(10)}"),
    ("health", any_of("Otosclerosis", "Cholangitis", "Uveitis", "Hyperkalemia")),
    (
        "health",
        any_of(
            "Tenofovir",
            "Sacubitril",
            "Olmesartan",
            "Rosuvastatin",
            "Cefpirome",
            "Dabigatran",
            "Clindamycin",
        ),
    ),
    ("health", any_of("A+", "O-", "AB+")),
    ("health", any_of("C09AA05", "N02BE01", "A10BA02")),
    ("health", any_of("8480-6", "8462-4", "29463-7", "718-7", "2160-0")),
    ("health", any_of("195967001", "38341003", "44054006", "73211009")),
    ("health", any_of("慢性胃炎", "宫颈癌", "类风湿性关节炎")),
    ("ethnicity", any_of("傣族", "侗族", "汉族")),
    ("ethnicity", any_of("White", "Black or African American", "Asian", "Hispanic")),
    ("ethnicity", any_of("Branca", "Parda", "Preta")),
    ("religion", any_of("evangelisch", "katholisch", "konfessionslos")),
    ("religion", any_of("Islam", "Kristen", "Hindu", "Budha")),
    ("politics", any_of("群众", "中共党员", "共青团员")),
    ("politics", any_of("CDU", "SPD", "FDP", "AfD")),
    ("politics", any_of("Republican", "Democrat", "Libertarian")),
    ("trade_union", any_of("IG Metall", "ver.di", "GEW")),
    ("trade_union", any_of("CCOO", "UGT", "CSIF")),
    ("sexuality", any_of("gay", "straight", "bisexual")),
    ("sexuality", any_of("гетеросексуал", "бисексуал")),
    ("genetic", lambda r: f"rs{r.randrange(1000, 10**8)}"),
    ("genetic", bases),
    ("genetic", any_of("c.5266dupC", "c.68_69delAG", "p.Gly12Asp")),
    ("gender", any_of("Male", "Female")),
    ("gender", any_of("мужской", "женский")),
    ("gender", any_of("M", "F")),
    ("marital", any_of("Single", "Married", "Divorced")),
    ("marital", any_of("замужем", "холост", "в разводе")),
    ("nationality", any_of("American", "German", "British", "Brazilian", "French", "Austrian")),
    ("education", any_of("本科", "大专", "硕士")),
    ("education", any_of("Bachelor's degree", "Some college", "High school graduate")),
    ("family_tie", any_of("father", "mother", "son", "daughter")),
    ("family_tie", any_of("长子", "次女", "户主", "配偶")),
    (
        "social_account",
        any_of("https://www.facebook.com/abc.def", "https://vk.com/id123", "https://t.me/xx_yy"),
    ),
    ("social_account", openid),
    ("criminal", any_of("Burglary", "Theft", "Assault")),
    ("criminal", any_of("盗窃罪", "诈骗罪", "抢劫罪")),
    ("criminal", any_of("(2019)京0105刑初123号", "(2018)沪01刑终45号")),
    ("place_label", any_of("mosque", "hotel", "clinic")),
    ("place_label", any_of("清真寺", "医院", "宾馆")),
    ("housing", any_of("owned outright", "private rented", "social rented")),
    ("welfare", any_of("低保户", "五保户", "一般贫困户")),
]

# (collection, field name, values)
OTHER: list[tuple[str, str, Maker]] = [
    ("servers", "health", any_of("healthy", "unhealthy", "degraded")),
    ("", "health_status", any_of("healthy", "unhealthy")),
    ("pods", "health", any_of("OK", "WARN")),
    ("cars", "condition", any_of("used", "new", "like new", "fair")),
    ("used_cars", "condition", any_of("good", "excellent", "salvage")),
    ("images", "orientation", any_of("portrait", "landscape")),
    ("devices", "orientation", any_of("portrait", "landscape")),
    ("countries", "sex_ratio", lambda r: r.uniform(0.9, 1.1)),
    ("sensors", "temperature", lambda r: r.uniform(-10, 40)),
    ("sensors", "pressure", lambda r: r.uniform(900, 1100)),
    ("products", "weight", lambda r: r.uniform(0.1, 30)),
    ("products", "height", lambda r: r.uniform(1, 300)),
    ("products", "allergen_free", any_of("yes", "no")),
    ("donations", "blood_center", any_of("North", "South")),
    ("events", "party", any_of("birthday", "wedding")),
    ("queries", "union", any_of("ALL", "DISTINCT")),
    ("sql_plan", "union_type", any_of("ALL", "DISTINCT")),
    ("polls", "vote", any_of("yes", "no", "abstain")),
    ("posts", "votes", lambda r: r.randrange(900)),
    ("posts", "vote_count", lambda r: r.randrange(900)),
    ("courses", "class", any_of("A", "B", "C")),
    ("objects", "class", any_of("Car", "Tree", "Bus")),
    ("heroes", "race", any_of("Orc", "Elf", "Human")),
    ("races", "race", any_of("Monza GP", "Spa 24h")),
    ("f1", "race_name", any_of("Monaco Grand Prix", "Monza")),
    ("issues", "state", any_of("open", "closed")),
    ("issues", "status", any_of("open", "closed", "merged")),
    ("orders", "status", any_of("pending", "shipped", "delivered")),
    ("products", "type", any_of("A", "B", "AB", "C")),
    ("", "type", any_of("A", "B", "O")),
    ("batteries", "type", any_of("AA", "AAA", "C", "D")),
    ("grades", "grade", any_of("A+", "A-", "B+", "B-", "C")),
    ("shelves", "bin", lambda r: f"{r.choice('ABCD')}{r.randrange(10, 99)}"),
    ("shelves", "bin_code", lambda r: f"B{r.randrange(1, 9)}.{r.randrange(1, 9)}"),
    ("products", "sku", lambda r: f"E{r.randrange(100, 999)}"),
    ("products", "code", lambda r: f"{r.choice('ABCDEF')}{r.randrange(10, 99)}"),
    ("packages", "version", lambda r: f"V{r.randrange(10, 99)}.{r.randrange(9)}"),
    ("addresses_uk", "outcode", lambda r: f"{r.choice('EWNSB')}{r.randrange(1, 20)}"),
    ("", "c17", lambda r: f"{r.choice('ABCDEFGH')}{r.randrange(10, 99)}"),
    ("", "c18", lambda r: f"{r.randrange(1000, 99999)}-{r.randrange(10)}"),
    ("", "c19", lambda r: str(r.randrange(10**6, 10**9))),
    ("parts", "part_no", lambda r: f"{r.randrange(1000, 9999)}-{r.randrange(9)}"),
    ("colors", "c1", any_of("white", "black", "red", "green", "blue")),
    ("shirts", "color", any_of("white", "black")),
    ("files", "type", any_of("disk", "usb", "lab")),
    ("tasks", "parent", lambda r: r.randrange(999)),
    ("tree", "parent_id", lambda r: r.randrange(999)),
    ("nodes", "child", lambda r: r.randrange(999)),
    ("process", "parent_process", any_of("init", "bash")),
    ("sites", "facebook_pixel_id", lambda r: r.randrange(10**12)),
    ("posts", "share_count", lambda r: r.randrange(99)),
    ("campaigns", "twitter_card", any_of("summary", "large")),
    ("menu", "restaurant_name", any_of("Golden Fork", "Blue Door")),
    ("stores", "store_name", any_of("Church & Co", "Temple Wines", "Hotel Supply Ltd")),
    ("customers_b2b", "company", any_of("Church & Dwight", "Hospital Supply Inc", "Temple Ltd")),
    ("git", "branch", any_of("main", "develop")),
    ("jobs", "destination", any_of("s3://x", "hdfs")),
    ("network", "destination_port", lambda r: r.randrange(65000)),
    ("routes", "origin", any_of("cdn", "edge")),
    ("packets", "destination", lambda r: f"10.0.0.{r.randrange(255)}"),
    ("releases", "arrival", lambda r: r.randrange(9)),
    ("warehouse", "trip_count", lambda r: r.randrange(9)),
    ("stock", "benefits", any_of("waterproof", "light")),
    ("errors", "fault", any_of("disk failure", "power failure", "network failure")),
    ("logs", "error", any_of("Connection refused", "Authentication failure")),
    ("alerts", "severity", any_of("critical", "major")),
    ("engine", "stroke", any_of(2, 4)),
    ("wines", "alcohol", lambda r: r.uniform(9, 15)),
    ("movies", "genre", any_of("drama", "comedy", "crime")),
    ("movies", "rating", any_of("PG", "R", "PG-13")),
    ("books", "title", any_of("Crime and Punishment", "The Church")),
    ("network", "degree", lambda r: r.randrange(50)),
    ("graph", "degree", lambda r: r.randrange(50)),
    ("ml", "gene_pool", lambda r: r.randrange(9)),
    ("proteins", "chain", any_of("A", "B")),
    ("dns", "a", any_of("CNAME", "TXT")),
    ("cuisine", "cuisine", any_of("Italian", "Mexican", "Chinese", "American")),
    ("content", "language", any_of("English", "French", "German")),
    ("zones", "ward", any_of("Ward 1", "Ward 2")),
    ("aggregates", "offense_rating", lambda r: r.uniform(80, 120)),
    ("teams", "offense", lambda r: r.randrange(100)),
    ("billing", "charge", lambda r: r.uniform(1, 99)),
    ("process", "sentence", lambda r: f"The quick dog {r.randrange(9)}"),
    ("nlp", "sentiment", any_of("positive", "negative", "neutral")),
    ("tests", "test_result", any_of("pass", "fail")),
    ("ci", "result", any_of("positive", "negative")),
    ("products", "drug_free", any_of("yes", "no")),
    ("air", "pollutant", any_of("PM10", "NO2")),
    ("screens", "aspect", any_of("120/80", "16/9")),
    ("units", "dose_rate", lambda r: r.uniform(0, 1)),
    ("sales", "discount_class", any_of("gold", "silver")),
    ("db", "snapshot", any_of("full", "inc")),
    ("accounting", "cost_type", any_of("labour", "material", "overhead")),
    ("config", "environment", any_of("dev", "prod")),
    ("versions", "codename", any_of("lima", "oscar")),
    ("hw", "bus", any_of("usb", "pci", "isa")),
    ("codes", "iso3", any_of("PAN", "PRI", "DEU")),
    ("formats", "ext", any_of("psd", "mdb", "jpg")),
    ("buildings", "rooms", lambda r: r.randrange(20)),
    ("hotel", "hotel_name", any_of("Grand Plaza", "Sea View")),
    ("airports", "airport", any_of("Heathrow", "Orly")),
    ("tools", "rental_rate", lambda r: r.uniform(1, 9)),
    ("ads", "listing_type", any_of("rent", "sale")),
]

# Words that may speak of a person: in a table that has one they are believed.
BELIEVED = {
    "weight", "height", "destination", "arrival", "alcohol", "offense", "test_result",
    "health_status", "hotel_name",
}  # fmt: skip


def beside_a_person(field: str, values: Maker) -> pa.Table:
    return pa.table(
        {
            field: column(values),
            "customer_name": column(make.full_name, seed=3),
            "email": column(make.email, seed=4),
        }
    )


@pytest.mark.parametrize(
    ("family", "field", "values"), NAMED, ids=[f"{a}-{b}" for a, b, _ in NAMED]
)
def test_named_field_of_a_person(family: str, field: str, values: Maker) -> None:
    found = classify(beside_a_person(field, values)).fields[field]
    assert found.family == family, found


@pytest.mark.parametrize(
    ("family", "values"), UNNAMED, ids=[f"{i}-{f}" for i, (f, _) in enumerate(UNNAMED)]
)
def test_values_speak_where_the_name_does_not(family: str, values: Maker) -> None:
    found = classify(beside_a_person("c17", values)).fields["c17"]
    assert found.family == family, found


@pytest.mark.parametrize(
    ("collection", "field", "values"),
    OTHER,
    ids=[f"{i}-{a}.{b}" for i, (a, b, _) in enumerate(OTHER)],
)
def test_look_alike_is_none_of_these_families(collection: str, field: str, values: Maker) -> None:
    table = pa.table({field: column(values), "amount": column(lambda r: r.uniform(1, 99))})
    found = classify(table, collection).fields[field]
    assert found.family not in OWN, found
    if field not in BELIEVED:
        found = classify(beside_a_person(field, values), collection).fields[field]
        assert found.family not in OWN, found


def test_letters_m_and_f_are_a_gender_only_beside_a_person() -> None:
    letters = any_of("M", "F")
    assert classify(pa.table({"c1": column(letters)})).fields["c1"].kind == "none"
    assert classify(beside_a_person("c1", letters)).fields["c1"].family == "gender"
    sizes = any_of("S", "M", "L", "F")
    assert classify(beside_a_person("c1", sizes)).fields["c1"].family != "gender"


def test_record_of_a_tracked_person() -> None:
    """What the face-recognition store of 2019 held of each person."""
    table = pa.table(
        {
            "xb": column(any_of("1", "2")),
            "mz": column(any_of("汉族", "维吾尔族", "回族")),
            "gj": column(any_of("中国", "156")),
            "tracker_place": column(any_of("清真寺", "宾馆", "派出所", "网吧")),
            "zdrylb": column(any_of("涉恐", "吸毒", "上访")),
            "idno": column(digits(18)),
            "xm": column(make.han_name),
        }
    )
    found = classify(table, "t_person").fields
    families = [found[f].family for f in ("xb", "mz", "gj", "tracker_place", "zdrylb")]
    assert families == ["gender", "ethnicity", "nationality", "place_label", "criminal"]
    assert found["mz"].special
