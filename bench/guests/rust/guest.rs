//! Operators in Rust without a library, to measure what limits cost them.
#![no_std]

#[link(wasm_import_module = "turgo_v1")]
extern "C" {
    fn emit(output: u32, data: *const u8, length: u32);
}

static DESCRIPTION: &[u8] = br#"{"abi":"turgo_v1","language":"rust","operators":[{"name":"pass","inputs":[{"name":"in"}],"outputs":[{"name":"out"}]},{"name":"arithmetic","inputs":[{"name":"in"}],"outputs":[{"name":"out"}]},{"name":"count","inputs":[{"name":"in"}],"outputs":[{"name":"out"}]},{"name":"poison","inputs":[{"name":"in"}],"outputs":[{"name":"out"}]}]}"#;

const HEADER: usize = 24;
static mut CONTROL: [u32; 8] = [0; 8];
static mut BUFFER: [u8; 16 << 20] = [0; 16 << 20];
static mut CHOSEN: u32 = 0;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[no_mangle]
pub extern "C" fn turgo_describe() -> u64 {
    (DESCRIPTION.as_ptr() as u64) << 32 | DESCRIPTION.len() as u64
}

#[no_mangle]
pub unsafe extern "C" fn turgo_buffer(length: u32) -> *mut u8 {
    if length as usize <= BUFFER.len() { BUFFER.as_mut_ptr() } else { core::ptr::null_mut() }
}

#[no_mangle]
pub unsafe extern "C" fn turgo_open(operator: u32, _request: *const u8, _length: u32) -> *mut u32 {
    CHOSEN = operator;
    CONTROL.as_mut_ptr()
}

/// A chain of operations that no compiler can shorten.
fn arithmetic(mut x: u64, rounds: u32) -> u64 {
    for i in 0..rounds {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = x.wrapping_add(i as u64);
    }
    x
}

/// As tight as a loop can be: a few instructions that do not wait for each other.
fn count(x: u64, rounds: u32) -> u64 {
    let mut found = 0;
    for i in 0..rounds {
        if (i as u64 ^ x) & 12 == 4 {
            found += 1;
        }
    }
    found
}

fn word(batch: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(batch[at..at + 4].try_into().unwrap())
}

#[no_mangle]
pub unsafe extern "C" fn turgo_process(_input: u32, pointer: *mut u8, length: u32) -> u32 {
    let batch = core::slice::from_raw_parts_mut(pointer, length as usize);
    let records = word(batch, 8);
    let mut at = HEADER;
    for i in 0..records {
        CONTROL[0] = i;
        batch[at + 16..at + 20].copy_from_slice(&i.to_le_bytes());
        if CHOSEN == 1 || CHOSEN == 2 {
            let timestamp = u64::from_le_bytes(batch[at + 8..at + 16].try_into().unwrap());
            let result = if CHOSEN == 1 { arithmetic(timestamp | 1, 1000) >> 1 } else { count(timestamp, 1000) };
            batch[at + 8..at + 16].copy_from_slice(&result.to_le_bytes());
        }
        if CHOSEN == 3 && batch[at + 15] >= 128 {
            panic!("a poison record");
        }
        at += word(batch, at) as usize;
    }
    emit(0, pointer, length);
    0
}
