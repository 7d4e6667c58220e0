"""Postal addresses by their values: a street's word and a number, in many countries' orders."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.text import Gate, Text, bits

# A number and letters with a space between; eastern addresses need no space.
_LATIN = Gate(6, 200, needs=(bits("digit"), bits("letter wide"), bits("space")))
_COLON = bits("colon")
_WIDE = Gate(9, 250, needs=(bits("wide"),))

_NO = r"(?:n[º°o]?\.?|nr\.?|no\.?|num\.?|number|#|№)"
_WORD = r"[^\s,;:@0-9]+"  # a negated class: RE2 is several times faster with it than with \p{L}
_HOUSE = r"[0-9]{1,5}(?:[ ]?[a-z])?(?:[/\-][0-9]{1,4}[a-z]?)?"

# 1600 Pennsylvania Ave NW · 12A High Street · 221b Baker St.
_NUMBER_FIRST = (
    rf"^(?:(?:flat|apt|apartment|unit|suite|shop|room)\.? ?[0-9a-z]{{1,5}},? )?"
    rf"(?:{_HOUSE},? )(?:[^\s,;:@]+ ){{1,4}}"
    r"(?:street|str?|roads?|rd|avenue|ave|av|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl"
    r"|terrace"
    r"|square|sq|close|crescent|cres|parkway|pkwy|highway|hwy|trail|trl|circle|cir|row|gardens?"
    r"|grove|mews"
    r"|turnpike|pike|loop|alley|walk|quay|expressway|freeway|causeway|point|ridge|plaza"
    r"|way)\b\.?(?:[ ,#].*)?$"
)
# 8642 Yule Crossing Apt. 3 · 715 Cedar Point: types that are ordinary words, so nothing may follow
_RARE_TYPES = (
    r"^[0-9]{2,5} (?:[^\s,;:@0-9]{2,} ){1,3}(?:annex|bayou|beach|bend|bluffs?|bottom|branch|bridge"
    r"|brooks?"
    r"|burgs?|bypass|camp|canyon|cape|centers?|circles|cliffs?|club|commons?|corners?|course"
    r"|courts|coves?|creek"
    r"|crest|crossing|crossroads?|curve|dale|dam|divide|drives|estates?|extensions?|falls?|ferry"
    r"|fields?|flats?"
    r"|fords?|forest|forges?|forks?|fort|garden|gateway|glens?|greens?|groves?|harbors?|haven"
    r"|heights|hills?"
    r"|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|landing|lights?|locks?|lodge"
    r"|manors?|meadows?"
    r"|mills?|mission|motorway|mount|mountains?|neck|orchard|oval|overpass|parks?|parkways|pass"
    r"|passage|path"
    r"|pines?|plains?|plazas|points|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river"
    r"|route|run"
    r"|shoals?|shores?|skyway|springs?|spurs?|squares|station|stravenue|stream|streets|summit"
    r"|throughway|trace"
    r"|track|trafficway|tunnel|underpass|unions?|valleys?|via|viaduct|views?|villages?|ville|vista"
    r"|walks?|wall"
    r"|ways|wells?)(?:,? (?:apt|apartment|suite|unit|ste)\.? ?[0-9a-z]{1,5})?$"
)
# 12 rue de la Paix · 3 bis, avenue Foch
_FRENCH = (
    rf"^{_HOUSE}(?: ?(?:bis|ter|quater))?,? ?(?:rue|av\.?|avenue|bd\.?|boulevard|place|pl\.|chemin"
    rf"|impasse|all[ée]e"
    r"|quai|cours|route|rte|passage|square|sentier|faubourg|villa|lotissement) .*\p{L}.*$"
)
# Calle Mayor 3 · Rua Augusta, 1578 · Via Roma 12 · ul. Długa 4/5 · Jl. Sudirman No. 3
_TYPE_FIRST = (
    r"^(?:calle|c/|cl\.?|cra?\.?|kr\.?|carrera|avenida|avda?\.?|av\.?|paseo|pº|plaza|pza\.?|camino"
    r"|calzada|diagonal|transversal|tv\.?|ronda"
    r"|rua|r\.|travessa|praça|largo|alameda|estrada|rodovia|via|v\.le|viale|piazza|p\.zza|corso"
    r"|c\.so|vicolo|strada"
    r"|ul\.?|ulica|ulitsa|pl\.|al\.|aleja|os\.|jalan|jln?\.?|gang|gg\.?|str\.?|strada|bulevardul"
    r"|bd\.?|calea|aleea|rue|boulevard|avenue|lorong|persiaran)"
    rf" ?(?:{_WORD},? "
    rf"|[0-9]{{1,4}}(?:-a)? (?:de )?(?:{_WORD},? ?)?){{1,6}}(?:{_NO} ?)?[0-9]{{1,5}}.*$"
)
# Viela Azul, 81 · Quadra 7, 12: Brazil's many types; the comma and the number have to follow
_BRAZILIAN = (
    r"^(?:área|campo|chácara|colônia|condomínio|conjunto|distrito|esplanada|estação|favela|fazenda"
    r"|feira|jardim"
    r"|ladeira|lago|lagoa|loteamento|morro|núcleo|parque|passarela|pátio|quadra|recanto"
    r"|residencial|setor|sítio"
    rf"|trecho|trevo|vale|vereda|viaduto|viela"
    rf"|vila)(?: {_WORD}){{1,5}}, ?(?:{_NO} ?)?[0-9]{{1,5}}(?:[,\- ].*)?$"
)
# Hauptstr. 5 · Lange Gasse 12a, 1080 Wien · Storgatan 4 · Kerkstraat 12-2 · Kossuth utca 3
_SUFFIXED = (
    rf"^(?:{_WORD} ){{0,4}}[^\s,;:@0-9]*(?:straße|strasse|str\.|stra[ßs]e?|weg|gasse|allee|platz"
    rf"|damm|ufer|ring|chaussee|steig|markt|promenade|hof"
    r"|straat|laan|plein|gracht|kade|dijk|singel|steeg|gatan|gata|vägen|väg|veien|vei|vegen|gate"
    r"|vej|gade|allé|stræde|katu|tie|kuja|polku|gränd|torget"
    rf"|utca|út|útja|tér|körút|ulice|třída|náměstí|ulica|cesta|trg|sokak|sokağı|caddesi|cad\."
    rf"|sok\.|bulvarı|iela|gatvė|g\.|tänav|mnt) (?:{_NO} ?)?{_HOUSE}(?:[,;. ].*)?$"
)
# Atatürk Mah. Gül Sok. No:5
_TURKISH = (
    r"\b(?:mah|mahallesi|mh)\b.*(?:\bno ?[:.]? ?[0-9]|[0-9])|(?:sok|sokak|sokağı|sk|cad|caddesi|cd"
    r"|bulvarı|blv)\.? ?(?:no)? ?[:.]? ?[0-9]"
)
# Flat No 12, MG Road, Bengaluru 560001
_INDIAN = (
    r"^(?:flat|house|h\.?|plot|shop|door|d\.?|villa|block|survey|room|s\.) ?(?:no|number"
    r"|#)\.? ?[:\-]? ?[0-9a-z][0-9a-z/\-]{0,9}[, ].*[,]"
    r"|^.*\b(?:nagar|marg|colony|sector|layout|bagh|vihar|enclave|chowk|society|extension|puram"
    r"|mohalla|gali|taluka?|district)\b[ ,\-].*[0-9]{6}$"
    r"|^[0-9][0-9/\-a-z]{0,9},? .*\b(?:nagar|marg|colony|sector|layout|bagh|vihar|enclave|chowk"
    r"|cross|main road|puram|mohalla|gali|path|ganj|zila)\b.*$"
    r"|^[hd]\.? ?no\.? ?[0-9][0-9/\-a-z]{0,9}, ?.*\p{L}.*$"
)
_BOX = (
    r"^(?:p\.? ?o\.? ?box|post office box|gpo box|private bag|postfach|postbus|postboks"
    r"|apartado(?: de correos| postal)?|apdo\.?|casilla|caixa postal"
    r"|case postale|b\.?p\.?|bo[iî]te postale|casella postale|c\.p\.|skrytka pocztowa|а/я"
    r"|ص\.? ?ب\.?) ?(?:n[º°o]\.? ?)?[0-9]{1,6}(?:[, ].*)?$"
)
# Musterhof 5, 12345 Berlin · 5 Some House, Some Town, SW1A 1AA · Some Place, Springfield, IL 62704
_WHOLE = (
    rf"^(?:{_WORD} ){{0,4}}{_WORD},? {_HOUSE}, ?(?:[a-z]{{1,3}}[\- ])?[0-9]{{2,6}}"
    rf"(?:-[0-9]{{3,4}})? ?(?:[a-z]{{2}} )?{_WORD}.*$"
    r"|^[0-9].*, .*\b[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}(?:, ?\p{L}.*)?$"
    r"|^.*\p{L}.*[0-9].*,.* [A-Z]{2},? [0-9]{5}(?:-[0-9]{4})?(?:,? .*)?$"
    r"|^[0-9].*\p{L}.*,.*\p{L}.* [A-Z]{2},? [0-9]{5}(?:-[0-9]{4})?(?:,? .*)?$"
)


def _any(*forms: str) -> str:
    return "(?i)(?:" + "|".join(f"(?:{one})" for one in forms) + ")"


# Forms that RE2 runs fast, and that most addresses have; the others are tried on what is left.
_COMMON = _any(_TYPE_FIRST, _SUFFIXED, _WHOLE)
_OTHERS = _any(_NUMBER_FIRST, _RARE_TYPES, _FRENCH, _BRAZILIAN, _TURKISH, _INDIAN, _BOX)
_UNLETTERED = _any(_WHOLE, _BOX)  # the only ones that ask for no letter from a to z
# 16 GB drive, 3 way valve: a measure stands before the word, no house's number.
_MEASURED = (
    r"(?i)^[0-9.]+ ?(?:[kmgt]b|gbit|mbit|mm|cm|m|km|kg|g|mg|ml|l|v|w|kw|mah|hz|mhz|ghz|inch|in|ft"
    r"|pcs?|x|°|way|port|pin|speed|piece|pack|day|hour|month|year|week|star)\b"
)

_CYRILLIC = (
    r"(?i)(?:^|[ ,.])(?:ул|улица|пр|пр-т|просп|проспект|пер|переулок|б-р|бульвар|наб|набережная|ш"
    r"|шоссе|пл|площадь|мкр|микрорайон|вул|вулиця|просп"
    r"|проезд|пр-д|тупик|аллея|бул|жк|бул)[. ].*[0-9]|(?:^|[ ,])(?:д|дом|буд|кв|корп"
    r"|стр)\.? ?[0-9]+"
    r"|\p{Cyrillic}+(?:ская|ский|ова|ева|ина|ная|ый) (?:улица|ул\.?|проспект|пр\.?|переулок|пер\.?"
    r"|площадь),? .*[0-9]"
)
_ARABIC = (
    r"(?:شارع|طريق|حي|زقاق|ميدان|عمارة|منطقة|مبنى|خیابان|کوچه|محله|سڑک|گلی).*|ص\.? ?ب\.? ?[0-9٠-٩]+"
)
_INDIC = (
    r"(?:मकान|घर|गली|मार्ग|नगर|सड़क|मोहल्ला|वार्ड|गाँव|ग्राम|पोस्ट|जिला|सेक्टर|कॉलोनी|রোড|সড়ক"
    r"|বাড়ি|தெரு|சாலை|వీధి|రోడ్డు|ถนน|ซอย|หมู่|ตำบล|อำเภอ).*"
)
_GREEK_HEBREW = (
    r"(?i)(?:οδός|λεωφ|πλατεία).*[0-9]|^[\p{Greek}. ]+ [0-9]{1,3}, .*[0-9]|^(?:רחוב|רח'?|שדרות"
    r"|שד'?|דרך|סמטת|נתיב|כיכר) .*[0-9]|(?:λεωφόρος|οδος) .*[0-9]"
)
_HAN = (
    r"\p{Han}.*(?:路|街|道|巷|弄|胡同|大街|大道|村|镇|鎮"
    r"|乡|鄉|庄|屯|里|段)\s*(?:第?[0-9一二三四五六七八九十百]+ ?"
    r"(?:号|號|弄|巷|栋|幢|组"
    r"|組|队|室|楼|段|之)|.*[0-9].*(?:号|號|室|栋|幢|单元|楼))"
    r"|\p{Han}(?:省|自治区|市)\p{Han}+(?:市|区|區|县|縣|旗|州)\p{Han}+(?:路|街|道|镇|乡|村|小区|花园|苑|里|城).*"
    r"|(?:都|道|府|県)\p{Han}+?(?:区|市|郡|町|村).*[0-9一二三四五六七八九十].*|(?:市|区|町"
    r"|村)[\p{Han}\p{Hiragana}\p{Katakana}]*[0-9]+(?:丁目|番地?|-[0-9]+)"
)
_HANGUL = (
    r"\p{Hangul}+(?:로|길|대로)(?:[0-9]+번?길)? ?[0-9]+|(?:시|군|구) \p{Hangul}+"
    r"(?:동|읍|면|리|가)(?:[ ,]"
    r"|$).*[0-9]*|\p{Hangul}+(?:동|리) [0-9]+(?:-[0-9]+)?(?:번지)?"
)


def _latin(text: Text) -> Text:
    """Those that are addresses in Latin letters, or in any where a number and a place stand."""
    able = text.select(_LATIN)
    if not len(able):
        return able
    numbered = able.nth(0)
    # A line of a log begins with its time: no house's number has a colon after it.
    timed = ((able.masks & _COLON) != 0) & (numbered >= 0x30) & (numbered <= 0x39)
    some = able.keep(~timed)
    lettered = (some.masks & _LETTER) != 0
    fitting = np.zeros(len(some), dtype=np.bool_)
    for among, forms in ((lettered, (_COMMON, _OTHERS)), (~lettered, (_UNLETTERED,))):
        for form in forms:
            left = np.flatnonzero(among & ~fitting)
            if len(left):
                fitting[left] = some.at(left).fits(form)
    return some.keep(fitting)


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `street_address`: values that hold a street and a number, in any of the scripts."""
    del wanted
    latin = _latin(text)
    hits["street_address"] += latin.total - latin.count(_MEASURED)
    wide = text.select(_WIDE)
    if len(wide):
        fitting = _eastern(wide)
        # what the Latin pattern has counted is not to be counted twice
        hits["street_address"] += fitting.total - _latin(fitting).total


