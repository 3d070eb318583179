//! One open operator, as the exports and the test kit drive it.

use alloc::boxed::Box;
use alloc::string::String;

use crate::aggregation::Groups;
use crate::call::{Control, Core, NO_HAND};
use crate::declaration::Declaration;
use crate::describe;
use crate::failure::Failure;
use crate::host::Host;
use crate::operator::{Context, Operator};
use crate::record::Batch;

/// An instance without the operator's type.
pub(crate) trait AnyInstance {
    fn control(&self) -> &Control;

    /// Handles the batch of an input.
    ///
    /// # Safety
    ///
    /// `data` is a valid batch of an input that was declared, and stays as the
    /// module `raw` tells until this returns. The same holds for the others.
    unsafe fn process(&mut self, input: u32, data: *mut u8);

    /// Handles timers that fired.
    unsafe fn timers(&mut self, timer: u32, data: *mut u8);

    /// Handles the groups of a batch.
    unsafe fn aggregate(&mut self, aggregation: u32, data: *mut u8);

    fn close(&mut self);
}

/// An instance, or why the operator refuses.
pub(crate) type Opened = Result<Box<dyn AnyInstance>, Failure>;

struct Instance<S> {
    // In a box, so that the control block stays where it is.
    core: Box<Core>,
    declaration: Declaration<S>,
    operator: S,
}

pub(crate) fn declare<S: Operator>() -> (Declaration<S>, S) {
    let mut declaration = Declaration::new();
    let operator = S::declare(&mut declaration);
    declaration.shape.finish();
    (declaration, operator)
}

/// Opens an operator. An error tells why it refuses.
pub(crate) fn open<S: Operator>(host: Host, request: &[u8]) -> Opened {
    let (declaration, mut operator) = declare::<S>();
    let context = Context::new(host.clone(), request)?;
    operator.open(&context)?;
    context.config.check_asked()?;
    let core = Core::new(host, declaration.shape.outputs.len(), declaration.aggregations.len());
    Ok(Box::new(Instance { core: Box::new(core), declaration, operator }))
}

/// Describes an operator, and tells whether it aggregates.
pub(crate) fn describe<S: Operator>(name: &str) -> (String, bool) {
    let (declaration, _) = declare::<S>();
    (describe::operator(name, &declaration.shape), !declaration.aggregations.is_empty())
}

impl<S: Operator> AnyInstance for Instance<S> {
    fn control(&self) -> &Control {
        &self.core.control
    }

    unsafe fn process(&mut self, input: u32, data: *mut u8) {
        self.core.control.take(NO_HAND);
        let handle = self.declaration.inputs[input as usize].as_ref();
        let handle = handle.expect("turgo: the records of this input are aggregated");
        unsafe {
            handle(&mut self.operator, &mut Batch::new(&self.core, data));
            self.core.flush(data);
        }
    }

    unsafe fn timers(&mut self, timer: u32, data: *mut u8) {
        self.core.control.take(NO_HAND);
        let handle = &self.declaration.timers[timer as usize];
        unsafe {
            handle(&mut self.operator, &mut Batch::new(&self.core, data));
            self.core.flush(data);
        }
    }

    unsafe fn aggregate(&mut self, aggregation: u32, data: *mut u8) {
        self.core.control.take(NO_HAND);
        let handle = self.declaration.aggregations[aggregation as usize].as_ref();
        let handle = handle.expect("turgo: the aggregation has no input");
        unsafe {
            handle(&mut self.operator, &mut Groups::new(&self.core, data));
            self.core.flush(data);
        }
    }

    fn close(&mut self) {
        self.operator.close();
    }
}
