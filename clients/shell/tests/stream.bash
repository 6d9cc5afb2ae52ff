# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# Input of any length streams.

test_the_first_job_starts_before_the_input_ends() {
	local run
	for option in '' -0 '--halt soon,fail=1'; do
		mkfifo input
		# shellcheck disable=SC2086
		"$here/expool" run $option echo <input >out &
		run=$!
		exec {feed}>input
		if [[ $option == -0 ]]; then printf 'a\0' >&"$feed"; else echo a >&"$feed"; fi
		until_true file_has out
		exec {feed}>&-
		wait "$run" || fail "status $?"
		is "$(<out)" a
		rm input out
	done
}

memory_of_run() { # its id: kB of the script and its children, without the jobs
	local pid
	for pid in "$1" $(<"/proc/$1/task/$1/children"); do sed -n 's/^VmRSS: *\([0-9]*\) kB/\1/p' "/proc/$pid/status"; done | awk '{ sum += $1 } END { print sum + 0 }'
}

# Jobs that run nothing, so that there are many; the input has no end, and what is ready is read at once.
test_memory_does_not_grow_with_the_input() {
	local early late
	"$here/expool" jobs --joblog log < <(yes '{"name":"stub with a name of some length","args":null}') &
	run=$!
	trap 'kill "$run"; wait "$run"' EXIT
	until_true lines_in log 4000
	early=$(memory_of_run "$run")
	until_true lines_in log 24000
	late=$(memory_of_run "$run")
	((late < early + 10000)) || fail "from $early kB after 4,000 jobs to $late kB after 24,000"
}
