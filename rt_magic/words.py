"""The words of the options that are a choice, each list in one place."""

from __future__ import annotations

SERVICES = ("azure", "openai", "voicelive", "local")
TURN_DETECTION = ("auto", "server", "semantic", "client", "off")
NOISE = ("near", "far", "off")
SILENCE_MS = (50, 10_000)
"""Milliseconds of silence that may end a turn: the least and the most."""
