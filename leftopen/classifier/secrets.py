"""Secrets by their format: keys of known services, tokens, hashes of passwords, private keys.

A value can be one only if its first two bytes open one of the known beginnings, so columns of
other things cost a look-up a value. What is opaque (a long word that says nothing) is counted for
fields alone whose name promises a secret: a UUID or a checksum of a file looks the same.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
from numpy.typing import NDArray

from leftopen.classifier.heads import opens, pairs
from leftopen.classifier.text import Gate, Text, bits

# Beginnings of keys, as their makers document them, with the pattern of the whole key.
_KEYS = (
    (("AKIA", "ASIA", "AROA", "AIDA", "ABIA", "ACCA"), r"A(?:KI|SI|RO|ID|BI|CC)A[0-9A-Z]{16,17}"),
    (("AKID",), r"AKID[0-9A-Za-z]{13,40}"),  # Tencent Cloud
    (("LTAI",), r"LTAI[0-9A-Za-z]{12,26}"),  # Alibaba Cloud
    (("sk_", "pk_", "rk_"), r"[spr]k_(?:live|test)_[0-9A-Za-z]{16,}"),  # Stripe
    (("whsec_",), r"whsec_[0-9A-Za-z+/=]{24,}"),
    (("sk-",), r"sk-(?:proj-|ant-|or-|svcacct-)?[0-9A-Za-z_\-]{20,}"),  # OpenAI, Anthropic
    (("ghp_",), r"gh[pousr]_[0-9A-Za-z]{30,}"),
    (("github_pat_",), r"github_pat_[0-9A-Za-z_]{30,}"),
    (("glpat-", "gldt-"), r"gl(?:pat|dt|rt|ft|soat|cbt|ptt)-[0-9A-Za-z_\-.]{20,}"),
    (("xoxb-", "xapp-"), r"(?:xox[abeoprs]|xapp)-[0-9A-Za-z.\-]{10,}"),  # Slack
    (("AIza",), r"AIza[0-9A-Za-z_\-]{35}"),  # Google
    (("ya29.",), r"ya29\.[0-9A-Za-z_\-.]{20,}"),
    (("GOCSPX-",), r"GOCSPX-[0-9A-Za-z_\-]{28}"),
    (("SG.",), r"SG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}"),  # SendGrid
    (("key-",), r"key-[0-9a-f]{32}"),  # Mailgun
    (("SK",), r"SK[0-9a-f]{32}"),  # Twilio
    (("npm_",), r"npm_[0-9A-Za-z]{36}"),
    (("pypi-",), r"pypi-[0-9A-Za-z_\-]{50,}"),
    (("dop_v1_", "doo_v1_"), r"do[por]_v1_[0-9a-f]{64}"),  # DigitalOcean
    (("shpat_",), r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),  # Shopify
    (("hf_",), r"hf_[0-9A-Za-z]{30,}"),
    (("dapi",), r"dapi[0-9a-f]{32}(?:-[0-9])?"),  # Databricks
    (("hvs.", "hvb."), r"hv[sb]\.[0-9A-Za-z_\-]{24,}"),  # Vault
    (("glsa_", "glc_"), r"gl(?:sa|c)_[0-9A-Za-z_=+/]{30,}"),  # Grafana
    (("NRAK-",), r"NRAK-[0-9A-Z]{27}"),
    (("PMAK-",), r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    (("sntrys_", "sntryu_"), r"sntry[su]_[0-9A-Za-z_=+/]{40,}"),
    (("ATATT3",), r"ATATT3[0-9A-Za-z_\-=]{50,}"),  # Atlassian
    (("lin_api_",), r"lin_(?:api|oauth)_[0-9A-Za-z]{40,}"),
    (("figd_",), r"figd_[0-9A-Za-z_\-]{30,}"),
    (("secret_", "ntn_"), r"(?:secret_|ntn_)[0-9A-Za-z]{40,}"),  # Notion
    (("sq0",), r"sq0(?:atp|csp|idp)-[0-9A-Za-z_\-]{22,}"),  # Square
    (("EAA",), r"EAA[0-9A-Za-z]{80,}"),  # Facebook
    (("access_token$",), r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    (("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    (("rubygems_",), r"rubygems_[0-9a-f]{48}"),
    (("pul-",), r"pul-[0-9a-f]{40}"),
    (("pscale_",), r"pscale_(?:tkn|pw|oauth)_[0-9A-Za-z_\-.]{32,}"),
    (("xkeysib-",), r"xkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}"),  # Brevo
    (("otpauth://",), r"otpauth://(?:totp|hotp)/.+secret=.+"),
)
_TOKENS = (
    (("eyJ",), r"eyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-.]*"),  # JWT, JWE
    (("Bearer ",), r"(?i:bearer) [0-9A-Za-z_\-.=+/~]{12,}"),
    (("bearer ",), r"(?i:bearer) [0-9A-Za-z_\-.=+/~]{12,}"),
    (("Basic ",), r"Basic [0-9A-Za-z+/]{8,}={0,2}"),
    (("PHPSESSID=", "JSESSIONID="), r"(?:PHPSESSID|JSESSIONID)=[0-9A-Za-z.,\-!]{16,}.*"),
    (("connect.sid=",), r"connect\.sid=s(?:%3A|:)[^\s;]{20,}.*"),
    (("session", "sess"), r"sess(?:ion)?(?:_?id)?=[0-9A-Za-z._\-%]{16,}.*"),
)
_HASHES = (
    (("$2",), r"\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}"),  # bcrypt
    (("$argon2",), r"\$argon2(?:id|i|d)\$.+"),
    (("$1", "$5", "$6", "$y", "$7", "$g"), r"\$(?:1|5|6|y|7|gy)\$[^$]+\$.+"),  # crypt(3)
    (("$apr1$", "$md5", "$sha1$"), r"\$(?:apr1|md5|sha1)[$,].+\$.+"),
    (("$scrypt$", "$pbkdf2"), r"\$(?:scrypt|pbkdf2(?:-sha(?:1|256|512))?)\$.+"),
    (("$P$", "$H$"), r"\$[PH]\$[./0-9A-Za-z]{31}"),  # phpass
    (("$S$",), r"\$S\$[./0-9A-Za-z]{52}"),  # Drupal 7
    (("$NT$", "$3$"), r"\$(?:NT\$|3\$\$)[0-9a-f]{32}"),
    (
        ("pbkdf2", "scrypt", "bcrypt", "argon2", "sha1$", "md5$"),
        r"(?:pbkdf2|scrypt|bcrypt|argon2|sha1|md5)[_a-z0-9]*[:$].+\$.+",  # Django, Werkzeug
    ),
    (("{SSHA}", "{MD5}", "{CRYPT}"), r"\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT)\}.+"),  # LDAP
    (("{bcrypt}", "{noop}", "{sha256}"), r"\{(?:bcrypt|noop|pbkdf2|scrypt|argon2|sha256)\}.+"),
    (tuple(f"*{c}" for c in "0123456789ABCDEF"), r"\*[0-9A-F]{40}"),  # MySQL
    (("md5",), r"md5[0-9a-f]{32}"),  # PostgreSQL
    (("SCRAM-",), r"SCRAM-SHA-(?:1|256)\$.+"),
    (("0x0100", "0x0200"), r"0x0[12]00[0-9A-Fa-f]{48,136}"),  # SQL Server
)  # fmt: skip
_PRIVATE = ((("-----BEGIN",), r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.*"),
            (("PuTTY-User",), r"PuTTY-User-Key-File-[23]:.*"))  # fmt: skip
_FORMS = {
    "secret.keyed": _KEYS,
    "secret.bearing": _TOKENS,
    "secret.hashed": _HASHES,
    "secret.pem": _PRIVATE,
}
_LONG = Gate(shortest=19)

# Forms that do not show at their beginning.
_COLON = Gate(
    44, 260, bits("digit letter at dot dash colon slash punct"), (bits("colon"), bits("digit"))
)
_SUFFIXED = Gate(36, 37, bits("hex lower dash"), (bits("dash"), bits("lower")))
_HTTP = int.from_bytes(b"ht", "big")  # most values with a colon are addresses of pages
_BOTS = r"^[0-9]{8,10}:AA[0-9A-Za-z_\-]{33}$"  # Telegram
_MAILERS = r"^[0-9a-f]{32}-us[0-9]{1,2}$"  # Mailchimp
_ENTRIES = (
    r"^[^\s:$]{1,64}:(?:\$(?:apr1|2[aby]|1|5|6|y)\$|\{SHA\}).+"  # .htpasswd, shadow
    r"|^(?:[^\s:]{1,64}:[0-9]{1,10}:)?[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}(?::::)?$"  # LM and NT hash
)
_ADDRESS = Gate(12, 2048, needs=(bits("colon"), bits("slash"), bits("at")))
_CREDENTIALS = r"(?i)^[a-z][a-z0-9+.\-]{1,30}://[^\s/:@]{0,128}:[^\s/@]{1,256}@[^\s]+$"
_SETTINGS = Gate(20, 2048, needs=(bits("slash"), bits("punct")))
_ASSIGNED = (
    r"(?i)^(?:.*;)? ?(?:host|server|data source|addr|address|uid|user id|username|user"
    r"|defaultendpointsprotocol|endpoint|accountname|driver|dsn|provider|database|dbname)=.*;"
    r" ?(?:pwd|password|accountkey|sharedaccesskey)=[^;]+"
)

# A long word that says nothing, for fields whose name promises a secret.
_OPAQUE = Gate(12, 8192, bits("digit letter dot dash colon slash punct"), (bits("digit"),))
_TELLS = (  # moments, addresses, paths, versions, numbers, wallets and the like
    r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[a-z]+://.*|/.*|www\..*|[0-9.,:\-/+]*|0x[0-9a-fA-F]{40}"
    r"|[a-zA-Z][a-zA-Z0-9]*(?:[._\-/][a-zA-Z]+)+[._\-]?[0-9]{0,4}|[^@]+@[^@]+\.[a-z]+)$"
)
OPAQUE = "secret.opaque"


@cache
def _openings() -> NDArray[np.bool_]:
    return opens(*(b for form in _FORMS.values() for beginnings, _ in form for b in beginnings))


@cache
def _form(measure: str) -> tuple[NDArray[np.bool_], str]:
    form = _FORMS[measure]
    table = opens(*(b for beginnings, _ in form for b in beginnings))
    return table, f"(?s)^(?:{'|'.join(dict.fromkeys(pattern for _, pattern in form))})$"


def count(text: Text, wanted: frozenset[str], hits: Counter[str]) -> None:
    """Adds `secret.keyed`, `.bearing`, `.hashed`, `.pem`, `.located` and, if asked, `.opaque`."""
    long = text.select(_LONG)
    if len(long):
        opening = pairs(long.values)
        if _openings()[opening].any():
            for measure in _FORMS:
                table, pattern = _form(measure)
                opened = table[opening]
                if opened.any():
                    hits[measure] += long.keep(opened).count(pattern)
    lines = text.select(_COLON)
    if len(lines):
        lines = lines.keep(pairs(lines.values) != _HTTP)
    if len(lines):
        hits["secret.keyed"] += lines.count(_BOTS)
        hits["secret.hashed"] += lines.count(_ENTRIES)
    hits["secret.keyed"] += text.select(_SUFFIXED).count(_MAILERS)
    hits["secret.located"] += text.select(_ADDRESS).count(_CREDENTIALS)
    hits["secret.located"] += text.select(_SETTINGS).matching(";").count(_ASSIGNED)
    if any(kind.startswith("secret.") for kind in wanted):
        opaque = text.select(_OPAQUE)
        if len(opaque):
            hits[OPAQUE] += opaque.total - opaque.count(_TELLS)
