"""Proof that tenants share one installation and never see each other.

``matrix.toml`` says who gets what at every address; ``world`` fills the tenants; ``principals`` are those who ask;
``exchange`` is a question with its answer and whatever else it left behind.
"""
