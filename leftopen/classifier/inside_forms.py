"""The forms and words that are searched for inside running text, as patterns (RE2)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from leftopen.classifier.catalogue import NAMES

# Groups of digits before a number make it a part of a longer one.
_P = r"(?:^|[^0-9A-Za-z.,\-/+ ]|[^0-9] )"
_L, _R = r"(?:^|[^0-9A-Za-z])", r"(?:[^0-9A-Za-z]|$)"


@dataclass(frozen=True, slots=True)
class Search:
    """A form that is searched for: `n` names the part that the check is computed over."""

    id: str
    pattern: str
    digits: int = 0  # that a value needs
    needs: str = ""  # classes of bytes that a value needs, all of them
    check: str = ""
    net: str = ""  # searches that are tried together first


def _number(body: str) -> str:
    """A number by itself, no part of a longer one."""
    return rf"(?:^|[^0-9A-Za-z.\-/])(?P<n>{body})(?:[^0-9A-Za-z\-/]|\.?$|[.\-/][^0-9A-Za-z])"


_DAY = (
    r"(?:[0-3]?[0-9][./\- ] ?[0-3]?[0-9][./\- ] ?(?:19|20)?[0-9]{2}|(?:19|20)[0-9]{2}[./\-年]"
    r"[0-9]{1,2}[./\-月][0-9]{1,2}"
    r"|[0-3]?[0-9](?:st|nd|rd|th|\."
    r"|º)? (?:de )?[A-Za-z\x{80}-\x{10ffff}]{3,16}\.?,? (?:de )?[0-9]{4}"
    r"|[A-Za-z]{3,9} [0-3]?[0-9](?:st|nd|rd|th)?,? [0-9]{4})"
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_CALLED = (
    r"tel|tlf|phone|telephone|mobile|mob|cell|handy|whatsapp|celular|cel|móvil|movil|teléfono"
    r"|telefone|telefon|téléphone|gsm|hp|nomor|call|тел|телефон|моб"
)
_CALLED_WIDE = (
    r"电话|電話|手机|手機|联系方式|携帯|전화|연락처|휴대폰|هاتف|جوال|رقم|फोन|फ़ोन|मोबाइल|नंबर"
    r"|โทร|เบอร์"
)

# Forms with digits.
FORMS = (
    Search(
        "phone",
        # with a country code
        r"(?:^|[^0-9A-Za-z+])\(?\+ ?[1-9](?:[ .\-/()]{0,2}[0-9]){7,13}(?:[^0-9]|$)"
        r"|(?:^|[^0-9A-Za-z.])00[1-9][0-9]{1,2}[ \-/](?:[ .\-/()]{0,2}[0-9]){6,11}(?:[^0-9]|$)"
        # North America; with a leading zero; Russia; India; Brazil; Spain; China
        rf"|{_P}(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[\-.])[2-9][0-9]{{2}}[\-.][0-9]{{4}}{_R}"
        rf"|{_P}\(?0[1-9][0-9]{{1,4}}\)?[ \-/][0-9]{{3,8}}"
        rf"(?:[ \-][0-9]{{2,6}}){{0,3}}{_R}"
        rf"|{_P}0[1-9](?:[ .\-][0-9]{{2}}){{4}}{_R}"
        rf"|{_P}8[ \-]?\(?[3489][0-9]{{2}}\)?[ \-]?[0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}}{_R}"
        rf"|{_P}[6-9][0-9]{{4}}[ \-][0-9]{{5}}{_R}"
        rf"|{_P}\(?[1-9][0-9]\)? ?9[0-9]{{4}}-[0-9]{{4}}{_R}"
        rf"|{_P}[67][0-9]{{2}}(?: [0-9]{{2}}){{3}}{_R}|{_L}[67][0-9]{{2}}(?: [0-9]{{3}}){{2}}{_R}"
        rf"|{_P}1[3-9][0-9][ \-][0-9]{{4}}[ \-][0-9]{{4}}{_R}"
        # after a word for it
        rf"|(?i:{_L}(?:{_CALLED})[^0-9A-Za-z]{{1,3}}"
        r"(?:(?:number|no|nr|num|me|at|on|is|número|numero|numéro|номер)[^0-9A-Za-z]{1,3}){0,2}"
        rf"[0-9](?:[ .\-]?[0-9]){{6,13}}{_R})",
        digits=7,
    ),
    Search(
        "phone",
        rf"(?:{_CALLED_WIDE})[^0-9A-Za-z]{{0,12}}[0-9](?:[ \-]?[0-9]){{6,13}}{_R}"
        # Chinese and Korean mobile numbers need no word before them in their own scripts
        r"|(?:^|[^0-9A-Za-z.\-])1[3-9][0-9]{9}(?:[^0-9A-Za-z\-]|$)"
        r"|(?:^|[^0-9A-Za-z.\-])0(?:10|50|70|80|90)-?[0-9]{4}-?[0-9]{4}(?:[^0-9A-Za-z\-]|$)",
        digits=7,
        needs="wide",
    ),
    Search(
        "card.pan",
        _number(
            r"(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6[0245][0-9]{2}|3[0-9]{3})"
            r"(?:[ \-]?[0-9]{4}){2}[ \-]?[0-9]{2,7}|3[47][0-9]{2}[ \-][0-9]{6}[ \-][0-9]{5}"
        ),
        digits=14,
        check="luhn",
        net="ids",
    ),
    Search(
        "bank.iban",
        _number(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"),
        digits=8,
        needs="letter",
        check="iban",
    ),
    Search(
        "gov_id.cn.ric",
        _number(
            r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
            r"[0-9]{3}[0-9Xx]"
        ),
        digits=17,
        check="cn_ric",
        net="ids",
    ),
    Search(
        "gov_id.us.ssn",
        _number(r"(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])"
                r"-(?:0[1-9]|[1-9][0-9])-(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"),
        digits=9,
        needs="dash",
        net="ids",
    ),
    Search(
        "gov_id.es.dni",
        _number(r"(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-Z]"),
        digits=7,
        needs="letter",
        check="es_dni",
        net="ids",
    ),
    Search(
        "gov_id.it.cf",
        _number(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z]"
                r"[0-9LMNPQRSTUV]{3}[A-Z]"),
        needs="letter",
        digits=6,
        check="it_cf",
        net="ids",
    ),
    Search(
        "gov_id.br.cpf",
        _number(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"),
        digits=11,
        needs="dash dot",
        check="br_cpf",
        net="ids",
    ),
    Search(
        "gov_id.in.aadhaar",
        _number(r"[2-9][0-9]{3}(?: [0-9]{4}){2}"),
        digits=12,
        check="in_aadhaar",
        net="ids",
    ),
    Search(
        "gov_id.fr.nir",
        _number(r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3}"
                r" ?[0-9]{3} ?[0-9]{2}"),
        digits=14,
        check="fr_nir",
        net="ids",
    ),
    Search(
        "gov_id.uk.nino",
        _number(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"),
        digits=6,
        needs="letter",
        net="ids",
    ),
    Search(
        "gov_id.pl.pesel",
        r"(?i)pesel[^0-9]{0,12}(?P<n>[0-9]{11})(?:[^0-9]|$)",
        digits=11,
        check="pl_pesel",
        net="ids",
    ),
    Search(
        "gov_id.ch.ahv",
        _number(r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}"),
        digits=13,
        needs="dot",
        check="ch_ahv",
        net="ids",
    ),
    Search(
        "gov_id.be.nn",
        _number(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}"),
        11,
        "dot dash",
        "be_nn",
        net="ids",
    ),
    Search(
        "gov_id.kr.rrn",
        _number(r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}"),
        digits=13,
        needs="dash",
        check="kr_rrn",
        net="ids",
    ),
    Search(
        "gov_id.ru.snils",
        _number(r"[0-9]{3}-[0-9]{3}-[0-9]{3} [0-9]{2}"),
        11,
        "dash",
        "ru_snils",
        net="ids",
    ),
    Search(
        "gov_id.fi.hetu",
        _number(r"[0-3][0-9][01][0-9]{3}[\-+A][0-9]{3}[0-9A-Y]"),
        9,
        "",
        "fi_hetu",
        net="ids",
    ),
    Search(
        "gov_id.mx.curp",
        _number(r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]"),
        7,
        "letter",
        "mx_curp",
        net="ids",
    ),
    Search(
        "ip",
        rf"(?:^|[^0-9A-Za-z.\-])(?:{_OCTET}\.){{3}}{_OCTET}(?:[^0-9A-Za-z.\-]|\.?$|[.\-][^0-9])"
        rf"|{_L}(?i:[23][0-9a-f]{{3}}(?::[0-9a-f]{{1,4}}){{7}}){_R}",
        digits=4,
        net="marks",
    ),
    Search(
        "device.mac",
        rf"(?i){_L}(?:[0-9a-f]{{2}}:){{5}}[0-9a-f]{{2}}{_R}"
        rf"|{_L}(?:[0-9a-f]{{2}}-){{5}}[0-9a-f]{{2}}{_R}",
        digits=1,
        needs="hex",
        net="marks",
    ),
    Search(
        "vehicle.plate.cn",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][ ·]?"
        r"[A-HJ-NP-Z0-9]{5,6}(?:[^A-Z0-9]|$)",
        digits=2,
        needs="wide letter",
        net="marks",
    ),
    Search(
        "birth.date",
        rf"(?i){_L}(?:born|d\.?o\.?b\.?|date of birth|birth ?date|birthday|geb\.?|geboren"
        r"|geburtsdatum|né|née|né\(e\)|date de naissance|nacid[oa]|fecha de nacimiento"
        r"|nascid[oa]|data de nascimento|nat[oa]|data di nascita|geboortedatum|urodz\.?"
        r"|urodzon[ya]"
        r"|data urodzenia|doğum tarihi|lahir|tanggal lahir|ur\.)"
        rf"(?: ?(?:on|am|le|el|em|il|op|dnia|is|:|-|,))* ?{_DAY}"
        rf"|(?:出生|生日|生年月日|생년월일|родил(?:ся|ась)|дата рождения|г\. ?р\.|р\."
        rf"|تاريخ الميلاد|من مواليد"
        rf"|जन्म तिथि|जन्म|วันเกิด|เกิด)[^0-9]{{0,10}}{_DAY}|{_DAY}日? ?(?:г\. ?р\.|года рождения"
        rf"|出生|生まれ|生)",
        digits=4,
        net="said",
    ),
    Search(
        "gov_id.passport",
        rf"(?i){_L}(?:passport|passeport|pasaporte|passaporte|passaporto|reisepass|paspoort"
        r"|paszport|pasaport|paspor)"
        r"(?: ?(?:no|nr|number|num|numéro|número|numero|numer|nummer|is|n[º°]|[:.#]))* ?"
        rf"[A-Z]{{0,3}}[0-9]{{6,9}}{_R}"
        rf"|(?:护照|護照|паспорт|旅券|パスポート|여권|جواز"
        rf"|पासपोर्ट)[^0-9A-Za-z]{{0,16}}[A-Z]{{0,2}}[0-9]{{2,4}} ?[0-9]{{5,7}}{_R}",
        digits=6,
        net="said",
    ),
    Search(
        "address",
        rf"{_L}[0-9]{{1,5}}[A-Za-z]? (?:[A-Z][A-Za-z'\-]+ ){{1,3}}(?:Street|St|Road|Rd|Avenue|Ave"
        rf"|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Close|Crescent|Terrace|Way){_R}"
        r"|[A-ZÄÖÜ][a-zäöüß\-]+(?:straße|strasse|str\.|weg|gasse|allee|platz|straat|laan|gracht"
        r"|gatan|vägen"
        rf"|gade|utca|veien) ?[0-9]{{1,4}} ?[a-z]?{_R}"
        rf"|{_L}[0-9]{{1,4}}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|place|chemin|impasse"
        rf"|allée"
        r"|quai) (?:d[eu]s? |de la |de l'|d')?[A-ZÀ-Ý]"
        rf"|{_L}(?i:calle|c/|avenida|avda\.?|rua|travessa|via|viale|piazza|corso|ul\.|jl\.|jalan"
        rf"|paseo|carrera)"
        rf" ?(?:[^\s,;:@0-9]+,? ){{1,5}}(?i:n[º°o]\.? ?|no\.? ?|nr\.? ?)?[0-9]{{1,5}}{_R}"
        r"|(?:ул\.?|улица|просп\.?|проспект|пер\.) ?[\x{400}-\x{4ff} \-]{3,40}, ?(?:д\.? ?"
        r"|дом )?[0-9]{1,4}"
        r"|[\x{4e00}-\x{9fff}]{2,}(?:路|街|道|巷|弄|大道)[0-9]{1,5}(?:号|號|弄)"
        r"|[都道府県市区町村][\x{3040}-\x{30ff}\x{4e00}-\x{9fff}]{1,12}[0-9]{1,3}(?:丁目"
        r"|-[0-9]{1,3}-[0-9])"
        r"|[\x{ac00}-\x{d7a3}]+(?:로|길|대로) ?[0-9]{1,4}(?:번길)?(?:[^0-9년월일시분]|$)",
        digits=1,
    ),
    Search(
        "gps",
        rf"(?:^|[^0-9.])-?[0-8]?[0-9]\.[0-9]{{4,15}}°?[NS]?[,;] ?-?(?:1[0-7][0-9]"
        rf"|[0-9]{{1,2}})\.[0-9]{{4,15}}"
        rf"|[0-9]{{1,2}}° ?[0-9]{{1,2}}['′] ?(?:[0-9.]+ ?[\"″] ?)?[NS]{_R}",
        digits=5,
        net="marks",
    ),
)  # fmt: skip

EMAIL = (
    r"(?:^|[^A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})\.){1,8}[A-Za-z]{2,24}(?:[^A-Za-z0-9@]|$)"
)

# A title and a name.
_CAPITAL = r"[A-Z\x{c0}-\x{de}\x{100}-\x{17f}]"
TITLES = (
    r"\b(?:(?:Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Srta|Mme|Mlle|Sig|Dra|Dhr|Mevr|Mej|Sh|Smt)\.? "
    r"|M\. |Miss |Herrn? |Frau |Fräulein |Señora? |Senhora? |Dona |Doña |Monsieur |Madame "
    r"|Mademoiselle |Signora? |Signorina |Meneer |Mevrouw |Bapak |Ibu |Pani? |Shri |Shrimati "
    rf"|Herr Dr\. |Frau Dr\. ){_CAPITAL}[a-z\x{{df}}-\x{{ff}}\x{{100}}-\x{{17f}}]"
    rf"|\b{_CAPITAL}[a-z]+ (?:Bey|Hanım)\b"
)
_HAN_NAME = (
    "[" + re.sub(r"\s", "", NAMES.han) + r"][\x{4e00}-\x{9fff}]{0,2}(?:先生|女士|小姐|太太|同志)"
)
WIDE_TITLES = (
    r"(?:^|[^\x{400}-\x{4ff}])(?:г-н|г-жа|гр\.|д-р|[Гг]осподину?|[Гг]оспожа|[Гг]ражданин"
    r"|[Гг]ражданка) "
    r"[\x{410}-\x{42f}]"
    r"|[\x{410}-\x{42f}][\x{430}-\x{44f}]+(?:ович|евич|овна|евна|ична|овича|евича|овны|евны"
    r"|овне)(?:[^\x{400}-\x{4ff}]|$)"
    rf"|{_HAN_NAME}"
    r"|(?:姓名|患者|联系人|收件人|嫌疑人|当事人)[: ]?["
    + re.sub(r"\s", "", NAMES.han)
    + r"][\x{4e00}-\x{9fff}]{1,2}(?:[^\x{4e00}-\x{9fff}]|$)"
    r"|[\x{4e00}-\x{9fff}]{2,4}(?:様|さん|氏は|氏が)"
    r"|[김이박최정강조윤장임한오서신권황안송류홍전고문손양배백허남심노하곽성차주우구민]"
    r"[\x{ac00}-\x{d7a3}]{1,2} 씨"
    r"|(?:^|[ ,.:])(?:السيدة?|الدكتورة?|الأستاذة?|الآنسة) [\x{621}-\x{64a}]{2}"
    r"|(?:श्री|श्रीमती|डॉ\.?|कुमारी) [\x{900}-\x{97f}]{2}|นางสาว|น\.ส\."
)
# What stands before a secret, and keys that tell by their beginning.
SECRETS = (
    r"(?i:\b(?:password|passwd|pwd|passwort|kennwort|contraseña|senha|mot de passe|wachtwoord"
    r"|hasło|parola|şifre|kata sandi|api[ _\-]?key|secret key|access token)(?: ?(?:is|ist|es|é"
    r"|est|to))? ?[:=]? ?"
    r"[\"'`]?[^\s\"'`]*[0-9!@#$%^&*][^\s]*)"
    r"|\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{30,}|[spr]k_live_[0-9A-Za-z]{16,}"
    r"|xox[abeoprs]-[0-9A-Za-z.\-]{10,}|AIza[0-9A-Za-z_\-]{35}|glpat-[0-9A-Za-z_\-]{20,}"
    r"|eyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}\.)|-----BEGIN [A-Z ]{0,20}PRIVATE KEY"
)
WIDE_SECRETS = (
    r"(?:пароль|密码|口令|パスワード|비밀번호|كلمة المرور|كلمة السر|पासवर्ड"
    r"|รหัสผ่าน)[^0-9A-Za-z]{0,12}[0-9A-Za-z!@#$%]{4}"
)
# Words of the net for the two above: their patterns are run on what it catches.
_NET = (
    r"Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Srta|Mme|Mlle|Sig|Dra|Dhr|Mevr|Mej|Sh|Smt|M\.|Miss|Herrn?|Frau"
    r"|Fräulein|Señora?|Senhora?|Dona|Doña|Monsieur|Madame|Mademoiselle|Signora?|Signorina|Meneer"
    r"|Mevrouw|Bapak|Ibu|Pani?|Shri|Shrimati|Bey|Hanım"
)
_NET_SECRETS = (
    r"password|passwd|pwd|passwort|kennwort|contraseña|senha|mot de passe|wachtwoord|hasło|parola"
    r"|şifre|kata sandi|api[ _\-]?key|secret key|access token"
)
_NET_KEYS = r"AKIA|gh[pousr]_|[spr]k_live_|xox[abeoprs]-|AIza|glpat-|eyJ|BEGIN [A-Z ]{0,20}PRIVATE"
_NET_WIDE = (
    r"г-н|г-жа|гр\.|д-р|осподин|оспожа|ражданин|ражданка|ович|евич|овна|евна|ична|овны|евны|овне"
    r"|先生|女士|小姐|太太|同志|姓名|患者|联系人|收件人|嫌疑人|当事人|様|さん|氏は|氏が| 씨"
    r"|السيد|الدكتور"
    r"|الأستاذ|الآنسة|श्री|डॉ|कुमारी|นางสาว|น\.ส\.|пароль|密码|口令|パスワード|비밀번호|كلمة ال"
    r"|पासवर्ड|รหัสผ่าน"
)


@cache
def words() -> tuple[tuple[str, str, str, str], ...]:
    """Kinds known by words: id, how the evidence calls them, Latin and other pattern."""
    path = Path(__file__).with_name("kinds_text.toml")
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["inside"]:
        latin = "|".join(re.escape(word) for word in entry["words"])
        stems = "".join(f"|{re.escape(stem)}[a-z]*" for stem in entry["stems"])
        wide = "|".join(re.escape(word) for word in entry["wide"])
        # a letter with an accent is no letter to RE2's \b: borders are spelt out
        pattern = f"(?:^|[^A-Za-z])(?:{latin}{stems})(?:[^a-z\\x{{80}}-\\x{{24f}}]|$)"
        found.append((entry["id"], entry["says"], pattern, wide))
    return tuple(found)


@cache
def latin_net() -> str:
    """What values of Latin letters have to match for a kind of words, a title or a secret."""
    parts = "|".join(pattern for _, _, pattern, _ in words())
    titles = rf"(?:^|[^A-Za-z])(?:{_NET})[. ]| (?:Bey|Hanım)"
    return rf"(?i:{parts}|{_NET_SECRETS})|{titles}|{_NET_KEYS}"


@cache
def wide_net() -> str:
    """The same for the other scripts."""
    return "|".join(wide for _, _, _, wide in words()) + "|" + _NET_WIDE


@cache
def nets() -> tuple[tuple[int, str, tuple[Search, ...]], ...]:
    """Searches of one net: the digits that one of them needs, and the pattern of any of them.

    Several nets of some forms each: all forms together are more states than RE2 holds.
    """
    found = []
    for net in dict.fromkeys(one.net or one.id + one.needs for one in FORMS):
        ones = tuple(one for one in FORMS if (one.net or one.id + one.needs) == net)
        pattern = "|".join(f"(?:{one.pattern})" for one in ones).replace("?P<n>", "?:")
        found.append((min(one.digits for one in ones), pattern, ones))
    return tuple(found)
