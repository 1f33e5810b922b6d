// SPDX-License-Identifier: Apache-2.0
/* The schema of a policy: its keys, the values they take and their place in policy_src. */
#include <string.h>
#include <strings.h>

#include "policy_internal.h"
#include "policy_schema.h"
#include "util.h"

#define HEADERS_MAX	64	/* of a webhook */
#define ANCESTORS_MAX	8	/* of a chain */

/*
 * Scalars
 */

static const struct choice versions[] = { { "1", 1 }, { NULL, 0 } };
static const struct choice modes[] = {
	{ "monitor", MODE_MONITOR }, { "trace", MODE_TRACE }, { NULL, 0 }
};
static const struct choice booleans[] = { { "true", YES }, { "false", NO }, { NULL, 0 } };
static const struct choice raw_actions[] = {
	{ "allow", RAW_ALLOW }, { "monitor", RAW_MONITOR }, { "block", RAW_BLOCK }, { NULL, 0 }
};
static const struct choice chain_actions[] = {
	{ "connect", CHAIN_CONNECT }, { "exec", CHAIN_EXEC }, { NULL, 0 }
};
static const struct choice filters[] = {
	{ "block", HOOK_BLOCK }, { "pass", HOOK_PASS }, { "all", HOOK_ALL }, { NULL, 0 }
};
static const struct choice events[] = {
	{ "block", HOOK_BLOCK }, { "pass", HOOK_PASS }, { "file_flag", HOOK_FILE_FLAG },
	{ "all", HOOK_ALL }, { NULL, 0 }
};

static const struct type version = { .what = "\"1\"", .choices = versions };
static const struct type mode = { .what = "monitor or trace", .choices = modes };
static const struct type boolean = {
	.what = "true or false, without quotes", .choices = booleans, .plain = true
};
static const struct type raw_action = {
	.what = "allow, monitor or block", .choices = raw_actions
};
static const struct type chain_action = {
	.what = "connect or exec", .choices = chain_actions
};
static const struct type filter = {
	.what = "block, pass or all", .choices = filters, .flags = true
};
static const struct type event = {
	.what = "block, pass, file_flag or all", .choices = events, .flags = true
};

static const char *host_parse(const char *text, void *out)
{
	return parse_host_rule(text, out);
}

static const char *addr_parse(const char *text, void *out)
{
	return parse_addr_rule(text, out);
}

static const char *server_parse(const char *text, void *out)
{
	return parse_server(text, out);
}

static const char *timeout_parse(const char *text, void *out)
{
	return parse_timeout(text, out);
}

static const char *flag_parse(const char *text, void *out)
{
	bool *is_set = out;

	*is_set = !strcmp(text, "true");
	return *is_set || !strcmp(text, "false") ? NULL : "must be true or false, without quotes";
}

static const struct type host = {
	.what = "a host name, such as github.com or .npmjs.org", .parse = host_parse
};
static const struct type addr = {
	.what = "an address or a network, such as 10.0.0.0/8", .parse = addr_parse
};
static const struct type server = {
	.what = "an address, such as 8.8.8.8", .parse = server_parse
};
static const struct type process_name = {
	.what = "a file name or a full path", .text = check_process
};
static const struct type full_path = { .what = "a full path", .text = check_full_path };
static const struct type socket_name = { .what = "the name of a socket", .text = check_socket };
static const struct type path_pattern = { .what = "a path", .text = check_path_pattern };
static const struct type env_name = {
	.what = "the name of a variable", .text = check_env_name
};
static const struct type flag = {
	.what = "true or false, without quotes", .parse = flag_parse, .plain = true
};
static const struct type url = {
	.what = "an https:// or http:// URL", .text = check_url, .secret = true
};
static const struct type timeout = {
	.what = "a time, such as 5s or 500ms", .parse = timeout_parse
};

/*
 * Lists
 */

#define LIST_OF(type, elem) {							\
	.what = "a list", .item = &(type), .size = sizeof(struct elem),		\
	.origin = offsetof(struct elem, at)					\
}

static const struct type host_list = LIST_OF(host, host_rule);
static const struct type addr_list = LIST_OF(addr, addr_rule);
static const struct type server_list = LIST_OF(server, addr_rule);
static const struct type process_name_list = LIST_OF(process_name, path_rule);
static const struct type full_path_list = LIST_OF(full_path, path_rule);
static const struct type socket_list = LIST_OF(socket_name, path_rule);
static const struct type path_pattern_list = LIST_OF(path_pattern, path_rule);
static const struct type env_name_list = LIST_OF(env_name, path_rule);

