"""Address keys of a column are those of each address: by properties and by the cases that nearly fit the fast path."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.lists.address import address_keys
from analytics.model.address import address_key

_PIECE = st.text(alphabet="aZ0._-+'!@ \t\u00e4\u0130\u212a\u00dfß\u0308(,)\"[]\\\x1c\x7f\u00a0\u200b。", max_size=12)
_NEAR = st.builds(
    lambda local, domain, end, pad: f"{pad}{local}@{domain}.{end}{pad}",
    st.one_of(st.from_regex(r"[A-Za-z0-9.+_'-]{1,66}", fullmatch=True), _PIECE),
    st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,65}(\.[A-Za-z0-9_-]{1,64})?", fullmatch=True), _PIECE),
    st.one_of(st.sampled_from(["com", "ORG", "example", "", "a" * 200, "münchen"]), _PIECE),
    st.sampled_from(["", " ", "\t", "\n", "\u00a0", "\x1f"]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.none(), _NEAR, st.text(max_size=30), _PIECE), max_size=20))
@example(
    ["Ada@Example.COM", None, "", "@", "a@b", "a@b.c", "a..b@c.d", ".a@b.c", "a.@b.c", "a@.b.c", "a@b.c.", "a@b..c"]
)
@example(["a" * 64 + "@b.example", "a" * 65 + "@b.example", "a@" + "b" * 63 + ".example", "a@" + "b" * 64 + ".example"])
@example(
    ["x@" + ".".join(["abcdefgh"] * 28), "x@" + ".".join(["abcdefgh"] * 27), "Ä@Münch.example", "\x1ca@b.c", "a@b.c\n"]
)
def test_a_column_has_the_keys_of_its_addresses(addresses: list[str | None]) -> None:
    clean = [a if a is None or a.isprintable() or "\ud800" not in a else None for a in addresses]
    assert address_keys(pa.array(clean, pa.string())).to_pylist() == [address_key(a) for a in clean]


def test_chunks_and_large_strings_are_taken() -> None:
    column = pa.chunked_array([["A@b.example"], [], ["ä@b.example", None]], pa.large_string())
    assert address_keys(column).to_pylist() == ["a@b.example", "ä@b.example", None]
    assert address_keys(pa.array([], pa.string())).to_pylist() == []
    assert address_keys(pa.nulls(2)).to_pylist() == [None, None]
