"""Error pages speak to people, in their language, and load nothing that can fail again."""

from django.template.loader import render_to_string
from django.utils import translation


def test_a_missing_page_is_said_in_words(client, ana) -> None:
    client.force_login(ana)
    response = client.get("/t/acme/nothing-here")
    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()


def test_the_page_of_a_fault_needs_no_request() -> None:
    with translation.override("pt-br"):
        html = render_to_string("500.html")
    assert "Algo deu errado aqui" in html
    assert 'lang="pt-br"' in html
