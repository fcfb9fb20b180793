"""Rules for JSON objects that are updated piece by piece: what is merged, and what is refused in which words. Pure.

Merging follows the services: a field left out keeps its value, null switches off, one bad field voids the update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rt_magic.wire.events import Json


@dataclass(frozen=True, slots=True)
class Text:
    """Any string, or one of `choices`."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, whole if `whole`."""

    low: float
    high: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of strings, each one of `choices` if there are any."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with these fields; `nullable` where null switches it off, `required` fields must come with it."""

    fields: Mapping[str, Rule]
    nullable: bool = False
    required: tuple[str, ...] = ()
    whole: bool = False
    """True where an update replaces the object instead of being merged into it."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


Rule: TypeAlias = Text | Number | Texts | Flag | Fields


class Refused(Exception):
    """A value that is not taken: code, path and words of the refusal."""

    def __init__(self, code: str, param: str, message: str) -> None:
        super().__init__(message)
        self.code, self.param, self.message = code, param, message


def merge(rule: Rule, current: Any, value: Any, path: str, unknown: frozenset[str]) -> Any:
    """Return `current` with `value` merged in, as the rule says; raises Refused.

    `path` is how a refusal names the value; `unknown` holds paths that this server is too old to know.
    """
    if isinstance(rule, Fields):
        return _merge_fields(rule, current, value, path, unknown)
    if isinstance(rule, Text):
        if not isinstance(value, str):
            raise _invalid_type(path, "a string", value)
        _check_choice(rule.choices, value, path)
    elif isinstance(rule, Texts):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise _invalid_type(path, "an array of strings", value)
        for index, entry in enumerate(value):
            _check_choice(rule.choices, entry, f"{path}[{index}]")
    elif isinstance(rule, Flag):
        if not isinstance(value, bool):
            raise _invalid_type(path, "a boolean", value)
    else:
        kinds = int if rule.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise _invalid_type(path, "an integer" if rule.whole else "a number", value)
        if not rule.low <= value <= rule.high:
            bounds = f"between {rule.low:g} and {rule.high:g}"
            raise Refused(
                "invalid_value",
                path,
                f"Invalid value for '{path}': expected a value {bounds}, but got {value} instead.",
            )
    return value


def _merge_fields(rule: Fields, current: Any, value: Any, path: str, unknown: frozenset[str]) -> Any:
    if value is None and rule.nullable:
        return None
    if not isinstance(value, Mapping):
        raise _invalid_type(path, "an object", value)
    merged: Json = dict(current) if isinstance(current, dict) and not rule.whole else {}
    for key in rule.required:
        if key not in value:
            raise Refused("missing_required_parameter", f"{path}.{key}", f"Missing required parameter: '{path}.{key}'.")
    for key, entry in value.items():
        inner = rule.fields.get(key)
        if inner is None or f"{path}.{key}" in unknown:
            raise Refused("unknown_parameter", f"{path}.{key}", f"Unknown parameter: '{path}.{key}'.")
        merged[key] = merge(inner, merged.get(key), entry, f"{path}.{key}", unknown)
    return merged


def _check_choice(choices: tuple[str, ...], value: str, path: str) -> None:
    if choices and value not in choices:
        known = ", ".join(f"'{choice}'" for choice in choices)
        raise Refused("invalid_value", path, f"Invalid value: '{value}'. Supported values are: {known}.")


def _invalid_type(path: str, expected: str, value: object) -> Refused:
    got = "null" if value is None else type(value).__name__
    return Refused("invalid_type", path, f"Invalid type for '{path}': expected {expected}, but got {got} instead.")
