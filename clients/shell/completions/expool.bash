# shellcheck shell=bash
# Completion of expool for bash: installed as share/bash-completion/completions/expool, or read by ".".

_expool_options() {
	local options=(--null --arg-file --jobs --keep-order --timeout --tag --retries-on-timeout --dry-run --memlimit --memlim --affinity
		--grace --halt --json --joblog --results --bar --help)
	printf '%s\n' "${options[@]}" -0 -a -j -k -h
}

_expool_values() { # option, what is typed of its value; 1 if it takes none
	case $1 in
	-a | --arg-file | --joblog) compgen -f -- "$2" ;;
	--results) compgen -d -- "$2" ;;
	--affinity) compgen -W 'thread core l2 l3 node package' -- "$2" ;;
	--halt) compgen -W 'never now,fail=1 now,success=1 now,done=1 soon,fail=1 soon,success=1 soon,done=1' -- "$2" ;;
	-j | --jobs | --timeout | --retries-on-timeout | --memlimit | --memlim | --grace) ;;
	*) return 1 ;;
	esac
	return 0 # also if nothing fits
}

# Sets words to those up to the cursor. Bash divides them at = as well, which is no end of --halt=now,fail=1.
_expool_words() {
	local i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if ((i > 0)) && [[ ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]]; then
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
}

# Where the command of "run" is, counted in words; 0 if the cursor stands before it.
_expool_command_at() {
	local i
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--) echo $((i + 1)) && return ;;
		-a | --arg-file | -j | --jobs | --timeout | --retries-on-timeout | --memlimit | --memlim | --affinity | --grace | --halt | --joblog | --results) ((i++)) ;;
		-*) ;;
		*) echo "$i" && return ;;
		esac
	done
	echo 0
}

_expool() {
	local words word previous at typed=${COMP_WORDS[COMP_CWORD]}
	_expool_words
	word=${words[-1]} previous=${words[-2]} at=$(_expool_command_at)
	COMPREPLY=()
	if ((${#words[@]} == 2)); then
		mapfile -t COMPREPLY < <(compgen -W 'run jobs top --help --version' -- "$word")
	elif [[ ${words[1]} != run && ${words[1]} != jobs ]]; then
		return
	elif ((at > 0)); then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif _expool_values "$previous" "$word" >/dev/null; then
		mapfile -t COMPREPLY < <(_expool_values "$previous" "$word")
	elif [[ $word == --*=* ]]; then
		mapfile -t COMPREPLY < <(_expool_values "${word%%=*}" "${word#*=}")
		COMPREPLY=("${COMPREPLY[@]/#/${word%%=*}=}")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_expool_options)" -- "$word")
	elif [[ ${words[1]} == run ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
	[[ $typed != = ]] || typed=''
	COMPREPLY=("${COMPREPLY[@]#"${word%"$typed"}"}") # bash replaces only what it takes for the word
}

complete -o filenames -F _expool expool
