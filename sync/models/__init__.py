"""Django finds the app's models here; code imports them from their own files."""

from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call, Payload, Unplaced
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.models.changes import CallChange, DirtyDay
from sync.models.connections import Connection, RequestGrant
from sync.models.lines import Line
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run, Window
from sync.models.troubles import Trouble

__all__ = [
    "Agent",
    "Call",
    "CallChange",
    "CallbackDay",
    "Campaign",
    "CampaignCall",
    "CampaignDay",
    "Connection",
    "DirtyDay",
    "Gap",
    "Line",
    "Payload",
    "Quarantine",
    "RequestGrant",
    "Run",
    "Trouble",
    "Unplaced",
    "Window",
]
