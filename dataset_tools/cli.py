"""The command line of the dataset tools: `python -m dataset_tools VERB FOLDER ...`, or `./run.sh dataset VERB ...`.

Each verb is one edit or tool. What changes captions has --dry-run, which prints a diff and writes nothing, and can be
taken back with `undo`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from dataset_tools.verbs_edits import add_edit_verbs
from dataset_tools.verbs_exchange import add_exchange_verbs
from dataset_tools.verbs_finding import add_finding_verbs
from dataset_tools.verbs_pictures import add_picture_verbs
from dataset_tools.verbs_tagging import add_tagging_verbs
from kohya_like.console import exit_code

Verb = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Faults of input are a sentence on stderr and code 1; wrong usage is code 2."""
    arguments = parser().parse_args(argv)
    return exit_code(lambda: int(arguments.verb(arguments)))


def parser() -> argparse.ArgumentParser:
    """All verbs with their options."""
    top = argparse.ArgumentParser("dataset_tools", description="Work on folders of pictures and their captions.")
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Verb, help: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(verb=run, verb_name=name)
        return sub

    add_edit_verbs(verb)
    add_exchange_verbs(verb)
    add_finding_verbs(verb)
    add_picture_verbs(verb)
    add_tagging_verbs(verb)
    return top
