"""Known notes are recognised, ordinary names are not, and nothing of a name comes out."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leftopen.model import Tampering
from leftopen.tampering import (
    INDICATORS,
    MAX_NAME,
    MAX_SEEN,
    WIPED,
    Family,
    Indicator,
    Seen,
    indicators,
)

# re._parser is what `re` itself compiles with; it has no public name
_PARSER = re._parser  # type: ignore[attr-defined]

DEMAND = ("_id", "btcAddress", "email", "note", "alias")
TOLD = ("_id", "mail", "note")
CONTENT = ("_id", "content")
USERS = Seen("shop.users", ("id", "name", "email", "address.city"), 12_000)


def ids(engine: str, *seen: Seen) -> set[str]:
    return {found.indicator for found in indicators(engine, seen)}


# Each as it was published: engine, name, fields, records, what it must be told as.
NOTES: Sequence[tuple[str, str, Sequence[str], int | None, str]] = [
    ("mongodb", "READ__ME_TO_RECOVER_YOUR_DATA.README", CONTENT, 1, "note.read-me-to-recover"),
    ("mongodb", "READ_ME_TO_RECOVER_YOUR_DATA.README", CONTENT, 1, "note.read-me-to-recover"),
    ("mongodb", "shop.READ_ME_TO_RECOVER_YOUR_DATA", CONTENT, 1, "note.read-me-to-recover"),
    ("mongodb", "ReadMe_To_Recover.x", (), None, "note.read-me-to-recover"),
    ("mongodb", "PLEASE_READ.PLEASE_READ", ("Bitcoin Address", "Email", "Info"), 1,
        "note.please-read"),
    ("mongodb", "PLEASE_READ_ME.PLEASE_READ_ME", ("Bitcoin Address", "Email", "info"), 1,
        "note.please-read"),
    ("mongodb", "pleasereadthis.note", (), 1, "note.please-read"),
    ("mongodb", "ReadmePlease.x", TOLD, 1, "note.please-read"),
    ("mongodb", "JUST_READ_ME.x", TOLD, 1, "note.please-read"),
    ("mongodb", "WARNING.WARNING", ("email", "note"), 1, "note.warning-table"),
    ("mongodb", "Warning.Readme", ("_id", "note"), 1, "note.mongo-lock"),
    ("mongodb", "READ1.info", ("mail", "text"), 1, "note.warning-table"),
    ("mongodb", "README.bitcoin", ("Bitcoin Address", "email", "message"), 1,
        "note.warning-table"),
    ("mongodb", "CONTACTME.CONTACTME", ("mail", "note"), 1, "note.warning-table"),
    ("mongodb", "any.thing", DEMAND, 1, "note.fields"),
    ("mongodb", "PWNED_SECURE_YOUR_STUFF_SILLY.pwned", DEMAND, 1, "readme.hacked-by"),
    ("mongodb", "README_MISSING_DATABASES.x", TOLD, 1, "wiper.said-so"),
    ("mongodb", "README_YOU_DB_IS_INSECURE.x", DEMAND, 1, "readme.not-secure"),
    ("mongodb", "DB_H4CK3D.x", (), 1, "readme.hacked-by"),
    ("mongodb", "DB_DROPPED.x", (), 1, "wiper.said-so"),
    ("mongodb", "DB_HAS_BEEN_DROPPED.x", (), 1, "wiper.said-so"),
    ("mongodb", "DELETED_BECAUSE_YOU_DIDNT_PASSWORD_PROTECT_YOUR_MONGODB.x", (), 0,
        "wiper.said-so"),
    ("mongodb", "hacked_by_unistellar.x", (), 1, "readme.hacked-by"),
    ("mongodb", "HACKED_BY_MARSHY.x", (), 1, "readme.hacked-by"),
    ("mongodb", "your_data_has_been_backed_up.x", (), 1, "note.data-was-taken"),
    ("mongodb", "WE_HAVE_YOUR_DATA.x", (), 1, "note.data-was-taken"),
    ("mongodb", "REQUEST_YOUR_DATA.x", (), 1, "note.recover-your-data"),
    ("mongodb", "send_bitcoin_to_retrieve_the_data.x", (), 1, "note.send-bitcoin"),
    ("mongodb", "to_get_DB_back_send_1BTC_to_nobody.x", (), 1, "note.send-bitcoin"),
    ("mongodb", "PLEASE_SECURE_THIS_INSTALLATION.x", (), 1, "readme.not-secure"),
    ("mongodb", "how_to_recover.x", (), 1, "note.how-to-recover"),
    ("mongodb", "HOW_TO_RESTORE_leanote.x", (), 1, "note.how-to-recover"),
    ("elasticsearch", "read_me_to_recover_database", ("message", "email"), 1,
        "note.read-me-to-recover"),
    ("elasticsearch", "read me to recover database", (), 1, "note.read-me-to-recover"),
    ("elasticsearch", "send 0.2 btc to this wallet: x1y if you want recover your database!", (),
        1, "note.send-bitcoin"),
    ("elasticsearch", "gk01juo8o3-meow", (), 0, "wiper.meow"),
    ("elasticsearch", "n8q4jp2xw1-meow", (), None, "wiper.meow"),
    ("elasticsearch", "please_read", ("message",), 1, "note.please-read"),
    ("mongodb", "users.t4kz0pm9qa-MEOW", (), 0, "wiper.meow"),
    ("couchdb", "wegeturdb", (), 1, "note.we-get-your-db"),
    ("couchdb", "read_me_to_recover", (), 1, "note.read-me-to-recover"),
    ("cassandra", "your_db_is_not_secure.x", (), 0, "readme.not-secure"),
    ("mysql", "PLEASE_READ_ME_XMG.WARNING", ("id", "warning", "Bitcoin_Address", "Email"), 1,
        "note.please-read"),
    ("mysql", "PLEASE_READ_ME_VVV.WARNING", ("id", "warning", "Bitcoin_Address", "Email"), 1,
        "note.warning-table"),
    ("mysql", "shop.WARNING", ("id", "warning", "Bitcoin_Address", "Email"), 1, "note.fields"),
    ("mysql", "RECOVER_YOUR_DATA.RECOVER_YOUR_DATA", ("id", "text"), 2, "note.recover-your-data"),
    ("mysql", "shop.RECOVER_YOUR_DATA_info", ("id", "text"), 2, "note.recover-your-data"),
    ("mysql", "README_TO_RECOVER_A.README", ("id", "text"), 2, "note.read-me-to-recover"),
    ("postgresql", "readme_to_recover.public.readme", ("text_field",), 2,
        "note.read-me-to-recover"),
    ("postgresql", "shop.public.readme_to_recover", ("text_field",), 2,
        "note.read-me-to-recover"),
    ("postgresql", "shop.public.warning", ("id", "btc", "mail", "text"), 1, "note.warning-table"),
    ("webhdfs", "NODATA4U_SECUREYOURSHIT/x", (), 0, "readme.not-secure"),
    ("webhdfs", "NODATA4U_SECUREYOURSHIT", (), None, "readme.not-secure"),
    ("s3", "town/HOW_TO_DECRYPT_FILES.txt", (), 1, "note.object"),
    ("s3", "town/RANSOM_NOTE.txt", (), 1, "note.object"),
    ("s3", "town/FILES-DELETED.txt", (), 1, "note.object"),
    ("s3", "your-bucket-is-public", (), 1, "readme.not-secure"),
    ("redis", "crackit", (), 1, "redis.planted-key"),
    ("redis", "db3/crackit", (), 1, "redis.planted-key"),
    ("redis", "redis_cron_payload", ("value",), 1, "redis.planted-key"),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "name", "fields", "records", "told"), NOTES)
def test_what_is_known_is_recognised(
    engine: str, name: str, fields: Sequence[str], records: int | None, told: str
) -> None:
    assert told in ids(engine, USERS, Seen(name, fields, records))
    assert WIPED not in ids(engine, USERS, Seen(name, fields, records))


# What ordinary stores hold; with the shape that comes closest to a note's.
ORDINARY: Sequence[tuple[str, str, Sequence[str], int | None]] = [
    ("mysql", "docs.readme", ("id", "title", "body", "author", "created_at"), 3),
    ("mysql", "docs.readme", (), None),
    ("mysql", "monitoring.warning", ("id", "level", "message", "host", "created_at"), 48_000),
    ("mysql", "monitoring.warning", ("id", "message", "time"), 4),
    ("mysql", "monitoring.warnings", ("id", "message", "email"), 9),
    ("mysql", "shop.warning", ("id", "email", "note"), 400),
    ("mysql", "shop.recovery", ("id", "email", "token", "expires"), 4),
    ("mysql", "shop.account_recovery", ("id", "email", "code"), 4),
    ("mysql", "shop.password_recovery", ("id", "email", "info"), 4),
    ("mysql", "shop.contact_me", ("id", "email", "message"), 3),
    ("mysql", "shop.contact", ("id", "email", "message"), 3),
    ("mysql", "shop.messages", ("id", "email", "text"), 2),
    ("mysql", "shop.payments", ("id", "btc_address", "email", "note"), 9_000),
    ("mysql", "shop.payments", ("id", "btc_address", "email", "amount", "status"), 2),
    ("mysql", "shop.wallets", ("id", "wallet", "email", "amount"), 2),
    ("mysql", "shop.donations", ("id", "bitcoin", "text"), 1),
    ("mysql", "shop.info", ("id", "email", "text"), 1),
    ("mysql", "shop.notice", ("id", "email", "message"), 2),
    ("mysql", "shop.alerts", ("id", "email", "message"), 2),
    ("mysql", "shop.attention", ("id", "email", "message"), 2),
    ("mysql", "shop.encrypted_files", ("id", "path"), 5),
    ("mysql", "shop.data_deleted", ("id", "row"), 5),
    ("mysql", "shop.deleted", ("id", "row"), 5),
    ("mysql", "shop.dropped_carts", ("id", "row"), 5),
    ("mysql", "shop.db_backup", ("id", "row"), 5),
    ("mysql", "hacked_accounts.pwned", ("id", "hash"), 500),
    ("mysql", "security.pwned_passwords", ("hash", "count"), 5),
    ("mysql", "blog.how_to", ("id", "title", "body"), 5),
    ("mysql", "blog.how_to_restore_furniture_at_home", ("id", "title"), 500),
    ("mysql", "blog.how_to_recover", tuple(f"f{n}" for n in range(20)), 5),
    ("mysql", "blog.please_rate", ("id", "stars"), 5),
    ("mysql", "library.read", ("id", "email", "note"), 5),
    ("mysql", "library.readme_files", ("id", "path", "text"), 5),
    ("mysql", "library.reads", ("id", "email", "note"), 5),
    ("mysql", "library.reader", ("id", "email", "note"), 5),
    ("mysql", "library.threadme", ("id", "email", "note"), 5),
    ("mysql", "crm.recover_customers", ("id", "email"), 5),
    ("mysql", "crm.your_data", ("id", "email"), 5),
    ("mysql", "crm.data_has_moved", ("id", "email"), 5),
    ("mysql", "crm.requests", ("id", "email"), 5),
    ("postgresql", "town.public.readme", ("id", "name", "html"), 12),
    ("postgresql", "town.public.warning_levels", ("id", "name"), 5),
    ("postgresql", "town.warning.people", ("id", "name", "email"), 5),
    ("postgresql", "town.public.early_warning", ("id", "email", "note"), 5),
    ("postgresql", "recovery.public.patients", ("id", "name", "birth_date"), 5),
    ("mongodb", "app.readmes", ("_id", "content"), 5),
    ("mongodb", "app.README", ("_id", "path", "content"), 5),
    ("mongodb", "warning.levels", ("_id", "email", "level"), 5),
    ("mongodb", "app.bitcoin", ("_id", "price", "time"), 5),
    ("mongodb", "app.bitcoin_prices", ("_id", "price", "time"), 90_000),
    ("mongodb", "app.notes", ("_id", "email", "note"), 2),
    ("mongodb", "app.send_queue", ("_id", "email"), 2),
    ("mongodb", "app.attacks", ("_id", "hacked_by"), 2),
    ("mongodb", "cats.meow", ("_id", "sound"), 2),
    ("mongodb", "sounds.cat_meow", ("_id", "sound"), 2),
    ("elasticsearch", "meow", (), 0),
    ("elasticsearch", "homeowners", (), 40),
    ("elasticsearch", "cat-meow", (), 40),
    ("elasticsearch", "user2-meow", (), 40),
    ("elasticsearch", "logs-2026-01-01", (), 40),
    ("elasticsearch", "warning", ("@timestamp", "message", "host"), 4_000),
    ("elasticsearch", "filebeat-7.17-warning", ("message",), 4),
    ("elasticsearch", "btc_prices", ("price",), 4),
    ("elasticsearch", "send-2-printer", ("price",), 4),
    ("couchdb", "ur_db", (), 4),
    ("couchdb", "readme", ("_id", "text"), 4),
    ("cassandra", "secure.your_devices", ("id",), 4),
    ("redis", "backup1", ("value",), 1),
    ("redis", "backup:*", ("value",), 4),
    ("redis", "backup12", ("value",), 1),
    ("redis", "backups", ("value",), 1),
    ("redis", "sess:*", ("value",), 1),
    ("redis", "weapon", ("value",), 1),  # a key of miners, but of games as well
    ("redis", "x", ("value",), 1),
    ("s3", "town/people", ("key", "size"), 3),
    ("s3", "town/README.txt", ("key", "size"), 1),
    ("s3", "town/readme.md", ("key", "size"), 1),
    ("s3", "public-data", ("key", "size"), 1),
    ("s3", "warning-signs/images", ("key", "size"), 300),
    ("s3", "encrypted", ("key", "size"), 3),
    ("nats", "", (), None),
]


@pytest.mark.parametrize(("engine", "name", "fields", "records"), ORDINARY)
def test_what_is_ordinary_is_not(
    engine: str, name: str, fields: Sequence[str], records: int | None
) -> None:
    assert indicators(engine, [Seen(name, fields, records)]) == ()


def test_there_are_enough_of_them() -> None:
    assert len(ORDINARY) >= 60
    assert len({told for *_, told in NOTES}) + 4 >= len(INDICATORS)  # the rest is tested below


# --- several, and all of a store ------------------------------------------------------------------


def test_keys_of_schedules_count_from_two_on() -> None:
    keys = [Seen(f"{word}{n}", ("value",), 1) for n in range(1, 5) for word in ("backup", "Backup")]
    assert "redis.cron-keys" not in ids("redis", keys[0])
    assert "redis.cron-keys" not in ids("redis", keys[0], keys[0])
    assert ids("redis", keys[0], keys[2]) == {"redis.cron-keys"}
    assert ids("redis", *keys) == {"redis.cron-keys"}
    assert ids("mysql", *keys) == set()  # tables of backups are ordinary


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("dir=/var/spool/cron", "redis.dir-in-cron"),
        ("dir=/var/spool/cron/crontabs/", "redis.dir-in-cron"),
        ("dir=/etc/cron.d", "redis.dir-in-cron"),
        ("dir=/root/.ssh", "redis.dir-in-cron"),
        ("dir=/home/ann-lee/.ssh/", "redis.dir-in-cron"),
        ("dbfilename=authorized_keys", "redis.dump-is-key-or-schedule"),
        ("dbfilename=root", "redis.dump-is-key-or-schedule"),
        ("dbfilename=exp.so", "redis.dump-is-module"),
        ("dir=/var/lib/redis", None),
        ("dir=/data", None),
        ("dir=/srv/cron", None),
        ("dbfilename=dump.rdb", None),
        ("dbfilename=rooted.rdb", None),
        ("role=slave", None),  # replicas are ordinary
        ("crackit", None),  # no key
    ],
)
def test_settings(setting: str, told: str | None) -> None:
    assert ids("redis", Seen(setting, setting=True)) == ({told} if told else set())
    assert ids("redis", Seen(setting.replace("=", ":"), ("value",), 9)) <= {"redis.planted-key"}
    assert ids("mysql", Seen(setting, setting=True)) == set()


def test_a_note_and_nothing_else_is_wiped() -> None:
    note = Seen("READ__ME_TO_RECOVER_YOUR_DATA.README", CONTENT, 1)
    assert indicators("mongodb", [note]) == (
        Tampering("note.read-me-to-recover", "ransom_note"),
        Tampering("wiped", "wiped"),
    )
    assert WIPED in ids("mongodb", note, Seen("shop.users", (), 0))
    assert WIPED in ids("mongodb", note, Seen("WARNING.WARNING", ("email", "note"), 1))
    assert WIPED not in ids("mongodb", note, Seen("shop.users", (), 1))
    assert WIPED not in ids("mongodb", note, Seen("shop.users", (), None))  # may hold some
    assert ids("mongodb", Seen("shop.users", (), 0)) == set()
    assert ids("mongodb") == set()
    meows = [Seen(f"gk0{n}juo8o3-meow", (), 0) for n in range(9)]
    assert indicators("elasticsearch", meows) == (
        Tampering("wiped", "wiped"),
        Tampering("wiper.meow", "wiper"),
    )


def test_planted_keys_are_no_note() -> None:
    assert ids("redis", Seen("crackit", (), 1)) == {"redis.planted-key"}
    assert WIPED not in ids("redis", Seen("crackit", (), 1), Seen("dir=/root/.ssh", setting=True))
    setting = Seen("dir=/data", setting=True)  # is no collection that holds anything
    assert WIPED in ids("redis", Seen("READ_ME_TO_RECOVER", (), 1), setting)


def test_case_separators_and_widths_do_not_matter() -> None:
    for name in (
        "please-read-me", "Please Read Me", "PLEASE.READ.ME", "pleasereadme", "__please__read__me",
        "ＰＬＥＡＳＥ＿ＲＥＡＤ＿ＭＥ", "please\u00a0read\tme\n",
    ):  # fmt: skip
        assert "note.please-read" in ids("elasticsearch", Seen(name, (), 1)), name


def test_many_records_or_fields_are_no_note() -> None:
    assert ids("elasticsearch", Seen("please_read", (), 21)) == set()
    assert ids("mysql", Seen("a.warning", DEMAND, 11)) == set()
    wide = (*DEMAND, "status", "paid", "created_at", "updated_at")
    assert ids("mysql", Seen("a.warning", wide, 1)) == set()
    assert ids("mysql", Seen("a.b", DEMAND, None)) == set()  # by fields alone: the number as well
    assert ids("mysql", Seen("a.b", DEMAND, 4)) == set()


def test_what_was_not_looked_at_may_hold_records() -> None:
    note = Seen("please_read", (), 1)
    assert WIPED in ids("elasticsearch", *[note] * MAX_SEEN)
    assert WIPED not in ids("elasticsearch", *[note] * (MAX_SEEN + 1))


# --- whatever comes -------------------------------------------------------------------------------

_IDS = {one.id for one in INDICATORS} | {WIPED}
_FAMILIES = set(get_args(Family))
_PIECES = ("READ", "ME", "_", "-", ".", " ", "to", "recover", "your", "data", "0", "meow", "/", "ﬁ")
_names = st.one_of(st.text(), st.lists(st.sampled_from(_PIECES)).map("".join))
_seen = st.builds(
    Seen, _names, st.lists(_names, max_size=12), st.one_of(st.none(), st.integers()), st.booleans()
)


@given(st.one_of(st.text(), st.sampled_from(["mongodb", "redis", "s3"])), st.lists(_seen))
@example("mongodb", [Seen("please_read.hunter2@example.org", ("hunter2",), 1)])
def test_only_ids_come_out(engine: str, seen: list[Seen]) -> None:
    found = indicators(engine, seen)
    assert {one.indicator for one in found} <= _IDS
    assert {one.family for one in found} <= _FAMILIES
    assert list(found) == sorted(set(found))
    assert indicators(engine, reversed(seen)) == found


@pytest.mark.parametrize(
    "piece", ["a", "a_", "0", "read_me_", "x0", "send_1_", "\u0130", "_", "/a"]
)
def test_long_names_are_no_work(piece: str) -> None:
    began = time.process_time()
    for _ in range(20):
        indicators("mongodb", [Seen(piece * 200_000, [piece * 200_000] * 5_000, 1)])
    assert time.process_time() - began < 2.0


def test_a_name_is_cut_before_it_is_looked_at() -> None:
    assert ids("elasticsearch", Seen("please_read" + "_" * MAX_NAME + "x", (), 1)) == {
        "note.please-read",
        WIPED,
    }


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", INDICATORS, ids=lambda one: one.id)
def test_an_entry_says_all_it_must(one: Indicator) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z-]+", one.id)
    assert one.source.startswith(("https://", "http://"))
    assert one.what
    assert not re.search(r"(?i)breach|compromis", one.what + one.id)
    assert one.family != "wiped"
    assert not one.pattern.fullmatch("") or one.where == "field"
    assert (one.pattern.pattern == "") == (one.where == "field")
    assert one.records is None or one.records > 0
    if one.where == "field":
        assert one.note


@pytest.mark.parametrize("one", [i.pattern.pattern for i in INDICATORS])
def test_patterns_are_linear(one: str) -> None:
    """No repetition within a repetition, no reference back, no look-around; all bounded."""
    assert len(one) <= 400

    def check(parts: object, repeated: bool) -> None:
        if not isinstance(parts, list | tuple | _PARSER.SubPattern):
            return
        for part in parts:
            if isinstance(part, tuple) and part and str(part[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
                _, (_, most, inner) = part
                assert most != _PARSER.MAXREPEAT, "a repetition without a bound"
                assert most == 1 or not repeated, "a repetition within one"
                check(inner, repeated or most > 1)
            else:
                if isinstance(part, tuple) and part:
                    assert str(part[0]) not in ("GROUPREF", "ASSERT", "ASSERT_NOT")
                check(part, repeated)

    check(_PARSER.parse(one), False)


def test_the_file_says_matches_and_never_more() -> None:
    text = files("leftopen").joinpath("tampering.toml").read_text(encoding="utf-8")
    assert "matches a known pattern" in " ".join(text.replace("#", " ").split())
    assert "breach" not in text.lower()
