//! `devnet._engine.Engine`: arguments in, [`crate::engine::Engine`] called without the GIL, bytes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBool, PyBytes};

use super::archive::PythonArchive;
use super::console::{self, ConsoleOutput};
use super::crypto;
use super::errors::{EngineError, bad, bad_data, detached, rpc_error};
use super::response;
use super::rewind::Rewind;
use super::sealed::{Encoded, Record};
use super::state_file::{StateContents, StateDump};
use crate::block::{
    BlockRecord, FoldedDiffs, Leadership, MiniBlock, PlainKey, PlainValue, RecordError,
    is_block_record,
};
use crate::chain::ChainConfig;
use crate::commitment::{BucketResize, bucket_key};
use crate::engine;
use crate::follower::{BadData, FollowError, VerifyMode};
use crate::fork::RemoteError;
use crate::keys::Key;
use crate::rpc::{Framing, Response, RpcError, Submitted, methods};
use crate::salt::types::BucketMeta;

/// A body at most this long is parsed without giving the GIL up: taking it back would cost more.
const SHORT_BODY: usize = 4096;

#[pyclass(frozen, module = "devnet._engine")]
pub struct Engine {
    inner: Arc<engine::Engine>,
}

/// A response body with the token of its request.
type Finished<'py> = (u64, Bound<'py, PyAny>);

pub(super) fn failed(error: impl std::fmt::Display) -> PyErr {
    EngineError::new_err(error.to_string())
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> PyResult<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| bad(format!("{name} is not UTF-8")))
}

fn submitted(py: Python<'_>, submitted: Submitted, framing: Framing) -> PyResult<Py<PyAny>> {
    Ok(match submitted {
        Submitted::Answered(response) => framed(py, framing, response)?.unbind(),
        Submitted::Taken => PyBool::new(py, true).to_owned().into_any().unbind(),
        Submitted::Foreign => PyBool::new(py, false).to_owned().into_any().unbind(),
    })
}

/// A body as it goes to the client: put together where Python has it, or a large one left where it is.
fn framed<'py>(
    py: Python<'py>,
    framing: Framing,
    response: Response,
) -> PyResult<Bound<'py, PyAny>> {
    let body = response.body();
    let head = framing.head(body.len());
    if response.is_large() {
        return response::view(py, response.after(&head));
    }
    let bytes = PyBytes::new_with(py, head.len() + body.len(), |bytes| {
        let (before, after) = bytes.split_at_mut(head.len());
        before.copy_from_slice(&head);
        after.copy_from_slice(body);
        Ok(())
    })?;
    Ok(bytes.into_any())
}

impl Engine {
    /// Runs a read without the GIL; its error becomes an exception.
    fn read<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&engine::Engine) -> Result<T, RpcError> + Send,
    ) -> PyResult<T> {
        detached(py, || work(&self.inner))?.map_err(|error| rpc_error(py, &error))
    }

    fn answer_fork(
        &self,
        py: Python<'_>,
        question: u64,
        answer: Result<Vec<u8>, RemoteError>,
    ) -> PyResult<()> {
        detached(py, || {
            if let Some(fork) = &self.inner.chain.fork {
                fork.desk.answer(question, answer);
            }
        })
    }

    fn mini(&self, number: u64) -> Result<Arc<MiniBlock>, RpcError> {
        let found = self.inner.chain.mini(number);
        found
            .map_err(|error| RpcError::internal(error.to_string()))?
            .ok_or_else(|| RpcError::server(format!("mini-block {number} not found")))
    }
}

/// The refusal of a record that is not of the kind that it came as.
fn of_another_kind(is_block: bool) -> FollowError {
    FollowError::Bad(BadData::malformed(match is_block {
        true => "this is no block's record",
        false => "this is no mini-block's record",
    }))
}

fn not_following() -> PyErr {
    EngineError::new_err("the engine follows nobody")
}

fn list<'py>(py: Python<'py>, items: &[Vec<u8>]) -> Vec<Bound<'py, PyBytes>> {
    items.iter().map(|item| PyBytes::new(py, item)).collect()
}

