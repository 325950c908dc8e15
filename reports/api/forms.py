"""Rows and answers as the API gives them. ``documented`` describes the same forms for the schema; a test holds both
equal.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from portal.tenants.models.tenants import Environment
from reports.catalogue import Report
from reports.metrics import Metric
from reports.periods import Period
from reports.queries.answer import Answer, Cell, GapNote
from reports.queries.detail import CallDetail
from reports.queries.freshness import EnvironmentFreshness
from reports.remarks.notes import Note


def environment(row: Environment, freshness: EnvironmentFreshness | None) -> dict[str, Any]:
    streams = freshness.streams if freshness else {}
    return {
        "id": str(row.public_id),
        "name": row.name,
        "provider": row.provider,
        "created_at": row.created_at,
        "retired_at": row.retired_at,
        "freshness": {
            stream: {
                "as_of": told.as_of,
                "complete_from": told.complete_from,
                "complete_through": told.complete_through,
                "mirrored": told.mirrored,
                "vendor_total": told.vendor_total,
                "quarantined": told.quarantined,
                "accepted": told.accepted,
                "gaps": [gap(note) for note in told.gaps],
            }
            for stream, told in streams.items()
        },
    }


def gap(note: GapNote) -> dict[str, Any]:
    return {
        "environment": note.environment,
        "environment_name": note.environment_name,
        "stream": note.stream,
        "part": note.part,
        "day": note.day,
        "fault": note.fault,
        "quarantined": note.quarantined,
        "since": note.since,
    }


def agent(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "external_id": row.external_id,
        "environment": str(row.environment.public_id),
        "name": row.name,
        "label": row.label,
        "direction": row.direction,
        "state": row.state,
        "takes_callbacks": row.takes_callbacks,
        "callback_sources": row.callback_sources,
        "price_per_minute": None if row.price_per_minute is None else float(row.price_per_minute),
        "currency": row.currency,
        "first_seen_at": row.first_seen_at,
        "missing_since": row.missing_since,
    }


def call(row: dict[str, Any]) -> dict[str, Any]:
    """A row of :class:`reports.queries.calls.CallPage`."""
    return {
        "id": row["id"],
        "external_id": row["external_id"],
        "environment": row["environment"],
        "agent": None if row["agent"] is None else {"id": row["agent"], "name": row["agent_name"]},
        "direction": row["direction"],
        "status": row["status"],
        "outcome": row["outcome"],
        "started_at": row["started_at"],
        "answered_at": row["answered_at"],
        "ended_at": row["ended_at"],
        "duration": row["duration"],
        "billed_duration": row["billed"],
        "from": row["from_number"],
        "to": row["to_number"],
        "contact": row["contact_id"],
        "is_testing": row["is_test"],
        "hangup_cause": row["hangup_cause"],
        "hangup_source": row["hangup_source"],
        "missing_since": row["missing_since"],
        "changed_at": row["changed_at"],
    }


def call_detail(found: CallDetail, notes: Sequence[Note], flags: Sequence[str]) -> dict[str, Any]:
    parts = found.parts
    return call(found.row) | {
        "first_seen_at": found.first_seen_at,
        "read_at": found.read_at,
        "timeline": parts.timeline,
        "transcript": parts.transcript,
        "latencies": found.latencies,
        "tools": parts.tools,
        "quality": parts.quality,
        "insights": parts.insights,
        "context": parts.context,
        "audio": parts.audio,
        "stages": parts.stages,
        "unrecognised": parts.unrecognised,
        "changes": [
            {"at": changes.at, "field": change.field, "was": change.was, "now": change.now}
            for changes in found.changes
            for change in changes.fields
        ],
        "flags": flags,
        "notes": [
            {
                "id": note.id,
                "author": note.author,
                "text": found.written(note.text),
                "created_at": note.created_at,
                "changed_at": note.changed_at,
            }
            for note in notes
        ],
        "payload": msgspec.Raw(found.payload.encode()),
    }


def callback_day(row: Any) -> dict[str, Any]:
    return {
        "environment": str(row.environment.public_id),
        "day": row.day,
        "received": row.received,
        "answered": row.answered,
        "unmatched": row.unmatched,
        "sources": row.sources,
        "changed_at": row.changed_at,
    }


def metric(row: Metric) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "definition": row.definition,
        "formula": row.formula,
        "unit": row.unit,
        "better": row.better,
        "minimum_n": row.minimum_n,
        "vendors": row.vendors,
    }


def report(row: Report, address: str) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "description": row.description,
        "metrics": row.metrics,
        "by": row.by,
        "query": address,
    }


def answer(found: Answer) -> dict[str, Any]:
    by, told = found.question.by, found.completeness
    return {
        "columns": [
            {"key": column.key, "label": column.label, "unit": column.unit, "better": column.better}
            for column in found.columns
        ],
        "by": by,
        "rows": [
            {
                "key": dict(zip(by, row.key, strict=True)),
                "labels": dict(zip(by, row.labels, strict=True)),
                "cells": _cells(row.cells),
                "unfinished": row.unfinished,
            }
            for row in found.rows
        ],
        "totals": _cells(found.totals),
        "period": period(found.period),
        "previous_period": None if found.previous_period is None else period(found.previous_period),
        "previous_complete": found.previous_complete,
        "as_of": told.as_of,
        "complete": told.complete,
        "mirrored": told.mirrored,
        "vendor_total": told.vendor_total,
        "quarantined": told.quarantined,
        "accepted": told.accepted,
        "corrections": told.corrections,
        "gaps": [gap(note) for note in told.gaps],
        "definitions": {
            column.key: {
                "label": column.label,
                "definition": column.definition,
                "formula": column.formula,
                "minimum_n": column.minimum_n,
            }
            for column in found.columns
        },
    }


def period(found: Period) -> dict[str, Any]:
    """Both days belong to the period, as in the parameters that asked for it."""
    return {"date_from": found.start, "date_to": found.last_day, "zone": found.zone}


def _cells(cells: dict[str, Cell]) -> dict[str, dict[str, Any]]:
    return {key: asdict(cell) for key, cell in cells.items()}
