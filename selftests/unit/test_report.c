// SPDX-License-Identifier: Apache-2.0
/* The pure parts of kntrl report: text, JSON and tables made from arrays. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "report.h"
#include "rule.h"
#include "suggest.h"

/* ---- Test Anything Protocol ---- */

static unsigned int tests, failures;

static void result(bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

static void diagnose(const char *word, const char *text)
{
	printf("# %s: ", word);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			fputs("#      ", stdout);
	}
	putchar('\n');
}

static void same(const char *got, const char *want, const char *what)
{
	bool ok = !strcmp(got, want);

	result(ok, what);
	if (!ok) {
		diagnose("got", got);
		diagnose("want", want);
	}
}

/* What a function writes; to be freed. */
struct output {
	char *text;
	size_t len;
	FILE *file;
};

static FILE *output_open(struct output *o)
{
	o->file = open_memstream(&o->text, &o->len);
	if (!o->file)
		abort();
	return o->file;
}

static void output_same(struct output *o, const char *want, const char *what)
{
	fclose(o->file);
	same(o->text, want, what);
	free(o->text);
}

/* ---- Rules ---- */

static const struct {
	struct rule_ref rule;
	const char *text;
} rules[] = {
	{ { .kind = RULE_NONE }, "none" },
	{ { .kind = RULE_DEFAULT }, "default" },
	{ { .kind = RULE_LOOPBACK }, "loopback" },
	{ { .kind = RULE_ALLOWED_IPS, .index = 3 }, "rules.network.allowed_ips[3]" },
	{ { .kind = RULE_ALLOWED_HOSTS, .index = 1 }, "rules.network.allowed_hosts[1]" },
	{ { .kind = RULE_LOCAL_RANGES }, "rules.network.allow_local_ranges" },
	{ { .kind = RULE_GITHUB_META }, "rules.network.allow_github_meta" },
	{ { .kind = RULE_METADATA }, "rules.network.allow_metadata" },
	{ { .kind = RULE_ALLOWED_PROCESSES }, "rules.network.allowed_processes" },
	{ { .kind = RULE_PROFILE }, "rules.network.profiles" },
	{ { .kind = RULE_PROFILE_HOSTS, .sub = 2, .index = 7 },
	  "rules.network.profiles[2].allowed_hosts[7]" },
	{ { .kind = RULE_PROFILE_CIDRS, .sub = 2 }, "rules.network.profiles[2].allowed_cidrs[0]" },
	{ { .kind = RULE_CHAIN, .index = 1 }, "rules.process.blocked_chains[1]" },
	{ { .kind = RULE_DNS_SERVERS }, "rules.dns.allowed_servers" },
	{ { .kind = RULE_EXEMPT }, "rules.exempt" },
	{ { .kind = RULE_RAW_SOCKETS }, "rules.network.raw_sockets" },
	{ { .kind = RULE_FAMILY }, "socket family" },
	{ { .kind = RULE_LINEAGE }, "lineage too long" },
	{ { .kind = RULE_UNDECIDED }, "undecided" },
	{ { .kind = RULE_DHCP }, "dhcp" },
	{ { .kind = RULE_REPLY }, "reply" },
	{ { .kind = RULE_BACKSTOP }, "backstop" },
	{ { .kind = RULE_PTRACE }, "rules.process.block_ptrace" },
	{ { .kind = RULE_BLOCKED_SOCKETS, .index = 4 }, "rules.network.blocked_sockets[4]" },
	{ { .kind = RULE_EXECUTABLES, .index = 2 }, "rules.process.blocked_executables[2]" },
	{ { .kind = RULE_SNI }, "rules.tls.enforce_sni" },
	{ { .kind = RULE_NO_SNI }, "rules.tls.enforce_sni (no name)" },
	{ { .kind = RULE_QUIC }, "rules.tls.block_quic" },
	{ { .kind = RULE_HTTP }, "rules.tls.allow_http" },
	{ { .kind = RULE_SELF_PROTECT }, "rules.self_protect" },
	{ { .kind = RULE_REGO, .index = 12 }, "rego, line 12" },
	{ { .kind = RULE_REGO_DENY, .index = 3 }, "rego ancestry_denied, line 3" },
	{ { .kind = RULE_BLOCKED_PATHS, .index = 1 }, "rules.file.blocked_paths[1]" },
	{ { .kind = RULE_PROTECTED_PATHS, .index = 2 }, "rules.file.protected_paths[2]" },
	{ { .kind = RULE_MONITORED_PATHS, .index = 3 }, "rules.file.monitored_paths[3]" },
};

