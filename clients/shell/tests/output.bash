# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# What jobs write, and what is told of them.

test_output_of_jobs_is_never_mixed() {
	ends_with 0 expool run -j8 sh -c 'for i in 1 2 3 4 5; do printf "$0"; sleep 0.01; printf "$0\n"; done' \
		::: a b c d e f g h i j k l m n o p
	is "$(uniq -c <<<"$out" | awk '{ print $1 }' | sort -u)" 5 'lines of a job in a row'
	is "$(wc -l <out)" 80
	is "$(awk 'length != 2 || substr($0, 1, 1) != substr($0, 2)' out)" ''
}

test_output_of_any_size_and_kind_is_exact() {
	head -c 5000000 /dev/urandom >big
	printf 'a\0b\377\0' >binary
	printf 'no newline' >open
	expool run -k cat ::: big binary open >seen || fail "status $?"
	cat big binary open | cmp - seen || fail "changed on the way"
}

test_stderr_goes_to_stderr() {
	ends_with 0 expool run sh -c 'echo to out; echo to err >&2' ::: 1
	is "$out" 'to out'
	is "$err" 'to err'
}

test_the_order_of_input_is_kept_if_wanted() {
	# Each job waits until all later ones have ended.
	local job='until test "$(wc -l <log)" = $((5 - $0)); do sleep 0.01; done; echo $0'
	ends_with 0 expool run -j4 -k --joblog log sh -c "$job" ::: 1 2 3 4
	is "$out" $'1\n2\n3\n4'
	ends_with 0 expool run -j4 --joblog log sh -c "$job" ::: 1 2 3 4
	is "$out" $'4\n3\n2\n1'
}

test_a_tag_stands_before_each_line() {
	ends_with 0 expool run -k --tag printf '%s\n' ::: 1 ::: 2 '3  4'
	is "$out" $'1 2\t1\n1 2\t2\n1 3  4\t1\n1 3  4\t3  4'
	is "$(expool run -k --tag printf 'x\ny' ::: '&\1')" $'&\\1\tx\n&\\1\ty'
}

test_records_are_json() {
	ends_with 1 expool run -k --json sh -c 'echo "$0"; exit 3' ::: 'a b' 1
	is "$(jq -r '[.params.seq, .params.args[0], .code, .reason, .stdout] | @json' out)" $'[1,"a b",3,"exited","a b\\n"]\n[2,"1",3,"exited","1\\n"]'
}

test_the_joblog_has_the_columns_of_GNU_parallel() {
	ends_with 1 expool run --joblog log -j1 --timeout 30 sh -c 'kill -$0 $$; exit 7' ::: 0 9
	is "$(head -n 1 log)" $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand'
	is "$(tail -n +2 log | cut -f 1,2,5-)" $'1\t:\t0\t0\t7\t0\tsh -c \'kill -$0 $$; exit 7\' 0\n2\t:\t0\t0\t0\t9\tsh -c \'kill -$0 $$; exit 7\' 9'
	[[ $(sed -n 2p log | cut -f 3,4) =~ ^[0-9]{10}\.[0-9]{3}$'\t'[0-9]+\.[0-9]{3}$ ]] || fail "times: $(cat log)"
}

test_GNU_parallel_reads_the_joblog() {
	type -P parallel >/dev/null || skip "there is no GNU parallel"
	ends_with 1 expool run --joblog log -k sh -c 'exit $0' ::: 0 1 0
	is "$(parallel --resume-failed --joblog log -k 'echo again {}' ::: a b c 2>/dev/null)" 'again b'
}

test_results_are_kept_in_a_folder() {
	ends_with 1 expool run -k --results 'my results' sh -c 'echo out; [ "$0" = a ] || { echo err >&2; exit 1; }' ::: a b
	is "$out" $'out\nout'
	is "$(cd 'my results' && echo ./*)" './1.out ./2.err ./2.out ./records.jsonl'
	is "$(cat 'my results/2.err')" err
	is "$(jq -r '[.params.seq, .code] | @tsv' 'my results/records.jsonl' | sort)" $'1\t0\n2\t1'
	ends_with 2 expool run --results 'my results' true ::: a
	has "$err" 'is not empty'
}

