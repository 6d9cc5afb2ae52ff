# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# expool.sh. Each test is a script of its own, under set -euo pipefail.

run_script() { # in: the script
	{ printf 'set -euo pipefail\n. %q\n' "$here/expool.sh" && cat; } >script.bash
	EXPOOL_TEST_MARK=functions.$$ bash script.bash >out 2>err || status=$?
	out=$(<out) err=$(<err) status=${status:-0}
}

test_a_conversation() {
	run_script <<-'END'
		expool_open --workers=2
		id=$(expool_execute --timeout 60 --stdout pipe --params '{"x": [1]}' -- echo 'a  b' '$HOME')
		echo "id $id"
		expool_execute --name 5 --category 7 true
		expool_join | jq -c '[.completed, .done, .failed]'
		expool_notifications | jq -c 'select(.method == "onfinish").params | [.name, .stdout, .params, .category]'
		expool_notifications
		expool_call jobs '{"state": "done"}' | jq '.jobs | length'
		expool_close
		expool_open
		expool_call status | jq .done
		expool_close
	END
	is "$err" ''
	is "$out" $'id 1\n2\n[true,2,0]\n["echo a  b $HOME","a  b $HOME\\n",{"x":[1]},null]\n["5",null,null,"7"]\n2\n0'
	nothing_is_left functions
}

test_a_join_with_failures_is_false() {
	run_script <<-'END'
		expool_open
		expool_execute false >/dev/null
		if expool_join >result.json; then echo wrong; else echo "false $?"; fi
		jq .failed result.json
		expool_execute sleep 1000 >/dev/null
		expool_join 0.1 | jq .completed || echo "timeout $?"
		expool_close
	END
	is "$out" $'false 1\n1\nfalse\ntimeout 1'
}

test_errors_of_calls_are_told_and_end_the_script() {
	run_script <<-'END'
		expool_open
		expool_execute --timeuot 3 true || echo "status $?"
		expool_call no_such_method || echo "status $?"
		expool_call jobs '{bad' || echo "status $?"
		expool_execute --timeout || echo "status $?"
		id=$(expool_execute --timeout -1 true)
		echo "not reached"
	END
	is "$status" 1
	is "$out" $'status 1\nstatus 1\nstatus 1\nstatus 1'
	has "$err" 'expool: execute: invalid params: timeuot is not known: did you mean timeout?'
	has "$err" 'expool: no_such_method: there is no method'
	has "$err" 'expool: jobs: its params are not one JSON value in UTF-8 without U+FFFD: {bad'
	nothing_is_left functions
}

test_a_missing_or_dead_server_is_status_3() {
	run_script <<-'END'
		EXPOOL_RPC=/nowhere expool_open || echo "missing $?"
		expool_open --no-such-flag || echo "wrong flags $?"
		expool_call status || echo "not open $?"
		expool_open
		kill -KILL "$_expool_pid"
		expool_call status || echo "dead $?"
	END
	is "$out" $'missing 3\nwrong flags 3\nnot open 3\ndead 3'
	has "$err" 'EXPOOL_RPC is /nowhere, which is no program'
	has "$err" 'status: no conversation is open: expool_open comes first'
	has "$err" 'status: the server has ended'
}

test_the_end_of_the_script_ends_all_jobs() {
	run_script <<-'END'
		expool_open
		expool_execute sh -c 'trap "" TERM; sleep 1000; sleep 1000' >/dev/null
		kill -KILL $$
	END
	is "$status" 137
	nothing_is_left functions
}

test_values_that_are_null_or_false_are_no_text() {
	run_script <<-'END'
		expool_open
		expool_execute --name null --stdout null --rsrtonto false -- echo not shown >/dev/null
		expool_execute --name stub --args null --params false -- x >/dev/null
		expool_join | jq -c '[.done, .failed]'
		expool_call jobs | jq -c '.jobs[] | [.name, .pid == null, .params]'
		expool_close
	END
	is "$err" ''
	is "$out" $'[2,0]\n["null",false,null]\n["stub",true,false]'
}

test_an_answer_may_contain_what_a_notification_has() {
	run_script <<-'END'
		expool_open
		expool_execute --params '{"method":"onstart"}' -- true
		expool_join >/dev/null
		expool_call jobs | jq -r '.jobs[].params.method'
		expool_close
	END
	is "$out" $'1\nonstart'
}

test_what_is_not_UTF_8_is_refused() {
	run_script <<-'END'
		expool_open
		expool_execute -- echo $'bad\xff' || echo "argument $?"
		expool_execute --name $'bad\xff' true || echo "field $?"
		expool_call jobs $'{"name":"\xff"}' || echo "params $?"
		expool_close
	END
	is "$out" $'argument 1\nfield 1\nparams 1'
}

test_without_jq_the_functions_give_3() {
	programs_without jq
	run_script <<-'END'
		path=$PATH
		PATH=$PWD/programs
		expool_open || echo "open $?"
		PATH=$path
		expool_open
		PATH=$PWD/programs
		expool_close || echo "close $?"
	END
	is "$out" $'open 3\nclose 1'
	has "$err" 'jq 1.6 or later is needed'
	nothing_is_left functions
}

test_closing_what_is_not_open_gives_3() {
	run_script <<<'expool_close || echo "status $?"'
	is "$out" 'status 3'
	is "$err" 'expool: shutdown: no conversation is open: expool_open comes first'
}

test_params_and_arguments_may_be_long() {
	run_script <<-'END'
		long=$(head -c 140000 /dev/zero | tr '\0' x)
		expool_open
		expool_execute --params "[\"$long\"]" --stdout pipe -- printf '%s|' $'"\\\t\n\001é\177' '&' '' >/dev/null
		expool_execute -- true "${long:1:70000}" >/dev/null # twice, since it is a part of the name
		expool_call execute "{\"jobs\": [$(for i in {1..2500}; do printf '{"name": "a job with a number: %s", "args": null},' "$i"; done) {\"name\": \"last\", \"args\": null}]}" | jq '.jobs | length'
		expool_join | jq -c '[.done, .failed]'
		expool_call jobs '{"limit": 1}' | jq -r '.jobs[] | .stdout, (.params[0] | length)'
		expool_call execute "$long" || echo "refused $?"
		expool_call jobs '{} {}' || echo "two $?"
		expool_call jobs ' ' || echo "none $?"
		expool_close
	END
	is "$out" $'2501\n[2503,0]\n"\\\t\n\001é\177|&||\n140000\nrefused 1\ntwo 1\nnone 1'
	((${#err} < 1000)) || fail "${#err} characters of errors"
}
