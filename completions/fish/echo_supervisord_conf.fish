# Made from the tables in crates/config/src; see crates/docgen.


complete -c echo_supervisord_conf -f
complete -c echo_supervisord_conf -s h -l help -d 'print this help; also -?'
complete -c echo_supervisord_conf -l version -d 'print the version'
