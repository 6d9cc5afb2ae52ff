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
