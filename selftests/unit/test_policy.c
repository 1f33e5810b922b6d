// SPDX-License-Identifier: Apache-2.0
/*
 * Policies as YAML: what is read from them, and the exact words of every
 * refusal.  Prints TAP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy.h"
#include "util.h"

static unsigned int tests, failures;

static void ok(bool passed, const char *name)
{
	tests++;
	failures += !passed;
	printf("%s %u - ", passed ? "ok" : "not ok", tests);
	escape(stdout, name, strlen(name), 100);
	putchar('\n');
}

static void same(const char *name, const char *got, const char *want)
{
	bool passed = !strcmp(got, want);

	ok(passed, name);
	if (!passed)
		printf("# got:\n# %.2000s\n# wanted:\n# %.2000s\n", got, want);
}

/*
 * A policy as text, one word or line for each entry
 */

static void dump_ports(FILE *out, struct port_range ports)
{
	if (ports.lo)
		fprintf(out, ports.lo == ports.hi ? ":%u" : ":%u-%u", ports.lo, ports.hi);
	fputc('\n', out);
}

static void dump_hosts(FILE *out, const char *what, const struct host_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		fprintf(out, "%s %s%s", what, l->v[i].below_only ? "." : "", l->v[i].name);
		dump_ports(out, l->v[i].ports);
	}
}

static void dump_addrs(FILE *out, const char *what, const struct addr_list *l)
{
	char text[INET6_ADDRSTRLEN];
	size_t i;

	for (i = 0; i < l->n; i++) {
		inet_ntop(AF_INET6, l->v[i].addr, text, sizeof(text));
		fprintf(out, "%s %s/%u", what, text, l->v[i].prefixlen);
		dump_ports(out, l->v[i].ports);
	}
}

static void dump_paths(FILE *out, const char *what, const struct path_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		fprintf(out, "%s %s\n", what, l->v[i].path);
}

static void dump_flag(FILE *out, const char *what, enum tristate flag)
{
	if (flag != UNSET)
		fprintf(out, "%s %s\n", what, flag == YES ? "yes" : "no");
}

static void dump_process(FILE *out, const char *what, const struct process_rule *r)
{
	fprintf(out, "%s %s%s\n", what, r->process, r->children ? " +children" : "");
}

static void dump_rules(FILE *out, const struct policy_src *p)
{
	size_t i;

	for (i = 0; i < p->exempt.n; i++) {
		if (p->exempt.v[i].kind == EXEMPT_PID)
			fprintf(out, "exempt pid %d\n", p->exempt.v[i].pid);
		else
			fprintf(out, "exempt %s %s\n", p->exempt.v[i].kind == EXEMPT_UNIT ?
				"unit" : "path", p->exempt.v[i].name);
	}
	dump_hosts(out, "host", &p->allowed_hosts);
	dump_addrs(out, "ip", &p->allowed_ips);
	for (i = 0; i < p->allowed_processes.n; i++)
		dump_process(out, "process", &p->allowed_processes.v[i]);
	for (i = 0; i < p->profiles.n; i++) {
		dump_process(out, "profile", &p->profiles.v[i].process);
		dump_hosts(out, "profile-host", &p->profiles.v[i].hosts);
		dump_addrs(out, "profile-cidr", &p->profiles.v[i].cidrs);
	}
	for (i = 0; i < p->chains.n; i++) {
		fprintf(out, "chain %s %s\n", p->chains.v[i].process,
			p->chains.v[i].action == CHAIN_EXEC ? "exec" : "connect");
		dump_paths(out, "chain-ancestor", &p->chains.v[i].ancestors);
	}
	dump_paths(out, "raw-exempt", &p->raw_sockets_exempt);
	dump_paths(out, "socket", &p->blocked_sockets);
	dump_paths(out, "exec", &p->blocked_executables);
	dump_addrs(out, "server", &p->dns_servers);
	dump_paths(out, "monitored", &p->monitored_paths);
	dump_paths(out, "protected", &p->protected_paths);
	dump_paths(out, "blocked", &p->blocked_paths);
	dump_paths(out, "env", &p->monitored_env_vars);
}

static void dump_webhooks(FILE *out, const struct policy_src *p)
{
	size_t i, j;

	for (i = 0; i < p->webhooks.n; i++) {
		const struct webhook_rule *hook = &p->webhooks.v[i];

		fprintf(out, "webhook %s %u %ums\n", hook->url, hook->filter, hook->timeout_ms);
		for (j = 0; j < hook->nheaders; j++)
			fprintf(out, "header %s=%s\n", hook->headers[j].name,
				hook->headers[j].value);
	}
}

static void dump(FILE *out, const struct policy_src *p)
{
	static const char *const modes[] = { NULL, "monitor", "trace" };
	static const char *const raw[] = { NULL, "allow", "monitor", "block" };

	if (p->mode)
		fprintf(out, "mode %s\n", modes[p->mode]);
	dump_rules(out, p);
	if (p->raw_sockets)
		fprintf(out, "raw %s\n", raw[p->raw_sockets]);
	dump_flag(out, "local", p->allow_local_ranges);
	dump_flag(out, "github", p->allow_github_meta);
	dump_flag(out, "metadata", p->allow_metadata);
	dump_flag(out, "process-enabled", p->process_enabled);
	dump_flag(out, "ptrace", p->block_ptrace);
	dump_flag(out, "unlisted", p->block_unlisted_queries);
	dump_flag(out, "file-enabled", p->file_enabled);
	dump_flag(out, "sni", p->enforce_sni);
	dump_flag(out, "quic", p->block_quic);
	dump_flag(out, "http", p->allow_http);
	dump_flag(out, "self", p->self_protect);
	dump_webhooks(out, p);
}

/* The errors of a policy, or its dump when there are none; the caller frees it. */
static char *result(struct policy_src *p, int errors, char **messages)
{
	char *text;
	size_t len;
	FILE *out;

	if (errors) {
		policy_free(p);
		return *messages;
	}
	free(*messages);
	out = open_memstream(&text, &len);
	dump(out, p);
	fclose(out);
	policy_free(p);
	return text;
}

static char *read_text(const void *text, size_t len)
{
	struct policy_src p;
	char *messages;
	size_t size;
	FILE *err = open_memstream(&messages, &size);
	int errors;

	policy_init(&p);
	errors = policy_read_buffer(&p, "p.yaml", text, len, err);
	fclose(err);
	return result(&p, errors, &messages);
}

static void document(const char *name, const void *text, size_t len, const char *want)
{
	char *got = read_text(text, len);

	same(name, got, want);
	free(got);
}

/*
 * One value in one place: what is dumped ("=...") or the words of the refusal
 */

struct value {
	const char *text, *want;
};

/* @format has one %s for the value; @where is what stands before it in a message. */
static void values(const char *format, const char *where, const struct value *v)
{
	for (; v->text; v++) {
		char *doc, *want;

		if (asprintf(&doc, format, v->text) < 0)
			abort();
		if (asprintf(&want, v->want[0] == '=' ? "%1$s\n" : "p.yaml:%2$s: \"%3$s\": %1$s\n",
			     v->want + (v->want[0] == '='), where, v->text) < 0)
			abort();
		document(v->text, doc, strlen(doc), want);
		free(doc);
		free(want);
	}
}

#define X10(s)	s s s s s s s s s s
#define X60(s)	X10(s) X10(s) X10(s) X10(s) X10(s) X10(s)
#define LABEL63	X60("a") "bcd"
#define NAME253	LABEL63 "." LABEL63 "." LABEL63 "." X60("a") "b"

#define NOT_V4	"is not an IPv4 address; write four numbers 0..255 without leading zeros"
#define PORT	"port must be 1..65535, or a range such as 8000-8010"
#define NO_HOST	"is not a host name; letters, digits, \"-\", \"_\" and \".\" make one"
#define NUMBER	"is neither a host name nor an IPv4 address: it ends in a number"

