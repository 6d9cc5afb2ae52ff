# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# What is given arrives as it was.

# Lines that other tools stumble on.
awkward() {
	# that is the point
	printf '%s\n' 'two  spaces ' "it's" '"double"' '$(touch injected)' '`touch injected`' '\n \\ \' '-leading' '--' '*' '~' '{}' 'a;b|c&d' \
		$'tab\there' $'\001\033\177' 'ünïcødé 日本語 🎉' '%s %d' '' '!event' '#' ':' '&amp;' '\u0041'
}

test_lines_arrive_unharmed() {
	awkward >wanted
	expool run -k printf '%s\n' <wanted >seen || fail "status $?"
	cmp wanted seen || fail "changed on the way"
	[[ ! -e injected ]] || fail "an argument was executed"
}

test_the_last_line_needs_no_newline() {
	is "$(printf 'a\nb' | expool run -k echo)" $'a\nb'
}

test_with_0_newlines_arrive_unharmed() {
	awkward | grep -v $'\001' | tr '\n' '\0' >wanted
	printf 'two\nlines\n\0\n\0' >>wanted
	expool run -0 -k printf '%s\0' <wanted >seen || fail "status $?"
	cmp wanted seen || fail "changed on the way"
}

test_values_of_lists_arrive_unharmed() {
	local -a values
	mapfile -t values < <(awkward)
	values+=($'two\nlines')
	printf '%s\0' "${values[@]}" >wanted
	expool run -k -- printf '%s\0' ::: "${values[@]}" >seen || fail "status $?"
	cmp wanted seen || fail "changed on the way"
}

test_words_of_the_command_arrive_unharmed() {
	is "$(expool run -- printf '<%s>' '$HOME' 'a  b' -x '' {} ::: 1)" '<$HOME><a  b><-x><><1>'
}

test_arguments_of_100_kB_arrive_unharmed() {
	local i
	for i in 1 2 3; do printf "%${i}s"; head -c 100000 /dev/zero | tr '\0' x; echo; done | tr ' ' y >wanted
	for i in 1 2 3; do # each byte of a character comes to lie on a boundary of any buffer
		printf "%${i}s" | tr ' ' y
		head -c 33333 /dev/zero | sed 's/\x00/日/g'
		echo
	done >>wanted
	expool run -k printf '%s\n' <wanted >seen || fail "status $?"
	cmp wanted seen || fail "changed on the way"
}

test_arguments_that_are_not_UTF_8_are_refused_by_their_line() {
	ends_with 2 expool run echo < <(printf 'a\nb\377\nc\n')
	has "$err" 'line 2: the argument has bytes that are not UTF-8'
	is "$(sort <<<"$out")" $'a\nc'
}

