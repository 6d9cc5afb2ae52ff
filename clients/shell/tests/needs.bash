# shellcheck shell=bash disable=SC1003,SC1083,SC2016,SC2154,SC2317 # programs and placeholders as text; variables of ../test
# What a run needs of its host, and what it says when that is not there.

# A folder with the programs that expool uses, but for those named.
programs_without() { # name...
	local name
	mkdir programs
	for name in bash jq sed awk dirname readlink mkdir mkfifo rm cat ls sh echo; do
		[[ " $* " == *" $name "* ]] || ln -s "$(type -P "$name")" programs/
	done
}

test_the_server_is_found_by_EXPOOL_RPC_then_PATH_then_beside_the_script() {
	programs_without && mkdir beside path
	cp "$here/expool" beside/
	local script=(env -u EXPOOL_RPC "PATH=$PWD/path:$PWD/programs" beside/expool run echo ::: found)
	ends_with 3 "${script[@]}"
	has "$err" 'no server: expool-rpc is neither in PATH nor in beside; set EXPOOL_RPC to its path'
	cp "$EXPOOL_RPC" beside/expool-rpc
	ends_with 0 "${script[@]}"
	is "$out" found
	printf '#!/bin/sh\necho from PATH >&2; exit 2\n' >path/expool-rpc && chmod +x path/expool-rpc
	ends_with 2 "${script[@]}"
	has "$err" 'from PATH'
	EXPOOL_RPC=$PWD/nowhere ends_with 3 expool run true ::: 1
	has "$err" "EXPOOL_RPC is $PWD/nowhere, which is no program"
}

test_a_link_to_the_script_finds_the_server_beside_it() {
	programs_without && mkdir real
	cp "$here/expool" real/ && cp "$EXPOOL_RPC" real/expool-rpc && ln -s real/expool link
	ends_with 0 env -u EXPOOL_RPC "PATH=$PWD/programs" ./link run echo ::: found
	is "$out" found
}

test_jq_that_is_missing_or_too_old_is_told() {
	local version
	programs_without jq
	ends_with 3 env "PATH=$PWD/programs" "$here/expool" run true ::: 1
	has "$err" 'jq 1.6 or later is needed'
	for version in jq-1.5 jq-1.5-1-a5b5cbe jq-1.3; do
		printf '#!/bin/sh\necho %s\n' "$version" >programs/jq && chmod +x programs/jq
		ends_with 3 env "PATH=$PWD/programs" "$here/expool" run true ::: 1
		has "$err" "jq 1.6 or later is needed; $PWD/programs/jq is $version"
	done
}

test_only_bash_jq_and_common_utilities_are_used() {
	programs_without
	ends_with 0 env "PATH=$PWD/programs" "$here/expool" run -k --tag --joblog log --results r -0 sh -c 'echo $0' < <(printf 'a\0b\0')
	is "$out" $'a\ta\nb\tb'
	is "$err" ''
}

test_other_shells_are_told_what_is_needed() {
	local shell seen=''
	for shell in dash 'busybox sh' zsh; do
		type -P "${shell% *}" >/dev/null || continue
		# shellcheck disable=SC2086
		ends_with 2 $shell "$here/expool" run true ::: 1
		is "$err" 'expool: needs bash 4.4 or later: start it as ./expool or bash expool, not with sh (this is another shell)'
		seen=1
	done
	[[ $seen ]] || skip "there is neither dash nor busybox nor zsh"
}

test_bash_as_sh_is_fine() {
	ln -s "$(type -P bash)" sh
	is "$(./sh "$here/expool" run echo ::: x)" x
	is "$(POSIXLY_CORRECT=1 expool run echo ::: x)" x
}

test_a_full_disk_under_the_joblog_is_told_and_ends_the_run() {
	[[ -c /dev/full ]] || skip "there is no /dev/full"
	ends_with 2 expool run --joblog /dev/full sleep ::: 0 1000
	has "$err" "can't write /dev/full"
	full() { expool run --json sleep ::: 0 1000 >/dev/full; }
	ends_with 1 full
	has "$err" "can't write the output"
	full() { expool run --dry-run echo ::: a >/dev/full; }
	ends_with 1 full
	has "$err" 'No space left on device'
}

