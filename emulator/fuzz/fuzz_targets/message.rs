//! A client's message of any type: its first byte is the packet type, the rest the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, payload)) = bytes.split_first() {
        let _ = sqlgraph_emulator::tds::read_payload(*kind, payload);
    }
});
