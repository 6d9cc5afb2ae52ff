# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# expool top.

# Starts a run of endless jobs; sets run to its id.
endless_jobs() { # value...
	"$here/expool" run -j2 --grace 0 sh -c 'echo >started.$0; exec sleep 1000' ::: "$@" >out.run 2>&1 &
	run=$!
	trap 'kill "$run"; wait "$run"' EXIT
	until_true file_has started.1
	until_true file_has started.2
	until_true server_is_known
}

states_are() { [[ $(expool top | awk 'NR > 2 { print $1, $2 }') == "$1" ]]; }
top_has() { [[ $(expool top) == *"$1"* ]]; }

test_top_shows_running_and_queued_jobs() {
	endless_jobs 1 2 'third  one' '4 "quoted\'
	until_true states_are $'1 running\n2 running\n3 queued\n4 queued' # the input is read then, and the starts are told
	ends_with 0 expool top
	is "$(head -n 1 out)" "run $run: 2 running, 2 queued, 0 done, 0 failed"
	has "$out" "exec sleep 1000' 'third  one'"
	has "$out" "exec sleep 1000' '4 \"quoted\\'"
	[[ $(sed -n 3p out) =~ ^\ +1\ \ running\ +[0-9]+\ \ sh ]] || fail "no seconds: $(sed -n 3p out)"
}

test_top_shows_names_without_their_control_characters() {
	"$here/expool" jobs < <(jq -nc '{name: "red\u001b[31m\nline", args: ["sleep", "1000"]}') &
	run=$!
	trap 'kill "$run"; wait "$run"' EXIT
	until_true top_has '  red?[31m?line'
}

test_top_counts_what_has_finished() {
	"$here/expool" run -j1 sh -c 'test $0 != 3 || exec sleep 1000; exit $0' ::: 0 1 3 &
	run=$!
	trap 'kill "$run"; wait "$run"' EXIT
	until_true top_has "run $run: 1 running, 0 queued, 1 done, 1 failed"
}

test_top_sends_nothing_to_a_process_that_is_no_server() {
	local stranger
	sleep 1000 &
	stranger=$!
	trap 'kill "$stranger"' EXIT
	mkdir -m 700 "$TMPDIR/expool-$UID-77-1" # of a run that was killed with all its processes; the id is another's by now
	echo "$stranger" >"$TMPDIR/expool-$UID-77-1/server"
	ends_with 0 expool top
	is "$out" "run 77: has ended
no run of yours is going on (in $TMPDIR)"
	kill -0 "$stranger" || fail "the process was ended"
}

test_top_tells_of_a_server_that_does_not_answer() {
	endless_jobs 1 2
	kill -STOP "$server"
	trap 'kill -CONT "$server"; kill "$run"; wait "$run"' EXIT
	ends_with 0 expool top
	is "$out" "run $run: its server does not answer"
}

test_top_without_runs_says_so() {
	ends_with 0 expool top
	is "$out" "no run of yours is going on (in $TMPDIR)"
}

test_top_on_a_terminal_ends_with_q() {
	on_terminal top "'$here/expool' top; echo \"status \$?\" >status"
	until_true grep -q 'no run of yours' seen
	printf q >&"$keys"
	until_true file_has status
	is "$(<status)" 'status 0'
}

test_top_fits_the_terminal() {
	endless_jobs {1..30}
	on_terminal fits "stty rows 10; '$here/expool' top; echo >ended"
	trap 'kill "$terminal" "$run"; wait "$run"' EXIT
	until_true grep -q ' 7  queued' seen
	printf q >&"$keys"
	until_true file_has ended
	[[ $(<seen) != *' 8  queued'* ]] || fail "too long: $(<seen)"
}

test_top_needs_jq_and_has_help() {
	programs_without jq
	ends_with 3 env "PATH=$PWD/programs" "$here/expool" top
	has "$err" 'jq 1.6 or later is needed'
	ends_with 0 expool top --help
	has "$out" 'usage: expool run'
	ends_with 2 expool top no-argument
}
