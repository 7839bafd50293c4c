//! Reads what is wanted of a trace: geth's `TraceConfig`.

use serde_json::value::RawValue;

use super::{
    request,
    values::{self, in_member, members},
};
use crate::evm::{
    simulate::overrides::{BlockOverrides, StateOverrides},
    trace::{CallOptions, FlatOptions, Form, PrestateOptions, StepOptions},
};

/// What is wanted of a trace, and what a call is traced over.
#[derive(Debug)]
pub(super) struct TraceOptions {
    /// The trace's form.
    pub form: Form,
    /// Accounts that are other than they are.
    pub state: StateOverrides,
    /// The block that is other than it is.
    pub block: BlockOverrides,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            form: Form::Steps(StepOptions::default()),
            state: StateOverrides::default(),
            block: BlockOverrides::default(),
        }
    }
}

/// Reads geth's options. What it does not know it passes over, as geth does; `timeout` and `reexec` mean nothing here.
pub(super) fn options(raw: &str) -> Result<TraceOptions, String> {
    let mut options = TraceOptions::default();
    let (mut tracer, mut config) = (None, None);
    for (name, value) in members(raw)? {
        match name.as_str() {
            "tracer" => {
                let text = in_member(&name, values::text(value.get()))?;
                tracer = Some(text.into_owned()).filter(|name| !name.is_empty());
            }
            "tracerConfig" => config = Some(value),
            "stateOverrides" => {
                options.state = in_member(&name, request::state_overrides(value.get()))?;
            }
            "blockOverrides" => {
                options.block = in_member(&name, request::block_overrides(value.get()))?;
            }
            _ => {}
        }
    }
    options.form = match tracer {
        Some(tracer) => form(&tracer, config.map(RawValue::get))?,
        None => Form::Steps(steps(raw)?),
    };
    Ok(options)
}

fn steps(raw: &str) -> Result<StepOptions, String> {
    let mut steps = StepOptions::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        let wanted = match name.as_str() {
            "disableStack" => &mut steps.stack,
            "disableStorage" => &mut steps.storage,
            "enableMemory" => &mut steps.memory,
            "enableReturnData" => &mut steps.return_data,
            "limit" => {
                steps.limit = in_member(&name, values::quantity(value))?;
                continue;
            }
            _ => continue,
        };
        *wanted = in_member(&name, values::boolean(value))? != name.starts_with("disable");
    }
    Ok(steps)
}

fn form(tracer: &str, config: Option<&str>) -> Result<Form, String> {
    let flag = |name: &str| flag(config, name);
    Ok(match tracer {
        "callTracer" => Form::Calls(CallOptions {
            logs: flag("withLog")?,
            only_top: flag("onlyTopCall")?,
        }),
        "prestateTracer" => Form::Prestate(PrestateOptions {
            diff: flag("diffMode")?,
            no_code: flag("disableCode")?,
            no_storage: flag("disableStorage")?,
        }),
        "flatCallTracer" => Form::Flat(FlatOptions {
            precompiles: flag("includePrecompiles")?,
        }),
        "4byteTracer" => Form::Selectors,
        "noopTracer" => Form::Nothing,
        "muxTracer" => Form::Several(several(config)?),
        _ => {
            let known = TRACERS.join(", ");
            return Err(format!(
                "tracer: there is no {tracer:?} here, only {known}; tracers in JavaScript are not offered"
            ));
        }
    })
}

/// All that there are.
const TRACERS: [&str; 6] = [
    "callTracer",
    "prestateTracer",
    "4byteTracer",
    "flatCallTracer",
    "noopTracer",
    "muxTracer",
];

/// Tracers by name, each with its configuration.
fn several(config: Option<&str>) -> Result<Vec<(&'static str, Form)>, String> {
    let config = config.ok_or("tracerConfig: muxTracer needs to be told the tracers")?;
    let mut forms = Vec::new();
    // Not `members`: a tracer whose configuration is null is wanted, too.
    let tracers: serde_json::Map<String, serde_json::Value> = serde_json::from_str(config)
        .map_err(|_| "tracerConfig: expected an object of tracers by name".to_owned())?;
    for (name, config) in tracers {
        let config = Some(config).filter(|config| !config.is_null());
        let config = config.map(|config| config.to_string());
        let form = in_member("tracerConfig", form(&name, config.as_deref()))?;
        if matches!(form, Form::Several(_)) {
            return Err("tracerConfig: a muxTracer within another".to_owned());
        }
        let known = TRACERS.iter().find(|known| **known == name);
        forms.extend(known.map(|name| (*name, form)));
    }
    Ok(forms)
}

fn flag(config: Option<&str>, wanted: &str) -> Result<bool, String> {
    for (name, value) in config.map(members).transpose()?.into_iter().flatten() {
        if name == wanted {
            return in_member(&name, values::boolean(value.get()));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(raw: &str) -> Form {
        options(raw).unwrap().form
    }

    #[test]
    fn what_is_left_out_is_as_geth_has_it() {
        assert_eq!(form_of("{}"), Form::Steps(StepOptions::default()));
        let none =
            r#"{"tracer":"","disableStack":true,"enableMemory":true,"limit":5,"timeout":"5s"}"#;
        let steps = StepOptions {
            stack: false,
            memory: true,
            limit: 5,
            ..StepOptions::default()
        };
        assert_eq!(form_of(none), Form::Steps(steps));
        let calls = Form::Calls(CallOptions::default());
        assert_eq!(
            form_of(r#"{"tracer":"callTracer","tracerConfig":null}"#),
            calls
        );
    }

    #[test]
    fn several_tracers_stand_under_their_names() {
        let mux = r#"{"tracer":"muxTracer","tracerConfig":{"4byteTracer":null,"callTracer":{"withLog":true}}}"#;
        let calls = Form::Calls(CallOptions {
            logs: true,
            only_top: false,
        });
        let forms = vec![("4byteTracer", Form::Selectors), ("callTracer", calls)];
        assert_eq!(form_of(mux), Form::Several(forms));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (raw, told) in [
            (r#"{"tracer":"{step: function() {}}"}"#, "JavaScript"),
            (
                r#"{"tracer":"callTracer","tracerConfig":{"withLog":1}}"#,
                "withLog",
            ),
            (r#"{"tracer":"muxTracer"}"#, "tracerConfig"),
            (
                r#"{"tracer":"muxTracer","tracerConfig":{"muxTracer":{}}}"#,
                "muxTracer",
            ),
            (r#"{"limit":"many"}"#, "limit"),
            (r#"{"disableStack":"no"}"#, "disableStack"),
        ] {
            let refused = options(raw).map(|options| options.form);
            assert!(
                refused.as_ref().is_err_and(|why| why.contains(told)),
                "{raw}: {refused:?}"
            );
        }
    }
}
