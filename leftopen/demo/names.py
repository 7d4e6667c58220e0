"""Word lists of Velmora: a town, streets, firms and people's names, made up for this demo.

The names are meant to sound like nobody's. Faiths and diagnoses are real words, because a
classifier must know them; the peoples of the town are invented, so that no real group stands in
the window.
"""

from __future__ import annotations

GIVEN_WOMEN = (
    "Avelda", "Brisena", "Calmira", "Dorveth", "Elunis", "Fenora", "Galisse", "Hespira", "Ilveta",
    "Jorenna", "Kaveline", "Lumessa", "Maristel", "Nerolisse", "Orvina", "Pelissa", "Quenara",
    "Rosmelda", "Sivrane", "Tavisha", "Ulmina", "Veshana", "Wilmera", "Xanthelle", "Yorvena",
    "Zemirah", "Anvelle", "Belorin", "Cyrenth", "Dasmira",
)  # fmt: skip

GIVEN_MEN = (
    "Aldrath", "Borveno", "Cathmor", "Dervian", "Eskandro", "Faldren", "Gorvane", "Haskord",
    "Istvard", "Joravin", "Kelmund", "Lorvath", "Mordrel", "Navrick", "Osmeldo", "Pelgrin",
    "Quorlan", "Ravnor", "Selvado", "Tormund", "Ubrecht", "Valdrin", "Wesmar", "Xandrel",
    "Yestin", "Zorvald", "Anselk", "Brandrel", "Corvane", "Dunmar",
)  # fmt: skip

_FAMILY_START = (
    "Ald", "Bren", "Corv", "Dal", "Esk", "Fenn", "Gal", "Hav", "Ils", "Jast", "Kel", "Lorm",
    "Mav", "Nest", "Orl", "Pell", "Quist", "Rav", "Sald", "Tarn", "Ulv", "Vest", "Wend", "Zell",
)  # fmt: skip
_FAMILY_END = ("aveny", "brook", "crane", "dovar", "eskin", "fell", "grove", "hollin", "imont")

FAMILY = tuple(start + end for start in _FAMILY_START for end in _FAMILY_END)

TOWN = "Velmora"

DISTRICTS = (
    "Old Harbour", "Saltmarsh", "Upper Lantern", "Tannery Hill", "Ferrygate", "Quarry End",
    "Orchard Side", "Windmill Flats",
)  # fmt: skip

STREETS = (
    "Lantern Row", "Saltmarsh Lane", "Ropewalk", "Tanner's Steps", "Ferry Street", "Quarry Road",
    "Orchard Lane", "Windmill Way", "Copper Alley", "Gullwing Street", "Netmakers' Court",
    "Old Mole", "Candle Street", "Cooper's Yard", "Driftwood Close", "Eel Market",
    "Fishergate", "Granary Square", "Heron Street", "Inkmaker Lane", "Juniper Terrace",
    "Kiln Street", "Limewash Lane", "Millrace", "Northwater Road", "Oyster Quay", "Potter's Bank",
    "Quince Street", "Rushlight Lane", "Sailcloth Street",
)  # fmt: skip

EMPLOYERS = (
    "Velmora Harbour Works", "Tannery Hill Textiles", "Saltmarsh Foods", "Lantern Insurance",
    "Ferrygate Logistics", "Quarry End Stone", "Velmora Town Council", "Orchard Side Clinic",
    "Windmill Flats School", "Copper Alley Foundry", "Oyster Quay Hotel", "Northwater Energy",
)  # fmt: skip

JOBS = (
    "accountant", "baker", "bus driver", "carpenter", "clerk", "cook", "dock worker", "electrician",
    "engineer", "journalist", "lawyer", "mechanic", "nurse", "physician", "plumber",
    "police officer", "programmer", "shop assistant", "social worker", "teacher",
)  # fmt: skip

# Invented peoples and how common each is.
ETHNICITIES = (("Velmoran", 68), ("Ostrani", 17), ("Kaldesh", 9), ("Merrivine", 6))

RELIGIONS = (
    ("none", 34), ("Catholic", 27), ("Protestant", 14), ("Muslim", 11), ("Orthodox", 7),
    ("Jewish", 4), ("Buddhist", 3),
)  # fmt: skip

# What a camera looks at; where somebody goes says more about them than a form does.
PLACES = (
    "street corner", "harbour gate", "bus station", "school", "market", "hotel", "mosque", "church",
    "synagogue", "clinic", "union hall", "police station",
)  # fmt: skip

# ICD-10 codes (WHO) with their short titles.
DIAGNOSES = (
    ("I10", "Essential hypertension"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("J45.9", "Asthma, unspecified"),
    ("F32.1", "Moderate depressive episode"),
    ("F10.2", "Alcohol dependence syndrome"),
    ("B20", "HIV disease resulting in infectious and parasitic diseases"),
    ("C50.9", "Malignant neoplasm of breast, unspecified"),
    ("G40.9", "Epilepsy, unspecified"),
    ("K21.0", "Gastro-oesophageal reflux disease with oesophagitis"),
    ("M54.5", "Low back pain"),
    ("O80.9", "Single spontaneous delivery, unspecified"),
    ("N39.0", "Urinary tract infection, site not specified"),
    ("A53.9", "Syphilis, unspecified"),
    ("H52.1", "Myopia"),
    ("L40.0", "Psoriasis vulgaris"),
)

GOODS = (
    "storm lantern", "wool blanket", "salted fish, 2 kg", "deck shoes", "rain coat",
    "copper kettle", "pregnancy test", "reading glasses", "fishing line", "insulin cool bag",
    "school satchel",
)  # fmt: skip