#[pymethods]
impl Engine {
    #[new]
    fn new(py: Python<'_>, config: &[u8], archive: Py<PyAny>) -> PyResult<Self> {
        let config = ChainConfig::from_json(config).map_err(bad)?;
        let archive = Arc::new(PythonArchive(archive));
        let inner = detached(py, || engine::Engine::new(config, archive))?.map_err(failed)?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    fn genesis_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.chain.genesis.hash.as_slice())
    }

    fn rules<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &crate::witness::rules_json(&self.inner.chain))
    }

    fn load_state(
        &self,
        py: Python<'_>,
        entries: Vec<(PyBackedBytes, PyBackedBytes)>,
        codes: Vec<PyBackedBytes>,
    ) -> PyResult<()> {
        detached(py, || {
            let mut state = Vec::with_capacity(entries.len());
            for (key, value) in &entries {
                match <[u8; 4]>::try_from(&key[..]) {
                    Ok(bucket) => {
                        let meta = BucketMeta::decode(value).ok_or_else(|| {
                            RecordError::new("the metadata of a bucket is malformed")
                        })?;
                        self.inner
                            .chain
                            .load_bucket(u32::from_be_bytes(bucket), meta);
                    }
                    Err(_) => {
                        state.push((PlainKey::from_bytes(key)?, PlainValue::from_bytes(value)?))
                    }
                }
            }
            let codes = codes.iter().map(|code| Bytes::copy_from_slice(code));
            self.inner.chain.load_state(state, codes);
            Ok::<_, RecordError>(())
        })?
        .map_err(failed)
    }

    fn fork_question(
        &self,
        py: Python<'_>,
        timeout_ms: u64,
    ) -> PyResult<Option<(u64, String, String)>> {
        let timeout = Duration::from_millis(timeout_ms);
        let question = detached(py, || {
            let fork = self.inner.chain.fork.as_ref()?;
            fork.desk.take(timeout)
        })?;
        Ok(question.map(|question| (question.id, question.method, question.params)))
    }

    fn fork_answer(&self, py: Python<'_>, question: u64, result: &[u8]) -> PyResult<()> {
        self.answer_fork(py, question, Ok(result.to_vec()))
    }

    #[pyo3(signature = (question, code, message, data=None))]
    fn fork_failure(
        &self,
        py: Python<'_>,
        question: u64,
        code: i32,
        message: String,
        data: Option<&[u8]>,
    ) -> PyResult<()> {
        let data = data.map(<[u8]>::to_vec);
        let error = RemoteError {
            code,
            message,
            data,
        };
        self.answer_fork(py, question, Err(error))
    }

    fn load_nodes(&self, py: Python<'_>, rows: &[u8]) -> PyResult<()> {
        detached(py, || self.inner.chain.load_nodes(rows))?.map_err(failed)
    }

    fn load_tip(&self, py: Python<'_>, block_record: &[u8]) -> PyResult<bool> {
        detached(py, || self.inner.chain.load_tip(block_record))?.map_err(failed)
    }

    fn load_mini(&self, py: Python<'_>, record: &[u8]) -> PyResult<()> {
        detached(py, || self.inner.chain.load_mini(record))?.map_err(failed)
    }

    #[pyo3(signature = (record, nodes=None))]
    fn load_block(&self, py: Python<'_>, record: &[u8], nodes: Option<&[u8]>) -> PyResult<()> {
        let nodes = nodes.unwrap_or_default();
        detached(py, || self.inner.chain.load_block(record, nodes))?.map_err(failed)
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.inner.start())?.map_err(failed)
    }

    #[pyo3(signature = (verify="proofs"))]
    fn follow(&self, py: Python<'_>, verify: &str) -> PyResult<()> {
        let verify: VerifyMode = verify.parse().map_err(bad)?;
        detached(py, || self.inner.follow(verify))?.map_err(failed)
    }

    #[pyo3(signature = (patience_ms=None))]
    fn halt(&self, py: Python<'_>, patience_ms: Option<u64>) -> PyResult<()> {
        let patience = patience_ms.map_or(engine::STOP_PATIENCE, Duration::from_millis);
        detached(py, || self.inner.halt_within(patience))?.map_err(failed)
    }

    fn lead_as(&self, py: Python<'_>, term: u64, key: &[u8]) -> PyResult<()> {
        let key = Key::new(&crypto::word("key", key)?).map_err(bad)?;
        detached(py, || self.inner.lead_as(term, key))?.map_err(failed)
    }

    fn set_leaders(&self, leaders: Vec<(u64, u64, PyBackedBytes)>) -> PyResult<()> {
        let leaders = leaders.iter().map(|(first_mini, term, key)| {
            let key = crypto::address("key", key)?;
            Ok((*first_mini, Leadership { term: *term, key }))
        });
        let leaders = leaders.collect::<PyResult<_>>()?;
        self.inner.chain.leaders.set(leaders);
        Ok(())
    }

    fn hand_over<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let raw = detached(py, || self.inner.hand_over())?.map_err(failed)?;
        Ok(raw.iter().map(|raw| PyBytes::new(py, raw)).collect())
    }

    fn sign<'py>(&self, py: Python<'py>, digest: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        crypto::signed(py, &self.inner.chain.sequencer, digest)
    }

    fn sequencer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let address = detached(py, || self.inner.chain.sequencer_of_latest())?.map_err(failed)?;
        Ok(PyBytes::new(py, address.as_slice()))
    }

    fn plan_rewind(&self, py: Python<'_>, minis: u64) -> PyResult<Rewind> {
        let plan = detached(py, || self.inner.plan_rewind(minis))?.map_err(failed)?;
        Rewind::new(py, plan)
    }

    fn rewind(&self, py: Python<'_>, plan: &Rewind) -> PyResult<()> {
        detached(py, || self.inner.rewind(plan.plan()))?.map_err(failed)
    }

    fn apply(
        &self,
        py: Python<'_>,
        records: Vec<(PyBackedBytes, bool)>,
    ) -> PyResult<Vec<Option<Py<PyAny>>>> {
        let follower = self.inner.follower().ok_or_else(not_following)?;
        let (encoded, refusal) = detached(py, || {
            let of_its_kind =
                |(record, is_block): &&(PyBackedBytes, bool)| is_block_record(record) == *is_block;
            let slices: Vec<&[u8]> = records
                .iter()
                .take_while(of_its_kind)
                .map(|(record, _)| &record[..])
                .collect();
            let batch = follower.apply_many(&slices);
            let other_kind = records.get(slices.len()).map(|(_, is_block)| *is_block);
            let refusal = batch.refusal.or(other_kind.map(of_another_kind));
            let encoded: Vec<_> = batch
                .applied
                .into_iter()
                .zip(records)
                .map(|(sealed, (record, _))| {
                    sealed.map(|sealed| Encoded::with_record(sealed, Record::Given(record)))
                })
                .collect();
            (encoded, refusal)
        })?;
        let applied = encoded
            .into_iter()
            .map(|one| one.map(|one| one.into_python(py)).transpose())
            .collect::<PyResult<Vec<_>>>()?;
        match refusal {
            None => Ok(applied),
            Some(FollowError::Failed(reason)) => Err(EngineError::new_err(reason)),
            Some(FollowError::Bad(error)) => Err(bad_data(py, &error, applied.len(), applied)),
        }
    }

    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let rows = detached(py, || self.inner.chain.commitment.read().nodes())?;
        Ok(PyBytes::new(py, &rows))
    }

    fn state_root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let root = detached(py, || self.inner.chain.state_root())?.map_err(failed)?;
        Ok(PyBytes::new(py, root.as_slice()))
    }

    fn dump_state(&self, py: Python<'_>) -> PyResult<StateDump> {
        detached(py, || StateDump::of(&self.inner))?
    }

    fn differing(
        &self,
        py: Python<'_>,
        contents: &StateContents,
    ) -> PyResult<(StateContents, Vec<String>)> {
        contents.differing(py, &self.inner)
    }

    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.inner.stop())?.map_err(failed)
    }

    #[pyo3(signature = (timeout_ms, linger_ms=0))]
    fn next_sealed(
        &self,
        py: Python<'_>,
        timeout_ms: u64,
        linger_ms: u64,
    ) -> PyResult<Option<Vec<Py<PyAny>>>> {
        let (timeout, linger) = (
            Duration::from_millis(timeout_ms),
            Duration::from_millis(linger_ms),
        );
        let sealed = detached(py, || {
            let sealed = self.inner.next_sealed(timeout, linger)?;
            Ok(sealed.map(|sealed| sealed.into_iter().map(Encoded::from).collect::<Vec<_>>()))
        })?
        .map_err(|error: engine::EngineError| failed(error))?;
        sealed
            .map(|sealed| sealed.into_iter().map(|one| one.into_python(py)).collect())
            .transpose()
    }

    fn durable(&self, py: Python<'_>, mini: u64, block: u64) -> PyResult<()> {
        detached(py, || self.inner.durable(mini, block))
    }

    fn hear_console(&self, on: bool) {
        self.inner.chain.console.listen(on);
    }

    fn next_console<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: u64,
    ) -> PyResult<Option<ConsoleOutput<'py>>> {
        let timeout = Duration::from_millis(timeout_ms);
        let node = self.inner.rpc.node();
        let told = detached(py, || methods::console::next(node, timeout))?;
        Ok(told.map(|told| console::output(py, told)))
    }

    fn validated_block(&self) -> Option<u64> {
        self.inner
            .chain
            .verified
            .reported()
            .map(|(number, _)| number)
    }

    fn validates_after(&self, block: u64, hash: &[u8]) -> PyResult<()> {
        let hash = crypto::word("hash", hash)?;
        self.inner.chain.verified.begin_after((block, hash));
        Ok(())
    }

    fn set_verified(&self, block: u64) {
        self.inner.chain.verified.raise(block);
    }

    fn block_claim<'py>(
        &self,
        py: Python<'py>,
        number: u64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let claim = detached(py, || self.inner.chain.block_claim(number))?.map_err(failed)?;
        Ok(claim.map(|claim| PyBytes::new(py, &claim.to_bytes())))
    }

    fn submit(&self, py: Python<'_>, body: &[u8], token: u64) -> PyResult<Py<PyAny>> {
        let answer = if body.len() <= SHORT_BODY {
            self.inner.rpc.submit(body, token)
        } else {
            detached(py, || self.inner.rpc.submit(body, token))?
        };
        submitted(py, answer, Framing::Bare)
    }

    fn submit_http(&self, py: Python<'_>, message: &[u8], token: u64) -> PyResult<Py<PyAny>> {
        let answer = if message.len() <= SHORT_BODY {
            self.inner.rpc.submit_http(message, token)
        } else {
            detached(py, || self.inner.rpc.submit_http(message, token))?
        };
        submitted(py, answer, Framing::Http)
    }

    fn submit_ws(&self, py: Python<'_>, data: &[u8], token: u64) -> PyResult<Py<PyAny>> {
        let answer = if data.len() <= SHORT_BODY {
            self.inner.rpc.submit_ws(data, token)
        } else {
            detached(py, || self.inner.rpc.submit_ws(data, token))?
        };
        submitted(py, answer, Framing::WebSocket)
    }

    fn learn_head(&self, message: &[u8], length: usize) {
        self.inner.rpc.learn_head(message, length);
    }

    fn submit_one(
        &self,
        py: Python<'_>,
        method: &str,
        params: &[u8],
        id: &[u8],
        token: u64,
    ) -> PyResult<Py<PyAny>> {
        let params = text("params", params)?;
        let id = Some(text("id", id)?).filter(|id| !id.is_empty());
        let answer = detached(py, || self.inner.rpc.submit_one(method, params, id, token))?;
        submitted(py, answer, Framing::Bare)
    }

    fn completions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Finished<'py>>> {
        let finished = self.inner.rpc.completions().into_iter();
        finished
            .map(|(ticket, response)| Ok((ticket.token, framed(py, ticket.framing, response)?)))
            .collect()
    }

    fn cancel(&self, connection: u64) {
        self.inner.rpc.cancel(connection);
    }

    fn wakeup_fd(&self) -> i32 {
        self.inner.rpc.wakeup_fd()
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        params: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let params = text("params", params)?;
        let result = self.read(py, |engine| engine.rpc.call(method, params))?;
        Ok(PyBytes::new(py, &result))
    }

    fn call_at_once<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        params: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let params = text("params", params)?;
        let answer = detached(py, || self.inner.rpc.call_at_once(method, params))?.transpose();
        let result = answer.map_err(|error| rpc_error(py, &error))?;
        Ok(result.map(|result| PyBytes::new(py, &result)))
    }

    fn methods(&self) -> Vec<&'static str> {
        self.inner.rpc.methods()
    }

    fn mini_json<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Bound<'py, PyBytes>> {
        let json = self.read(py, |engine| engine.rpc.node().mini_json(number))?;
        Ok(PyBytes::new(py, &json))
    }

    fn head_json<'py>(&self, py: Python<'py>, block: u64) -> PyResult<Bound<'py, PyBytes>> {
        let json = self.read(py, |engine| engine.rpc.node().head_json(block))?;
        Ok(PyBytes::new(py, &json))
    }

    fn logs_json<'py>(
        &self,
        py: Python<'py>,
        filter: &[u8],
        mini: u64,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let filter = text("filter", filter)?;
        let logs = self.read(py, |engine| {
            let mini = self.mini(mini)?;
            engine.rpc.node().logs_json(filter, &mini)
        })?;
        Ok(list(py, &logs))
    }

    fn state_changes_json<'py>(
        &self,
        py: Python<'py>,
        mini: u64,
        addresses: Vec<PyBackedBytes>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let addresses = addresses
            .iter()
            .map(|bytes| crypto::address("address", bytes))
            .collect::<PyResult<Vec<_>>>()?;
        let changes = self.read(py, |engine| {
            let mini = self.mini(mini)?;
            engine.rpc.node().state_changes_json(&mini, &addresses)
        })?;
        Ok(list(py, &changes))
    }

    fn pending_hashes<'py>(&self, py: Python<'py>, cursor: u64) -> (u64, Vec<Bound<'py, PyBytes>>) {
        let (next, hashes) = self.inner.pool.announced(cursor);
        (
            next,
            hashes
                .iter()
                .map(|hash| PyBytes::new(py, hash.as_slice()))
                .collect(),
        )
    }

    fn load_native(&self, py: Python<'_>, code_hash: &[u8], object: &[u8]) -> PyResult<()> {
        let code_hash = crypto::word("code_hash", code_hash)?;
        detached(py, || self.inner.chain.native.load(code_hash, object))?.map_err(failed)
    }

    fn native_candidates<'py>(
        &self,
        py: Python<'py>,
        limit: usize,
    ) -> Vec<(Bound<'py, PyBytes>, u64, u64)> {
        let candidates = self.inner.chain.native.candidates(limit);
        let candidates = candidates.into_iter();
        candidates
            .map(|one| {
                let code_hash = PyBytes::new(py, one.code_hash.as_slice());
                (code_hash, one.gas, one.calls)
            })
            .collect()
    }

    fn native_wait(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let patience = Duration::try_from_secs_f64(seconds).map_err(bad)?;
        detached(py, || self.inner.chain.native.wait(patience))
    }

    fn native_code<'py>(
        &self,
        py: Python<'py>,
        code_hash: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let code_hash = crypto::word("code_hash", code_hash)?;
        let code = self.inner.chain.world.read_code(code_hash).ok();
        Ok(code.map(|code| PyBytes::new(py, code.original_byte_slice())))
    }

    fn native_watch(&self, code_hash: &[u8]) -> PyResult<()> {
        let code_hash = crypto::word("code_hash", code_hash)?;
        let chain = &self.inner.chain;
        if let Ok(code) = chain.world.read_code(code_hash) {
            chain
                .native
                .watch(code_hash, code.original_byte_slice().len());
        }
        Ok(())
    }

    fn native_seen<'py>(
        &self,
        py: Python<'py>,
        code_hash: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let code_hash = crypto::word("code_hash", code_hash)?;
        let seen = self.inner.chain.native.seen(&code_hash);
        Ok(seen.map(|seen| PyBytes::new(py, &seen)))
    }

    fn native_unwatch(&self, code_hash: &[u8]) -> PyResult<()> {
        let code_hash = crypto::word("code_hash", code_hash)?;
        self.inner.chain.native.unwatch(&code_hash);
        Ok(())
    }

    fn native_missing<'py>(
        &self,
        py: Python<'py>,
        limit: usize,
    ) -> Vec<(Bound<'py, PyBytes>, u64)> {
        let missing = self.inner.chain.native.missing(limit).into_iter();
        missing
            .map(|(code_hash, gas)| (PyBytes::new(py, code_hash.as_slice()), gas))
            .collect()
    }

    fn native_status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let status = crate::evm::native::status_of(&self.inner.chain.native);
        let json = serde_json::to_vec(&status).map_err(failed)?;
        Ok(PyBytes::new(py, &json))
    }

    fn published(&self, sealed_us: u64) {
        self.inner.rpc.published(sealed_us);
    }

    fn pipeline<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let json = detached(py, || serde_json::to_vec(&self.inner.pipeline()))?.map_err(failed)?;
        Ok(PyBytes::new(py, &json))
    }

    fn metrics(&self) -> BTreeMap<&'static str, u64> {
        self.inner.metrics()
    }
}