_Static_assert(sizeof(rules) / sizeof(*rules) == RULE_KINDS, "every kind of rule is tested");

static void test_rules(void)
{
	static const char *const sources[] = { "base.yaml", "team.yaml" };
	struct rule_ref entry = { .kind = RULE_ALLOWED_IPS, .source = 1, .index = 4 };
	struct rule_ref flag = { .kind = RULE_METADATA, .source = 1 };
	struct rule_ref alien = { .kind = RULE_KINDS };
	char text[RULE_TEXT], want[RULE_TEXT], tiny[8];
	size_t i;

	for (i = 0; i < RULE_KINDS; i++) {
		rule_text(text, sizeof(text), &rules[i].rule, NULL, 0);
		same(text, rules[i].text, rules[i].text);
	}
	rule_text(text, sizeof(text), &entry, sources, 2);
	same(text, "team.yaml: rules.network.allowed_ips[4]", "an entry names its source");
	rule_text(text, sizeof(text), &entry, sources, 1);
	same(text, "rules.network.allowed_ips[4]", "a single source is not named");
	rule_text(text, sizeof(text), &flag, sources, 2);
	same(text, "rules.network.allow_metadata", "what is no entry has no source");
	entry.source = 9;
	rule_text(text, sizeof(text), &entry, sources, 2);
	same(text, "rules.network.allowed_ips[4]", "an unknown source is not named");
	rule_text(text, sizeof(text), &alien, NULL, 0);
	snprintf(want, sizeof(want), "rule of kind %d", RULE_KINDS);
	same(text, want, "a kind of a later version");
	rule_text(tiny, sizeof(tiny), &entry, NULL, 0);
	same(tiny, "rules.n", "a small buffer is not overrun");
}

/* ---- Addresses and protocols ---- */

static void set_addr(__u8 addr[16], const char *text)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, addr + 12) != 1 && inet_pton(AF_INET6, text, addr) != 1)
		abort();
}

static void test_addresses(void)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.1", "192.0.2.1" }, { "::ffff:192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" }, { "::1", "::1" }, { "::", "::" },
		{ "2001:DB8:0:0::1", "2001:db8::1" }, { "64:ff9b::c000:201", "64:ff9b::c000:201" },
	};
	char text[ADDRESS_TEXT];
	__u8 addr[16];
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		set_addr(addr, pairs[i][0]);
		address_text(text, addr);
		same(text, pairs[i][1], pairs[i][0]);
	}
	set_addr(addr, "198.51.0.0");
	prefix_text(text, addr);
	same(text, "198.51.0.0/16", "IPv4 prefix");
	set_addr(addr, "2001:db8::");
	prefix_text(text, addr);
	same(text, "2001:db8::/32", "IPv6 prefix");
}

static void test_sockets(void)
{
	struct flow_key key = { .type = EVENT_SOCKET, .proto = AF_INET, .port = SOCK_RAW };
	char text[ADDRESS_TEXT];

	target_text(text, &key);
	same(text, "raw socket AF_INET/SOCK_RAW", "raw socket");
	key.proto = AF_PACKET;
	key.port = SOCK_DGRAM;
	target_text(text, &key);
	same(text, "raw socket AF_PACKET/SOCK_DGRAM", "packet socket");
	key.proto = AF_VSOCK;
	key.port = SOCK_STREAM;
	target_text(text, &key);
	same(text, "socket AF_VSOCK/SOCK_STREAM", "socket of another family");
	key.proto = 255;
	key.port = 65535;
	target_text(text, &key);
	same(text, "socket AF_255/SOCK_65535", "unknown numbers");
}

