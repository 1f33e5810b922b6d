// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "rule.h"

/* Which numbers of a struct rule_ref a kind of rule has. */
enum numbers { NO_NUMBER, ENTRY, SUB_ENTRY, LINE };

/* A place is written as before[sub]after[index], before[index], or file:index. */
struct place {
	const char *before, *after;
	enum numbers numbers;
};

static const struct place places[] = {
	[RULE_NONE] = { "none" },
	[RULE_DEFAULT] = { "default" },
	[RULE_LOOPBACK] = { "loopback" },
	[RULE_ALLOWED_IPS] = { "rules.network.allowed_ips", NULL, ENTRY },
	[RULE_ALLOWED_HOSTS] = { "rules.network.allowed_hosts", NULL, ENTRY },
	[RULE_LOCAL_RANGES] = { "rules.network.allow_local_ranges" },
	[RULE_GITHUB_META] = { "rules.network.allow_github_meta" },
	[RULE_METADATA] = { "rules.network.allow_metadata" },
	[RULE_ALLOWED_PROCESSES] = { "rules.network.allowed_processes" },
	[RULE_PROFILE] = { "rules.network.profiles" },
	[RULE_PROFILE_HOSTS] = { "rules.network.profiles", ".allowed_hosts", SUB_ENTRY },
	[RULE_PROFILE_CIDRS] = { "rules.network.profiles", ".allowed_cidrs", SUB_ENTRY },
	[RULE_CHAIN] = { "rules.process.blocked_chains", NULL, ENTRY },
	[RULE_DNS_SERVERS] = { "rules.dns.allowed_servers" },
	[RULE_EXEMPT] = { "rules.exempt" },
	[RULE_RAW_SOCKETS] = { "rules.network.raw_sockets" },
	[RULE_FAMILY] = { "socket family" },
	[RULE_LINEAGE] = { "lineage too long" },
	[RULE_UNDECIDED] = { "undecided" },
	[RULE_DHCP] = { "dhcp" },
	[RULE_REPLY] = { "reply" },
	[RULE_BACKSTOP] = { "backstop" },
	[RULE_PTRACE] = { "rules.process.block_ptrace" },
	[RULE_BLOCKED_SOCKETS] = { "rules.network.blocked_sockets", NULL, ENTRY },
	[RULE_EXECUTABLES] = { "rules.process.blocked_executables", NULL, ENTRY },
	[RULE_SNI] = { "rules.tls.enforce_sni" },
	[RULE_NO_SNI] = { "rules.tls.enforce_sni (no name)" },
	[RULE_QUIC] = { "rules.tls.block_quic" },
	[RULE_HTTP] = { "rules.tls.allow_http" },
	[RULE_BLOCKED_PATHS] = { "rules.file.blocked_paths", NULL, ENTRY },
	[RULE_PROTECTED_PATHS] = { "rules.file.protected_paths", NULL, ENTRY },
	[RULE_MONITORED_PATHS] = { "rules.file.monitored_paths", NULL, ENTRY },
	[RULE_SELF_PROTECT] = { "rules.self_protect" },
	[RULE_REGO] = { "rego", NULL, LINE },
	[RULE_REGO_DENY] = { "rego ancestry_denied", NULL, LINE },
};

_Static_assert(sizeof(places) / sizeof(*places) == RULE_KINDS, "every kind of rule has a place");

void rule_text(char *buf, size_t n, const struct rule_ref *r, const char *const *sources,
	       size_t nsources)
{
	const char *source = "", *colon = "";
	const struct place *p;

	if (r->kind >= RULE_KINDS) {
		snprintf(buf, n, "rule of kind %u", r->kind);
		return;
	}
	p = &places[r->kind];
	if (p->numbers != NO_NUMBER && p->numbers != LINE && sources && nsources > 1 && r->source < nsources) {
		source = sources[r->source];
		colon = ": ";
	}
	if (p->numbers == LINE && sources && r->source < nsources)
		snprintf(buf, n, "%s:%u", sources[r->source], r->index);
	else if (p->numbers == LINE)
		snprintf(buf, n, "%s, line %u", p->before, r->index);
	else if (p->numbers == SUB_ENTRY)
		snprintf(buf, n, "%s%s%s[%u]%s[%u]", source, colon, p->before, r->sub, p->after,
			 r->index);
	else if (p->numbers == ENTRY)
		snprintf(buf, n, "%s%s%s[%u]", source, colon, p->before, r->index);
	else
		snprintf(buf, n, "%s", p->before);
}
