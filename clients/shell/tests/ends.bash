# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# How runs end, and that nothing is left of them.

# Starts a run of endless jobs that ignore soft signals and have children in other sessions; sets run to its id.
endless() { # mark, options...
	mkfifo feed
	exec {feed}<>feed # the input does not end
	printf "%s${separator-\n}" 1 2 3 4 5 >&"$feed"
	EXPOOL_TEST_MARK=$1.$$ "$here/expool" run -j2 --grace 0.1 "${@:2}" sh -c 'trap "" TERM INT HUP; setsid sleep 1000 & echo >started.$0; sleep 1000; sleep 1000' <feed {feed}>&- >out 2>err &
	run=$!
	# shellcheck disable=SC2064 # a failed test leaves no run
	trap "kill $run 2>/dev/null" EXIT
	until_true file_has started.1
	until_true file_has started.2
}

signal_ends_all() { # signal, status
	local run status=0
	endless "$1"
	kill "-$1" "$run"
	wait "$run" || status=$?
	is "$status" "$2" "status after SIG$1"
	nothing_is_left "$1"
}

test_SIGTERM_ends_all() { signal_ends_all TERM 143; }
test_SIGHUP_ends_all() { signal_ends_all HUP 129; }

test_SIGKILL_of_the_script_ends_all() {
	local run separator='\0'
	endless KILL -0 --halt soon,fail=5
	kill -KILL "$run"
	nothing_is_left KILL
}

test_SIGKILL_of_the_script_prints_what_had_finished() {
	local run
	EXPOOL_TEST_MARK=told.$$ "$here/expool" run -j2 --joblog log sh -c 'test $0 = a || exec sleep 1000; echo $0' ::: a b >out 2>err &
	run=$!
	until_true file_has out
	kill -KILL "$run"
	nothing_is_left told
	is "$(<out)" a
	is "$(sed -n 2p log | cut -f 1,7)" $'1\t0'
}

test_SIGKILL_of_the_server_is_told() {
	local run status=0
	endless server
	until_true server_is_known
	kill -KILL "$server"
	wait "$run" || status=$?
	is "$status" 3
	has "$(<err)" 'ended with status 137'
	nothing_is_left server
}

# On a terminal of its own. What is written to the fifo "keys" is typed there.
on_terminal() { # mark, command
	mkfifo keys
	set -m # else SIGINT would be ignored
	EXPOOL_TEST_MARK=$1.$$ script -qec "$2" /dev/null <keys >seen 2>&1 &
	terminal=$!
	set +m
	trap 'kill "$terminal" 2>/dev/null' EXIT
	exec {keys}>keys
}

sigint_is_ignored() { # by whoever started the tests; then no child can change it
	local ignored
	ignored=$(sed -n 's/^SigIgn:\s*/0x/p' /proc/$$/status)
	(((ignored & 2) != 0))
}

test_Ctrl_C_ends_all_with_130() {
	! sigint_is_ignored || skip "SIGINT is ignored here"
	on_terminal interrupt "trap : INT; '$here/expool' run -j2 sh -c 'echo >started.\$0; sleep 1000' ::: 1 2 3; echo \"status \$?\" >status"
	until_true file_has started.2
	printf '\003' >&"$keys"
	until_true file_has status
	is "$(<status)" 'status 130'
	exec {keys}>&-
	nothing_is_left interrupt
}

test_closing_the_terminal_ends_all() {
	on_terminal closed "'$here/expool' run -j2 sh -c 'echo >started.\$0; sleep 1000' ::: 1 2 3"
	until_true file_has started.2
	kill -KILL "$terminal"
	nothing_is_left closed
}

test_a_reader_that_has_enough_ends_all() {
	is "$(EXPOOL_TEST_MARK=head.$$ expool run sh -c 'echo line; sleep 0.01' < <(yes) | head -n 1)" line
	nothing_is_left head
}

