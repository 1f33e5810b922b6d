package kntrl_test

import rego.v1

allowed := data.kntrl.network.is_allowed.policy

lockdown := data.kntrl.network.registry_lockdown.policy

npm := {"task_name": "node", "ancestors": ["sh", "npm"], "domains": ["registry.npmjs.org"], "dport": 443}

test_exact_host if allowed with input.domains as ["github.com"] with data.allowed_hosts as ["github.com"]

test_subdomain if allowed with input.domains as ["api.github.com"] with data.allowed_hosts as ["github.com"]

test_no_lookalike if {
	not allowed with input.domains as ["evil-github.com"] with data.allowed_hosts as ["github.com"]
}

test_cidr if {
	allowed with input as {"daddr": "203.0.113.9", "domains": []}
		with data.allowed_cidrs as ["198.51.100.0/24", "203.0.113.0/24"]
		with data.allowed_hosts as []
}

test_address if {
	allowed with input as {"daddr": "203.0.113.9"} with data.allowed_ip_addr as ["203.0.113.9"]
}

test_default_is_false if allowed == false

test_chain_denies if {
	data.kntrl.ancestry_denied with input as {"task_name": "curl", "ancestors": ["sh", "npm", "node"]}
		with data.blocked_process_chains as [{"process": "curl", "ancestors": ["npm", "node"]}]
}

test_chain_needs_all if {
	not data.kntrl.ancestry_denied with input as {"task_name": "curl", "ancestors": ["npm"]}
		with data.blocked_process_chains as [{"process": "curl", "ancestors": ["npm", "node"]}]
}

test_registry if lockdown with input as npm

test_registry_port if {
	not lockdown with input as npm with input.dport as 80
}

test_exfiltration if {
	not lockdown with input as npm with input.domains as ["registry.npmjs.org", "x.ngrok.io"]
}

test_not_npm if {
	not lockdown with input as npm with input.ancestors as ["sh"]
}