static const struct key process_keys[] = {
	{ "name", &process_name, .offset = offsetof(struct process_rule, process),
	  .required = true },
	{ "children", &flag, .offset = offsetof(struct process_rule, children) },
	{ 0 }
};
static const struct type process = {
	.what = "a process, such as curl or {name: make, children: true}",
	.text = check_process, .keys = process_keys
};
static const struct type process_list = LIST_OF(process, process_rule);

static const struct key profile_keys[] = {
	{ "process", &process_name, .offset = offsetof(struct profile_rule, process.process),
	  .required = true },
	{ "children", &flag, .offset = offsetof(struct profile_rule, process.children) },
	{ "allowed_hosts", &host_list, .offset = offsetof(struct profile_rule, hosts) },
	{ "allowed_cidrs", &addr_list, .offset = offsetof(struct profile_rule, cidrs) },
	{ 0 }
};
static const struct type profile = {
	.what = "a mapping with process and allowed_hosts", .keys = profile_keys
};
static const struct type profile_list = {
	.what = "a list", .item = &profile, .size = sizeof(struct profile_rule),
	.origin = offsetof(struct profile_rule, process.at)
};

static const char *ancestors_finish(void *out)
{
	const struct path_list *ancestors = out;

	if (ancestors->n && ancestors->n <= ANCESTORS_MAX)
		return NULL;
	return wrong("must name 1 to %d processes", ANCESTORS_MAX);
}

static const struct type ancestor_list = {
	.what = "a list", .item = &process_name, .size = sizeof(struct path_rule),
	.origin = offsetof(struct path_rule, at), .finish = ancestors_finish
};
static const struct key chain_keys[] = {
	{ "process", &process_name, .offset = offsetof(struct chain_rule, process),
	  .required = true },
	{ "ancestors", &ancestor_list, .offset = offsetof(struct chain_rule, ancestors),
	  .required = true },
	{ "action", &chain_action, .offset = offsetof(struct chain_rule, action) },
	{ 0 }
};
static const struct type chain = {
	.what = "a mapping with process and ancestors", .keys = chain_keys
};
static const struct type chain_list = LIST_OF(chain, chain_rule);

static const char *exempt_path_parse(const char *text, void *out)
{
	const char *why = check_full_path(text);
	struct exempt_rule *rule = out;

	if (!why)
		rule->name = xstrdup(text);
	return why;
}

static const char *exempt_pid_parse(const char *text, void *out)
{
	struct exempt_rule *rule = out;

	rule->kind = EXEMPT_PID;
	return parse_pid(text, &rule->pid);
}

static const char *exempt_unit_parse(const char *text, void *out)
{
	const char *why = check_unit(text);
	struct exempt_rule *rule = out;

	rule->kind = EXEMPT_UNIT;
	if (!why)
		rule->name = xstrdup(text);
	return why;
}

static const char *exempt_finish(void *out)
{
	const struct exempt_rule *rule = out;

	return rule->kind == EXEMPT_PATH ? "must have the key pid or unit" : NULL;
}

static const struct type pid = { .what = "a process id", .parse = exempt_pid_parse };
static const struct type unit = { .what = "a systemd unit", .parse = exempt_unit_parse };
static const struct key exempt_keys[] = {
	{ "pid", &pid, .offset = 0, .not_with = "unit" },
	{ "unit", &unit, .offset = 0, .not_with = "pid" },
	{ 0 }
};
static const struct type exempt = {
	.what = "a full path, {pid: N} or {unit: NAME}", .parse = exempt_path_parse,
	.keys = exempt_keys, .finish = exempt_finish
};
static const struct type exempt_list = LIST_OF(exempt, exempt_rule);

static const char *header_entry(const char *key, const char *value, void *out)
{
	struct webhook_rule *hook = out;
	const char *why = check_header_name(key);
	struct webhook_header *header;
	size_t i;

	if (why)
		return why;
	if (hook->nheaders == HEADERS_MAX)
		return wrong("more than %d headers", HEADERS_MAX);
	for (i = 0; i < hook->nheaders; i++)
		if (!strcasecmp(hook->headers[i].name, key))
			return "is given twice; names of headers have no case";
	hook->headers = xreallocarray(hook->headers, hook->nheaders + 1, sizeof(*header));
	header = &hook->headers[hook->nheaders++];
	*header = (struct webhook_header){ xstrdup(key), xstrdup(value) };
	return NULL;
}

static const char *events_finish(void *out)
{
	const unsigned int *named = out;

	return *named ? NULL : "must name an event; for all of them, leave the key out";
}

static const char *webhook_finish(void *out)
{
	struct webhook_rule *hook = out;

	if (!hook->filter)
		hook->filter = HOOK_ALL;
	if (!hook->timeout_ms)
		hook->timeout_ms = 5000;
	return NULL;
}

