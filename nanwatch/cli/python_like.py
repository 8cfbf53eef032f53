"""A command that ends its own options where ``python`` ends them."""

from __future__ import annotations

import click


class PythonLike(click.Command):
    """Options end at the script; and at ``-m MODULE``, behind which all is the module's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.divide_args(args))

    def divide_args(self, args: list[str]) -> list[str]:
        """``args`` with ``--`` behind the module's name, where a module is given."""
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        place = 0
        while place < len(args) and args[place].startswith("-") and args[place] != "--":
            if args[place] == "-m" and place + 1 < len(args):
                return [*args[: place + 2], "--", *args[place + 2 :]]
            place += 2 if args[place] in valued else 1
        return args
