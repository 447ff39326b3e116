"""Fields that hold lists of options: how they are read, what counts as a change, where they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.engine import read
from analytics.entities import load_model
from analytics.errors import ModelError
from analytics.lists import Lists
from analytics.segments import Segments, parse_text
from analytics.templates import Templates
from tests.entities.shop import Shop

SUBSCRIBER = """
entity = "subscriber"
label = "Subscriber"
key = "id"
title = "email"
[fields]
id = { type = "text" }
email = { type = "text", personal = true }
interests = { type = "multi_enum", options = ["shoes", "rain coats", "hats"], history = true, default = "shoes; hats" }
labels = { type = "multi_enum", history = true }
[[contacts]]
channel = "email"
path = "email"
"""


@pytest.fixture
def mine(shop: Shop, tmp_path: Path) -> Shop:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "subscriber.toml").write_text(SUBSCRIBER)
    shop.model = load_model(folder)
    return shop


def lists_of(shop: Shop) -> list[tuple[object, ...]]:
    return shop.rows("select id, interests, labels from subscriber order by id")


def test_lists_are_read_from_texts_with_separators_or_json(mine: Shop) -> None:
    mine.load(
        "id,interests,labels\n"
        "1,shoes; HATS;shoes,VIP\n"
        '2,"hats, Rain-Coats","b, a,,"\n'
        '3,"[""hats""]","[""x;y"", ""a, b""]"\n'
        "4,;,\n",
        "subscriber",
        {},
    )
    assert lists_of(mine) == [
        ("1", ["hats", "shoes"], ["VIP"]),
        ("2", ["hats", "rain coats"], ["a", "b"]),
        ("3", ["hats"], ["a, b", "x;y"]),
        ("4", [], None),
    ]


def test_lists_of_parquet_and_json_files_are_read_as_they_are(mine: Shop, tmp_path: Path) -> None:
    table = pa.table({"id": ["1", "2"], "interests": [["hats", "shoes"], None], "labels": [["a, b"], []]})
    pq.write_table(table, tmp_path / "s.parquet")
    mine.load(tmp_path / "s.parquet", "subscriber", {})
    (tmp_path / "s.jsonl").write_text(json.dumps({"id": "3", "interests": ["shoes"], "labels": ["c"]}) + "\n")
    mine.load(tmp_path / "s.jsonl", "subscriber", {})
    assert lists_of(mine) == [
        ("1", ["hats", "shoes"], ["a, b"]),
        ("2", ["hats", "shoes"], []),  # new rows that name none get the default
        ("3", ["shoes"], ["c"]),
    ]


def test_an_unknown_option_rejects_the_line_and_says_which_there_are(mine: Shop) -> None:
    report = mine.load('id,interests,labels\n1,"hats;boots",x\n2,hats,"[""broken"\n3,hats,y\n', "subscriber", {})
    assert [(line, column) for line, column, *_ in mine.rejects(report)] == [(2, "interests"), (3, "labels")]
    assert mine.rejects(report)[0][2:] == ("hats;boots", "no option of Interests; there are shoes, rain coats, hats")
    assert "with ; or , between them" in mine.rejects(report)[1][3]
    assert [row[0] for row in lists_of(mine)] == ["3"]


def test_another_order_is_no_change_and_a_change_is_kept_once(mine: Shop) -> None:
    mine.load("id,interests,labels\n1,hats;shoes,a\n", "subscriber", {})
    assert mine.load("id,interests,labels\n1,shoes;hats,a\n", "subscriber", {}).changed == 0
    assert mine.load("id,interests,labels\n1,shoes,b;a\n", "subscriber", {}).changed == 1
    assert mine.rows("select field, old_value, new_value from changes order by field") == [
        ("interests", '["hats","shoes"]', '["shoes"]'),
        ("labels", '["a"]', '["a","b"]'),
    ]
    segments = Segments(mine.store, mine.model)
    for text, count in [
        ('subscriber where changed(labels to in ("B"))', 1),
        ('subscriber where changed(labels to in ("c"))', 0),
        ('subscriber where changed(interests to not in ("hats"))', 1),
        ('subscriber where interests in ("Hats")', 0),
    ]:
        assert read(mine.store, lambda engine, t=text: segments.count(parse_text(t), engine)) == count, text


def test_lists_are_shown_as_text_in_samples_members_and_mails(mine: Shop) -> None:
    mine.load("id,email,labels,interests\n1,a@example.com,b;a,[]\n", "subscriber", {})
    segments = Segments(mine.store, mine.model)
    definition = parse_text("subscriber show labels, interests sort by labels")
    sample = read(mine.store, lambda engine: segments.sample(definition, engine))
    assert sample.rows.to_pylist()[0]["Labels"] == "a, b"
    assert sample.rows.to_pylist()[0]["Interests"] is None
    explained = read(
        mine.store, lambda e: segments.explain(parse_text('subscriber where labels in ("A")'), e, "a@example.com")
    )
    assert explained.conditions is not None and explained.conditions.holds
    assert explained.conditions.values == ("a, b",)
    lists = Lists(mine.store, mine.model, segments)
    made = lists.create("All", definition, contact="email")
    audience = read(mine.store, lambda engine: lists.audience(engine, made, ["labels"]))
    assert audience.column("labels").to_pylist() == ["a, b"]
    templates = Templates(mine.store, mine.model)
    saved = templates.save("T", subject="{{ entity.labels }}", html="<p>{{ entity.labels }}</p>", entity="subscriber")
    for key in ("1", None):
        values = read(mine.store, lambda engine, k=key: templates.values(engine, saved, k))
        assert templates.preview(saved, values).subject == "a, b"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('title = "labels"', "its title 'labels' is a list"),
        ('[[contacts]]\nname = "x"\nchannel = "phone"\npath = "labels"', "has to end at one value"),
        ('[relations.twin]\nkind = "one"\ntarget = "subscriber"\nown_field = "labels"', "labels is a list"),
        ('[fields.more]\ntype = "multi_enum"\nkeep = "earliest"', "of lists none is the earliest"),
        ('[fields.more]\ntype = "multi_enum"\noptions = ["a"]\ndefault = "a, b"', "one of its options: a"),
    ],
)
def test_a_list_cannot_be_where_one_value_is_needed(tmp_path: Path, line: str, says: str) -> None:
    text = SUBSCRIBER.replace('title = "email"', line) if line.startswith("title") else f"{SUBSCRIBER}\n{line}\n"
    (tmp_path / "subscriber.toml").write_text(text)
    with pytest.raises(ModelError, match=says):
        load_model(tmp_path)
