//! Whatever a server shows as its metrics, sums are made of it or not; and what selects a
//! series selects itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_wire::prometheus::{Selector, sum, whole};

fuzz_target!(|page: &[u8]| {
    let names = ["r", "r{a=\"b\"}"].map(|name| Selector::parse(name).expect("it is one"));
    let _ = sum(page, &names).map(whole);
    let Ok(text) = std::str::from_utf8(page) else { return };
    let text = text.trim();
    if let Some(selector) = Selector::parse(text)
        && !text.contains('\n')
    {
        assert_eq!(sum(format!("{text} 1\n").as_bytes(), &[selector]), Some(1.0));
    }
});
