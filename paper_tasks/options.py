"""One source for each option of a command: a field of a dataclass, annotated for Typer.

A field with `Annotated[..., typer.Option(help=...)]` is an option of the command line; its name, type, default, help
and limits are written nowhere else. A field without the annotation can be set from Python alone.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

Options = TypeVar("Options")


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Turns a function with parameters that are dataclasses into one whose parameters are their annotated fields.

    Typer reads the new signature. The function itself gets instances of the dataclasses, made from the fields' values.
    """
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    kinds = {name: hints[name] for name in signature.parameters if dataclasses.is_dataclass(hints[name])}
    parameters: list[inspect.Parameter] = []
    for name in signature.parameters:
        if name in kinds:
            parameters += _parameters(kinds[name])
        else:
            parameters.append(signature.parameters[name].replace(annotation=hints[name]))

    @wraps(command)
    def run(**values: Any) -> None:
        for name, kind in kinds.items():
            values[name] = kind(**{option: values.pop(option) for option in annotations(kind)})
        command(**values)

    # Typer passes values by name, so that an option with a default may stand before one without.
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # `inspect` looks for it on any function
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def annotations(kind: type) -> dict[str, OptionInfo | ArgumentInfo]:
    """What Typer knows of each field of a dataclass that is an option of the command line, by the field's name."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in dataclasses.fields(kind):
        if get_origin(hints[field.name]) is not Annotated:
            continue
        for annotation in get_args(hints[field.name])[1:]:
            if isinstance(annotation, OptionInfo | ArgumentInfo):
                found[field.name] = annotation
    return found


def command_arguments(options: Any) -> list[str]:
    """The options of the command line that differ from their defaults, as one would type them, in order of the fields.

    options: an instance of a dataclass whose fields are annotated for Typer.
    """
    arguments = []
    for name, annotation in annotations(type(options)).items():
        value = getattr(options, name)
        if value is None or value is False or value == _default(type(options), name):
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            arguments.append(_flag(name, annotation))
            arguments += [] if one is True else [str(one)]
    return arguments


def from_record(kind: type[Options], record: Mapping[str, Any]) -> Options:
    """The options among the values of a record by name; options that the record does not have keep their defaults."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a dataclass, which `type` does not say
    return kind(**{name: value for name, value in record.items() if name in names})


def _parameters(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(kind, name), annotation=hints[name])
        for name in annotations(kind)
    ]


def _default(kind: type, name: str) -> Any:
    (field,) = (field for field in dataclasses.fields(kind) if field.name == name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def _flag(name: str, annotation: OptionInfo | ArgumentInfo) -> str:
    """The option's name on the command line: what `typer.Option` was given first, or the field's with hyphens."""
    given = [annotation.default, *(annotation.param_decls or ())]
    long = [flag.partition("/")[0] for flag in given if isinstance(flag, str) and flag.startswith("--")]
    return long[0] if long else f"--{name.replace('_', '-')}"
