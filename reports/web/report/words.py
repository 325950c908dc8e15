"""The words of the form of any question: figures in groups, and what each filter's choices are called."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from sync.taxonomy import Outcome

GROUPS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (
        gettext_lazy("Volume"),
        ("attempts", "connected", "open_calls", "unresolved_calls", "talk_minutes", "peak_concurrency"),
    ),
    (gettext_lazy("Outcome"), ("connect_rate", "no_answer_rate", "busy_rate", "failed_rate", "missed_rate")),
    (
        gettext_lazy("Conversation"),
        (
            "average_duration",
            "median_duration",
            "p90_duration",
            "engaged_share",
            "short_call_share_3s",
            "short_call_share_6s",
        ),
    ),
    (gettext_lazy("Contacts"), ("unique_contacts", "reach_rate", "attempts_per_contact")),
    (
        gettext_lazy("Callbacks"),
        (
            "callbacks_received",
            "callbacks_answered",
            "callback_answer_rate",
            "callbacks_unmatched",
            "derived_callbacks",
            "return_rate",
            "time_to_callback_median",
            "time_to_callback_p90",
            "attempts_before_callback",
            "still_open",
        ),
    ),
    (gettext_lazy("Cost and campaigns"), ("estimated_cost", "billed_minutes", "campaign_success_rate")),
    (
        gettext_lazy("Answering and latency"),
        (
            "time_to_answer",
            "service_level",
            *(f"{stage}_latency_{part}" for stage in ("stt", "llm", "tts") for part in ("p50", "p95")),
        ),
    ),
)
OUTCOME_LABELS: dict[str, str | Promise] = {
    Outcome.CONNECTED: gettext_lazy("connected"),
    Outcome.UNREACHED: gettext_lazy("unreached"),
    Outcome.OPEN: gettext_lazy("open"),
    Outcome.UNRESOLVED: gettext_lazy("unresolved"),
}
TESTING_LABELS = {
    "exclude": gettext_lazy("left out"),
    "include": gettext_lazy("counted too"),
    "only": gettext_lazy("only these"),
}
MATCH_LABELS = {
    "contains": gettext_lazy("contains"),
    "begins": gettext_lazy("begins with"),
    "ends": gettext_lazy("ends with"),
    "exact": gettext_lazy("is exactly"),
}
# The zones offered; any other may be typed.
ZONES = (
    "America/Sao_Paulo", "America/Bahia", "America/Fortaleza", "America/Recife", "America/Belem", "America/Manaus",
    "America/Cuiaba", "America/Campo_Grande", "America/Porto_Velho", "America/Rio_Branco", "America/Noronha",
    "America/Argentina/Buenos_Aires", "America/Bogota", "America/Mexico_City", "America/New_York",
    "America/Los_Angeles", "Europe/Lisbon", "Europe/Madrid", "Europe/London", "UTC",
)  # fmt: skip
