"""What contracts tell `console.log`, as text: hardhat's `console.sol` and forge's `console2`.

    calldata --signatures--> types --values--> values --text--> one text --lines--> a line of the log, and back

Knows no engine, no process and no socket. Who calls and when is the engine's to find out, and what becomes of the lines
`roles/console_log.py`'s.
"""
