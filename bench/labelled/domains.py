"""Tables of persons of many walks: hospital, school, police, bank, telecom, ration cards."""

from __future__ import annotations

from collections.abc import Iterator

from bench.labelled import people as p
from bench.labelled import scripts
from bench.labelled import things as t
from bench.labelled.build import Column, Template
from bench.labelled.official import OFFICIAL, number

C = Column  # stands some hundred times below


def templates() -> Iterator[Template]:
    """All of them, in a fixed order."""
    yield from _health()
    yield from _state()
    yield from _work()
    yield from _net()
    yield from _money()
    yield from _moves()
    yield from _ids()


def _name(locale: str, script: str, field: str = "name") -> C:
    return C(field, p.either(p.faked(locale, "name"), scripts.whole(script)), "name", speaks=True)


def _health() -> Iterator[Template]:
    yield Template("patients", (
        C("patient_id", t.whole(1000, 99999), "person_id", also=("health",)),
        _name("en_US", "latin", "patient_name"),
        C("dob", p.born, "birth_date", speaks=True),
        C("age", t.whole(0, 99), "age"), C("date_of_death", p.died, "death_date"),
        C("blood_group", t.any_of("A+", "A-", "B+", "B-", "AB+", "O+", "O-"), "health",
          speaks=True),
        C("icd10_code", p.icd10, "health", speaks=True, lie="sku"),
        C("diagnosis", t.any_of("asthma", "type 2 diabetes", "depression", "hypertension",
          "migraine", "epilepsy"), "health"),
        C("allergies", t.any_of("penicillin", "peanuts", "latex", "none known"), "health"),
        C("hiv_status", t.any_of("positive", "negative", "unknown"), "health"),
        C("vaccination_date", t.moment, "health"),
        C("height_cm", t.whole(140, 205), "health", also=("none",)),
        C("nhs_number", number("gb.nhs"), "person_id", speaks=True, also=("gov_id", "health")),
        C("ward", t.any_of("W1", "W2", "ICU", "ER"), also=("health",)),
        C("consultation_notes", p.note, "free_text", also=("health",)),
        C("emergency_contact_phone", p.faked("en_US", "phone_number"), "phone", speaks=True,
          also=("family_tie",)),
        C("updated_at", t.moment), C("record_version", t.whole(1, 30)),
        C("device_serial", t.pattern("SN-####-????")),
    ))  # fmt: skip
    yield Template("historia_clinica", (
        C("num_paciente", t.digits(7), "person_id", also=("health",)),
        _name("es_ES", "latin", "nombre_paciente"),
        C("fecha_nac", p.born_as("%d/%m/%Y"), "birth_date", speaks=True),
        C("grupo_sanguineo", t.any_of("A+", "B+", "O+", "O-", "AB-"), "health", speaks=True),
        C("diagnostico", t.any_of("asma", "diabetes tipo 2", "ansiedad", "embarazo"), "health"),
        C("codigo_cie10", p.icd10, "health", speaks=True),
        C("medicamento", t.any_of("metformina", "ibuprofeno", "sertralina"), "health"),
        C("estado_civil", t.any_of("soltero", "casada", "divorciado", "viuda"), "marital",
          speaks=True),
        C("cama", t.pattern("B-##")), C("fecha_alta", t.moment, also=("health",)),
        C("importe", t.real(10, 900)),
    ))  # fmt: skip
    yield Template("lab_results", (
        C("patient_no", t.whole(1, 9999), "person_id", also=("health",)),
        C("test_name", t.any_of("HbA1c", "TSH", "LDL", "CRP", "Ferritin"), "health",
          also=("none",)),
        C("blood_pressure", lambda r: f"{r.randint(95, 180)}/{r.randint(55, 110)}", "health"),
        C("rs_id", t.pattern("rs#######"), "genetic", speaks=True),
        C("genotype", t.any_of("A/G", "C/T", "G/G", "A/A"), "genetic"),
        C("analyzer_version", t.version), C("reagent_lot", t.pattern("LOT####?")),
        C("sampled_at", t.moment), C("run_id", t.a_uuid),
    ), untold=False)  # fmt: skip
    yield Template("disabled_persons_register", (
        _name("fr_FR", "latin", "nom"),
        C("handicap", t.any_of("moteur", "visuel", "auditif", "aucun"), "health"),
        C("maladie_chronique", t.any_of("diabète", "asthme", "épilepsie"), "health"),
        C("grossesse", t.any_of(True, False), "health"),
        C("groupe_sanguin", t.any_of("A+", "O+", "B-", "AB+"), "health", speaks=True),
        C("numero_dossier", t.pattern("D-######"), also=("person_id",)),
    ))  # fmt: skip


