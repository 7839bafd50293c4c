"""One module per command group, each with a `typer.Typer` named `app`; the table: `megaeth_cli.app.COMMANDS`."""
