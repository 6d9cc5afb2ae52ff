# shellcheck shell=bash
# Completion of expool for bash: installed as share/bash-completion/completions/expool, or read by ".".

_expool_options() {
	local options=(--null --arg-file --jobs --keep-order --timeout --tag --retries-on-timeout --dry-run --memlimit --memlim --affinity
		--grace --halt --json --joblog --results --bar --help)
	printf '%s\n' "${options[@]}" -0 -a -j -k -h
}

_expool_values() { # option; 1 if it has none that are known
	case $1 in
	-a | --arg-file | --joblog) compgen -f -- "$2" ;;
	--results) compgen -d -- "$2" ;;
	--affinity) compgen -W 'thread core l2 l3 node package' -- "$2" ;;
	--halt) compgen -W 'never now,fail=1 now,success=1 now,done=1 soon,fail=1 soon,success=1 soon,done=1' -- "$2" ;;
	-j | --jobs | --timeout | --retries-on-timeout | --memlimit | --memlim | --grace) ;;
	*) return 1 ;;
	esac
}

# Where the command of "run" is, counted in words; 0 if the cursor stands before it.
_expool_command_at() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) echo $((i + 1)) && return ;;
		-a | --arg-file | -j | --jobs | --timeout | --retries-on-timeout | --memlimit | --memlim | --affinity | --grace | --halt | --joblog | --results) ((i++)) ;;
		-*) ;;
		*) echo "$i" && return ;;
		esac
	done
	echo 0
}

_expool() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command at
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run jobs top --help --version' -- "$word")
		return
	fi
	command=${COMP_WORDS[1]} at=$(_expool_command_at)
	[[ $command == run || $command == jobs ]] || return
	if ((at > 0 && at < COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif _expool_values "$previous" "$word" >/dev/null; then
		mapfile -t COMPREPLY < <(_expool_values "$previous" "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_expool_options)" -- "$word")
	elif [[ $command == run ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -o filenames -F _expool expool
