"""Reading the text form: tokens, literals and comparisons, with errors that point at the character."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from analytics.segments.text_grammar import (
    DATE,
    DATE_OF_SIGN,
    DAY,
    OF_SIGN,
    RESERVED,
    TOKEN,
    TextError,
)


@dataclass(frozen=True)
class Token:
    """One token and where it stands."""

    kind: str
    text: str
    start: int
    end: int


class Reader:
    """Reads a text token by token; each method raises TextError at the character that is not what it wants."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def error(self, position: int, message: str) -> TextError:
        """Return the error at a character."""
        return TextError(self._text, position, message)

    # comparisons

    def compared(self) -> dict[str, Any]:
        """Read a comparison: its operator as `is`, its value as `value`."""
        token = self.peek()
        if token.text in OF_SIGN and token.kind == "sign":
            self.next()
            date = self.bare(DATE)
            if date is not None:
                return {"is": DATE_OF_SIGN.get(token.text, OF_SIGN[token.text]), "value": date}
            return {"is": OF_SIGN[token.text], "value": self.scalar()}
        if self.took("is"):
            if self.took("not"):
                self.expect("empty")
                return {"is": "not_empty"}
            return {"is": self.word("yes", "no", "empty")}
        negation = "not_" if self.took("not") else ""
        if self.took("in"):
            self.expect("(")
            values = self.several(self.scalar)
            self.expect(")")
            return {"is": "none_of" if negation else "any_of", "value": values}
        if self.took("between"):
            low = self.scalar()
            self.expect("and")
            return {"is": f"{negation}between", "value": [low, self.scalar()]}
        return {"is": f"{negation}{self._phrase(bool(negation))}", "value": self.scalar()}

    def _phrase(self, negated: bool) -> str:
        if self.took("on"):
            self.expect("or")
            return f"on_or_{self.word('after', 'before')}"
        for word in ("starts", "ends"):
            if self.took(word):
                self.expect("with")
                return f"{word}_with"
        words = ("contains", "matches") if negated else ("contains", "matches", "after", "before")
        token = self.peek()
        if token.text not in words:
            self.fail(f"a comparison: {'' if negated else '=, !=, >, >=, <, <=, is, '}in, between, {', '.join(words)}")
        return self.next().text

    def scalar(self) -> Any:
        """Read a value."""
        for pattern in (DATE, DAY):
            bare = self.bare(pattern)
            if bare is not None:
                return bare
        token = self.peek()
        if token.kind == "number":
            return self.number("a number")
        if token.text in ("true", "false") and token.kind == "name":
            return self.next().text == "true"
        return self.string("a text in quotes, a number or a date")

    # tokens

    def several(self, one: Any) -> list[Any]:
        """Read things with commas between them."""
        items = [one()]
        while self.took(","):
            items.append(one())
        return items

    def peek(self) -> Token:
        """Return the next token without reading it."""
        return self._token(self._at)

    def after(self, token: Token) -> Token:
        """Return the token behind another."""
        return self._token(token.end)

    def _token(self, at: int) -> Token:
        match = TOKEN.match(self._text, at)
        if match is None or match.lastgroup is None:
            rest = self._text[at:]
            start = at + len(rest) - len(rest.lstrip())
            return Token("end" if not rest.strip() else "odd", self._text[start : start + 1], start, start)
        kind = match.lastgroup
        return Token(kind, match[kind], match.start(kind), match.end())

    def next(self) -> Token:
        """Read a token."""
        token = self.peek()
        self._at = token.end
        return token

    def call(self) -> None:
        """Read a word and the bracket behind it."""
        self.next()
        self.expect("(")

    def took(self, text: str) -> bool:
        """Read a word or sign if it is the next token, and return whether it was."""
        token = self.peek()
        if token.kind in ("name", "sign") and token.text == text:
            self._at = token.end
            return True
        return False

    def expect(self, text: str) -> None:
        """Read a word or sign that has to be there."""
        if not self.took(text):
            self.fail(repr(text) if not text.isalpha() else text)

    def word(self, *words: str) -> str:
        """Read one of some words."""
        token = self.peek()
        if token.kind != "name" or token.text not in words:
            self.fail(" or ".join(words))
        return self.next().text

    def bare(self, pattern: re.Pattern[str]) -> str | None:
        """Read what a pattern matches if it is next."""
        start = self._at + len(self._text[self._at :]) - len(self._text[self._at :].lstrip())
        match = pattern.match(self._text, start)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def path(self, what: str) -> str:
        """Read the name of a field or a path to one."""
        token = self.peek()
        if token.kind == "quoted":
            return self.next().text[1:-1].replace("``", "`")
        if token.kind != "name" or token.text in RESERVED:
            hint = f"; write `{token.text}` if it is a name" if token.text in RESERVED else ""
            self.fail(what, hint)
        return self.next().text

    def string(self, what: str) -> str:
        """Read a text in quotes."""
        token = self.peek()
        if token.kind != "text":
            self.fail(what)
        try:
            value = json.loads(token.text, strict=False)
        except json.JSONDecodeError as error:
            raise TextError(
                self._text, token.start + error.pos, f"the text is not written right: {error.msg}"
            ) from None
        self._at = token.end
        return str(value)

    def number(self, what: str) -> int | float:
        """Read a number."""
        token = self.peek()
        if token.kind != "number":
            self.fail(what)
        self._at = token.end
        return int(token.text) if re.fullmatch(r"-?\d+", token.text) else float(token.text)

    def whole(self, what: str) -> int:
        """Read a whole number."""
        token = self.peek()
        number = self.number(what)
        if not isinstance(number, int):
            raise self.error(token.start, f"expected {what}, found {token.text}")
        return number

    def fail(self, expected: str, hint: str = "") -> None:
        """Raise TextError at the next token."""
        token = self.peek()
        found = "the end" if token.kind == "end" else repr(token.text)
        raise self.error(token.start, f"expected {expected}, found {found}{hint}")
