//! The functions that a guest imports. On wasm they are the host's; natively a
//! test kit gives them.

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug = 0,
    /// For whoever runs the job.
    Info = 1,
    /// What may be wrong.
    Warn = 2,
    /// What is wrong.
    Error = 3,
}

#[cfg(target_arch = "wasm32")]
mod imports {
    #[link(wasm_import_module = "turgo_v1")]
    extern "C" {
        pub fn emit(output: u32, data: *const u8, length: u32);
        pub fn fail(code: u32, text: *const u8, length: u32);
        pub fn state_get(state: u32, data: *mut u8, capacity: u32) -> i64;
        pub fn state_put(state: u32, data: *const u8, length: u32);
        pub fn state_clear(state: u32);
        pub fn list_append(state: u32, data: *const u8, length: u32);
        pub fn list_read(state: u32, from: u64, data: *mut u8, capacity: u32) -> i64;
        pub fn map_get(state: u32, key: *const u8, key_length: u32, data: *mut u8, capacity: u32) -> i64;
        pub fn map_put(state: u32, key: *const u8, key_length: u32, data: *const u8, length: u32);
        pub fn map_delete(state: u32, key: *const u8, key_length: u32);
        pub fn map_scan(state: u32, after: *const u8, after_length: u32, data: *mut u8, capacity: u32) -> i64;
        pub fn timer_set(timer: u32, timestamp: i64);
        pub fn timer_delete(timer: u32, timestamp: i64);
        pub fn log(level: u32, text: *const u8, length: u32);
        pub fn metric(metric: u32, value: i64);
    }
}

/// The host as a module reaches it: each call is an import. `hand` is for the
/// native host, which has no control block to look at.
#[cfg(target_arch = "wasm32")]
#[derive(Clone)]
pub(crate) struct Host;

// The imports read and write only within the slices and buffers that they are
// given, as SPEC.md section 5 says.
#[cfg(target_arch = "wasm32")]
#[allow(clippy::unused_self)]
impl Host {
    pub(crate) fn emit(&self, output: u32, batch: &[u8]) {
        unsafe { imports::emit(output, batch.as_ptr(), batch.len() as u32) }
    }
    pub(crate) fn fail(&self, _hand: u32, code: u32, text: &str) {
        unsafe { imports::fail(code, text.as_ptr(), text.len() as u32) }
    }
    #[inline(always)]
    pub(crate) fn state_get(&self, _hand: u32, state: u32, data: *mut u8, capacity: u32) -> i64 {
        unsafe { imports::state_get(state, data, capacity) }
    }
    #[inline(always)]
    pub(crate) fn state_put(&self, _hand: u32, state: u32, data: &[u8]) {
        unsafe { imports::state_put(state, data.as_ptr(), data.len() as u32) }
    }
    pub(crate) fn state_clear(&self, _hand: u32, state: u32) {
        unsafe { imports::state_clear(state) }
    }
    pub(crate) fn list_append(&self, _hand: u32, state: u32, data: &[u8]) {
        unsafe { imports::list_append(state, data.as_ptr(), data.len() as u32) }
    }
    pub(crate) fn list_read(&self, _hand: u32, state: u32, from: u64, data: *mut u8, capacity: u32) -> i64 {
        unsafe { imports::list_read(state, from, data, capacity) }
    }
    pub(crate) fn map_get(&self, _hand: u32, state: u32, key: &[u8], data: *mut u8, capacity: u32) -> i64 {
        unsafe { imports::map_get(state, key.as_ptr(), key.len() as u32, data, capacity) }
    }
    pub(crate) fn map_put(&self, _hand: u32, state: u32, key: &[u8], data: &[u8]) {
        unsafe { imports::map_put(state, key.as_ptr(), key.len() as u32, data.as_ptr(), data.len() as u32) }
    }
    pub(crate) fn map_delete(&self, _hand: u32, state: u32, key: &[u8]) {
        unsafe { imports::map_delete(state, key.as_ptr(), key.len() as u32) }
    }
    pub(crate) fn map_scan(&self, _hand: u32, state: u32, after: Option<&[u8]>, data: *mut u8, capacity: u32) -> i64 {
        let (key, length) = after.map_or((core::ptr::null(), u32::MAX), |key| (key.as_ptr(), key.len() as u32));
        unsafe { imports::map_scan(state, key, length, data, capacity) }
    }
    pub(crate) fn timer_set(&self, _hand: u32, timer: u32, timestamp: i64) {
        unsafe { imports::timer_set(timer, timestamp) }
    }
    pub(crate) fn timer_delete(&self, _hand: u32, timer: u32, timestamp: i64) {
        unsafe { imports::timer_delete(timer, timestamp) }
    }
    pub(crate) fn log(&self, _hand: u32, level: u32, text: &str) {
        unsafe { imports::log(level, text.as_ptr(), text.len() as u32) }
    }
    pub(crate) fn metric(&self, metric: u32, value: i64) {
        unsafe { imports::metric(metric, value) }
    }
}