test_placeholders_are_filled() {
	ends_with 0 expool run printf '%s\n' {} {.} {/} {//} {/.} {#} 'x{}y{.}' {1} {1/.} ::: dir.d/a.tar.gz
	is "$out" "$(printf '%s\n' dir.d/a.tar.gz dir.d/a.tar a.tar.gz dir.d a.tar 1 'xdir.d/a.tar.gzydir.d/a.tar' dir.d/a.tar.gz a.tar)"
	ends_with 0 expool run printf '%s\n' {.} {/} {//} {/.} ::: /b
	is "$out" $'/b\nb\n/\nb'
	is "$(expool run echo {//} ::: b)" .
}

test_what_an_argument_contains_is_no_placeholder() {
	is "$(expool run echo {} {#} ::: '{#}{}')" '{#}{} 1'
}

test_lists_are_combined_the_last_one_fastest() {
	is "$(expool run -k echo {2}-{1} ::: a b ::: 1 2)" $'1-a\n2-a\n1-b\n2-b'
	is "$(expool run -k printf '<%s>' ::: a ::: 'b c')" '<a><b c>'
	is "$(expool run -k printf '<%s>' {} x{} ::: a ::: 'b c')" '<a><b c><xa b c>'
}

test_a_placeholder_beyond_the_lists_is_wrong_usage() {
	ends_with 2 expool run echo '{3}' ::: a ::: b
	has "$err" '{3}: there is only {1} to {2}'
	ends_with 2 expool run echo '{0}' ::: a
}

test_input_may_come_from_a_file() {
	printf 'a\nb\n' >'my list'
	is "$(expool run -k -a 'my list' echo)" $'a\nb'
	ends_with 2 expool run -a nowhere echo
	has "$err" "can't read nowhere: there is no such file"
	ends_with 2 expool run -a . echo
	has "$err" "can't read .: it is a folder"
}

test_no_input_is_no_job_and_a_success() {
	ends_with 0 expool run echo </dev/null
	is "$out" ''
}

test_a_dry_run_prints_commands_that_a_shell_understands() {
	ends_with 0 expool run --dry-run printf '%s|' {} "it's" ::: 'a b' $'two\nlines' '-x' ''
	is "$(wc -l <out)" 4
	is "$(bash out)" $'a b|it\'s|two\nlines|it\'s|-x|it\'s||it\'s|'
	ends_with 0 expool run --dry-run touch ::: made
	[[ ! -e made ]] || fail "it ran"
}

test_words_of_the_command_that_are_not_UTF_8_are_refused() {
	ends_with 2 expool run printf '%s\n' $'bad\xff' ::: a
	has "$err" 'a word of the command has bytes that are not UTF-8'
	is "$out" ''
}

test_a_folder_for_output_that_is_not_UTF_8_is_refused() {
	ends_with 2 expool run --results $'r\xff' echo ::: a
	has "$err" 'the folder for output has bytes that are not UTF-8'
	mkdir $'t\xff'
	TMPDIR=$PWD/$'t\xff' ends_with 2 expool run echo ::: a
	has "$err" 'the folder for output has bytes that are not UTF-8'
}

# Of the name and of the arguments, so that a short line can do it.
test_a_line_that_becomes_too_long_a_request_is_refused_by_its_number() {
	local word
	word=$(printf '{}%.0s' {1..80})
	{ head -c 450000 /dev/zero | tr '\0' x && printf '\n2\n3\n'; } >lines
	ends_with 2 expool run -k sh -c 'echo ${#0}' "$word" <lines
	has "$err" 'expool: line 1: is too long'
	is "$out" $'80\n80'
}

test_a_value_for_a_flag_is_wrong_usage() {
	local flag
	for flag in null keep-order tag json dry-run bar help; do
		ends_with 2 expool run "--$flag=false" echo ::: a
		is "$err" "expool: --$flag takes no value"
	done
}

test_a_device_or_a_pipe_may_be_the_input() {
	ends_with 0 expool run -a /dev/null echo
	ends_with 0 expool run -k -a <(printf 'a\nb\n') echo
	is "$out" $'a\nb'
}

test_closed_descriptors() {
	closed_input() { expool run "$@" <&-; }
	closed_output() { "$here/expool" run "$@" >&-; }
	ends_with 0 closed_input echo ::: a
	is "$out$err" a
	ends_with 2 closed_input echo
	is "$err" "expool: can't read the input: standard input is closed"
	ends_with 1 closed_output echo ::: a
	is "$err" "expool: can't write the output: standard output is closed"
	is "$(expool run echo ::: a 2>&-)" a
	nothing_is_left closed
}

test_a_dry_run_prints_the_commands_of_job_objects() {
	printf '%s\n' '{"name":"a name","args":["echo","a  b"]}' '' '{"name":"b","args":"my command"}' '{"name":"stub","args":null}' >jobs.jsonl
	ends_with 0 expool jobs --dry-run jobs.jsonl
	is "$out" $'echo \'a  b\'\n\'my command\'\n:'
	ends_with 2 expool jobs --dry-run < <(echo '{"name":"a"}')
	is "$err" 'expool: line 1: needs a name, and a command as args'
}
