"""LLVM: text to one relocatable object. The only module that imports llvmlite; it runs in the worker.

LLVM aborts the process when it meets what it doesn't like, and some of its passes take time far out of proportion to a
function's size: hence a process of its own, and less effort for larger functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import llvmlite.binding as llvm

from devnet.jit.elf import Elf

LARGE: Final = 1_500_000
"""Characters of IR; beyond that less is tried."""

# Passes whose effort grows faster than a function work on parts of it instead, or give up sooner.
OPTIONS: Final = ("--cgpp-huge-func=1000", "--huge-size-for-split=64", "--large-interval-freq-threshold=16")


@dataclass(frozen=True, slots=True)
class Target:
    """The machine to compile for."""

    triple: str
    cpu: str
    features: str


def host() -> Target:
    """This machine."""
    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def start() -> None:
    """Makes LLVM ready; once per process."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    llvm.set_option("", OPTIONS[0])
    for option in OPTIONS[1:]:
        llvm.set_option("", option)


def compile_text(ir: str, target: Target, *, assembly: bool = False) -> tuple[bytes, str]:
    """The object of a module's text, and its assembly when that is wanted."""
    level = 2 if len(ir) <= LARGE else 1
    module = llvm.parse_assembly(ir)
    module.verify()
    module.triple = target.triple
    machine = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=level, reloc="pic", codemodel="small"
    )
    module.data_layout = str(machine.target_data)
    _passes(level).run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(level)))
    text = machine.emit_assembly(module) if assembly else ""
    made = machine.emit_object(module)
    Elf(made).check()
    return made, text


def _passes(level: int) -> llvm.ModulePassManager:
    """The few passes that pay. LLVM's own pipelines take longer and made loops slower when they were measured."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    if level > 1:
        passes.add_instruction_combine_pass()
    passes.add_aggressive_dce_pass()
    return passes
