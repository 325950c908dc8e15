"""The declarations: complete, in order, and in the reader's language."""

from django.utils import translation

from reports.catalogue import CATALOGUE
from reports.dimensions import DIMENSIONS
from reports.measures import COLUMNS, Sums, bucket, middle
from reports.metrics import METRICS
from reports.rollups.models import AgentDayRollup, DayRollup

KEYS = (
    "attempts connected connect_rate no_answer_rate busy_rate failed_rate missed_rate average_duration median_duration"
    " p90_duration talk_minutes billed_minutes short_call_share_3s short_call_share_6s engaged_share unique_contacts"
    " reach_rate attempts_per_contact open_calls unresolved_calls peak_concurrency callbacks_received"
    " callbacks_answered callback_answer_rate callbacks_unmatched derived_callbacks return_rate"
    " time_to_callback_median time_to_callback_p90 attempts_before_callback still_open campaign_success_rate"
    " estimated_cost time_to_answer service_level stt_latency_p50 stt_latency_p95"
    " llm_latency_p50 llm_latency_p95 tts_latency_p50 tts_latency_p95"
)
GRAINS = "hour day week month weekday hour_of_day agent status direction environment cause side area_code line length"


def test_keys_stand_in_the_order_of_the_contract():
    assert list(METRICS) == KEYS.split()
    assert list(DIMENSIONS) == GRAINS.split()


def test_every_declaration_is_whole():
    for metric in METRICS.values():
        assert all(map(str, (metric.label, metric.definition, metric.formula))), metric.key
        assert metric.unit in {"count", "percent", "seconds", "minutes", "money", "ms"}
        assert metric.better in {"up", "down", ""}
        assert metric.vendors
        assert (metric.minimum_n == 10) == (metric.unit == "percent")


def test_words_follow_the_language_of_the_reader():
    with translation.override("pt-br"):
        assert "%" in str(METRICS["median_duration"].definition)
    assert METRICS["median_duration"].definition.startswith("Half of the connected calls were shorter")


def test_rollups_hold_exactly_the_sums_there_are():
    keys = {"id", "tenant", "environment", "day", "direction", "status", "outcome"}
    for model, more in ((DayRollup, {"hours", "durations", "latencies"}), (AgentDayRollup, {"agent"})):
        assert {field.name for field in model._meta.fields} == keys | more | set(COLUMNS)
    used = {measure.column for metric in METRICS.values() for measure in metric.measures if isinstance(measure, Sums)}
    assert used == set(COLUMNS)


def test_buckets_are_within_the_stated_error():
    value = 0.5
    while value < 4_000_000:
        assert abs(middle(bucket(value)) / value - 1) <= 0.025
        value *= 1.0137
    assert middle(bucket(0)) == 0


def test_reports_ask_for_metrics_and_groupings_that_exist():
    for report in CATALOGUE.values():
        assert set(report.metrics) <= set(METRICS)
        assert set(report.by) <= set(DIMENSIONS)
