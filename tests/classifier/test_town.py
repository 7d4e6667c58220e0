"""A small town as the demo has it: whole collections, judged together."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from leftopen.classifier import TableProfile, classify
from leftopen.sample import documents
from tests.classifier import make
from tests.classifier.make import any_of, column, digits, float_in, valid, whole_in


def families(profile: TableProfile) -> dict[str, str]:
    return {path: field.family for path, field in profile.fields.items()}


def town() -> dict[str, dict[str, list[object]]]:
    start = datetime(2024, 5, 1)  # noqa: DTZ001 - stores give naive times
    return {
        "people": {
            "id": list(range(make.ROWS)),
            "name": column(make.full_name),
            "national_id": column(valid("cn_ric", "110101yyyymmdd9999")),
            "birth_date": column(make.born),
            "phone": column(make.phone_de),
            "email": column(make.email),
            "address": column(make.address_de),
            "ethnicity": column(any_of("Han", "Uyghur", "Hui")),
            "religion": column(any_of("muslim", "buddhist", "none")),
        },
        "sessions": {
            "token": column(make.hexadecimal(40)),
            "user_id": column(whole_in(1, 900)),
            "ip": column(make.ip4),
        },
        "orders": {
            "order_no": column(digits(9)),
            "sku": column(lambda r: f"AB-{r.randint(1000, 9999)}"),
            "amount": column(float_in(1, 99)),
            "product_name": column(any_of("Oak Table", "Blue Chair")),
        },
        "positions": {
            "person_id": column(whole_in(1, 900)),
            "ts": [start + timedelta(seconds=i) for i in range(make.ROWS)],
            "lat": column(float_in(47, 55)),
            "lon": column(float_in(6, 15)),
        },
    }


def test_town() -> None:
    found = {name: families(classify(pa.table(columns), name)) for name, columns in town().items()}
    assert found == {
        "people": {
            "id": "none", "name": "name", "national_id": "gov_id", "birth_date": "birth_date",
            "phone": "phone", "email": "email", "address": "address", "ethnicity": "ethnicity",
            "religion": "religion",
        },
        "sessions": {"token": "secret", "user_id": "person_id", "ip": "ip"},
        "orders": {"order_no": "none", "sku": "none", "amount": "none", "product_name": "none"},
        "positions": {
            "person_id": "person_id", "ts": "none", "lat": "location_trace",
            "lon": "location_trace",
        },
    }  # fmt: skip


def test_positions_are_a_trace_only_with_a_key_and_a_time() -> None:
    whole = pa.table(town()["positions"])
    assert classify(whole, "positions").fields["lat"].kind == "trace.lat"
    assert classify(whole.drop_columns("ts"), "positions").fields["lat"].kind == "gps.lat"
    dated = whole.rename_columns(["person_id", "created_at", "lat", "lon"])
    assert classify(dated, "positions").fields["lon"].kind == "gps.lon"
    alone = classify(whole.drop_columns("person_id"), "positions").fields["lat"]
    assert alone.kind == "gps.lat"
    assert alone.confidence < 0.75


def test_devices_and_plates_make_traces_as_persons_do() -> None:
    place = {"lat": column(float_in(47, 55)), "lng": column(float_in(6, 15))}
    seen = {"recorded_at": column(make.recent)}
    for key in (
        {"imei": column(valid("imei", "359999999999999"))},
        {"plate_number": column(make.plate_cn)},
        {"device_id": column(make.hexadecimal(16))},
    ):
        found = classify(pa.table({**key, **place, **seen}), "app.events").fields
        assert {found["lat"].kind, found["lng"].kind} == {"trace.lat", "trace.lon"}, key
    bare = classify(pa.table({"sensor": column(whole_in(1, 9)), **place, **seen}), "readings")
    assert set(families(bare).values()) == {"none"}


def test_customers_orders_and_shops_have_addresses_but_only_some_are_a_persons() -> None:
    place = {"address": column(make.address_de), "city": column(any_of("Ulm", "Bonn"))}
    mail = {"email": column(make.email)}
    who = {"customer_id": column(whole_in(1, 999))}
    personal = {"address": "address", "city": "locality"}
    for columns, name in (({**place}, "customers"), ({**place, **who}, "orders")):
        found = families(classify(pa.table(columns), name))
        assert {path: found[path] for path in place} == personal, name
    for name in ("stores", "suppliers"):
        found = families(classify(pa.table({**place, **mail}), name))
        assert {path: found[path] for path in place} == {"address": "none", "city": "none"}


def test_what_people_write_is_told_from_what_programs_write() -> None:
    text = column(make.prose)
    assert families(classify(pa.table({"chat_message": text}), "log_stream"))["chat_message"] == (
        "free_text"
    )
    assert families(classify(pa.table({"message": text}), "log_stream"))["message"] == "none"
    assert families(classify(pa.table({"comment": text}), "products"))["comment"] == "none"


def test_documents_as_they_are_sampled() -> None:
    chance = column(make.full_name)
    batch = documents(
        {
            "customer": {"name": name, "mail": mail},
            "deliveries": [{"street": street, "city": "Ulm"}, {"street": street, "city": "Bonn"}],
            "last": {"type": "Point", "coordinates": [9.99 + i / 1000, 48.4 + i / 1000]},
            "device_id": f"d-{i}-ab",
            "seen_at": datetime(2024, 5, 1) + timedelta(minutes=i),  # noqa: DTZ001 - as stored
            "note": None,
        }
        for i, (name, mail, street) in enumerate(
            zip(chance, column(make.email), column(make.address_de), strict=True)
        )
    )
    profile = classify(pa.Table.from_batches([batch]), "shop.orders")
    assert families(profile) == {
        "customer.name": "name",
        "customer.mail": "email",
        "deliveries[].street": "address",
        "deliveries[].city": "locality",
        "last.type": "none",
        "last.coordinates[]": "location_trace",
        "device_id": "device_id",
        "seen_at": "none",
        "note": "none",
    }
    assert profile.fields["deliveries[].city"].values == 2 * make.ROWS
    assert profile.fields["last.coordinates[]"].values == make.ROWS


def test_the_same_name_is_a_persons_or_a_products_by_what_stands_beside() -> None:
    names = column(any_of("Rosalind", "Peregrine", "Quillon"))
    alone = pa.table({"name": names, "price": column(float_in(1, 9))})
    beside = pa.table({"name": names, "email": column(make.email), "birth_date": column(make.born)})
    assert families(classify(alone, "products"))["name"] == "none"
    assert families(classify(alone, ""))["name"] == "none"
    assert families(classify(beside, ""))["name"] == "name"
    assert families(classify(alone, "passengers"))["name"] == "name"
