# Made from the tables in crates/config/src; see crates/docgen.

function __fish_standard_supervisor_rest
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
            case --probe --port --as
                set -e words[1]
                set -e words[1]
            case '-*'
                set -e words[1]
            case '*'
                break
        end
    end
    string join \n -- $words
end

function __fish_standard_supervisor_before
    test (count (__fish_standard_supervisor_rest)) = 0
end

# The rest of the line is for the command itself to complete.
function __fish_standard_supervisor_command
    set -l rest (__fish_standard_supervisor_rest)
    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end

complete -c standard-supervisor -x -a '(__fish_standard_supervisor_command)'
complete -c standard-supervisor -n __fish_standard_supervisor_before -l check -d 'print the effective configuration with the origin of each value, and all errors; do not start anything'
complete -c standard-supervisor -n __fish_standard_supervisor_before -l probe -x -d 'query the status port: print the answer, and exit with 0 if the supervisor is live, or its programs are ready or started, otherwise with 1; for HEALTHCHECK and exec probes in images without curl'
complete -c standard-supervisor -n __fish_standard_supervisor_before -l port -x -d 'the status port that --probe asks'
complete -c standard-supervisor -n __fish_standard_supervisor_before -l as -x -d 'run as supervisord, supervisorctl, pidproxy, echo_supervisord_conf or generate-supervisor-config, as a link of that name does; must be the first argument'
complete -c standard-supervisor -n __fish_standard_supervisor_before -s h -l help -d 'print this help; also -?'
complete -c standard-supervisor -n __fish_standard_supervisor_before -l version -d 'print the version'
