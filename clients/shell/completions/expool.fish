# Completion of expool for fish: installed as share/fish/vendor_completions.d/expool.fish.

complete -c expool -f
complete -c expool -n __fish_use_subcommand -a run -d 'Run a command for each line or value'
complete -c expool -n __fish_use_subcommand -a jobs -d 'Run job objects'
complete -c expool -n __fish_use_subcommand -a top -d 'Show running and queued jobs'
complete -c expool -n __fish_use_subcommand -l version -d 'Print the version'
complete -c expool -s h -l help -d 'Print help'
complete -c expool -n '__fish_seen_subcommand_from run' -a '(__fish_complete_subcommand --fcs-skip=2)'
complete -c expool -n '__fish_seen_subcommand_from jobs' -F

set -l running '__fish_seen_subcommand_from run jobs'
complete -c expool -n $running -s 0 -l null -d 'Input ends with NUL, not newline'
complete -c expool -n $running -s a -l arg-file -r -F -d 'Read the input from a file'
complete -c expool -n $running -s j -l jobs -x -d 'Jobs at once'
complete -c expool -n $running -s k -l keep-order -d 'Print output in the order of input'
complete -c expool -n $running -l timeout -x -d 'Seconds for each job'
complete -c expool -n $running -l tag -d 'Print the values before each line'
complete -c expool -n $running -l retries-on-timeout -x -d 'Try again up to so many times'
complete -c expool -n $running -l dry-run -d 'Print the commands only'
complete -c expool -n $running -l memlimit -x -d 'Memory of all jobs'
complete -c expool -n $running -l memlim -x -d 'Memory of each job'
complete -c expool -n $running -l affinity -x -a 'thread core l2 l3 node package' -d 'CPUs for each job'
complete -c expool -n $running -l grace -x -d 'Seconds from SIGTERM to SIGKILL'
complete -c expool -n $running -l halt -x -a 'never now,fail=1 now,success=1 now,done=1 soon,fail=1 soon,success=1 soon,done=1' -d 'End early'
complete -c expool -n $running -l json -d 'Records on stdout'
complete -c expool -n $running -l joblog -r -F -d 'A line for each job'
complete -c expool -n $running -l results -x -a '(__fish_complete_directories)' -d 'Keep outputs and records'
complete -c expool -n $running -l bar -d 'Progress on a terminal'
