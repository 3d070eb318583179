//! What [`operators!`](crate::operators) makes a module of.

use alloc::string::String;

use crate::describe;
use crate::host::Host;
use crate::instance::{self, Opened};
use crate::operator::Operator;

/// An operator of the module.
pub struct Registration {
    name: &'static str,
    describe: fn(&str) -> (String, bool),
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    open: fn(Host, &[u8]) -> Opened,
}

impl Registration {
    /// Registers an operator under a name.
    pub const fn of<S: Operator>(name: &'static str) -> Registration {
        Registration { name, describe: instance::describe::<S>, open: instance::open::<S> }
    }
}

/// The description of a module as JSON.
pub fn description(operators: &[Registration]) -> String {
    describe::module(operators.iter().map(|operator| (operator.describe)(operator.name)))
}

/// Makes a module of operators. It stands once, at the root of the crate:
///
/// ```
/// # struct Count;
/// # impl turgo::Operator for Count {
/// #     fn declare(d: &mut turgo::Declaration<Self>) -> Self {
/// #         d.input("words", |_: &mut Self, _| {});
/// #         Count
/// #     }
/// # }
/// turgo::operators! {
///     "count" => Count,
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! operators {
    ($($name:literal => $operator:ty),+ $(,)?) => {
        /// The operators of this module.
        #[doc(hidden)]
        pub static TURGO_OPERATORS: &[$crate::exports::Registration] = &[
            $($crate::exports::Registration::of::<$operator>($name)),+
        ];

        // The host calls these as SPEC.md tells.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[no_mangle]
            pub extern "C" fn turgo_describe() -> u64 {
                unsafe { $crate::exports::wasm::describe(TURGO_OPERATORS) }
            }
            #[no_mangle]
            pub extern "C" fn turgo_buffer(length: u32) -> *mut u8 {
                unsafe { $crate::exports::wasm::buffer(length) }
            }
            #[no_mangle]
            pub unsafe extern "C" fn turgo_open(operator: u32, data: *const u8, length: u32) -> *const u8 {
                unsafe { $crate::exports::wasm::open(TURGO_OPERATORS, operator, data, length) }
            }
            #[no_mangle]
            pub unsafe extern "C" fn turgo_process(input: u32, data: *mut u8, _length: u32) -> i32 {
                unsafe { $crate::exports::wasm::process(input, data) }
            }
            #[no_mangle]
            pub unsafe extern "C" fn turgo_timers(timer: u32, data: *mut u8, _length: u32) -> i32 {
                unsafe { $crate::exports::wasm::timers(timer, data) }
            }
            #[no_mangle]
            pub unsafe extern "C" fn turgo_aggregate(aggregation: u32, data: *mut u8, _length: u32) -> i32 {
                unsafe { $crate::exports::wasm::aggregate(aggregation, data) }
            }
            #[no_mangle]
            pub extern "C" fn turgo_close() {
                unsafe { $crate::exports::wasm::close() }
            }
        };
    };
}

/// The module that the host drives. It holds one open operator at most, and one
/// thread at a time calls it.
#[cfg(target_arch = "wasm32")]
pub mod wasm {
    use alloc::alloc::{alloc, dealloc, Layout};
    use alloc::boxed::Box;
    #[cfg(feature = "std")]
    use alloc::string::String;
    use core::cell::UnsafeCell;
    use core::ptr;

    use super::Registration;
    use crate::call::NO_HAND;
    use crate::host::Host;
    use crate::instance::AnyInstance;

    struct Module {
        instance: Option<Box<dyn AnyInstance>>,
        buffer: *mut u8,
        length: usize,
        description: Option<&'static str>,
    }

    struct Only(UnsafeCell<Module>);
    // A module has one thread.
    unsafe impl Sync for Only {}

    static MODULE: Only = Only(UnsafeCell::new(Module { instance: None, buffer: ptr::null_mut(), length: 0, description: None }));

    /// A buffer of this length at least is what the host gets at first.
    const FIRST: usize = 64 << 10;
    /// A larger buffer is given back when the host asks for a smaller one.
    const KEEP: usize = 4 << 20;

