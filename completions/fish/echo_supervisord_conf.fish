# Made from the tables in crates/config/src; see crates/docgen.


complete -c echo_supervisord_conf -f
complete -c echo_supervisord_conf -l help -d 'print a short help text'