test_a_failure_that_is_no_exit_is_told() {
	ends_with 1 expool run no-such-command ::: x
	has "$err" 'job 1 (no-such-command x): start_failed; command not found'
	ends_with 1 expool run --timeout 0.1 --grace 0 sleep ::: 1000
	has "$err" 'job 1 (sleep 1000): timeout'
	ends_with 1 expool run sh -c 'kill -9 $$' ::: x
	has "$err" 'signaled'
}

test_the_bar_is_silent_in_a_pipe() {
	ends_with 0 expool run --bar true ::: 1 2
	is "$err" ''
}

test_the_bar_shows_progress_on_a_terminal() {
	script -qec "'$here/expool' run --bar sh -c 'exit \$0' ::: 0 1 0" /dev/null </dev/null >seen
	has "$(<seen)" '0 running, 3 of 3 done, 1 failed,'
}

test_the_bar_takes_one_row_of_any_terminal() {
	script -qec "stty cols 20; '$here/expool' run --bar true ::: 1 2 3" /dev/null </dev/null >seen
	is "$(grep -o $'\r\e\\[K[^\r]*running[^\r]*' seen | grep -vc $'\e\\[?7l.*\e\\[?7h')" 0
	has "$(<seen)" '3 of 3 done'
}

test_job_objects_run() {
	printf '%s\n' '{"name":"a","args":["echo","hi"]}' '' '{"name":"b","args":["sh","-c","echo $X"],"env":{"X":"ünï"}}' \
		'{"name":"c","args":["echo","piped"],"stdout":"pipe","params":{"x":1}}' '{"name":"d","args":["echo","file"],"stdout":{"file":"d.txt"}}' >jobs.jsonl
	ends_with 0 expool jobs -j1 jobs.jsonl
	is "$out" $'hi\nünï\npiped'
	is "$(<d.txt)" file
	is "$(expool jobs --json -k <jobs.jsonl | jq -c '[.name, .stdout, .params]')" \
		$'["a","hi\\n",null]\n["b","ünï\\n",null]\n["c","piped\\n",{"x":1}]\n["d",null,null]'
}

test_wrong_lines_of_a_job_file_are_told_and_the_others_run() {
	printf '%s\n' '{"name":"a","args":["echo","first"]}' '{"name":"b",' '[1]' '{"name":"c","args":["true"],"timeuot":3}' '{"name":"d","args":["echo","last"]}' >'my jobs'
	ends_with 2 expool jobs -k 'my jobs'
	is "$out" $'first\nlast'
	has "$err" 'my jobs:2: is not JSON: '
	has "$err" 'my jobs:3: is not a job object'
	has "$err" 'my jobs:4: invalid params: timeuot is not known: did you mean timeout?'
}

test_a_tag_does_not_depend_on_the_name_of_the_folder() {
	ends_with 0 expool run -k --tag --results x=y sh -c 'echo out$0' ::: 1 2 3
	is "$out" $'1\tout1\n2\tout2\n3\tout3'
}

test_a_tag_may_be_long() {
	local half
	half=$(head -c 80000 /dev/zero | tr '\0' x) # both are more than the kernel takes as one argument or variable
	expool run -k --tag printf '%.1s' ::: "$half" ::: "$half" 1 >seen || fail "status $?"
	printf '%s %s\txx\n%s 1\tx1\n' "$half" "$half" "$half" | cmp - seen || fail "mixed up"
	ends_with 0 expool run -k --tag echo x {#} ::: '' $'two\nlines'
	is "$out" $'\tx 1\ntwo\nlines\tx 2'
}

test_captured_output_is_printed_as_it_is() {
	printf '%s\n' '{"name":"a","args":["printf","%s","open"],"stdout":"pipe"}' '{"name":"b","args":["true"],"stdout":"pipe"}' \
		'{"name":"c","args":["printf","\n\nend\n\n"],"stdout":"pipe"}' >jobs.jsonl
	expool jobs -k jobs.jsonl >seen || fail "status $?"
	printf 'open\n\nend\n\n' | cmp - seen || fail "changed on the way"
}

test_a_name_is_one_column_of_the_joblog() {
	ends_with 0 expool jobs --joblog log < <(jq -nc '{name: "a\tb\nc\rd", args: null}')
	is "$(tail -n +2 log | cut -f 9-)" 'a\tb\nc\rd'
}
