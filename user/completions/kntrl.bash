# SPDX-License-Identifier: Apache-2.0
# bash completion for kntrl(1) and kntrl-load(8)

# The value of the option before the cursor; fails if that option takes none.
_kntrl_value() {
	local cur=$1 prev=$2

	case $prev in
	--mode) mapfile -t COMPREPLY < <(compgen -W 'monitor trace' -- "$cur") ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'table tree json markdown html sarif' -- "$cur") ;;
	--fail-on) mapfile -t COMPREPLY < <(compgen -W 'block lost block,lost' -- "$cur") ;;
	-o | --output-file-name)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	--dump)
		mapfile -t COMPREPLY < <(compgen -W 'control scopes flows images folded' -- "$cur")
		;;
	--rules-file) _kntrl_policies "$cur" ;;
	--rules-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames
		;;
	*) return 1 ;;
	esac
}

_kntrl_policies() {
	mapfile -t COMPREPLY < <(
		compgen -d -- "$1"
		compgen -f -X '!*.yaml' -- "$1"
		compgen -f -X '!*.yml' -- "$1"
	)
	compopt -o filenames
}

_kntrl_words() {
	local cur=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_kntrl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' word

	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ $word != -* ]]; then
			command=$word
			break
		fi
	done
	if [[ -n $command ]] && _kntrl_value "$cur" "$prev"; then
		return
	fi
	case $command in
	'') _kntrl_words "$cur" start stop status run report eval test completion help version -v --verbose --version --help ;;
	start)
		_kntrl_words "$cur" --mode --allowed-hosts --allowed-ips --allow-local-ranges \
			--allow-github-meta --allow-metadata --monitor-processes --rules-file \
			--rules-dir --output-file-name --pretty --daemonize --keep --accept-preempt --help
		;;
	stop) _kntrl_words "$cur" --keep --fail-on --help ;;
	run)
		case $cur in
		-*) _kntrl_words "$cur" --mode --user --fail-on --format --output-file-name \
			--accept-preempt --help -- ;;
		*) _kntrl_policies "$cur" ;;
		esac
		;;
	completion) _kntrl_words "$cur" bash zsh fish --help ;;
	status) _kntrl_words "$cur" --json --help ;;
	report) _kntrl_words "$cur" --format --suggest --profiles --events --dump --help ;;
	eval) _kntrl_words "$cur" --mode --rules-file --rules-dir --github-meta --help ;;
	test)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	help) _kntrl_words "$cur" start stop status run report eval test completion help version ;;
	esac
}

# "cgroup:" and "tree:" are split off at their colon, which is in COMP_WORDBREAKS.
_kntrl_scope() {
	local cur=$1

	case $cur in
	cgroup:*)
		mapfile -t COMPREPLY < <(cd /sys/fs/cgroup 2>/dev/null && compgen -d -- "${cur#cgroup:}")
		compopt -o nospace
		;;
	tree:*) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && printf '%s ' [0-9]*)" -- "${cur#tree:}") ;;
	*)
		_kntrl_words "$cur" host cgroup: tree:
		[[ ${COMPREPLY[*]} == host ]] || compopt -o nospace
		;;
	esac
}

_kntrl_load() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} line

	COMPREPLY=()
	line=${COMP_LINE:0:COMP_POINT}
	if [[ $line =~ --scope[=\ ]+([^\ ]*)$ ]]; then
		_kntrl_scope "${BASH_REMATCH[1]}"
		return
	fi
	if _kntrl_value "$cur" "$prev"; then
		return
	fi
	case $cur in
	-*)
		_kntrl_words "$cur" --mode --rules-file --rules-dir --scope --dry-run --unload \
			--token-file --seal --github-meta --no-preload --accept-preempt --verbose --version --help
		;;
	*) _kntrl_policies "$cur" ;;
	esac
}

complete -F _kntrl kntrl
complete -F _kntrl_load kntrl-load
