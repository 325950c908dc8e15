"""The time zones that the forms offer; any other may be typed."""

ZONES = (
    "America/Sao_Paulo", "America/Bahia", "America/Fortaleza", "America/Recife", "America/Belem", "America/Manaus",
    "America/Cuiaba", "America/Campo_Grande", "America/Porto_Velho", "America/Rio_Branco", "America/Noronha",
    "America/Argentina/Buenos_Aires", "America/Bogota", "America/Mexico_City", "America/New_York",
    "America/Los_Angeles", "Europe/Lisbon", "Europe/Madrid", "Europe/London", "UTC",
)  # fmt: skip
