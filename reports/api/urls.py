"""Our REST API: ``/api/v1/``, its schema, and pages about it."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from reports.api import alerts, audit, callbacks, campaigns, contacts, deliveries, exports, saved, subscriptions, views
from reports.api.schema import DocsView, SchemaView

v1 = [
    path("alerts/", alerts.AlertList.as_view(), name="alerts"),
    path("alerts/preview/", alerts.AlertPreview.as_view(), name="alerts-preview"),
    path("alerts/<uuid:id>/", alerts.AlertOne.as_view(), name="alert"),
    path("alerts/<uuid:id>/history/", alerts.AlertHistory.as_view(), name="alert-history"),
    path("alerts/<uuid:id>/test/", alerts.AlertTest.as_view(), name="alert-test"),
    path("audit/", audit.AuditList.as_view(), name="audit"),
    path("audit/csv/", audit.AuditCsv.as_view(), name="audit-csv"),
    path("audit/lines/", audit.AuditLines.as_view(), name="audit-lines"),
    path("environments/", views.EnvironmentList.as_view(), name="environments"),
    path("environments/<uuid:id>/", views.EnvironmentOne.as_view(), name="environment"),
    path("agents/", views.AgentList.as_view(), name="agents"),
    path("calls/", views.CallList.as_view(), name="calls"),
    path("calls/csv/", views.CallCsv.as_view(), name="calls-csv"),
    path("calls/<uuid:id>/", views.CallOne.as_view(), name="call"),
    path("callbacks/days/", views.CallbackDays.as_view(), name="callbacks-days"),
    path("callbacks/open/", callbacks.CallbackOpen.as_view(), name="callbacks-open"),
    path("callbacks/returns/", callbacks.CallbackReturns.as_view(), name="callbacks-returns"),
    path("campaigns/", campaigns.CampaignList.as_view(), name="campaigns"),
    path("campaigns/<uuid:id>/", campaigns.CampaignOne.as_view(), name="campaign"),
    path("contacts/", contacts.ContactList.as_view(), name="contacts"),
    path("contacts/<str:contact_id>/", contacts.ContactOne.as_view(), name="contact"),
    path("contacts/<str:contact_id>/reveal/", contacts.ContactReveal.as_view(), name="contact-reveal"),
    path("exports/", exports.ExportList.as_view(), name="exports"),
    path("exports/<uuid:id>/", exports.ExportOne.as_view(), name="export"),
    path("exports/<uuid:id>/download/", exports.ExportDownload.as_view(), name="export-download"),
    path("subscriptions/", subscriptions.SubscriptionList.as_view(), name="subscriptions"),
    path("subscriptions/<uuid:id>/", subscriptions.SubscriptionOne.as_view(), name="subscription"),
    path("subscriptions/<uuid:id>/test/", subscriptions.SubscriptionTest.as_view(), name="subscription-test"),
    path("subscriptions/<uuid:id>/preview/", deliveries.SubscriptionPreview.as_view(), name="subscription-preview"),
    path("subscriptions/<uuid:id>/resend/", deliveries.SubscriptionResend.as_view(), name="subscription-resend"),
    path("deliveries/", deliveries.DeliveryList.as_view(), name="deliveries"),
    path("metrics/", views.MetricList.as_view(), name="metrics"),
    path("reports/", views.ReportList.as_view(), name="reports"),
    path("reports/query/", views.ReportQuery.as_view(), name="reports-query"),
    path("saved-reports/", saved.SavedReportList.as_view(), name="saved-reports"),
    path("saved-reports/<uuid:id>/", saved.SavedReportOne.as_view(), name="saved-report"),
    # A line break, which "." leaves out, may stand in an address too.
    re_path(r"^(?P<rest>[\s\S]*/)?$", views.Nowhere.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include((v1, "api"))),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
]
