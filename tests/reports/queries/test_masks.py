"""Numbers hidden from readers without numbers: in any script and spelling, at a cost that the text's length bounds."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.lib import phones
from reports.queries.calls.masks import DEPTH, hide_in, mask_payload

PERSON = "+5511987654321"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("fale no 11 98765-4321 já", "fale no •• •••••-4321 já"),
        ("tel:98765-4321", "tel:•••••-4321"),
        ("9 8 7 6 5 4 3 2 1", "• • • • • 4 3 2 1"),
        ("９８７６５４３２１", "•••••４３２１"),
        ("٩٨٧٦٥٤٣٢١", "•••••٤٣٢١"),
        ("98765\u20134321", "•••••\u20134321"),
        ("9876\u200b54321", "••••\u200b•4321"),
        ("in 2026-07-08 14:30:00.123456-03:00 on", "in 2026-07-08 14:30:00.123456-03:00 on"),
        ("2026-07-08T14:30:00.123456Z", "2026-07-08T14:30:00.123456Z"),
        ("3c90c3cc-0d44-4b50-8888-8dd25736052a", "3c90c3cc-0d44-4b50-8888-8dd25736052a"),
        ("pedido-12345678", "pedido-12345678"),
        ("R$ 1.234,56 em 3 vezes", "R$ 1.234,56 em 3 vezes"),
    ],
)
def test_what_is_hidden_in_free_text(text, hidden):
    assert hide_in(text, [PERSON], free=True) == hidden


def test_elsewhere_what_looks_like_a_number_is_hidden_and_other_digits_are_not():
    told = hide_in("order 5521912345678 of 5511987654321, pedido-12345678, 2026-07-08 14", [PERSON])
    assert told == "order •••••••••5678 of •••••••••4321, pedido-12345678, 2026-07-08 14"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("a50d9f36-a679-5008-9362-2283285bf605", "a50d9f36-a679-5008-9362-2283285bf605"),
        ("x50d9f36-a679-5008-9362-2283285bf605", "x50d9f36-a•••-••••-9362-2283285bf605"),  # no UUID
        ("call A50D9F36-A679-5008-9362-2283285BF605.", "call A50D9F36-A679-5008-9362-2283285BF605."),
        ("00000000-0055-1198-8765-432100000000", "••••••••-••••-••••-••••-••••••••0000"),
        ("12345678-0219-8888-8777-000000000000", "12345678-••••-••••-8777-000000000000"),
    ],
)
def test_a_uuid_looks_like_no_number_unless_it_is_made_of_one(text, hidden):
    assert hide_in(text, [PERSON]) == hidden


# Payloads of both vendors, and of some that nobody has described: what must be found nowhere, and what stays.
SHAPES = {
    "metadata": ({"metadata": {"lead_mobile": "+5521988887777", "plan": "Gold"}}, ["88887"], ["Gold"]),
    "metadata-camel": ({"metadata": {"leadMobile": "12125550100"}}, ["125550"], []),
    "contacts": ({"contacts": [{"celular": "21 98888-7777", "nome": "Maria Souza"}]}, ["98888", "Maria"], []),
    "in-a-value": ({"metadata": {"ref": "tel-21988887777"}}, ["988887"], ["tel-"]),
    "in-a-key": ({"metadata": {"tel-21988887777": "yes"}}, ["988887"], ["yes"]),
    "as-an-integer": ({"metadata": {"who": 5521988887777}}, ["988887"], []),
    "several": ({"metadata": {"who": "21988887777, 21977776666"}}, ["988887", "977776"], []),
    "from-abroad": ({"metadata": {"who": "+1 212 555 0100"}}, ["212 555"], []),
    "moments": ({"metadata": {"created_at": 1751980800, "uuid": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}},
                [], ["1751980800", "8dd25736052a"]),
    "context": ({"call_context": {"customer_name": "Ana Lima", "language": "pt-BR"}}, ["Ana", "Lima"], ["pt-BR"]),
    "context-bare": ({"call_context": {"name": "Ana Lima"}}, ["Ana", "Lima"], []),
    "context-as-text": ({"call_context": '{"nome": "Ana Lima", "plano": "ouro"}'}, ["Ana"], ["ouro"]),
    "accents": ({"dados": {"Endereço": {"rua": "Rua das Flores", "número": 9}}}, ["Flores"], []),
    "documents": ({"extracted_data": {"cpf": "52998224725", "cnpj_empresa": "11222333000181"}}, ["529", "112"], []),
    "cpf-unnamed": ({"extracted_data": {"answer_3": "529.982.247-25"}}, ["529", "247"], []),
    "no-cpf": ({"extracted_data": {"answer_3": "529.982.247-26"}}, [], ["529.982.247-26"]),
    "e-mail": ({"metadata": {"who": "reach ana.lima@mail.example.com now"}}, ["lima", "mail.example"], ["reach"]),
    "pairs": ({"dynamic_variables": [{"key": "nome_cliente", "value": "Ana Lima"}]}, ["Ana"], ["nome_cliente"]),
    "a-tool": ({"tool_data": [{"name": "find_customer", "arguments": '{"nome": "Ana", "cep": "01310-100"}',
                               "result": {"customer": {"name": "Ana Lima", "tier": "A"}}}]},
               ["Ana", "01310"], ["find_customer", "tier"]),
    "speech": ({"call_context": {"lead_name": "Ana Lima"},
                "call_transcription": [{"role": "user", "content": "Aqui é a Ana, 11 4002-8922, a@b.com.br"}]},
               ["Ana", "4002", "a@b"], ["Aqui", "user"]),
    "summary": ({"summary": "Ligar para 40028922 e confirmar"}, ["4002"], ["confirmar"]),
    "agent": ({"agent": {"name": "Sofia Vendas"}, "name": "July", "hangup_cause_name": "Normal Hangup",
               "call_timeline": [{"name": "ringing"}]}, [], ["Sofia Vendas", "July", "Normal Hangup", "ringing"]),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_personal_is_hidden_under_whatever_name(shape):
    payload, hidden, stays = SHAPES[shape]
    shown = json.dumps(mask_payload({"to": PERSON} | payload), ensure_ascii=False)
    assert [text for text in hidden if text in shown] == []
    assert [text for text in stays if text not in shown] == []
    assert PERSON[5:10] not in shown


@pytest.mark.parametrize("number", ["4004", "190123", "40041234"])
def test_a_number_too_short_to_be_known_elsewhere_is_hidden_where_it_stands(number):
    told = mask_payload({"from_number": number, "steps": [{"to_number": number}], "order": number})
    assert number not in (told["from_number"], told["steps"][0]["to_number"])
    assert not told["from_number"].startswith(number[:4])


separators = st.sampled_from(["", " ", "-", ". ", "(", ") ", "\u2013", "\u00a0", "\u200b", " - "])


@given(
    st.lists(separators, min_size=8, max_size=8),
    st.sampled_from(["{}", "n° {}!", "+55 11 {}", "a{}b", "00{}", "{} {}"]),
)
def test_a_known_number_is_hidden_however_it_is_spelt(between, frame):
    spelt = "".join(digit + sign for digit, sign in zip("987654321", [*between, ""], strict=True))
    shown = json.dumps(mask_payload({"to": PERSON, "x": {"y": [frame.format(spelt, spelt)]}}))
    assert "98765432" not in phones.digits(json.loads(shown)["x"]["y"][0])
    assert not re.search("9[^0-9]{0,8}8[^0-9]{0,8}7[^0-9]{0,8}6[^0-9]{0,8}5", json.loads(shown)["x"]["y"][0])


@pytest.mark.parametrize(
    "text",
    ["1- " * 100_000, "1" * 300_000, ("1" + " " * 5) * 60_000, "1:12345678 " * 30_000, "2026-07-08 " * 30_000],
    ids=["failing", "digits", "blanks", "times", "days"],
)
def test_a_long_text_is_read_to_its_end(text):
    hidden = mask_payload({"to": PERSON, "call_transcription": f"{text} {PERSON}"})
    assert PERSON not in str(hidden)


def test_what_is_nested_too_deep_is_not_shown():
    deep: object = PERSON
    for _ in range(DEPTH + 300):
        deep = [deep]
    shown = json.dumps(mask_payload({"to": PERSON, "x": deep}))
    assert "87654321" not in shown
    assert "\\u2026" in shown
