"""Importing a file on screen: the upload kept, the plan shown and changed, the job followed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from analytics.entities.importing import ImportOptions, MappingPlan, plan_file
from analytics.services import Services
from analytics.store.folder import writing
from analytics.store.jobs import Job, Jobs

KIND = "import"
SUFFIXES = ("csv", "gz", "tsv", "txt", "parquet", "xlsx", "json", "jsonl", "ndjson")
_REASONS = {
    "rule": "you said so",
    "name": "by its name",
    "link": "links the records",
    "parent": "from its parent",
    "position": "numbered",
    "default": "default",
}


@dataclass(frozen=True)
class Upload:
    """A file a person handed over, kept in the workspace. `key` makes its import happen once."""

    key: str
    name: str
    path: Path


@dataclass(frozen=True)
class Choices:
    """How a person wants a file read: what its rows are, rules by field, options by name."""

    entity: str
    rules: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False
    timezone: str | None = None
    decimal: str | None = None
    dates: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The import's options, those that were chosen."""
        named = {"complete": self.complete, "timezone": self.timezone, "decimal": self.decimal, "dates": self.dates}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class PlanLine:
    """One line of a plan: a field, where its value comes from, an example, and why."""

    path: str
    label: str
    source: str
    example: str
    why: str
    is_free: bool  # a person may say otherwise


@dataclass(frozen=True)
class Plan:
    """What an import would make of a file."""

    lines: tuple[PlanLine, ...]
    unused: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Followed:
    """A job as a page shows it. `rejects` is the file of refused lines, once there is one."""

    job: Job
    rejects: Path | None

    @property
    def is_over(self) -> bool:
        """Whether the worker is through with it."""
        return self.job.state in ("done", "failed")

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1; None while nobody knows."""
        if not self.job.total_count:
            return None
        return min(1.0, self.job.done_count / self.job.total_count)


def keep(services: Services, key: str, name: str, data: IO[bytes]) -> Upload:
    """Write an uploaded file into the workspace and return it; raises WorkspaceError when it cannot be written."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).name).lstrip("._") or "file"
    folder = services.store.folder.root / "uploads"
    path = folder / f"{key[:12]}-{safe[-120:]}"
    with writing(path):
        folder.mkdir(exist_ok=True)
        draft = path.with_name(f"{path.name}.part")
        with draft.open("wb") as out:
            shutil.copyfileobj(data, out)
        draft.replace(path)
    return Upload(key, name, path)


def guessed_entity(services: Services, name: str) -> str:
    """Return the kind of record a file's name speaks of, else customer users."""
    plain = re.sub(r"[^a-z]+", "_", name.lower())
    entities = services.model.entities.values()
    words = [(e.name, w) for e in entities for w in (e.name, e.plural.lower().replace(" ", "_"))]
    found = max((w for w in words if w[1] in plain), key=lambda w: len(w[1]), default=None)
    if found is not None:
        return found[0]
    return "customer_user" if "customer_user" in services.model.entities else next(iter(services.model.entities))


def plan(services: Services, upload: Upload, choices: Choices) -> Plan:
    """Return what an import would make of the file; raises ImportFailed, MappingError."""
    options = ImportOptions.of(choices.options, "the choices")
    made = plan_file(
        services.store, services.model, upload.path, entity=choices.entity, mapping=choices.rules, options=options
    )
    return Plan(
        lines=tuple(_lines(services, made)),
        unused=made.unused,
        columns=tuple(name for name, _ in made.columns),
    )


def _lines(services: Services, made: MappingPlan) -> list[PlanLine]:
    root = services.model.entity(made.entity)
    lines = []
    for mapped in made.fields:
        entity = services.model.entity(mapped.entity)
        label = entity.fields[mapped.field].label
        lines.append(
            PlanLine(
                path=mapped.path,
                label=label if entity is root and "." not in mapped.path else f"{entity.label} › {label}",
                source="" if mapped.how == "position" else mapped.expression,
                example=mapped.example or "",
                why=_REASONS[mapped.how],
                is_free=mapped.how in ("rule", "name", "default"),
            )
        )
    return lines


def targets(services: Services, entity: str) -> dict[str, str]:
    """Return the fields a column may be mapped to: {path: label}, own ones and those of records along the way."""
    declared = services.model.entity(entity)
    found = {f.name: f.label for f in declared.fields.values()}
    for relation in declared.relations.values():
        other = services.model.entity(relation.target)
        follows = relation.kind == "one" or other.parent is not None
        if follows:
            found |= {f"{relation.name}.{f.name}": f"{relation.label} › {f.label}" for f in other.fields.values()}
    return found


def enqueue(services: Services, upload: Upload, choices: Choices) -> int:
    """Ask the worker to import the file and return the job's number; asking twice makes one job."""
    payload = {
        "path": str(upload.path),
        "entity": choices.entity,
        "mapping": [f"{path} = {source}" for path, source in choices.rules.items()],
        "options": choices.options,
        "name": upload.name,
    }
    return Jobs(services.store.state).enqueue(KIND, upload.key, payload)


def follow(services: Services, number: int) -> Followed:
    """Return how a job stands; raises NotFound."""
    job = Jobs(services.store.state).get(number)
    stem = Path(str(job.payload.get("path", ""))).name.split(".")[0]
    folder = services.store.folder.rejects
    found = sorted(folder.glob(f"{stem}-*.csv")) if stem and folder.is_dir() else []
    return Followed(job, found[-1] if found and job.state == "done" else None)


def recent(services: Services, limit: int = 8) -> tuple[Job, ...]:
    """Return the newest imports, newest first."""
    return tuple(Jobs(services.store.state).recent(KIND, limit))