test_a_full_disk_under_the_results_is_told_and_keeps_what_was_finished() {
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small 2>/dev/null || skip "a small file system can't be mounted here"
	trap 'umount small' EXIT
	# the third job fills the disk, when the records of the first two are there
	ends_with 1 expool run -j1 --results small/r sh -c ': >ran.$0; echo $0; test $0 = 3 || exit 0
		until test "$(wc -l <small/r/records.jsonl)" = 2; do sleep 0.01; done; tr "\0" x </dev/zero' < <(seq 1000)
	has "$err" "can't write small/r/records.jsonl: No space left on device"
	is "$(cat small/r/1.out small/r/2.out)" $'1\n2'
	is "$(head -n 2 small/r/records.jsonl | jq -c '[.params.seq, .code]')" $'[1,0]\n[2,0]'
	[[ ! -e ran.1000 ]] || fail "the run went on"
}

test_what_can_not_be_written_is_told() {
	ends_with 2 expool run --joblog nowhere/log true ::: 1
	has "$err" "can't write nowhere/log"
	: >file
	ends_with 2 expool run --results file/r true ::: 1
	has "$err" "can't make the folder file/r"
	TMPDIR=$PWD/nowhere ends_with 1 expool run true ::: 1
	has "$err" "can't make the folder of the run"
}

test_a_job_file_that_may_not_be_read_is_told() {
	echo '{"name":"a","args":["true"]}' >secret && chmod 0 secret
	[[ ! -r secret ]] || skip "root may read everything"
	ends_with 2 expool jobs secret
	has "$err" "can't read secret: permission denied"
}

test_two_runs_do_not_share_a_folder_of_results() {
	programs_without ls
	# what another run does, just when this one has found the folder empty
	printf '#!/bin/sh\n%q "$@"\necho another >r/records.jsonl\n' "$(type -P ls)" >programs/ls && chmod +x programs/ls
	ends_with 2 env "PATH=$PWD/programs" "$here/expool" run --results r echo ::: a
	has "$err" "can't write into r, or another run does"
	is "$(cat r/*)" another
	nothing_is_left shared
}

test_an_input_that_can_not_be_read_to_its_end_is_told() {
	local options
	for options in '' -0 --dry-run '-0 --dry-run'; do
		# shellcheck disable=SC2086
		EXPOOL_TEST_MARK=unread.$$ ends_with 2 expool run $options echo <.
		has "$err" 'Is a directory'
		# shellcheck disable=SC2086
		EXPOOL_TEST_MARK=unread.$$ ends_with 2 expool jobs $options <.
	done
	nothing_is_left unread
}

test_too_few_descriptors_are_told() {
	local few
	for few in 10 14 16 17 18 24 31; do
		few() { (ulimit -n "$few" && "$here/expool" run echo ::: a); }
		ends_with 1 few
		is "$err" "expool: can't run with $few open files: 32 are needed, which ulimit -n gives"
		nothing_is_left few
	done
	few=32
	printf 'a\0' >list
	few() { (ulimit -n "$few" && "$here/expool" run -k -0 -a list --tag --joblog log --results r --memlimit 1GiB --retries-on-timeout 1 echo); }
	ends_with 0 few
	is "$out$err" $'a\ta'
}

test_a_pipe_that_can_not_be_opened_ends_the_run() {
	programs_without mkfifo
	# folders in the place of pipes, since root may open what has no permissions
	printf '#!/bin/sh\nshift 3\nmkdir "$@"\n' >programs/mkfifo && chmod +x programs/mkfifo
	ends_with 1 env "PATH=$PWD/programs" "$here/expool" run echo ::: a
	has "$err" "can't open a pipe in $TMPDIR/expool-"
	nothing_is_left pipes
}

test_options_of_bash_in_the_environment_change_nothing() {
	local option
	for option in allexport errexit keyword noclobber noglob posix; do
		: >log
		ends_with 0 env "SHELLOPTS=$option" "$here/expool" run -k --joblog log echo ::: a b=c
		is "$out$err" $'a\nb=c' "$option"
		lines_in log 3 || fail "$option: $(<log)"
	done
}

test_variables_of_the_environment_reach_jobs_as_they_are() {
	local name names
	names=$(grep -oE '\b[a-z][a-z0-9_]*(\+?=|\b)' "$here/expool" | tr -d '+=' | sort -u) # all that may be variables
	for name in $names; do printf '%s=given %s\n' "$name" "$name"; done >wanted
	mapfile -t given <wanted
	ends_with 0 env "${given[@]}" "$here/expool" run -k --tag --joblog log --results r --retries-on-timeout 1 env ::: --
	sed 's/^--\t//' out | grep -E '^[a-z][a-z0-9_]*=' | sort >seen
	sort wanted | diff - seen || fail "changed on the way"
}
