"""The schema is whole: it validates without a warning, and knows every parameter a view knows."""

import re

from django.core.management import call_command

from reports.api.urls import v1


def test_the_schema_validates_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_the_schema_knows_the_parameters_of_every_view(client):
    schema = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    for pattern in v1[:-1]:
        view = pattern.callback.view_class
        path = "/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        operation = schema["paths"][path]["post" if view.http_method_names == ["post"] else "get"]
        told = {item["name"] for item in operation["parameters"] if item["in"] == "query"}
        assert told == {*view.parameters(), "tenant"}, path


def test_who_accepts_neither_form_is_sent_one_all_the_same(client):
    answer = client.get("/api/schema/", headers={"accept": "text/csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi"
