"""Our REST API: ``/api/v1/``, its schema, and pages about it."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from reports.api import views
from reports.api.schema import DocsView, SchemaView

v1 = [
    path("environments/", views.EnvironmentList.as_view(), name="environments"),
    path("environments/<uuid:id>/", views.EnvironmentOne.as_view(), name="environment"),
    path("agents/", views.AgentList.as_view(), name="agents"),
    path("calls/", views.CallList.as_view(), name="calls"),
    path("calls/csv/", views.CallCsv.as_view(), name="calls-csv"),
    path("calls/<uuid:id>/", views.CallOne.as_view(), name="call"),
    path("callbacks/days/", views.CallbackDays.as_view(), name="callbacks-days"),
    path("metrics/", views.MetricList.as_view(), name="metrics"),
    path("reports/", views.ReportList.as_view(), name="reports"),
    path("reports/query/", views.ReportQuery.as_view(), name="reports-query"),
    re_path(r"^(?P<rest>.*/)?$", views.Nowhere.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include((v1, "api"))),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
]
