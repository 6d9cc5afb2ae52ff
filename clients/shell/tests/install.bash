# shellcheck shell=bash disable=SC2016,SC2154 # variables of ../test
# What is installed: scripts, manual, completions.

test_install_puts_everything_under_the_prefix() {
	make -s -C "$here" install DESTDIR="$PWD/root" PREFIX=/opt/x || fail "make install"
	is "$(cd root && find . -type f | sort)" "$(printf './opt/x/%s\n' bin/expool bin/expool.sh share/bash-completion/completions/expool \
		share/fish/vendor_completions.d/expool.fish share/man/man1/expool.1 share/zsh/site-functions/_expool)"
	is "$(root/opt/x/bin/expool run echo ::: installed)" installed
	make -s -C "$here" uninstall DESTDIR="$PWD/root" PREFIX=/opt/x
	is "$(find root -type f)" ''
}

test_the_paths_of_an_installation_may_contain_spaces() {
	local root="$PWD/a  root" top=$here/../..
	printf '#!/bin/sh\n' >server
	# the server is not built for this
	make -s -C "$top" -o build install DESTDIR="$root" PREFIX='/x y' EXPOOL_RPC="$PWD/server" >/dev/null || fail "make install"
	is "$(echo "a  root/x y"/bin/*)" 'a  root/x y/bin/expool a  root/x y/bin/expool-rpc a  root/x y/bin/expool.sh'
	: >"$root/x" && : >y
	make -s -C "$top" uninstall DESTDIR="$root" PREFIX='/x y' >/dev/null || fail "make uninstall"
	is "$(find "$root" -type f)" "$root/x"
}

test_a_home_folder_may_be_the_prefix() {
	HOME="$PWD/my home" make -s -C "$here" install PREFIX='~/local' || fail "make install"
	[[ -x 'my home/local/bin/expool' ]] || fail "it is not there"
}

test_fuzz_needs_no_repository_and_tells_when_it_finds_nothing() {
	mkdir -p programs a/b
	printf '#!/bin/sh\necho "go $*"\n' >programs/go && chmod +x programs/go
	printf 'func FuzzOne(f *testing.F) {\n}\nfunc FuzzTwo(f *testing.F) {\n' >a/b/x_test.go
	ends_with 0 env "PATH=$PWD/programs:$PATH" GIT_DIR=/nowhere "$here/../../scripts/fuzz" 3s
	is "$(grep -c '^go test ./a/b .*-fuzz ^Fuzz\(One\|Two\)\$ -fuzztime 3s' out)" 2
	rm a/b/x_test.go
	ends_with 1 env "PATH=$PWD/programs:$PATH" "$here/../../scripts/fuzz" 3s
	has "$err" 'there are no fuzz targets'
}

