"""Tables of customers in many locales: names, addresses and numbers of the place, fields named in
its language or its abbreviations.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.labelled import people, scripts, things
from bench.labelled.build import Column, Template
from bench.labelled.official import OFFICIAL, Maker, number

# locale: (collection, style, names of the fields in the order of FIELDS, official number,
#          script of the hand-written names, form of a birth date)
FIELDS = ("full", "given", "family", "email", "phone", "street", "city", "postcode", "birth",
          "gender", "job", "employer", "salary", "login")  # fmt: skip
LOCALES: dict[str, tuple[str, str, str, str, str, str]] = {
    "en_US": ("customers", "snake", "full_name first_name last_name email phone_number"
              " street_address city zip_code date_of_birth gender job_title employer annual_income"
              " username", "us.ssn", "latin", "%m/%d/%Y"),
    "en_GB": ("tblClients", "camel", "customer_name forename surname email_address mobile address1"
              " town post_code dob sex occupation company_name salary user_name", "gb.nhs", "latin",
              "%d/%m/%Y"),
    "de_DE": ("kunden", "snake", "name vorname nachname e_mail telefon strasse ort plz geburtsdatum"
              " geschlecht beruf arbeitgeber gehalt benutzername", "de.idnr", "latin", "%d.%m.%Y"),
    "fr_FR": ("clients", "snake", "nom_complet prenom nom_famille courriel tel adresse ville"
              " code_postal date_naissance sexe profession employeur salaire identifiant",
              "fr.nir", "latin", "%d/%m/%Y"),
    "es_ES": ("clientes", "snake", "nombre_completo nombre apellidos correo telefono direccion"
              " ciudad codigo_postal fecha_nacimiento sexo profesion empresa salario usuario",
              "es.dni", "latin", "%d/%m/%Y"),
    "es_MX": ("empleados", "upper", "nombre_empleado nombres apellido_paterno email celular"
              " domicilio municipio cp fec_nac sexo puesto patron sueldo login", "mx.curp", "latin",
              "%Y-%m-%d"),
    "pt_BR": ("usuarios", "snake", "nome_completo nome sobrenome email celular endereco cidade cep"
              " data_nascimento sexo profissao empregador salario login", "br.cpf", "latin",
              "%d/%m/%Y"),
    "nl_NL": ("klanten", "snake", "volledige_naam voornaam achternaam emailadres telefoonnummer"
              " adres woonplaats postcode geboortedatum geslacht beroep werkgever salaris"
              " gebruikersnaam", "nl.bsn", "latin", "%d-%m-%Y"),
    "it_IT": ("pazienti", "snake", "nominativo nome cognome posta_elettronica cellulare indirizzo"
              " comune cap data_nascita sesso professione datore_lavoro stipendio utente",
              "it.codicefiscale", "latin", "%d/%m/%Y"),
    "pl_PL": ("klienci", "snake", "imie_nazwisko imie nazwisko email telefon adres miasto"
              " kod_pocztowy data_urodzenia plec zawod pracodawca wynagrodzenie login", "pl.pesel",
              "latin", "%Y-%m-%d"),
    "ru_RU": ("граждане", "snake", "фио имя фамилия почта телефон адрес город индекс дата_рождения"
              " пол должность место_работы зарплата логин", "ru.inn", "cyrillic", "%d.%m.%Y"),
    "uk_UA": ("klienty", "snake", "pib imya prizvyshche email telefon adresa misto poshtovyi_indeks"
              " data_narodzhennya стать profesiya robotodavets zarplata login", "ua.rntrc",
              "cyrillic", "%d.%m.%Y"),
    "tr_TR": ("musteriler", "snake", "ad_soyad ad soyad eposta cep_telefonu adres sehir posta_kodu"
              " dogum_tarihi cinsiyet meslek isveren maas kullanici_adi", "tr.tckimlik", "latin",
              "%d.%m.%Y"),
    "id_ID": ("pelanggan", "snake", "nama_lengkap nama_depan nama_belakang surel no_hp alamat kota"
              " kode_pos tanggal_lahir jenis_kelamin pekerjaan perusahaan gaji username", "id.nik",
              "latin", "%d-%m-%Y"),
    "zh_CN": ("t_user_base", "prefixed", "xm 名 姓 yx sjh dz cs yb csrq xb zy gzdw gz yhm",
              "cn.ric", "han", "%Y%m%d"),
    "zh_TW": ("會員", "snake", "姓名 名字 姓氏 電子郵件 手機號碼 地址 城市 郵遞區號 出生日期 性別"
              " 職業 公司名稱 薪資 帳號", "", "han", "%Y/%m/%d"),
    "ja_JP": ("顧客", "snake", "氏名 名 姓 メールアドレス 電話番号 住所 市区町村 郵便番号 生年月日"
              " 性別 職業 勤務先 年収 ユーザー名", "", "kana", "%Y/%m/%d"),
    "ko_KR": ("회원", "snake", "성명 이름 성 이메일 휴대폰 주소 도시 우편번호 생년월일 성별"
              " 직업 직장 연봉 아이디", "kr.rrn", "hangul", "%Y-%m-%d"),
    "hi_IN": ("grahak", "snake", "पूरा_नाम नाम उपनाम ईमेल मोबाइल पता शहर पिनकोड"
              " जन्म_तिथि लिंग व्यवसाय"
              " नियोक्ता वेतन username", "in_.aadhaar", "devanagari", "%d-%m-%Y"),
    "ar_SA": ("عملاء", "snake", "الاسم_الكامل الاسم_الاول اسم_العائلة البريد_الالكتروني الجوال"
              " العنوان المدينة الرمز_البريدي تاريخ_الميلاد الجنس المهنة"
              " جهة_العمل الراتب اسم_المستخدم", "",
              "arabic", "%Y-%m-%d"),
    "sv_SE": ("kunder", "snake", "namn fornamn efternamn epost mobilnummer gatuadress stad"
              " postnummer fodelsedatum kon yrke arbetsgivare lon anvandarnamn", "se.personnummer",
              "latin", "%Y-%m-%d"),
    "cs_CZ": ("zakaznici", "snake", "cele_jmeno jmeno prijmeni email telefon adresa mesto psc"
              " datum_narozeni pohlavi povolani zamestnavatel plat uzivatel", "cz.rc", "latin",
              "%d.%m.%Y"),
    "ro_RO": ("clienti_ro", "snake", "nume_complet prenume nume_familie email telefon adresa oras"
              " cod_postal data_nasterii sex profesie angajator salariu utilizator", "ro.cnp",
              "latin", "%d.%m.%Y"),
}  # fmt: skip

_GENDERS = {
    "zh_CN": ("男", "女"), "zh_TW": ("男", "女"), "ja_JP": ("男性", "女性"),
    "ko_KR": ("남", "여"), "ru_RU": ("мужской", "женский"), "ar_SA": ("ذكر", "أنثى"),
    "hi_IN": ("पुरुष", "महिला"), "fr_FR": ("homme", "femme"), "de_DE": ("männlich", "weiblich"),
    "es_ES": ("hombre", "mujer"), "tr_TR": ("erkek", "kadın"), "id_ID": ("laki-laki", "perempuan"),
}  # fmt: skip
_IBANS = {"de_DE": ("DE", 18), "es_ES": ("ES", 20), "pl_PL": ("PL", 24), "sv_SE": ("SE", 20),
          "cs_CZ": ("CZ", 20)}  # fmt: skip
# Numbers without country or form, such as 743-91-50, could be anything.
_LOOSE = ("ar_SA", "uk_UA", "hi_IN")


def templates() -> Iterator[Template]:
    """A table of persons for each locale."""
    for locale, (collection, style, listed, official, script, form) in LOCALES.items():
        named = dict(zip(FIELDS, listed.split(), strict=True))
        yield Template(collection, tuple(_columns(locale, named, official, script, form)), style)


def _columns(
    locale: str, named: dict[str, str], official: str, script: str, form: str
) -> Iterator[Column]:
    def fake(what: str) -> Maker:
        return people.faked(locale, what)

    wide = locale in _GENDERS
    yield Column("id", things.whole(1, 10**6), "person_id", also=("none",))
    yield Column(
        named["full"], people.either(fake("name"), scripts.whole(script)), "name", speaks=True,
        lie="product_code" if locale.startswith("e") else "",
    )  # fmt: skip
    yield Column(
        named["given"], people.either(fake("first_name"), scripts.given(script)), "name",
        speaks=True,
    )  # fmt: skip
    yield Column(
        named["family"], people.either(fake("last_name"), scripts.family(script)), "name",
        speaks=script not in ("han", "hangul"),
    )  # fmt: skip
    yield Column(
        named["email"],
        people.email,
        "email",
        speaks=True,
        lie="order_ref" if locale in ("en_US", "de_DE") else "",
    )
    yield Column(named["phone"], fake("phone_number"), "phone", speaks=locale not in _LOOSE)
    yield Column(named["street"], fake("address"), "address", speaks=True)
    yield Column(named["city"], fake("city"), "locality", speaks=False)
    yield Column(named["postcode"], fake("postcode"), "postcode", speaks=False)
    yield Column(named["birth"], people.born_as(form), "birth_date", speaks=True)
    genders = _GENDERS.get(locale, ("M", "F"))
    yield Column(named["gender"], things.any_of(*genders), "gender", speaks=wide)
    yield Column(named["job"], fake("job"), "job", speaks=False)
    yield Column(
        named["employer"],
        fake("company"),
        "employer",
        also=("none",) if locale in ("en_GB", "es_ES", "id_ID", "zh_TW") else (),
    )
    yield Column(named["salary"], things.whole(9_000, 190_000), "finance")
    yield Column(named["login"], people.login, "username")
    if official:
        one = OFFICIAL[official]
        yield Column(
            one.names[0],
            number(official),
            one.family,
            one.kind,
            speaks=True,
            also=("gov_id" if one.family == "person_id" else "person_id",),
            sure=one.distinct,
        )
    if locale in _IBANS:
        yield Column("iban", people.iban(*_IBANS[locale]), "bank", speaks=True)
    yield Column("created_at", things.moment)
    yield Column("is_active", things.any_of(True, False))
    yield Column("email_verified", things.any_of(True, False))
    yield Column("login_count", things.whole(0, 400))
    yield Column("newsletter", things.any_of("yes", "no"))
    yield Column("row_hash", things.hexadecimal(40))
