"""The store the tests of the store use."""

from tests.store.conftest import clock, folder, store

__all__ = ["clock", "folder", "store"]
