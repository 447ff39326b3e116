"""The entity model as it is declared, and the import of a shop's files into its tables."""

from analytics.entities.declarations import load_model

__all__ = ["load_model"]
