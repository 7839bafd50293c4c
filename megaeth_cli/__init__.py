"""What a person types: the `megaeth` command line."""