static const struct value ips[] = {
	{ "203.0.113.7", "=ip ::ffff:203.0.113.7/128" },
	{ "0.0.0.0/0", "=ip ::ffff:0.0.0.0/96" },
	{ "10.0.0.0/8", "=ip ::ffff:10.0.0.0/104" },
	{ "10.0.0.0/8:443", "=ip ::ffff:10.0.0.0/104:443" },
	{ "203.0.113.7:8000-8010", "=ip ::ffff:203.0.113.7/128:8000-8010" },
	{ "203.0.113.7:1-65535", "=ip ::ffff:203.0.113.7/128:1-65535" },
	{ "203.0.113.7:80-80", "=ip ::ffff:203.0.113.7/128:80" },
	{ "255.255.255.255/32", "=ip ::ffff:255.255.255.255/128" },
	{ "2001:db8::1", "=ip 2001:db8::1/128" },
	{ "2001:DB8:0::/48", "=ip 2001:db8::/48" },
	{ "::/0", "=ip ::/0" },
	{ "::", "=ip ::/128" },
	{ "[2001:db8::1]", "=ip 2001:db8::1/128" },
	{ "[2001:db8::1]:22", "=ip 2001:db8::1/128:22" },
	{ "[2001:db8::]/48:443", "=ip 2001:db8::/48:443" },
	{ "[2001:db8::/48]:443", "=ip 2001:db8::/48:443" },
	{ "[2001:db8::/48]", "=ip 2001:db8::/48" },
	{ "[2001:db8::]/48", "=ip 2001:db8::/48" },
	{ "::ffff:192.0.2.1", "=ip ::ffff:192.0.2.1/128" },
	{ "::ffff:c000:201", "=ip ::ffff:192.0.2.1/128" },
	{ "::ffff:10.0.0.0/104", "=ip ::ffff:10.0.0.0/104" },
	{ "2001:db8::443", "=ip 2001:db8::443/128" },
	{ "", "is empty" },
	{ "10.0.0.0/33", "prefix length must be 0..32" },
	{ "10.0.0.0/", "prefix length must be 0..32" },
	{ "10.0.0.0/08", "prefix length must be 0..32" },
	{ "10.0.0.0/-1", "prefix length must be 0..32" },
	{ "10.0.0.0/255.0.0.0", "prefix length must be 0..32" },
	{ "10.0.0.0/8/8", "prefix length must be 0..32" },
	{ "10.0.0.0/99999999999999999999", "prefix length must be 0..32" },
	{ "2001:db8::/129", "prefix length must be 0..128" },
	{ "[2001:db8::/48]/48", "only a prefix length and a port may follow the brackets" },
	{ "10.0.0.1/8", "has bits set beyond its prefix; write 10.0.0.0/8" },
	{ "10.0.0.1/8:443", "has bits set beyond its prefix; write 10.0.0.0/8" },
	{ "1.1.1.1/0", "has bits set beyond its prefix; write 0.0.0.0/0" },
	{ "2001:db8::1/48", "has bits set beyond its prefix; write 2001:db8::/48" },
	{ "010.0.0.1", NOT_V4 },
	{ "10.0.0.08", NOT_V4 },
	{ "0x0a.0.0.1", NOT_V4 },
	{ "0x7f000001", NOT_V4 },
	{ "2130706433", NOT_V4 },
	{ "127.1", NOT_V4 },
	{ "10.0.0", NOT_V4 },
	{ "10.0.0.256", NOT_V4 },
	{ "10.0.0.1.", NOT_V4 },
	{ " 10.0.0.1", NOT_V4 },
	{ "10.0.0.1 ", NOT_V4 },
	{ "*", NOT_V4 },
	{ "1::2::3", "is not an IPv6 address" },
	{ "2001:db8::g", "is not an IPv6 address" },
	{ "1.2.3.4:80:90", "is not an IPv6 address" },
	{ "::ffff:010.0.0.1", "is not an IPv6 address" },
	{ "fe80::1%eth0", "zone ids are not supported; write the address alone" },
	{ "[fe80::1%1]:22", "zone ids are not supported; write the address alone" },
	{ "10.0.0.1:0", PORT },
	{ "10.0.0.1:65536", PORT },
	{ "10.0.0.1:", PORT },
	{ "10.0.0.1:0443", PORT },
	{ "10.0.0.1:+1", PORT },
	{ "10.0.0.1:http", PORT },
	{ "10.0.0.1:1-", PORT },
	{ "10.0.0.1:0-5", PORT },
	{ "10.0.0.1:1-2-3", PORT },
	{ "10.0.0.1:1-65536", PORT },
	{ "10.0.0.1:90-80", "port range is inverted; write 80-90" },
	{ "[2001:db8::1]:0", PORT },
	{ "[2001:db8::1]22", "only a prefix length and a port may follow the brackets" },
	{ "[2001:db8::1", "lacks the closing \"]\"" },
	{ "[10.0.0.1]:80", "only an IPv6 address takes brackets" },
	{ "2001:db8::/48:443",
	  "an IPv6 network with a port needs brackets; write [2001:db8::]/48:443" },
	{ "github.com", "is a host name; put it in allowed_hosts" },
	{ ".github.com:443", "is a host name; put it in allowed_hosts" },
	{ "localhost", "is a host name; put it in allowed_hosts" },
	{ NULL, NULL }
};

static const struct value hosts[] = {
	{ "github.com", "=host github.com" },
	{ "github.com:443", "=host github.com:443" },
	{ "github.com:8000-8010", "=host github.com:8000-8010" },
	{ ".npmjs.org", "=host .npmjs.org" },
	{ ".npmjs.org:443", "=host .npmjs.org:443" },
	{ "GitHub.COM", "=host github.com" },
	{ "github.com.", "=host github.com" },
	{ "github.com.:443", "=host github.com:443" },
	{ "localhost", "=host localhost" },
	{ "_dmarc.ex_ample.com", "=host _dmarc.ex_ample.com" },
	{ "r3---sn-4g5e6.example.com", "=host r3---sn-4g5e6.example.com" },
	{ "1.example", "=host 1.example" },
	{ "3com.com", "=host 3com.com" },
	{ "xn--bcher-kva.example", "=host xn--bcher-kva.example" },
	{ "XN--BCHER-KVA.example", "=host xn--bcher-kva.example" },
	{ "bücher.example", "=host xn--bcher-kva.example" },
	{ "BÜCHER.example:443", "=host xn--bcher-kva.example:443" },
	{ ".Bu\xcc\x88" "cher.example", "=host .xn--bcher-kva.example" },
	{ "ΕΛΛΆΔΑ.gr", "=host xn--hxakic4aa.gr" },
	{ "ПРИМЕР.рф", "=host xn--e1afmkfd.xn--p1ai" },
	{ "faß.de", "=host xn--fa-hia.de" },
	{ "例え。テスト", "=host xn--r8jz45g.xn--zckzah" },
	{ LABEL63 ".com", "=host " LABEL63 ".com" },
	{ NAME253, "=host " NAME253 },
	{ NAME253 ".", "=host " NAME253 },
	{ "", "is empty" },
	{ ".", "has an empty label" },
	{ "..", "has an empty label" },
	{ "a..b", "has an empty label" },
	{ "..a", "has an empty label" },
	{ "a..", "has an empty label" },
	{ ":443", "has an empty label" },
	{ "*", NO_HOST },
	{ "api*.example.com", NO_HOST },
	{ "a b", NO_HOST },
	{ "example.com/path", NO_HOST },
	{ "[example.com]", NO_HOST },
	{ "ex!ample.com", NO_HOST },
	{ "*.example.com", "subdomains are written without \"*\": .example.com" },
	{ "https://example.com", "is a URL; write the host: example.com" },
	{ "https://example.com:8443/x?y", "is a URL; write the host: example.com:8443" },
	{ "10.0.0.1", "is an address; put it in allowed_ips" },
	{ "10.0.0.0/8", "is an address; put it in allowed_ips" },
	{ "10.0.0.1:443", "is an address; put it in allowed_ips" },
	{ "2001:db8::1", "is an address; put it in allowed_ips" },
	{ "[2001:db8::1]:443", "is an address; put it in allowed_ips" },
	{ "10.0.0.300", NUMBER },
	{ "1.2.3", NUMBER },
	{ "0x7f.0x1", NUMBER },
	{ "example.1", NUMBER },
	{ "１２７.0.0.1", NUMBER },
	{ "example.com:0", PORT },
	{ "example.com:https", PORT },
	{ "example.com:9-8", "port range is inverted; write 8-9" },
	{ "a:b:c", PORT },
	{ NULL, NULL }
};

