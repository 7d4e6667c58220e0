"""How many people: of a collection, of a store, of a run."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.classifier import Profiler
from leftopen.knowledge import Known
from leftopen.measure.interval import Interval
from leftopen.measure.people import Counted, Counting, alone, of_run, of_store
from leftopen.measure.sketch import Sketcher
from leftopen.model import FieldProfile, Mirror
from tests.measure.test_keys import field

Cell = int | str | date | list[str] | None
Columns = Mapping[str, Sequence[Cell]]


def counting(
    columns: Columns,
    kinds: Mapping[str, str],
    *,
    records: int | None = -1,
    sketcher: Sketcher | None = None,
    name: str = "some",
) -> Counting:
    """A collection whose sample is these columns, whose fields are of these kinds."""
    batch = pa.RecordBatch.from_pydict(dict(columns))
    fields = {path: field(path, kind) for path, kind in kinds.items()}
    made = Counting(
        name, batch.num_rows if records == -1 else records, fields, sketcher or Sketcher()
    )
    made.sample(batch.slice(0, 50))
    made.sample(batch.slice(50))
    return made


def figures(found: Interval) -> tuple[int, int, int]:
    return round(found.low), round(found.estimate), round(found.high)


NAMES = ("Ada Low", "Ben Ash", "Cy Fox", "Di Roe", "Ed May")
CUSTOMERS = {"customer_id": "person_id", "email": "email"}


def emails(numbers: Sequence[int]) -> list[str]:
    return [f"ada{number}@example.org" for number in numbers]


# --- a collection that was read whole ------------------------------------------------------------


def test_a_log_that_repeats() -> None:
    found = counting({"user_id": [1, 2, 1, 3, 2, 1]}, {"user_id": "person_id"}).finish().people
    assert figures(found) == (3, 3, 3)
    assert found.method == "all of its records read, people told apart by person numbers"


def test_keys_of_one_person_are_joined_over_records() -> None:
    columns: Columns = {
        "email": ["a@x.org", None, "A@X.org ", None, "b@x.org"],
        "phone": [None, "+49 171 1111111", "0049 171 1111111", "+49 172 2222222", None],
    }
    found = counting(columns, {"email": "email", "phone": "phone"}).finish().people
    assert round(found.estimate) == 3  # a with the first telephone, the second, b
    assert found.low <= 3 <= found.high


def test_several_addresses_of_one_person() -> None:
    columns: Columns = {"emails[]": [["a@x.org", "b@x.org"], ["b@x.org", "c@x.org"], ["d@x.org"]]}
    assert round(counting(columns, {"emails[]": "email"}).finish().people.estimate) == 2


def test_several_people_of_one_record() -> None:
    columns: Columns = {"members[].email": [["a@x.org", "b@x.org"], ["b@x.org", "c@x.org"]]}
    assert figures(counting(columns, {"members[].email": "email"}).finish().people) == (3, 3, 3)


def test_a_household_is_several_people() -> None:
    columns: Columns = {"name": NAMES, "email": ["home@x.org"] * 3 + ["d@x.org", "e@x.org"]}
    found = counting(columns, {"name": "name.full", "email": "email"}).finish().people
    assert figures(found) == (3, 5, 5)


def test_a_better_key_tells_a_household_apart() -> None:
    columns: Columns = {"ssn": [f"123-45-678{n}" for n in range(5)], "email": ["home@x.org"] * 5}
    found = counting(columns, {"ssn": "gov_id.us.ssn", "email": "email"}).finish().people
    assert round(found.estimate) == round(found.high) == 5


def test_senders_and_recipients_are_the_same_people() -> None:
    columns: Columns = {"sender_id": [1, 2, 3], "recipient_id": [2, 3, 4]}
    kinds = {"sender_id": "person_id", "recipient_id": "person_id"}
    assert counting(columns, kinds).finish().people.estimate == 4


def test_emergency_contacts_are_people_too() -> None:
    columns: Columns = {
        "patient_id": [1, 2, 3],
        "phone": ["+49 171 1111111", "+49 171 2222222", "+49 171 3333333"],
        "emergency_contact.phone": ["+49 171 2222222", "+49 171 9999999", None],
    }
    kinds = {"patient_id": "person_id", "phone": "phone", "emergency_contact.phone": "phone"}
    assert figures(counting(columns, kinds).finish().people) == (3, 4, 5)


def test_without_keys_by_name_and_birth_date() -> None:
    born = date(1950, 1, 1)
    columns: Columns = {
        "name": ["Ada Low", "Ada Low", "Ada Low", "Ben Ash"],
        "dob": [born, born + timedelta(1), born, born],
    }
    found = counting(columns, {"name": "name.full", "dob": "birth.date"}).finish().people
    assert figures(found) == (3, 3, 3)


def test_a_name_alone_may_be_several_peoples() -> None:
    found = counting({"name": ["Ada Low", "Ada Low", "Ben Ash"]}, {"name": "name.full"})
    assert figures(found.finish().people) == (2, 2, 3)


def test_nobody() -> None:
    found = counting({"city": ["Ulm", "Bonn"]}, {"city": "locality"}).finish()
    assert figures(found.people) == (0, 0, 0)
    assert alone(found).deep is None


def test_faces_without_any_key() -> None:
    found = counting({"id": [1, 2, 3]}, {"face": "face.embedding"}, records=1_000).finish().people
    assert figures(found) == (0, 0, 0)  # the family decides, not the kind's name
    profile = FieldProfile("face", "face.embedding", "face_embedding", True, 0.9, 1.0, 3)
    made = Counting("faces", 1_000, {"face": profile}, Sketcher())
    made.sample(pa.RecordBatch.from_pydict({"face": [1.0, 2.0]}))
    assert figures(made.finish().people) == (50, 1_000, 1_020)


# --- a sample ------------------------------------------------------------------------------------


def test_a_sample_of_a_register_is_honest() -> None:
    columns: Columns = {
        "patient_id": list(range(200)), "name": [f"Ada Low{n}" for n in range(200)],
        "dob": [date(1950, 1, 1) + timedelta(n) for n in range(200)],
        "email": emails(range(200)),
    }  # fmt: skip
    kinds = {"patient_id": "person_id", "name": "name.full", "dob": "birth.date", "email": "email"}
    made = counting(columns, kinds, records=100_000)
    found = alone(made.finish())
    assert found.people.estimate == 100_000
    assert found.people.low < 6_000
    assert "200 of 100,000 records looked at" in found.people.method
    assert found.deep is not None
    assert found.deep.seconds == 0.5
    assert 100_000 * 12 < found.deep.bytes < 100_000 * 60


def test_a_unique_index_is_taken_first() -> None:
    made = counting(
        {"ssn": [f"123-45-{n:04d}" for n in range(200)], "email": emails(range(200))},
        {"ssn": "gov_id.us.ssn", "email": "email"},
        records=100_000,
    )
    assert made.paths == ("ssn", "email")
    made.know({"email": Known(unique=True, filled=1.0)})
    found = made.finish().people
    assert figures(found) == (98_000, 100_000, 102_000)
    assert found.method == "a unique index of its e-mail addresses"


def test_what_the_server_counted_counts() -> None:
    made = counting({"user_id": list(range(200))}, {"user_id": "person_id"}, records=1_000_000)
    made.know({"user_id": Known(distinct=250_000, error=0.0)})
    assert figures(made.finish().people) == (250_000, 250_000, 250_000)


def test_people_without_the_key_come_on_top() -> None:
    """Half of the records have an ID number, the others an e-mail address."""
    ssn = [f"123-45-{n:04d}" if n % 2 else None for n in range(200)]
    mail = [None if n % 2 else f"ada{n}@example.org" for n in range(200)]
    kinds = {"ssn": "gov_id.us.ssn", "email": "email"}
    made = counting({"ssn": ssn, "email": mail}, kinds, records=1_000)
    made.know({"ssn": Known(unique=True, filled=0.5)})
    found = made.finish().people
    assert 490 <= found.low <= 500
    assert found.high >= 1_000


def test_records_that_nobody_counted() -> None:
    made = counting({"user_id": list(range(200))}, {"user_id": "person_id"}, records=None)
    found = made.finish().people
    assert found.low >= 200
    assert found.high >= 10_000
    assert alone(made.finish()).deep is None


@pytest.mark.parametrize("records", [-1, -5, 0, 1, 199, 10**40])
def test_counts_of_records_that_cannot_be(records: int) -> None:
    columns: Columns = {"user_id": list(range(200))}
    batch = pa.RecordBatch.from_pydict(dict(columns))
    made = Counting("x", records, {"user_id": field("user_id", "person_id")}, Sketcher())
    made.sample(batch)
    assert made.finish().people.low >= 100


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 20)),
            st.one_of(st.none(), st.sampled_from(["a@x.org", "b@x.org", "none", ""])),
            st.one_of(st.none(), st.sampled_from(NAMES)),
        ),
        min_size=1,
        max_size=60,
    ),
    st.one_of(st.none(), st.integers(0, 5_000)),
)
def test_any_records_give_an_interval(
    rows: list[tuple[int | None, str | None, str | None]], records: int | None
) -> None:
    ids, mails, names = (list(column) for column in zip(*rows, strict=True))
    kinds = {"user_id": "person_id", "email": "email", "name": "name.full"}
    columns: Columns = {"user_id": ids, "email": mails, "name": names}
    found = counting(columns, kinds, records=records).finish().people
    assert 0 <= found.low <= found.estimate <= found.high
    if records == len(rows):
        assert found.high <= len(rows)


def test_the_classifier_and_the_counting_agree_on_a_path() -> None:
    """A list column under its bare name has the path `emails[]`."""
    batch = pa.RecordBatch.from_pydict(
        {"emails": [[f"ada{n}@example.org", f"ada{n}@example.com"] for n in range(60)]}
    )
    profiler = Profiler("subscribers")
    profiler.update(batch)
    made = Counting("subscribers", 60, profiler.finish().fields, Sketcher())
    made.sample(batch)
    assert figures(made.finish().people) == (60, 60, 60)


# --- a stream ------------------------------------------------------------------------------------


def streamed(
    columns: Columns,
    kinds: Mapping[str, str],
    sketcher: Sketcher,
    *,
    whole: bool = True,
    part: float = 1.0,
    name: str = "some",
) -> Counted:
    """A collection of which 200 rows were sampled and then a part streamed."""
    table = pa.table(dict(columns))
    rows = random.Random(3).sample(range(table.num_rows), 200)
    made = counting(
        table.take(rows).to_pydict(), kinds, records=table.num_rows, sketcher=sketcher, name=name
    )
    paths = made.to_stream()
    assert paths
    for batch in table.select(paths).slice(0, int(part * table.num_rows)).to_batches(2_000):
        made.stream(batch)
    made.streamed(whole=whole)
    return made.finish()


def test_a_stream_is_exact_while_it_is_small() -> None:
    users = [n % 3_000 for n in range(20_000)]
    found = streamed({"user_id": users}, {"user_id": "person_id"}, Sketcher())
    assert figures(found.people) == (3_000, 3_000, 3_000)
    assert found.people.method == "all of its person numbers streamed through a sketch"
    assert alone(found).deep is None


def test_a_stream_falls_back_to_the_next_key() -> None:
    """9,000 people have an account, half of them an e-mail address, too; 700 records are known by
    e-mail address alone, 200 of them of people who have an account."""
    number = [*range(9_000), *[None] * 700]
    mail = [f"ada{n}@example.org" if n % 2 else None for n in range(9_000)]
    mail += emails([*range(9_000, 9_500), *range(1, 401, 2)])
    kinds = {"user_id": "person_id", "email": "email"}
    found = streamed({"user_id": number, "email": mail}, kinds, Sketcher()).people
    assert figures(found) == (9_000, 9_500, 9_700)


def test_a_stream_tells_a_household_apart() -> None:
    columns: Columns = {
        "email": emails([n // 2 for n in range(4_000)]),
        "name": [f"Ada Low{n}" for n in range(4_000)],
    }  # fmt: skip
    found = streamed(columns, {"email": "email", "name": "name.full"}, Sketcher()).people
    assert figures(found) == (2_000, 4_000, 4_000)


def test_a_stream_of_lists_of_one_persons_keys() -> None:
    columns: Columns = {
        "emails[]": [emails([n % 2_500, 10_000 + n % 2_500]) for n in range(5_000)],
    }
    found = streamed(columns, {"emails[]": "email"}, Sketcher()).people
    assert figures(found) == (1_250, 2_500, 5_000)


def test_a_stream_of_devices_may_be_of_fewer_people() -> None:
    columns: Columns = {"mac": [f"{n % 900:012x}" for n in range(5_000)]}
    assert figures(streamed(columns, {"mac": "device.mac"}, Sketcher()).people) == (450, 900, 900)


def test_a_stream_of_senders_and_recipients() -> None:
    columns: Columns = {
        "sender_id": [n % 1_000 for n in range(5_000)],
        "recipient_id": [500 + n % 1_000 for n in range(5_000)],
    }
    kinds = {"sender_id": "person_id", "recipient_id": "person_id"}
    assert figures(streamed(columns, kinds, Sketcher()).people) == (1_500, 1_500, 1_500)


def test_a_stream_that_broke_off_is_a_lower_bound() -> None:
    users: Columns = {"user_id": [n % 15_000 for n in range(20_000)]}
    kinds = {"user_id": "person_id"}
    found = streamed(users, kinds, Sketcher(), whole=False, part=0.5)
    assert found.people.low >= 10_000
    assert found.people.low <= 15_000 <= found.people.high
    assert not any(held.sketch for held in found.links.values())


def test_nothing_is_streamed_where_nothing_would_be_learnt() -> None:
    assert counting({"user_id": [1, 2]}, {"user_id": "person_id"}).to_stream() == ()
    assert counting({"city": ["Ulm"]}, {"city": "locality"}, records=9_999).to_stream() == ()
    sized = counting({"ip": ["10.0.0.1"] * 200}, {"ip": "ip"}, records=10_000)
    assert sized.to_stream() == ("ip",)


def test_what_is_streamed_is_the_key_and_what_links() -> None:
    kinds = {"customer_id": "person_id", "email": "email", "name": "name.full", "city": "locality"}
    columns: Columns = {
        "customer_id": list(range(200)), "email": emails(range(200)), "name": NAMES * 40,
        "city": ["Ulm"] * 200,
    }  # fmt: skip
    assert counting(columns, kinds, records=9_999).to_stream() == ("customer_id", "email")


# --- a store -------------------------------------------------------------------------------------


def customers(sketcher: Sketcher, numbers: Sequence[int], name: str, first: int = 0) -> Counted:
    columns: Columns = {"customer_id": [first + n for n in numbers], "email": emails(numbers)}
    return counting(columns, CUSTOMERS, sketcher=sketcher, name=name).finish()


def test_the_same_people_in_two_collections_count_once() -> None:
    sketcher = Sketcher()
    one = customers(sketcher, range(100), "customers")
    orders = counting(
        {"email": emails([n % 30 + 90 for n in range(90)])}, {"email": "email"},
        sketcher=sketcher, name="orders",
    ).finish()  # fmt: skip
    both = of_store([one, orders])
    assert figures(both.people) == (120, 120, 120)
    assert both.deduplicated_across == ("customers", "orders")
    assert both.mirrors == ()


def test_collections_that_nothing_joins_are_added() -> None:
    sketcher = Sketcher()
    kinds = {"customer_id": "person_id"}
    one = counting({"customer_id": [1, 2, 3]}, kinds, sketcher=sketcher, name="a").finish()
    other = counting({"badge_no": [1, 2]}, {"badge_no": "person_id"}, sketcher=sketcher).finish()
    both = of_store([one, other])
    assert figures(both.people) == (3, 5, 5)
    assert both.deduplicated_across == ()


def test_linked_samples_are_presumed_to_be_of_the_same_people() -> None:
    sketcher = Sketcher()
    made = [
        counting({"email": emails(range(200))}, {"email": "email"}, records=n, sketcher=sketcher,
                 name=str(n)).finish()
        for n in (1_000, 3_000)
    ]  # fmt: skip
    both = of_store(made)
    assert both.people.estimate == max(one.people.estimate for one in made)
    assert both.people.low == max(one.people.low for one in made)
    assert both.people.high == sum(one.people.high for one in made)
    assert "taken to speak of the same ones" in both.people.method
    assert both.deep is not None


def test_a_foreign_key_contains() -> None:
    sketcher = Sketcher()
    people = counting({"person_id": list(range(200))}, {"person_id": "person_id"}, records=5_000,
                      sketcher=sketcher, name="people")  # fmt: skip
    people.know({"person_id": Known(unique=True, filled=1.0)})
    log = counting({"owner_id": [n % 90 for n in range(200)]}, {"owner_id": "person_id"},
                   records=1_000_000, sketcher=sketcher, name="positions")  # fmt: skip
    log.know({"owner_id": Known(refers_to=("people", "person_id"))})
    both = of_store([log.finish(), people.finish()])
    assert figures(both.people) == (4_900, 5_000, 5_100)
    assert set(both.deduplicated_across) == {"people", "positions"}


def test_foreign_keys_in_a_circle_lose_nobody() -> None:
    sketcher = Sketcher()
    made = []
    for name, other in (("a", "b"), ("b", "a")):
        one = counting({"user_id": list(range(200))}, {"user_id": "person_id"}, records=500,
                       sketcher=sketcher, name=name)  # fmt: skip
        one.know({"user_id": Known(refers_to=(other, "user_id"))})
        made.append(one.finish())
    assert of_store(made).people.high >= 500


def test_a_mirror_is_named() -> None:
    sketcher = Sketcher()
    one = customers(sketcher, range(200), "customers")
    part = customers(sketcher, [*range(93), *range(500, 507)], "backup")
    found = of_store([part, one])
    assert found.mirrors == (Mirror("backup", "customers", 0.9),)
    assert figures(found.people) == (207, 207, 207)


def test_too_few_to_be_told_are_no_mirror() -> None:
    sketcher = Sketcher()
    few = customers(sketcher, range(9), "few")
    assert of_store([customers(sketcher, range(200), "customers"), few]).mirrors == ()


def test_a_log_of_the_same_people_is_no_mirror() -> None:
    sketcher = Sketcher()
    kinds = {"email": "email", "trace": "location_trace", "ip": "ip"}
    log = counting({"email": emails(range(50)), "trace": ["x"] * 50, "ip": ["10.0.0.1"] * 50},
                   kinds, sketcher=sketcher, name="log").finish()  # fmt: skip
    assert of_store([customers(sketcher, range(200), "customers"), log]).mirrors == ()


def test_households_do_not_shrink_a_union() -> None:
    """100 people under 50 addresses, 40 of them (20 addresses) in another collection, too."""
    sketcher = Sketcher()
    mails = emails([n // 2 for n in range(100)])
    one = counting({"customer_id": list(range(100)), "email": mails}, CUSTOMERS,
                   sketcher=sketcher, name="a").finish()  # fmt: skip
    kinds = {"user_id": "person_id", "email": "email"}
    other = counting({"user_id": list(range(40)), "email": mails[:40]}, kinds,
                     sketcher=sketcher, name="b").finish()  # fmt: skip
    assert round(of_store([one, other]).people.estimate) == 100


def test_an_empty_store_has_nobody() -> None:
    assert figures(of_store([]).people) == (0, 0, 0)


# --- a run ---------------------------------------------------------------------------------------


def test_the_same_people_in_two_stores_count_once() -> None:
    sketcher = Sketcher()
    one = customers(sketcher, range(100), "customers")
    other = customers(sketcher, range(60, 140), "clients", first=7_000)
    both = of_run({"store-a": [one], "store-b": [other]})
    assert figures(both.people) == (140, 140, 140)
    assert both.deduplicated_across == ("store-a", "store-b")
    assert both.mirrors == ()


def test_a_store_that_mirrors_another_is_named() -> None:
    sketcher = Sketcher()
    one = customers(sketcher, range(150), "customers")
    other = customers(sketcher, range(40), "copy")
    both = of_run({"store-a": [one], "store-b": [other]})
    assert both.mirrors == (Mirror("store-b", "store-a", 1.0),)
    assert figures(both.people) == (150, 150, 150)


@pytest.mark.parametrize(("threshold", "named"), [(5, True), (15, True), (16, False), (20, False)])
def test_a_mirror_has_as_many_people_as_may_be_told(threshold: int, named: bool) -> None:
    sketcher = Sketcher()
    everybody = customers(sketcher, range(200), "customers")
    some = customers(sketcher, range(15), "backup")
    assert bool(of_store([everybody, some], threshold).mirrors) is named
    assert bool(of_run({"a": [everybody], "b": [some]}, threshold).mirrors) is named


def test_stores_that_were_only_sampled_are_added() -> None:
    sketcher = Sketcher()
    made = [
        counting({"email": emails(range(200))}, {"email": "email"}, records=1_000,
                 sketcher=sketcher).finish()
        for _ in range(2)
    ]  # fmt: skip
    both = of_run({"store-a": made[:1], "store-b": made[1:]})
    assert both.people.estimate == sum(one.people.estimate for one in made)
    assert both.people.low == max(one.people.low for one in made)
    assert both.deduplicated_across == ()
    assert both.deep is not None


def test_large_stores_are_within_one_percent() -> None:
    """700,000 customers streamed from one store, 400,000 from another, 100,000 in both."""
    sketcher = Sketcher()
    stores = {}
    for name, numbers in (("a", range(700_000)), ("b", range(600_000, 1_000_000))):
        columns: Columns = {"email": emails(numbers)}
        stores[name] = [streamed(columns, {"email": "email"}, sketcher, name=name)]
    both = of_run(stores)
    assert abs(both.people.estimate - 1_000_000) < 10_000
    # the sketches' key is another in every run: the interval alone would fail one run in twenty
    assert 0.995 * both.people.low <= 1_000_000 <= 1.005 * both.people.high
    for name, truth in (("a", 700_000), ("b", 400_000)):
        assert abs(stores[name][0].people.estimate - truth) < 0.01 * truth


def test_an_empty_run_has_nobody() -> None:
    assert figures(of_run({}).people) == (0, 0, 0)
    assert figures(of_run({"store-a": []}).people) == (0, 0, 0)


def test_methods_hold_no_name_of_a_field_or_a_collection() -> None:
    sketcher = Sketcher()
    secret = "canary7f3a"
    one = counting({secret: list(range(200))}, {secret: "person_id"}, records=9_000,
                   sketcher=sketcher, name=secret)  # fmt: skip
    one.know({secret: Known(distinct=5_000, drawn=3_000)})
    found = [one.finish(), customers(sketcher, range(50), secret)]
    together = (of_store(found), of_run({"x": found[:1], "y": found[1:]}), alone(found[0]))
    assert not any(secret in one.people.method for one in together)