def _eastern(wide: Text) -> Text:
    """Those that are addresses in a script of their own: each is asked only about its scripts."""
    scripts = wide.bytewise(_SCRIPTS)
    digit, space = (wide.masks & _DIGIT) != 0, (wide.masks & _SPACE) != 0
    long = wide.lengths >= _FOUR
    fitting = np.zeros(len(wide), dtype=np.bool_)
    for script, form in _EASTERN.items():
        able = (scripts & script) != 0
        if script == _HANZI:
            able &= digit | long
        elif script == _KOREAN:
            able &= digit | space
        elif script in (_RUSSIAN, _OLD):
            able &= digit
        left = np.flatnonzero(able & ~fitting)
        if len(left):
            fitting[left] = wide.at(left).fits(form)
    return wide.keep(fitting)


_LETTER, _DIGIT, _SPACE = bits("letter"), bits("digit"), bits("space")
_FOUR = 12  # bytes of four characters: the shortest address in Chinese characters without a digit
_HANZI, _KOREAN, _RUSSIAN, _ARABIAN, _INDIAN_OR_THAI, _OLD = (1 << bit for bit in range(6))
_EASTERN = {
    _HANZI: _HAN,
    _KOREAN: _HANGUL,
    _RUSSIAN: _CYRILLIC,
    _ARABIAN: _ARABIC,
    _INDIAN_OR_THAI: _INDIC,
    _OLD: _GREEK_HEBREW,
}


def _scripts() -> NDArray[np.uint8]:
    """Which of the scripts a character may be of, by the first of its bytes."""
    table = np.zeros(256, dtype=np.uint8)
    for script, first, last in (
        *((_HANZI, 0xE2, 0xE9), (_HANZI, 0xEF, 0xF4), (_KOREAN, 0xE1, 0xE3), (_KOREAN, 0xEA, 0xEF)),
        *((_RUSSIAN, 0xD0, 0xD4), (_RUSSIAN, 0xE1, 0xE2), (_RUSSIAN, 0xEA, 0xEA)),
        *((_ARABIAN, 0xD8, 0xDF), (_INDIAN_OR_THAI, 0xE0, 0xE0)),
        *((_OLD, 0xCD, 0xCF), (_OLD, 0xE1, 0xE1), (_OLD, 0xD6, 0xD7)),
    ):
        table[first : last + 1] |= script
    return table


_SCRIPTS = _scripts()
