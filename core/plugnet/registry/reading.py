"""From a spec to a component. Only registered names are built, and only after all is checked.

There is no way from a text in a file to an import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plugnet.errors import MissingComponentsError, RegistryError, UnknownComponentError
from plugnet.registry import messages
from plugnet.registry.index import Index
from plugnet.registry.kinds import KINDS
from plugnet.registry.maker import Maker
from plugnet.registry.names import DISTRIBUTION, PATTERN, Name, normalize, shorten, shown
from plugnet.registry.view import is_spec
from plugnet.registry.writing import check_depth, simple, spec_error

if TYPE_CHECKING:
    from plugnet.registry.facade import Registry

#: Hooks are no components and have no spec, so a file cannot bring one in.
DESCRIBABLE: Final = [kind.name for kind in KINDS.values() if kind.interface is not object]
KEYS: Final = ("kind", "name", "provider", "version", "args")


class Plan(NamedTuple):
    """A spec that has been checked wholly: what is to be built, and from what.

    Attributes:
        maker: makes the component.
        args: its arguments, in which plans stand for components.
        note: what to tell if building fails after all.
    """

    maker: Maker
    args: dict[str, Any]
    note: str

    def build(self) -> Any:
        """Build the component, those inside it first."""
        args = {name: _built(value) for name, value in self.args.items()}
        try:
            return self.maker(**args)
        except Exception as error:
            if self.note:
                error.add_note(self.note)
            raise


def _built(value: Any) -> Any:
    if isinstance(value, Plan):
        return value.build()
    if isinstance(value, list):
        return [_built(item) for item in value]
    if isinstance(value, dict):
        return {key: _built(item) for key, item in value.items()}
    return value


class Reader:
    """Checks specs before anything is built; collects all that is missing."""

    def __init__(self, registry: Registry, index: Index) -> None:
        self.registry = registry
        self.index = index
        self.missing: dict[str, str] = {}  # what is missing, and why

    def read(self, specs: list[Any], kind: str | None) -> list[Plan]:
        """Return what some specs mean.

        Raises:
            SpecError: one of them is no spec, or its arguments do not fit.
            MissingComponentsError: components are not available; all of them are named.
        """
        roots = [""] if len(specs) == 1 else [f"[{i}]" for i in range(len(specs))]
        plans = [self._plan(spec, kind, root) for spec, root in zip(specs, roots, strict=True)]
        if self.missing:
            count = len(self.missing)
            lines = (f"\n  {what}: {why}" for what, why in self.missing.items())
            raise MissingComponentsError(
                f"{count} component{'s are' if count > 1 else ' is'} needed but not available:"
                + "".join(lines),
                path="spec",
                missing=tuple(self.missing),
            )
        return [plan for plan in plans if plan is not None]

    def _plan(self, spec: Any, kind: str | None, root: str, depth: int = 0) -> Plan | None:
        """Return what one spec means, or None if its component is missing."""
        _check_form(spec, kind, root)
        # "args.initializer.scale": a component inside another is named by the argument alone.
        path = root if depth else f"{root}.args".lstrip(".")
        args = {
            name: self._value(value, f"{path}.{name}", depth + 1)
            for name, value in spec["args"].items()
        }
        provider, version = spec.get("provider"), spec.get("version")
        saved = shorten(" ".join(filter(None, (provider, version))))
        try:
            text = f"{provider}/{spec['name']}" if provider else spec["name"]
            maker = self.registry._maker(text, spec["kind"])
        except RegistryError as error:
            what = f"{spec['kind']} '{spec['name']}'" + (f" (saved with {saved})" if saved else "")
            self.missing[what] = self._why(spec, error)
            return None
        installed = maker.entry.version
        note = ""
        if version and version != installed:
            note = f"The spec was saved with {saved}; installed is {installed}."
        if misfit := maker.misfit((), args):
            raise spec_error(
                path,
                f"{spec['kind']} '{spec['name']}' cannot be built: {misfit} Its signature is "
                f"{maker.signature()}. {note}".rstrip(". "),
            )
        return Plan(maker, args, note)

    def _why(self, spec: Mapping[str, Any], error: RegistryError) -> str:
        """Return why a component is not available, and what to do."""
        if not isinstance(error, UnknownComponentError):
            return str(error)
        provider = spec.get("provider")
        if "provider" in spec and provider is None:
            return (
                "it was registered at run time by the program that saved it. Run that "
                "registration first, or put the class into a module and give it an entry point."
            )
        name = Name(spec["kind"], provider and normalize(provider), spec["name"])
        return " ".join(messages.hints(self.index, name)) or "no installed plugin provides it."

    def _value(self, value: Any, path: str, depth: int) -> Any:
        """Return an argument, in which specs have become plans."""
        if is_spec(value):
            check_depth(path, depth)
            return self._plan(value, None, path, depth)
        if isinstance(value, list):
            check_depth(path, depth)
            return [self._value(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            check_depth(path, depth)
            return {key: self._value(v, f"{path}.{key}", depth + 1) for key, v in value.items()}
        return simple(value, path)


def _check_form(spec: Any, kind: str | None, path: str) -> None:
    """Raise SpecError unless ``spec`` has the form of one."""
    if not isinstance(spec, Mapping):
        raise spec_error(path, f"a spec must be a dict, but it is {shown(spec)}")
    if unknown := [key for key in spec if key not in KEYS]:
        raise spec_error(
            path, f"a spec has the keys {', '.join(KEYS)}, but not {shown(unknown[0])}"
        )
    if absent := [key for key in ("kind", "name", "args") if key not in spec]:
        raise spec_error(path, f"the spec has no {absent[0]!r}")
    kinds = [kind] if kind else DESCRIBABLE
    if spec["kind"] not in kinds:
        raise spec_error(
            path, f"the kind must be {' or '.join(kinds)}, but it is {shown(spec['kind'])}"
        )
    if not isinstance(spec["name"], str) or not PATTERN.fullmatch(spec["name"]):
        raise spec_error(path, f"{shown(spec['name'])} can be no registered name")
    provider, version = spec.get("provider"), spec.get("version")
    if provider is not None and not (
        isinstance(provider, str) and DISTRIBUTION.fullmatch(provider)
    ):
        raise spec_error(path, f"{shown(provider)} can be no provider, which is a distribution")
    if version is not None and not (isinstance(version, str) and version.isprintable()):
        raise spec_error(path, f"the version must be a text or None, but it is {shown(version)}")
    if not isinstance(spec["args"], dict) or not all(isinstance(k, str) for k in spec["args"]):
        raise spec_error(path, "the args must be a dict with text keys")