def _state() -> Iterator[Template]:
    yield Template("户籍人口", (
        C("xm", scripts.whole("han"), "name", speaks=True),
        C("sfzh", number("cn.ric"), "gov_id", "gov_id.cn", speaks=True, lie="订单号"),
        C("xb", t.any_of("男", "女"), "gender", speaks=True),
        C("mz", t.any_of("汉族", "回族", "维吾尔族", "藏族", "壮族"), "ethnicity", speaks=True),
        C("zjxy", t.any_of("佛教", "伊斯兰教", "基督教", "无"), "religion", speaks=True),
        C("zzmm", t.any_of("群众", "中共党员", "共青团员"), "politics", speaks=True),
        C("whcd", t.any_of("小学", "初中", "高中", "本科", "硕士"), "education"),
        C("hyzk", t.any_of("未婚", "已婚", "离异", "丧偶"), "marital", speaks=True),
        C("csrq", p.born_as("%Y%m%d"), "birth_date", speaks=True),
        C("hjdz", p.faked("zh_CN", "address"), "address", speaks=True),
        C("lxdh", p.faked("zh_CN", "phone_number"), "phone", speaks=True),
        C("gzdw", p.faked("zh_CN", "company"), "employer", also=("none",)),
        C("cph", lambda r: f"{r.choice('京沪粤浙')}{r.choice('ABC')}"
          f"{t.pattern('?####')(r)}", "vehicle", speaks=True),
        C("gxsj", t.moment), C("bbh", t.version), C("rksj", t.epoch),
    ))  # fmt: skip
    yield Template("voters", (
        C("voter_id", t.pattern("VT#######"), "gov_id"),
        _name("en_US", "latin", "voter_name"),
        C("party", t.any_of("Republican", "Democrat", "Independent", "Green"), "politics",
          speaks=True),
        C("precinct", t.whole(1, 90), also=("locality",)),
        C("ethnicity", t.any_of("Hispanic", "Black or African American", "Asian", "White"),
          "ethnicity", speaks=True),
        C("religion", t.any_of("Catholic", "Jewish", "Muslim", "Protestant", "none"), "religion",
          speaks=True),
        C("voted_2020", t.any_of(True, False), "politics"),
        C("residence_address", p.faked("en_US", "address"), "address", speaks=True),
        C("county", p.faked("en_US", "city"), "locality"),
        C("ballot_batch", t.pattern("BB-####")), C("file_version", t.version),
    ))  # fmt: skip
    yield Template("police_records", (
        C("suspect_name", p.either(p.faked("en_GB", "name"), scripts.whole("latin")), "name",
          speaks=True, also=("criminal",)),
        C("offence", t.any_of("theft", "assault", "fraud", "drunk driving"), "criminal"),
        C("conviction_date", t.moment_text, "criminal", bare=True),
        C("sentence", t.any_of("6 months", "fine", "2 years", "community service"), "criminal"),
        C("arrest_count", t.whole(0, 12), "criminal", also=("none",)),
        C("passport_no", t.pattern("?########"), "gov_id"),
        C("plate_number", t.pattern("??## ???"), "vehicle"),
        C("nationality", t.any_of("British", "Irish", "Polish", "French"), "nationality"),
        C("officer_badge", t.digits(5), "person_id", also=("none",)),
        C("evidence_file", t.path), C("case_status", t.any_of("open", "closed"),
          also=("criminal",)),
    ))  # fmt: skip
    yield Template("ration_beneficiaries", (
        C("beneficiary_name", p.either(p.faked("en_IN", "name"), scripts.whole("devanagari")),
          "name", speaks=True, also=("welfare",)),
        C("ration_card_no", t.pattern("RC########"), "welfare", also=("gov_id", "person_id")),
        C("aadhaar_no", number("in_.aadhaar"), "gov_id", "gov_id.in", speaks=True, sure=False,
          lie="batch_no"),
        C("father_name", p.either(p.faked("en_IN", "name"), scripts.whole("latin")),
          "family_tie", speaks=False, also=("name",)),
        C("no_of_children", t.whole(0, 6), "family_tie"),
        C("caste", t.any_of("SC", "ST", "OBC", "General"), "ethnicity"),
        C("dharm", t.any_of("Hindu", "Muslim", "Sikh", "Christian"), "religion", speaks=True),
        C("monthly_ration_kg", t.whole(5, 40), "welfare"),
        C("mobile_no", p.faked("en_IN", "phone_number"), "phone", speaks=False),
        C("shop_code", t.pattern("FPS####")), C("scheme_version", t.version),
    ))  # fmt: skip
    yield Template("refugees", (
        C("case_id", t.pattern("UN-#####"), "person_id", also=("none",)),
        C("الاسم", p.either(p.faked("ar_AA", "name"), scripts.whole("arabic")), "name",
          speaks=True),
        C("الجنسية", t.any_of("سوري", "عراقي", "سوداني"), "nationality"),
        C("الديانة", t.any_of("مسلم", "مسيحي"), "religion", speaks=False),
        C("تاريخ_الميلاد", p.born_as("%Y/%m/%d"), "birth_date", speaks=True),
        C("country_of_origin", t.any_of("SY", "IQ", "SD", "AF"), "nationality",
          also=("locality", "ethnicity")),
        C("mother_tongue", t.any_of("ar", "ku", "fa"), "ethnicity", also=("none",)),
        C("left_iris", p.iris_record, "iris", speaks=True),
        C("fingerprint_template", p.finger_minutiae, "fingerprint", speaks=True),
        C("photo", p.photo, "face_image"),
        C("camp_block", t.pattern("?-##"), also=("housing", "address", "locality")),
    ))  # fmt: skip


