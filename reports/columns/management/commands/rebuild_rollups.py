"""The old name of ``rebuild_columns``, for one release."""

from reports.columns.management.commands.rebuild_columns import Command

__all__ = ["Command"]
