"""Addresses below ``/t/<tenant>/``."""

from django.urls import path

from reports.web.agents.views import agents
from reports.web.alerts.views import alert_act, alert_new, alert_one, alerts, post_again
from reports.web.audit.views import audit, audit_file
from reports.web.call.remarks import call_flags, call_note, call_notes
from reports.web.call.views import call, call_payload
from reports.web.callbacks.views import callbacks
from reports.web.calls.views import calls
from reports.web.campaigns.campaign import campaign
from reports.web.campaigns.views import campaigns
from reports.web.contact.views import contact_page, look_up_page, reveal_number
from reports.web.exports.views import export_again, export_delete, export_download, exports, exports_list
from reports.web.find.views import search
from reports.web.handover.places import destination_act, destination_new, destination_one
from reports.web.handover.views import (
    handover_again,
    handover_file,
    schedule_act,
    schedule_new,
    schedule_one,
    schedules,
)
from reports.web.help.views import help_page
from reports.web.keys.views import key_revoke, key_rotate, keys
from reports.web.mail.addresses import mail_addresses
from reports.web.mail.previews import mail_again, mail_body, mail_preview
from reports.web.mail.views import delivery_again, mail_act, mail_new, mail_one, mails
from reports.web.overview.views import calls_csv, overview
from reports.web.privacy.retention import privacy
from reports.web.privacy.views import erasures
from reports.web.report.views import report, reports
from reports.web.saved.boards import board_new, board_page
from reports.web.saved.links import frame_hosts, share_link_revoke, share_links_page
from reports.web.saved.views import saved_report, saved_reports, view, views
from reports.web.team.views import invitation_act, member_act, team, team_invite, team_member

app_name = "reports_web"

urlpatterns = [
    path("", overview, name="overview"),
    path("calls/", calls, name="calls"),
    path("calls/views/", views, name="views"),
    path("calls/views/<uuid:view>/", view, name="view"),
    path("look-up/", look_up_page, name="look_up"),
    path("contacts/<str:contact_id>/", contact_page, name="contact"),
    path("contacts/<str:contact_id>/reveal/", reveal_number, name="contact_reveal"),
    path("calls.csv", calls_csv, name="calls_csv"),
    path("calls/<uuid:call>/", call, name="call"),
    path("calls/<uuid:call>/payload.json", call_payload, name="call_payload"),
    path("calls/<uuid:call>/flags/", call_flags, name="call_flags"),
    path("calls/<uuid:call>/notes/", call_notes, name="call_notes"),
    path("calls/<uuid:call>/notes/<uuid:note>/", call_note, name="call_note"),
    path("campaigns/", campaigns, name="campaigns"),
    path("campaigns/<uuid:campaign>/", campaign, name="campaign"),
    path("callbacks/", callbacks, name="callbacks"),
    path("agents/", agents, name="agents"),
    path("exports/", exports, name="exports"),
    path("exports/list/", exports_list, name="exports_list"),
    path("exports/<uuid:export>/download/", export_download, name="export_download"),
    path("exports/<uuid:export>/again/", export_again, name="export_again"),
    path("exports/<uuid:export>/delete/", export_delete, name="export_delete"),
    path("exports/scheduled/", schedules, name="schedules"),
    path("exports/scheduled/new/", schedule_new, name="schedule_new"),
    path("exports/scheduled/<uuid:schedule>/", schedule_one, name="schedule_one"),
    path("exports/scheduled/<uuid:schedule>/act/", schedule_act, name="schedule_act"),
    path("exports/scheduled/<uuid:schedule>/<uuid:handover>/again/", handover_again, name="handover_again"),
    path("exports/scheduled/<uuid:schedule>/<uuid:handover>/file/", handover_file, name="handover_file"),
    path("exports/destinations/new/", destination_new, name="destination_new"),
    path("exports/destinations/<uuid:destination>/", destination_one, name="destination_one"),
    path("exports/destinations/<uuid:destination>/act/", destination_act, name="destination_act"),
    path("alerts/", alerts, name="alerts"),
    path("alerts/new/", alert_new, name="alert_new"),
    path("alerts/<uuid:alert>/", alert_one, name="alert_one"),
    path("alerts/<uuid:alert>/act/", alert_act, name="alert_act"),
    path("alerts/<uuid:alert>/posts/<uuid:post>/again/", post_again, name="alert_post_again"),
    path("mail/", mails, name="mail"),
    path("mail/addresses/", mail_addresses, name="mail_addresses"),
    path("mail/new/", mail_new, name="mail_new"),
    path("mail/<uuid:mail>/", mail_one, name="mail_one"),
    path("mail/<uuid:mail>/act/", mail_act, name="mail_act"),
    path("mail/<uuid:mail>/preview/", mail_preview, name="mail_preview"),
    path("mail/<uuid:mail>/again/", mail_again, name="mail_again"),
    path("mail/<uuid:mail>/preview/body/", mail_body, name="mail_body"),
    path("mail/deliveries/<uuid:delivery>/again/", delivery_again, name="delivery_again"),
    path("team/", team, name="team"),
    path("team/invite/", team_invite, name="team_invite"),
    path("team/<uuid:member>/", team_member, name="team_member"),
    path("team/<uuid:member>/act/", member_act, name="member_act"),
    path("team/invitations/<uuid:invitation>/act/", invitation_act, name="invitation_act"),
    path("keys/", keys, name="keys"),
    path("keys/<uuid:key>/rotate/", key_rotate, name="key_rotate"),
    path("keys/<uuid:key>/revoke/", key_revoke, name="key_revoke"),
    path("audit/", audit, name="audit"),
    path("audit/audit.csv", audit_file, {"form": "csv"}, name="audit_csv"),
    path("audit/audit.jsonl", audit_file, {"form": "jsonl"}, name="audit_lines"),
    path("privacy/", privacy, name="privacy"),
    path("erasures/", erasures, name="erasures"),
    path("search/", search, name="search"),
    path("help/", help_page, name="help"),
    path("reports/", reports, name="reports"),
    path("reports/query/", report, name="report"),
    path("reports/boards/", board_new, name="board_new"),
    path("reports/boards/<uuid:board>/", board_page, name="board"),
    path("reports/links/", share_links_page, name="share_links"),
    path("reports/links/<uuid:link>/revoke/", share_link_revoke, name="share_link_revoke"),
    path("reports/hosts/", frame_hosts, name="frame_hosts"),
    path("reports/saved/", saved_reports, name="saved_reports"),
    path("reports/saved/<uuid:view>/", saved_report, name="saved_report"),
]
