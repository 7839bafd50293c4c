"""Native code for contracts: EVM bytecode -> graph -> LLVM IR -> one relocatable object.

The way of a contract, one room each: `decode` (bytes to basic blocks), `graph` (which block follows which, by
abstract interpretation of the stack), `liveness` and `plan` (what must be kept, what stays in registers, where gas is
checked), `lower` (LLVM IR; `instructions` has what each opcode becomes), `native` (LLVM itself: the object), `worker`
(the child process that runs all of that), `cache` (objects on disk) and `service` (what is compiled, when, and handed
to the engine).

Only the worker imports llvmlite. What native code may assume and must leave behind is in `abi` and, on the engine's
side, `engine/src/evm/native/abi.rs`.
"""