test_nothing_is_left_after_a_normal_end() {
	EXPOOL_TEST_MARK=normal.$$ ends_with 1 expool run --retries-on-timeout 1 -0 sh -c 'exit 1' < <(printf 'a\0b')
	nothing_is_left normal
	EXPOOL_TEST_MARK=normal.$$ ends_with 0 expool run --dry-run echo ::: a
	EXPOOL_TEST_MARK=normal.$$ ends_with 2 expool run echo {9} ::: a
	nothing_is_left normal
}

test_exit_statuses() {
	ends_with 0 expool run true ::: 1
	ends_with 1 expool run sh -c 'exit $0' ::: 0 99
	ends_with 2 expool run --no-such-option true ::: 1
	has "$err" '--no-such-option is not an option'
	ends_with 2 expool run
	ends_with 2 expool run -j
	has "$err" "-j is ''"
	ends_with 2 expool run -j 0 true ::: 1
	ends_with 2 expool run --timeout 5m true ::: 1
	ends_with 2 expool run --memlim 5XB true ::: 1
	ends_with 2 expool run --affinity no-such-step true ::: 1
	has "$err" no-such-step
	ends_with 2 expool frobnicate
	ends_with 2 expool jobs a b
	ends_with 2 expool jobs nowhere
	has "$err" "can't read nowhere: there is no such file"
}

test_options_take_their_values_in_all_forms() {
	local form
	for form in '-j 2' -j2 --jobs=2 '--jobs 2'; do
		# shellcheck disable=SC2086
		ends_with 0 expool run $form --timeout=60 --grace .5 --memlim 1GiB --memlimit '4 GiB' -- true ::: 1
	done
}

test_halt_now_ends_what_runs() {
	EXPOOL_TEST_MARK=now.$$ ends_with 1 expool run -j2 --halt now,fail=1 sh -c 'test $0 = bad || exec sleep 1000; exit 1' ::: long bad never < /dev/null
	nothing_is_left now
	ends_with 0 expool run -j2 --halt now,success=1 --joblog log sh -c 'test $0 = good || exec sleep 1000' ::: long good never
}

test_halt_soon_lets_what_runs_finish_and_starts_no_more() {
	# the second job ends only after the end of the first has been seen
	EXPOOL_TEST_MARK=soon.$$ ends_with 1 expool run -j2 --joblog log --halt soon,fail=1 sh -c ': >ran.$0; test $0 != 1 || exit 1
		until test "$(wc -l <log)" = 2; do sleep 0.01; done; echo $0' ::: 1 2 3 4 5
	is "$out" 2
	is "$(echo ran.*)" 'ran.1 ran.2'
	rm ran.*
	EXPOOL_TEST_MARK=soon.$$ ends_with 1 expool run -j1 --halt soon,fail=2 sh -c ': >ran.$0; test $0 != 2 && test $0 != 4' < <(seq 1000)
	is "$(echo ran.*)" 'ran.1 ran.2 ran.3 ran.4'
	nothing_is_left soon
}

test_halt_that_is_not_known_is_refused() {
	local halt
	for halt in now,fail=10% soon now,fail=0 later,fail=1 2; do
		ends_with 2 expool run --halt "$halt" true ::: 1
		has "$err" "--halt is '$halt'"
	done
}

test_retries_on_timeout_are_bounded() {
	ends_with 1 expool run --timeout 0.2 --grace 0 --retries-on-timeout 2 sh -c 'echo x >>attempts.$0; exec sleep 1000' ::: a
	is "$(wc -l <attempts.a)" 3
	has "$err" 'job 1 '
	has "$err" ': timeout'
	ends_with 0 expool run --timeout 2 --grace 0 --retries-on-timeout 9 sh -c 'echo x >>attempts.$0; test -e again.$0 || { : >again.$0; exec sleep 1000; }' ::: b
	is "$(wc -l <attempts.b)" 2
}

# The input then fills the pipe to a server that is gone, to its last byte, since the lines are long.
test_SIGKILL_of_the_server_amid_a_flood_of_input_is_told() {
	EXPOOL_TEST_MARK=flood.$$ "$here/expool" run -j1 sh -c 'echo >started; exec sleep 1000' <<<"$(yes "$(printf '%9999s' x)" | head -n 2000)" >out 2>err &
	run=$!
	trap 'kill "$run" 2>/dev/null' EXIT
	until_true file_has started
	[[ $(<"/proc/$run/wchan") != 0 ]] || skip "the kernel does not tell what processes wait for"
	until_true pipe_is_full "$run"
	until_true server_is_known
	kill -KILL "$server"
	local status=0
	wait "$run" || status=$?
	is "$status" 3
	nothing_is_left flood
}

