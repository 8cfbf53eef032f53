"""What looks like a key, a token or a password is left out of the record."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nanwatch.errors import SecretLeftOut

MASK = "***"
WORDS = r"pass(?:word|wd|phrase)|pwd|secret|token|credentials?|auth|authorization|bearer"
KEYS = r"(?:api|access|secret|private|account|auth|encryption|signing|license|subscription|ssh|aws|wandb)"
# The last words of a name count: of --token-dim it is a dimension.
NAME = re.compile(rf"(?:^|[-_.\s])(?:{WORDS}|{KEYS}[-_.]?key(?:[-_.]?id)?|apikey)$", re.IGNORECASE)
# A tokenizer's tokens: --pad-token, mask_token.
OF_TEXTS = re.compile(
    r"(?:pad(?:ding)?|eos|bos|unk(?:nown)?|oov|mask|sep|cls|start|end|stop|begin|special|extra|next|per|max|min"
    r"|num|image|prompt)[-_.]?token$",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[-+]?\d{1,6}(?:\.\d*)?")  # of a token that is one of a text
SHAPES = re.compile(
    r"\b(?:sk-(?:[A-Za-z]+-)?[A-Za-z0-9_-]{20,}"
    r"|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}"
    r"|ya29\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|r8_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)"
)
IN_URL = re.compile(r"(?<=://)([^/\s:@]+):[^/\s@]+(?=@)")
IN_HEADER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
ASSIGNED = re.compile(r"([-\w.]+)=(.*)", re.DOTALL)  # --api-key=..., db.password=...
OPTION = re.compile(r"--?[A-Za-z][-\w.]*")


def without_secrets(arguments: Sequence[str]) -> tuple[str, ...]:
    """``arguments``, with `MASK` in the place of each value that looks like a secret."""
    found = []
    before = ""
    for argument in arguments:
        if is_secret_name(before) and not OPTION.fullmatch(argument) and not is_plain(before, argument):
            found.append(MASK)
        else:
            found.append(masked(argument))
        before = argument if OPTION.fullmatch(argument) else ""
    return tuple(found)


def masked(text: str) -> str:
    """One argument, or another text, without the secrets in it."""
    assigned = ASSIGNED.fullmatch(text)
    if assigned is not None:
        name, value = assigned[1], assigned[2]
        if value and is_secret_name(name) and not is_plain(name, value):
            return f"{name}={MASK}"
    text = IN_URL.sub(rf"\1:{MASK}", text)
    text = IN_HEADER.sub(rf"\1 {MASK}", text)
    return SHAPES.sub(MASK, text)


def is_secret_name(name: str) -> bool:
    return NAME.search(name) is not None and OF_TEXTS.search(name) is None


def is_plain(name: str, value: str) -> bool:
    """Whether a "token" is a number, as one of a text is."""
    return name.lower().endswith("token") and NUMBER.fullmatch(value) is not None


def arguments_again(argv: Sequence[str]) -> tuple[str, ...]:
    """The arguments behind the script's name, for running it again.

    Raises:
        SecretLeftOut: one of them is not in the record.
    """
    for before, argument in zip(["", *argv], argv, strict=False):
        if MASK in argument:
            name = before if OPTION.fullmatch(before) and argument == MASK else argument.partition("=")[0]
            raise SecretLeftOut(
                f"The record leaves out the value of {name}, which looks like a secret: the script cannot be "
                "run again from it."
            )
    return tuple(argv[1:])
