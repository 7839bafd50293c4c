"""One module per command group, with a `typer.Typer` named `app`; `megaeth_cli.app.COMMANDS` lists them."""
