#compdef kntrl kntrl-load
# SPDX-License-Identifier: Apache-2.0
# zsh completion for kntrl(1) and kntrl-load(8); to be installed as _kntrl

_kntrl_scope() {
	if compset -P 'cgroup:'; then
		_path_files -/ -W /sys/fs/cgroup
	elif compset -P 'tree:'; then
		_pids
	else
		compadd -S '' cgroup: tree:
		compadd host
	fi
}

_kntrl_commands() {
	local -a commands=(
		'start:put a policy in force, and report what happens'
		'stop:end it, and print what happened'
		'status:say what is in force'
		'run:run a command under a policy of its own'
		'report:print what happened under the loaded policy'
		'eval:print what a policy says of given connections'
		'test:run the tests of Rego rules'
		"completion:print a shell's completion script"
		'help:explain a command'
		'version:print the version'
	)
	_describe command commands
}

_kntrl_command() {
	local curcontext=$curcontext state line
	local policy='*.(yaml|yml)(-.)'

	_arguments -C \
		'(-v --verbose)'{-v,--verbose}'[also print what the BPF library has to say]' \
		'(- *)'{-V,--version}'[print the version]' \
		'(- *)'{-h,--help}'[print a summary]' \
		'1: :_kntrl_commands' \
		'*:: :->arguments'
	[[ $state == arguments ]] || return
	case $line[1] in
	start)
		_arguments \
			'--mode[report only, or enforce]:mode:(monitor trace)' \
			'--allowed-hosts[host names]:list:' \
			'--allowed-ips[addresses and networks]:list:' \
			'--allow-local-ranges=-[10/8, 192.168/16, ...]::truth:(true false)' \
			"--allow-github-meta=-[GitHub's ranges]::truth:(true false)" \
			'--allow-metadata=-[metadata endpoints]::truth:(true false)' \
			"--monitor-processes=-[rules about processes' ancestry]::truth:(true false)" \
			"--rules-file[a policy]:policy:_files -g '$policy'" \
			'--rules-dir[a directory of policies]:directory:_files -/' \
			'(-o --output-file-name)'{-o,--output-file-name}'[events as JSON]:file:_files' \
			'--pretty=-[when it ends, print a tree too]::truth:(true false)' \
			'--daemonize=-[run in the background]::truth:(true false)' \
			'--keep[ended by a signal, leave the policy in force]' \
			'--accept-preempt[enforce although a hook may be skipped]' \
			'(- *)'{-h,--help}'[print a summary]'
		;;
	stop)
		_arguments \
			'--keep[leave the policy in force]' \
			'--fail-on[exit with status 10 if it happened]:what:(block lost block,lost)' \
			'(- *)'{-h,--help}'[print a summary]'
		;;
	run)
		_arguments \
			"--mode[instead of the policy's own]:mode:(monitor trace)" \
			'--user[run the command as that user]:user:_users' \
			'--fail-on[exit with status 10 if it happened]:what:(block lost block,lost)' \
			'--format[of the report]:format:(table tree json markdown html sarif)' \
			'(-o --output-file-name)'{-o,--output-file-name}'[append the report to a file]:file:_files' \
			'--accept-preempt[enforce although a hook may be skipped]' \
			'(- *)'{-h,--help}'[print a summary]' \
			"*:policy:_files -g '$policy'"
		;;
	status)
		_arguments '--json[one JSON object]' '(- *)'{-h,--help}'[print a summary]'
		;;
	report)
		_arguments \
			'(--dump)--format[how to print]:format:(table tree json markdown html sarif)' \
			'--suggest[the smallest policy that allows what has happened]' \
			'--profiles[with a profile for each program]' \
			'(--dump)--events[the event stream instead of the flow table]' \
			'(--format --events)--dump[print a map as it is]:map:(control scopes flows images folded)' \
			'(- *)'{-h,--help}'[print a summary]'
		;;
	test)
		_files
		;;
	eval)
		_arguments \
			"--mode[instead of the policy's own]:mode:(monitor trace)" \
			"--rules-file[a policy]:policy:_files -g '$policy'" \
			'--rules-dir[a directory of policies]:directory:_files -/' \
			"--github-meta[file of GitHub's ranges]:file:_files" \
			'(- *)'{-h,--help}'[print a summary]'
		;;
	completion) _arguments '1:shell:(bash zsh fish)' ;;
	help) _arguments '1: :_kntrl_commands' ;;
	esac
}

_kntrl_load() {
	local policy='*.(yaml|yml)(-.)'

	_arguments \
		'--mode[instead of what the policy says]:mode:(monitor trace)' \
		"*--rules-file[a policy]:policy:_files -g '$policy'" \
		'*--rules-dir[a directory of policies]:directory:_files -/' \
		'--scope[whom the policy is for]:scope:_kntrl_scope' \
		'(--unload)--dry-run[compile, say what would be loaded, touch nothing]' \
		'(--dry-run)--unload[end enforcement]' \
		'--token-file[the token of who may change this]:file:_files' \
		'--seal[nobody may change this]' \
		"--github-meta[file of GitHub's ranges]:file:_files" \
		'--no-preload[cut forbidden connections from before the load]' \
		'--accept-preempt[enforce although a hook may be skipped]' \
		'(-v --verbose)'{-v,--verbose}'[say more]' \
		'(- *)--version[print the version]' \
		'(- *)'{-h,--help}'[print a summary]' \
		"*:policy:_files -g '$policy'"
}

case $service in
kntrl-load) _kntrl_load "$@" ;;
*) _kntrl_command "$@" ;;
esac