def _work() -> Iterator[Template]:
    yield Template("employees", (
        C("emp_no", t.whole(10000, 99999), "person_id"),
        C("empFirstName", p.either(p.faked("en_US", "first_name"), scripts.given("latin")),
          "name", speaks=True),
        C("empLastName", p.either(p.faked("en_US", "last_name"), scripts.family("latin")),
          "name", speaks=True),
        C("ssn", number("us.ssn"), "gov_id", "gov_id.us", speaks=True, lie="part_number"),
        C("annualSalary", t.real(20_000, 190_000), "finance"),
        C("bonus", t.whole(0, 20_000), "finance"),
        C("unionMember", t.any_of(True, False), "trade_union"),
        C("maritalStatus", t.any_of("single", "married", "divorced", "widowed"), "marital",
          speaks=True),
        C("jobTitle", p.faked("en_US", "job"), "job"),
        C("hireDate", t.moment, also=("employer", "job")),
        C("workEmail", p.email, "email", speaks=True),
        C("bankAccountNo", t.digits(10), "bank"),
        C("iban", p.iban("DE", 18), "bank", speaks=True, lie="tracking_code"),
        C("sickDays", t.whole(0, 30), "health", also=("none",)),
        C("highestDegree", t.any_of("Bachelor", "Master", "PhD", "High School"), "education"),
        C("badgeColour", t.any_of("red", "green", "blue")), C("costCentre", t.pattern("CC-####")),
        C("desk", t.pattern("D-###")), C("headcount", t.whole(1, 400)),
    ), style="snake")  # fmt: skip
    yield Template("trade_union_members", (
        _name("de_DE", "latin", "mitglied_name"),
        C("mitgliedsnummer", t.digits(6), "person_id", also=("trade_union",)),
        C("gewerkschaft", t.any_of("ver.di", "IG Metall", "GEW", "NGG"), "trade_union"),
        C("partei", t.any_of("SPD", "CDU", "Grüne", "Linke"), "politics"),
        C("konfession", t.any_of("evangelisch", "katholisch", "konfessionslos"), "religion",
          speaks=True),
        C("familienstand", t.any_of("ledig", "verheiratet", "geschieden"), "marital",
          speaks=True),
        C("beitrag_eur", t.real(5, 60), also=("finance", "trade_union")),
        C("steuer_id", number("de.idnr"), "gov_id", "gov_id.de", speaks=True, sure=False),
        C("letzte_aenderung", t.moment), C("satzversion", t.whole(1, 9)),
    ))  # fmt: skip
    yield Template("students", (
        C("student_id", t.pattern("S######"), "person_id"),
        _name("en_GB", "latin", "student_name"),
        C("birthDate", p.born_as("%Y-%m-%d"), "birth_date", speaks=True),
        C("school", t.any_of("Hill Primary School", "St Mary College", "Northern Academy"),
          "education", speaks=False),
        C("gpa", t.real(1, 4), "education"),
        C("mother_maiden_name", p.faked("en_GB", "last_name"), "family_tie",
          also=("name", "secret")),
        C("guardian_phone", p.faked("en_GB", "phone_number"), "phone", speaks=False,
          also=("family_tie",)),
        C("ACADEMIC_YEAR_CODE", t.any_of("2019/20", "2020/21", "2021/22", "2022/23")),
        C("course_code", t.pattern("???###"), also=("education",)),
        C("credits", t.whole(5, 60), also=("education",)),
        C("teacher_comment", p.note, "free_text", also=("education",)),
        C("free_school_meals", t.any_of(True, False), "welfare"),
    ), style="snake")  # fmt: skip


