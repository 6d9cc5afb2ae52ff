# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# expool top.

test_top_shows_running_and_queued_jobs() {
	"$here/expool" run -j2 sh -c 'echo >started.$0; exec sleep 1000' ::: 1 2 'third  one' '4 "quoted\' &
	run=$!
	trap 'kill "$run"; wait "$run"' EXIT
	until_true file_has started.1
	until_true file_has started.2
	until_true shows "run "*": 2 running, 2 queued"
	ends_with 0 expool top
	is "$(sed 1,2d out | awk '{ print $1, $2 }')" $'1 running\n2 running\n3 queued\n4 queued'
	has "$out" "exec sleep 1000' 'third  one'"
	has "$out" "exec sleep 1000' '4 \"quoted\\'"
}

shows() { [[ $(expool top) == $1* ]]; }

test_top_without_runs_says_so() {
	ends_with 0 expool top
	has "$out" 'no run of yours is going on'
	mkdir -m 700 "$TMPDIR/expool-$UID-1-1" # left by a run that was killed with all its processes
	echo 999999999 >"$TMPDIR/expool-$UID-1-1/shown"
	ends_with 0 expool top
	has "$out" 'no run of yours is going on'
}

test_top_on_a_terminal_ends_with_q() {
	on_terminal top "'$here/expool' top; echo \"status \$?\" >status"
	until_true grep -q 'no run of yours' seen
	printf q >&"$keys"
	until_true file_has status
	is "$(<status)" 'status 0'
}
