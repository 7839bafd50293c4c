//! The logs of a transaction with those that transfers of ether would have if ether were a token: what
//! `eth_simulateV1` calls `traceTransfers`.

use alloy_primitives::{Address, B256, Log, U256, address, b256};
use revm::{
    Inspector,
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CallValue, CreateInputs, CreateOutcome, Interpreter,
    },
};

/// Who ether's logs come from (ERC-7528).
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Collects logs and transfers, in order, without those of calls that failed.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    logs: Vec<Log>,
    /// How many logs there were when each open call began.
    begun: Vec<usize>,
}

impl Transfers {
    /// What was collected.
    pub(crate) fn into_logs(self) -> Vec<Log> {
        self.logs
    }

    fn begin(&mut self, from: Address, to: Address, value: U256) {
        self.begun.push(self.logs.len());
        self.transfer(from, to, value);
    }

    /// Ends the call that began last; where its logs begin.
    fn end(&mut self, succeeded: bool) -> usize {
        let begun = self.begun.pop().unwrap_or_default();
        if !succeeded {
            self.logs.truncate(begun);
        }
        begun
    }

    fn transfer(&mut self, from: Address, to: Address, value: U256) {
        if !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = value.to_be_bytes::<32>().into();
            self.logs.push(Log::new_unchecked(ETHER, topics, data));
        }
    }
}

impl<CTX> Inspector<CTX> for Transfers {
    fn log(&mut self, _: &mut Interpreter, _: &mut CTX, log: Log) {
        self.logs.push(log);
    }

    fn call(&mut self, _: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let value = match (inputs.scheme, &inputs.value) {
            (CallScheme::Call, CallValue::Transfer(value)) => *value,
            _ => U256::ZERO,
        };
        self.begin(inputs.caller, inputs.target_address, value);
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(outcome.result.is_ok());
    }

    fn create(&mut self, _: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        // To whom is known at the end.
        self.begin(inputs.caller, Address::ZERO, inputs.value);
        None
    }

    fn create_end(&mut self, _: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        let first = self.end(outcome.result.is_ok());
        let created = outcome.address.filter(|_| !inputs.value.is_zero());
        if let (Some(created), Some(log)) = (created, self.logs.get_mut(first))
            && let Some(to) = log.data.topics_mut().get_mut(2)
        {
            *to = created.into_word();
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.transfer(contract, target, value);
    }
}