pipe_is_full() { # a run: does the reader of its input wait to write?
	local pid
	for pid in $(<"/proc/$1/task/$1/children"); do
		if [[ $(<"/proc/$pid/comm") == jq && $(<"/proc/$pid/wchan") == *pipe_write* ]]; then return 0; fi
	done
	return 1
}

# A program that stands for the real one, and sends a signal to the run that starts it.
signalling() { # program, signal
	rm -rf signalling && mkdir signalling
	printf '#!/bin/sh\nkill -%s %s\nexec %q "$@"\n' "$2" '"$PPID"' "$(type -P "$1")" >"signalling/${1##*/}"
	chmod +x signalling/*
}

test_a_signal_while_a_run_is_started_ends_it() {
	local signal program run status path=$PWD/signalling:${EXPOOL_RPC%/*}:$PATH server=${EXPOOL_RPC##*/}
	for signal in TERM HUP; do
		for program in mkdir mkfifo "$EXPOOL_RPC"; do
			signalling "$program" "$signal"
			PATH=$path EXPOOL_RPC=$server EXPOOL_TEST_MARK=early.$$ "$here/expool" run --grace 0 sleep ::: 1000 >out 2>err &
			run=$! status=0
			until_true not kill -0 "$run" 2>/dev/null
			wait "$run" || status=$?
			is "$status" $((128 + $(kill -l "$signal"))) "SIG$signal at $program: $(<err)"
			nothing_is_left early
		done
	done
}

test_a_signal_while_a_pipe_has_no_writer_ends_the_run() {
	local run status=0
	mkfifo input
	EXPOOL_TEST_MARK=pipe.$$ "$here/expool" run -a input echo &
	run=$!
	trap 'kill -KILL "$run" 2>/dev/null' EXIT
	until_true server_is_known
	kill -TERM "$run"
	until_true not kill -0 "$run" 2>/dev/null
	wait "$run" || status=$?
	is "$status" 143
	nothing_is_left pipe
}

test_Ctrl_C_ends_a_loop_of_runs() {
	! sigint_is_ignored || skip "SIGINT is ignored here"
	on_terminal loop "bash -c 'for i in 1 2 3; do \"$here/expool\" run -j1 sh -c \": >ran.\$i; exec sleep \\\$0\" ::: 1000; done'"
	until_true compgen -G 'ran.1'
	printf '\003' >&"$keys"
	until_true not kill -0 "$terminal"
	is "$(echo ran.*)" ran.1
	exec {keys}>&-
	nothing_is_left loop
}

test_a_reader_that_has_enough_is_status_141() {
	local options
	for options in '' --tag --json --dry-run; do
		# shellcheck disable=SC2086
		expool run $options sh -c 'seq 30000' ::: {1..50} 2>err | head -n 1 >out
		is "${PIPESTATUS[0]} $(<err)" '141 ' "$options"
	done
}

test_a_server_that_ends_without_a_word_is_told() {
	EXPOOL_RPC=$(type -P true) ends_with 3 expool run echo ::: a
	has "$err" 'ended with status 0'
	nothing_is_left silent
}

test_a_number_of_retries_is_decimal_and_bounded() {
	ends_with 0 expool run --retries-on-timeout 08 true ::: a
	ends_with 2 expool run --retries-on-timeout 99999999999999999999 true ::: a
	has "$err" "--retries-on-timeout is '99999999999999999999'"
}

