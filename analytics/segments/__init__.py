"""Segments: conditions on an entity, compiled to one query."""

from analytics.segments.compiler import Compiled, Compiler, Output, compile_segment
from analytics.segments.definition import Definition
from analytics.segments.documents import load_definition
from analytics.segments.explain import Explanation, Membership
from analytics.segments.moments import Moment
from analytics.segments.segments import Query, Sample, Segment, Segments
from analytics.segments.text import TextError
from analytics.segments.text import parse as parse_text
from analytics.segments.text import write as write_text
from analytics.segments.written import written

__all__ = [
    "Compiled",
    "Compiler",
    "Definition",
    "Explanation",
    "Membership",
    "Moment",
    "Output",
    "Query",
    "Sample",
    "Segment",
    "Segments",
    "TextError",
    "compile_segment",
    "load_definition",
    "parse_text",
    "write_text",
    "written",
]
