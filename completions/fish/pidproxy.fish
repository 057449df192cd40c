# Made from the tables in crates/config/src; see tests/documents.rs there.

