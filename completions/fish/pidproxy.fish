# Made from the tables in crates/config/src; see tests/documents.rs there.

complete -c pidproxy -l help -d 'print a short help text'
