"""Tokens: what was signed verifies, everything else does not."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from analytics.model.token import PURPOSES, TOKEN_LENGTH, Signer, Token, Verifier

OLD, NEW = b"o" * 32, b"n" * 32
VERIFIER = Verifier({1: OLD, 2: NEW})
ALPHABET = string.ascii_letters + string.digits + "-_"


@given(
    st.sampled_from(PURPOSES), st.integers(0, 2**63 - 1), st.integers(0, 65535), st.sampled_from([(1, OLD), (2, NEW)])
)
def test_what_was_signed_verifies_with_every_key(purpose, delivery_id, number, key) -> None:
    text = Signer(*key).sign(purpose, delivery_id, number)
    assert len(text) == TOKEN_LENGTH
    assert set(text) <= set(ALPHABET)
    assert VERIFIER.verify(text, purpose) == Token(purpose, delivery_id, number)


@given(st.integers(0, TOKEN_LENGTH - 1), st.sampled_from(ALPHABET))
def test_any_changed_character_is_refused(place: int, character: str) -> None:
    text = Signer(2, NEW).sign("c", 77, 3)
    forged = text[:place] + character + text[place + 1 :]
    verified = VERIFIER.verify(forged, "c")
    assert verified == (Token("c", 77, 3) if forged == text else None)


def test_the_other_alphabet_of_base64_is_refused() -> None:
    """Else one token would have several spellings."""
    texts = [Signer(2, NEW).sign("c", number, 3) for number in range(50)]
    for text in texts:
        if "-" in text or "_" in text:
            assert VERIFIER.verify(text.replace("-", "+").replace("_", "/"), "c") is None


@given(st.integers(0, TOKEN_LENGTH - 1))
def test_a_cut_token_is_refused(length: int) -> None:
    assert VERIFIER.verify(Signer(2, NEW).sign("u", 5)[:length], "u") is None


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    assert VERIFIER.verify(text, "c") is None


def test_a_token_of_another_purpose_is_refused() -> None:
    assert VERIFIER.verify(Signer(1, OLD).sign("l", 5, 1), "c") is None


def test_a_token_of_an_unknown_key_is_refused() -> None:
    assert VERIFIER.verify(Signer(3, NEW).sign("c", 5, 1), "c") is None


def test_a_seal_holds_for_its_very_text_and_for_retired_keys() -> None:
    old, new = Signer(1, b"a" * 32), Signer(2, b"b" * 32)
    both = Verifier({1: b"a" * 32, 2: b"b" * 32})
    for signer in (old, new):
        assert both.is_sealed("Grüße", signer.seal("Grüße"))
        assert not both.is_sealed("Gruesse", signer.seal("Grüße"))
    assert not Verifier({2: b"b" * 32}).is_sealed("x", old.seal("x"))
    assert not both.is_sealed("x", Signer(1, b"c" * 32).seal("x")) and not both.is_sealed("x", "")