static const struct value processes[] = {
	{ "curl", "=process curl" },
	{ "/usr/bin/curl", "=process /usr/bin/curl" },
	{ "[", "=process [" },
	{ "a b", "=process a b" },
	{ "ls.exe", "=process ls.exe" },
	{ "naïve", "=process naïve" },
	{ "", "is empty" },
	{ ".", "is not a file name" },
	{ "..", "is not a file name" },
	{ "bin/curl", "must be a file name, such as curl, or a full path" },
	{ "./curl", "must be a file name, such as curl, or a full path" },
	{ "/", "ends in \"/\"; name a file" },
	{ "/usr/bin/", "ends in \"/\"; name a file" },
	{ "/usr//bin/curl", "has \"//\"; write the path in its shortest form" },
	{ "//curl", "has \"//\"; write the path in its shortest form" },
	{ "/usr/../curl", "has \".\" or \"..\"; write the path in its shortest form" },
	{ "/usr/./curl", "has \".\" or \"..\"; write the path in its shortest form" },
	{ "/usr/..", "has \".\" or \"..\"; write the path in its shortest form" },
	{ "/...", "=process /..." },
	{ "python*", "has \"*\"; write out each name" },
	{ "/usr/bin/*", "has \"*\"; write out each path" },
	{ NULL, NULL }
};

static const struct value patterns[] = {
	{ "/etc/shadow", "=blocked /etc/shadow" },
	{ "/root/.ssh/", "=blocked /root/.ssh/" },
	{ "/.npmrc", "=blocked /.npmrc" },
	{ "/.aws/", "=blocked /.aws/" },
	{ "/proc/*/environ", "=blocked /proc/*/environ" },
	{ "/home/*/", "=blocked /home/*/" },
	{ "/", "covers every file; name a directory" },
	{ "", "must start with \"/\"" },
	{ "etc/shadow", "must start with \"/\"" },
	{ "~/.npmrc", "must start with \"/\"; write /.npmrc for any home directory" },
	{ "~/secret", "must start with \"/\"; write /home/*/secret for any home directory" },
	{ "/etc/*.conf", "\"*\" stands for one whole component, as in /proc/*/environ" },
	{ "/etc/**", "\"*\" stands for one whole component, as in /proc/*/environ" },
	{ "/etc//shadow", "has \"//\"; write the path in its shortest form" },
	{ "/etc/ssh//", "has \"//\"; write the path in its shortest form" },
	{ "/etc/../shadow", "has \".\" or \"..\"; write the path in its shortest form" },
	{ "/.", "has \".\" or \"..\"; write the path in its shortest form" },
	{ "/./", "has \".\" or \"..\"; write the path in its shortest form" },
	{ NULL, NULL }
};

static const struct value servers[] = {
	{ "8.8.8.8", "=server ::ffff:8.8.8.8/128" },
	{ "2001:4860:4860::8888", "=server 2001:4860:4860::8888/128" },
	{ "dns.google", "is a host name; write the server's address" },
	{ "8.8.8.0/24", "is a network; write the address of each server" },
	{ "8.8.8.8:53", "has a port; write the address alone" },
	{ "8.8.8", NOT_V4 },
	{ NULL, NULL }
};

static const struct value env_names[] = {
	{ "GITHUB_TOKEN", "=env GITHUB_TOKEN" },
	{ "_x1", "=env _x1" },
	{ "", "is not the name of a variable; letters, digits and \"_\" make one" },
	{ "1X", "is not the name of a variable; letters, digits and \"_\" make one" },
	{ "A=B", "is not the name of a variable; letters, digits and \"_\" make one" },
	{ "AWS_*", "is not the name of a variable; letters, digits and \"_\" make one" },
	{ NULL, NULL }
};

static const struct value units[] = {
	{ "actions.runner.x.service", "=exempt unit actions.runner.x.service" },
	{ "getty@tty1.service", "=exempt unit getty@tty1.service" },
	{ "session-1.scope", "=exempt unit session-1.scope" },
	{ "chrony", "must end in .service, .scope or .slice; write chrony.service" },
	{ "", "is not the name of a systemd unit" },
	{ ".service", "is not the name of a systemd unit" },
	{ "../x.service", "is not the name of a systemd unit" },
	{ NULL, NULL }
};

static const struct value pids[] = {
	{ "1", "=exempt pid 1" },
	{ "4194304", "=exempt pid 4194304" },
	{ "4194305", "must be 1..4194304" },
	{ "0", "must be 1..4194304" },
	{ "-1", "must be 1..4194304" },
	{ "1e3", "must be 1..4194304" },
	{ NULL, NULL }
};

#define HOOK "webhook https://h.example/x 7 "
#define TIMEOUT "must be 1ms..600s, such as 5s or 500ms"

static const struct value timeouts[] = {
	{ "5s", "=" HOOK "5000ms" },
	{ "500ms", "=" HOOK "500ms" },
	{ "3", "=" HOOK "3000ms" },
	{ "600s", "=" HOOK "600000ms" },
	{ "600000ms", "=" HOOK "600000ms" },
	{ "601s", TIMEOUT },
	{ "0", TIMEOUT },
	{ "0ms", TIMEOUT },
	{ "-1s", TIMEOUT },
	{ "5m", TIMEOUT },
	{ "1.5s", TIMEOUT },
	{ "5 s", TIMEOUT },
	{ "ms", TIMEOUT },
	{ "99999999999999999999s", TIMEOUT },
	{ NULL, NULL }
};

static void test_values(void)
{
	values("rules: {network: {allowed_ips: ['%s']}}",
	       "1:33: rules.network.allowed_ips[0]", ips);
	values("rules: {network: {allowed_hosts: ['%s']}}",
	       "1:35: rules.network.allowed_hosts[0]", hosts);
	values("rules: {network: {allowed_processes: ['%s']}}",
	       "1:39: rules.network.allowed_processes[0]", processes);
	values("rules: {file: {blocked_paths: ['%s']}}",
	       "1:32: rules.file.blocked_paths[0]", patterns);
	values("rules: {dns: {allowed_servers: ['%s']}}",
	       "1:33: rules.dns.allowed_servers[0]", servers);
	values("rules: {file: {monitored_env_vars: ['%s']}}",
	       "1:37: rules.file.monitored_env_vars[0]", env_names);
	values("rules: {exempt: [{unit: '%s'}]}", "1:25: rules.exempt[0].unit", units);
	values("rules: {exempt: [{pid: %s}]}", "1:24: rules.exempt[0].pid", pids);
	values("webhooks: [{url: 'https://h.example/x', timeout: '%s'}]",
	       "1:50: webhooks[0].timeout", timeouts);
}