/// What mini-block records, in order, amount to.
type Folded<'py> = (
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
);

#[pyfunction]
fn fold_diffs<'py>(py: Python<'py>, records: Vec<PyBackedBytes>) -> PyResult<Folded<'py>> {
    let (folded, metas) = detached(py, || {
        let (mut folded, mut metas) = (FoldedDiffs::default(), BTreeMap::new());
        for record in &records {
            if is_block_record(record) {
                let block = BlockRecord::decode(record)?;
                let growth = BucketResize::decode_all(&block.commitment)?;
                metas.extend(growth.iter().map(|growth| (growth.bucket, growth.new)));
                continue;
            }
            folded.add(MiniBlock::decode_diff(record)?);
        }
        Ok((folded, metas))
    })?
    .map_err(|error: RecordError| failed(error))?;
    let values = folded.entries.into_iter().map(|(key, value)| {
        (
            PyBytes::new(py, &key.to_bytes()),
            PyBytes::new(py, &value.to_bytes()),
        )
    });
    let metas = metas.into_iter().map(|(bucket, meta)| {
        (
            PyBytes::new(py, &bucket_key(bucket)),
            PyBytes::new(py, &meta.encode()),
        )
    });
    let entries = values.chain(metas).collect();
    let codes = folded
        .codes
        .into_iter()
        .map(|(hash, code)| (PyBytes::new(py, hash.as_slice()), PyBytes::new(py, &code)))
        .collect();
    Ok((entries, codes))
}

