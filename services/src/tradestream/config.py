"""Configuration: one YAML file a service, read into frozen structs that know what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_args

import msgspec
import yaml

from tradestream.errors import ConfigError

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]
PositiveInt = Annotated[int, msgspec.Meta(ge=1)]
Pair = Annotated[str, msgspec.Meta(pattern=r"^(?=.{2,24}\Z)([A-Z0-9]+|[A-Z0-9]{1,12}[-/][A-Z0-9]{1,12})\Z")]
LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "BNBUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "DOGEUSDT",
    "DOTUSDT",
    "AVAXUSDT",
    "POLUSDT",
)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section of a configuration file: immutable, and a misspelt key is an error."""


class Address(Section, frozen=True, kw_only=True):
    """Where a service listens; port 0 takes a free one."""

    address: str = "0.0.0.0"
    port: Port


SectionT = TypeVar("SectionT", bound=Section)


def load(path: Path, kind: type[SectionT]) -> SectionT:
    """Reads a YAML file into `kind`.

    Raises:
        ConfigError: says the file, the key and what is allowed.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    try:
        return msgspec.convert(raw if raw is not None else {}, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), kind, raw)}") from error


def unique(symbols: tuple[str, ...]) -> None:
    """Raises ValueError when the list of symbols is empty or names one twice."""
    if not symbols:
        raise ValueError("symbols: names none")
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ValueError(f"symbols: names {', '.join(twice)} more than once")


def _path(kind: type, value: object) -> Path:
    """Lets a section have paths, which YAML does not know; they must be absolute, as services have no home."""
    if kind is not Path or not isinstance(value, str) or not value.startswith("/"):
        raise ValueError(f"Expected an absolute path, got {value!r}")
    return Path(value)


def _explain(message: str, kind: type[Section], raw: object) -> str:
    """Puts the key first; adds the keys that exist to an unknown one, and a value that does not fit to the others."""
    reason, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", reason)
    if unknown:
        allowed = ", ".join(sorted(_fields(kind, key, raw)))
        reason = f"unknown key `{unknown[1]}`; allowed here: {allowed}"
    elif reason.startswith("Invalid enum value") and not key.endswith("]"):
        reason = f"{reason}; allowed here: {', '.join(_choices(kind, key, raw))}"
    elif types := _types(kind, key, reason):
        reason = f"{reason}; allowed here: {', '.join(types)}"
    elif key and ", got " not in reason and not isinstance(value := _value(raw, key), dict | list):
        reason = f"{reason}, got {value!r}"
    return f"{_named(key, raw)}: {reason}" if key else reason


def _named(key: str, raw: object) -> str:
    """`key` with the name of the item in it, as in `rules[0] (large_trade).amount`, if that is of a list of types."""
    match = re.match(r"[a-z_]+\[[0-9]+\]", key)
    item = _value(raw, match[0]) if match else None
    name = item.get("name", item.get("type")) if match and isinstance(item, dict) else None
    return f"{match[0]} ({name}){key[match.end() :]}" if match and name else key


def _value(raw: Any, key: str) -> object:  # noqa: ANN401 - YAML holds anything
    """What the file says at `key`, as in `metrics.port` or `symbols[0]`."""
    for name in re.findall(r"[^.\[\]]+", key):
        raw = raw[int(name) if isinstance(raw, list) else name]
    return raw


def _fields(kind: type[Section], key: str, raw: object) -> list[str]:
    """The keys of the section that `key`, as in `replay` or `feeds[0].a`, names inside `kind`."""
    section = _section(kind, key, raw)
    tag = section.__struct_config__.tag_field
    return [*([tag] if tag else []), *(field.encode_name for field in msgspec.structs.fields(section))]


def _choices(kind: type[Section], key: str, raw: object) -> list[str]:
    """What the one of few values that `key` names inside `kind` may be."""
    where, _, name = key.rpartition(".")
    section = _section(kind, where, raw)
    annotation = msgspec.structs.fields(section)[_index(section, name)].type
    return [str(getattr(choice, "value", choice)) for choice in get_args(annotation) or annotation]


def _section(kind: type[Section], key: str, raw: object) -> type[Section]:
    section: Any = kind
    for name in re.findall(r"[a-z_]+(?:\[[0-9]+\])?", key):
        raw = _value(raw, name)
        choices = _sections(msgspec.structs.fields(section)[_index(section, name.partition("[")[0])].type)
        section = next((choice for choice in choices if _tag(choice) == _tag_of(raw, choice)), choices[0])
    return cast("type[Section]", section)


def _types(kind: type[Section], key: str, reason: str) -> list[str]:
    """What the item of a list that `key` names may have as its type, where that is what is wrong."""
    match = re.match(r"([a-z_]+)\[[0-9]+\](\.[a-z_]+)?\Z", key)
    if match is None or match[1] not in kind.__struct_encode_fields__:
        return []
    choices = _sections(msgspec.structs.fields(kind)[_index(kind, match[1])].type)
    field = choices[0].__struct_config__.tag_field if choices else None
    missing = match[2] is None and reason == f"Object missing required field `{field}`"
    return sorted(map(str, map(_tag, choices))) if field and (missing or match[2] == f".{field}") else []


def _sections(annotation: Any) -> list[type[Section]]:  # noqa: ANN401
    """The sections that are somewhere in a type."""
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, Section):
        return [annotation]
    return [section for choice in get_args(annotation) for section in _sections(choice)]


def _tag(section: type[Section]) -> object:
    return section.__struct_config__.tag


def _tag_of(raw: object, section: type[Section]) -> object:
    return raw.get(section.__struct_config__.tag_field) if isinstance(raw, dict) else None


def _index(section: type[Section], name: str) -> int:
    return section.__struct_encode_fields__.index(name)