test_scripts_pass_shellcheck() {
	type -P shellcheck >/dev/null || skip "there is no shellcheck"
	(cd "$here" && shellcheck expool expool.sh test bench tests/*.bash completions/expool.bash) || fail "shellcheck"
}

test_the_help_fits_a_screen() {
	expool --help >help
	is "$(awk 'length > 100' help)" ''
	(($(wc -l <help) <= 24)) || fail "it has $(wc -l <help) lines"
}

long_options_of_the_script() {
	sed -n '/^options() {/,/^# ---/p' "$here/expool" | grep -oE '^	*-[^)]*\)' | grep -oE -- '--[a-z]+[a-z-]*' | sort -u
}

test_the_manual_the_help_and_the_completions_have_all_options() {
	local option
	[[ $(long_options_of_the_script | wc -l) -ge 17 ]] || fail "few options are found: $(long_options_of_the_script)"
	for option in $(long_options_of_the_script); do
		expool --help | grep -qe "$option" || fail "the help lacks $option"
		grep -qe "Fl -${option#--}\\>" "$here/expool.1" || fail "the manual lacks $option"
		grep -qe "$option" "$here/completions/expool.bash" || fail "bash's completion lacks $option"
		grep -qe "$option" "$here/completions/_expool" || fail "zsh's completion lacks $option"
		grep -qe "-l ${option#--} " "$here/completions/expool.fish" || fail "fish's completion lacks $option"
	done
}

test_the_manual_is_well_formed() {
	type -P mandoc >/dev/null || skip "there is no mandoc"
	mandoc -T lint -W warning "$here/expool.1" || fail "mandoc"
}

completed() { # words...
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _expool; printf "%s\n" "${COMPREPLY[@]}"' "$here/completions/expool.bash" "$@"
}

test_bash_completes() {
	is "$(completed expool r)" run
	is "$(completed expool run --ti)" --timeout
	is "$(completed expool run --affinity l)" $'l2\nl3'
	mkdir 'a folder' && : >'a file'
	is "$(completed expool jobs 'a f' | sort)" $'a file\na folder'
	is "$(completed expool run --results 'a f')" 'a folder'
	is "$(completed expool run -j 2 ech | sort -u)" "$(compgen -c -- ech | sort -u)"
	is "$(completed expool run -j 2 -- cat --ti)" ''
}

test_bash_completes_values_as_nothing_else() {
	is "$(completed expool run --results ech)" ''
	is "$(completed expool run --results '')" ''
	is "$(completed expool run --halt sooner)" ''
	is "$(completed expool run --timeout '')" ''
}

# Bash has a word of its own for each =.
test_bash_completes_values_after_an_equals_sign() {
	is "$(completed expool run --affinity = l)" $'l2\nl3'
	is "$(completed expool run --affinity = co)" core
	is "$(completed expool run --halt =)" "$(completed expool run --halt '')"
	is "$(completed expool run --halt = now,f)" now,fail=1
	is "$(completed expool run --halt now,fail =)" 1
	is "$(completed expool run --halt=now,f)" --halt=now,fail=1 'where = divides nothing'
	is "$(completed expool run --tag = x)" ''
	is "$(completed expool run --halt = now,fail = 1 --ti)" --timeout
	is "$(completed expool run --halt now,fail = 1 ech | sort -u)" "$(compgen -c -- ech | sort -u)"
}

test_fish_completes() {
	type -P fish >/dev/null || skip "there is no fish"
	export HOME=$PWD
	is "$(fish -c 'source $argv[1]; complete -C "expool run --ti"' "$here/completions/expool.fish" | cut -f 1)" --timeout
	is "$(fish -c 'source $argv[1]; complete -C "expool "' "$here/completions/expool.fish" | cut -f 1 | sort)" $'jobs\nrun\ntop'
}

test_zsh_reads_its_completion() {
	type -P zsh >/dev/null || skip "there is no zsh"
	zsh -fc 'fpath=($1 $fpath); autoload -Uz compinit && compinit -u -D; print $_comps[expool]; autoload +X -z _expool' zsh "$here/completions" >seen || fail "zsh"
	is "$(<seen)" _expool
}

# Types a line, with a tab for what is to be completed, into a zsh in which expool prints its arguments.
zsh_completes() { # line, the arguments of expool then
	printf 'fpath=(%q $fpath); autoload -Uz compinit && compinit -u -D; PS1="re""ady "; expool() { print -r -- "<$*>" >given }\n' "$here/completions" >.zshrc
	rm -f keys given
	ZDOTDIR=$PWD on_terminal zsh 'zsh -i'
	until_true grep -q ready seen
	printf '%s\n' "$1" >&"$keys"
	until_true file_has given
	exec {keys}>&-
	kill "$terminal"
	is "$(<given)" "<$2>" "$1"
}

test_zsh_completes_after_values_in_the_same_word() {
	type -P zsh >/dev/null || skip "there is no zsh"
	zsh_completes $'expool run -j2 --ta\t' 'run -j2 --tag'
	zsh_completes $'expool run --timeout=5 --ta\t' 'run --timeout=5 --tag'
	zsh_completes $'expool run -j2 --affinity co\t' 'run -j2 --affinity core'
	zsh_completes $'expool run --affinity=co\t' 'run --affinity=core'
}
