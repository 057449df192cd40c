# Made from the tables in crates/config/src; see crates/docgen.

function __fish_generate_supervisor_config_rest
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
            case -o --output -p --program-name --log-level
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

function __fish_generate_supervisor_config_before
    test (count (__fish_generate_supervisor_config_rest)) = 0
end

# The rest of the line is for the command itself to complete.
function __fish_generate_supervisor_config_command
    set -l rest (__fish_generate_supervisor_config_rest)
    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end

complete -c generate-supervisor-config -x -a '(__fish_generate_supervisor_config_command)'
complete -c generate-supervisor-config -n __fish_generate_supervisor_config_before -s o -l output -r -F -d 'the file to write'
complete -c generate-supervisor-config -n __fish_generate_supervisor_config_before -s p -l program-name -x -d 'the program\'s name'
complete -c generate-supervisor-config -n __fish_generate_supervisor_config_before -l log-level -x -a 'ERROR INFO DEBUG' -d 'the log level: ERROR, INFO or DEBUG'
complete -c generate-supervisor-config -n __fish_generate_supervisor_config_before -s h -l help -d 'print this help; also -?'
complete -c generate-supervisor-config -n __fish_generate_supervisor_config_before -l version -d 'print the version'
