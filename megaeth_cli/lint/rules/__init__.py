"""The rules, by name, in the order of the documentation."""

from megaeth_cli.lint.rule import Rule
from megaeth_cli.lint.rules import (
    block_time,
    code_size,
    destruction,
    gas_amounts,
    logs,
    slots,
    volatile,
)

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        volatile.RULE,
        slots.RULE,
        code_size.DEPLOYMENT_RULE,
        code_size.CREATION_RULE,
        logs.RULE,
        gas_amounts.FIXED_RULE,
        gas_amounts.INTRINSIC_RULE,
        gas_amounts.FORWARDED_RULE,
        gas_amounts.STIPEND_RULE,
        destruction.RULE,
        block_time.HASH_RULE,
        block_time.SECOND_RULE,
    )
}
