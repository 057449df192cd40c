# Made from the tables in crates/config/src; see tests/documents.rs there.

complete -c generate-supervisor-config -x -a '(__fish_complete_subcommand)'
complete -c generate-supervisor-config -s o -l output -r -F -d 'the file to write'
complete -c generate-supervisor-config -s p -l program-name -x -d 'the program\'s name; default: app'
complete -c generate-supervisor-config -l log-level -x -a 'ERROR INFO DEBUG' -d 'how much supervisord says; default: INFO'
complete -c generate-supervisor-config -l help -d 'print a short help text'
complete -c generate-supervisor-config -l version -d 'print the version'