/* URLs may be secrets, so their messages do not show them. */
static void test_urls(void)
{
	static const struct value urls[] = {
		{ "https://siem.example.com/events", NULL },
		{ "http://10.0.0.1:8080/x?y=z#f", NULL },
		{ "HTTPS://u:p@[2001:db8::1]:443", NULL },
		{ "ftp://example.com", "must start with https:// or http://" },
		{ "example.com", "must start with https:// or http://" },
		{ "", "must start with https:// or http://" },
		{ "https://", "must name a host, such as https://siem.example.com/events" },
		{ "https:///x", "must name a host, such as https://siem.example.com/events" },
		{ "https://.example.com/",
		  "must name a host, such as https://siem.example.com/events" },
		{ "https://example.com:80-90/",
		  "must name a host, such as https://siem.example.com/events" },
		{ "https://2001:db8::1/",
		  "must name a host, such as https://siem.example.com/events" },
		{ "https://example.com/a b", "has a character that a URL must percent-encode" },
		{ "https://bücher.example/", "has a character that a URL must percent-encode" },
		{ NULL, NULL }
	};
	const struct value *v;

	for (v = urls; v->text; v++) {
		char *doc, *want;

		if (asprintf(&doc, "webhooks: [{url: '%s'}]", v->text) < 0 ||
		    asprintf(&want, v->want ? "p.yaml:1:18: webhooks[0].url: %s\n" :
			     "webhook %s 7 5000ms\n", v->want ? v->want : v->text) < 0)
			abort();
		document(v->text, doc, strlen(doc), want);
		free(doc);
		free(want);
	}
}

/*
 * Whole documents
 */

struct doc {
	const char *name, *text, *want;
};

