"""Rows and answers as the API gives them. ``documented`` describes the same forms for the schema; a test holds both
equal.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from portal.tenants.models.tenants import Environment
from reports.annotations.notes import Note
from reports.definitions.catalogue import Report
from reports.definitions.metrics import Metric
from reports.definitions.periods import Period
from reports.queries.answer import Answer, Cell, Completeness, GapNote
from reports.queries.calls.detail import CallDetail
from reports.queries.calls.lists import CallRow
from reports.queries.campaigns.progress import ListStanding
from reports.queries.completeness.freshness import EnvironmentFreshness


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
                "as_of": state.as_of,
                "complete_from": state.complete_from,
                "complete_through": state.complete_through,
                "mirrored": state.mirrored,
                "vendor_total": state.vendor_total,
                "quarantined": state.quarantined,
                "accepted": state.accepted,
                "gaps": [gap(note) for note in state.gaps],
            }
            for stream, state in streams.items()
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


def standing(completeness: Completeness | ListStanding) -> dict[str, Any]:
    """How complete a list is, or the calls that it is found among."""
    return {
        "as_of": completeness.as_of,
        "complete": completeness.complete,
        "gaps": [gap(note) for note in completeness.gaps],
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


def call(row: CallRow) -> dict[str, Any]:
    """A row of :class:`reports.queries.calls.lists.CallPage`."""
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


def call_detail(detail: CallDetail, notes: Sequence[Note], flags: Sequence[str]) -> dict[str, Any]:
    parts = detail.parts
    return call(detail.row) | {
        "first_seen_at": detail.first_seen_at,
        "read_at": detail.read_at,
        "timeline": parts.timeline,
        "transcript": parts.transcript,
        "latencies": detail.latencies,
        "tools": parts.tools,
        "quality": parts.quality,
        "insights": parts.insights,
        "context": parts.context,
        "audio": parts.audio,
        "stages": parts.stages,
        "unrecognised": parts.unrecognised,
        "changes": [
            {"at": changes.at, "field": change.field, "was": change.was, "now": change.now}
            for changes in detail.changes
            for change in changes.fields
        ],
        "flags": flags,
        "notes": [
            {
                "id": note.id,
                "author": note.author,
                "text": detail.written(note.text),
                "created_at": note.created_at,
                "changed_at": note.changed_at,
            }
            for note in notes
        ],
        "payload": msgspec.Raw(detail.payload.encode()),
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


def answer(answer: Answer) -> dict[str, Any]:
    by, completeness = answer.question.by, answer.completeness
    return {
        "columns": [
            {"key": column.key, "label": column.label, "unit": column.unit, "better": column.better}
            for column in answer.columns
        ],
        "by": by,
        "rows": [
            {
                "key": dict(zip(by, row.key, strict=True)),
                "labels": dict(zip(by, row.labels, strict=True)),
                "cells": _cells(row.cells),
                "unfinished": row.unfinished,
            }
            for row in answer.rows
        ],
        "totals": _cells(answer.totals),
        "period": period(answer.period),
        "previous_period": None if answer.previous_period is None else period(answer.previous_period),
        "previous_complete": answer.previous_complete,
        "as_of": completeness.as_of,
        "complete": completeness.complete,
        "counted": completeness.counted,
        "mirrored": completeness.mirrored,
        "vendor_total": completeness.vendor_total,
        "quarantined": completeness.quarantined,
        "accepted": completeness.accepted,
        "corrections": completeness.corrections,
        "gaps": [gap(note) for note in completeness.gaps],
        "left_out": answer.left_out,
        "definitions": {
            column.key: {
                "label": column.label,
                "definition": column.definition,
                "formula": column.formula,
                "minimum_n": column.minimum_n,
            }
            for column in answer.columns
        },
    }


def period(period: Period) -> dict[str, Any]:
    """Both days belong to the period, as in the parameters that asked for it."""
    return {"date_from": period.start, "date_to": period.last_day, "zone": period.zone}


def _cells(cells: dict[str, Cell]) -> dict[str, dict[str, Any]]:
    return {key: asdict(cell) for key, cell in cells.items()}
