//! The JSON-RPC 2.0 envelope: bytes of a request body in, requests out; results in, bytes out.
//! It knows nothing of methods. Every malformed body has its own answer here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::JsonObject;
use crate::rpc::RpcError;

/// Deeper JSON than this is refused before anything walks it.
pub(super) const MAX_DEPTH: usize = 64;

const NULL: &str = "null";
const NO_PARAMS: &str = "[]";

/// One request, borrowed from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// The id as JSON text; `None` for a notification, which is not answered.
    pub id: Option<&'a str>,
    /// Which method.
    pub method: Cow<'a, str>,
    /// The parameters as JSON text: an array or an object; `[]` when absent.
    pub params: &'a str,
}

/// A request that can't be one: its id as far as known, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed<'a> {
    /// The id as JSON text, `null` when unknown.
    pub id: &'a str,
    /// Why.
    pub error: RpcError,
}

/// One element of a body.
pub(super) type Entry<'a> = Result<Request<'a>, Malformed<'a>>;

/// A parsed body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// One request.
    Single(Entry<'a>),
    /// A non-empty array of requests.
    Batch(Vec<Entry<'a>>),
}

/// The members of a request, not yet judged.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// A member that is there, even as `null`: serde's own `Option` can't tell `null` from absent.
fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

/// Parses a whole body. `Err` is the one answer to a body that is neither a request nor a batch.
/// More than `max_batch` requests are refused.
pub(super) fn parse(body: &[u8], max_batch: usize) -> Result<Body<'_>, RpcError> {
    let text = std::str::from_utf8(body).map_err(|_| RpcError::parse("not UTF-8"))?;
    if deeper_than(body, MAX_DEPTH) {
        return Err(RpcError::parse(format!(
            "nested deeper than {MAX_DEPTH} levels"
        )));
    }
    let text = text.trim_ascii();
    if !text.starts_with('[') {
        return Ok(Body::Single(parse_one(text)?));
    }
    // Nearly every batch is well formed: take it in one pass, and look closer only if that fails.
    let entries: Vec<Entry<'_>> = match serde_json::from_str::<Vec<JsonObject<Members<'_>>>>(text) {
        Ok(members) => members
            .into_iter()
            .map(|JsonObject(members)| judge(members))
            .collect(),
        Err(_) => serde_json::from_str::<Vec<&RawValue>>(text)
            .map_err(RpcError::parse)?
            .into_iter()
            .map(|element| parse_one(element.get()))
            .collect::<Result<_, _>>()?,
    };
    if entries.is_empty() {
        return Err(RpcError::invalid_request("empty batch"));
    }
    if entries.len() > max_batch {
        let detail = format!(
            "batch too large: {} requests, at most {max_batch} (--max-batch)",
            entries.len()
        );
        return Err(RpcError::invalid_request(detail));
    }
    Ok(Body::Batch(entries))
}

/// One element: `Err` if it isn't JSON at all.
fn parse_one(text: &str) -> Result<Entry<'_>, RpcError> {
    match serde_json::from_str::<JsonObject<Members<'_>>>(text) {
        Ok(JsonObject(members)) => Ok(judge(members)),
        Err(reason) => {
            serde_json::from_str::<&RawValue>(text).map_err(RpcError::parse)?;
            let detail = if text.starts_with('{') {
                reason.to_string()
            } else {
                "a request is an object".to_owned()
            };
            Ok(Err(Malformed {
                id: NULL,
                error: RpcError::invalid_request(detail),
            }))
        }
    }
}

