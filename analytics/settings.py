"""The settings of a workspace: one frozen value, read once from `shelduck.toml` and the environment.

`SHELDUCK_<KEY>` overrides a key of the file (`SHELDUCK_TIMEZONE=Europe/Berlin`), `SHELDUCK_SMTP_<KEY>` one of its
`[smtp]` table. An unusable value stops the start with the key, the value and what was expected.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from analytics.errors import SettingsError, WorkspaceError
from analytics.model.address import address_key

SETTINGS_FILE = "shelduck.toml"
_PREFIX = "SHELDUCK_"
_OTHER_VARIABLES = {"SHELDUCK_HOME", "SHELDUCK_SOAK"}
_PLACEHOLDERS = {"changeme", "change-me", "change_me", "secret", "password", "xxx", "todo", "example"}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone name such as Europe/Berlin") from None
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError("a currency code of three capital letters such as EUR")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address such as https://mail.example.com, without ? and #")
    return value.rstrip("/")


def _state_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://", "sqlite:///")):
        raise ValueError("postgresql://user:password@host/database, or nothing for SQLite in the workspace folder")
    return value


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?(MB|GB|TB|MiB|GiB|TiB)", value):
        raise ValueError("a size with its unit such as 2GB or 512MB")
    return value


def _mail_address(value: str) -> str:
    if address_key(value) is None:
        raise ValueError("an e-mail address such as shop@example.com")
    return value


def _secret(value: str) -> str:
    if value.strip().lower() in _PLACEHOLDERS or not value.strip():
        raise ValueError("the real password, not a placeholder")
    return value


def _listed(value: object) -> object:
    """Take "a, b" from the environment as a list."""
    return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else value


def _bounds(value: object) -> object:
    """Take "30, 90, 180, 365" from the environment, and numbers from a file."""
    listed = _listed(value)
    if not isinstance(listed, list | tuple) or len(listed) not in (0, 4):
        raise ValueError("four numbers such as [30, 90, 180, 365], or [] for fifths of the buyers")
    return tuple(listed)


def _rising(value: tuple[float, ...]) -> tuple[float, ...]:
    if any(a >= b for a, b in pairwise(value)):
        raise ValueError("four rising numbers of days such as [30, 90, 180, 365]")
    return value


def _falling(value: tuple[float, ...]) -> tuple[float, ...]:
    if any(a <= b for a, b in pairwise(value)):
        raise ValueError("four falling numbers, the best first, such as [20, 10, 5, 2]")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress  # only settings that name proxies need it

    for item in value:
        try:
            ipaddress.ip_network(item, strict=False)
        except ValueError:
            raise ValueError("IP addresses or networks such as 127.0.0.1 or 10.0.0.0/8") from None
    return value


def _country(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # only settings that name a country need it

    if value not in SUPPORTED_REGIONS:
        raise ValueError("the code of a country in two capital letters such as DE")
    return value


def _hours(value: str) -> str:
    begin, _, end = value.partition("-")
    try:
        if len(begin) == len(end) == 5 and time.fromisoformat(begin) < time.fromisoformat(end):
            return value
    except ValueError:
        pass
    raise ValueError("hours of one day such as 09:00-20:00")


Port = Annotated[int, Field(ge=0, le=65535)]


class SmtpSettings(BaseModel):
    """The server mails go out through."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    username: str | None = None
    password: Annotated[str, AfterValidator(_secret)] | None = None
    security: Literal["none", "starttls", "tls"] = "starttls"
    connections: Annotated[int, Field(ge=1, le=100)] = 4
    rate_per_minute: Annotated[int, Field(ge=1)] | None = None