    #[cfg(feature = "std")]
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    extern "C" {
        /// A piece is an address and a length.
        fn fd_write(descriptor: u32, pieces: *const [u32; 2], count: u32, written: *mut u32) -> u32;
    }

    /// Has a panic write its reason to standard error, where the host looks for why a
    /// call trapped.
    #[cfg(feature = "std")]
    fn tell_panics() {
        std::panic::set_hook(Box::new(|panic| {
            let payload = panic.payload();
            let reason = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
            let (file, line) = panic.location().map_or(("?", 0), |location| (location.file(), location.line()));
            let text = std::format!("panic: {}, at {}:{}\n", reason.unwrap_or("no reason given"), file, line);
            let mut written = 0;
            // The host reads the text, and writes how much of it that was.
            unsafe { fd_write(2, &[text.as_ptr() as u32, text.len() as u32], 1, &mut written) };
        }));
    }

    /// # Safety
    ///
    /// No other call is running.
    pub unsafe fn describe(operators: &[Registration]) -> u64 {
        #[cfg(feature = "std")]
        tell_panics();
        let module = unsafe { &mut *MODULE.0.get() };
        let text = *module.description.get_or_insert_with(|| Box::leak(super::description(operators).into_boxed_str()));
        (text.as_ptr() as u64) << 32 | text.len() as u64
    }

    /// # Safety
    ///
    /// No other call is running, and the buffer before is no longer in use.
    pub unsafe fn buffer(length: u32) -> *mut u8 {
        let module = unsafe { &mut *MODULE.0.get() };
        let length = (length as usize).max(FIRST);
        if length <= module.length && (module.length <= KEEP || length > KEEP) {
            return module.buffer;
        }
        // SPEC.md wants nothing of where it lies; the batches in it are read unaligned.
        if let (Ok(before), true) = (Layout::from_size_align(module.length, 8), module.length > 0) {
            unsafe { dealloc(module.buffer, before) };
        }
        module.length = 0;
        module.buffer = match Layout::from_size_align(length, 8) {
            Ok(layout) => unsafe { alloc(layout) },
            Err(_) => ptr::null_mut(),
        };
        if !module.buffer.is_null() {
            module.length = length;
        }
        module.buffer
    }

    /// # Safety
    ///
    /// `data` points to `length` bytes. No other call is running.
    pub unsafe fn open(operators: &[Registration], operator: u32, data: *const u8, length: u32) -> *const u8 {
        #[cfg(feature = "std")]
        tell_panics();
        let request = unsafe { core::slice::from_raw_parts(data, length as usize) };
        let opened = match operators.get(operator as usize) {
            Some(registration) => (registration.open)(Host, request),
            None => Err("turgo: the module has no such operator".into()),
        };
        match opened {
            Ok(instance) => {
                let module = unsafe { &mut *MODULE.0.get() };
                let instance = module.instance.insert(instance);
                instance.control() as *const _ as *const u8
            }
            Err(failure) => {
                Host.fail(NO_HAND, failure.code(), failure.text());
                ptr::null()
            }
        }
    }

    /// # Safety
    ///
    /// No other call is running.
    unsafe fn instance() -> &'static mut dyn AnyInstance {
        let module = unsafe { &mut *MODULE.0.get() };
        &mut **module.instance.as_mut().expect("turgo: no operator is open")
    }

    /// # Safety
    ///
    /// As for `AnyInstance::process`; no other call is running.
    pub unsafe fn process(input: u32, data: *mut u8) -> i32 {
        unsafe { instance().process(input, data) };
        0
    }

    /// # Safety
    ///
    /// As for `AnyInstance::timers`; no other call is running.
    pub unsafe fn timers(timer: u32, data: *mut u8) -> i32 {
        unsafe { instance().timers(timer, data) };
        0
    }

    /// # Safety
    ///
    /// As for `AnyInstance::aggregate`; no other call is running.
    pub unsafe fn aggregate(aggregation: u32, data: *mut u8) -> i32 {
        unsafe { instance().aggregate(aggregation, data) };
        0
    }

    /// # Safety
    ///
    /// No other call is running.
    pub unsafe fn close() {
        let module = unsafe { &mut *MODULE.0.get() };
        if let Some(instance) = module.instance.as_mut() {
            instance.close();
        }
    }
}