static const struct doc docs[] = {
	{ "every key", "version: \"1\"\nmode: trace\nrules:\n"
	  "  exempt: [/usr/sbin/ntpd, {pid: 7}, {unit: a.service}]\n"
	  "  network:\n"
	  "    allowed_hosts: [a.example]\n    allowed_ips: [192.0.2.1]\n"
	  "    allow_local_ranges: true\n    allow_github_meta: false\n"
	  "    allow_metadata: false\n"
	  "    allowed_processes: [curl, {name: make, children: true}, {name: sh}]\n"
	  "    profiles:\n      - process: npm\n        children: true\n"
	  "        allowed_hosts: [b.example]\n        allowed_cidrs: [192.0.2.0/24:443]\n"
	  "    raw_sockets: block\n    raw_sockets_exempt: [/bin/ping]\n"
	  "    blocked_sockets: [/run/docker.sock]\n"
	  "  process:\n    enabled: true\n"
	  "    blocked_chains: [{process: curl, ancestors: [npm, sh], action: exec}]\n"
	  "    blocked_executables: [nc, /usr/bin/ncat]\n    block_ptrace: true\n"
	  "  dns:\n    allowed_servers: [8.8.8.8]\n    block_unlisted_queries: true\n"
	  "  file:\n    enabled: false\n    monitored_paths: [/etc/shadow]\n"
	  "    protected_paths: [/etc/passwd]\n    blocked_paths: [/.npmrc]\n"
	  "    monitored_env_vars: [CI_TOKEN]\n"
	  "  tls:\n    enforce_sni: true\n    block_quic: false\n    allow_http: false\n"
	  "  self_protect: true\n"
	  "webhooks:\n  - url: https://h.example\n    headers: {Authorization: Bearer x}\n"
	  "    events: [block, file_flag]\n    timeout: 2s\n",
	  "mode trace\nexempt path /usr/sbin/ntpd\nexempt pid 7\nexempt unit a.service\n"
	  "host a.example\nip ::ffff:192.0.2.1/128\n"
	  "process curl\nprocess make +children\nprocess sh\n"
	  "profile npm +children\nprofile-host b.example\n"
	  "profile-cidr ::ffff:192.0.2.0/120:443\n"
	  "chain curl exec\nchain-ancestor npm\nchain-ancestor sh\n"
	  "raw-exempt /bin/ping\nsocket /run/docker.sock\nexec nc\nexec /usr/bin/ncat\n"
	  "server ::ffff:8.8.8.8/128\nmonitored /etc/shadow\nprotected /etc/passwd\n"
	  "blocked /.npmrc\nenv CI_TOKEN\nraw block\n"
	  "local yes\ngithub no\nmetadata no\nprocess-enabled yes\nptrace yes\nunlisted yes\n"
	  "file-enabled no\nsni yes\nquic no\nhttp no\nself yes\n"
	  "webhook https://h.example 5 2000ms\nheader Authorization=Bearer x\n" },
	{ "empty mapping", "{}", "" },
	{ "version without quotes", "version: 1", "" },
	{ "byte order mark", "\xef\xbb\xbfmode: trace\n", "mode trace\n" },
	{ "CRLF line ends", "version: '1'\r\nmode: trace\r\n", "mode trace\n" },
	{ "comments, one of them in UTF-8", "# — é\nmode: trace # x\n", "mode trace\n" },
	{ "document markers", "---\nmode: monitor\n...\n", "mode monitor\n" },
	{ "empty lists", "rules: {network: {allowed_hosts: [], profiles: []}}\nwebhooks: []", "" },
	{ "repetitions in a list",
	  "rules: {network: {allowed_hosts: [b, a, B, a., a:1, .a, b]}}",
	  "host b\nhost a\nhost a:1\nhost .a\n" },
	{ "one address in two notations",
	  "rules: {network: {allowed_ips: [192.0.2.1, '::ffff:192.0.2.1', 192.0.2.1/32]}}",
	  "ip ::ffff:192.0.2.1/128\n" },
	{ "chain connects by default",
	  "rules: {process: {blocked_chains: [{process: a, ancestors: [b]}]}}",
	  "chain a connect\nchain-ancestor b\n" },
	{ "the same chain twice", "rules: {process: {blocked_chains: [\n"
	  "{process: a, ancestors: [b]}, {process: a, ancestors: [b], action: connect},\n"
	  "{process: a, ancestors: [b], action: exec}, {process: a, ancestors: [b, c]}]}}",
	  "chain a connect\nchain-ancestor b\nchain a exec\nchain-ancestor b\n"
	  "chain a connect\nchain-ancestor b\nchain-ancestor c\n" },
	{ "webhook filter", "webhooks: [{url: 'http://h', filter: block}]",
	  "webhook http://h 1 5000ms\n" },
	{ "webhook filter pass", "webhooks: [{url: 'http://h', filter: pass}]",
	  "webhook http://h 2 5000ms\n" },
	{ "webhook events all", "webhooks: [{url: 'http://h', events: [block, all]}]",
	  "webhook http://h 7 5000ms\n" },
	{ "alias of a scalar",
	  "rules: {network: {allowed_hosts: [&h a.example, *h, b.example]}}",
	  "host a.example\nhost b.example\n" },

	{ "empty file", "", "p.yaml:1:1: the file is empty; an empty policy is written {}\n" },
	{ "only a comment", "# nothing\n",
	  "p.yaml:1:1: the file is empty; an empty policy is written {}\n" },
	{ "null document", "---\n", "p.yaml:2:1: has no value; "
	  "must be a mapping with version, mode and rules\n" },
	{ "a list at the top", "- a\n",
	  "p.yaml:1:1: must be a mapping with version, mode and rules\n" },
	{ "a word at the top", "trace\n",
	  "p.yaml:1:1: \"trace\": must be a mapping with version, mode and rules\n" },
	{ "another version", "version: \"2\"", "p.yaml:1:10: version: \"2\": must be \"1\"\n" },
	{ "version 1.0", "version: 1.0", "p.yaml:1:10: version: \"1.0\": must be \"1\"\n" },
	{ "unknown mode", "mode: enforce",
	  "p.yaml:1:7: mode: \"enforce\": must be monitor or trace\n" },
	{ "modes have a case", "mode: Trace",
	  "p.yaml:1:7: mode: \"Trace\": must be monitor or trace\n" },
	{ "empty mode", "mode: ''", "p.yaml:1:7: mode: \"\": must be monitor or trace\n" },
	{ "mode null", "mode:", "p.yaml:1:6: mode: has no value; must be monitor or trace\n" },
	{ "mode list", "mode: [trace]", "p.yaml:1:7: mode: must be monitor or trace\n" },
	{ "unknown key, one letter missing", "rules:\n  network:\n    alowed_hosts: [a]\n",
	  "p.yaml:3:5: rules.network: unknown key \"alowed_hosts\"; "
	  "did you mean \"allowed_hosts\"?\n" },
	{ "unknown key, letters swapped", "mdoe: trace",
	  "p.yaml:1:1: unknown key \"mdoe\"; did you mean \"mode\"?\n" },
	{ "unknown key, hyphens", "rules: {network: {allowed-ips: []}}",
	  "p.yaml:1:19: rules.network: unknown key \"allowed-ips\"; "
	  "did you mean \"allowed_ips\"?\n" },
	{ "unknown key, the older name",
	  "rules: {network: {profiles: [{process: a, allowed_ips: []}]}}",
	  "p.yaml:1:43: rules.network.profiles[0]: unknown key \"allowed_ips\"; "
	  "did you mean \"allowed_cidrs\"?\n" },
	{ "unknown key, nothing near", "rules: {tls: {certificates: x}}",
	  "p.yaml:1:15: rules.tls: unknown key \"certificates\"; "
	  "known here: enforce_sni, block_quic, allow_http\n" },
	{ "unknown key at the top", "x: 1",
	  "p.yaml:1:1: unknown key \"x\"; known here: version, mode, rules, webhooks\n" },
	{ "key with NUL", "\"mode\\0\": trace",
	  "p.yaml:1:1: unknown key \"mode\"; did you mean \"mode\"?\n" },
	{ "key that would act on a terminal", "\"\\e[31m\": trace",
	  "p.yaml:1:1: unknown key \"\\x1b[31m\"; known here: version, mode, rules, webhooks\n" },
	{ "duplicate key", "mode: trace\nmode: monitor",
	  "p.yaml:2:1: mode: is given twice\n" },
	{ "duplicate section", "rules:\n  dns: {}\n  dns: {}\n",
	  "p.yaml:3:3: rules.dns: is given twice\n" },
	{ "a key that is a list", "? [a]\n: b\n", "p.yaml:1:3: a key must be plain text\n" },
	{ "merge key", "rules: &r {}\n<<: *r\n",
	  "p.yaml:2:1: merge keys (<<) are not supported; write the keys out\n" },
	{ "Boolean yes", "rules: {self_protect: yes}",
	  "p.yaml:1:23: rules.self_protect: \"yes\": must be true or false, without quotes\n" },
	{ "Boolean off", "rules: {self_protect: off}",
	  "p.yaml:1:23: rules.self_protect: \"off\": must be true or false, without quotes\n" },
	{ "Boolean True", "rules: {self_protect: True}",
	  "p.yaml:1:23: rules.self_protect: \"True\": must be true or false, without quotes\n" },
	{ "Boolean in quotes", "rules: {self_protect: \"true\"}",
	  "p.yaml:1:23: rules.self_protect: \"true\": must be true or false, without quotes\n" },
	{ "Boolean 1", "rules: {self_protect: 1}",
	  "p.yaml:1:23: rules.self_protect: \"1\": must be true or false, without quotes\n" },
	{ "Boolean null", "rules: {self_protect: ~}",
	  "p.yaml:1:23: rules.self_protect: has no value; must be true or false, "
	  "without quotes\n" },
	{ "children in quotes",
	  "rules: {network: {allowed_processes: [{name: a, children: 'true'}]}}",
	  "p.yaml:1:59: rules.network.allowed_processes[0].children: \"true\": "
	  "must be true or false, without quotes\n" },
	{ "list null", "rules:\n  network:\n    allowed_hosts:\n    allowed_ips: []\n",
	  "p.yaml:3:19: rules.network.allowed_hosts: has no value; "
	  "write [] for an empty list\n" },
	{ "list with a null", "rules: {network: {allowed_hosts: [a, null]}}",
	  "p.yaml:1:38: rules.network.allowed_hosts[1]: has no value; "
	  "must be a host name, such as github.com or .npmjs.org\n" },
	{ "a word where a list belongs", "rules: {network: {allowed_hosts: github.com}}",
	  "p.yaml:1:34: rules.network.allowed_hosts: \"github.com\": must be a list; "
	  "write [\"github.com\"]\n" },
	{ "a mapping where a list belongs", "rules: {network: {allowed_hosts: {a: b}}}",
	  "p.yaml:1:34: rules.network.allowed_hosts: must be a list\n" },
	{ "a list where a host belongs", "rules: {network: {allowed_hosts: [[a]]}}",
	  "p.yaml:1:35: rules.network.allowed_hosts[0]: "
	  "must be a host name, such as github.com or .npmjs.org\n" },
	{ "section null", "rules:", "p.yaml:1:7: rules: has no value; must be a mapping\n" },
	{ "section list", "rules: []", "p.yaml:1:8: rules: must be a mapping\n" },
	{ "raw_sockets", "rules: {network: {raw_sockets: deny}}",
	  "p.yaml:1:32: rules.network.raw_sockets: \"deny\": must be allow, monitor or block\n" },
	{ "raw_sockets_exempt takes paths only", "rules: {network: {raw_sockets_exempt: [ping]}}",
	  "p.yaml:1:40: rules.network.raw_sockets_exempt[0]: \"ping\": "
	  "must be a full path, such as /usr/bin/curl\n" },
	{ "exempt takes paths only", "rules: {exempt: [ntpd]}",
	  "p.yaml:1:18: rules.exempt[0]: \"ntpd\": must be a full path, such as /usr/bin/curl\n" },
	{ "exempt with both", "rules: {exempt: [{pid: 1, unit: a.service}]}",
	  "p.yaml:1:27: rules.exempt[0].unit: stands beside pid; keep one of the two\n" },
	{ "exempt with neither", "rules: {exempt: [{}]}",
	  "p.yaml:1:18: rules.exempt[0]: must have the key pid or unit\n" },
	{ "process without a name", "rules: {network: {allowed_processes: [{children: true}]}}",
	  "p.yaml:1:39: rules.network.allowed_processes[0]: lacks the key \"name\"\n" },
	{ "profile without a process", "rules: {network: {profiles: [{allowed_hosts: [a]}]}}",
	  "p.yaml:1:30: rules.network.profiles[0]: lacks the key \"process\"\n" },
	{ "profile that is a word", "rules: {network: {profiles: [npm]}}",
	  "p.yaml:1:30: rules.network.profiles[0]: \"npm\": "
	  "must be a mapping with process and allowed_hosts\n" },
	{ "chain without ancestors", "rules: {process: {blocked_chains: [{process: a}]}}",
	  "p.yaml:1:36: rules.process.blocked_chains[0]: lacks the key \"ancestors\"\n" },
	{ "chain with no ancestor",
	  "rules: {process: {blocked_chains: [{process: a, ancestors: []}]}}",
	  "p.yaml:1:60: rules.process.blocked_chains[0].ancestors: "
	  "must name 1 to 8 processes\n" },
	{ "chain with nine ancestors", "rules: {process: {blocked_chains: "
	  "[{process: a, ancestors: [a, b, c, d, e, f, g, h, i]}]}}",
	  "p.yaml:1:60: rules.process.blocked_chains[0].ancestors: "
	  "must name 1 to 8 processes\n" },
	{ "chain action", "rules: {process: {blocked_chains: "
	  "[{process: a, ancestors: [b], action: kill}]}}",
	  "p.yaml:1:73: rules.process.blocked_chains[0].action: \"kill\": "
	  "must be connect or exec\n" },
	{ "webhook without url", "webhooks: [{filter: all}]",
	  "p.yaml:1:12: webhooks[0]: lacks the key \"url\"\n" },
	{ "webhook that is a URL is not shown", "webhooks: ['https://h/secret']",
	  "p.yaml:1:12: webhooks[0]: must be a mapping with url\n" },
	{ "webhooks that are a URL are not shown", "webhooks: https://h/secret",
	  "p.yaml:1:11: webhooks: must be a list\n" },
	{ "webhook filter and events",
	  "webhooks: [{url: 'http://h', filter: all, events: [all]}]",
	  "p.yaml:1:43: webhooks[0].events: stands beside filter; keep one of the two\n" },
	{ "webhook filter file_flag", "webhooks: [{url: 'http://h', filter: file_flag}]",
	  "p.yaml:1:38: webhooks[0].filter: \"file_flag\": must be block, pass or all\n" },
	{ "webhook events word", "webhooks: [{url: 'http://h', events: all}]",
	  "p.yaml:1:38: webhooks[0].events: \"all\": must be a list; write [\"all\"]\n" },
	{ "webhook unknown event", "webhooks: [{url: 'http://h', events: [deny]}]",
	  "p.yaml:1:39: webhooks[0].events[0]: \"deny\": must be block, pass, "
	  "file_flag or all\n" },
	{ "webhook no events", "webhooks: [{url: 'http://h', events: []}]",
	  "p.yaml:1:38: webhooks[0].events: must name an event; "
	  "for all of them, leave the key out\n" },
	{ "header with CR LF", "webhooks: [{url: 'http://h', headers: {X: \"s\\r\\nY: z\"}}]",
	  "p.yaml:1:43: webhooks[0].headers.X: has a control character (U+000D)\n" },
	{ "header with a bad name", "webhooks: [{url: 'http://h', headers: {\"X Y\": s3cret}}]",
	  "p.yaml:1:47: webhooks[0].headers.X Y: is not the name of an HTTP header\n" },
	{ "header null", "webhooks: [{url: 'http://h', headers: {X: }}]",
	  "p.yaml:1:43: webhooks[0].headers.X: must be text\n" },
	{ "header list", "webhooks: [{url: 'http://h', headers: {X: [s3cret]}}]",
	  "p.yaml:1:43: webhooks[0].headers.X: must be text\n" },
	{ "headers that are one string",
	  "webhooks: [{url: 'http://h', headers: 'X: s3cret'}]",
	  "p.yaml:1:39: webhooks[0].headers: must be a mapping of HTTP headers\n" },
	{ "header twice", "webhooks: [{url: 'http://h', headers: {X: s3cret, x: s3cret}}]",
	  "p.yaml:1:54: webhooks[0].headers.x: is given twice; names of headers have no case\n" },
	{ "control character in a value", "rules: {network: {allowed_processes: [\"a\\eb\"]}}",
	  "p.yaml:1:39: rules.network.allowed_processes[0]: \"a\\x1bb\": "
	  "has a control character (U+001B)\n" },
	{ "NUL in a value", "rules: {network: {allowed_processes: [\"a\\0b\"]}}",
	  "p.yaml:1:39: rules.network.allowed_processes[0]: \"a\\x00b\": "
	  "has a control character (U+0000)\n" },
	{ "line end in a value", "rules: {network: {allowed_hosts: [\"a\\nb\"]}}",
	  "p.yaml:1:35: rules.network.allowed_hosts[0]: \"a\\nb\": "
	  "has a control character (U+000A)\n" },
	{ "reordering character in a value",
	  "rules: {network: {allowed_processes: [\"a\\u202eb\"]}}",
	  "p.yaml:1:39: rules.network.allowed_processes[0]: \"a\\u202eb\": "
	  "has a control character (U+202E)\n" },
	{ "a long value is cut short", "mode: " X60("x") X60("y"),
	  "p.yaml:1:7: mode: \"" X60("x") X10("y") X10("y") "…\": must be monitor or trace\n" },
	{ "many errors in one run", "version: 3\nmode: x\nrules:\n  network:\n"
	  "    allowed_ips: [10.0.0.0/8, 10.0.0.0/33, 1.1.1.1, b.example]\n    foo: 1\n",
	  "p.yaml:1:10: version: \"3\": must be \"1\"\n"
	  "p.yaml:2:7: mode: \"x\": must be monitor or trace\n"
	  "p.yaml:5:31: rules.network.allowed_ips[1]: \"10.0.0.0/33\": "
	  "prefix length must be 0..32\n"
	  "p.yaml:5:53: rules.network.allowed_ips[3]: \"b.example\": is a host name; "
	  "put it in allowed_hosts\n"
	  "p.yaml:6:5: rules.network: unknown key \"foo\"; known here: allowed_hosts, "
	  "allowed_ips, allow_local_ranges, allow_github_meta, allow_metadata, "
	  "allowed_processes, profiles, raw_sockets, raw_sockets_exempt, blocked_sockets\n" },

	{ "YAML: bad indentation", "rules:\n  network: {}\n dns: {}\n",
	  "p.yaml:3:2: YAML: did not find expected key, "
	  "while parsing a block mapping at line 1\n" },
	{ "YAML: unclosed bracket", "rules: [\n",
	  "p.yaml:2:1: YAML: did not find expected node content, "
	  "while parsing a flow node at line 2\n" },
	{ "YAML: tab", "rules:\n\tnetwork: {}\n",
	  "p.yaml:2:1: YAML: found character that cannot start any token, "
	  "while scanning for the next token at line 2\n" },
	{ "YAML: unknown alias", "mode: *x\n", "p.yaml:1:7: YAML: found undefined alias\n" },
	{ "tag", "mode: !!binary dHJhY2U=\n",
	  "p.yaml:1:7: tags (!) are not supported; write the value alone\n"
	  "p.yaml:1:7: mode: \"dHJhY2U=\": must be monitor or trace\n" },
	{ "tag of a list", "rules: !!set {}\n",
	  "p.yaml:1:8: tags (!) are not supported; write the value alone\n" },
	{ "directive", "%YAML 1.1\n---\n{}\n",
	  "p.yaml:1:1: YAML directives (%) are not supported\n" },
	{ "two documents", "mode: trace\n---\nmode: monitor\n",
	  "p.yaml:2:1: a second document starts; a file holds one policy\n" },
	{ "alias of a list", "rules:\n  network:\n    allowed_hosts: &l [a]\n"
	  "    profiles: [{process: b, allowed_hosts: *l}]\n",
	  "p.yaml:3:20: rules.network.profiles[0].allowed_hosts: "
	  "an alias can repeat one value, not a list or mapping; write it out\n" },
	{ "alias of itself", "webhooks: &w [*w]\n", "p.yaml:1:11: webhooks[0]: "
	  "an alias can repeat one value, not a list or mapping; write it out\n" },
	{ "control character in the file", "mode: \x07trace",
	  "p.yaml:1:7: control character (U+0007)\n" },
	{ "C1 control character", "mode: trace\n# \xc2\x9b",
	  "p.yaml:2:3: control character (U+009B)\n" },
	{ "reordering character in a comment", "# \xe2\x80\xae",
	  "p.yaml:1:3: control character (U+202E)\n" },
	{ "invalid UTF-8", "# é\nmode: \xff", "p.yaml:2:7: byte 0xff is not valid UTF-8\n" },
	{ "overlong UTF-8", "mode: \xc0\xaf", "p.yaml:1:7: byte 0xc0 is not valid UTF-8\n" },
	{ "surrogate in UTF-8", "\xed\xa0\x80", "p.yaml:1:1: byte 0xed is not valid UTF-8\n" },
	{ "truncated UTF-8", "# \xe2\x82", "p.yaml:1:3: byte 0xe2 is not valid UTF-8\n" },
	{ "byte order mark elsewhere", "\n\xef\xbb\xbf{}",
	  "p.yaml:2:1: control character (U+FEFF)\n" },
	{ "noncharacter", "mode: \xef\xbf\xbf", "p.yaml:1:7: control character (U+FFFF)\n" },
	{ "UTF-16", "\xff\xfem", "p.yaml:1:1: byte 0xff is not valid UTF-8\n" },
};