def _net() -> Iterator[Template]:
    yield Template("users", (
        C("user_id", t.whole(1, 10**6), "person_id", also=("username",)),
        C("username", p.login, "username"),
        C("password_hash", p.bcrypt, "secret", speaks=True),
        C("email", p.email, "email", speaks=True, lie="subject"),
        C("last_login_ip", p.ip4, "ip"), C("ip_v6", p.ip6, "ip"),
        C("auth_token", p.jwt, "secret", speaks=True),
        C("api_key", lambda r: f"sk_live_{t.hexadecimal(24)(r)}", "secret", speaks=True),
        C("avatar_url", lambda r: f"https://cdn.example.org/a/{r.randrange(9999)}.jpg",
          "face_image"),
        C("twitter_handle", lambda r: f"@{p.login(r)}", "social_account", also=("username",)),
        C("facebook_url", lambda r: f"https://facebook.com/{p.login(r)}", "social_account",
          speaks=True),
        C("sexual_orientation", t.any_of("heterosexual", "gay", "bisexual", "lesbian"),
          "sexuality", speaks=True),
        C("bio", p.note, "free_text"),
        C("email_verified", t.any_of(True, False)), C("phone_type", t.any_of("home", "mobile")),
        C("email_count", t.whole(0, 90)), C("password_changed_at", t.moment),
        C("locale", t.any_of("en-GB", "de-DE", "fr-FR")), C("plan", t.any_of("free", "pro")),
        C("login_attempts", t.whole(0, 9)), C("name_length", t.whole(3, 40)),
        C("theme", t.any_of("dark", "light")), C("user_agent_version", t.version),
    ))  # fmt: skip
    yield Template("messages", (
        C("sender_id", t.whole(1, 9999), "person_id", also=("username",)),
        C("body", p.note, "free_text"),
        C("recipient_email", p.email, "email", speaks=True),
        C("sent_at", t.moment), C("message_id", t.a_uuid), C("thread_len", t.whole(1, 60)),
        C("attachment_path", t.path), C("content_type", t.any_of("text/plain", "image/png")),
    ))  # fmt: skip
    yield Template("face_gallery", (
        C("person_id", t.whole(1, 9999), "person_id"),
        C("face_embedding", p.unit(128), "face_embedding", bare=True),
        C("人脸特征", p.unit(512), "face_embedding", bare=True),
        C("portrait", p.photo, "face_image"),
        C("voiceprint", p.unit(192), "voice", bare=True),
        C("camera_id", t.pattern("CAM-###")), C("captured_at", t.moment),
        C("model_version", t.version), C("quality", t.real(0, 1, 4)),
    ), untold=False)  # fmt: skip
    yield Template("subscribers", (
        C("msisdn", lambda r: f"+4917{r.randint(10**7, 10**8 - 1)}", "phone", speaks=True),
        C("imei", p.imei, "device_id", speaks=True, lie="invoice_no"),
        C("imsi", lambda r: f"26201{r.randint(10**9, 10**10 - 1)}", "device_id",
          also=("person_id",)),
        C("mac_address", p.mac, "device_id", speaks=True, also=("none",)),
        C("subscriber_name", p.either(p.faked("tr_TR", "name"), scripts.whole("cyrillic")),
          "name", speaks=True),
        C("cell_id", t.pattern("#####-###"), also=("gps", "location_trace")),
        C("tariff", t.any_of("S", "M", "L")), C("data_mb", t.real(0, 9999)),
        C("sim_type", t.any_of("esim", "physical")), C("activated", t.moment),
        C("adv_id", t.a_uuid, "device_id", also=("none",)),
    ))  # fmt: skip