/// What a native host answers. Reads fill a buffer as the ABI says.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) trait Calls {
    fn emit(&self, output: u32, batch: &[u8]);
    fn fail(&self, hand: u32, code: u32, text: &str);
    fn state_get(&self, hand: u32, state: u32, buffer: &mut [u8]) -> i64;
    fn state_put(&self, hand: u32, state: u32, data: &[u8]);
    fn state_clear(&self, hand: u32, state: u32);
    fn list_append(&self, hand: u32, state: u32, data: &[u8]);
    fn list_read(&self, hand: u32, state: u32, from: u64, buffer: &mut [u8]) -> i64;
    fn map_get(&self, hand: u32, state: u32, key: &[u8], buffer: &mut [u8]) -> i64;
    fn map_put(&self, hand: u32, state: u32, key: &[u8], data: &[u8]);
    fn map_delete(&self, hand: u32, state: u32, key: &[u8]);
    fn map_scan(&self, hand: u32, state: u32, after: Option<&[u8]>, buffer: &mut [u8]) -> i64;
    fn timer_set(&self, hand: u32, timer: u32, timestamp: i64);
    fn timer_delete(&self, hand: u32, timer: u32, timestamp: i64);
    fn log(&self, hand: u32, level: u32, text: &str);
    fn metric(&self, metric: u32, value: i64);
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Host;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::Calls;
    use alloc::rc::Rc;

    #[derive(Clone)]
    pub(crate) struct Host(pub(crate) Rc<dyn Calls>);

    /// Buffers to read into come as raw memory, which may not be initialised.
    fn slice<'a>(data: *mut u8, capacity: u32) -> &'a mut [u8] {
        // Callers give memory of their own, and do not look at it until the call
        // is over.
        unsafe {
            data.write_bytes(0, capacity as usize);
            core::slice::from_raw_parts_mut(data, capacity as usize)
        }
    }

    impl Host {
        pub(crate) fn emit(&self, output: u32, batch: &[u8]) {
            self.0.emit(output, batch)
        }
        pub(crate) fn fail(&self, hand: u32, code: u32, text: &str) {
            self.0.fail(hand, code, text)
        }
        pub(crate) fn state_get(&self, hand: u32, state: u32, data: *mut u8, capacity: u32) -> i64 {
            self.0.state_get(hand, state, slice(data, capacity))
        }
        pub(crate) fn state_put(&self, hand: u32, state: u32, data: &[u8]) {
            self.0.state_put(hand, state, data)
        }
        pub(crate) fn state_clear(&self, hand: u32, state: u32) {
            self.0.state_clear(hand, state)
        }
        pub(crate) fn list_append(&self, hand: u32, state: u32, data: &[u8]) {
            self.0.list_append(hand, state, data)
        }
        pub(crate) fn list_read(&self, hand: u32, state: u32, from: u64, data: *mut u8, capacity: u32) -> i64 {
            self.0.list_read(hand, state, from, slice(data, capacity))
        }
        pub(crate) fn map_get(&self, hand: u32, state: u32, key: &[u8], data: *mut u8, capacity: u32) -> i64 {
            self.0.map_get(hand, state, key, slice(data, capacity))
        }
        pub(crate) fn map_put(&self, hand: u32, state: u32, key: &[u8], data: &[u8]) {
            self.0.map_put(hand, state, key, data)
        }
        pub(crate) fn map_delete(&self, hand: u32, state: u32, key: &[u8]) {
            self.0.map_delete(hand, state, key)
        }
        pub(crate) fn map_scan(&self, hand: u32, state: u32, after: Option<&[u8]>, data: *mut u8, capacity: u32) -> i64 {
            self.0.map_scan(hand, state, after, slice(data, capacity))
        }
        pub(crate) fn timer_set(&self, hand: u32, timer: u32, timestamp: i64) {
            self.0.timer_set(hand, timer, timestamp)
        }
        pub(crate) fn timer_delete(&self, hand: u32, timer: u32, timestamp: i64) {
            self.0.timer_delete(hand, timer, timestamp)
        }
        pub(crate) fn log(&self, hand: u32, level: u32, text: &str) {
            self.0.log(hand, level, text)
        }
        pub(crate) fn metric(&self, metric: u32, value: i64) {
            self.0.metric(metric, value)
        }
    }
}
