"""Numbers of vehicles (ISO 3779) by the maker in front: those for Europe carry no check digit."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.heads import laid_out
from leftopen.classifier.text import Gate, Text, bits

_GATE = Gate(17, 17, bits("digit letter"), (bits("digit"), bits("letter")))
_NUMBER = r"(?i)^[a-hj-npr-z0-9]{13}[0-9]{4}$"

# World manufacturer identifiers (ISO 3780) of makers of most cars and lorries on the roads.
_MAKERS = """
19U 19X 1B3 1C3 1C4 1C6 1D3 1D4 1D7 1F1 1FA 1FB 1FC 1FD 1FM 1FT 1FU 1FV 1G1 1G2 1G3 1G4 1G6 1G8
1GB 1GC 1GD 1GK 1GM 1GN 1GT 1GY 1HD 1HG 1HT 1J4 1J8 1L1 1LN 1M1 1M2 1M8 1ME 1MR 1N4 1N6 1NK 1NX
1P3 1VW 1XK 1XP 1YV 1ZV 2A4 2B3 2C3 2C4 2CN 2D3 2D4 2FA 2FM 2FT 2FU 2G1 2G2 2G4 2GC 2GK 2GN 2GT
2HG 2HJ 2HK 2HM 2HN 2LM 2ME 2T1 2T2 2T3 3A4 3AK 3C4 3C6 3C7 3CZ 3D4 3D7 3FA 3FE 3FM 3FT 3G1 3G4
3G5 3GC 3GN 3GT 3GY 3H1 3HG 3HM 3KP 3LN 3MD 3MV 3MW 3MY 3MZ 3N1 3N6 3N8 3PC 3TM 3TY 3VV 3VW 4A3
4A4 4F2 4F4 4JG 4M2 4S3 4S4 4T1 4T3 4US 4UZ 4V4 55S 58A 5FN 5FP 5FR 5GA 5J6 5J8 5KB 5KJ 5L1 5LM
5N1 5NM 5NP 5PV 5SA 5TD 5TE 5TF 5UM 5UX 5XX 5XY 5YF 5YJ 5YM 6F4 6F5 6FP 6G1 6MM 6T1 7A3 7FA 7FC
7JR 7MU 7PD 7SA 7SV 7UU 8A1 8AC 8AD 8AF 8AG 8AJ 8AP 8AW 935 936 93H 93R 93U 93W 93X 93Y 94D 94T
95P 95V 988 98M 98R 99A 9BD 9BF 9BG 9BH 9BM 9BR 9BS 9BV 9BW 9C2 9C6 9FB 9GA AAV ABM ACV ADM AFA
AFB AHT HGX HJR JA3 JA4 JAA JDA JF1 JF2 JH2 JH4 JHB JHF JHL JHM JKA JKB JL5 JM1 JM3 JM6 JMB JMY
JMZ JN1 JN3 JN6 JN8 JNA JNC JNK JNR JNX JS1 JS2 JS3 JSA JT2 JT3 JT4 JT5 JT6 JT7 JT8 JTD JTE JTF
JTG JTH JTJ JTK JTL JTM JTN JYA KL1 KLA KLY KMC KMF KMH KMJ KMY KNA KNC KND KNE KNH KNJ KNM KPA
KPB KPT L1N L6T LB3 LBV LC0 LDC LDY LE4 LFM LFP LFV LGB LGE LGJ LGW LGX LHG LJ1 LJD LJN LK6 LLV
LM8 LMG LMV LNB LNX LPS LRW LS5 LSG LSJ LSV LSY LTV LUC LVG LVH LVR LVS LVV LVY LWV LYV LZW LZY
LZZ MA1 MA3 MA6 MA7 MAJ MAK MAL MAT MBH MBJ MBL MC2 MDH ME1 ME4 MEE MEX MHF MHK MHR MJB MLC MLH
MMB MMT MNB MNT MPA MPB MR0 MRH MS0 NAA NAP NLA NLH NLN NLR NM0 NMB NMT NNA PE1 PE3 PL1 PM1 PNA
PP1 RF3 RFB RKL RLH RLV SAJ SAL SAR SAT SB1 SBM SCA SCB SCC SCE SCF SDB SFD SHH SHS SJN SUF SUP
SUU TCC TMA TMB TMK TMP TRU TSM TW1 TYA U5Y U6Y UU1 VAG VF1 VF2 VF3 VF6 VF7 VF8 VF9 VFA VLU VNK
VNV VR1 VR3 VR7 VS6 VS7 VSE VSK VSS VSX VWV VXK W0L W0V W1K W1N W1T W1V WA1 WAG WAU WB1 WB3 WBA
WBS WBX WBY WD3 WD4 WDB WDC WDD WDF WEB WF0 WJM WKK WMA WME WMW WMX WP0 WP1 WUA WV1 WV2 WV3 WVG
WVW X4X X7L X9F XL9 XLE XLR XMC XTA XTC XTH XTT XUF XUU XW8 XWE YK1 YS2 YS3 YS4 YV1 YV2 YV3 YV4
ZAC ZAM ZAP ZAR ZBB ZCF ZD4 ZDM ZFA ZFC ZFF ZHW ZLA
"""


def _known() -> NDArray[np.bool_]:
    """By the three characters as one number of base 128, whether they are a known maker's."""
    table = np.zeros(128**3, dtype=np.bool_)
    for maker in _MAKERS.split():
        for one, two, three in (maker.encode(), maker.lower().encode()):
            table[(one * 128 + two) * 128 + three] = True
    return table


_KNOWN = _known()


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `vin.maker`: seventeen characters, no I, O or Q, a known maker in front."""
    del wanted
    coded = text.select(_GATE)
    if not len(coded):
        return
    data, bounds = laid_out(coded.values)
    starts = bounds[:-1]
    one, two, three = (data[starts + place].astype(np.int64) for place in range(3))
    made = _KNOWN[(one * 128 + two) * 128 + three]
    if made.any():
        hits["vin.maker"] += coded.keep(made).count(_NUMBER)
