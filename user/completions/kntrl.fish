# SPDX-License-Identifier: Apache-2.0
# fish completion for kntrl(1) and kntrl-load(8)

set -l commands start stop status run report eval test completion help version

complete -c kntrl -f
complete -c kntrl -s v -l verbose -d 'Also print what the BPF library has to say'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'Print the version'
complete -c kntrl -s h -l help -d 'Print a summary'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a report -d 'Print what happened under the loaded policy'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a eval -d 'Print what a policy says of given connections'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a test -d 'Run the tests of Rego rules'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a completion -d 'Print a shell\'s completion script'
complete -c kntrl -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a help -d 'Explain a command'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a version -d 'Print the version'

complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a start -d 'Put a policy in force, and report what happens'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a stop -d 'End it, and print what happened'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a status -d 'Say what is in force'

complete -c kntrl -n '__fish_seen_subcommand_from start' -l mode -x -a 'monitor trace' -d 'Report only, or enforce'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l allowed-hosts -x -d 'Host names'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l allowed-ips -x -d 'Addresses and networks'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l allow-local-ranges -d '10/8, 192.168/16, ...'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l allow-github-meta -d 'GitHub\'s ranges'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l allow-metadata -d 'Metadata endpoints'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l monitor-processes -d 'Rules about processes\' ancestry'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l rules-file -r -F -d 'A policy'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l rules-dir -x -a '(__fish_complete_directories)' -d 'A directory of policies'
complete -c kntrl -n '__fish_seen_subcommand_from start' -s o -l output-file-name -r -F -d 'Events as JSON'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l pretty -d 'When it ends, print a tree too'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l daemonize -d 'Run in the background'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l keep -d 'Ended by a signal, leave the policy in force'
complete -c kntrl -n '__fish_seen_subcommand_from start' -l accept-preempt -d 'Enforce although a hook may be skipped'

complete -c kntrl -n '__fish_seen_subcommand_from stop' -l keep -d 'Leave the policy in force'
complete -c kntrl -n '__fish_seen_subcommand_from stop' -l fail-on -x -a 'block lost block,lost' -d 'Exit with status 10 if it happened'
complete -c kntrl -n "not __fish_seen_subcommand_from $commands" -a run -d 'Run a command under a policy of its own'
complete -c kntrl -n '__fish_seen_subcommand_from run' -F
complete -c kntrl -n '__fish_seen_subcommand_from run' -l mode -x -a 'monitor trace' -d 'Instead of the policy\'s own'
complete -c kntrl -n '__fish_seen_subcommand_from run' -l user -x -a '(__fish_complete_users)' -d 'Run the command as that user'
complete -c kntrl -n '__fish_seen_subcommand_from run' -l fail-on -x -a 'block lost block,lost' -d 'Exit with status 10 if it happened'
complete -c kntrl -n '__fish_seen_subcommand_from run' -l format -x -a 'table tree json markdown html sarif' -d 'Of the report'
complete -c kntrl -n '__fish_seen_subcommand_from run' -s o -l output-file-name -r -F -d 'Append the report to a file'
complete -c kntrl -n '__fish_seen_subcommand_from run' -l accept-preempt -d 'Enforce although a hook may be skipped'
complete -c kntrl -n '__fish_seen_subcommand_from status' -l json -d 'One JSON object'

complete -c kntrl -n '__fish_seen_subcommand_from report' -l format -x -a 'table tree json markdown html sarif' -d 'How to print'
complete -c kntrl -n '__fish_seen_subcommand_from report' -l suggest -d 'The smallest policy that allows what has happened'
complete -c kntrl -n '__fish_seen_subcommand_from report' -l profiles -d 'With a profile for each program'
complete -c kntrl -n '__fish_seen_subcommand_from report' -l events -d 'The event stream instead of the flow table'
complete -c kntrl -n '__fish_seen_subcommand_from report' -l dump -x -a 'control scopes flows images folded' -d 'Print a map as it is'

complete -c kntrl -n '__fish_seen_subcommand_from eval' -l mode -x -a 'monitor trace' -d 'Instead of the policy\'s own'
complete -c kntrl -n '__fish_seen_subcommand_from eval' -l rules-file -r -F -d 'A policy'
complete -c kntrl -n '__fish_seen_subcommand_from eval' -l github-meta -r -F -d 'File of GitHub\'s ranges'
complete -c kntrl -n '__fish_seen_subcommand_from eval' -l rules-dir -x -a '(__fish_complete_directories)' -d 'A directory of policies'

complete -c kntrl -n '__fish_seen_subcommand_from help' -a "$commands"

complete -c kntrl-load -l mode -x -a 'monitor trace' -d 'Instead of what the policy says'
complete -c kntrl-load -l rules-file -r -F -d 'A policy'
complete -c kntrl-load -l rules-dir -x -a '(__fish_complete_directories)' -d 'A directory of policies'
complete -c kntrl-load -l scope -x -a 'host cgroup: tree:' -d 'Whom the policy is for'
complete -c kntrl-load -l dry-run -d 'Compile, say what would be loaded, touch nothing'
complete -c kntrl-load -l unload -d 'End enforcement'
complete -c kntrl-load -l token-file -r -F -d 'The token of who may change this'
complete -c kntrl-load -l seal -d 'Nobody may change this'
complete -c kntrl-load -l github-meta -r -F -d 'File of GitHub\'s ranges'
complete -c kntrl-load -l no-preload -d 'Cut forbidden connections from before the load'
complete -c kntrl-load -l accept-preempt -d 'Enforce although a hook may be skipped'
complete -c kntrl-load -s v -l verbose -d 'Say more'
complete -c kntrl-load -l version -d 'Print the version'
complete -c kntrl-load -s h -l help -d 'Print a summary'
complete -c kntrl-load -k -x -a '(__fish_complete_suffix .yaml; __fish_complete_suffix .yml)'
complete -c kntrl -n '__fish_seen_subcommand_from test' -F
