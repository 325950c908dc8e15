"""Which fields of a vendor's element are about a person, by their names in English and Portuguese.

Nobody declares what stands in context, metadata, extracted data and variables: names of fields are all there is to go
by. Names of agents, of tools and of what happened are nobody's of that kind.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

LONGEST_KEY = 100  # letters of a key that are looked at


class Field(Enum):
    OTHER = "other"
    NUMBER = "number"  # of a telephone
    PERSON = "person"  # a name, which may be said elsewhere too
    PRIVATE = "private"  # an address, a document, a day of birth: with all that is in it


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NUMBERS = words(
    "cel cell cellphone celphone celular celulares fax fone mobile mobiles msisdn phone phonenumber phones "
    "tel telefone telefones telephone telephones whatsapp zap"
)
_NUMBER_KEYS = words(
    "callee_number caller_id caller_number formatted_number from from_formatted from_number "
    "international_number number numero to to_formatted to_number"
)
_PRIVATE = words(
    "address addresses aniversario bairro birth birthdate birthday cep cnh cnpj cpf dob document documento "
    "documentos documents email emails endereco enderecos logradouro mail nascimento passaporte passport "
    "postal postcode rg rua ssn street zip zipcode"
)
_NAMES = words("name names nome nomes")
_OWN_NAMES = words("apelido firstname fullname givenname lastname middlename nickname sobrenome surname username")
_PEOPLE = words(
    "aluno beneficiario buyer callee caller client cliente comprador contact contato customer dependente "
    "devedor employee family father filho first full funcionario given guardian guest hospede last lead mae "
    "member middle mother paciente pai patient person pessoa prospect recipient responsavel social "
    "solicitante spouse student titular user usuario"
)
_ALONE = words("client cliente contact contato customer lead paciente patient titular")
_OF_NAMES = words("completo primeiro ultimo")
# What a plain "name" under one of these names is no person's, unless a tool was told it or told it.
_THINGS = words(
    "agent agente assistant assistente audio bot campaign campanha event evento events function functions llm "
    "model provider state states status stt timeline tool tools transcript transcription tts voice"
)
_TOLD = words("args argument arguments input output parameters params response result results variables")
_NOT_WHAT_IT_NAMES = words("count format kind tipo type valid verified")
_TIMES = words(
    "at created data date day duration ended epoch expires hora latency ms quando seconds started time "
    "timestamp ts updated when"
)
_LABELS = ("key", "field", "name", "label", "campo", "nome", "question", "pergunta")
_VALUES = ("value", "valor", "answer", "resposta")


@lru_cache(maxsize=4_000)
def field_of(key: str, parent: str = "") -> Field:
    """What stands under a key of an object that itself stands under ``parent``. Both are of bounded length."""
    said = words_of(key)
    if not said or _NOT_WHAT_IT_NAMES & set(said):
        return Field.OTHER
    if key.lower() in _NUMBER_KEYS or _NUMBERS & set(said):
        return Field.NUMBER
    if _PRIVATE & set(said):
        return Field.PRIVATE
    if _OWN_NAMES & set(said) or "".join(said) in _OWN_NAMES:
        return Field.PERSON
    if _NAMES & set(said):
        others = set(said) - _NAMES
        if others & (_PEOPLE | _OF_NAMES):
            return Field.PERSON
        above = set(words_of(parent))
        is_thing = not above or parent == "call" or (above & _THINGS and not above & _TOLD)
        return Field.OTHER if is_thing or others else Field.PERSON
    return Field.PERSON if len(said) == 1 and said[0] in _ALONE else Field.OTHER


@lru_cache(maxsize=4_000)
def is_time(key: str) -> bool:
    """Whether digits under a key are a moment or a duration."""
    return bool(_TIMES & set(words_of(key)))


@lru_cache(maxsize=4_000)
def words_of(key: str) -> tuple[str, ...]:
    """``leadMobile`` and ``lead_mobile`` as ``lead``, ``mobile``, without accents."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", key) if not unicodedata.combining(sign))
    return tuple(word.lower() for word in _PART.findall(plain))


def labelled(element: Mapping[str, Any]) -> tuple[str, str] | None:
    """Of an object such as ``{"key": "email", "value": "…"}``: what it names, and the key under which that stands."""
    value = next((key for key in _VALUES if key in element), None)
    label = next((element[key] for key in _LABELS if isinstance(element.get(key), str)), None)
    return (label[:LONGEST_KEY], value) if label and value else None
