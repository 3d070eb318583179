use alloc::string::String;

use crate::call::NO_HAND;
use crate::config::Config;
use crate::declaration::Declaration;
use crate::failure::Failure;
use crate::host::{Host, Level};

/// What an author writes. Any field may go back to what it was when `open`
/// returned, after any call: what must last is state.
pub trait Operator: Sized + 'static {
    /// Declares the inputs with their handlers, outputs, states, timers and metrics,
    /// and makes the operator. It also runs to describe the module, without a job.
    fn declare(d: &mut Declaration<Self>) -> Self;

    /// Prepares before the first batch. An error refuses, and the job does not
    /// start. Fields of the config that `open` does not ask for refuse too.
    fn open(&mut self, context: &Context) -> Result<(), Failure> {
        let _ = context;
        Ok(())
    }

    /// Is told when an instance ends in good order. Others end without it.
    fn close(&mut self) {}
}

/// What an operator knows about where it runs.
pub struct Context {
    pub(crate) uid: String,
    pub(crate) subtask: u32,
    pub(crate) parallelism: u32,
    pub(crate) config: Config,
    pub(crate) host: Host,
}

impl Context {
    /// Reads an open request.
    pub(crate) fn new(host: Host, request: &[u8]) -> Result<Context, Failure> {
        let request = Config::new(request).ok_or("turgo: the open request is no JSON object")?;
        let number = |name, missing| request.get_or(name, missing).map(|n: u64| n as u32);
        Ok(Context {
            uid: request.get_or("uid", String::new())?,
            subtask: number("subtask", 0)?,
            parallelism: number("parallelism", 1)?,
            config: Config::new(request.json("config").unwrap_or(b"{}")).ok_or("config: must be an object")?,
            host,
        })
    }

    /// The operator's uid in the job.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// This instance's number, from 0.
    pub fn subtask(&self) -> u32 {
        self.subtask
    }

    /// How many subtasks there are.
    pub fn parallelism(&self) -> u32 {
        self.parallelism
    }

    /// The operator's config in the job.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Writes a line to the operator's log.
    pub fn log(&self, level: Level, text: &str) {
        self.host.log(NO_HAND, level as u32, text);
    }
}
