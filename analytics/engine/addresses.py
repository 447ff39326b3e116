"""The address key of an e-mail address in SQL: `address_key(address)`, the same as `analytics.model.address` gives.

Plain ASCII is done by DuckDB itself; other spellings (NFC, IDNA domains) go through the one rule there is, in Python.
A text of ASCII that is no address comes back trimmed and in lower case: it equals no key, since keys are addresses.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from analytics.model.address import address_key

# White space as `str.strip` of Python knows it.
_MACRO = r"""
create macro address_key(address) as
case when strlen(address) = length(address)
    then lower(trim(address, E' \t\n\x0b\f\r\x1c\x1d\x1e\x1f'))
    else spelled_address_key(address) end
"""


def make_address_key(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `address_key` known to a database; every cursor of the connection sees it."""
    connection.create_function(
        "spelled_address_key",
        _keys,
        ["VARCHAR"],
        "VARCHAR",
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
    connection.execute(_MACRO)


def _keys(addresses: pa.ChunkedArray) -> pa.Array:
    return pa.array([address_key(address) for address in addresses.to_pylist()], pa.string())