def _money() -> Iterator[Template]:
    yield Template("bank_customers", (
        C("cust_id", t.digits(8), "person_id"),
        _name("nl_NL", "latin", "rekeninghouder"),
        C("card_number", p.card, "card", speaks=True, lie="order_number"),
        C("card_expiry", lambda r: f"{r.randint(1, 12):02}/{r.randint(25, 31)}", "card"),
        C("cvv", t.digits(3), "card"),
        C("iban", p.either(p.iban("DE", 18), p.iban("ES", 20)), "bank", speaks=True,
          lie="reference"),
        C("account_balance", t.real(-900, 90_000), "finance"),
        C("credit_score", t.whole(300, 850), "finance", also=("welfare",)),
        C("monthly_income", t.whole(900, 9000), "finance"),
        C("bsn", number("nl.bsn"), "gov_id", "gov_id.nl", speaks=True, sure=False),
        C("home_ownership", t.any_of("own", "rent", "mortgage"), "housing"),
        C("branch_code", t.pattern("BR###")), C("currency", t.any_of("EUR", "USD", "GBP")),
        C("product_type", t.any_of("savings", "current")),
        C("interest_rate", t.real(0, 6, 3), also=("finance",)),
        C("opened_on", t.moment),
    ))  # fmt: skip
    yield Template("transactions", (
        C("txn_id", t.a_uuid), C("account_no", t.digits(10), "bank"),
        C("amount", t.real(1, 900), also=("finance",)),
        C("pan", p.card, "card", speaks=True, sure=False),
        C("merchant_name", t.firm), C("mcc", t.digits(4)),
        C("auth_code", t.pattern("######")), C("terminal_id", t.pattern("T-######")),
        C("booked_at", t.moment), C("status", t.any_of("settled", "pending", "failed")),
        C("rrn_ref", t.digits(12)),
    ))  # fmt: skip
    yield Template("insurance_policyholders", (
        C("policy_no", t.pattern("P-########"), "person_id", also=("none", "finance")),
        C("versicherter", p.either(p.faked("de_DE", "name"), scripts.whole("latin")), "name",
          speaks=True),
        C("vin", p.vin, "vehicle", speaks=True), C("kennzeichen", t.pattern("?-?? ####"),
          "vehicle"),
        C("adresse", p.faked("de_DE", "address"), "address", speaks=True),
        C("premium_eur", t.real(90, 1900), also=("finance",)), C("tarif", t.any_of("A", "B")),
        C("schadennummer", t.digits(9)), C("typ", t.any_of("KFZ", "Hausrat")),
    ))  # fmt: skip


