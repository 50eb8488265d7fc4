"""Commands that ask questions, and that keep conversations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortex_engine.cli.remote import application
from cortex_engine.cli.session import open_suite, parse_filters, print_json, write_new
from cortex_engine.cli.wording import clean, columns_wide, counted, wrapped

if TYPE_CHECKING:
    from cortex_engine.core.answers import Answer, AnswerSentence

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@click.argument("question")
@click.option(
    "--in", "collections", multiple=True, metavar="COLLECTION", help="Only in this collection (may be repeated)."
)
@click.option(
    "--mode", type=click.Choice(["traditional", "hybrid", "graphrag", "lexical"]), default="hybrid", show_default=True
)
@click.option("--conversation", default="", metavar="ID", help="Go on with this conversation.")
@click.option("--sources", type=int, default=8, show_default=True, help="How many passages are read.")
@click.option("--extractive", is_flag=True, help="Quote sentences even where a chat model is configured.")
@_json
@click.pass_context
def ask(
    context: click.Context,
    /,
    question: str,
    collections: tuple[str, ...],
    mode: str,
    conversation: str,
    sources: int,
    extractive: bool,
    as_json: bool,
) -> None:
    """Answer a question from the library; each sentence has its citations, and says whether they bear it out.

    Without a chat endpoint in the settings, the best sentences are quoted.
    """
    from cortex_engine.core.answers import Question
    from cortex_engine.core.search import SearchMode

    asked = Question(
        clean(question, lines=True), parse_filters((), collections), conversation, SearchMode(mode), sources, extractive
    )
    if running := application(context):
        answer = running.answer(asked)
    else:
        with open_suite(context) as suite:
            answer = suite.answer(asked)
    if as_json:
        print_json(answer)
    else:
        _print(answer)
        click.secho(f"`--conversation {answer.conversation_id}` goes on from here.", dim=True, err=True)


@click.group(invoke_without_command=True)
@click.pass_context
def conversations(context: click.Context) -> None:
    """List, show, rename, export and delete conversations."""
    if context.invoked_subcommand is None:
        context.invoke(list_conversations, limit=50, as_json=False)


@conversations.command("list")
@click.option("--limit", type=int, default=50, show_default=True, help="How many, the newest first.")
@_json
@click.pass_context
def list_conversations(context: click.Context, limit: int, as_json: bool) -> None:
    """List conversations, the newest first."""
    with open_suite(context) as suite:
        rows = suite.conversations(limit)
    if as_json:
        print_json({"conversations": rows})
        return
    for row in rows:
        click.echo(clean(f"{row.id}  {row.updated}  {counted(row.turns, 'turn'):<9}  {row.title}"))
    if not rows:
        click.echo("There are no conversations yet. `cortex ask QUESTION` begins one.")


@conversations.command("show")
@click.argument("conversation")
@_json
@click.pass_context
def show(context: click.Context, conversation: str, as_json: bool) -> None:
    """Show the turns of a conversation."""
    with open_suite(context) as suite:
        turns = suite.turns(conversation)
    if as_json:
        print_json({"turns": turns})
        return
    for turn in turns:
        click.secho(clean(turn.question), bold=True)
        _print(turn)
        click.echo()


@conversations.command("export")
@click.argument("conversation")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A new file; default: the output.")
@click.pass_context
def export(context: click.Context, conversation: str, file: Path | None) -> None:
    """Write a conversation as Markdown, with numbered citations and their sources."""
    with open_suite(context) as suite:
        text = suite.conversation_markdown(conversation)
    if file is None:
        click.echo(text, nl=False)
        return
    write_new(file, text)


@conversations.command("rename")
@click.argument("conversation")
@click.argument("title")
@click.pass_context
def rename(context: click.Context, conversation: str, title: str) -> None:
    """Give a conversation another title."""
    with open_suite(context) as suite:
        suite.rename_conversation(conversation, title)


@conversations.command("delete")
@click.argument("conversation")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete(context: click.Context, conversation: str, yes: bool) -> None:
    """Forget a conversation."""
    with open_suite(context) as suite:
        turns = suite.turns(conversation)
        if not yes:
            click.confirm(f"Forget this conversation of {counted(len(turns), 'turn')}?", abort=True)
        suite.delete_conversation(conversation)


def _print(answer: Answer) -> None:
    for note in answer.notes:
        click.secho(clean(f"Note: {note}"), fg="yellow", err=True)
    width = columns_wide(sys.stdout.isatty())
    if answer.abstained:
        click.echo("Not in your library." + (" The nearest passages:" if answer.sources else ""))
    for sentence in answer.sentences:
        for line in wrapped(_sentence(sentence), width, ""):
            click.echo(line)
    cited = {number for sentence in answer.sentences for number in sentence.citations}
    shown = [source for source in answer.sources if answer.abstained or source.number in cited]
    if shown:
        click.echo()
    for source in shown:
        click.secho(clean(f"[{source.number}] {source.document}, page {source.page}"), dim=True)
    if answer.writer:
        how = "Quoted" if answer.writer == "quotes" else f"Written by {answer.writer}"
        click.secho(clean(f"{how} in {answer.milliseconds:.0f} ms"), dim=True, err=True)


def _sentence(sentence: AnswerSentence) -> str:
    marks = "".join(f"[{number}]" for number in sentence.citations)
    doubt = f"(unverified: {sentence.reason})" if sentence.reason else ""
    return " ".join(part for part in (clean(sentence.text.strip()), marks, clean(doubt)) if part)
