"""Flags of `megaeth devnet up` and `init`, made from the settings tree: none forgotten, none explained twice."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from devnet.config import KnownSetting, known_settings

Function = TypeVar("Function", bound=Callable[..., Any])

_PREFIX = "setting__"
_NUMBERS = (int, float, bool, int | None)
"""Types whose falsy values mean something."""


def with_settings(function: Function) -> Function:
    """Add one option per setting; the function gets them as `**flags`, keyed `section.name`, None when not given."""
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_parameter(setting) for setting in known_settings()]

    def call(**arguments: Any) -> Any:  # noqa: ANN401
        flags = {
            setting.dotted: arguments.pop(_parameter_name(setting)) or None
            if setting.type not in _NUMBERS
            else arguments.pop(_parameter_name(setting))
            for setting in known_settings()
        }
        return function(**arguments, **flags)

    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    call.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in [*own, *options]}
    return call  # type: ignore[return-value]


def _parameter_name(setting: KnownSetting) -> str:
    return f"{_PREFIX}{setting.section}__{setting.name}"


def _parameter(setting: KnownSetting) -> inspect.Parameter:
    about = setting.about
    one_text = setting.type in (str, str | None) or bool(about.choices)
    kind: Any = (str if one_text else setting.type if setting.type in _NUMBERS else list[str]) | None
    default = "" if setting.default in (None, (), False) else f"  [default: {setting.default}]"
    choices = f" One of {', '.join(about.choices)}." if about.choices else ""
    declarations = [f"{about.flag}/--no-{about.flag[2:]}"] if setting.type is bool else [about.flag]
    declarations += [about.alias] if about.alias else []
    option = typer.Option(
        *declarations,
        metavar=about.metavar or "NAME",
        help=f"{about.doc}{choices}{default}",
        show_default=False,
        rich_help_panel=f"{setting.section.capitalize()} settings",
    )
    return inspect.Parameter(
        _parameter_name(setting),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )
