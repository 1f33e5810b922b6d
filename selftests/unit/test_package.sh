#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian package, and what kntrl completion prints.
set -u
. selftests/vm/lib.sh

kntrl=$BUILD/kntrl
for shell in bash zsh fish; do
	ok "kntrl completion $shell" sh -c "'$kntrl' completion $shell >'$T/script'"
	ok 'prints its script' cmp "$T/script" user/completions/kntrl.$shell
done
status_is 1 'a shell that is not known' "$kntrl" completion bahs
like "$(cat "$T/log")" 'did you mean bash' 'gets a suggestion'

# Every command that kntrl has is completed.
commands=$("$kntrl" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort)
# shellcheck disable=SC2016 # the inner bash expands them
completed=$(bash -c '. user/completions/kntrl.bash
	COMP_WORDS=(kntrl "") COMP_CWORD=1
	_kntrl
	printf "%s\n" "${COMPREPLY[@]}"' | grep -v '^-' | sort)
is "$completed" "$commands" 'bash completes all commands'
for shell in zsh fish; do
	missing=''
	for command in $commands; do
		grep -q "['\"]$command:\|-a $command " "user/completions/kntrl.$shell" || missing="$missing $command"
	done
	is "$missing" '' "so does $shell"
done

ok 'make deb' make -s deb BUILD="$BUILD"
deb=$(ls "$BUILD"/kntrl_*.deb)
ok 'unpacks' dpkg-deb -x "$deb" "$T/root"
is "$("$T/root/usr/bin/kntrl" --version)" "kntrl $(dpkg-deb -f "$deb" Version)" 'its kntrl runs'
ok 'its kntrl-load and its policies' "$T/root/usr/sbin/kntrl-load" --dry-run \
	"$T/root/usr/share/kntrl/policies/deny-all.yaml"
like "$(dpkg-deb -f "$deb" Depends)" 'libbpf.*libc6|libc6.*libbpf' 'it names the libraries'
missing=''
for package in $(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/,/ /g'); do
	case $package in
	libc6 | zlib1g) ;;	# of every Debian
	*) grep -qw -e "$package" scripts/Dockerfile || missing="$missing $package" ;;
	esac
done
is "$missing" '' 'the container image has them too'
is "$(dpkg-deb -c "$deb" | grep -v ' root/root ')" '' 'all of it is root'"'"'s'
is "$(dpkg-deb -c "$deb" | grep -c 'man[1578]/kntrl.*\.gz\|systemd/system/kntrl.service')" 5 \
	'with the manual pages and the service'
ok 'the service starts the installed program' test -x "$T/root$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' user/kntrl.service)"
done_testing
