"""Reading a step's settings: unknown fields and wrong types are ConfigErrors that name the field."""

import json

from turgo_connector.contract import ConfigError

_PLAIN = {str: "text", bool: "true or false", int: "a whole number", list: "a list"}
REQUIRED = object()


def decode(text: bytes, fields: dict) -> dict:
    """Reads settings against fields: name -> (type, default); REQUIRED has none."""
    try:
        given = json.loads(text or b"{}")
    except ValueError as error:
        raise ConfigError("", f"the settings are no JSON: {error}") from error
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ConfigError("", "the settings are no mapping")
    for name in given:
        if name not in fields:
            raise ConfigError(name, f"unknown field; there are {', '.join(sorted(fields))}")
    result = {}
    for name, (kind, default) in fields.items():
        value = given.get(name)
        if value is None:
            if default is REQUIRED:
                raise ConfigError(name, "is missing")
            value = default
        elif type(value) is not kind:  # so that true is no number
            raise ConfigError(name, f"{json.dumps(value)[:100]} where {_PLAIN[kind]} is wanted")
        result[name] = value
    return result
