# Made from the tables in crates/config/src; see tests/documents.rs there.

complete -c standard-supervisor -x -a '(__fish_complete_subcommand)'
complete -c standard-supervisor -l check -d 'print the configuration in effect, or all that is wrong with it; start nothing'
complete -c standard-supervisor -l help -d 'print a short help text'
complete -c standard-supervisor -l version -d 'print the version'
