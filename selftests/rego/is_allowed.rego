package kntrl.network["is_allowed"]

import rego.v1

import data.kntrl

default policy := false

# The address answers to an allowed name, or to a name below one.
policy if {
	some allowed in data.allowed_hosts
	some name in input.domains
	kntrl.is_host(name, allowed)
}

policy if input.daddr in data.allowed_ip_addr

policy if {
	some range in data.allowed_cidrs
	net.cidr_contains(range, input.daddr)
}