fn judge(members: Members<'_>) -> Entry<'_> {
    let id = members.id.map(RawValue::get);
    if let Some(json) = id {
        let scalar =
            json == NULL || json.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        if !scalar {
            let error = RpcError::invalid_request("id must be a string, a number or null");
            return Err(Malformed { id: NULL, error });
        }
    }
    let refuse = |error| {
        Err(Malformed {
            id: id.unwrap_or(NULL),
            error,
        })
    };
    if members.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
        return refuse(RpcError::invalid_request("jsonrpc must be \"2.0\""));
    }
    let Some(method) = members.method.and_then(|json| string(json.get())) else {
        return refuse(RpcError::invalid_request("method must be a string"));
    };
    let params = match members.params.map_or(NO_PARAMS, RawValue::get) {
        NULL => NO_PARAMS,
        params => params,
    };
    if !params.starts_with(['[', '{']) {
        return refuse(RpcError::invalid_params(
            "params must be an array or an object",
        ));
    }
    Ok(Request { id, method, params })
}

/// The content of a JSON string, without a copy unless it has escapes.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// Whether brackets outside strings nest deeper than `limit`.
fn deeper_than(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// One response object. `id` and a result are JSON. The result becomes it: a large one is never there twice.
pub(super) fn response(id: &str, outcome: Result<Vec<u8>, RpcError>) -> Vec<u8> {
    let (name, mut out) = match outcome {
        Ok(result) => (r#","result":"#, result),
        Err(error) => (r#","error":"#, error.to_json()),
    };
    let head = [r#"{"jsonrpc":"2.0","id":"#, id, name].concat();
    out.reserve_exact(head.len() + 1);
    out.splice(0..0, head.bytes());
    out.push(b'}');
    out
}

/// The answer to a body that has no id of its own.
pub(super) fn refusal(error: RpcError) -> Vec<u8> {
    response(NULL, Err(error))
}

/// Joins the responses of a batch, and lets each go; a batch of notifications has no body at all.
pub(super) fn batch(responses: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for response in responses {
        out.push(if out.is_empty() { b'[' } else { b',' });
        out.extend_from_slice(&response);
    }
    if !out.is_empty() {
        out.push(b']');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::error::code;

    const MAX_BATCH: usize = 3;

    fn only(body: &[u8]) -> Entry<'_> {
        match parse(body, MAX_BATCH) {
            Ok(Body::Single(entry)) => entry,
            other => panic!("not a single request: {other:?}"),
        }
    }

    fn refused(body: &[u8]) -> i32 {
        match parse(body, MAX_BATCH) {
            Err(error) => error.code,
            Ok(Body::Single(Err(malformed))) => malformed.error.code,
            other => panic!("accepted: {other:?}"),
        }
    }

    #[test]
    fn a_request_is_borrowed_from_the_body() {
        let request = only(br#" {"jsonrpc":"2.0","id":7,"method":"eth_chainId","params":[]} "#);
        let expected = Request {
            id: Some("7"),
            method: "eth_chainId".into(),
            params: "[]",
        };
        assert_eq!(request, Ok(expected));
    }

    #[test]
    fn absent_and_null_params_mean_none() {
        for body in [
            br#"{"jsonrpc":"2.0","id":1,"method":"m"}"#.as_slice(),
            br#"{"jsonrpc":"2.0","id":1,"method":"m","params":null}"#,
        ] {
            assert_eq!(only(body).map(|r| r.params), Ok("[]"));
        }
    }

    #[test]
    fn only_an_absent_id_makes_a_notification() {
        assert_eq!(
            only(br#"{"jsonrpc":"2.0","method":"m"}"#).map(|r| r.id),
            Ok(None)
        );
        let null = br#"{"jsonrpc":"2.0","method":"m","id":null}"#;
        assert_eq!(only(null).map(|r| r.id), Ok(Some("null")));
    }

    #[test]
    fn an_escaped_method_is_unescaped() {
        let request = only(br#"{"jsonrpc":"2.0","id":"a\"b","method":"eth_\u0063all"}"#);
        assert_eq!(request.as_ref().map(|r| r.method.as_ref()), Ok("eth_call"));
        assert_eq!(request.map(|r| r.id), Ok(Some(r#""a\"b""#)));
    }

    #[test]
    fn each_malformed_body_has_its_code() {
        let cases: &[(&[u8], i32)] = &[
            (b"", code::PARSE),
            (b"{", code::PARSE),
            (b"\xff", code::PARSE),
            (b"nonsense", code::PARSE),
            (br#"{"jsonrpc":"2.0","method":"m","id":1} x"#, code::PARSE),
            (b"[", code::PARSE),
            (b"[{},", code::PARSE),
            (b"[]", code::INVALID_REQUEST),
            (b"1", code::INVALID_REQUEST),
            (b"{}", code::INVALID_REQUEST),
            (
                br#"{"jsonrpc":"1.0","method":"m","id":1}"#,
                code::INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":2.0,"method":"m","id":1}"#,
                code::INVALID_REQUEST,
            ),
            (br#"{"jsonrpc":"2.0","id":1}"#, code::INVALID_REQUEST),
            (
                br#"{"jsonrpc":"2.0","id":1,"method":5}"#,
                code::INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":"2.0","id":[],"method":"m"}"#,
                code::INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":"2.0","id":true,"method":"m"}"#,
                code::INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#,
                code::INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#,
                code::INVALID_PARAMS,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(
                refused(body),
                *expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn an_array_is_no_request_even_if_it_has_a_requests_members() {
        for body in [
            r#"[["2.0",1,"m",[]]]"#,
            r#"[{"jsonrpc":"2.0","id":1,"method":"m"},["2.0",1,"m",[]]]"#,
        ] {
            let Ok(Body::Batch(entries)) = parse(body.as_bytes(), MAX_BATCH) else {
                panic!("not a batch");
            };
            let last = entries.last().unwrap().as_ref().unwrap_err();
            assert_eq!(last.error.code, code::INVALID_REQUEST);
        }
    }

    #[test]
    fn a_malformed_element_spoils_only_itself() {
        let Ok(Body::Batch(entries)) = parse(
            br#"[1,{"jsonrpc":"2.0","id":1,"method":"m"},{}]"#,
            MAX_BATCH,
        ) else {
            panic!("not a batch");
        };
        assert_eq!(
            entries.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn a_refusal_keeps_the_id_when_it_is_known() {
        let Err(malformed) = only(br#"{"jsonrpc":"1.0","method":"m","id":"x"}"#) else {
            panic!("accepted");
        };
        assert_eq!(malformed.id, r#""x""#);
    }

    #[test]
    fn deep_nesting_is_refused_but_brackets_in_strings_are_not() {
        let deep = [b"[".repeat(MAX_DEPTH + 1), b"]".repeat(MAX_DEPTH + 1)].concat();
        assert_eq!(refused(&deep), code::PARSE);
        let text = "[".repeat(MAX_DEPTH + 1);
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":["\"{text}"]}}"#);
        assert!(only(body.as_bytes()).is_ok());
    }

    #[test]
    fn an_oversized_batch_is_refused() {
        let body = format!("[{}]", ["1"; MAX_BATCH + 1].join(","));
        assert_eq!(refused(body.as_bytes()), code::INVALID_REQUEST);
        assert!(parse(body.as_bytes(), MAX_BATCH + 1).is_ok());
    }

    #[test]
    fn an_id_comes_back_as_it_came_whatever_its_size() {
        for id in [
            "123456789012345678901234567890",
            "-1e400",
            "1.50",
            r#""\u0041""#,
        ] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            let found = only(body.as_bytes()).map(|request| request.id.map(str::to_owned));
            assert_eq!(found, Ok(Some(id.to_owned())));
        }
    }

    #[test]
    fn responses_carry_the_id_as_it_came() {
        assert_eq!(
            response(r#""a""#, Ok(b"1".to_vec())),
            br#"{"jsonrpc":"2.0","id":"a","result":1}"#
        );
        assert_eq!(
            refusal(RpcError::new(code::PARSE, "Parse error")),
            br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#
        );
    }

    #[test]
    fn a_batch_of_notifications_has_no_answer() {
        assert!(batch(std::iter::empty()).is_empty());
        assert_eq!(batch([b"1".to_vec(), b"2".to_vec()].into_iter()), b"[1,2]");
    }
}