class Settings(BaseModel):
    """Everything a person can set for a workspace; defaults are those of a fresh, safe one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=200)] = "Shelduck"
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    base_currency: Annotated[str, AfterValidator(_currency)] = "EUR"
    week_start: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = 1  # the month quarters and years of reckoning begin with
    public_url: Annotated[str, AfterValidator(_http_url)] | None = None
    state_url: Annotated[str, AfterValidator(_state_url)] | None = None
    lake_url: str | None = None
    memory_limit: Annotated[str, AfterValidator(_size)] | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    sql_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    sender_name: str = "Shelduck"
    sender_email: Annotated[str, AfterValidator(_mail_address)] = "shop@example.com"
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_networks)] = (
        "127.0.0.1",
        "::1",
    )
    anonymise_bytes: Annotated[int, Field(ge=0, le=16)] = 0
    collector_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    collector_port: Port = 0
    dashboard_port: Port = 0
    sink_port: Port = 0
    attribution_days: Annotated[int, Field(ge=1, le=3650)] = 7
    attribution_model: Literal["last touch", "first touch"] = "last touch"
    phone_country: Annotated[str, AfterValidator(_country)] | None = None
    calling_hours: Annotated[str, AfterValidator(_hours)] = "09:00-20:00"
    rfm_days: Annotated[int, Field(ge=1, le=3650)] = 365
    rfm_recency: Annotated[tuple[float, ...], BeforeValidator(_bounds), AfterValidator(_rising)] = ()
    rfm_frequency: Annotated[tuple[float, ...], BeforeValidator(_bounds), AfterValidator(_falling)] = ()
    rfm_monetary: Annotated[tuple[float, ...], BeforeValidator(_bounds), AfterValidator(_falling)] = ()
    smtp: SmtpSettings | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the workspace."""
        return ZoneInfo(self.timezone)

    @property
    def calling_window(self) -> tuple[time, time]:
        """The local time from which on, and before which, people are called."""
        begin, end = self.calling_hours.split("-")
        return time.fromisoformat(begin), time.fromisoformat(end)

    @property
    def week_start_number(self) -> int:
        """The first day of the week, 0 = Monday to 6 = Sunday."""
        return _WEEKDAYS.index(self.week_start)

    @classmethod
    def load(cls, root: Path, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the workspace folder `root`, overridden by SHELDUCK_* variables of `env`.

        A missing file means defaults. Raises SettingsError naming key, value and what was expected.
        """
        file = root / SETTINGS_FILE
        try:
            values = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(str(file), str(error), "a TOML file") from None
        except OSError as error:
            raise WorkspaceError(f"{file} cannot be read: {error.strerror}.") from None
        return cls.of(_overridden(values, os.environ if env is None else env))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Return the settings with these values; raises SettingsError for the first unusable one."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _first(error, values) from None

    def changed(self, **values: Any) -> Settings:
        """Return these settings with some values changed, checked like a file's."""
        return Settings.of({**self.model_dump(), **values})

    def save(self, root: Path) -> None:
        """Write `<root>/shelduck.toml`, readable by its owner alone, in one step and on disk when this returns."""
        file = root / SETTINGS_FILE
        draft = file.with_name(f".{SETTINGS_FILE}.{os.getpid()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(self.toml())
                out.flush()
                os.fsync(out.fileno())
            draft.chmod(0o600)
            draft.replace(file)
        except OSError as error:
            raise WorkspaceError(f"{file} cannot be written: {error.strerror}.") from None

    def toml(self) -> str:
        """Return the settings as TOML text; values equal to their default are left out, the name is not."""
        values = {"name": self.name, **self.model_dump(exclude_defaults=True)}
        smtp = values.pop("smtp", None)
        lines = [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        if smtp is not None:
            full = self.smtp.model_dump(exclude_none=True) if self.smtp else {}
            lines += ["", "[smtp]", *(f"{key} = {_toml(value)}" for key, value in full.items())]
        return "\n".join(lines) + "\n"


def _overridden(values: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    merged = dict(values)
    smtp = dict(merged["smtp"]) if isinstance(merged.get("smtp"), dict) else {}
    for variable, text in env.items():
        if not variable.startswith(_PREFIX) or variable in _OTHER_VARIABLES:
            continue
        key = variable.removeprefix(_PREFIX).lower()
        if key.startswith("smtp_") and key.removeprefix("smtp_") in SmtpSettings.model_fields:
            smtp[key.removeprefix("smtp_")] = text
        elif key in Settings.model_fields and key != "smtp":
            merged[key] = text
    if smtp:
        merged["smtp"] = smtp
    return merged


def _first(error: ValidationError, values: Mapping[str, Any]) -> SettingsError:
    detail = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in detail["loc"])
    value: Any = values
    for part in detail["loc"]:
        value = value.get(part) if isinstance(value, Mapping) else value
    if "password" in key:
        value = "***"
    if detail["type"] == "extra_forbidden":
        known = SmtpSettings.model_fields if detail["loc"][0] == "smtp" else Settings.model_fields
        return SettingsError(key, value, f"one of the known keys: {', '.join(known)}")
    expected = detail["msg"].removeprefix("Value error, ")
    return SettingsError(key, value, expected[0].lower() + expected[1:] if expected.startswith("Input") else expected)


def _toml(value: object) -> str:
    """Return a TOML value; JSON's escapes of text are TOML's, apart from DEL, which TOML wants escaped too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
