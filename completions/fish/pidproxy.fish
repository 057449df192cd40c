# Made from the tables in crates/config/src; see crates/docgen.

function __fish_pidproxy_rest
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
            case '-*'
                set -e words[1]
            case '*'
                break
        end
    end
    string join \n -- $words
end

function __fish_pidproxy_before
    test (count (__fish_pidproxy_rest)) = 0
end

# The rest of the line is for the command itself to complete.
function __fish_pidproxy_command
    set -l rest (__fish_pidproxy_rest)
    set -e rest[1]
    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end

complete -c pidproxy -n 'not __fish_pidproxy_before' -x -a '(__fish_pidproxy_command)'
complete -c pidproxy -n __fish_pidproxy_before -s h -l help -d 'print this help; also -?'
complete -c pidproxy -n __fish_pidproxy_before -l version -d 'print the version'
