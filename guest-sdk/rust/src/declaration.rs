use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::aggregation::{Aggregation, Group, Groups};
use crate::codec::Codec;
use crate::failure::Outcome;
use crate::list::List;
use crate::map::Map;
use crate::output::Output;
use crate::record::{Batch, Fired, Kind, Record};
use crate::state::{StateDeclaration, Typed};
use crate::timer::{Counter, Gauge, Timer};
use crate::value::Value;

pub(crate) type BatchHandler<S> = Box<dyn Fn(&mut S, &mut Batch)>;
pub(crate) type GroupsHandler<S> = Box<dyn Fn(&mut S, &mut Groups)>;

/// Collects what an operator declares. Inputs, outputs, states, aggregations, timers
/// and metrics are numbered in the order of the calls. A name is unique among its
/// kind: declaring it twice panics.
pub struct Declaration<S> {
    pub(crate) shape: Shape,
    /// None where an aggregation takes the records.
    pub(crate) inputs: Vec<Option<BatchHandler<S>>>,
    /// None until an input is declared for it.
    pub(crate) aggregations: Vec<Option<GroupsHandler<S>>>,
    pub(crate) timers: Vec<BatchHandler<S>>,
}

/// What is declared, without the handlers: code that knows no type of an operator is
/// in the module once.
#[derive(Default)]
pub(crate) struct Shape {
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) states: Vec<Rc<StateDeclaration>>,
    pub(crate) aggregations: Vec<Rc<StateDeclaration>>,
    /// With their domain.
    pub(crate) timers: Vec<(String, &'static str)>,
    /// With their kind.
    pub(crate) metrics: Vec<(String, &'static str)>,
    pub(crate) assigns_timestamps: bool,
    pub(crate) config_schema: Option<String>,
}

/// An input that was declared, to tell more of it.
pub struct InputDeclaration {
    pub(crate) name: String,
    pub(crate) changes: Vec<Kind>,
    pub(crate) aggregation: Option<String>,
}

impl InputDeclaration {
    /// Declares the change kinds that the input accepts. Without it, inserts only.
    pub fn changes(&mut self, kinds: &[Kind]) -> &mut Self {
        self.changes = kinds.to_vec();
        self
    }
}

impl Shape {
    fn add_input(&mut self, name: &str, aggregation: Option<String>) {
        unique("input", self.inputs.iter().map(|input| &*input.name), name);
        self.inputs.push(InputDeclaration { name: name.to_string(), changes: Vec::new(), aggregation });
    }

    fn add_output(&mut self, name: &str) -> Output {
        unique("output", self.outputs.iter().map(Output::name), name);
        let output = Output { number: self.outputs.len() as u32, name: Rc::from(name) };
        self.outputs.push(output.clone());
        output
    }

    fn add_state(&mut self, name: &str, kind: &'static str) -> Rc<StateDeclaration> {
        unique("state", self.states.iter().map(|state| &*state.name), name);
        let state = StateDeclaration::new(name, kind);
        state.number.set(self.states.len() as u32);
        self.states.push(state.clone());
        state
    }

    fn add_aggregation(&mut self, name: &str) -> Rc<StateDeclaration> {
        unique("aggregation", self.aggregations.iter().map(|state| &*state.name), name);
        let state = StateDeclaration::new(name, "value");
        self.aggregations.push(state.clone());
        state
    }

    fn add_timer(&mut self, name: &str, domain: &'static str) -> Timer {
        unique("timer", self.timers.iter().map(|timer| &*timer.0), name);
        self.timers.push((name.to_string(), domain));
        Timer { number: self.timers.len() as u32 - 1 }
    }

    fn add_metric(&mut self, name: &str, kind: &'static str) -> u32 {
        unique("metric", self.metrics.iter().map(|metric| &*metric.0), name);
        self.metrics.push((name.to_string(), kind));
        self.metrics.len() as u32 - 1
    }

    /// Numbers the states that hold accumulators: they stand behind all others.
    pub(crate) fn finish(&mut self) {
        for (number, aggregation) in self.aggregations.iter().enumerate() {
            unique("state", self.states.iter().map(|state| &*state.name), &aggregation.name);
            let has_input = self.inputs.iter().any(|input| input.aggregation.as_ref() == Some(&aggregation.name));
            assert!(has_input, "turgo: aggregation {} has no input", aggregation.name);
            aggregation.number.set((self.states.len() + number) as u32);
        }
    }
}

impl<S> Declaration<S> {
    pub(crate) fn new() -> Self {
        Declaration { shape: Shape::default(), inputs: Vec::new(), aggregations: Vec::new(), timers: Vec::new() }
    }

    /// Declares an input whose records `handle` takes one by one. A handler returns
    /// nothing, or a result whose error fails the record.
    pub fn input<R: Outcome>(&mut self, name: &str, handle: impl Fn(&mut S, &Record) -> R + 'static) -> &mut InputDeclaration {
        self.input_batches(name, move |operator, batch| {
            // A copy of its own stays in registers.
            let mut batch = batch.rest();
            while let Some(record) = batch.next() {
                record.conclude(handle(operator, &record));
            }
        })
    }

    /// Declares an input whose records `handle` takes by the batch. How records are
    /// divided into batches has no meaning, and must not reach what is emitted.
    pub fn input_batches(&mut self, name: &str, handle: impl Fn(&mut S, &mut Batch) + 'static) -> &mut InputDeclaration {
        self.add_input(name, Some(Box::new(handle)), None)
    }

    /// Declares an input whose records are aggregated. An aggregation has one.
    pub fn aggregated_input<T: Codec + 'static, R: Outcome>(
        &mut self,
        name: &str,
        aggregation: &Aggregation<T>,
        handle: impl Fn(&mut S, &Group<T>) -> R + 'static,
    ) -> &mut InputDeclaration {
        let aggregation = aggregation.clone();
        let slot = &mut self.aggregations[aggregation.number as usize];
        let state = aggregation.state.typed.declared.name.clone();
        assert!(slot.is_none(), "turgo: aggregation {} has two inputs", state);
        *slot = Some(Box::new(move |operator, groups| {
            while let Some(group) = groups.next(&aggregation) {
                group.conclude(handle(operator, &group));
            }
        }));
        self.add_input(name, None, Some(state))
    }

    fn add_input(&mut self, name: &str, handle: Option<BatchHandler<S>>, aggregation: Option<String>) -> &mut InputDeclaration {
        self.shape.add_input(name, aggregation);
        self.inputs.push(handle);
        self.shape.inputs.last_mut().expect("just added")
    }

    /// Declares an output.
    pub fn output(&mut self, name: &str) -> Output {
        self.shape.add_output(name)
    }

    /// Declares a state with one value for each key.
    pub fn value<T: Codec>(&mut self, name: &str) -> Value<T> {
        Value { typed: Typed::new(self.shape.add_state(name, "value")) }
    }

    /// Declares a state with a list for each key.
    pub fn list<T: Codec>(&mut self, name: &str) -> List<T> {
        List { typed: Typed::new(self.shape.add_state(name, "list")) }
    }

    /// Declares a state with a map for each key.
    pub fn map<K: Codec, V: Codec>(&mut self, name: &str) -> Map<K, V> {
        Map { typed: Typed::new(self.shape.add_state(name, "map")), keys: PhantomData }
    }

    /// Declares an aggregation. [`aggregated_input`](Self::aggregated_input) tells
    /// what becomes of its groups.
    pub fn aggregation<T: Codec>(&mut self, name: &str) -> Aggregation<T> {
        let state = self.shape.add_aggregation(name);
        self.aggregations.push(None);
        Aggregation { state: Value { typed: Typed::new(state) }, number: self.aggregations.len() as u32 - 1 }
    }

    /// Declares a timer that fires when the watermark reaches its time.
    pub fn event_timer<R: Outcome>(&mut self, name: &str, handle: impl Fn(&mut S, &Fired) -> R + 'static) -> Timer {
        self.timer(name, "event", handle)
    }

    /// Declares a timer that fires when the clock reaches its time.
    pub fn processing_timer<R: Outcome>(&mut self, name: &str, handle: impl Fn(&mut S, &Fired) -> R + 'static) -> Timer {
        self.timer(name, "processing", handle)
    }

    fn timer<R: Outcome>(&mut self, name: &str, domain: &'static str, handle: impl Fn(&mut S, &Fired) -> R + 'static) -> Timer {
        let timer = self.shape.add_timer(name, domain);
        let handle: BatchHandler<S> = Box::new(move |operator, batch| {
            while let Some(hand) = batch.take() {
                let fired = Fired { hand };
                fired.conclude(handle(operator, &fired));
            }
        });
        self.timers.push(handle);
        timer
    }

    /// Declares a metric that only grows.
    pub fn counter(&mut self, name: &str) -> Counter {
        Counter { number: self.shape.add_metric(name, "counter") }
    }

    /// Declares a metric that is set.
    pub fn gauge(&mut self, name: &str) -> Gauge {
        Gauge { number: self.shape.add_metric(name, "gauge") }
    }

    /// Declares that the operator gives records their timestamps, so that watermarks
    /// are made after it.
    pub fn assigns_timestamps(&mut self) {
        self.shape.assigns_timestamps = true;
    }

    /// Declares the JSON Schema of the operator's config.
    pub fn config_schema(&mut self, schema: &str) {
        self.shape.config_schema = Some(schema.to_string());
    }
}

fn unique<'n>(what: &str, mut names: impl Iterator<Item = &'n str>, name: &str) {
    assert!(!names.any(|other| other == name), "turgo: {} {} is declared twice", what, name);
}
