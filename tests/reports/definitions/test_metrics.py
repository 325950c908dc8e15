"""The declarations: complete, in order, and in the reader's language."""

from django.utils import translation

from reports.definitions.catalogue import CATALOGUE
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.labels import METRIC_GROUPS
from reports.definitions.measures import COLUMNS, Sums
from reports.definitions.metrics import METRICS

KEYS = (
    "attempts connected connect_rate no_answer_rate busy_rate failed_rate missed_rate average_duration median_duration"
    " p90_duration talk_minutes billed_minutes short_call_share_3s short_call_share_6s short_connected_share_3s"
    " short_connected_share_6s engaged_share unique_contacts reach_rate attempts_per_contact open_calls"
    " unresolved_calls peak_concurrency callbacks_received"
    " callbacks_answered callback_answer_rate callbacks_unmatched derived_callbacks return_rate"
    " time_to_callback_median time_to_callback_p90 attempts_before_callback still_open campaign_success_rate"
    " estimated_cost time_to_answer service_level stt_latency_p50 stt_latency_p95"
    " llm_latency_p50 llm_latency_p95 tts_latency_p50 tts_latency_p95"
)
GRAINS = (
    "hour day week month weekday hour_of_day agent source_agent status direction environment cause side area_code line"
    " length"
)


def test_keys_stand_in_the_order_of_the_contract():
    assert list(METRICS) == KEYS.split()
    assert list(DIMENSIONS) == GRAINS.split()


def test_every_declaration_is_whole():
    for metric in METRICS.values():
        assert all(map(str, (metric.label, metric.definition, metric.formula))), metric.key
        assert metric.unit in {"count", "percent", "seconds", "minutes", "money", "ms"}
        assert metric.better in {"up", "down", ""}
        assert metric.vendors
        assert metric.group in METRIC_GROUPS
        assert (metric.minimum_n == 10) == (metric.unit == "percent")


def test_words_follow_the_language_of_the_reader():
    with translation.override("pt-br"):
        assert str(METRICS["median_duration"].definition).startswith("Metade das chamadas atendidas durou menos")
    assert METRICS["median_duration"].definition.startswith("Half of the connected calls were shorter")


def test_every_column_of_a_sum_is_used():
    used = {measure.column for metric in METRICS.values() for measure in metric.measures if isinstance(measure, Sums)}
    assert used == set(COLUMNS)


def test_reports_ask_for_metrics_and_groupings_that_exist():
    for report in CATALOGUE.values():
        assert set(report.metrics) <= set(METRICS)
        assert set(report.by) <= set(DIMENSIONS)
