"""Medical codes and words that tell by themselves: ICD-10, blood pressure, drugs, diseases.

ICD-10 is recognised by its shape and by the codes that are given out. Drugs and diseases are
recognised by their endings: the stems of international non-proprietary names (WHO, "The use of
stems in the selection of INN") and the Greek and Latin endings of diseases. Only the last three
bytes of a value are looked at; the few values that end so are then read whole.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leftopen.classifier.text import Gate, Text, bits

Bools = NDArray[np.bool_]


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds how many values are ICD-10 codes, blood pressures, drugs and diseases."""
    _icd10(text, wanted, hits)
    hits["medical.pressure"] += text.select(_PRESSURES).count(_PRESSURE)
    words = text.select(_WORDS)
    if len(words):
        tails = _tails(words.values)
        ending = words.keep(_DRUG_TAILS[tails])
        hits["medical.drug"] += ending.count(_DRUG)
        ending = words.keep(_ILL_TAILS[tails])
        hits["medical.disease"] += ending.count(_DISEASE) - ending.count(_NO_DISEASE)
    hits["medical.disease"] += text.select(_HAN).count(_ILL_HAN)


# --------------------------------------------------------------------------------------- ICD-10

# As far as the chapters of WHO's 2019 edition and of its clinical modifications reach; of the rare
# third letters and of chapter U only what is given out.
_CATEGORY = (
    r"(?:[ABE-JLMNPRSVWXYZ][0-9]{2}|C(?:[0-8][0-9]|9[0-7]|[47]A)|D(?:[0-8][0-9]|3A)"
    r"|K(?:[0-8][0-9]|9[0-5])|O(?:[0-9]{2}|9A)|Q[0-9]{2}|T(?:[0-8][0-9]|9[0-8])"
    r"|Z3A|I5A|M1A|U(?:0[0-9]|[4-9][0-9]))"
)
_DOTTED = rf"^{_CATEGORY}\.(?:[0-9][0-9A-Z]{{0,3}}|X{{1,3}}[0-9]?[A-Z]?)$"
_DOTTED_LIKE = r"^[A-Z][0-9A-Z]{0,5}\.[0-9A-Z]"
_WRITTEN = rf"(?i)^{_CATEGORY}(?:\.?-|\.?[0-9X][0-9A-Z]{{0,3}})?[+*!†]?$"
_CODE = Gate(4, 8, bits("digit upper hexupper dot"), (bits("digit"), bits("dot")))
_ANY_CODE = Gate(3, 11, bits("digit letter dot dash slash punct wide"), (bits("digit"),))


