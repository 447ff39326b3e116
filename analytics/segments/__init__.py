"""Segments: conditions on an entity, compiled to one query."""

from analytics.segments.compiler import Compiled, Compiler, Output, compile_segment
from analytics.segments.definition import Definition
from analytics.segments.difference import Change, Difference, difference
from analytics.segments.documents import load_definition
from analytics.segments.explain import Explanation, Membership
from analytics.segments.layout import laid_out
from analytics.segments.moments import Moment
from analytics.segments.segments import Query, Sample, Segment, Segments
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
    "write_text",
    "written",
]
