"""Who is in the sandbox: two tenants, their tokens, Talkover agents, callback agents and campaigns, OriginsAI agents.

Everything here is fixed text. What they do day by day is in calls.py and talks.py.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

_ROOT = UUID("6f1d0c52-3b0e-4c57-9a55-0c8f9a4e7d10")


@dataclass(frozen=True, slots=True)
class Agent:
    """A Talkover agent. ``share`` is of its direction's calls; ``reach`` how often an outbound call gets through."""

    id: str
    name: str
    label: str
    direction: str
    number: str
    share: float = 0.0
    reach: float = 0.0
    talk: float = 0.0  # median seconds of a connected call
    sources: tuple[str, ...] = ()  # callback agents: the outbound agents they answer for
    status: str = "published"

    @property
    def reference(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "label": self.label}


@dataclass(frozen=True, slots=True)
class Campaign:
    """``first`` and ``last`` are days before the world's end (larger is earlier); no ``last``: still dialling."""

    id: str
    name: str
    description: str
    kind: str
    status: str
    agent: str
    first: int
    last: int | None = None
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Tenant:
    name: str
    scale: float  # of the calls per day that are asked for
    agents: tuple[Agent, ...]
    campaigns: tuple[Campaign, ...]
    originsai: dict[int, str] = field(default_factory=dict)  # agent number: name
    org: int = 0

    @property
    def talkover_token(self) -> str:
        return f"talq_sandbox_{self.name}"

    @property
    def originsai_token(self) -> str:
        return f"orig_sandbox_{self.name}"


def identity(*words: str | int) -> str:
    """The same UUID text for the same words, always."""
    return str(uuid5(_ROOT, "/".join(map(str, words))))


def _agent(tenant: str, key: str, name: str, label: str, **rest: Any) -> Agent:
    return Agent(id=identity(tenant, "agent", key), name=name, label=label, **rest)


def _campaign(tenant: str, key: str, name: str, description: str, **rest: Any) -> Campaign:
    return Campaign(id=identity(tenant, "campaign", key), name=name, description=description, **rest)


def _acme() -> Tenant:
    sales = _agent("acme", "sales", "Bianca", "Vendas ativas", direction="outbound", number="+551120000101",
                   share=0.42, reach=0.50, talk=95)  # fmt: skip
    collection = _agent("acme", "collection", "Caio", "Cobrança amigável", direction="outbound", number="+551120000102",
                        share=0.31, reach=0.43, talk=70)  # fmt: skip
    survey = _agent("acme", "survey", "Lia", "Pesquisa de satisfação", direction="outbound", number="+551120000103",
                    share=0.17, reach=0.58, talk=55)  # fmt: skip
    reminder = _agent("acme", "reminder", "Davi", "Lembrete de consulta", direction="outbound", number="+551120000104",
                      share=0.10, reach=0.66, talk=35)  # fmt: skip
    desk = _agent(
        "acme", "desk", "Helena", "Recepção", direction="inbound", number="+551120000201", share=0.64, talk=110
    )
    support = _agent("acme", "support", "Otto", "Suporte técnico", direction="inbound", number="+551120000202",
                     share=0.36, talk=190)  # fmt: skip
    back = _agent("acme", "callback", "Retorno comercial", "Atende quem retorna a ligação", direction="inbound",
                  number="+551120000301", talk=80, sources=(sales.id, collection.id))  # fmt: skip
    care = _agent("acme", "callback-care", "Retorno relacionamento", "Atende retornos de pesquisa e lembrete",
                  direction="inbound", number="+551120000302", talk=60, sources=(survey.id, reminder.id))  # fmt: skip
    draft = _agent("acme", "draft", "Nina (rascunho)", "Em construção", direction="outbound", number="+551120000109",
                   status="draft")  # fmt: skip
    campaigns = (
        _campaign("acme", "spring", "Ofertas da temporada", "Planos anuais para a base atual", kind="sales",
                  status="active", agent=sales.id, first=40),
        _campaign("acme", "winback", "Reconquista", "Clientes inativos há seis meses", kind="sales",
                  status="completed", agent=sales.id, first=88, last=44),
        _campaign("acme", "dues", "Parcelas em aberto", "Lembrete de pagamento com segunda via", kind="follow_up",
                  status="active", agent=collection.id, first=70),
        _campaign("acme", "agreement", "Acordos do trimestre", "Renegociação com desconto", kind="follow_up",
                  status="paused", agent=collection.id, first=85, last=71),
        _campaign("acme", "nps", "NPS pós-atendimento", "Três perguntas depois da compra", kind="custom",
                  status="active", agent=survey.id, first=80),
        _campaign("acme", "visits", "Confirmação de consultas", "Ligação na véspera", kind="reminder",
                  status="active", agent=reminder.id, first=75),
        _campaign("acme", "feast", "Convite para o evento", "Cancelado antes do início", kind="custom",
                  status="cancelled", agent=survey.id, first=30, last=30),
        _campaign("acme", "next", "Lançamento do próximo mês", "Lista ainda em preparo", kind="sales",
                  status="draft", agent=sales.id, first=-7),
    )  # fmt: skip
    return Tenant(
        name="acme",
        scale=1.0,
        agents=(sales, collection, survey, reminder, desk, support, back, care, draft),
        campaigns=campaigns,
        originsai={7: "Recepção", 8: "Vendas", 12: "Agendamento"},
        org=301,
    )