def _icd10(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Codes with their dot, less twice those of a shelf or a version that only look so."""
    dotted = text.select(_CODE)
    if len(dotted):
        good = dotted.count(_DOTTED)
        hits["medical.icd10.dotted"] += good - 2 * (dotted.count(_DOTTED_LIKE) - good)
    if "health.icd10" in wanted:
        hits["medical.icd10"] += text.select(_ANY_CODE).count(_WRITTEN)


# --------------------------------------------------------------------------------- blood pressure

# Systolic over diastolic in mmHg, in the range that a living person can have.
_PRESSURE = (
    r"(?i)^(?:[7-9][0-9]|1[0-9]{2}|2[0-4][0-9]) ?/ ?(?:[4-9][0-9]|1[0-3][0-9])(?: ?mm ?hg)?$"
)
_PRESSURES = Gate(5, 14, bits("digit slash space letter"), (bits("digit"), bits("slash")))

# ----------------------------------------------------------------------------- drugs and diseases

_WORDS = Gate(5, 120, bits("letter digit space dot dash slash punct wide"), (bits("letter"),))
_HAN = Gate(6, 60, bits("wide digit upper hexupper dash punct"), (bits("wide"),))

_STEMS = """
vastatin vastatina vastatine april opril artan olol prazole prazol mycin micin micina mycine
cillin cilina cilline cillina floxacin floxacino floxacine azepam azolam oxetine oxetina triptan
gliptin gliptina gliflozin gliflozine dipine dipino dipin umab ximab itril gatran ovir
tinib navir tegravir buvir parin parina xaban lukast setron conazole conazol cycline ciclina
caine caina thiazide tiazida semide semida terol olone asone asona nisolon profen profeno
oxicam coxib formin formina glitazone glutide clovir vudine dronate zosin zolamide barbital
pramine triptyline triptilina peridone peridona piprazole tiapine tiapina gabalin gabapentin
gabapentina racetam nidazole nidazol bendazole oquine codone morphine morfina fentanil fentanyl
curium platin taxel rubicin mustine trexate trexat poetin grastim relin estradiol thyroxine
tiroxina dilol fibrate triaxone triaxona levodopa insulin insulina acetaminophen paracetamol
"""
_FORMS = "tablet tablets capsule capsules ampoule syrup mg mcg µg iu tabletten comprimidos"
# Endings and words with hardly another use.
_ENDINGS = """
itis emia aemia ämie émie hämie opathy opathie opatía opatia arthrosis thrombosis fibrosis
sclerosis cirrhosis tuberculosis stenosis psychosis neurosis nephrosis acidosis dermatosis mycosis
porosis iasis arthrose sklerose sclerose sclérose thrombose zirrhose porose psychose neuralgia
myalgia plegia penia ectasis rrhoea rrhea carcinoma sarcoma lymphoma lymphom melanoma melanom
karzinom adenoma blastoma myeloma myelom glaucoma glaukom hypertension hypotension hypertonie
hypotonie hipertensión hipertensão ipertensione thyroidism thyreose glycemia lipidemia influenza
pneumonia neumonía pneumonie diabetes diabète epilepsy epilepsie epilepsia dementia demenz demencia
démence cancer cáncer câncer krebs tumor tumour asthma asma asthme schizophrenia schizophrenie
infarction infarkt infarto insuffizienz mellitus apnea apnoea angina migraine migräne migraña
psoriasis measles malaria dengue cholera eczema ekzem zoster palsy obesity adipositas parkinson
alzheimer anaphylaxis concussion
"""
# Things fail and break as well ("disk failure"): these count after a word of the body only.
_AFTER = (
    "failure disease disorder infection infections fracture syndrome injury insufficiency anxiety"
    " stroke pain deficiency"
)
_BODY = (
    "heart|cardiac|coronary|kidney|renal|liver|hepatic|lung|pulmonary|respiratory|urinary|tract"
    "|skin|eye|ear|throat|brain|cerebral|ischa?emic|vascular|bowel|gastric|reflux|thyroid|bone|hip"
    "|wrist|ankle|rib|skull|back|chest|abdominal|pelvic|joint|knee|neck|personality|bipolar|eating"
    "|depressive|mood|panic|stress|attention|autism|spectrum|viral|bacterial|fungal|hiv|iron|immune"
    "|down|metabolic|nephrotic|chronic|acute|celiac|coeliac|graves|addison'?s|crohn'?s|alzheimer'?s"
    "|parkinson'?s|hodgkin'?s|sickle|cell|generali[sz]ed"
)


def _endings(words: str) -> str:
    return "|".join(sorted(words.split()))


_DRUG = (
    rf"(?i)^[^0-9]*[^0-9 ]{{2}}(?:{_endings(_STEMS)})"
    r"(?: (?:sodium|potassium|besylate|calcium|hcl))?$"
    r"|^(?:insulin|paracetamol|acetaminophen)$"
    r"|^[^0-9]{5,}[ \-][0-9][0-9.,]* ?(?:mg|mcg|µg|g|iu)(?:/ml)?"
    rf"(?: [^0-9]*(?:{_endings(_FORMS)}))?$"
)
_DISEASE = (
    rf"(?i)^[^0-9]*[0-9]?[^0-9]*(?:{_endings(_ENDINGS)})\)?$"
    rf"|^(?:.* )?(?:{_BODY}) (?:{_endings(_AFTER)})$"
    r"|\((?:disorder|finding|procedure|situation|morphologic abnormality)\)$"  # SNOMED CT's tags
)
# Words that end so as well: a vine, a school, a region, the part of the blood that is no illness.
_NO_DISEASE = (
    r"(?i)^(?:[^0-9]*[0-9]?[^0-9]*[ \-])?"
    r"(?:vitis|mitis|academia|bohemia|premia|alchemia|plasma|miasma)$"
)
_TAGS = "der) ing) ure) ion) ity)"
_ILL_HAN = (
    r"^[\p{Han}A-Z0-9\-()]{1,18}(?:[炎癌病症瘤]|综合征|骨折|梗死|梗塞|感染|高血压|哮喘|贫血|结核)$"
)


# Letters, capital or small, 1 to 26; the closing bracket and bytes of other scripts have their own.
_FIVE_BITS = np.zeros(256, dtype=np.int16)
_FIVE_BITS[65:91] = _FIVE_BITS[97:123] = np.arange(1, 27)
_FIVE_BITS[ord(")")] = 27
_FIVE_BITS[128:] = 28


def _tails(values: pa.Array) -> NDArray[np.int16]:
    """The last three bytes of each value as a number, capitals as small letters."""
    array = values.cast(pa.large_string())
    raw = np.frombuffer(array.buffers()[1], dtype=np.int64)
    ends = raw[array.offset + 1 : array.offset + len(array) + 1]
    data = np.frombuffer(array.buffers()[2], dtype=np.uint8)
    number = np.zeros(len(array), dtype=np.int16)
    for back in (3, 2, 1):
        number = number << 5 | _FIVE_BITS[data[ends - back]]
    return number


def _tail_table(words: str) -> Bools:
    """Which tails a value with one of these endings can have."""
    table = np.zeros(1 << 15, dtype=np.bool_)
    for word in words.split():
        last = _FIVE_BITS[list(word.encode()[-3:])].tolist()
        tail = 0
        for byte in last:
            tail = tail << 5 | byte
        free = 1 << 5 * len(last)  # a short ending may stand behind any byte
        table[tail::free] = True
    return table


_DRUG_TAILS = _tail_table(f"{_STEMS} {_FORMS} /ml sodium potassium besylate calcium hcl")
_ILL_TAILS = _tail_table(f"{_ENDINGS} {_AFTER} {_TAGS}")
