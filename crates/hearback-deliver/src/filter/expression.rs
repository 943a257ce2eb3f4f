//! Expressions over an event.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, SelectExpr};
use cel::{Context, Env, ExecutionError, Program};
use hearback_event::{Kind, Record};
use serde_json::Value;

use super::{FilterError, fields, suggestion};

/// The name of the event in an expression.
const EVENT: &str = "event";
/// Longest expression, in bytes: the parser takes a while for what nobody writes.
const LONGEST: usize = 4096;
/// Names that CEL itself knows.
const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
static SAMPLE: LazyLock<Value> = LazyLock::new(fields::sample);

/// A checked expression.
pub(super) struct Expression {
    source: String,
    program: Program,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Expression {
    /// Reads and checks a question.
    pub(super) fn parse(source: &str) -> Result<Self, FilterError> {
        let expression = Self::parse_value(source)?;
        expression.try_out()?;
        Ok(expression)
    }

    /// Reads and checks an expression that gives anything.
    pub(super) fn parse_value(source: &str) -> Result<Self, FilterError> {
        if source.len() > LONGEST {
            return Err(FilterError::new(format!("the expression is longer than {LONGEST} bytes")));
        }
        let program = Program::compile(source).map_err(|errors| {
            FilterError::new(format!("this is no CEL expression: {}", one_line(&errors)))
        })?;
        Names::default().check(program.expression())?;
        Ok(Self { source: source.to_owned(), program })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is so of an event; the error where that cannot be computed.
    pub(super) fn is_so(&self, record: &Record) -> Result<(), Option<String>> {
        let event = whole(record).map_err(|error| Some(error.to_string()))?;
        match self.evaluate(&event) {
            Ok(cel::Value::Bool(true)) => Ok(()),
            Ok(_) => Err(None),
            Err(error) => Err(Some(error.to_string())),
        }
    }

    /// What it gives for an event; nothing where that cannot be computed.
    pub(super) fn value(&self, record: &Record) -> Value {
        let Ok(event) = whole(record) else { return Value::Null };
        self.evaluate(&event).ok().and_then(|value| value.json().ok()).unwrap_or_default()
    }

    fn evaluate(&self, event: &Value) -> Result<cel::Value, ExecutionError> {
        let mut context = Context::with_env(Arc::clone(&ENV));
        let added = context.add_variable(EVENT, event);
        added.map_err(|error| ExecutionError::function_error(EVENT, error))?;
        self.program.execute(&context)
    }

    /// Asks of an event of each type that has every field: what fails there fails always, or is no question at all.
    fn try_out(&self) -> Result<(), FilterError> {
        for kind in Kind::ALL {
            let mut event = SAMPLE.clone();
            if let Some(name) = event.get_mut("type") {
                *name = kind.dotted().into();
            }
            match self.evaluate(&event) {
                // A label that the sample does not have.
                Ok(cel::Value::Bool(_)) | Err(ExecutionError::NoSuchKey(_)) => {}
                Ok(other) => {
                    let problem = format!(
                        "the expression gives {}; it must be a question, such as `event.failure.severity == \"permanent\"`",
                        other.type_of()
                    );
                    return Err(FilterError::new(problem));
                }
                Err(error) => {
                    return Err(FilterError::new(format!("the expression cannot be computed: {error}")));
                }
            }
        }
        Ok(())
    }
}

/// An event with all of its fields, said or not.
fn whole(record: &Record) -> Result<Value, serde_json::Error> {
    let mut event = serde_json::to_value(record)?;
    if let (Value::Object(event), Value::Object(sample)) = (&mut event, &*SAMPLE) {
        fields::complete(event, sample);
    }
    Ok(event)
}

fn one_line(errors: &impl fmt::Display) -> String {
    errors.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Looks whether every name in an expression means something.
#[derive(Default)]
struct Names<'a> {
    /// What macros such as `exists` bind.
    bound: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn check(&mut self, expression: &'a IdedExpr) -> Result<(), FilterError> {
        match &expression.expr {
            Expr::Ident(name) => self.check_name(name),
            Expr::Select(select) => self.check_select(select),
            Expr::Call(call) => call
                .target
                .iter()
                .map(|target| &**target)
                .chain(&call.args)
                .try_for_each(|part| self.check(part)),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.check(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.check_entry(&entry.expr)),
            Expr::Struct(made) => made.entries.iter().try_for_each(|entry| self.check_entry(&entry.expr)),
            Expr::Comprehension(each) => {
                self.check(&each.iter_range)?;
                self.bound.extend([each.iter_var.as_str(), each.accu_var.as_str()]);
                self.bound.extend(each.iter_var2.as_deref());
                [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
                    .into_iter()
                    .try_for_each(|part| self.check(part))
            }
            Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn check_entry(&mut self, entry: &'a EntryExpr) -> Result<(), FilterError> {
        match entry {
            EntryExpr::StructField(field) => self.check(&field.value),
            EntryExpr::MapEntry(entry) => self.check(&entry.key).and_then(|()| self.check(&entry.value)),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), FilterError> {
        if name == EVENT || name.starts_with('@') || self.bound.contains(name) || TYPES.contains(&name) {
            return Ok(());
        }
        if SAMPLE.get(name).is_some() {
            return Err(FilterError::new(format!("there is no name `{name}`; write `event.{name}`")));
        }
        Err(FilterError::new(format!("there is no name `{name}`{}", suggestion(name, [EVENT].into_iter()))))
    }

    fn check_select(&mut self, select: &'a SelectExpr) -> Result<(), FilterError> {
        let Some(path) = path_of(select) else { return self.check(&select.operand) };
        let mut found = &*SAMPLE;
        let mut above = EVENT.to_owned();
        for name in &path {
            if above == "event.labels" {
                return Ok(());
            }
            let Value::Object(fields) = found else {
                return Err(FilterError::new(format!(
                    "`{above}` has no fields, so there is no `{above}.{name}`"
                )));
            };
            let Some(next) = fields.get(*name) else {
                let known = suggestion(name, fields.keys().map(String::as_str));
                return Err(FilterError::new(format!("there is no field `{above}.{name}`{known}")));
            };
            found = next;
            above = format!("{above}.{name}");
        }
        if select.test {
            let problem = format!("`has({above})` is always so; write `{above} != null`");
            return Err(FilterError::new(problem));
        }
        Ok(())
    }
}

/// The names after `event`, where that is where they begin.
fn path_of(select: &SelectExpr) -> Option<Vec<&str>> {
    let mut path = match &select.operand.expr {
        Expr::Ident(name) if name == EVENT => Vec::new(),
        Expr::Select(inner) => path_of(inner)?,
        _ => return None,
    };
    path.push(&select.field);
    Some(path)
}
