"""What a person types: the `megaeth` command line.

`app` knows the commands by name and loads the one that was asked for; `commands` holds one module per group;
`env` is the world a command sees; `errors` is the one place where exceptions become messages and exit codes;
`output` only renders. Chain logic lives in `devnet` and in the engine, never here.
"""
