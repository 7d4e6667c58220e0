"""Secrets by format, by name, and what looks like one and is none."""

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest

from leftopen.classifier import classify, secrets
from leftopen.classifier.text import Text
from tests.classifier import make
from tests.classifier.make import Maker, any_of, column, digits, whole_in

ALPHABET = string.ascii_letters + string.digits


def word(size: int, letters: str = ALPHABET) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice(letters) for _ in range(size))


def after(start: str, size: int, letters: str = ALPHABET) -> Maker:
    return lambda r: start + "".join(r.choice(letters) for _ in range(size))


def hexadecimal(size: int) -> Callable[[random.Random], str]:
    return lambda r: "".join(r.choice("0123456789abcdef") for _ in range(size))


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def b64(r: random.Random, size: int) -> str:
    return base64.b64encode(r.randbytes(size)).decode().rstrip("=")


def django(r: random.Random) -> str:
    salt = word(22)(r)
    made = hashlib.pbkdf2_hmac("sha256", r.randbytes(8), salt.encode(), 1)
    return f"pbkdf2_sha256$600000${salt}${base64.b64encode(made).decode()}"


def werkzeug(r: random.Random) -> str:
    return f"scrypt:32768:8:1${word(16)(r)}${r.randbytes(64).hex()}"


def pem(r: random.Random) -> str:
    kind = r.choice(("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{b64(r, 120)}\n-----END {kind}PRIVATE KEY-----"


def jwe(r: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RSA-OAEP","enc":"A256GCM"}').decode().rstrip("=")
    return ".".join([head, *(base64.urlsafe_b64encode(r.randbytes(24)).decode() for _ in range(4))])


# Found without a name. The forms are those of the services' own documents.
NAMELESS: dict[str, Maker] = {
    "bcrypt": make.bcrypt,
    "argon2": lambda r: f"$argon2id$v=19$m=65536,t=3,p=4${b64(r, 16)}${b64(r, 32)}",
    "scrypt": lambda r: f"$scrypt$ln=16,r=8,p=1${b64(r, 16)}${b64(r, 32)}",
    "django": django,
    "werkzeug": werkzeug,
    "passlib": lambda r: f"$pbkdf2-sha256$29000${b64(r, 16)}${b64(r, 32)}",
    "crypt1": lambda r: f"$1${word(8)(r)}${word(22)(r)}",
    "crypt5": lambda r: f"$5$rounds=5000${word(16)(r)}${word(43)(r)}",
    "crypt6": lambda r: f"$6${word(16)(r)}${word(86)(r)}",
    "yescrypt": lambda r: f"$y$j9T${word(22)(r)}${word(43)(r)}",
    "apr1": lambda r: f"$apr1${word(8)(r)}${word(22)(r)}",
    "phpass": after("$P$B", 30),
    "drupal": after("$S$D", 51),
    "ldap": lambda r: "{SSHA}" + b64(r, 24),
    "mysql": after("*", 40, "0123456789ABCDEF"),
    "postgres": lambda r: f"SCRAM-SHA-256$4096:{b64(r, 16)}${b64(r, 32)}:{b64(r, 32)}",
    "mssql": after("0x0200", 136, "0123456789ABCDEF"),
    "htpasswd": lambda r: f"user{r.randrange(99)}:$apr1${word(8)(r)}${word(22)(r)}",
    "pwdump":
     lambda r: f"u{r.randrange(99)}:{r.randint(500, 999)}:{word(32, HEX)(r)}:{word(32, HEX)(r)}:::",
    "aws": after("AKIA", 16, UPPER),
    "github": lambda r: f"gh{r.choice('pousr')}_{word(36)(r)}",
    "github2": after("github_pat_", 82),
    "gitlab": after("glpat-", 20),
    "slack": lambda r: f"xox{r.choice('bp')}-{digits(11)(r)}-{digits(12)(r)}-{word(24)(r)}",
    "stripe": after("sk_live_", 24),
    "google": after("AIza", 35),
    "sendgrid": lambda r: f"SG.{word(22)(r)}.{word(43)(r)}",
    "twilio": after("SK", 32, HEX),
    "openai": after("sk-proj-", 48),
    "mailchimp": lambda r: f"{word(32, HEX)(r)}-us{r.randint(1, 20)}",
    "telegram": lambda r: f"{digits(10)(r)}:AA{word(33)(r)}",
    "npm": after("npm_", 36),
    "pypi": after("pypi-AgEIcHlwaS5vcmc", 60),
    "huggingface": after("hf_", 34),
    "shopify": after("shpat_", 32, HEX),
    "otpauth":
     lambda r: f"otpauth://totp/Shop:u{r.randrange(9)}?secret="
     f"{word(16, 'ABCDEFG234567')(r)}&issuer=S",
    "jwt": make.jwt,
    "jwe": jwe,
    "bearer": lambda r: f"Bearer {word(40)(r)}",
    "basic": lambda r: "Basic " + b64(r, 15),
    "cookie": lambda r: f"PHPSESSID={word(26, HEX)(r)}; path=/",
    "pem": pem,
    "uri": lambda r: f"postgresql://app:{word(9)(r)}@db{r.randrange(9)}.example:5432/shop",
    "redis": lambda r: f"redis://:{word(12)(r)}@10.0.0.{r.randrange(255)}:6379/0",
    "ado": lambda r: f"Server=db{r.randrange(9)};Database=shop;User Id=sa;Password={word(9)(r)};",
    "azure":
     lambda r: f"DefaultEndpointsProtocol=https;AccountName=a"
     f"{r.randrange(99)};AccountKey={b64(r, 64)};EndpointSuffix=x.example",
}  # fmt: skip

NAMED: list[tuple[str, str, Maker]] = [
    ("users", "password", lambda r: f"{r.choice(('dragon', 'sunshine'))}{r.randrange(999)}"),
    ("users", "Passwd", any_of("letmein", "qwerty")),
    ("", "mima", lambda r: f"abc{r.randrange(9999)}"),
    ("", "contraseña", word(9)),
    ("", "senha", word(9)),
    ("", "mot_de_passe", word(9)),
    ("", "пароль", word(9)),
    ("", "كلمة المرور", word(9)),
    ("", "पासवर्ड", word(9)),
    ("", "şifre", word(9)),
    ("", "hasło", word(9)),
    ("", "비밀번호", word(9)),
    ("users", "pass", lambda r: f"xK{r.randrange(9999)}!p"),
    ("users", "pwd_md5", hexadecimal(32)),
    ("", "nt_hash", hexadecimal(32)),
    ("", "email_sha256", hexadecimal(64)),
    ("", "password_salt", word(16)),
    ("users", "mpin", digits(4)),
    ("", "security_question", any_of("First pet?", "Street you grew up in?")),
    ("", "security_answer", any_of("Rex", "Elm Street")),
    ("", "totp_secret", word(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    ("", "client_secret", word(40)),
    ("", "secretAccessKey", word(40, ALPHABET + "/+")),
    ("", "api_token", word(32, HEX)),
    ("", "session_id", make.a_uuid),
    ("", "refresh_token", word(64)),
    ("", "ssh_key", lambda r: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{b64(r, 33)} me@host"),
]  # fmt: skip

OTHER: list[tuple[str, str, Maker]] = [
    ("", "c1", make.a_uuid),
    ("", "c2", hexadecimal(40)),
    ("", "c3", hexadecimal(32)),
    ("", "c4", hexadecimal(64)),
    ("", "c5", lambda r: "sha256:" + hexadecimal(64)(r)),
    ("", "c6", lambda r: f'W/"{hexadecimal(20)(r)}"'),
    ("", "c7", lambda r: "data:text/css;base64," + b64(r, 60)),
    ("", "c8", word(22)),
    ("", "c9", lambda r: b64(r, 24)),
    ("", "c10", lambda r: f"$1{r.randint(10, 99)},{digits(3)(r)}.00"),
    ("", "c11", lambda r: f"skirt-{r.choice(('red', 'blue'))}-{digits(12)(r)}"),
    ("", "c12", lambda r: f"SKU{digits(18)(r)}"),
    ("", "c13", lambda r: f"https://example.org:8080/a@b/{r.randrange(999)}"),
    ("", "c14", lambda r: f"key-value store number {r.randrange(99)}"),
    ("", "c15", lambda r: f"npm_package_{r.choice(('left', 'right'))}_pad_{r.randrange(9)}"),
    ("", "c16", lambda r: f"-----BEGIN CERTIFICATE-----\n{b64(r, 90)}\n-----END CERTIFICATE-----"),
    ("", "c17", lambda r: f"Basic plan for {r.randint(2, 99)} seats per month"),
    ("", "c18", lambda r: f"session of {r.randint(2, 99)} January in the great hall"),
    ("", "c19", lambda r: f"md5 sum {r.randrange(99)} of the archive"),
    ("", "c20",
     lambda r: f"Server=db{r.randrange(9)};Database=shop;Encrypt=yes;Timeout={digits(2)(r)}"),
    ("builds", "digest", hexadecimal(64)),
    ("objects", "key", lambda r: f"img/{hexadecimal(20)(r)}.css"),
    ("caches", "cache_key", lambda r: f"page:{r.randrange(999)}:{hexadecimal(8)(r)}"),
    ("tables", "primary_key", whole_in(1, 9999)),
    ("tables", "foreign_key", make.a_uuid),
    ("", "idempotency_key", make.a_uuid),
    ("", "partition_key", lambda r: f"2024-{r.randint(1, 12):02}"),
    ("", "token_url", lambda r: f"https://login.example/{r.randrange(99)}/oauth2/token"),
    ("", "token_type", any_of("bearer", "mac")),
    ("", "auth", any_of("basic", "none", "oauth2")),
    ("", "authorization", any_of("approved", "denied")),
    ("", "secret", any_of(True, False)),
    ("", "session", any_of("2021-2022", "2022-2023")),
    ("", "session", lambda r: f"{make.recent(r):%Y-%m-%dT%H:%M:%S}"),
    ("users", "password_reset_count", whole_in(0, 4)),
    ("users", "has_password", any_of(True, False)),
    ("users", "password_policy", any_of("strong", "weak")),
    ("lifts", "ski_pass", lambda r: f"day{r.randint(1, 14)}"),
    ("boards", "pin", whole_in(1, 40)),
    ("models", "max_tokens", whole_in(256, 4096)),
    ("tokens", "token_symbol", any_of("ETH", "USDT")),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMELESS)
def test_formats_tell_without_a_name(name: str) -> None:
    found = classify(pa.table({"c17": column(NAMELESS[name])})).fields["c17"]
    assert found.family == "secret", found


@pytest.mark.parametrize(
    ("collection", "field", "values"), NAMED, ids=[f"{c}.{f}" for c, f, _ in NAMED]
)
def test_names_tell(collection: str, field: str, values: Maker) -> None:
    found = classify(pa.table({field: column(values)}), collection).fields[field]
    assert found.family == "secret", found


@pytest.mark.parametrize(
    ("collection", "field", "values"),
    OTHER,
    ids=[f"{n}-{c}.{f}" for n, (c, f, _) in enumerate(OTHER)],
)
def test_look_alikes_are_no_secrets(collection: str, field: str, values: Maker) -> None:
    table = pa.table({field: column(values), "amount": column(whole_in(1, 99))})
    found = classify(table, collection).fields[field]
    assert found.family == "none", found


def test_weights_count_like_the_values_themselves() -> None:
    chance = random.Random(3)
    values = [str(NAMELESS[name](chance)) for name in ("aws", "bcrypt", "jwt", "pem", "uri")]
    once: Counter[str] = Counter()
    secrets.count(Text.of(pa.array(values * 4)), frozenset({"secret.token"}), once)
    weighed: Counter[str] = Counter()
    fours = Text.of(pa.array(["1"])).lengths.repeat(5) * 4
    secrets.count(
        Text(pa.array(values, pa.large_string()), fours), frozenset({"secret.token"}), weighed
    )
    assert once == weighed
    for measure in ("secret.keyed", "secret.hashed", "secret.bearing", "secret.pem"):
        assert once[measure] == 4, measure
