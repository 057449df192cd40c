# Made from the tables in crates/config/src; see tests/documents.rs there.


complete -c echo_supervisord_conf -f
complete -c echo_supervisord_conf -l help -d 'print a short help text'
