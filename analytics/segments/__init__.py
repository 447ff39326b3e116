"""Segments: conditions on an entity, compiled to one query."""

from analytics.segments.compiler import Compiled, Compiler, Output, compile_segment
from analytics.segments.cost import Cost
from analytics.segments.definition import Definition
from analytics.segments.difference import Change, Difference, difference
from analytics.segments.explain import Explanation, Membership
from analytics.segments.files import load_definition
from analytics.segments.layout import laid_out
from analytics.segments.moments import Moment
from analytics.segments.queries import SqlError
from analytics.segments.segments import Query, Sample, Segment, Segments
from analytics.segments.sql_check import SqlLook, SqlMistake
from analytics.segments.sql_form import write_sql
from analytics.segments.sql_views import SqlView, sql_views
from analytics.segments.text import TextError
from analytics.segments.text import parse as parse_text
from analytics.segments.text import write as write_text
from analytics.segments.uses import Use
from analytics.segments.versions import SegmentVersion, copy_name
from analytics.segments.words import WordLine, outline
from analytics.segments.written import written

__all__ = [
    "Change",
    "Compiled",
    "Compiler",
    "Cost",
    "Definition",
    "Difference",
    "Explanation",
    "Membership",
    "Moment",
    "Output",
    "Query",
    "Sample",
    "Segment",
    "SegmentVersion",
    "Segments",
    "SqlError",
    "SqlLook",
    "SqlMistake",
    "SqlView",
    "TextError",
    "Use",
    "WordLine",
    "compile_segment",
    "copy_name",
    "difference",
    "laid_out",
    "load_definition",
    "outline",
    "parse_text",
    "sql_views",
    "write_sql",
    "write_text",
    "written",
]
