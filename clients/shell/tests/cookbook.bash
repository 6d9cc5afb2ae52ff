# shellcheck shell=bash disable=SC2154 # variables of ../test
# The recipes of docs/cookbook.md: each block of sh runs in a folder of its own, and prints the block of text after it, if there is one.

cookbook=$here/../../docs/cookbook.md

# Writes recipe N to the files "recipe" and "wanted"; the latter is absent if the page does not say what is printed.
recipe() { # number
	awk -v wanted="$1" '
		/^```/ { if (kind != "") { kind = ""; next } kind = substr($0, 4); if (kind == "sh") n++; next }
		kind == "sh" && n == wanted { print >"recipe" }
		kind == "text" && n == wanted { print >"wanted" }' "$cookbook"
}

test_the_recipes_of_the_cookbook_do_what_it_says() {
	local n count
	count=$(grep -c '^```sh$' "$cookbook")
	((count >= 12)) || fail "only $count recipes"
	mkdir bin && cp "$EXPOOL_RPC" bin/expool-rpc && ln -s "$here/expool" "$here/expool.sh" bin/
	for ((n = 1; n <= count; n++)); do
		mkdir "$n"
		cd "$n" || fail "recipe $n"
		recipe "$n"
		PATH=$PWD/../bin:$PATH bash -euo pipefail recipe >seen 2>err || fail "recipe $n: status $?: $(<err)"
		[[ -s seen ]] || fail "recipe $n prints nothing"
		[[ ! -e wanted ]] || diff wanted seen || fail "recipe $n prints something else; $(<err)"
		cd ..
	done
}