# A server that refuses all calls, and does not end by itself.
refusing_server() {
	cat >refusing <<-'END'
		#!/usr/bin/env bash
		while IFS= read -r line; do
			[[ $line =~ \"id\":\"([^\"]*)\" ]] && printf '{"jsonrpc":"2.0","id":"%s","error":{"code":-32603,"message":"out of order"}}\n' "${BASH_REMATCH[1]}"
		done
		exec sleep 1000
	END
	chmod +x refusing
}

test_a_refused_end_ends_the_run() {
	local run status option
	refusing_server
	for option in '' -k '--halt soon,fail=1'; do
		# shellcheck disable=SC2086
		EXPOOL_RPC=$PWD/refusing EXPOOL_TEST_MARK=refused.$$ "$here/expool" run $option echo < <(echo a) >out 2>err &
		run=$! status=0
		trap 'kill "$run" 2>/dev/null' EXIT
		until_true not kill -0 "$run" 2>/dev/null
		wait "$run" || status=$?
		is "$status" 3 "$option"
		has "$(<err)" 'expool: line 1: out of order'
		has "$(<err)" "expool: $PWD/refusing: out of order"
		nothing_is_left refused
	done
}

test_SIGKILL_of_the_server_loses_no_output_that_waits_for_its_turn() {
	local run option status server
	for option in '' --json; do
		: >log
		# shellcheck disable=SC2086
		EXPOOL_TEST_MARK=turn.$$ "$here/expool" run -k -j2 --joblog log $option sh -c 'test $0 = 1 && exec sleep 1000; echo out-$0' ::: 1 2 3 4 5 >out 2>err &
		run=$! status=0
		trap 'kill "$run" 2>/dev/null' EXIT
		until_true lines_in log 5
		until_true server_is_known
		kill -KILL "$server"
		wait "$run" || status=$?
		is "$status" 3
		is "$(grep -o 'out-[0-9]' out | uniq)" $'out-2\nout-3\nout-4\nout-5' "$option"
		is "$(<err)" "expool: $EXPOOL_RPC ended with status 137: what it had finished is printed"
		nothing_is_left turn
	done
}

test_a_reader_that_has_enough_is_status_141_where_SIGPIPE_is_ignored() {
	local options
	for options in '' --tag --json --dry-run; do
		(
			trap '' PIPE
			# shellcheck disable=SC2086
			expool run $options sh -c 'seq 30000' ::: {1..50} 2>err | head -n 1 >out
			is "${PIPESTATUS[0]} $(<err)" '141 ' "$options"
		) || exit
	done
}

test_a_job_that_is_run_again_shows_the_output_of_its_last_attempt() {
	local job='echo out$0; echo err$0 >&2; echo x >>attempts.$0; test $(wc -l <attempts.$0) = $1 || exec sleep 1000'
	ends_with 0 expool run --retries-on-timeout 2 --timeout 2 --grace 0 sh -c "$job" ::: 1 ::: 2
	is "$out|$err" 'out1|err1'
	ends_with 1 expool run --retries-on-timeout 1 --timeout 2 --grace 0 --results r sh -c "$job" ::: 2 ::: 9
	is "$(cat r/1.out r/1.err)" $'out2\nerr2'
	is "$out" out2
}

# Two jobs that, once both run, grow until the other has ended: together they break the limit, alone they do not.
test_jobs_that_the_memory_limit_puts_off_finish_with_the_output_of_their_last_attempt() {
	local job='echo out$0; echo x >>attempts.$0; exec python3 growing $0 $((3 - $0))' option
	type -P python3 >/dev/null || skip "there is no python3"
	cat >growing <<-'END'
		import os, sys, time
		me, other = ("pid." + name for name in sys.argv[1:])
		with open(me + ".new", "w") as file:
		    file.write(str(os.getpid()))
		os.rename(me + ".new", me)
		while not os.path.exists(other):
		    time.sleep(0.01)
		process, held = "/proc/" + open(other).read(), []
		while os.path.exists(process):
		    if len(held) < 15:
		        held.append(bytearray(10 << 20))
		    time.sleep(0.02)
	END
	for option in '' '--halt soon,fail=1'; do
		rm -f pid.* attempts.*
		# shellcheck disable=SC2086
		ends_with 0 expool run -k -j2 --memlimit 250MB $option sh -c "$job" ::: 1 2
		is "$out" $'out1\nout2'
		(($(cat attempts.* | wc -l) > 2)) || fail "none was put off"
	done
}