def _globex() -> Tenant:
    sales = _agent("globex", "sales", "Marina", "Prospecção", direction="outbound", number="+554120000501",
                   share=0.7, reach=0.46, talk=88)  # fmt: skip
    trial = _agent("globex", "trial", "Igor", "Fim do período de teste", direction="outbound", number="+554120000502",
                   share=0.3, reach=0.55, talk=64)  # fmt: skip
    desk = _agent(
        "globex", "desk", "Sofia", "Atendimento", direction="inbound", number="+554120000601", share=1.0, talk=130
    )
    back = _agent("globex", "callback", "Retorno", "Atende quem retorna a ligação", direction="inbound",
                  number="+554120000701", talk=75, sources=(sales.id, trial.id))  # fmt: skip
    campaigns = (
        _campaign("globex", "south", "Região Sul", "Primeiro contato", kind="sales", status="active", agent=sales.id,
                  first=60),
        _campaign("globex", "trial", "Testes que vencem", "Três dias antes do fim", kind="reminder",
                  status="active", agent=trial.id, first=90),
        _campaign("globex", "old", "Piloto", "Lista de cem contatos", kind="custom", status="completed",
                  agent=sales.id, first=88, last=61),
    )  # fmt: skip
    return Tenant(name="globex", scale=0.3, agents=(sales, trial, desk, back), campaigns=campaigns)


TENANTS: dict[str, Tenant] = {tenant.name: tenant for tenant in (_acme(), _globex())}


def agent_element(agent: Agent, opened: date) -> dict[str, Any]:
    """An agent as ``/agents`` shows it."""
    moment = f"{opened - timedelta(days=120)}T12:00:00Z"
    return {
        "id": agent.id,
        "name": agent.name,
        "label": agent.label,
        "description": f"{agent.label}, em português",
        "language": "pt-BR",
        "voice": {
            "id": identity(agent.id, "voice"),
            "name": agent.name,
            "label": f"Voz de {agent.name}",
            "stability": 0.6,
            "similarity_boost": 0.98,
            "ambient_background": "office",
            "template": {"id": identity(agent.id, "template"), "name": agent.name},
        },
        "initial_message": "Olá, tudo bem? Posso ajudar?",
        "interrupt_sensitivity": "medium",
        "conversation_speed": 1.0,
        "initial_message_delay": 0,
        "ask_if_human_present_on_idle": False,
        "direction": agent.direction,
        "who_speaks_first": "agent",
        "current_status": agent.status,
        "is_sandbox": False,
        "is_ready_to_publish": agent.status == "published",
        "created_at": moment,
        "updated_at": moment,
        "trainings": [],
        "actions": [],
        "phone_numbers": [
            {
                "id": identity(agent.id, "number"),
                "number": agent.number,
                "country_code": "BR",
                "formatted_number": f"({agent.number[3:5]}) {agent.number[5:9]}-{agent.number[9:]}",
                "international_number": f"+55 {agent.number[3:5]} {agent.number[5:9]}-{agent.number[9:]}",
                "current_status": "active",
            }
        ],
    }


def campaign_element(campaign: Campaign, agent: Agent, end: date) -> dict[str, Any]:
    """A campaign as ``/campaigns`` shows it, without its figures."""
    start = end - timedelta(days=campaign.first)
    return {
        "id": campaign.id,
        "name": campaign.name,
        "description": campaign.description,
        "status": campaign.status,
        "campaign_type": campaign.kind,
        "start_date": start.isoformat(),
        "days_of_week": [1, 2, 3, 4, 5, 6],
        "earliest_call_time": "08:00:00",
        "latest_call_time": "19:00:00",
        "timezone": "America/Sao_Paulo",
        "agent_id": agent.id,
        "initial_call_delay": 0,
        "max_retries": campaign.retries,
        "retry_cooldown_hours": 24,
        "agent": agent.reference,
        "created_at": f"{start - timedelta(days=3)}T13:00:00Z",
        "updated_at": f"{start}T11:00:00Z",
    }