/// What the log's indices hold of records.
type Indexed<'py> = (
    Vec<Bound<'py, PyBytes>>,
    Vec<Bound<'py, PyBytes>>,
    Vec<Bound<'py, PyBytes>>,
);

#[pyfunction]
fn index_records<'py>(py: Python<'py>, records: Vec<PyBackedBytes>) -> PyResult<Indexed<'py>> {
    let (txs, blocks, keys, buckets) = detached(py, || {
        let (mut txs, mut blocks) = (Vec::new(), Vec::new());
        let (mut keys, mut buckets) = (BTreeSet::new(), BTreeSet::new());
        for record in &records {
            if is_block_record(record) {
                let block = BlockRecord::decode(record)?;
                let growth = BucketResize::decode_all(&block.commitment)?;
                buckets.extend(growth.iter().map(|growth| growth.bucket));
                blocks.push(block.hash);
                continue;
            }
            let mini = MiniBlock::decode(record)?;
            txs.extend(mini.txs.iter().map(|tx| tx.hash));
            keys.extend(mini.diff.entries.iter().map(|(key, _)| *key));
        }
        Ok((txs, blocks, keys, buckets))
    })?
    .map_err(|error: RecordError| failed(error))?;
    let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
    let keys = keys.iter().map(|key| bytes(&key.to_bytes()));
    let buckets = buckets.iter().map(|bucket| bytes(&bucket_key(*bucket)));
    Ok((
        txs.iter().map(|hash| bytes(hash.as_slice())).collect(),
        blocks.iter().map(|hash| bytes(hash.as_slice())).collect(),
        keys.chain(buckets).collect(),
    ))
}

/// A method's name, its parameters, which node answers it, and what.
type MethodLine = (&'static str, Vec<&'static str>, &'static str, &'static str);

#[pyfunction]
fn rpc_methods() -> Vec<MethodLine> {
    let all = methods::all().sorted().into_iter();
    all.map(|method| {
        let params = method.params.to_vec();
        (method.name, params, method.home.name(), method.about)
    })
    .collect()
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_class::<super::rewind::Rewind>()?;
    module.add_class::<super::sealed::SealedMini>()?;
    module.add_class::<super::sealed::SealedBlock>()?;
    module.add_function(wrap_pyfunction!(fold_diffs, module)?)?;
    module.add_function(wrap_pyfunction!(index_records, module)?)?;
    module.add_function(wrap_pyfunction!(rpc_methods, module)?)
}
