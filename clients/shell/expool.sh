# shellcheck shell=bash
# Functions for bash scripts (4.4 or later, with jq 1.6) that hold a conversation with one expool-rpc:
#
#   . expool.sh
#   expool_open --workers=4
#   id=$(expool_execute --timeout 60 --stdout pipe -- convert "$file" "$file.png")
#   expool_join >result.json || echo "some failed"
#   expool_close
#
# expool_open [FLAG...]                       starts the server, with flags as expool-rpc --help lists them
# expool_execute [--FIELD VALUE]... -- ARG... schedules a job and prints its id; fields as in protocol.md, the name is the command
# expool_call METHOD [PARAMS]                 any call of protocol.md, with its params as JSON; prints the result as JSON
# expool_notifications                        prints what has come between the answers since the last time, a line each
# expool_join [TIMEOUT]                       waits for all jobs, prints the result of join; 1 if it says that not all succeeded
# expool_close                                waits for what was scheduled, and ends the server
#
# All return 1 after an error of the server, which is told on standard error, and 3 when there is no server or no jq. They can be used in
# $(...), and under set -euo pipefail, where an error ends the script, unless it is asked for as above. One call at a time: not from
# several background jobs at once, and no jobs with confirm. If the script ends in any way, the server ends, and all jobs with it.

_expool_say() { printf 'expool: %s\n' "$*" >&2; }

_expool_server() { # prints the path of the server
	local here=${BASH_SOURCE[0]%/*}
	if [[ ${EXPOOL_RPC-} ]]; then
		type -P -- "$EXPOOL_RPC" || { _expool_say "EXPOOL_RPC is $EXPOOL_RPC, which is no program" && return 3; }
	else
		type -P expool-rpc || type -P "$here/expool-rpc" ||
			{ _expool_say "no server: expool-rpc is neither in PATH nor in $here; set EXPOOL_RPC to its path" && return 3; }
	fi
}

# The pipes and the file of notifications lose their names at once, so that nothing is left, however the script ends.
expool_open() {
	local server folder
	[[ ! ${_expool_pid-} ]] || { _expool_say "a conversation is open already: expool_close ends it" && return 1; }
	server=$(_expool_server) || return
	jq --version >/dev/null 2>&1 || { _expool_say "jq 1.6 or later is needed, and no jq works" && return 3; }
	folder=${TMPDIR:-/tmp}/expool-sh-$$-$RANDOM
	mkdir -m 700 -- "$folder" && mkfifo -- "$folder/in" "$folder/out" && : >"$folder/kept" || return
	# shellcheck disable=SC2094 # one end adds, the other follows
	exec {_expool_in}<>"$folder/in" {_expool_out}<>"$folder/out" {_expool_keep}>>"$folder/kept" {_expool_kept}<"$folder/kept"
	rm -r -- "$folder"
	"$server" --on-eof=terminate "$@" <&"$_expool_in" >&"$_expool_out" &
	_expool_pid=$!
	expool_call status >/dev/null || { local status=$? && _expool_forget "$status" && return "$status"; } # wrong flags show now
}

expool_call() { # method [params]
	# shellcheck disable=SC2016 # the dollars are jq's
	local line params=${2:-{\}} request='if length != 1 or (tojson | contains("\ufffd")) then error("wrong") else {jsonrpc: "2.0", id: "call", method: $method, params: .[0]} end'
	[[ ${_expool_pid-} ]] || { _expool_say "$1: no conversation is open: expool_open comes first" && return 3; }
	line=$(jq -cs --arg method "$1" "$request" 2>/dev/null <<<"$params") || # not as an argument, which the kernel limits
		{ _expool_say "$1: its params are not one JSON value in UTF-8 without U+FFFD: ${params:0:200}" && return 1; }
	printf '%s\n' "$line" >&"$_expool_in"
	_expool_answer "$1"
}

_expool_answer() { # method
	local line
	while _expool_read; do
		if [[ $line == '{"jsonrpc":"2.0","id":"call",'* || $line == '{"jsonrpc":"2.0","id":null,'* ]]; then # null: the line was too long
			jq -ce --arg method "$1" 'if .error then "expool: \($method): \(.error.message)\n" | halt_error(1) else .result end' <<<"$line"
			return
		fi
		printf '%s\n' "$line" >&"$_expool_keep"
	done
	_expool_say "$1: the server has ended"
	return 3
}

# Reads a line. This shell holds the pipe open as well, so that its end does not come: look at the server now and then.
_expool_read() { # sets line
	local part status
	line=
	while true; do
		status=0
		IFS= read -r -t 1 part <&"$_expool_out" || status=$?
		line+=$part
		((status != 0)) || return 0
		((status > 128)) && kill -0 "$_expool_pid" 2>/dev/null || return 1
	done
}

expool_execute() { # [--field value]... [--] command [args]
	local params fields=()
	while [[ ${1-} == --?* ]]; do
		(($# > 1)) || { _expool_say "execute: $1 needs a value" && return 1; }
		fields+=("${1#--}" "$2")
		shift 2
	done
	[[ ${1-} != -- ]] || shift
	params=$(_expool_job "${#fields[@]}" "${fields[@]}" "$@") || return
	params=$(expool_call execute "$params") || return
	jq .job <<<"$params"
}

# Values are taken as JSON where they are, but for the fields that are always text. jq makes U+FFFD of what is not UTF-8.
_expool_job() { # how many of the arguments are fields and values; these; the command
	# shellcheck disable=SC2016
	_expool_texts "$@" | jq -cs 'if any(contains("\ufffd")) then "expool: execute: there are bytes that are not UTF-8, or U+FFFD\n" | halt_error(1) else . end
		| (.[0] | tonumber) as $n | .[1:] | .[$n:] as $args | .[:$n]
		| [range(0; $n; 2) as $i | {(.[$i]): (.[$i] as $field | .[$i + 1] as $value | $value
			| if $field | IN("name", "workdir", "stdin", "category") then . else (try fromjson catch $value) end)}]
		| {name: ($args | join(" ")), args: $args} + (add // {})'
}

# Prints texts as JSON, a line each: as arguments of a program, the kernel would limit them.
_expool_texts() { # text...
	local LC_ALL=C text i byte code
	for text; do
		text=${text//\\/\\\\}
		text=${text//\"/\\\"}
		if [[ $text == *[$'\001'-$'\037']* ]]; then
			for ((i = 1; i < 32; i++)); do
				printf -v code '\\x%02x' "$i"
				printf -v byte '%b' "$code"
				printf -v code '\\u%04x' "$i"
				text=${text//"$byte"/"$code"}
			done
		fi
		printf '"%s"\n' "$text"
	done
}

expool_join() { # [timeout]
	local result
	result=$(expool_call join "{\"timeout\":${1:-0}}") || return
	printf '%s\n' "$result"
	jq -e '.completed and .failed == 0' <<<"$result" >/dev/null
}

expool_notifications() {
	local line
	while IFS= read -r line <&"$_expool_kept"; do printf '%s\n' "$line"; done
}

expool_close() {
	local status=0
	expool_call shutdown >/dev/null || status=$?
	[[ ! ${_expool_pid-} ]] || _expool_forget "$status"
	return "$status"
}

_expool_forget() { # status of the last call; if that failed, nobody has told the server to end
	[[ $1 == 0 ]] || kill "$_expool_pid" 2>/dev/null || true
	wait "$_expool_pid" || true
	exec {_expool_in}>&- {_expool_out}<&- {_expool_keep}>&- {_expool_kept}<&-
	unset _expool_pid _expool_in _expool_out _expool_keep _expool_kept
}