static const struct type headers = {
	.what = "a mapping of HTTP headers", .entry = header_entry, .secret = true
};
static const struct type event_list = {
	.what = "a list", .item = &event, .finish = events_finish
};
static const struct key webhook_keys[] = {
	{ "url", &url, .offset = offsetof(struct webhook_rule, url), .required = true },
	{ "headers", &headers, .offset = 0 },
	{ "filter", &filter, .offset = offsetof(struct webhook_rule, filter),
	  .not_with = "events" },
	{ "events", &event_list, .offset = offsetof(struct webhook_rule, filter),
	  .not_with = "filter" },
	{ "timeout", &timeout, .offset = offsetof(struct webhook_rule, timeout_ms) },
	{ 0 }
};
static const struct type webhook = {
	.what = "a mapping with url", .keys = webhook_keys, .finish = webhook_finish,
	.secret = true
};
static const struct type webhook_list = {
	.what = "a list", .item = &webhook, .size = sizeof(struct webhook_rule),
	.origin = offsetof(struct webhook_rule, at), .secret = true
};

/*
 * Sections
 */

#define AT(member) offsetof(struct policy_src, member)

static const struct key network_keys[] = {
	{ "allowed_hosts", &host_list, .offset = AT(allowed_hosts) },
	{ "allowed_ips", &addr_list, .offset = AT(allowed_ips) },
	{ "allow_local_ranges", &boolean, .offset = AT(allow_local_ranges) },
	{ "allow_github_meta", &boolean, .offset = AT(allow_github_meta) },
	{ "allow_metadata", &boolean, .offset = AT(allow_metadata) },
	{ "allowed_processes", &process_list, .offset = AT(allowed_processes) },
	{ "profiles", &profile_list, .offset = AT(profiles) },
	{ "raw_sockets", &raw_action, .offset = AT(raw_sockets) },
	{ "raw_sockets_exempt", &full_path_list, .offset = AT(raw_sockets_exempt) },
	{ "blocked_sockets", &socket_list, .offset = AT(blocked_sockets) },
	{ 0 }
};
static const struct key rules_process_keys[] = {
	{ "enabled", &boolean, .offset = AT(process_enabled) },
	{ "blocked_chains", &chain_list, .offset = AT(chains) },
	{ "blocked_executables", &process_name_list, .offset = AT(blocked_executables) },
	{ "block_ptrace", &boolean, .offset = AT(block_ptrace) },
	{ 0 }
};
static const struct key dns_keys[] = {
	{ "allowed_servers", &server_list, .offset = AT(dns_servers) },
	{ "block_unlisted_queries", &boolean, .offset = AT(block_unlisted_queries) },
	{ 0 }
};
static const struct key file_keys[] = {
	{ "enabled", &boolean, .offset = AT(file_enabled) },
	{ "monitored_paths", &path_pattern_list, .offset = AT(monitored_paths) },
	{ "protected_paths", &path_pattern_list, .offset = AT(protected_paths) },
	{ "blocked_paths", &path_pattern_list, .offset = AT(blocked_paths) },
	{ "monitored_env_vars", &env_name_list, .offset = AT(monitored_env_vars) },
	{ 0 }
};
static const struct key tls_keys[] = {
	{ "enforce_sni", &boolean, .offset = AT(enforce_sni) },
	{ "block_quic", &boolean, .offset = AT(block_quic) },
	{ "allow_http", &boolean, .offset = AT(allow_http) },
	{ 0 }
};

static const struct type network = { .what = "a mapping", .keys = network_keys };
static const struct type rules_process = { .what = "a mapping", .keys = rules_process_keys };
static const struct type dns = { .what = "a mapping", .keys = dns_keys };
static const struct type file = { .what = "a mapping", .keys = file_keys };
static const struct type tls = { .what = "a mapping", .keys = tls_keys };
static const struct key rules_keys[] = {
	{ "exempt", &exempt_list, .offset = AT(exempt) },
	{ "network", &network, .offset = 0 },
	{ "process", &rules_process, .offset = 0 },
	{ "dns", &dns, .offset = 0 },
	{ "file", &file, .offset = 0 },
	{ "tls", &tls, .offset = 0 },
	{ "self_protect", &boolean, .offset = AT(self_protect) },
	{ 0 }
};
static const struct type rules = { .what = "a mapping", .keys = rules_keys };
static const struct key policy_keys[] = {
	{ "version", &version, .offset = AT(version) },
	{ "mode", &mode, .offset = AT(mode) },
	{ "rules", &rules, .offset = 0 },
	{ "webhooks", &webhook_list, .offset = AT(webhooks) },
	{ 0 }
};
const struct type policy_schema = {
	.what = "a mapping with version, mode and rules", .keys = policy_keys
};
