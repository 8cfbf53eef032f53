"""Models and layers that Keras has named by itself, told as the script calls them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nanwatch.record.facts import ModelInfo, RunInfo

KERAS_MODELS = ("Sequential", "Functional", "Model")  # whose names say nothing of what they are for


@dataclass(frozen=True)
class ScriptNames:
    """By Keras's name of a model or layer what the script calls it; each stands for one thing."""

    called: Mapping[str, str] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """A path of a layer or variable, in the script's names."""
        return "/".join(self.called.get(name, name) for name in path.split("/"))

    def say(self, text: str) -> str:
        """A sentence with its paths in the script's names.

        A first name, as `dense`, is a word too: by itself it is a layer's only where that stands before it.
        """
        return text if not self.called else PLACE.sub(lambda found: self.in_words(found[0]), text)

    def in_words(self, place: str) -> str:
        lead = LEAD.match(place)
        before = lead[0] if lead is not None else ""
        name = place[len(before) :]
        is_place = before or "/" in name or NUMBERED.search(name)
        return before + self.path(name) if is_place else place


PLACE = re.compile(r"(?:\b(?:[Ll]ayers?|[Mm]odels?) )?(?<![\w./\\-])[A-Za-z_]\w*(?:/\w+)*(?![\w(=])")
LEAD = re.compile(r"(?:[Ll]ayers?|[Mm]odels?) ")
NUMBERED = re.compile(r"_\d+$")


def names_of(info: RunInfo) -> ScriptNames:
    """Of layers and of models within a model, all; of models that are trained, where there are several."""
    pairs = {(layer.name, layer.called) for model in info.models for layer in model.layers if layer.called}
    pairs |= {(model.name, model.called) for model in ambiguous(info.models) if model.called}
    return ScriptNames(dict(one_to_one(pairs)))


def ambiguous(models: Iterable[ModelInfo]) -> list[ModelInfo]:
    """The models that their names do not tell apart: of several those of one class, or of Keras's own."""
    several = list({model.name: model for model in models if model.layers}.values())
    types = Counter(model.type for model in several)
    return [
        model
        for model in several
        if len(several) > 1 and (types[model.type] > 1 or model.type in KERAS_MODELS)
    ]


def one_to_one(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of which neither the name nor what it is called stands for another thing as well."""
    chosen = list(pairs)
    names, called = Counter(name for name, _ in chosen), Counter(called for _, called in chosen)
    return sorted((name, word) for name, word in chosen if names[name] == 1 and called[word] == 1)
