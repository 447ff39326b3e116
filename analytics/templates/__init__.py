"""Templates: what a mail says, checked when it is saved, rendered in a sandbox, composed into bytes."""

from analytics.templates.compose import CompiledTemplate, compile_template
from analytics.templates.mail import MailPlan, RenderedMail
from analytics.templates.preview import PreviewParts, preview
from analytics.templates.stored import Template, Templates
from analytics.templates.values import document_values

__all__ = [
    "CompiledTemplate",
    "MailPlan",
    "PreviewParts",
    "RenderedMail",
    "Template",
    "Templates",
    "compile_template",
    "document_values",
    "preview",
]
