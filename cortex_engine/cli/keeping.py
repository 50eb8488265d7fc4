"""Commands on collections and documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortex_engine.cli.remote import application
from cortex_engine.cli.session import NamedPath, open_suite, parse_filters, print_json
from cortex_engine.cli.wording import cells, clean, columns_wide, counted, padded, shortened

if TYPE_CHECKING:
    from cortex_engine.core.documents import Document

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group(invoke_without_command=True)
@click.pass_context
def collections(context: click.Context) -> None:
    """List and change collections."""
    if context.invoked_subcommand is None:
        context.invoke(list_collections, as_json=False)


@collections.command("list")
@_json
@click.pass_context
def list_collections(context: click.Context, as_json: bool) -> None:
    """All collections with their sizes and models."""
    with open_suite(context) as suite:
        rows = suite.collections()
    if as_json:
        print_json({"collections": rows})
        return
    wide = max((cells(row.name) for row in rows), default=0)
    for row in rows:
        sizes = f"{counted(row.document_count, 'document')}, {counted(row.chunk_count, 'passage')}"
        model = f"{row.spec.model} ({row.spec.dimension})"
        click.echo(clean(f"{padded(row.name, wide)}  {padded(sizes, 32)}  {model}  {row.description}".rstrip()))
    if not rows:
        click.echo("There are no collections yet.")


@collections.command("create")
@click.argument("name")
@click.option("--description", default="")
@click.pass_context
def create_collection(context: click.Context, name: str, description: str) -> None:
    """Make a collection with the model that the settings name."""
    with open_suite(context, create=True) as suite:
        made = suite.create_collection(name, description)
    click.echo(f"Made '{made.name}' with {made.spec.model} ({made.spec.dimension} dimensions).")


@collections.command("rename")
@click.argument("name")
@click.argument("new_name")
@click.pass_context
def rename_collection(context: click.Context, name: str, new_name: str) -> None:
    """Give a collection another name."""
    with open_suite(context) as suite:
        suite.rename_collection(name, new_name)
    click.echo(f"'{name}' is now called '{new_name}'.")


@collections.command("delete")
@click.argument("name")
@_yes
@click.pass_context
def delete_collection(context: click.Context, name: str, yes: bool) -> None:
    """Delete a collection and the documents that belong to no other."""
    with open_suite(context) as suite:
        row = next((each for each in suite.collections() if each.name == name), None)
        if row and row.document_count and not yes:
            click.confirm(f"'{name}' has {counted(row.document_count, 'document')}. Delete it?", abort=True)
        gone = suite.delete_collection(name)
    click.echo(f"'{name}' is deleted, and with it {counted(len(gone), 'document')} that no other collection has.")


@collections.command("add")
@click.argument("name")
@click.argument("documents", nargs=-1, required=True)
@click.pass_context
def add_documents(context: click.Context, name: str, documents: tuple[str, ...]) -> None:
    """Let documents (ids or names) belong to a collection too."""
    with open_suite(context) as suite:
        ids = [row.id for row in suite.collections() if row.name == name]
        if ids and (running := application(context)):
            # Its model is warm, should the documents need vectors of another one.
            added = [suite.document(each) for each in documents]
            running.add_to_collection(ids[0], [document.id for document in added])
        else:
            added = suite.add_to_collection(name, documents)
    click.echo(f"'{name}' now has {counted(len(added), 'document')} that you named.")


@collections.command("remove")
@click.argument("name")
@click.argument("documents", nargs=-1, required=True)
@click.pass_context
def remove_documents(context: click.Context, name: str, documents: tuple[str, ...]) -> None:
    """Take documents out of a collection; those that belong to none any more are deleted."""
    with open_suite(context) as suite:
        gone = suite.remove_from_collection(name, documents)
    deleted = f"; deleted, as no other collection has them: {len(gone)}" if gone else ""
    click.echo(f"Taken out of '{name}'{deleted}.")


@click.group(invoke_without_command=True)
@click.pass_context
def documents(context: click.Context) -> None:
    """List, show, open and delete documents."""
    if context.invoked_subcommand is None:
        context.invoke(list_documents, filters=(), collections=(), limit=100, offset=0, as_json=False)


@documents.command("list")
@click.option("--collection", "collections", multiple=True)
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@_json
@click.pass_context
def list_documents(
    context: click.Context,
    collections: tuple[str, ...],
    filters: tuple[str, ...],
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """Documents by name."""
    conditions = parse_filters(filters, collections)
    with open_suite(context) as suite:
        rows, total = suite.documents(conditions, limit, offset), suite.count_documents(conditions)
    if as_json:
        print_json({"total": total, "documents": rows})
        return
    _print_documents(rows)
    reached = offset + len(rows)
    if not total:
        click.echo("There are no documents" + (" that meet the filters." if filters or collections else " yet."))
    elif reached < total:
        click.echo(f"{offset + 1:,} to {reached:,} of {counted(total, 'document')}; --offset {reached} goes on.")
    elif not rows:
        click.echo(f"There are only {counted(total, 'document')}.")


def _print_documents(rows: Sequence[Document]) -> None:
    names = [clean(row.name) for row in rows]
    if sys.stdout.isatty():
        names = [shortened(name, columns_wide(True) // 2) for name in names]
    wide = min(60, max(map(cells, names), default=0))
    for row, name in zip(rows, names, strict=True):
        pages = counted(row.page_count, "page") if row.page_count > 1 else ""
        sizes = f"{row.info.media_type:<8}  {pages:>9}  {counted(row.chunk_count, 'passage'):>14}"
        click.echo(f"{row.id[:12]}  {padded(name, wide)}  {sizes}  {clean(', '.join(row.collections))}")


@documents.command("show")
@click.argument("document")
@click.option("--text", "with_text", is_flag=True, help="Print the text, page by page.")
@_json
@click.pass_context
def show_document(context: click.Context, document: str, with_text: bool, as_json: bool) -> None:
    """What is known of a document, and its account."""
    with open_suite(context) as suite:
        found = suite.document(document)
        account = suite.ledger([found.id])[0]
        pages = suite.pages(found.id) if with_text else ()
    if as_json:
        texts = [{"page": page.number, "label": page.label, "state": page.state, "text": page.text} for page in pages]
        print_json({"document": found, "ledger": account, "balanced": account.balanced, "pages": texts})
        return
    _print_document(found)
    states = ", ".join(f"{count} {state}" for state, count in account.pages.items())
    click.echo(f"pages:       {states}")
    click.echo(f"characters:  {account.characters} read, {account.characters_embedded} in passages")
    click.echo(f"passages:    {account.chunks}, vectors {account.vectors}, word entries {account.lexical}")
    click.echo(f"account:     {'balanced' if account.balanced else 'NOT balanced; run `cortex doctor`'}")
    for failure in account.failures:
        click.echo(f"             {failure}")
    for page in pages:
        click.echo(f"\n--- {page.label or f'page {page.number}'} ({page.state}) ---\n{clean(page.text, lines=True)}")


def _print_document(found: Document) -> None:
    rows = {
        "id": found.id,
        "name": found.name,
        "title": found.info.title,
        "author": found.info.author,
        "type": found.info.media_type,
        "language": found.info.language,
        "created": found.info.created,
        "modified": found.info.modified,
        "bytes": str(found.bytes),
        "collections": ", ".join(found.collections),
        "tags": ", ".join(found.tags),
        "taken from": ", ".join(found.source_paths),
        "added": found.added,
    }
    for name, value in rows.items():
        if value:
            click.echo(clean(f"{name + ':':<12} {value}"))


@documents.command("delete")
@click.argument("documents", nargs=-1, required=True)
@_yes
@click.pass_context
def delete_documents(context: click.Context, documents: tuple[str, ...], yes: bool) -> None:
    """Delete documents (ids or names) everywhere."""
    with open_suite(context) as suite:
        found = {row.id: clean(row.name) for row in map(suite.document, documents)}
        if not yes:
            click.confirm(f"Delete {', '.join(found.values())}?", abort=True)
        gone = suite.delete_documents(list(found))
    contents = len(gone) - len(set(found))
    click.echo(
        f"Deleted: {counted(len(set(found)), 'document')}{f' and {contents} contained in it' if contents else ''}."
    )


@documents.command("open")
@click.argument("document")
@click.option("--page", default=0, help="Draw this page into a picture instead of opening the original.")
@click.option("--output", "-o", type=NamedPath(), help="Write there instead of opening.")
@click.pass_context
def open_document(context: click.Context, document: str, page: int, output: Path | None) -> None:
    """Open the original with the system's program, or write it (or a page's picture) to a file."""
    with open_suite(context) as suite:
        found = suite.document(document)
        if page:
            picture = suite.page_picture(found.id, page)
            ending = picture.mime.removeprefix("image/")
            target = output or Path(f"{Path(found.name).stem}-{page}.{ending}")
            target.write_bytes(picture.data)
            click.echo(f"Wrote page {page} of '{found.name}' to {target}.")
            return
        original = suite.original(found.id)
        if output:
            output.write_bytes(original.read_bytes())
            click.echo(f"Wrote '{found.name}' to {output}.")
            return
        copy = suite.working_copy(found.id)
    if click.launch(str(copy)) != 0:
        click.echo(f"No program could be started; a copy of the original lies at {copy}.")


@click.command()
@click.argument("documents", nargs=-1)
@_json
@click.pass_context
def ledger(context: click.Context, documents: tuple[str, ...], as_json: bool) -> None:
    """The account of each document: pages by state, characters, passages, vectors, word entries."""
    with open_suite(context) as suite:
        rows = suite.ledger(documents or None)
    if as_json:
        print_json({"balanced": all(row.balanced for row in rows), "documents": rows})
        return
    for row in rows:
        states = ", ".join(f"{count} {state}" for state, count in row.pages.items())
        equal = "=" if row.balanced else "≠"
        facts = f"pages {states or 'none'}; {counted(row.characters, 'character')}; {counted(row.chunks, 'passage')}"
        click.echo(clean(f"{equal} {row.document}: {facts}"))
    wrong = sum(not row.balanced for row in rows)
    click.echo(f"{counted(len(rows), 'account')}, {wrong or 'none'} out of balance.")
