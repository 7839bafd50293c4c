//! Numbers that nobody can mean.

use crate::rpc::testing::*;
use crate::rpc::{Runs, methods};

#[test]
fn numbers_beyond_64_bits_are_the_callers_fault_in_all_of_megaeths_methods() {
    let net = Devnet::busy();
    let numbers = [
        r#""0x10000000000000000""#,
        r#""0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff""#,
        "18446744073709551616",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901",
        "-1",
        "1.5",
    ];
    for method in methods::all().sorted() {
        if !method.name.starts_with("mega_") || matches!(method.runs, Runs::Submits(_)) {
            continue;
        }
        let method = method.name;
        for number in numbers {
            for params in [
                format!("[{number}]"),
                format!(r#"[{{"miniBlock":{number}}}]"#),
                format!(r#"[{{"blockNumber":{number}}}]"#),
            ] {
                let code = answer(&net.node, method, &params).map_err(|error| error.code);
                assert_eq!(code, Err(-32602), "{method}{params}");
            }
        }
    }
}