static void test_protocols(void)
{
	static const struct { __u8 number; const char *name; } known[] = {
		{ 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmpv6" }, { 136, "udplite" },
		{ 89, "raw:89" }, { 255, "raw:255" }, { 0, "raw:0" },
	};
	static const char *const wrong[] = { "", "TCP", "raw:", "raw:256", "raw:-1", "raw:1x",
					     "raw:99999999999999999999", "sctp" };
	struct flow_key key = { .type = EVENT_NETWORK };
	char text[16];
	__u8 number;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		key.proto = known[i].number;
		proto_text(text, &key);
		same(text, known[i].name, known[i].name);
		result(proto_number(known[i].name, &number) && number == known[i].number,
		       "and back");
	}
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		result(!proto_number(wrong[i], &number), "not a protocol");
}

/* ---- JSON ---- */

static void json_same(const char *bytes, size_t len, const char *want, const char *what)
{
	struct output o;

	json_text(output_open(&o), bytes, len);
	output_same(&o, want, what);
}

static void test_json_text(void)
{
	json_same("", 0, "\"\"", "empty text");
	json_same("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"", "quotes and backslashes");
	json_same("\n\t\0\x1b[31m\x7f", 9, "\"\\u000a\\u0009\\u0000\\u001b[31m\\u007f\"",
		  "control characters");
	json_same("h\xc3\xa9 \xf0\x9f\x98\x80", 8, "\"h\xc3\xa9 \xf0\x9f\x98\x80\"", "UTF-8");
	json_same("\xc2\x9b", 2, "\"\\u009b\"", "C1 control character");
	json_same("a\xe2\x80\xae" "b", 5, "\"a\\u202eb\"", "what reorders text");
	json_same("\xff\xfe", 2, "\"\\ufffd\\ufffd\"", "bytes that are never UTF-8");
	json_same("a\xe2\x82", 3, "\"a\\ufffd\\ufffd\"", "character cut short");
	json_same("\xc0\xaf", 2, "\"\\ufffd\\ufffd\"", "overlong form");
	json_same("\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"", "surrogate");
	json_same("\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"", "beyond U+10FFFF");
}

/* ---- Reports ---- */

#define SECOND	1000000000ull

static struct named_image images[] = {
	{ 30, { "node", "/usr/bin/node" } },
	{ 10, { "curl", "/usr/bin/curl" } },
	{ 20, { "sh", "/usr/bin/dash" } },
	{ 40, { "e\x1b[2Jvil\xff", "/tmp/e\x1b[2Jvil\xff" } },
};

static void flow_set(struct flow *f, const char *addr, __u16 port, __u8 proto, __u8 verdict)
{
	memset(f, 0, sizeof(*f));
	set_addr(f->key.addr, addr);
	f->key.port = port;
	f->key.proto = proto;
	f->key.verdict = verdict;
	f->key.type = EVENT_NETWORK;
	f->count = 1;
}

static void flow_by(struct flow *f, __u32 pid, __u64 image, __u64 time)
{
	f->key.tgid = pid;
	f->image = image;
	f->first = time;
	f->last = time;
}

/* 2021-01-01T00:00:00Z at boot. */
#define BOOT	1609459200000000000ll

static void report_fill(struct report *r, struct flow *flows, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->flows = flows;
	r->nflows = n;
	r->images = images;
	r->nimages = sizeof(images) / sizeof(*images);
	r->clock = BOOT;
	r->modes[0] = SCOPE_TRACE;
	report_sort(r);
}

#define SAMPLES	6

static void samples(struct flow f[SAMPLES])
{
	flow_set(&f[0], "140.82.114.22", 443, IPPROTO_TCP, 0);
	flow_by(&f[0], 2806, 10, 1 * SECOND);
	flow_set(&f[1], "93.184.216.34", 443, IPPROTO_TCP, VERDICT_BLOCK | VERDICT_DENIED);
	flow_by(&f[1], 3201, 10, 3 * SECOND);
	f[1].count = 4;
	flow_set(&f[2], "2001:db8::1", 53, IPPROTO_UDP, VERDICT_BLOCK);
	flow_by(&f[2], 4194304, 30, 2 * SECOND);
	flow_set(&f[3], "192.0.2.1", 0, IPPROTO_ICMP, 0);
	flow_by(&f[3], 7, 99, 4 * SECOND);
	flow_set(&f[4], "::", SOCK_RAW, AF_INET, VERDICT_BLOCK | VERDICT_DENIED);
	f[4].key.type = EVENT_SOCKET;
	flow_by(&f[4], 8, 40, 5 * SECOND);
	flow_set(&f[5], "198.51.100.9", 443, IPPROTO_UDP, VERDICT_BLOCK | VERDICT_DENIED);
	f[5].key.type = EVENT_PACKET;
	flow_by(&f[5], 0, 0, 6 * SECOND);
}

#define HEAD(comm) \
	"Pid     | " comm " | Proto  | Domain                          | " \
	"Destination Addr            | Policy\n"
#define ROW(pid, comm, proto, to, policy) \
	"--------------------------------------------------------------------------------" \
	"-------------------------------\n" \
	pid " | " comm " | " proto " | -                               | " to " | " policy "\n"

static const char golden[] =
HEAD("Comm           ")
ROW("4194304", "node           ", "udp   ", "[2001:db8::1]:53           ", "block")
ROW("3201   ", "curl           ", "tcp   ", "93.184.216.34:443          ", "block (x4)")
ROW("8      ", "e\\x1b[2Jvil\\xff", "socket", "raw socket AF_INET/SOCK_RAW", "block")
ROW("-      ", "?              ", "udp   ", "198.51.100.9:443           ", "block")
ROW("2806   ", "curl           ", "tcp   ", "140.82.114.22:443          ", "pass")
ROW("7      ", "?              ", "icmp  ", "192.0.2.1                  ", "pass")
"--------------------------------------------------------------------------------"
"-------------------------------\n"
"6 flows, 4 blocked (3 denied, 1 would be), mode trace\n";

static void test_table(void)
{
	struct style plain = { 0 };
	struct flow f[SAMPLES];
	struct report r;
	struct output o;

	samples(f);
	report_fill(&r, f, SAMPLES);
	report_table(output_open(&o), &r, &plain);
	report_summary(o.file, &r);
	report_losses(o.file, &r, &plain);
	output_same(&o, golden, "table");
}

static const char seed_table[] =
"Pid  | Comm    | Proto | Domain                          | Destination Addr   | Policy\n"
"---------------------------------------------------------------------------------------\n"
"2806 | curl    | tcp   | -                               | 140.82.114.22:443  | pass\n"
"---------------------------------------------------------------------------------------\n"
"1 flow, none blocked, mode differs between scopes\n";

static void test_usual_widths(void)
{
	struct style plain = { 0 };
	struct flow f[SAMPLES];
	struct report r;
	struct output o;

	samples(f);
	report_fill(&r, f, 1);
	r.modes[3] = SCOPE_MONITOR;
	report_table(output_open(&o), &r, &plain);
	report_summary(o.file, &r);
	output_same(&o, seed_table, "usual widths");
}

static const char narrow[] =
"Pid  | Comm      | Proto  | Domain | Destination Addr     | Policy\n"
"----------------------------------------------------------------------\n"
"3201 | curl      | tcp    | -      | 93.184.216.34:443    | \033[31mblock (x4)\033[0m\n"
"----------------------------------------------------------------------\n"
"8    | e\\x1b[2J… | socket | -      | raw socket AF_INET/… | \033[31mblock\033[0m\n"
"----------------------------------------------------------------------\n";

static void test_narrow_terminal(void)
{
	struct style style = { .width = 70, .colour = true };
	struct flow f[SAMPLES], two[2];
	struct report r;
	struct output o;

	samples(f);
	two[0] = f[1];
	two[1] = f[4];
	report_fill(&r, two, 2);
	report_table(output_open(&o), &r, &style);
	output_same(&o, narrow, "narrow terminal, in colour");
}

static void test_empty(void)
{
	struct style style = { .width = 1 };
	struct report r;
	struct output o;

	memset(&r, 0, sizeof(r));
	report_sort(&r);
	report_table(output_open(&o), &r, &style);
	report_json(o.file, &r);
	report_losses(o.file, &r, &style);
	report_summary(o.file, &r);
	output_same(&o, "Pid | Comm | Proto | Domain | Destination Addr | Policy\n"
		    "-------------------------------------------------------\n"
		    "0 flows, none blocked, no policy in force\n", "empty report");
}

static const char json_lines[] =
"{\"ts\":\"2021-01-01T00:00:03.004Z\",\"pid\":3201,\"task_name\":\"curl\","
"\"exe\":\"/usr/bin/curl\",\"uid\":1000,\"proto\":\"tcp\",\"daddr\":\"93.184.216.34\","
"\"dport\":443,\"domains\":[],\"sni\":null,\"policy\":\"block\",\"mode\":\"trace\",\"denied\":true,"
"\"rule\":\"team.yaml: rules.process.blocked_chains[1]\","
"\"ancestors\":[\"sh\",\"node\",\"?\"],\"cgroup\":42,\"count\":4,"
"\"first\":\"2021-01-01T00:00:03.004Z\",\"last\":\"2021-01-01T00:01:00.000Z\"}\n"
"{\"ts\":\"2021-01-01T00:00:06.000Z\",\"pid\":null,\"task_name\":\"?\",\"exe\":null,"
"\"uid\":null,\"proto\":\"udp\",\"daddr\":\"198.51.100.9\",\"dport\":443,\"domains\":[],\"sni\":null,"
"\"policy\":\"block\",\"mode\":\"trace\",\"denied\":true,\"rule\":\"none\",\"ancestors\":[],"
"\"cgroup\":0,\"count\":1,\"first\":\"2021-01-01T00:00:06.000Z\","
"\"last\":\"2021-01-01T00:00:06.000Z\"}\n"
"{\"ts\":null,\"pid\":null,\"task_name\":\"curl\",\"exe\":\"/usr/bin/curl\",\"uid\":null,"
"\"proto\":null,\"daddr\":\"198.51.0.0/16\",\"dport\":null,\"domains\":[],\"sni\":null,\"policy\":\"block\","
"\"mode\":null,\"denied\":null,\"rule\":\"default\",\"ancestors\":[],\"cgroup\":null,"
"\"count\":70000,\"first\":null,\"last\":null}\n";

static void folded_set(struct folded_flow *f, const char *prefix, __u64 count)
{
	memset(f, 0, sizeof(*f));
	f->key.image = 10;
	f->key.rule.kind = RULE_DEFAULT;
	set_addr(f->key.addr, prefix);
	f->count = count;
}

static void test_json_report(void)
{
	struct folded_flow folded;
	struct flow f[SAMPLES], two[2];
	struct report r;
	struct output o;

	samples(f);
	two[0] = f[5];
	two[1] = f[1];
	two[1].first += 4567890;
	two[1].last = 60 * SECOND;
	two[1].uid = 1000;
	two[1].cgroup = 42;
	two[1].rule = (struct rule_ref){ .kind = RULE_CHAIN, .source = 1, .index = 1 };
	two[1].nline = 3;
	two[1].line[0] = 5;
	two[1].line[1] = 30;
	two[1].line[2] = 20;
	report_fill(&r, two, 2);
	r.sources[0] = "base.yaml";
	r.sources[1] = "team.yaml";
	r.nsources = 2;
	folded_set(&folded, "198.51.0.0", 70000);
	r.folded = &folded;
	r.nfolded = 1;
	report_json(output_open(&o), &r);
	output_same(&o, json_lines, "JSON of flows");
}

static void test_mode(void)
{
	static const char *const words[] = { "null", "\"monitor\"", "\"trace\"", "null" };
	char want[32];
	struct flow f[SAMPLES];
	struct output o;
	struct report r;
	size_t i;

	samples(f);
	report_fill(&r, f, 0);
	for (i = SCOPE_UNUSED; i <= SCOPE_UNKNOWN; i++) {
		r.modes[0] = i;
		json_flow(output_open(&o), &r, &f[0], 0);
		fclose(o.file);
		snprintf(want, sizeof(want), "\"mode\":%s,\"denied\":false", words[i]);
		result(strstr(o.text, want), want);
		free(o.text);
	}
	f[0].key.scope = SCOPES;
	json_flow(output_open(&o), &r, &f[0], 0);
	fclose(o.file);
	result(strstr(o.text, "\"mode\":null"), "a scope out of range");
	free(o.text);
}

static void test_ancestors(void)
{
	struct flow f = { .nline = IDENT_LINE + 2 };
	__u64 got[IDENT_LINE];
	size_t i, n;

	for (i = 0; i < f.nline; i++)
		f.line[i % IDENT_LINE] = i + 1;
	n = flow_ancestors(&f, got);
	result(n == IDENT_LINE && got[0] == IDENT_LINE + 2 && got[IDENT_LINE - 1] == 3,
	       "of a long line the nearest ancestors are kept");
	f.nline = 0;
	result(flow_ancestors(&f, got) == 0, "no ancestors");
}

static const char losses[] =
"warning: blocked attempts counted by prefix alone: 70001; the flow table is full\n"
"  Attempts | Comm             | Prefix               | Rule\n"
"     70000 | curl             | 198.51.0.0/16        | default\n"
"         1 | curl             | 2001:db8::/32        | default\n"
"warning: events lost: 1; nobody read the event stream in time; the flow table counts what they "
"told all the same\n"
"warning: allowed attempts not listed: 2; the flow table is full\n"
"warning: blocked attempts neither listed nor counted by prefix: 3; both tables are full\n"
"warning: programs shown as \"?\": 4; the table of their names is full\n"
"warning: attempts that could not be decided: 5; the policy's tables or the process's identity "
"were not to be had; trace mode denies these\n"
"warning: questions to name servers not listed: 6; their table is full; blocked ones are among the flows\n"
"warning: answers of name servers ignored: 7; they match no question that was asked: another id, name "
"or server; late, or forged\n"
"warning: times exec_done was skipped: 6; its CPU was in the middle of running it; what happened "
"then, it did not see\n";

/* ---- Questions to name servers ---- */

static void question_set(struct question_told *q, const char *name, const char *server, __u16 type,
			 __u8 verdict)
{
	struct dns_flow *f = &q->flow;

	memset(q, 0, sizeof(*q));
	f->key = (struct dns_key){ .exec = 7, .tgid = 2806, .type = type, .verdict = verdict };
	set_addr(f->key.server, server);
	f->rule.kind = RULE_DNS_SERVERS;
	f->image = 10;
	f->first = f->last = SECOND;
	f->count = 1;
	strcpy(f->name, name);
	q->key = f->key;
}

static const char questions_table[] =
"\n"
"Domain                          | DNS Server\n"
"-----------------------------------------------------\n"
"?                               | 192.0.2.53 (block)\n"
"evil.test                       | 192.0.2.53 (block)\n"
"github.com                      | 192.0.2.53\n"
"github.com                      | 192.0.2.54\n"
"\n";

static const char question_json[] =
"{\"ts\":\"2021-01-01T00:00:01.000Z\",\"pid\":2806,\"task_name\":\"curl\",\"exe\":\"/usr/bin/curl\","
"\"uid\":0,\"proto\":\"dns\",\"domain\":\"github.com\",\"type\":\"AAAA\",\"server\":\"192.0.2.54\","
"\"answers\":[\"2001:db8::1\"],\"rcode\":0,\"policy\":\"pass\",\"mode\":\"trace\",\"denied\":false,"
"\"rule\":\"rules.dns.allowed_servers\",\"cgroup\":0,\"count\":1,"
"\"first\":\"2021-01-01T00:00:01.000Z\",\"last\":\"2021-01-01T00:00:01.000Z\"}\n";

static void test_questions(void)
{
	struct question_told q[5];
	struct style plain = { 0 };
	struct report r;
	struct output o;
	char text[DNS_TYPE_TEXT];

	question_set(&q[0], "github.com", "192.0.2.54", 28, 0);
	q[0].flow.naddresses = 1;
	q[0].flow.answered = 1;
	set_addr(q[0].flow.addresses[0], "2001:db8::1");
	question_set(&q[1], "evil.test", "192.0.2.53", 16, VERDICT_BLOCK | VERDICT_DENIED);
	question_set(&q[2], "github.com", "192.0.2.53", 1, 0);
	question_set(&q[3], "github.com", "192.0.2.53", 28, 0);
	question_set(&q[4], "", "192.0.2.53", 0, VERDICT_BLOCK);
	report_fill(&r, NULL, 0);
	r.questions = q;
	r.nquestions = 5;
	report_dns_table(output_open(&o), &r, &plain);
	output_same(&o, questions_table, "each name and server once");
	r.nquestions = 1;
	report_json(output_open(&o), &r);
	output_same(&o, question_json, "a question as JSON");
	r.nquestions = 0;
	report_dns_table(output_open(&o), &r, &plain);
	output_same(&o, "", "no table without questions");
	same(dns_type_text(text, 64000), "TYPE64000", "a type without a name");
}

static void test_losses(void)
{
	struct skipped skipped = { "exec_done", 6 };
	struct folded_flow folded[2];
	struct style plain = { 0 };
	struct report r;
	struct output o;
	size_t i;

	report_fill(&r, NULL, 0);
	folded_set(&folded[0], "2001:db8::", 1);
	folded_set(&folded[1], "198.51.0.0", 70000);
	r.folded = folded;
	r.nfolded = 2;
	r.skipped = &skipped;
	r.nskipped = 1;
	for (i = 0; i < COUNTERS; i++)
		r.counters[i] = i + 1;
	report_sort(&r);
	report_losses(output_open(&o), &r, &plain);
	output_same(&o, losses, "losses");
}

/* ---- Suggestions ---- */

static void test_suggestions(void)
{
	static const char *const words[] = { "report", "eval", "help", NULL };
	static const char *const pairs[][2] = {
		{ "reprot", "report" }, { "rep", "report" }, { "evla", "eval" }, { "help", "help" },
		{ "xyzzy", NULL }, { "", NULL },
		{ "a-word-that-is-very-much-longer-than-any-command", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *got = suggest(pairs[i][0], words);

		result(got == pairs[i][1] || (got && pairs[i][1] && !strcmp(got, pairs[i][1])),
		       pairs[i][0]);
	}
}

/* ---- For test_formats.sh: a report full of mark-up, in the format that is asked for ---- */

static const char *const evil[] = {
	"a|b\n| c | `d`", "</td></table><script>alert(1)</script>", "\"', \\\"", "[x](http://e.example/)",
	"\x1b]0;t\x07\x9b", "\xff\xfe\xc0\x80", "&lt;img src=x onerror=alert(1)>", "www.evil.example @you #1",
	"\xe2\x80\xae" "gnp.exe", "</details> ## head\r\n* * *",
};

#define EVIL	(sizeof(evil) / sizeof(*evil))

static int print_evil(const char *name)
{
	struct named_image programs[EVIL] = { 0 };
	struct flow flows[2 * EVIL];
	enum format format;
	struct report r;
	size_t i;

	for (i = 0; i < 2 * EVIL; i++) {
		flow_set(&flows[i], "2001:db8::1", 443, IPPROTO_TCP, i % 2 ? VERDICT_BLOCK : 0);
		flow_by(&flows[i], 100 + i / 2, i / 2 + 1, i * SECOND);
		flows[i].rule = (struct rule_ref){ .kind = RULE_ALLOWED_IPS };
		flows[i].line[0] = (i / 2 + 1) % EVIL + 1;
		flows[i].nline = 1;
	}
	for (i = 0; i < EVIL; i++) {
		programs[i].hash = i + 1;
		strncpy(programs[i].image.name, evil[i], NAME_LEN - 1);
		strncpy(programs[i].image.path, evil[i], PATH_LEN - 1);
	}
	report_fill(&r, flows, 2 * EVIL);
	r.images = programs;
	r.nimages = EVIL;
	r.sources[0] = evil[1];
	r.sources[1] = evil[0];
	r.nsources = 2;
	r.counters[COUNT_EVENTS_LOST] = 7;
	if (!strcmp(name, "suggest") || !strcmp(name, "profiles")) {
		report_suggest(stdout, &r, *name == 'p');
		return EXIT_SUCCESS;
	}
	if (format_parse(&format, "test", name))
		return EXIT_FAILURE;
	report_print(stdout, &r, format);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return print_evil(argv[1]);
	test_rules();
	test_addresses();
	test_sockets();
	test_protocols();
	test_json_text();
	test_table();
	test_usual_widths();
	test_narrow_terminal();
	test_empty();
	test_json_report();
	test_mode();
	test_ancestors();
	test_losses();
	test_questions();
	test_suggestions();
	printf("1..%u\n", tests);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