static void test_documents(void)
{
	size_t i;

	for (i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
		document(docs[i].name, docs[i].text, strlen(docs[i].text), docs[i].want);
	document("NUL in the file", "mode:\0 trace", 12,
		 "p.yaml:1:6: control character (U+0000)\n");
}

/*
 * Several sources
 */

static char *read_texts(const char *const *texts)
{
	struct policy_src p;
	char *messages, name[16];
	int i, errors = 0;
	size_t size;
	FILE *err = open_memstream(&messages, &size);

	policy_init(&p);
	for (i = 0; texts[i]; i++) {
		snprintf(name, sizeof(name), "%d.yaml", i + 1);
		errors += policy_read_buffer(&p, name, texts[i], strlen(texts[i]), err);
	}
	fclose(err);
	return result(&p, errors, &messages);
}

static const struct {
	const char *name, *texts[4], *want;
} merges[] = {
	{ "the later scalar wins",
	  { "mode: trace\nrules: {self_protect: true, tls: {block_quic: true}}",
	    "mode: monitor\nrules: {self_protect: false}" },
	  "mode monitor\nquic yes\nself no\n" },
	{ "an absent scalar wins nothing", { "mode: trace", "rules: {}" },
	  "mode trace\n" },
	{ "lists are united",
	  { "rules: {network: {allowed_hosts: [b, a]}}",
	    "rules: {network: {allowed_hosts: [a, c, b]}}",
	    "rules: {network: {allowed_hosts: []}}" },
	  "host b\nhost a\nhost c\n" },
	{ "children of either file",
	  { "rules: {network: {allowed_processes: [make]}}",
	    "rules: {network: {allowed_processes: [{name: make, children: true}]}}" },
	  "process make +children\n" },
	{ "profiles of one process",
	  { "rules: {network: {profiles: [{process: npm, allowed_hosts: [a, b]}]}}",
	    "rules: {network: {profiles: [{process: pip, allowed_hosts: [x]},"
	    " {process: npm, allowed_hosts: [b, c], allowed_cidrs: [1.1.1.1]}]}}",
	    "rules: {network: {profiles: [{process: npm, children: true,"
	    " allowed_cidrs: [1.1.1.1, 1.0.0.1]}]}}" },
	  "profile npm +children\nprofile-host a\nprofile-host b\nprofile-host c\n"
	  "profile-cidr ::ffff:1.1.1.1/128\nprofile-cidr ::ffff:1.0.0.1/128\n"
	  "profile pip\nprofile-host x\n" },
	{ "the same webhook",
	  { "webhooks: [{url: 'http://h', headers: {A: b}}]",
	    "webhooks: [{url: 'http://h', headers: {A: b}},"
	    " {url: 'http://h', headers: {A: c}}]" },
	  "webhook http://h 7 5000ms\nheader A=b\n"
	  "webhook http://h 7 5000ms\nheader A=c\n" },
	{ "exempt by kind",
	  { "rules: {exempt: [/a, {pid: 1}]}", "rules: {exempt: [{pid: 1}, /a, /b]}" },
	  "exempt path /a\nexempt pid 1\nexempt path /b\n" },
	{ "an error in each file",
	  { "mode: x\nrules: {network: {allowed_hosts: ['?'], profiles: [{}]}}",
	    "rules: {network: {allowed_hosts: [a]}}", "mode: y" },
	  "1.yaml:1:7: mode: \"x\": must be monitor or trace\n"
	  "1.yaml:2:35: rules.network.allowed_hosts[0]: \"?\": " NO_HOST "\n"
	  "1.yaml:2:52: rules.network.profiles[0]: lacks the key \"process\"\n"
	  "3.yaml:1:7: mode: \"y\": must be monitor or trace\n" },
};

static void test_merge(void)
{
	size_t i;

	for (i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
		char *got = read_texts(merges[i].texts);

		same(merges[i].name, got, merges[i].want);
		free(got);
	}
}

static void test_origins(void)
{
	static const char *const texts[] = {
		"rules:\n  network:\n    allowed_hosts:\n      - a\n      - b\n",
		"rules: {network: {allowed_hosts: [b, c]}}",
	};
	struct policy_src p;
	const struct host_rule *v;

	policy_init(&p);
	policy_read_buffer(&p, "1.yaml", texts[0], strlen(texts[0]), stderr);
	policy_read_buffer(&p, "2.yaml", texts[1], strlen(texts[1]), stderr);
	policy_add_hosts(&p, "d,c,e", stderr);
	v = p.allowed_hosts.v;
	ok(p.nfiles == 3 && !strcmp(p.files[1], "2.yaml") && !strcmp(p.files[2], "command line"),
	   "names of the sources");
	ok(p.allowed_hosts.n == 5, "five different hosts");
	ok(v[1].at.file == 0 && v[1].at.line == 5 && v[1].at.column == 9 && v[1].at.index == 1,
	   "the first of two keeps its origin");
	ok(v[2].at.file == 1 && v[2].at.line == 1 && v[2].at.column == 38 && v[2].at.index == 1,
	   "an index counts in its own file");
	ok(v[4].at.file == 2 && !v[4].at.line && v[4].at.index == 2, "origin of a flag");
	policy_free(&p);
}

static void test_too_many_sources(void)
{
	struct policy_src p;
	char *messages;
	size_t size;
	FILE *err = open_memstream(&messages, &size);
	int i, errors = 0;

	policy_init(&p);
	for (i = 0; i <= POLICY_MAX_FILES; i++)
		errors += policy_read_buffer(&p, "p.yaml", "{}", 2, err);
	fclose(err);
	same("65 sources", messages, "p.yaml: more than 64 sources of policy\n");
	ok(errors == 1, "65 sources are one error");
	free(messages);
	policy_free(&p);
}

static void test_flags(void)
{
	static const struct {
		const char *name, *hosts, *ips, *want;
	} flags[] = {
		{ "flags", "a.example,.b.example:443", "192.0.2.1,[2001:db8::1]:22",
		  "host a.example\nhost .b.example:443\n"
		  "ip ::ffff:192.0.2.1/128\nip 2001:db8::1/128:22\n" },
		{ "empty items of a flag", ",a, b,,", "", "host a\nhost b\n" },
		{ "an address among the hosts", "a,10.0.0.1", "",
		  "--allowed-hosts: \"10.0.0.1\": is an address; put it in allowed_ips\n" },
		{ "errors of both flags", "a..b", "x.example,10.0.0.1/8",
		  "--allowed-hosts: \"a..b\": has an empty label\n"
		  "--allowed-ips: \"x.example\": is a host name; put it in allowed_hosts\n"
		  "--allowed-ips: \"10.0.0.1/8\": has bits set beyond its prefix; "
		  "write 10.0.0.0/8\n" },
		{ "bytes of a flag", "\x1b[2J,\xff", "",
		  "--allowed-hosts: \"\\x1b[2J\": has a control character (U+001B)\n"
		  "--allowed-hosts: \"\\xff\": is not valid UTF-8\n" },
	};
	size_t i, size;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct policy_src p;
		char *messages, *got;
		FILE *err = open_memstream(&messages, &size);
		int errors;

		policy_init(&p);
		errors = policy_add_hosts(&p, flags[i].hosts, err);
		errors += policy_add_ips(&p, flags[i].ips, err);
		fclose(err);
		got = result(&p, errors, &messages);
		same(flags[i].name, got, flags[i].want);
		free(got);
	}
}

