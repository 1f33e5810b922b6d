package kntrl.network["lockdown"]

import rego.v1

import data.kntrl

default policy := false

is_registry if {
	some range in data.registry_ranges
	net.cidr_contains(range, input.daddr)
}

# An install reaches the registry, and nothing else.
policy if {
	kntrl.installs
	is_registry
	input.proto == "tcp"
	input.dport == 443
}

# Other tools may go anywhere but there.
policy if {
	not kntrl.installs
	not is_registry
	not input.task_name in {"curl", "wget", "node"}
	input.mode == "trace"
}
