//! What never changes.

use serde_json::json;

use crate::builder::testing::Draft;
use crate::rpc::testing::*;

#[test]
fn prices_never_change() {
    let mut net = Devnet::new();
    net.send(&Draft {
        tip: 5,
        ..Draft::default()
    });
    net.block();
    assert_eq!(net.get("eth_gasPrice", &json!([])), "0xf4240");
    assert_eq!(net.get("eth_maxPriorityFeePerGas", &json!([])), "0x0");
    assert_eq!(
        net.get("eth_chainId", &json!([])),
        format!("{:#x}", net.node.chain.config.chain_id)
    );
    let history = net.get("eth_feeHistory", &json!(["0x5", "latest", [0, 50.5, 100]]));
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(
        history["baseFeePerGas"],
        json!(["0xf4240", "0xf4240", "0xf4240"])
    );
    assert_eq!(
        history["reward"],
        json!([["0x0", "0x0", "0x0"], ["0x5", "0x5", "0x5"]])
    );
    assert!(history["gasUsedRatio"][1].as_f64().unwrap() > 0.0);
    let bad = net.refusal("eth_feeHistory", &json!(["0x1", "latest", [50, 10]]));
    assert_eq!(
        bad,
        (
            -32602,
            "invalid argument 2: invalid reward percentile: #0:50 >= #1:10: each has to be higher than the one before".into()
        )
    );
    let twice = net.refusal("eth_feeHistory", &json!(["0x1", "latest", [50, 50]]));
    assert_eq!(twice.0, -32602);
}