/*
 * Files and directories
 */

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	if (!f)
		abort();
	fputs(text, f);
	fclose(f);
}

static void from_path(const char *name, int (*read)(struct policy_src *, const char *, FILE *),
		      const char *path, const char *want)
{
	struct policy_src p;
	char *messages, *got;
	size_t size;
	FILE *err = open_memstream(&messages, &size);
	int errors;

	policy_init(&p);
	errors = read(&p, path, err);
	fclose(err);
	got = result(&p, errors, &messages);
	same(name, got, want);
	free(got);
}

static void test_directory(void)
{
	put("d/20-b.yml", "mode: monitor\nrules: {network: {allowed_hosts: [b]}}");
	put("d/10-a.yaml", "mode: trace\nrules: {network: {allowed_hosts: [a]}}");
	put("d/.hidden.yaml", "mode: x");
	put("d/notes.txt", "mode: x");
	from_path("a directory, by name", policy_read_dir, "d",
		  "mode monitor\nhost a\nhost b\n");
	put("d/15.rego", "package x\ny := z");
	put("d/15_test.rego", "no test is a policy");
	put("d/15.json", "[");
	put("d/05-\x1b.yaml", "x: 1");
	from_path("a directory with Rego and an error", policy_read_dir, "d",
		  "d/05-\\x1b.yaml:1:1: unknown key \"x\"; known here: "
		  "version, mode, rules, webhooks\n"
		  "d/15.json:1:2: the file ends where a value should be\n");
	unlink("d/20-b.yml");
	unlink("d/10-a.yaml");
	unlink("d/15.rego");
	unlink("d/15_test.rego");
	unlink("d/15.json");
	unlink("d/05-\x1b.yaml");
	from_path("a directory without policies", policy_read_dir, "d",
		  "d: no *.yaml, *.yml or *.rego file in this directory\n");
	unlink("d/.hidden.yaml");
	unlink("d/notes.txt");
}

