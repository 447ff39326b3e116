"""Import of a shop's files: any of CSV, Parquet, JSON and Excel into one or several entities at once."""

from analytics.entities.importing.rules import MappingFile, load_mapping, override, parse_rule
from analytics.entities.importing.run import import_file, plan_file, still
from analytics.entities.importing.values import (
    EntityCounts,
    ImportOptions,
    ImportReport,
    MappedField,
    MappingPlan,
    Rule,
)

__all__ = [
    "EntityCounts",
    "ImportOptions",
    "ImportReport",
    "MappedField",
    "MappingFile",
    "MappingPlan",
    "Rule",
    "import_file",
    "load_mapping",
    "override",
    "parse_rule",
    "plan_file",
    "still",
]