def _moves() -> Iterator[Template]:
    yield Template("user_positions", (
        C("user_id", t.whole(1, 900), "person_id", also=("username",)),
        C("ts", t.moment, also=("location_trace",)),
        C("lat", t.real(47, 55, 6), "location_trace", also=("gps",)),
        C("lon", t.real(6, 15, 6), "location_trace", also=("gps",)),
        C("speed_kmh", t.real(0, 130), also=("location_trace",)),
        C("battery_pct", t.whole(1, 100)), C("app_version", t.version),
    ), untold=False)  # fmt: skip
    yield Template("rider_trips", (
        C("rider_phone", p.faked("en_US", "phone_number"), "phone", speaks=True),
        C("pickup_point", p.point, "gps", speaks=True, also=("location_trace",)),
        C("dropoff_latlng", p.pair, "gps", speaks=True, also=("location_trace",)),
        C("pickup_address", p.faked("en_US", "address"), "address", speaks=True,
          also=("travel",)),
        C("place_type", t.any_of("mosque", "clinic", "hotel", "church"), "place_label"),
        C("fare", t.real(4, 90)), C("distance_km", t.real(1, 40)), C("trip_id", t.a_uuid),
        C("requested_at", t.moment), C("rating", t.whole(1, 5)),
    ))  # fmt: skip
    yield Template("passengers", (
        C("passenger_name", p.either(p.faked("fr_FR", "name"), scripts.whole("latin")), "name",
          speaks=True),
        C("passport_number", t.pattern("??#######"), "gov_id"),
        C("flight_number", t.pattern("LH###"), "travel"), C("pnr", t.pattern("??##??"), "travel"),
        C("nationality_code", t.any_of("FR", "DE", "MA", "SN"), "nationality"),
        C("seat", t.pattern("##?"), "travel", also=("none",)),
        C("departure_time", t.moment, "travel", also=("none",)),
        C("meal", t.any_of("halal", "kosher", "vegan", "standard"), also=("religion", "health")),
        C("aircraft_type", t.any_of("A320", "B738", "E190")), C("gate", t.pattern("?##")),
        C("baggage_kg", t.real(0, 32)), C("fare_class", t.any_of("Y", "J", "F")),
    ))  # fmt: skip
    yield Template("hotel_guests", (
        C("guest.name", p.either(p.faked("it_IT", "name"), scripts.whole("latin")), "name",
          speaks=True),
        C("guest.email", p.email, "email", speaks=True),
        C("guest.birthday", p.born, "birth_date", speaks=True),
        C("stay.check_in", t.moment, "travel", also=("none",)),
        C("stay.room_type", t.any_of("double", "single")), C("stay.price", t.real(60, 400)),
        C("loyalty_points", t.whole(0, 9999), "welfare", also=("none",)),
        C("booking_ref", t.pattern("BK??????"), "travel", also=("none",)),
        C("channel", t.any_of("web", "agency")), C("etag", t.hexadecimal(32)),
    ), untold=False)  # fmt: skip


def _ids() -> Iterator[Template]:
    """Every official number once with a telling name, beside what looks like it and is not."""
    listed = list(OFFICIAL.values())
    for start in range(0, len(listed), 4):
        some = listed[start : start + 4]
        columns = [
            _name("en_GB", "latin", "full_name"),
            C("mail", p.email, "email", speaks=True),
        ]
        taken: set[str] = set()
        for one in some:
            name = next(n for n in one.names if n not in taken)
            taken.add(name)
            other = "person_id" if one.family == "gov_id" else "gov_id"
            columns.append(
                C(name, number(one.module), one.family, one.kind, speaks=True,
                  also=(other,), sure=one.distinct)
            )  # fmt: skip
        columns += [
            C("ticket_no", t.failing(9)), C("invoice_ref", t.failing(11)),
            C("serial_no", t.failing(10)), C("change_set", t.hexadecimal(40)),
            C("quantity", t.whole(1, 90)), C("modified_ts", t.epoch_ms),
        ]  # fmt: skip
        yield Template(f"persons_{start // 4}", tuple(columns))
