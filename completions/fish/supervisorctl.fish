# Made from the tables in crates/config/src; see crates/docgen.

function __fish_supervisorctl_rest
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
            case -c --configuration -s --serverurl -u --username -p --password -r --history-file --history_file
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

function __fish_supervisorctl_before
    test (count (__fish_supervisorctl_rest)) = 0
end

# Whether the next word stands at this place, first or later, behind this command.
function __fish_supervisorctl_at
    set -l rest (__fish_supervisorctl_rest)
    test "$rest[1]" = $argv[2]
    or return
    if test (count $rest) = 1
        contains $argv[1] first any
    else
        contains $argv[1] later any
    end
end

# Names that the daemon knows, if it answers at once.
function __fish_supervisorctl_names
    set -l called (commandline -opc)
    set -l rest (__fish_supervisorctl_rest)
    set called (string replace -r '^~/' $HOME/ -- $called[1..(math (count $called) - (count $rest))])
    timeout 1 $called status </dev/null 2>/dev/null \
        | string match -rg '^(\S+)\s+(?:STOPPED|STARTING|RUNNING|BACKOFF|STOPPING|EXITED|FATAL)\b' | while read -l name
        for asked in $argv
            switch $asked:$name
                case 'processes:*'
                    echo $name
                case 'wildcards:*:*'
                    echo (string replace -r ':.*' '' -- $name):\*
                case 'groups:*'
                    string replace -r ':.*' '' -- $name
            end
        end
    end
end

complete -c supervisorctl -f
complete -c supervisorctl -n __fish_supervisorctl_before -a add -d 'activate groups that were added to the configuration (see reread)'
complete -c supervisorctl -n __fish_supervisorctl_before -a avail -d 'list the processes in the configuration, in use or not'
complete -c supervisorctl -n __fish_supervisorctl_before -a clear -d 'empty the log files of these processes'
complete -c supervisorctl -n __fish_supervisorctl_before -a exit -d 'leave the shell'
complete -c supervisorctl -n __fish_supervisorctl_before -a fg -d 'show the output of a process and send it your input, until Ctrl-C'
complete -c supervisorctl -n __fish_supervisorctl_before -a help -d 'list the commands'
complete -c supervisorctl -n __fish_supervisorctl_before -a maintail -d 'print the last 1600 bytes of the daemon\'s own log'
complete -c supervisorctl -n __fish_supervisorctl_before -a open -d 'connect to another daemon: http://HOST:PORT or unix:///PATH'
complete -c supervisorctl -n __fish_supervisorctl_before -a pid -d 'print the daemon\'s process id'
complete -c supervisorctl -n __fish_supervisorctl_before -a quit -d 'leave the shell'
complete -c supervisorctl -n __fish_supervisorctl_before -a reload -d 'restart the daemon: stop all, read the configuration, start again'
complete -c supervisorctl -n __fish_supervisorctl_before -a remove -d 'remove stopped groups'
complete -c supervisorctl -n __fish_supervisorctl_before -a reread -d 'read the configuration and show what changed, without applying it (see update)'
complete -c supervisorctl -n __fish_supervisorctl_before -a restart -d 'stop and start processes; the configuration is not read again'
complete -c supervisorctl -n __fish_supervisorctl_before -a shutdown -d 'stop all processes and then the daemon'
complete -c supervisorctl -n __fish_supervisorctl_before -a signal -d 'send a signal, such as HUP, to processes'
complete -c supervisorctl -n __fish_supervisorctl_before -a start -d 'start processes and wait until they are running'
complete -c supervisorctl -n __fish_supervisorctl_before -a status -d 'list all processes with their states'
complete -c supervisorctl -n __fish_supervisorctl_before -a stop -d 'stop processes and wait until they have stopped'
complete -c supervisorctl -n __fish_supervisorctl_before -a tail -d 'print the last 1600 bytes of a process\'s output'
complete -c supervisorctl -n __fish_supervisorctl_before -a top -d 'show a live table of all programs, with keys to act on them; if the output is not a terminal, print it once'
complete -c supervisorctl -n __fish_supervisorctl_before -a update -d 'read the configuration and apply it: change settings of running programs, restart, add and remove groups'
complete -c supervisorctl -n __fish_supervisorctl_before -a version -d 'print the version of the daemon'
complete -c supervisorctl -n '__fish_supervisorctl_at first clear' -a 'all (__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at later clear' -a '(__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at first fg' -a '(__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at first help' -a 'add avail clear exit fg help maintail open pid quit reload remove reread restart shutdown signal start status stop tail top update version'
complete -c supervisorctl -n '__fish_supervisorctl_at first maintail' -a '-f'
complete -c supervisorctl -n '__fish_supervisorctl_at first pid' -a 'all (__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at later pid' -a '(__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at any remove' -a '(__fish_supervisorctl_names groups)'
complete -c supervisorctl -n '__fish_supervisorctl_at first reread' -a '--json'
complete -c supervisorctl -n '__fish_supervisorctl_at first restart' -a 'all --rolling (__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at later restart' -a '(__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at first signal' -a 'HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH POLL IO PWR SYS RTMIN RTMAX'
complete -c supervisorctl -n '__fish_supervisorctl_at later signal' -a 'all (__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at first start' -a 'all (__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at later start' -a '(__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at first status' -a '--json (__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at later status' -a '(__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at first stop' -a 'all (__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at later stop' -a '(__fish_supervisorctl_names processes wildcards)'
complete -c supervisorctl -n '__fish_supervisorctl_at first tail' -a '-f (__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at later tail' -a 'stdout stderr (__fish_supervisorctl_names processes)'
complete -c supervisorctl -n '__fish_supervisorctl_at any update' -a '(__fish_supervisorctl_names groups)'
complete -c supervisorctl -n __fish_supervisorctl_before -s c -l configuration -r -F -d 'take the daemon\'s address from this file\'s [supervisorctl]'
complete -c supervisorctl -n __fish_supervisorctl_before -s h -l help -d 'print this help; also -?'
complete -c supervisorctl -n __fish_supervisorctl_before -l version -d 'print the version of this program; the command version asks the daemon'
complete -c supervisorctl -n __fish_supervisorctl_before -s i -l interactive -d 'start an interactive shell after the command; without a command this is the default'
complete -c supervisorctl -n __fish_supervisorctl_before -s s -l serverurl -x -d 'the daemon\'s address, http://HOST:PORT or unix:///PATH'
complete -c supervisorctl -n __fish_supervisorctl_before -s u -l username -x -d 'the user name, if the daemon requires one'
complete -c supervisorctl -n __fish_supervisorctl_before -s p -l password -x -d 'the password of that user'
complete -c supervisorctl -n __fish_supervisorctl_before -s r -l history-file -r -F -d 'the file for the history of the shell'
complete -c supervisorctl -n __fish_supervisorctl_before -l history_file -r -F -d 'the same as --history-file'