static void test_files(void)
{
	char dir[] = "/tmp/test_policy.XXXXXX";
	int fd;

	if (!mkdtemp(dir) || chdir(dir) || mkdir("d", 0700))
		abort();
	put("ok.yaml", "mode: trace\n");
	from_path("a file", policy_read_file, "ok.yaml", "mode trace\n");
	from_path("no such file", policy_read_file, "none.yaml",
		  "none.yaml: No such file or directory\n");
	from_path("a directory for a file", policy_read_file, "d", "d: Is a directory\n");
	from_path("no such directory", policy_read_dir, "none",
		  "none: No such file or directory\n");
	from_path("no end of zeros", policy_read_file, "/dev/zero",
		  "/dev/zero: larger than 64 MiB\n");
	fd = open("big.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 100 << 20))
		abort();
	close(fd);
	from_path("a file of 100 MB", policy_read_file, "big.yaml",
		  "big.yaml: larger than 64 MiB\n");
	if (truncate("big.yaml", 64 << 20))
		abort();
	from_path("64 MB of zeros", policy_read_file, "big.yaml",
		  "big.yaml:1:1: control character (U+0000)\n");
	test_directory();
	if (unlink("ok.yaml") || unlink("big.yaml") || rmdir("d") || chdir("/") || rmdir(dir))
		abort();
}

/*
 * Inputs that are out to cost time or memory
 */

static void repeated(const char *name, const char *head, const char *piece, size_t times,
		     const char *tail, const char *want)
{
	struct timespec start, end;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(head, out);
	while (times--)
		fputs(piece, out);
	fputs(tail, out);
	fclose(out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	document(name, text, len, want);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	if (end.tv_sec - start.tv_sec > 60)	/* even under valgrind */
		ok(false, "in less than a minute");
	free(text);
}

static void test_hostile(void)
{
	repeated("100,000 [", "", "[", 100000, "",
		 "p.yaml:1:33: nested deeper than 32 levels\n");
	repeated("100,000 {a:", "", "{a: ", 100000, "",
		 "p.yaml:1:129: nested deeper than 32 levels\n");
	repeated("100,000 -", "", "- ", 100000, "",
		 "p.yaml:1:65: nested deeper than 32 levels\n");
	repeated("100,000 ?", "", "? ", 100000, "",
		 "p.yaml:1:65: nested deeper than 32 levels\n");
	repeated("2,000,001 values", "[", "1,", 2100000, "]",
		 "p.yaml:1:4000000: more than 2000000 values\n");
	repeated("1001 anchors", "", "- &a 1\n", 1100, "",
		 "p.yaml:1001:3: more than 1000 anchors and aliases\n");
	repeated("1000 aliases of a list", "rules: {network: {allowed_hosts: &l [", "*l,", 1100,
		 "]}}", "p.yaml:1:3035: more than 1000 anchors and aliases\n");
	repeated("a value of 10 MB", "mode: ", "x", 10 << 20, "",
		 "p.yaml:1:7: mode: \"" X60("x") X10("x") X10("x")
		 "…\": is longer than 8192 bytes\n");
	repeated("a path of 5000 bytes", "rules: {file: {blocked_paths: [", "/a", 2500, "]}}",
		 "p.yaml:1:32: rules.file.blocked_paths[0]: \""
		 X10("/a") X10("/a") X10("/a") X10("/a")
		 "…\": is longer than a path can be (4095 bytes)\n");
	repeated("a name of 300 bytes", "rules: {process: {blocked_executables: [", "a", 300,
		 "]}}", "p.yaml:1:41: rules.process.blocked_executables[0]: \""
		 X60("a") X10("a") X10("a")
		 "…\": is longer than a file name can be (255 bytes)\n");
	repeated("quotes that do not end", "mode: \"", "x\n", 1 << 20, "",
		 "p.yaml:1048577:1: YAML: found unexpected end of stream, "
		 "while scanning a quoted scalar at line 1\n");
	repeated("a million directives", "", "%TAG !a! b\n", 1 << 20, "---\n{}",
		 "p.yaml:1:1: YAML directives (%) are not supported\n");
}

static void test_headers(void)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int i;

	fputs("webhooks:\n  - url: http://h\n    headers:\n", out);
	for (i = 0; i < 65; i++)
		fprintf(out, "      h%d: s3cret\n", i);
	fclose(out);
	document("65 headers", text, len,
		 "p.yaml:68:12: webhooks[0].headers.h64: more than 64 headers\n");
	free(text);
}

static void test_schema(void)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	policy_print_schema(out);
	fclose(out);
	ok(strstr(text, "\nrules.tls.allow_http: true or false, without quotes\n") &&
	   strstr(text, "\nrules.network.profiles[].allowed_cidrs: a list, each an address"),
	   "the schema as text");
	free(text);
}

static void test_large(unsigned int n)
{
	struct policy_src p;
	unsigned int i;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int errors;

	fputs("rules:\n  network:\n    allowed_ips:\n", out);
	for (i = 0; i < n; i++) {
		uint32_t a = i * 2654435761u;	/* odd: no two alike */

		fprintf(out, "      - \"%u.%u.%u.%u\"\n", a >> 24, a >> 16 & 255, a >> 8 & 255,
			a & 255);
	}
	fprintf(out, "      - 0.0.0.0\n");
	fclose(out);
	policy_init(&p);
	errors = policy_read_buffer(&p, "p.yaml", text, len, stdout);
	ok(!errors && p.allowed_ips.n == n, "a large list, with one repetition");
	policy_free(&p);
	free(text);
}

static void test_memory(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("# at most %ld MB\n", usage.ru_maxrss >> 10);
#if !defined(__SANITIZE_ADDRESS__)
	ok(usage.ru_maxrss < 1 << 20, "in less than 1 GB");
#endif
}

static void test_parse_address(void)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	uint8_t a[16], b[16];

	ok(!parse_address("192.0.2.1", a) && !memcmp(a, mapped, 16), "IPv4 is stored as mapped");
	ok(!parse_address("::ffff:192.0.2.1", b) && !memcmp(a, b, 16), "mapped is IPv4");
	ok(parse_address("192.0.2.1/32", a), "an address has no prefix length");
	ok(parse_address("", a) && parse_address("[::1]", a), "not an address");
}

int main(int argc, char **argv)
{
	/* A smaller number keeps runs under valgrind short. */
	unsigned int large = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	test_parse_address();
	test_values();
	test_urls();
	test_documents();
	test_merge();
	test_origins();
	test_too_many_sources();
	test_flags();
	test_files();
	test_hostile();
	test_headers();
	test_schema();
	test_large(large);
	test_memory();
	printf("1..%u\n", tests);
	return failures != 0;
}
