"""What a language model is to us: chat messages and a form in, the form filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shopgraph.errors import LanguageModelFailed


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True)
class Completion:
    """A JSON object that a model wrote, and what it took; tokens are 0 where the server does not say."""

    content: Mapping[str, object]
    prompt_tokens: int = 0
    completion_tokens: int = 0


class LanguageModel(Protocol):
    """Answers a chat with one JSON object; may be called from several threads at once."""

    @property
    def name(self) -> str:
        """Which model, at which place; two models that may answer differently differ in it."""
        ...

    @property
    def max_answer_tokens(self) -> int: ...

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Completion:
        """The model's answer; it was told to keep to the JSON schema, which is for the caller to check.

        Raises:
            LanguageModelFailed: no answer in time, or none that is a JSON object.
        """
        ...

    def close(self) -> None:
        """Lets go of connections; questions still open, and later ones, fail."""
        ...


@dataclass(frozen=True)
class Form:
    """What a model has to fill in: in each field one of its options, or a list of some.

    Attributes:
        one: exactly one option of each of these fields.
        some: up to `most` options of each of these, repeats count once.
        most: the longest list.
    """

    one: Mapping[str, Sequence[str]]
    some: Mapping[str, Sequence[str]]
    most: int

    def schema(self) -> dict[str, object]:
        """The JSON schema, of the kind that OpenAI calls strict: every field required, no others."""
        fields: dict[str, object] = {
            name: {"type": "string", "enum": list(options)} for name, options in self.one.items()
        }
        for name, options in self.some.items():
            item = {"type": "string", "enum": list(options)}
            fields[name] = {"type": "array", "items": item, "maxItems": min(self.most, len(options))}
        return {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }

    def read(self, content: Mapping[str, object]) -> "Filled":
        """The filled form; a server may have ignored the schema, so nothing is taken on trust.

        Raises:
            LanguageModelFailed: a field is missing or unknown, or a value is none of its options.
        """
        if set(content) != {*self.one, *self.some}:
            raise LanguageModelFailed("the language model's answer has other fields than asked for")
        one = {name: _one_of(content[name], options, name) for name, options in self.one.items()}
        some: dict[str, tuple[str, ...]] = {}
        for name, options in self.some.items():
            values = content[name]
            if not isinstance(values, list) or len(values) > min(self.most, len(options)):
                raise LanguageModelFailed(f"the language model's answer to {name!r} is no such list")
            some[name] = tuple(dict.fromkeys(_one_of(value, options, name) for value in values))
        return Filled(one, some)


@dataclass(frozen=True)
class Filled:
    """A form's fields with their options chosen."""

    one: Mapping[str, str]
    some: Mapping[str, tuple[str, ...]]


def _one_of(value: object, options: Sequence[str], field: str) -> str:
    if not isinstance(value, str) or value not in options:
        raise LanguageModelFailed(f"the language model's answer to {field!r} is none of the options")
    return value
